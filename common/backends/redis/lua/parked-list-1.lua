--[[
The oldest parked events without their text, which may be long.

KEYS  1 parked events
ARGV  1 how many at most
Returns  per event {entry id, event id, reason, ms when it was parked, bot, channel}; the last two empty when unreadable or very long
]]
-- What it costs to read a long one, every other caller of Redis would wait for.
local CHARS_READ_MAX = 16384

local function place(event)
  if #event > CHARS_READ_MAX then return '', '' end
  local readable, value = pcall(cjson.decode, event)
  if not readable or type(value) ~= 'table' then return '', '' end
  local function text(name) return type(value[name]) == 'string' and value[name] or '' end
  return text('bot'), text('channel')
end

local list = {}
for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])) do
  local fields = {}
  for at = 1, #entry[2], 2 do fields[entry[2][at]] = entry[2][at + 1] end
  local bot, channel = place(fields.event)
  list[i] = { entry[1], fields.id, fields.reason, fields.at, bot, channel }
end
return list
