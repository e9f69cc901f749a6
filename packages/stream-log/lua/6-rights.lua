-- The marker that the rights in Redis are complete holds for one life of Redis: after a restart, a failover or a restored
-- backup nobody knows what they are worth until they are rebuilt.
-- KEYS: marker. Replies with the life for which they are complete, or nil if they are not.
local function completeRights(KEYS)
  local thisLife = life()
  return redis.call('GET', KEYS[1]) == 'complete ' .. thisLife and thisLife or false
end

-- What sessions and accounts may do, all at one moment.
-- KEYS: marker; in turn, a session and its account's devices or subscriptions; a key that never exists.
-- ARGV: after how many items no further account is looked at. Replies with nil if the rights are not complete; otherwise,
-- in turn, whose session it is, '' if nobody's, and its account's items, each with what is known of it.
local function readRights(KEYS, ARGV)
  if not completeRights(KEYS) then return false end
  local result, room = {}, tonumber(ARGV[1])
  for at = 2, #KEYS - 1, 2 do
    if room <= 0 then break end
    local items = redis.call('HGETALL', KEYS[at + 1])
    result[#result + 1] = redis.call('GET', KEYS[at]) or ''
    result[#result + 1] = items
    room = room - #items / 2
  end
  return result
end

-- KEYS: marker. ARGV: name of the rebuild.
local function beginRebuild(KEYS, ARGV)
  redis.call('SET', KEYS[1], 'rebuild ' .. life() .. ' ' .. ARGV[1])
  return 'ok'
end

-- Declares the rights complete, unless this life of Redis, or another rebuild, began since this one did.
-- KEYS: marker. ARGV: name of the rebuild. Replies '1' if so, otherwise '0'.
local function finishRebuild(KEYS, ARGV)
  local thisLife = life()
  if redis.call('GET', KEYS[1]) ~= 'rebuild ' .. thisLife .. ' ' .. ARGV[1] then return '0' end
  redis.call('SET', KEYS[1], 'complete ' .. thisLife)
  return '1'
end
