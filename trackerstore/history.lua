-- Reads all sessions of a conversation.
--
-- KEYS  1 meta, 2 frames
-- ARGV  1 commit id of the caller's copy or ''
-- Returns what state returns, with all frames.
local m = redis.call('HMGET', KEYS[1], 'c', 'v', 'n', 'sf', 'sb')
if not m[1] then return {} end
if m[1] == ARGV[1] then return m end
m[6] = 0
m[7] = redis.call('LRANGE', KEYS[2], 0, -1)
return m
