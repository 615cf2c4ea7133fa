package trackerstore

import (
	"context"
	"fmt"
)

// archiveBytes is how much one archive takes, at most, before it is compressed.
const archiveBytes = 8 << 20

// considerArchive takes the answer of a commit and has the conversation archived when it keeps too much of closed sessions.
func (r *Redis) considerArchive(senderID string, reply any) {
	list, _ := reply.([]any)
	if len(list) != 4 {
		return
	}
	frames, _ := list[2].(int64)
	bytes, _ := list[3].(int64)
	if frames == 0 || (frames <= int64(r.opts.MaxClosedFrames) && bytes <= int64(r.opts.MaxClosedBytes)) {
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
	h := &redisHeld{store: r, senderID: senderID}
	if _, err := h.take(ctx); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer h.lease.Release()
	from := h.loaded.end.from
	var frames []string
	size := 0
	for at := 0; at < from && size < archiveBytes; at += pageFrames {
		page, err := r.rdb.LRange(ctx, r.keys.frames(senderID), int64(at), int64(min(at+pageFrames, from)-1)).Result()
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
	token := ""
	if r.fused != nil {
		token, _ = r.fused.GiveArgs(h.lease)[0].(string)
	}
	keys := h.commitKeys()
	keys = []string{keys[0], keys[1], r.keys.meta(senderID), r.keys.frames(senderID), r.keys.archives(senderID)}
	if _, _, err = r.archiveScript.Run(ctx, r.rdb, keys, token, h.loaded.end.id, from, len(frames), size, data); err != nil {
		return failed(ctx, "archive", err)
	}
	return nil
}
