package action

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
	"parley/livetest"
)

// remoteDomain has custom actions and a few responses.
func remoteDomain() *dialogue.Domain {
	responses := texts("utter_greet", "Hi {name}", "utter_bye", "Bye.")
	responses["utter_menu"] = []dialogue.Response{{Body: body("text", "Menu {name}", "buttons", []any{body("title", "b1")})}}
	responses["utter_rich"] = []dialogue.Response{{Body: body(
		"text", "See {plant}", "id", "r1", "image", "i/{plant}.png", "custom", body("p", "{plant}"), "attachment", body("k", "file {plant}"),
		"metadata", body("level", 1))}}
	responses["utter_empty"] = []dialogue.Response{{Body: body()}}
	responses["utter_broken"] = texts("x", "one { brace")["x"]
	return domain(dialogue.Domain{
		Intents: intents("go"), Slots: []dialogue.Slot{textSlot("name"), textSlot("note")}, Responses: responses,
		CustomActions:         []string{"action_x", "validate_f", "action_needy"},
		ExplicitDomainActions: []string{"validate_f", "action_needy"},
		Raw:                   []byte(`{"version": "3.1","actions":["action_x"]}`),
	})
}

// TestOutcomes is the table of outcomes of a call: in each the action is recorded, with events, without, or as a rejection.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const noted = `{"event":"slot","name":"note","value":1}`
	tests := map[string]struct {
		status   int
		kind     string // content type, application/json when empty
		body     string
		want     string
		fails    bool
		rejected string // the reason
	}{
		"events after messages":    {body: `{"events":[` + noted + `],"responses":[{"text":"a"},{"text":"b"}]}`, want: "B(a) B(b) S(note=1)"},
		"nothing":                  {body: `{}`},
		"more keys":                {body: `{"events":[],"responses":[],"more":1}`},
		"201":                      {status: 201, body: `{"responses":[{"text":"Created."}]}`, want: "B(Created.)"},
		"204":                      {status: 204},
		"empty body":               {body: ``, fails: true},
		"no JSON":                  {body: `{"events": [`, fails: true},
		"trailing data":            {body: `{} {}`, fails: true},
		"typed as text":            {kind: "text/plain", body: `{}`, fails: true},
		"typed as nothing":         {kind: "-", body: `{}`, fails: true},
		"typed as a kind of JSON":  {kind: "Application/Vnd.x+JSON; charset=utf-8", body: `{"events":[` + noted + `]}`, want: "S(note=1)"},
		"null":                     {body: `null`, fails: true},
		"a list":                   {body: `[]`, fails: true},
		"a text":                   {body: `"ok"`, fails: true},
		"events null":              {body: `{"events":null}`, fails: true},
		"events an object":         {body: `{"events":{}}`, fails: true},
		"responses null":           {body: `{"events":[` + noted + `],"responses":null}`, fails: true},
		"responses of texts":       {body: `{"responses":["hi"]}`, fails: true},
		"an event without type":    {body: `{"events":[{"name":"note","value":1}]}`, fails: true},
		"an event that is a text":  {body: `{"events":["slot"]}`, fails: true},
		"an unknown event":         {body: `{"events":[` + noted + `,{"event":"sparkle"}],"responses":[{"text":"lost"}]}`, fails: true},
		"an event of type topic":   {body: `{"events":[{"event":"topic","name":"x"},` + noted + `]}`, fails: true},
		"a slot without value":     {body: `{"events":[{"event":"slot","name":"note"}]}`, fails: true},
		"a slot without name":      {body: `{"events":[{"event":"slot","value":1}]}`, fails: true},
		"a slot named by a number": {body: `{"events":[{"event":"slot","name":1,"value":1}]}`, fails: true},
		"a timestamp of text":      {body: `{"events":[{"event":"pause","timestamp":"now"}]}`, fails: true},
		"null stamp and metadata":  {body: `{"events":[{"event":"slot","name":"note","value":1,"timestamp":null,"metadata":null}]}`, want: "S(note=1)"},
		"a followup without name":  {body: `{"events":[{"event":"followup"}]}`, want: "FU()"},
		"an entity without name":   {body: `{"events":[{"event":"entities","entities":[{"value":1}]}]}`, fails: true},
		"an action without name":   {body: `{"events":[{"event":"action"}]}`, fails: true},
		"a user without parse":     {body: `{"events":[{"event":"user","text":"hi","parse_data":null}]}`, fails: true},
		"a reminder at no time":    {body: `{"events":[{"event":"reminder","intent":"go","date_time":"whenever","name":"n"}]}`, fails: true},
		"a rejection as an event":  {body: `{"events":[` + noted + `,{"event":"action_execution_rejected","name":"action_x"}]}`, want: "S(note=1) REJ(action_x)"},
		"legacy events":            {body: `{"events":[{"event":"form","name":"f"},{"event":"form","name":null}]}`, want: "L(f) L(null)"},
		"401":                      {status: 401, body: `{}`, fails: true},
		"404":                      {status: 404, body: `{"error":"no such action","action_name":"action_x"}`, fails: true},
		"422":                      {status: 422, body: `{"action_name":"action_x","error":"x"}`, fails: true},
		"449 for ever":             {status: 449, body: `{}`, fails: true},
		"500":                      {status: 500, body: `boom`, fails: true},
		"503":                      {status: 503, body: `{}`, fails: true},
		"400":                      {status: 400, body: `{"action_name":"action_x","error":"I would rather not."}`, rejected: "I would rather not."},
		"400 for another action":   {status: 400, body: `{"action_name":"utter_bye"}`, rejected: "no reason given"},
		"400 typed as text":        {status: 400, kind: "text/plain", body: `{"action_name":"action_x"}`, rejected: "no reason given"},
		"400 without action_name":  {status: 400, body: `{"error":"x"}`, fails: true},
		"400 that is a list":       {status: 400, body: `["action_name"]`, fails: true},
		"400 that is no JSON":      {status: 400, body: `no`, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, func(w http.ResponseWriter, _ *request) {
				switch test.kind {
				case "":
					w.Header().Set("Content-Type", "application/json")
				case "-":
					w.Header()["Content-Type"] = nil
				default:
					w.Header().Set("Content-Type", test.kind)
				}
				w.WriteHeader(max(test.status, 200))
				if test.status != http.StatusNoContent {
					_, _ = io.WriteString(w, test.body)
				}
			})
			d := remoteDomain()
			a := newActions(t, d, Config{ActionServer: s.endpoint()})
			events, err := run(t, a, "action_x", tracker(d, user("go")))
			if n := len(s.taken()); n != 1 { // nothing is asked twice, not even after 449: the domain was sent
				t.Errorf("%d requests, want 1", n)
			}
			var rejection *RejectedError
			switch {
			case test.rejected != "":
				if !errors.As(err, &rejection) || *rejection != (RejectedError{Action: "action_x", Reason: test.rejected}) {
					t.Errorf("got %s, %v, want a rejection", show(events), err)
				}
			case test.fails:
				if err == nil || errors.As(err, &rejection) || !strings.Contains(err.Error(), "action_x") {
					t.Errorf("got %s, %v, want an error that names the action", show(events), err)
				}
			case err != nil || show(events) != test.want:
				t.Errorf("got %s, %v, want %s", show(events), err, test.want)
			}
		})
	}
}

