package action

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"parley/dialogue"
)

// extract runs the extraction on a copy of a tracker and compares its events in shorthand.
func wantExtract(t *testing.T, a *Actions, tr *dialogue.Tracker, want string) {
	t.Helper()
	events, err := a.ExtractSlots(context.Background(), Call{Tracker: tr.Copy(), Channel: "collector"})
	if err != nil {
		t.Error(err)
		return
	}
	if got := show(events); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestExtractSlots(t *testing.T) {
	t.Parallel()
	inForm := func(requested string, events ...dialogue.Event) []dialogue.Event {
		return append([]dialogue.Event{
			user("request"), act("f"), loopOn("f"), set("requested_slot", requested), act(dialogue.ActionListen),
		}, events...)
	}
	city := entity{name: "city", value: "Rome"}
	text := dialogue.Mapping{Type: dialogue.FromText}
	when := func(m dialogue.Mapping, conditions ...dialogue.MappingCondition) dialogue.Mapping {
		m.Conditions = conditions
		return m
	}
	list := textSlot("cities", fromEntity("city"))
	list.Type = dialogue.SlotList
	textList := textSlot("words", text)
	textList.Type = dialogue.SlotList

	tests := map[string]struct {
		slots    []dialogue.Slot
		required []string
		ignored  []string
		events   []dialogue.Event
		want     string
	}{
		"T35 the same value again": {
			slots: []dialogue.Slot{textSlot("city", fromEntity("city"))}, events: []dialogue.Event{set("city", "Rome"), user("inform", city)},
			want: `S(city="Rome")`,
		},
		"T36 the last of two entities": {
			slots:  []dialogue.Slot{textSlot("city", fromEntity("city")), list},
			events: []dialogue.Event{user("inform", city, entity{name: "city", value: "Oslo"})},
			want:   `S(city="Oslo") S(cities=["Rome","Oslo"])`,
		},
		"T37 a mapping without role takes no entity with one": {
			slots: []dialogue.Slot{
				textSlot("city", fromEntity("city")),
				textSlot("from", dialogue.Mapping{Type: dialogue.FromEntity, Entity: "city", Role: "from"}),
			},
			events: []dialogue.Event{user("inform", entity{name: "city", role: "from", value: "Rome"})},
			want:   `S(from="Rome")`,
		},
		"T38 the first mapping that gives something": {
			slots:  []dialogue.Slot{textSlot("city", fromEntity("city"), text)},
			events: []dialogue.Event{said("to Rome", "inform", city)}, want: `S(city="Rome")`,
		},
		"T38 the next mapping": {
			slots:  []dialogue.Slot{textSlot("city", fromEntity("city"), text)},
			events: []dialogue.Event{said("hello", "inform")}, want: `S(city="hello")`,
		},
		"T39 an allowed intent fills even if the form ignores it": {
			slots: []dialogue.Slot{
				textSlot("ok", dialogue.Mapping{Type: dialogue.FromIntent, Intents: []string{"affirm"}, Value: true}),
				textSlot("other", dialogue.Mapping{Type: dialogue.FromIntent, NotIntents: []string{"deny"}, Value: 1}),
			},
			ignored: []string{"affirm"}, events: inForm("ok", user("affirm")), want: `S(ok=true)`,
		},
		"T39 a denied intent": {
			slots:  []dialogue.Slot{textSlot("other", dialogue.Mapping{Type: dialogue.FromIntent, NotIntents: []string{"deny"}, Value: 1})},
			events: []dialogue.Event{user("deny")}, want: "",
		},
		"ignored intents do not count for a mapping of another loop": {
			slots:   []dialogue.Slot{textSlot("x", when(text, dialogue.MappingCondition{ActiveLoop: new("g")}, dialogue.MappingCondition{}))},
			ignored: []string{"affirm"}, events: inForm("x", user("affirm")), want: "",
		},
		"T40 a condition on loop and slot": {
			slots:  []dialogue.Slot{textSlot("num", when(text, dialogue.MappingCondition{ActiveLoop: new("f"), RequestedSlot: "num"}))},
			events: inForm("num", said("4", "inform")), want: `S(num="4")`,
		},
		"T40 another slot is asked for": {
			slots:  []dialogue.Slot{textSlot("num", when(text, dialogue.MappingCondition{ActiveLoop: new("f"), RequestedSlot: "num"}))},
			events: inForm("city", said("4", "inform")), want: "",
		},
		"T40 no loop is wanted and none active": {
			slots:  []dialogue.Slot{textSlot("num", when(text, dialogue.MappingCondition{}))},
			events: []dialogue.Event{said("4", "inform")}, want: `S(num="4")`,
		},
		"T40 no loop is wanted and one active": {
			slots:  []dialogue.Slot{textSlot("num", when(text, dialogue.MappingCondition{}))},
			events: inForm("num", said("4", "inform")), want: "",
		},
		"T41 the loop was rejected and still asks": {
			slots:  []dialogue.Slot{textSlot("num", when(text, dialogue.MappingCondition{ActiveLoop: new("f"), RequestedSlot: "num"}))},
			events: inForm("num", user("faq"), rejected("f"), act("utter_faq"), act(dialogue.ActionListen), said("4", "inform")),
			want:   "",
		},
		"an entity and an intent that the domain does not have": {
			slots: []dialogue.Slot{
				textSlot("a", fromEntity("nope")),
				textSlot("b", dialogue.Mapping{Type: dialogue.FromIntent, Intents: []string{"inform", "nope"}, Value: 1}),
			},
			events: []dialogue.Event{user("inform", entity{name: "nope", value: 1})}, want: "",
		},
		"null only takes a value away": {
			slots: []dialogue.Slot{
				textSlot("a", fromEntity("city")), textSlot("b", fromEntity("city")),
			},
			events: []dialogue.Event{set("b", "old"), user("inform", entity{name: "city"})}, want: `S(b=null)`,
		},
		"a message without text gives a list null": {
			slots:  []dialogue.Slot{textList, textSlot("t", text)},
			events: []dialogue.Event{&dialogue.UserUttered{Parse: dialogue.Parse{Intent: dialogue.Intent{Name: "inform"}}}},
			want:   `S(words=[null])`,
		},
		"entities of policies count": {
			slots: []dialogue.Slot{textSlot("city", fromEntity("city"))},
			events: []dialogue.Event{
				act(dialogue.ActionListen), said("to Rome", ""),
				&dialogue.EntitiesAdded{Entities: []dialogue.Entity{{Entity: "city", Value: "Rome"}}},
			},
			want: `S(city="Rome")`,
		},
		"built-in slots are left alone": {
			slots:  []dialogue.Slot{{Name: "own", Builtin: true, Mappings: []dialogue.Mapping{text}}},
			events: []dialogue.Event{said("x", "inform")}, want: "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			required := test.required
			if required == nil {
				for _, s := range test.slots {
					required = append(required, s.Name)
				}
			}
			d := domain(dialogue.Domain{
				Intents: intents("inform", "affirm", "deny", "request", "faq"), Entities: entities("city"),
				Slots: test.slots, Forms: []dialogue.Form{{Name: "f", RequiredSlots: required, IgnoredIntents: test.ignored}},
			})
			wantExtract(t, newActions(t, d, Config{}), tracker(d, test.events...), test.want)
		})
	}
}

