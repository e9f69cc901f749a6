-- Takes the oldest entries of a shard's ingest log and, for each batch in them: numbers it, retains it, publishes it.
-- The entries leave the log in the same step, so whoever calls, and however often, each is applied exactly once.
-- KEYS: ingest log, shard, unpersisted. ARGV: prefix, batches and bytes after which it ends, bounds (5), and "1" if flushes
--       may from now on be applied as they are stored.
-- Replies with how many entries, readings and bytes were applied, and whether it ended at one of its bounds ("1" or "0").
local rateWindowMs = 10000

-- What counts readings in the window of now, as fields of a stream and their values.
local function rateFields(stream, now, readings)
  local window = math.floor(now / rateWindowMs)
  if stream.window == window then return 'window_count', int(stream.windowCount + readings) end
  local last = stream.window == window - 1 and int(stream.windowCount) or '0'
  return 'window', int(window), 'window_count', int(readings), 'last_window_count', last
end

-- Bytes of the bodies of a batch (see batch.ts), for entries that do not say so: of a gateway of a version before.
local function countBodyBytes(batch)
  local at, total = 1, 0
  while at <= #batch do
    at = at + 1 + string.byte(batch, at)
    local first, second, third, fourth = string.byte(batch, at, at + 3)
    local length = ((first * 256 + second) * 256 + third) * 256 + fourth
    total = total + length
    at = at + 4 + length
  end
  return total
end

local function applyBatch(call, producer, count, bodyBytes, batch)
  local prefix, now, bounds = call.prefix, call.now, call.bounds
  local stream = openStream(prefix, producer, call.life)
  local key, current = stream.key, stream.current
  local head, bytes = stream.head + tonumber(count), stream.bytes + #batch
  local last = int(head)
  local first = int(stream.head - current.base + 1)
  local through = int(stream.bodyBytes + (tonumber(bodyBytes) or countBodyBytes(batch)))
  local numbered = table.concat({ current.epoch, first, count, int(stream.bodyBytes), through }, ':')
  redis.call('XADD', prefix .. 'retained:' .. producer, last .. '-0', int(now) .. ':' .. numbered, batch)
  -- Each call from here costs about as much as a reading; with one reading in a batch they are what applying costs.
  redis.call('HSET', key, 'head', last, 'body_bytes', through, 'bytes', int(bytes),
    rateFields(stream, now, tonumber(count)))
  if stream.bytes == 0 then redis.call('SADD', prefix .. 'streams', producer) end
  redis.call('SPUBLISH', prefix .. 'live:' .. producer, numbered .. '\n' .. batch)
  if bounds.persist then redis.call('SADD', call.unpersisted, producer) else redis.call('HSET', key, 'persisted', last) end
  stream.head, stream.bytes = head, bytes
  if isOverBounds(stream, bounds, call.retainedBytes) then
    -- Not all at once when a bound was lowered, but always more than came in.
    trimStream(prefix, producer, bounds, 2 + math.floor(#batch / 64))
  end
end

-- What applying needs to know of a shard and of now. `bounds` are those of the retained windows.
local function beginApplying(prefix, bounds)
  return {
    prefix = prefix,
    shard = prefix .. 'shard',
    unpersisted = prefix .. 'unpersisted',
    life = life(),
    now = nowMs(),
    bounds = bounds,
  }
end

-- Applies the batches of one flush, given as the fields of an entry: producer, count and bytes of bodies, and the batch,
-- in turn. Returns how many readings and bytes they have.
local function applyFlush(call, fields)
  local readings, bytes = 0, 0
  for field = 2, #fields, 2 do bytes = bytes + #fields[field] end
  call.retainedBytes = redis.call('HINCRBY', call.shard, 'retained_bytes', int(bytes))
  if call.bounds.persist then redis.call('HINCRBY', call.shard, 'unpersisted_bytes', int(bytes)) end
  for field = 1, #fields, 2 do
    local producer, count, bodyBytes = string.match(fields[field], '^(%d+):(%d+):?(%d*)$')
    readings = readings + tonumber(count)
    applyBatch(call, producer, count, bodyBytes, fields[field + 1])
  end
  return readings, bytes
end

-- Has flushes of the shard applied by the call that stores them, within these bounds (see append).
local function noteBounds(shard, bounds)
  if redis.call('HGET', shard, 'bounds') ~= bounds then redis.call('HSET', shard, 'bounds', bounds) end
end

local function applied(shard, entries, readings, bytes, endedEarly)
  return { entries, readings, bytes, endedEarly, tonumber(redis.call('HGET', shard, 'unpersisted_bytes') or '0') }
end

local function apply(KEYS, ARGV)
  local ingest, shard = KEYS[1], KEYS[2]
  local call = beginApplying(ARGV[1], boundsFrom(ARGV, 4))
  if ARGV[9] == '1' then noteBounds(shard, table.concat(ARGV, ' ', 4, 8)) end
  local entries, batches, readings, bytes = 0, 0, 0, 0
  while batches < tonumber(ARGV[2]) and bytes < tonumber(ARGV[3]) do
    local entry = redis.call('XRANGE', ingest, '-', '+', 'COUNT', 1)[1]
    if not entry then return applied(shard, entries, readings, bytes, '0') end
    local entryReadings, entryBytes = applyFlush(call, entry[2])
    redis.call('XDEL', ingest, entry[1])
    redis.call('HINCRBY', shard, 'ingest_bytes', int(-entryBytes))
    entries, batches = entries + 1, batches + #entry[2] / 2
    readings, bytes = readings + entryReadings, bytes + entryBytes
  end
  return applied(shard, entries, readings, bytes, '1')
end
