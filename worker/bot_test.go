package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/model"
	"parley/policy"
	"parley/trackerstore"
	"parley/worker"
)

func TestMain(m *testing.M) {
	if part := os.Getenv(partVariable); part != "" { // not a test, but a process that a test has started
		os.Exit(play(part))
	}
	goleak.VerifyTestMain(m,
		// fasthttp keeps the text of the Date header fresh for ever, and its pool's broom sleeps for ten seconds before it
		// notices that there is nothing left to sweep.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

// fake is a bot that echoes. What a test wants different it sets.
type fake struct {
	domain *dialogue.Domain
	handle func(ctx context.Context, msg dialogue.UserMessage, send agent.Send) error
	parse  func(text string) (dialogue.Parse, error)

	predict func() policy.Prediction

	mu       sync.Mutex
	model    *model.Model
	trackers map[string]*dialogue.Tracker
	said     []dialogue.UserMessage
}

func newFake() *fake {
	d := (&dialogue.Domain{
		Intents: []dialogue.IntentSpec{{Name: "greet"}},
		Slots:   []dialogue.Slot{{Name: "tea", Type: dialogue.SlotText}},
		Actions: []string{"action_listen", "utter_b", "utter_a"},
		Raw:     []byte(`{"version":"3.1","intents":["greet"],"slots":{"tea":{"type":"text"}}}`),
	}).Finish()
	return &fake{
		domain:   d,
		model:    &model.Model{ID: "m1", File: "/models/one.tar.gz", Domain: d, Policies: new(policy.Ensemble)},
		trackers: map[string]*dialogue.Tracker{},
	}
}

func (f *fake) Model() *model.Model {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.model
}

func (f *fake) Swap(m *model.Model) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.model = m
	return nil
}

func (f *fake) Parse(_ context.Context, text string) (dialogue.Parse, error) {
	if f.parse != nil {
		return f.parse(text)
	}
	return dialogue.Parse{Text: &text, Intent: dialogue.Intent{Name: "greet", Confidence: 1}, Entities: []dialogue.Entity{}}, nil
}

func say(id, text string) dialogue.BotMessage {
	return dialogue.BotMessage{RecipientID: id, Event: &dialogue.BotUttered{Text: text}}
}

func (f *fake) Handle(ctx context.Context, msg dialogue.UserMessage, send agent.Send) error {
	if f.Model() == nil {
		return agent.ErrNoModel
	}
	f.mu.Lock()
	f.said = append(f.said, msg)
	f.mu.Unlock()
	if f.handle != nil {
		return f.handle(ctx, msg, send)
	}
	return send(say(msg.SenderID, "echo "+*msg.Text))
}

func (f *fake) Chat(ctx context.Context, msg dialogue.UserMessage, send agent.Send) (*dialogue.Tracker, error) {
	if err := f.Handle(ctx, msg, send); err != nil {
		return nil, err
	}
	return f.change(msg.SenderID, &dialogue.UserUttered{Text: msg.Text}, &dialogue.ActionExecuted{Name: "utter_b"}), nil
}

func (f *fake) Tracker(_ context.Context, id string) (*dialogue.Tracker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := f.trackers[id]; ok {
		return t, nil
	}
	return dialogue.NewTracker(id, f.domain), nil
}

func (f *fake) Stored(_ context.Context, id string, _ trackerstore.Scope) (*dialogue.Tracker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := f.trackers[id]; ok {
		return t, nil
	}
	return nil, agent.ErrNoConversation
}

func (f *fake) Explain(_ context.Context, _ string, turns int) ([]agent.Decision, error) {
	one := 1.0
	return []agent.Decision{
		{Event: turns, Timestamp: 1.5, Action: "utter_b", Policy: "RulePolicy", Confidence: &one, Reason: "rule 'b' (d.yml:3)", Agrees: true, Policies: []policy.Opinion{
			{Policy: "RulePolicy", Priority: 4, Action: "utter_b", Confidence: 1, Reason: "rule 'b' (d.yml:3)", Evidence: []string{`{"user": {}}`}, Won: true},
			{Policy: "MemoizationPolicy", Priority: 3, Reason: "no story"},
		}},
		{Event: -1, Rejected: true},
	}, nil
}

func (f *fake) Exists(_ context.Context, id string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.trackers[id]
	return ok, nil
}

func (f *fake) change(id string, events ...dialogue.Event) *dialogue.Tracker {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, ok := f.trackers[id]
	if !ok {
		t = dialogue.NewTracker(id, f.domain)
		f.trackers[id] = t
	}
	t.Adopt(1, events...)
	return t
}

func (f *fake) AppendEvents(_ context.Context, id string, events []dialogue.Event, sideEffects bool, _ string, send agent.Send) (*dialogue.Tracker, error) {
	for _, e := range events {
		if b, ok := e.(*dialogue.BotUttered); ok && sideEffects {
			_ = send(dialogue.BotMessage{RecipientID: id, Event: b})
		}
	}
	return f.change(id, events...), nil
}

func (f *fake) ReplaceEvents(_ context.Context, id string, events []dialogue.Event) (*dialogue.Tracker, error) {
	f.mu.Lock()
	delete(f.trackers, id)
	f.mu.Unlock()
	return f.change(id, events...), nil
}

func (f *fake) AddMessage(_ context.Context, msg dialogue.UserMessage) (*dialogue.Tracker, error) {
	return f.change(msg.SenderID, &dialogue.UserUttered{Text: msg.Text}), nil
}

func (f *fake) Execute(_ context.Context, id, name, _ string, _ float64, _ string, send agent.Send) (*dialogue.Tracker, error) {
	if f.domain.ActionIndex(name) < 0 {
		return nil, fmt.Errorf("%w: %q", agent.ErrUnknownAction, name)
	}
	t := f.change(id, &dialogue.ActionExecuted{Name: name})
	_ = send(say(id, name))
	return t, nil
}

func (f *fake) Trigger(_ context.Context, id, intent string, _ any, _ string, send agent.Send) (*dialogue.Tracker, error) {
	if _, ok := f.domain.Intent(intent); !ok {
		return nil, fmt.Errorf("%w: %q", agent.ErrUnknownIntent, intent)
	}
	_ = send(say(id, "triggered"))
	return f.change(id), nil
}

func (f *fake) Predict(_ context.Context, id string) (policy.Prediction, *dialogue.Tracker, error) {
	if f.predict != nil {
		return f.predict(), f.change(id), nil
	}
	return policy.Prediction{Action: "utter_b", Policy: "RulePolicy", Confidence: 1, Scores: []float64{0, 0.5, 0.5}}, f.change(id), nil
}

func (f *fake) PredictEvents(_ context.Context, id string, events []dialogue.Event) (policy.Prediction, *dialogue.Tracker, error) {
	t := dialogue.NewTracker(id, f.domain)
	t.Adopt(1, events...)
	return policy.Prediction{Policy: "RulePolicy", Confidence: 1, Scores: []float64{0, 0.5, 0.25}}, t, nil
}

// server is a worker that serves on a port of its own.
type server struct {
	t      *testing.T
	bot    *fake
	worker *worker.Worker
	addr   string
	stop   context.CancelFunc
	done   chan error
}

// serve starts a worker; it is stopped at the end of the test. change may alter its configuration.
func serve(t *testing.T, change ...func(*worker.Config)) *server {
	t.Helper()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bot := newFake()
	cfg := worker.Config{Bot: bot, Listener: ln, API: true, Version: "test", Channels: []channel.Channel{channel.NewRest("rest")}}
	for _, f := range change {
		f(&cfg)
	}
	w, err := worker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{t: t, bot: bot, worker: w, addr: ln.Addr().String(), stop: cancel, done: make(chan error, 1)}
	go func() { s.done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-s.done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

// finish stops the worker and waits until it has ended.
func (s *server) finish() {
	s.stop()
	s.done <- <-s.done
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // says that the connection ends
}

// do sends a request in the words of HTTP and reads its answer. Lines are separated by \n; a body follows an empty line and its
// length is added. The connection is closed afterwards.
func (s *server) do(request string) answer {
	s.t.Helper()
	head, body, _ := strings.Cut(request, "\n\n")
	if body != "" && !strings.Contains(strings.ToLower(head), "transfer-encoding") && !strings.Contains(head, "Content-Length") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	first, rest, _ := strings.Cut(head, "\n")
	if !strings.HasSuffix(first, " HTTP/1.1") && !strings.HasSuffix(first, " HTTP/1.0") {
		first += " HTTP/1.1"
	}
	if rest != "" {
		rest = "\n" + rest
	}
	if !strings.Contains(rest, "\nHost:") {
		rest = "\nHost: test" + rest
	}
	rest += "\nConnection: close"
	return s.raw(strings.ReplaceAll(first+rest, "\n", "\r\n") + "\r\n\r\n" + body)
}

// raw sends bytes and reads one answer.
func (s *server) raw(request string) answer {
	s.t.Helper()
	got, err := exchange(s.t, s.addr, request)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

func (s *server) dial() net.Conn {
	s.t.Helper()
	conn, err := dial(s.t, s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func (s *server) read(r *bufio.Reader, method string) answer {
	s.t.Helper()
	got, err := read(r, method)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// exchange sends bytes to an address and reads one answer.
func exchange(t *testing.T, addr, request string) (answer, error) {
	t.Helper()
	conn, err := dial(t, addr)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		return answer{}, err
	}
	method, _, _ := strings.Cut(request, " ")
	return read(bufio.NewReader(conn), method)
}

func dial(t *testing.T, addr string) (net.Conn, error) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(2 * time.Minute))
}

func read(r *bufio.Reader, method string) (answer, error) {
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return answer{}, err
	}
	return answer{res.StatusCode, res.Header, string(body), res.Close}, nil
}

func restChannel() channel.Channel { return channel.NewRest("rest") }
