package action

import (
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"parley/dialogue"
)

// server is an action or NLG server that remembers what it was asked.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
}

// request is one call.
type request struct {
	method, path, query string
	header              http.Header
	body                map[string]any
}

// name is what was asked for: the action, or the response.
func (r *request) name() string {
	if s, ok := r.body["next_action"].(string); ok {
		return s
	}
	s, _ := r.body["response"].(string)
	return s
}

// tracker is a key of the tracker that was sent.
func (r *request) tracker(key string) any {
	t, _ := r.body["tracker"].(map[string]any)
	return t[key]
}

// events are the events that were sent, in shorthand, without the prelude.
func (r *request) events(t testing.TB) string {
	t.Helper()
	list, _ := r.tracker("events").([]any)
	events, err := dialogue.DecodeEvents(dialogue.AppendJSON(nil, list))
	if err != nil {
		t.Fatal(err)
	}
	if len(events) > 3 {
		events = events[3:]
	}
	return show(events)
}

// newServer answers every call with answer.
func newServer(t testing.TB, answer func(w http.ResponseWriter, r *request)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "deflate" {
			z, err := zlib.NewReader(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusTeapot)
				return
			}
			body = z
		}
		data, err := io.ReadAll(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		req := request{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, header: r.Header}
		if v, err := dialogue.DecodeJSON(data); err == nil {
			req.body, _ = v.(map[string]any)
		}
		s.mu.Lock()
		s.requests = append(s.requests, req)
		s.mu.Unlock()
		answer(w, &req)
	}))
	t.Cleanup(s.Close)
	return s
}

// replies answers with one JSON body per action or response; others get {}.
func replies(t testing.TB, bodies map[string]string) *server {
	t.Helper()
	return newServer(t, func(w http.ResponseWriter, r *request) {
		body, ok := bodies[r.name()]
		if !ok {
			body = "{}"
		}
		reply(w, http.StatusOK, body)
	})
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (s *server) endpoint() *Endpoint { return &Endpoint{URL: s.URL + "/webhook"} }

// taken returns the requests so far and forgets them.
func (s *server) taken() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests = nil
	return requests
}
