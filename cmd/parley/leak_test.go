package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/livetest"
)

// The canary is in all that clients and the action server may say; where it turns up, the word behind it says which it was. It could be
// a name: it has neither digits nor signs by which it would be found.
const canary = "Zqcanary"

const leakDomain = `
version: "3.1"
intents: [greet, inform]
entities: [city]
slots:
  city: {type: text, mappings: [{type: from_entity, entity: city}]}
responses:
  utter_greet: [{text: "Hello {city}"}]
actions: [action_ask]
session_config: {session_expiration_time: 60}
`

const leakData = `
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hi
- intent: inform
  examples: |
    - to [berlin](city)
    - to [rome](city)
rules:
- rule: greet
  steps: [{intent: greet}, {action: utter_greet}]
- rule: inform
  steps: [{intent: inform}, {action: action_ask}]
`

const leakConfig = `
recipe: default.v1
assistant_id: leaks
language: en
pipeline:
- name: WhitespaceTokenizer
- name: RegexEntityExtractor
- name: KeywordIntentClassifier
policies:
- name: MemoizationPolicy
- name: RulePolicy
`

// leakServer is a server whose users say what must not be seen.
type leakServer struct {
	url, admin string
	out        *livetest.Buffer // the log and what is printed
	traces     *livetest.Buffer
	answer     func(w http.ResponseWriter) // of the action server
	stop       func()
}

// startLeakServer trains and serves a bot with everything that logs, at a level.
func startLeakServer(t *testing.T, level, userText, model string) *leakServer {
	t.Helper()
	l := &leakServer{out: &livetest.Buffer{}, traces: &livetest.Buffer{}, answer: func(http.ResponseWriter) {}}
	mux := http.NewServeMux()
	mux.HandleFunc("/actions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		l.answer(w)
	})
	mux.HandleFunc("/v1/traces", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(l.traces, r.Body) })
	others := httptest.NewServer(mux)
	t.Cleanup(others.Close)
	dir := t.TempDir()
	endpoints := filepath.Join(dir, "endpoints.yml")
	if err := os.WriteFile(endpoints, []byte("action_endpoint: {url: "+others.URL+"/actions}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	admin := strconv.Itoa(livetest.Port(t))
	ctx, kill := context.WithCancel(t.Context())
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "run", "--enable-api", "--allow-private-urls", "-i", "127.0.0.1", "--port", "0", "--model", model, "--endpoints", endpoints) //nolint:gosec // ourselves
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), runAsCommand+"=1", "LOG_LEVEL="+level, "LOG_USER_TEXT="+userText, "LOG_TURNS=all", "ACCESS_LOG=all", "AUTH_TOKEN="+canary+"AuthToken",
		"JWT_SECRET="+canary+"JWTSecret01234567890123456789", "OTEL_EXPORTER_OTLP_ENDPOINT="+others.URL, "NO_COLOR=1", "ADMIN_PORT="+admin)
	cmd.Stderr = l.out
	printed, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	go func() {
		defer close(address)
		said, buf := "", make([]byte, 4096)
		for {
			n, err := printed.Read(buf)
			said += string(buf[:n])
			if m := regexp.MustCompile(`http://127.0.0.1:\d+`).FindString(said); m != "" && strings.Contains(said, "\n") {
				address <- m
				_, _ = io.Copy(l.out, printed)
				return
			}
			if err != nil {
				return
			}
		}
	}()
	l.url, l.admin = <-address, "http://127.0.0.1:"+admin
	l.stop = sync.OnceFunc(func() {
		defer kill()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(l.stop)
	if l.url == "" {
		t.Fatalf("the server did not start: %s", l.out)
	}
	return l
}

// ask sends a request with the canary in every header that means something, and returns the status.
func (l *leakServer) ask(t *testing.T, method, path, body string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"User-Agent", "X-Request-Id", "X-Api-Token", "X-Forwarded-For", "Referer", "Cookie", "X-Canary", "Origin", "tracestate"} {
		req.Header.Set(name, canary+"Header"+strings.ReplaceAll(name, "-", ""))
	}
	req.Header.Set("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// leakModel trains the bot once for all.
func leakModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"config.yml": leakConfig, "domain.yml": leakDomain, "data.yml": leakData} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	args := []string{"train", "--config", filepath.Join(dir, "config.yml"), "--domain", filepath.Join(dir, "domain.yml"), "--data", filepath.Join(dir, "data.yml"), "--out", filepath.Join(dir, "models")}
	if code := run(t.Context(), args, environment(), nil, &out, &out); code != exitOK {
		t.Fatalf("training ended with %d: %s", code, &out)
	}
	return filepath.Join(dir, "models")
}

