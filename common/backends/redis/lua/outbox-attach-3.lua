--[[
Makes a connection the bot's writer, numbers its reign and tells the bot's channel.

KEYS  1 meta  2 outbox  3 channel
ARGV  1 incarnation of the pod  2 connection  3 generation to use if the bot has none
Returns  {tenure, generation, first, next, 1 when the former writer did not detach}
]]
local state = redis.call('HMGET', KEYS[1], 'tenure', 'gen', 'first', 'next', 'pod')
local gen, first, next = state[2], state[3], state[4]
if not gen then
  gen, first, next = ARGV[3], '1', '1'
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'gen', gen, 'first', first, 'next', next)
end

-- At least the time: a Redis that lost its data must not number a reign as an earlier one.
local time = redis.call('TIME')
local tenure = math.max(tonumber(state[1] or 0), time[1] * 1000 + math.floor(time[2] / 1000)) + 1
local number = string.format('%.0f', tenure)
redis.call('HSET', KEYS[1], 'tenure', number, 'pod', ARGV[1], 'conn', ARGV[2])
redis.call('SPUBLISH', KEYS[3], '!' .. number)
return { tenure, gen, tonumber(first), tonumber(next), state[5] and 1 or 0 }
