-- A failed refresh will be tried again: when.
-- KEYS: failure; ARGV: how long until then (ms)
-- Returns 1 where there is a failure
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.pcall('HEXISTS', KEYS[1], 'first') ~= 1 then return 0 end
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', now + ARGV[1]))
return 1
