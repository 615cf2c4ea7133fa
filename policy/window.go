package policy

import (
	"parley/dialogue"
)

// moment is the state before an action, with what was read of it so far.
type moment struct {
	state  *dialogue.State
	action *dialogue.ActionExecuted // that ran then; nil at present
	shown  int                      // actions, this one and all before it, that not only rules know

	prev, prevText symbol // the latest action
	loop           symbol
	message        state // of the user, and nothing else
	readPrev       bool
	readMessage    bool

	features int    // position in window.features, -1: not read yet
	vector   symbol // of the slots that learned policies see; absent: not read yet

	// older is the next older moment that learned policies see if they know the whole conversation, 0 if that was not asked yet. It is
	// sure if it does not depend on where the conversation is cut.
	older int
	sure  bool
}

// notRead marks a slot's feature that was not looked at yet.
const notRead symbol = -1

// window is the newest part of a conversation, as far as the policies have looked at it. One prediction owns it.
type window struct {
	v        *vocabulary
	t        *dialogue.Tracker
	now      *dialogue.State
	count    int // moments of the conversation
	held     int // of them in memory
	moments  []moment
	oldest   moment // where it is not among the moments
	features []symbol

	changes changes
	scratch []symbol
}

// changes are what happened between moments, read up to a moment.
type changes struct {
	to    int   // moments that were read
	slots []set // newest first
	// The latest moment, not after the given one, before which the user spoke, or a loop was activated or left; never: none was read.
	message, loop []int

	// The slots of the newest moment that were looked up last, and for which cut.
	cut    int
	vector symbol
}

// set is a change of a slot before a moment and after the action before it.
type set struct{ moment, slot int }

// never is later than all moments.
const never = int(^uint(0) >> 1)

// open points the window at the present of a conversation.
func (w *window) open(v *vocabulary, t *dialogue.Tracker) {
	w.v, w.t, w.now, w.count, w.held = v, t, t.State(), t.MomentCount(), t.MomentsHeld()
	w.moments, w.features, w.oldest = w.moments[:0], w.features[:0], moment{}
	c := &w.changes
	c.to, c.cut, c.slots, c.message, c.loop = 0, 0, c.slots[:0], c.message[:0], c.loop[:0]
}

// close forgets the conversation, so that a pooled window keeps nothing alive.
func (w *window) close() {
	clear(w.moments)
	w.t, w.now, w.oldest = nil, nil, moment{}
}

// firstLoad is the number of moments that are loaded at least: rules are rarely longer.
const firstLoad = 8

// need loads the moments up to i, and reports whether the conversation has it. Moment 0 is the present.
func (w *window) need(i int) bool {
	if i < len(w.moments) {
		return true
	}
	if i >= w.count {
		return false
	}
	if i == w.count-1 && i >= firstLoad { // asked for by who skips what lies between
		if w.oldest.state == nil {
			m, _, _ := w.t.Beginning()
			w.oldest = moment{state: m.State, action: m.Action, shown: m.Shown, features: -1}
		}
		return true
	}
	target := min(max(i+1, 2*len(w.moments), firstLoad), w.count)
	if target > w.held {
		target = max(i+1, w.held) // what is not asked for is not worth loading the history of a conversation
	}
	skip := len(w.moments)
	for m := range w.t.Moments() {
		if skip > 0 {
			skip--
			continue
		}
		w.moments = append(w.moments, moment{state: m.State, action: m.Action, shown: m.Shown, features: -1})
		if len(w.moments) == target {
			break
		}
	}
	if i >= w.held {
		w.held = w.t.MomentsHeld() // all, by now
	}
	return true
}

// at is a moment that is loaded.
func (w *window) at(i int) *moment {
	if i < len(w.moments) {
		return &w.moments[i]
	}
	return &w.oldest
}

// onlyRulesFrom reports whether only rules know what happened from a moment that is loaded back to the first action, so that learned
// policies see nothing between that moment and the oldest.
func (w *window) onlyRulesFrom(i int) bool {
	oldest, settled, ok := w.t.Beginning()
	return ok && settled && w.at(i).shown <= oldest.Shown
}

