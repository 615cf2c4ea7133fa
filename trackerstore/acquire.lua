-- What the script that takes the lock loads with it.
--
-- KEYS  3 meta, 4 frames, 5 replies, 6 snapshot
-- ARGV  3 commit id of the caller's copy or '', 4 its version, 5 key of the request or ''
local function before() return known(KEYS[5], ARGV[5]) end
local function load() return loaded(KEYS[3], KEYS[4], KEYS[6], ARGV[3], ARGV[4], tail) end