// TestExtractUniqueEntities is T42: an entity that several slots of a form could take fills only the one that was asked for.
func TestExtractUniqueEntities(t *testing.T) {
	t.Parallel()
	role := func(r string) dialogue.Mapping {
		return dialogue.Mapping{Type: dialogue.FromEntity, Entity: "city", Role: r}
	}
	d := domain(dialogue.Domain{
		Intents: intents("inform", "request"), Entities: entities("city", "date"),
		Slots: []dialogue.Slot{
			textSlot("dep", role("from"), fromEntity("city")), textSlot("arr", role("to"), fromEntity("city")),
			textSlot("date", fromEntity("date")), textSlot("elsewhere", fromEntity("city")),
		},
		Forms: []dialogue.Form{{Name: "f", RequiredSlots: []string{"dep", "arr", "date"}}},
	})
	a := newActions(t, d, Config{})
	plain := entity{name: "city", value: "Rome"}
	tests := map[string]struct {
		requested string
		entity    entity
		want      string
	}{
		"asking for another slot":  {"date", plain, `S(elsewhere="Rome")`},
		"with a role":              {"date", entity{name: "city", role: "to", value: "Rome"}, `S(arr="Rome")`},
		"asking for one of them":   {"dep", plain, `S(dep="Rome") S(elsewhere="Rome")`},
		"asking for the other one": {"arr", plain, `S(arr="Rome") S(elsewhere="Rome")`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := tracker(d, user("request"), act("f"), loopOn("f"), set("requested_slot", test.requested),
				act(dialogue.ActionListen), user("inform", test.entity))
			wantExtract(t, a, tr, test.want)
		})
	}
}

