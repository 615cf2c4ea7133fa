package trackerstore

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"parley/dialogue"
)

// commitPatience is how long the outcome of a commit is sought when the server does not answer, at most: the context's
// deadline may come first.
const commitPatience = 10 * time.Second

// commitKeys are the keys of the commit and delete scripts.
func (h *redisHeld) commitKeys() []string {
	r := h.store
	own := []string{
		r.keys.meta(h.senderID), r.keys.frames(h.senderID), r.keys.replies(h.senderID), r.keys.ids(bucketOf(h.senderID)),
		r.keys.archives(h.senderID), r.keys.snapshot(h.senderID),
	}
	if r.fused == nil {
		return append([]string{r.keys.base(h.senderID) + ":l", r.keys.base(h.senderID) + ":q"}, own...) // not touched
	}
	return append(r.fused.GiveKeys(h.senderID), own...)
}

// giveArgs are the first arguments of the commit and delete scripts.
func (h *redisHeld) giveArgs() []any {
	if h.store.fused == nil {
		return []any{"", "0", "", "0"}
	}
	return h.store.fused.GiveArgs(h.lease)
}

// over takes the answer of a script that gave the lock back and ends the lease. It returns the result.
func (h *redisHeld) over(reply any) string {
	list, _ := reply.([]any)
	if len(list) < 2 {
		list = []any{"", nil}
	}
	result, _ := list[0].(string)
	if h.store.fused == nil {
		h.lease.Release()
		return result
	}
	h.lease.Released()
	h.store.fused.HandedTo(list[1])
	return result
}

func (h *redisHeld) commit(ctx context.Context, t *Turn, c Commit) error {
	r := h.store
	begun := time.Now()
	defer r.opts.Observer.done("commit", begun)
	defer h.cancel(nil)
	events := t.appended(c)
	first := h.copy.end.events
	if c.Replace {
		first = 0
	}
	id := newCommitID()
	data, err := writeFrame(id, first, events, r.opts.MaxEventBytes, r.deflate)
	if err != nil {
		h.lease.Release()
		r.committed("error")
		return fmt.Errorf("commit: %w", err)
	}
	began := beginsSession(events)
	snap := h.snapshot(c.Replace || began)
	args := append(h.giveArgs(),
		h.copy.end.id, h.copy.end.version, id, data, len(events), flag(c.Replace),
		flag(began), h.senderID, r.opts.RecordExp.Milliseconds(), h.request.key,
		h.request.record(c.Reply), replyWindow.Milliseconds(), flag(!r.unchecked), h.fence, snap.data, snap.at.version)
	reply, err := h.send(ctx, args)
	if err != nil {
		return err
	}
	result := h.over(reply)
	switch result {
	case "OK", "DUP":
		after := end{id: id, version: h.copy.end.version + 1, events: first + len(events), from: h.copy.end.from}
		after.sessions = h.copy.end.sessions + len(data)
		if began || c.Replace {
			after.sessions = len(data)
		}
		h.keep(t, c, after, len(data), snap)
		if result == "OK" {
			r.committed("ok")
		} else {
			r.committed("dup")
		}
		if f := r.opts.Observer.Stored; f != nil {
			f(after.sessions, after.events)
		}
		r.considerArchive(h.senderID, reply)
		return nil
	case "STALE":
		r.cache.drop(h.senderID)
		r.committed("stale")
		return fmt.Errorf("commit: %w", errLost)
	case "CONFLICT":
		r.cache.drop(h.senderID)
		r.committed("conflict")
		return fmt.Errorf("commit: %w", ErrConflict)
	}
	r.committed("error")
	return fmt.Errorf("commit: %w: %q", errFrame, result)
}

// snapshot takes the snapshot that is due with this commit. fresh: the session that it would be of ends.
func (h *redisHeld) snapshot(fresh bool) taken {
	k, window := &h.copy, int(h.store.reach.window.Load())
	if k.base > 0 {
		beyond := k.tracker.HistoryLoaded()
		h.store.reach.seen(beyond)
		if beyond { // all is in memory: it is kept if that is the rule, or else forgotten again
			k.whole, k.bytes, k.held = window == windowMost, k.end.sessions, window+snapshotEvery
		}
	}
	if fresh {
		return taken{}
	}
	return k.take(window)
}

// keep puts the conversation as it is now into the cache.
func (h *redisHeld) keep(t *Turn, c Commit, after end, size int, snap taken) {
	k := h.copy
	m := mark{version: after.version, events: after.events, bytes: size}
	if snap.data != "" {
		k = snap.rest
		k.tracker.OnHistory(func() ([]dialogue.Event, error) { return snap.at.tracker.Events(0), snap.at.tracker.HistoryErr() })
		k.add(t.appended(c), m)
		k.tracker.OnHistory(nil) // or it would keep the history
	} else {
		if k.tracker == nil {
			k.tracker = dialogue.NewTracker(h.senderID, t.Tracker.Domain())
		}
		k.mark(t.Tracker.Copy(), m, c.Replace)
	}
	k.end = after
	h.store.cache.put(h.senderID, k)
	if f := h.store.opts.Observer.CacheBytes; f != nil && after.version%64 == 0 {
		f(int(h.store.cache.size()))
	}
}

// send runs the commit script until it answers: the commit id makes it safe to repeat. Once it may have arrived only the
// time ends the attempts, so that whoever left does not leave the outcome unknown.
func (h *redisHeld) send(ctx context.Context, args []any) (reply any, err error) {
	r := h.store
	until := time.Now().Add(commitPatience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		until = deadline
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	pause := 50 * time.Millisecond
	for unknown := false; ; pause = min(2*pause, time.Second) {
		reply, sent, err := r.commitScript.Run(ctx, r.rdb, h.commitKeys(), args...)
		if err == nil {
			return reply, nil
		}
		unknown = unknown || sent
		if !unknown {
			h.lease.Released() // the server is away: the lock lapses by itself
			r.committed("error")
			return nil, fmt.Errorf("commit: %w: %w", ErrUnavailable, err)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			continue
		case <-ctx.Done():
			timer.Stop()
		}
		h.lease.Released()
		r.committed("unknown")
		return nil, fmt.Errorf("commit: %w: %w", ErrUnknownOutcome, err)
	}
}

func (r *Redis) committed(result string) {
	if f := r.opts.Observer.Committed; f != nil {
		f(result)
	}
}

// newCommitID returns 96 random bits: no two commits share an id, whatever was lost in between.
func newCommitID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
