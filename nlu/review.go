package nlu

import (
	"cmp"
	"slices"
)

// Review tells how an intent classifier fared on examples that it was not trained on, each judged by a classifier trained on the
// others.
type Review struct {
	Component string
	Examples  int // that were judged: intents with fewer than three are not, and of large data only a part is
	Right     int
	// Fallback is how many of the examples FallbackClassifier would refuse; -1: there is none in the pipeline.
	Fallback int
	// Confused are the intents that were taken for another most often, at most ten pairs.
	Confused []Confusion
	// Suspects are the examples that the others speak against most: perhaps they have the wrong intent. There are at most ten.
	Suspects []Suspect
}

// Accuracy is the share of the examples whose intent was found.
func (r *Review) Accuracy() float64 { return float64(r.Right) / float64(max(r.Examples, 1)) }

// Confusion is how often an intent was taken for another.
type Confusion struct {
	Intent, Predicted string
	Count             int
}

// Suspect is an example that looks like one of another intent.
type Suspect struct {
	Example    *Example
	Predicted  string
	Confidence float64
}

// suspicious is the confidence in another intent from which an example is suspect.
const suspicious = 0.8

// mostReviewed is the length of the lists.
const mostReviewed = 10

// finish orders and cuts the lists.
func (r *Review) finish(confused map[[2]string]int) {
	for pair, n := range confused {
		if n > 1 {
			r.Confused = append(r.Confused, Confusion{pair[0], pair[1], n})
		}
	}
	slices.SortFunc(r.Confused, func(a, b Confusion) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Intent, b.Intent), cmp.Compare(a.Predicted, b.Predicted))
	})
	r.Confused = r.Confused[:min(len(r.Confused), mostReviewed)]
	slices.SortStableFunc(r.Suspects, func(a, b Suspect) int { return cmp.Compare(b.Confidence, a.Confidence) })
	r.Suspects = r.Suspects[:min(len(r.Suspects), mostReviewed)]
}

// fallBack counts what the last FallbackClassifier of a pipeline would refuse.
func (r *Review) fallBack(components []component, verdicts []verdict) {
	r.Fallback = -1
	for _, c := range components {
		f, ok := c.(*fallbackClassifier)
		if !ok {
			continue
		}
		r.Fallback = 0
		for _, v := range verdicts {
			if f.refuses(float64(v.first), float64(v.second)) {
				r.Fallback++
			}
		}
	}
}
