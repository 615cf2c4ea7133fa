package policy_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/policy"
)

const talkStories = teaStories + `
- story: talk
  steps: [{user: "what does a [big](size) cup of tea cost"}, {action: utter_price}, {user: "here is my [gold](metal) card"}, {action: utter_card}]
- story: other talk
  steps: [{user: "good bye and have a nice day"}, {action: utter_bye}, {user: "no [small](size) talk", intent: bye}, {action: utter_bye}]
- story: more talk
  steps: [{user: "the cup is broken"}, {action: utter_size}]
rules:
- rule: thanks
  steps: [{user: "a [large](size) thank you"}, {action: utter_welcome}]
`

// words is a tagger that takes words for sizes.
type words map[string]bool

func (w words) Tag(_ context.Context, text string) ([]dialogue.Entity, error) {
	var found []dialogue.Entity
	for word := range strings.FieldsSeq(text) {
		if known, ok := w[word]; known {
			found = append(found, dialogue.Entity{Entity: "size", Value: word, Extractor: "TEDPolicy"})
		} else if ok {
			return nil, errTag
		}
	}
	return found, nil
}

var errTag = errors.New("the tagger fails")

// taught trains an ensemble that learns to find entities, and gives what they were learned from.
func taught(t *testing.T, stories string, configs ...policy.Config) (*policy.Ensemble, []policy.EntityTraining) {
	t.Helper()
	e := train(t, write(t, teaDomain, stories), configs...)
	var seen []policy.EntityTraining
	if err := e.TrainEntities(func(x *policy.EntityTraining) (policy.EntityTagger, []byte, error) {
		seen = append(seen, *x)
		return words{"big": true, "broken": false}, []byte("weights"), nil
	}); err != nil {
		t.Fatal(err)
	}
	return e, seen
}

