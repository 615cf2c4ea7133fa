package trackerstore

import (
	"context"
	"fmt"

	"parley/dialogue"
)

// Commit is what a turn writes beside its events.
type Commit struct {
	// Replace drops what was stored before: the events of the turn's tracker, which may be another than the one that
	// Begin made, are all there is (PUT).
	Replace bool
	// Reply is what is answered to the request of [WithRequest], for its repetitions.
	Reply []byte
}

// Turn is one turn of a conversation, held under its lock. It belongs to one goroutine.
type Turn struct {
	// Tracker is the turn's own; what is appended to it is stored by Commit.
	Tracker *dialogue.Tracker
	// Exists reports whether the conversation was stored before this turn.
	Exists bool
	// Identity is what others are told of the turn; none in a store that does not outlive its process.
	Identity Identity

	held  held
	base  int // events that the tracker held at the beginning
	ended bool
}

// Identity names a turn to those outside who take part in it, so that they can tell a repetition from another turn and a late
// turn from a current one.
type Identity struct {
	// ID is the same for all attempts at one identified request, and random otherwise.
	ID string
	// Fence is larger than those of all earlier turns of the conversation, also of one that was deleted in between: whoever
	// writes for a turn may refuse a fence lower than one that was seen. Microseconds since 1970, or a little more.
	Fence uint64
}

func identify(senderID string, r request, fence uint64) Identity {
	if r.key == "" {
		return Identity{ID: newCommitID(), Fence: fence}
	}
	return Identity{ID: digest(senderID + "\x00" + r.key), Fence: fence}
}

// held is a conversation under its lock; each store supplies it. Exactly one of its methods is called, once.
type held interface {
	// commit stores the events and gives the conversation back, whatever comes of it.
	commit(ctx context.Context, t *Turn, c Commit) error
	// abort gives the conversation back.
	abort()
}

func newTurn(h held, i Identity, tracker *dialogue.Tracker, exists bool) *Turn {
	return &Turn{Tracker: tracker, Exists: exists, Identity: i, held: h, base: tracker.Len()}
}

// Commit stores what the turn appended and gives the conversation to the next in line, also when it fails. A turn commits
// once: later calls, and those after Abort, fail with ErrConflict and store nothing. When ctx has ended before the store was
// asked, nothing is stored.
func (t *Turn) Commit(ctx context.Context, c Commit) error {
	if t.ended {
		return fmt.Errorf("commit a turn that has ended: %w", ErrConflict)
	}
	t.ended = true
	if !c.Replace && t.Tracker.Len() < t.base {
		t.held.abort()
		return fmt.Errorf("commit: the tracker holds %d events and began with %d", t.Tracker.Len(), t.base)
	}
	if err := t.Tracker.HistoryErr(); err != nil {
		t.held.abort()
		return fmt.Errorf("commit: the turn could not see the events before: %w", err)
	}
	if ctx.Err() != nil {
		t.held.abort()
		return fmt.Errorf("commit: %w", ended(ctx))
	}
	return t.held.commit(ctx, t, c)
}

// Abort gives the conversation back without storing anything. It has no effect after Commit.
func (t *Turn) Abort() {
	if !t.ended {
		t.ended = true
		t.held.abort()
	}
}

// appended are the events that the turn is to store.
func (t *Turn) appended(c Commit) []dialogue.Event {
	if c.Replace {
		return t.Tracker.Events(0)
	}
	return t.Tracker.Events(t.base)
}
