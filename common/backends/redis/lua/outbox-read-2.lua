--[[
Reads a bot's actions from a sequence on, with the generation that they are of. Entries are as outbox-enqueue-n.lua makes
them.

KEYS  1 meta  2 outbox
ARGV  1 sequence  2 actions wanted
Returns  {generation or '', epoch of the present writer or 0, sequence from which on, then per entry: id, actions joined by LF};
         the first may begin below that sequence, the last end beyond what is wanted
]]
local state = redis.call('HMGET', KEYS[1], 'gen', 'first', 'tenure', 'pod')
local from = math.max(tonumber(ARGV[1]), tonumber(state[2] or 1))
local piece = { state[1] or '', state[4] and state[3] or '0', from }
local function add(entries)
  for _, entry in ipairs(entries) do
    piece[#piece + 1] = entry[1]
    piece[#piece + 1] = entry[2][2]
  end
end
local beyond = string.format('%.0f-0', from + ARGV[2])
add(redis.call('XRANGE', KEYS[2], string.format('%.0f-0', from), '(' .. beyond))
-- The entry in which the last of them may be.
add(redis.call('XRANGE', KEYS[2], beyond, '+', 'COUNT', 1))
return piece
