package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/dialogue"
	"parley/policy"
)

// TestPredictsWhatTheReferencePredicted replays the conversations that were recorded from the reference: before each action that a
// policy predicted, the ensemble must predict the same with the same confidence.
func TestPredictsWhatTheReferencePredicted(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob(filepath.Join(shared, "conformance/cases/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Skip("the recorded conversations are not beside this repository")
	}
	for _, file := range cases {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded struct {
			Name  string `json:"name"`
			Bot   string `json:"bot"`
			Train string `json:"train"`
			Steps []struct {
				Name   string `json:"name"`
				Mode   string `json:"mode"`
				Path   string `json:"path"`
				Golden struct {
					JSON json.RawMessage `json:"json"`
				} `json:"golden"`
			} `json:"steps"`
		}
		if err := json.Unmarshal(data, &recorded); err != nil {
			t.Fatal(err)
		}
		if recorded.Bot == "" || recorded.Train == "nlu" || strings.Contains(recorded.Name, "no-model") {
			continue
		}
		t.Run(recorded.Name, func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, recorded.Bot)
			for _, s := range recorded.Steps {
				if s.Mode == "" {
					r.executed = strings.Contains(s.Path, "/execute")
					r.dump(s.Name, s.Golden.JSON)
				}
			}
			if r.decisions > 0 {
				t.Logf("%d of %d decisions agree", r.agree, r.decisions)
			}
		})
	}
}

// replay compares decisions with those of one bot.
type replay struct {
	t                *testing.T
	bot              string
	ensemble         *policy.Ensemble
	domain           *dialogue.Domain
	seen             map[string]bool
	executed         bool // the request chose the action
	decisions, agree int
}

func newReplay(t *testing.T, bot string) *replay {
	t.Helper()
	p := loadBot(t, bot)
	e, err := policy.Train(t.Context(), p.Config.Policies, p.Domain, p.Steps, policy.TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &replay{t: t, bot: bot, ensemble: e, domain: p.Domain, seen: map[string]bool{}}
}

// dump replays the events of a recorded tracker.
func (r *replay) dump(step string, body json.RawMessage) {
	var tracker struct {
		Events  []map[string]any `json:"events"`
		Tracker *struct {
			Events []map[string]any `json:"events"`
		} `json:"tracker"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		if err := json.Unmarshal(body, &tracker); err != nil {
			return // something else than a tracker
		}
	}
	if tracker.Tracker != nil {
		tracker.Events = tracker.Tracker.Events
	}
	t := dialogue.NewTracker("", r.domain)
	for i, raw := range tracker.Events {
		e := r.event(raw)
		if e == nil {
			continue
		}
		key := fmt.Sprint(jsonOf(r.t, tracker.Events[:i+1]))
		if a, ok := e.(*dialogue.ActionExecuted); ok && a.Confidence != nil && !r.seen[key] {
			r.seen[key] = true
			r.decision(step, t, a, tracker.Events[:i])
		}
		t.Append(e)
	}
}

func (r *replay) event(raw map[string]any) dialogue.Event {
	delete(raw, "timestamp")
	raw["timestamp"] = 1.0
	data, err := json.Marshal(raw)
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := dialogue.DecodeJSON(data)
	if err != nil {
		r.t.Fatal(err)
	}
	obj, _ := v.(map[string]any)
	e, err := dialogue.DecodeEvent(obj)
	if err != nil {
		return nil
	}
	return e
}

// decision compares one prediction. The events that the prediction itself added to the tracker come off before.
func (r *replay) decision(step string, t *dialogue.Tracker, a *dialogue.ActionExecuted, before []map[string]any) {
	known := []string{"RulePolicy", "MemoizationPolicy", "AugmentedMemoizationPolicy"}
	events := t.Events(0)
	n := len(events)
	if !slices.Contains(known, a.Policy) || r.executed || n == 0 {
		return
	}
	if events[n-1].Kind() == dialogue.KindUser && t.LatestActionName() == dialogue.ActionListen {
		return // events of a request: a prediction here adds a flag
	}
	var added []dialogue.Event
	for n > 0 && len(added) < 2 {
		e := events[n-1]
		if l, ok := e.(*dialogue.LoopInterrupted); !ok || !l.IsInterrupted {
			if _, ok := e.(*dialogue.UserFeaturization); !ok {
				break
			}
		}
		added = append([]dialogue.Event{e}, added...)
		n--
	}
	want := decisionText(a.NameOrText(), a.Policy, *a.Confidence, a.HideRuleTurn, added)
	got, reason := r.predict(events[:n])
	if got != want && len(added) > 0 { // the action before may have added them
		want = decisionText(a.NameOrText(), a.Policy, *a.Confidence, a.HideRuleTurn, nil)
		got, reason = r.predict(events)
	}
	r.decisions++
	if got == want {
		r.agree++
		return
	}
	r.t.Errorf("step %q, after %s:\n got %s (%s)\nwant %s", step, lastEvents(before), got, reason, want)
}

func (r *replay) predict(events []dialogue.Event) (decision, reason string) {
	t := dialogue.NewTracker("", r.domain)
	t.Append(events...)
	p, err := r.ensemble.Predict(r.t.Context(), t)
	if err != nil {
		return err.Error(), ""
	}
	return decisionText(p.Action, p.Policy, p.Confidence, p.HideRuleTurn, p.Events), p.Reason
}

func decisionText(action, policy string, confidence float64, hide bool, added []dialogue.Event) string {
	text := fmt.Sprintf("%s %s %g hide=%v", action, policy, confidence, hide)
	for _, e := range added {
		switch e := e.(type) {
		case *dialogue.UserFeaturization:
			text += fmt.Sprintf(" flag %v", e.UseText)
		case *dialogue.LoopInterrupted:
			text += fmt.Sprintf(" interrupted %v", e.IsInterrupted)
		}
	}
	return text
}

func lastEvents(events []map[string]any) string {
	var parts []string
	for _, e := range events[max(0, len(events)-8):] {
		name := e["name"]
		if data, ok := e["parse_data"].(map[string]any); ok {
			name = data["intent"]
		}
		parts = append(parts, fmt.Sprintf("%v(%v %v)", e["event"], name, e["value"]))
	}
	return strings.Join(parts, " ")
}
