package policy_test

import (
	"slices"
	"strings"
	"testing"

	"parley/dialogue"
	"parley/policy"
	"parley/project"
)

const teaDomain = `
intents: [greet, order, pay, thanks, bye]
entities: [size]
slots:
  card: {type: bool, mappings: [{type: custom}]}
responses:
  utter_greet: [{text: a}]
  utter_size: [{text: a}]
  utter_price: [{text: a}]
  utter_cash: [{text: a}]
  utter_card: [{text: a}]
  utter_welcome: [{text: a}]
  utter_bye: [{text: a}]
  utter_never: [{text: a}]
`

const teaStories = `
stories:
- story: all
  steps: [{intent: greet}, {action: utter_greet}, {intent: order}, {action: utter_size}, {intent: pay}, {action: utter_cash},
    {intent: thanks}, {action: utter_welcome}, {intent: bye}, {action: utter_bye}]
- story: quick
  steps: [{intent: order}, {action: utter_size}, {intent: pay}, {action: utter_cash}, {intent: bye}, {action: utter_bye}]
- story: size
  steps: [{intent: order, entities: [{size: big}]}, {action: utter_price}, {intent: thanks}, {action: utter_welcome}]
- story: polite
  steps: [{intent: greet}, {action: utter_greet}, {intent: order, entities: [{size: big}]}, {action: utter_price}, {intent: bye}, {action: utter_bye}]
- story: card
  steps: [{slot_was_set: [{card: true}]}, {intent: order}, {action: utter_size}, {intent: pay}, {action: utter_card}, {intent: thanks}, {action: utter_welcome}]
`

func predict(t *testing.T, e *policy.Ensemble, at *dialogue.Tracker) policy.Prediction {
	t.Helper()
	p, err := e.Predict(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTEDPolicyGoesOnWhereNoStoryIs(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	e := train(t, p, with("TEDPolicy", "max_history", 5, "epochs", 100))
	for _, c := range []struct {
		name  string
		parts []string
		want  string
		least float64
	}{
		{"as in a story", []string{listen, "/greet"}, "utter_greet", 0.9},
		{"after an action of a story", []string{listen, "/greet", "utter_greet"}, "action_listen", 0.9},
		{"thanks after a greeting", []string{listen, "/greet", "utter_greet", listen, "/thanks"}, "utter_welcome", 0.3},
		{"an order with a size after thanks", []string{listen, "/thanks", "utter_welcome", listen, "/order size"}, "utter_price", 0.3},
		{"an action that ends a turn", []string{listen, "/pay", "utter_cash"}, "action_listen", 0.3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := predict(t, e, conversation(p, c.parts...))
			if got.Action != c.want || got.Confidence < c.least || got.Policy != "TEDPolicy" {
				t.Errorf("got %s with %.3f by %s, want %s with %.1f or more", got.Action, got.Confidence, got.Policy, c.want, c.least)
			}
			sum := 0.0
			for _, x := range got.Scores {
				sum += x
			}
			if sum < 0.999 || sum > 1.001 {
				t.Errorf("the confidences sum up to %f", sum)
			}
			never := p.Domain.ActionIndex("utter_never")
			if got.Scores[never] >= 0.05 {
				t.Errorf("an action that no story has: %f", got.Scores[never])
			}
		})
	}
}

func TestTEDPolicyKeepsTheRanking(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	at := conversation(p, listen, "/thanks", "utter_welcome", listen, "/order")
	for name, c := range map[string]struct {
		config policy.Config
		sum    bool
	}{
		"cut":          {with("TEDPolicy", "ranking_length", 2), false},
		"renormalized": {with("TEDPolicy", "ranking_length", 2, "renormalize_confidences", true), true},
	} {
		got := predict(t, train(t, p, c.config), at)
		count, sum := 0, 0.0
		for _, x := range got.Scores {
			if sum += x; x > 0 {
				count++
			}
		}
		if count != 2 || (sum > 0.9999999) != c.sum {
			t.Errorf("%s: %d confidences, sum %f", name, count, sum)
		}
	}
}

func TestTEDPolicyWithoutStoriesPredictsNothing(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, "rules:\n- rule: a\n  steps: [{intent: bye}, {action: utter_bye}]\n")
	e := train(t, p, with("RulePolicy", "enable_fallback_prediction", false), with("TEDPolicy"), with("UnexpecTEDIntentPolicy"))
	if got := predict(t, e, conversation(p, listen, "/greet")); got.Confidence != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestTEDPolicyLearnsFromLittle(t *testing.T) {
	t.Parallel()
	ted := with("TEDPolicy")
	for _, c := range []struct {
		name, stories string
		configs       []policy.Config
		at            []string
		want          string // "": nothing, with a warning
		least, most   float64
	}{
		{"a story without actions", `[{intent: greet}]`, []policy.Config{ted}, []string{listen, "/greet"}, "", 0, 0},
		{"a story of one action", `[{intent: greet}, {action: utter_greet}]`, []policy.Config{ted}, []string{listen, "/greet"}, "utter_greet", 0.9, 1},
		{
			"a story twice", "[{intent: greet}, {action: utter_greet}]\n- story: again\n  steps: [{intent: greet}, {action: utter_greet}]",
			[]policy.Config{ted},
			[]string{listen, "/greet"},
			"utter_greet", 0.9, 1,
		},
		{
			"stories that contradict each other", "[{intent: greet}, {action: utter_greet}]\n- story: other\n  steps: [{intent: greet}, {action: utter_bye}]",
			[]policy.Config{ted},
			[]string{listen, "/greet"},
			"utter_bye", 0.3, 0.6,
		}, // the other one would do, too
		{"what most stories do", "[{intent: greet}, {action: utter_greet}]" + strings.Join([]string{
			"", "order}, {action: utter_size}]", "pay}, {action: utter_cash}]", "thanks}, {action: utter_welcome}]",
		}, "\n- story: other\n  steps: [{intent: greet}, {action: utter_bye}, {intent: "), []policy.Config{ted}, []string{listen, "/greet"}, "utter_bye", 0.5, 1},
		{
			"many turns", "[" + strings.Repeat("{intent: greet}, {action: utter_greet}, ", 30) + "{intent: bye}, {action: utter_bye}]",
			[]policy.Config{with("TEDPolicy", "max_history", 3)},
			[]string{listen, "/bye"},
			"utter_bye", 0.3, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := write(t, teaDomain, "stories:\n- story: one\n  steps: "+c.stories+"\n")
			var warnings []string
			e, err := policy.Train(t.Context(), c.configs, p.Domain, p.Steps, policy.TrainOptions{Warn: func(m string) { warnings = append(warnings, m) }})
			if err != nil {
				t.Fatal(err)
			}
			got := predict(t, e, conversation(p, c.at...))
			if c.want == "" {
				if got.Confidence != 0 || !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "fewer than two actions") }) {
					t.Errorf("got %s with %.3f, warnings %q", got.Action, got.Confidence, warnings)
				}
			} else if got.Action != c.want || got.Confidence < c.least || got.Confidence > c.most {
				t.Errorf("got %s with %.3f, want %s with %.2f to %.2f", got.Action, got.Confidence, c.want, c.least, c.most)
			}
		})
	}
}

