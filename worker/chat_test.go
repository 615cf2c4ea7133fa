package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/trackerstore"
	"parley/worker"
)

// pages is a store that lists ids one by one.
type pages struct{ worker.Conversations }

func (pages) List(_ context.Context, cursor string, limit int) (ids []string, next string, err error) {
	switch {
	case limit != 1:
		return []string{"a", "b/ü"}, "", nil
	case cursor == "":
		return []string{"a"}, "\x00a", nil
	case cursor == "\x00a":
		return []string{"b/ü"}, "", nil
	}
	return nil, "", fmt.Errorf("list: %w", trackerstore.ErrBadCursor)
}

func TestConversationsAreListedByPages(t *testing.T) {
	t.Parallel()
	token := "sesame"
	s := serve(t, func(c *worker.Config) { c.Store = pages{} })
	guarded := serve(t, func(c *worker.Config) { c.Store, c.AuthToken = pages{}, secret(token) })
	var ids []string
	for cursor := ""; ; {
		var page struct {
			Conversations []string
			Next          *string
		}
		got := s.do("GET /conversations?limit=1&cursor=" + url.QueryEscape(cursor))
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		ids = append(ids, page.Conversations...)
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	if diff := cmp.Diff([]string{"a", "b/ü"}, ids); diff != "" {
		t.Errorf("the ids differ (-want +got):\n%s", diff)
	}
	for request, want := range map[string]int{
		"GET /conversations?limit=1000": 200, "GET /conversations?limit=9&api_compat=0.8": 200,
		"GET /conversations?limit=0": 400, "GET /conversations?limit=1001": 400, "GET /conversations?limit=x": 400, "GET /conversations?cursor=AA": 400,
		"GET /conversations?limit=1&cursor=%21": 400, "GET /conversations?limit=1&cursor=AAAA": 400,
		"GET /conversations?limit=": 404, "GET /conversations": 404, "PUT /conversations?limit=1": 404,
	} {
		if got := s.do(request); got.status != want {
			t.Errorf("%s: %d %s, want %d", request, got.status, got.body, want)
		}
	}
	for request, want := range map[string]int{"GET /conversations": 404, "GET /conversations?limit=5": 401, "GET /conversations?limit=5&token=sesame": 200} {
		if got := guarded.do(request); got.status != want {
			t.Errorf("guarded, %s: %d %s, want %d", request, got.status, got.body, want)
		}
	}
}

func TestChatIsAWholeTurnInOneCall(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := s.do("POST /conversations/u/chat\n\n" + `{"message":" hello ","metadata":{"a":1}}`)
	if want := `{"messages":[{"recipient_id":"u","text":"echo hello"}],"tracker":{"sender_id":"u",`; got.status != 200 || !strings.HasPrefix(got.body, want) ||
		!strings.Contains(got.body, `"events":null`) || !strings.Contains(got.body, `"latest_action_name":"utter_b"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	if m := s.bot.said[0]; m.InputChannel != "chat" || !cmp.Equal(m.Metadata, map[string]any{"a": 1}) {
		t.Errorf("the bot heard %+v", m)
	}
	for _, tt := range []struct {
		request string
		status  int
		holds   string
	}{
		{"POST /conversations/u/chat?include_events=ALL&last=1\n\n" + `{"message":"x"}`, 200, `"events":[{"event":"action"`},
		{"POST /conversations/u/chat?include_events=ALL&max_bytes=1\n\n" + `{"message":"x"}`, 200, `"events":[]`},
		{"POST /conversations/u/chat\n\n" + `{"text":"x"}`, 400, `"parameter":"message","in":"body"`},
		{"POST /conversations/u/chat\n\n" + `{"message":5}`, 400, `"parameter":"message","in":"body"`},
		{"POST /conversations/u/chat\n\n" + `{"message":"x","metadata":5}`, 400, `"parameter":"metadata","in":"body"`},
		{"POST /conversations/u/chat?last=-1\n\n" + `{"message":"x"}`, 400, `"parameter":"last","in":"query"`},
		{"POST /conversations/u/chat?include_events=x\n\n" + `{"message":"x"}`, 400, `"parameter":"include_events","in":"query"`},
		{"POST /conversations/u/chat", 400, "JSON object"},
		{"POST /conversations/u/chat\n\n{", 400, "Failed when parsing body as json"},
		{"GET /conversations/u/chat", 405, "not allowed"},
	} {
		if got := s.do(tt.request); got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s: %d %s, want %d and %s", tt.request, got.status, got.body, tt.status, tt.holds)
		}
	}
}

func TestARepeatedChatIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	s, bot := serveAgent(t)
	ask := "POST /conversations/u/chat?include_events=ALL&last=2\nIdempotency-Key: k1\n\n" + `{"message":"hello"}`
	first, again := s.do(ask), s.do(ask)
	if first.status != 200 || first.body != again.body || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%d %s\nthen %d %v %s", first.status, first.body, again.status, again.header, again.body)
	}
	if want := `{"messages":[{"recipient_id":"u","text":"Hello"},{"recipient_id":"u","text":"you"}],"tracker":{`; !strings.HasPrefix(first.body, want) {
		t.Errorf("%s", first.body)
	}
	if tracker, err := bot.Stored(t.Context(), "u", trackerstore.AllSessions); err != nil || strings.Count(first.body, `"event":"`) != 2 {
		t.Errorf("%v %v", tracker, err)
	}
}

func TestATrackerIsCutToItsNewestEvents(t *testing.T) {
	t.Parallel()
	s := serve(t)
	if got := s.do("PUT /conversations/u/tracker/events\n\n[" + strings.Repeat(`{"event":"slot","name":"tea","value":"ü","timestamp":1},`, 200) + `{"event":"restart","timestamp":2},{"event":"pause","timestamp":3}]`); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	whole := s.do("GET /conversations/u/tracker?include_events=ALL")
	bare := s.do("GET /conversations/u/tracker?include_events=ALL&last=0")
	seen := map[int]bool{}
	for limit := len(bare.body) - 1; limit <= len(whole.body)+1; limit++ {
		got := s.do(fmt.Sprintf("GET /conversations/u/tracker?include_events=ALL&max_bytes=%d", limit))
		if limit < len(bare.body) {
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"parameter":"max_bytes"`) {
				t.Fatalf("max_bytes=%d: %d %s", limit, got.status, got.body)
			}
			continue
		}
		if got.status != 200 || len(got.body) > limit {
			t.Fatalf("max_bytes=%d: %d with %d bytes", limit, got.status, len(got.body))
		}
		n := strings.Count(got.body, `{"event"`)
		if n < 202 && limit-len(got.body) > len(`,{"event":"slot","timestamp":1.0,"name":"tea","value":"ü"}`) {
			t.Fatalf("max_bytes=%d: %d events in %d bytes, one more had room", limit, n, len(got.body))
		}
		seen[n] = true
		if limit > len(bare.body)+400 && limit < len(whole.body)-400 {
			limit += 97
		}
	}
	if !seen[0] || !seen[1] || !seen[202] {
		t.Errorf("numbers of events: %v, want 0, 1 and 202 among them", seen)
	}
	if got := s.do("GET /conversations/u/tracker?last=5&max_bytes=x"); got.status != 400 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
