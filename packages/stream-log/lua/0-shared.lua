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

-- Epoch and head of a stream; the stream begins a new life, at 0, if Redis does not know it.
local function openStream(prefix, producer, newEpoch)
  local key = prefix .. 'stream:' .. producer
  local known = redis.call('HMGET', key, 'epoch', 'head')
  if known[1] then return known[1], tonumber(known[2]) end
  redis.call('DEL', prefix .. 'retained:' .. producer)
  redis.call('HSET', key, 'epoch', newEpoch, 'head', '0', 'persisted', '0', 'retained_from', '1', 'bytes', '0')
  redis.call('SADD', prefix .. 'streams', producer)
  return newEpoch, 0
end

-- Forgets the oldest retained batches of a stream while it holds more than its bounds allow, as far as they are in
-- PostgreSQL (or need not be). While the shard as a whole holds too much, each stream may keep an equal share, so that a
-- busy stream pushes out its own past and not a quiet one's. An entry's id is the last seq in it; its fields are when it
-- was retained and its bytes.
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
    if not tooMany and bytes - freed <= mostBytes and tonumber(oldest[2][1]) >= oldestAllowed then break end
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
