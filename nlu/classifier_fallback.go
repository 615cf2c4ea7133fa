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

// train says how many right answers the thresholds refuse, when these are many. Confidences here are as likely to be
// right as they say; thresholds that were made for a network that is always sure may be too high.
func (f *fallbackClassifier) train(_ context.Context, t *training) error { //nolint:unparam // as the interface wants it
	refused := func(threshold float64) (share float64) {
		right, lost := 0, 0
		for _, v := range t.verdicts {
			if v.right {
				right++
				if float64(v.first) < threshold || float64(v.first-v.second) < f.ambiguity {
					lost++
				}
			}
		}
		if right < 20 { // too few to say anything
			return 0
		}
		return float64(lost) / float64(right)
	}
	const much = 0.1
	if share := refused(f.threshold); share > much {
		better := f.threshold
		for better > 0.3 && refused(better) > much/2 {
			better -= 0.05
		}
		t.warn("FallbackClassifier: with the threshold %.2f about %.0f %% of the messages that are understood rightly fall back; with %.2f it would be about %.0f %%",
			f.threshold, 100*share, better, 100*refused(better))
	}
	return nil
}

// refuses reports whether an answer with the two best confidences counts as not understood.
func (f *fallbackClassifier) refuses(first, second float64) bool {
	return first < f.threshold || first-second < f.ambiguity
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
