--[[
Announces an incarnation.

KEYS  1 its life key  2 the role's members
ARGV  1 incarnation  2 ms it lives without renewal
]]
redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
