-- Appends a turn to the chain of commits, if it was computed from the present end of the chain, and gives the lock back.
--
-- KEYS  1 lock, 2 queue, 3 meta, 4 frames, 5 replies, 6 snapshot, 7 ids of the bucket, 8 archives
-- ARGV  1 token of the lease or '' (the lock is kept elsewhere), 2 meta that the turn began with or '', 3 meta from now on,
--       4 frame, 5 's': a session begins in it, 'r': it replaces all sessions, or '', 6 snapshot or '', 7 sender id,
--       8 key of the request or '', 9 its fingerprint and reply
-- Constants: window (ms for which answered requests are remembered), keep (ms for which a conversation is kept after its last
-- turn, 0: for ever) and checked (a commit must follow its parent; false in a test).
-- Returns {'OK' | 'DUP' | 'STALE' | 'CONFLICT', ticket to which the lock was handed or nil, number of frames}
local lock, meta, frames, token = KEYS[1], KEYS[3], KEYS[4], ARGV[1]
local m = redis.call('GET', meta) or ''
local holder = token ~= '' and redis.call('GET', lock)

if m ~= '' then tidy(frames, m) end

local result
if m ~= ARGV[2] then
  -- A repeated commit is known by the frame that follows its parent: the last commit may be another's by now.
  local version = '^[^:]*:(%d+)'
  local since = tonumber(string.match(m, version) or '0') - tonumber(string.match(ARGV[2], version) or '0')
  if since > 0 then
    local id = string.match(ARGV[3], '^[^:]*:')
    local child = redis.call('LINDEX', frames, -since)
    if child and string.sub(child, 1, #id) == id then result = 'DUP' end
  end
  if checked and not result then result = 'CONFLICT' end
end
if checked and result ~= 'DUP' and holder and holder ~= token then return {'STALE', false, 0} end

local count = 0
if not result then
  -- What fails where a key holds something else comes first: a script that fails half-way is not undone.
  local replies, slot, old = KEYS[5], false, false
  if ARGV[8] ~= '' then
    slot = '#' .. string.match(ARGV[3], '^[^:]*:(%d+)') % 64
    old = redis.call('HGET', replies, slot)
  end
  if m == '' then redis.call('ZADD', KEYS[7], 0, ARGV[7]) end -- List leaves out an id without a conversation
  if ARGV[5] == 'r' then redis.call('DEL', frames, KEYS[8]) end
  count = redis.call('RPUSH', frames, ARGV[4])
  if m == '' then -- nothing else belongs to it, though an end that was lost may have left something behind
    redis.call('DEL', KEYS[6], KEYS[8])
    if count > 1 then
      redis.call('LTRIM', frames, -1, -1)
      count = 1
    end
  elseif ARGV[5] ~= '' then
    redis.call('DEL', KEYS[6])
  end
  if ARGV[6] ~= '' then redis.call('SET', KEYS[6], ARGV[6]) end
  if ARGV[8] ~= '' then
    local t = redis.call('TIME')
    if old and old ~= ARGV[8] then redis.call('HDEL', replies, old) end
    redis.call('HSET', replies, ARGV[8], string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000)) .. ':' .. ARGV[9], slot, ARGV[8])
    redis.call('PEXPIRE', replies, keep > 0 and math.min(keep, window) or window)
  end
  if keep > 0 then
    redis.call('SET', meta, ARGV[3], 'PX', keep)
    redis.call('PEXPIRE', frames, keep)
    redis.call('PEXPIRE', KEYS[8], keep)
    redis.call('PEXPIRE', KEYS[6], keep)
  else
    redis.call('SET', meta, ARGV[3])
    if redis.call('PERSIST', frames) == 1 then redis.call('PERSIST', KEYS[8]) end -- it was imported with the time it had left
  end
  result = 'OK'
end

if token == '' or holder ~= token then return {result, false, count} end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('DEL', lock)
  return {result, false, count}
end
-- include locks
return {result, give(lock, KEYS[2]), count}