// TestFallbackWhereStoriesSayNothing holds the level of TEDPolicy's confidences to the threshold that configurations have: it decides
// in conversations like those of the stories, and leaves nonsense to the fallback.
func TestFallbackWhereStoriesSayNothing(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	e := train(t, p, with("TEDPolicy", "max_history", 5), with(rulePolicy, "core_fallback_threshold", 0.4))
	for _, c := range []struct {
		name, want string
		parts      []string
	}{
		{"a story", "utter_size", []string{listen, "/greet", "utter_greet", listen, "/order"}},
		{"parts of two stories", "utter_welcome", []string{listen, "/greet", "utter_greet", listen, "/thanks"}},
		{"an intent that stories lack", dialogue.ActionDefaultFallback, []string{listen, "/out_of_scope"}},
		{"the same in the middle of a story", dialogue.ActionDefaultFallback, []string{listen, "/greet", "utter_greet", listen, "/out_of_scope"}},
		{"an action that never comes, and an intent that stories lack", dialogue.ActionDefaultFallback, []string{listen, "/pay", "utter_never", listen, "/out_of_scope"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := predict(t, e, conversation(p, c.parts...)); got.Action != c.want {
				t.Errorf("got %s with %.3f by %s, want %s", got.Action, got.Confidence, got.Policy, c.want)
			}
		})
	}
}

// spoken is a tracker with a message that has a text and an intent.
func spoken(p *project.Project, text, intent string) *dialogue.Tracker {
	t := dialogue.NewTracker("", p.Domain)
	t.Append(&dialogue.ActionExecuted{Name: "action_listen"},
		&dialogue.UserUttered{Text: &text, Parse: dialogue.Parse{Text: &text, Intent: dialogue.Intent{Name: intent, Confidence: 0.4}}})
	return t
}

