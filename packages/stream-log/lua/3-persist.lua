-- Most entries that are read at once; each has up to a whole flush. So few readings are read at once in any case.
local mostReadAtOnce = 8
local fewReadings = 16

-- Batches of a shard that are not in PostgreSQL yet, oldest first per stream.
-- KEYS: unpersisted. ARGV: prefix, most streams, most bytes.
-- Replies per stream: producer, and, in turn, what an entry says of a batch (see trimStream) and the batch.
local function unpersisted(KEYS, ARGV)
  local prefix, room, result = ARGV[1], tonumber(ARGV[3]), {}
  for _, producer in ipairs(redis.call('SRANDMEMBER', KEYS[1], ARGV[2])) do
    if room <= 0 then break end
    local state = redis.call('HMGET', prefix .. 'stream:' .. producer, 'persisted', 'head')
    local batches, last, head = {}, tonumber(state[1] or '0'), tonumber(state[2] or '0')
    local atOnce = head - last <= fewReadings and fewReadings or 1
    while room > 0 and last < head do
      local from = '(' .. int(last) .. '-0'
      local entries = redis.call('XRANGE', prefix .. 'retained:' .. producer, from, '+', 'COUNT', atOnce)
      if #entries == 0 then break end
      for _, entry in ipairs(entries) do
        if room <= 0 then break end
        batches[#batches + 1] = entry[2][1]
        batches[#batches + 1] = entry[2][2]
        room = room - #entry[2][2]
        last = tonumber(string.match(entry[1], '^%d+'))
      end
      atOnce = math.min(2 * atOnce, mostReadAtOnce)
    end
    if #batches > 0 then result[#result + 1] = { producer, batches } end
  end
  return result
end

-- Notes that streams are in PostgreSQL up to a seq, and trims what need not stay for its sake any more.
-- KEYS: shard, unpersisted. ARGV: prefix, bounds (5), then per range: producer, epoch, first seq, last seq, bytes. A range
-- that does not begin where the last one ended was noted by somebody else, and one that Redis no longer knows was numbered
-- in a life that it lost: neither changes anything. Replies with the streams that `trim` has to go on with.
local function persisted(KEYS, ARGV)
  local prefix, thisLife, bounds = ARGV[1], life(), boundsFrom(ARGV, 2)
  local retainedBytes = tonumber(redis.call('HGET', KEYS[1], 'retained_bytes') or '0')
  local bytes, whole, overBounds = 0, {}, {}
  for at = 7, #ARGV, 5 do
    local producer = ARGV[at]
    local stream = openStream(prefix, producer, thisLife)
    local epochs = epochsOf(stream)
    local epoch = epochs[findEpoch(epochs, ARGV[at + 1]) or 0]
    local first = epoch and epoch.base + tonumber(ARGV[at + 2])
    local last = epoch and epoch.base + tonumber(ARGV[at + 3])
    if epoch and first == stream.persisted + 1 and last <= epoch.last then
      redis.call('HSET', stream.key, 'persisted', int(last))
      bytes = bytes + tonumber(ARGV[at + 4])
      if last >= stream.head then whole[#whole + 1] = producer end
      if isOverBounds(stream, bounds, retainedBytes) then overBounds[#overBounds + 1] = producer end
    end
  end
  -- Once for all: with a reading or two in each range it is these calls that noting costs.
  if bytes > 0 then redis.call('HINCRBY', KEYS[1], 'unpersisted_bytes', int(-bytes)) end
  if #whole > 0 then redis.call('SREM', KEYS[2], unpack(whole)) end
  return trimStreams(prefix, overBounds, bounds)
end

-- Gives up the backlog for PostgreSQL: what is not there need not go there any more. Until bounds are noted anew, nothing
-- more is applied within the former ones.
-- KEYS: shard, unpersisted. ARGV: prefix.
local function forget(KEYS, ARGV)
  for _, producer in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local key = ARGV[1] .. 'stream:' .. producer
    redis.call('HSET', key, 'persisted', redis.call('HGET', key, 'head'))
  end
  redis.call('DEL', KEYS[2])
  redis.call('HDEL', KEYS[1], 'unpersisted_bytes', 'bounds')
  return 'ok'
end
