package policy

import (
	"context"
	"fmt"

	"parley/dialogue"
)

// trainer holds what policies learn from.
type trainer struct {
	domain *dialogue.Domain
	v      *vocabulary
	steps  []dialogue.StoryStep
	opts   TrainOptions

	rules   []*story
	stories []*story

	// unpredictable are actions with which a conversation begins: there is nothing to predict them from.
	unpredictable map[*dialogue.ActionExecuted]bool
	origin        map[*dialogue.ActionExecuted]*dialogue.StoryStep
	complained    map[string]bool

	// ignoreEntities leaves out the slots that entities fill. Training never does, also for a domain that says
	// store_entities_as_slots: false, as in the reference (golden dlg-noentityslots).
	ignoreEntities bool
}

func newTrainer(d *dialogue.Domain, steps []dialogue.StoryStep, opts TrainOptions) *trainer {
	t := &trainer{
		domain: d, v: newVocabulary(d), steps: steps, opts: opts, unpredictable: map[*dialogue.ActionExecuted]bool{},
		origin: map[*dialogue.ActionExecuted]*dialogue.StoryStep{}, complained: map[string]bool{},
	}
	for i := range steps {
		t.markUnpredictable(&steps[i])
	}
	return t
}

// markUnpredictable marks the first action of a step that begins a conversation, unless the user speaks first.
func (t *trainer) markUnpredictable(s *dialogue.StoryStep) {
	begins := len(s.Start) == 0
	for _, c := range s.Start {
		begins = begins || c.Name == dialogue.StoryStart
	}
	if !begins {
		return
	}
	for _, e := range s.Events {
		switch e := e.(type) {
		case *dialogue.UserUttered:
			return
		case *dialogue.ActionExecuted:
			t.unpredictable[e] = true
			return
		}
	}
}

func (t *trainer) warn(message string) {
	if t.opts.Warn != nil {
		t.opts.Warn(message)
	}
}

// progress tells how far a policy is, every hundredth of the way.
func (t *trainer) progress(policy string, done, of int) {
	if t.opts.Progress != nil && of > 0 && done%max(of/100, 1) == 0 {
		t.opts.Progress(policy, float64(done)/float64(of))
	}
}

// generate makes the stories and the rules, without augmentation.
func (t *trainer) generate(ctx context.Context) error {
	g := newGenerator(t, 0)
	var err error
	if t.stories, err = g.run(ctx, false); err != nil {
		return err
	}
	if t.rules, err = g.run(ctx, true); err != nil {
		return err
	}
	for _, list := range [][]*story{t.stories, t.rules} {
		for _, s := range list {
			t.read(s)
		}
	}
	return nil
}

// augmented makes the stories with augmentation: the ones of generate, and longer ones that are put together at random. Only
// policies that generalise need them.
func (t *trainer) augmented(ctx context.Context) ([]*story, error) {
	stories, err := newGenerator(t, t.opts.Augmentation).run(ctx, false)
	for _, s := range stories {
		t.read(s)
	}
	return stories, err
}

// read lists the actions of a story.
func (t *trainer) read(s *story) {
	moments := momentsOf(s.tracker)
	s.labels = make([]label, len(moments)-1)
	for i, m := range moments[:len(moments)-1] {
		name := m.Action.NameOrText()
		l := label{action: t.domain.ActionIndex(name), event: m.Action, unpredictable: t.unpredictable[m.Action]}
		if l.action < 0 && !t.complained[name] {
			t.complained[name] = true
			step := t.origin[m.Action]
			kind := "story"
			if s.rule {
				kind = "rule"
			}
			t.warn(fmt.Sprintf("%s%s '%s' has the action %q, which the domain does not have: it cannot be predicted%s",
				stepPlace(step), kind, s.title(), name, suggest(name, t.domain.Actions)))
		}
		s.labels[i] = l
	}
}

func stepPlace(s *dialogue.StoryStep) string {
	if s == nil {
		return ""
	}
	return place(s.File, s.Line, ": ")
}

// storyStates are the states before the actions of a story, oldest first, as numbers of the vocabulary.
func (t *trainer) storyStates(s *story) []int32 { return t.numbered(s, state.withoutDoubt) }

