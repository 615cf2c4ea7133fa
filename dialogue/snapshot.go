package dialogue

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrSnapshot means that a snapshot cannot be used: it was written for other slots, or by another version.
var ErrSnapshot = errors.New("the snapshot does not fit")

// snapshotVersion changes whenever the same events give another state than before.
const snapshotVersion = 1

// snapshotRoom is what the events of a snapshot take, about.
const snapshotRoom = 4 << 10

// origin is the part of a tracker's history before a snapshot. Its events are loaded when they are looked at.
type origin struct {
	n       int // raw events before the snapshot
	actions int // applied ones among them that are actions
	index   *domainIndex
	id      string

	// events are those to which the snapshot's states refer, by their place in the history. They take the place of what is loaded, so
	// that an event is the same object wherever it is met.
	events map[int]Event
	ran    []string // names of the actions that ran since the last restart or start of a session

	mu   sync.Mutex
	load func() ([]Event, error)
	full *Tracker
	err  error
}

// tracker returns the history up to the snapshot; it is empty when that could not be loaded.
func (o *origin) tracker() *Tracker {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full != nil {
		return o.full
	}
	t := &Tracker{SenderID: o.id, index: o.index, live: o.index.reset, raw: o.index.reset, session: -1}
	if o.err != nil {
		return t
	}
	if o.load == nil {
		o.err = errors.New("the history before a snapshot cannot be loaded any more")
		return t
	}
	events, err := o.load()
	if err == nil && len(events) != o.n {
		err = fmt.Errorf("%d events before a snapshot, want %d", len(events), o.n)
	}
	if err != nil {
		o.err = err
		return t
	}
	for i, e := range o.events {
		events[i] = e
	}
	t.Append(events...)
	o.full = t
	return t
}

// OnHistory sets how the events before the snapshot are loaded, oldest first, when something looks at them, also through a copy of the
// tracker. It has no effect on a tracker that does not begin with a snapshot.
func (t *Tracker) OnHistory(load func() ([]Event, error)) {
	if o := t.origin; o != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.load = load
	}
}

