-- The one place where the verdict on an entry is computed. Follows `demand.lua`.
-- KEYS: versions, header, demand, worker lease, fill lock, refreshed reports, failure
-- ARGV: 1 where only a live detector can vouch ("on-change"), member, requests to count, report's id, its TTL (ms), fill
--       whose payload who asks has already, or nothing
-- Returns: now, verdict, why, table, does a worker refresh it?, fill running?, detector, until when the heartbeat vouches
--          (0: nothing needs it), header (field, value, ...), heartbeat (ms; empty where there is none), the last failed
--          refresh (its fields; empty where none failed since the last success)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ARGV[3] ~= '0' then count(KEYS[3], ARGV[2], tonumber(ARGV[3]), now) end

local worker = redis.call('EXISTS', KEYS[4])
if worker == 1 and redis.pcall('SISMEMBER', KEYS[6], ARGV[4]) ~= 1 then worker = 0 end
local lock = redis.call('EXISTS', KEYS[5])
local about = redis.call('HMGET', KEYS[1], '_d', '_hb')
local until_beat = 0
local failure = redis.pcall('HMGET', KEYS[7], 'first', 'at', 'count', 'message', 'code', 'permanent', 'next')
if failure.err or not failure[1] then failure = {} end

local function answer(verdict, why, table, header)
  return {now, verdict, why, table or '', worker, lock, about[1] or '', until_beat, header or {}, about[2] or '',
    failure}
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

-- Who has the payload of this very fill is not sent it again.
if ARGV[6] ~= '' and field.fill == ARGV[6] then
  for i = 1, #header, 2 do
    if header[i] == 'inline' then
      header[i + 1] = ''
      break
    end
  end
end

if ARGV[1] == '1' then
  local v = redis.call('HMGET', KEYS[1], '_e', '_hb', '_valid')
  local beat, valid = tonumber(v[2]), tonumber(v[3])
  -- A heartbeat from the future (a clock set back, a failover to another clock) vouches for nothing.
  local live = beat and valid and now - beat <= valid and beat - now <= 1000
  if live then until_beat = beat + valid end
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
