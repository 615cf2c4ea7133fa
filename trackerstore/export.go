package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

// ExportCounts says what came of conversations. Each is counted once in the first five.
type ExportCounts struct {
	// Written are those whose record was written, or would be in a dry run.
	Written int
	// Same are those whose record was there already.
	Same int
	// Kept are those for which another record was there, which was left alone.
	Kept int
	// Gone have been deleted or have expired meanwhile.
	Gone int
	// Damaged cannot be read.
	Damaged int
	// Events of what was written.
	Events int
}

// BulkExport is how ExportAll goes about it.
type BulkExport struct {
	// DryRun reads everything and writes nothing. What is there already is not looked at.
	DryRun bool
	// Replace writes over other records of the same conversations.
	Replace bool
	// Progress is told, now and then, what came of the conversations so far.
	Progress func(ExportCounts)
	// Damaged is told each conversation that cannot be read; called from several goroutines.
	Damaged func(senderID string, err error)
}

// ExportAll writes all conversations as Rasa's own Redis tracker store does: all events of all sessions, and the time that is
// left of the conversation. What was imported from Rasa comes out byte by byte as it was.
func (r *Redis) ExportAll(ctx context.Context, to *RasaRecords, how BulkExport) (ExportCounts, error) {
	b := &bulkExport{store: r, to: to, how: how}
	for cursor := ""; ; {
		ids, next, err := r.List(ctx, cursor, bulkPage)
		if err != nil {
			return b.counts, err
		}
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(bulkParallel)
		for _, id := range ids {
			g.Go(func() error { return b.one(ctx, id) })
		}
		if err := g.Wait(); err != nil {
			return b.counts, err
		}
		if how.Progress != nil {
			how.Progress(b.counts)
		}
		if next == "" {
			return b.counts, nil
		}
		cursor = next
	}
}

type bulkExport struct {
	store *Redis
	to    *RasaRecords
	how   BulkExport

	mu     sync.Mutex
	counts ExportCounts
}

func (b *bulkExport) one(ctx context.Context, id string) error {
	value, events, life, ok, err := b.store.exported(ctx, id)
	result := writtenRecord
	switch {
	case errors.Is(err, errFrame):
		if b.how.Damaged != nil {
			b.how.Damaged(id, err)
		}
		result = "damaged"
	case err != nil:
		return err
	case !ok:
		result = "gone"
	case !b.how.DryRun:
		if result, err = b.to.write(ctx, id, value, life, b.how.Replace); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &b.counts
	switch result {
	case writtenRecord:
		c.Written++
		c.Events += events
	case sameRecord:
		c.Same++
	case keptRecord:
		c.Kept++
	case "gone":
		c.Gone++
	default:
		c.Damaged++
	}
	return nil
}

// exported is a conversation as a record of Rasa, with the number of its events and the time that is left, 0: for ever. It is
// not ok when there is no such conversation.
func (r *Redis) exported(ctx context.Context, id string) (value []byte, events int, life time.Duration, ok bool, err error) {
	payload, _, err := r.historyScript.Run(ctx, r.rdb, r.historyKeys(id), "")
	if err != nil {
		return nil, 0, 0, false, failed(ctx, "export conversation", err)
	}
	s, err := readState(payload)
	if err != nil || s.end.id == "" {
		return nil, 0, 0, false, err
	}
	decoded, err := decodeFrames(s.frames, true)
	if err == nil && len(decoded) != s.end.events {
		err = fmt.Errorf("%w: %d events where %d are due", errFrame, len(decoded), s.end.events)
	}
	if err != nil {
		return nil, 0, 0, false, err
	}
	lists := make([][]byte, len(s.frames))
	for i, frame := range s.frames {
		text, _ := frame.(string)
		if _, lists[i], err = openFrame(text); err != nil {
			return nil, 0, 0, false, err
		}
	}
	life, err = r.rdb.PTTL(ctx, r.keys.meta(id)).Result()
	if err != nil {
		return nil, 0, 0, false, failed(ctx, "export conversation", err)
	}
	if life == -2 { // it has ended in between
		return nil, 0, 0, false, nil
	}
	return rasaRecord(id, lists), len(decoded), max(life, 0), true, nil
}

// Results of writing a record.
const (
	writtenRecord = "written"
	sameRecord    = "same" // it was there already
	keptRecord    = "kept" // another one is there
)

// write writes the record of a conversation. One that is there already is left alone unless replace is set. life 0: for ever.
func (r *RasaRecords) write(ctx context.Context, senderID string, value []byte, life time.Duration, replace bool) (string, error) {
	key := r.prefix + senderID
	if replace {
		if err := r.rdb.Set(ctx, key, value, life).Err(); err != nil {
			return "", failed(ctx, "write a record for Rasa", err)
		}
		return writtenRecord, nil
	}
	err := r.rdb.SetArgs(ctx, key, value, redis.SetArgs{Mode: "NX", TTL: life}).Err()
	if err == nil {
		return writtenRecord, nil
	}
	if !errors.Is(err, redis.Nil) {
		return "", failed(ctx, "write a record for Rasa", err)
	}
	old, err := r.rdb.Get(ctx, key).Result()
	switch {
	case err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE"):
		return "", failed(ctx, "write a record for Rasa", err)
	case err == nil && old == string(value):
		return sameRecord, nil
	}
	return keptRecord, nil
}
