package trackerstore

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	tr := dialogue.NewTracker("a", testDomain())
	tr.Record(clock, turnEvents(1)...)
	data, err := writeFrame(nil, "id", 7, tr.Events(0), 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := decodeFrame(string(data))
	if err != nil {
		t.Fatal(err)
	}
	again, err := writeFrame(nil, f.id, f.first, f.events, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data), string(again)); diff != "" {
		t.Errorf("a frame that was read and written again (-want +got):\n%s", diff)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	tr := dialogue.NewTracker("a", testDomain())
	tr.Record(clock, turnEvents(1)...)
	data, err := writeFrame(nil, "id", 7, tr.Events(0), 1<<20, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	for _, s := range []string{"", "id:0:0:j:[]", "id:0:1:j:[]", "id:-1:0:j:[]", "id:0:0:z:[]", ":::::", "id:0:1:j:[{\"event\":\"topic\"}]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := decodeFrame(s)
		if err != nil {
			if !errors.Is(err, errFrame) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		again, err := writeFrame(nil, got.id, got.first, got.events, 1<<30, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeFrame(string(again)); err != nil {
			t.Errorf("%q was read, and written as %q cannot be read: %v", s, again, err)
		}
	})
}
