-- Functions that read a conversation.
--
-- meta    hash: c commit id, v version, n events, sf index of the first frame of the latest session, sb bytes of the frames
--         from there on, by bytes of all frames, u time of the last commit in ms
-- frames  list, one element a commit: "commit id:first event:count:codec:" and the events
-- replies hash: key -> "ms:fingerprint:reply" of a request, and "#slot" -> key, a ring of the last 64 turns

local function nowms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- known returns the record of a request that was answered within the window (ms), or false.
local function known(replies, key, window)
  if key == '' then return false end
  local record = redis.call('HGET', replies, key)
  if not record then return false end
  if nowms() - tonumber(string.match(record, '^%d+')) > tonumber(window) then return false end
  return record
end

-- state returns {} for a conversation that is not stored, {c, v, n, sf, sb} if the caller's copy is current, and otherwise
-- {c, v, n, sf, sb, first, frames}: the frames of the latest session, or only the last of them, from index first on, when
-- they are larger than tail bytes.
local function state(meta, frames, cached, tail)
  local m = redis.call('HMGET', meta, 'c', 'v', 'n', 'sf', 'sb')
  if not m[1] then return {} end
  if m[1] == cached then return m end
  local from = tonumber(m[4])
  if tonumber(m[5]) > tonumber(tail) then
    local size, index = 0, redis.call('LLEN', frames)
    while index > from do
      size = size + #redis.call('LINDEX', frames, index - 1)
      if size > tonumber(tail) and m[6] then break end
      index = index - 1
      m[6] = index
    end
  else
    m[6] = from
  end
  m[7] = redis.call('LRANGE', frames, m[6], -1)
  return m
end
