package trackerstore

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// testRebuilt compares, turn by turn, what comes out of the store with the tracker that was put in. The events before a
// session's start count as a session of their own, and the state of a session that follows others is another than that of
// the only one: so a conversation that begins with metadata tells stores that forget sessions from those that do not.
func testRebuilt(t *testing.T, h harness) {
	metadata := map[string]any{"a": 1, "b": []any{1.0, "x", nil, true}}
	for id, first := range map[string][]dialogue.Event{
		"plain":    {did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, did(dialogue.ActionListen), said("hi")},
		"metadata": {&dialogue.SlotSet{Name: dialogue.SlotSessionMetadata, Value: metadata}, did(dialogue.ActionSessionStart)},
		"sudden":   {said("without a session")},
	} {
		t.Run(id, func(t *testing.T) { testRebuiltFrom(t, h, id, first) })
	}
}

func testRebuiltFrom(t *testing.T, h harness, id string, first []dialogue.Event) {
	d := testDomain()
	one := 1.0
	turns := [][]dialogue.Event{
		first,
		{&dialogue.SlotSet{Name: "name", Value: "Åsa 🙂 \x00"}, did("utter_x"), &dialogue.BotUttered{Text: "hello", Data: map[string]any{"buttons": nil}}},
		{
			&dialogue.UserUttered{Parse: dialogue.Parse{Intent: dialogue.Intent{Name: "EXTERNAL", NoConfidence: true}}},
			&dialogue.UserFeaturization{UseText: true},
			&dialogue.EntitiesAdded{Entities: []dialogue.Entity{{Entity: "e", Value: "v", Start: 1, End: 2, Confidence: &one, Extractor: "X"}}},
		},
		{&dialogue.FollowupAction{Name: "utter_x"}},
		{&dialogue.ActiveLoop{Name: "form"}, &dialogue.LoopInterrupted{IsInterrupted: true}, &dialogue.ActionRejected{Name: "form"}},
		{said("taken back"), &dialogue.UserReverted{}, did("undone"), &dialogue.ActionReverted{}},
		{&dialogue.ConversationPaused{}},
		{&dialogue.ConversationResumed{}, &dialogue.AllSlotsReset{}},
		{
			&dialogue.ReminderScheduled{Intent: "i", DateTime: "2030-01-01T00:00:00", Name: "r"}, &dialogue.ReminderCancelled{Name: "r"},
			&dialogue.StoryExported{Path: "p"}, &dialogue.AgentUttered{Text: "human"},
		},
		{&dialogue.Restarted{}},
		{said("after the restart")},
		{did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, did(dialogue.ActionListen), said("a second session")},
		{said("goes on"), &dialogue.FollowupAction{Name: "utter_x"}},
		{&dialogue.Restarted{}},
	}
	all := dialogue.NewTracker(id, d)
	want := all
	for i, events := range turns {
		turn := begin(t, h, id, d)
		if diff := cmp.Diff(dump(want), dump(turn.Tracker)); diff != "" {
			t.Errorf("turn %d begins with another tracker (-want +got):\n%s", i, diff)
		}
		turn.Tracker.Record(clock+float64(i), events...)
		all.Append(events...)
		want = all.Rebuilt(true)
		if h.forgetsSessions {
			want = turn.Tracker.Rebuilt(true)
		}
		commit(t, turn, Commit{})
		got, ok, err := h.Read(t.Context(), id, d, LatestSession)
		if !ok || err != nil {
			t.Fatalf("Read: ok %v, %v", ok, err)
		}
		if diff := cmp.Diff(dump(want), dump(got)); diff != "" {
			t.Errorf("read after turn %d (-want +got):\n%s", i, diff)
		}
		if h.forgetsSessions {
			continue
		}
		if diff := cmp.Diff(dump(all.Rebuilt(false)), dump(read(t, h, id, d))); diff != "" {
			t.Errorf("all sessions after turn %d (-want +got):\n%s", i, diff)
		}
	}
}

// testLongSession compares what turns begin with over a session of which no process keeps all: at each turn what a turn looks at, now
// and then everything.
func testLongSession(t *testing.T, h harness) {
	d := testDomain()
	all := dialogue.NewTracker("long", d)
	want := all
	for i := range 70 {
		events := []dialogue.Event{
			said(fmt.Sprint("message ", i)), &dialogue.SlotSet{Name: "name", Value: fmt.Sprint("value ", i)}, did("utter_x"),
			&dialogue.BotUttered{Text: "hello"}, did(dialogue.ActionListen),
		}
		switch {
		case i == 0:
			events = append([]dialogue.Event{did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, did(dialogue.ActionListen)}, events...)
		case i == 30:
			events = append(events, &dialogue.Restarted{})
		case i == 55:
			events = append([]dialogue.Event{did(dialogue.ActionSessionStart), &dialogue.SessionStarted{}}, events...)
		case i%7 == 3:
			events = append(events, &dialogue.ActiveLoop{Name: "form"}, did("form"))
		case i%9 == 4:
			events = append(events, &dialogue.UserReverted{}, &dialogue.ActionReverted{})
		case i%11 == 5:
			events = append(events, &dialogue.ActiveLoop{})
		}
		turn := begin(t, h, "long", d)
		if diff := cmp.Diff(lookAt(want, i%12 == 11), lookAt(turn.Tracker, i%12 == 11)); diff != "" {
			t.Fatalf("turn %d begins with another tracker (-want +got):\n%s", i, diff)
		}
		turn.Tracker.Record(clock+float64(i), events...)
		all.Append(events...)
		want = all.Rebuilt(true)
		if h.forgetsSessions {
			want = turn.Tracker.Rebuilt(true)
		}
		commit(t, turn, Commit{})
	}
	if diff := cmp.Diff(dump(want), dump(begin(t, h, "long", d).Tracker)); diff != "" {
		t.Errorf("the session (-want +got):\n%s", diff)
	}
}

// lookAt is what a turn sees of a tracker, or all of it.
func lookAt(t *dialogue.Tracker, all bool) string {
	if all {
		return dump(t)
	}
	b := t.AppendJSON(nil, dialogue.EventsNone)
	b = fmt.Appendf(b, " %d of %d events, %d moments", t.AppliedLen(), t.Len(), t.MomentCount())
	n := 0
	for m := range t.Moments() {
		if n++; n > 8 {
			break
		}
		b = fmt.Appendf(b, "\n%q %q %q", m.State.LatestActionName(), m.State.LatestText(), m.State.ActiveLoopName())
	}
	return string(b)
}
