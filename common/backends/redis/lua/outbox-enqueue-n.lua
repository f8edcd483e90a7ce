--[[
Appends whole decisions to the outboxes of bots, each once, and publishes them.

The dirty set of a writer's pod is no key of the caller: only `meta` knows the pod. It shares the bot's tag, so a Cluster
finds it on the same node.

A run is decisions of one bot that follow each other and share lane, epoch and the minute of their deadlines: what they
share is said and looked up once.

KEYS  per bot: meta, outbox, channel; then per run: ids of its minute
ARGV  1 ms that ids outlive the end of that minute, and actions their deadline  2 ms that a dirty set is kept
      3 most actions kept of one bot  4 generation to use for bots that have none  5 number of bots
      then per bot: name, dirty key of its tag without the member, lane of its first run
      then per run: index of its bot, lane, epoch, number of decisions, its events, its deadlines
        then per decision: number of actions, the actions
Returns  per decision 1 accepted, 2 duplicate, 3 expired, 4 fenced; then how many actions were dropped unconfirmed, and
         how many were accepted for bots without a writer
]]
local BEYOND, DIRTY_MS, MOST, FRESH = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local bots = {}
local at = 6
for i = 1, tonumber(ARGV[5]) do
  local bot = { name = ARGV[at], dirty = ARGV[at + 1], meta = KEYS[3 * i - 2], out = KEYS[3 * i - 1], channel = KEYS[3 * i] }
  local state = redis.call('HMGET', bot.meta, 'gen', 'next', 'first', 'pod', 'l:' .. ARGV[at + 2])
  bot.gen, bot.next, bot.first, bot.pod = state[1], tonumber(state[2]), tonumber(state[3]), state[4]
  bot.epochs = { [ARGV[at + 2]] = tonumber(state[5] or 0) }
  bot.actions = {}
  bots[i] = bot
  at = at + 3
end

-- Lower than the highest epoch this bot has seen of the lane: a former owner that does not know it yet.
local function fenced(bot, lane, epoch)
  local known = bot.epochs[lane] or tonumber(redis.call('HGET', bot.meta, 'l:' .. lane) or 0)
  if epoch > known then
    redis.call('HSET', bot.meta, 'l:' .. lane, string.format('%d', epoch))
    known = epoch
  end
  bot.epochs[lane] = known
  return epoch < known
end

local kept = {}
-- The events are new. The key is told once per call how long it lives.
local function remember(key, events, deadline)
  redis.call('SADD', key, unpack(events))
  if not kept[key] then
    kept[key] = true
    redis.call('PEXPIREAT', key, string.format('%d', (math.floor(deadline / 60000) + 1) * 60000 + BEYOND))
  end
end

-- What becomes of each decision of a run. New ones are remembered.
local function judge(bot, key, run)
  local outcomes, new, isNew = {}, {}, {}
  local isFenced = fenced(bot, run.lane, run.epoch)
  local known = not isFenced and redis.call('SMISMEMBER', key, unpack(run.events))
  for i, event in ipairs(run.events) do
    if isFenced then
      outcomes[i] = 4
    elseif known[i] == 1 or isNew[event] then
      outcomes[i] = 2
    elseif tonumber(run.deadlines[i]) <= now then
      outcomes[i] = 3
    else
      outcomes[i] = 1
      isNew[event] = true
      new[#new + 1] = event
    end
  end
  if #new > 0 then remember(key, new, tonumber(run.deadlines[1])) end
  return outcomes
end

local function open(bot)
  -- What an older generation left could not be told from ours, and its higher ids would refuse our first.
  redis.call('DEL', bot.out)
  bot.gen, bot.next, bot.first = FRESH, 1, 1
  redis.call('HSET', bot.meta, 'gen', bot.gen, 'first', 1)
end

local function append(bot, deadline, from, count)
  if not bot.gen then open(bot) end
  bot.from = bot.from or bot.next
  for i = from, from + count - 1 do
    redis.call('XADD', bot.out, string.format('%d-0', bot.next), 'a', ARGV[i], 'd', deadline)
    bot.actions[#bot.actions + 1] = ARGV[i]
    bot.next = bot.next + 1
  end
end

-- A bot that nobody confirms for must not grow for ever: what expired long ago goes, and the oldest beyond the limit.
local function trim(bot)
  local first = math.max(bot.first, bot.next - MOST)
  repeat
    local expired = 0
    for _, entry in ipairs(redis.call('XRANGE', bot.out, string.format('%d-0', first), '+', 'COUNT', 16)) do
      if tonumber(entry[2][4]) + BEYOND > now then break end
      first = first + 1
      expired = expired + 1
    end
  until expired < 16
  if first == bot.first then return 0 end
  redis.call('XTRIM', bot.out, 'MINID', '=', string.format('%d-0', first))
  redis.call('HSET', bot.meta, 'first', string.format('%d', first))
  return first - bot.first
end

local outcomes = {}
local key = 3 * #bots
while at <= #ARGV do
  local bot, count = bots[tonumber(ARGV[at])], tonumber(ARGV[at + 3])
  local run = { lane = ARGV[at + 1], epoch = tonumber(ARGV[at + 2]), events = {}, deadlines = {} }
  for i = 1, count do
    run.events[i] = ARGV[at + 3 + i]
    run.deadlines[i] = ARGV[at + 3 + count + i]
  end
  at = at + 4 + 2 * count
  key = key + 1
  for i, outcome in ipairs(judge(bot, KEYS[key], run)) do
    outcomes[#outcomes + 1] = outcome
    local actions = tonumber(ARGV[at])
    if outcome == 1 then append(bot, run.deadlines[i], at + 1, actions) end
    at = at + 1 + actions
  end
end

local dropped, unattended = 0, 0
local dirty = {}
for _, bot in ipairs(bots) do
  if #bot.actions > 0 then
    redis.call('HSET', bot.meta, 'next', string.format('%d', bot.next))
    redis.call('SPUBLISH', bot.channel, bot.gen .. '\t' .. string.format('%d', bot.from) .. '\n' .. table.concat(bot.actions, '\n'))
    if bot.pod then
      local set = bot.dirty .. bot.pod
      dirty[set] = dirty[set] or {}
      table.insert(dirty[set], bot.name)
    else
      unattended = unattended + #bot.actions
    end
    -- Rarely: a bot whose writer confirms never has so many.
    if bot.next - bot.first > 64 then dropped = dropped + trim(bot) end
  end
end
for set, names in pairs(dirty) do
  redis.call('SADD', set, unpack(names))
  redis.call('PEXPIRE', set, DIRTY_MS)
end
outcomes[#outcomes + 1] = dropped
outcomes[#outcomes + 1] = unattended
return outcomes
