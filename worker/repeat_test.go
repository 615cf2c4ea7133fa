package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"parley/agent"
	"parley/dialogue"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
	"parley/worker"
)

// flaky is a real bot whose first turns can be made to fail.
type flaky struct {
	*agent.Agent
	turns    atomic.Int32 // that were asked for
	failures atomic.Int32 // still to come
}

var errFlaky = errors.New("flaky")

func (f *flaky) Handle(ctx context.Context, msg dialogue.UserMessage, send agent.Send) error {
	f.turns.Add(1)
	if f.failures.Add(-1) >= 0 {
		msg.Text = nil // cannot be understood
		if err := f.Agent.Handle(ctx, msg, send); err == nil {
			return errors.New("a message without a text was understood")
		}
		return errFlaky
	}
	return f.Agent.Handle(ctx, msg, send)
}

// serveAgent serves a trained bot.
func serveAgent(t *testing.T) (*server, *flaky) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"config.yml": "assistant_id: test\nlanguage: en\npipeline:\n- name: WhitespaceTokenizer\n- name: KeywordIntentClassifier\npolicies:\n- name: RulePolicy\n",
		"domain.yml": "version: '3.1'\nintents: [greet, bye]\nresponses:\n  utter_greet: [{text: \"Hello\\n\\nyou\"}]\n  utter_bye: [{text: Bye}]\n",
		"data.yml": "version: '3.1'\nnlu:\n- intent: greet\n  examples: |\n    - hello\n- intent: bye\n  examples: |\n    - bye\nrules:\n" +
			"- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n- rule: b\n  steps: [{intent: bye}, {action: utter_bye}]\n",
	} {
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
	a, err := agent.New(agent.Config{Conversations: trackerstore.NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Swap(m); err != nil {
		t.Fatal(err)
	}
	bot := &flaky{Agent: a}
	return serve(t, func(c *worker.Config) { c.Bot = bot }), bot
}

// heard counts the messages of the user in a conversation.
func heard(t *testing.T, bot *flaky, id string) (n int) {
	t.Helper()
	tracker, err := bot.Stored(t.Context(), id, trackerstore.AllSessions)
	if err != nil {
		t.Fatal(err)
	}
	for e := range tracker.Backward() {
		if _, ok := e.(*dialogue.UserUttered); ok {
			n++
		}
	}
	return n
}

const (
	helloBody  = `{"sender":"u","message":"hello"}`
	helloReply = `[{"recipient_id":"u","text":"Hello"},{"recipient_id":"u","text":"you"}]`
	helloLines = `{"recipient_id":"u","text":"Hello"}` + "\n" + `{"recipient_id":"u","text":"you"}` + "\n"
)

func TestARepeatedMessageIsAnsweredOnce(t *testing.T) { // T11
	t.Parallel()
	s, bot := serveAgent(t)
	var fresh atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			got := s.do("POST /webhooks/rest/webhook\nIdempotency-Key: k\n\n" + helloBody)
			if got.status != http.StatusOK || got.body != helloReply || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %s, want 200 %s", got.status, got.header, got.body, helloReply)
			}
			if got.header.Get("Idempotency-Replayed") == "" {
				fresh.Add(1)
			}
		})
	}
	all.Wait()
	if n := heard(t, bot, "u"); n != 1 || fresh.Load() != 1 {
		t.Errorf("%d turns and %d answers that are not marked as repeated, want one of each", n, fresh.Load())
	}
}

func TestKeysOfMessages(t *testing.T) {
	t.Parallel()
	s, bot := serveAgent(t)
	const (
		rest   = "POST /webhooks/rest/webhook"
		stream = rest + "?stream=true"
		byID   = `{"sender":"u","message":"hello","message_id":"m1"}`
	)
	for _, step := range []struct {
		name, request string
		status        int
		body          string
		replayed      bool
		heard         int // messages in the conversation afterwards
	}{
		{"no key", rest + "\n\n" + helloBody, 200, helloReply, false, 1},
		{"no key again", rest + "\n\n" + helloBody, 200, helloReply, false, 2},
		{"header", rest + "\nIdempotency-Key: a\n\n" + helloBody, 200, helloReply, false, 3},
		{"header again", rest + "\nidempotency-key: a\n\n" + helloBody, 200, helloReply, true, 3},
		{"header as a stream", stream + "\nIdempotency-Key: a\n\n" + helloBody, 200, helloLines, true, 3},
		{"another body", rest + "\nIdempotency-Key: a\n\n" + `{"sender":"u","message":"bye"}`, 422, `"reason":"IdempotencyKeyReused"`, false, 3},
		{"another body as a stream", stream + "\nIdempotency-Key: a\n\n" + `{"sender":"u","message":"bye"}`, 422, `"reason":"IdempotencyKeyReused"`, false, 3},
		{"message_id", rest + "\n\n" + byID, 200, helloReply, false, 4},
		{"message_id again", rest + "\n\n" + byID, 200, helloReply, true, 4},
		{"the header goes before message_id", rest + "\nIdempotency-Key: b\n\n" + byID, 200, helloReply, false, 5},
		{"message_id that is no string", rest + "\n\n" + `{"sender":"u","message":"hello","message_id":1}`, 200, helloReply, false, 6},
		{"and again", rest + "\n\n" + `{"sender":"u","message":"hello","message_id":1}`, 200, helloReply, false, 7},
		{"stream", stream + "\nIdempotency-Key: c\n\n" + helloBody, 200, helloLines, false, 8},
		{"stream again", stream + "\nIdempotency-Key: c\n\n" + helloBody, 200, helloLines, true, 8},
		{"stream as an array", rest + "\nIdempotency-Key: c\n\n" + helloBody, 200, helloReply, true, 8},
		{"stream without a key", stream + "\n\n" + helloBody, 200, helloLines, false, 9},
		{"a refused stream", stream + "\nIdempotency-Key: d\n\n" + `{"sender":"u"}`, 200, "", false, 9},
	} {
		got := s.do(step.request)
		if got.status != step.status || !strings.Contains(got.body, step.body) || (got.status == 200 && got.body != step.body) {
			t.Errorf("%s: %d %s, want %d %s", step.name, got.status, got.body, step.status, step.body)
		}
		if again := got.header.Get("Idempotency-Replayed") == "true"; again != step.replayed {
			t.Errorf("%s: marked as repeated: %v, want %v", step.name, again, step.replayed)
		}
		if n := heard(t, bot, "u"); n != step.heard {
			t.Errorf("%s: %d messages in the conversation, want %d", step.name, n, step.heard)
		}
	}
	tracker, err := bot.Stored(t.Context(), "u", trackerstore.AllSessions)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for e := range tracker.Backward() {
		if u, ok := e.(*dialogue.UserUttered); ok && u.MessageID == "m1" {
			found = true
		}
	}
	if !found {
		t.Error("no user event has the message_id that the client gave")
	}
}

