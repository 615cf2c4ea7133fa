-- What the script that takes the lock loads with it.
--
-- KEYS  3 meta, 4 frames, 5 replies, 6 snapshot
-- ARGV  8 commit id of the caller's copy or '', 9 tail bytes, 10 key of the request or '', 11 window ms, 12 version of the copy
local function before() return known(KEYS[5], ARGV[10], ARGV[11]) end
local function load() return loaded(KEYS[3], KEYS[4], KEYS[6], ARGV[8], ARGV[9], ARGV[12]) end