// wholeStates are the numbers of the states with the texts of messages, which tell messages of one intent apart.
func (t *trainer) wholeStates(s *story) []int32 {
	return t.numbered(s, func(whole state) state { return whole })
}

// numbered are the numbers of what is seen of the states before the actions of a story.
func (t *trainer) numbered(s *story, seen func(state) state) []int32 {
	all := t.states(s, false)
	ids := make([]int32, len(all))
	for i := range all {
		ids[i] = t.v.stateID(seen(all[i]))
	}
	return ids
}

// states are the states before the actions of a story, oldest first. With onlySet, slots count only once they were set.
func (t *trainer) states(s *story, onlySet bool) []state {
	moments := momentsOf(s.tracker)
	states := make([]state, len(moments)-1)
	features := make([]symbol, len(t.v.slots))
	for i, m := range moments[:len(moments)-1] {
		states[i] = t.v.words(m.State)
		if i > 0 && m.State.Slots == moments[i-1].State.Slots {
			states[i].slots = states[i-1].slots
			continue
		}
		t.v.slotFeatures(features, m.State.Slots, onlySet)
		states[i].slots = t.v.vector(features)
	}
	return states
}

// explicit are the events of a step with those that stories leave out: action_listen before each message of the user and at the
// end of a story, and the slots that entities fill. In rules, null means that a slot or a loop must not be set.
func (t *trainer) explicit(n *storyNode) []dialogue.Event {
	var events []dialogue.Event
	add := func(e dialogue.Event) {
		switch e := e.(type) {
		case *dialogue.ActionExecuted:
			t.origin[e] = n.step
		case *dialogue.ActiveLoop:
			if n.step.Rule && e.Name == "" {
				events = append(events, &dialogue.ActiveLoop{Header: e.Header, Name: dialogue.ShouldNotBeSet})
				return
			}
		case *dialogue.SlotSet:
			if n.step.Rule && e.Value == nil {
				t.checkUnset(n.step, e.Name)
				events = append(events, &dialogue.SlotSet{Header: e.Header, Name: e.Name, Value: dialogue.ShouldNotBeSet})
				return
			}
		}
		events = append(events, e)
	}
	listen := func() {
		if len(events) > 0 {
			if a, ok := events[len(events)-1].(*dialogue.ActionExecuted); ok && a.Name == dialogue.ActionListen {
				return
			}
		}
		add(&dialogue.ActionExecuted{Name: dialogue.ActionListen})
	}
	for _, e := range n.step.Events {
		u, ok := e.(*dialogue.UserUttered)
		if !ok {
			add(e)
			continue
		}
		listen()
		add(u)
		for _, s := range t.filled(u.Parse.Entities) {
			add(s)
		}
	}
	if len(n.end) == 0 {
		listen()
	}
	return events
}

// checkUnset warns of a rule that asks for a list slot not to be set: as in Rasa 3.6.21 it asks for the opposite.
func (t *trainer) checkUnset(step *dialogue.StoryStep, name string) {
	s, ok := t.domain.Slot(name)
	if ok && s.Type == dialogue.SlotList && s.FeatureSize() > 0 {
		t.warn(fmt.Sprintf("%srule '%s': null for the list slot '%s' means that it is set, not that it is empty, as in Rasa 3.6",
			stepPlace(step), step.Name, name))
	}
}

// filled are the slots that the entities of a story's message fill.
func (t *trainer) filled(entities []dialogue.Entity) []dialogue.Event {
	if len(entities) == 0 || t.ignoreEntities {
		return nil
	}
	var events []dialogue.Event
	for i := range t.domain.Slots {
		slot := &t.domain.Slots[i]
		var values []any
		for j := range slot.Mappings {
			m := &slot.Mappings[j]
			if m.Type != dialogue.FromEntity || len(m.Conditions) > 0 && m.Conditions[0].ActiveLoop != nil {
				continue
			}
			for k := range entities {
				if e := &entities[k]; e.Entity == m.Entity && e.Role == m.Role && e.Group == m.Group {
					values = append(values, e.Value)
				}
			}
		}
		if len(values) == 0 {
			continue
		}
		var value any = values
		if slot.Type != dialogue.SlotList {
			value = values[len(values)-1]
		}
		events = append(events, &dialogue.SlotSet{Name: slot.Name, Value: value})
	}
	return events
}
