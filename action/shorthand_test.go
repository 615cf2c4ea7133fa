package action

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"parley/dialogue"
)

// show writes events in the shorthand of the specification: L(f) S(x=1) B(text) REJ(f).
func show(events []dialogue.Event) string {
	var parts []string
	for _, e := range events {
		parts = append(parts, showEvent(e))
	}
	return strings.Join(parts, " ")
}

func showEvent(e dialogue.Event) string {
	switch e := e.(type) {
	case *dialogue.ActiveLoop:
		if e.Name == "" {
			return "L(null)"
		}
		return "L(" + e.Name + ")"
	case *dialogue.SlotSet:
		return "S(" + e.Name + "=" + string(dialogue.AppendJSON(nil, e.Value)) + ")"
	case *dialogue.BotUttered:
		if e.NoText {
			return "B(null)"
		}
		return "B(" + e.Text + ")"
	case *dialogue.ActionExecuted:
		return "A(" + e.NameOrText() + ")"
	case *dialogue.ActionRejected:
		return "REJ(" + e.Name + ")"
	case *dialogue.UserUttered:
		return "U(" + e.Parse.Intent.Name + ")"
	case *dialogue.FollowupAction:
		return "FU(" + e.Name + ")"
	case *dialogue.UserReverted:
		return "RW"
	case *dialogue.Restarted:
		return "RS"
	case *dialogue.SessionStarted:
		return "SS"
	}
	return string(e.Kind())
}

// entity is an entity of a test's message.
type entity struct {
	name, role string
	value      any
}

// user is a message with an intent and entities; its text is /intent.
func user(intent string, entities ...entity) *dialogue.UserUttered {
	return said("/"+intent, intent, entities...)
}

// said is a message with a text.
func said(text, intent string, entities ...entity) *dialogue.UserUttered {
	p := dialogue.Parse{Intent: dialogue.Intent{Name: intent, Confidence: 0.9}}
	for _, e := range entities {
		p.Entities = append(p.Entities, dialogue.Entity{Entity: e.name, Role: e.role, Value: e.value, Start: -1, End: -1})
	}
	return dialogue.NewUserUttered(&text, p, "rest", "id", nil)
}

func act(name string) *dialogue.ActionExecuted { return &dialogue.ActionExecuted{Name: name} }
func loopOn(name string) *dialogue.ActiveLoop  { return &dialogue.ActiveLoop{Name: name} }
func rejected(n string) *dialogue.ActionRejected { //nolint:unparam // like its neighbours
	return &dialogue.ActionRejected{Name: n}
}

func set(name string, value any) *dialogue.SlotSet {
	return &dialogue.SlotSet{Name: name, Value: value}
}

// prelude begins a session.
func prelude() []dialogue.Event {
	return []dialogue.Event{act(dialogue.ActionSessionStart), &dialogue.SessionStarted{}, act(dialogue.ActionListen)}
}

// tracker has a session and events.
func tracker(d *dialogue.Domain, events ...dialogue.Event) *dialogue.Tracker {
	t := dialogue.NewTracker("ann", d)
	t.Append(append(prelude(), events...)...) // parallel tests share events: nothing may be stamped
	return t
}

// domain is a domain with the names that tests use. Fields of spec are taken as they are; the action list is built as the
// reference builds it.
func domain(spec dialogue.Domain) *dialogue.Domain {
	d := spec
	for _, name := range dialogue.DefaultIntents {
		d.Intents = append(d.Intents, dialogue.IntentSpec{Name: name})
	}
	d.UserActions = slices.Clone(d.CustomActions)
	for _, name := range slices.Sorted(maps.Keys(d.Responses)) {
		if !slices.Contains(d.UserActions, name) {
			d.UserActions = append(d.UserActions, name)
		}
	}
	d.Actions = slices.Clone(dialogue.DefaultActions)
	for _, name := range d.UserActions {
		if !slices.Contains(d.Actions, name) {
			d.Actions = append(d.Actions, name)
		}
	}
	for _, f := range d.Forms {
		if !slices.Contains(d.Actions, f.Name) {
			d.Actions = append(d.Actions, f.Name)
		}
	}
	d.Actions = append(d.Actions, d.EndToEndActions...)
	if len(d.Forms) > 0 {
		d.Slots = append(d.Slots, dialogue.Slot{Name: dialogue.SlotRequested, Type: dialogue.SlotText, Builtin: true})
	}
	d.Slots = append(d.Slots, dialogue.Slot{Name: dialogue.SlotSessionMetadata, Type: dialogue.SlotAny, Builtin: true})
	return d.Finish()
}

func intents(names ...string) []dialogue.IntentSpec {
	var list []dialogue.IntentSpec
	for _, name := range names {
		list = append(list, dialogue.IntentSpec{Name: name})
	}
	return list
}

func entities(names ...string) []dialogue.EntitySpec {
	var list []dialogue.EntitySpec
	for _, name := range names {
		list = append(list, dialogue.EntitySpec{Name: name})
	}
	return list
}

// fromEntity is a slot of a type that entities of its mappings fill.
func textSlot(name string, mappings ...dialogue.Mapping) dialogue.Slot {
	for i := range mappings {
		m := &mappings[i]
		if m.Key == "" {
			m.Key = fmt.Sprintf("%s/%s/%s/%s", m.Type, m.Entity, m.Role, m.Group)
		}
	}
	return dialogue.Slot{Name: name, Type: dialogue.SlotText, Mappings: mappings}
}

func fromEntity(name string) dialogue.Mapping {
	return dialogue.Mapping{Type: dialogue.FromEntity, Entity: name}
}

// texts are responses of one text each.
func texts(pairs ...string) map[string][]dialogue.Response {
	responses := make(map[string][]dialogue.Response)
	for i := 0; i < len(pairs); i += 2 {
		responses[pairs[i]] = append(responses[pairs[i]], dialogue.Response{Body: map[string]any{"text": pairs[i+1]}})
	}
	return responses
}

func newActions(t testing.TB, d *dialogue.Domain, cfg Config) *Actions {
	t.Helper()
	if cfg.Random == nil {
		cfg.Random = func(int) int { return 0 }
	}
	a, err := New(d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// run runs an action on a copy of a tracker, as the agent does, and checks that the tracker stays as it was.
func run(t testing.TB, a *Actions, name string, tr *dialogue.Tracker) ([]dialogue.Event, error) {
	t.Helper()
	view := tr.Copy()
	state, n := view.State(), view.Len()
	events, err := a.Run(context.Background(), name, Call{Tracker: view, Channel: "collector"})
	if view.State() != state || view.Len() != n {
		t.Errorf("%s changed the tracker that it was given", name)
	}
	return events, err
}

// wantRun runs an action and compares its events in shorthand.
func wantRun(t testing.TB, a *Actions, name string, tr *dialogue.Tracker, want string) {
	t.Helper()
	events, err := run(t, a, name, tr)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got := show(events); got != want {
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}
