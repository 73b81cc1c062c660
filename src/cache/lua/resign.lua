-- Gives the worker's lease back, and says at once that nobody watches any more.
-- KEYS: lease, versions, refreshed reports; ARGV: lease token. Returns 1 where it was ours.
if redis.call('HGET', KEYS[2], '_f') == ARGV[1] then redis.call('HDEL', KEYS[2], '_hb', '_d') end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[3])
return 1
