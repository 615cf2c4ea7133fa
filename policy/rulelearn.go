package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// trainRules learns the rules, and checks that they are complete and contradict neither each other nor a story.
func trainRules(ctx context.Context, t *trainer, s *settings) (trained, error) {
	r := newRules(s, t.domain)
	if s.restrict {
		if err := restrictRules(t.rules); err != nil {
			return nil, err
		}
	}
	if s.contradictions {
		if err := checkComplete(t); err != nil {
			return nil, err
		}
	}
	if err := r.learn(t); err != nil {
		return nil, err
	}
	if err := r.learnUnhappyPaths(ctx, t); err != nil {
		return nil, err
	}
	r.all.build()
	r.unhappy.build()
	if s.contradictions {
		t.findRuleOnly()
		c := &ruleCheck{t: t, rules: r, sources: map[string][]gold{}, used: map[string]bool{}}
		if err := c.run(ctx); err != nil {
			return nil, err
		}
	}
	r.finish(t.v)
	return r, nil
}

// restrictRules refuses rules with several messages of the user.
func restrictRules(rules []*story) error {
	var errs []error
	for _, r := range rules {
		messages := 0
		for _, e := range r.tracker.Events(0) {
			if _, ok := e.(*dialogue.UserUttered); ok {
				messages++
			}
		}
		if messages > 1 {
			errs = append(errs, ruleError(r.first, "rule '%s' has %d messages of the user; a rule may have one: write a story instead, or set restrict_rules: false",
				r.title(), messages))
		}
	}
	return errors.Join(errs...)
}

func ruleError(step *dialogue.StoryStep, format string, args ...any) error {
	e := &Error{Class: ErrInvalidRule, Message: fmt.Sprintf(format, args...)}
	if step != nil {
		e.File, e.Line = step.File, step.Line
	}
	return e
}

// learn makes a rule of each action of a rule's story. Two rules that differ only in the action cancel each other out.
func (r *rules) learn(t *trainer) error {
	byText := map[string]*rule{}
	for _, s := range t.rules {
		states := t.states(s, true)
		begin := 0 // after the last placeholder
		for i, l := range s.labels {
			if t.isSnippet(states[i]) {
				begin = i + 1
			}
			if l.unpredictable || begin > i {
				continue
			}
			if l.action < 0 {
				name := l.event.NameOrText()
				return ruleError(t.origin[l.event], "rule '%s' has the action %q, which the domain does not have%s", s.title(), name,
					suggest(name, t.domain.Actions))
			}
			sequence := make([]state, 0, i+1-begin)
			for _, st := range states[begin : i+1] {
				sequence = append(sequence, st.withoutDoubt())
			}
			text := t.v.text(sequence)
			if known, ok := byText[text]; ok {
				known.deleted = known.deleted || known.action != l.action
				continue
			}
			x := t.v.newRule(text, sequence)
			x.action = l.action
			x.source = &source{key: text, reason: "rule " + s.describe(), action: l.action}
			byText[text] = x
			r.all.rules = append(r.all.rules, x)
		}
	}
	snippet := t.domain.ActionIndex(dialogue.RuleSnippetAction)
	r.all.rules = slices.DeleteFunc(r.all.rules, func(x *rule) bool { return x.deleted || x.action == snippet })
	return nil
}

// isSnippet reports whether a state follows the placeholder of a rule, which stands for any history.
func (t *trainer) isSnippet(s state) bool {
	return s.prev >= firstWord && t.v.actions.name(s.prev) == dialogue.RuleSnippetAction
}

// learnUnhappyPaths learns from rules and stories how loops go on after they were rejected: whether the loop was interrupted, or is
// not to be predicted. Of two examples the later one counts.
func (r *rules) learnUnhappyPaths(ctx context.Context, t *trainer) error {
	byText := map[string]*rule{}
	for n, s := range slices.Concat(t.rules, t.stories) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("learn how loops go on: %w", err)
		}
		states := t.states(s, n < len(t.rules))
		for i, l := range s.labels {
			newest := states[i]
			if l.unpredictable || newest.loop == absent || newest.loop == unset || t.isSnippet(newest) {
				continue
			}
			loop := t.domain.ActionIndex(t.v.loops.name(newest.loop)) == l.action && l.action >= 0
			waited := newest.prev == t.v.listen
			if waited != loop {
				continue
			}
			sequence := []state{newest.withoutDoubt()}
			if i > 0 && (states[i-1].prev != absent || states[i-1].prevText != absent) && !t.isSnippet(states[i-1]) {
				before := state{prev: states[i-1].prev, prevText: states[i-1].prevText, slots: firstWord}
				sequence = []state{before, sequence[0]}
			}
			text := t.v.text(sequence)
			x, ok := byText[text]
			if !ok {
				x = t.v.newRule(text, sequence)
				byText[text] = x
				r.unhappy.rules = append(r.unhappy.rules, x)
			}
			x.verdict = doNotPredictLoop
			if waited {
				x.verdict = loopWasInterrupted
			}
		}
	}
	return nil
}

