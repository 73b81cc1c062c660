-- Each request weighs 1 and fades by e per hour. The score is the logarithm of the sum of the weights, so that scores of
-- entries asked at different times compare without ever being rewritten. Another script follows this text.
local function count(demand, member, requests, now)
  local score = now / 3600000 + math.log(requests)
  local old = redis.pcall('ZSCORE', demand, member)
  if type(old) == 'string' then
    old = tonumber(old)
    score = math.max(old, score) + math.log(1 + math.exp(-math.abs(old - score)))
  end
  -- pcall: a full or read-only server must not cost anyone a hit.
  redis.pcall('ZADD', demand, string.format('%.10f', score), member)
end
