package policy

import (
	"encoding/json"
	"fmt"
	"slices"
)

// savedRules are rules as they are stored.
type savedRules struct {
	Rules []savedRule `json:"rules"`
	// Unhappy are the sequences after which a loop was interrupted (true) or is not predicted (false).
	Unhappy       map[string]bool `json:"rules_for_loop_unhappy_path"`
	Hidden        []string        `json:"rules_not_in_stories"`
	RuleOnlySlots []string        `json:"rule_only_slots"`
	RuleOnlyLoops []string        `json:"rule_only_loops"`
}

type savedRule struct {
	States string `json:"states"`
	Action string `json:"action"`
	Reason string `json:"reason"`
}

func (r *rules) encode(v *vocabulary) any {
	s := savedRules{Unhappy: map[string]bool{}, Hidden: sortedKeys(r.hidden)}
	for _, x := range r.all.rules {
		s.Rules = append(s.Rules, savedRule{States: x.text, Action: v.domain.Actions[x.action], Reason: x.source.reason})
	}
	for _, x := range r.unhappy.rules {
		s.Unhappy[x.text] = x.verdict == loopWasInterrupted
	}
	for i := range v.slots {
		if v.slots[i].ruleOnly {
			s.RuleOnlySlots = append(s.RuleOnlySlots, v.slots[i].slot.Name)
		}
	}
	for id := range v.ruleOnlyLoops {
		s.RuleOnlyLoops = append(s.RuleOnlyLoops, v.loops.name(id))
	}
	slices.Sort(s.RuleOnlyLoops)
	return s
}

func decodeRules(data []byte, v *vocabulary, s *settings) (trained, error) {
	var saved savedRules
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	r := newRules(s, v.domain)
	if s.Fallback && r.fallback < 0 {
		return nil, fmt.Errorf("the domain has no action %q", s.FallbackAction)
	}
	parse := func(text string) (*rule, error) {
		states, err := v.parseStates(text)
		if err != nil {
			return nil, err
		}
		if len(states) == 0 {
			return nil, fmt.Errorf("a rule without states")
		}
		return v.newRule(text, states), nil
	}
	for _, x := range saved.Rules {
		rule, err := parse(x.States)
		if err != nil {
			return nil, err
		}
		if rule.action = v.domain.ActionIndex(x.Action); rule.action < 0 {
			return nil, fmt.Errorf("the domain has no action %q", x.Action)
		}
		rule.source = &source{key: x.States, reason: x.Reason, action: rule.action}
		r.all.rules = append(r.all.rules, rule)
	}
	for _, text := range sortedKeys(saved.Unhappy) {
		rule, err := parse(text)
		if err != nil {
			return nil, err
		}
		rule.verdict = doNotPredictLoop
		if saved.Unhappy[text] {
			rule.verdict = loopWasInterrupted
		}
		r.unhappy.rules = append(r.unhappy.rules, rule)
	}
	for _, key := range saved.Hidden {
		r.hidden[key] = true
	}
	for _, name := range saved.RuleOnlySlots {
		slot, ok := v.slotsByName[name]
		if !ok {
			return nil, fmt.Errorf("the domain has no slot %q that influences the conversation", name)
		}
		v.slots[slot].ruleOnly = true
	}
	for _, name := range saved.RuleOnlyLoops {
		v.ruleOnlyLoops[v.loops.add(name)] = true
	}
	r.finish(v)
	return r, nil
}
