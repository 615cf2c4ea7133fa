package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/livetest"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"alive":true}`)) })
	mux.HandleFunc("GET /down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.Handle("GET /moved", http.RedirectHandler("/livez", http.StatusFound))
	mux.HandleFunc("GET /hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("POST /talk", func(w http.ResponseWriter, r *http.Request) {
		var m struct{ Sender, Message string }
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Sender == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer := `[{"text":"heard ` + m.Message + `"}]`
		if m.Message == "quiet" {
			answer = "[]"
		}
		_, _ = w.Write([]byte(answer))
	})
	mux.HandleFunc("POST /page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	nobody := fmt.Sprintf("http://127.0.0.1:%d/", livetest.Port(t))

	for _, tt := range []struct {
		name, port string
		args       []string
		code       int
		says       string
	}{
		{name: "the admin port of the environment", port: at.Port(), code: exitOK, says: "ok"},
		{name: "a URL goes before the environment", port: at.Port(), args: []string{"--url", server.URL + "/down"}, code: exitFailure, says: "503"},
		{name: "a redirect is no answer", args: []string{"--url", server.URL + "/moved"}, code: exitFailure, says: "302"},
		{name: "nobody listens", args: []string{"--url", nobody}, code: exitFailure, says: "does not answer"},
		{name: "no answer in time", args: []string{"--url", server.URL + "/hangs", "--timeout", "20ms"}, code: exitFailure, says: "does not answer"},
		{name: "a conversation", args: []string{"--url", server.URL + "/talk", "--say", "one", "two"}, code: exitOK, says: "one -> heard one\ntwo -> heard two\n"},
		{name: "a bot that does not answer", args: []string{"--url", server.URL + "/talk", "--say", "one", "quiet"}, code: exitFailure, says: `did not answer "quiet"`},
		{name: "no rest channel", args: []string{"--url", server.URL + "/page", "--say=one"}, code: exitFailure, says: "no rest channel"},
		{name: "no URL", args: []string{"--url", "http://[::1"}, code: exitFailure, says: "ask for the server's health"},
		{name: "a time-out of nothing", args: []string{"--timeout", "0s"}, code: exitUsage, says: "--timeout"},
		{name: "an argument", args: []string{"now"}, code: exitUsage, says: "unrecognized"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := func(name string) string {
				switch name {
				case "ADMIN_PORT":
					return tt.port
				case "HTTP_PROXY", "http_proxy":
					return nobody
				}
				return ""
			}
			var out, errs bytes.Buffer
			code := run(t.Context(), append([]string{"health"}, tt.args...), env, strings.NewReader(""), &out, &errs)
			if code != tt.code || !strings.Contains(out.String()+errs.String(), tt.says) {
				t.Errorf("exit code %d, want %d; it said\n%s%s, want %q", code, tt.code, &out, &errs, tt.says)
			}
		})
	}
}

func TestHealthAsksTheServersOwnPorts(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, port := range []string{"", "0", "9090"} {
		a := newApp(func(string) string { return port }, nil, nil, nil)
		got[port] = a.healthURL()
	}
	want := map[string]string{"": "http://127.0.0.1:5005/", "0": "http://127.0.0.1:5005/", "9090": "http://127.0.0.1:9090/livez"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
