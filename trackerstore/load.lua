-- Reads a conversation whose lock is kept elsewhere, or without a lock.
--
-- KEYS  1 meta, 2 frames, 3 replies, 4 snapshot
-- ARGV  1 commit id of the caller's copy or '', 2 tail bytes, 3 key of the request or '', 4 window ms, 5 version of the copy,
--       6 '1': the snapshot will do
-- Returns {'R', record} if the request was answered before, otherwise {'A', {fence, state}}.
local record = known(KEYS[3], ARGV[3], ARGV[4])
if record then return {'R', record} end
return {'A', loaded(KEYS[1], KEYS[2], ARGV[6] == '1' and KEYS[4] or '', ARGV[1], ARGV[2], ARGV[5])}
