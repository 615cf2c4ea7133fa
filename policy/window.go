package policy

import (
	"parley/dialogue"
)

// moment is the state before an action, with what was read of it so far.
type moment struct {
	state  *dialogue.State
	action *dialogue.ActionExecuted // that ran then; nil at present
	words  state                    // without slots
	read   bool
	vector symbol // of the slots that learned policies see; absent: not read yet
}

// notRead marks a slot's feature that was not looked at yet.
const notRead symbol = -1

// window is the newest part of a conversation, as far as the policies have looked at it. One prediction owns it.
type window struct {
	v        *vocabulary
	t        *dialogue.Tracker
	now      *dialogue.State
	count    int // moments of the conversation
	moments  []moment
	features []symbol // of all slots of each moment

	// What changed before each moment and after the action before it, newest moment first. Read up to moment changesTo.
	changes   []change
	changesTo int

	scratch []symbol
	states  []state
}

// change is an event of the user, of a slot or of a loop.
type change struct {
	moment int
	what   int // position in vocabulary.slots, or one of the below
}

const (
	changedMessage = -1
	changedLoop    = -2
)

// open points the window at the present of a conversation.
func (w *window) open(v *vocabulary, t *dialogue.Tracker) {
	w.v, w.t, w.now, w.count = v, t, t.State(), t.MomentCount()
	w.moments, w.features = w.moments[:0], w.features[:0]
	w.changes, w.changesTo = w.changes[:0], 0
}

// close forgets the conversation, so that a pooled window keeps nothing alive.
func (w *window) close() {
	clear(w.moments[:cap(w.moments)])
	w.t, w.now = nil, nil
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
	target := min(max(i+1, 2*len(w.moments), firstLoad), w.count)
	skip := len(w.moments)
	for m := range w.t.Moments() {
		if skip > 0 {
			skip--
			continue
		}
		w.moments = append(w.moments, moment{state: m.State, action: m.Action})
		for range w.v.slots {
			w.features = append(w.features, notRead)
		}
		if len(w.moments) == target {
			break
		}
	}
	return true
}

// at is a moment that is loaded, its words read.
func (w *window) at(i int) *moment {
	m := &w.moments[i]
	if !m.read {
		m.words, m.read = w.v.words(m.state), true
	}
	return m
}

// slot is the feature of a slot at a moment that is loaded.
func (w *window) slot(i, slot int) symbol {
	f := &w.features[i*len(w.v.slots)+slot]
	if *f == notRead {
		s := &w.v.slots[slot]
		*f = s.symbol(w.moments[i].state.Slots.At(s.at), !w.v.sealed)
	}
	return *f
}

// hides reports whether the turn that began at a moment comes from rules alone.
func (w *window) hides(i int) bool {
	a := w.moments[i].action
	return a != nil && a.HideRuleTurn
}

// needChanges reads the changes up to moment i.
func (w *window) needChanges(i int) {
	if i < w.changesTo {
		return
	}
	w.changes = w.changes[:0]
	at, target := 0, max(i, 2*w.changesTo, firstLoad)
	for e := range w.t.AppliedBackward() {
		switch e := e.(type) {
		case *dialogue.ActionExecuted:
			at++
		case *dialogue.UserUttered:
			w.changes = append(w.changes, change{at, changedMessage})
		case *dialogue.ActiveLoop:
			w.changes = append(w.changes, change{at, changedLoop})
		case *dialogue.SlotSet:
			if slot, ok := w.v.slotsByName[e.Name]; ok {
				w.changes = append(w.changes, change{at, slot})
			}
		}
		if at > target {
			break
		}
	}
	w.changesTo = target + 1
}
