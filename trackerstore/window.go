package trackerstore

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"parley/dialogue"
)

// A long session is kept as a window of its last turns and a snapshot of what was before, which is taken anew every snapshotEvery turns.
// Policies look at the last few turns; a turn that looks further back has the session loaded, and when that happens often the
// window of all conversations grows.
const (
	windowLeast   = 4
	windowMost    = 16
	snapshotEvery = 6
)

// reach learns how far back turns look.
type reach struct {
	window atomic.Int32 // frames before a snapshot is taken of what was before
	turns  atomic.Int32 // since it was looked at last
	beyond atomic.Int32 // of them, those that looked further back
}

// seen counts a turn of a conversation that is kept in part.
func (r *reach) seen(beyond bool) {
	if beyond {
		r.beyond.Add(1)
	}
	if r.turns.Add(1)%128 != 0 {
		return
	}
	if n := r.beyond.Swap(0); n > 128/10 {
		w := r.window.Load()
		r.window.CompareAndSwap(w, min(w+w/2, windowMost))
	}
}

// follow appends frames, which lead to an end.
func (k *copyOf) follow(frames []any, to end, check bool) error {
	k.marks = slices.Clip(k.marks) // they are the cache's
	version := to.version - int64(len(frames))
	events, next := k.end.events, k.end.events
	if k.end.id == "" && k.base == 0 { // they follow nothing
		next = -1
	}
	for f, err := range inOrder(frames, next, check) {
		if err != nil {
			return err
		}
		events = f.first + f.count
		version++
		k.add(f.events, mark{version: version, events: events, bytes: f.size})
	}
	if check && events != to.events {
		return fmt.Errorf("%w: %d events where %d are due", errFrame, events, to.events)
	}
	k.end = to
	return nil
}

// add appends the events of a frame.
func (k *copyOf) add(events []dialogue.Event, m mark) {
	t := k.tracker.Copy()
	t.Append(events...)
	k.mark(t, m, false)
}

// mark makes a tracker, that after a frame, the copy's. It follows nothing if it is fresh, or if a session begins in the frame. The marks
// are appended to in place: whoever has them of a copy in the cache clips them first.
func (k *copyOf) mark(t *dialogue.Tracker, m mark, fresh bool) {
	n := t.Len()
	t = cut(t)
	if fresh || t.Len() < n {
		k.base, k.held, k.bytes, k.whole, k.marks = 0, 0, 0, false, nil
	}
	m.tracker, k.tracker = t, t
	k.held++
	k.bytes += m.bytes
	k.marks = append(k.marks[max(0, len(k.marks)+1-windowMost-snapshotEvery):], m)
}

// only reports whether a copy is of the only session.
func (k copyOf) only() bool { return k.tracker != nil && k.tracker.Len() == k.end.events }

// cut leaves the latest session of a tracker, the tracker itself if it holds no other.
func cut(t *dialogue.Tracker) *dialogue.Tracker {
	if c := t.Rebuilt(true); c.Len() < t.Len() {
		return c
	}
	return t
}

// errBeyond is what a look at the events before a snapshot comes to when there may be none.
var errBeyond = errors.New("a look at the events before a snapshot")

// taken is a snapshot that is due.
type taken struct {
	at   mark
	data string // "": none is due
	rest copyOf // the copy with the snapshot in the place of what came before
}

// take takes a snapshot if one is due: when there are many frames before the window, which need not be kept in memory. It is taken where
// none of the frames of the window looks at what came before, as those of forms do, and those that take events back.
func (k *copyOf) take(window int) taken {
	if k.whole || k.held < window+snapshotEvery || len(k.marks) < window {
		return taken{}
	}
	for i := len(k.marks) - window; i >= max(0, len(k.marks)-window-snapshotEvery); i-- {
		m := k.marks[i]
		data, made, ok := m.tracker.Snapshot()
		if !ok {
			return taken{}
		}
		made.OnHistory(func() ([]dialogue.Event, error) { return nil, errBeyond })
		rest := copyOf{end: k.end, tracker: made, base: m.events, bytes: len(data), marks: make([]mark, 0, len(k.marks)-i)}
		seen := m.tracker.Len()
		for _, next := range k.marks[i+1:] {
			rest.add(next.tracker.Events(seen), next)
			seen = next.tracker.Len()
		}
		if made.HistoryErr() == nil {
			return taken{at: m, data: strconv.Itoa(m.events) + ":" + string(data), rest: rest}
		}
	}
	k.held = window // it is tried again after some turns
	return taken{}
}

// in gives the copy another domain, that of the model that is used now.
func (k *copyOf) in(d *dialogue.Domain) error {
	if k.tracker.Domain() == d {
		return nil
	}
	events := k.tracker.Events(0)
	if err := k.tracker.HistoryErr(); err != nil {
		return err
	}
	t := dialogue.NewTracker(k.tracker.SenderID, d)
	t.Append(events...)
	k.tracker, k.base, k.bytes, k.marks = t, 0, k.end.sessions, nil
	return nil
}

// latest is the tracker of a turn. As in the reference, the state of the only session follows from its applied events and
// the state of a session that follows others from its raw events.
func (k *copyOf) latest() *dialogue.Tracker {
	rebuilt := k.tracker.Rebuilt(true)
	if rebuilt.Len() == k.tracker.Len() && !k.only() {
		return k.tracker.Copy()
	}
	return rebuilt
}
