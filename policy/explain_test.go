package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplainSaysWhatEachPolicySaw(t *testing.T) {
	t.Parallel()
	p := write(t, teaDomain, teaStories+`
rules:
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
`)
	e := train(t, p, with("TEDPolicy", "max_history", 2, "epochs", 50), with("MemoizationPolicy"), with("RulePolicy"))
	const bye = `{"prev_action": {"action_name": "action_listen"}, "user": {"intent": "bye"}}`
	for name, c := range map[string]struct {
		parts []string
		won   string
		want  map[string][]string
	}{
		"a rule": {[]string{listen, "/bye"}, "RulePolicy", map[string][]string{
			"RulePolicy": {bye},
			"TEDPolicy":  {"{}", bye},
		}},
		"a story": {[]string{"card=true", listen, "/order"}, "MemoizationPolicy", map[string][]string{
			"MemoizationPolicy": {`{"slots": {"card": [1.0, 1.0]}}`, `{"prev_action": {"action_name": "action_listen"}, "slots": {"card": [1.0, 1.0]}, "user": {"intent": "order"}}`},
			"TEDPolicy":         {`{"slots": {"card": [1.0, 1.0]}}`, `{"prev_action": {"action_name": "action_listen"}, "user": {"intent": "order"}, "slots": {"card": [1.0, 1.0]}}`},
		}},
	} {
		x, err := e.Explain(t.Context(), conversation(p, c.parts...))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, o := range x.Opinions {
			if o.Evidence != nil {
				got[o.Policy] = o.Evidence
			}
			if o.Won != (o.Policy == c.won) || o.Reason == "" {
				t.Errorf("%s: %s won: %v, because %q", name, o.Policy, o.Won, o.Reason)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: evidence (-want +got):\n%s", name, diff)
		}
		if predicted, err := e.Predict(t.Context(), conversation(p, c.parts...)); err != nil || predicted.Action != x.Action || predicted.Policy != x.Policy {
			t.Errorf("%s: predicted %s by %s, explained %s by %s, %v", name, predicted.Action, predicted.Policy, x.Action, x.Policy, err)
		}
	}
}
