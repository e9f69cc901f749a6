-- Takes the oldest entries of a shard's ingest log and, for each batch in them: numbers it, retains it, publishes it.
-- The entries leave the log in the same step, so whoever calls, and however often, each is applied exactly once.
-- KEYS: ingest log, shard, unpersisted. ARGV: prefix, most entries, epoch for streams that begin, bounds (4).
-- Replies with how many entries and readings were applied.
local rateWindowMs = 10000

local function countRate(key, now, readings)
  local window = math.floor(now / rateWindowMs)
  local rate = redis.call('HMGET', key, 'window', 'window_count')
  if tonumber(rate[1]) == window then
    redis.call('HINCRBY', key, 'window_count', int(readings))
  else
    local last = tonumber(rate[1]) == window - 1 and rate[2] or '0'
    redis.call('HSET', key, 'window', int(window), 'window_count', int(readings), 'last_window_count', last)
  end
end

local function apply(KEYS, ARGV)
  local ingest, shard, unpersisted, prefix = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
  local bounds = boundsFrom(ARGV, 4)
  local entries = redis.call('XRANGE', ingest, '-', '+', 'COUNT', ARGV[2])
  local now, readings, bytes, ids = nowMs(), 0, 0, {}
  for _, entry in ipairs(entries) do
    ids[#ids + 1] = entry[1]
    for field = 1, #entry[2], 2 do
      local producer, count = string.match(entry[2][field], '^(%d+):(%d+)$')
      local batch = entry[2][field + 1]
      local epoch, head = openStream(prefix, producer, ARGV[3])
      local key, first, last = prefix .. 'stream:' .. producer, head + 1, head + tonumber(count)
      redis.call('XADD', prefix .. 'retained:' .. producer, int(last) .. '-0', int(now), batch)
      redis.call('HSET', key, 'head', int(last))
      redis.call('HINCRBY', key, 'bytes', int(#batch))
      countRate(key, now, tonumber(count))
      redis.call('PUBLISH', prefix .. 'live:' .. producer, epoch .. ':' .. int(first) .. ':' .. count .. '\n' .. batch)
      if bounds.persist then redis.call('SADD', unpersisted, producer) end
      trimStream(prefix, producer, bounds)
      readings = readings + tonumber(count)
      bytes = bytes + #batch
    end
  end
  if #ids > 0 then
    redis.call('XDEL', ingest, unpack(ids))
    redis.call('HINCRBY', shard, 'ingest_bytes', int(-bytes))
    if bounds.persist then redis.call('HINCRBY', shard, 'unpersisted_bytes', int(bytes)) end
  end
  return { #ids, readings }
end
