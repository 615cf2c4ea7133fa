package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/policy"
)

func TestConflicts(t *testing.T) {
	t.Parallel()
	d := dialogue.Domain{
		Intents: []dialogue.IntentSpec{{Name: "bye"}, {Name: "greet"}},
		Actions: append(append([]string{}, dialogue.DefaultActions...), "utter_bye", "utter_greet"),
	}
	said := func(intent string) dialogue.Event {
		return &dialogue.UserUttered{Parse: dialogue.Parse{Intent: dialogue.Intent{Name: intent, Confidence: 1}}}
	}
	text := "good evening"
	did := func(action string) dialogue.Event { return &dialogue.ActionExecuted{Name: action} }
	start := []dialogue.Checkpoint{{Name: dialogue.StoryStart}}
	story := func(name string, line int, events ...dialogue.Event) dialogue.StoryStep {
		return dialogue.StoryStep{Name: name, File: "stories.yml", Line: line, Start: start, Events: events}
	}
	x := story("x", 2, said("greet"), did("utter_greet"))
	y := story("y", 8, said("greet"), did("utter_bye"))
	z := story("z", 14, said("bye"), did("utter_bye"), said("greet"), did("utter_bye"))
	typed := story("typed", 26, &dialogue.UserUttered{
		Text: &text, Parse: dialogue.Parse{Text: &text, Intent: dialogue.Intent{Name: "greet", Confidence: 1}},
	}, did("utter_bye"))
	rule := story("r", 20, said("greet"), did("utter_bye"))
	rule.Rule = true
	both := []policy.Conflict{{After: "intent 'greet'", Next: []policy.Continuation{
		{Action: "utter_greet", Stories: []string{"x"}, File: "stories.yml", Line: 2},
		{Action: "utter_bye", Stories: []string{"y"}, File: "stories.yml", Line: 8},
	}}}
	for name, tc := range map[string]struct {
		steps   []dialogue.StoryStep
		history int
		want    []policy.Conflict
	}{
		"two stories of one beginning":           {[]dialogue.StoryStep{x, y}, 0, both},
		"the same, said twice":                   {[]dialogue.StoryStep{x, y, y}, 0, both},
		"two messages of one intent":             {[]dialogue.StoryStep{x, typed}, 0, nil},
		"one story":                              {[]dialogue.StoryStep{x}, 0, nil},
		"stories with different beginnings":      {[]dialogue.StoryStep{x, z}, 0, nil},
		"a long history tells them apart":        {[]dialogue.StoryStep{x, z}, 5, nil},
		"a rule contradicts a story, not a case": {[]dialogue.StoryStep{x, rule}, 0, nil},
		"a history of one state does not tell the beginnings apart": {[]dialogue.StoryStep{x, z}, 1, []policy.Conflict{
			{After: "intent 'greet'", Next: []policy.Continuation{
				{Action: "utter_greet", Stories: []string{"x"}, File: "stories.yml", Line: 2},
				{Action: "utter_bye", Stories: []string{"z"}, File: "stories.yml", Line: 14},
			}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			domain := d
			got, err := policy.Conflicts(t.Context(), domain.Finish(), tc.steps, tc.history)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConflictIsOneLine(t *testing.T) {
	t.Parallel()
	c := policy.Conflict{After: "intent 'a'", Next: []policy.Continuation{
		{Action: "utter_b", Stories: []string{"s", "t"}, File: "stories.yml", Line: 3}, {Action: "utter_c", Stories: []string{"u"}},
	}}
	want := "stories go on differently after intent 'a': utter_b in 's', 't' (stories.yml:3), utter_c in 'u'"
	if got := c.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
