--[[
What a lane took in and what became of it, all of one moment.

KEYS  1 lane hash  2 inbound stream  3 parked events
Returns  {appended, handled, duplicate, refused, parked, expired, entries not trimmed, ms since the oldest, parked kept}
]]
local n = redis.call('HMGET', KEYS[1], 'n:appended', 'n:handled', 'n:duplicate', 'n:refused', 'n:parked', 'n:expired')
local balance = {}
for i = 1, 6 do balance[i] = tonumber(n[i] or 0) end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
balance[7] = redis.call('XLEN', KEYS[2])
balance[8] = oldest and math.max(0, now - string.match(oldest[1], '^%d+')) or 0
balance[9] = redis.call('XLEN', KEYS[3])
return balance
