package policy

import (
	"cmp"
	"context"
	"slices"

	"parley/learn"
)

// ted predicts the next action by what it has learned from stories (Rasa 3.6.21 core/policies/ted_policy.py). It has the name and
// the options of Rasa's transformer; inside works a linear learner on the features of the newest states (seen.go). Confidences are
// calibrated on stories that were left out of training, and high where a window is just as in a story.
type ted struct {
	settings *settings
	scorer   *scorer
	actions  []int // of each class
	classes  []int // of each action, -1: stories do not have it
	exact    map[uint64]int32
	trust    float32 // the confidence, at least, in what stories do in the same window
	withText bool    // stories with texts of users
	onlyText bool    // and without intents

	entities *EntityTraining // what to find in texts, until it was learned
	tagger   EntityTagger    // nil: it finds none
	weights  []byte          // of the tagger
}

// ambiguous marks windows that go on differently in different stories.
const ambiguous = -1

// answers is the text of the message that a window of a story answers, "" if it is an intent.
func answers(v *vocabulary, window []seen) string {
	for i := range window {
		if window[i].turn {
			return v.texts.name(window[i].text)
		}
	}
	return ""
}

// tell gives the function that a learner reports to, nil if nobody asks.
func (t *trainer) tell(policy string) func(float64) {
	if t.opts.Progress == nil {
		return nil
	}
	return func(done float64) { t.opts.Progress(policy, done) }
}

func (p *ted) vote(ctx context.Context, w *window) (v vote, err error) {
	x := p.scorer.open(w.v)
	defer p.scorer.close(x)
	states, text := x.look(w, p.settings.limit())
	if len(states) == 0 {
		return vote{}, nil
	}
	both := p.withText && w.need(0) && w.listens(0) && w.now.LatestText() != ""
	if !both {
		c := p.candidate(x, states, text)
		return p.cast(c, p.onlyText), nil // as in the reference: who knows texts only goes by them after an action, too
	}
	spoken := slices.Clone(states)
	spoken[0], text = states[0].byText(w.v, w.now)
	byText := p.candidate(x, spoken, text)
	if !p.onlyText {
		byIntent := p.candidate(x, states, "")
		if byText.confidence <= p.settings.Learned.Threshold || byText.margin <= byIntent.margin {
			return p.cast(byIntent, false), nil
		}
	}
	v = p.cast(byText, true)
	v.optional, err = p.tag(ctx, w)
	return v, err
}

// candidate is what one way to see the latest message leads to.
type candidate struct {
	all        []float64 // by action
	confidence float64   // of the best
	margin     float64   // between the scores of the best and the next
	exact      bool      // the window is in a story
}

// certain is how much a window of a story counts for, as a margin between scores.
const certain = 100

func (p *ted) candidate(x *scratch, states []seen, text string) candidate {
	scores := p.scorer.score(x, states, text)
	low, best, next := scores[0], -1, -1
	for k, s := range scores {
		low = min(low, s)
		switch {
		case best < 0 || s > scores[best]:
			best, next = k, best
		case next < 0 || s > scores[next]:
			next = k
		}
	}
	c := candidate{margin: float64(scores[best] - scores[next])}
	// Actions that no story has are less likely than all others.
	full := make([]float32, len(p.classes))
	for action, class := range p.classes {
		if full[action] = low - 2; class >= 0 {
			full[action] = scores[class]
		}
	}
	learn.Softmax(full)
	class, known := p.exact[x.window(states, text)]
	if c.exact = known && class != ambiguous; c.exact {
		c.margin += certain
		raise(full, p.actions[class], p.trust)
	}
	c.all = make([]float64, len(full))
	for i, f := range full {
		c.all[i] = float64(f)
		c.confidence = max(c.confidence, c.all[i])
	}
	return c
}

// raise gives a probability at least a value; the others share the rest.
func raise(p []float32, at int, value float32) {
	if p[at] >= value {
		return
	}
	rest := (1 - value) / (1 - p[at])
	for i := range p {
		p[i] *= rest
	}
	p[at] = value
}

// cast makes a vote of a candidate.
func (p *ted) cast(c candidate, byText bool) vote {
	if n := p.settings.Learned.Ranking; n > 0 && n < len(c.all) {
		cut(c.all, n, p.settings.Learned.Renormalize)
	}
	reason := "features of the last states, learned from stories"
	if c.exact {
		reason = "the last states are those of a story"
	}
	return vote{all: c.all, endToEnd: byText, reason: reason}
}

// cut keeps the n best confidences and clears the others.
func cut(all []float64, n int, renormalize bool) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(all[b], all[a]) })
	sum := 0.0
	for _, i := range order[:n] {
		sum += all[i]
	}
	for _, i := range order[n:] {
		all[i] = 0
	}
	if renormalize && sum > 0 {
		for i := range all {
			all[i] /= sum
		}
	}
}

func (p *ted) simple() bool { return !p.withText }

// nothing stands for a policy whose stories have nothing to learn from.
type nothing struct{}

func (nothing) vote(context.Context, *window) (vote, error) {
	return vote{reason: "nothing was learned"}, nil
}

func (nothing) simple() bool { return true }

func (nothing) encode(*vocabulary) any { return struct{}{} }
