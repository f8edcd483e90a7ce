--[[
Reads a bot's actions from a sequence on, with the generation that they are of.

KEYS  1 meta  2 outbox
ARGV  1 sequence  2 most actions
Returns  {generation or '', epoch of the present writer or 0, sequence of the first action (when there is none: where the next read goes on), actions...}
]]
local state = redis.call('HMGET', KEYS[1], 'gen', 'first', 'tenure', 'pod')
local from = math.max(tonumber(ARGV[1]), tonumber(state[2] or 1))
local piece = { state[1] or '', state[4] and state[3] or '0', from }
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], string.format('%.0f-0', from), '+', 'COUNT', ARGV[2])) do
  piece[#piece + 1] = entry[2][2]
end
return piece