// findRuleOnly finds the slots and loops that occur in rules alone. Learned policies do not see them.
func (t *trainer) findRuleOnly() {
	slots, loops := make([]bool, len(t.v.slots)), map[symbol]bool{}
	note := func(stories []*story, onlySet, is bool) {
		for _, s := range stories {
			states := t.states(s, onlySet)
			last := len(s.labels) - 1
			for last >= 0 && s.labels[last].unpredictable {
				last--
			}
			for _, st := range states[:last+1] {
				if st.loop > unset && is {
					loops[st.loop] = true
				} else if st.loop > unset {
					delete(loops, st.loop)
				}
				for slot, f := range t.v.vectorsBy[st.slots-firstWord] {
					if f != absent {
						slots[slot] = is
					}
				}
			}
		}
	}
	note(t.rules, true, true)
	note(t.stories, false, false)
	for i := range slots {
		t.v.slots[i].ruleOnly = slots[i]
	}
	t.v.ruleOnlyLoops = loops
}

// checkComplete finds rules in which an action does not set a slot or loop that it sets in others.
func checkComplete(t *trainer) error {
	type fingerprint struct{ slots, loops []string }
	prints := map[string]*fingerprint{}
	for _, s := range t.rules {
		action := ""
		for _, e := range s.tracker.Events(0) {
			switch e := e.(type) {
			case *dialogue.ActionExecuted:
				action = e.NameOrText()
				continue
			case *dialogue.UserUttered:
				action = ""
			}
			if action == "" {
				continue
			}
			p := prints[action]
			if p == nil {
				p = &fingerprint{}
				prints[action] = p
			}
			switch e := e.(type) {
			case *dialogue.SlotSet:
				if _, ok := t.v.slotsByName[e.Name]; ok && !slices.Contains(p.slots, e.Name) {
					p.slots = append(p.slots, e.Name)
				}
			case *dialogue.ActiveLoop:
				if !slices.Contains(p.loops, e.Name) {
					p.loops = append(p.loops, e.Name)
				}
			}
		}
	}
	var errs []error
	features := make([]symbol, len(t.v.slots))
	for _, s := range t.rules {
		moments := momentsOf(s.tracker)
		for _, m := range moments {
			previous := m.State.LatestAction
			if previous == nil || previous.Name == "" || previous.Name == dialogue.RuleSnippetAction ||
				m.Action != nil && m.Action.Name == dialogue.RuleSnippetAction {
				continue
			}
			p := prints[previous.Name]
			if p == nil {
				continue
			}
			t.v.slotFeatures(features, m.State.Slots, false)
			var missing []string
			for _, name := range p.slots {
				if features[t.v.slotsByName[name]] == absent {
					missing = append(missing, name)
				}
			}
			if len(missing) > 0 {
				errs = append(errs, ruleError(t.step(s, previous),
					"incomplete rule '%s': the action %s does not set the slots that it sets in other rules: %s; add them with slot_was_set "+
						"(null if they must not be set), or, if it is the last action, wait_for_user_input: false",
					s.title(), previous.Name, strings.Join(missing, ", ")))
			}
			loop := ""
			if m.State.Loop != nil {
				loop = m.State.Loop.Name
			}
			if len(p.loops) == 0 || slices.Contains(p.loops, loop) {
				continue
			}
			var expected []string
			for _, l := range append(slices.Clip(p.loops), previous.Name) {
				if l == dialogue.ShouldNotBeSet {
					l = "null"
				}
				if !slices.Contains(expected, l) {
					expected = append(expected, l)
				}
			}
			errs = append(errs, ruleError(t.step(s, previous),
				"incomplete rule '%s': the form %s does not set the active_loop that it sets in other rules; expected one of %s; add an "+
					"active_loop (null if none must be active), or, if it is the last action, wait_for_user_input: false",
				s.title(), previous.Name, strings.Join(expected, ", ")))
		}
	}
	return errors.Join(errs...)
}

// step is where an action of a story was written.
func (t *trainer) step(s *story, a *dialogue.ActionExecuted) *dialogue.StoryStep {
	if step := t.origin[a]; step != nil {
		return step
	}
	return s.first
}
