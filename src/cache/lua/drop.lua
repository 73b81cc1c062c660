-- Drops a header whose payload turned out missing or damaged, unless it has been replaced meanwhile.
-- KEYS: header; ARGV: fill id, or `*` for a header that cannot be read
-- Returns: 1 where it was dropped, its fill id, its number of chunks
local old = redis.pcall('HMGET', KEYS[1], 'fill', 'chunks')
if old.err then old = {false, false} end
if ARGV[1] ~= '*' and old[1] ~= ARGV[1] then return {0, '', 0} end
local dropped = redis.call('DEL', KEYS[1])
-- What the header says about its chunks was perhaps not written by us.
local fill, chunks = old[1], tonumber(old[2] or '')
if not fill or #fill > 64 or not string.match(fill, '^%w+$') then fill = '' end
if not chunks or not (chunks >= 0 and chunks <= 100000) then chunks = 0 end
return {dropped, fill, math.floor(chunks)}
