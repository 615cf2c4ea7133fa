package action_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"parley/action"
	"parley/dialogue"
	"parley/project"
)

// conformance is where the recorded conversations are.
var conformance = filepath.Join("..", "..", "shared", "conformance")

// TestRecordedRuns takes the conversations that were recorded from the reference apart: each run of an action is repeated on the
// events before it, with the neighbours' answers, and must return the events that follow in the record.
func TestRecordedRuns(t *testing.T) { //nolint:tparallel // its cases share a server
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(conformance, "cases", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the recorded cases in ../shared/conformance are missing")
	}
	var runs atomic.Int64
	t.Run("cases", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if !strings.HasPrefix(name, "act-") && !strings.HasPrefix(name, "dlg-") {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := readObject(t, file)
				r := newReplay(t, c)
				for i, step := range list(c["steps"]) {
					step := object(step)
					if step["quirk"] == nil {
						runs.Add(int64(r.step(t, i, step)))
					}
				}
			})
		}
	})
	t.Logf("%d runs", runs.Load())
	if runs.Load() < 2000 {
		t.Errorf("%d runs were repeated, want at least 2000", runs.Load())
	}
}

// replay repeats the runs of one case.
type replay struct {
	domain  *dialogue.Domain
	actions *action.Actions
	script  map[string]any
	// counted are actions and responses whose answers depend on how often they were asked.
	counted map[string]bool
	seen    map[string]bool // conversations up to an event, so that a run is repeated once
}

