package worker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"parley/livetest"
	"parley/logging"
	"parley/metrics"
	"parley/model"
	"parley/worker"
)

// logOf is a log with a name and where it writes.
func logOf(name string) (*slog.Logger, *livetest.Buffer) {
	out := &livetest.Buffer{}
	cfg := logging.Config{Out: out, JSON: true, Levels: logging.NewLevels(slog.LevelInfo, nil), HashKey: []byte("key"), Sample: true}
	return logging.For(logging.New(cfg), name), out
}

// fields picks what lines say under some keys.
func fields(t *testing.T, text string, keys ...string) []string {
	t.Helper()
	all := []string{}
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var picked []string
		for _, key := range keys {
			picked = append(picked, fmt.Sprint(m[key]))
		}
		all = append(all, strings.Join(picked, " "))
	}
	return all
}

// hashes are those of ids.
var hashes = regexp.MustCompile(`\b[0-9a-f]{12}\b`)

func TestRequestsHaveLines(t *testing.T) {
	t.Parallel()
	const id = "5f0c1d2e-1234-4abc-8def-0123456789ab"
	requests := []string{
		"GET /\n", "GET /version\nX-Request-Id: " + id, "GET /conversations/49123/tracker\nX-Request-Id: not one", "GET /49123\n", "GET /conversations/49123/tracker?until=x\n",
		"PUT /conversations/49123/tracker/events\n\nno JSON",
	}
	all := []string{
		"INFO request GET /version 200", "INFO request GET /conversations/:id/tracker 200", "WARN request GET unmatched 404", "INFO request GET /conversations/:id/tracker 200",
		"WARN request PUT /conversations/:id/tracker/events 400",
	}
	for name, tc := range map[string]struct {
		errors bool
		want   []string
	}{"all": {false, all}, "errors": {true, []string{all[2], all[4]}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, out := logOf(logging.Access)
			s := serve(t, func(c *worker.Config) { c.Access = worker.AccessLog{Log: log, Errors: tc.errors} })
			for _, r := range requests {
				s.do(r)
			}
			text := out.String()
			if diff := cmp.Diff(tc.want, fields(t, text, "level", "msg", "method", "route", "code")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(text, "49123") {
				t.Errorf("a line shows who talks: %s", text)
			}
			if strings.Contains(text, id) == tc.errors || strings.Contains(text, "not one") {
				t.Errorf("ids of requests are wrong: %s", text)
			}
			for range 200 {
				s.do("GET /nothing")
			}
			if got := strings.Count(out.String(), "unmatched"); got > 20 {
				t.Errorf("a client that asks for nothing has %d lines", got)
			}
		})
	}
}

func TestChangesAreRecorded(t *testing.T) {
	t.Parallel()
	log, out := logOf(logging.Audit)
	registry := prometheus.NewRegistry()
	measure, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *worker.Config) {
		c.AuthToken, c.JWT, c.Store = secret("sesame"), &worker.JWT{Secret: sharedSecret}, &stored{ids: []string{"49123"}}
		c.Audit, c.Metrics = log, measure
		c.LoadModel = func(path string) (*model.Model, error) {
			if path == "good" {
				return &model.Model{ID: "new", File: path}, nil
			}
			return nil, errors.New("no model")
		}
		c.Train = func(context.Context, worker.TrainRequest) (string, error) { return "", errors.New("broken") }
	})
	bearer := func(name, role string) string {
		claims := jwt.MapClaims{"user": map[string]any{"username": name, "role": role}}
		return "Authorization: Bearer " + sign(t, "HS256", []byte(sharedSecret), claims)
	}
	const events = "\n\n[{\"event\": \"bot\", \"text\": \"hi\"}]"
	for _, tc := range []struct {
		request string
		want    []string
	}{
		{"GET /conversations/49123/tracker?token=sesame", nil},
		{"GET /conversations/49123/tracker?token=wrong", []string{"WARN auth refused unknown <nil>"}},
		{"GET /status\nAuthorization: Bearer nonsense", []string{"WARN auth refused unknown <nil>"}},
		{"GET /status\n" + bearer("49123", "user"), []string{"WARN auth refused HASH <nil>"}},
		{"POST /conversations/49123/tracker/events?token=sesame" + events, []string{"INFO tracker_append ok token HASH"}},
		{"POST /conversations/49123/tracker/events\n" + bearer("49123", "user") + events, []string{"INFO tracker_append ok HASH HASH"}},
		{"PUT /conversations/49123/tracker/events\n" + bearer("ann", "admin") + events, []string{"INFO tracker_replace ok jwt:ann HASH"}},
		{"PUT /conversations/49123/tracker/events?token=sesame\n\nno JSON", []string{"WARN tracker_replace refused token HASH"}},
		{"DELETE /conversations/49123?token=sesame", []string{"INFO tracker_delete ok token HASH"}},
		{"PUT /model?token=sesame\n\n{\"model_file\": \"bad\"}", []string{"WARN model_load refused token m1"}},
		{"PUT /model?token=sesame\n\n{\"model_file\": \"good\"}", []string{"INFO model_load ok token new"}},
		{"POST /model/train?token=sesame\n\npipeline: []", []string{"INFO training_begin ok token <nil>", "WARN training_end error token <nil>"}},
		{"DELETE /model?token=sesame", []string{"INFO model_delete ok token "}},
	} {
		out.Reset()
		s.do(tc.request)
		text := out.String()
		got := fields(t, text, "level", "what", "result", "who", "target")
		for i := range got {
			got[i] = hashes.ReplaceAllString(got[i], "HASH")
		}
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%.60s (-want +got):\n%s", tc.request, diff)
		}
		for _, private := range []string{"49123", "sesame", "wrong", "nonsense"} {
			if strings.Contains(text, private) {
				t.Errorf("%.60s: %s is shown: %s", tc.request, private, text)
			}
		}
		for _, from := range fields(t, text, "msg", "from") {
			if from != "audit 127.0.0.1" {
				t.Errorf("%.60s: recorded as %s", tc.request, from)
			}
		}
	}
	var scraped bytes.Buffer
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "parley_audit_events_total" {
			for _, m := range f.GetMetric() {
				fmt.Fprintf(&scraped, "%s %g\n", m.GetLabel()[0].GetValue(), m.GetCounter().GetValue())
			}
		}
	}
	for _, want := range []string{"ok 7\n", "refused 5\n", "error 1\n"} {
		if !strings.Contains(scraped.String(), want) {
			t.Errorf("counted %s, want %s", &scraped, want)
		}
	}
}