func TestUnreachableServers(t *testing.T) {
	t.Parallel()
	d := remoteDomain()
	tr := tracker(d, user("go"))

	t.Run("none configured", func(t *testing.T) {
		t.Parallel()
		if _, err := run(t, newActions(t, d, Config{}), "action_x", tr); !errors.Is(err, errNoServer) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("connection refused is no call", func(t *testing.T) {
		t.Parallel()
		address := fmt.Sprintf("127.0.0.1:%d", livetest.Port(t))
		a := newActions(t, d, Config{ActionServer: &Endpoint{URL: "http://" + address + "/webhook", Token: "s3cret"}})
		ctx, calls := WithCallRecorder(t.Context(), "", 0)
		_, err := a.Run(ctx, "action_x", Call{Tracker: tr})
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), address) {
			t.Errorf("got %v, want an error with the address and without the token", err)
		}
		if calls.Begun() {
			t.Error("a call that never left counts as begun")
		}
	})
	t.Run("hangs up, and is not called again", func(t *testing.T) {
		t.Parallel()
		var calls atomic.Int32
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if calls.Add(1) == 1 { // so that the next one comes on a connection that is open already
				reply(w, 200, `{}`)
				return
			}
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}))
		t.Cleanup(s.Close)
		a := newActions(t, d, Config{ActionServer: &Endpoint{URL: s.URL}})
		ctx, recorder := WithCallRecorder(t.Context(), "turn", 1)
		if _, err := a.Run(t.Context(), "action_x", Call{Tracker: tr}); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Run(ctx, "action_x", Call{Tracker: tr}); err == nil {
			t.Error("no error")
		}
		if calls.Load() != 2 || !recorder.Begun() {
			t.Errorf("%d calls, begun %v", calls.Load(), recorder.Begun())
		}
	})
	t.Run("is too slow", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, func(w http.ResponseWriter, _ *request) {
			<-t.Context().Done()
			reply(w, 200, `{}`)
		})
		a := newActions(t, d, Config{ActionServer: s.endpoint(), Timeout: 20 * time.Millisecond})
		_, err := a.Run(t.Context(), "action_x", Call{Tracker: tr})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a deadline", err)
		}
		s.CloseClientConnections()
	})
	t.Run("says too much", func(t *testing.T) {
		t.Parallel()
		s := replies(t, map[string]string{"action_x": `{"responses":[{"text":"` + strings.Repeat("x", 1000) + `"}]}`})
		_, err := run(t, newActions(t, d, Config{ActionServer: s.endpoint(), MaxReply: 1000}), "action_x", tr)
		if err == nil || !strings.Contains(err.Error(), "larger than 1000 bytes") {
			t.Errorf("got %v", err)
		}
		wantRun(t, newActions(t, d, Config{ActionServer: s.endpoint(), MaxReply: 1100}), "action_x", tr, "B("+strings.Repeat("x", 1000)+")")
	})
	t.Run("packs its reply", func(t *testing.T) {
		t.Parallel()
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, `{"responses":[{"text":"`+strings.Repeat("x", 5000)+`"}]}`)
		_ = z.Close()
		s := newServer(t, func(w http.ResponseWriter, r *request) {
			if !strings.Contains(r.header.Get("Accept-Encoding"), "gzip") {
				t.Error("gzip is not accepted")
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(packed.Bytes())
		})
		wantRun(t, newActions(t, d, Config{ActionServer: s.endpoint()}), "action_x", tr, "B("+strings.Repeat("x", 5000)+")")
		_, err := run(t, newActions(t, d, Config{ActionServer: s.endpoint(), MaxReply: 2000}), "action_x", tr)
		if err == nil || !strings.Contains(err.Error(), "larger than 2000 bytes") {
			t.Errorf("the limit does not count what is unpacked: %v", err)
		}
	})
}

