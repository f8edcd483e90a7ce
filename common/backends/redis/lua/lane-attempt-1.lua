--[[
Counts one more try of an event, once per epoch: a call made again under the same epoch counts nothing. The field holds
`<tries>:<epoch of the last>`. `attempts` counts the fields there are, so that a commit looks for them only if any.

KEYS  1 lane hash
ARGV  1 epoch  2 event id
Returns  the tries so far with this one, or nothing when fenced
]]
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return false end
local field = 'at:' .. ARGV[2]
local known = redis.call('HGET', KEYS[1], field)
if not known then redis.call('HINCRBY', KEYS[1], 'attempts', 1) end
local tries, epoch = string.match(known or '0:', '^(%d+):(%d*)$')
if epoch ~= ARGV[1] then tries = tries + 1 end
redis.call('HSET', KEYS[1], field, string.format('%d:%s', tries, ARGV[1]))
return tonumber(tries)
