package policy

import (
	"context"
	"slices"

	"parley/dialogue"
)

// Counts say how much there is to learn from: numbers of training stories and of the distinct examples that they give. An example is a
// sequence of states, all of a story or the newest five, and the action that follows; rules give none.
type Counts struct {
	Stories      int `json:"trackers"` // with rules
	Augmented    int `json:"augmented"`
	Rules        int `json:"rules"`
	Events       int `json:"events"`
	Unlimited    int `json:"unique_examples_history_unlimited"`
	LastStates   int `json:"unique_last_states_history_unlimited"`
	Five         int `json:"unique_examples_history_5"`
	LastOfFive   int `json:"unique_last_states_history_5"` // the same: the newest state does not depend on the history
	FiveOriginal int `json:"unique_examples_history_5_without_augmented"`
}

// CountStories makes the training stories as training does, glued together at random with an augmentation above zero, and counts
// them (Rasa 3.6.21 shared/core/generator.py). The error is that of ctx.
func CountStories(ctx context.Context, d *dialogue.Domain, steps []dialogue.StoryStep, augmentation int, seed uint64) (Counts, error) {
	c, _, err := countStories(ctx, d, steps, augmentation, seed)
	return c, err
}

// countStories also gives the stories.
func countStories(ctx context.Context, d *dialogue.Domain, steps []dialogue.StoryStep, augmentation int, seed uint64) (Counts, []*story, error) {
	var c Counts
	t := newTrainer(d, steps, TrainOptions{Augmentation: augmentation, Seed: seed})
	t.ignoreEntities = !d.StoreEntitiesAsSlots
	if err := t.generate(ctx); err != nil {
		return c, nil, err
	}
	stories := t.stories
	if augmentation > 0 {
		var err error
		if stories, err = t.augmented(ctx); err != nil {
			return c, nil, err
		}
	}
	all := slices.Concat(stories, t.rules)
	c.Stories, c.Rules = len(all), len(t.rules)
	unlimited, five, original, last := map[[2]int32]bool{}, map[[2]int32]bool{}, map[[2]int32]bool{}, map[int32]bool{}
	q := newSequences()
	for _, s := range all {
		c.Events += s.tracker.Len()
		if s.augmented {
			c.Augmented++
		}
		if s.rule {
			continue
		}
		states := t.storyStates(s)
		node := int32(0)
		for i, l := range s.labels {
			node = q.append(node, states[i])
			if l.unpredictable {
				continue
			}
			last[states[i]] = true
			unlimited[[2]int32{node, int32(l.action)}] = true //nolint:gosec // as many as there are actions
			short := int32(0)
			for _, id := range states[max(0, i-4) : i+1] {
				short = q.append(short, id)
			}
			five[[2]int32{short, int32(l.action)}] = true //nolint:gosec // see above
			if !s.augmented {
				original[[2]int32{short, int32(l.action)}] = true //nolint:gosec // see above
			}
		}
	}
	c.Unlimited, c.Five, c.LastStates, c.LastOfFive, c.FiveOriginal = len(unlimited), len(five), len(last), len(last), len(original)
	return c, all, nil
}
