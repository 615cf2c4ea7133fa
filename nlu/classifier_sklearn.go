package nlu

import (
	"context"
	"math"
	"slices"

	"parley/learn"
)

// sklearnClassifier finds intents by a support vector machine whose cost of errors is chosen on folds. Rasa's works on dense
// features; this one reads whatever featurizers there are.
type sklearnClassifier struct {
	costs   []float64
	folds   int
	before  []component
	learner *intentLearner
}

func newSklearnIntentClassifier(o *options) component {
	s := &sklearnClassifier{costs: o.numbers("C", 1, 2, 5, 10, 20, 100), folds: o.integer("max_cross_validation_folds", 5)}
	for _, c := range s.costs {
		if c <= 0 {
			o.fail("C", "must be positive")
		}
	}
	if s.folds < 2 {
		o.fail("max_cross_validation_folds", "must be at least 2")
	}
	o.numbers("gamma", 0.1)
	o.texts("kernels")
	o.text("scoring_function", "f1_weighted")
	o.integer("num_threads", 1)
	return s
}

// numbers reads a list of numbers; a single number is a list of one.
func (o *options) numbers(name string, def ...float64) []float64 {
	v, ok := o.value(name)
	if !ok {
		return def
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]float64, 0, len(list))
	for _, e := range list {
		f, ok := toNumber(e)
		if !ok {
			o.fail(name, "must be a list of numbers, but holds %s", describe(e))
			return def
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		o.fail(name, "must not be empty")
		return def
	}
	return out
}

func (s *sklearnClassifier) bind(before []component) { s.before = slices.Clone(before) }

func (s *sklearnClassifier) train(ctx context.Context, t *training) error {
	examples := t.intentExamples()
	counts := map[string]int{}
	for _, e := range examples {
		counts[e.label]++
	}
	smallest := len(examples)
	for _, n := range counts {
		smallest = min(smallest, n)
	}
	tell := t.progress("SklearnIntentClassifier")
	best := math.Inf(-1)
	for i, c := range s.costs {
		opts := learn.LinearOptions{C: c, Margin: true, Seed: 42, Folds: max(2, min(s.folds, smallest/5))}
		if tell != nil {
			opts.Progress = func(done float64) { tell((float64(i) + done) / float64(len(s.costs))) }
		}
		l, report, err := trainIntents(ctx, sources(s.before, nil), examples, opts)
		if err != nil {
			return err
		}
		if l == nil {
			t.warn("SklearnIntentClassifier: fewer than two intents have examples, so there is nothing to tell apart; it stays untrained")
			return nil
		}
		if report.Accuracy > best {
			best, s.learner = report.Accuracy, l
			t.judge("SklearnIntentClassifier", examples, l, report)
		}
	}
	return nil
}

func (s *sklearnClassifier) process(_ context.Context, m *message) error {
	classify(m, s.learner, 10, false)
	return nil
}

func (s *sklearnClassifier) save(w *learn.FileWriter) error {
	if s.learner == nil {
		return nil
	}
	return s.learner.put(w)
}

func (s *sklearnClassifier) load(f *learn.File) (err error) {
	s.learner, err = intentLearnerFrom(f, s.before)
	return err
}
