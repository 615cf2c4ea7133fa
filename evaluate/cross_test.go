package evaluate

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/nlu"
)

func manyExamples(counts map[string]int) (examples []nlu.Example) {
	for _, intent := range sortedKeys(counts) {
		for i := range counts[intent] {
			base, _, isFull := strings.Cut(intent, "/")
			e := nlu.Example{Text: fmt.Sprintf("%s %d", intent, i), Intent: base}
			if isFull {
				e.ResponseKey = intent
			}
			examples = append(examples, e)
		}
	}
	return examples
}

func TestFoldsHaveAsManyExamplesOfEachIntent(t *testing.T) {
	t.Parallel()
	examples := manyExamples(map[string]int{"a": 7, "b": 10, "faq/x": 5, "faq/y": 3})
	folds, err := stratify(examples, CrossOptions{Folds: 5, Seed: 1, Warn: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	count, size := map[string][]int{}, make([]int, 5)
	for i := range examples {
		name := fullIntentOf(&examples[i])
		if count[name] == nil {
			count[name] = make([]int, 5)
		}
		count[name][folds[i]]++
		size[folds[i]]++
	}
	for name, of := range count {
		least, most := of[0], of[0]
		for _, n := range of {
			least, most = min(least, n), max(most, n)
		}
		if most-least > 1 {
			t.Errorf("%s is spread as %v", name, of)
		}
	}
	if diff := cmp.Diff([]int{5, 5, 5, 5, 5}, size); diff != "" {
		t.Errorf("the folds have different sizes: %s", diff)
	}
}

func TestFoldsNeedAnIntentWithEnoughExamples(t *testing.T) {
	t.Parallel()
	_, err := stratify(manyExamples(map[string]int{"a": 2, "b": 1}), CrossOptions{Folds: 3, Warn: func(string) {}})
	if !errors.Is(err, ErrTooFewExamples) {
		t.Errorf("got %v", err)
	}
	var warned []string
	_, err = stratify(manyExamples(map[string]int{"a": 3, "b": 1}), CrossOptions{Folds: 3, Warn: func(m string) { warned = append(warned, m) }})
	if err != nil || len(warned) != 1 || !strings.Contains(warned[0], `"b"`) {
		t.Errorf("got %v and warnings %q", err, warned)
	}
}

func TestRareIntentsAreLeftOut(t *testing.T) {
	t.Parallel()
	var warned []string
	got := dropRare(append(manyExamples(map[string]int{"a": 3, "b": 1, "faq/x": 1, "faq/y": 2}), nlu.Example{Text: "none"}), 2,
		func(m string) { warned = append(warned, m) })
	if len(got) != 6 || len(warned) != 1 || !strings.Contains(warned[0], `"b"`) {
		t.Errorf("got %d examples and warnings %q", len(got), warned)
	}
}

func TestCrossValidationIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	p := loadBot(t, map[string]string{"data/nlu.yml": `version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hi
    - hello you
    - hi there
- intent: inform
  examples: |
    - to [Rome](city)
    - from [Oslo](city)
    - now to [Rome](city)
    - and from [Oslo](city)
- intent: rare
  examples: |
    - seldom
- lookup: city
  examples: |
    - Rome
    - Oslo
`})
	run := func(seed uint64) (*CrossResult, []int) {
		var folds []int
		r, err := CrossValidate(t.Context(), p, CrossOptions{Folds: 2, Seed: seed, DropRare: true, Progress: func(fold int, done float64) {
			if done == 1 {
				folds = append(folds, fold)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		return r, folds
	}
	r, folds := run(7)
	again, _ := run(7)
	if diff := cmp.Diff(string(r.AppendJSON(nil)), string(again.AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 2}, folds); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	if len(r.Intents.Predictions) != 8 || len(r.Train.Intents.F1) != 2 || len(r.Test.Entities["RegexEntityExtractor"].Accuracy) != 2 {
		t.Errorf("got %+v", r)
	}
	if byDefault, _ := run(0); byDefault.Seed != DefaultSeed {
		t.Errorf("the seed is %d", byDefault.Seed)
	}
}

func TestCrossValidationAnswersInItsOwnShape(t *testing.T) {
	t.Parallel()
	r := &CrossResult{}
	const want = `{"intent_evaluation":{"report":{},"precision":null,"f1_score":null,"errors":[]},` +
		`"entity_evaluation":{"report":{},"precision":null,"f1_score":null,"errors":[]},` +
		`"response_selection_evaluation":{"report":{},"precision":null,"f1_score":null,"errors":[]}}`
	if got := string(r.AppendJSON(nil)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestMeanAndDeviationOfFolds(t *testing.T) {
	t.Parallel()
	m := Metric{1, 0.5, 0}
	if m.Mean() != 0.5 || m.Deviation() < 0.408 || m.Deviation() > 0.409 {
		t.Errorf("got %v (%v)", m.Mean(), m.Deviation())
	}
	if none := Metric(nil); none.Mean() != 0 || none.Deviation() != 0 {
		t.Errorf("got %v (%v) of nothing", none.Mean(), none.Deviation())
	}
}
