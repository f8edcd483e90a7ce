--[[
Tells the bot's channel what an operator or another pod asks of its writer. A pause is kept until it is taken back.

KEYS  1 meta  2 channel
ARGV  1 what the channel is told  2 '1' to pause, '0' to release, '' for neither
]]
if ARGV[2] == '1' then
  redis.call('HSET', KEYS[1], 'paused', 1)
elseif ARGV[2] == '0' then
  redis.call('HDEL', KEYS[1], 'paused')
end
redis.call('SPUBLISH', KEYS[2], ARGV[1])
