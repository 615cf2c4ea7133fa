package policy_test

import (
	"fmt"
	"testing"

	"parley/dialogue"
	"parley/policy"
)

func user(intent string) *dialogue.UserUttered {
	text := "some words"
	return &dialogue.UserUttered{Text: &text, Parse: dialogue.Parse{Intent: dialogue.Intent{Name: intent, Confidence: 1}}}
}

func act(name string) *dialogue.ActionExecuted { return &dialogue.ActionExecuted{Name: name} }

// turns lets a bot answer messages, in turn, and stops when it is about to answer the last one.
func turns(b *testing.B, e *policy.Ensemble, t *dialogue.Tracker, n int, intents ...string) {
	b.Helper()
	t.Append(act(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, act(dialogue.ActionListen))
	for i := range n {
		t.Append(user(intents[i%len(intents)]))
		for range 10 {
			p, err := e.Predict(b.Context(), t)
			if err != nil {
				b.Fatal(err)
			}
			t.Append(p.Events...)
			t.Append(&dialogue.ActionExecuted{Name: p.Action, HideRuleTurn: p.HideRuleTurn}, &dialogue.BotUttered{})
			switch p.Action {
			case dialogue.ActionDefaultFallback:
				t.Append(&dialogue.UserReverted{})
			case dialogue.ActionBack:
				t.Append(&dialogue.UserReverted{}, &dialogue.UserReverted{})
			}
			if p.Action == dialogue.ActionListen || t.State().Followup == dialogue.ActionListen {
				break
			}
		}
	}
	t.Append(user(intents[n%len(intents)]))
}

func BenchmarkPredict(b *testing.B) {
	cases := []struct {
		bot      string
		policies []policy.Config
		intents  []string
	}{
		{"dlg-rules", nil, []string{"hello", "ask_hours", "farewell"}},
		{"moodbot", []policy.Config{{Name: "MemoizationPolicy"}, {Name: "RulePolicy"}}, []string{"greet", "mood_unhappy", "deny", "goodbye"}},
		{"dlg-augfree", nil, []string{"a", "b"}},
		{"financial-demo", []policy.Config{{Name: "AugmentedMemoizationPolicy"}, {Name: "RulePolicy"}}, []string{"greet", "help", "thankyou"}},
		{"financial-demo", []policy.Config{{Name: "AugmentedMemoizationPolicy", Options: map[string]any{"max_history": 4}}, {Name: "RulePolicy"}}, []string{"greet", "help", "thankyou"}},
	}
	for _, c := range cases {
		p := loadBot(b, c.bot)
		if c.policies == nil {
			c.policies = p.Config.Policies
		}
		if c.bot == "dlg-augfree" {
			c.intents = nil
			for _, i := range p.Domain.Intents {
				if i.Name != "restart" && i.Name != "session_start" && i.Name != "back" {
					c.intents = append(c.intents, i.Name)
				}
			}
		}
		e, err := policy.Train(b.Context(), c.policies, p.Domain, p.Steps, policy.TrainOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, n := range []int{1, 10, 100, 1000} {
			t := dialogue.NewTracker("", p.Domain)
			turns(b, e, t, n, c.intents...)
			b.Run(fmt.Sprintf("%s%v/turns=%d", c.bot, c.policies[0].Options, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := e.Predict(b.Context(), t); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
