package agent_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"parley/agent"
	"parley/dialogue"
	"parley/trackerstore"
)

// fuzzDomain and fuzzData have what turns can be made of: rules, a story, forms with and without slots and validator, a two-stage
// fallback, custom actions, every slot type.
const (
	fuzzDomain = `
intents: [greet, request, inform, stop, blank, call, tell, remind]
entities: [city, count]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
  count: {type: float, max_value: 10, mappings: [{type: from_entity, entity: count}]}
  open: {type: bool, mappings: [{type: from_intent, intent: stop, value: true}]}
  tags: {type: list, mappings: [{type: from_entity, entity: city}]}
  size: {type: categorical, values: [small, big], mappings: [{type: from_entity, entity: count}]}
  note: {type: any, mappings: [{type: from_text, conditions: [{active_loop: f, requested_slot: count}]}]}
forms:
  f: {required_slots: [city, count], ignored_intents: stop}
  g: {required_slots: [open]}
  empty: {required_slots: []}
actions: [action_x, validate_f, action_ask_open]
responses:
  utter_greet: [{text: "Hello {city}"}]
  utter_ask_city: [{text: City?}]
  utter_ask_count: [{text: Count?}]
  utter_done: [{text: Done, buttons: [{title: a, payload: /greet}]}]
  utter_told: [{text: Told}]
session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: true}
`
	fuzzData = `
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: request
  steps: [{intent: request}, {action: f}, {active_loop: f}]
- rule: stop
  condition: [{active_loop: f}]
  steps: [{intent: stop}, {action: action_deactivate_loop}, {active_loop: null}]
- rule: done
  condition: [{active_loop: f}]
  steps: [{action: f}, {active_loop: null}, {action: utter_done}]
- rule: blank
  steps: [{intent: blank}, {action: empty}, {active_loop: null}, {action: utter_done}]
- rule: other
  steps: [{intent: remind}, {action: g}, {active_loop: g}]
- rule: call
  steps: [{intent: call}, {action: action_x}]
- rule: unsure
  steps: [{intent: nlu_fallback}, {action: action_two_stage_fallback}, {active_loop: action_two_stage_fallback}]
stories:
- story: tell
  steps: [{intent: tell}, {action: utter_told}, {intent: tell}, {action: utter_done}]
`
)

var fuzzMessages = []string{
	"/greet", "/request", `/inform{"city": "Rome"}`, `/inform{"count": 4}`, `/inform{"city": ["a", null], "count": "x"}`, "/stop", "/blank",
	"/call", "/tell", "/remind", "/restart", "/back", "/session_start", "/out_of_scope", "/nlu_fallback", "/nonsense", "hello", "", "\x00 /",
}

