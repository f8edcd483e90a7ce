--[[
Reads a bot's actions from a sequence on, with the generation that they are of. Entries are as outbox-enqueue-n.lua makes
them.

KEYS  1 meta  2 outbox
ARGV  1 sequence  2 most actions, unless one entry alone has more
Returns  {generation or '', tenure of the present writer or 0, sequence from which on, then per entry: id, actions joined by LF};
         the first entry may begin below that sequence
]]
local state = redis.call('HMGET', KEYS[1], 'gen', 'first', 'tenure', 'pod')
local from = math.max(tonumber(ARGV[1]), tonumber(state[2] or 1))
local piece = { state[1] or '', state[4] and state[3] or '0', from }
local start = string.format('%.0f-0', from)
local entries = redis.call('XRANGE', KEYS[2], start, string.format('%.0f-0', from + ARGV[2] - 1))
if #entries == 0 then entries = redis.call('XRANGE', KEYS[2], start, '+', 'COUNT', 1) end
for _, entry in ipairs(entries) do
  piece[#piece + 1] = entry[1]
  piece[#piece + 1] = entry[2][2]
end
return piece
