-- Tries each command that the scripts use, so that a user who lacks the right to one is told at the start which.
--
-- KEYS  1 a key that is used for nothing else
-- ARGV  1 a channel of the kind that the locks use, or ''
-- Returns the command that is not allowed and what the server says, or nil.
local key = KEYS[1]
local tries = {
  {'TIME'}, {'EXISTS', key}, {'DEL', key}, {'UNLINK', key},
  {'SET', key, '', 'PX', 1000}, {'GET', key}, {'PEXPIRE', key, 1000}, {'PTTL', key}, {'PERSIST', key}, {'DEL', key},
  {'RPUSH', key, ''}, {'LPUSH', key, ''}, {'LINDEX', key, 0}, {'LLEN', key}, {'LPOS', key, 'x'}, {'LRANGE', key, 0, 0},
  {'LREM', key, 1, 'x'}, {'LTRIM', key, 0, 0}, {'LPOP', key}, {'DEL', key},
  {'HSET', key, 'f', ''}, {'HGET', key, 'f'}, {'HEXISTS', key, 'f'}, {'HDEL', key, 'f'}, {'DEL', key},
  {'ZADD', key, 0, 'm'}, {'ZSCORE', key, 'm'}, {'ZREMRANGEBYSCORE', key, 1, 2}, {'ZREM', key, 'm'}, {'DEL', key},
}
if ARGV[1] ~= '' then tries[#tries + 1] = {'PUBLISH', ARGV[1], ''} end
for _, try in ipairs(tries) do
  local said = redis.pcall(unpack(try))
  said = type(said) == 'table' and said.err
  if said and (string.find(said, 'NOPERM') or string.find(said, 'ACL') or string.find(said, 'user executing the script')) then
    return {string.lower(try[1]), said}
  end
end
return false
