-- A fill begins: try the lock, read epoch and position. The query's snapshot, and the catalogue that tells which tables
-- it reads, are opened after this.
-- KEYS: versions, fill lock
-- ARGV: lock token, lock time (ms)
-- Returns: now, 1 where the lock is ours, epoch, position
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local v = redis.call('HMGET', KEYS[1], '_e', '_p')
local got = 0
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[2]) == ARGV[1] then got = 1 end
return {now, got, v[1] or '', v[2] or ''}
