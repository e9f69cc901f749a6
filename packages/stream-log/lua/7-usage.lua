-- Metering: what gateways delivered to subscriptions that are paid for, and the credit on which they may deliver more. All
-- keys have the hash tag {usage}; credits are hashes under prefix .. 'credit:' .. subscription:
--   life         of Redis that it holds for: in another nobody knows what it is worth
--   fence        the highest one that billing came with; what it decided under a lower one does not count any more
--   given        the fence under which it was changed last: a change that comes again changes nothing
--   unit, state, reason, warning, until    as billing set them
--   left         units that no gateway has taken
--   leased:<g>   units that gateway g has taken and not reported
--   reported     units that were reported and not settled
--   interested   when a gateway named the subscription last, in ms
--   covered      on credit of the unit time: since when all time is paid for, in ms; what is older is not to be delivered on it
--   to_cover     since when a gateway would like it to be, until billing has looked at that
-- A credit without `state` is one that billing has looked at and not opened yet.

local dayMs = 86400000

-- Receptions remembered of a subscription, for the sake of what their gateways did not come to report.
local mostReceptions = 2000

-- The values of some fields of a credit; none if it belongs to another life, in which case it is forgotten.
local function readCredit(key, thisLife, ...)
  local values = redis.call('HMGET', key, 'life', ...)
  if values[1] == thisLife then return unpack(values, 2) end
  if values[1] then redis.call('UNLINK', key) end
end

local function writeCredit(key, thisLife, ...)
  redis.call('HSET', key, 'life', thisLife, ...)
  redis.call('PEXPIRE', key, dayMs)
end

-- Entries of the usage log count what they hold, so that it is bounded in bytes.
local function addUsage(prefix, fields)
  local bytes = 0
  for _, text in ipairs(fields) do bytes = bytes + #text end
  redis.call('XADD', prefix .. 'log', '*', unpack(fields))
  redis.call('HINCRBY', prefix .. 'state', 'bytes', int(bytes))
end

-- Gateways that said nothing for so long are gone, and so is what they had taken.
local function dropLeasesOfTheGone(prefix, lifetimeMs)
  local gone = redis.call('ZRANGEBYSCORE', prefix .. 'gateways', '-inf', '(' .. int(nowMs() - lifetimeMs))
  for _, gateway in ipairs(gone) do
    local leases = prefix .. 'leases:' .. gateway
    for _, subscription in ipairs(redis.call('SMEMBERS', leases)) do
      redis.call('HDEL', prefix .. 'credit:' .. subscription, 'leased:' .. gateway)
    end
    redis.call('UNLINK', leases)
    redis.call('ZREM', prefix .. 'gateways', gateway)
  end
end

