--[[
Ends a reign, if it is still this one, keeps what it left in doubt and tells the bot's channel that the place is free.

KEYS  1 meta  2 channel
ARGV  1 epoch  2 id  3 how it ended  4 sequence below which it left doubt
Returns  1, also when it had been ended so already, or 0 when it was not this one
]]
local state = redis.call('HMGET', KEYS[1], 'tenure', 'tid', 'pod', 'next', 'doubt')
if state[1] ~= ARGV[1] or (state[2] or '') ~= ARGV[2] then return 0 end
if not state[3] then return 1 end
local doubt = math.min(tonumber(state[4]), math.max(tonumber(state[5] or 0), tonumber(ARGV[4])))
redis.call('HDEL', KEYS[1], 'pod', 'conn', 'dev', 'taken')
redis.call('HSET', KEYS[1], 'end', ARGV[3], 'doubt', string.format('%.0f', doubt))
redis.call('SPUBLISH', KEYS[2], '!v' .. ARGV[1])
return 1
