-- What a turn gets at once when its conversation is free: the usual case, in which the caller's copy is current or there is none and
-- nothing is stored, and the request was not answered before. Otherwise acquire.lua looks closer.
if ARGV[5] == '' or redis.call('HEXISTS', KEYS[5], ARGV[5]) == 0 then
  local m = redis.call('GET', KEYS[3])
  if not m or ARGV[3] ~= '' and string.sub(m, 1, #ARGV[3] + 1) == ARGV[3] .. ':' then
    local t = redis.call('TIME')
    return {'A', t[1], t[2], m or nil}
  end
end
