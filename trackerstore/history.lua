-- Reads all sessions of a conversation.
--
-- KEYS  1 meta, 2 frames, 3 archives
-- ARGV  1 commit id of the caller's copy or ''
-- Returns what state returns, with the archives and all frames; their versions are not told.
local m = redis.call('GET', KEYS[1])
if not m then return {} end
if ARGV[1] ~= '' and string.sub(m, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then return {m} end
tidy(KEYS[2], m)
local all = redis.call('LRANGE', KEYS[3], 0, -1)
for _, frame in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do all[#all + 1] = frame end
return {m, all, 0, 0, false}
