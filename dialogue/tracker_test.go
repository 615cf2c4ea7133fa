package dialogue

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestRecordStampsTimesInOrderAndIds(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.ModelID, tr.AssistantID = "m", "a"
	own := map[string]any{"k": 1, MetadataModelID: "other"}
	e := []Event{act("x"), &BotUttered{Header: Header{Timestamp: 5, Metadata: own}}, act("y")}
	tr.Record(1700000000.25, e...)
	for i, want := range []float64{1700000000.25, 1700000000.250001, 1700000000.250002} {
		if got := e[i].Head().Timestamp; got != want {
			t.Errorf("event %d has time %v, want %v", i, got, want)
		}
	}
	if diff := cmp.Diff(map[string]any{MetadataModelID: "m", MetadataAssistantID: "a"}, e[0].Head().Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"k": 1, MetadataModelID: "other", MetadataAssistantID: "a"}, e[1].Head().Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if len(own) != 2 {
		t.Error("the metadata that was given has changed")
	}
	late := act("z")
	tr.Record(1700000000.2, late)
	if want := 1700000000.250003; late.Timestamp != want {
		t.Errorf("after a clock that went back: %v, want %v", late.Timestamp, want)
	}
	tr.Append(&BotUttered{Header: Header{Timestamp: 4e9}})
	tr.Record(1700000001, late)
	if late.Timestamp != 1700000001 {
		t.Errorf("after an event from far in the future: %v", late.Timestamp)
	}
	c := tr.Copy()
	plain := act("plain")
	c.Record(1700000002, plain)
	if plain.Metadata != nil {
		t.Errorf("a copy stamped %v", plain.Metadata)
	}
}

func TestAdoptKeepsGivenTimes(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.ModelID = "m"
	e := []Event{&BotUttered{Header: Header{Timestamp: 5}}, &BotUttered{}}
	tr.Adopt(7, e...)
	if a, b := e[0].Head().Timestamp, e[1].Head().Timestamp; a != 5 || b != 7 {
		t.Errorf("times %v and %v, want 5 and 7", a, b)
	}
	if e[0].Head().Metadata[MetadataModelID] != "m" {
		t.Error("model id is missing")
	}
}

func TestCopiesAreIndependent(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.Append(act(ActionListen), user("greet"))
	a, b := tr.Copy(), tr.Copy()
	a.Append(act("f"), &ActiveLoop{Name: "f"})
	b.Append(act("g"), &ActiveLoop{Name: "g"}, &SlotSet{Name: "city", Value: "Rome"})
	tr.Append(&UserReverted{})
	if got, want := kinds(a.Applied()), []string{"action_listen", "/greet", "f", "active_loop"}; !slices.Equal(got, want) {
		t.Errorf("first copy: %v, want %v", got, want)
	}
	if a.ActiveLoopName() != "f" || b.ActiveLoopName() != "g" || tr.ActiveLoopName() != "" {
		t.Errorf("loops %q, %q, %q", a.ActiveLoopName(), b.ActiveLoopName(), tr.ActiveLoopName())
	}
	if v, _ := a.Slot("city"); v != nil {
		t.Errorf("a slot of one copy shows in the other: %v", v)
	}
	if tr.AppliedLen() != 0 || tr.Len() != 3 {
		t.Errorf("original has %d applied of %d events", tr.AppliedLen(), tr.Len())
	}
}

// TestStoreForgetsWhatIsNotApplied is the recorded case of dlg-defaults: a restart by event shows action_session_start as followup
// once, and action_listen when the tracker is read again.
func TestStoreForgetsWhatIsNotApplied(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.Append(act(ActionListen), user("greet"), &Restarted{})
	if got := tr.State().Followup; got != ActionSessionStart {
		t.Errorf("followup %q", got)
	}
	stored := tr.Rebuilt(true)
	if got := stored.State().Followup; got != ActionListen {
		t.Errorf("followup from the store %q", got)
	}
	if got := stored.Copy().State().Followup; got != ActionSessionStart {
		t.Errorf("followup of a copy %q", got)
	}
}

