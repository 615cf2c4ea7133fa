package policy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// Conflict is a moment at which stories go on differently although nothing tells them apart (Rasa 3.6.21
// core/training/story_conflict.py). What to do there cannot be learned.
type Conflict struct {
	After string // what came last: intent 'greet', or action 'utter_greet'
	Next  []Continuation
}

// Continuation is one way in which stories go on.
type Continuation struct {
	Action  string   // name, or text of an end-to-end action
	Stories []string // their names, in order of the files
	File    string   // of the first of them
	Line    int
}

// String is one line: what contradicts what, and where.
func (c *Conflict) String() string {
	ways := make([]string, len(c.Next))
	for i, n := range c.Next {
		ways[i] = fmt.Sprintf("%s in '%s'%s", n.Action, strings.Join(n.Stories, "', '"), where(&dialogue.StoryStep{File: n.File, Line: n.Line}))
	}
	return "stories go on differently after " + c.After + ": " + strings.Join(ways, ", ")
}

// Conflicts finds where stories contradict each other, for policies that look back on maxHistory states (0: on whole stories).
// Rules are left out: whether they contradict each other or stories is checked when they are learned. The error is that of ctx.
func Conflicts(ctx context.Context, d *dialogue.Domain, steps []dialogue.StoryStep, maxHistory int) ([]Conflict, error) {
	t := newTrainer(d, steps, TrainOptions{})
	stories, err := newGenerator(t, 0).run(ctx, false)
	if err != nil {
		return nil, err
	}
	histories := newSequences()
	byNode := map[int32]*Conflict{}
	var found []*Conflict // every moment, in order; those with one continuation are no conflicts
	for _, s := range stories {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("compare stories: %w", err)
		}
		t.read(s)
		states := t.wholeStates(s)
		node := int32(0)
		for i, label := range s.labels {
			if maxHistory > 0 {
				node = 0
				for _, id := range states[max(0, i+1-maxHistory) : i+1] {
					node = histories.append(node, id)
				}
			} else {
				node = histories.append(node, states[i])
			}
			if label.unpredictable {
				continue
			}
			c := byNode[node]
			if c == nil {
				c = &Conflict{After: t.after(states[i])}
				byNode[node] = c
				found = append(found, c)
			}
			c.add(label.event.NameOrText(), s)
		}
	}
	var conflicts []Conflict
	for _, c := range found {
		if len(c.Next) > 1 {
			conflicts = append(conflicts, *c)
		}
	}
	return conflicts, nil
}

// add notes that a story goes on with an action.
func (c *Conflict) add(action string, s *story) {
	i := slices.IndexFunc(c.Next, func(n Continuation) bool { return n.Action == action })
	if i < 0 {
		i = len(c.Next)
		n := Continuation{Action: action}
		if s.last != nil {
			n.File, n.Line = s.last.File, s.last.Line
		}
		c.Next = append(c.Next, n)
	}
	if n := &c.Next[i]; !slices.Contains(n.Stories, s.title()) {
		n.Stories = append(n.Stories, s.title())
	}
}

// after is what came last in a state.
func (t *trainer) after(id int32) string {
	s := t.v.statesBy[id]
	switch {
	case s.prev == t.v.listen && s.intent != absent:
		return "intent '" + t.v.intents.name(s.intent) + "'"
	case s.prev == t.v.listen && s.text != absent:
		return "the message '" + t.v.texts.name(s.text) + "'"
	case s.prevText != absent:
		return "the message '" + t.v.actionTexts.name(s.prevText) + "'"
	case s.prev != absent:
		return "action '" + t.v.actions.name(s.prev) + "'"
	}
	return "the beginning"
}

// CheckRules learns the rules as the configured RulePolicy would and reports what would stop a training: rules that contradict each
// other or a story, that are incomplete, or that have more than one message of the user. Without a RulePolicy nothing is checked. The
// error is that of ctx, or joins several of type *Error.
func CheckRules(ctx context.Context, configs []Config, d *dialogue.Domain, steps []dialogue.StoryStep) error {
	all, err := readAll(configs, d)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s *settings) bool { return s.Name == ruleBased })
	if i < 0 || !slices.ContainsFunc(steps, func(s dialogue.StoryStep) bool { return s.Rule }) {
		return nil
	}
	t := newTrainer(d, steps, TrainOptions{})
	if err := t.generate(ctx); err != nil {
		return err
	}
	_, err = trainRules(ctx, t, all[i])
	return err
}