func customSlot(name, action string) dialogue.Slot {
	s := textSlot(name, dialogue.Mapping{Type: dialogue.CustomMapping, Action: action})
	s.Type = dialogue.SlotAny
	return s
}

func TestExtractRunsCustomActionsOnce(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{ // T43
		Intents: intents("inform"), Entities: entities("city"),
		Slots: []dialogue.Slot{
			textSlot("city", fromEntity("city")), customSlot("street", "action_calc"), customSlot("zip", "action_calc"), customSlot("none", ""),
		},
		CustomActions: []string{"action_calc"},
	})
	s := replies(t, map[string]string{"action_calc": `{"events":[
		{"event":"slot","name":"street","value":"Via"},{"event":"followup","name":"utter_x"},{"event":"slot","name":"other","value":1}],
		"responses":[{"text":"dropped"}]}`})
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	wantExtract(t, a, tracker(d, user("inform", entity{name: "city", value: "Rome"})), `S(city="Rome") S(street="Via") S(other=1)`)
	requests := s.taken()
	if len(requests) != 1 {
		t.Fatalf("%d calls, want 1", len(requests))
	}
	if got := requests[0].events(t); got != "U(inform)" {
		t.Errorf("the action saw %s, want the message only", got)
	}
}

func TestExtractValidates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status      int
		reply, want string
	}{
		"T44 rejects a candidate":       {200, `{"events":[{"event":"slot","name":"city","value":null}]}`, `S(city=null)`},
		"T44 adds another slot":         {200, `{"events":[{"event":"slot","name":"zip","value":1}]}`, `S(zip=1) S(city="Rome")`},
		"speaks":                        {200, `{"responses":[{"text":"Checked."}]}`, `B(Checked.) S(city="Rome")`},
		"is refused other events":       {200, `{"events":[{"event":"followup","name":"x"},{"event":"action_execution_rejected","name":"x"}]}`, `S(city="Rome")`},
		"fails":                         {500, `{}`, `S(city="Rome")`},
		"rejects":                       {400, `{"action_name":"x"}`, `S(city="Rome")`},
		"Q15 has an invalid reply":      {200, `{"events":null}`, `S(city="Rome")`},
		"Q15 has no JSON":               {200, `{`, `S(city="Rome")`},
		"Q15 rejects without its name":  {400, `no`, `S(city="Rome")`},
		"T44 is asked for every answer": {200, `{}`, `S(city="Rome")`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := domain(dialogue.Domain{
				Intents: intents("inform"), Entities: entities("city"), Slots: []dialogue.Slot{textSlot("city", fromEntity("city"))},
				CustomActions: []string{dialogue.ActionValidateSlotMappings},
			})
			s := newServer(t, func(w http.ResponseWriter, _ *request) { reply(w, test.status, test.reply) })
			a := newActions(t, d, Config{ActionServer: s.endpoint()})
			wantExtract(t, a, tracker(d, user("inform", entity{name: "city", value: "Rome"})), test.want)
			requests := s.taken()
			if len(requests) != 1 || requests[0].events(t) != `U(inform) S(city="Rome")` {
				t.Errorf("the validator saw %v", requests)
			}
			_, _ = a.ExtractSlots(t.Context(), Call{Tracker: tracker(d, user("inform"))})
			if n := len(s.taken()); n != 1 {
				t.Errorf("%d calls without a candidate, want 1", n)
			}
		})
	}
}

func TestExtractWithoutServerKeepsOtherSlots(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{
		Intents: intents("inform"), Entities: entities("city"),
		Slots: []dialogue.Slot{customSlot("x", "action_x"), textSlot("city", fromEntity("city"))},
	})
	wantExtract(t, newActions(t, d, Config{}), tracker(d, user("inform", entity{name: "city", value: "Rome"})), `S(city="Rome")`)
}

func TestExtractEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d := domain(dialogue.Domain{Slots: []dialogue.Slot{customSlot("x", "action_x")}})
	s := replies(t, nil)
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.ExtractSlots(ctx, Call{Tracker: tracker(d, user("x"))}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestExtractWithoutAnythingToSetCostsNothing(t *testing.T) {
	slots := make([]dialogue.Slot, 30)
	for i := range slots {
		slots[i] = textSlot("slot"+strings.Repeat("x", i), fromEntity("city"))
	}
	d := domain(dialogue.Domain{Intents: intents("greet"), Entities: entities("city"), Slots: slots})
	a := newActions(t, d, Config{})
	c := Call{Tracker: tracker(d, user("greet"))}
	if n := testing.AllocsPerRun(100, func() { _, _ = a.ExtractSlots(context.Background(), c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
