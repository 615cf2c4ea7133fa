-- Functions that read a conversation. Before this text stand constants of the store: window (ms for which answered requests are
-- remembered) and tail (bytes of a session that come with the lock).
--
-- meta     string "c:v:n:b:sb:by:f:sv": c commit id, v version, n events, b version of the first frame of the latest session,
--          sb bytes of the frames from there on, by bytes of all frames, f fence of the last turn, sv version of the snapshot
--          or 0. Whoever commits writes it whole; it is compared as it stands.
-- snapshot string, "events before:" and what is known after the commit of version sv, a part of the latest session
-- frames   list, one element a commit, the last one that of version v: "commit id:first event:count:codec:" and the events
-- replies  hash: key -> "ms:fingerprint:reply" of a request, and "#slot" -> key, a ring of the last 64 turns

-- known returns the record of a request that was answered within the window, or false.
local function known(replies, key)
  if key == '' then return false end
  local record = redis.call('HGET', replies, key)
  if not record then return false end
  local now = redis.call('TIME')
  if now[1] * 1000 + now[2] / 1000 - tonumber(string.match(record, '^%d+')) > window then return false end
  return record
end

-- state returns {} for a conversation that is not stored, {meta} if the caller's copy is current, and otherwise
-- {meta, frames, first, from, snapshot}: the caller lacks the frames of version from and later, and those of version first and
-- later are returned: all, or the last ones when together they are larger than most bytes. The caller lacks the frames after
-- its copy, if that is a part of the latest session (frames name their commits, so that the copy of another chain is
-- recognised); or else those after the snapshot, which is returned too if there is one and a key for it is given; or else the
-- whole session.
local function state(meta, frames, snapshot, cached, version, most)
  local m = redis.call('GET', meta)
  if not m then return {} end
  if cached ~= '' and string.sub(m, 1, #cached + 1) == cached .. ':' then return {m} end
  local v, from, bytes, taken = string.match(m, '^[^:]*:(%d+):%d+:(%d+):(%d+):%d+:%d+:(%d+)$')
  if not v then return {m} end -- it is damaged, as the caller will find
  tidy(frames, m)
  v, from, taken, version = tonumber(v), tonumber(from), tonumber(taken), tonumber(version)
  local began = from
  local function at(x) return x - v - 1 end -- the index of the frame of a version
  local function within(x) return x >= began and x < v end -- a part of the session follows that version
  local seen
  if cached ~= '' and within(version) then
    local last = redis.call('LINDEX', frames, at(version))
    seen = last and string.sub(last, 1, #cached + 1) == cached .. ':'
  end
  local known = false
  if seen then
    from = version + 1
  elseif snapshot ~= '' and within(taken) then
    known = redis.call('GET', snapshot)
    if known == '' then known = false end
    if known then from = taken + 1 end
  end
  local first = from
  if tonumber(bytes) > most then
    local size = 0
    first = v + 1
    while first > from do
      local frame = redis.call('LINDEX', frames, at(first - 1))
      if not frame then break end
      size = size + #frame
      if size > most and first <= v then break end
      first = first - 1
    end
  end
  return {m, redis.call('LRANGE', frames, at(first), -1), first, from, known}
end

-- loaded returns what a turn begins with: the server's time, in seconds and microseconds, and the state.
local function loaded(...)
  local t = redis.call('TIME')
  return {t[1], t[2], unpack(state(...))}
end
