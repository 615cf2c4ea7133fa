-- Appends a turn to the chain of commits, if it was computed from the present end of the chain, and gives the lock back.
--
-- KEYS  1 lock, 2 queue, 3 meta, 4 frames, 5 replies, 6 ids of the bucket, 7 archives, 8 snapshot
-- ARGV  1 token of the lease or '' (the lock is kept elsewhere), 2 claim window ms, 3 channel prefix, 4 lax,
--       5 commit id of the parent or '', 6 its version, 7 commit id, 8 frame, 9 events in it, 10 '1': replace,
--       11 '1': a session begins in it, 12 sender id, 13 expiry ms or '0', 14 key of the request or '',
--       15 its fingerprint and reply, 16 window ms, 17 '1': check the parent, 18 fence, 19 snapshot or '', 20 its version
-- Returns {'OK' | 'DUP' | 'STALE' | 'CONFLICT', ticket to which the lock was handed or nil, frames of closed sessions, bytes
-- of these}
local lock, queue, meta, frames, replies = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local token, id = ARGV[1], ARGV[7]
local m = redis.call('HMGET', meta, 'c', 'v', 'n', 'sf', 'sb', 'by')
local parent, version = m[1] or '', tonumber(m[2] or '0')
local holder = token ~= '' and redis.call('GET', lock)

-- A repeated commit is known by the frame that follows its parent: the last commit may be another's by now.
local result
local closed, closedBytes = 0, 0
local since = version - tonumber(ARGV[6])
if since > 0 then
  local child = redis.call('LINDEX', frames, -since)
  if child and string.sub(child, 1, #id + 1) == id .. ':' then result = 'DUP' end
end
if not result and ARGV[17] == '1' then
  if holder and holder ~= token then return {'STALE', false, 0, 0} end
  if parent ~= ARGV[5] or since ~= 0 then result = 'CONFLICT' end
end

if not result then
  local events, session, bytes = tonumber(m[3] or '0'), tonumber(m[5] or '0'), tonumber(m[6] or '0')
  local from = tonumber(m[4] or '0')
  if ARGV[10] == '1' then
    redis.call('DEL', frames, KEYS[7])
    events, session, bytes, from = 0, 0, 0, 0
  end
  local size = #ARGV[8]
  local count = redis.call('RPUSH', frames, ARGV[8])
  session = session + size
  if ARGV[11] == '1' then from, session = count - 1, size end
  if ARGV[10] == '1' or ARGV[11] == '1' then redis.call('DEL', KEYS[8]) end
  if ARGV[19] ~= '' then
    redis.call('SET', KEYS[8], ARGV[19])
    redis.call('HSET', meta, 'sv', ARGV[20])
  end
  local now = nowms()
  redis.call('HSET', meta, 'c', id, 'v', version + 1, 'n', events + tonumber(ARGV[9]), 'sf', from, 'sb', session,
    'by', bytes + size, 'u', now, 'f', ARGV[18])
  if version == 0 then redis.call('ZADD', KEYS[6], 0, ARGV[12]) end
  if ARGV[14] ~= '' then
    local slot = '#' .. (version % 64)
    local old = redis.call('HGET', replies, slot)
    if old and old ~= ARGV[14] then redis.call('HDEL', replies, old) end
    redis.call('HSET', replies, ARGV[14], string.format('%.0f', now) .. ':' .. ARGV[15], slot, ARGV[14])
    redis.call('PEXPIRE', replies, ARGV[16])
  end
  if ARGV[13] ~= '0' then
    redis.call('PEXPIRE', meta, ARGV[13])
    redis.call('PEXPIRE', frames, ARGV[13])
    redis.call('PEXPIRE', KEYS[7], ARGV[13])
    redis.call('PEXPIRE', KEYS[8], ARGV[13])
    if ARGV[14] ~= '' and tonumber(ARGV[13]) < tonumber(ARGV[16]) then redis.call('PEXPIRE', replies, ARGV[13]) end
  elseif redis.call('PERSIST', meta) == 1 then -- it was imported with the time it had left
    redis.call('PERSIST', frames)
    redis.call('PERSIST', KEYS[7])
  end
  result = 'OK'
  closed, closedBytes = from, bytes + size - session
end

if holder == token and token ~= '' then
  return {result, give(lock, queue, ARGV[2], ARGV[3], ARGV[4]), closed, closedBytes}
end
return {result, false, closed, closedBytes}