func TestRebuiltHoldsTheLatestSession(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.Append(&SlotSet{Name: SlotSessionMetadata, Value: map[string]any{"a": 1}}, act(ActionSessionStart), &SessionStarted{},
		act(ActionListen), user("greet"))
	if n := tr.Rebuilt(true).Len(); n != 4 {
		t.Errorf("%d events are held, want 4", n)
	}
	tr.Append(act(ActionSessionStart), &SessionStarted{}, &SlotSet{Name: "city", Value: "Rome"}, act(ActionListen))
	last := tr.Rebuilt(true)
	if got, want := kinds(last.Events(0)), []string{"action_session_start", "session_started", "slot", "action_listen"}; !slices.Equal(got, want) {
		t.Errorf("held %v, want %v", got, want)
	}
	if n := tr.Rebuilt(false).Len(); n != tr.Len() {
		t.Errorf("%d events are held, want all %d", n, tr.Len())
	}
	sessions := tr.Sessions()
	if len(sessions) != 3 || len(sessions[0]) != 1 || len(sessions[1]) != 4 || len(sessions[2]) != 4 {
		t.Errorf("%d sessions: %v", len(sessions), sessions)
	}
	if got := last.LatestInputChannel(); got != "" {
		t.Errorf("input channel of a session without messages: %q", got)
	}
}

func TestUntilReplaysUpToATime(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	for i, e := range []Event{act(ActionListen), user("a"), &SlotSet{Name: "city", Value: "Rome"}, user("b")} {
		e.Head().Timestamp = float64(i + 1)
		tr.Append(e)
	}
	then := tr.Until(2)
	if v, _ := then.Slot("city"); v != nil || then.LatestIntent() != "a" || then.Len() != 2 {
		t.Errorf("city %v, intent %q, %d events", v, then.LatestIntent(), then.Len())
	}
	if tr.Until(9).Len() != 4 || tr.Until(0).Len() != 0 {
		t.Error("a time after or before all events cuts wrongly")
	}
}

// TestUserFeaturizationSpeaksOfAnUnansweredMessage covers use_text_for_featurization.
func TestUserFeaturizationSpeaksOfAnUnansweredMessage(t *testing.T) {
	t.Parallel()
	tr := NewTracker("s", testDomain())
	tr.Append(user("greet"), &UserFeaturization{UseText: true})
	if tr.State().UseText != nil {
		t.Error("the flag was set though the bot was not listening")
	}
	tr.Append(act(ActionListen), user("greet"), &UserFeaturization{UseText: true}, &EntitiesAdded{Entities: []Entity{{Entity: "city"}}},
		&EntitiesAdded{Entities: []Entity{{Entity: "city"}, {Entity: "city", Role: "to"}}})
	if f := tr.State().UseText; f == nil || !*f {
		t.Errorf("flag %v", f)
	}
	if n := len(tr.State().Entities); n != 2 {
		t.Errorf("%d entities, want 2", n)
	}
	text := "hello"
	tr.Append(&UserUttered{Text: &text})
	if f := tr.State().UseText; f == nil || !*f {
		t.Errorf("text without intent: flag %v", f)
	}
	tr.Append(&UserUttered{Parse: Parse{Intent: Intent{Name: "greet"}}})
	if f := tr.State().UseText; f == nil || *f {
		t.Errorf("intent without text: flag %v", f)
	}
}

