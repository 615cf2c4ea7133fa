package action

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// formDomain is "form F" of the specification, and a second form g.
func formDomain(custom ...string) *dialogue.Domain {
	return domain(dialogue.Domain{
		Intents:  intents("request", "inform", "faq", "weather"),
		Entities: entities("cuisine", "num", "outdoor"),
		Slots: []dialogue.Slot{
			textSlot("cuisine", fromEntity("cuisine")), textSlot("num", fromEntity("num")), textSlot("outdoor", fromEntity("outdoor")),
		},
		Forms: []dialogue.Form{
			{Name: "f", RequiredSlots: []string{"cuisine", "num"}},
			{Name: "g", RequiredSlots: []string{"outdoor"}},
			{Name: "nothing"},
		},
		Responses: texts("utter_ask_cuisine", "Cuisine?", "utter_ask_num", "How many, {cuisine}?", "utter_ask_outdoor", "Outside?"),

		CustomActions: custom,
	})
}

// asking is a conversation in which f asks for a slot.
func asking(d *dialogue.Domain, slot string, events ...dialogue.Event) *dialogue.Tracker {
	return tracker(d, append([]dialogue.Event{
		user("request"), act("f"), loopOn("f"), set("requested_slot", slot), act(dialogue.ActionListen),
	}, events...)...)
}

func TestFormEvents(t *testing.T) {
	t.Parallel()
	d := formDomain()
	a := newActions(t, d, Config{})
	tests := map[string]struct {
		form    string
		tracker *dialogue.Tracker
		want    string
	}{
		"T49 activates and asks": {
			"f", tracker(d, user("request")), "L(f) S(requested_slot=\"cuisine\") B(Cuisine?)",
		},
		"T49 asks for the next slot": {
			"f", asking(d, "cuisine", user("inform", entity{name: "cuisine", value: "thai"}), set("cuisine", "thai")),
			"S(requested_slot=\"num\") B(How many, thai?)",
		},
		"T49 ends when all is filled": {
			"f", asking(d, "num", set("cuisine", "thai"), user("inform"), set("num", 4)), "S(requested_slot=null) L(null)",
		},
		"T50 repeats the slot of the activating message": {
			"f", tracker(d, user("request", entity{name: "cuisine", value: "thai"}), set("cuisine", "thai")),
			"L(f) S(cuisine=\"thai\") S(requested_slot=\"num\") B(How many, thai?)",
		},
		"T51 does not ask for what earlier turns filled": {
			"f", tracker(d, user("inform"), set("cuisine", "thai"), act(dialogue.ActionListen), user("request")),
			"L(f) S(requested_slot=\"num\") B(How many, thai?)",
		},
		"T52 ends at once": {
			"f", tracker(d, user("inform"), set("cuisine", "thai"), set("num", 1), act(dialogue.ActionListen), user("request")),
			"L(f) S(requested_slot=null) L(null)",
		},
		"T53 takes another required slot": {
			"f", asking(d, "cuisine", user("inform"), set("num", 4)), "S(requested_slot=\"cuisine\") B(Cuisine?)",
		},
		"T68 begins though another form asks": {
			"g", asking(d, "num", user("request"), rejected("f")), "L(g) S(requested_slot=\"outdoor\") B(Outside?)",
		},
		"comes back from an unhappy path without validating": {
			"f", asking(d, "cuisine", user("faq"), rejected("f"), act("utter_faq")), "S(requested_slot=\"cuisine\") B(Cuisine?)",
		},
		"an interrupted loop is not validated": {
			"f", asking(d, "cuisine", user("inform"), &dialogue.LoopInterrupted{IsInterrupted: true}),
			"S(requested_slot=\"cuisine\") B(Cuisine?)",
		},
		"a form without slots ends at once": {
			"nothing", tracker(d, user("request")), "L(nothing) S(requested_slot=null) L(null)",
		},
		"action_deactivate_loop": {
			dialogue.ActionDeactivateLoop, asking(d, "cuisine", user("faq"), rejected("f")), "L(null) S(requested_slot=null)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRun(t, a, test.form, test.tracker, test.want)
		})
	}
}

func TestFormRejectsWhenNothingIsFilled(t *testing.T) {
	t.Parallel()
	d := formDomain()
	a := newActions(t, d, Config{})
	tests := map[string][]dialogue.Event{
		"T54 another intent":          {user("faq")},
		"a slot that is not required": {user("inform"), set("outdoor", "yes")},
		"slots of the message before": {set("num", 3), user("faq")},
		"two messages before":         {user("inform"), set("cuisine", "thai"), user("faq")},
	}
	for name, events := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := run(t, a, "f", asking(d, "cuisine", events...))
			var rejection *RejectedError
			if !errors.As(err, &rejection) || rejection.Action != "f" {
				t.Errorf("got %s, %v, want a rejection of f", show(events), err)
			}
		})
	}
}

