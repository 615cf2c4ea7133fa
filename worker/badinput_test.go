package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/worker"
)

// writing are the endpoints that read a body as JSON, with one that they take.
var writing = []struct{ request, good string }{
	{"POST /conversations/ID/tracker/events", `{"event":"restart"}`},
	{"PUT /conversations/ID/tracker/events", `[{"event":"restart"}]`},
	{"POST /conversations/ID/execute", `{"name":"utter_greet"}`},
	{"POST /conversations/ID/trigger_intent", `{"name":"greet"}`},
	{"POST /conversations/ID/messages", `{"text":"hello","sender":"user"}`},
	{"POST /conversations/ID/chat", `{"message":"hello"}`},
	{"POST /conversations/ID/parse", `{"query":"hello"}`},
	{"POST /conversations/ID/respond", `{"query":"hello"}`},
	{"POST /conversations/ID/continue", `{"executed_action":"action_listen","events":[]}`},
	{"POST /webhooks/rest/webhook", `{"sender":"ID","message":"hello"}`},
	{"POST /model/parse", `{"text":"hello"}`},
	{"POST /model/predict", `[{"event":"restart"}]`},
	{"POST /parse", `{"q":"hello"}`},
	{"POST /predict", `[]`},
}

// serveStrict serves a trained bot that answers mistakes with 400.
func serveStrict(t *testing.T) *server {
	t.Helper()
	_, bot := serveAgent(t)
	s := serve(t, func(c *worker.Config) {
		c.Bot, c.StrictStatus, c.BodyLimit, c.ModelBodyLimit = bot, true, 200_000, 200_000
	})
	for _, id := range []string{"ID", "x"} {
		if got := s.do("POST /conversations/" + id + "/chat\n\n" + `{"message":"hello"}`); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	return s
}

func TestBodiesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := serveStrict(t)
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for _, e := range writing {
		if got := s.do(e.request + "\n\n" + e.good); got.status != 200 {
			t.Fatalf("%s: %d %s", e.request, got.status, got.body)
		}
		for name, tt := range map[string]struct {
			body     string
			statuses []int
		}{
			"cut off":          {e.good[:len(e.good)-1], []int{400}},
			"text":             {"hello", []int{400}},
			"two values":       {e.good + e.good, []int{400}},
			"a comma too many": {strings.Replace(e.good, "}", ",}", 1), []int{400}},
			"10 000 deep":      {deep, []int{400}},
			"10 000 objects":   {strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), []int{400}},
			"deep in a field":  {`{"metadata":` + deep + "," + e.good[1:], []int{400}},
			"NaN":              {`{"a":NaN}`, []int{400}},
			"Infinity":         {`[{"event":"restart","timestamp":-Infinity}]`, []int{400}},
			"a huge number":    {`[{"event":"restart","timestamp":1e999}]`, []int{400}},
			"a number":         {"5", []int{400}},
			"null":             {"null", []int{400}},
			"no UTF-8":         {"{\"message\":\"\xff\xfe\"}", []int{200, 400}},
			"a lone surrogate": {strings.Replace(e.good, "hello", `\ud800`, 1), []int{200, 400}},
			"a NUL":            {strings.Replace(e.good, "hello", `\u0000`, 1), []int{200, 400}},
			"a long text":      {strings.Replace(e.good, "hello", strings.Repeat("hello ", 20_000), 1), []int{200}},
			"too large":        {`{"a":"` + strings.Repeat("x", 200_000) + `"}`, []int{413}},
			"only space":       {" \n", []int{400}},
			"the byte-order":   {"\xef\xbb\xbf" + e.good, []int{200, 400}},
		} {
			if name == "a comma too many" && !strings.Contains(e.good, "}") {
				continue
			}
			statuses := tt.statuses
			if strings.HasPrefix(e.request, "POST /predict") && name == "null" {
				statuses = []int{400}
			}
			if got := s.do(e.request + "\n\n" + tt.body); !slices.Contains(statuses, got.status) {
				t.Errorf("%s, %s: %d %.200s, want %v", e.request, name, got.status, got.body, statuses)
			}
		}
		for _, media := range []string{"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/xml", "nonsense"} { // the type does not count
			if got := s.do(e.request + "\nContent-Type: " + media + "\n\n" + e.good); got.status != 200 {
				t.Errorf("%s as %s: %d %s", e.request, media, got.status, got.body)
			}
		}
	}
}

