-- Shared by the functions below. All keys of one call lie in one shard, so in one slot of a Redis Cluster. Where a
-- function learns the producers only from what it reads, it makes their keys from the shard's prefix ("motience:{s3}:").

-- A whole number as text; Lua would write large ones as 1e+15.
local function int(number)
  return string.format('%.0f', number)
end

local function nowMs()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Names this life of Redis. It changes with a restart, a failover or a restored backup, and after any of these the
-- numbering may have gone back.
local runId
local function life()
  -- That of a process never changes, and asking for it is dear.
  runId = runId or string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  return runId .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end

-- Former epochs that a stream remembers; older ones are forgotten once all their readings are in PostgreSQL.
local maxFormerEpochs = 64

-- A stream, which begins at 0 if Redis does not know it, and begins a new epoch in a new life of Redis.
-- Its readings have an offset, 1, 2, 3 ... over all its epochs, in which the retained window and what is persisted are
-- counted; a seq is the offset less the base of its epoch. `epochs` has what Redis still knows of them, oldest first.
local function openStream(prefix, producer, newEpoch, thisLife)
  local key = prefix .. 'stream:' .. producer
  local known = redis.call('HMGET', key, 'epoch', 'life', 'base', 'head', 'persisted', 'retained_from', 'former')
  if not known[2] then
    redis.call('DEL', prefix .. 'retained:' .. producer)
    redis.call('HSET', key, 'epoch', newEpoch, 'life', thisLife, 'base', '0', 'head', '0', 'persisted', '0',
      'retained_from', '1', 'bytes', '0')
    redis.call('SADD', prefix .. 'streams', producer)
    known = { newEpoch, thisLife, '0', '0', '0', '1', false }
  end
  local epochs = {}
  for epoch, base, last in string.gmatch(known[7] or '', '([^:]+):(%d+):(%d+),') do
    epochs[#epochs + 1] = { epoch = epoch, base = tonumber(base), last = tonumber(last) }
  end
  local head = tonumber(known[4])
  epochs[#epochs + 1] = { epoch = known[1], base = tonumber(known[3]), last = head }
  if known[2] ~= thisLife then
    local former, oldest = {}, math.max(1, #epochs - maxFormerEpochs + 1)
    while oldest > 1 and epochs[oldest - 1].last > tonumber(known[5]) do oldest = oldest - 1 end
    for at = oldest, #epochs do
      former[#former + 1] = epochs[at].epoch .. ':' .. int(epochs[at].base) .. ':' .. int(epochs[at].last) .. ','
    end
    redis.call('HSET', key, 'epoch', newEpoch, 'life', thisLife, 'base', int(head), 'former', table.concat(former))
    epochs[#epochs + 1] = { epoch = newEpoch, base = head, last = head }
  end
  return {
    key = key,
    epochs = epochs,
    current = epochs[#epochs],
    head = head,
    persisted = tonumber(known[5]),
    retainedFrom = tonumber(known[6]),
  }
end

-- Where an epoch stands in the list of a stream; nil if Redis does not know it.
local function findEpoch(stream, epoch)
  for at = #stream.epochs, 1, -1 do
    if stream.epochs[at].epoch == epoch then return at end
  end
end

-- Forgets the oldest retained batches of a stream while it holds more than its bounds allow, as far as they are in
-- PostgreSQL (or need not be). While the shard as a whole holds too much, each stream may keep an equal share, so that a
-- busy stream pushes out its own past and not a quiet one's. The id of an entry is the last offset in it; its field says
-- when it was retained, in ms, and its epoch, first seq and count; its value is the batch.
local function trimStream(prefix, producer, bounds)
  local key, retained, shard = prefix .. 'stream:' .. producer, prefix .. 'retained:' .. producer, prefix .. 'shard'
  local state = redis.call('HMGET', key, 'head', 'persisted', 'bytes')
  local head, persisted, bytes = tonumber(state[1]), tonumber(state[2]), tonumber(state[3])
  if not head then return end
  local mostBytes = bounds.bytes
  if tonumber(redis.call('HGET', shard, 'retained_bytes') or '0') > bounds.shardBytes then
    mostBytes = math.min(mostBytes, bounds.shardBytes / redis.call('SCARD', prefix .. 'streams'))
  end
  local oldestAllowed = nowMs() - bounds.ageMs
  local freed, retainedFrom = 0, nil
  for _ = 1, 1000 do
    local oldest = redis.call('XRANGE', retained, '-', '+', 'COUNT', 1)[1]
    if not oldest then break end
    local last = tonumber(string.match(oldest[1], '^(%d+)'))
    if bounds.persist and last > persisted then break end
    local tooMany = head - last >= bounds.readings
    local retainedAt = tonumber(string.match(oldest[2][1], '^%d+'))
    if not tooMany and bytes - freed <= mostBytes and retainedAt >= oldestAllowed then break end
    redis.call('XDEL', retained, oldest[1])
    freed = freed + #oldest[2][2]
    retainedFrom = last + 1
  end
  if retainedFrom then
    redis.call('HSET', key, 'bytes', int(bytes - freed), 'retained_from', int(retainedFrom))
    redis.call('HINCRBY', shard, 'retained_bytes', int(-freed))
  end
end

-- The bounds of a retained window: readings, bytes, age in ms, bytes of all windows of the shard, and whether unpersisted
-- readings must stay ("1").
local function boundsFrom(args, at)
  return {
    readings = tonumber(args[at]),
    bytes = tonumber(args[at + 1]),
    ageMs = tonumber(args[at + 2]),
    shardBytes = tonumber(args[at + 3]),
    persist = args[at + 4] == '1',
  }
end