func TestEmptyTrackerDump(t *testing.T) {
	t.Parallel()
	const want = `{"sender_id":"ö\"","slots":{"city":null,"tags":["x"],"requested_slot":null,"session_started_metadata":null},` +
		`"latest_message":{"intent":{},"entities":[],"text":null,"message_id":null,"metadata":{}},"latest_event_time":null,` +
		`"followup_action":"action_listen","paused":false,"events":[],"latest_input_channel":null,"active_loop":{},` +
		`"latest_action":{},"latest_action_name":null}`
	if got := string(NewTracker(`ö"`, testDomain()).AppendJSON(nil, EventsAll)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBotMessageIsFlat(t *testing.T) {
	t.Parallel()
	m := BotMessage{Event: &BotUttered{
		Header: Header{Timestamp: 3, Metadata: map[string]any{"utter_action": "utter_x", "text": "meta"}},
		Text:   "hi", Data: map[string]any{"image": "i", "attachment": "i", "buttons": nil},
	}}
	want := map[string]any{"image": "i", "attachment": nil, "buttons": nil, "text": "meta", "timestamp": 3.0, "utter_action": "utter_x"}
	if diff := cmp.Diff(want, m.Map()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m.Event.Data["attachment"] != "i" {
		t.Error("the event has changed")
	}
}

func TestExternalEventHasNoConfidence(t *testing.T) {
	t.Parallel()
	entities, err := ExternalEntities(map[string]any{"plant": "Orchid", "day": 1})
	if err != nil {
		t.Fatal("an object of entities is refused")
	}
	const want = `{"event":"user","timestamp":0.0,"metadata":{"is_external":true},"text":"EXTERNAL: remind","parse_data":{"intent":` +
		`{"name":"remind"},"entities":[{"entity":"day","value":1},{"entity":"plant","value":"Orchid"}],"text":"EXTERNAL: remind",` +
		`"message_id":null,"metadata":{"is_external":true}},"input_channel":"rest","message_id":null}`
	if got := string(AppendEventJSON(nil, NewExternal("remind", entities, "rest"))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if e := NewExternal("", nil, "rest"); *e.Text != "EXTERNAL: None" || e.Parse.Intent.Name != "" {
		t.Errorf("without an intent the event is %q of %q", *e.Text, e.Parse.Intent.Name)
	}
	if _, err := ExternalEntities("x"); !errors.Is(err, ErrNotEntities) {
		t.Error("a string is taken for entities")
	}
}

func TestDomainLookups(t *testing.T) {
	t.Parallel()
	d := testDomain()
	d.CustomActions, d.ExplicitDomainActions, d.EndToEndActions = []string{"a"}, []string{"a"}, []string{"Hello!"}
	unfinished := *d
	unfinished.index = nil
	for name, d := range map[string]*Domain{"finished": d.Finish(), "unfinished": &unfinished} {
		if d.ActionIndex(ActionListen) != 0 || d.ActionIndex("f") != 14 || d.ActionIndex("nope") != -1 {
			t.Errorf("%s: action indices are wrong", name)
		}
		yes := []bool{
			d.HasAction("utter_greet"), d.IsUserAction("utter_greet"), d.IsForm("f"), d.HasEntity("city"), d.HasIntent("greet"),
			d.IsRetrievalIntent("faq"), d.IsCustomAction("a"), d.NeedsDomain("a"), d.IsEndToEndAction("Hello!"),
		}
		if slices.Contains(yes, false) {
			t.Errorf("%s: something of the domain is not found: %v", name, yes)
		}
		no := []bool{
			d.HasAction("x"), d.IsUserAction("f"), d.IsForm("utter_greet"), d.HasEntity("x"), d.HasIntent("x"), d.IsRetrievalIntent("greet"),
			d.IsCustomAction("f"), d.NeedsDomain("f"), d.IsEndToEndAction("f"),
		}
		if slices.Contains(no, true) {
			t.Errorf("%s: something is found that is not there: %v", name, no)
		}
		if s, ok := d.Slot("city"); !ok || s != &d.Slots[0] {
			t.Errorf("%s: slot city is %v", name, s)
		}
		if f, ok := d.Form("g"); !ok || f.Name != "g" {
			t.Errorf("%s: form g is %v", name, f)
		}
		if i, ok := d.Intent("faq"); !ok || !i.Retrieval {
			t.Errorf("%s: intent faq is %v", name, i)
		}
		if e, ok := d.Entity("city"); !ok || e.Name != "city" {
			t.Errorf("%s: entity city is %v", name, e)
		}
	}
}

func TestLookupsDoNotAllocate(t *testing.T) { //nolint:paralleltest // AllocsPerRun refuses to run in parallel.
	d := testDomain()
	if n := testing.AllocsPerRun(100, func() { d.ActionIndex("f"); d.HasIntent("greet"); d.NeedsDomain("a") }); n != 0 {
		t.Errorf("look-ups allocate %v times", n)
	}
}
