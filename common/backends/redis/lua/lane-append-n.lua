--[[
Appends an entry of events to each of several lanes of one reach, each once.

KEYS  per lane: lane hash, inbound stream
ARGV  1 backlog limit  2 ms after which a silent incarnation is forgotten
      then per lane: incarnation, number of the append, number of events, events joined by LF
Returns  per lane 1 appended, 0 repeated, -1 the lane is full: nothing changed there
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

local function append(lane, stream, by, number, count, events)
  local n = redis.call('HMGET', lane, by, 'n:appended', 'n:handled', 'n:duplicate', 'n:refused', 'n:parked', 'n:expired')
  if n[1] and tonumber(string.match(n[1], '^%d+')) >= tonumber(number) then return 0 end
  local appended = tonumber(n[2] or 0)
  local backlog = appended
  for i = 3, 7 do backlog = backlog - tonumber(n[i] or 0) end
  if backlog >= LIMIT then return -1 end
  local now = string.match(redis.call('XADD', stream, '*', 'e', events), '^%d+')
  if number == '1' then sweep(lane, tonumber(now)) end
  redis.call('HSET', lane, by, number .. ':' .. now, 'n:appended', string.format('%.0f', appended + count))
  return 1
end

local results = {}
for i = 1, #KEYS / 2 do
  local at = 4 * i - 1
  results[i] = append(KEYS[2 * i - 1], KEYS[2 * i], 'a:' .. ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), ARGV[at + 3])
end
return results
