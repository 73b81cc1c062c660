-- Takes the worker's lease of a source. The fencing number only grows: it lives with the versions, without a TTL.
-- KEYS: lease, versions, refreshed reports; ARGV: worker id, time (ms)
-- Returns: now, 1 where it is ours, fencing number, epoch, position, log, ms until another's lease ends
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local holder = redis.call('GET', KEYS[1])
if holder then
  return {now, 0, 0, '', '', '', redis.call('PTTL', KEYS[1])}
end
local fence = redis.call('HINCRBY', KEYS[2], '_f', 1)
redis.call('SET', KEYS[1], fence .. ':' .. ARGV[1], 'PX', ARGV[2])
-- The former holder died: what it vouched for last is true no more, and what it refreshed we perhaps do not.
redis.call('HDEL', KEYS[2], '_hb', '_d')
redis.call('DEL', KEYS[3])
local v = redis.call('HMGET', KEYS[2], '_e', '_p', '_l')
return {now, 1, fence, v[1] or '', v[2] or '', v[3] or '', 0}
