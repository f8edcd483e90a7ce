--[[
Enters a candidate for the bot's writer, strikes off the earlier ones of its device and tells the bot's channel. One that
is itself the earlier changes nothing. Of two of the same moment the higher connection id counts as the later.

KEYS  1 meta  2 candidates  3 channel
ARGV  1 connection  2 device  3 since  4 its record: since, incarnation of the pod and device, between tabs
      5 what the channel is told  6 most candidates kept
Returns  {1 when a later one of its device is enrolled, and of who holds: epoch, id, pod, connection}
]]
local state = redis.call('HMGET', KEYS[1], 'tenure', 'tid', 'pod', 'conn')
local function answer(outdated)
  if not state[3] then return { outdated } end
  return { outdated, state[1], state[2] or '', state[3], state[4] }
end

local candidates = redis.call('HGETALL', KEYS[2])
local since = tonumber(ARGV[3])
local earlier, oldest, oldestSince = {}, nil, math.huge
for i = 1, #candidates, 2 do
  local connection = candidates[i]
  local itsSince, device = string.match(candidates[i + 1], '^([^\t]*)\t[^\t]*\t(.*)$')
  itsSince = tonumber(itsSince)
  if connection == ARGV[1] then
    -- A repeat.
  elseif device == ARGV[2] then
    if itsSince > since or (itsSince == since and connection > ARGV[1]) then return answer(1) end
    earlier[#earlier + 1] = connection
  elseif itsSince < oldestSince then
    oldest, oldestSince = connection, itsSince
  end
end

if #earlier > 0 then redis.call('HDEL', KEYS[2], unpack(earlier)) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
-- What pods that died left is struck off by nobody else.
if oldest and redis.call('HLEN', KEYS[2]) > tonumber(ARGV[6]) then redis.call('HDEL', KEYS[2], oldest) end
redis.call('SPUBLISH', KEYS[3], ARGV[5])
return answer(0)