func newReplay(t *testing.T, c map[string]any) *replay {
	t.Helper()
	dir := filepath.Join(conformance, "bots", text(c["bot"]))
	p, err := project.Load(project.Paths{
		Config: filepath.Join(dir, "config.yml"), Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &replay{domain: p.Domain, counted: make(map[string]bool), seen: make(map[string]bool)}
	cfg := action.Config{Random: func(int) int { return 0 }}
	args := list(c["args"])
	if !slices.Contains(args, any("endpoints-none.yml")) {
		if _, err := os.Stat(filepath.Join(dir, "neighbours.json")); err == nil {
			r.script = readObject(t, filepath.Join(dir, "neighbours.json"))
			for _, answers := range []any{r.script["actions"], r.script["nlg"]} {
				for name, answer := range object(answers) {
					r.counted[name] = strings.Contains(string(dialogue.AppendJSON(nil, answer)), `"nth"`)
				}
			}
			s := httptest.NewServer(r)
			t.Cleanup(s.Close)
			if slices.Contains(args, any("endpoints-down.yml")) {
				s.Close()
			}
			cfg.ActionServer = &action.Endpoint{URL: s.URL + "/webhook"}
			if r.script["nlg"] != nil {
				cfg.NLG = &action.Endpoint{URL: s.URL + "/nlg"}
			}
		}
	}
	if r.actions, err = action.New(p.Domain, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.actions.Close)
	return r
}

// step repeats the runs in the tracker that a step got, and counts them.
func (r *replay) step(t *testing.T, n int, step map[string]any) (runs int) {
	t.Helper()
	body := object(object(step["golden"])["json"])
	if tracker := object(body["tracker"]); tracker != nil {
		body = tracker
	}
	recorded := list(body["events"])
	path := text(step["path"])
	if len(recorded) == 0 || strings.Contains(path, "APPLIED") || strings.Contains(path, "include_events=NONE") {
		return 0
	}
	events, err := dialogue.DecodeEvents(dialogue.AppendJSON(nil, stamped(recorded)))
	if err != nil || len(events) != len(recorded) {
		t.Errorf("step %d: %v", n, err)
		return 0
	}
	sender := text(body["sender_id"])
	tracker := dialogue.NewTracker(sender, r.domain)
	key := sender
	channel := ""
	for i, e := range events {
		key += "|" + show(recorded[i])
		if u, ok := e.(*dialogue.UserUttered); ok {
			channel = map[string]string{"rest": "collector", "callback": "callback", "": "collector"}[u.InputChannel]
		}
		a, ok := e.(*dialogue.ActionExecuted)
		repeat := ok && a.Name != "" && ranBy(a) && channel != "" && !r.counted[a.Name]
		if x, ok := e.(*dialogue.ActionRejected); ok && x.Policy != "" && !r.counted[x.Name] && channel != "" {
			a, repeat = &dialogue.ActionExecuted{Name: x.Name}, true
		}
		if repeat && !r.seen[key] && a.Name != dialogue.ActionSessionStart {
			r.seen[key] = true
			runs++
			if problem := r.repeat(tracker.Copy(), a.Name, channel, events[i:], recorded[i:]); problem != "" {
				t.Errorf("step %d (%s), event %d, %s: %s", n, text(step["name"]), i, a.Name, problem)
			}
		}
		tracker.Append(e)
	}
	return runs
}

// ranBy reports whether an action was run, not returned as an event by another one.
func ranBy(a *dialogue.ActionExecuted) bool {
	return strings.HasSuffix(a.Policy, "Policy") || a.Policy == "followup_action" || a.Policy == "" && a.Confidence != nil
}

// repeat runs an action and compares its events with those after the action's own event.
func (r *replay) repeat(tracker *dialogue.Tracker, name, channel string, events []dialogue.Event, recorded []any) string {
	if _, ok := events[0].(*dialogue.ActionRejected); ok {
		// A rejection stands where the events of the prediction would have stood.
		flag := &dialogue.UserFeaturization{}
		tracker.Append(flag)
	}
	got, err := r.actions.Run(context.Background(), name, action.Call{Tracker: tracker, Channel: channel})
	var rejected *action.RejectedError
	if _, want := events[0].(*dialogue.ActionRejected); want || errors.As(err, &rejected) {
		if !want || !errors.As(err, &rejected) {
			return fmt.Sprintf("rejection: got %v, recorded %v", err, want)
		}
		return ""
	}
	for i, e := range got {
		if i+1 >= len(recorded) {
			return "returned more than recorded: " + string(dialogue.AppendEventJSON(nil, e))
		}
		v, decodeErr := dialogue.DecodeJSON(dialogue.AppendEventJSON(nil, e))
		if decodeErr != nil {
			return decodeErr.Error()
		}
		if !same(recorded[i+1], v) {
			return fmt.Sprintf("event %d:\n got %s\nwant %s", i, show(v), show(recorded[i+1]))
		}
	}
	if next := len(got) + 1; next < len(events) && returned(events[next]) && name != dialogue.ActionListen {
		addsUser := slices.ContainsFunc(got, func(e dialogue.Event) bool { _, ok := e.(*dialogue.UserUttered); return ok })
		if _, slot := events[next].(*dialogue.SlotSet); !slot || !addsUser {
			return fmt.Sprintf("returned too little (error %v), next is %s", err, show(recorded[next]))
		}
	}
	return ""
}

// returned reports whether an event must have come from the action before it. What follows action_listen was posted.
func returned(e dialogue.Event) bool {
	switch e := e.(type) {
	case *dialogue.UserUttered, *dialogue.UserFeaturization, *dialogue.LoopInterrupted, *dialogue.EntitiesAdded:
		return false
	case *dialogue.ActionExecuted:
		return !ranBy(e) && e.Name != dialogue.ActionListen // which may have been posted, too
	case *dialogue.ActionRejected:
		return e.Policy == ""
	case *dialogue.BotUttered, *dialogue.SlotSet, *dialogue.ActiveLoop, *dialogue.FollowupAction, *dialogue.SessionStarted:
		return true
	}
	return false // may have been posted
}

// stamped replaces times that were not recorded, so that events can be decoded.
func stamped(recorded []any) []any {
	events := make([]any, len(recorded))
	for i, e := range recorded {
		m := make(map[string]any)
		maps.Copy(m, object(e))
		m["timestamp"] = 1700000000.5 + float64(i)
		if m["date_time"] == "<ignored>" {
			m["date_time"] = "2099-01-01T00:00:00+00:00"
		}
		events[i] = m
	}
	return events
}

// same compares a recorded value with ours. Times and the ids that trackers stamp are not ours to make.
func same(want, got any) bool {
	if want == any("<any>") || want == any("<ignored>") {
		return true
	}
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for k := range got {
			if _, ok := want[k]; !ok && !skipped(k) {
				return false
			}
		}
		for k, v := range want {
			if x, ok := got[k]; !skipped(k) && (!ok && len(object(v)) != len(ids(v)) || ok && !same(v, x)) {
				return false
			}
		}
		return true
	case []any:
		got, ok := got.([]any)
		return ok && slices.EqualFunc(want, got, same)
	}
	return dialogue.Equal(want, got)
}

func skipped(key string) bool {
	return key == "timestamp" || key == "model_id" || key == "assistant_id"
}

// ids are the stamped keys of a recorded metadata; metadata that has no others is not written by an action.
func ids(v any) []string {
	var keys []string
	for k := range object(v) {
		if skipped(k) {
			keys = append(keys, k)
		}
	}
	if object(v) == nil {
		return []string{"not an object"}
	}
	return keys
}

func show(v any) string { return string(dialogue.AppendJSON(nil, v)) }

func readObject(t *testing.T, file string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object(v)
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func list(v any) []any            { l, _ := v.([]any); return l }
func text(v any) string           { s, _ := v.(string); return s }

// ServeHTTP answers as the recorded neighbours did: the script's first answer that applies.
func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	asked := object(v)
	name, answers := text(asked["next_action"]), object(r.script["actions"])
	if req.URL.Path == "/nlg" {
		name, answers = text(asked["response"]), object(r.script["nlg"])
	}
	script, ok := answers[name]
	if !ok {
		body, status := `{"text":"`+name+"|"+text(object(asked["channel"])["name"])+`"}`, http.StatusOK
		if req.URL.Path != "/nlg" {
			body, status = `{"error":"unknown","action_name":"x"}`, http.StatusNotFound
		}
		respond(w, status, "application/json", body)
		return
	}
	options, ok := script.([]any)
	if !ok {
		options = []any{script}
	}
	chosen := map[string]any{"body": map[string]any{}}
	for _, option := range options {
		if applies(object(object(option)["when"]), asked) {
			chosen = object(option)
			break
		}
	}
	status, kind := http.StatusOK, "application/json"
	if s, ok := chosen["status"].(int); ok {
		status = s
	}
	if s := text(chosen["type"]); s != "" {
		kind = s
	}
	for k, v := range object(chosen["headers"]) {
		w.Header().Set(k, text(v))
	}
	if chosen["hangup"] == true {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			_ = conn.Close()
		}
		return
	}
	if raw, ok := chosen["raw"]; ok {
		respond(w, status, kind, text(raw))
		return
	}
	body, ok := chosen["body"]
	if !ok {
		body = map[string]any{"events": orEmpty(chosen["events"]), "responses": orEmpty(chosen["responses"])}
	}
	respond(w, status, kind, show(fill(body, asked)))
}

