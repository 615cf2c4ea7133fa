package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// ruleCheck lets rules predict all rules and stories, to find contradictions and the rules that occur in no story.
type ruleCheck struct {
	t     *trainer
	rules *rules
	w     window

	sources map[string][]gold // what follows in rules from a source of predictions
	used    map[string]bool   // sources that predicted rightly in a story
}

// gold is the action that a rule has, by name.
type gold struct {
	rule   string
	action int
}

func (c *ruleCheck) run(ctx context.Context) error {
	done, all := 0, len(c.t.rules)*2+len(c.t.stories)
	var errs []error
	each := func(stories []*story, visit func(*story, label, ruling) error) error {
		for _, s := range stories {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("check rules for contradictions: %w", err)
			}
			err := c.replay(s, func(l label, r ruling) {
				if err := visit(s, l, r); err != nil {
					errs = append(errs, err)
				}
			})
			if err != nil {
				return err
			}
			done++
			c.t.progress(ruleBased, done, all)
		}
		return nil
	}
	collect := func(s *story, l label, r ruling) error { c.collect(s, l, r); return nil }
	if err := each(c.t.rules, collect); err != nil {
		return err
	}
	if err := each(c.t.stories, c.judge); err != nil {
		return err
	}
	if err := each(c.t.rules, c.judge); err != nil {
		return err
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for key := range c.sources {
		c.rules.hidden[key] = !c.used[key]
	}
	for _, s := range c.rules.defaults {
		c.rules.hidden[s.key] = !c.used[s.key]
	}
	for i := range c.t.domain.Forms {
		s := c.rules.loops[c.t.domain.Forms[i].Name]
		if s.run == nil {
			continue
		}
		c.rules.hidden[s.run.key] = !c.used[s.run.key]
		c.rules.hidden[s.wait.key] = !c.used[s.wait.key]
	}
	for key, hidden := range c.rules.hidden {
		if !hidden {
			delete(c.rules.hidden, key)
		}
	}
	return nil
}

// replay gives each action of a story that can be predicted, with what the rules predict.
func (c *ruleCheck) replay(s *story, visit func(label, ruling)) error {
	c.rules.training = s.rule
	t := dialogue.NewTracker("", c.t.domain)
	unpredictable := true // the first action
	n := 0
	for _, e := range s.tracker.Applied() {
		a, ok := e.(*dialogue.ActionExecuted)
		if !ok {
			t.Append(e)
			continue
		}
		l := s.labels[n]
		n++
		switch {
		case a.Name == dialogue.RuleSnippetAction:
			unpredictable = true
		case unpredictable || l.unpredictable:
			unpredictable = false
		default:
			r, err := c.predict(t, s.rule)
			if err != nil {
				return fmt.Errorf("%s%w", stepPlace(c.t.step(s, a)), err)
			}
			if loop := t.ActiveLoopName(); loop != "" && r.action != l.action && r.action == c.t.domain.ActionIndex(loop) {
				t.Append(&dialogue.ActionRejected{Name: loop})
				if r, err = c.predict(t, s.rule); err != nil {
					return err
				}
			}
			visit(l, r)
		}
		t.Append(e)
	}
	return nil
}

// predict is what the rules predict. In a rule nothing means the fallback; in a story it is no prediction.
func (c *ruleCheck) predict(t *dialogue.Tracker, rule bool) (ruling, error) {
	c.w.open(c.t.v, t)
	r, err := c.rules.rule(&c.w)
	if err == nil && r.action < 0 && rule {
		r.action = max(c.rules.fallback, 0)
	}
	return r, err
}

// collect notes which action a rule has where a source predicts.
func (c *ruleCheck) collect(s *story, l label, r ruling) {
	if r.key == "" {
		return
	}
	g := gold{rule: "rule " + s.describe(), action: l.action}
	if !strings.HasPrefix(r.key, "[") { // a default action or a loop: not a rule of the user's
		g = gold{rule: r.source.reason, action: r.action}
	}
	c.sources[r.key] = append(c.sources[r.key], g)
}

// judge finds a contradiction.
func (c *ruleCheck) judge(s *story, l label, r ruling) error {
	if r.action < 0 || r.key == "" {
		return nil
	}
	if r.action == l.action {
		if !s.rule {
			c.used[r.key] = true
		}
		return nil
	}
	if !s.rule && c.extended(r) {
		return nil
	}
	var contradicting []string
	for _, g := range c.sources[r.key] {
		if g.action != l.action && !slices.Contains(contradicting, g.rule) {
			contradicting = append(contradicting, g.rule)
		}
	}
	if len(contradicting) == 0 {
		return nil
	}
	kind := "story"
	if s.rule {
		kind = "rule"
	}
	predicted := ""
	if r.action != c.rules.fallback {
		predicted = ", which predicts " + c.t.domain.Actions[r.action]
	}
	return ruleError(c.t.step(s, l.event), "the action %s in %s '%s' contradicts %s%s; change one of them, or set check_for_contradictions: false",
		l.event.NameOrText(), kind, s.title(), strings.Join(contradicting, ", "), predicted)
}

// extended deletes a rule of one turn that waits for the user although a longer rule goes on after it: in a story the longer one may
// be followed by something else.
func (c *ruleCheck) extended(r ruling) bool {
	if r.action != c.rules.listen || strings.Count(r.key, "prev_action") > 1 || !strings.HasPrefix(r.key, "[") {
		return false
	}
	prefix := r.key[:len(r.key)-2]
	var short *rule
	longer := false
	for _, x := range c.rules.all.rules {
		switch {
		case x.deleted:
		case x.text == r.key:
			short = x
		case strings.HasPrefix(x.text, prefix):
			longer = true
		}
	}
	if short == nil || !longer {
		return false
	}
	short.deleted = true
	return true
}
