--[[
Appends one entry of events to a lane, once.

KEYS  1 lane hash  2 inbound stream
ARGV  1 incarnation  2 number of the append  3 number of events  4 backlog limit  5 events joined by LF
      6 ms after which a silent incarnation is forgotten
Returns  1 appended, 0 repeated, -1 the lane is full: nothing changed
]]
local lane, by, number = KEYS[1], 'a:' .. ARGV[1], tonumber(ARGV[2])

local mark = redis.call('HGET', lane, by)
if mark and tonumber(string.match(mark, '^%d+')) >= number then return 0 end

local n = redis.call('HMGET', lane, 'n:appended', 'n:handled', 'n:duplicate', 'n:refused', 'n:parked', 'n:expired')
local backlog = tonumber(n[1] or 0)
for i = 2, 6 do backlog = backlog - tonumber(n[i] or 0) end
if backlog >= tonumber(ARGV[4]) then return -1 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Only a new incarnation adds a field, so its first append is where old ones are swept.
if number == 1 then
  local fields = redis.call('HGETALL', lane)
  for i = 1, #fields, 2 do
    local at = string.match(fields[i], '^a:') and string.match(fields[i + 1], ':(%d+)$')
    if at and now - at > tonumber(ARGV[6]) then redis.call('HDEL', lane, fields[i]) end
  end
end

redis.call('XADD', KEYS[2], '*', 'e', ARGV[5])
redis.call('HINCRBY', lane, 'n:appended', ARGV[3])
redis.call('HSET', lane, by, ARGV[2] .. ':' .. string.format('%.0f', now))
return 1
