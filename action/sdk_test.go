package action

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/dialogue"
)

// TestSDKReplies reads what an action server built on rasa-sdk 3.6.2 answered.
func TestSDKReplies(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "conformance", "fixtures", "sdk-replies.json"))
	if err != nil {
		t.Skip("the recorded replies in ../shared/conformance are missing")
	}
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	const fails, rejects = "error", "rejection"
	want := map[string]string{
		"action_events":                              fails, // one user event has parse_data null, and that spoils all
		"action_responses":                           "B(plain) B(null)",
		"action_reject":                              rejects,
		"action_reject_default":                      rejects,
		"action_boom":                                fails,
		"action_bad_events":                          "S(a=1)",
		"action_nowhere":                             fails,
		"action_tracker":                             "B(null)",
		"form validation: accepted and changed":      `S(city="Rome") S(country="known")`,
		"form validation: refused":                   `B(No such city.) S(city=null)`,
		"form validation: one more required slot":    `S(city="Delhi") S(country="known") S(requested_slot="day")`,
		"form validation: no candidate":              ``,
		"form validation: no validator for the slot": `S(day="monday")`,
		"form validation: all filled":                `S(day="monday") S(requested_slot=null)`,
		"form validation: custom extraction":         ``,
		"action_validate_slot_mappings":              `S(city="ROME") S(mood="from mapping")`,
		"action_validate_slot_mappings in a form":    `S(city="ROME") S(mood="from mapping")`,
		"no domain":                                  "B(null)",
		"no domain for a validator":                  "",
		"no version":                                 "B(plain) B(null)",
		"no action name":                             fails, // answered with null
		"no tracker":                                 fails,
		"null":                                       fails,
		"not JSON":                                   fails,
		"deflated":                                   "B(plain) B(null)",
	}
	d := remoteDomain()
	a := newActions(t, d, Config{})
	read := func(body []byte, status int) string {
		r := &httpReply{status: status, contentType: "application/json", body: body}
		events, err := a.understand(t.Context(), &Call{Tracker: tracker(d), Channel: "collector"}, "action_x", r)
		var rejection *RejectedError
		switch {
		case errors.As(err, &rejection):
			return rejects
		case err != nil:
			return fails
		}
		return show(events)
	}
	for _, item := range v.([]any) {
		item := item.(map[string]any)
		title := item["title"].(string)
		answer := item["reply"].(map[string]any)
		wanted, ok := want[title]
		if !ok {
			continue // not a call of an action
		}
		delete(want, title)
		body := answer["json"]
		if got := read(dialogue.AppendJSON(nil, body), answer["status"].(int)); got != wanted {
			t.Errorf("%s: got %s, want %s", title, got, wanted)
		}
		if title != "action_events" {
			continue
		}
		var sound []any
		for _, e := range body.(map[string]any)["events"].([]any) {
			if e := e.(map[string]any); e["event"] != "user" || e["parse_data"] != nil {
				sound = append(sound, e)
			}
		}
		got := read(dialogue.AppendJSON(nil, map[string]any{"events": sound}), 200)
		if n := len(strings.Fields(got)); n != len(sound) || n < 20 {
			t.Errorf("%d of %d events were read: %s", n, len(sound), got)
		}
	}
	for title := range want {
		t.Errorf("%s was not recorded", title)
	}
}
