package dialogue

import (
	"iter"
	"slices"
)

// appliedNode is an applied event (Rasa: applied_events) in a list that runs from the newest back. A nil node is the empty list.
type appliedNode struct {
	event   Event
	prev    *appliedNode
	count   int    // events up to this one
	actions int    // action events up to this one
	state   *State // after a replay of the events up to this one
	shown   int    // actions among them that not only rules know
	start   *beginning
	origin  *origin
}

// beginning is the first action among applied events.
type beginning struct {
	before  *State // the state before it
	action  *ActionExecuted
	settled bool // see Tracker.Beginning
}

// follow sets what a node knows of the actions up to it. The node has its event and what came before.
func (n *appliedNode) follow(reset *State) {
	if n.prev != nil {
		n.actions, n.shown, n.start = n.prev.actions, n.prev.shown, n.prev.start
	}
	a, ok := n.event.(*ActionExecuted)
	if !ok {
		return
	}
	n.actions++
	if !a.HideRuleTurn {
		n.shown++
	}
	before := n.prev.stateOr(reset)
	switch n.actions {
	case 1:
		n.start = &beginning{before: before, action: a}
	case 2:
		settled := before.Followup == "" && before.LatestActionName() != before.ActiveLoopName()
		n.start = &beginning{before: n.start.before, action: n.start.action, settled: settled}
	}
}

// here is the node itself, or the one that it stands for when what came before a snapshot is looked at after all.
func (n *appliedNode) here() *appliedNode {
	if n == nil || n.origin == nil {
		return n
	}
	return n.origin.tracker().tail
}

func (n *appliedNode) stateOr(reset *State) *State {
	if n == nil {
		return reset
	}
	return n.state
}

func (n *appliedNode) len() int {
	if n == nil {
		return 0
	}
	return n.count
}

func (n *appliedNode) actionCount() int {
	if n == nil {
		return 0
	}
	return n.actions
}

// withoutAction is the list before its last action.
func (n *appliedNode) withoutAction() *appliedNode {
	for n = n.here(); n != nil; n = n.prev.here() {
		if _, ok := n.event.(*ActionExecuted); ok {
			return n.prev
		}
	}
	return nil
}

// withoutTurn is the list before the action before its last user message.
func (n *appliedNode) withoutTurn() *appliedNode {
	for n = n.here(); n != nil; n = n.prev.here() {
		if _, ok := n.event.(*UserUttered); ok {
			return n.prev.withoutAction()
		}
	}
	return nil
}

// apply is the list after a raw event that neither resets nor reverts. t is the tracker after the event, before its live state
// before it: when the replay stood there too, the replay goes on with the live state.
func (n *appliedNode) apply(e Event, t *Tracker, l *link, before *State) *appliedNode {
	reset := t.index.reset
	a, isAction := e.(*ActionExecuted)
	if isAction && t.isLoop(a.Name) && !n.firstOrUnhappy(a.Name) {
		return n.collapse(a.Name, reset)
	}
	state := t.live
	if was := n.stateOr(reset); was != before {
		if state = was.after(e, reset, new(State)); isUserMessage(e) && state.same(t.live) {
			state = t.live
		}
	}
	l.applied = appliedNode{event: e, prev: n, count: n.len() + 1, state: state}
	l.applied.follow(reset)
	return &l.applied
}

func isUserMessage(e Event) bool {
	_, ok := e.(*UserUttered)
	return ok
}

// push is the list with one more event.
func (n *appliedNode) push(e Event, reset *State) *appliedNode {
	next := &appliedNode{event: e, prev: n, count: n.len() + 1}
	next.state = n.stateOr(reset).after(e, reset, new(State))
	next.follow(reset)
	return next
}

// firstOrUnhappy reports whether a loop runs for the first time since it was activated, or after an unhappy path: its rejection,
// or another action than the loop after a user message.
func (n *appliedNode) firstOrUnhappy(loop string) bool {
	next := ""
	for n = n.here(); n != nil; n = n.prev.here() {
		switch e := n.event.(type) {
		case *ActiveLoop:
			if e.Name == "" {
				return true
			}
		case *ActionRejected:
			if e.Name == loop {
				return true
			}
		case *UserUttered:
			if next != "" && next != loop {
				return true
			}
		case *ActionExecuted:
			if e.Name == loop {
				return false
			}
			next = e.Name
		}
	}
	return true
}

// collapse removes the actions, user messages and their featurisation back to the previous run of a loop, so that a happy path
// shows the loop once. What lies between that run and the first removed event stays as it is.
func (n *appliedNode) collapse(loop string, reset *State) *appliedNode {
	var kept []Event // after the oldest removed event, newest first
	base, keptAtBase := n, 0
	for at := n.here(); at != nil; at = at.prev.here() {
		if a, ok := at.event.(*ActionExecuted); ok && a.Name == loop {
			break
		}
		switch at.event.(type) {
		case *ActionExecuted, *UserUttered, *UserFeaturization:
			base, keptAtBase = at.prev, len(kept)
		default:
			kept = append(kept, at.event)
		}
	}
	for _, e := range slices.Backward(kept[:keptAtBase]) {
		base = base.push(e, reset)
	}
	return base
}

