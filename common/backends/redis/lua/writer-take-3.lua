--[[
Makes a candidate the bot's writer where the place is vacant, or held by the very tenure that it is taken over; numbers
the reign and tells the bot's channel. To the connection that holds already its tenure is said again: its first answer
was lost. Unless the caller has seen a higher epoch: then Redis went back, and it is a holder like any other, to be taken
over.

KEYS  1 meta  2 outbox  3 channel
ARGV  1 incarnation of the pod  2 connection  3 device  4 id of the new tenure  5 generation to use if the bot has none, or a fresh one is due
      6 highest epoch that the caller has seen  7 most actions written beyond the confirmation on record
      8 epoch of the tenure taken over, or ''  9 its id  10 how it ended, or '' when its pod died
      11 sequence below which it left doubt, where 10 is said  12 '1' when the caller saw a loss: then one is due
Returns  {1, epoch, id, generation, first, next, sequence below which is doubt, how the former ended or '', 1 when paused},
         or of who holds {0, epoch, id, pod, connection}
]]
local state = redis.call('HMGET', KEYS[1], 'tenure', 'tid', 'pod', 'conn', 'gen', 'first', 'next', 'doubt', 'end', 'paused')
local epoch, id, pod, connection = state[1], state[2] or '', state[3], state[4]
local isOver = pod and epoch == ARGV[8] and id == ARGV[9]
local isBack = pod and tonumber(epoch) < tonumber(ARGV[6])
local isRepeat = not isOver and not isBack and pod == ARGV[1] and connection == ARGV[2]
if pod and not isOver and not isRepeat then return { 0, epoch, id, pod, connection } end

local gen, first, next = state[5], tonumber(state[6]), tonumber(state[7])
if not gen then
  gen, first, next = ARGV[5], 1, 1
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'gen', gen, 'first', first, 'next', next)
elseif ARGV[12] == '1' then
  -- The counters may have gone back: what was said of their numbers before is of another generation now.
  gen = ARGV[5]
  redis.call('HSET', KEYS[1], 'gen', gen)
end

-- What earlier reigns left in doubt stays so until it is confirmed, however many reigns that takes.
local doubt, ended = tonumber(state[8] or 0), state[9] or ''
if isOver then
  ended = ARGV[10]
  doubt = math.max(doubt, ended == '' and first + tonumber(ARGV[7]) or tonumber(ARGV[11]))
end
doubt = math.max(first, math.min(next, doubt))

if not isRepeat then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  -- At least the time and what the caller saw: a Redis that lost its data must not number a reign as an earlier one.
  epoch = string.format('%.0f', math.max(tonumber(epoch or 0), tonumber(ARGV[6]), now) + 1)
  id = ARGV[4]
  redis.call('HSET', KEYS[1], 'tenure', epoch, 'tid', id, 'pod', ARGV[1], 'conn', ARGV[2], 'dev', ARGV[3],
    'taken', string.format('%.0f', now), 'doubt', string.format('%.0f', doubt), 'end', ended)
  redis.call('SPUBLISH', KEYS[3], '!t' .. epoch .. '\t' .. ARGV[2])
end
return { 1, epoch, id, gen, first, next, doubt, ended, state[10] and 1 or 0 }
