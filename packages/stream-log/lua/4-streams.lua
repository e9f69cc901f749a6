-- Epoch and last seq of streams, in turn; one that nobody sent anything to yet begins its life here.
-- KEYS: streams. ARGV: prefix, then producers.
local function heads(KEYS, ARGV)
  local result, thisLife = {}, life()
  for at = 2, #ARGV do
    local stream = openStream(ARGV[1], ARGV[at], thisLife)
    result[#result + 1] = stream.epoch
    result[#result + 1] = int(stream.head - stream.base)
  end
  return result
end

-- The readings between two offsets, as ranges of the epochs they lie in.
local function ranges(epochs, first, last)
  local result = {}
  for _, epoch in ipairs(epochs) do
    local from, to = math.max(first, epoch.base + 1), math.min(last, epoch.last)
    if from <= to then result[#result + 1] = { epoch.epoch, int(from - epoch.base), int(to - epoch.base) } end
  end
  return result
end

-- What follows a position, oldest first.
-- KEYS: stream. ARGV: prefix, producer, epoch and seq of the position, bytes after which it ends.
-- Replies: 'known', 'unknown' if Redis does not know the epoch, or 'beyond' if the epoch ended before the seq; epoch and
-- seq of where reading began; epoch and seq of the head; what follows that is not retained any more, as ranges (epoch,
-- first seq, last seq); if that is nothing, in turn, what an entry says of a batch (see trimStream) and the batch; '1' if
-- they end at the head, otherwise '0'.
local function read(KEYS, ARGV)
  local stream = openStream(ARGV[1], ARGV[2], life())
  local epochs = epochsOf(stream)
  local at, seq, standing = findEpoch(epochs, ARGV[3]), tonumber(ARGV[4]), 'known'
  if not at then
    -- Names of epochs sort by when they began: what began before the one that is not known was dealt with.
    at, seq, standing = #epochs, 0, 'unknown'
    while at > 1 and epochs[at - 1].epoch > ARGV[3] do at = at - 1 end
  elseif epochs[at].base + seq > epochs[at].last then
    standing = 'beyond'
    if epochs[at + 1] then at, seq = at + 1, 0 else seq = epochs[at].last - epochs[at].base end
  end
  local start = epochs[at]
  local offset = start.base + seq
  local missing = ranges(epochs, offset + 1, stream.retainedFrom - 1)
  local batches, room = {}, tonumber(ARGV[5])
  while #missing == 0 and room > 0 and offset < stream.head do
    local from = int(offset + 1) .. '-0'
    local entry = redis.call('XRANGE', ARGV[1] .. 'retained:' .. ARGV[2], from, '+', 'COUNT', 1)[1]
    -- Taken from Redis by somebody else.
    if not entry then return redis.error_reply('ERR the retained window of stream ' .. ARGV[2] .. ' is incomplete') end
    batches[#batches + 1] = entry[2][1]
    batches[#batches + 1] = entry[2][2]
    room = room - #entry[2][2]
    offset = tonumber(string.match(entry[1], '^%d+'))
  end
  return {
    standing, start.epoch, int(seq), stream.epoch, int(stream.head - stream.base), missing, batches,
    offset >= stream.head and '1' or '0',
  }
end

-- Trims quiet streams, whose readings grow old although nothing new pushes them out.
-- KEYS: streams. ARGV: prefix, bounds (5), then producers. Replies with those that it has to be called for again.
local function trim(KEYS, ARGV)
  return trimStreams(ARGV[1], { unpack(ARGV, 7) }, boundsFrom(ARGV, 2))
end