// TestNothingThatUsersSayIsSeen has the canary in every field that a client, a model server or the action server fills in.
func TestNothingThatUsersSayIsSeen(t *testing.T) {
	t.Parallel()
	models := leakModel(t)
	for _, level := range []string{"INFO", "DEBUG"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			l := startLeakServer(t, level, "none", models)
			l.chatter(t)
			metrics, err := http.Get(l.admin + "/metrics") //nolint:noctx // as a scraper has it
			if err != nil {
				t.Fatal(err)
			}
			scraped, err := io.ReadAll(metrics.Body)
			_ = metrics.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			l.stop()
			for what, text := range map[string]string{"the log": l.out.String(), "a metric": string(scraped), "a trace": l.traces.String()} {
				if len(text) < 1000 {
					t.Errorf("%s says hardly anything: %q", what, text)
				}
				for line := range strings.Lines(text) {
					if at := strings.Index(strings.ToLower(line), strings.ToLower(canary)); at >= 0 {
						t.Errorf("%s shows %.40q in %.600s", what, line[at:], line)
					}
				}
			}
			for _, want := range []string{`"msg":"turn"`, `"outcome":"ok"`, `"intent":"greet"`} {
				if !strings.Contains(l.out.String(), want) {
					t.Errorf("the log has no %s", want)
				}
			}
		})
	}
}

// TestUsersTextIsSeenIfItIsToBe is the other side of TestNothingThatUsersSayIsSeen: without it, that could look in the wrong place.
func TestUsersTextIsSeenIfItIsToBe(t *testing.T) {
	t.Parallel()
	l := startLeakServer(t, "DEBUG", "full", leakModel(t))
	l.chatter(t)
	l.stop()
	log := l.out.String()
	for _, field := range []string{"Text", "Slot", "ActionSlot", "Said", "EventFollowup", "EventLoop", "Broken"} {
		if !strings.Contains(log, canary+field) {
			t.Errorf("%s is not to be seen", field)
		}
	}
	for _, field := range []string{"Sender", "AuthToken", "WrongToken", "JWTSecret", "Password", "URLPassword", "CallbackPassword", "CallbackKey", "ModelToken"} {
		if strings.Contains(log, canary+field) {
			t.Errorf("%s is shown, which no rule allows", field)
		}
	}
}

