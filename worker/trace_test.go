package worker_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"parley/action"
	"parley/agent"
	"parley/channel"
	"parley/model"
	"parley/project"
	"parley/tracing"
	"parley/trackerstore"
	"parley/worker"
)

const tracedBot = `
version: "3.1"
recipe: default.v1
assistant_id: traced
language: en
pipeline: [{name: WhitespaceTokenizer}, {name: KeywordIntentClassifier}]
policies: [{name: RulePolicy}]
intents: [greet]
actions: [action_check]
nlu:
- intent: greet
  examples: |
    - hello
rules:
- rule: check
  steps: [{intent: greet}, {action: action_check}]
`

// received are the requests that an OTLP receiver got.
type received struct {
	mu    sync.Mutex
	spans []*tracev1.Span
	raw   []byte
	about map[string]string // the resource
}

func (r *received) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var export tracev1.TracesData // on the wire an ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw = append(r.raw, body...)
	for _, rs := range export.GetResourceSpans() {
		for _, a := range rs.GetResource().GetAttributes() {
			r.about[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, ss := range rs.GetScopeSpans() {
			r.spans = append(r.spans, ss.GetSpans()...)
		}
	}
}

// traced serves the bot, whose action server is a handler, and returns its address.
func traced(t *testing.T, tracer *tracing.Tracer, actions http.HandlerFunc) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bot.yml")
	if err := os.WriteFile(file, []byte(tracedBot), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := project.Load(project.Paths{Config: file, Domain: file, Data: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Train(t.Context(), p, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(actions)
	t.Cleanup(server.Close)
	store := trackerstore.NewMemory()
	bot, err := agent.New(agent.Config{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Conversations: store, Tracer: tracer, Actions: action.Config{ActionServer: &action.Endpoint{URL: server.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Swap(m); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *worker.Config) {
		c.Bot, c.Store, c.Tracer, c.Channels = bot, store, tracer, []channel.Channel{channel.NewRest("rest")}
	})
	return s.addr
}

// sayTraced sends "hello" as part of a client's trace.
func sayTraced(t *testing.T, address, path, traceparent string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(`{"sender":"canary-sender","message":"hello"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("traceparent", traceparent)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "canary-answer") {
		t.Fatal(res.Status, string(body), err)
	}
}

const (
	clientTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	clientParent = "00-" + clientTrace + "-00f067aa0ba902b7-01"
)

func TestTurnsAreTracedFromClientToActionServer(t *testing.T) { //nolint:paralleltest // OpenTelemetry reads the environment
	for _, path := range []string{"/webhooks/rest/webhook", "/webhooks/rest/webhook?stream=true"} {
		t.Run(path, func(t *testing.T) {
			got := &received{about: map[string]string{}}
			otlp := httptest.NewServer(got)
			t.Cleanup(otlp.Close)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp.URL)
			t.Setenv("OTEL_SERVICE_NAME", "shop-bot")
			tracer, err := tracing.Open(t.Context(), os.Getenv, "1.2.3", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			passed := make(chan string, 1)
			address := traced(t, tracer, func(w http.ResponseWriter, r *http.Request) {
				passed <- r.Header.Get("traceparent")
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"events": [], "responses": [{"text": "canary-answer"}]}`)
			})
			sayTraced(t, address, path, clientParent)
			if err := tracer.Close(t.Context()); err != nil {
				t.Fatal(err)
			}

			parents, names := map[string]string{}, map[string]string{}
			for _, s := range got.spans {
				names[string(s.GetSpanId())] = s.GetName()
				if h := hex.EncodeToString(s.GetTraceId()); h != clientTrace {
					t.Errorf("%s is in trace %s", s.GetName(), h)
				}
			}
			for _, s := range got.spans {
				parents[s.GetName()] = names[string(s.GetParentSpanId())]
				if s.GetName() == "action.run" && attribute(s, "parley.action") == "action_check" {
					if want := "00-" + clientTrace + "-" + hex.EncodeToString(s.GetSpanId()) + "-01"; <-passed != want {
						t.Errorf("the action server was not told %s", want)
					}
				}
				if s.GetKind() == tracev1.Span_SPAN_KIND_SERVER && hex.EncodeToString(s.GetParentSpanId()) != "00f067aa0ba902b7" {
					t.Errorf("the request's parent is %x", s.GetParentSpanId())
				}
			}
			want := map[string]string{
				"HTTP /webhooks/rest/webhook": "", "turn": "HTTP /webhooks/rest/webhook", "store.begin": "turn", "nlu.parse": "turn",
				"policy.predict": "turn", "action.run": "turn", "store.commit": "turn",
			}
			if diff := cmp.Diff(want, parents); diff != "" {
				t.Errorf("parents (-want +got):\n%s", diff)
			}
			if got.about["service.name"] != "shop-bot" || got.about["service.version"] != "1.2.3" {
				t.Errorf("resource %v", got.about)
			}
			for _, secret := range []string{"hello", "canary"} {
				if bytes.Contains(got.raw, []byte(secret)) {
					t.Errorf("%q is in a trace", secret)
				}
			}
		})
	}
}

func TestACollectorThatIsAwayHoldsNothingUp(t *testing.T) { //nolint:paralleltest // OpenTelemetry reads the environment
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+silent.Addr().String())
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
	tracer, err := tracing.Open(t.Context(), os.Getenv, "1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	for range 10_000 { // far more than the queue takes; each would wait for ten seconds if it waited
		_, span := tracer.Start(t.Context(), "turn", tracing.Internal)
		span.End()
	}
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("10 000 spans took %s", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun = time.Now()
	_ = tracer.Close(ctx)
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("closing took %s", took)
	}
}

// attribute is a text attribute of a span.
func attribute(s *tracev1.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
