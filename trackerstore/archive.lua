-- Puts frames of closed sessions together in an archive, for whoever holds the lock.
--
-- KEYS  1 lock, 2 queue, 3 meta, 4 frames, 5 archives
-- ARGV  1 token of the lease or '' (the lock is kept elsewhere), 2 commit id, 3 index of the latest session's first frame,
--       4 frames that the archive takes from the beginning, 5 their bytes, 6 archive
-- Returns 1 if the archive was made, 0 if the conversation is another by now, as it also is when the script is repeated.
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local m = redis.call('HMGET', KEYS[3], 'c', 'sf', 'by')
if m[1] ~= ARGV[2] or m[2] ~= ARGV[3] then return 0 end
redis.call('RPUSH', KEYS[5], ARGV[6])
redis.call('LTRIM', KEYS[4], ARGV[4], -1)
redis.call('HSET', KEYS[3], 'sf', ARGV[3] - ARGV[4], 'by', m[3] - ARGV[5])
local life = redis.call('PTTL', KEYS[3])
if life > 0 then redis.call('PEXPIRE', KEYS[5], life) end
return 1
