--[[
Commits what became of a batch of events, to each of several lanes of one reach, once, if the lane is still its caller's.

KEYS  per lane: lane hash, inbound stream, seen digests of this time, chat-log rows, parked events
ARGV  1 ms that digests are kept  2 most parked events kept
      then per lane: epoch, number of the commit within it, position or '', the lowest entry id above the position,
      digests joined (8 bytes each), events handled, duplicate, refused, parked, expired,
      number of row entries, number of parked events,
      then per row entry: number of rows, rows joined by LF; then per parked event: id, event, reason
Returns  per lane 1 done, 0 repeated, -1 fenced, or the commit before it or the entries it passes were lost: nothing
         changed there
]]
local KEPT_MS, PARKED_MAX = ARGV[1], ARGV[2]
local OUTCOMES = { 'n:handled', 'n:duplicate', 'n:refused', 'n:parked', 'n:expired' }

-- After a crash only: drops the attempts of what is done now.
local function forget(lane, seen, done)
  for i = 1, #seen, 8 do
    done[#done + 1] = 'at:' .. string.gsub(string.sub(seen, i, i + 7), '.', function(byte)
      return string.format('%02x', string.byte(byte))
    end)
  end
  for _, field in ipairs(done) do
    if redis.call('HDEL', lane, field) == 1 then redis.call('HINCRBY', lane, 'attempts', -1) end
  end
end

local function park(parked, id, event, reason)
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('XADD', parked, 'MAXLEN', '=', PARKED_MAX, '*', 'id', id, 'event', event, 'reason', reason, 'at', now)
end

local function commit(k, at, rows, parks)
  local lane = KEYS[k]
  local state = redis.call('HMGET', lane, 'epoch', 'commit', 'attempts', unpack(OUTCOMES))
  if state[1] ~= ARGV[at] then return -1 end
  local gap = tonumber(ARGV[at + 1]) - tonumber(state[2])
  if gap <= 0 then return 0 end
  -- A commit that was acknowledged is not there: its rows and digests went with it, and the position must not pass them.
  if gap > 1 then return -1 end
  -- Nor may it count what it passes when that is gone: an append that was lost comes again, and is counted again. Lost is
  -- always a tail, so the last entry stands for all.
  local position = ARGV[at + 2]
  if position ~= '' and redis.call('XDEL', KEYS[k + 1], position) == 0 then return -1 end

  local seen = ARGV[at + 4]
  if seen ~= '' and redis.call('APPEND', KEYS[k + 2], seen) == #seen then
    redis.call('PEXPIRE', KEYS[k + 2], KEPT_MS)
  end

  local fields = { 'commit', ARGV[at + 1] }
  for i, outcome in ipairs(OUTCOMES) do
    local more = ARGV[at + 4 + i]
    if more ~= '0' then
      fields[#fields + 1] = outcome
      fields[#fields + 1] = string.format('%.0f', tonumber(state[3 + i] or 0) + more)
    end
  end

  local row = at + 12
  for _ = 1, rows do
    redis.call('XADD', KEYS[k + 3], '*', 'n', ARGV[row], 'r', ARGV[row + 1])
    row = row + 2
  end

  local done = {}
  for _ = 1, parks do
    park(KEYS[k + 4], ARGV[row], ARGV[row + 1], ARGV[row + 2])
    done[#done + 1] = 'at:' .. ARGV[row]
    row = row + 3
  end
  if tonumber(state[3] or 0) > 0 then forget(lane, seen, done) end

  -- Exact, and below the next id above the position: nothing beyond it goes.
  if position ~= '' then
    fields[#fields + 1] = 'pos'
    fields[#fields + 1] = position
    redis.call('XTRIM', KEYS[k + 1], 'MINID', '=', ARGV[at + 3])
  end
  redis.call('HSET', lane, unpack(fields))
  return 1
end

local results = {}
local at = 3
for i = 1, #KEYS / 5 do
  local rows, parks = tonumber(ARGV[at + 10]), tonumber(ARGV[at + 11])
  results[i] = commit(5 * i - 4, at, rows, parks)
  at = at + 12 + 2 * rows + 3 * parks
end
return results
