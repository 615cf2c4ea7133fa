package action

import (
	"context"
	"fmt"
	"slices"

	"parley/dialogue"
)

// form asks for slots until all are filled (Rasa: core/actions/forms.py).
type form struct {
	actions   *Actions
	name      string
	required  []string
	ignored   []string // intents that do not fill slots while the form is active
	validator string   // validate_<form>, "" if the domain does not have it
	validate  runner
	asks      map[string]runner   // of the required slots; nil for one that no action asks for
	unique    map[string]struct{} // keys of from_entity mappings that fill only one of the required slots
}

func (a *Actions) newForm(spec *dialogue.Form) *form {
	f := &form{
		actions: a, name: spec.Name, required: spec.RequiredSlots, ignored: spec.IgnoredIntents,
		asks: make(map[string]runner, len(spec.RequiredSlots)), unique: make(map[string]struct{}),
	}
	if name := "validate_" + f.name; a.domain.HasAction(name) {
		f.validator, f.validate = name, a.remote(name)
	}
	seen := make(map[string]struct{})
	for _, name := range f.required {
		f.asks[name] = f.asker(name)
		slot, ok := a.domain.Slot(name)
		if !ok {
			continue
		}
		for i := range slot.Mappings {
			m := &slot.Mappings[i]
			if m.Type != dialogue.FromEntity {
				continue
			}
			if _, again := seen[m.Key]; again {
				delete(f.unique, m.Key)
			} else {
				f.unique[m.Key] = struct{}{}
			}
			seen[m.Key] = struct{}{}
		}
	}
	return f
}

// asker is the action that asks for a slot, nil if there is none.
func (f *form) asker(slot string) runner {
	for _, name := range []string{
		"action_ask_" + f.name + "_" + slot, "utter_ask_" + f.name + "_" + slot, "action_ask_" + slot, "utter_ask_" + slot,
	} {
		if f.actions.domain.HasAction(name) {
			return f.actions.resolve(name)
		}
	}
	return nil
}

func (f *form) run(ctx context.Context, c *Call) ([]dialogue.Event, error) { return runLoop(ctx, f, c) }

func (f *form) loopName() string { return f.name }

// activate fills slots from the message that begins the form, and has those validated that are filled.
func (f *form) activate(ctx context.Context, c *Call) ([]dialogue.Event, error) {
	extracted, err := f.actions.ExtractSlots(ctx, *c)
	if err != nil {
		return nil, err
	}
	note(c.Tracker, extracted...)
	extracted = slices.DeleteFunc(extracted, func(e dialogue.Event) bool {
		_, ok := e.(*dialogue.SlotSet)
		return !ok
	})
	if f.validate == nil {
		return extracted, nil
	}
	var prefilled []candidate
	for _, name := range f.required {
		if value, _ := c.Tracker.Slot(name); value != nil {
			prefilled = append(prefilled, candidate{name, value})
		}
	}
	validated, err := f.validateSlots(ctx, c, prefilled)
	if err != nil {
		return nil, err
	}
	return append(validated, without(extracted, validated)...), nil
}

// done: the validator or the last question ended the form, and nobody rejected it.
func (f *form) done(_ *Call, events []dialogue.Event) bool {
	if hasRejection(events) {
		return false
	}
	var slot *dialogue.SlotSet
	var loop *dialogue.ActiveLoop
	for _, e := range slices.Backward(events) {
		switch e := e.(type) {
		case *dialogue.SlotSet:
			if slot == nil && e.Name == dialogue.SlotRequested {
				slot = e
			}
		case *dialogue.ActiveLoop:
			if loop == nil {
				loop = e
			}
		}
	}
	return slot != nil && slot.Value == nil || loop != nil && loop.Name == ""
}

// do validates what the user said, unless activation has done so, and asks for the next slot.
func (f *form) do(ctx context.Context, c *Call, before []dialogue.Event) ([]dialogue.Event, error) {
	var events []dialogue.Event
	fresh := !slices.ContainsFunc(before, func(e dialogue.Event) bool {
		_, ok := e.(*dialogue.ActiveLoop)
		return !ok
	})
	if fresh {
		var err error
		if events, err = f.validateInput(ctx, c); err != nil {
			return nil, err
		}
	}
	if hasRejection(events) {
		return events, nil
	}
	next, err := f.requestNext(ctx, c, slices.Concat(before, events))
	if err != nil {
		return nil, err
	}
	return append(events, next...), nil
}

// validateInput validates what the latest message filled. Coming back from an unhappy path there is nothing to validate, but the
// validator may choose the next slot.
func (f *form) validateInput(ctx context.Context, c *Call) ([]dialogue.Event, error) {
	loop := c.Tracker.State().Loop
	if loop != nil && (c.Tracker.LatestActionName() != dialogue.ActionListen || loop.IsInterrupted) {
		return f.validateSlots(ctx, c, nil)
	}
	candidates := f.candidates(c.Tracker)
	events, err := f.validateSlots(ctx, c, candidates)
	if err != nil {
		return nil, err
	}
	requested := f.requested(c.Tracker)
	if !dialogue.Truthy(requested) || len(candidates) > 0 || hasRejection(events) {
		return events, nil
	}
	for _, e := range events {
		if s, ok := e.(*dialogue.SlotSet); ok && s.Name != dialogue.SlotRequested {
			return events, nil
		}
	}
	return nil, &RejectedError{Action: f.name, Reason: fmt.Sprintf("nothing in the message fills the slot %v", requested)}
}

