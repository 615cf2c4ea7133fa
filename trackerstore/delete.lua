-- Removes a conversation, if it is still the one that was loaded, and gives the lock back.
--
-- KEYS  1 lock, 2 queue, 3 meta, 4 frames, 5 replies, 6 ids of the bucket, 7 archives, 8 snapshot
-- ARGV  1 token of the lease or '' (the lock is kept elsewhere), 2 claim window ms, 3 channel prefix, 4 lax, 5 sender id,
--       6 commit id
-- Returns {'OK' | 'STALE', ticket to which the lock was handed or nil}
local token = ARGV[1]
local holder = token ~= '' and redis.call('GET', KEYS[1])
local id = redis.call('HGET', KEYS[3], 'c')
local result = 'OK' -- also where it is gone already: the script is repeated when its answer is lost
if id and (id ~= ARGV[6] or (holder and holder ~= token)) then
  result = 'STALE'
else
  redis.call('UNLINK', KEYS[3], KEYS[4], KEYS[5], KEYS[7], KEYS[8])
  redis.call('ZREM', KEYS[6], ARGV[5])
end
if holder == token and token ~= '' then
  return {result, give(KEYS[1], KEYS[2], ARGV[2], ARGV[3], ARGV[4])}
end
return {result, false}
