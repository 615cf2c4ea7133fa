package agent_test

import (
	"fmt"
	"testing"

	"parley/action"
	"parley/agent"
	"parley/dialogue"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
)

// BenchmarkTurn measures a whole turn of the starter bot, answered by a rule, after a history of so many turns.
func BenchmarkTurn(b *testing.B) {
	const starter = "../examples/starter/"
	p, err := project.Load(project.Paths{Config: starter + "config.yml", Domain: starter + "domain.yml", Data: []string{starter + "data"}})
	if err != nil {
		b.Fatal(err)
	}
	m, err := model.Train(b.Context(), p, model.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, turns := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("history=%d", turns), func(b *testing.B) {
			store := trackerstore.NewMemory()
			a, err := agent.New(agent.Config{Conversations: store, Actions: action.Config{}})
			if err != nil {
				b.Fatal(err)
			}
			if err := a.Swap(m); err != nil {
				b.Fatal(err)
			}
			sent := 0
			send := func(dialogue.BotMessage) error { sent++; return nil }
			text := "hi"
			msg := dialogue.UserMessage{SenderID: "x", Text: &text, InputChannel: "rest"}
			for range turns {
				if err := a.Handle(b.Context(), msg, send); err != nil {
					b.Fatal(err)
				}
			}
			before, err := a.Tracker(b.Context(), "x")
			if err != nil {
				b.Fatal(err)
			}
			events := before.Events(0)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n%100 == 0 { // the history must not grow with the measurement
					b.StopTimer()
					if _, err := a.ReplaceEvents(b.Context(), "x", events); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				if err := a.Handle(b.Context(), msg, send); err != nil {
					b.Fatal(err)
				}
			}
			if sent < n {
				b.Fatalf("%d messages in %d turns", sent, n)
			}
		})
	}
}
