package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"parley/dialogue"
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
	withText bool // stories with texts of users
	onlyText bool // and without intents
}

// ambiguous marks windows that go on differently in different stories.
const ambiguous = -1

// sure is the confidence at least in what a story does in the same window.
const sure = 0.95

// trainTED learns from all stories.
func trainTED(ctx context.Context, t *trainer, s *settings) (trained, error) {
	stories, index, err := t.readStories(ctx)
	if err != nil {
		return nil, err
	}
	p := newTED(s, t.v, newScorer(t.v.differing(stories), true))
	type example struct {
		window uint64
		action int
	}
	known := map[example]bool{}
	var labels, groups []int32
	matrix := learn.NewMatrix(0)
	x := p.scorer.open(t.v)
	defer p.scorer.close(x)
	withIntent := false
	for n, states := range stories {
		for at, i := range index[n] {
			label := t.stories[n].labels[i]
			if label.unpredictable || label.action < 0 || label.event.Name == dialogue.ActionUnlikelyIntent {
				continue
			}
			window := backward(states, at, s.limit())
			text := answers(t.v, window)
			p.withText = p.withText || text != ""
			withIntent = withIntent || window[0].turn && window[0].intent != absent
			hash := x.window(window, text)
			e := example{hash, label.action}
			if known[e] {
				continue
			}
			known[e] = true
			class := p.class(label.action)
			if old, ok := p.exact[hash]; ok && old != class {
				class = ambiguous
			}
			p.exact[hash] = class
			p.scorer.row(x, window, text, true)
			matrix.Append(x.cols, x.vals)
			labels, groups = append(labels, p.class(label.action)), append(groups, int32(n))
		}
	}
	p.onlyText = p.withText && !withIntent
	if len(p.actions) < 2 {
		if len(t.stories) > 0 {
			t.warn(s.Name + ": the stories have fewer than two actions to tell apart; nothing is learned")
		}
		return nothing{}, nil
	}
	matrix.Cols = len(p.scorer.keys)
	p.scorer.model, _, err = learn.TrainLinear(ctx, &learn.Problem{X: matrix, Y: labels, Classes: len(p.actions)}, learn.LinearOptions{
		C: 0.3, Margin: true, Groups: groups, Seed: s.Learned.Seed, Progress: t.tell(s.Name),
	})
	if err != nil {
		return nil, err
	}
	return p, nil
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

func (p *ted) vote(_ context.Context, w *window) (vote, error) {
	x := p.scorer.open(w.v)
	defer p.scorer.close(x)
	states, text := x.look(w, p.settings.limit())
	if len(states) == 0 {
		return vote{}, nil
	}
	both := p.withText && w.need(0) && w.listens(0) && w.now.LatestText() != ""
	if !both {
		c := p.candidate(x, states, text)
		return p.cast(c, false), nil
	}
	spoken := slices.Clone(states)
	spoken[0], text = states[0].byText(w.v, w.now)
	byText := p.candidate(x, spoken, text)
	if p.onlyText {
		return p.cast(byText, true), nil
	}
	byIntent := p.candidate(x, states, "")
	if byText.confidence > p.settings.Learned.Threshold && byText.margin > byIntent.margin {
		return p.cast(byText, true), nil
	}
	return p.cast(byIntent, false), nil
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
		raise(full, p.actions[class])
	}
	c.all = make([]float64, len(full))
	for i, f := range full {
		c.all[i] = float64(f)
		c.confidence = max(c.confidence, c.all[i])
	}
	return c
}

// raise gives a probability at least the value sure; the others share the rest.
func raise(p []float32, at int) {
	if p[at] >= sure {
		return
	}
	rest := (1 - sure) / (1 - p[at])
	for i := range p {
		p[i] *= rest
	}
	p[at] = sure
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
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case all[a] > all[b]:
			return -1
		case all[a] < all[b]:
			return 1
		}
		return 0
	})
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

// savedTED is a ted as it is stored.
type savedTED struct {
	Scorer   savedScorer       `json:"scorer"`
	Actions  []string          `json:"actions"` // of each class
	Windows  map[uint64]string `json:"windows"` // action in each window of the stories; "": several
	WithText bool              `json:"with_text"`
	OnlyText bool              `json:"only_text"`
}

func (p *ted) encode(v *vocabulary) any {
	s := savedTED{Scorer: p.scorer.encode(), WithText: p.withText, OnlyText: p.onlyText, Windows: make(map[uint64]string, len(p.exact))}
	for _, a := range p.actions {
		s.Actions = append(s.Actions, v.domain.Actions[a])
	}
	for window, class := range p.exact {
		s.Windows[window] = ""
		if class != ambiguous {
			s.Windows[window] = s.Actions[class]
		}
	}
	return s
}

func decodeTED(data []byte, v *vocabulary, s *settings) (trained, error) {
	var saved savedTED
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, fmt.Errorf("read learned weights: %w", err)
	}
	if len(saved.Actions) == 0 {
		return nothing{}, nil
	}
	scorer, err := saved.Scorer.decode(v, true)
	if err != nil {
		return nil, err
	}
	p := newTED(s, v, scorer)
	p.withText, p.onlyText = saved.WithText, saved.OnlyText
	for _, name := range saved.Actions {
		action := v.domain.ActionIndex(name)
		if action < 0 {
			return nil, fmt.Errorf("the domain has no action %q", name)
		}
		p.class(action)
	}
	if len(p.actions) != scorer.model.Classes() || len(p.actions) != len(saved.Actions) {
		return nil, errors.New("actions and weights do not fit")
	}
	for window, name := range saved.Windows {
		class := int32(ambiguous)
		if name != "" {
			action := v.domain.ActionIndex(name)
			if action < 0 || p.classes[action] < 0 {
				return nil, fmt.Errorf("the action %q of a window is none", name)
			}
			class = int32(p.classes[action])
		}
		p.exact[window] = class
	}
	return p, nil
}

// nothing stands for a policy whose stories have nothing to learn from.
type nothing struct{}

func (nothing) vote(context.Context, *window) (vote, error) {
	return vote{reason: "nothing was learned"}, nil
}

func (nothing) simple() bool { return true }

func (nothing) encode(*vocabulary) any { return struct{}{} }
