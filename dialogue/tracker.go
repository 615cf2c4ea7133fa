package dialogue

import (
	"iter"
	"maps"
	"math"
	"slices"
)

// Verbosity chooses which events a dump of a tracker lists (Rasa: EventVerbosity).
type Verbosity int

// The verbosities of include_events.
const (
	EventsNone Verbosity = iota
	EventsApplied
	EventsAfterRestart
	EventsAll
)

// Names of the metadata keys that Record stamps.
const (
	MetadataModelID     = "model_id"
	MetadataAssistantID = "assistant_id"
)

// maxClockSkew is how far, in seconds, the last event may lie in the future for later events to be moved behind it. An event
// from further ahead has a wrong time, and must not draw others after it.
const maxClockSkew = 60

// Tracker is the state of one conversation, built up by events (Rasa: shared/core/trackers.py DialogueStateTracker).
//
// Events are kept in a list that trackers share: Copy costs nothing, Append costs the same whatever the length of the history,
// and taking back a turn (rewind, undo) walks back only over what it removes.
//
// A tracker knows three states. State follows from the events as they came. The replay of the applied events gives the states
// of Moments and AppliedBackward; a rewind, an undo and a store fall back to the last of them. Once a tracker has come from a
// store, the replay of its raw events may differ from State: it is what a copy starts with, as in the reference.
type Tracker struct {
	SenderID string
	// ModelID and AssistantID, when set, are stamped into the metadata of events by Record.
	ModelID, AssistantID string

	index *domainIndex
	live  *State // after the events as they came
	raw   *State // after a replay of the raw events
	last  *rawNode
	tail  *appliedNode
	loops []string // names of all loops that were ever activated, shared: never appended to in place

	restart  int          // number of raw events up to the last restart
	session  int          // index of the last action_session_start, -1 if there is none
	lastUser *UserUttered // the latest raw user event

	origin *origin // what came before a snapshot; nil: all events are here

	stamp map[string]any // metadata with the ids below and nothing else, shared by events
	ids   [2]string      // model and assistant id of stamp
}

// rawNode is a raw event in a list that runs from the newest back.
type rawNode struct {
	event Event
	prev  *rawNode
	n     int // events up to this one

	origin *origin
}

// here is the node itself, or the one that it stands for when what came before a snapshot is looked at after all.
func (n *rawNode) here() *rawNode {
	if n == nil || n.origin == nil {
		return n
	}
	return n.origin.tracker().last
}

// link is what one appended event needs, allocated together.
type link struct {
	raw     rawNode
	applied appliedNode
	state   State
}

// NewTracker returns the tracker of a conversation without events. A nil domain has no slots.
func NewTracker(senderID string, d *Domain) *Tracker {
	if d == nil {
		d = &Domain{}
	}
	ix := d.lookup()
	return &Tracker{SenderID: senderID, index: ix, live: ix.reset, raw: ix.reset, session: -1}
}

// Domain is the domain the tracker was made with.
func (t *Tracker) Domain() *Domain { return t.index.domain }

// Append adds events as they are, in order, and applies them.
func (t *Tracker) Append(events ...Event) {
	links := make([]link, len(events))
	for i, e := range events {
		t.add(e, &links[i])
	}
}

func (t *Tracker) add(e Event, l *link) {
	l.raw = rawNode{event: e, prev: t.last, n: t.Len() + 1}
	t.last = &l.raw
	before := t.live
	switch e := e.(type) {
	case *UserReverted:
		t.tail = t.tail.withoutTurn()
		t.live = t.tail.stateOr(t.index.reset)
		t.raw = t.live
		return
	case *ActionReverted:
		t.tail = t.tail.withoutAction()
		t.live = t.tail.stateOr(t.index.reset)
		t.raw = t.live
		return
	case *SessionStarted:
		t.tail, t.live, t.raw = nil, t.index.reset, t.index.reset
		return
	case *Restarted:
		t.tail, t.restart = nil, t.last.n
		t.live = before.after(e, t.index.reset, &l.state)
		t.raw = t.live
		return
	case *UserUttered:
		t.lastUser = e
	case *ActionExecuted:
		if e.Name == ActionSessionStart {
			t.session = t.last.n - 1
		}
	case *ActiveLoop:
		t.noteLoop(e.Name)
	}
	t.live = before.after(e, t.index.reset, &l.state)
	if t.raw == before {
		t.raw = t.live
	} else {
		t.raw = t.raw.after(e, t.index.reset, new(State))
		if isUserMessage(e) && t.raw.same(t.live) {
			t.raw = t.live
		}
	}
	t.tail = t.tail.apply(e, t, l, before)
}

