--[[
Appends an entry of events to each of several lanes of one reach, each once.

KEYS  per lane: lane hash, inbound stream
ARGV  1 backlog limit  2 ms after which a silent incarnation is forgotten
      then per lane: incarnation, number of the append, incarnation and number of the one before it ('' and 0 where
      nobody knows), number of events, events joined by LF
Returns  per lane 1 appended, 0 repeated, each with when it was appended (ms), -1 the lane is full, -2 the append before it
         was lost: nothing changed there, and a 0
]]
local LIMIT, SILENT = tonumber(ARGV[1]), tonumber(ARGV[2])

-- Only a new incarnation adds a field, so its first append is where old ones are swept.
local function sweep(lane, now)
  local fields = redis.call('HGETALL', lane)
  for i = 1, #fields, 2 do
    local at = string.match(fields[i], '^a:') and string.match(fields[i + 1], ':(%d+)$')
    if at and now - at > SILENT then redis.call('HDEL', lane, fields[i]) end
  end
end

-- Has this incarnation appended up to that number?
local function has(mark, number)
  return mark and tonumber(string.match(mark, '^%d+')) >= number
end

local function append(lane, stream, at)
  local by, number, before, count = 'a:' .. ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local n = redis.call('HMGET', lane, by, 'a:' .. ARGV[at + 2],
    'n:appended', 'n:handled', 'n:duplicate', 'n:refused', 'n:parked', 'n:expired')
  if has(n[1], tonumber(number)) then return 0, tonumber(string.match(n[1], '%d+$')) end
  if before > 0 and not has(n[2], before) then return -2, 0 end
  local appended = tonumber(n[3] or 0)
  local backlog = appended
  for i = 4, 8 do backlog = backlog - tonumber(n[i] or 0) end
  if backlog >= LIMIT then return -1, 0 end
  local now = string.match(redis.call('XADD', stream, '*', 'e', ARGV[at + 5]), '^%d+')
  if number == '1' then sweep(lane, tonumber(now)) end
  redis.call('HSET', lane, by, number .. ':' .. now, 'n:appended', string.format('%.0f', appended + count))
  return 1, tonumber(now)
end

local results = {}
for i = 1, #KEYS / 2 do
  results[2 * i - 1], results[2 * i] = append(KEYS[2 * i - 1], KEYS[2 * i], 6 * i - 3)
end
return results
