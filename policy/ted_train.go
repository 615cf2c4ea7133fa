package policy

import (
	"context"
	"math"

	"parley/dialogue"
	"parley/learn"
)

// examples are what TEDPolicy learns from: windows of states, and the action that came next in a story.
type examples struct {
	matrix *learn.Matrix
	labels []int32 // classes
	groups []int32 // stories
	counts map[example]int
}

// example is a window and the class of the action that came next.
type example struct {
	window uint64
	class  int32
}

// repeats is how often, at most, an action in a window is learned from. What stories do often counts for more than what one does
// by chance; beyond that more of the same costs time only.
const repeats = 20

// trainTED learns from all stories.
func trainTED(ctx context.Context, t *trainer, s *settings) (trained, error) {
	stories, index, err := t.readStories(ctx)
	if err != nil {
		return nil, err
	}
	p := newTED(s, t.v, newScorer(t.v.differing(stories), true))
	e := p.examples(t, stories, index)
	if len(p.actions) < 2 {
		if len(t.stories) > 0 {
			t.warn(s.Name + ": the stories have fewer than two actions to tell apart; nothing is learned")
		}
		return nothing{}, nil
	}
	if p.withText {
		p.entities = t.entityTraining(s)
	}
	e.matrix.Cols = len(p.scorer.keys)
	p.trust = trust(e.counts)
	rows := e.matrix.Rows()
	p.scorer.model, _, err = learn.TrainLinear(ctx, &learn.Problem{X: e.matrix, Y: e.labels, Classes: len(p.actions)}, learn.LinearOptions{
		C: cost(rows), Margin: rows < noisy, Groups: e.groups, Seed: s.Learned.Seed, Progress: t.tell(s.Name),
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// cost is the cost of an error of the support vector machine: few examples seldom contradict each other and are followed closely,
// many often do.
func cost(rows int) float64 { return min(max(2*math.Sqrt(200/float64(rows)), 0.3), 2) }

// noisy is from how many examples on the softmax half is worth its time: its confidences are nearer to the truth.
const noisy = 1000

// examples reads the stories, and gives the actions their classes.
func (p *ted) examples(t *trainer, stories [][]seen, index [][]int) *examples {
	e := &examples{matrix: learn.NewMatrix(0), counts: map[example]int{}}
	x := p.scorer.open(t.v)
	defer p.scorer.close(x)
	withIntent := false
	for n, states := range stories {
		for at, i := range index[n] {
			label := t.stories[n].labels[i]
			if label.unpredictable || label.action < 0 || label.event.Name == dialogue.ActionUnlikelyIntent {
				continue
			}
			window := backward(states, at, p.settings.limit())
			text := answers(t.v, window)
			p.withText = p.withText || text != ""
			withIntent = withIntent || window[0].turn && window[0].intent != absent
			one := example{x.window(window, text), p.class(label.action)}
			if e.counts[one]++; e.counts[one] > repeats {
				continue
			}
			if old, ok := p.exact[one.window]; ok && old != one.class {
				p.exact[one.window] = ambiguous
			} else if !ok {
				p.exact[one.window] = one.class
			}
			p.scorer.row(x, window, text, true)
			e.matrix.Append(x.cols, x.vals)
			e.labels, e.groups = append(e.labels, one.class), append(e.groups, int32(n))
		}
	}
	p.onlyText = p.withText && !withIntent
	return e
}

// sure is the confidence, at least, in what stories do in a window if they never contradict each other.
const sure = 0.95

// trust is how often what all other stories do in a window is what one does, that one being left out; windows count alike. Those of
// one story tell nothing, so it is drawn towards sure, as by 20 windows.
func trust(counts map[example]int) float32 {
	type window struct{ examples, actions, single int }
	windows := map[uint64]window{}
	for e, n := range counts {
		w := windows[e.window]
		w.examples += n
		w.actions++
		if n == 1 {
			w.single++
		}
		windows[e.window] = w
	}
	agreed, split := 0, 0 // windows in which the others agree, and one of them does something else
	for _, w := range windows {
		switch {
		case w.actions == 1 && w.examples > 1:
			agreed++
		case w.actions == 2 && w.single > 0:
			split++
		}
	}
	const prior = 20
	return min(sure, float32((float64(agreed)+prior*sure)/(float64(agreed+split)+prior)))
}

func newTED(s *settings, v *vocabulary, scorer *scorer) *ted {
	p := &ted{settings: s, scorer: scorer, exact: map[uint64]int32{}, classes: make([]int, len(v.domain.Actions))}
	for i := range p.classes {
		p.classes[i] = -1
	}
	return p
}

// class is the class of an action, a new one if need be.
func (p *ted) class(action int) int32 {
	if p.classes[action] < 0 {
		p.classes[action] = len(p.actions)
		p.actions = append(p.actions, action)
	}
	return int32(p.classes[action])
}
