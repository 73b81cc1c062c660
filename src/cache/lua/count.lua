-- Counts requests that were answered from a process's memory. Follows `demand.lua`.
-- KEYS: demand; ARGV: member, requests, member, requests...
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 1, #ARGV, 2 do count(KEYS[1], ARGV[i], tonumber(ARGV[i + 1]), now) end
return 1
