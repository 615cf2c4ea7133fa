-- Functions of the locks. They stand in a script where its line "-- include locks" was: behind what is done when nobody stands in
-- line, because making functions is dear. They touch only keys that they are given.
--
-- lock   string with a lease: the token of its holder
-- queue  list of tickets "worker|token" in order of arrival. A worker that begins with "~" has no subscription and polls.
--        "!worker|token" at the head says to whom the lock was handed; it is taken away when he claims it.

-- hand gives the lock to the first ticket whose worker is listening and returns the ticket, or false if there is none.
-- Where PUBLISH cannot tell whether anybody listens (lax), each ticket is believed.
local function hand(lock, queue)
  while true do
    local ticket = redis.call('LPOP', queue)
    if not ticket then return false end
    if string.sub(ticket, 1, 1) ~= '!' then
      local worker, token = string.match(ticket, '^([^|]*)|(.*)$')
      local polls = string.sub(worker, 1, 1) == '~'
      local heard = polls or redis.call('PUBLISH', channel .. worker, token) > 0
      if heard or lax then
        redis.call('SET', lock, token, 'PX', claim)
        if redis.call('LPUSH', queue, '!' .. ticket) == 1 then redis.call('PEXPIRE', queue, 10 * claim) end
        return ticket
      end
    end
  end
end

-- give takes the lock from its holder: to the next in line, or to nobody. It returns the next ticket or false. It does not fail, for
-- what the holder wrote is stored by then: where the next cannot be told, those in line find out by polling.
local function give(lock, queue)
  local told, ticket = pcall(hand, lock, queue)
  if told and ticket then return ticket end
  redis.call('DEL', lock)
  return false
end

-- lapsed removes the sign of a hand-off that was not claimed in time, with all tickets of the worker that did not answer:
-- they would each cost a claim window. Whether a worker that polls is there cannot be known, so one that did not answer
-- makes all suspicious. A worker that still lives queues its tickets again.
local function lapsed(queue)
  local head = redis.call('LINDEX', queue, 0)
  if not head or string.sub(head, 1, 1) ~= '!' then return head end
  redis.call('LPOP', queue)
  local silent = string.match(head, '^!([^|]*|)')
  if string.sub(silent, 1, 1) == '~' then silent = '~' end
  for _, ticket in ipairs(redis.call('LRANGE', queue, 0, -1)) do
    if string.sub(ticket, 1, #silent) == silent then redis.call('LREM', queue, 1, ticket) end
  end
  return redis.call('LINDEX', queue, 0)
end
