package nlu

import (
	"context"
	"slices"

	"parley/learn"
)

// logisticClassifier finds intents; the same learner as in DIETClassifier does the work.
type logisticClassifier struct {
	rankingLength int
	seed          uint64
	before        []component
	learner       *intentLearner
}

func newLogisticRegressionClassifier(o *options) component {
	l := &logisticClassifier{rankingLength: o.integer("ranking_length", 10), seed: uint64(o.integer("random_state", 42))}
	if l.rankingLength < 0 {
		o.fail("ranking_length", "must not be negative")
		l.rankingLength = 10
	}
	o.integer("max_iter", 100)
	o.text("solver", "lbfgs")
	o.number("tol", 1e-4)
	return l
}

func (l *logisticClassifier) bind(before []component) { l.before = slices.Clone(before) }

func (l *logisticClassifier) train(ctx context.Context, t *training) error {
	examples := t.intentExamples()
	var report *learn.Report
	var err error
	l.learner, report, err = trainIntents(ctx, sources(l.before, nil), examples,
		learn.LinearOptions{Seed: l.seed, OneFold: 4000, Progress: t.progress("LogisticRegressionClassifier")})
	if err == nil && l.learner == nil {
		t.warn("LogisticRegressionClassifier: fewer than two intents have examples, so there is nothing to tell apart; it stays untrained")
	}
	if l.learner != nil {
		t.judge("LogisticRegressionClassifier", examples, l.learner, report)
	}
	return err
}

func (l *logisticClassifier) process(_ context.Context, m *message) error {
	classify(m, l.learner, l.rankingLength, false)
	return nil
}

func (l *logisticClassifier) save(w *learn.FileWriter) error {
	if l.learner == nil {
		return nil
	}
	return l.learner.put(w)
}

func (l *logisticClassifier) load(f *learn.File) (err error) {
	l.learner, err = intentLearnerFrom(f, l.before)
	return err
}
