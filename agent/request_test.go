package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/action"
	"parley/agent"
	"parley/dialogue"
	"parley/trackerstore"
)

// texts renders an answer: the length of the tracker and what the bot said.
func texts(t *dialogue.Tracker, said []dialogue.BotMessage) []byte {
	b := fmt.Appendf(nil, "%d events", t.Len())
	for _, m := range said {
		b = fmt.Appendf(b, ", %s to %s", m.Event.Text, m.RecipientID)
	}
	return b
}

// identified is a context for a request.
func identified(t *testing.T, key, body string) context.Context {
	t.Helper()
	return agent.WithRequest(t.Context(), trackerstore.Request{Key: key, Body: body}, texts)
}

// replayed is the stored answer that an error holds.
func replayed(t *testing.T, err error) string {
	t.Helper()
	var r *trackerstore.Repeated
	if !errors.As(err, &r) {
		t.Fatalf("error is %v, want the stored answer", err)
	}
	return string(r.Reply)
}

func hello(text string) dialogue.UserMessage {
	return dialogue.UserMessage{SenderID: "x", Text: &text, InputChannel: "rest", OutputChannel: "collector"}
}

func TestRepetitionsOfARequestRunOneTurn(t *testing.T) { // T11
	t.Parallel()
	b := newBot(t, pub, pubRules)
	var mu sync.Mutex
	var said []string
	answers := map[string]int{}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			err := b.Handle(identified(t, "k", "body"), hello("hello"), func(m dialogue.BotMessage) error {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, m.Event.Text)
				return nil
			})
			var r *trackerstore.Repeated
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				answers["first"]++
			case errors.As(err, &r):
				answers[string(r.Reply)]++
			default:
				answers[err.Error()]++
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff(map[string]int{"first": 1, "8 events, Hello to x": 49}, answers); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Hello"}, said); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	expect(t, "the conversation", strings.Join(b.events(t), " "), start+"U(greet) UF(false) A(utter_greet)[Rule] B A(action_listen)[Rule]")
	if err := b.Handle(identified(t, "k", "other"), hello("hello"), b.send); !errors.Is(err, trackerstore.ErrKeyReused) {
		t.Errorf("the key with another body: %v, want %v", err, trackerstore.ErrKeyReused)
	}
	if err := b.Handle(identified(t, "k2", "body"), hello("/bad"), b.send); err != nil {
		t.Errorf("another key: %v", err)
	}
	if diff := cmp.Diff([]string{"Cheer up"}, b.said); diff != "" {
		t.Errorf("said to another key (-want +got):\n%s", diff)
	}
}

func TestAFailedTurnRunsWhenItsRequestIsRepeated(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, pubRules)
	msg := hello("hello")
	msg.Text = nil
	if err := b.Handle(identified(t, "k", "body"), msg, b.send); err == nil {
		t.Fatal("a message without a text was understood")
	}
	if err := b.Handle(identified(t, "k", "body"), hello("hello"), b.send); err != nil {
		t.Fatalf("the repetition: %v", err)
	}
	if diff := cmp.Diff([]string{"Hello"}, b.said); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

func TestAStreamedTurnKeepsItsWholeAnswer(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, pubRules)
	msg := hello("hello")
	msg.Stream = true
	if err := b.Handle(identified(t, "k", "body"), msg, b.send); err != nil {
		t.Fatal(err)
	}
	if got, want := replayed(t, b.Handle(identified(t, "k", "body"), msg, b.send)), "8 events, Hello to x"; got != want {
		t.Errorf("repeated: %q, want %q", got, want)
	}
}