func (t *Tracker) isLoop(name string) bool { return name != "" && slices.Contains(t.loops, name) }

// noteLoop remembers the name of a loop that is being activated. The names count for all events, also earlier ones: runs of the
// loop before its first activation collapse from now on.
func (t *Tracker) noteLoop(name string) {
	if name == "" || slices.Contains(t.loops, name) {
		return
	}
	t.loops = append(slices.Clip(t.loops), name)
	runs, from := 0, 0
scan:
	for n := t.last.prev; n != nil; n = n.prev {
		if o := n.origin; o != nil {
			if runs < 2 && !slices.Contains(o.ran, name) {
				return // nor did it run before the snapshot
			}
			if n = n.here(); n == nil {
				return // see HistoryErr
			}
		}
		switch e := n.event.(type) {
		case *Restarted, *SessionStarted:
			from = n.n
			break scan
		case *ActionExecuted:
			if e.Name == name {
				runs++
			}
		}
	}
	if runs < 2 {
		return // the first run is kept anyway
	}
	events := t.Events(from)
	t.tail = nil
	for _, e := range events[:len(events)-1] { // without the activation itself
		t.tail = t.tail.reapply(e, t)
	}
}

// reapply is the list after a raw event that does not reset, made anew.
func (n *appliedNode) reapply(e Event, t *Tracker) *appliedNode {
	switch e := e.(type) {
	case *UserReverted:
		return n.withoutTurn()
	case *ActionReverted:
		return n.withoutAction()
	case *ActionExecuted:
		if t.isLoop(e.Name) && !n.firstOrUnhappy(e.Name) {
			return n.collapse(e.Name, t.index.reset)
		}
	}
	return n.push(e, t.index.reset)
}

// Applied returns the events that count (spec: applied_events), oldest first.
func (t *Tracker) Applied() []Event {
	events := make([]Event, t.tail.len())
	for n := t.tail.here(); n != nil; n = n.prev.here() {
		events[n.count-1] = n.event
	}
	if len(events) > 0 && events[0] == nil {
		return []Event{} // see HistoryErr
	}
	return events
}

// AppliedLen is the number of events that count, in constant time.
func (t *Tracker) AppliedLen() int { return t.tail.len() }

// AppliedBackward yields the events that count, newest first, each with the state after it as a replay of the applied events gives it.
func (t *Tracker) AppliedBackward() iter.Seq2[Event, *State] {
	tail := t.tail
	return func(yield func(Event, *State) bool) {
		for n := tail.here(); n != nil; n = n.prev.here() {
			if !yield(n.event, n.state) {
				return
			}
		}
	}
}

// Moment is the state in which an action was about to run (Rasa: generate_all_prior_trackers).
type Moment struct {
	State *State
	// Action is the action event that ran then; nil for the present moment.
	Action *ActionExecuted
	// Shown is the number of actions, this one and all before it, that not only rules know.
	Shown int
}

// Moments yields the state before each applied action event, newest first, beginning with the present one (Action nil).
// Their number is the number of applied actions plus one. All states come from a replay of the applied events on an empty
// tracker, the present one too: where that differs from State, policies see the replay, as in the reference. An empty tracker's
// followup is action_listen, so the oldest moment has it.
func (t *Tracker) Moments() iter.Seq[Moment] {
	tail, reset := t.tail, t.index.reset
	return func(yield func(Moment) bool) {
		now := Moment{State: tail.stateOr(reset)}
		if tail != nil {
			now.Shown = tail.shown
		}
		if !yield(now) {
			return
		}
		for n := tail.here(); n.actionCount() > 0; n = n.prev.here() {
			if a, ok := n.event.(*ActionExecuted); ok && !yield(Moment{State: n.prev.stateOr(reset), Action: a, Shown: n.shown}) {
				return
			}
		}
	}
}

// MomentCount is the number of Moments, in constant time.
func (t *Tracker) MomentCount() int { return t.tail.actionCount() + 1 }

// Beginning is the oldest of Moments, in constant time; ok is false if there is but one. settled: the moment after it has no pending
// followup, and no loop that has just run.
func (t *Tracker) Beginning() (m Moment, settled, ok bool) {
	if t.tail == nil || t.tail.start == nil {
		return m, false, false
	}
	b := t.tail.start
	m = Moment{State: b.before, Action: b.action}
	if !b.action.HideRuleTurn {
		m.Shown = 1
	}
	return m, b.settled, true
}