// Record stamps each event with now (seconds) — later events a microsecond later, never earlier than the last event —
// and with the model's and assistant's id unless it has them, and appends it. The events must not be shared yet.
// A last event that lies more than a minute in the future is not waited for.
func (t *Tracker) Record(now float64, events ...Event) {
	micros := int64(math.Round(now * 1e6))
	if e := t.Last(); e != nil {
		if last := e.Head().Timestamp; last >= now && last-now <= maxClockSkew {
			micros = int64(math.Round(last*1e6)) + 1
		}
	}
	for i, e := range events {
		e.Head().Timestamp = float64(micros+int64(i)) / 1e6
	}
	t.tag(events)
	t.Append(events...)
}

// Adopt appends events that came from outside with a time of their own: those without one get now, all get the model's and
// assistant's id unless they have them. The events must not be shared yet.
func (t *Tracker) Adopt(now float64, events ...Event) {
	for _, e := range events {
		if h := e.Head(); h.Timestamp == 0 {
			h.Timestamp = now
		}
	}
	t.tag(events)
	t.Append(events...)
}

// Stamp is the metadata that Record gives events without any: the ids that are not empty.
func Stamp(modelID, assistantID string) map[string]any {
	m := make(map[string]any, 2)
	if modelID != "" {
		m[MetadataModelID] = modelID
	}
	if assistantID != "" {
		m[MetadataAssistantID] = assistantID
	}
	return m
}

// tag puts the tracker's ids into the metadata of events. Metadata without other keys is one shared object.
func (t *Tracker) tag(events []Event) {
	if t.ModelID == "" && t.AssistantID == "" {
		return
	}
	if t.stamp == nil || t.ids != [2]string{t.ModelID, t.AssistantID} {
		t.ids = [2]string{t.ModelID, t.AssistantID}
		t.stamp = Stamp(t.ModelID, t.AssistantID)
	}
	for _, e := range events {
		h := e.Head()
		if len(h.Metadata) == 0 {
			h.Metadata = t.stamp
			continue
		}
		h.Metadata = t.tagged(h.Metadata)
	}
}

func (t *Tracker) tagged(metadata map[string]any) map[string]any {
	_, hasModel := metadata[MetadataModelID]
	_, hasAssistant := metadata[MetadataAssistantID]
	if (hasModel || t.ModelID == "") && (hasAssistant || t.AssistantID == "") {
		return metadata
	}
	m := make(map[string]any, len(metadata)+2)
	maps.Copy(m, metadata)
	if !hasModel && t.ModelID != "" {
		m[MetadataModelID] = t.ModelID
	}
	if !hasAssistant && t.AssistantID != "" {
		m[MetadataAssistantID] = t.AssistantID
	}
	return m
}

// Copy returns an independent tracker with the same history, in constant time. Its ids for stamping are empty and its state is
// that of a replay of the raw events, as in the reference.
func (t *Tracker) Copy() *Tracker {
	c := *t
	c.ModelID, c.AssistantID, c.stamp, c.ids = "", "", nil, [2]string{}
	c.live = c.raw
	return &c
}

