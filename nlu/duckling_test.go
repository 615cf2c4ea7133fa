package nlu

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestDucklingAsksAndMakesEntities(t *testing.T) {
	t.Parallel()
	var form string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if r.URL.Path != "/parse" || r.PostForm.Get("reftime") == "" {
			t.Errorf("asked %s with %v", r.URL, r.PostForm)
		}
		r.PostForm.Del("reftime")
		form = r.PostForm.Encode()
		_, err := w.Write([]byte(`[{"body":"two","start":3,"value":{"value":2,"type":"value"},"end":6,"dim":"number","latent":false},
			{"body":"from 5 to 6","start":7,"end":18,"dim":"time","value":{"type":"interval","from":{"value":"5"},"to":{"value":"6"}}},
			{"body":"x","start":0,"end":1,"dim":"email","value":{"value":"x"}}]`))
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	p := train(t, []Config{{Name: "DucklingEntityExtractor", Options: map[string]any{
		"url": server.URL + "/", "locale": "en_GB", "timezone": "Europe/Berlin",
		"dimensions": []any{"number", "time"},
	}}}, &TrainingData{})
	got := parse(t, p, "é, two from 5 to 6")
	if want := "dims=%5B%22number%22%2C%22time%22%5D&locale=en_GB&text=%C3%A9%2C+two+from+5+to+6&tz=Europe%2FBerlin"; form != want {
		t.Errorf("form %s, want %s", form, want)
	}
	interval := map[string]any{"type": "interval", "from": map[string]any{"value": "5"}, "to": map[string]any{"value": "6"}}
	want := []dialogue.Entity{
		{
			Entity: "number", Start: 3, End: 6, Value: 2, Extractor: "DucklingEntityExtractor",
			Extra: map[string]any{"text": "two", "confidence": 1.0, "additional_info": map[string]any{"value": 2, "type": "value"}},
		},
		{
			Entity: "time", Start: 7, End: 18, Value: map[string]any{"from": "5", "to": "6"}, Extractor: "DucklingEntityExtractor",
			Extra: map[string]any{"text": "from 5 to 6", "confidence": 1.0, "additional_info": interval},
		},
	}
	if diff := cmp.Diff(want, got.Entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
	p = train(t, []Config{{Name: "DucklingEntityExtractor", Options: map[string]any{"url": server.URL, "dimensions": []any{}}}}, &TrainingData{})
	if got := parse(t, p, "é, two from 5 to 6"); len(got.Entities) != 3 {
		t.Errorf("an empty list of dimensions means all: got %v", got.Entities)
	}
}

func TestDucklingAwayCostsOnlyItsEntities(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"no list": func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(`{"a":1}`)); err != nil {
				t.Error(err)
			}
		},
		"odd objects": func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(`[1, {}, {"dim":"number","start":5,"end":99,"value":{}}, {"dim":"number","start":1,"end":0,"value":{}}]`)); err != nil {
				t.Error(err)
			}
		},
	} {
		server := httptest.NewServer(handler)
		p := train(t, []Config{{Name: "DucklingEntityExtractor", Options: map[string]any{"url": server.URL}}}, &TrainingData{})
		var log bytes.Buffer
		p.LogTo(slog.New(slog.NewTextHandler(&log, nil)))
		if got := parse(t, p, "two"); len(got.Entities) != 0 {
			t.Errorf("%s: entities %v", name, got.Entities)
		}
		if name != "odd objects" && !strings.Contains(log.String(), "duckling did not answer") {
			t.Errorf("%s: log %q", name, log.String())
		}
		server.Close()
		if got := parse(t, p, "two"); len(got.Entities) != 0 {
			t.Errorf("%s, server gone: entities %v", name, got.Entities)
		}
	}
}
