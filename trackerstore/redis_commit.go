package trackerstore

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"parley/dialogue"
	"parley/lockstore"
)

// commitPatience is how long the outcome of a commit is sought when the server does not answer, at most: the context's deadline may come
// first, but for an answer that is commitGrace away.
const (
	commitPatience = 10 * time.Second
	commitGrace    = time.Second
)

// turnKeys are the keys of the scripts of a turn: lock, queue, and those of [keys.turn].
func (r *Redis) turnKeys(senderID string) []string {
	own := r.keys.turn(senderID)
	all := make([]string, 0, 2+len(own))
	if r.fused == nil {
		all = append(all, r.keys.base(senderID)+":l", r.keys.base(senderID)+":q") // not touched
	} else {
		all = append(all, r.fused.GiveKeys(senderID)...)
	}
	return append(all, own[:]...)
}

// token is what scripts know the lease by; "" where the lock is kept elsewhere.
func (h *redisHeld) token() string {
	if h.store.fused == nil {
		return ""
	}
	return h.store.fused.Token(h.lease)
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
	before := h.copy.end
	follows := before
	began := beginsSession(events)
	kind := "" // see commit.lua
	switch {
	case c.Replace:
		follows, kind = end{version: before.version}, "r"
	case began || before.id == "":
		kind = "s"
	}
	id := newCommitID()
	buffer, _ := frameBuffers.Get().(*[]byte)
	data, err := writeFrame((*buffer)[:0], id, follows.events, events, r.opts.MaxEventBytes, r.deflate)
	if err != nil {
		h.lease.Release()
		r.committed("error")
		return fmt.Errorf("commit: %w", err)
	}
	snap := h.snapshot(c.Replace || began)
	after := follows.followed(id, len(events), len(data))
	after.fence = h.fence
	if kind != "" {
		after.began, after.sessions, after.snapshot = after.version, len(data), 0
	}
	if snap.data != "" {
		after.snapshot = snap.at.version
	}
	reply, err := h.send(ctx, []any{h.token(), before.String(), after.String(), data, kind, snap.data, h.senderID, h.request.key, h.request.record(c.Reply)})
	if err != nil {
		return err
	}
	if r.deflate == nil && cap(data) <= frameRoomMax { // answered, it is not sent any more
		*buffer = data
		frameBuffers.Put(buffer)
	}
	result := h.over(reply)
	switch result {
	case "OK", "DUP":
		h.keep(t, c, after, len(data), snap)
		if result == "OK" {
			r.committed("ok")
		} else {
			r.committed("dup")
		}
		if f := r.opts.Observer.Stored; f != nil {
			f(after.sessions, after.events)
		}
		r.considerArchive(h.senderID, after, reply)
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
		k.marks = slices.Clip(k.marks) // they are the cache's
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
	if least := time.Now().Add(commitGrace); until.Before(least) {
		until = least
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	pause := 50 * time.Millisecond
	for unknown := false; ; pause = min(2*pause, time.Second) {
		reply, sent, err := r.scripts.Run(ctx, r.commitScript, h.keys, args...)
		if err == nil {
			return reply, nil
		}
		unknown = unknown || sent
		if !unknown {
			if lockstore.Answered(err) {
				h.lease.Release()
			} else {
				h.lease.Released() // the server is away: the lock lapses by itself
			}
			r.committed("error")
			return nil, fmt.Errorf("commit: %w: %w", ErrUnavailable, err)
		}
		if time.Until(until) > pause {
			timer := time.NewTimer(pause)
			<-timer.C
			continue
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
