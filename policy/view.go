package policy

import (
	"parley/dialogue"
)

// view is the conversation as learned policies see it (Rasa 3.6.21: past_states with ignore_rule_only_turns): without the turns
// that come from rules alone, and without slots and loops that only rules use.
//
// It reaches back to the moment cut. With forget the conversation begins there: what was said, set and activated before is unknown,
// and slots have their initial values.
type view struct {
	w      *window
	cut    int
	forget bool
	next   int // the moment to look at next
	given  int // states that were given
}

// whole is the view of the whole conversation.
func (w *window) whole() view { return view{w: w, cut: w.count - 1} }

// since is the view of the conversation as if it had begun with the action that ran at a moment.
func (w *window) since(moment int) view { return view{w: w, cut: moment, forget: true} }

// previous gives the states of the view, newest first; ok is false at the end.
func (v *view) previous() (s state, ok bool) {
	for ; v.next <= v.cut; v.next++ {
		i := v.next
		v.w.need(i)
		if i < v.cut && v.hidden(i) {
			continue
		}
		s := v.state(i)
		if s.prev == v.w.v.unlikely {
			continue
		}
		if v.given == 0 && s.prev == v.w.v.listen {
			s.hollow = s.text != absent && s.intent == absent && s.entities == absent
			s.text = absent
		}
		v.next++
		v.given++
		return s.withoutDoubt(), true
	}
	return state{}, false
}

// hidden reports whether the state at a moment after the cut belongs to a turn that only rules know. A loop that has just run, and
// a moment with a pending followup, goes with the moment before.
func (v *view) hidden(i int) bool {
	for ; i < v.cut; i++ {
		v.w.need(i + 1)
		s := v.w.moments[i].state
		if s.Followup == "" && s.LatestActionName() != v.activeLoop(i) {
			return v.w.hides(i)
		}
	}
	return false // nothing came before, and the followup of an empty tracker is action_listen
}

// state is the state at a visible moment. After a hidden turn the latest action is the last one that was visible, and the message
// the one that was answered last.
func (v *view) state(i int) state {
	var s state
	if i == v.cut {
		if v.forget {
			s.slots = v.slots(i)
			return s
		}
		s = v.w.at(i).words
	} else {
		s = v.message(i)
		from := i
		for v.hidden(from + 1) {
			from++
		}
		words := v.w.at(from).words
		s.prev, s.prevText = words.prev, words.prevText
		if v.knows(changedLoop, i) {
			s.loop = v.w.at(i).words.loop
		}
	}
	if v.w.v.ruleOnlyLoops[s.loop] {
		s.loop = absent
	}
	s.slots = v.slots(i)
	return s
}

// message is the user's part of the state at a moment after the cut: that of the last visible moment that followed action_listen.
func (v *view) message(i int) state {
	for v.w.at(i).words.prev != v.w.v.listen {
		for i++; i < v.cut && v.hidden(i); i++ {
			v.w.need(i + 1)
		}
		v.w.need(i)
		if i == v.cut {
			if v.forget {
				return state{}
			}
			break
		}
	}
	if i < v.cut && !v.knows(changedMessage, i) {
		return state{}
	}
	words := v.w.at(i).words
	return state{intent: words.intent, text: words.text, entities: words.entities}
}

// activeLoop is the name of the active loop at a moment after the cut.
func (v *view) activeLoop(i int) string {
	if !v.knows(changedLoop, i) {
		return ""
	}
	return v.w.moments[i].state.ActiveLoopName()
}

// knows reports whether something changed for the last time before a moment, but after the cut.
func (v *view) knows(what, i int) bool {
	if !v.forget {
		return true
	}
	v.w.needChanges(v.cut)
	for _, c := range v.w.changes {
		if c.moment >= v.cut {
			return false
		}
		if c.what == what && c.moment >= i {
			return true
		}
	}
	return false
}

// slots is the symbol of the slots at a moment.
func (v *view) slots(i int) symbol {
	w := v.w
	m := &w.moments[i]
	if v.forget {
		return v.slotsSince(i)
	}
	if m.vector != absent {
		return m.vector
	}
	if i > 0 && w.moments[i-1].vector != absent && w.moments[i-1].state.Slots == m.state.Slots {
		m.vector = w.moments[i-1].vector
		return m.vector
	}
	w.scratch = w.scratch[:0]
	for slot := range w.v.slots {
		f := absent
		if !w.v.slots[slot].ruleOnly {
			f = w.slot(i, slot)
		}
		w.scratch = append(w.scratch, f)
	}
	m.vector = w.v.vector(w.scratch)
	return m.vector
}

// slotsSince is the symbol of the slots at a moment if only what changed after the cut is known.
func (v *view) slotsSince(i int) symbol {
	w := v.w
	w.needChanges(v.cut)
	w.scratch = w.scratch[:0]
	for slot := range w.v.slots {
		f := absent
		if !w.v.slots[slot].ruleOnly {
			f = w.v.slots[slot].initial
		}
		w.scratch = append(w.scratch, f)
	}
	for _, c := range w.changes {
		if c.moment >= v.cut {
			break
		}
		if c.moment >= i && c.what >= 0 && !w.v.slots[c.what].ruleOnly {
			w.scratch[c.what] = w.slot(i, c.what)
		}
	}
	return w.v.vector(w.scratch)
}

// surelyVisible reports whether the state at a moment is seen by learned policies wherever the conversation is cut before it.
func (w *window) surelyVisible(i int) bool {
	if !w.need(i + 1) {
		return true
	}
	s := w.moments[i].state
	name := s.LatestActionName()
	return !w.hides(i) && !w.hides(i+1) && s.Followup == "" && name != s.ActiveLoopName() && name != dialogue.ActionUnlikelyIntent
}
