package evaluate

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/model"
	"parley/project"
)

// storySteps reads stories for a model.
func storySteps(t *testing.T, m *model.Model, text string) []dialogue.StoryStep {
	t.Helper()
	steps, _, err := project.LoadTests([]string{writeFile(t, "test_stories.yml", "version: \"3.1\"\nstories:\n"+text)}, m.Domain)
	if err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		steps[i].File = "test_stories.yml"
	}
	return steps
}

func replayed(t *testing.T, text string, o StoryOptions) *StoryResult {
	t.Helper()
	m := trainBot(t, nil)
	r, err := Stories(t.Context(), m, storySteps(t, m, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var endToEnd = StoryOptions{EndToEnd: true}

func TestStoriesAreComparedActionByAction(t *testing.T) {
	t.Parallel()
	r := replayed(t, `
- story: polite
  steps:
  - intent: greet
  - action: utter_greet
- story: rude
  steps:
  - intent: greet
  - action: utter_city
`, StoryOptions{})
	want := []ActionResult{
		{"utter_greet", "utter_greet", "RulePolicy", 1},
		{"action_listen", "action_listen", "RulePolicy", 1},
		{"utter_city", "utter_greet", "RulePolicy", 1},
		{"action_listen", "action_default_fallback", "RulePolicy", 0.3},
	}
	if diff := cmp.Diff(want, r.Actions); diff != "" {
		t.Error(diff)
	}
	if r.Correct() != 1 || !r.Stories[1].Failed || r.Stories[0].Failed {
		t.Errorf("%d stories are correct", r.Correct())
	}
}

func TestFailedStoriesSayWhatWasPredicted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ story, want string }{
		"a wrong action, and the action_listen that is missing then": {
			"- story: s\n  steps:\n  - user: hello\n    intent: greet\n  - action: utter_city\n",
			"  - intent: greet\n  - action: utter_city  # predicted: utter_greet\n  - action: action_listen  # predicted: action_default_fallback\n",
		},
		"a wrong intent": {
			"- story: s\n  steps:\n  - user: hello\n    intent: stop\n  - action: action_default_fallback\n",
			"  - intent: stop  # predicted: greet: hello\n  - action: action_default_fallback\n  - action: action_listen  # predicted: action_default_fallback\n",
		},
		"a message that is not understood": {
			"- story: s\n  steps:\n  - user: to [Berlin](city)\n    intent: inform\n  - action: utter_city\n",
			"  - intent: inform  # predicted: None: to Berlin\n    entities: []\n  - slot_was_set:\n    - city: Berlin\n  - action: utter_city\n",
		},
		"another value": {
			"- story: s\n  steps:\n  - user: to Rome, [big apple](city)\n    intent: inform\n  - action: utter_city\n",
			"  - intent: inform  # predicted: inform: to [Rome](city), [big apple]{\"entity\": \"city\", \"value\": \"New York\"}\n    entities:\n    - city: big apple\n" +
				"  - slot_was_set:\n    - city: big apple\n  - action: utter_city\n",
		},
		"another entity at the same place": {
			"- story: s\n  steps:\n  - user: to [Rome](place)\n    intent: inform\n  - action: utter_city\n",
			"  - intent: inform  # predicted: inform: to [Rome](city)\n    entities:\n    - place: Rome  # predicted: city: Rome\n" +
				"  - action: utter_city  # predicted: action_default_fallback\n  - action: action_listen  # predicted: action_default_fallback\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := replayed(t, c.story, endToEnd)
			want := "version: \"3.1\"\nstories:\n- story: s (test_stories.yml)\n  steps:\n" + c.want
			if diff := cmp.Diff(want, string(r.Failed())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatHappensInAFormIsReplayedAsWritten(t *testing.T) {
	t.Parallel()
	const open = `
- story: s
  steps:
  - user: why
    intent: ask
  - action: trip_form
  - active_loop: trip_form
  - slot_was_set:
    - requested_slot: city
`
	for name, c := range map[string]struct {
		rest   string
		failed bool
	}{
		"the form goes on": {`
  - user: to [Rome](city)
    intent: inform
  - action: trip_form
  - active_loop: null
  - slot_was_set:
    - requested_slot: null
  - action: utter_done
`, false},
		"another action means that the form rejected the message": {`
  - user: hello
    intent: greet
  - action: utter_greet
  - action: trip_form
`, false},
		"another action that nothing predicts": {`
  - user: to [Rome](city)
    intent: inform
  - action: utter_answer
`, true},
		"the value of an entity, which the happy path of the form hides": {`
  - user: to Rome, [big apple](city)
    intent: inform
  - action: trip_form
  - active_loop: null
  - slot_was_set:
    - requested_slot: null
  - action: utter_done
`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := replayed(t, strings.TrimPrefix(open, "\n")+strings.TrimPrefix(c.rest, "\n"), endToEnd)
			if r.Stories[0].Failed != c.failed {
				t.Errorf("failed: %v\n%s", r.Stories[0].Failed, r.Failed())
			}
			if c.failed && !strings.Contains(string(r.Failed()), "# predicted") {
				t.Errorf("nothing says what is wrong:\n%s", r.Failed())
			}
		})
	}
}

// The file was recorded from the reference (3.6.21), with the words of this bot.
func TestStoriesAreWrittenWithTheTurnsOfAForm(t *testing.T) {
	t.Parallel()
	r := replayed(t, `- story: happy
  steps:
  - user: why
    intent: ask
  - action: trip_form
  - active_loop: trip_form
  - user: to [Rome](city)
    intent: inform
  - action: trip_form
  - slot_was_set:
    - requested_slot: null
  - active_loop: null
  - action: utter_done
`, endToEnd)
	const want = `version: "3.1"
stories:
- story: happy (test_stories.yml)
  steps:
  - intent: ask
  - action: trip_form
  - active_loop: trip_form
  - intent: inform
    entities:
    - city: Rome
  - slot_was_set:
    - city: Rome
  - action: trip_form
  - slot_was_set:
    - requested_slot: null
  - active_loop: null
  - action: utter_done
`
	if diff := cmp.Diff(want, string(r.Successful())); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, r.Failed())
	}
}

func TestTooManyActionsTripTheCircuitBreaker(t *testing.T) {
	t.Parallel()
	r := replayed(t, "- story: s\n  steps:\n  - intent: greet\n  - action: utter_greet\n  - action: utter_city\n", StoryOptions{MaxPredictions: 1})
	want := []ActionResult{
		{"utter_greet", "utter_greet", "RulePolicy", 1},
		{Action: "utter_city", Predicted: "circuit breaker tripped"},
		{Action: "action_listen", Predicted: "circuit breaker tripped"},
	}
	if diff := cmp.Diff(want, r.Actions); diff != "" {
		t.Error(diff)
	}
	if got := string(r.AppendJSON(nil)); !strings.Contains(got, `"predicted":"circuit breaker tripped","policy":null,"confidence":0.0`) {
		t.Errorf("got %s", got)
	}
}

func TestReportCountsActionsIntentsAndEntities(t *testing.T) {
	t.Parallel()
	r := replayed(t, `
- story: s
  steps:
  - user: to [Rome](city)
    intent: inform
  - action: utter_city
  - user: from Oslo
    intent: inform
  - action: utter_city
`, endToEnd)
	rows := map[string]int{}
	for _, l := range r.Report.Labels {
		rows[l.Label] = l.Support
	}
	want := map[string]int{"action_listen": 2, "utter_city": 2, "inform": 2, "[Rome](city)": 1, "None": 1}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"action_default_fallback", "action_listen", "utter_city"}, r.Confusion.Labels); diff != "" {
		t.Errorf("the confusion matrix is of actions: %s", diff)
	}
}

