--[[
Appends whole decisions to the outboxes of bots of one tag, each once, and publishes them.

The dirty set of a writer's pod is no key of the caller: only `meta` knows the pod. It shares the tag, so a Cluster
finds it on the same node.

KEYS  per bot: meta, outbox, channel; then per decision: ids of its deadline's minute
ARGV  1 ms that ids outlive the end of that minute, and actions their deadline  2 dirty key without its member
      3 ms that a dirty set is kept  4 most actions kept of one bot  5 number of bots
      then per bot: name, generation to use if it has none, lane of its first decision
      then per decision: index of its bot, lane, epoch, event, deadline, number of actions, the actions
Returns  per decision 1 accepted, 2 duplicate, 3 expired, 4 fenced; then how many actions were dropped unconfirmed, and
         how many were accepted for bots without a writer
]]
local BEYOND, DIRTY, DIRTY_MS, MOST = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local bots = {}
local at = 6
for i = 1, tonumber(ARGV[5]) do
  local bot = { name = ARGV[at], meta = KEYS[3 * i - 2], out = KEYS[3 * i - 1], channel = KEYS[3 * i], actions = {} }
  local state = redis.call('HMGET', bot.meta, 'gen', 'next', 'first', 'pod', 'l:' .. ARGV[at + 2])
  bot.gen, bot.next, bot.first, bot.pod = state[1], tonumber(state[2]), tonumber(state[3]), state[4]
  bot.epochs = { [ARGV[at + 2]] = tonumber(state[5] or 0) }
  bot.fresh = ARGV[at + 1]
  bots[i] = bot
  at = at + 3
end

-- Lower than the highest epoch this bot has seen of the lane: a former owner that does not know it yet.
local function fenced(bot, lane, epoch)
  local known = bot.epochs[lane] or tonumber(redis.call('HGET', bot.meta, 'l:' .. lane) or 0)
  if epoch > known then
    redis.call('HSET', bot.meta, 'l:' .. lane, string.format('%.0f', epoch))
    known = epoch
  end
  bot.epochs[lane] = known
  return epoch < known
end

local kept = {}
-- True when the event is new. The key is told once per call how long it lives.
local function remember(key, event, deadline)
  if redis.call('SADD', key, event) == 0 then return false end
  if not kept[key] then
    kept[key] = true
    redis.call('PEXPIREAT', key, string.format('%.0f', (math.floor(deadline / 60000) + 1) * 60000 + BEYOND))
  end
  return true
end

local function open(bot)
  -- What an older generation left could not be told from ours, and its higher ids would refuse our first.
  redis.call('DEL', bot.out)
  bot.gen, bot.next, bot.first = bot.fresh, 1, 1
  redis.call('HSET', bot.meta, 'gen', bot.gen, 'first', 1)
end

local function append(bot, deadline, count, from)
  if not bot.gen then open(bot) end
  if not bot.from then bot.from = bot.next end
  for i = from, from + count - 1 do
    redis.call('XADD', bot.out, string.format('%.0f-0', bot.next), 'a', ARGV[i], 'd', deadline)
    bot.actions[#bot.actions + 1] = ARGV[i]
    bot.next = bot.next + 1
  end
end

-- A bot that nobody confirms for must not grow for ever: what expired long ago goes, and the oldest beyond the limit.
local function trim(bot)
  local first = math.max(bot.first, bot.next - MOST)
  repeat
    local expired = 0
    for _, entry in ipairs(redis.call('XRANGE', bot.out, string.format('%.0f-0', first), '+', 'COUNT', 16)) do
      if tonumber(entry[2][4]) + BEYOND > now then break end
      first = first + 1
      expired = expired + 1
    end
  until expired < 16
  if first == bot.first then return 0 end
  redis.call('XTRIM', bot.out, 'MINID', '=', string.format('%.0f-0', first))
  redis.call('HSET', bot.meta, 'first', string.format('%.0f', first))
  return first - bot.first
end

local outcomes = {}
local ids = 3 * #bots
while at <= #ARGV do
  local bot, event, deadline, count = bots[tonumber(ARGV[at])], ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  ids = ids + 1
  local outcome
  if fenced(bot, ARGV[at + 1], tonumber(ARGV[at + 2])) then
    outcome = 4
  elseif deadline <= now then
    outcome = redis.call('SISMEMBER', KEYS[ids], event) == 1 and 2 or 3
  elseif not remember(KEYS[ids], event, deadline) then
    outcome = 2
  else
    outcome = 1
    append(bot, ARGV[at + 4], count, at + 6)
  end
  outcomes[#outcomes + 1] = outcome
  at = at + 6 + count
end

local dropped, unattended = 0, 0
local dirty = {}
for _, bot in ipairs(bots) do
  if #bot.actions > 0 then
    redis.call('HSET', bot.meta, 'next', string.format('%.0f', bot.next))
    redis.call('SPUBLISH', bot.channel,
      bot.gen .. '\t' .. string.format('%.0f', bot.from) .. '\n' .. table.concat(bot.actions, '\n'))
    if bot.pod then
      dirty[bot.pod] = dirty[bot.pod] or {}
      table.insert(dirty[bot.pod], bot.name)
    else
      unattended = unattended + #bot.actions
    end
    -- Rarely: a bot whose writer confirms never has so many.
    if bot.next - bot.first > 64 then dropped = dropped + trim(bot) end
  end
end
for pod, names in pairs(dirty) do
  redis.call('SADD', DIRTY .. pod, unpack(names))
  redis.call('PEXPIRE', DIRTY .. pod, DIRTY_MS)
end
outcomes[#outcomes + 1] = dropped
outcomes[#outcomes + 1] = unattended
return outcomes
