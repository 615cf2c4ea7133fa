package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"parley/dialogue"
	"parley/learn"
)

// unexpected predicts action_unlikely_intent when the intent of the latest message is not what stories have in such a place (Rasa
// 3.6.21 core/policies/unexpected_intent_policy.py). Every intent has a threshold: the best score that it got where it did not
// come, but at most the lowest where it came.
type unexpected struct {
	settings  *settings
	scorer    *scorer
	intents   []symbol    // of each class
	quantiles [][]float64 // thresholds of each class, see quantileCount
	unlikely  int         // action_unlikely_intent
}

// quantileCount is how many thresholds an intent has: that the scores of all examples without the intent lie below, of 95 % of
// them, and so on.
const quantileCount = 20

// occasion is a window after which users said something in stories.
type occasion struct {
	window  []seen
	intents []int32
}

func trainUnexpected(ctx context.Context, t *trainer, s *settings) (trained, error) {
	stories, index, err := t.readStories(ctx)
	if err != nil {
		return nil, err
	}
	p := &unexpected{settings: s, scorer: newScorer(t.v.differing(stories), false), unlikely: t.domain.ActionIndex(dialogue.ActionUnlikelyIntent)}
	x := p.scorer.open(t.v)
	defer p.scorer.close(x)
	byHash := map[uint64]int{}
	var places []occasion
	for n, states := range stories {
		if !t.intentsAndNames(states, n) {
			continue
		}
		for at := range index[n] {
			if !states[at].turn || at == 0 {
				continue
			}
			window := backward(states, at-1, s.limit())
			hash := x.window(window, "")
			i, ok := byHash[hash]
			if !ok {
				i = len(places)
				byHash[hash] = i
				places = append(places, occasion{window: window})
			}
			if c := p.class(states[at].intent); !slices.Contains(places[i].intents, c) {
				places[i].intents = append(places[i].intents, c)
			}
		}
	}
	if len(p.intents) < 2 {
		if len(t.stories) > 0 {
			t.warn(s.Name + ": the stories have fewer than two intents to tell apart; nothing is learned")
		}
		return nothing{}, nil
	}
	matrix := learn.NewMatrix(0)
	labels := make([][]int32, len(places))
	for i := range places {
		p.scorer.row(x, places[i].window, "", true)
		matrix.Append(x.cols, x.vals)
		labels[i] = places[i].intents
	}
	matrix.Cols = len(p.scorer.keys)
	p.scorer.model, err = learn.TrainMulti(ctx, matrix, labels, len(p.intents), learn.LinearOptions{
		C: 0.3, Seed: s.Learned.Seed, Progress: t.tell(s.Name),
	})
	if err != nil {
		return nil, err
	}
	p.findThresholds(x, places)
	return p, nil
}

// intentsAndNames reports whether all messages of a story have intents, and all actions have names. Others teach nothing here.
func (t *trainer) intentsAndNames(states []seen, n int) bool {
	return !slices.ContainsFunc(states, func(s seen) bool { return s.turn && s.intent == absent || s.prevText != absent }) &&
		!slices.ContainsFunc(t.stories[n].labels, func(l label) bool { return l.event.Name == "" })
}

// class is the class of an intent, a new one if need be.
func (p *unexpected) class(intent symbol) int32 {
	i := slices.Index(p.intents, intent)
	if i < 0 {
		i = len(p.intents)
		p.intents = append(p.intents, intent)
	}
	return int32(i)
}

// findThresholds reads the thresholds off the scores of the places that were learned from.
func (p *unexpected) findThresholds(x *scratch, places []occasion) {
	with, without := make([][]float64, len(p.intents)), make([][]float64, len(p.intents))
	for i := range places {
		for class, score := range p.scorer.score(x, places[i].window, "") {
			if slices.Contains(places[i].intents, int32(class)) {
				with[class] = append(with[class], float64(score))
			} else {
				without[class] = append(without[class], float64(score))
			}
		}
	}
	p.quantiles = make([][]float64, len(p.intents))
	for class := range p.intents {
		lowest := slices.Min(with[class])
		slices.Sort(without[class])
		p.quantiles[class] = make([]float64, quantileCount)
		for q := range p.quantiles[class] {
			p.quantiles[class][q] = lowest
			if n := len(without[class]); n > 0 {
				at := (n - 1) * (quantileCount - q) / quantileCount // the one below, if it lies between two
				p.quantiles[class][q] = min(lowest, without[class][at])
			}
		}
	}
}

