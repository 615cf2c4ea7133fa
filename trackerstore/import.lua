-- Takes a conversation over from another store, as the first commit of its chain, if it is not stored and never was taken over.
--
-- KEYS  1 meta, 2 frames, 3 ids of the bucket, 4 what was taken over in the bucket: a sorted set of digests of sender ids, with
--       the time in ms from which on the other store no longer has them
-- ARGV  1 sender id, 2 its digest, 3 meta, 4 frame, 5 ms for which the other store still keeps it or '0'
-- Returns 'imported', 'stored' if it is there already, or 'settled' if it was and has been deleted or has expired.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('(%.0f', now))
local known = redis.call('ZSCORE', KEYS[4], ARGV[2])
local life = tonumber(ARGV[5])
local stored = redis.call('EXISTS', KEYS[1]) == 1
if not stored and not known then -- what fails where a key holds something else comes first
  redis.call('ZADD', KEYS[3], 0, ARGV[1])
  if redis.call('RPUSH', KEYS[2], ARGV[4]) > 1 then redis.call('LTRIM', KEYS[2], -1, -1) end
end
if not known then
  redis.call('ZADD', KEYS[4], life > 0 and string.format('%.0f', now + life) or '+inf', ARGV[2])
end
if stored then return 'stored' end
if known then return 'settled' end
redis.call('SET', KEYS[1], ARGV[3])
if life > 0 then
  redis.call('PEXPIRE', KEYS[1], life)
  redis.call('PEXPIRE', KEYS[2], life)
end
return 'imported'