func TestRequest(t *testing.T) {
	t.Parallel()
	d := remoteDomain()
	s := replies(t, nil)
	a := newActions(t, d, Config{ActionServer: s.endpoint(), Version: "3.6.21"})
	wantRun(t, a, "action_x", tracker(d, user("go"), set("name", "Ann \"é\"")), "")
	requests := s.taken()
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	if got := r.events(t); got != `U(go) S(name="Ann \"é\"")` {
		t.Errorf("events %s", got)
	}
	keys := sortedKeys(r.body)
	if diff := cmp.Diff([]string{"domain", "next_action", "sender_id", "tracker", "version"}, keys); diff != "" {
		t.Error(diff)
	}
	want := map[string]any{
		"next_action": "action_x", "sender_id": "ann", "version": "3.6.21",
		"domain": body("version", "3.1", "actions", []any{"action_x"}), "tracker": r.body["tracker"],
	}
	if diff := cmp.Diff(want, r.body); diff != "" {
		t.Error(diff)
	}
	if r.method != http.MethodPost || r.path != "/webhook" || r.query != "" ||
		r.header.Get("Content-Type") != "application/json" || r.header.Get("Accept") != "*/*" {
		t.Errorf("got %s %s?%s %v", r.method, r.path, r.query, r.header)
	}
}

