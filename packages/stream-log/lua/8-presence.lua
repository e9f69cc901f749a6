-- Notes that devices sent readings, and forgets those that have not for long.
-- KEYS: streams. ARGV: prefix, now and for how long a device counts as online, in ms, then producers and their devices in
-- turn, those of one producer one after another.
local function present(KEYS, ARGV)
  local prefix, now, onlineMs = ARGV[1], ARGV[2], ARGV[3]
  local oldest = int(now - onlineMs)
  for at = 4, #ARGV, 2 do
    local key = prefix .. 'presence:' .. ARGV[at]
    redis.call('ZADD', key, now, ARGV[at + 1])
    if ARGV[at + 2] ~= ARGV[at] then
      redis.call('ZREMRANGEBYSCORE', key, '-inf', oldest)
      redis.call('PEXPIRE', key, onlineMs)
    end
  end
  return 'ok'
end
