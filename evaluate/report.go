package evaluate

import (
	"slices"
)

// Score is how well one label, or an average of labels, was predicted.
type Score struct {
	Precision, Recall, F1 float64
	Support               int // how often it is a target
}

// LabelScore is the score of a label.
type LabelScore struct {
	Label string
	Score
	// ConfusedWith are the labels that were predicted most often instead, most frequent first; nil: nobody asked.
	ConfusedWith []LabelCount
}

// LabelCount is how often a label occurred.
type LabelCount struct {
	Label string
	Count int
}

// Report is a classification report. Without targets it has no labels, and all its numbers are 0.
type Report struct {
	Labels                 []LabelScore // sorted by label
	Micro, Macro, Weighted Score
	Accuracy               float64
	// all says that every predicted label is also a target: then the micro average is the accuracy. It only moves keys of the JSON.
	all bool
}

// classify scores predictions against targets of the same length, as scikit-learn's classification_report does for the labels
// that occur as targets. A label to exclude has no row and does not count in the averages, but it does in the accuracy.
func classify(targets, predictions []string, exclude string) *Report {
	labels := slices.Compact(slices.Sorted(slices.Values(targets)))
	if exclude != "" {
		labels = slices.DeleteFunc(labels, func(l string) bool { return l == exclude })
	}
	r := &Report{all: true}
	if len(labels) == 0 {
		return r
	}
	hits, predicted, support := make([]int, len(labels)), make([]int, len(labels)), make([]int, len(labels))
	right := 0
	for i, target := range targets {
		at, isLabel := slices.BinarySearch(labels, target)
		if isLabel {
			support[at]++
		}
		if target == predictions[i] {
			right++
			if isLabel {
				hits[at]++
			}
		}
		if at, ok := slices.BinarySearch(labels, predictions[i]); ok {
			predicted[at]++
		} else {
			r.all = false
		}
		r.all = r.all && isLabel
	}
	r.Accuracy = float64(right) / float64(len(targets))
	allHits, allPredicted := 0, 0
	for i, label := range labels {
		s := score(hits[i], predicted[i], support[i])
		r.Labels = append(r.Labels, LabelScore{Label: label, Score: s})
		allHits += hits[i]
		allPredicted += predicted[i]
		r.Macro.add(s, 1)
		r.Weighted.add(s, s.Support)
	}
	total := r.Weighted.Support
	r.Micro = score(allHits, allPredicted, total)
	r.Macro.divide(len(labels))
	r.Weighted.divide(total)
	r.Macro.Support = total
	if r.all {
		r.Micro = Score{Precision: r.Accuracy, Recall: r.Accuracy, F1: r.Accuracy, Support: total}
	}
	return r
}

// score is the score of a label; a ratio without anything to divide by is 0.
func score(hits, predicted, support int) Score {
	s := Score{Support: support}
	if predicted > 0 {
		s.Precision = float64(hits) / float64(predicted)
	}
	if support > 0 {
		s.Recall = float64(hits) / float64(support)
	}
	if sum := s.Precision + s.Recall; sum > 0 {
		s.F1 = 2 * s.Precision * s.Recall / sum
	}
	return s
}

// add adds a score to a sum of them.
func (s *Score) add(o Score, weight int) {
	w := float64(weight)
	s.Precision += o.Precision * w
	s.Recall += o.Recall * w
	s.F1 += o.F1 * w
	s.Support += o.Support
}

// divide makes an average of a sum.
func (s *Score) divide(n int) {
	s.Precision /= float64(n)
	s.Recall /= float64(n)
	s.F1 /= float64(n)
}

// Confusion counts how often each label was predicted for each target.
type Confusion struct {
	Labels []string // sorted, those that were only predicted too
	Counts [][]int  // by target, then by prediction
}

// confuse counts predictions by target.
func confuse(targets, predictions []string) *Confusion {
	c := &Confusion{Labels: slices.Compact(slices.Sorted(slices.Values(slices.Concat(targets, predictions))))}
	c.Counts = make([][]int, len(c.Labels))
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(c.Labels))
	}
	for i, target := range targets {
		at, _ := slices.BinarySearch(c.Labels, target)
		as, _ := slices.BinarySearch(c.Labels, predictions[i])
		c.Counts[at][as]++
	}
	return c
}

// mostConfused is how many of a label's largest counts are looked at; that of the label itself is one of them as a rule.
const mostConfused = 3

// addConfused says in the report's rows what was predicted instead: of the largest counts of a label those of others. Of equal
// counts the later label comes first.
func (r *Report) addConfused(c *Confusion, exclude string) {
	for i := range r.Labels {
		row := &r.Labels[i]
		row.ConfusedWith = []LabelCount{}
		at, _ := slices.BinarySearch(c.Labels, row.Label)
		order := make([]int, len(c.Labels))
		for j := range order {
			order[j] = len(order) - 1 - j
		}
		slices.SortStableFunc(order, func(a, b int) int { return c.Counts[at][b] - c.Counts[at][a] })
		for _, j := range order[:min(mostConfused, len(order))] {
			if n := c.Counts[at][j]; j != at && n > 0 && (exclude == "" || c.Labels[j] != exclude) {
				row.ConfusedWith = append(row.ConfusedWith, LabelCount{c.Labels[j], n})
			}
		}
	}
}
