package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/action"
	"parley/agent"
	"parley/dialogue"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
)

// fixedHistory begins every turn with the same history, whatever the turns before it did: what a turn costs is measured without a
// store and at a fixed length.
type fixedHistory struct {
	*trackerstore.Memory
	history *dialogue.Tracker
}

func (r *fixedHistory) Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*trackerstore.Turn, context.Context, error) {
	turn, ctx, err := r.Memory.Begin(ctx, senderID, d)
	if err == nil && r.history != nil {
		turn.Tracker = r.history.Rebuilt(false)
	}
	return turn, ctx, err
}

// benchDomain and benchData are a bot whose turns are decided by a rule, by memorised stories, in a form, and by nobody.
const (
	benchDomain = `
version: "3.1"
intents: [greet, faq, mood, request, inform, odd]
entities: [cuisine, num]
slots:
  cuisine: {type: text, mappings: [{type: from_entity, entity: cuisine}]}
  num: {type: text, mappings: [{type: from_entity, entity: num}]}
  mood: {type: text, mappings: [{type: from_intent, intent: mood, value: low}]}
forms: {f: {required_slots: [cuisine, num]}}
responses:
  utter_greet: [{text: Hello}]
  utter_faq: [{text: Answer}]
  utter_mood: [{text: "Oh, {mood}"}]
  utter_ask_cuisine: [{text: Cuisine?}]
  utter_ask_num: [{text: How many?}]
  utter_submit: [{text: Done}]
  utter_default: [{text: Pardon?}]
`
	benchData = `
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
rules:
- rule: faq
  steps: [{intent: faq}, {action: utter_faq}]
- rule: activate
  steps: [{intent: request}, {action: f}, {active_loop: f}]
- rule: submit
  condition: [{active_loop: f}]
  steps: [{action: f}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_submit}]
stories:
- story: mood
  steps: [{intent: greet}, {action: utter_greet}, {intent: mood}, {slot_was_set: [{mood: low}]}, {action: utter_mood}]
`
)

// benchConfig is the config with a policy for the stories; no session ends.
func benchConfig(policy string) string {
	return `
recipe: default.v1
assistant_id: bench
language: en
pipeline: [{name: WhitespaceTokenizer}, {name: KeywordIntentClassifier}]
policies: [` + policy + `, {name: RulePolicy}]
`
}

// turnCase is a kind of turn: its history is of one repeated message, and one before the measured one.
type turnCase struct {
	name, policy          string
	repeated, last, asked string
	replies               string
}

func turnCases() []turnCase {
	const bounded, unbounded, augmented = "{name: MemoizationPolicy, max_history: 4}", "{name: MemoizationPolicy}", "{name: AugmentedMemoizationPolicy}"
	return []turnCase{
		{name: "rule", policy: unbounded, repeated: "/greet", asked: "/faq", replies: "Answer"},
		{name: "memory", policy: bounded, repeated: "/greet", asked: "/mood", replies: "Oh, low"},
		{name: "memory_augmented", policy: augmented, repeated: "/greet", asked: "/mood", replies: "Oh, low"},
		{name: "memory_miss_after_rules", policy: unbounded, repeated: "/faq", asked: "/odd", replies: "Pardon?"},
		{name: "memory_after_rules", policy: augmented, repeated: "/faq", asked: "/greet", replies: "Hello"},
		{name: "form", policy: bounded, repeated: "/greet", last: "/request", asked: `/inform{"cuisine": "thai"}`, replies: "How many?"},
		{name: "form_interrupted", policy: bounded, repeated: "/greet", last: "/request", asked: "/faq", replies: "Answer Cuisine?"},
	}
}

// bench is an agent whose turns all begin with a history.
type bench struct {
	*agent.Agent
	msg  dialogue.UserMessage
	said []string
}

func (b *bench) send(m dialogue.BotMessage) error {
	b.said = append(b.said, m.Event.Text)
	return nil
}

// turn runs the measured turn.
func (b *bench) turn(t testing.TB) {
	b.said = b.said[:0]
	if err := b.Handle(t.Context(), b.msg, b.send); err != nil {
		t.Fatal(err)
	}
}

// newBench makes an agent whose turns begin with at least so many events.
func newBench(t testing.TB, c *turnCase, events int) *bench {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"config.yml": benchConfig(c.policy), "domain.yml": benchDomain, "data.yml": benchData} {
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
	store := &fixedHistory{Memory: trackerstore.NewMemory()}
	a, err := agent.New(agent.Config{Conversations: store, Actions: action.Config{}, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Swap(m); err != nil {
		t.Fatal(err)
	}
	b := &bench{Agent: a, msg: dialogue.UserMessage{SenderID: "x", InputChannel: "rest"}}
	say := func(text string) int {
		b.msg.Text = &text
		b.turn(t)
		tracker, err := a.Tracker(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		return tracker.Len()
	}
	for n := 0; n < events; {
		n = say(c.repeated)
	}
	if c.last != "" {
		say(c.last)
	}
	if store.history, err = a.Tracker(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	b.msg.Text = &c.asked
	b.turn(t)
	if got := fmt.Sprint(b.said); got != "["+c.replies+"]" {
		t.Fatalf("%s after %d events: said %s, want %s", c.name, events, got, c.replies)
	}
	return b
}

// BenchmarkTurn measures whole turns after histories of different lengths, without a store.
func BenchmarkTurn(b *testing.B) {
	for _, c := range turnCases() {
		for _, events := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/events=%d", c.name, events), func(b *testing.B) {
				run := newBench(b, &c, events)
				b.ReportAllocs()
				for b.Loop() {
					run.turn(b)
				}
			})
		}
	}
}

// BenchmarkTurnGrowth runs turns after 10 and after 1,000 events by turns, and reports how much more the long history costs: the
// quotient of the fastest of many short batches, which neighbours on the machine disturb least.
func BenchmarkTurnGrowth(b *testing.B) {
	const batch = 20
	for _, c := range turnCases() {
		b.Run(c.name, func(b *testing.B) {
			runs := [2]*bench{newBench(b, &c, 10), newBench(b, &c, 1000)}
			fastest := [2]time.Duration{time.Hour, time.Hour}
			for b.Loop() {
				for i, run := range runs {
					begun := time.Now()
					for range batch {
						run.turn(b)
					}
					fastest[i] = min(fastest[i], time.Since(begun))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(fastest[0].Nanoseconds())/batch, "ns/turn@10")
			b.ReportMetric(float64(fastest[1].Nanoseconds())/batch, "ns/turn@1000")
			b.ReportMetric(float64(fastest[1])/float64(fastest[0]), "growth")
		})
	}
}