func TestOfDuplicateKeysTheLastCounts(t *testing.T) {
	t.Parallel()
	s := serveStrict(t)
	for request, holds := range map[string]string{
		"POST /conversations/d/chat\n\n" + `{"message":"bye","message":"hello"}`:                              `"text":"Hello"`,
		"POST /webhooks/rest/webhook\n\n" + `{"sender":"a","message":"bye","sender":"b","message":"hello"}`:   `{"recipient_id":"b","text":"Hello"}`,
		"POST /model/parse\n\n" + `{"text":"bye","text":"hello"}`:                                             `"text":"hello"`,
		"POST /conversations/d/trigger_intent\n\n" + `{"name":"bye","name":"greet","entities":{"a":1,"a":2}}`: `"text":"Hello"`,
	} {
		if got := s.do(request); got.status != 200 || !strings.Contains(got.body, holds) {
			t.Errorf("%s: %d %s, want %s", request, got.status, got.body, holds)
		}
	}
}

func TestParametersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := serveStrict(t)
	long := strings.Repeat("9", 4000)
	for _, tt := range []struct {
		request string
		values  []string
		status  int
	}{
		// What the reference does not take for a value counts as absent.
		{"GET /conversations/x/tracker?until=", []string{"x", "1e", "--1", "%00", long, "1;2"}, 200},
		{"GET /conversations/x/story?all_sessions=", []string{"x", "1", "%ff", long}, 200},
		{"POST /conversations/x/tracker/events?execute_side_effects=", []string{"x", "1", "yes", long}, 200},
		{"POST /conversations/x/trigger_intent?output_channel=", []string{"x", "..%2F", "%00", long}, 200},
		// What it refuses, and what is ours, is refused.
		{"GET /conversations/x/tracker?include_events=", []string{"x", "1", "ALL,NONE", "%00", "[]", long}, 400},
		{"GET /conversations/x/tracker?last=", []string{"x", "-1", "1.5", "%2B1x", "0x1", long}, 400},
		{"GET /conversations/x/tracker?max_bytes=", []string{"x", "0", "-1", "1.5", "1", long}, 400},
		{"POST /conversations/x/chat?last=", []string{"x", "-1", long}, 400},
		{"GET /conversations/x/explain?turns=", []string{"x", "0", "101", "-1", long}, 400},
		{"POST /model/parse?emulation_mode=", []string{"x", "wit,luis", "%00", long}, 400},
	} {
		for _, v := range tt.values {
			request := tt.request + v
			switch {
			case strings.Contains(request, "tracker/events"):
				request += "\n\n" + `{"event":"restart"}`
			case strings.Contains(request, "trigger_intent"):
				request += "\n\n" + `{"name":"greet"}`
			case strings.Contains(request, "chat"):
				request += "\n\n" + `{"message":"hello"}`
			case strings.Contains(request, "parse"):
				request += "\n\n" + `{"text":"hello"}`
			}
			if got := s.do(request); got.status != tt.status {
				t.Errorf("%.100s: %d %s, want %d", request, got.status, got.body, tt.status)
			}
		}
	}
}

func TestIDsOfAllKinds(t *testing.T) {
	t.Parallel()
	s := serveStrict(t)
	for raw, id := range map[string]string{
		"a/b/c": "a/b/c", "a%2Fb": "a/b", ".": ".", "..": "..", "../x": "../x", "%2e%2e%2fy": "../y", "a%": "a%", "a%2": "a%2", "a%zz": "a%zz",
		"%25": "%", "a%2525": "a%25", "%00": "\x00", "%ff": "%ff", "%E4%B8%AD": "中", "a%20b": "a b", "a+b": "a+b", "a?": "", "a:b@c": "a:b@c",
		"/": "/", "//": "//", "tracker": "tracker", "x/tracker/events": "x/tracker/events", "a;b=c": "a;b=c", "*": "*", "~": "~", "a&b": "a&b",
		strings.Repeat("x", 4000): strings.Repeat("x", 4000), strings.Repeat("%20", 1000) + "y": strings.Repeat(" ", 1000) + "y",
	} {
		if id == "" {
			continue // the query begins: GET /conversations/a is no path
		}
		got := s.do("POST /conversations/" + raw + "/chat\n\n" + `{"message":"hello"}`)
		want := fmt.Sprintf(`"sender_id":%s`, quote(id))
		if got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%.60s: %d %.200s, want %.60s", raw, got.status, got.body, want)
		}
		if got := s.do("GET /conversations/" + raw + "/story"); got.status != 200 {
			t.Errorf("%.60s: story %d %.200s", raw, got.status, got.body)
		}
	}
	if got := s.do("GET /conversations/a?/tracker"); got.status != 404 {
		t.Errorf("an id that ends the path: %d %s", got.status, got.body)
	}
}

// quote is a string as this server writes it.
func quote(s string) string {
	if s == "\x00" {
		return "\"\\u0000\""
	}
	return `"` + s + `"`
}
