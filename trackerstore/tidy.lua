-- tidy drops the frames behind that of the last commit, the one that meta names: a server that is killed while it writes a
-- commit to its append-only file may come back with the first half of it (Redis 7.0: a torn transaction is not cut from the file,
-- and its half is run when the file is loaded again).
local function tidy(frames, m)
  local id = string.match(m, '^[^:]*:') or m
  for i = 1, 4 do
    local frame = redis.call('LINDEX', frames, -i)
    if not frame then return end
    if string.sub(frame, 1, #id) == id then
      if i > 1 then redis.call('LTRIM', frames, 0, -i) end
      return
    end
  end
end
