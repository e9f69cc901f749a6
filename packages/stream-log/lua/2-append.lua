-- Whether Redis has memory left for readings. Some is kept for everything else, such as rights; asking for it is dear, so
-- it is asked for once for so many bytes, and each time while there is none left.
local usableMemory = 0.75
local bytesBetweenLooks = 1024 * 1024
local bytesSinceLook, isTight = bytesBetweenLooks, false
local function hasMemory()
  if isTight or bytesSinceLook >= bytesBetweenLooks then
    local info = redis.call('INFO', 'memory')
    local most = tonumber(string.match(info, 'maxmemory:(%d+)'))
    isTight = most > 0 and tonumber(string.match(info, 'used_memory:(%d+)')) > most * usableMemory
    bytesSinceLook = 0
  end
  return not isTight
end

-- The bounds that a stream manager noted, from their text.
local function noted(text)
  local args = {}
  for arg in string.gmatch(text, '%S+') do args[#args + 1] = arg end
  return boundsFrom(args, 1)
end

-- Stores one flush of a producer gateway, whole or not at all: in the ingest log, or, if nothing waits there before it and
-- a stream manager has said within which bounds, applied at once.
-- KEYS: ingest log, shard, last flush of this gateway, wake channel.
-- ARGV: prefix, flush number, bound of the shard's backlog in bytes, then per segment: producer, readings, bytes of their
--       bodies, batch, number of devices, and per device: device_id, its first and its last sequence in the batch.
-- Replies 'ok' (also when this flush was stored before), 'full', or 'stale' with device index and last sequence that is
-- stored, or earlier in the flush, in turn: nothing is stored then, and the gateway takes the repeats out and tries again
-- under the same number.
local function append(KEYS, ARGV)
  local ingest, shard, flush, wake = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
  local number = tonumber(ARGV[2])
  if number <= tonumber(redis.call('GET', flush) or '0') then return { 'ok' } end

  local counters = redis.call('HMGET', shard, 'ingest_bytes', 'unpersisted_bytes', 'bounds')
  local backlog = tonumber(counters[1] or '0') + tonumber(counters[2] or '0')
  if backlog > tonumber(ARGV[3]) or not hasMemory() then return { 'full' } end

  -- `last` also knows what comes earlier in this flush: two connections may send the same device's readings at once.
  local batches, stale, updates, last = {}, { 'stale' }, {}, {}
  local bytes, device, at = 0, 0, 4
  while at <= #ARGV do
    local producer, batch, devices = ARGV[at], ARGV[at + 3], ARGV[at + 4]
    batches[#batches + 1] = { producer = producer, count = ARGV[at + 1], bodyBytes = ARGV[at + 2], batch = batch }
    bytes = bytes + #batch
    at = at + 5
    local key = ARGV[1] .. 'sequences:' .. producer
    local lastOf = last[key] or {}
    last[key] = lastOf
    for _ = 1, devices do
      local id, from, to = ARGV[at], ARGV[at + 1], ARGV[at + 2]
      local stored = lastOf[id] or redis.call('HGET', key, id)
      if stored and tonumber(from) <= tonumber(stored) then
        stale[#stale + 1] = int(device)
        stale[#stale + 1] = stored
      end
      lastOf[id] = stored and tonumber(stored) > tonumber(to) and stored or to
      updates[#updates + 1] = { key, id, to }
      device = device + 1
      at = at + 3
    end
  end
  if #stale > 1 then return stale end

  if counters[3] and redis.call('XLEN', ingest) == 0 then
    applyFlush(beginApplying(ARGV[1], noted(counters[3])), batches, bytes)
  else
    redis.call('XADD', ingest, '*', unpack(entryOf(batches)))
    redis.call('HINCRBY', shard, 'ingest_bytes', int(bytes))
    redis.call('SPUBLISH', wake, '')
  end
  for _, update in ipairs(updates) do redis.call('HSET', update[1], update[2], update[3]) end
  bytesSinceLook = bytesSinceLook + bytes
  redis.call('SET', flush, ARGV[2], 'EX', 604800)
  return { 'ok' }
end
