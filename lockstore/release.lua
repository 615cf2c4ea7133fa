-- Gives the lock back, and takes a ticket out of the line of whoever leaves it.
--
-- KEYS  1 lock, 2 queue
-- ARGV  1 token, 2 ticket of who leaves the line or ''
-- Returns the ticket to which the lock was handed, or nil.
if ARGV[2] ~= '' then redis.call('LREM', KEYS[2], 1, ARGV[2]) end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
-- include locks
return give(KEYS[1], KEYS[2])
