--[[
Appends whole decisions to the outboxes of bots, each once, and publishes them.

The dirty set of a writer's pod is no key of the caller: only `meta` knows the pod. It shares the bot's tag, so a Cluster
finds it on the same node.

A run is decisions of one bot that follow each other and share lane, epoch and the minute of their deadlines: what they
share is said and looked up once, and what is accepted of them is one entry. Nearly always that is all of them, and their
actions go on as the one text that they came as: every string that Lua makes is hashed byte by byte, which for texts was
a seventh of Redis' work.

An entry's id is `<sequence of its last action>-0`: XRANGE from a sequence then begins with the entry that holds it, and
XTRIM below one keeps that entry.

KEYS  per bot: meta, outbox, channel; then per run: ids of its minute
ARGV  1 ms that ids outlive the end of that minute, and actions their deadline  2 ms that a dirty set is kept
      3 most actions kept of one bot  4 generation to use for bots that have none  5 number of bots
      then per bot: name, dirty key of its tag without the member, lane of its first run
      then per run: index of its bot, lane, epoch, minute, earliest and latest deadline, number of actions, the actions
        joined by LF, number of actions and deadline of each decision joined by spaces, number of decisions, their events
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
  local state = redis.call('HMGET', bot.meta, 'gen', 'next', 'first', 'pod', 'ids', 'l:' .. ARGV[at + 2])
  bot.gen, bot.next, bot.first, bot.pod, bot.ids = state[1], tonumber(state[2]), tonumber(state[3]), state[4], state[5]
  bot.epochs = { [ARGV[at + 2]] = tonumber(state[6] or 0) }
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

-- How many of the events were not there yet. `ids` of the meta is the minute whose key was told last how long it lives.
local function remember(bot, run, ...)
  local added = redis.call('SADD', run.ids, ...)
  if bot.ids ~= run.minute then
    bot.ids = run.minute
    redis.call('PEXPIREAT', run.ids, string.format('%d', (run.minute + 1) * 60000 + BEYOND))
    redis.call('HSET', bot.meta, 'ids', run.minute)
  end
  return added
end

local function open(bot)
  -- What an older generation left could not be told from ours, and its higher ids would refuse our first.
  redis.call('DEL', bot.out)
  bot.gen, bot.next, bot.first = FRESH, 1, 1
  redis.call('HSET', bot.meta, 'gen', bot.gen, 'first', 1)
end

local function append(bot, count, actions, deadline)
  if not bot.gen then open(bot) end
  bot.from = bot.from or bot.next
  bot.next = bot.next + count
  redis.call('XADD', bot.out, string.format('%d-0', bot.next - 1), 'a', actions, 'd', deadline)
  bot.actions = bot.actions and bot.actions .. '\n' .. actions or actions
end

-- A run of which something is refused.
local function sort(bot, run, known, outcomes)
  local line = string.gmatch(run.actions, '[^\n]+')
  local told = string.gmatch(run.told, '%d+')
  local new, actions, latest, isNew = {}, {}, 0, {}
  for i = 1, run.decisions do
    local event, count, deadline = ARGV[run.at + i], tonumber(told()), tonumber(told())
    local outcome = 1
    if not known then
      outcome = 4
    elseif known[i] == 1 or isNew[event] then
      outcome = 2
    elseif deadline <= now then
      outcome = 3
    else
      isNew[event] = true
      new[#new + 1] = event
      latest = math.max(latest, deadline)
    end
    for _ = 1, count do
      local action = line()
      if outcome == 1 then actions[#actions + 1] = action end
    end
    outcomes[#outcomes + 1] = outcome
  end
  if #new == 0 then return end
  remember(bot, run, unpack(new))
  append(bot, #actions, table.concat(actions, '\n'), string.format('%d', latest))
end

local function enqueue(bot, run, outcomes)
  local first, last = run.at + 1, run.at + run.decisions
  local known = not fenced(bot, run.lane, run.epoch) and redis.call('SMISMEMBER', run.ids, unpack(ARGV, first, last))
  local isNew = known and run.earliest > now
  for i = 1, isNew and run.decisions or 0 do isNew = isNew and known[i] == 0 end
  -- The last condition: none is there twice.
  if not isNew or remember(bot, run, unpack(ARGV, first, last)) < run.decisions then
    return sort(bot, run, known, outcomes)
  end
  for _ = 1, run.decisions do outcomes[#outcomes + 1] = 1 end
  append(bot, run.count, run.actions, run.latest)
end

-- A bot that nobody confirms for must not grow for ever: what expired long ago goes, and the oldest beyond the limit.
local function trim(bot)
  local first = math.max(bot.first, bot.next - MOST)
  repeat
    local expired = 0
    for _, entry in ipairs(redis.call('XRANGE', bot.out, string.format('%d-0', first), '+', 'COUNT', 16)) do
      if tonumber(entry[2][4]) + BEYOND > now then break end
      first = tonumber(string.match(entry[1], '^%d+')) + 1
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
  key = key + 1
  local run = {
    lane = ARGV[at + 1],
    epoch = tonumber(ARGV[at + 2]),
    ids = KEYS[key],
    minute = ARGV[at + 3],
    earliest = tonumber(ARGV[at + 4]),
    latest = ARGV[at + 5],
    count = tonumber(ARGV[at + 6]),
    actions = ARGV[at + 7],
    told = ARGV[at + 8],
    decisions = tonumber(ARGV[at + 9]),
    at = at + 9,
  }
  enqueue(bots[tonumber(ARGV[at])], run, outcomes)
  at = run.at + run.decisions + 1
end

local dropped, unattended = 0, 0
local dirty = {}
for _, bot in ipairs(bots) do
  if bot.from then
    redis.call('HSET', bot.meta, 'next', string.format('%d', bot.next))
    redis.call('SPUBLISH', bot.channel, bot.gen .. string.format('\t%d\n', bot.from) .. bot.actions)
    if bot.pod then
      local set = bot.dirty .. bot.pod
      dirty[set] = dirty[set] or {}
      table.insert(dirty[set], bot.name)
    else
      unattended = unattended + bot.next - bot.from
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
