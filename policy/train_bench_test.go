package policy_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"parley/dialogue"
	"parley/policy"
)

// large is a project of a size that few have: stories of random turns, and rules for other intents.
func large(stories, rules int) (*dialogue.Domain, []dialogue.StoryStep) {
	r := rand.New(rand.NewPCG(1, 2))
	d := &dialogue.Domain{Actions: append([]string(nil), dialogue.DefaultActions...), StoreEntitiesAsSlots: true}
	intent := func(name string) { d.Intents = append(d.Intents, dialogue.IntentSpec{Name: name}) }
	for i := range 200 {
		intent(fmt.Sprintf("intent_%03d", i))
		d.Actions = append(d.Actions, fmt.Sprintf("utter_%03d", i))
	}
	for i := range rules {
		intent(fmt.Sprintf("faq_%03d", i))
		d.Actions = append(d.Actions, fmt.Sprintf("utter_faq_%03d", i))
	}
	for i := range 20 {
		d.Slots = append(d.Slots, dialogue.Slot{Name: fmt.Sprintf("slot_%02d", i), Type: dialogue.SlotText, Influence: true})
	}
	d.Finish()
	var steps []dialogue.StoryStep
	begin := []dialogue.Checkpoint{{Name: dialogue.StoryStart}}
	for i := range stories {
		s := dialogue.StoryStep{Name: fmt.Sprintf("story %d", i), File: "stories.yml", Line: i, Start: begin}
		for range 2 + r.IntN(10) {
			n := r.IntN(200)
			s.Events = append(s.Events, user(fmt.Sprintf("intent_%03d", n)))
			if r.IntN(3) == 0 {
				s.Events = append(s.Events, &dialogue.SlotSet{Name: fmt.Sprintf("slot_%02d", r.IntN(20)), Value: "x"})
			}
			s.Events = append(s.Events, act(fmt.Sprintf("utter_%03d", n)))
		}
		steps = append(steps, s)
	}
	for i := range rules {
		steps = append(steps, dialogue.StoryStep{
			Name: fmt.Sprintf("rule %d", i), Rule: true, File: "rules.yml", Line: i, Start: begin,
			Events: []dialogue.Event{act(dialogue.RuleSnippetAction), user(fmt.Sprintf("faq_%03d", i)), act(fmt.Sprintf("utter_faq_%03d", i))},
		})
	}
	return d, steps
}

func BenchmarkTrain(b *testing.B) {
	d, steps := large(5000, 500)
	for _, name := range []string{"RulePolicy", "MemoizationPolicy"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.Train(b.Context(), []policy.Config{{Name: name}}, d, steps, policy.TrainOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAugment(b *testing.B) {
	d, steps := large(5000, 0)
	for b.Loop() {
		if _, err := policy.CountStories(b.Context(), d, steps, 50, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	d, steps := large(5000, 500)
	e, err := policy.Train(b.Context(), []policy.Config{{Name: "RulePolicy"}, {Name: "MemoizationPolicy"}}, d, steps, policy.TrainOptions{})
	if err != nil {
		b.Fatal(err)
	}
	sections := save(b, e)
	for b.Loop() {
		if _, err := policy.Load(sections.get, d); err != nil {
			b.Fatal(err)
		}
	}
}