func TestTEDPolicyGoesByTheText(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories+`
- story: talk
  steps: [{user: "what does a big cup of tea cost"}, {action: utter_price}, {user: "here is my credit card"}, {action: utter_card}]
- story: other talk
  steps: [{user: "good bye and have a nice day"}, {action: utter_bye}]
`)
	e := train(t, p, with("TEDPolicy"))
	for _, c := range []struct {
		text, intent, want string
		byText             bool
	}{
		{"what does a big cup of tea cost", "greet", "utter_price", true},
		{"good bye and have a nice day", "greet", "utter_bye", true},
		{"qqqq zzzz", "greet", "utter_greet", false},
	} {
		got := predict(t, e, spoken(p, c.text, c.intent))
		if got.Action != c.want || got.EndToEndInput != c.byText {
			t.Errorf("%q: got %s, by text %v; want %s, %v", c.text, got.Action, got.EndToEndInput, c.want, c.byText)
		}
		flags := slices.DeleteFunc(got.Events, func(e dialogue.Event) bool {
			f, ok := e.(*dialogue.UserFeaturization)
			return !ok || f.UseText != c.byText
		})
		if len(flags) != 1 {
			t.Errorf("%q: the events do not say once that the text decided: %v", c.text, got.Events)
		}
	}
}

// TestTEDPolicyOfTextsOnly holds that a policy whose stories have texts only goes by them after an action, too (Rasa 3.6.21
// core/policies/ted_policy.py _pick_confidence), and so overrules others.
func TestTEDPolicyOfTextsOnly(t *testing.T) {
	t.Parallel()
	const talk = `
- story: talk
  steps: [{user: "what does a big cup of tea cost"}, {action: utter_price}, {user: "here is my credit card"}, {action: utter_card}]
`
	for name, c := range map[string]struct {
		stories, policy string
		byText          bool
	}{
		"texts only":        {"stories:" + talk, "TEDPolicy", true},
		"texts and intents": {"stories:" + talk + "- story: greet\n  steps: [{intent: greet}, {action: utter_greet}]\n", "MemoizationPolicy", false},
	} {
		p := write(t, teaDomain, c.stories)
		e := train(t, p, with("MemoizationPolicy"), with("TEDPolicy"))
		at := spoken(p, "what does a big cup of tea cost", "bye")
		got := predict(t, e, at)
		at.Append(got.Events...)
		at.Append(&dialogue.ActionExecuted{Name: got.Action})
		if got.Action != "utter_price" || !got.EndToEndInput {
			t.Errorf("%s: the message leads to %s, by text %v", name, got.Action, got.EndToEndInput)
		}
		if got = predict(t, e, at); got.Action != listen || got.Policy != c.policy || got.EndToEndInput != c.byText || len(got.Events) > 0 {
			t.Errorf("%s: after the action %s by %s, by text %v, events %v", name, got.Action, got.Policy, got.EndToEndInput, got.Events)
		}
	}
}

func TestUnexpecTEDIntentPolicy(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories)
	for _, c := range []struct {
		name   string
		config policy.Config
		parts  []string
		want   bool
	}{
		{"as in a story", with("UnexpecTEDIntentPolicy"), []string{listen, "/greet"}, false},
		{"later in a story", with("UnexpecTEDIntentPolicy"), []string{listen, "/greet", "utter_greet", listen, "/order"}, false},
		{"thanks before anything", with("UnexpecTEDIntentPolicy"), []string{listen, "/thanks"}, true},
		{"an intent to ignore", with("UnexpecTEDIntentPolicy", "ignore_intents_list", []any{"thanks"}), []string{listen, "/thanks"}, false},
		{"an action has run", with("UnexpecTEDIntentPolicy"), []string{listen, "/thanks", "action_unlikely_intent"}, false},
		{"no message", with("UnexpecTEDIntentPolicy"), []string{listen}, false},
		{"tolerance", with("UnexpecTEDIntentPolicy", "tolerance", 1.0), []string{listen, "/order", "utter_size", listen, "/pay"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := predict(t, train(t, p, c.config), conversation(p, c.parts...))
			if unlikely := got.Action == "action_unlikely_intent" && got.Confidence == 1; unlikely != c.want {
				t.Fatalf("got %s with %f, want action_unlikely_intent: %v", got.Action, got.Confidence, c.want)
			}
			if !c.want {
				return
			}
			query, _ := got.ActionMetadata["query_intent"].(map[string]any)
			score, _ := query["score"].(float64)
			threshold, _ := query["threshold"].(float64)
			ranking, _ := got.ActionMetadata["ranking"].([]any)
			if query["name"] != "thanks" || score >= threshold || query["severity"] != threshold-score || len(ranking) != min(10, len(p.Domain.Intents)) {
				t.Errorf("metadata %v", got.ActionMetadata)
			}
		})
	}
}