func TestEntitiesAreAlignedByTheirBounds(t *testing.T) {
	t.Parallel()
	spans := func(text string, list ...[2]int) (spans []spanned) {
		for _, s := range list {
			spans = append(spans, spanned{text, dialogue.Entity{Entity: "e", Value: string([]rune(text)[s[0]:s[1]]), Start: s[0], End: s[1]}})
		}
		return spans
	}
	for name, c := range map[string]struct {
		targets, found []spanned
		want           []pair
	}{
		"equal":            {spans("ab cd", [2]int{0, 2}), spans("ab cd", [2]int{0, 2}), []pair{{"[ab](e)", "[ab](e)"}}},
		"only the target":  {spans("ab cd", [2]int{3, 5}), nil, []pair{{"[cd](e)", "None"}}},
		"shorter at first": {spans("ab cd", [2]int{0, 5}), spans("ab cd", [2]int{0, 2}), []pair{{"None", "[ab](e)"}, {"[ab cd](e)", "None"}}},
		"text by text, sorted": {
			append(spans("z", [2]int{0, 1}), spans("äb", [2]int{1, 2})...), spans("z", [2]int{0, 1}),
			[]pair{{"[z](e)", "[z](e)"}, {"[b](e)", "None"}},
		},
	} {
		if diff := cmp.Diff(c.want, align(c.targets, c.found), cmp.AllowUnexported(pair{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestStrictEvaluationStopsAtTheFirstMistake(t *testing.T) {
	t.Parallel()
	m := trainBot(t, nil)
	for name, c := range map[string]struct{ story, want string }{
		"action":  {"- story: s\n  steps:\n  - intent: greet\n  - action: utter_city\n  - intent: greet\n  - action: utter_greet\n", "- action: utter_city  # predicted: utter_greet\n"},
		"message": {"- story: s\n  steps:\n  - user: hi\n    intent: stop\n  - action: utter_city\n", "- intent: stop  # predicted: greet: hi\n"},
	} {
		_, err := Stories(t.Context(), m, storySteps(t, m, c.story), StoryOptions{EndToEnd: true, FailOnErrors: true})
		var wrong *WrongPredictionError
		if !errors.As(err, &wrong) || !strings.HasSuffix(wrong.Story, c.want) || !strings.Contains(err.Error(), "- story: s\n") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStoriesAreNamedByTheirBlocks(t *testing.T) {
	t.Parallel()
	r := replayed(t, `
- story: first
  steps:
  - intent: greet
  - action: utter_greet
  - checkpoint: met
- story: second
  steps:
  - checkpoint: met
  - or:
    - intent: stop
    - intent: ask
  - action: utter_city
`, StoryOptions{})
	var names []string
	for _, s := range r.Stories {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"first > second", "first > second"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestNoMoreStoriesThanAskedFor(t *testing.T) {
	t.Parallel()
	const two = "- story: a\n  steps:\n  - intent: greet\n  - action: utter_greet\n- story: b\n  steps:\n  - intent: stop\n  - action: utter_greet\n"
	r := replayed(t, two, StoryOptions{MaxStories: 1})
	if len(r.Stories) != 1 || r.Stories[0].Name != "a" {
		t.Errorf("got %d stories", len(r.Stories))
	}
}

func TestEachStoryCountsThatSaysMoreThanAnother(t *testing.T) {
	t.Parallel()
	const begin, goOn = "  steps:\n  - intent: ask\n  - action: trip_form\n  - active_loop: trip_form\n", "  - intent: inform\n  - action: trip_form\n"
	const end = "  - active_loop: null\n  - action: utter_done\n"
	r := replayed(t, "- story: a\n"+begin+end+"- story: b\n"+begin+goOn+end+"- story: c\n"+begin+end, StoryOptions{})
	if len(r.Stories) != 2 || r.Stories[1].Name != "b" {
		t.Errorf("got %d stories, want two: the form that goes on is no repetition, the third one is", len(r.Stories))
	}
}

func TestNoStoriesGiveAnEmptyReport(t *testing.T) {
	t.Parallel()
	m := trainBot(t, nil)
	r, err := Stories(t.Context(), m, nil, endToEnd)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"report":{},"precision":0.0,"f1":0.0,"accuracy":0.0,"actions":[],"in_training_data_fraction":0,"is_end_to_end_evaluation":true}`
	if got := string(r.AppendJSON(nil)); got != want {
		t.Errorf("got %s", got)
	}
	if got := string(appendValue(nil, r.reportObject())); got != "{}" {
		t.Errorf("got %s", got)
	}
}

func TestRetrievalActionsAreComparedInFullOnlyWhenTheStoryDoes(t *testing.T) {
	t.Parallel()
	faq := map[string]string{
		"config.yml": `recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: LogisticRegressionClassifier
- name: ResponseSelector
policies:
- name: RulePolicy
`,
		"domain.yml": `version: "3.1"
intents: [faq, greet]
responses:
  utter_greet:
  - text: Hello
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
`,
		"data/rules.yml":   "version: \"3.1\"\nrules:\n- rule: faq\n  steps:\n  - intent: faq\n  - action: utter_faq\n",
		"data/stories.yml": "",
	}
	m := trainBot(t, faq)
	for name, c := range map[string]struct {
		intent, action string
		want           []string // predicted intent and action
	}{
		"base names":      {"faq", "utter_faq", []string{"faq", "utter_faq"}},
		"full names":      {"faq/open", "utter_faq/open", []string{"faq/open", "utter_faq/open"}},
		"a wrong key":     {"faq/where", "utter_faq", []string{"faq/open", "action_default_fallback"}}, // no policy knows the full name
		"another action":  {"faq", "utter_greet", []string{"faq", "utter_faq/open"}},
		"a wrong intent":  {"greet", "utter_faq", []string{"faq/open", "action_default_fallback"}},
		"an action's key": {"faq", "utter_faq/where", []string{"faq", "utter_faq/open"}},
	} {
		steps := storySteps(t, m, "- story: s\n  steps:\n  - user: when do you open\n    intent: "+c.intent+"\n  - action: "+c.action+"\n")
		r, err := Stories(t.Context(), m, steps, endToEnd)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, []string{r.Stories[0].intents[0].predicted, r.Stories[0].actions[0].predicted}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
