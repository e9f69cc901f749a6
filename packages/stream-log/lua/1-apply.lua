-- Takes the oldest entries of a shard's ingest log and, for each batch in them: numbers it, retains it, publishes it.
-- The entries leave the log in the same step, so whoever calls, and however often, each is applied exactly once.
-- KEYS: ingest log, shard, unpersisted. ARGV: prefix, batches and bytes after which it ends, bounds (5), and "1" if flushes
--       may from now on be applied as they are stored.
-- Replies with how many entries, readings and bytes were applied, and whether it ended at one of its bounds ("1" or "0").
local rateWindowMs = 10000

-- Notes where a stream stands as a window begins: what comes in it, and in the next, is counted from there.
local function beginWindow(stream, window)
  local isNext = stream.window and tonumber(stream.window) == tonumber(window) - 1
  local from = isNext and redis.call('HGET', stream.key, 'rate_from')
  local last = from and stream.head - tonumber(from) or 0
  redis.call('HSET', stream.key, 'rate_window', window, 'rate_from', int(stream.head), 'rate_last', int(last))
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

-- Each call of Redis costs as much as a reading or two; with one reading in a batch they are what applying costs.
local function applyBatch(call, of)
  local prefix, bounds = call.prefix, call.bounds
  local producer, count, batch = of.producer, of.count, of.batch
  local stream = openStream(prefix, producer, call.life)
  local key = stream.key
  if stream.window ~= call.window then beginWindow(stream, call.window) end
  local head, bytes = stream.head + tonumber(count), stream.bytes + #batch
  local last = int(head)
  local through = int(stream.bodyBytes + (tonumber(of.bodyBytes) or countBodyBytes(batch)))
  local numbered = stream.epoch .. ':' .. int(stream.head - stream.base + 1) .. ':' .. count .. ':'
    .. int(stream.bodyBytes) .. ':' .. through
  redis.call('XADD', prefix .. 'retained:' .. producer, last .. '-0', call.now .. ':' .. numbered, batch)
  redis.call('HSET', key, 'head', last, 'body_bytes', through, 'bytes', int(bytes))
  if stream.bytes == 0 then redis.call('SADD', prefix .. 'streams', producer) end
  redis.call('SPUBLISH', prefix .. 'live:' .. producer, numbered .. '\n' .. batch)
  if not bounds.persist then
    redis.call('HSET', key, 'persisted', last)
  elseif stream.persisted == stream.head then
    -- Otherwise it is among them: functions are atomic, and Redis evicts nothing.
    redis.call('SADD', call.unpersisted, producer)
  end
  stream.head, stream.bytes = head, bytes
  if isOverBounds(stream, bounds, call.retainedBytes) then
    -- Not all at once when a bound was lowered, but always more than came in.
    trimStream(prefix, producer, bounds, 2 + math.floor(#batch / 64))
  end
end

-- What applying needs to know of a shard and of now; `now`, in ms, and `window` are texts. `bounds` are those of the
-- retained windows.
local function beginApplying(prefix, bounds)
  local now = nowMs()
  return {
    prefix = prefix,
    shard = prefix .. 'shard',
    unpersisted = prefix .. 'unpersisted',
    life = life(),
    now = int(now),
    window = int(math.floor(now / rateWindowMs)),
    bounds = bounds,
  }
end

-- An entry of the ingest log has a field and a value for each batch of a flush: what it is, with colons between, and itself.
local function entryOf(batches)
  local entry = {}
  for _, of in ipairs(batches) do
    entry[#entry + 1] = of.producer .. ':' .. of.count .. ':' .. of.bodyBytes
    entry[#entry + 1] = of.batch
  end
  return entry
end

-- The batches of an entry, and the bytes and readings of all of them.
local function batchesOf(entry)
  local batches, bytes, readings = {}, 0, 0
  for field = 1, #entry, 2 do
    local producer, count, bodyBytes = string.match(entry[field], '^(%d+):(%d+):?(%d*)$')
    batches[#batches + 1] = { producer = producer, count = count, bodyBytes = bodyBytes, batch = entry[field + 1] }
    bytes = bytes + #entry[field + 1]
    readings = readings + tonumber(count)
  end
  return batches, bytes, readings
end

-- Applies the batches of one flush, which have so many bytes.
local function applyFlush(call, batches, bytes)
  call.retainedBytes = redis.call('HINCRBY', call.shard, 'retained_bytes', int(bytes))
  if call.bounds.persist then redis.call('HINCRBY', call.shard, 'unpersisted_bytes', int(bytes)) end
  for _, of in ipairs(batches) do applyBatch(call, of) end
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
    local flush, entryBytes, entryReadings = batchesOf(entry[2])
    applyFlush(call, flush, entryBytes)
    redis.call('XDEL', ingest, entry[1])
    redis.call('HINCRBY', shard, 'ingest_bytes', int(-entryBytes))
    entries, batches = entries + 1, batches + #flush
    readings, bytes = readings + entryReadings, bytes + entryBytes
  end
  return applied(shard, entries, readings, bytes, '1')
end
