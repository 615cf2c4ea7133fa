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

// previous gives the states of the view but for their slots, newest first, and their moments; ok is false at the end.
func (v *view) previous() (s state, at int, ok bool) {
	if v.next == 0 {
		v.w.need(0)
		if v.cut > 0 && v.hidden(0) {
			v.next = v.older(0)
		}
	}
	for v.next <= v.cut {
		i := v.next
		v.next++
		if i < v.cut {
			v.next = v.older(i)
		}
		s := v.state(i)
		if s.prev == v.w.v.unlikely {
			continue
		}
		if v.given == 0 && s.prev == v.w.v.listen {
			s.hollow = s.text != absent && s.intent == absent && s.entities == absent
			s.text = absent
		}
		v.given++
		return s.withoutDoubt(), i, true
	}
	return state{}, 0, false
}

// hidden reports whether the state at a moment after the cut belongs to a turn that only rules know. A loop that has just run, and
// a moment with a pending followup, goes with the moment before.
func (v *view) hidden(i int) bool {
	for ; i < v.cut; i++ {
		v.w.need(i + 1)
		s := v.w.at(i).state
		if s.Followup == "" && s.LatestActionName() != v.activeLoop(i) {
			return v.w.hides(i)
		}
	}
	return false // nothing came before, and the followup of an empty tracker is action_listen
}

// older is the next visible moment before another one, the cut at the latest.
func (v *view) older(i int) int {
	m := v.w.at(i)
	if m.sure {
		return min(m.older, v.cut)
	}
	if m.older > 0 && !v.forget {
		return m.older
	}
	sure, j := true, i+1
	for ; j < v.cut; j++ {
		v.w.need(j)
		if !v.forget && v.w.onlyRulesFrom(j) {
			j, sure = v.cut, false
			break
		}
		s := v.w.at(j).state
		sure = sure && s.Followup == "" && s.LatestActionName() != s.ActiveLoopName()
		if !v.hidden(j) {
			break
		}
	}
	if !v.forget || sure && j < v.cut {
		m = v.w.at(i) // they may have moved
		m.older, m.sure = j, sure
	}
	return j
}

// state is the state at a visible moment but for its slots. After a hidden turn the latest action is the last one that was visible,
// and the message the one that was answered last.
func (v *view) state(i int) state {
	var s state
	if i == v.cut {
		if v.forget {
			return s
		}
		v.w.need(i)
		s = v.w.words(i)
	} else {
		s = v.message(i)
		s.prev, s.prevText = v.w.prevAction(v.older(i) - 1)
		if v.knowsLoop(i) {
			_, _, s.loop = v.w.prev(i)
		}
	}
	if v.w.v.ruleOnlyLoops[s.loop] {
		s.loop = absent
	}
	return s
}

// message is the user's part of the state at a moment after the cut: that of the last visible moment that followed action_listen.
func (v *view) message(i int) state {
	for !v.w.listens(i) {
		i = v.older(i)
		if i == v.cut {
			if v.forget {
				return state{}
			}
			v.w.need(i)
			return v.w.message(i)
		}
		v.w.need(i)
	}
	if v.forget && v.w.needChanges(v.cut).message[i] >= v.cut {
		return state{}
	}
	return v.w.message(i)
}

// knowsLoop reports whether the loop of a moment after the cut was activated after the cut.
func (v *view) knowsLoop(i int) bool {
	return !v.forget || v.w.needChanges(v.cut).loop[i] < v.cut
}

// activeLoop is the name of the active loop at a moment after the cut.
func (v *view) activeLoop(i int) string {
	if v.w.at(i).state.Loop == nil || !v.knowsLoop(i) {
		return ""
	}
	return v.w.at(i).state.ActiveLoopName()
}

// slots is the symbol of the slots at a moment.
func (v *view) slots(i int) symbol {
	if v.forget {
		return v.slotsSince(i)
	}
	w := v.w
	m := w.at(i)
	if m.vector != absent {
		return m.vector
	}
	if i > 0 && w.at(i-1).vector != absent && w.at(i-1).state.Slots == m.state.Slots {
		m.vector = w.at(i - 1).vector
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
	if i == v.cut {
		return v.w.v.initial
	}
	w := v.w
	c := w.needChanges(v.cut)
	if i == 0 && c.cut > v.cut && !c.setBetween(v.cut, c.cut) {
		c.cut = v.cut
		return c.vector
	}
	w.scratch = append(w.scratch[:0], w.v.vectorsBy[w.v.initial-firstWord]...)
	for _, s := range c.slots {
		if s.moment >= v.cut {
			break
		}
		if s.moment >= i && !w.v.slots[s.slot].ruleOnly {
			w.scratch[s.slot] = w.slot(i, s.slot)
		}
	}
	vector := w.v.vector(w.scratch)
	if i == 0 {
		c.cut, c.vector = v.cut, vector
	}
	return vector
}

// setBetween reports whether a slot was set before a moment from one on and up to another.
func (c *changes) setBetween(from, to int) bool {
	for k := len(c.slots) - 1; k >= 0 && c.slots[k].moment >= from; k-- {
		if c.slots[k].moment < to {
			return true
		}
	}
	return false
}

// surelyVisible reports whether the state at a moment is seen by learned policies wherever the conversation is cut before it.
func (w *window) surelyVisible(i int) bool {
	if !w.need(i + 1) {
		return true
	}
	s := w.at(i).state
	name := s.LatestActionName()
	return !w.hides(i) && !w.hides(i+1) && s.Followup == "" && name != s.ActiveLoopName() && name != dialogue.ActionUnlikelyIntent
}
