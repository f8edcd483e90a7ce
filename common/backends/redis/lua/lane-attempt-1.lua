--[[
Counts one more try of each event that has fewer than so many, once per epoch: a call made again under the same epoch
counts nothing. The field holds `<tries>:<epoch of the last>`. `attempts` counts the fields there are, so that a commit
looks for them only if any.

KEYS  1 lane hash
ARGV  1 epoch  2 tries from which none is counted  then event ids
Returns  per event the tries so far with this one, whether it was counted or not; nothing when fenced
]]
local lane, now, below = KEYS[1], ARGV[1], tonumber(ARGV[2])
if redis.call('HGET', lane, 'epoch') ~= now then return false end

local results = {}
for i = 3, #ARGV do
  local field = 'at:' .. ARGV[i]
  local known = redis.call('HGET', lane, field)
  local tries, epoch = string.match(known or '0:', '^(%d+):(%d*)$')
  tries = tonumber(tries)
  if epoch ~= now then
    if tries < below then
      if not known then redis.call('HINCRBY', lane, 'attempts', 1) end
      redis.call('HSET', lane, field, string.format('%d:%s', tries + 1, now))
    end
    tries = tries + 1
  end
  results[i - 2] = tries
end
return results
