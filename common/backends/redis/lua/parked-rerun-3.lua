--[[
Appends a parked event to its lane once more, as an entry of its own, and forgets that it was parked.

KEYS  1 lane hash  2 inbound stream  3 parked events
ARGV  1 id of the parked entry  2 the event
Returns  1, or 0 when the entry is not there
]]
if redis.call('XDEL', KEYS[3], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'e', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'n:appended', 1)
return 1
