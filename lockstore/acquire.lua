-- Decides who may have the lock and queues a ticket for whoever may not. It runs in one MULTI before redislock's own script:
-- where the answer is A the lock is the caller's or nobody's, and redislock takes it; otherwise it is another's.
--
-- Two texts are included: "free", what is answered at once where the key is free and nobody stands in line, if it can be, and
-- "load", which defines two functions: before() returns a reply that needs no lock, or false; load() the list that a holder gets.
--
-- Constants: full (tickets a line may hold), life (ms for which a line is kept), and those of locks.lua.
-- KEYS  1 lock, 2 queue, 3… for before and load
-- ARGV  1 token, 2 ticket, 3… for before and load
-- Returns {'A', …}       granted, and what load() returns
--         {'R', …}       answered without the lock, which may still have been granted
--         {'Q', place}   in line, first place 1
--         {'F'}          the line is full
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then
-- include free
end
-- include locks
-- include load
local lock, queue, token, ticket = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local early = before()
if early then return {'R', early} end

local holder = redis.call('GET', lock)
if holder == token then -- handed to me, or a repeated call
  if redis.call('LINDEX', queue, 0) == '!' .. ticket then redis.call('LPOP', queue) end
  return {'A', unpack(load())}
end
if not holder then
  local head = lapsed(queue)
  if not head then return {'A', unpack(load())} end
  if head == ticket then
    redis.call('LPOP', queue)
    return {'A', unpack(load())}
  end
  local next = hand(lock, queue)
  if not next then return {'A', unpack(load())} end -- all who stood in line are gone
  if next == ticket then
    redis.call('LPOP', queue)
    return {'A', unpack(load())}
  end
end
local place = redis.call('LPOS', queue, ticket)
if place then return {'Q', place + 1} end
local line = redis.call('LLEN', queue)
if line >= full then
  if string.sub(redis.call('LINDEX', queue, 0) or '', 1, 1) == '!' then line = line - 1 end
  if line >= full then return {'F'} end
end
place = redis.call('RPUSH', queue, ticket)
redis.call('PEXPIRE', queue, life)
return {'Q', place}
