package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"parley/model"
	"parley/nlu"
	"parley/project"
)

// DefaultSeed is the seed of folds and splits when nobody asks for another.
const DefaultSeed = 42

// ErrTooFewExamples means that there are not enough examples to make folds of.
var ErrTooFewExamples = errors.New("there are too few examples")

// CrossOptions are the knobs of a cross-validation.
type CrossOptions struct {
	Folds int    // at least 2
	Seed  uint64 // 0: DefaultSeed
	// DropRare leaves out the intents with fewer examples than there are folds.
	DropRare bool
	// Progress, when set, is told which fold runs, from 1, and how far it is (0..1).
	Progress func(fold int, done float64)
	// Warn, when set, is told what a user should know.
	Warn func(message string)
}

// Metric is a number of each fold.
type Metric []float64

// FoldScores are the scores of each fold.
type FoldScores struct{ Accuracy, F1, Precision Metric }

// CrossResult is how well a configuration does on examples that it was not trained on.
type CrossResult struct {
	NLUResult // of all test folds together
	Seed      uint64
	// Train and Test are the scores of each fold for what it was trained on and for the rest.
	Train, Test FoldResults
}

// FoldResults are scores by fold. A part that was not scored in a fold has no number for it.
type FoldResults struct {
	Intents, Responses FoldScores
	Entities           map[string]*FoldScores // by extractor
}

// CrossValidate trains the pipeline of a project once for each fold of its examples, on the other folds, and scores it on the fold.
// Each fold has as many examples of each intent, response keys included, as the others, or one more.
func CrossValidate(ctx context.Context, p *project.Project, o CrossOptions) (*CrossResult, error) {
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	if o.Folds < 2 {
		return nil, fmt.Errorf("cross-validation needs at least 2 folds, not %d", o.Folds)
	}
	if o.Seed == 0 {
		o.Seed = DefaultSeed
	}
	var examples []nlu.Example
	for _, e := range p.NLU.Examples {
		if e.Intent != "" {
			examples = append(examples, e)
		}
	}
	if o.DropRare {
		examples = dropRare(examples, o.Folds, o.Warn)
	}
	folds, err := stratify(examples, o)
	if err != nil {
		return nil, err
	}
	r := &CrossResult{Seed: o.Seed}
	all := &observations{}
	for fold := range o.Folds {
		var train, test []nlu.Example
		for i := range examples {
			if folds[i] == fold {
				test = append(test, examples[i])
			} else {
				train = append(train, examples[i])
			}
		}
		data := p.NLU
		data.Examples = train
		m, err := model.Train(ctx, &project.Project{Config: p.Config, Domain: p.Domain, NLU: data}, model.Options{
			NLUOnly: true, Warn: o.Warn, Progress: foldProgress(o, fold),
		})
		if err != nil {
			return nil, fmt.Errorf("fold %d of %d: %w", fold+1, o.Folds, err)
		}
		seen, err := observe(ctx, m, train, NLUOptions{})
		if err != nil {
			return nil, fmt.Errorf("fold %d of %d: %w", fold+1, o.Folds, err)
		}
		unseen, err := observe(ctx, m, test, NLUOptions{})
		if err != nil {
			return nil, fmt.Errorf("fold %d of %d: %w", fold+1, o.Folds, err)
		}
		r.Train.add(seen.result())
		r.Test.add(unseen.result())
		all.intents = append(all.intents, unseen.intents...)
		all.responses = append(all.responses, unseen.responses...)
		all.entities = append(all.entities, unseen.entities...)
		if o.Progress != nil {
			o.Progress(fold+1, 1)
		}
	}
	r.NLUResult = *all.result()
	return r, nil
}

// foldProgress tells how far the training of a fold is: the components of a pipeline are trained one after another, so the
// share of the one that is furthest is not the whole; it moves the bar all the same.
func foldProgress(o CrossOptions, fold int) func(string, float64) {
	if o.Progress == nil {
		return nil
	}
	return func(_ string, done float64) { o.Progress(fold+1, 0.9*done) }
}

// dropRare leaves out the intents with fewer than n examples, and examples without an intent.
func dropRare(examples []nlu.Example, n int, warn func(string)) []nlu.Example {
	count := map[string]int{}
	for i := range examples {
		if name := examples[i].Intent; name != "" {
			count[name]++
		}
	}
	for _, intent := range sortedKeys(count) {
		if count[intent] < n {
			warn(fmt.Sprintf("the intent %q has fewer than %d examples: it is left out", intent, n))
		}
	}
	return slices.DeleteFunc(slices.Clone(examples), func(e nlu.Example) bool { return count[e.Intent] < n })
}

// fullIntentOf is the intent of an example with its response key.
func fullIntentOf(e *nlu.Example) string {
	if e.ResponseKey != "" {
		return e.ResponseKey
	}
	return e.Intent
}

// stratify gives each example a fold: the examples of each intent are dealt out as those of all intents in a row would be, and
// which of them goes where is drawn by lot.
func stratify(examples []nlu.Example, o CrossOptions) ([]int, error) {
	byIntent := map[string][]int{}
	for i := range examples {
		name := fullIntentOf(&examples[i])
		byIntent[name] = append(byIntent[name], i)
	}
	most := 0
	for _, members := range byIntent {
		most = max(most, len(members))
	}
	if most < o.Folds {
		return nil, fmt.Errorf("%w: no intent has %d of them, one for each fold", ErrTooFewExamples, o.Folds)
	}
	random := rand.New(rand.NewPCG(o.Seed, 0)) //nolint:gosec // folds are to be repeatable
	folds := make([]int, len(examples))
	next := 0
	for _, name := range sortedKeys(byIntent) {
		members := byIntent[name]
		if len(members) < o.Folds {
			o.Warn(fmt.Sprintf("the intent %q has only %d examples, less than one for each of %d folds", name, len(members), o.Folds))
		}
		dealt := make([]int, len(members))
		for i := range dealt {
			dealt[i] = next % o.Folds
			next++
		}
		random.Shuffle(len(dealt), func(i, j int) { dealt[i], dealt[j] = dealt[j], dealt[i] })
		for i, member := range members {
			folds[member] = dealt[i]
		}
	}
	return folds, nil
}

// Extractors are the names of the extractors that were scored, sorted.
func (f *FoldResults) Extractors() []string { return sortedKeys(f.Entities) }

// add notes the scores of one more fold.
func (f *FoldResults) add(r *NLUResult) {
	if r.Intents != nil {
		f.Intents.add(r.Intents.Report)
	}
	if r.Responses != nil {
		f.Responses.add(r.Responses.Report)
	}
	for i := range r.Entities {
		e := &r.Entities[i]
		if f.Entities == nil {
			f.Entities = map[string]*FoldScores{}
		}
		if f.Entities[e.Extractor] == nil {
			f.Entities[e.Extractor] = &FoldScores{}
		}
		f.Entities[e.Extractor].add(e.Report)
	}
}

func (s *FoldScores) add(r *Report) {
	s.Accuracy = append(s.Accuracy, r.Accuracy)
	s.F1 = append(s.F1, r.Weighted.F1)
	s.Precision = append(s.Precision, r.Weighted.Precision)
}
