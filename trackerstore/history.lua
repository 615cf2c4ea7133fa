-- Reads all sessions of a conversation.
--
-- KEYS  1 meta, 2 frames, 3 archives
-- ARGV  1 commit id of the caller's copy or ''
-- Returns what state returns, with the archives and all frames.
local m = redis.call('HMGET', KEYS[1], 'c', 'v', 'n', 'sf', 'sb')
if not m[1] then return {} end
if m[1] == ARGV[1] then return m end
local all = redis.call('LRANGE', KEYS[3], 0, -1)
for _, frame in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do all[#all + 1] = frame end
m[6] = 0
m[7] = all
m[8] = 0
m[9] = false
return m
