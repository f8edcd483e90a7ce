--[[
Gives a lane up, if it is still the caller's. The epoch stays: the next one must be higher.

KEYS  1 lane hash
ARGV  1 epoch
]]
if redis.call('HGET', KEYS[1], 'epoch') == ARGV[1] then redis.call('HSET', KEYS[1], 'owner', '') end