func respond(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func orEmpty(v any) []any {
	if l := list(v); l != nil {
		return l
	}
	return []any{}
}

// applies checks the conditions of a scripted answer.
func applies(when, asked map[string]any) bool {
	tracker := object(asked["tracker"])
	slots := object(tracker["slots"])
	for k, want := range when {
		switch k {
		case "text":
			if object(tracker["latest_message"])["text"] != want {
				return false
			}
		case "slots":
			for name, value := range object(want) {
				if !dialogue.Equal(slots[name], value) {
					return false
				}
			}
		case "requested_slot":
			if slots["requested_slot"] != want {
				return false
			}
		case "channel":
			if object(asked["channel"])["name"] != want {
				return false
			}
		case "sender_ends":
			if !strings.HasSuffix(text(tracker["sender_id"]), text(want)) {
				return false
			}
		}
	}
	return true
}

var placeholder = regexp.MustCompile(`\{(now\+[\d.]+|sender|text|slot:\w+|arg:\w+)\}`)

// fill replaces the placeholders of a scripted answer.
func fill(v any, asked map[string]any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[k] = fill(x, asked)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, x := range v {
			l[i] = fill(x, asked)
		}
		return l
	case string:
		if placeholder.FindString(v) == v && v != "" {
			return filled(v, asked)
		}
		return placeholder.ReplaceAllStringFunc(v, func(p string) string { return dialogue.PyString(filled(p, asked)) })
	}
	return v
}

func filled(p string, asked map[string]any) any {
	tracker := object(asked["tracker"])
	switch name := strings.Trim(p, "{}"); {
	case strings.HasPrefix(name, "slot:"):
		return object(tracker["slots"])[name[5:]]
	case strings.HasPrefix(name, "arg:"):
		return object(asked["arguments"])[name[4:]]
	case name == "sender":
		return tracker["sender_id"]
	case name == "text":
		return object(tracker["latest_message"])["text"]
	}
	return "2099-01-01T00:00:00+00:00"
}
