package dialogue

import (
	"fmt"
	"testing"
)

// turn is one turn of a conversation: what the user said, one action with a reply, and listening again.
func turn() []Event {
	text := "I would like a table in Rome"
	u := NewUserUttered(&text, Parse{
		Intent: Intent{Name: "greet", Confidence: 0.97}, Tokens: [][2]int{{0, 1}, {2, 7}, {8, 12}},
		Entities: []Entity{{Entity: "city", Value: "Rome", Start: 24, End: 28, Extractor: "DIETClassifier"}},
		Ranking:  []Intent{{Name: "greet", Confidence: 0.97}, {Name: "faq", Confidence: 0.03}},
	}, "rest", "7d3f0e0c5a", nil)
	one := 1.0
	return []Event{
		u, &SlotSet{Name: "city", Value: text}, &UserFeaturization{},
		&ActionExecuted{Name: "utter_greet", Policy: "RulePolicy", Confidence: &one},
		&BotUttered{Text: "Hello", Data: map[string]any{"buttons": nil, "custom": nil}},
		&ActionExecuted{Name: ActionListen, Policy: "RulePolicy", Confidence: &one},
	}
}

func history(events int) *Tracker {
	tr := NewTracker("s", testDomain())
	tr.ModelID, tr.AssistantID = "model", "assistant"
	tr.Record(1.7e9, act(ActionSessionStart), &SessionStarted{}, act(ActionListen))
	for tr.Len() < events {
		tr.Record(1.7e9+float64(tr.Len()), turn()...)
	}
	return tr
}

// BenchmarkTurn is what a turn costs the tracker: taken from the store, copied for an action, six events appended, looked at as
// policies do.
func BenchmarkTurn(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		tr := history(n)
		events := turn()
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := tr.Rebuilt(true)
				c.ModelID, c.AssistantID = "model", "assistant"
				c.Record(1.8e9, events[:3]...)
				_ = c.Copy()
				c.Record(1.8e9, events[3:]...)
				k := 0
				for m := range c.Moments() {
					if k++; k == 5 || m.State == nil {
						break
					}
				}
			}
		})
	}
}

// BenchmarkFormTurn is a happy turn of a form, whose repetitions collapse.
func BenchmarkFormTurn(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		tr := history(n)
		tr.Append(user("book"), act("f"), &ActiveLoop{Name: "f"}, act(ActionListen))
		events := []Event{user("inform"), &SlotSet{Name: "city", Value: "Rome"}, &UserFeaturization{}, act("f"), &BotUttered{}, act(ActionListen)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := tr.Copy()
				c.Append(events...)
			}
		})
	}
}

func BenchmarkAppendEventJSON(b *testing.B) {
	e := turn()[0]
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendEventJSON(buf[:0], e)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkDecodeEvents(b *testing.B) {
	data := AppendEventsJSON(nil, history(100).Events(0))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeStoredEvents(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrackerDump(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		tr := history(n)
		var buf []byte
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = tr.AppendJSON(buf[:0], EventsAfterRestart)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
