package nlu

import (
	"context"
	"slices"

	"parley/dialogue"
)

// fallbackIntent is the intent of a message that nobody understood.
const fallbackIntent = "nlu_fallback"

// fallbackClassifier answers nlu_fallback when the best intent is not sure enough, or hardly surer than the next.
type fallbackClassifier struct {
	threshold, ambiguity float64
}

func newFallbackClassifier(o *options) component {
	return &fallbackClassifier{threshold: o.number("threshold", 0.3), ambiguity: o.number("ambiguity_threshold", 0.1)}
}

func (f *fallbackClassifier) process(_ context.Context, m *message) error {
	ambiguous := len(m.ranking) >= 2 && m.ranking[0].Confidence-m.ranking[1].Confidence < f.ambiguity
	if m.intent.Confidence >= f.threshold && !ambiguous {
		return nil
	}
	m.intent = dialogue.Intent{Name: fallbackIntent, Confidence: f.threshold}
	// The ranking is part of the answer only if a classifier gave one.
	m.ranking = slices.Insert(m.ranking, 0, m.intent)
	return nil
}
