package action

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestDefaultActions(t *testing.T) {
	t.Parallel()
	spoken := texts("utter_default", "Pardon?", "utter_back", "Back.", "utter_restart", "Anew.", "utter_ask_rephrase", "Again?")
	tests := map[string]struct {
		name, silent, speaking string
	}{
		"listen":            {dialogue.ActionListen, "", ""},
		"unlikely intent":   {dialogue.ActionUnlikelyIntent, "", ""},
		"T18 fallback":      {dialogue.ActionDefaultFallback, "RW", "B(Pardon?) RW"},
		"T20 back":          {dialogue.ActionBack, "RW RW", "B(Back.) RW RW"},
		"T08 restart":       {dialogue.ActionRestart, "RS", "B(Anew.) RS"},
		"ask to rephrase":   {dialogue.ActionAskRephrase, "", "B(Again?)"},
		"deactivate a loop": {dialogue.ActionDeactivateLoop, `L(null) S(requested_slot=null)`, `L(null) S(requested_slot=null)`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := domain(dialogue.Domain{})
			wantRun(t, newActions(t, d, Config{}), test.name, tracker(d, user("x")), test.silent)
			d = domain(dialogue.Domain{Responses: spoken})
			wantRun(t, newActions(t, d, Config{}), test.name, tracker(d, user("x")), test.speaking)
		})
	}
}

func TestUnknownActionIsAnError(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{})
	if _, err := run(t, newActions(t, d, Config{}), "nope", tracker(d)); !errors.Is(err, ErrUnknownAction) {
		t.Errorf("got %v", err)
	}
}

func TestRevertFallbackEventsDoesNothing(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{})
	events, err := run(t, newActions(t, d, Config{}), dialogue.ActionRevertFallback, tracker(d))
	if err == nil || events != nil {
		t.Errorf("got %s, %v, want an error", show(events), err)
	}
}

func TestDefaultActionListedInTheDomainIsRemote(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{CustomActions: []string{dialogue.ActionSessionStart, dialogue.ActionAskAffirmation}})
	s := replies(t, map[string]string{
		dialogue.ActionSessionStart:   `{"events":[{"event":"session_started"}]}`,
		dialogue.ActionAskAffirmation: `{"responses":[{"text":"Really?"}]}`,
	})
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	wantRun(t, a, dialogue.ActionSessionStart, tracker(d), "SS")
	wantRun(t, a, dialogue.ActionTwoStageFallback, tracker(d, user("nlu_fallback")), "L(action_two_stage_fallback) B(Really?)")
}

