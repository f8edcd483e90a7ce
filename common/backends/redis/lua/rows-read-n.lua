--[[
Reads row entries of several lanes of one reach, in all at most so many rows and bytes, and at least one entry if there
is any.
XREAD cannot do this: its COUNT is of entries, and one entry may have one row or sixty-four.

KEYS  row streams, the first in the list served first
ARGV  1 most rows  2 most bytes; then per stream the id after which to read
Returns  per entry: {index of the stream, id, rows joined by LF}
]]
local left, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = {}
for i, key in ipairs(KEYS) do
  local after = ARGV[i + 2]
  repeat
    local entries = redis.call('XRANGE', key, '(' .. after, '+', 'COUNT', 16)
    for _, entry in ipairs(entries) do
      local rows = tonumber(entry[2][2])
      local bytes = #entry[2][4]
      if (rows > left or bytes > room) and #found > 0 then return found end
      left, room = left - rows, room - bytes
      after = entry[1]
      found[#found + 1] = { i, after, entry[2][4] }
    end
  until #entries < 16
end
return found
