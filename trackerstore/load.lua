-- Reads a conversation whose lock is kept elsewhere, or without a lock.
--
-- KEYS  1 meta, 2 frames, 3 replies, 4 snapshot
-- ARGV  1 commit id of the caller's copy or '', 2 its version, 3 key of the request or '', 4 '1': for a turn, to which the
--       snapshot and the tail will do
-- Returns {'R', record} if the request was answered before, otherwise {'A', …} with what loaded returns.
local record = known(KEYS[3], ARGV[3])
if record then return {'R', record} end
if ARGV[4] == '1' then return {'A', unpack(loaded(KEYS[1], KEYS[2], KEYS[4], ARGV[1], ARGV[2], tail))} end
return {'A', unpack(loaded(KEYS[1], KEYS[2], '', ARGV[1], ARGV[2], math.huge))}
