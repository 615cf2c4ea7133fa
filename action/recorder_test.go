package action

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/dialogue"
)

// TestCallsSayWhoseTheyAre shows the headers by which an action server can tell a repeated call from a new one.
func TestCallsSayWhoseTheyAre(t *testing.T) {
	t.Parallel()
	d := (&dialogue.Domain{Actions: append(slices.Clip(dialogue.DefaultActions), "action_x")}).Finish()
	s := newServer(t, func(w http.ResponseWriter, _ *request) { reply(w, 200, `{}`) })
	a := newActions(t, d, Config{ActionServer: s.endpoint()})
	tracker := dialogue.NewTracker("a", d)
	for range 2 { // the same turn, tried twice
		ctx, _ := WithCallRecorder(t.Context(), "turn", 1700000000000001)
		for range 2 {
			if _, err := a.Run(ctx, "action_x", Call{Tracker: tracker}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := a.Run(t.Context(), "action_x", Call{Tracker: tracker}); err != nil { // no turn
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.requests {
		got = append(got, r.header.Get("X-Turn-Id")+" "+r.header.Get("X-Conversation-Fence")+" "+r.header.Get("Idempotency-Key"))
	}
	want := []string{"turn 1700000000000001 turn-1", "turn 1700000000000001 turn-2", "turn 1700000000000001 turn-1", "turn 1700000000000001 turn-2", "  "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers of the calls (-want +got):\n%s", diff)
	}
}
