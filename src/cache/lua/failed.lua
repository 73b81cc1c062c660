-- A refresh failed: how, how often in a row, and when. The next answer that is stored removes it (`commit`).
-- KEYS: header, failure
-- ARGV: when the refresh began (ms; 0 where that is not known), how long it is kept (ms), message, code, 1 where the
--       failure does not pass with time
-- Returns: now, how often in a row
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- An answer that was stored since then is a later success than this failure.
local created = tonumber(redis.pcall('HGET', KEYS[1], 'created'))
if created and created > tonumber(ARGV[1]) and ARGV[1] ~= '0' then return {now, 0} end
if redis.pcall('HEXISTS', KEYS[2], 'first') ~= 1 then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'first', string.format('%.0f', now))
end
-- Before anything else can fail: nothing of ours may stay without an end. Where there is no entry (a try-out of
-- SQL) an hour is enough.
local keep = tonumber(ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then keep = math.min(keep, 3600000) end
redis.call('PEXPIRE', KEYS[2], string.format('%.0f', keep))
local count = redis.call('HINCRBY', KEYS[2], 'count', 1)
redis.call('HSET', KEYS[2], 'at', string.format('%.0f', now), 'message', ARGV[3], 'code', ARGV[4], 'permanent', ARGV[5])
return {now, count}
