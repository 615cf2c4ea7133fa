package trackerstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/dialogue"
)

// Importer knows the conversations of the store that was used before: the [RasaRecords].
//
// A store that has one asks it for each conversation that it does not have itself. A turn takes what it finds over, once:
// what was taken over is marked, so that a conversation which is deleted or has expired does not come back. Deleting a
// conversation removes it there, too. A read shows what it finds and writes nothing.
type Importer interface {
	// Record returns what is kept of a conversation; ok is false if nothing is.
	Record(ctx context.Context, senderID string) (rec Record, ok bool, err error)
	// Remove removes what is kept of a conversation, if anything is.
	Remove(ctx context.Context, senderID string) error
}

// Results of taking a record over.
const (
	importedRecord = "imported"
	storedRecord   = "stored"  // the conversation is stored already
	settledRecord  = "settled" // it was taken over before, and has been deleted or has expired since
)

// takeOrImport takes the lock and loads, as take does. A conversation that is not stored is imported.
func (h *redisHeld) takeOrImport(ctx context.Context) (copyOf, error) {
	have, err := h.take(ctx)
	if err != nil || h.loaded.end.id != "" || h.store.opts.Importer == nil {
		return have, err
	}
	if err := h.imports(ctx); err != nil {
		h.lease.Release()
		return copyOf{}, err
	}
	return have, nil
}

// imports loads a conversation that is not stored from its record, if there is one, and stores it. That a holder who was
// stopped beyond its lease does so late does no harm: the script takes a record over once.
func (h *redisHeld) imports(ctx context.Context) error {
	r := h.store
	rec, ok, err := r.opts.Importer.Record(ctx, h.senderID)
	if err != nil || !ok {
		return err
	}
	result, imported, err := r.importRecord(ctx, h.senderID, rec)
	if err != nil {
		return err
	}
	switch result {
	case importedRecord:
		h.loaded = imported
	case storedRecord: // by the attempt whose answer was lost, or by an import that needs no lock
		payload, answered, err := r.load(ctx, h.senderID, h.loadArgs(copyOf{}))
		switch {
		case err != nil:
			return err
		case answered:
			return h.replay(payload)
		}
		h.fence, h.loaded, err = readLoaded(payload)
		return err
	}
	return nil
}

// importRecord takes a record over and returns what came of it and, where it was taken over, the conversation.
func (r *Redis) importRecord(ctx context.Context, senderID string, rec Record) (result string, s state, err error) {
	h := header{id: newCommitID(), count: len(rec.Events), codec: codecJSON}
	data := append(h.append(make([]byte, 0, len(rec.JSON)+64)), rec.JSON...)
	if r.deflate != nil && len(data) >= compressFrom {
		h.codec = codecDeflate
		if data, err = r.deflate.append(h.append(nil), rec.JSON); err != nil {
			return "", state{}, err
		}
	}
	keys := []string{
		r.keys.meta(senderID), r.keys.frames(senderID), r.keys.ids(bucketOf(senderID)), r.keys.imported(bucketOf(senderID)),
	}
	var life int64
	if rec.Life > 0 {
		life = max(rec.Life.Milliseconds(), 1)
	}
	e := end{id: h.id, version: 1, events: h.count, began: 1, sessions: len(data), kept: len(data)}
	reply, _, err := r.importScript.Run(ctx, r.rdb, keys, senderID, digest(senderID), e.String(), data, life)
	if err != nil {
		return "", state{}, failed(ctx, "import conversation", err)
	}
	result, _ = reply.(string)
	return result, state{end: e, from: 1, first: 1, frames: []any{string(data)}}, nil
}

// removeImported removes what a conversation is or was imported from. That comes before the conversation itself, so that it is
// not left behind.
func (r *Redis) removeImported(ctx context.Context, senderID string) error {
	if r.opts.Importer == nil {
		return nil
	}
	if err := r.opts.Importer.Remove(ctx, senderID); err != nil {
		return fmt.Errorf("delete conversation: %w", err)
	}
	return nil
}

// known says of each conversation what importing it would come to, as far as that follows from this store: storedRecord,
// settledRecord or "".
func (r *Redis) known(ctx context.Context, senderIDs []string) ([]string, error) {
	stored, settled := make([]*redis.IntCmd, len(senderIDs)), make([]*redis.FloatCmd, len(senderIDs))
	_, err := r.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range senderIDs {
			stored[i] = p.Exists(ctx, r.keys.meta(id))
			settled[i] = p.ZScore(ctx, r.keys.imported(bucketOf(id)), digest(id))
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, failed(ctx, "look for what was imported", err)
	}
	results := make([]string, len(senderIDs))
	for i := range senderIDs {
		switch {
		case stored[i].Err() != nil:
			return nil, failed(ctx, "look for what was imported", stored[i].Err())
		case stored[i].Val() == 1:
			results[i] = storedRecord
		case settled[i].Err() == nil:
			results[i] = settledRecord
		case !errors.Is(settled[i].Err(), redis.Nil):
			return nil, failed(ctx, "look for what was imported", settled[i].Err())
		}
	}
	return results, nil
}

// Read returns a view without taking the lock; it never writes. A conversation that is yet to be imported is shown as it will
// be.
func (r *Redis) Read(ctx context.Context, senderID string, d *dialogue.Domain, scope Scope) (*dialogue.Tracker, bool, error) {
	defer r.opts.Observer.done("read", time.Now())
	t, ok, err := r.read(ctx, senderID, d, scope)
	if ok || err != nil || r.opts.Importer == nil {
		return t, ok, err
	}
	rec, ok, err := r.opts.Importer.Record(ctx, senderID)
	if err != nil {
		return nil, false, fmt.Errorf("read conversation: %w", err)
	}
	if !ok {
		return nil, false, nil
	}
	known, err := r.known(ctx, []string{senderID})
	if err != nil {
		return nil, false, fmt.Errorf("read conversation: %w", err)
	}
	if known[0] != "" { // it was imported in between, or long ago
		return r.read(ctx, senderID, d, scope)
	}
	t = dialogue.NewTracker(senderID, d)
	t.Append(rec.Events...)
	return t.Rebuilt(scope == LatestSession), true, nil
}
