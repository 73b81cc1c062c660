-- The one place where the verdict on an entry is computed.
-- KEYS: versions, header, demand, worker lease, fill lock, refreshed reports
-- ARGV: 1 where only a live detector can vouch ("on-change"), member, 1 where this counts as a request, report's id, its TTL (ms)
-- Returns: now, verdict, why, table, does a worker refresh it?, fill running?, detector, header (field, value, ...),
--          heartbeat (ms; empty where there is none)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ARGV[3] == '1' then
  -- Each request weighs 1 and fades by e per hour. The score is the logarithm of the sum of the weights, so that
  -- scores of entries asked at different times compare without ever being rewritten.
  local t = now / 3600000
  local old = redis.pcall('ZSCORE', KEYS[3], ARGV[2])
  local score = t
  if type(old) == 'string' then
    old = tonumber(old)
    score = math.max(old, t) + math.log(1 + math.exp(-math.abs(old - t)))
  end
  -- pcall: a full or read-only server must not cost anyone a hit.
  redis.pcall('ZADD', KEYS[3], string.format('%.10f', score), ARGV[2])
end

local worker = redis.call('EXISTS', KEYS[4])
if worker == 1 and redis.pcall('SISMEMBER', KEYS[6], ARGV[4]) ~= 1 then worker = 0 end
local lock = redis.call('EXISTS', KEYS[5])
local about = redis.call('HMGET', KEYS[1], '_d', '_hb')

local function answer(verdict, why, table, header)
  return {now, verdict, why, table or '', worker, lock, about[1] or '', header or {}, about[2] or ''}
end

local header = redis.pcall('HGETALL', KEYS[2])
if header.err then return answer('missing', 'damaged') end
if #header == 0 then return answer('missing', 'absent') end
local field, bytes = {}, 0
for i = 1, #header, 2 do
  field[header[i]] = header[i + 1]
  bytes = bytes + #header[i] + #header[i + 1]
end
-- No header of ours is as large: it is not sent to anybody.
if bytes > 67108864 then return answer('missing', 'damaged') end

-- A header that was copied from another entry answers another question.
if field.key ~= ARGV[2] then return answer('missing', 'damaged') end

local soft, created = tonumber(field.soft), tonumber(field.created)
local ok, tables = pcall(cjson.decode, field.tables or '')
if not soft or not created or not field.epoch or not field.pos or not ok or type(tables) ~= 'table' then
  return answer('missing', 'damaged')
end
for _, name in ipairs(tables) do
  if type(name) ~= 'string' then return answer('missing', 'damaged') end
end

if ARGV[1] == '1' then
  local v = redis.call('HMGET', KEYS[1], '_e', '_hb', '_valid')
  local beat, valid = tonumber(v[2]), tonumber(v[3])
  -- A heartbeat from the future (a clock set back, a failover to another clock) vouches for nothing.
  local live = beat and valid and now - beat <= valid and beat - now <= 1000
  if not v[1] or v[1] == '' or not live then return answer('stale', 'unwatched', '', header) end
  if field.epoch ~= v[1] then return answer('stale', 'epoch', '', header) end
  for _, name in ipairs(tables) do
    local at = redis.call('HGET', KEYS[1], string.sub(name, 1, 1) == '_' and '_' .. name or name)
    if not at then return answer('stale', 'unknown', name, header) end
    if at > field.pos then return answer('stale', 'changed', name, header) end
  end
end
-- Reports that ask the same question share an entry, and each has a TTL of its own.
if now >= math.min(soft, created + ARGV[5]) then return answer('stale', 'ttl', '', header) end
return answer('fresh', '', '', header)
