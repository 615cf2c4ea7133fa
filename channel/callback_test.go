package channel

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// listener is the other side of a callback channel.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	posts  []string
	header http.Header
	query  string
	status int
	reply  string
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{status: http.StatusOK}
	l.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.posts, l.header, l.query = append(l.posts, string(body)), r.Header, r.URL.RawQuery
		rw.WriteHeader(l.status)
		_, _ = io.WriteString(rw, l.reply)
	}))
	t.Cleanup(l.Close)
	return l
}

func open(t *testing.T, options map[string]any) Channel {
	t.Helper()
	c, err := Open("callback", options, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCallbackPostsEachMessage(t *testing.T) {
	t.Parallel()
	l := listen(t)
	c := open(t, map[string]any{
		"url": l.URL + "/bot?a=1", "params": map[string]any{"n": 5}, "token": "secret", "token_name": "key",
		"headers": map[string]any{"X-Shop": "tea"}, "basic_auth": map[string]any{"username": "u", "password": "p"},
	})
	reply, err := c.Serve(t.Context(), request(`{"sender":"s","message":"hi","metadata":"ignored","input_channel":"web"}`, nil), say(nil, "one\n\ntwo"))
	if err != nil {
		t.Fatal(err)
	}
	if reply.Status != 200 || string(reply.Body) != "success" {
		t.Errorf("reply is %d %s", reply.Status, reply.Body)
	}
	want := []string{`{"recipient_id":"s","text":"one"}`, `{"recipient_id":"s","text":"two"}`}
	if diff := cmp.Diff(want, l.posts); diff != "" {
		t.Errorf("posts differ (-want +got):\n%s", diff)
	}
	if l.query != "a=1&key=secret&n=5" {
		t.Errorf("query is %s", l.query)
	}
	if l.header.Get("X-Shop") != "tea" || l.header.Get("Content-Type") != "application/json" || l.header.Get("Accept") != "*/*" || l.header.Get("Authorization") != "Basic dTpw" {
		t.Errorf("headers are %v", l.header)
	}
}

func TestCallbackDoesNotMindRefusals(t *testing.T) {
	t.Parallel()
	l := listen(t)
	l.status, l.reply = http.StatusInternalServerError, "{broken"
	reply, err := open(t, map[string]any{"url": l.URL}).Serve(t.Context(), request(`{"message":"hi"}`, nil), say(nil, "one", "two"))
	if err != nil || reply.Status != 200 {
		t.Errorf("reply is %d, error %v", reply.Status, err)
	}
	if len(l.posts) != 2 {
		t.Errorf("%d posts, want 2", len(l.posts))
	}
}

func TestCallbackTellsWhenNobodyListens(t *testing.T) {
	t.Parallel()
	c := open(t, map[string]any{"url": "http://127.0.0.1:9/bot"})
	if reply, err := c.Serve(t.Context(), request(`{"message":"hi"}`, nil), say(nil, "one")); err == nil || reply.Status != 0 {
		t.Errorf("reply is %d, error %v, want an error alone", reply.Status, err)
	}
	if _, err := c.Serve(t.Context(), request(`{"message":"hi"}`, nil), say(nil)); err != nil {
		t.Errorf("a silent turn fails: %v", err)
	}
}

func TestCallbackSpeaksOnItsOwnAndRemembers(t *testing.T) {
	t.Parallel()
	l := listen(t)
	o, ok := open(t, map[string]any{"url": l.URL}).(Outbound)
	if !ok {
		t.Fatal("callback is no Outbound")
	}
	out := o.Outbound()
	for _, s := range []string{"one", "two"} {
		if err := Dispatch(t.Context(), out, dialogue.BotMessage{RecipientID: "s", Event: &dialogue.BotUttered{Text: s}}); err != nil {
			t.Fatal(err)
		}
	}
	collected, ok := out.(Collecting)
	if !ok {
		t.Fatal("the output does not collect")
	}
	if got := string(collected.Messages()); got != "["+strings.Join(l.posts, ",")+"]" || !json.Valid([]byte(got)) {
		t.Errorf("kept %s, posted %v", got, l.posts)
	}
	if out.Name() != "callback" {
		t.Errorf("name is %s", out.Name())
	}
}

func TestOpenRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		options map[string]any
		want    string
	}{
		{"callback", nil, "needs url"},
		{"callback", map[string]any{"url": 5}, "needs url"},
		{"callback", map[string]any{"url": "ftp://x"}, "no http or https address"},
		{"callback", map[string]any{"url": "http://x", "cafile": "/no/such/file"}, "cafile"},
		{"slack", nil, "not part of this version"},
		{"my.Channel", nil, "Python"},
		{"pigeon", nil, "callback, cmdline, rest"},
	} {
		_, err := Open(tt.name, tt.options, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.name) {
			t.Errorf("Open(%s, %v): %v, want %q", tt.name, tt.options, err, tt.want)
		}
	}
	if _, err := Open("rest", nil, nil); err != nil {
		t.Errorf("Open(rest): %v", err)
	}
}
