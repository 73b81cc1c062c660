-- Bump and heartbeat: what the leading worker came to know, all of it or nothing.
-- KEYS: versions
-- ARGV: lease token, epoch, last published position, new position, as of (ms), valid for (ms),
--       `take_in` | `bump` | `bump_all`, tables...
-- Returns: now, `ok` | `lost` | `behind`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local v = redis.call('HMGET', KEYS[1], '_f', '_e', '_p', '_hb')
if v[1] ~= ARGV[1] or v[2] ~= ARGV[2] then return {now, 'lost'} end
-- The server forgot what was published (a failover lost the last writes): changes may be missing.
if not v[3] or v[3] < ARGV[3] then return {now, 'behind'} end

local position = ARGV[4]
local function raise(field)
  local at = redis.call('HGET', KEYS[1], field)
  if not at or at < position then redis.call('HSET', KEYS[1], field, position) end
end
local function field_of(name) return string.sub(name, 1, 1) == '_' and '_' .. name or name end

if ARGV[7] == 'take_in' then
  for i = 8, #ARGV do
    if redis.call('HEXISTS', KEYS[1], field_of(ARGV[i])) == 0 then raise(field_of(ARGV[i])) end
  end
elseif ARGV[7] == 'bump_all' then
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 1) ~= '_' or string.sub(field, 1, 2) == '__' then raise(field) end
  end
elseif #ARGV >= 8 then
  for i = 8, #ARGV do raise(field_of(ARGV[i])) end
  -- "Any change of the source" changed, where an entry depends on that.
  if redis.call('HEXISTS', KEYS[1], '*') == 1 then raise('*') end
end
if position > v[3] then redis.call('HSET', KEYS[1], '_p', position) end
-- The heartbeat tells when the detector looked, and never goes back, but for one that a clock left which was ahead: it
-- vouches for nothing, and would stand in the way of every true one until then.
local beat = tonumber(v[4])
if not beat or beat < tonumber(ARGV[5]) or beat > now then redis.call('HSET', KEYS[1], '_hb', ARGV[5]) end
redis.call('HSET', KEYS[1], '_valid', ARGV[6])
return {now, 'ok'}
