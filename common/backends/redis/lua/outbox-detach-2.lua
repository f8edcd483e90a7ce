--[[
Ends a reign, if it is still this one, and tells the bot's channel that the place is free.

KEYS  1 meta  2 channel
ARGV  1 tenure
]]
local state = redis.call('HMGET', KEYS[1], 'tenure', 'pod')
if state[1] ~= ARGV[1] or not state[2] then return end
redis.call('HDEL', KEYS[1], 'pod', 'conn')
redis.call('SPUBLISH', KEYS[2], '!')
