package trackerstore

import (
	"context"
	"fmt"
)

// archiveBytes is how much one archive takes, at most, before it is compressed.
const archiveBytes = 8 << 20

// considerArchive takes the answer of a commit and has the conversation archived when it keeps too much of closed sessions.
func (r *Redis) considerArchive(senderID string, e end, reply any) {
	list, _ := reply.([]any)
	if len(list) != 3 {
		return
	}
	count, _ := list[2].(int64)
	frames, bytes := count-(e.version-e.began+1), e.kept-e.sessions
	if frames <= 0 || (frames <= int64(r.opts.MaxClosedFrames) && bytes <= r.opts.MaxClosedBytes) {
		return
	}
	select {
	case r.toArchive <- senderID:
	default: // the next turn tells again
	}
}

// archive archives what commits have found to be too long, until ctx ends.
func (r *Redis) archive(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-r.toArchive:
			if err := r.archiveOnce(ctx, id); err != nil && ctx.Err() == nil {
				r.log.Warn("the closed sessions of a conversation could not be archived", "error", err)
			}
		}
	}
}

// archiveOnce puts frames of closed sessions together. It waits its turn, so no turn is under way meanwhile.
func (r *Redis) archiveOnce(ctx context.Context, senderID string) error {
	h := &redisHeld{store: r, senderID: senderID, keys: r.turnKeys(senderID)}
	if _, err := h.take(ctx); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer h.lease.Release()
	before := h.loaded.end
	if before.id == "" {
		return nil
	}
	count, err := r.rdb.LLen(ctx, r.keys.frames(senderID)).Result()
	if err != nil {
		return failed(ctx, "archive", err)
	}
	closed := count + before.index(before.began) // frames of closed sessions
	var frames []string
	size := 0
	for at := int64(0); at < closed && size < archiveBytes; at += pageFrames {
		page, err := r.rdb.LRange(ctx, r.keys.frames(senderID), at, min(at+pageFrames, closed)-1).Result()
		if err != nil {
			return failed(ctx, "archive", err)
		}
		for _, f := range page {
			size += len(f)
		}
		frames = append(frames, page...)
	}
	if len(frames) == 0 {
		return nil
	}
	data, err := joinFrames(frames, r.archiver)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	after := before
	after.kept -= size
	keys := append(h.keys[:4:4], r.keys.archives(senderID))
	if _, _, err = r.archiveScript.Run(ctx, r.rdb, keys, h.token(), before.String(), after.String(), len(frames), data); err != nil {
		return failed(ctx, "archive", err)
	}
	return nil
}
