-- Shared by the functions below. All keys of one call lie in one shard, so in one slot of a Redis Cluster. Where a
-- function learns the producers only from what it reads, it makes their keys from the shard's prefix ("motience:{s3}:").

-- A whole number below 2^63 as text; Lua would write large ones as 1e+15, and "%.0f" takes several times as long.
local function int(number)
  return string.format('%d', number)
end

local function nowUs()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function nowMs()
  return math.floor(nowUs() / 1000)
end

-- Names this life of Redis. It changes with a restart, a failover or a restored backup, and after any of these the
-- numbering may have gone back.
local runId
local function life()
  -- That of a process never changes, and asking for it is dear.
  runId = runId or string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  return runId .. string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)')
end

-- A whole number with the digits 0 to z.
local function base36(number)
  local text = ''
  repeat
    local digit = number % 36
    text = string.char(digit < 10 and 48 + digit or 87 + digit) .. text
    number = (number - digit) / 36
  until number == 0
  return text
end

-- The name of an epoch that begins now, by the clock of Redis: the ms, which sort by time as text until 2059, and what no
-- other epoch of the stream has: the µs within it, and the life of Redis. One that follows another is later by name,
-- even if the clock went back.
local function newEpoch(thisLife, after)
  local now = nowUs()
  local ms = math.floor(now / 1000)
  local last = after and tonumber(string.match(after, '^%w+'), 36)
  return base36(last and math.max(ms, last + 1) or ms) .. '-' .. int(now % 1000) .. string.sub(thisLife, 1, 8)
end

-- Former epochs that a stream remembers; older ones are forgotten once all their readings are in PostgreSQL.
local maxFormerEpochs = 64

