package dialogue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedTrackersFollowFromTheirEvents rebuilds every tracker that the reference answered to GET …/tracker from the events in
// the answer, and expects the rest of the answer.
func TestRecordedTrackersFollowFromTheirEvents(t *testing.T) {
	t.Parallel()
	n := 0
	for _, file := range recordedFiles(t) {
		if filepath.Base(filepath.Dir(file)) != "cases" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := DecodeJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		initial := map[string]any{} // values of slots while no event had set them
		dumps := recordedDumps(t, v.(map[string]any)["steps"].([]any))
		for _, d := range dumps {
			for name, value := range d.body["slots"].(map[string]any) {
				if !d.sets[name] {
					initial[name] = value // the domain is not at hand: believe the answers for slots that no event sets
				}
			}
		}
		for _, d := range dumps {
			if diff := d.check(t, initial); diff != "" {
				t.Errorf("%s: %s (-recorded +got):\n%s", filepath.Base(file), d.step, diff)
			}
		}
		n += len(dumps)
	}
	t.Logf("%d trackers", n)
	if n < 100 {
		t.Errorf("only %d trackers were found", n)
	}
}

// dump is a recorded tracker.
type dump struct {
	step      string
	body      map[string]any
	events    []Event
	sets      map[string]bool // slots that the events set
	verbosity Verbosity
}

func recordedDumps(t *testing.T, steps []any) []dump {
	t.Helper()
	var dumps []dump
	for _, s := range steps {
		step := s.(map[string]any)
		path, _ := step["path"].(string)
		golden, _ := step["golden"].(map[string]any)
		body, _ := golden["json"].(map[string]any)
		events, ok := body["events"].([]any)
		d := dump{body: body, sets: map[string]bool{}, verbosity: EventsAfterRestart}
		d.step, _ = step["name"].(string)
		switch {
		case !ok || step["method"] != "GET" || !strings.Contains(path, "/tracker") || step["ignore"] != nil:
			continue
		case strings.Contains(path, "until") || strings.Contains(strings.ToUpper(path), "APPLIED"):
			continue
		case strings.Contains(strings.ToUpper(path), "=ALL"):
			d.verbosity = EventsAll
		}
		unmask(body)
		for _, item := range events {
			obj := item.(map[string]any)
			unmask(obj)
			e, err := DecodeEvent(obj)
			if err != nil {
				t.Fatal(err)
			}
			d.events = append(d.events, e)
			if e, ok := e.(*SlotSet); ok {
				d.sets[e.Name] = true
			}
		}
		dumps = append(dumps, d)
	}
	return dumps
}

func (d *dump) check(t *testing.T, initial map[string]any) string {
	t.Helper()
	slots := d.body["slots"].(map[string]any)
	domain := &Domain{}
	for _, name := range sortedKeys(slots) {
		slot := Slot{Name: name, Type: SlotAny, Initial: initial[name]}
		if _, isList := slots[name].([]any); isList {
			slot.Type = SlotList
		}
		domain.Slots = append(domain.Slots, slot)
	}
	tr := NewTracker(d.body["sender_id"].(string), domain.Finish())
	tr.Append(d.events...)
	tr = tr.Rebuilt(false)
	got := toStandard(t, tr.AppendJSON(nil, d.verbosity)).(map[string]any)
	want := toStandard(t, AppendJSON(nil, d.body)).(map[string]any)
	if d.verbosity == EventsAfterRestart { // what came before the restart is not in the answer
		for _, key := range []string{"latest_input_channel", "latest_event_time"} {
			if got[key] == nil {
				got[key] = want[key]
			}
		}
	}
	return cmp.Diff(want, got)
}

// unmask replaces what was hidden when the answers were recorded.
func unmask(obj map[string]any) {
	for _, key := range []string{"timestamp", "latest_event_time"} {
		if _, ok := obj[key].(string); ok {
			obj[key] = 1.5
		}
	}
	if obj["date_time"] == "<ignored>" {
		obj["date_time"] = "2099-01-02T03:04:05"
	}
}
