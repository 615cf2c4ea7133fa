package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"parley/dialogue"
)

// The policies once more, as plainly as the specification puts them: states are JSON, rules are scanned, histories are rebuilt.

type naiveState map[string]map[string]any

func naiveOf(s *dialogue.State, d *dialogue.Domain) naiveState {
	st := naiveState{}
	if m := s.LatestMessage; m != nil && (s.LatestText() != "" || s.LatestIntent() != "") {
		user := map[string]any{}
		if (s.UseText == nil || *s.UseText) && s.LatestText() != "" {
			user["text"] = s.LatestText()
		}
		if s.UseText == nil || !*s.UseText {
			if s.LatestIntent() != "" {
				user["intent"] = s.LatestIntent()
			}
			set := map[string]bool{}
			for _, e := range s.Entities {
				set[e.Entity] = true
				if e.Role != "" {
					set[e.Entity+"#"+e.Role] = true
				}
				if e.Group != "" {
					set[e.Entity+"#"+e.Group] = true
				}
			}
			var labels []any
			for _, label := range sortedKeys(set) {
				if spec, ok := d.Intent(s.LatestIntent()); !ok || slices.Contains(spec.UsedEntities, label) {
					labels = append(labels, label)
				}
			}
			if len(labels) > 0 {
				user["entities"] = labels
			}
		}
		if len(user) > 0 {
			st["user"] = user
		}
	}
	if a := s.LatestAction; a != nil {
		if a.Name != "" {
			st["prev_action"] = map[string]any{"action_name": a.Name}
		} else {
			st["prev_action"] = map[string]any{"action_text": a.Text}
		}
	}
	if s.Loop != nil {
		st["active_loop"] = map[string]any{"name": s.Loop.Name}
	}
	slots := map[string]any{}
	for i := range d.Slots {
		slot := &d.Slots[i]
		value := s.Slots.At(i)
		if value == dialogue.ShouldNotBeSet && slot.FeatureSize() > 0 {
			slots[slot.Name] = dialogue.ShouldNotBeSet
			continue
		}
		var feature []any
		some := false
		for _, x := range slot.Feature(value) {
			feature = append(feature, x)
			some = some || x != 0
		}
		if some {
			slots[slot.Name] = feature
		}
	}
	if len(slots) > 0 {
		st["slots"] = slots
	}
	return st
}

func (s naiveState) listens() bool { return s["prev_action"]["action_name"] == dialogue.ActionListen }

// lastInput keeps the text or the intent of the newest message.
func lastInput(states []naiveState, byText bool) []naiveState {
	if last := states[len(states)-1]; last.listens() && last["user"] != nil {
		if byText {
			delete(last["user"], "intent")
			delete(last["user"], "entities")
		} else {
			delete(last["user"], "text")
		}
	}
	for _, s := range states {
		if s["user"]["intent"] != nil {
			delete(s["user"], "text")
		}
	}
	return states
}

func naiveStates(t *dialogue.Tracker) []naiveState {
	var states []naiveState
	for m := range t.Moments() {
		states = append(states, naiveOf(m.State, t.Domain()))
	}
	slices.Reverse(states)
	return states
}

// naiveView is the conversation without the turns of rules.
func naiveView(t *dialogue.Tracker, v *vocabulary) []naiveState {
	var moments []dialogue.Moment
	for m := range t.Moments() {
		moments = append(moments, m)
	}
	slices.Reverse(moments)
	var states []naiveState
	var mlPrevious map[string]any
	hidden := false
	for _, m := range moments {
		s := m.State
		whole := naiveOf(s, t.Domain())
		if !hidden {
			mlPrevious = whole["prev_action"]
		}
		if s.Followup == "" && s.LatestActionName() != s.ActiveLoopName() {
			hidden = m.Action != nil && m.Action.HideRuleTurn
		}
		if hidden {
			continue
		}
		for i := range v.slots {
			if v.slots[i].ruleOnly {
				delete(whole["slots"], v.slots[i].slot.Name)
			}
		}
		if len(whole["slots"]) == 0 {
			delete(whole, "slots")
		}
		if s.Loop != nil && v.ruleOnlyLoops[v.loops.find(s.Loop.Name)] {
			delete(whole, "active_loop")
		}
		if len(states) > 0 && !whole.listens() {
			delete(whole, "user")
			if user := states[len(states)-1]["user"]; user != nil {
				copied := map[string]any{}
				maps.Copy(copied, user)
				whole["user"] = copied
			}
		}
		if mlPrevious != nil {
			whole["prev_action"] = mlPrevious
		}
		states = append(states, whole)
	}
	states = slices.DeleteFunc(states, func(s naiveState) bool {
		return s["prev_action"]["action_name"] == dialogue.ActionUnlikelyIntent
	})
	return states
}

