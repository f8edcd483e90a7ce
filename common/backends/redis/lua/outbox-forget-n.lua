--[[
Drops from the outboxes of bots what expired and nobody came for: entries as outbox-enqueue-n.lua makes them, from the
oldest on, up to the first that may still be shown.

KEYS  per bot: meta, outbox
ARGV  1 ms: what has its deadline before goes
Returns  how many actions were dropped
]]
local before = tonumber(ARGV[1])
local dropped = 0
for i = 1, #KEYS / 2 do
  local meta, out = KEYS[2 * i - 1], KEYS[2 * i]
  local was = tonumber(redis.call('HGET', meta, 'first') or 1)
  local first = was
  repeat
    local expired = 0
    for _, entry in ipairs(redis.call('XRANGE', out, string.format('%.0f-0', first), '+', 'COUNT', 16)) do
      if tonumber(entry[2][4]) >= before then break end
      first = tonumber(string.match(entry[1], '^%d+')) + 1
      expired = expired + 1
    end
  until expired < 16
  if first > was then
    redis.call('XTRIM', out, 'MINID', '=', string.format('%.0f-0', first))
    redis.call('HSET', meta, 'first', string.format('%.0f', first))
    dropped = dropped + first - was
  end
end
return dropped
