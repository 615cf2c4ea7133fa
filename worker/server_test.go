package worker_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/trackerstore"
	"parley/worker"
)

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.bot.change("a/b")
	s.bot.change("ü x")
	for _, tt := range []struct {
		request string
		status  int
		holds   string
	}{
		{"GET /", 200, "Hello from Parley: test"},
		{"GET http://other.example/version", 200, `"version":"3.6.21"`},
		{"GET /version", 200, `{"version":"3.6.21","minimum_compatible_version":"3.6.21"}`},
		{"GET /version//", 200, `"version"`},
		{"GET //version", 404, `"Requested URL //version not found"`},
		{"GET /%76ersion", 404, `Not Found`},
		{"GET /model/../version", 404, `Not Found`},
		{"GET /Version", 404, `Not Found`},
		{"GET /conversations", 404, `Not Found`},
		{"GET /conversations/", 404, `Not Found`},
		{"GET /conversations/tracker", 404, `Not Found`},
		{"GET /conversations//tracker", 200, `"sender_id":"default"`},
		{"GET /conversations/a/b/tracker", 200, `"sender_id":"a/b"`},
		{"GET /conversations/a%2Fb/story", 200, `- story: a/b`},
		{"GET /conversations/%C3%BC%20x/story", 200, `- story: ü x`},
		{"GET /conversations/a%zz/tracker", 200, `"sender_id":"a%zz"`},
		{"GET /conversations/%ff/tracker", 200, `"sender_id":"%ff"`},
		{"GET /conversations/x//tracker", 200, `"sender_id":"x/"`},
		{"GET /conversations/x/tracker/tracker/", 200, `"sender_id":"x/tracker"`},
		{"GET /conversations/x/tracker/events", 405, `Method GET not allowed`},
		{"PUT /conversations/x/tracker", 405, `Method PUT not allowed`},
		{"GET /conversations/" + strings.Repeat("x", 8300) + "/tracker", 413, `Request header exceeds the size limit`},
		{"GET /conversations/" + strings.Repeat("x", 20000) + "/tracker", 413, `Request header exceeds the size limit`},
		{"GET /webhooks/rest", 200, `{"status":"ok"}`},
		{"GET /webhooks/rest/", 200, `{"status":"ok"}`},
		{"GET /webhooks", 404, `Not Found`},
		{"GET /webhooks/slack/", 404, `Not Found`},
		{"GET /webhooks/rest/webhook", 405, `Method GET not allowed`},
		{"BREW /version", 405, `Method BREW not allowed`},
		{"BREW /nope", 404, `Not Found`},
		{"OPTIONS /nope", 200, ``},
		{"HEAD /version", 200, ``},
		{"HEAD /model/parse", 405, ``},
	} {
		got := s.do(tt.request)
		if name := tt.request[:min(60, len(tt.request))]; got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s: %d %s, want %d and %s", name, got.status, got.body, tt.status, tt.holds)
		}
	}
	if allow := s.do("POST /version").header.Get("Allow"); allow != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow is %q", allow)
	}
	if body := s.do("HEAD /version").header.Get("Content-Length"); body == "" || body == "0" {
		t.Errorf("Content-Length of HEAD is %q", body)
	}
}

func TestWithoutTheAPIThereAreOnlyWebhooks(t *testing.T) {
	t.Parallel()
	token := "sesame"
	s := serve(t, func(c *worker.Config) { c.API, c.AuthToken, c.JWT = false, secret(token), &worker.JWT{Secret: " "} })
	for request, status := range map[string]int{
		"GET /": 200, "GET /version": 404, "GET /conversations/a/tracker": 404, "DELETE /model?token=sesame": 404,
		"GET /auth/verify": 404, "GET /webhooks/rest/": 200, "POST /webhooks/rest/webhook\n\n{\"message\":\"hi\"}": 200,
	} {
		if got := s.do(request); got.status != status {
			t.Errorf("%s: %d, want %d", request, got.status, status)
		}
	}
}