// chatter says the canary everywhere.
func (l *leakServer) chatter(t *testing.T) {
	const (
		hook  = "/webhooks/rest/webhook"
		token = "?token=" + canary + "AuthToken"
	)
	quote := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	say := func(text string) string {
		return `{"sender": "` + canary + `Sender", "message": ` + quote(text) + `, "metadata": {"` + canary + `MetaKey": "` + canary + `MetaValue"}, "input_channel": "` + canary + `Channel", "message_id": "` + canary + `ID` + fmt.Sprint(time.Now().UnixNano()) + `"}`
	}
	for _, text := range []string{
		"hello", canary + "Text", "hello " + canary + "Text", "to berlin " + canary + "Text", "/greet", `/inform{"city": "` + canary + `Slot"}`,
		`/greet{"` + canary + `Entity": "` + canary + `Slot"}`, "/" + canary + "Intent", `/greet{"` + canary + `Broken`, "/restart " + canary + "Text",
	} {
		if got := l.ask(t, http.MethodPost, hook, say(text)); got != http.StatusOK {
			t.Errorf("%q is answered with %d", text, got)
		}
	}
	for i, answer := range []string{
		`{"events": [{"event": "slot", "name": "city", "value": "` + canary + `ActionSlot"}], "responses": [{"text": "` + canary + `Said", "buttons": [{"title": "` + canary + `Button", "payload": "/` + canary + `Payload"}]}]}`,
		`{"events": [{"event": "` + canary + `Event"}], "responses": []}`,
		`{"events": [{"event": "slot", "name": "` + canary + `UnknownSlot", "value": 1}], "responses": []}`,
		`{"events": [{"event": "followup", "name": "` + canary + `Followup"}], "responses": []}`,
		`{"events": [{"event": "active_loop", "name": "` + canary + `Loop"}], "responses": []}`,
		`{"events": [{"event": "reminder", "intent": "` + canary + `Reminder", "date_time": "` + canary + `Date", "name": "` + canary + `Name"}], "responses": []}`,
		`{"events": [], "responses": [{"response": "` + canary + `Response"}]}`,
		`{"events": [], "responses": [{"` + canary + `Key": "a"}]}`,
		`{"events": "` + canary + `Events"}`, `"` + canary + `String"`, canary + "NoJSON", `{"events": [` + canary,
	} {
		l.answer = func(w http.ResponseWriter) { _, _ = io.WriteString(w, answer) }
		sender := fmt.Sprintf(`{"sender": "%sSender%d", "message": "/inform"}`, canary, i)
		l.ask(t, http.MethodPost, hook, sender)
		l.ask(t, http.MethodPost, hook, sender)
	}
	for _, code := range []int{400, 404, 500} {
		l.answer = func(w http.ResponseWriter) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, `{"action_name": "`+canary+`Rejected", "error": "`+canary+`Error"}`)
		}
		l.ask(t, http.MethodPost, hook, say("/inform"))
	}
	for _, where := range []string{"http://" + canary + "Location.invalid/", "http://[" + canary + "Location", canary + "Location:"} {
		l.answer = func(w http.ResponseWriter) {
			w.Header().Set("Location", where)
			w.WriteHeader(http.StatusFound)
		}
		l.ask(t, http.MethodPost, hook, say("/inform"))
	}
	l.answer = func(w http.ResponseWriter) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, canary+"Protocol\r\n\r\n")
			_ = conn.Close()
		}
	}
	l.ask(t, http.MethodPost, hook, say("/inform"))

	id := "/conversations/" + canary + "Path%20" + url.PathEscape("ä/ö")
	for _, r := range []struct{ method, path, body string }{
		{http.MethodPost, hook, `{"sender": "` + canary + `", "message": {"` + canary + `": 1}}`},
		{http.MethodPost, hook, `{"` + canary + `BrokenBody`},
		{http.MethodPost, hook + "?stream=true&q=" + canary, say("hello")},
		{http.MethodGet, "/" + canary + "Route?q=" + canary, ""},
		{http.MethodGet, "/domain?token=" + canary + "WrongToken", ""},
		{http.MethodGet, id + "/tracker" + token + "&until=" + canary + "Until&include_events=" + canary, ""},
		{http.MethodGet, id + "/story" + token, ""},
		{http.MethodPost, id + "/tracker/events" + token, `[{"event": "user", "text": "` + canary + `EventText", "parse_data": {"intent": {"name": "` + canary + `ParseIntent"}}}]`},
		{http.MethodPost, id + "/tracker/events" + token, `{"event": "` + canary + `EventKind", "name": "` + canary + `"}`},
		{http.MethodPost, id + "/tracker/events" + token, `{"event": "slot", "name": 7, "value": "` + canary + `EventSlot"}`},
		{http.MethodPost, id + "/tracker/events" + token, `{"event": "reminder", "intent": "` + canary + `", "date_time": "` + canary + `EventDate"}`},
		{http.MethodPost, id + "/tracker/events" + token, `[{"event": "active_loop", "name": "` + canary + `EventLoop"}, {"event": "followup", "name": "` + canary + `EventFollowup"}]`},
		{http.MethodPost, id + "/predict" + token, ""},
		{http.MethodPost, id + "/messages" + token, `{"text": "` + canary + `MessageText", "sender": "user", "parse_data": {"intent": {"name": "` + canary + `"}}}`},
		{http.MethodPost, id + "/messages" + token, `{"text": "` + canary + `MessageText", "sender": "` + canary + `Who"}`},
		{http.MethodPost, id + "/execute" + token, `{"name": "` + canary + `Execute", "policy": "` + canary + `Policy", "confidence": "` + canary + `"}`},
		{http.MethodPost, id + "/execute" + token, `{"name": "utter_greet", "policy": "` + canary + `Policy", "confidence": 0.5}`},
		{http.MethodPost, id + "/trigger_intent" + token, `{"name": "` + canary + `Trigger", "entities": {"` + canary + `": "` + canary + `"}}`},
		{http.MethodPost, id + "/trigger_intent" + token, `{"name": "greet", "entities": "` + canary + `Entities"}`},
		{http.MethodPost, id + "/trigger_intent" + token, `{"name": "greet", "entities": [{"` + canary + `": "` + canary + `Entities"}]}`},
		{http.MethodPost, id + "/trigger_intent" + token + "&output_channel=" + canary + "Output", `{"name": "inform"}`},
		{http.MethodPost, id + "/chat" + token, `{"message": "` + canary + `Chat", "` + canary + `": 1}`},
		{http.MethodPut, id + "/tracker/events" + token, `[{"event": "bot", "text": "` + canary + `BotText", "data": {"buttons": [{"title": "` + canary + `"}]}, "metadata": {"` + canary + `": 1}}]`},
		{http.MethodPut, id + "/tracker/events" + token, `[{"event": "user", "timestamp": "` + canary + `Time"}]`},
		{http.MethodGet, id + "/explain" + token + "&turns=" + canary, ""},
		{http.MethodDelete, id + "/tracker" + token, ""},
		{http.MethodPost, "/model/parse" + token + "&emulation_mode=" + canary + "Mode", `{"text": "` + canary + `Parse"}`},
		{http.MethodPost, "/model/parse" + token, `{"text": "` + canary + `Parse"}`},
		{http.MethodPost, "/model/predict" + token, `[{"event": "user", "text": "` + canary + `Predict"}, {"event": "` + canary + `"}]`},
		{http.MethodPost, "/model/train" + token, canary + "Training: ["},
		{http.MethodPost, "/model/train" + token + "&callback_url=" + url.QueryEscape("http://user:"+canary+"CallbackPassword@127.0.0.1:1/?k="+canary+"CallbackKey"), "pipeline: none"},
		{http.MethodPost, "/model/test/stories" + token, "stories: [{story: " + canary + "Story, steps: [{intent: " + canary + "}]}]"},
		{http.MethodPost, "/model/test/intents" + token, "nlu: [{intent: " + canary + "Test, examples: '- " + canary + "'}]"},
		{http.MethodPut, "/model" + token, `{"model_file": "/no/model.tar.gz"}`},
		{http.MethodPut, "/model" + token, `{"model_file": "m", "remote_storage": "none"}`},
		{http.MethodPut, "/model" + token, `{"model_server": {"url": "http://user:` + canary + `URLPassword@127.0.0.1:1/` + canary + `ModelPath", "token": "` + canary + `ModelToken", "headers": {"X-A": "` + canary + `ModelHeader"}, "params": {"a": "` + canary + `Param"}}}`},
		{http.MethodPut, "/model" + token, `{"model_server": {"url": "http://127.0.0.1:1/", "basic_auth": {"username": "` + canary + `User", "password": "` + canary + `Password"}, "token": "` + canary + `", "token_name": "` + canary + `"}}`},
		{http.MethodPut, "/model" + token, `{"model_server": {"url": "http://[` + canary + `BadURL"}}`},
		{http.MethodPut, "/model" + token, `{"` + canary + `": `},
	} {
		l.ask(t, r.method, r.path, r.body)
	}
	l.forgedTokens(t)
}

// forgedTokens comes with tokens that say something.
func (l *leakServer) forgedTokens(t *testing.T) {
	t.Helper()
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, token := range []string{
		canary + "Bearer", part(`{"alg":"HS256"}`) + "." + part(`{"user":{"username":"`+canary+`Claim","role":"admin"}}`) + "." + part(canary),
		part(`{"alg":"`+canary+`Method"}`) + "." + part(`{"exp":"`+canary+`Exp"}`) + "." + part("x"), canary + "." + canary + "." + canary,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+"/conversations/"+canary+"Forged/tracker", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("a forged token is answered with %d", res.StatusCode)
		}
	}
}
