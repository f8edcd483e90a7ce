--[[
Prolongs the life of an incarnation that has one. One that was declared dead stays dead.

KEYS  1 its life key  2 the role's members
ARGV  1 incarnation  2 ms it lives without renewal
Returns  1, or 0 when the key was gone
]]
if redis.call('PEXPIRE', KEYS[1], ARGV[2]) == 0 then return 0 end
-- It may have been dropped from the set by a reader between another pod's look and a join of the same instant.
redis.call('SADD', KEYS[2], ARGV[1])
return 1
