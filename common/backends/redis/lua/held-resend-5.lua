--[[
Appends a held action to the bot's outbox, publishes it and forgets that it was held. Past the dedupe of outbox-enqueue:
that it may have been shown already is what the operator decided on. The dirty set of the writer's pod is no key of the
caller, as there.

KEYS  1 held actions of the bot  2 ages of the tag's held actions  3 meta  4 outbox  5 channel
ARGV  1 id  2 its name among the ages  3 the action  4 its deadline  5 generation to use if the bot has none
      6 bot  7 dirty key of its tag without the member  8 ms that a dirty set is kept
Returns  1, or 0 when it is not there
]]
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[2], ARGV[2])

local state = redis.call('HMGET', KEYS[3], 'gen', 'next', 'pod')
local gen, next, pod = state[1], tonumber(state[2]), state[3]
if not gen then
  gen, next = ARGV[5], 1
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[3], 'gen', gen, 'first', 1)
end
local sequence = string.format('%.0f', next)
redis.call('XADD', KEYS[4], sequence .. '-0', 'a', ARGV[3], 'd', ARGV[4])
redis.call('HSET', KEYS[3], 'next', string.format('%.0f', next + 1))
redis.call('SPUBLISH', KEYS[5], gen .. '\t' .. sequence .. '\n' .. ARGV[3])
if pod then
  redis.call('SADD', ARGV[7] .. pod, ARGV[6])
  redis.call('PEXPIRE', ARGV[7] .. pod, ARGV[8])
end
return 1