// fuzzReplies are what the action server answers: events of all kinds, some of which make no sense, and no JSON at all.
var fuzzReplies = []answer{
	{200, `{"events": [], "responses": []}`},
	{200, `{"events": [{"event": "slot", "name": "city", "value": null}], "responses": [{"response": "utter_greet"}]}`},
	{200, `{"events": [{"event": "slot", "name": "requested_slot", "value": "city"}]}`},
	{200, `{"events": [{"event": "slot", "name": "requested_slot", "value": null}]}`},
	{200, `{"events": [{"event": "slot", "name": "unknown", "value": {"a": [1, 2.5, null]}}]}`},
	{200, `{"events": [{"event": "slot", "name": "count", "value": "many"}, {"event": "slot", "name": "size", "value": {"a": 1}}]}`},
	{200, `{"events": [{"event": "followup", "name": "action_x"}]}`},
	{200, `{"events": [{"event": "followup", "name": "nonsense"}]}`},
	{200, `{"events": [{"event": "undo"}]}`},
	{200, `{"events": [{"event": "rewind"}, {"event": "rewind"}]}`},
	{200, `{"events": [{"event": "restart"}]}`},
	{200, `{"events": [{"event": "session_started"}, {"event": "pause"}]}`},
	{200, `{"events": [{"event": "resume"}, {"event": "reset_slots"}]}`},
	{200, `{"events": [{"event": "active_loop", "name": "nonsense"}]}`},
	{200, `{"events": [{"event": "active_loop", "name": "f"}]}`},
	{200, `{"events": [{"event": "form", "name": "g"}, {"event": "form_validation", "validate": false}]}`},
	{200, `{"events": [{"event": "active_loop", "name": null}]}`},
	{200, `{"events": [{"event": "action_execution_rejected", "name": "f"}]}`},
	{200, `{"events": [{"event": "action", "name": "action_listen"}, {"event": "action", "action_text": "text"}]}`},
	{200, `{"events": [{"event": "action", "name": "never heard of"}]}`},
	{200, `{"events": [{"event": "user", "text": "/stop", "parse_data": {"intent": {"name": "stop"}, "entities": [{"entity": "city", "value": 5}]}}]}`},
	{200, `{"events": [{"event": "bot", "text": null, "data": null}, {"event": "agent", "text": "a"}, {"event": "entities", "entities": []}]}`},
	{200, `{"events": [{"event": "reminder", "intent": "remind", "date_time": "2023-11-14T23:00:00", "name": "r"}, {"event": "cancel_reminder"}]}`},
	{200, `{"events": [{"event": "user_featurization", "use_text_for_featurization": true}, {"event": "loop_interrupted", "is_interrupted": true}]}`},
	{200, `{"events": [{"event": "nonsense"}]}`},
	{200, `{"events": null, "responses": 5}`},
	{200, `{"responses": [{"text": 5}]}`},
	{200, `[]`},
	{200, `oops`},
	{400, `{"action_name": "action_x", "error": "no"}`},
	{500, ``},
	{204, ``},
}

// fuzzEvents are what clients post.
var fuzzEvents = `[{"event": "pause"}, {"event": "resume"}, {"event": "restart"}, {"event": "rewind"}, {"event": "undo"},
	{"event": "session_started"}, {"event": "action", "name": "action_session_start"}, {"event": "action", "name": "action_listen"},
	{"event": "action", "name": "f", "policy": "RulePolicy", "confidence": 1}, {"event": "active_loop", "name": "f"},
	{"event": "active_loop", "name": "gone"}, {"event": "active_loop", "name": null}, {"event": "slot", "name": "gone", "value": [1]},
	{"event": "slot", "name": "city", "value": {"x": null}}, {"event": "followup", "name": "f"}, {"event": "reset_slots"},
	{"event": "user", "text": "hi", "parse_data": {"intent": {"name": "unheard"}, "entities": [{"entity": "x", "value": 1}]}},
	{"event": "user", "text": "hi", "parse_data": {}}, {"event": "user_featurization", "use_text_for_featurization": true},
	{"event": "action_execution_rejected", "name": "f"}, {"event": "loop_interrupted", "is_interrupted": true},
	{"event": "action", "name": null, "action_text": "free text", "hide_rule_turn": true}, {"event": "bot", "text": "b", "data": {"custom": 1}}]`

// FuzzConversation plays a random sequence of messages, requests of clients and answers of the action server. Nothing may panic, the
// tracker must be the one that its dump gives, and after a restart the conversation must work, whatever happened before.
func FuzzConversation(f *testing.F) {
	random := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // repeatable
	for range 40 {
		data := make([]byte, 40)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
	b := newBotWith(f, config, fuzzDomain, fuzzData, agent.Config{MaxPredictions: 5})
	events, err := dialogue.DecodeEvents([]byte(fuzzEvents))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b.fuzz(t, data, events)
	})
}

// TestRandomConversations is FuzzConversation with longer sequences, the same at every run.
func TestRandomConversations(t *testing.T) {
	t.Parallel()
	b := newBotWith(t, config, fuzzDomain, fuzzData, agent.Config{MaxPredictions: 5})
	events, err := dialogue.DecodeEvents([]byte(fuzzEvents))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(11, 11)) //nolint:gosec // repeatable
	for range 100 {
		data := make([]byte, 10+random.IntN(200))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		b.fuzz(t, data, events)
	}
}

