package evaluate

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var nearly = cmpopts.EquateApprox(1e-12, 0)

func split(s string) []string { return strings.Split(s, " ") }

func TestReportScoresTheLabelsThatAreTargets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		targets, predictions, exclude, want string
	}{
		"all right": {
			"a b a", "a b a", "",
			`{"a":{"precision":1.0,"recall":1.0,"f1-score":1.0,"support":2},"b":{"precision":1.0,"recall":1.0,"f1-score":1.0,"support":1},` +
				`"accuracy":1.0,"macro avg":{"precision":1.0,"recall":1.0,"f1-score":1.0,"support":3},` +
				`"weighted avg":{"precision":1.0,"recall":1.0,"f1-score":1.0,"support":3},"micro avg":{"precision":1.0,"recall":1.0,"f1-score":1.0,"support":3}}`,
		},
		"a label that is only predicted has no row, and the micro average is not the accuracy": {
			"a a b b", "a c b b", "",
			`{"a":{"precision":1.0,"recall":0.5,"f1-score":0.6666666666666666,"support":2},"b":{"precision":1.0,"recall":1.0,"f1-score":1.0,"support":2},` +
				`"micro avg":{"precision":1.0,"recall":0.75,"f1-score":0.8571428571428571,"support":4},` +
				`"macro avg":{"precision":1.0,"recall":0.75,"f1-score":0.8333333333333333,"support":4},` +
				`"weighted avg":{"precision":1.0,"recall":0.75,"f1-score":0.8333333333333333,"support":4},"accuracy":0.75}`,
		},
		"an excluded label counts in the accuracy only": {
			"x x x a", "x x a x", "x",
			`{"a":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":1},"micro avg":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":1},` +
				`"macro avg":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":1},` +
				`"weighted avg":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":1},"accuracy":0.5}`,
		},
		"nothing is right: the reference counts in floating point": {
			"a b", "b a", "",
			`{"a":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":1.0},"b":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":1.0},` +
				`"accuracy":0.0,"macro avg":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":2.0},` +
				`"weighted avg":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":2.0},"micro avg":{"precision":0.0,"recall":0.0,"f1-score":0.0,"support":2.0}}`,
		},
		"only excluded targets": {"x x", "x a", "x", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := string(appendValue(nil, classify(split(c.targets), split(c.predictions), c.exclude).object()))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReportOfNothingIsEmpty(t *testing.T) {
	t.Parallel()
	r := classify(nil, nil, "")
	if got := string(appendValue(nil, r.object())); got != "{}" {
		t.Errorf("got %s", got)
	}
	if r.Accuracy != 0 || r.Weighted != (Score{}) {
		t.Errorf("got %+v", r)
	}
}

func TestLabelsWithTheNameOfAnAverageDoNotSpoilTheReport(t *testing.T) {
	t.Parallel()
	got := string(appendValue(nil, classify(split("accuracy b"), split("accuracy b"), "").object()))
	if strings.Count(got, `"accuracy"`) != 1 {
		t.Errorf("accuracy is there more than once: %s", got)
	}
}

func TestConfusedWithNamesWhatWasPredictedInstead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		targets, predictions, exclude string
		want                          []LabelCount
	}{
		"never confused":                      {"a a", "a a", "", []LabelCount{}},
		"most frequent first":                 {"a a a a a a", "a a a b c c", "", []LabelCount{{"c", 2}, {"b", 1}}},
		"three of others when never right":    {"a a a a a a a", "b c c d d d e", "", []LabelCount{{"d", 3}, {"c", 2}, {"e", 1}}},
		"of equal counts the later label":     {"a a a a a", "b c d e a", "", []LabelCount{{"e", 1}, {"d", 1}, {"c", 1}}},
		"the excluded label is never named":   {"a a a x", "x x a x", "x", []LabelCount{}},
		"the empty prediction is a label too": {"a", "", "", []LabelCount{{"", 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			targets, predictions := split(c.targets), split(c.predictions)
			r := classify(targets, predictions, c.exclude)
			r.addConfused(confuse(targets, predictions), c.exclude)
			if diff := cmp.Diff(c.want, r.Labels[0].ConfusedWith); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConfusionCountsEveryPairOnce(t *testing.T) {
	t.Parallel()
	got := confuse(split("b a a c"), split("b a z a"))
	want := &Confusion{Labels: split("a b c z"), Counts: [][]int{{1, 0, 0, 1}, {0, 1, 0, 0}, {1, 0, 0, 0}, {0, 0, 0, 0}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzReport(f *testing.F) {
	f.Add("a b c", "a b a")
	f.Add("", "a")
	f.Fuzz(func(t *testing.T, targets, predictions string) {
		a, b := split(targets), split(predictions)
		n := min(len(a), len(b))
		r := classify(a[:n], b[:n], "x")
		c := confuse(a[:n], b[:n])
		r.addConfused(c, "x")
		sum := 0
		for _, row := range c.Counts {
			for _, count := range row {
				sum += count
			}
		}
		if sum != n {
			t.Errorf("%d pairs, %d counted", n, sum)
		}
		for _, s := range []Score{r.Micro, r.Macro, r.Weighted} {
			if s.Precision < 0 || s.Precision > 1+1e-9 || s.Recall < 0 || s.Recall > 1+1e-9 || s.F1 < 0 || s.F1 > 1+1e-9 {
				t.Errorf("out of bounds: %+v", s)
			}
		}
		if len(r.Labels) > 0 && (r.Weighted.Recall-r.Micro.Recall > 1e-9 || r.Micro.Recall-r.Weighted.Recall > 1e-9) {
			t.Errorf("the weighted recall is %v, the micro recall %v", r.Weighted.Recall, r.Micro.Recall)
		}
	})
}
