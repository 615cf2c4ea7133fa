package evaluate

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestUnlikelyIntentsAreWarnings(t *testing.T) {
	t.Parallel()
	tracker := dialogue.NewTracker("s", trainBot(t, nil).Domain)
	hi := "hi"
	unlikely, greet := &dialogue.ActionExecuted{Name: dialogue.ActionUnlikelyIntent}, &dialogue.ActionExecuted{Name: "utter_greet"}
	tracker.Append(&dialogue.ActionExecuted{Name: dialogue.ActionListen},
		&dialogue.UserUttered{Text: &hi, Parse: dialogue.Parse{Intent: dialogue.Intent{Name: "greet"}}}, unlikely, greet)
	notes := map[dialogue.Event]*note{unlikely: {unlikely: true}, greet: {comment: "predicted: action_unlikely_intent"}}
	r := &StoryResult{Stories: []Story{
		{Name: "mild", Warned: true, severity: 0.1, tracker: tracker, notes: notes},
		{Name: "fine", tracker: dialogue.NewTracker("", nil)},
		{Name: "odd", File: "f.yml", Warned: true, severity: 0.7, tracker: tracker, notes: notes},
	}}
	const steps = "  steps:\n  - intent: greet\n  - action: utter_greet  # predicted: action_unlikely_intent\n"
	want := "version: \"3.1\"\nstories:\n- story: odd (f.yml)\n" + steps + "- story: mild\n" + steps
	if diff := cmp.Diff(want, string(r.Warnings())); diff != "" {
		t.Error(diff)
	}
	if r.Warned() != 2 || r.Correct() != 3 {
		t.Errorf("%d warned, %d correct", r.Warned(), r.Correct())
	}
}

// What the files look like was compared with those of the reference (3.6.21), in which a policy was made to find intents unlikely.
func TestUnlikelyIntentsOfAModel(t *testing.T) {
	t.Parallel()
	const stories = `- story: answer
  steps: [{intent: greet}, {action: utter_greet}, {intent: ask}, {action: utter_answer}]
- story: stop
  steps: [{intent: greet}, {action: utter_greet}, {intent: ask}, {action: utter_answer}, {intent: stop}, {action: utter_done}]
`
	m := trainBot(t, map[string]string{
		"config.yml": `recipe: default.v1
language: en
assistant_id: travel
pipeline: []
policies:
- {name: MemoizationPolicy, max_history: 5}
- {name: RulePolicy}
- {name: UnexpecTEDIntentPolicy, max_history: 5}
- {name: TEDPolicy, max_history: 5}
`,
		"data/rules.yml": "version: \"3.1\"\nrules: []\n", "data/stories.yml": "version: \"3.1\"\nstories:\n" + stories,
	})
	r, err := Stories(t.Context(), m, storySteps(t, m, stories+`- story: unlikely
  steps: [{intent: greet}, {action: utter_greet}, {intent: stop}, {action: utter_answer}]
- story: unlikely, and wrong
  steps: [{intent: greet}, {action: utter_greet}, {intent: stop}, {action: utter_city}]
- story: unlikely, as the story says
  steps: [{intent: greet}, {action: utter_greet}, {intent: stop}, {action: action_unlikely_intent}, {action: utter_answer}]
- story: likely, and not as the story says
  steps: [{intent: greet}, {action: action_unlikely_intent}]
`), StoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const begin = "version: \"3.1\"\nstories:\n- story: unlikely%s (test_stories.yml)\n  steps:\n  - intent: greet\n  - action: utter_greet\n  - intent: stop\n"
	if diff := cmp.Diff(fmt.Sprintf(begin, "")+"  - action: utter_answer  # predicted: action_unlikely_intent\n", string(r.Warnings())); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fmt.Sprintf(begin, ", and wrong")+"  - action: utter_city  # predicted: utter_answer after action_unlikely_intent\n"+
		"- story: likely, and not as the story says (test_stories.yml)\n  steps:\n  - intent: greet\n  - action: action_unlikely_intent  # predicted: utter_greet\n"+
		"  - action: action_listen  # predicted: utter_greet\n", string(r.Failed())); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	if r.Correct() != 4 || r.Warned() != 1 {
		t.Errorf("%d correct, %d warned", r.Correct(), r.Warned())
	}
}