func TestFormValidator(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reply, want string
		rejected    bool
	}{
		"T62 rejects a value": {
			reply: `{"events":[{"event":"slot","name":"cuisine","value":null}],"responses":[{"text":"No."}]}`,
			want:  `B(No.) S(cuisine=null) S(requested_slot="cuisine") B(Cuisine?)`,
		},
		"changes a value": {
			reply: `{"events":[{"event":"slot","name":"cuisine","value":"Thai food"}]}`,
			want:  `S(cuisine="Thai food") S(requested_slot="num") B(How many, Thai food?)`,
		},
		"T63 chooses the next slot": {
			reply: `{"events":[{"event":"slot","name":"requested_slot","value":"outdoor"}]}`,
			want:  `S(requested_slot="outdoor") B(Outside?)`,
		},
		"T64 ends the form": {
			reply: `{"events":[{"event":"slot","name":"requested_slot","value":null}]}`,
			want:  `S(requested_slot=null) S(requested_slot=null) L(null)`,
		},
		"ends the form by deactivating it": {
			reply: `{"events":[{"event":"active_loop","name":null}]}`,
			want:  `L(null) S(requested_slot=null) L(null)`,
		},
		"asks for what nobody asks for": {
			reply: `{"events":[{"event":"slot","name":"requested_slot","value":"unheard"}]}`,
			want:  `S(requested_slot="unheard")`,
		},
		"the first choice of a slot counts, the last end": {
			reply: `{"events":[{"event":"slot","name":"requested_slot","value":null},{"event":"slot","name":"requested_slot","value":"num"}]}`,
			want:  `S(requested_slot=null) S(requested_slot="num") S(requested_slot="num") B(How many, thai?)`,
		},
		"rejects by event": {
			reply: `{"events":[{"event":"slot","name":"cuisine","value":"kept"},{"event":"action_execution_rejected","name":"f"}]}`,
			want:  `S(cuisine="kept") REJ(f)`,
		},
		"says nothing": {reply: `{}`, want: `S(requested_slot="num") B(How many, thai?)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := formDomain("validate_f")
			s := replies(t, map[string]string{"validate_f": test.reply})
			a := newActions(t, d, Config{ActionServer: s.endpoint()})
			tr := asking(d, "cuisine", user("inform", entity{name: "cuisine", value: "thai"}), set("cuisine", "thai"))
			wantRun(t, a, "f", tr, test.want)
			requests := s.taken()
			if len(requests) != 1 {
				t.Fatalf("%d calls, want 1", len(requests))
			}
			want := `U(request) A(f) L(f) S(requested_slot="cuisine") A(action_listen) U(inform) S(cuisine="thai") ` +
				`S(requested_slot="cuisine") A(f) S(cuisine="thai")`
			if diff := cmp.Diff(want, requests[0].events(t)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFormActivationAsksItsValidator(t *testing.T) {
	t.Parallel()
	d := formDomain("validate_f", "action_ask_f_cuisine")
	s := replies(t, map[string]string{"action_ask_f_cuisine": `{"responses":[{"text":"Which cuisine?"}]}`})
	a := newActions(t, d, Config{ActionServer: s.endpoint()})

	wantRun(t, a, "f", tracker(d, user("request")), `L(f) S(requested_slot="cuisine") B(Which cuisine?)`)
	var got []string
	for _, r := range s.taken() {
		got = append(got, r.name()+": "+r.events(t))
	}
	want := []string{ // the second call comes from the form's first run, on which the loop is not yet active
		`validate_f: U(request) L(f) S(requested_slot=null) A(f)`,
		`validate_f: U(request) S(requested_slot=null) A(f)`,
		`action_ask_f_cuisine: U(request) S(requested_slot=null) A(f) L(f)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	message := user("request", entity{name: "num", value: 2}, entity{name: "cuisine", value: "thai"})
	wantRun(t, a, "f", tracker(d, message, set("cuisine", "thai"), set("num", 2)),
		`L(f) S(cuisine="thai") S(num=2) S(requested_slot=null) L(null)`)
	requests := s.taken()
	want = []string{`U(request) S(cuisine="thai") S(num=2) L(f) S(cuisine="thai") S(num=2) S(requested_slot=null) A(f) ` +
		`S(cuisine="thai") S(num=2)`}
	if len(requests) != 1 || cmp.Diff(want[0], requests[0].events(t)) != "" {
		t.Errorf("got %v, want one call with %s", requests, want[0])
	}
}

func TestFormValidatorKeepsWhatItChanges(t *testing.T) {
	t.Parallel()
	d := formDomain("validate_f")
	s := replies(t, map[string]string{"validate_f": `{"events":[{"event":"slot","name":"cuisine","value":null}]}`})
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	message := user("request", entity{name: "num", value: 2}, entity{name: "cuisine", value: "mud"})
	wantRun(t, a, "f", tracker(d, message, set("cuisine", "mud"), set("num", 2)),
		`L(f) S(cuisine=null) S(num=2) S(requested_slot="cuisine") B(Cuisine?)`)
}

func TestFormWhoseHelperFailsLosesAllEvents(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"T65 down": http.StatusInternalServerError, "rejects": http.StatusBadRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := formDomain("validate_f")
			s := newServer(t, func(w http.ResponseWriter, _ *request) { reply(w, status, `{"action_name":"validate_f"}`) })
			a := newActions(t, d, Config{ActionServer: s.endpoint()})
			events, err := run(t, a, "f", tracker(d, user("request")))
			var rejection *RejectedError
			if err == nil || events != nil || errors.As(err, &rejection) != (status == http.StatusBadRequest) {
				t.Errorf("got %s, %v", show(events), err)
			}
		})
	}
}