// prevAction is the latest action at a moment, its name or its text; that at the second oldest is known without loading it.
func (w *window) prevAction(i int) (name, text symbol) {
	if i >= len(w.moments) && i == w.count-2 {
		w.need(w.count - 1)
		if a := w.at(w.count - 1).action; a != nil {
			return w.v.latestAction(&dialogue.State{LatestAction: a})
		}
	}
	w.need(i)
	name, text, _ = w.prev(i)
	return name, text
}

// prev is the latest action at a moment that is loaded, its name or its text, and the loop.
func (w *window) prev(i int) (name, text, loop symbol) {
	m := w.at(i)
	if !m.readPrev {
		m.prev, m.prevText = w.v.latestAction(m.state)
		m.loop = w.v.loop(m.state)
		m.readPrev = true
	}
	return m.prev, m.prevText, m.loop
}

// listens reports whether the bot waited for the user before a moment that is loaded.
func (w *window) listens(i int) bool {
	name, _, _ := w.prev(i)
	return name == w.v.listen
}

// message is the user's part of the state at a moment that is loaded.
func (w *window) message(i int) state {
	m := w.at(i)
	if m.readMessage {
		return m.message
	}
	m.readMessage = true
	if i > 0 && w.at(i-1).readMessage && sameMessage(w.at(i-1).state, m.state) {
		m.message = w.at(i - 1).message
	} else {
		m.message = w.v.message(m.state)
	}
	return m.message
}

// sameMessage reports whether the latest message of two states is the same, and is seen in the same way.
func sameMessage(a, b *dialogue.State) bool {
	return a.LatestMessage == b.LatestMessage && a.UseText == b.UseText && len(a.Entities) == len(b.Entities) &&
		(len(a.Entities) == 0 || &a.Entities[0] == &b.Entities[0])
}

// words is the state at a moment that is loaded, but for its slots.
func (w *window) words(i int) state {
	s := w.message(i)
	s.prev, s.prevText, s.loop = w.prev(i)
	return s
}

// slot is the feature of a slot at a moment that is loaded.
func (w *window) slot(i, slot int) symbol {
	m := w.at(i)
	if m.features < 0 {
		m.features = len(w.features)
		for range w.v.slots {
			w.features = append(w.features, notRead)
		}
	}
	f := &w.features[m.features+slot]
	if *f == notRead {
		s := &w.v.slots[slot]
		*f = s.symbol(m.state.Slots.At(s.at), !w.v.sealed)
	}
	return *f
}

// hides reports whether the action that ran at a moment that is loaded came from rules alone.
func (w *window) hides(i int) bool {
	a := w.at(i).action
	return a != nil && a.HideRuleTurn
}

// needChanges reads what happened before the moments up to i.
func (w *window) needChanges(i int) *changes {
	c := &w.changes
	if i < c.to {
		return c
	}
	target := max(i+1, min(max(2*c.to, firstLoad), w.held-1))
	c.slots, c.message, c.loop = c.slots[:0], c.message[:0], c.loop[:0]
	at := 0
	for e := range w.t.AppliedBackward() {
		switch e := e.(type) {
		case *dialogue.ActionExecuted:
			at++
		case *dialogue.UserUttered:
			c.message = fill(c.message, at, at)
		case *dialogue.ActiveLoop:
			c.loop = fill(c.loop, at, at)
		case *dialogue.SlotSet:
			if slot, ok := w.v.slotsByName[e.Name]; ok {
				c.slots = append(c.slots, set{at, slot})
			}
		}
		if at >= target {
			break
		}
	}
	c.to = target
	c.message, c.loop = fill(c.message, target, never), fill(c.loop, target, never)
	return c
}

// fill sets the elements of a list that it does not have yet, up to one.
func fill(list []int, to, value int) []int {
	for len(list) <= to {
		list = append(list, value)
	}
	return list
}