// Rebuilt returns the tracker as it comes back from a store: its state follows from the applied events only, and only the
// latest session is held when latestSession is true (cut before the last action_session_start action). A tracker that was cut
// follows from its raw events instead, as in the reference. Ids for stamping are empty.
func (t *Tracker) Rebuilt(latestSession bool) *Tracker {
	if latestSession && t.session > 0 {
		c := &Tracker{SenderID: t.SenderID, index: t.index, live: t.index.reset, raw: t.index.reset, session: -1}
		c.Append(t.Events(t.session)...)
		return c
	}
	c := t.Copy()
	c.live = c.tail.stateOr(c.index.reset)
	if c.raw.same(c.live) {
		c.raw = c.live
	}
	return c
}

// Until returns the tracker as it was at a time (seconds, inclusive): the events before the first later one, replayed.
func (t *Tracker) Until(time float64) *Tracker {
	events := t.Events(0)
	n := slices.IndexFunc(events, func(e Event) bool { return e.Head().Timestamp > time })
	if n < 0 {
		return t.Copy()
	}
	c := &Tracker{SenderID: t.SenderID, index: t.index, live: t.index.reset, raw: t.index.reset, session: -1}
	c.Append(events[:n]...)
	return c
}

// Len is the number of raw events.
func (t *Tracker) Len() int {
	if t.last == nil {
		return 0
	}
	return t.last.n
}

// Events returns all raw events from index n on, oldest first.
func (t *Tracker) Events(n int) []Event {
	events := make([]Event, max(t.Len()-max(n, 0), 0))
	node := t.last
	for i := len(events) - 1; i >= 0; i-- {
		if node = node.here(); node == nil {
			return []Event{} // see HistoryErr
		}
		events[i], node = node.event, node.prev
	}
	return events
}

// Last is the newest raw event, nil if there is none.
func (t *Tracker) Last() Event {
	n := t.last.here()
	if n == nil {
		return nil
	}
	return n.event
}

// Backward yields the raw events, newest first.
func (t *Tracker) Backward() iter.Seq[Event] {
	last := t.last
	return func(yield func(Event) bool) {
		for n := last.here(); n != nil; n = n.prev.here() {
			if !yield(n.event) {
				return
			}
		}
	}
}

// HasRestarted reports whether there is a restart among the raw events.
func (t *Tracker) HasRestarted() bool { return t.restart > 0 }

// AfterRestart returns the raw events after the last restart.
func (t *Tracker) AfterRestart() []Event { return t.Events(t.restart) }

// Sessions returns the raw events cut before each action_session_start action, oldest session first.
func (t *Tracker) Sessions() [][]Event {
	var sessions [][]Event
	events := t.Events(0)
	begin := 0
	for i, e := range events {
		if a, ok := e.(*ActionExecuted); ok && a.Name == ActionSessionStart && i > begin {
			sessions = append(sessions, events[begin:i:i])
			begin = i
		}
	}
	if begin < len(events) {
		sessions = append(sessions, events[begin:])
	}
	return sessions
}

// State is what the tracker knows now.
func (t *Tracker) State() *State { return t.live }

// Slot returns a slot's value; ok is false for a slot that the domain does not have.
func (t *Tracker) Slot(name string) (value any, ok bool) { return t.live.Slots.Value(name) }

// ClearFollowup takes the followup action back without an event: it is being used. Copies still show it, as in the reference.
func (t *Tracker) ClearFollowup() {
	if t.live.Followup != "" {
		live := *t.live
		live.Followup = ""
		t.live = &live
	}
}

// LatestActionName is the name of the latest action, or its text if it has no name; "" if there is none.
func (t *Tracker) LatestActionName() string { return t.live.LatestActionName() }

// ActiveLoopName is the name of the active loop, "" if there is none or it is ShouldNotBeSet.
func (t *Tracker) ActiveLoopName() string { return t.live.ActiveLoopName() }

// LatestIntent is the intent name of the latest message, "" if there is none.
func (t *Tracker) LatestIntent() string { return t.live.LatestIntent() }

// LatestInputChannel is the input channel of the latest user event, "" if unknown.
func (t *Tracker) LatestInputChannel() string {
	if t.lastUser == nil {
		return ""
	}
	return t.lastUser.InputChannel
}