func TestSessionStartCarriesSlots(t *testing.T) {
	t.Parallel()
	noted := set("name", "Bob")
	noted.Metadata = map[string]any{"model_id": "m"}
	for name, test := range map[string]struct {
		carry bool
		want  string
	}{
		"T03":                     {true, `SS S(name="Bob") S(name="Ann") S(requested_slot=null) A(action_listen)`},
		"T04 without carrying on": {false, `SS A(action_listen)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := domain(dialogue.Domain{CarryOverSlots: test.carry, Slots: []dialogue.Slot{textSlot("name")}})
			tr := tracker(d, user("x"), noted, set("name", "Ann"), set("requested_slot", nil))
			events, err := run(t, newActions(t, d, Config{}), dialogue.ActionSessionStart, tr)
			if err != nil || show(events) != test.want {
				t.Fatalf("got %s, %v, want %s", show(events), err, test.want)
			}
			if test.carry {
				if diff := cmp.Diff(noted.Metadata, events[1].Head().Metadata); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestTwoStageFallback(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{
		Intents: intents("greet", "bye"), Responses: texts("utter_default", "Pardon?", "utter_ask_rephrase", "Again?"),
	})
	a := newActions(t, d, Config{})
	fallback := dialogue.ActionTwoStageFallback
	unsure := user("nlu_fallback")
	unsure.Parse.Ranking = []dialogue.Intent{{Name: "nlu_fallback", Confidence: 0.3}, {Name: "greet", Confidence: 0.2}}
	asked := []dialogue.Event{unsure, act(fallback), loopOn(fallback), act(dialogue.ActionListen)}
	denied := append(asked, user("out_of_scope"), act(fallback), act(dialogue.ActionListen))
	again := append(denied, user("nlu_fallback"), act(fallback), act(dialogue.ActionListen))
	with := func(events []dialogue.Event, more ...dialogue.Event) *dialogue.Tracker {
		return tracker(d, append(slices.Clip(events), more...)...)
	}
	tests := map[string]struct {
		tracker *dialogue.Tracker
		want    string
	}{
		"T71 asks":                    {tracker(d, unsure), "L(action_two_stage_fallback) B(Did you mean 'greet'?)"},
		"without a ranking":           {tracker(d, user("nlu_fallback")), "L(action_two_stage_fallback) B(Did you mean 'nlu_fallback'?)"},
		"T71 affirmed":                {with(asked, user("greet")), "L(null) RW A(action_listen) U(greet)"},
		"T72 denied":                  {with(asked, user("out_of_scope")), "B(Again?)"},
		"T72 rephrased":               {with(denied, user("bye")), "L(null) RW A(action_listen) U(bye)"},
		"T73 not understood again":    {with(denied, user("nlu_fallback")), "B(Did you mean 'nlu_fallback'?)"},
		"T73 denied again":            {with(again, user("out_of_scope")), "L(null) B(Pardon?) RW"},
		"T74 twice in a row":          {with(asked, user("nlu_fallback")), "L(null) B(Pardon?) RW"},
		"denied twice in a row":       {with(denied, user("out_of_scope")), "B(Again?)"},
		"a rewind between two counts": {with(asked, &dialogue.UserReverted{}, user("nlu_fallback")), "L(action_two_stage_fallback) B(Did you mean 'nlu_fallback'?)"},
		"a restart ends the history":  {with(asked, &dialogue.Restarted{}, user("nlu_fallback")), "L(action_two_stage_fallback) B(Did you mean 'nlu_fallback'?)"},
		"clear from the start":        {tracker(d, user("greet")), "L(action_two_stage_fallback) L(null) RW A(action_listen) U(greet)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRun(t, a, fallback, test.tracker, test.want)
		})
	}

	t.Run("the clarified message is certain", func(t *testing.T) {
		t.Parallel()
		message := user("greet")
		events, err := run(t, a, fallback, with(asked, message))
		if err != nil || len(events) != 4 {
			t.Fatalf("%s, %v", show(events), err)
		}
		clarified := events[3].(*dialogue.UserUttered)
		if clarified.Parse.Intent.Confidence != 1 || message.Parse.Intent.Confidence != 0.9 {
			t.Errorf("confidence %v, that of the original %v", clarified.Parse.Intent.Confidence, message.Parse.Intent.Confidence)
		}
	})
}

func TestAskAffirmationHasButtons(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{})
	a := newActions(t, d, Config{})
	events, err := run(t, a, dialogue.ActionAskAffirmation, tracker(d, user("greet")))
	if err != nil {
		t.Fatal(err)
	}
	want := []dialogue.Event{&dialogue.BotUttered{
		Header: dialogue.Header{Metadata: map[string]any{"utter_action": "action_default_ask_affirmation"}},
		Text:   "Did you mean 'greet'?",
		Data: map[string]any{
			"elements": nil, "quick_replies": nil, "attachment": nil, "image": nil, "custom": nil,
			"buttons": []any{
				map[string]any{"title": "Yes", "payload": "/greet"}, map[string]any{"title": "No", "payload": "/out_of_scope"},
			},
		},
	}}
	if diff := cmp.Diff(want, events, cmpEvents); diff != "" {
		t.Error(diff)
	}
	wantRun(t, a, dialogue.ActionAskAffirmation, tracker(d, user("")), "B(Did you mean 'None'?)")
	if _, err := run(t, a, dialogue.ActionAskAffirmation, tracker(d)); err == nil {
		t.Error("no error without a message")
	}
}

// TestFailingNLGDoesNotSwallowReverts is quirk Q12, which is not copied.
func TestFailingNLGDoesNotSwallowReverts(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, _ *request) { w.WriteHeader(http.StatusInternalServerError) })
	d := domain(dialogue.Domain{})
	a := newActions(t, d, Config{NLG: s.endpoint()})
	for name, want := range map[string]string{
		dialogue.ActionDefaultFallback: "RW", dialogue.ActionBack: "RW RW", dialogue.ActionRestart: "RS",
	} {
		wantRun(t, a, name, tracker(d, user("x")), want)
	}
	if _, err := run(t, a, dialogue.ActionAskRephrase, tracker(d, user("x"))); err == nil {
		t.Error("no error for a response that failed")
	}
}

func TestRetrievalResponses(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{
		Intents:       []dialogue.IntentSpec{{Name: "faq", Retrieval: true}},
		Responses:     texts("utter_faq/open", "At nine.", "utter_faq/close", "At five."),
		CustomActions: []string{"utter_faq"},
	})
	a := newActions(t, d, Config{})
	picks := func(utter any) map[string]any {
		return map[string]any{"response": map[string]any{"utter_action": utter}}
	}
	tests := map[string]struct {
		selector map[string]any
		want     string
		fails    bool
	}{
		"its own selector":         {selector: map[string]any{"faq": picks("utter_faq/open"), "default": picks("utter_faq/close")}, want: "B(At nine.)"},
		"the default selector":     {selector: map[string]any{"default": picks("utter_faq/close")}, want: "B(At five.)"},
		"another selector":         {selector: map[string]any{"chitchat": picks("utter_x")}},
		"a response that is gone":  {selector: map[string]any{"faq": picks("utter_faq/gone")}},
		"no selector":              {fails: true},
		"a selector without reply": {selector: map[string]any{"faq": map[string]any{}}, fails: true},
		"a broken selector":        {selector: map[string]any{"faq": picks(nil)}, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := user("faq")
			message.Parse.Selector = test.selector
			events, err := run(t, a, "utter_faq", tracker(d, message))
			if (err != nil) != test.fails || show(events) != test.want {
				t.Errorf("got %s, %v, want %s", show(events), err, test.want)
			}
			if len(events) > 0 && events[0].Head().Metadata["utter_action"] == "utter_faq" {
				t.Error("the event names the action, not the response")
			}
		})
	}
}

func TestEndToEndText(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{EndToEndActions: []string{"Hi {name}!"}})
	a := newActions(t, d, Config{})
	want := []dialogue.Event{&dialogue.BotUttered{Text: "Hi {name}!", Data: noData}}
	if diff := cmp.Diff(want, a.Text("Hi {name}!"), cmpEvents); diff != "" {
		t.Error(diff)
	}
	wantRun(t, a, "Hi {name}!", tracker(d), "B(Hi {name}!)")
}