func TestTEDPolicyLearnsEntitiesOfTexts(t *testing.T) {
	t.Parallel()
	_, got := taught(t, talkStories, with(rulePolicy), with("TEDPolicy", "BILOU_flag", false, "random_seed", 7,
		"split_entities_by_comma", map[string]any{"size": false}))
	if len(got) != 1 {
		t.Fatalf("taught %d times", len(got))
	}
	for i := range got[0].Examples {
		got[0].Examples[i].File, got[0].Examples[i].Line = "", 0
	}
	want := policy.EntityTraining{
		Policy: "TEDPolicy", Seed: 7, SplitByComma: map[string]bool{"": true, "size": false},
		Examples: []policy.EntityExample{
			{Text: "what does a big cup of tea cost", Entities: []dialogue.Entity{{Entity: "size", Value: "big", Start: 12, End: 15}}},
			{Text: "here is my gold card", Entities: []dialogue.Entity{}}, // the domain has no metal
			{Text: "good bye and have a nice day"},
			{Text: "the cup is broken"},
		},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTEDPolicyLearnsNoEntities(t *testing.T) {
	t.Parallel()
	plain := strings.NewReplacer("[big](size)", "big", "[gold](metal)", "gold").Replace(talkStories)
	for name, c := range map[string]struct {
		stories string
		config  policy.Config
	}{
		"entity_recognition: false": {talkStories, with("TEDPolicy", "entity_recognition", false)},
		"no entities in texts":      {plain, with("TEDPolicy")},
		"no texts":                  {teaStories, with("TEDPolicy")},
		"another policy":            {talkStories, with("UnexpecTEDIntentPolicy")},
	} {
		e, seen := taught(t, c.stories, with(rulePolicy), c.config)
		if len(seen) != 0 {
			t.Errorf("%s: taught %+v", name, seen)
		}
		for section, data := range save(t, e) {
			if strings.HasSuffix(section, "TEDPolicy") && strings.Contains(string(data), `"scorer":{"slots"`) && strings.Contains(string(data), `"entities":"`) {
				t.Errorf("%s: %s has a tagger", name, section)
			}
		}
	}
}

func TestTEDPolicyGivesTheEntitiesOfTexts(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, talkStories)
	e, _ := taught(t, talkStories, with(rulePolicy, "enable_fallback_prediction", false), with("TEDPolicy"))
	saved := save(t, e)
	loaded, err := policy.Load(saved.get, p.Domain)
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.LoadEntities(func(data []byte) (policy.EntityTagger, error) {
		if string(data) != "weights" {
			t.Errorf("loaded %q", data)
		}
		return words{"big": true, "broken": false}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, save(t, loaded)); diff != "" {
		t.Errorf("saved again (-first +second):\n%s", diff)
	}
	big := &dialogue.EntitiesAdded{Entities: []dialogue.Entity{{Entity: "size", Value: "big", Extractor: "TEDPolicy"}}}
	by := func(text bool) dialogue.Event { return &dialogue.UserFeaturization{UseText: text} }
	for _, c := range []struct {
		name, text, intent, policy string
		want                       []dialogue.Event
	}{
		{"by text", "what does a big cup of tea cost", "bye", "TEDPolicy", []dialogue.Event{big, by(true)}},
		{"by text, without entities", "good bye and have a nice day", "thanks", "TEDPolicy", []dialogue.Event{by(true)}},
		{"by intent", "big qqqq zzzz", "greet", "TEDPolicy", []dialogue.Event{by(false)}},
		{"by the text of a rule", "a large thank you", "greet", "RulePolicy", []dialogue.Event{by(true)}},
	} {
		for what, e := range map[string]*policy.Ensemble{"trained": e, "loaded": loaded} {
			at := spoken(p, c.text, c.intent)
			got := predict(t, e, at)
			if diff := cmp.Diff(c.want, got.Events); diff != "" || got.Policy != c.policy {
				t.Errorf("%s, %s: %s by %s (-want +got):\n%s", c.name, what, got.Action, got.Policy, diff)
			}
			at.Append(got.Events...)
			at.Append(&dialogue.ActionExecuted{Name: got.Action})
			if again := predict(t, e, at); len(again.Events) != 0 {
				t.Errorf("%s, %s: after the action: %v", c.name, what, again.Events)
			}
		}
	}
	if _, err := e.Predict(t.Context(), spoken(p, "the cup is broken", "bye")); !errors.Is(err, errTag) {
		t.Errorf("got %v, want %v", err, errTag)
	}
}

func TestTaggersThatFail(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, talkStories)
	err := train(t, p, with("TEDPolicy")).TrainEntities(func(*policy.EntityTraining) (policy.EntityTagger, []byte, error) { return nil, nil, errTag })
	if !errors.Is(err, errTag) || !strings.Contains(err.Error(), "TEDPolicy") {
		t.Errorf("train: got %v", err)
	}
	e, _ := taught(t, talkStories, with("TEDPolicy"))
	loaded, err := policy.Load(save(t, e).get, p.Domain)
	if err != nil {
		t.Fatal(err)
	}
	err = loaded.LoadEntities(func([]byte) (policy.EntityTagger, error) { return nil, errTag })
	if !errors.Is(err, policy.ErrCorrupt) || !strings.Contains(err.Error(), "policies.0.TEDPolicy") {
		t.Errorf("load: got %v", err)
	}
}

func TestSplitByComma(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	for what, c := range map[string]struct {
		value any
		want  string // part of the error
	}{
		"true":              {true, ""},
		"false":             {false, ""},
		"by type":           {map[string]any{"size": true}, ""},
		"a word":            {"yes", "split_entities_by_comma"},
		"a word for a type": {map[string]any{"size": "yes"}, "size must be true or false"},
	} {
		_, err := policy.Train(t.Context(), []policy.Config{with("TEDPolicy", "split_entities_by_comma", c.value)}, p.Domain, p.Steps, policy.TrainOptions{})
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, policy.ErrInvalidConfig) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", what, err, c.want)
		}
	}
}
