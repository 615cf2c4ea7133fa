package policy

import (
	"slices"
	"strings"

	"parley/dialogue"
)

// ofStory reads the states of a story, oldest first. States after action_unlikely_intent do not count for learned policies; the
// index of each state that counts is returned beside it.
func (t *trainer) ofStory(s *story) (states []seen, index []int) {
	for i, st := range t.states(s, false) {
		if st.prev == t.v.unlikely {
			continue
		}
		st = st.withoutDoubt()
		states = append(states, t.v.see(st, t.v.vectorsBy[st.slots-firstWord]))
		index = append(index, i)
	}
	return states, index
}

// see reads a state whose words are all known.
func (v *vocabulary) see(s state, slots []symbol) seen {
	x := seen{state: s, slots: slots, turn: s.prev == v.listen && (s.intent != absent || s.text != absent)}
	if s.text != absent {
		x.entities = absent // a text stands for itself
	}
	if x.turn && x.entities >= firstWord {
		for label := range strings.SplitSeq(v.entities.name(x.entities), entitySeparator) {
			x.labels = append(x.labels, hashText(label))
		}
	}
	return x
}

// differing are the slots with more than one value in states.
func (v *vocabulary) differing(stories [][]seen) []int {
	var slots []int
	for i := range v.slots {
		first, known := absent, false
		differs := slices.ContainsFunc(stories, func(states []seen) bool {
			return slices.ContainsFunc(states, func(s seen) bool {
				if !known {
					first, known = s.slots[i], true
				}
				return s.slots[i] != first
			})
		})
		if differs {
			slots = append(slots, i)
		}
	}
	return slots
}

// look reads the newest states of a conversation, at most limit of them, newest first. The text of the message that they answer
// is given if the newest state goes by it rather than by an intent.
func (r *reader) look(w *window, limit int) (states []seen, text string) {
	r.states, r.labels = r.states[:0], r.labels[:0]
	size := len(w.v.slots)
	r.symbols = slices.Grow(r.symbols[:0], limit*size)
	r.labels = slices.Grow(r.labels, 64)
	view := w.whole()
	answered := false // the message that is answered was read
	for len(r.states) < limit {
		s, at, ok := view.previous()
		if !ok {
			break
		}
		x := seen{state: s, turn: s.prev == w.v.listen && (s.intent != absent || s.text != absent || s.hollow)}
		from := len(r.symbols)
		for i := range size {
			f := absent
			if !w.v.slots[i].ruleOnly {
				f = w.slot(at, i)
			}
			r.symbols = append(r.symbols, f)
		}
		x.slots = r.symbols[from:len(r.symbols):len(r.symbols)]
		if x.text != absent {
			x.entities = absent
			if text == "" && !answered {
				text = w.at(at).state.LatestText()
			}
		}
		if x.turn && x.entities != absent {
			first := len(r.labels)
			r.see(w, at, x.entities)
			x.labels = r.labels[first:]
		}
		answered = answered || x.turn
		r.states = append(r.states, x)
	}
	return r.states, text
}

// see appends the hashes of the labels of a message's entities.
func (r *reader) see(w *window, at int, entities symbol) {
	if entities >= firstWord {
		for label := range strings.SplitSeq(w.v.entities.name(entities), entitySeparator) {
			r.labels = append(r.labels, hashText(label))
		}
		return
	}
	if s := w.at(at).state; w.listens(at) { // never seen together, but perhaps each alone
		for _, label := range w.v.appendLabels(nil, s.Entities, s.LatestIntent()) {
			r.labels = append(r.labels, hashText(label))
		}
	}
}

// byText is the newest state as it is if the text of its message counts.
func (s seen) byText(v *vocabulary, d *dialogue.State) (seen, string) {
	text := d.LatestText()
	s.intent, s.entities, s.labels, s.hollow = absent, absent, nil, false
	s.text = v.word(&v.texts, text)
	s.turn = true
	return s, text
}