func (b *bot) fuzz(t *testing.T, data []byte, events []dialogue.Event) {
	_ = b.store.Delete(t.Context(), "x") // if it is there
	b.called = nil
	fresh := func() dialogue.Event { // events belong to one tracker
		one, err := dialogue.DecodeEvents([]byte(fuzzEvents))
		if err != nil {
			t.Fatal(err)
		}
		return one[int(pop(&data))%len(events)]
	}
	for len(data) > 0 {
		for _, name := range []string{"action_x", "validate_f", "action_ask_open"} {
			b.answers[name] = fuzzReplies[int(pop(&data))%len(fuzzReplies)]
		}
		// Errors are fine here: what must hold after them is checked below.
		switch op := pop(&data); op % 12 {
		case 0, 1, 2, 3, 4, 5:
			text := fuzzMessages[int(pop(&data))%len(fuzzMessages)]
			_ = b.Handle(t.Context(), dialogue.UserMessage{SenderID: "x", Text: &text, InputChannel: "rest", Stream: op%2 == 0}, b.send)
		case 6, 7:
			_, _ = b.AppendEvents(t.Context(), "x", []dialogue.Event{fresh(), fresh()}, op%2 == 0, "rest", b.send)
		case 8:
			if all := b.tracker(t).Events(0); len(all) > 0 {
				_, _ = b.ReplaceEvents(t.Context(), "x", append(all[:int(pop(&data))%len(all)], fresh()))
			}
		case 9:
			actions := b.Model().Domain.Actions
			_, _ = b.Execute(t.Context(), "x", actions[int(pop(&data))%len(actions)], "", 0, "rest", b.send)
		case 10:
			_, _ = b.Trigger(t.Context(), "x", []string{"greet", "request", "remind"}[pop(&data)%3], map[string]any{"city": "Oslo"}, "rest", b.send)
		case 11:
			b.now = b.now.Add(time.Duration(pop(&data)) * time.Minute)
			_, _, _ = b.Predict(t.Context(), "x")
			_, _ = b.Explain(t.Context(), "x", 3)
		}
		b.checkDump(t)
	}
	b.append(t, &dialogue.Restarted{})
	b.said = nil
	text := "/greet"
	if err := b.Handle(t.Context(), dialogue.UserMessage{SenderID: "x", Text: &text}, b.send); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	if got := strings.Join(b.said, " "); got != "Hello None" {
		t.Fatalf("after a restart the bot says %q", got)
	}
	b.checkDump(t)
}

// checkDump compares the stored tracker, and its latest session, with what is made of the tracker's dump.
func (b *bot) checkDump(t *testing.T) {
	t.Helper()
	dump := []byte{'['}
	for i, e := range b.tracker(t).Events(0) {
		if i > 0 {
			dump = append(dump, ',')
		}
		dump = dialogue.AppendStoredEventJSON(dump, e)
	}
	events, err := dialogue.DecodeStoredEvents(append(dump, ']'))
	if err != nil {
		t.Fatalf("%v: %s", err, dump)
	}
	again := dialogue.NewTracker("x", b.Model().Domain)
	again.Append(events...)
	for _, scope := range []trackerstore.Scope{trackerstore.AllSessions, trackerstore.LatestSession} {
		stored, ok, err := b.store.Read(t.Context(), "x", b.Model().Domain, scope)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
		rebuilt := again.Rebuilt(scope == trackerstore.LatestSession)
		for _, v := range []dialogue.Verbosity{dialogue.EventsAll, dialogue.EventsApplied, dialogue.EventsAfterRestart} {
			if want, got := stored.AppendJSON(nil, v), rebuilt.AppendJSON(nil, v); !bytes.Equal(want, got) {
				t.Fatalf("the tracker\n%s\ncomes back from its dump as\n%s", want, got)
			}
		}
	}
}

// pop takes one byte; at the end there are zeros.
func pop(data *[]byte) byte {
	if len(*data) == 0 {
		return 0
	}
	c := (*data)[0]
	*data = (*data)[1:]
	return c
}
