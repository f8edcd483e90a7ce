--[[
Puts an action aside for an operator. A repeat changes nothing, its age neither.

KEYS  1 held actions of the bot  2 ages of the tag's held actions
ARGV  1 id  2 when it was put aside, epoch ms  3 that, a tab, the action  4 its name among the ages  5 most held of one bot
Returns  1, or 0 when the bot has too many
]]
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
return 1
