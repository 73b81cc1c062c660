-- Drops a header whose payload turned out missing or damaged, unless it has been replaced meanwhile.
-- KEYS: header; ARGV: fill id, or `*` for a header that cannot be read. Returns 1 where it was dropped.
local fill = redis.pcall('HGET', KEYS[1], 'fill')
if ARGV[1] == '*' or fill == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