func TestAMessageWhoseTurnFailedRunsWhenItIsRepeated(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": helloReply, "?stream=true": helloLines} {
		s, bot := serveAgent(t)
		bot.failures.Store(1)
		request := "POST /webhooks/rest/webhook" + name + "\nIdempotency-Key: k\n\n" + helloBody
		if got := s.do(request); got.status != 200 || strings.Contains(got.body, "Hello") {
			t.Errorf("%s fails: %d %s", name, got.status, got.body)
		}
		for i, replayed := range []string{"", "true"} {
			got := s.do(request)
			if got.status != 200 || got.body != want || got.header.Get("Idempotency-Replayed") != replayed {
				t.Errorf("%s repeated %d: %d %s %v", name, i+1, got.status, got.body, got.header)
			}
		}
	}
}

func TestRepeatedChangesOfConversations(t *testing.T) {
	t.Parallel()
	s, _ := serveAgent(t)
	s.do("POST /webhooks/rest/webhook\n\n" + helloBody)
	for i, request := range []string{
		"POST /conversations/u/execute\nIdempotency-Key: k\n\n" + `{"name":"utter_bye"}`,
		"POST /conversations/u/trigger_intent\nIdempotency-Key: k\n\n" + `{"name":"greet"}`,
		"POST /conversations/u/messages?include_events=ALL\nIdempotency-Key: k\n\n" + `{"text":"hello","sender":"user"}`,
		"POST /conversations/u/tracker/events?execute_side_effects=true\nIdempotency-Key: k\n\n" + `{"event":"bot","text":"x"}`,
		"PUT /conversations/u/tracker/events\nIdempotency-Key: k\n\n" + `{"event":"bot","text":"x"}`,
	} {
		name, _, _ := strings.Cut(request, "\n")
		first := s.do(request)
		between := s.do("GET /conversations/u/tracker")
		again := s.do(request)
		if first.status != 200 || first.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: %d %v", name, first.status, first.header)
		}
		if again.status != 200 || again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s again: %d %v\n%s\nwant\n%s", name, again.status, again.header, again.body, first.body)
		}
		if got := s.do("GET /conversations/u/tracker"); got.body != between.body {
			t.Errorf("%s again changed the conversation", name)
		}
		other := strings.Replace(request, "\n\n{", fmt.Sprintf("\n\n{\"n\":%d,", i), 1)
		if got := s.do(other); got.status != 422 || !strings.Contains(got.body, `"reason":"IdempotencyKeyReused"`) {
			t.Errorf("%s with another body: %d %s", name, got.status, got.body)
		}
	}
}

func TestOutcomesOfTheStoreHaveStatuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		status int
		reason string
	}{
		{trackerstore.ErrKeyReused, 422, "IdempotencyKeyReused"},
		{trackerstore.ErrTooLarge, 413, "EventTooLarge"},
		{trackerstore.ErrConflict, 409, "ConversationConflict"},
		{trackerstore.ErrLeaseLost, 409, "ConversationConflict"},
		{fmt.Errorf("%w: %w: %w", context.Canceled, trackerstore.ErrConflict, trackerstore.ErrLeaseLost), 409, "ConversationConflict"},
		{&trackerstore.Repeated{Omitted: true}, 409, "ReplyNotKept"},
		{trackerstore.ErrUnknownOutcome, 503, "OutcomeUnknown"},
	} {
		s := serve(t)
		s.bot.handle = func(context.Context, dialogue.UserMessage, agent.Send) error { return fmt.Errorf("turn: %w", tt.err) }
		for _, query := range []string{"", "?stream=true"} {
			got := s.do("POST /webhooks/rest/webhook" + query + "\nIdempotency-Key: k\n\n" + helloBody)
			want := fmt.Sprintf(`"reason":"%s","details":{},"help":null,"code":%d}`, tt.reason, tt.status)
			if got.status != tt.status || !strings.Contains(got.body, want) {
				t.Errorf("%v%s: %d %s, want %d %s", tt.err, query, got.status, got.body, tt.status, want)
			}
			if echo := got.header.Get("Idempotency-Key"); (echo == "k") != errors.Is(tt.err, trackerstore.ErrUnknownOutcome) {
				t.Errorf("%v%s: the key in the answer is %q", tt.err, query, echo)
			}
		}
	}
}