-- One account of a gateway of what it delivered and of what it wants to deliver: all of it counts, or nothing.
-- KEYS: usage log. ARGV: prefix, gateway, number of the call, ms after which a gateway is gone, bytes the log may hold,
--   reports (JSON, or '' for none), number of subscriptions, and per subscription: id, units reported, units it still has,
--   units it wants besides, '1' if somebody receives it there ('0' where that is over), since when in ms it would like its
--   time to be paid for ('' where it does not matter);
--   number of receptions, and per reception: subscription, name, where it stands ('' once nothing of it is owed);
--   then, in turn, subscriptions of which it wants to know where receptions stand.
-- A call repeated under its number reports nothing again; what it took the first time is taken back first.
-- Replies: time in ms; per subscription: unit, units the gateway has now, state, reason, warning, ms until the end, since when
--   its time is paid for, since when somebody waits for it to be;
--   per subscription asked for: in turn, name, where it stands, '1' if its gateway is gone.
local function meter(KEYS, ARGV)
  local prefix, gateway = ARGV[1], ARGV[2]
  local now, thisLife = nowMs(), life()
  local gateways, leases, last = prefix .. 'gateways', prefix .. 'leases:' .. gateway, prefix .. 'call:' .. gateway
  local lifetimeMs = tonumber(ARGV[4])
  local isNew = tonumber(ARGV[3]) > tonumber(redis.call('GET', last) or '0')
  redis.call('SET', last, ARGV[3], 'PX', dayMs)
  -- One that was taken for gone has lost its leases.
  local seen = tonumber(redis.call('ZSCORE', gateways, gateway) or '0')
  if seen > 0 and seen < now - lifetimeMs then dropLeasesOfTheGone(prefix, lifetimeMs) end
  redis.call('ZADD', gateways, int(now), gateway)
  local isFull = tonumber(redis.call('HGET', prefix .. 'state', 'bytes') or '0') >= tonumber(ARGV[5])

  local reports, spentOfAll, wants, answers = ARGV[6], {}, {}, {}
  local at = 8
  for _ = 1, tonumber(ARGV[7]) do
    local subscription = ARGV[at]
    local spent, holds, wanted = isNew and tonumber(ARGV[at + 1]) or 0, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local key, lease = prefix .. 'credit:' .. subscription, 'leased:' .. gateway
    local state, unit, left, leased, reported, reason, warning, untilMs, covered, toCover =
      readCredit(key, thisLife, 'state', 'unit', 'left', lease, 'reported', 'reason', 'warning', 'until', 'covered', 'to_cover')
    left, leased, reported = tonumber(left or '0'), tonumber(leased or '0'), tonumber(reported or '0')
    -- Never more than was taken; what the gateway does not know of is given back.
    holds = math.max(0, math.min(holds, leased - spent))
    left = math.max(0, left + leased - spent - holds)
    reported = reported + spent
    local slice = 0
    if state == 'open' or state == 'stopped' then slice = isFull and 0 or math.min(left, wanted) end
    left, holds = left - slice, holds + slice
    writeCredit(key, thisLife, 'left', int(left), 'reported', int(reported), lease, int(holds), 'interested', int(now))
    local coverFrom = ARGV[at + 5]
    local isToCover = coverFrom ~= '' and (not toCover or tonumber(coverFrom) < tonumber(toCover))
    if isToCover then
      toCover = coverFrom
      redis.call('HSET', key, 'to_cover', toCover)
    end
    if holds > 0 then
      redis.call('SADD', leases, subscription)
      redis.call('PEXPIRE', leases, dayMs)
    elseif leased > 0 then
      redis.call('SREM', leases, subscription)
    end
    if spent > 0 then spentOfAll[#spentOfAll + 1] = subscription .. ':' .. int(spent) end
    local isShort = ARGV[at + 4] == '1' and (not state or state == 'closed' or (state == 'open' and slice < wanted))
    if (isShort and not ((unit == 'unlimited' or unit == 'time') and state == 'open')) or isToCover then
      wants[#wants + 1] = subscription
    end
    answers[#answers + 1] = {
      unit or '', int(holds), state or '', reason or '', warning or '0',
      untilMs and untilMs ~= '' and int(math.max(0, tonumber(untilMs) - now)) or '', covered or '', toCover or '',
    }
    at = at + 6
  end

  for _ = 1, tonumber(ARGV[at]) do
    local receptions, name, stands = prefix .. 'receptions:' .. ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    if stands == '' then
      redis.call('HDEL', receptions, name)
    else
      -- Nobody came back for so many.
      if redis.call('HLEN', receptions) >= mostReceptions then redis.call('UNLINK', receptions) end
      redis.call('HSET', receptions, name, stands)
      redis.call('PEXPIRE', receptions, 7 * dayMs)
    end
    at = at + 3
  end

  local asked = {}
  for index = at + 1, #ARGV do
    local found = {}
    local all = redis.call('HGETALL', prefix .. 'receptions:' .. ARGV[index])
    for field = 1, #all, 2 do
      local owner = string.match(all[field], '^[^/]+')
      local ownerSeen = tonumber(redis.call('ZSCORE', gateways, owner) or '0')
      found[#found + 1] = all[field]
      found[#found + 1] = all[field + 1]
      found[#found + 1] = ownerSeen < now - lifetimeMs and '1' or '0'
    end
    asked[#asked + 1] = found
  end

  if not isNew then reports = '' end
  if reports ~= '' or #wants > 0 then
    addUsage(prefix, {
      'gateway', gateway, 'reports', reports, 'spent', table.concat(spentOfAll, ','), 'wants', table.concat(wants, ','),
    })
    if #wants > 0 then redis.call('SPUBLISH', prefix .. 'wanted', '') end
  end
  return { int(now), answers, asked }
end

-- Looks at credits on behalf of billing, which from now on settles them under a fence. Leases of gateways that are gone
-- are dropped first.
-- KEYS: usage log. ARGV: prefix, fence, ms after which a gateway is gone, then subscriptions.
-- Replies per subscription: unit, state, left, leased by all gateways together, reported, when it was wanted last, since when
--   its time is paid for, since when it is to be ('' for what there is not).
local function inspectCredit(KEYS, ARGV)
  local prefix, thisLife, result = ARGV[1], life(), {}
  dropLeasesOfTheGone(prefix, tonumber(ARGV[3]))
  for index = 4, #ARGV do
    local key = prefix .. 'credit:' .. ARGV[index]
    local fence = readCredit(key, thisLife, 'fence')
    if tonumber(ARGV[2]) > tonumber(fence or '-1') then writeCredit(key, thisLife, 'fence', ARGV[2]) end
    local known, leased = {}, 0
    local all = redis.call('HGETALL', key)
    for field = 1, #all, 2 do
      known[all[field]] = all[field + 1]
      if string.sub(all[field], 1, 7) == 'leased:' then leased = leased + tonumber(all[field + 1]) end
    end
    result[#result + 1] = {
      known.unit or '', known.state or '', known.left or '0', int(leased), known.reported or '0', known.interested or '',
      known.covered or '', known.to_cover or '',
    }
  end
  return result
end

-- Takes entries that are settled off the usage log, and gives what billing has decided since.
-- KEYS: usage log. ARGV: prefix, fence, number of entries, their ids, then per subscription: id, unit, units to be added
--   to what is left (taken away, if negative), until ('' for none), state, reason, warning, since when its time is paid for
--   ('' for as before), since when that was asked for of what has been looked at ('' for nothing).
-- An entry that is gone was settled by somebody else. A credit that somebody looked at under another fence stays as it is.
-- Replies with the subscriptions whose credit was set.
local function settleUsage(KEYS, ARGV)
  local prefix, thisLife, log = ARGV[1], life(), KEYS[1]
  local entries = tonumber(ARGV[3])
  for index = 4, 3 + entries do
    local entry = redis.call('XRANGE', log, ARGV[index], ARGV[index])[1]
    if entry then
      local bytes = 0
      for field = 1, #entry[2], 2 do
        bytes = bytes + #entry[2][field] + #entry[2][field + 1]
        if entry[2][field] == 'spent' then
          for subscription, units in string.gmatch(entry[2][field + 1], '([^:,]+):(%d+)') do
            local key = prefix .. 'credit:' .. subscription
            local reported = readCredit(key, thisLife, 'reported')
            if reported then
              redis.call('HSET', key, 'reported', int(math.max(0, tonumber(reported) - tonumber(units))))
            end
          end
        end
      end
      redis.call('XDEL', log, ARGV[index])
      redis.call('HINCRBY', prefix .. 'state', 'bytes', int(-bytes))
    end
  end
  local done = {}
  for at = 4 + entries, #ARGV, 9 do
    local subscription, key = ARGV[at], prefix .. 'credit:' .. ARGV[at]
    local fence, given, left, unit, untilMs, state, reason, warning, covered, toCover =
      readCredit(key, thisLife, 'fence', 'given', 'left', 'unit', 'until', 'state', 'reason', 'warning', 'covered', 'to_cover')
    if fence == ARGV[2] and given ~= ARGV[2] then
      local before = tonumber(left or '0')
      local after = math.max(0, before + tonumber(ARGV[at + 2]))
      writeCredit(key, thisLife, 'left', int(after), 'unit', ARGV[at + 1], 'until', ARGV[at + 3], 'state', ARGV[at + 4],
        'reason', ARGV[at + 5], 'warning', ARGV[at + 6], 'given', ARGV[2])
      local isTime = ARGV[at + 1] == 'time' and ARGV[at + 4] ~= 'closed'
      local isAnswered = toCover and (not isTime or (ARGV[at + 8] ~= '' and tonumber(ARGV[at + 8]) <= tonumber(toCover)))
      if isAnswered then redis.call('HDEL', key, 'to_cover') end
      if not isTime then redis.call('HDEL', key, 'covered')
      elseif ARGV[at + 7] ~= '' then redis.call('HSET', key, 'covered', ARGV[at + 7]) end
      local isOtherCover = isTime and ARGV[at + 7] ~= '' and covered ~= ARGV[at + 7]
      if (before == 0 and after > 0) or unit ~= ARGV[at + 1] or untilMs ~= ARGV[at + 3] or state ~= ARGV[at + 4]
        or reason ~= ARGV[at + 5] or warning ~= ARGV[at + 6] or isAnswered or isOtherCover then
        redis.call('SPUBLISH', prefix .. 'credit-changes', subscription)
      end
    end
    if fence == ARGV[2] then done[#done + 1] = subscription end
  end
  return done
end

-- Has billing look at subscriptions, because something about their money has changed.
-- KEYS: usage log. ARGV: prefix, then subscriptions.
local function wantCredit(KEYS, ARGV)
  addUsage(ARGV[1], { 'gateway', '', 'reports', '', 'spent', '', 'wants', table.concat(ARGV, ',', 2) })
  redis.call('SPUBLISH', ARGV[1] .. 'wanted', '')
  return 'ok'
end
