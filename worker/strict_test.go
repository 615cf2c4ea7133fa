package worker_test

import (
	"context"
	"strings"
	"testing"

	"parley/channel"
	"parley/worker"
)

// What the reference answers with 500, as recorded, is 400 where the operator wants it so.
func TestMistakesOfClientsAre400IfStrict(t *testing.T) {
	t.Parallel()
	configure := func(strict bool) func(c *worker.Config) {
		return func(c *worker.Config) {
			callback, err := channel.Open("callback", map[string]any{"url": "http://127.0.0.1:9/"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			c.StrictStatus, c.Channels = strict, append(c.Channels, callback)
			c.Train = func(context.Context, worker.TrainRequest) (string, error) { return "", worker.ErrUnusable }
		}
	}
	loose, strict := serve(t, configure(false)), serve(t, configure(true))
	for _, s := range []*server{loose, strict} {
		s.bot.change("u")
	}
	for _, request := range []string{
		"POST /conversations/u/execute\n\n" + `{"name":"action_moon"}`,
		"POST /conversations/u/execute\n\n" + `{"name":5}`,
		"POST /conversations/u/messages\n\n" + `{"sender":"user"}`,
		"POST /conversations/u/messages\n\n" + `{"sender":"user","text":"x","parse_data":"greet"}`,
		"POST /conversations/u/messages\n\n" + `{"sender":"user","text":"x","parse_data":{"intent":{}}}`,
		"POST /conversations/u/tracker/events\n\n" + `{"event":"user","text":"x"}`,
		"POST /conversations/u/tracker/events\n\n" + `{"event":"action"}`,
		"POST /conversations/u/tracker/events\n\n" + `{"event":"reminder","intent":"greet","date_time":"soon"}`,
		"PUT /conversations/u/tracker/events\n\n" + `[{"event":"user","text":"x"}]`,
		"POST /webhooks/callback/webhook\n\n" + `{"sender":"u"}`,
		"POST /model/train\n\nnlu: []",
	} {
		if got := loose.do(request); got.status != 500 {
			t.Errorf("%s: %d %s, want 500", request, got.status, got.body)
		}
		if got := strict.do(request); got.status != 400 || strings.Contains(got.body, "unexpected") {
			t.Errorf("strict, %s: %d %s, want 400", request, got.status, got.body)
		}
	}
}

func TestClientsThatAskTooOftenAreToldToWait(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *worker.Config) { c.RateLimit = 0.001 })
	if got := s.do("GET /version"); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for _, request := range []string{"GET /version", "GET /conversations/x/tracker", "POST /webhooks/rest/webhook\n\n" + `{"message":"hi"}`} {
		got := s.do(request)
		if got.status != 429 || !strings.Contains(got.body, `"reason":"RateLimited"`) || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %v %s", request, got.status, got.header, got.body)
		}
	}
	for request, want := range map[string]int{"GET /": 200, "OPTIONS /version": 200, "GET /nope": 404} { // they cost nothing
		if got := s.do(request); got.status != want {
			t.Errorf("%s: %d, want %d", request, got.status, want)
		}
	}
}
