-- Removes a conversation, if it is still the one that was loaded, and gives the lock back.
--
-- KEYS  1 lock, 2 queue, 3 meta, 4 frames, 5 replies, 6 snapshot, 7 ids of the bucket, 8 archives
-- ARGV  1 token of the lease or '' (the lock is kept elsewhere), 2 meta that was loaded, 3 sender id
-- Returns {'OK' | 'STALE', ticket to which the lock was handed or nil}
local token = ARGV[1]
local holder = token ~= '' and redis.call('GET', KEYS[1])
local m = redis.call('GET', KEYS[3])
local result = 'OK' -- also where it is gone already: the script is repeated when its answer is lost
if m and (m ~= ARGV[2] or (holder and holder ~= token)) then
  result = 'STALE'
else
  redis.call('ZREM', KEYS[7], ARGV[3])
  redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5], KEYS[8], KEYS[6])
end
if token == '' or holder ~= token then return {result, false} end
-- include locks
return {result, give(KEYS[1], KEYS[2])}
