-- Renews (time > 0) or gives up (time 0) a key that is still ours.
-- KEYS: lock or lease; ARGV: token, time (ms). Returns 1 where it was ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