func TestTheStoredAnswerIsOfTheTrackerThatIsReturned(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, pubRules)
	for name, change := range map[string]func(context.Context) (*dialogue.Tracker, error){
		"append": func(ctx context.Context) (*dialogue.Tracker, error) {
			return b.AppendEvents(ctx, "append", []dialogue.Event{&dialogue.BotUttered{Text: "said"}}, true, "", b.send)
		},
		"replace": func(ctx context.Context) (*dialogue.Tracker, error) {
			return b.ReplaceEvents(ctx, "replace", []dialogue.Event{&dialogue.BotUttered{Text: "said"}})
		},
		"message": func(ctx context.Context) (*dialogue.Tracker, error) {
			m := hello("hello")
			m.SenderID = "message"
			return b.AddMessage(ctx, m)
		},
		"execute": func(ctx context.Context) (*dialogue.Tracker, error) {
			return b.Execute(ctx, "execute", "utter_bye", "", 1, "", b.send)
		},
		"trigger": func(ctx context.Context) (*dialogue.Tracker, error) {
			return b.Trigger(ctx, "trigger", "greet", nil, "", b.send)
		},
	} {
		var rendered []byte
		first, err := change(agent.WithRequest(t.Context(), trackerstore.Request{Key: "k"},
			func(tracker *dialogue.Tracker, said []dialogue.BotMessage) []byte {
				rendered = tracker.AppendJSON(nil, dialogue.EventsAll)
				return texts(tracker, said)
			}))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := first.AppendJSON(nil, dialogue.EventsAll); !bytes.Equal(rendered, want) {
			t.Errorf("%s: the answer is of\n%s\nand the method returned\n%s", name, rendered, want)
		}
		said := map[string]string{"append": ", said to append", "execute": ", Bye to execute", "trigger": ", Hello to trigger"}[name]
		_, err = change(identified(t, "k", ""))
		if got, want := replayed(t, err), fmt.Sprintf("%d events%s", first.Len(), said); got != want {
			t.Errorf("%s repeated: %q, want %q", name, got, want)
		}
	}
}

// lossy is a store whose first turns lose their lease as soon as they begin.
type lossy struct {
	agent.Conversations
	losses, begun int
	cancel        context.CancelCauseFunc
}

// lose takes the lease of the turn that is under way.
func (l *lossy) lose() {
	l.cancel(fmt.Errorf("%w: %w", trackerstore.ErrConflict, trackerstore.ErrLeaseLost))
}

func (l *lossy) Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*trackerstore.Turn, context.Context, error) {
	turn, ctx, err := l.Conversations.Begin(ctx, senderID, d)
	if err != nil {
		return nil, nil, err
	}
	ctx, l.cancel = context.WithCancelCause(ctx)
	if l.begun++; l.begun <= l.losses {
		l.lose()
	}
	return turn, ctx, nil
}

func TestATurnWithoutItsLeaseRunsAgainOrConflicts(t *testing.T) {
	t.Parallel()
	b := newBot(t, pub, pubRules)
	handle := func(ctx context.Context, a *agent.Agent) error {
		return a.Handle(ctx, hello("hello"), nil)
	}
	for _, tt := range []struct {
		name   string
		losses int
		run    func(context.Context, *agent.Agent) error
		begun  int
		err    error
	}{
		{"handle", 2, handle, 3, nil},
		{"handle, lost for good", 3, handle, 3, trackerstore.ErrConflict},
		{"in a session that has begun", 2, handle, 3, nil},
		{"add a message", 1, func(ctx context.Context, a *agent.Agent) error {
			_, err := a.AddMessage(ctx, hello("hello"))
			return err
		}, 2, nil},
		{"replace", 1, func(ctx context.Context, a *agent.Agent) error {
			_, err := a.ReplaceEvents(ctx, "x", nil)
			return err
		}, 2, nil},
	} {
		store := &lossy{Conversations: b.store, losses: tt.losses}
		a, err := agent.New(agent.Config{Conversations: store})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Swap(b.Model()); err != nil {
			t.Fatal(err)
		}
		if err := tt.run(t.Context(), a); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
		if store.begun != tt.begun {
			t.Errorf("%s: %d turns were begun, want %d", tt.name, store.begun, tt.begun)
		}
	}
}

func TestATurnThatLosesItsLeaseInARemoteCallConflicts(t *testing.T) {
	t.Parallel()
	b := newBot(t, `
intents: [greet]
slots:
  tea: {type: text, mappings: [{type: custom, action: action_tea}]}
actions: [action_tea]
responses:
  utter_greet: [{text: Hello}]
`, "rules:\n- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n")
	b.say(t, "hello") // begins the session
	store := &lossy{Conversations: b.store}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it noticed that the client leaves
		store.lose()
		<-r.Context().Done()
	}))
	defer server.Close()
	a, err := agent.New(agent.Config{Conversations: store, Actions: action.Config{ActionServer: &action.Endpoint{URL: server.URL}}, Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Swap(b.Model()); err != nil {
		t.Fatal(err)
	}
	_, err = a.AddMessage(t.Context(), hello("hello"))
	if !errors.Is(err, trackerstore.ErrConflict) || !errors.Is(err, trackerstore.ErrLeaseLost) || store.begun != 1 {
		t.Errorf("%v after %d turns; want a conflict after one: the call cannot be taken back", err, store.begun)
	}
}
