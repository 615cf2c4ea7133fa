package nlu

import (
	"fmt"
	"testing"
)

func TestReviewFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	var data TrainingData
	drink := []string{"tea", "coffee", "water", "juice", "milk", "lemonade", "cocoa", "cider"}
	city := []string{"oslo", "rome", "paris", "london", "berlin", "madrid", "vienna", "prague"}
	for i := range drink {
		data.Examples = append(data.Examples,
			Example{Text: "please bring me a cup of " + drink[i], Intent: "order", File: "nlu.yml", Line: i},
			Example{Text: "bring me " + drink[i] + " please", Intent: "order"},
			Example{Text: "how do I travel to " + city[i], Intent: "travel"},
			Example{Text: "which train goes to " + city[i], Intent: "travel"},
			Example{Text: fmt.Sprintf("good bye and see you %d", i), Intent: "bye"},
			Example{Text: "bye bye " + city[i], Intent: "bye"},
		)
	}
	data.Examples = append(data.Examples, Example{Text: "please bring me a cup of hot tea", Intent: "travel", File: "nlu.yml", Line: 99})
	var reviews []*Review
	opts := TrainOptions{Review: func(r *Review) { reviews = append(reviews, r) }}
	if _, err := Train(t.Context(), DefaultPipeline(), &data, opts); err != nil {
		t.Fatal(err)
	}
	if len(reviews) != 1 {
		t.Fatalf("%d reviews, want one", len(reviews))
	}
	r := reviews[0]
	if r.Component != "DIETClassifier" || r.Examples != len(data.Examples) || r.Accuracy() < 0.9 || r.Right == r.Examples || r.Fallback < 0 {
		t.Errorf("review %+v", r)
	}
	if len(r.Suspects) == 0 || r.Suspects[0].Example.Line != 99 || r.Suspects[0].Predicted != "order" {
		t.Errorf("suspects %+v", r.Suspects)
	}
	if _, err := Train(t.Context(), DefaultPipeline()[:6], &data, opts); err != nil {
		t.Fatal(err)
	}
	if got := reviews[1].Fallback; got != -1 {
		t.Errorf("without FallbackClassifier: %d would fall back", got)
	}
}

func TestReviewOrdersAndCuts(t *testing.T) {
	t.Parallel()
	confused := map[[2]string]int{{"once", "x"}: 1}
	for i := range 20 {
		confused[[2]string{fmt.Sprint("intent", i), "other"}] = 2 + i
	}
	r := &Review{}
	r.finish(confused)
	if len(r.Confused) != mostReviewed || r.Confused[0] != (Confusion{"intent19", "other", 21}) {
		t.Errorf("got %+v", r.Confused)
	}
}
