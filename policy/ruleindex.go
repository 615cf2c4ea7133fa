package policy

import (
	"cmp"
	"slices"
	"strings"
)

// ruleIndex finds rules by what they ask of the present: the latest action and the intent.
type ruleIndex struct {
	rules []*rule
	by    map[ruleBucket][]*rule // the most specific rule first
}

type ruleBucket struct{ prev, prevText, intent symbol }

// moreSpecific orders rules: the longer text first, equal lengths by the text.
func moreSpecific(a, b *rule) int {
	return cmp.Or(cmp.Compare(len(b.text), len(a.text)), strings.Compare(a.text, b.text))
}

func (x *ruleIndex) build() {
	slices.SortStableFunc(x.rules, moreSpecific)
	x.by = map[ruleBucket][]*rule{}
	for _, r := range x.rules {
		s := r.states[0].words
		b := ruleBucket{prev: s.prev, prevText: s.prevText, intent: s.intent}
		if s.intent == unset {
			b.intent = absent
		}
		x.by[b] = append(x.by[b], r)
	}
}

// candidates are the rules that may fit the present: those that ask for its intent, and those that ask for none.
func (x *ruleIndex) candidates(w *window, byText bool) (withIntent, without []*rule) {
	w.need(0)
	s := w.words(0)
	b := ruleBucket{prev: s.prev, prevText: s.prevText}
	without = x.by[b]
	if s.intent != absent && !byText {
		b.intent = s.intent
		withIntent = x.by[b]
	}
	return withIntent, without
}

// best is the most specific rule that fits, nil if there is none.
func (x *ruleIndex) best(w *window, byText bool) *rule {
	a, b := x.candidates(w, byText)
	for len(a) > 0 || len(b) > 0 {
		var r *rule
		if len(b) == 0 || len(a) > 0 && moreSpecific(a[0], b[0]) < 0 {
			r, a = a[0], a[1:]
		} else {
			r, b = b[0], b[1:]
		}
		if !r.deleted && r.fits(w, byText) {
			return r
		}
	}
	return nil
}

// verdicts tells which verdicts there are among the rules that fit.
func (x *ruleIndex) verdicts(w *window, byText bool) (interrupted, forbidden bool) {
	a, b := x.candidates(w, byText)
	for _, list := range [2][]*rule{a, b} {
		for _, r := range list {
			if r.fits(w, byText) {
				interrupted = interrupted || r.verdict == loopWasInterrupted
				forbidden = forbidden || r.verdict == doNotPredictLoop
			}
		}
	}
	return interrupted, forbidden
}

// fits reports whether a conversation fits a rule: each of its newest states has all that the rule asks for.
func (r *rule) fits(w *window, byText bool) bool {
	for i := range r.states {
		want := &r.states[i]
		if !w.need(i) {
			return true
		}
		s := w.words(i)
		start := s.prev == absent && s.prevText == absent
		if want.start || start {
			if want.start && start {
				continue // nothing else counts
			}
			return false
		}
		if i == 0 && s.prev == w.v.listen {
			if byText {
				s.intent, s.entities = absent, absent
			} else {
				s.text = absent
			}
		}
		if !want.words.fits(s.withoutDoubt()) {
			return false
		}
		for _, f := range want.slots {
			if !fits(f.want, w.slot(i, f.slot)) {
				return false
			}
		}
	}
	return true
}

func fits(want, have symbol) bool {
	switch want {
	case absent:
		return true
	case unset:
		return have == absent || have == unset
	}
	return want == have
}

func (s *state) fits(have state) bool {
	return fits(s.prev, have.prev) && fits(s.intent, have.intent) && fits(s.loop, have.loop) && fits(s.entities, have.entities) &&
		fits(s.text, have.text) && fits(s.prevText, have.prevText)
}

// newRule makes a rule from its states, oldest first.
func (v *vocabulary) newRule(text string, states []state) *rule {
	r := &rule{text: text}
	for _, s := range slices.Backward(states) {
		want := ruleState{start: s.prev == absent && s.prevText == absent, words: s}
		for slot, f := range v.vectorsBy[s.slots-firstWord] {
			if f != absent {
				want.slots = append(want.slots, slotFeature{slot, f})
			}
		}
		r.states = append(r.states, want)
	}
	newest := &r.states[0]
	r.inLoop = newest.words.loop != absent && newest.words.loop != unset
	return r
}
