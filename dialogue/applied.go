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
	for ; n != nil; n = n.prev {
		if _, ok := n.event.(*ActionExecuted); ok {
			return n.prev
		}
	}
	return nil
}

// withoutTurn is the list before the action before its last user message.
func (n *appliedNode) withoutTurn() *appliedNode {
	for ; n != nil; n = n.prev {
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
	l.applied = appliedNode{event: e, prev: n, count: n.len() + 1, actions: n.actionCount(), state: state}
	if isAction {
		l.applied.actions++
	}
	return &l.applied
}

func isUserMessage(e Event) bool {
	_, ok := e.(*UserUttered)
	return ok
}

// push is the list with one more event.
func (n *appliedNode) push(e Event, reset *State) *appliedNode {
	next := &appliedNode{event: e, prev: n, count: n.len() + 1, actions: n.actionCount()}
	next.state = n.stateOr(reset).after(e, reset, new(State))
	if _, ok := e.(*ActionExecuted); ok {
		next.actions++
	}
	return next
}

// firstOrUnhappy reports whether a loop runs for the first time since it was activated, or after an unhappy path: its rejection,
// or another action than the loop after a user message.
func (n *appliedNode) firstOrUnhappy(loop string) bool {
	next := ""
	for ; n != nil; n = n.prev {
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
	for at := n; at != nil; at = at.prev {
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
	for n := t.tail; n != nil; n = n.prev {
		events[n.count-1] = n.event
	}
	return events
}

// AppliedLen is the number of events that count, in constant time.
func (t *Tracker) AppliedLen() int { return t.tail.len() }

// AppliedBackward yields the events that count, newest first, each with the state after it as a replay of the applied events gives it.
func (t *Tracker) AppliedBackward() iter.Seq2[Event, *State] {
	tail := t.tail
	return func(yield func(Event, *State) bool) {
		for n := tail; n != nil; n = n.prev {
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
}

// Moments yields the state before each applied action event, newest first, beginning with the present one (Action nil).
// Their number is the number of applied actions plus one. All states come from a replay of the applied events on an empty
// tracker, the present one too: where that differs from State, policies see the replay, as in the reference. An empty tracker's
// followup is action_listen, so the oldest moment has it.
func (t *Tracker) Moments() iter.Seq[Moment] {
	tail, reset := t.tail, t.index.reset
	return func(yield func(Moment) bool) {
		if !yield(Moment{State: tail.stateOr(reset)}) {
			return
		}
		for n := tail; n.actionCount() > 0; n = n.prev {
			if a, ok := n.event.(*ActionExecuted); ok && !yield(Moment{State: n.prev.stateOr(reset), Action: a}) {
				return
			}
		}
	}
}

// MomentCount is the number of Moments, in constant time.
func (t *Tracker) MomentCount() int { return t.tail.actionCount() + 1 }
