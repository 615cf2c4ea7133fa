package policy_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/policy"
)

func TestCheckReportsFaultsOfTheConfiguration(t *testing.T) {
	t.Parallel()
	plain := (&dialogue.Domain{Actions: append(slices.Clone(dialogue.DefaultActions), "utter_sorry")}).Finish()
	forms := (&dialogue.Domain{Actions: dialogue.DefaultActions, Forms: []dialogue.Form{{Name: "order"}}}).Finish()
	for _, c := range []struct {
		name    string
		configs []policy.Config
		domain  *dialogue.Domain
		class   error // nil: no fault
		want    []string
	}{
		{"default policies", nil, forms, nil, nil},
		{"all options of rules", []policy.Config{with(rulePolicy, "core_fallback_threshold", 0.4, "core_fallback_action_name", "utter_sorry",
			"enable_fallback_prediction", true, "restrict_rules", false, "check_for_contradictions", false,
			"use_nlu_confidence_as_score", true, "priority", 6, "max_history", nil)}, plain, nil, nil},
		{"all options of memoization", []policy.Config{with(rulePolicy), with(memo, "max_history", 5, "use_nlu_confidence_as_score", false,
			"enable_feature_string_compression", true)}, plain, nil, nil},
		{"a featurizer", []policy.Config{with(rulePolicy), with(augmented, "featurizer", []any{map[string]any{
			"name": "MaxHistoryTrackerFeaturizer", "max_history": 3, "state_featurizer": []any{map[string]any{"name": "SingleStateFeaturizer"}},
		}})}, plain, nil, nil},
		{"options of the learned policies", []policy.Config{with(rulePolicy), with("TEDPolicy", "epochs", 100, "batch_size", []any{64, 256},
			"constrain_similarities", true, "max_history", 8), with("UnexpecTEDIntentPolicy", "tolerance", 0.2, "ignore_intents_list", []any{"a"})}, plain, nil, nil},
		{"a dotted path", []policy.Config{{Name: "rasa.core.policies.rule_policy.RulePolicy"}}, plain, nil, nil},
		{"an unknown policy", []policy.Config{with("RulPolicy")}, plain, policy.ErrInvalidConfig, []string{"config.yml:7: ", `"RulPolicy"`, `"RulePolicy"`}},
		{"something else", []policy.Config{with("KeywordIntentClassifier")}, plain, policy.ErrInvalidConfig, []string{"KeywordIntentClassifier", "RulePolicy"}},
		{"a policy of older versions", []policy.Config{with("FormPolicy")}, plain, policy.ErrInvalidConfig, []string{"FormPolicy", "RulePolicy"}},
		{
			"an unknown option",
			[]policy.Config{with(memo, "max_histroy", 5)},
			plain, policy.ErrInvalidConfig,
			[]string{"config.yml:7: ", memo, `"max_histroy"`, `"max_history"`},
		},
		{"an unknown option of TEDPolicy", []policy.Config{with("TEDPolicy", "epoch", 5)}, plain, policy.ErrInvalidConfig, []string{"config.yml:7: ", `"epoch"`, `"epochs"`}},
		{
			"an unknown option of UnexpecTEDIntentPolicy",
			[]policy.Config{with("UnexpecTEDIntentPolicy", "ignore_intent_list", []any{"a"})},
			plain, policy.ErrInvalidConfig,
			[]string{"config.yml:7: ", `"ignore_intent_list"`, `"ignore_intents_list"`},
		},
		{"an option of another policy", []policy.Config{with(memo, "core_fallback_threshold", 0.3)}, plain, policy.ErrInvalidConfig, []string{"core_fallback_threshold"}},
		{"a text for a number", []policy.Config{with(memo, "max_history", "five")}, plain, policy.ErrInvalidConfig, []string{"max_history", "whole number", "five"}},
		{"a negative history", []policy.Config{with(memo, "max_history", -1)}, plain, policy.ErrInvalidConfig, []string{"max_history"}},
		{"a threshold above one", []policy.Config{with(rulePolicy, "core_fallback_threshold", 1.5)}, plain, policy.ErrInvalidConfig, []string{"core_fallback_threshold"}},
		{"a text for a switch", []policy.Config{with(rulePolicy, "restrict_rules", "yes")}, plain, policy.ErrInvalidConfig, []string{"restrict_rules", "true or false"}},
		{"null for a switch", []policy.Config{with(rulePolicy, "restrict_rules", nil)}, plain, policy.ErrInvalidConfig, []string{"restrict_rules"}},
		{
			"another featurizer",
			[]policy.Config{with(memo, "featurizer", []any{map[string]any{"name": "FullDialogueTrackerFeaturizer"}})},
			plain,
			policy.ErrInvalidConfig,
			[]string{"FullDialogueTrackerFeaturizer", "MaxHistoryTrackerFeaturizer"},
		},
		{"a tolerance above one", []policy.Config{with("UnexpecTEDIntentPolicy", "tolerance", 2)}, plain, policy.ErrInvalidConfig, []string{"tolerance"}},
		{
			"an unknown fallback",
			[]policy.Config{with(rulePolicy, "core_fallback_action_name", "utter_sory")},
			plain, policy.ErrInvalidDomain,
			[]string{"config.yml:7: ", `"utter_sory"`, `"utter_sorry"`},
		},
		{"forms without rules", []policy.Config{with(memo)}, forms, policy.ErrInvalidDomain, []string{"order", "RulePolicy"}},
		{"several faults", []policy.Config{with(memo, "a", 1), with("B")}, plain, policy.ErrInvalidConfig, []string{`"a"`, `"B"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := policy.Check(c.configs, c.domain)
			if !errors.Is(err, c.class) {
				t.Fatalf("got %v, want %v", err, c.class)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not name %s", err, want)
				}
			}
			if _, trainErr := policy.Train(t.Context(), c.configs, c.domain, nil, policy.TrainOptions{}); (trainErr == nil) != (err == nil) {
				t.Errorf("Train: got %v", trainErr)
			}
		})
	}
}

func TestTrainWarns(t *testing.T) {
	t.Parallel()
	const domain = `
intents: [bye, greet]
entities: [town]
slots: {marked: {type: list, mappings: [{type: custom}]}}
responses: {utter_bye: [{text: a}], utter_greet: [{text: a}]}
`
	const rule = `
rules:
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
`
	const both = rule + `
stories:
- story: greet
  steps: [{intent: greet}, {action: utter_greet}]
`
	const talk = rule + `
stories:
- story: talk
  steps: [{user: "I live in [Rome](town)"}, {action: utter_greet}]
`
	for _, c := range []struct {
		name, data string
		configs    []policy.Config
		want       []string // parts of the warnings, one each
	}{
		{"nothing to warn of", both, []policy.Config{with(memo), with(rulePolicy)}, nil},
		{"the default policies", both, nil, []string{"UnexpecTEDIntentPolicy: the stories have fewer than two intents"}},
		{"rules for nobody", both, []policy.Config{with(memo)}, []string{"no policy that learns from rules"}},
		{"no rules", strings.TrimPrefix(both, rule), []policy.Config{with(memo), with(rulePolicy)}, []string{"there are no rules"}},
		{"stories for nobody", both, []policy.Config{with(rulePolicy)}, []string{"no policy that learns from stories"}},
		{"one priority", both, []policy.Config{with(memo), with(augmented), with(rulePolicy)}, []string{"MemoizationPolicy, AugmentedMemoizationPolicy have the same priority 3"}},
		{"a checkpoint that nobody reaches", both + `
- story: lost
  steps: [{checkpoint: nowhere}, {intent: bye}, {action: utter_bye}]
`, []policy.Config{with(memo), with(rulePolicy)}, []string{"'lost' begins at checkpoint 'nowhere'"}},
		{"a checkpoint that leads nowhere", both + `
- story: open
  steps: [{intent: greet}, {action: utter_greet}, {checkpoint: later}]
`, []policy.Config{with(memo), with(rulePolicy)}, []string{"'open' ends in checkpoint 'later'"}},
		{"a list slot that must not be set", `
rules:
- rule: odd
  condition: [{slot_was_set: [{marked: null}]}]
  steps: [{intent: bye}, {action: utter_bye}]
`, []policy.Config{with(rulePolicy)}, []string{"data.yml:4: rule 'odd': null for the list slot 'marked'"}},
		{"entities in a text", talk, []policy.Config{with(rulePolicy), with("TEDPolicy")}, nil},
		{"entities in a text that are not asked for", talk, []policy.Config{with(rulePolicy), with("TEDPolicy", "entity_recognition", false)}, nil},
		{"a story with an action that is none", `
stories:
- story: typo
  steps: [{intent: greet}, {action: utter_gret}, {intent: bye}, {action: utter_bye}]
rules:
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
`, []policy.Config{with(memo), with(rulePolicy)}, []string{`data.yml:4: story 'typo' has the action "utter_gret"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := write(t, domain, c.data)
			var got []string
			_, err := policy.Train(t.Context(), c.configs, p.Domain, p.Steps, policy.TrainOptions{Warn: func(m string) { got = append(got, m) }})
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.Contains(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestDefaultPolicies(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range policy.DefaultPolicies() {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"MemoizationPolicy", "RulePolicy", "UnexpecTEDIntentPolicy", "TEDPolicy"}, names); diff != "" {
		t.Errorf("default policies (-want +got):\n%s", diff)
	}
}

func TestTrainEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d, steps := large(20, 20)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := policy.Train(ctx, []policy.Config{with(rulePolicy), with(memo)}, d, steps, policy.TrainOptions{Progress: func(string, float64) {
		if calls++; calls == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	e, err := policy.Train(t.Context(), nil, d, steps, policy.TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Predict(ctx, dialogue.NewTracker("", d)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestProgressEndsAtOne(t *testing.T) {
	t.Parallel()
	d, steps := large(50, 20)
	last := map[string]float64{}
	_, err := policy.Train(t.Context(), []policy.Config{with(rulePolicy), with(memo)}, d, steps, policy.TrainOptions{Progress: func(p string, done float64) {
		if done < last[p] || done > 1 {
			t.Errorf("%s: %g after %g", p, done, last[p])
		}
		last[p] = done
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]float64{rulePolicy: 1, memo: 1}, last); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestEnsembleIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := loadBot(t, "dlg-augmented")
	e := train(t, p, p.Config.Policies...)
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			compareTalks(t, e, e, p)
		})
	}
}
