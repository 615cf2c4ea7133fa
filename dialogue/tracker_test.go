package dialogue

import (
	"slices"
	"testing"
)

func testDomain() *Domain {
	d := &Domain{
		Intents:     []IntentSpec{{Name: "greet"}, {Name: "faq", Retrieval: true}},
		Entities:    []EntitySpec{{Name: "city"}},
		Slots:       []Slot{{Name: "city", Type: SlotText, Influence: true}, {Name: "tags", Type: SlotList, Initial: "x"}, {Name: SlotRequested, Type: SlotText, Builtin: true}, {Name: SlotSessionMetadata, Type: SlotAny, Builtin: true}},
		Actions:     append(slices.Clone(DefaultActions), "utter_greet", "f", "g"),
		UserActions: []string{"utter_greet"},
		Forms:       []Form{{Name: "f"}, {Name: "g"}},
	}
	return d.Finish()
}

func act(name string) *ActionExecuted { return &ActionExecuted{Name: name} }
func user(intent string) *UserUttered {
	text := intent
	return &UserUttered{Text: &text, Parse: Parse{Intent: Intent{Name: intent}}}
}

func kinds(events []Event) []string {
	var out []string
	for _, e := range events {
		s := string(e.Kind())
		switch e := e.(type) {
		case *ActionExecuted:
			s = e.NameOrText()
		case *UserUttered:
			s = "/" + e.Parse.Intent.Name
		}
		out = append(out, s)
	}
	return out
}

func TestHappyPathShowsLoopOnce(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.Append(act("action_session_start"), &SessionStarted{}, act("action_listen"), user("book"), act("f"), &ActiveLoop{Name: "f"},
		&SlotSet{Name: "requested_slot", Value: "city"}, &BotUttered{Text: "?"}, act("action_listen"), user("inform"),
		&SlotSet{Name: "city", Value: "Rome"}, act("f"), &SlotSet{Name: "requested_slot"}, &ActiveLoop{})
	got := kinds(tr.Applied())
	want := []string{"action_listen", "/book", "f", "active_loop", "slot", "bot", "slot", "slot", "active_loop"}
	if !slices.Equal(got, want) {
		t.Errorf("applied = %v, want %v", got, want)
	}
	if v, _ := tr.Slot("city"); v != "Rome" {
		t.Errorf("city = %v", v)
	}
	if n := tr.MomentCount(); n != 3 {
		t.Errorf("MomentCount = %d, want 3", n)
	}
}