func TestFormAskPrecedence(t *testing.T) {
	t.Parallel()
	names := []string{"action_ask_f_cuisine", "utter_ask_f_cuisine", "action_ask_cuisine", "utter_ask_cuisine"}
	for i := range names {
		t.Run("T66 "+names[i], func(t *testing.T) {
			t.Parallel()
			bodies := map[string]string{}
			spec := dialogue.Domain{
				Slots:     []dialogue.Slot{textSlot("cuisine")},
				Forms:     []dialogue.Form{{Name: "f", RequiredSlots: []string{"cuisine"}}},
				Responses: map[string][]dialogue.Response{},
			}
			for _, name := range names[i:] {
				if name[0] == 'a' {
					spec.CustomActions = append(spec.CustomActions, name)
					bodies[name] = `{"responses":[{"text":"` + name + `"}]}`
				} else {
					spec.Responses[name] = texts(name, name)[name]
				}
			}
			d := domain(spec)
			a := newActions(t, d, Config{ActionServer: replies(t, bodies).endpoint()})
			wantRun(t, a, "f", tracker(d, user("request")), `L(f) S(requested_slot="cuisine") B(`+names[i]+`)`)
		})
	}
}

func TestFormFillsFromTheTriggeringIntent(t *testing.T) {
	t.Parallel()
	f := "f"
	d := domain(dialogue.Domain{
		Intents: intents("request"),
		Slots: []dialogue.Slot{
			textSlot("kind", dialogue.Mapping{Type: dialogue.FromTriggerIntent, Intents: []string{"request"}, Value: "table"}),
			textSlot("size", dialogue.Mapping{
				Type: dialogue.FromTriggerIntent, Intents: []string{"request"}, Value: "big", Conditions: []dialogue.MappingCondition{{ActiveLoop: &f}},
			}),
			textSlot("never", dialogue.Mapping{
				Type: dialogue.FromTriggerIntent, Intents: []string{"request"}, Value: "x", Conditions: []dialogue.MappingCondition{{ActiveLoop: new(string)}},
			}),
		},
		Forms: []dialogue.Form{{Name: "f", RequiredSlots: []string{"kind", "never"}}},
	})
	a := newActions(t, d, Config{})
	tr := tracker(d, user("request"))
	wantRun(t, a, dialogue.ActionExtractSlots, tr, "")
	wantRun(t, a, "f", tr, `L(f) S(kind="table") S(size="big") S(requested_slot="never")`)
}

func TestFormListedAsActionIsRemote(t *testing.T) {
	t.Parallel()
	d := formDomain("f")
	s := replies(t, map[string]string{"f": `{"events":[{"event":"active_loop","name":"f"}]}`})
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	wantRun(t, a, "f", tracker(d, user("request")), "L(f)") // T70
	wantRun(t, a, "f", asking(d, "cuisine", user("faq")), "L(f)")
	if n := len(s.taken()); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestFormSeesOnlyWhatFollowsARestart(t *testing.T) {
	t.Parallel()
	d := formDomain("validate_f")
	s := replies(t, nil)
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	tr := asking(d, "cuisine", user("restart"), act(dialogue.ActionRestart), &dialogue.Restarted{})
	tr.Record(1700000100, append(prelude(), user("request"))...)
	wantRun(t, a, "f", tr, `L(f) S(requested_slot="cuisine") B(Cuisine?)`)
	for _, r := range s.taken() {
		if events, _ := r.tracker("events").([]any); len(events) > 8 {
			t.Errorf("%s got %d events, some of them from before the restart", r.name(), len(events))
		}
	}
}