func TestEndpointOptions(t *testing.T) {
	t.Parallel()
	d := remoteDomain()
	s := replies(t, nil)
	a := newActions(t, d, Config{Compress: true, ActionServer: &Endpoint{
		URL: s.URL + "/webhook?fixed=1", Token: "s3cret &", TokenName: "key", Params: map[string]string{"region": "north", "a": "b"},
		Headers: map[string]string{"x-greenhouse": "7", "Host": "inside"}, User: "gardener", Password: "spade", EnableSelectiveDomain: true,
	}})
	wantRun(t, a, "action_x", tracker(d, user("go")), "")
	wantRun(t, a, "action_needy", tracker(d, user("go")), "") // T102
	requests := s.taken()
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	if want := "fixed=1&a=b&key=s3cret+%26&region=north"; r.query != want {
		t.Errorf("query %s, want %s", r.query, want)
	}
	got := []string{r.header.Get("X-Greenhouse"), r.header.Get("Authorization"), r.header.Get("Content-Encoding")}
	if diff := cmp.Diff([]string{"7", "Basic Z2FyZGVuZXI6c3BhZGU=", "deflate"}, got); diff != "" {
		t.Error(diff)
	}
	if _, ok := r.body["domain"]; ok || r.name() != "action_x" {
		t.Errorf("a plain action got the domain: %v", sortedKeys(r.body))
	}
	if _, ok := requests[1].body["domain"]; !ok {
		t.Error("an action that needs the domain did not get it")
	}
}

func TestTokenIsCalledTokenByDefault(t *testing.T) {
	t.Parallel()
	d := remoteDomain()
	s := replies(t, nil)
	a := newActions(t, d, Config{ActionServer: &Endpoint{URL: s.URL, Token: "t", Params: map[string]string{"token": "lost"}}})
	wantRun(t, a, "action_x", tracker(d), "")
	if r := s.taken(); len(r) != 1 || r[0].query != "token=t" {
		t.Errorf("got %v", r)
	}
}

func TestUnusableEndpointsAreRefused(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*Endpoint{
		"no url":               {},
		"no scheme":            {URL: "localhost:5055/webhook"},
		"another scheme":       {URL: "ftp://localhost/x"},
		"no URL at all":        {URL: "http://[::1"},
		"a missing cafile":     {URL: "https://localhost", CAFile: "nowhere.pem"},
		"a cafile without any": {URL: "https://localhost", CAFile: empty},
	} {
		for service, cfg := range map[string]Config{"action": {ActionServer: e}, "nlg": {NLG: e}} {
			if _, err := New(remoteDomain(), cfg); err == nil || !strings.HasPrefix(err.Error(), service+" endpoint: ") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
}

func TestCAFile(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, `{"responses":[{"text":"safe"}]}`)
	}))
	s.Config.ErrorLog = nil
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	d := remoteDomain()
	wantRun(t, newActions(t, d, Config{ActionServer: &Endpoint{URL: s.URL, CAFile: file}}), "action_x", tracker(d), "B(safe)")
}

