-- The marker that the rights in Redis are complete holds for one life of Redis: after a restart, a failover or a restored
-- backup nobody knows what they are worth until they are rebuilt.
-- KEYS: marker. Replies with the life for which they are complete, or nil if they are not.
local function completeRights(KEYS)
  local thisLife = life()
  return redis.call('GET', KEYS[1]) == 'complete ' .. thisLife and thisLife or false
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
