package dialogue

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recordedFiles are the recorded cases and fixtures.
func recordedFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{"cases", "fixtures"} {
		more, err := filepath.Glob(filepath.Join("..", "..", "shared", "conformance", dir, "*.json"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	if len(files) == 0 {
		t.Skip("the recorded cases in ../shared/conformance are missing")
	}
	return files
}

// each calls visit for every object in v, depth first.
func each(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, x := range v {
			each(x, visit)
		}
		visit(v)
	case []any:
		for _, x := range v {
			each(x, visit)
		}
	case string:
		if strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
			if inner, err := DecodeJSON([]byte(v)); err == nil {
				each(inner, visit)
			}
		}
	}
}

func toStandard(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("not valid JSON: %v\n%s", err, data)
	}
	return v
}

func TestRecordedEventsSurviveRoundTrip(t *testing.T) {
	t.Parallel()
	n := 0
	for _, file := range recordedFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := DecodeJSON(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if filepath.Base(file) == "sdk-replies.json" {
			continue // what an action server sends, not what the server writes
		}
		if diff := cmp.Diff(toStandard(t, data), toStandard(t, AppendJSON(nil, v))); diff != "" {
			t.Errorf("%s: plain values differ (-want +got):\n%s", file, diff)
		}
		steps, ok := v.(map[string]any)
		if !ok {
			each(v, func(obj map[string]any) { n += roundTrip(t, file, obj) })
			continue
		}
		list, _ := steps["steps"].([]any)
		for _, s := range list {
			each(s.(map[string]any)["golden"], func(obj map[string]any) { n += roundTrip(t, file, obj) })
		}
	}
	t.Logf("%d events", n)
	if n < 1000 {
		t.Errorf("only %d events were found", n)
	}
}

func roundTrip(t *testing.T, file string, obj map[string]any) int {
	t.Helper()
	kind, ok := obj["event"].(string)
	if _, timed := obj["timestamp"]; !ok || !timed {
		return 0
	}
	if obj["date_time"] == "<ignored>" { // normalised when recorded
		obj["date_time"] = "2099-01-02T03:04:05"
	}
	if _, ok := obj["timestamp"].(string); ok {
		obj["timestamp"] = 1.5
	}
	delete(obj, "sender_id") // broker lines
	e, err := DecodeEvent(obj)
	if err != nil {
		t.Errorf("%s: %s: %v", file, kind, err)
		return 1
	}
	got := toStandard(t, AppendEventJSON(nil, e))
	want := toStandard(t, AppendJSON(nil, obj))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s event (-want +got):\n%s", file, kind, diff)
	}
	return 1
}