// TestServerThatAsksForTheDomain is T103.
func TestServerThatAsksForTheDomain(t *testing.T) {
	t.Parallel()
	d := remoteDomain()
	s := newServer(t, func(w http.ResponseWriter, r *request) {
		if _, ok := r.body["domain"]; !ok {
			reply(w, 449, `{}`)
			return
		}
		reply(w, 200, `{"events":[{"event":"slot","name":"note","value":1}]}`)
	})
	e := s.endpoint()
	e.EnableSelectiveDomain = true
	wantRun(t, newActions(t, d, Config{ActionServer: e}), "action_x", tracker(d), "S(note=1)")
	if n := len(s.taken()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestRedirectIsFollowedAsGet(t *testing.T) {
	t.Parallel()
	d := remoteDomain()
	var got []string
	s := newServer(t, func(w http.ResponseWriter, r *request) {
		got = append(got, r.method+" "+r.path)
		if r.method == http.MethodPost {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
			return
		}
		reply(w, 200, `{"responses":[{"text":"moved"}]}`)
	})
	wantRun(t, newActions(t, d, Config{ActionServer: s.endpoint()}), "action_x", tracker(d), "B(moved)")
	if diff := cmp.Diff([]string{"POST /webhook", "GET /elsewhere"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestItemsOfAReply(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		items string
		want  []dialogue.Event
		fails bool
	}{
		"T100 a response with arguments and buttons": {
			items: `{"response":"utter_menu","name":"Al","buttons":[{"title":"b2"}]}`,
			want: []dialogue.Event{&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("utter_action", "utter_menu", "name", "Al")}, Text: "Menu Al",
				Data: data("buttons", []any{body("title", "b1"), body("title", "b2")}),
			}},
		},
		"T100 a missing response is skipped": {
			items: `{"text":"x","response":"utter_missing"},{"text":"but this comes"}`,
			want:  []dialogue.Event{&dialogue.BotUttered{Text: "but this comes", Data: data()}},
		},
		"an empty response is skipped": {items: `{"response":"utter_empty","text":"x"}`},
		"slots under arguments": {
			items: `{"response":"utter_greet"},{"response":"utter_greet","name":null}`,
			want: []dialogue.Event{
				&dialogue.BotUttered{Header: dialogue.Header{Metadata: body("utter_action", "utter_greet")}, Text: "Hi slot", Data: data()},
				&dialogue.BotUttered{Header: dialogue.Header{Metadata: body("utter_action", "utter_greet")}, Text: "Hi None", Data: data()},
			},
		},
		"an argument that is missing": {
			items: `{"response":"utter_rich"}`,
			want: []dialogue.Event{&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("utter_action", "utter_rich", "id", "r1", "metadata", body("level", 1))},
				Text:   "See {plant}",
				Data:   data("image", "i/{plant}.png", "custom", body("p", "{plant}"), "attachment", body("k", "file {plant}")),
			}},
		},
		"the item over the response": {
			items: `{"response":"utter_bye","text":"Overridden {plant}","plant":"x","image":""}`,
			want: []dialogue.Event{&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("utter_action", "utter_bye", "plant", "x")}, Text: "Overridden {plant}", Data: data(),
			}},
		},
		"as SDKs send it": {
			items: `{"text":null,"buttons":[],"elements":[],"custom":{},"template":"utter_bye","response":"utter_bye","image":null,"attachment":null}`,
			want: []dialogue.Event{&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("utter_action", "utter_bye", "template", "utter_bye")}, Text: "Bye.", Data: data(),
			}},
		},
		"template alone means nothing": {
			items: `{"template":"utter_bye"}`,
			want: []dialogue.Event{&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("template", "utter_bye")}, NoText: true, Data: data(),
			}},
		},
		"empty items are messages": {
			items: `{},{"text":""},{"text":null,"buttons":null}`,
			want: []dialogue.Event{
				&dialogue.BotUttered{NoText: true, Data: data()}, &dialogue.BotUttered{NoText: true, Data: data()},
				&dialogue.BotUttered{NoText: true, Data: data()},
			},
		},
		"everything": {
			items: `{"text":"All","image":"i","buttons":[{"title":"b"}],"custom":[1],"attachment":"att","elements":[{}],"quick_replies":[1],"colour":"red"}`,
			want: []dialogue.Event{&dialogue.BotUttered{
				Header: dialogue.Header{Metadata: body("colour", "red")}, Text: "All",
				Data: body("image", "i", "buttons", []any{body("title", "b")}, "custom", []any{1}, "attachment", "att",
					"elements", []any{body()}, "quick_replies", []any{1}),
			}},
		},
		"buttons of a text are its characters": {
			items: `{"text":"a","buttons":"bé"}`,
			want:  []dialogue.Event{&dialogue.BotUttered{Text: "a", Data: data("buttons", []any{"b", "é"})}},
		},
		"a text that is a number":                     {items: `{"text":"lost"},{"text":5}`, fails: true},
		"buttons that are a number":                   {items: `{"text":"a","buttons":7}`, fails: true},
		"a response that cannot be filled spoils all": {items: `{"text":"lost"},{"response":"utter_broken"}`, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := remoteDomain()
			s := replies(t, map[string]string{"action_x": `{"events":[],"responses":[` + test.items + `]}`})
			a := newActions(t, d, Config{ActionServer: s.endpoint()})
			events, err := run(t, a, "action_x", tracker(d, user("go"), set("name", "slot")))
			if (err != nil) != test.fails {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(test.want, events, cmpEvents); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReminderWithoutNameGetsOne(t *testing.T) {
	t.Parallel()
	answer, err := decodeAnswer([]byte(`{"events":[
		{"event":"reminder","intent":"go","date_time":"2099-01-02T03:04:05","name":null},
		{"event":"reminder","intent":"go","date_time":"2099-01-02T03:04:05"}]}`))
	if err != nil || len(answer.events) != 2 {
		t.Fatal(answer, err)
	}
	first, second := answer.events[0].(*dialogue.ReminderScheduled).Name, answer.events[1].(*dialogue.ReminderScheduled).Name
	if first == "" || second == "" || first == second {
		t.Errorf("names %q and %q", first, second)
	}
}

func TestCallsUnderWayAreCounted(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	s := replies(t, nil)
	d := remoteDomain()
	a := newActions(t, d, Config{ActionServer: s.endpoint(), InFlight: func(delta int) { most.Store(max(most.Load(), now.Add(int32(delta)))) }})
	ctx, recorder := WithCallRecorder(t.Context(), "", 0)
	if recorder.Begun() {
		t.Error("a call before there was one")
	}
	if _, err := a.Run(ctx, "action_x", Call{Tracker: tracker(d)}); err != nil {
		t.Fatal(err)
	}
	if now.Load() != 0 || most.Load() != 1 || !recorder.Begun() {
		t.Errorf("now %d, most %d, begun %v", now.Load(), most.Load(), recorder.Begun())
	}
	ctx, recorder = WithCallRecorder(t.Context(), "", 0)
	if _, err := a.Run(ctx, "utter_bye", Call{Tracker: tracker(d)}); err != nil || recorder.Begun() {
		t.Errorf("a response counts as a call: %v", err)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{
		`{}`, `null`, `[]`, `{"events":[{"event":"slot","name":"note","value":1}],"responses":[{"text":"a"}]}`,
		`{"events":[{"event":"reminder","date_time":"2099-01-02T03:04:05Z","intent":"go"}]}`,
		`{"events":[{"event":"user","text":"hi","parse_data":{"intent":{"name":"go"},"entities":[{"entity":"e","value":1,"start":1.0}]}}]}`,
		`{"responses":[{"response":"utter_rich","plant":{"a":[1]},"buttons":{"x":1}},{"text":[1,"x"],"custom":0}]}`,
		`{"events":[{"event":"bot","text":null,"data":null,"metadata":null},{"event":"action","name":"x","confidence":1}]}`,
	} {
		f.Add([]byte(s))
	}
	d := remoteDomain()
	a, err := New(d, Config{Random: func(int) int { return 0 }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr := tracker(d, user("go"))
		events, err := a.understand(t.Context(), &Call{Tracker: tr}, "action_x", &httpReply{status: 200, contentType: "application/json", body: data})
		if err != nil {
			if events != nil {
				t.Fatalf("events beside the error %v", err)
			}
			return
		}
		tr.Record(1700000100, events...)
		out := tr.AppendJSON(nil, dialogue.EventsAll)
		if _, err := dialogue.DecodeJSON(out); err != nil {
			t.Fatalf("the tracker no longer has a JSON: %v", err)
		}
		_ = rejection("action_x", data)
		_, _ = readNLG(&httpReply{status: 200, contentType: "application/json", body: data})
	})
}
