package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/action"
	"parley/agent"
	"parley/dialogue"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
)

// bot is a trained assistant with its agent, a clock of its own and an action server that a test scripts.
type bot struct {
	*agent.Agent
	store *trackerstore.Memory
	now   time.Time
	said  []string
	// answers are the action server's replies by action name: a status and a body.
	answers map[string]answer
	called  []string
	serving func() // while the action server works
}

type answer struct {
	status int
	body   string
}

const config = `
recipe: default.v1
assistant_id: test
language: en
pipeline:
- name: WhitespaceTokenizer
- name: KeywordIntentClassifier
policies:
- name: MemoizationPolicy
- name: RulePolicy
`

// newBot trains a bot from its domain and its stories and rules.
func newBot(t *testing.T, domain, data string) *bot {
	t.Helper()
	return newBotWith(t, config, domain, data, agent.Config{})
}

func newBotWith(t testing.TB, config, domain, data string, cfg agent.Config) *bot {
	t.Helper()
	dir := t.TempDir()
	nlu := "\nnlu:\n- intent: greet\n  examples: |\n    - hello\n    - hi\n"
	for name, text := range map[string]string{"config.yml": config, "domain.yml": "version: '3.1'\n" + domain, "data.yml": "version: '3.1'\n" + data + nlu} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Load(project.Paths{
		Config: filepath.Join(dir, "config.yml"), Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data.yml")},
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Train(t.Context(), p, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bot{store: trackerstore.NewMemory(), now: time.Unix(1_700_000_000, 0), answers: map[string]answer{}}
	server := httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(server.Close)
	cfg.Conversations = b.store
	cfg.Actions = action.Config{ActionServer: &action.Endpoint{URL: server.URL}, Random: func(int) int { return 0 }}
	cfg.Now = func() time.Time { return b.now }
	if b.Agent, err = agent.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := b.Swap(m); err != nil {
		t.Fatal(err)
	}
	return b
}

// serve is the action server.
func (b *bot) serve(w http.ResponseWriter, r *http.Request) {
	var call struct {
		NextAction string `json:"next_action"`
	}
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	b.called = append(b.called, call.NextAction)
	if b.serving != nil {
		b.serving()
	}
	a, ok := b.answers[call.NextAction]
	if !ok {
		a = answer{200, `{"events": [], "responses": []}`}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

func (b *bot) send(m dialogue.BotMessage) error {
	b.said = append(b.said, m.Event.Text)
	return nil
}

// say sends a message and returns the events that it added, in the spec's shorthand.
func (b *bot) say(t *testing.T, text string) string {
	t.Helper()
	return b.hear(t, dialogue.UserMessage{SenderID: "x", Text: &text, InputChannel: "rest", OutputChannel: "collector"})
}

func (b *bot) hear(t *testing.T, msg dialogue.UserMessage) string {
	t.Helper()
	before := b.events(t)
	if err := b.Handle(t.Context(), msg, b.send); err != nil {
		t.Fatalf("Handle(%q): %v", *msg.Text, err)
	}
	after := b.events(t)
	if len(after) >= len(before) && cmp.Equal(before, after[:len(before)]) {
		return strings.Join(after[len(before):], " ")
	}
	return strings.Join(after, " ") // a new session
}

// append posts events to the conversation, as a client would.
func (b *bot) append(t *testing.T, events ...dialogue.Event) {
	t.Helper()
	if _, err := b.AppendEvents(t.Context(), "x", events, false, "", nil); err != nil {
		t.Fatal(err)
	}
}

func (b *bot) tracker(t *testing.T) *dialogue.Tracker {
	t.Helper()
	tracker, ok, err := b.store.Read(t.Context(), "x", b.Model().Domain, trackerstore.AllSessions)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		return dialogue.NewTracker("x", b.Model().Domain)
	}
	return tracker
}

func (b *bot) events(t *testing.T) []string {
	t.Helper()
	return shorthand(b.tracker(t).Events(0))
}

// shorthand writes events as the spec of the dialogue engine does: U(intent), A(name)[policy/confidence], S(slot=value) ….
func shorthand(events []dialogue.Event) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = short(e)
	}
	return list
}

func short(e dialogue.Event) string {
	predicted := func(policy string, confidence *float64) string {
		switch {
		case confidence == nil:
			return "[null]"
		case policy == "":
			return fmt.Sprintf("[null/%v]", *confidence)
		case policy == "RulePolicy" && *confidence == 1:
			return "[Rule]"
		case policy == "MemoizationPolicy" && *confidence == 1:
			return "[Memo]"
		}
		return fmt.Sprintf("[%s/%v]", policy, *confidence)
	}
	loop := func(name string) string {
		if name == "" {
			return "null"
		}
		return name
	}
	switch e := e.(type) {
	case *dialogue.UserUttered:
		return "U(" + e.Parse.Intent.Name + ")"
	case *dialogue.ActionExecuted:
		return "A(" + e.NameOrText() + ")" + predicted(e.Policy, e.Confidence)
	case *dialogue.BotUttered:
		return "B"
	case *dialogue.SlotSet:
		return fmt.Sprintf("S(%s=%s)", e.Name, dialogue.PyString(e.Value))
	case *dialogue.ActiveLoop:
		return "L(" + loop(e.Name) + ")"
	case *dialogue.LoopInterrupted:
		return fmt.Sprintf("LI(%v)", e.IsInterrupted)
	case *dialogue.UserFeaturization:
		return fmt.Sprintf("UF(%v)", e.UseText)
	case *dialogue.ActionRejected:
		return "REJ(" + e.Name + ")" + predicted(e.Policy, e.Confidence)
	case *dialogue.SessionStarted:
		return "SS"
	case *dialogue.Restarted:
		return "RS"
	case *dialogue.UserReverted:
		return "RW"
	case *dialogue.ActionReverted:
		return "UNDO"
	case *dialogue.FollowupAction:
		return "FU(" + e.Name + ")"
	case *dialogue.EntitiesAdded:
		return "EA"
	default:
		return string(e.Kind())
	}
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Fields(want), strings.Fields(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// start is what the first message of a conversation adds before the user event.
const start = "A(action_session_start)[null/1] SS A(action_listen)[null] "

// pub is the domain that most tests use.
const pub = `
intents: [greet, bye, bad, faq, inform]
entities: [name]
slots:
  name:
    type: text
    influence_conversation: false
    mappings: [{type: from_entity, entity: name}]
actions: [action_x]
responses:
  utter_greet: [{text: Hello}]
  utter_bye: [{text: Bye}]
  utter_cheer: [{text: Cheer up}]
  utter_restart: [{text: Starting over}]
`

const pubRules = `
rules:
- rule: g
  steps: [{intent: greet}, {action: utter_greet}]
- rule: cheer
  steps: [{intent: bad}, {action: utter_cheer}]
- rule: b
  steps: [{intent: bye}, {action: action_x}]
`

func TestFirstMessage(t *testing.T) { // T01
	t.Parallel()
	b := newBot(t, pub, pubRules)
	expect(t, "first turn", b.say(t, "hello"), start+"U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
	expect(t, "second turn", b.say(t, "/bad"), "U(bad) UF(false) A(utter_cheer)[Rule] B A(action_listen)[Rule]")
	if diff := cmp.Diff([]string{"Hello", "Cheer up"}, b.said); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

func TestMetadataOfTheFirstMessage(t *testing.T) { // T02
	t.Parallel()
	b := newBot(t, pub, pubRules)
	text := "hello"
	msg := dialogue.UserMessage{SenderID: "x", Text: &text, Metadata: map[string]any{"k": 1}}
	expect(t, "first turn", b.hear(t, msg), "S(session_started_metadata={'k': 1}) A(action_session_start)[null/1] SS "+
		"S(session_started_metadata={'k': 1}) A(action_listen)[null] U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
	got := b.hear(t, msg)
	if strings.Contains(got[strings.LastIndex(got, "U(greet)"):], "S(") {
		t.Errorf("a later message with metadata set a slot: %s", got)
	}
}

func TestSessionExpires(t *testing.T) { // T03
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, `/greet{"name": "Bob"}`)
	b.say(t, `/greet{"name": "Ann"}`)
	b.now = b.now.Add(59 * time.Minute)
	if got := b.say(t, "/bad"); strings.Contains(got, "SS") {
		t.Errorf("after 59 minutes: %s", got)
	}
	b.now = b.now.Add(61 * time.Minute)
	got := b.say(t, "/greet")
	expect(t, "after 61 minutes", got[strings.LastIndex(got, "A(action_session_start)"):],
		"A(action_session_start)[null/1] SS S(name=Bob) S(name=Ann) A(action_listen)[null] U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
}

func TestNoCarryOver(t *testing.T) { // T04
	t.Parallel()
	b := newBot(t, pub+"session_config: {session_expiration_time: 1, carry_over_slots_to_new_session: false}\n", pubRules)
	b.say(t, `/greet{"name": "Bob"}`)
	b.now = b.now.Add(2 * time.Minute)
	if got := b.say(t, "/greet"); strings.Contains(got[strings.LastIndex(got, "SS"):], "S(name") {
		t.Errorf("slots were carried over: %s", got)
	}
}

func TestSessionNeverExpires(t *testing.T) { // T05
	t.Parallel()
	b := newBot(t, pub+"session_config: {session_expiration_time: 0, carry_over_slots_to_new_session: true}\n", pubRules)
	b.say(t, "/greet")
	b.now = b.now.Add(72 * time.Hour)
	expect(t, "days later", b.say(t, "/greet"), "U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
}

func TestSessionStartIntent(t *testing.T) { // T07
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, `/greet{"name": "Ann"}`)
	got := b.say(t, "/session_start")
	expect(t, "turn", got[strings.LastIndex(got, "U(session_start)"):],
		"U(session_start) UF(false) A(action_session_start)[Rule] SS S(name=Ann) A(action_listen)[null]")
}

func TestRestart(t *testing.T) { // T08
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, `/greet{"name": "Ann"}`)
	got := b.say(t, "/restart")
	expect(t, "turn", got[strings.LastIndex(got, "U(restart)"):],
		"U(restart) UF(false) A(action_restart)[Rule] B RS A(action_session_start)[followup_action/1] SS A(action_listen)[null]")
	if v, _ := b.tracker(t).Slot("name"); v != nil {
		t.Errorf("name is %v after the restart", v)
	}
}

func TestPaused(t *testing.T) { // T10
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, "/greet")
	b.append(t, &dialogue.ConversationPaused{})
	expect(t, "paused", b.say(t, "/greet"), "U(greet)")
	got := b.say(t, "/restart")
	expect(t, "restart", got[strings.LastIndex(got, "U(restart)"):],
		"U(restart) UF(false) A(action_restart)[Rule] B RS A(action_session_start)[followup_action/1] SS A(action_listen)[null]")
}

func TestCustomActions(t *testing.T) { // T11–T14, T22–T27
	t.Parallel()
	listen := " A(action_listen)[Rule]"
	tests := map[string]struct {
		answer answer
		want   string
	}{
		"pause":              {answer{200, `{"events": [{"event": "pause"}]}`}, "A(action_x)[Rule] pause"},
		"followup":           {answer{200, `{"events": [{"event": "followup", "name": "utter_bye"}]}`}, "A(action_x)[Rule] FU(utter_bye) A(utter_bye)[followup_action/1] B A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[followup_action/1]"},
		"unknown followup":   {answer{200, `{"events": [{"event": "followup", "name": "nonsense"}]}`}, "A(action_x)[Rule] FU(nonsense)" + listen},
		"reset slots":        {answer{200, `{"events": [{"event": "slot", "name": "name", "value": "Z"}, {"event": "reset_slots"}]}`}, "A(action_x)[Rule] S(name=Z) reset_slots" + listen},
		"server error":       {answer{500, `oops`}, "A(action_x)[Rule]" + listen},
		"rejection":          {answer{400, `{"action_name": "action_x", "error": "no"}`}, "REJ(action_x)[Rule] UF(false) A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[followup_action/1]"},
		"rejection as event": {answer{200, `{"events": [{"event": "slot", "name": "name", "value": 1}, {"event": "action_execution_rejected", "name": "action_x", "policy": null, "confidence": null}]}`}, "S(name=1) REJ(action_x)[null] UF(false) A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[followup_action/1]"},
		"unknown event type": {answer{200, `{"events": [{"event": "nonsense"}]}`}, "A(action_x)[Rule]" + listen},
		"events null":        {answer{200, `{"events": null}`}, "A(action_x)[Rule]" + listen},
		"endless followups":  {answer{200, `{"events": [{"event": "followup", "name": "action_x"}]}`}, "A(action_x)[Rule] FU(action_x)" + strings.Repeat(" A(action_x)[followup_action/1] FU(action_x)", 9)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t, pub, pubRules)
			b.answers["action_x"] = test.answer
			got := b.say(t, "/bye")
			want := test.want
			if !strings.HasPrefix(want, "REJ") && !strings.HasPrefix(want, "S(name=1)") {
				want = "UF(false) " + want
			}
			expect(t, "turn", got, start+"U(bye) "+want)
		})
	}
}

func TestBreakerKeepsTheConversationUsable(t *testing.T) { // T14, T15
	t.Parallel()
	b := newBotWith(t, config, pub, pubRules, agent.Config{MaxPredictions: 3})
	b.answers["action_x"] = answer{200, `{"events": [{"event": "followup", "name": "action_x"}]}`}
	if got := strings.Count(b.say(t, "/bye"), "A(action_x)"); got != 3 {
		t.Errorf("%d actions ran, want 3", got)
	}
	expect(t, "next message", b.say(t, "/greet"), "U(greet)")
}

func TestEndlessTurnsEnd(t *testing.T) { // quirk Q21
	t.Parallel()
	for name, body := range map[string]string{
		"undo":                    `{"events": [{"event": "undo"}]}`,
		"rejection of another":    `{"events": [{"event": "action_execution_rejected", "name": "utter_greet"}]}`,
		"listening by the action": `{"events": [{"event": "action", "name": "action_listen"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBot(t, pub, pubRules)
			b.answers["action_x"] = answer{200, body}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			text := "/bye"
			if err := b.Handle(ctx, dialogue.UserMessage{SenderID: "x", Text: &text}, b.send); err != nil {
				t.Fatal(err)
			}
			if n := len(b.called); n > 40 {
				t.Errorf("the action ran %d times", n)
			}
		})
	}
}

func TestFallback(t *testing.T) { // T16–T19
	t.Parallel()
	b := newBot(t, pub, pubRules)
	expect(t, "first message", b.say(t, "/faq"),
		start+"U(faq) UF(false) A(action_default_fallback)[RulePolicy/0.3] RW A(action_listen)[followup_action/1]")
	b = newBot(t, pub+"  utter_default: [{text: Pardon}]\n", pubRules)
	b.say(t, "/greet")
	expect(t, "later message", b.say(t, "/faq"), "U(faq) UF(false) A(action_default_fallback)[RulePolicy/0.3] B RW A(action_listen)[Rule]")
	b = newBotWith(t, config+"  enable_fallback_prediction: false\n", pub, pubRules, agent.Config{})
	expect(t, "no fallback", b.say(t, "/faq"), start+"U(faq) UF(false) A(action_listen)[RulePolicy/0]")
}

func TestBack(t *testing.T) { // T20, T21
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, "/greet")
	b.say(t, `/bad{"name": "Ann"}`)
	expect(t, "back", b.say(t, "/back"), "U(back) UF(false) A(action_back)[Rule] RW RW A(action_listen)[Rule]")
	if v, _ := b.tracker(t).Slot("name"); v != nil {
		t.Errorf("name is %v, want its old value", v)
	}
	expect(t, "back again", b.say(t, "/back"), "U(back) UF(false) A(action_back)[Rule] RW RW A(action_listen)[followup_action/1]")
	expect(t, "next", b.say(t, "/greet"), "U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
}

// formDomain and formRules are a form and what surrounds it.
const (
	formDomain = `
intents: [request, inform, faq]
entities: [cuisine, num]
slots:
  cuisine: {type: text, mappings: [{type: from_entity, entity: cuisine}]}
  num: {type: text, mappings: [{type: from_entity, entity: num}]}
forms: {f: {required_slots: [cuisine, num]}}
responses:
  utter_ask_cuisine: [{text: Cuisine?}]
  utter_ask_num: [{text: How many?}]
  utter_submit: [{text: Done}]
  utter_faq: [{text: Answer}]
`
	formRules = `rules:
- rule: activate
  steps: [{intent: request}, {action: f}, {active_loop: f}]
- rule: submit
  condition: [{active_loop: f}]
  steps: [{action: f}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_submit}]
- rule: faq
  steps: [{intent: faq}, {action: utter_faq}]
`
)

func TestFormHappyPath(t *testing.T) { // T49
	t.Parallel()
	b := newBot(t, formDomain, formRules)
	expect(t, "request", b.say(t, "/request"), start+"U(request) UF(false) A(f)[Rule] L(f) S(requested_slot=cuisine) B A(action_listen)[Rule]")
	expect(t, "faq", b.say(t, "/faq"), // T54
		"U(faq) REJ(f)[Rule] UF(false) A(utter_faq)[Rule] B A(f)[Rule] S(requested_slot=cuisine) B A(action_listen)[Rule]")
	expect(t, "inform", b.say(t, `/inform{"cuisine": "thai"}`),
		"U(inform) S(cuisine=thai) UF(false) A(f)[Rule] S(requested_slot=num) B A(action_listen)[Rule]")
	expect(t, "inform", b.say(t, `/inform{"num": "4"}`),
		"U(inform) S(num=4) UF(false) A(f)[Rule] S(requested_slot=None) L(null) A(utter_submit)[Rule] B A(action_listen)[Rule]")
}

func TestNoModel(t *testing.T) {
	t.Parallel()
	a, err := agent.New(agent.Config{Conversations: trackerstore.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	text := "hi"
	if err := a.Handle(t.Context(), dialogue.UserMessage{Text: &text}, nil); err == nil {
		t.Error("a turn without a model gave no error")
	}
	if _, err := agent.New(agent.Config{}); err == nil {
		t.Error("an agent without a store gave no error")
	}
}

func TestAnUnknownLoopIsLeft(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, pubRules)
	b.say(t, "/greet")
	b.append(t, &dialogue.ActiveLoop{Name: "gone"})
	expect(t, "a loop that a client posted", b.say(t, "/bad"), "L(null) U(bad) UF(false) A(utter_cheer)[Rule] B A(action_listen)[Rule]")
	b.answers["action_x"] = answer{200, `{"events": [{"event": "active_loop", "name": "gone"}]}`}
	text := "/bye"
	if err := b.Handle(t.Context(), dialogue.UserMessage{SenderID: "x", Text: &text}, b.send); err == nil {
		t.Error("a turn that activates an unknown loop was stored")
	}
	expect(t, "after the turn that failed", b.say(t, "/bad"), "U(bad) UF(false) A(utter_cheer)[Rule] B A(action_listen)[Rule]")
}

func TestAModelWithoutTheFormGoesOn(t *testing.T) {
	t.Parallel()
	b, other := newBot(t, formDomain, formRules), newBot(t, pub, pubRules)
	b.say(t, "/request")
	if err := b.Swap(other.Model()); err != nil {
		t.Fatal(err)
	}
	expect(t, "with a model that lacks the form", b.say(t, "/greet"), "L(null) U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
}