func naiveKey(states any) string {
	data, err := json.Marshal(states)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// naiveMemory is what a memoization policy has learned, by the JSON of the states.
func naiveMemory(m *memoization, v *vocabulary) map[string]string {
	known := map[string]string{}
	for i, node := range m.stories.ends {
		var states []naiveState
		for n := node; n != 0; n = m.stories.nodes[n].parent {
			var one []naiveState
			if err := json.Unmarshal([]byte(v.text([]state{v.statesBy[m.stories.nodes[n].state]})), &one); err != nil {
				panic(err)
			}
			states = append(states, one[0])
		}
		slices.Reverse(states)
		known[naiveKey(states)] = v.domain.Actions[m.entries[i].action]
	}
	return known
}

func (n *Naive) recall(t *dialogue.Tracker, history int, known map[string]string) string {
	states := naiveView(t, n.v)
	if history > 0 {
		states = states[max(0, len(states)-history):]
	}
	if len(states) == 0 {
		return ""
	}
	return known[naiveKey(lastInput(states, false))]
}

func (n *Naive) memoization(t *dialogue.Tracker, m *memoization, known map[string]string) string {
	h := m.settings.History
	if action := n.recall(t, h, known); action != "" || !m.augmented {
		return action
	}
	events := t.Applied()
	if h > 0 {
		actions := 0
		for i, e := range slices.Backward(events) {
			if a, ok := e.(*dialogue.ActionExecuted); ok {
				if actions++; actions > h && a.Name == dialogue.ActionListen {
					events = events[i:]
					break
				}
			}
		}
	}
	for {
		i := slices.IndexFunc(events, func(e dialogue.Event) bool { return e.Kind() == dialogue.KindAction })
		if i < 0 {
			return ""
		}
		events = events[i:]
		short := dialogue.NewTracker("", t.Domain())
		short.Append(events...)
		if action := n.recall(short, h, known); action != "" {
			return action
		}
		events = events[1:]
	}
}

// Naive predicts with what an ensemble has learned.
type Naive struct {
	e        *Ensemble
	v        *vocabulary
	memories []map[string]string
	rules    []naiveRule
	unhappy  []naiveRule
}

type naiveRule struct {
	text   string
	states []naiveState
	action string
	v      verdict
	hide   bool
}

// NewNaive makes the plain twin of an ensemble.
func NewNaive(e *Ensemble) *Naive {
	n := &Naive{e: e, v: e.v}
	for _, p := range e.policies {
		n.memories = append(n.memories, nil)
		switch p := p.trained.(type) {
		case *memoization:
			n.memories[len(n.memories)-1] = naiveMemory(p, e.v)
		case *rules:
			for _, r := range p.all.rules {
				n.rules = append(n.rules, naiveRule{text: r.text, action: e.domain.Actions[r.action], hide: p.hidden[r.text]})
			}
			for _, r := range p.unhappy.rules {
				n.unhappy = append(n.unhappy, naiveRule{text: r.text, v: r.verdict})
			}
		}
	}
	for _, list := range [][]naiveRule{n.rules, n.unhappy} {
		for i := range list {
			if err := json.Unmarshal([]byte(list[i].text), &list[i].states); err != nil {
				panic(err)
			}
		}
	}
	return n
}

func (r *naiveRule) fits(states []naiveState) bool {
	for i := range states {
		if i >= len(r.states) {
			return true
		}
		rule, have := r.states[len(r.states)-1-i], states[len(states)-1-i]
		if rule["prev_action"] == nil && have["prev_action"] == nil {
			continue
		}
		if rule["prev_action"] == nil || have["prev_action"] == nil {
			return false
		}
		for part, features := range rule {
			for key, want := range features {
				got := have[part][key]
				if want == dialogue.ShouldNotBeSet {
					if got != nil && got != dialogue.ShouldNotBeSet {
						return false
					}
				} else if got == nil || naiveKey(got) != naiveKey(want) {
					return false
				}
			}
		}
	}
	return true
}

// find is the spec's look-up of rules: action, whether a rule matched, whether that one is hidden, whether a loop was interrupted.
func (n *Naive) find(t *dialogue.Tracker, byText bool) (action string, best *naiveRule, interrupted bool) {
	states := lastInput(naiveStates(t), byText)
	for i := range n.rules {
		r := &n.rules[i]
		if r.fits(states) && (best == nil || len(r.text) > len(best.text) || len(r.text) == len(best.text) && r.text < best.text) {
			best = r
		}
	}
	if best != nil {
		action = best.action
	}
	loop := t.ActiveLoopName()
	if loop == "" {
		return action, best, false
	}
	forbidden := false
	for i := range n.unhappy {
		if n.unhappy[i].fits(states) {
			forbidden = forbidden || n.unhappy[i].v == doNotPredictLoop
			interrupted = interrupted || n.unhappy[i].v == loopWasInterrupted
		}
	}
	if action == dialogue.ActionListen {
		in, _ := best.states[len(best.states)-1]["active_loop"]["name"].(string)
		if in == "" || in == dialogue.ShouldNotBeSet {
			if !forbidden {
				return loop, best, false
			}
			action = ""
		}
	}
	return action, best, interrupted
}

func (n *Naive) rule(t *dialogue.Tracker, p *rules) string {
	s := t.State()
	score := 1.0
	if p.settings.NLUConfidence {
		score = intentConfidence(s)
	}
	result := func(action string, hide, noUser, endToEnd, interrupted bool) string {
		scores := map[string]float64{}
		if p.fallback >= 0 {
			scores[p.settings.FallbackAction] = p.settings.FallbackThreshold
		}
		if action != "" {
			scores[action] = score
		}
		return naiveVote(n.e.domain, scores, hide, noUser, endToEnd, interrupted)
	}
	var text string
	var textRule *naiveRule
	var textInterrupted bool
	listening := t.LatestActionName() == dialogue.ActionListen
	if listening {
		text, textRule, textInterrupted = n.find(t, true)
	}
	if d := p.defaults[t.LatestIntent()]; listening && d != nil && text == "" {
		return result(n.e.domain.Actions[d.action], p.hidden[d.key], false, false, false)
	}
	if loop := t.ActiveLoopName(); loop != "" && !s.Loop.Rejected && s.LatestAction != nil {
		if s.LatestAction.Name != loop {
			return result(loop, p.hidden["loop "+loop], true, false, false)
		}
		return result(dialogue.ActionListen, p.hidden["loop "+loop+" waits"], true, false, false)
	}
	if text != "" {
		return result(text, textRule.hide, false, true, textInterrupted)
	}
	action, best, interrupted := n.find(t, false)
	return result(action, best != nil && best.hide, false, false, interrupted || textInterrupted)
}

func naiveVote(d *dialogue.Domain, scores map[string]float64, hide, noUser, endToEnd, interrupted bool) string {
	names := sortedKeys(scores)
	sort.SliceStable(names, func(i, j int) bool { return d.ActionIndex(names[i]) < d.ActionIndex(names[j]) })
	var parts []string
	for _, name := range names {
		if scores[name] != 0 {
			parts = append(parts, fmt.Sprintf("%s=%g", name, scores[name]))
		}
	}
	return fmt.Sprintf("%s hide=%v noUser=%v e2e=%v interrupted=%v", strings.Join(parts, " "), hide, noUser, endToEnd, interrupted)
}

// Compare returns a description of each policy's vote, by the ensemble and by its plain twin.
func (n *Naive) Compare(t *dialogue.Tracker) (got, want []string, err error) {
	w := new(window)
	w.open(n.v, t)
	for i, p := range n.e.policies {
		v, err := p.trained.vote(context.Background(), w)
		if err != nil {
			return nil, nil, err
		}
		scores := map[string]float64{}
		for _, s := range v.few[:v.n] {
			scores[n.e.domain.Actions[s.action]] = s.value
		}
		got = append(got, naiveVote(n.e.domain, scores, v.hide, v.noUser, v.endToEnd, len(v.events) > 0))
		switch p := p.trained.(type) {
		case *memoization:
			scores := map[string]float64{}
			if action := n.memoization(t, p, n.memories[i]); action != "" {
				scores[action] = 1
				if p.settings.NLUConfidence {
					scores[action] = intentConfidence(t.State())
				}
			}
			want = append(want, naiveVote(n.e.domain, scores, false, false, false, false))
		case *rules:
			want = append(want, n.rule(t, p))
		default:
			want = append(want, naiveVote(n.e.domain, nil, false, false, false, false))
		}
	}
	return got, want, nil
}
