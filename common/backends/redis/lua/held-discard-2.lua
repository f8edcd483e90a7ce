--[[
Forgets a held action.

KEYS  1 held actions of the bot  2 ages of the tag's held actions
ARGV  1 id  2 its name among the ages
Returns  1, or 0 when it is not there
]]
redis.call('ZREM', KEYS[2], ARGV[2])
return redis.call('HDEL', KEYS[1], ARGV[1])
