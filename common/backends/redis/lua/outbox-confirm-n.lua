--[[
Drops what is done with from the outboxes of bots. A stale tenure or another generation changes nothing.

KEYS  per confirmation: meta, outbox
ARGV  per confirmation: tenure, generation, last sequence done with
]]
for i = 1, #KEYS / 2 do
  local meta, out = KEYS[2 * i - 1], KEYS[2 * i]
  local state = redis.call('HMGET', meta, 'tenure', 'gen', 'first', 'next')
  if state[1] == ARGV[3 * i - 2] and state[2] == ARGV[3 * i - 1] then
    local first = math.min(tonumber(ARGV[3 * i]) + 1, tonumber(state[4]))
    if first > tonumber(state[3]) then
      redis.call('HSET', meta, 'first', string.format('%.0f', first))
      redis.call('XTRIM', out, 'MINID', '=', string.format('%.0f-0', first))
    end
  end
end