-- The epochs of a stream that Redis still knows of, oldest first; the last one is the current. `former` is how they are kept.
local function epochsOf(stream)
  local epochs = {}
  for epoch, base, last in string.gmatch(stream.former, '([^:]+):(%d+):(%d+),') do
    epochs[#epochs + 1] = { epoch = epoch, base = tonumber(base), last = tonumber(last) }
  end
  epochs[#epochs + 1] = { epoch = stream.epoch, base = stream.base, last = stream.head }
  return epochs
end

-- Where an epoch stands among those of a stream; nil if Redis does not know it.
local function findEpoch(epochs, epoch)
  for at = #epochs, 1, -1 do
    if epochs[at].epoch == epoch then return at end
  end
end

-- Begins a stream's next epoch at its head.
local function beginEpoch(stream, thisLife)
  local epochs, former = epochsOf(stream), {}
  local oldest = math.max(1, #epochs - maxFormerEpochs + 1)
  while oldest > 1 and epochs[oldest - 1].last > stream.persisted do oldest = oldest - 1 end
  for at = oldest, #epochs do
    former[#former + 1] = epochs[at].epoch .. ':' .. int(epochs[at].base) .. ':' .. int(epochs[at].last) .. ','
  end
  stream.epoch, stream.base = newEpoch(thisLife, stream.epoch), stream.head
  stream.former, stream.bodyBytes = table.concat(former), 0
  redis.call('HSET', stream.key, 'epoch', stream.epoch, 'life', thisLife, 'base', int(stream.base), 'former',
    stream.former, 'body_bytes', '0')
end

-- A stream, which begins at 0 if Redis does not know it, and begins a new epoch in a new life of Redis.
-- Its readings have an offset, 1, 2, 3 ... over all its epochs, in which the retained window and what is persisted are
-- counted; a seq is the offset less the base of its epoch. `bytes` are those of the retained window; `bodyBytes` is the
-- running total of the current epoch; `window`, a text, is for the rate.
local function openStream(prefix, producer, thisLife)
  local key = prefix .. 'stream:' .. producer
  local known = redis.call('HMGET', key, 'epoch', 'life', 'base', 'head', 'persisted', 'retained_from', 'former',
    'body_bytes', 'bytes', 'rate_window')
  if not known[2] then
    local epoch = newEpoch(thisLife)
    redis.call('UNLINK', prefix .. 'retained:' .. producer)
    redis.call('HSET', key, 'epoch', epoch, 'life', thisLife, 'base', '0', 'head', '0', 'persisted', '0',
      'retained_from', '1', 'bytes', '0', 'body_bytes', '0')
    known = { epoch, thisLife, '0', '0', '0', '1', false, '0', '0', false }
  end
  local stream = {
    key = key,
    epoch = known[1],
    base = tonumber(known[3]),
    head = tonumber(known[4]),
    persisted = tonumber(known[5]),
    retainedFrom = tonumber(known[6]),
    former = known[7] or '',
    bodyBytes = tonumber(known[8] or '0'),
    bytes = tonumber(known[9] or '0'),
    window = known[10],
  }
  -- One without a total is of a version that kept none.
  if known[2] ~= thisLife or not known[8] then beginEpoch(stream, thisLife) end
  return stream
end

-- Whether there is something to trim, apart from what has only grown too old: that is looked at from time to time.
local function isOverBounds(stream, bounds, shardBytes)
  return stream.head - stream.retainedFrom + 1 > bounds.readings or stream.bytes > bounds.bytes
    or shardBytes > bounds.shardBytes
end

-- Most entries that are read and deleted at once; each has up to a whole flush.
local mostTrimmedAtOnce = 32

-- Forgets the oldest retained batches of a stream while it holds more than its bounds allow, as far as they are in
-- PostgreSQL (or need not be), and at most `room` of them. While the shard as a whole holds too much, each stream that
-- holds anything may keep an equal share, so that a busy stream pushes out its own past and not a quiet one's. The id of
-- an entry is the last offset in it; its field says when it was retained, in ms, and its epoch, first seq and count; its
-- value is the batch. Returns how much of `room` is left; if nothing, there may be more to forget.
local function trimStream(prefix, producer, bounds, room)
  local key, retained, shard = prefix .. 'stream:' .. producer, prefix .. 'retained:' .. producer, prefix .. 'shard'
  local state = redis.call('HMGET', key, 'head', 'persisted', 'bytes')
  local head, persisted, bytes = tonumber(state[1]), tonumber(state[2]), tonumber(state[3])
  if not head then
    redis.call('SREM', prefix .. 'streams', producer)
    return room
  end
  local mostBytes = bounds.bytes
  if tonumber(redis.call('HGET', shard, 'retained_bytes') or '0') > bounds.shardBytes then
    mostBytes = math.min(mostBytes, bounds.shardBytes / math.max(1, redis.call('SCARD', prefix .. 'streams')))
  end
  local oldestAllowed = nowMs() - bounds.ageMs
  local function mayStay(entry, last, left)
    if bounds.persist and last > persisted then return true end
    local retainedAt = tonumber(string.match(entry[2][1], '^%d+'))
    return head - last < bounds.readings and left <= mostBytes and retainedAt >= oldestAllowed
  end
  local left, retainedFrom, done, atOnce = bytes, nil, false, 1
  while not done and room > 0 do
    local oldest = redis.call('XRANGE', retained, '-', '+', 'COUNT', math.min(atOnce, room))
    local ids = {}
    done = #oldest == 0
    for _, entry in ipairs(oldest) do
      local last = tonumber(string.match(entry[1], '^(%d+)'))
      done = mayStay(entry, last, left)
      if done then break end
      ids[#ids + 1] = entry[1]
      left = left - #entry[2][2]
      retainedFrom = last + 1
    end
    if #ids > 0 then redis.call('XDEL', retained, unpack(ids)) end
    room = room - #ids
    atOnce = math.min(2 * atOnce, mostTrimmedAtOnce)
  end
  if retainedFrom then
    redis.call('HSET', key, 'bytes', int(left), 'retained_from', int(retainedFrom))
    redis.call('HINCRBY', shard, 'retained_bytes', int(left - bytes))
  end
  if left <= 0 then redis.call('SREM', prefix .. 'streams', producer) end
  return room
end

-- Trims streams, and at most so many batches of all of them that Redis is not kept busy for long. Returns the streams that
-- it has to be called for again.
local mostTrimmedPerCall = 2000
local function trimStreams(prefix, producers, bounds)
  local room, rest = mostTrimmedPerCall, {}
  for _, producer in ipairs(producers) do
    if room > 0 then room = trimStream(prefix, producer, bounds, room) end
    if room == 0 then rest[#rest + 1] = producer end
  end
  return rest
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
