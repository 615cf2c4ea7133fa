-- Puts frames of closed sessions together in an archive, for whoever holds the lock.
--
-- KEYS  1 lock, 2 queue, 3 meta, 4 frames, 5 archives
-- ARGV  1 token of the lease or '' (the lock is kept elsewhere), 2 meta that was loaded, 3 meta from now on,
--       4 frames that the archive takes from the beginning, 5 archive
-- Returns 1 if the archive was made, 0 if the conversation is another by now, as it also is when the script is repeated.
if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 0 end
redis.call('RPUSH', KEYS[5], ARGV[5])
redis.call('LTRIM', KEYS[4], ARGV[4], -1)
redis.call('SET', KEYS[3], ARGV[3], 'KEEPTTL')
local life = redis.call('PTTL', KEYS[3])
if life > 0 then redis.call('PEXPIRE', KEYS[5], life) end
return 1
