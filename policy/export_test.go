package policy

import (
	"context"
	"fmt"
	"hash/crc32"

	"parley/dialogue"
)

// Counts are numbers of training stories, as the goldens of the loader have them.
type Counts struct {
	Trackers, Augmented, Rules, Events int
	Unlimited, Five, FiveOriginal      int // distinct examples, by history
	LastStates                         int
	StoryEvents                        [][]dialogue.Event
}

// CountStories makes the training stories and counts them.
func CountStories(d *dialogue.Domain, steps []dialogue.StoryStep, augmentation int, seed uint64) (Counts, error) {
	var c Counts
	t := newTrainer(d, steps, TrainOptions{Augmentation: augmentation, Seed: seed})
	t.ignoreEntities = !d.StoreEntitiesAsSlots
	if err := t.generate(context.Background()); err != nil {
		return c, err
	}
	stories, rules := t.stories, t.rules
	if augmentation > 0 {
		var err error
		if stories, err = t.augmented(context.Background()); err != nil {
			return c, err
		}
	}
	c.Trackers, c.Rules = len(stories)+len(rules), len(rules)
	unlimited, five, original, last := map[[2]int32]bool{}, map[[2]int32]bool{}, map[[2]int32]bool{}, map[int32]bool{}
	q := newSequences()
	for _, s := range append(append([]*story(nil), stories...), rules...) {
		c.Events += s.tracker.Len()
		c.StoryEvents = append(c.StoryEvents, s.tracker.Events(0))
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
			unlimited[[2]int32{node, int32(l.action)}] = true
			short := int32(0)
			for _, id := range states[max(0, i-4) : i+1] {
				short = q.append(short, id)
			}
			five[[2]int32{short, int32(l.action)}] = true
			if !s.augmented {
				original[[2]int32{short, int32(l.action)}] = true
			}
		}
	}
	c.Unlimited, c.Five, c.LastStates, c.FiveOriginal = len(unlimited), len(five), len(last), len(original)
	return c, nil
}

// Sealed is a section with a right sum.
func Sealed(body []byte) []byte {
	return append(fmt.Appendf(nil, "%s%08x\n", format, crc32.ChecksumIEEE(body)), body...)
}

// Only is an ensemble of one of the policies.
func (e *Ensemble) Only(name string) *Ensemble {
	for _, m := range e.policies {
		if m.settings.Name == name {
			return newEnsemble(e.v, []member{m})
		}
	}
	return nil
}