// requested is the value of requested_slot if this form is active; another form's question does not count.
func (f *form) requested(t *dialogue.Tracker) any {
	if t.ActiveLoopName() != f.name {
		return nil
	}
	value, _ := t.Slot(dialogue.SlotRequested)
	return value
}

// candidate is a slot's value that the validator is asked about.
type candidate struct {
	name  string
	value any
}

// candidates are the required or requested slots that were set since the latest message, in the order in which they were first set,
// with their last value.
func (f *form) candidates(t *dialogue.Tracker) []candidate {
	latest := t.State().LatestMessage
	requested, _ := f.requested(t).(string)
	var set []*dialogue.SlotSet // newest first
scan:
	for e := range t.Backward() {
		switch e := e.(type) {
		case *dialogue.Restarted:
			break scan
		case *dialogue.UserUttered:
			if e == latest {
				break scan
			}
		case *dialogue.SlotSet:
			if e.Name == requested || slices.Contains(f.required, e.Name) {
				set = append(set, e)
			}
		}
	}
	var candidates []candidate
	for _, e := range slices.Backward(set) {
		i := slices.IndexFunc(candidates, func(c candidate) bool { return c.name == e.Name })
		if i < 0 {
			candidates = append(candidates, candidate{e.Name, e.Value})
		} else {
			candidates[i].value = e.Value
		}
	}
	return candidates
}

// validateSlots asks the validator, if there is one; what it does not mention stays as it is.
func (f *form) validateSlots(ctx context.Context, c *Call, candidates []candidate) ([]dialogue.Event, error) {
	if f.validate == nil {
		return nil, nil
	}
	view := *c
	view.Tracker = f.view(c.Tracker)
	for _, s := range candidates {
		note(view.Tracker, &dialogue.SlotSet{Name: s.name, Value: s.value})
	}
	events, err := f.validate(ctx, &view)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return events, nil
}

// view is what the form's helpers see: requested_slot is this form's, and the form's own run tells old events from new ones.
func (f *form) view(t *dialogue.Tracker) *dialogue.Tracker {
	v := sinceRestart(t)
	note(v, &dialogue.SlotSet{Name: dialogue.SlotRequested, Value: f.requested(t)}, &dialogue.ActionExecuted{Name: f.name})
	return v
}

// requestNext asks for the first slot that is missing, or for the one that the validator chose; requested_slot null ends the form.
func (f *form) requestNext(ctx context.Context, c *Call, soFar []dialogue.Event) ([]dialogue.Event, error) {
	ended := []dialogue.Event{&dialogue.SlotSet{Name: dialogue.SlotRequested}}
	if f.done(c, soFar) {
		return ended, nil
	}
	view := *c
	view.Tracker = f.view(c.Tracker)
	note(view.Tracker, soFar...)

	var events []dialogue.Event
	next := chosenSlot(soFar)
	if next == "" {
		if next = f.missing(view.Tracker); next == "" {
			return ended, nil
		}
		events = append(events, &dialogue.SlotSet{Name: dialogue.SlotRequested, Value: next})
	}
	ask, ok := f.asks[next]
	if !ok {
		ask = f.asker(next)
	}
	if ask == nil {
		return events, nil
	}
	asked, err := ask(ctx, &view)
	if err != nil {
		return nil, fmt.Errorf("%s: ask for %s: %w", f.name, next, err)
	}
	return append(events, asked...), nil
}

// chosenSlot is the slot that the first requested_slot event asks for, "" if there is none.
func chosenSlot(events []dialogue.Event) string {
	for _, e := range events {
		if s, ok := e.(*dialogue.SlotSet); ok && s.Name == dialogue.SlotRequested {
			if !dialogue.Truthy(s.Value) {
				return ""
			}
			return dialogue.PyString(s.Value)
		}
	}
	return ""
}

// missing is the first required slot without a value, "" if there is none.
func (f *form) missing(t *dialogue.Tracker) string {
	for _, name := range f.required {
		if value, _ := t.Slot(name); value == nil {
			return name
		}
	}
	return ""
}

func (f *form) deactivate(context.Context, *Call) ([]dialogue.Event, error) { return nil, nil }

// without are the slot events whose slot other events do not set.
func without(events, others []dialogue.Event) []dialogue.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e dialogue.Event) bool {
		s, ok := e.(*dialogue.SlotSet)
		return ok && slices.ContainsFunc(others, func(o dialogue.Event) bool {
			other, ok := o.(*dialogue.SlotSet)
			return ok && other.Name == s.Name
		})
	})
}
