-- Batches of a shard that are not in PostgreSQL yet, oldest first per stream.
-- KEYS: unpersisted. ARGV: prefix, most streams, most bytes.
-- Replies per stream: producer, epoch, first seq, last seq, then the last seq of each batch and the batch, in turn.
local function unpersisted(KEYS, ARGV)
  local prefix, room, result = ARGV[1], tonumber(ARGV[3]), {}
  for _, producer in ipairs(redis.call('SRANDMEMBER', KEYS[1], ARGV[2])) do
    if room <= 0 then break end
    local state = redis.call('HMGET', prefix .. 'stream:' .. producer, 'epoch', 'persisted')
    local persisted = state[2] or '0'
    local batches, last = {}, nil
    local from = '(' .. persisted .. '-0'
    while room > 0 do
      local entry = redis.call('XRANGE', prefix .. 'retained:' .. producer, from, '+', 'COUNT', 1)[1]
      if not entry then break end
      last = string.match(entry[1], '^(%d+)')
      batches[#batches + 1] = last
      batches[#batches + 1] = entry[2][2]
      room = room - #entry[2][2]
      from = '(' .. entry[1]
    end
    if last then result[#result + 1] = { producer, state[1], int(tonumber(persisted) + 1), last, batches } end
  end
  return result
end

-- Notes that streams are in PostgreSQL up to a seq, and trims what need not stay for its sake any more.
-- KEYS: shard, unpersisted. ARGV: prefix, bounds (5), then per stream: producer, epoch, first seq, last seq, bytes.
-- A range that does not begin where the last one ended was noted by somebody else and changes nothing.
local function persisted(KEYS, ARGV)
  local prefix, bounds = ARGV[1], boundsFrom(ARGV, 2)
  for at = 7, #ARGV, 5 do
    local producer, epoch, last = ARGV[at], ARGV[at + 1], ARGV[at + 3]
    local key = prefix .. 'stream:' .. producer
    local state = redis.call('HMGET', key, 'epoch', 'persisted', 'head')
    if state[1] == epoch and tonumber(ARGV[at + 2]) == tonumber(state[2]) + 1 then
      redis.call('HSET', key, 'persisted', last)
      redis.call('HINCRBY', KEYS[1], 'unpersisted_bytes', int(-tonumber(ARGV[at + 4])))
      if tonumber(last) >= tonumber(state[3]) then redis.call('SREM', KEYS[2], producer) end
      trimStream(prefix, producer, bounds)
    end
  end
  return 'ok'
end

-- Gives up the backlog for PostgreSQL: what is not there need not go there any more.
-- KEYS: shard, unpersisted. ARGV: prefix.
local function forget(KEYS, ARGV)
  for _, producer in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local key = ARGV[1] .. 'stream:' .. producer
    redis.call('HSET', key, 'persisted', redis.call('HGET', key, 'head'))
  end
  redis.call('DEL', KEYS[2])
  redis.call('HDEL', KEYS[1], 'unpersisted_bytes')
  return 'ok'
end
