-- Epoch and head of a stream, which begins its life here if nobody sent anything yet.
-- KEYS: stream. ARGV: prefix, producer, epoch if the stream begins.
local function open(KEYS, ARGV)
  local epoch, head = openStream(ARGV[1], ARGV[2], ARGV[3])
  return { epoch, int(head) }
end

-- Trims quiet streams, whose readings grow old although nothing new pushes them out.
-- KEYS: streams. ARGV: prefix, bounds (5), then producers.
local function trim(KEYS, ARGV)
  local bounds = boundsFrom(ARGV, 2)
  for at = 7, #ARGV do trimStream(ARGV[1], ARGV[at], bounds) end
  return 'ok'
end
