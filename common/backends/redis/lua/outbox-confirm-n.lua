--[[
Drops what is done with from the outboxes of bots. A stale tenure, by epoch or id, or another generation changes nothing,
nor does a sequence that was not given yet: the counters went back since it was.

KEYS  per confirmation: meta, outbox
ARGV  per confirmation: epoch, id of the tenure, generation, last sequence done with
Returns  per confirmation 1, or 0 when it was stale
]]
local outcomes = {}
for i = 1, #KEYS / 2 do
  local meta, out = KEYS[2 * i - 1], KEYS[2 * i]
  local state = redis.call('HMGET', meta, 'tenure', 'tid', 'gen', 'first', 'next')
  local epoch, id, gen, upTo = unpack(ARGV, 4 * i - 3, 4 * i)
  outcomes[i] = 0
  if state[1] == epoch and state[2] == id and state[3] == gen and tonumber(upTo) < tonumber(state[5]) then
    outcomes[i] = 1
    local first = tonumber(upTo) + 1
    if first > tonumber(state[4]) then
      redis.call('HSET', meta, 'first', string.format('%.0f', first))
      redis.call('XTRIM', out, 'MINID', '=', string.format('%.0f-0', first))
    end
  end
end
return outcomes
