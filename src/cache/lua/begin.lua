-- A fill begins: try the lock, read epoch and position. The query's snapshot, and the catalogue that tells which tables
-- it reads, are opened after this.
-- KEYS: versions, fill lock
-- ARGV: lock token, lock time (ms), 1 to take the lock from its holder
-- Returns: now, 1 where the lock is ours, epoch, position, token of the holder where it is another's
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local v = redis.call('HMGET', KEYS[1], '_e', '_p')
local left = redis.call('PTTL', KEYS[2])
local holder = left ~= -2 and redis.pcall('GET', KEYS[2])
if type(holder) ~= 'string' then holder = '' end
-- A lock without an expiry, or with a later one than any fill sets, was not set by a fill, and no fill would release it.
local foreign = left == -1 or left > tonumber(ARGV[2])
if left == -2 or foreign or ARGV[3] == '1' then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  holder = ARGV[1]
end
if holder == ARGV[1] then return {now, 1, v[1] or '', v[2] or '', ''} end
return {now, 0, v[1] or '', v[2] or '', holder}
