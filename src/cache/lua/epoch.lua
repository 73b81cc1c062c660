-- A new epoch: everything known about the tables is void, every entry is stale until it is refilled.
-- KEYS: versions; ARGV: fencing number, epoch, position, as of (ms), valid for (ms), detector, log
-- Returns: now, `ok` or `lost`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HGET', KEYS[1], '_f') ~= ARGV[1] then return {now, 'lost'} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], '_f', ARGV[1], '_e', ARGV[2], '_p', ARGV[3], '_hb', ARGV[4], '_valid', ARGV[5],
  '_d', ARGV[6], '_l', ARGV[7])
return {now, 'ok'}
