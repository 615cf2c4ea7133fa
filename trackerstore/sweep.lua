-- Takes an expired conversation out of the list of ids.
--
-- KEYS  1 meta, 2 ids of the bucket
-- ARGV  1 sender id
-- Returns 1 if it was taken out.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('ZREM', KEYS[2], ARGV[1])
