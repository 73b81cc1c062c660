-- A fill ends: store the header, unless that would put an older answer in the place of a newer one.
-- KEYS: versions, header, fill lock, failure, one set for each table
-- ARGV: lock token, epoch and position as `begin` told, soft and hard time from now (ms), member, then field, value...
-- Returns: now, `stored` or `refused`, 1 where it was born stale, superseded fill id, its number of chunks
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, pos = ARGV[2], ARGV[3]
local v = redis.call('HMGET', KEYS[1], '_e', '_p')
local current = v[1] or ''
local old = redis.pcall('HMGET', KEYS[2], 'epoch', 'pos', 'fill', 'chunks')
if old.err then old = {false, false, false, false} end

-- A lock that holds something else is not ours, and no reason to fail half-way.
if redis.pcall('GET', KEYS[3]) == ARGV[1] then redis.call('DEL', KEYS[3]) end

-- After the epoch changed this answer can never be fresh: it must not replace one that can.
if old[1] and old[1] == current and epoch ~= current then return {now, 'refused', 1, '', 0} end
if old[1] == epoch and old[2] and old[2] > pos then return {now, 'refused', 1, '', 0} end

redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'key', ARGV[6], 'epoch', epoch, 'pos', pos, 'created', string.format('%.0f', now),
  'soft', string.format('%.0f', now + ARGV[4]), 'hard', string.format('%.0f', now + ARGV[5]))
-- Before anything else can fail: nothing of ours may stay for ever.
redis.call('PEXPIRE', KEYS[2], ARGV[5])
for i = 7, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
-- The refresh succeeded.
redis.call('DEL', KEYS[4])
for i = 5, #KEYS do
  local added = redis.pcall('SADD', KEYS[i], ARGV[6])
  if type(added) == 'table' and added.err then
    -- Under our prefix only a set belongs there: what is none was put there by mistake.
    redis.call('DEL', KEYS[i])
    redis.call('SADD', KEYS[i], ARGV[6])
  end
  -- A set lasts as long as the last of its entries.
  if redis.call('PTTL', KEYS[i]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[i], ARGV[5]) end
end

local born_stale = 0
if epoch == '' or epoch ~= current then
  born_stale = 1
else
  for _, name in ipairs(cjson.decode(redis.call('HGET', KEYS[2], 'tables'))) do
    local at = redis.call('HGET', KEYS[1], string.sub(name, 1, 1) == '_' and '_' .. name or name)
    if not at or at > pos then born_stale = 1 end
  end
end

-- What the old header says about its chunks was perhaps not written by us.
local fill, chunks = old[3], tonumber(old[4] or '')
if not fill or #fill > 64 or not string.match(fill, '^%w+$') then fill = '' end
if not chunks or not (chunks >= 0 and chunks <= 100000) then chunks = 0 end
return {now, 'stored', born_stale, fill, math.floor(chunks)}