func TestErrorsOfATurnBecomeStatuses(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) {
		callback, err := channel.Open("callback", map[string]any{"url": "http://127.0.0.1:9/"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Channels = append(c.Channels, callback)
	})
	var mu sync.Mutex
	var fail error
	s.bot.handle = func(_ context.Context, m dialogue.UserMessage, send agent.Send) error {
		mu.Lock()
		defer mu.Unlock()
		if m.InputChannel == "callback" {
			return fail
		}
		return errors.Join(send(say(m.SenderID, "first")), fail)
	}
	for _, tt := range []struct {
		err      error
		rest     int
		callback int
		reason   string
		retry    string
	}{
		{nil, 200, 200, "", ""},
		{errors.New("odd"), 200, 500, "", ""},
		{agent.ErrUnknownAction, 200, 500, "", ""},
		{agent.ErrNoModel, 200, 409, "", ""},
		{trackerstore.ErrTooManyPending, 429, 429, "TooManyPending", "1"},
		{trackerstore.ErrLockTimeout, 503, 503, "LockTimeout", "1"},
		{trackerstore.ErrConflict, 409, 409, "ConversationConflict", ""},
		{trackerstore.ErrUnavailable, 503, 503, "StoreUnavailable", "1"},
		{trackerstore.ErrUnknownOutcome, 503, 503, "OutcomeUnknown", ""},
		{trackerstore.ErrDraining, 503, 503, "Draining", "0"},
		{context.DeadlineExceeded, 503, 503, "", ""},
	} {
		mu.Lock()
		fail = tt.err
		if fail != nil {
			fail = fmt.Errorf("store the turn: %w", fail)
		}
		mu.Unlock()
		got := s.do("POST /webhooks/rest/webhook\n\n" + `{"sender":"u","message":"hi"}`)
		if got.status != tt.rest || !strings.Contains(got.body, tt.reason) || got.header.Get("Retry-After") != tt.retry {
			t.Errorf("rest, %v: %d %s %v, want %d %s", tt.err, got.status, got.body, got.header, tt.rest, tt.reason)
		}
		if want := `[{"recipient_id":"u","text":"first"}]`; tt.rest == 200 && got.body != want {
			t.Errorf("rest, %v: %s, want %s", tt.err, got.body, want)
		}
		if got := s.do("POST /webhooks/callback/webhook\n\n" + `{"sender":"u","message":"hi"}`); got.status != tt.callback {
			t.Errorf("callback, %v: %d %s, want %d", tt.err, got.status, got.body, tt.callback)
		}
	}
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, tt := range []struct{ request, want string }{
		{"GET /conversations/nobody/story", `{"version":"3.6.21","status":"failure","message":"Conversation ID not found.",` +
			`"reason":"Not found","details":{},"help":null,"code":404}`},
		{"GET /conversations/a/tracker?include_events=x", `{"version":"3.6.21","status":"failure","message":"Invalid parameter value ` +
			`for 'include_events'. Should be one of NONE, APPLIED, AFTER_RESTART, ALL","reason":"BadRequest",` +
			`"details":{"parameter":"include_events","in":"query"},"help":null,"code":400}`},
		{"GET /nope", `{"description":"Not Found","status":404,"message":"Requested URL /nope not found"}`},
		{"POST /conversations/a/messages\n\n{", `{"description":"Bad Request","status":400,"message":"Failed when parsing body as json"}`},
	} {
		if diff := cmp.Diff(tt.want, s.do(tt.request).body); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", tt.request, diff)
		}
	}
	page := s.do("GET /<b>\nAccept: text/html, */*")
	if page.status != 404 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, "/&lt;b&gt;") {
		t.Errorf("the page is %d %v %s", page.status, page.header, page.body)
	}
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) { c.BodyLimit, c.ModelBodyLimit = 1000, 3000 })
	text := func(n int) string { return `{"text":"` + strings.Repeat("x", n-len(`{"text":""}`)) + `"}` }
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"webhook at the limit", "POST /webhooks/rest/webhook\n\n" + text(1000), 200},
		{"webhook above", "POST /webhooks/rest/webhook\n\n" + text(1001), 413},
		{"model at the limit", "POST /model/parse\n\n" + text(3000), 200},
		{"model above", "POST /model/parse\n\n" + text(3001), 413},
		{"chunked above", "POST /webhooks/rest/webhook\nTransfer-Encoding: chunked\n\n" + "7d0\r\n" + strings.Repeat("x", 2000) + "\r\n0\r\n\r\n", 413},
	} {
		got := s.do(tt.request)
		if got.status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, got.status, got.body, tt.status)
		}
		if tt.status == 413 && !strings.Contains(got.body, "Request body exceeds the size limit") {
			t.Errorf("%s: %s", tt.name, got.body)
		}
	}
}

func TestAmbiguousFramingIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	const body = `{"message":"hi"}`
	post := "POST /webhooks/rest/webhook HTTP/1.1\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"plain":                        {post + "Host: a\r\n" + length + "\r\n" + body, 200},
		"chunked":                      {post + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + body + "\r\n0\r\n\r\n", 200},
		"length and chunked":           {post + "Host: a\r\n" + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"two lengths":                  {post + "Host: a\r\n" + length + "Content-Length: 2\r\n\r\n" + body, 400},
		"the same length twice":        {post + "Host: a\r\n" + length + length + "\r\n" + body, 400},
		"no host":                      {post + length + "\r\n" + body, 400},
		"two hosts":                    {post + "Host: a\r\nHost: b\r\n" + length + "\r\n" + body, 400},
		"no host in HTTP/1.0":          {"GET /version HTTP/1.0\r\n\r\n", 200},
		"another coding":               {post + "Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
		"two codings":                  {post + "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
		"negative length":              {post + "Host: a\r\nContent-Length: -1\r\n\r\n", 400},
		"signed length":                {post + "Host: a\r\nContent-Length: +16\r\n\r\n" + body, 400},
		"space before the colon":       {post + "Host: a\r\nContent-Length : 16\r\n\r\n" + body, 400},
		"unknown expectation":          {post + "Host: a\r\nExpect: tea\r\n" + length + "\r\n" + body, 417},
		"unknown expectation, no body": {"GET /version HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := s.dial()
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, tt.request); err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(conn)
			if got := s.read(r, ""); got.status != tt.status {
				t.Fatalf("%d %s, want %d", got.status, got.body, tt.status)
			}
			if tt.status != 400 {
				return
			}
			if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 { // what follows is not a second request
				t.Errorf("the connection goes on: %q, %v", rest, err)
			}
		})
	}
}

// records keeps what is logged at Error.
type records struct {
	mu   sync.Mutex
	seen []string
}

