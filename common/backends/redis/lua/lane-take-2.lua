--[[
Makes an incarnation the lane's owner, if nobody did since the caller looked.

KEYS  1 lane hash  2 inbound stream
ARGV  1 epoch that the caller saw  2 incarnation
Returns  {epoch, 1 when the former owner had released it, position, newest entry id}, or nothing when someone was faster
]]
local state = redis.call('HMGET', KEYS[1], 'epoch', 'owner', 'pos')
local last = tonumber(state[1] or 0)
if last ~= tonumber(ARGV[1]) then return false end

-- At least the time: a Redis that lost its data must not issue an epoch again that is fenced elsewhere.
local time = redis.call('TIME')
local epoch = math.max(last + 1, time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'owner', ARGV[2], 'commit', 0)

local position = state[3] or '0-0'
local newest = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local clean = (not state[2] or state[2] == '') and 1 or 0
return { epoch, clean, position, newest and newest[1] or position }
