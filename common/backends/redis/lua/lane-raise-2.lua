--[[
Makes the lane's epochs and the ids of its rows go on above what is known elsewhere. Above, not at: the owner under that
very epoch is fenced, too, because which of its commits were made is forgotten here.

KEYS  1 lane hash  2 chat-log rows
ARGV  1 epoch  2 id of a row entry, 0-0 for none
Returns  1 when one of them was behind, else 0
]]
local raised = 0
if tonumber(redis.call('HGET', KEYS[1], 'epoch') or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', ARGV[1] + 1))
  raised = 1
end

if ARGV[2] ~= '0-0' then
  -- A stream remembers its highest id beyond the entry's end. XADD refuses one that is not higher: then it knows already.
  local added = redis.pcall('XADD', KEYS[2], ARGV[2], 'n', 0)
  if type(added) == 'string' then
    redis.call('XDEL', KEYS[2], ARGV[2])
    raised = 1
  elseif not string.find(added.err, 'equal or smaller', 1, true) then
    return added
  end
end
return raised