func (*records) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (r *records) WithAttrs([]slog.Attr) slog.Handler         { return r }
func (r *records) WithGroup(string) slog.Handler              { return r }
func (r *records) Handle(_ context.Context, rec slog.Record) error {
	line := rec.Message
	rec.Attrs(func(a slog.Attr) bool {
		if a.Key == "error_id" {
			line += " " + a.Value.String()
		}
		return true
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, line)
	return nil
}

func TestAPanicIsAnErrorWithAnIDAndTheWorkerLives(t *testing.T) {
	t.Parallel()
	logged := &records{}
	s := serve(t, func(c *worker.Config) { c.Log = slog.New(logged) })
	s.bot.handle = func(context.Context, dialogue.UserMessage, agent.Send) error { panic("tea leaves") }
	got := s.do("POST /webhooks/rest/webhook\n\n" + `{"message":"hi"}`)
	if got.status != 500 || strings.Contains(got.body, "tea leaves") {
		t.Fatalf("%d %s", got.status, got.body)
	}
	_, id, _ := strings.Cut(got.body, "(error id ")
	id, _, _ = strings.Cut(id, ")")
	logged.mu.Lock()
	if want := []string{"a request panicked " + id}; !cmp.Equal(want, logged.seen) || len(id) != 16 {
		t.Errorf("logged %q, want %q", logged.seen, want)
	}
	logged.mu.Unlock()
	got = s.do("POST /webhooks/rest/webhook?stream=true\n\n" + `{"message":"hi"}`)
	if got.status != 200 || got.body != "" {
		t.Errorf("a stream that panics answers %d %q", got.status, got.body)
	}
	if got := s.do("GET /version"); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
}

func TestAStreamSendsEachMessageAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	next := make(chan string)
	s.bot.handle = func(_ context.Context, m dialogue.UserMessage, send agent.Send) error {
		for text := range next {
			if err := send(say(m.SenderID, text)); err != nil {
				return err
			}
		}
		return nil
	}
	conn := s.dial()
	defer func() { _ = conn.Close() }()
	body := `{"sender":"u","message":"hi"}`
	_, _ = fmt.Fprintf(conn, "POST /webhooks/rest/webhook?stream=true HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	r := bufio.NewReader(conn)
	line := func() string {
		t.Helper()
		l, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimRight(l, "\r\n")
	}
	var head []string
	for l := line(); l != ""; l = line() {
		head = append(head, strings.ToLower(l))
	}
	for _, want := range []string{"http/1.1 200 ok", "content-type: text/event-stream", "cache-control: no-cache", "x-accel-buffering: no", "transfer-encoding: chunked"} {
		if !strings.Contains(strings.Join(head, "\n"), want) {
			t.Errorf("the head %q lacks %q", head, want)
		}
	}
	for _, text := range []string{"one", "two"} {
		next <- text // the next is not given before this one has arrived
		line()       // size of the chunk
		if got, want := line(), `{"recipient_id":"u","text":"`+text+`"}`; got != want {
			t.Errorf("line %q, want %q", got, want)
		}
		line()
	}
	close(next)
	if got := line(); got != "0" {
		t.Errorf("the stream ends with %q", got)
	}
}

func TestAStreamWhoseClientLeavesFinishesItsTurn(t *testing.T) {
	t.Parallel()
	s := serve(t)
	next, finished := make(chan struct{}), make(chan error, 1)
	s.bot.handle = func(_ context.Context, m dialogue.UserMessage, send agent.Send) error {
		err := send(say(m.SenderID, "one"))
		<-next
		for range 100 { // enough to fill what buffers there are
			err = errors.Join(err, send(say(m.SenderID, strings.Repeat("x", 100_000))))
		}
		finished <- err
		return nil
	}
	conn := s.dial()
	body := `{"sender":"u","message":"hi"}`
	_, _ = fmt.Fprintf(conn, "POST /webhooks/rest/webhook?stream=true HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if _, err := conn.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	close(next)
	if err := <-finished; err != nil {
		t.Errorf("the turn was disturbed: %v", err)
	}
}

func TestASlowClientIsCutOff(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) { c.ReadTimeout = 50_000_000 }) // 50 ms
	conn := s.dial()
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST /webhooks/rest/webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
	if got := s.read(bufio.NewReader(conn), ""); got.status != 408 {
		t.Errorf("%d %s, want 408", got.status, got.body)
	}
}

func TestAResponseTimesOut(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) { c.ResponseTimeout = 20_000_000 }) // 20 ms
	s.bot.handle = func(ctx context.Context, _ dialogue.UserMessage, _ agent.Send) error {
		<-ctx.Done()
		return ctx.Err()
	}
	got := s.do("POST /webhooks/rest/webhook\n\n" + `{"message":"hi"}`)
	if got.status != 503 || !strings.Contains(got.body, `"message":"Response Timeout"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestListenSaysWhenAPortIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, err = worker.Listen(t.Context(), ln.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "the port is in use") || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("error is %v", err)
	}
}

func TestAListenerThatFailsEndsRun(t *testing.T) {
	t.Parallel()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w, err := worker.New(worker.Config{Bot: newFake(), Listener: ln})
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := w.Run(t.Context()); err == nil || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("Run: %v", err)
	}
}

func TestNewRefusesBadConfigurations(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	rest := channel.NewRest("rest")
	for want, cfg := range map[string]worker.Config{
		"Config.Bot is missing":      {Listener: ln},
		"Config.Listener is missing": {Bot: newFake()},
		"two channels want":          {Bot: newFake(), Listener: ln, Channels: []channel.Channel{rest, channel.NewRest("cmdline")}},
		"--cors *.x: not a valid":    {Bot: newFake(), Listener: ln, CORS: []string{"*.x"}},
		"the JWT secret is blank":    {Bot: newFake(), Listener: ln, API: true, JWT: &worker.JWT{Secret: " \n"}},
		"--jwt-method none: unknown": {Bot: newFake(), Listener: ln, API: true, JWT: &worker.JWT{Secret: "x", Method: "none"}},
		"needs a public key in PEM":  {Bot: newFake(), Listener: ln, API: true, JWT: &worker.JWT{Secret: "x", Method: "RS256"}},
		"is an asymmetric key": {Bot: newFake(), Listener: ln, API: true, JWT: &worker.JWT{
			Secret: "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n",
		}},
	} {
		if _, err := worker.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}
