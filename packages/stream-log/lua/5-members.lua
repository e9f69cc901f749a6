-- Says that a stream manager is there, and tells which are. Time is that of Redis, so that clocks need not agree.
-- KEYS: managers. ARGV: manager, ms after which one that said nothing more counts as gone.
local function announce(KEYS, ARGV)
  local now, lifetime = nowMs(), tonumber(ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. int(now - lifetime))
  -- Noted by a clock that was ahead of the one of the master that has taken over.
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. int(now + lifetime), '+inf')
  redis.call('ZADD', KEYS[1], int(now), ARGV[1])
  return redis.call('ZRANGE', KEYS[1], 0, -1)
end
