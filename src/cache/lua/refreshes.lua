-- The leading worker tells which reports it refreshes: whoever finds an old entry of another must not wait for it.
-- KEYS: lease, refreshed reports; ARGV: lease token, ids of reports... Returns 1 where the lease was ours.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
for i = 2, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
return 1
