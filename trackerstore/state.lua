-- Functions that read a conversation.
--
-- meta    hash: c commit id, v version, n events, sf index of the first frame of the latest session, sb bytes of the frames
--         from there on, by bytes of all frames, u time of the last commit in ms, f fence of the last turn
--         sv version of the snapshot
-- snapshot string, "events before:" and what is known after the commit of version sv, a part of the latest session
-- frames  list, one element a commit: "commit id:first event:count:codec:" and the events
-- replies hash: key -> "ms:fingerprint:reply" of a request, and "#slot" -> key, a ring of the last 64 turns

local function nowms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- fence returns a number that is larger than those of all earlier turns of the conversation, also of one that was deleted or
-- lost since: the server's time in microseconds, or one more than the last where the clock was set back.
local function fence(last)
  local t = redis.call('TIME')
  return string.format('%.0f', math.max(t[1] * 1000000 + t[2], tonumber(last or '0') + 1))
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
-- {c, v, n, sf, sb, first, frames, from, snapshot}: the frames that the caller lacks begin at index from, and those of them
-- from index first on are returned: all, or the last ones when together they are larger than tail bytes. The caller lacks the
-- frames after its copy, if that is a part of the latest session (frames name their commits, so that the copy of another chain
-- is recognised); or else those after the snapshot, which is returned too if there is one and a key for it is given; or else
-- the whole session.
-- The fence of the last turn, or false, is returned behind it.
local function state(meta, frames, snapshot, cached, tail, version)
  local m = redis.call('HMGET', meta, 'c', 'v', 'n', 'sf', 'sb', 'sv', 'f')
  local taken, last = m[6], m[7]
  m[6], m[7] = nil, nil
  if not m[1] then return {}, false end
  if m[1] == cached then return m, last end
  local from, index = tonumber(m[4]), redis.call('LLEN', frames)
  local known
  local function after(v) -- the index of the first frame after a version, if that is a part of the session
    local i = index - (tonumber(m[2]) - tonumber(v))
    return i > from and i < index and i
  end
  if cached ~= '' then
    local i = after(version)
    if i and string.sub(redis.call('LINDEX', frames, i - 1), 1, #cached + 1) == cached .. ':' then from, taken = i, nil end
  end
  if taken and snapshot ~= '' then
    local i = after(taken)
    known = i and redis.call('GET', snapshot)
    if known == '' then known = false end
    if known then from = i end
  end
  m[6] = from
  if tonumber(m[5]) > tonumber(tail) then
    local size, newest = 0, index
    while index > from do
      size = size + #redis.call('LINDEX', frames, index - 1)
      if size > tonumber(tail) and index < newest then break end
      index = index - 1
    end
    m[6] = index
  end
  m[7] = redis.call('LRANGE', frames, m[6], -1)
  m[8] = from
  m[9] = known or false
  return m, last
end

-- loaded returns what a turn begins with: {fence, state}.
local function loaded(...)
  local now, last = state(...)
  return {fence(last), now}
end
