--[[
Commits what became of a batch of events, once, if the lane is still the caller's.

KEYS  1 lane hash  2 inbound stream  3 seen digests of this time  4 chat-log rows  5 parked events
ARGV  1 epoch  2 number of the commit within it
      3 position, or ''  4 the lowest entry id above the position
      5 digests joined, 8 bytes each  6 ms that they are kept
      7 most parked events kept  8..12 events handled, duplicate, refused, parked, expired
      13 number of row entries; then per entry: number of rows, rows joined by LF
      then per parked event: id, event, reason
Returns  1 done, 0 repeated, -1 fenced: nothing changed
]]
local lane = KEYS[1]
local state = redis.call('HMGET', lane, 'epoch', 'commit', 'attempts')
if state[1] ~= ARGV[1] then return -1 end
if tonumber(ARGV[2]) <= tonumber(state[2]) then return 0 end
redis.call('HSET', lane, 'commit', ARGV[2])

local done = {}
local seen = ARGV[5]
if seen ~= '' then
  redis.call('APPEND', KEYS[3], seen)
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end

for i, outcome in ipairs({ 'handled', 'duplicate', 'refused', 'parked', 'expired' }) do
  if ARGV[7 + i] ~= '0' then redis.call('HINCRBY', lane, 'n:' .. outcome, ARGV[7 + i]) end
end

local at = 14
for _ = 1, tonumber(ARGV[13]) do
  redis.call('XADD', KEYS[4], '*', 'n', ARGV[at], 'r', ARGV[at + 1])
  at = at + 2
end

local time = at <= #ARGV and redis.call('TIME')
while at <= #ARGV do
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('XADD', KEYS[5], 'MAXLEN', '=', ARGV[7], '*',
    'id', ARGV[at], 'event', ARGV[at + 1], 'reason', ARGV[at + 2], 'at', now)
  done[#done + 1] = 'at:' .. ARGV[at]
  at = at + 3
end

-- After a crash only: drop the attempts of what is done now.
if tonumber(state[3] or 0) > 0 then
  for i = 1, #seen, 8 do
    done[#done + 1] = 'at:' .. string.gsub(string.sub(seen, i, i + 7), '.', function(byte)
      return string.format('%02x', string.byte(byte))
    end)
  end
  for _, field in ipairs(done) do
    if redis.call('HDEL', lane, field) == 1 then redis.call('HINCRBY', lane, 'attempts', -1) end
  end
end

-- Exact, and below the next id above the position: the position's own entry goes, nothing beyond it does.
if ARGV[3] ~= '' then
  redis.call('HSET', lane, 'pos', ARGV[3])
  redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[4])
end
return 1
