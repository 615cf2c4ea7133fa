package evaluate

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/nlu"
	"parley/project"
)

// examples reads NLU examples.
func examples(t *testing.T, text string) *nlu.TrainingData {
	t.Helper()
	p, err := project.Load(project.Paths{Data: []string{writeFile(t, "nlu.yml", "version: \"3.1\"\nnlu:\n"+text)}})
	if err != nil {
		t.Fatal(err)
	}
	return &p.NLU
}

func evaluateNLU(t *testing.T, text string) *NLUResult {
	t.Helper()
	r, err := NLU(t.Context(), trainBot(t, nil), examples(t, text), NLUOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestIntentsAreComparedExampleByExample(t *testing.T) {
	t.Parallel()
	r := evaluateNLU(t, `- intent: greet
  examples: |
    - hello you
    - good day
- intent: ask
  examples: |
    - why hi
`)
	want := []Prediction{
		{"hello you", "greet", "greet", 1}, {"good day", "greet", "", 0}, {"why hi", "ask", "greet", 1},
	}
	if diff := cmp.Diff(want, r.Intents.Predictions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[1:], r.Intents.Errors()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:1], r.Intents.Successes()); diff != "" {
		t.Error(diff)
	}
	if r.Entities != nil || r.Responses != nil {
		t.Errorf("nothing asks for entities and responses: %+v", r)
	}
}

func TestOneIntentAsksForNothing(t *testing.T) {
	t.Parallel()
	r := evaluateNLU(t, "- intent: greet\n  examples: |\n    - hello\n    - hi\n")
	const want = `{"intent_evaluation":null,"entity_evaluation":null,"response_selection_evaluation":null}`
	if got := string(r.AppendJSON(nil)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestEntitiesAreComparedByToken(t *testing.T) {
	t.Parallel()
	r := evaluateNLU(t, `- intent: inform
  examples: |
    - from [Oslo]{"entity": "city", "role": "from"} to [Rome](city)
    - the [big apple](city:New York)
    - to [Berlin](city)
`)
	if len(r.Entities) != 1 || r.Entities[0].Extractor != "RegexEntityExtractor" {
		t.Fatalf("got %+v", r.Entities)
	}
	e := r.Entities[0]
	rows := map[string]Score{}
	for _, l := range e.Report.Labels {
		rows[l.Label] = l.Score
	}
	want := map[string]Score{"city": score(3, 4, 4), "city.from": score(0, 0, 1)}
	if diff := cmp.Diff(want, rows, nearly); diff != "" {
		t.Error(diff)
	}
	if e.Report.Accuracy != 7.0/9 {
		t.Errorf("accuracy %v, want 7 of 9 tokens", e.Report.Accuracy)
	}
	texts := func(list []EntityPrediction) (texts []string) {
		for _, p := range list {
			texts = append(texts, p.Text)
		}
		return texts
	}
	if diff := cmp.Diff([]string{"from Oslo to Rome", "to Berlin"}, texts(e.Errors)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"from Oslo to Rome", "the big apple"}, texts(e.Successes)); diff != "" {
		t.Error(diff)
	}
	if e.Correct != nil || e.Wrong != nil {
		t.Errorf("the extractor tells no confidences: %v, %v", e.Correct, e.Wrong)
	}
}

func TestLabelOfATokenHasGroupAndRole(t *testing.T) {
	t.Parallel()
	half, quarter := 0.5, 0.25
	for _, c := range []struct {
		entity *dialogue.Entity
		label  string
		sure   float64
	}{
		{nil, "no_entity", 0},
		{&dialogue.Entity{Entity: "city"}, "city", 1},
		{&dialogue.Entity{Entity: "city", Role: "from", Confidence: &half}, "city.from", 0.5},
		{&dialogue.Entity{Entity: "city", Group: "1", Role: "from", Confidence: &half, RoleConfidence: &quarter}, "city.1.from", 0.25},
	} {
		if got := label(c.entity); got != c.label {
			t.Errorf("got %q, want %q", got, c.label)
		}
		if c.entity != nil && leastSure(c.entity) != c.sure {
			t.Errorf("%s: sure %v, want %v", c.label, leastSure(c.entity), c.sure)
		}
	}
}

func TestATokenBelongsToTheEntityThatSharesMost(t *testing.T) {
	t.Parallel()
	at := func(token [2]int, list ...dialogue.Entity) string { return label(at(token, list)) }
	a, b, c := dialogue.Entity{Entity: "a", Start: 0, End: 4}, dialogue.Entity{Entity: "b", Start: 4, End: 9}, dialogue.Entity{Entity: "c", Start: 2, End: 12}
	for _, x := range []struct{ got, want string }{
		{at([2]int{0, 4}, a, b), "a"},
		{at([2]int{3, 9}, a, b), "b"},
		{at([2]int{9, 12}, a, b), "no_entity"},
		{at([2]int{2, 4}, a, c), "c"}, // both cover it: the longer one
		{at([2]int{2, 4}, c, a), "c"},
	} {
		if x.got != x.want {
			t.Errorf("got %s, want %s", x.got, x.want)
		}
	}
}

func TestDucklingIsNotScored(t *testing.T) {
	t.Parallel()
	got := learnt([]dialogue.Entity{{Entity: "time", Extractor: "DucklingEntityExtractor"}, {Entity: "city", Extractor: "X"}})
	if len(got) != 1 || got[0].Entity != "city" {
		t.Errorf("got %+v", got)
	}
}

func TestAFallbackDoesNotHideTheIntent(t *testing.T) {
	t.Parallel()
	r, err := NLU(t.Context(), trainBot(t, map[string]string{"config.yml": `recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- name: FallbackClassifier
  threshold: 0.99
policies: []
`}), examples(t, "- intent: greet\n  examples: |\n    - hello\n- intent: ask\n  examples: |\n    - why\n"), NLUOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Intents.Predictions {
		if p.Predicted != p.Target {
			t.Errorf("%q: got %q with %v", p.Text, p.Predicted, p.Confidence)
		}
	}
}

func TestResponsesAreComparedByTheirKeys(t *testing.T) {
	t.Parallel()
	faq := map[string]string{
		"config.yml": `recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- name: ResponseSelector
policies: []
`,
		"domain.yml": `version: "3.1"
intents: [faq, greet]
responses:
  utter_faq/open:
  - text: Nine to five
  utter_faq/where:
  - text: In the old town
`,
		"data/nlu.yml": `version: "3.1"
nlu:
- intent: faq/open
  examples: |
    - when do you open
    - opening hours
- intent: faq/where
  examples: |
    - where are you
    - your address
- intent: greet
  examples: |
    - hello
    - hi
`, "data/rules.yml": "", "data/stories.yml": "",
	}
	p := loadBot(t, faq)
	r, err := NLU(t.Context(), trainBot(t, faq), &p.NLU, NLUOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Responses.Predictions) != 4 {
		t.Fatalf("got %+v, want the four examples with a key", r.Responses.Predictions)
	}
	for _, p := range r.Responses.Predictions {
		if p.Predicted != p.Target || p.Confidence <= 0 || p.Confidence > 1 {
			t.Errorf("got %+v", p)
		}
	}
}

func TestProgressCountsEveryExample(t *testing.T) {
	t.Parallel()
	var most, calls atomic.Int64
	_, err := NLU(t.Context(), trainBot(t, nil), examples(t, "- intent: greet\n  examples: |\n    - a\n    - b\n    - c\n"), NLUOptions{
		Progress: func(done, total int) {
			calls.Add(1)
			most.Store(max(most.Load(), int64(done)))
			if total != 3 {
				t.Errorf("total %d", total)
			}
		},
	})
	if err != nil || calls.Load() != 3 || most.Load() != 3 {
		t.Errorf("%d calls, up to %d, error %v", calls.Load(), most.Load(), err)
	}
}

func TestAnEvaluationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := NLU(ctx, trainBot(t, nil), examples(t, "- intent: greet\n  examples: |\n    - a\n"), NLUOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAModelWithoutNLUUnderstandsShortcuts(t *testing.T) {
	t.Parallel()
	m := trainBot(t, nil)
	m.NLU = nil
	for text, want := range map[string]string{"/greet": "greet", "hello": "", "/unknown": ""} {
		p, err := understand(t.Context(), m, text)
		if err != nil || p.Intent.Name != want {
			t.Errorf("%s: got %q and %v, want %q", text, p.Intent.Name, err, want)
		}
	}
}