// HistoryErr is why the events before the snapshot could not be loaded; nil: they were, or nobody asked. What looked at them has seen
// none, so that the tracker and its copies must not be believed; they are not loaded later either.
func (t *Tracker) HistoryErr() error {
	o := t.origin
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// HistoryLoaded reports whether all events of the tracker are in memory.
func (t *Tracker) HistoryLoaded() bool {
	o := t.origin
	if o == nil {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.full != nil
}

// MomentsHeld is how many Moments, the newest ones, can be had without loading events from before the snapshot.
func (t *Tracker) MomentsHeld() int {
	if t.HistoryLoaded() {
		return t.MomentCount()
	}
	return 1 + max(0, t.tail.actionCount()-t.origin.actions)
}

// snapshot is what a tracker knows at the end of its events, and the events that this refers to, by their place in Events.
type snapshot struct {
	Version int            `json:"v"`
	Slots   string         `json:"slots"` // print of the domain's slots
	N       int            `json:"n"`
	Restart int            `json:"restart,omitempty"`
	Session int            `json:"session"`
	Loops   []string       `json:"loops,omitempty"`
	Ran     []string       `json:"ran,omitempty"` // see origin
	Applied int            `json:"applied,omitempty"`
	Actions int            `json:"actions,omitempty"`
	Places  []int          `json:"places,omitempty"` // of the events in the history
	User    int            `json:"user"`
	Raw     stateSnapshot  `json:"raw"`
	Tail    *stateSnapshot `json:"tail,omitempty"` // nil: the same as Raw, where there are applied events
	Shown   int            `json:"shown,omitempty"`
	Start   *startSnapshot `json:"start,omitempty"` // nil: no applied action
}

// startSnapshot is a beginning.
type startSnapshot struct {
	Before  *stateSnapshot `json:"before,omitempty"` // nil: that of an empty tracker
	Action  int            `json:"action"`
	Settled bool           `json:"settled,omitempty"`
}

// stateSnapshot is a State; events are positions in snapshot.Places, -1 is none.
type stateSnapshot struct {
	Slots    map[string]json.RawMessage `json:"slots,omitempty"` // that were set
	Message  int                        `json:"message"`
	Entities *int                       `json:"entities,omitempty"` // a list of events behind the others; nil: the message's
	UseText  *bool                      `json:"use_text,omitempty"`
	Bot      int                        `json:"bot"`
	Action   int                        `json:"action"`
	Followup string                     `json:"followup,omitempty"`
	Loop     *loopSnapshot              `json:"loop,omitempty"`
	Paused   bool                       `json:"paused,omitempty"`
}

type loopSnapshot struct {
	Name        string `json:"name"`
	Interrupted bool   `json:"interrupted,omitempty"`
	Rejected    bool   `json:"rejected,omitempty"`
	Trigger     int    `json:"trigger"`
}

// Snapshot returns what FromSnapshot makes a tracker of that is like this one in all but the ids for stamping: the state, and the few
// events that it refers to, one line of JSON each. It also returns that tracker. ok is false for a tracker that cannot be described so.
func (t *Tracker) Snapshot() (data []byte, made *Tracker, ok bool) {
	w := snapshotWriter{t: t, places: map[Event]int{}, ok: t.last != nil}
	s := snapshot{
		Version: snapshotVersion, Slots: t.index.slotPrint(), N: t.Len(), Restart: t.restart, Session: t.session, Loops: t.loops, Ran: t.ran(),
		Applied: t.tail.len(), Actions: t.tail.actionCount(), User: -1,
	}
	if t.lastUser != nil {
		s.User = w.event(t.lastUser)
	}
	s.Raw = w.state(t.raw)
	if t.tail != nil && t.tail.state != t.raw {
		tail := w.state(t.tail.state)
		s.Tail = &tail
	}
	if n := t.tail; n != nil && n.start != nil {
		s.Shown, s.Start = n.shown, &startSnapshot{Action: w.event(n.start.action), Settled: n.start.settled}
		if n.start.before != t.index.reset {
			before := w.state(n.start.before)
			s.Start.Before = &before
		}
	}
	s.Places = w.list
	data, err := json.Marshal(&s)
	if err != nil || !w.ok {
		return nil, nil, false
	}
	data = append(slices.Grow(data, snapshotRoom), "\n["...)
	for i, e := range append(w.events, w.added...) {
		if i > 0 {
			data = append(data, ',')
		}
		data = AppendStoredEventJSON(data, e)
	}
	raw, tail := *t.raw, *t.tail.stateOr(t.raw) // the originals would keep the history alive
	var start *beginning
	if s.Start != nil {
		b := *t.tail.start
		if before := *b.before; b.before != t.index.reset {
			b.before = &before
		}
		start = &b
	}
	made = t.fromSnapshot(&s, w.events, &raw, &tail, start)
	made.lastUser = t.lastUser
	return append(data, ']'), made, true
}

// fromSnapshot is a tracker with the state of a snapshot. events are those of the history to which it refers.
func (t *Tracker) fromSnapshot(s *snapshot, events []Event, raw, tail *State, start *beginning) *Tracker {
	o := &origin{n: s.N, actions: s.Actions, index: t.index, id: t.SenderID, events: make(map[int]Event, len(events)), ran: s.Ran}
	for i, e := range events {
		o.events[s.Places[i]] = e
	}
	made := &Tracker{
		SenderID: t.SenderID, index: t.index, live: raw, raw: raw, last: &rawNode{n: s.N, origin: o},
		loops: s.Loops, restart: s.Restart, session: s.Session, origin: o,
	}
	if s.Applied > 0 {
		if s.Tail == nil {
			tail = raw
		}
		made.tail = &appliedNode{count: s.Applied, actions: s.Actions, state: tail, shown: s.Shown, start: start, origin: o}
	}
	return made
}

// ran are the names of the actions that ran since the last restart or start of a session, in no order that matters.
func (t *Tracker) ran() []string {
	var names []string
	for n := t.last; n != nil; n = n.prev {
		if n.origin != nil {
			for _, name := range n.origin.ran {
				if !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			break
		}
		switch e := n.event.(type) {
		case *Restarted, *SessionStarted:
			return names
		case *ActionExecuted:
			if e.Name != "" && !slices.Contains(names, e.Name) {
				names = append(names, e.Name)
			}
		}
	}
	return names
}

// snapshotWriter collects the events that states refer to.
type snapshotWriter struct {
	t      *Tracker
	places map[Event]int // position in list
	list   []int
	events []Event
	added  []Event // entities that are not the message's own
	ok     bool
}

// event is the position of an event of the tracker.
func (w *snapshotWriter) event(e Event) int {
	if i, ok := w.places[e]; ok {
		return i
	}
	place := w.t.place(e)
	if place < 0 {
		w.ok = false
		return -1
	}
	w.places[e] = len(w.list)
	w.list = append(w.list, place)
	w.events = append(w.events, e)
	return w.places[e]
}

// place is the index of an event in Events; -1: it is not one of them, or only a look at the history before a snapshot would tell.
func (t *Tracker) place(e Event) int {
	n := t.last
	for ; n != nil && n.origin == nil; n = n.prev {
		if n.event == e {
			return n.n - 1
		}
	}
	if n != nil {
		for i, known := range n.origin.events {
			if known == e {
				return i
			}
		}
	}
	return -1
}

func (w *snapshotWriter) state(s *State) stateSnapshot {
	out := stateSnapshot{Message: -1, Bot: -1, Action: -1, UseText: s.UseText, Followup: s.Followup, Paused: s.Paused}
	for i, slot := range w.t.index.domain.Slots {
		if s.Slots.IsSetAt(i) {
			if out.Slots == nil {
				out.Slots = map[string]json.RawMessage{}
			}
			out.Slots[slot.Name] = AppendJSON(nil, s.Slots.At(i))
		}
	}
	var own []Entity
	if s.LatestMessage != nil {
		out.Message = w.event(s.LatestMessage)
		own = s.LatestMessage.Parse.Entities
	}
	if len(s.Entities) != len(own) || len(own) > 0 && &own[0] != &s.Entities[0] {
		i := len(w.added)
		w.added = append(w.added, &EntitiesAdded{Entities: s.Entities})
		out.Entities = &i
	}
	if s.LatestBot != nil {
		out.Bot = w.event(s.LatestBot)
	}
	if s.LatestAction != nil {
		out.Action = w.event(s.LatestAction)
	}
	if l := s.Loop; l != nil {
		out.Loop = &loopSnapshot{Name: l.Name, Interrupted: l.IsInterrupted, Rejected: l.Rejected, Trigger: -1}
		if l.Trigger != nil {
			out.Loop.Trigger = w.event(l.Trigger)
		}
	}
	return out
}

// FromSnapshot returns the tracker that a snapshot was made of. Of its events only those are in memory that its state refers to: OnHistory
// says how to load the others, which whoever looks further back causes. It fails with ErrSnapshot when the snapshot is of no
// use with this domain.
func FromSnapshot(senderID string, d *Domain, data []byte) (*Tracker, error) {
	header, list, ok := bytes.Cut(data, []byte{'\n'})
	var s snapshot
	if !ok || json.Unmarshal(header, &s) != nil {
		return nil, fmt.Errorf("%w: it is damaged", ErrSnapshot)
	}
	t := NewTracker(senderID, d)
	if s.Version != snapshotVersion || s.Slots != t.index.slotPrint() {
		return nil, ErrSnapshot
	}
	events, err := DecodeStoredEvents(list)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	r := snapshotReader{t: t, events: events, own: len(s.Places)}
	r.ok = s.N > 0 && r.own <= len(events) && s.Applied >= 0 && s.Actions >= 0
	for _, place := range s.Places {
		r.ok = r.ok && place >= 0 && place < s.N
	}
	if !r.ok {
		return nil, fmt.Errorf("%w: it is damaged", ErrSnapshot)
	}
	raw := r.state(&s.Raw)
	tail := raw
	if s.Tail != nil {
		tail = r.state(s.Tail)
	}
	var start *beginning
	if s.Start != nil {
		start = &beginning{before: t.index.reset, action: readEvent[*ActionExecuted](&r, s.Start.Action), settled: s.Start.Settled}
		if s.Start.Before != nil {
			start.before = r.state(s.Start.Before)
		}
		r.ok = r.ok && start.action != nil
	}
	r.ok = r.ok && (start != nil) == (s.Actions > 0)
	made := t.fromSnapshot(&s, events[:r.own], raw, tail, start)
	made.lastUser = readEvent[*UserUttered](&r, s.User)
	if !r.ok {
		return nil, fmt.Errorf("%w: it is damaged", ErrSnapshot)
	}
	return made, nil
}

type snapshotReader struct {
	t      *Tracker
	events []Event
	own    int // events of the history among them
	ok     bool
}

func readEvent[E Event](r *snapshotReader, i int) (e E) {
	if i < 0 {
		return e
	}
	if i >= r.own {
		r.ok = false
		return e
	}
	e, ok := r.events[i].(E)
	r.ok = r.ok && ok
	return e
}

func (r *snapshotReader) state(s *stateSnapshot) *State {
	out := &State{
		Slots: r.t.index.reset.Slots, LatestMessage: readEvent[*UserUttered](r, s.Message), LatestBot: readEvent[*BotUttered](r, s.Bot),
		LatestAction: readEvent[*ActionExecuted](r, s.Action), UseText: s.UseText, Followup: s.Followup, Paused: s.Paused,
	}
	for name, data := range s.Slots {
		v, err := DecodeJSON(data)
		r.ok = r.ok && err == nil
		out.Slots = out.Slots.Set(name, v)
	}
	switch {
	case s.Entities == nil:
		if out.LatestMessage != nil {
			out.Entities = out.LatestMessage.Parse.Entities
		}
	case *s.Entities < 0 || r.own+*s.Entities >= len(r.events):
		r.ok = false
	default:
		added, ok := r.events[r.own+*s.Entities].(*EntitiesAdded)
		if r.ok = r.ok && ok; ok {
			out.Entities = added.Entities
		}
	}
	if l := s.Loop; l != nil {
		out.Loop = &Loop{Name: l.Name, IsInterrupted: l.Interrupted, Rejected: l.Rejected, Trigger: readEvent[*UserUttered](r, l.Trigger)}
	}
	return out
}

// slotPrint tells domains apart whose trackers have different slots.
func slotPrint(d *Domain) string {
	h := sha256.New()
	for i := range d.Slots {
		s := &d.Slots[i]
		b := AppendString(nil, s.Name)
		b = AppendString(append(b, ' '), string(s.Type))
		h.Write(append(AppendJSON(append(b, ' '), s.Initial), '\n'))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}
