-- Goes on in the epoch of a former worker: the detector reads the same log from exactly the applied position.
-- KEYS: versions; ARGV: fencing number, epoch, position, as of (ms), valid for (ms), detector
-- Returns: now, `ok` or `lost`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local v = redis.call('HMGET', KEYS[1], '_f', '_e', '_p')
if v[1] ~= ARGV[1] or v[2] ~= ARGV[2] or v[3] ~= ARGV[3] then return {now, 'lost'} end
redis.call('HSET', KEYS[1], '_hb', ARGV[4], '_valid', ARGV[5], '_d', ARGV[6])
return {now, 'ok'}
