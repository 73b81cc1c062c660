-- A fill begins: try the lock, read epoch and position, register the entry. The query's snapshot opens after this.
-- KEYS: versions, fill lock, one set for each table
-- ARGV: lock token, lock time (ms), member
-- Returns: now, 1 where the lock is ours, epoch, position
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local got = 0
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[2]) == ARGV[1] then
  got = 1
  for i = 3, #KEYS do
    local added = redis.pcall('SADD', KEYS[i], ARGV[3])
    if type(added) == 'table' and added.err then
      if not string.find(added.err, 'WRONGTYPE', 1, true) then
        -- Nobody keeps a lock whose script failed: others would wait for it in vain.
        redis.call('DEL', KEYS[2])
        return added
      end
      -- Under our prefix only a set belongs there: what is none was put there by mistake.
      redis.call('DEL', KEYS[i])
      redis.call('SADD', KEYS[i], ARGV[3])
    end
  end
end
local v = redis.call('HMGET', KEYS[1], '_e', '_p')
return {now, got, v[1] or '', v[2] or ''}