// threshold is the one that the tolerance asks for.
func (p *unexpected) threshold(class int) float64 {
	return p.quantiles[class][min(int(p.settings.Learned.Tolerance*quantileCount), quantileCount-1)]
}

func (p *unexpected) vote(_ context.Context, w *window) (vote, error) {
	var v vote
	intent, ok := p.asked(w)
	if !ok {
		return v, nil
	}
	x := p.scorer.open(w.v)
	defer p.scorer.close(x)
	states, _ := x.look(w, p.settings.limit()+1)
	if len(states) > 0 && states[0].prev == w.v.listen {
		states = states[1:] // the message itself
	}
	states = states[:min(len(states), p.settings.limit())]
	scores := p.scorer.score(x, states, "")
	class := slices.Index(p.intents, w.v.intents.find(intent))
	if class < 0 || slices.Contains(p.settings.Learned.Ignore, intent) {
		return v, nil
	}
	if float64(scores[class]) < p.threshold(class) && slices.Max(scores) > scores[class] {
		v.set(p.unlikely, 1)
		v.metadata = p.metadata(w.v, intent, scores)
		v.reason = "the intent is unlikely after the last states, as learned from stories"
	}
	return v, nil
}

// asked is the intent of the latest message; ok is false if the domain does not have it, or an action ran since.
func (p *unexpected) asked(w *window) (intent string, ok bool) {
	for e := range w.t.AppliedBackward() {
		switch e := e.(type) {
		case *dialogue.ActionExecuted:
			return "", false
		case *dialogue.UserUttered:
			_, ok := w.v.domain.Intent(e.Parse.Intent.Name)
			return e.Parse.Intent.Name, ok
		}
	}
	return "", false
}

// metadata is what the prediction is accompanied by: the intent, and the ranking of all intents of the domain. Those that stories do
// not have come last, without a threshold.
func (p *unexpected) metadata(v *vocabulary, intent string, scores []float32) map[string]any {
	low := float64(slices.Min(scores)) - 1
	entry := func(name string) (map[string]any, float64) {
		class := slices.Index(p.intents, v.intents.find(name))
		if class < 0 {
			return map[string]any{"name": name, "score": low, "threshold": nil, "severity": nil}, low
		}
		score, threshold := float64(scores[class]), p.threshold(class)
		return map[string]any{"name": name, "score": score, "threshold": threshold, "severity": threshold - score}, score
	}
	type ranked struct {
		entry map[string]any
		score float64
	}
	all := make([]ranked, len(v.domain.Intents))
	for i := range v.domain.Intents {
		all[i].entry, all[i].score = entry(v.domain.Intents[i].Name)
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.score, a.score) })
	if n := p.settings.Learned.Ranking; n > 0 {
		all = all[:min(n, len(all))]
	}
	ranking := make([]any, len(all))
	for i := range all {
		ranking[i] = all[i].entry
	}
	query, _ := entry(intent)
	return map[string]any{"query_intent": query, "ranking": ranking}
}

func (p *unexpected) simple() bool { return true }

// savedUnexpected is an unexpected as it is stored.
type savedUnexpected struct {
	Scorer    savedScorer `json:"scorer"`
	Intents   []string    `json:"intents"`
	Quantiles [][]float64 `json:"thresholds"`
}

func (p *unexpected) encode(v *vocabulary) any {
	s := savedUnexpected{Scorer: p.scorer.encode(), Quantiles: p.quantiles}
	for _, id := range p.intents {
		s.Intents = append(s.Intents, v.intents.name(id))
	}
	return s
}

func decodeUnexpected(data []byte, v *vocabulary, s *settings) (trained, error) {
	var saved savedUnexpected
	scorer, err := decodeLearned(data, v, &saved, &saved.Scorer, false)
	if err != nil || scorer == nil {
		return nothing{}, err
	}
	p := &unexpected{settings: s, scorer: scorer, quantiles: saved.Quantiles, unlikely: v.domain.ActionIndex(dialogue.ActionUnlikelyIntent)}
	for i, name := range saved.Intents {
		id := v.intents.find(name)
		if id < firstWord || p.class(id) != int32(i) {
			return nil, fmt.Errorf("the intent %q is none", name)
		}
	}
	bad := func(q []float64) bool { return len(q) != quantileCount }
	if len(p.intents) != scorer.model.Classes() || len(p.quantiles) != len(p.intents) || slices.ContainsFunc(p.quantiles, bad) {
		return nil, errors.New("intents, thresholds and weights do not fit")
	}
	return p, nil
}
