package action

import (
	"context"
	"fmt"
	"slices"

	"parley/dialogue"
)

// slotPlan is how a slot is filled by messages.
type slotPlan struct {
	slot     *dialogue.Slot
	mappings []*dialogue.Mapping // those that can apply in this domain
}

// newPlan lists the slots that messages may fill, in the order of the domain. Mappings of entities and intents that the domain does
// not have are left out, with a warning.
func (a *Actions) newPlan() []slotPlan {
	var plan []slotPlan
	for i := range a.domain.Slots {
		slot := &a.domain.Slots[i]
		if slot.Builtin {
			continue
		}
		p := slotPlan{slot: slot}
		for j := range slot.Mappings {
			m := &slot.Mappings[j]
			if m.Type == dialogue.FromEntity && !a.domain.HasEntity(m.Entity) {
				a.log.Warn("a slot is mapped from an entity that the domain does not have", "slot", slot.Name, "entity", m.Entity)
				continue
			}
			if m.Type == dialogue.FromIntent && slices.ContainsFunc(m.Intents, a.lacksIntent) {
				a.log.Warn("a slot is mapped from an intent that the domain does not have", "slot", slot.Name, "intents", m.Intents)
				continue
			}
			p.mappings = append(p.mappings, m)
		}
		if len(p.mappings) > 0 {
			plan = append(plan, p)
		}
	}
	return plan
}

func (a *Actions) lacksIntent(name string) bool { return !a.domain.HasIntent(name) }

// ExtractSlots is action_extract_slots: the slot events of the latest message, with what action_validate_slot_mappings says about
// them. Custom actions that fail are logged; the only error is a context that ended.
func (a *Actions) ExtractSlots(ctx context.Context, c Call) ([]dialogue.Event, error) {
	x := extraction{actions: a, state: c.Tracker.State()}
	x.loop = x.state.ActiveLoopName()
	x.form = a.forms[x.loop]
	x.requested, _ = c.Tracker.Slot(dialogue.SlotRequested)
	x.intent = x.state.LatestIntent()

	var events []dialogue.Event
	var ran []string
	for i := range a.plan {
		p := &a.plan[i]
		for _, m := range p.mappings {
			if m.Type == dialogue.FromEntity && len(x.state.Entities) == 0 || !x.applies(p.slot, m) {
				continue
			}
			if m.Type == dialogue.CustomMapping {
				if m.Action == "" || slices.Contains(ran, m.Action) {
					continue
				}
				ran = append(ran, m.Action)
				more, err := a.slotEvents(ctx, &c, m.Action)
				if err != nil {
					return nil, err
				}
				events = append(events, onlySlots(more)...)
				continue
			}
			value, ok := x.value(p.slot, m)
			if !ok {
				continue
			}
			if value == nil {
				if old, _ := x.state.Slots.Value(p.slot.Name); old == nil {
					continue
				}
			}
			events = append(events, &dialogue.SlotSet{Name: p.slot.Name, Value: value})
			break
		}
	}
	if !a.domain.IsUserAction(dialogue.ActionValidateSlotMappings) {
		return events, nil
	}
	view := c
	view.Tracker = sinceRestart(c.Tracker)
	note(view.Tracker, events...)
	validated, err := a.slotEvents(ctx, &view, dialogue.ActionValidateSlotMappings)
	if err != nil {
		return nil, err
	}
	return append(validated, without(events, validated)...), nil
}

// slotEvents runs a remote helper of the extraction and keeps its slot events and messages. A helper that fails or rejects sets
// nothing; so does one with an invalid reply, which in the reference aborts the turn (quirk Q15).
func (a *Actions) slotEvents(ctx context.Context, c *Call, name string) ([]dialogue.Event, error) {
	events, err := a.callServer(ctx, c, name)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("extract slots: %w", context.Cause(ctx))
		}
		a.log.Warn("a custom action failed to fill slots", "action", name, "sender_id", c.Tracker.SenderID, "error", err)
		return nil, nil
	}
	return slices.DeleteFunc(events, func(e dialogue.Event) bool {
		switch e.(type) {
		case *dialogue.SlotSet, *dialogue.BotUttered:
			return false
		}
		a.log.Info("an event is not allowed while slots are filled", "action", name, "event", e.Kind())
		return true
	}), nil
}

func onlySlots(events []dialogue.Event) []dialogue.Event {
	return slices.DeleteFunc(events, func(e dialogue.Event) bool {
		_, ok := e.(*dialogue.SlotSet)
		return !ok
	})
}

// extraction is what mappings are checked against.
type extraction struct {
	actions   *Actions
	state     *dialogue.State
	loop      string // active, "" for none
	form      *form  // the loop, nil if it is no form
	requested any    // requested_slot
	intent    string
}

// applies reports whether a mapping may fill its slot now.
func (x *extraction) applies(slot *dialogue.Slot, m *dialogue.Mapping) bool {
	return x.wantsIntent(m) && x.inPlace(slot, m) && !x.isAmbiguous(slot, m)
}

// wantsIntent checks the mapping's intents, and those that the active form ignores.
func (x *extraction) wantsIntent(m *dialogue.Mapping) bool {
	if len(m.Intents) > 0 {
		return x.intent != "" && slices.Contains(m.Intents, x.intent)
	}
	if x.intent == "" {
		return true
	}
	if slices.Contains(m.NotIntents, x.intent) {
		return false
	}
	if x.form == nil || !slices.Contains(x.form.ignored, x.intent) {
		return true
	}
	return len(m.Conditions) > 0 && !x.namesLoop(m)
}

// namesLoop reports whether a condition names the active loop.
func (x *extraction) namesLoop(m *dialogue.Mapping) bool {
	for i := range m.Conditions {
		if l := m.Conditions[i].ActiveLoop; l != nil && *l == x.loop {
			return true
		}
	}
	return false
}

// inPlace checks the mapping's conditions. Those of from_trigger_intent are part of its value.
func (x *extraction) inPlace(slot *dialogue.Slot, m *dialogue.Mapping) bool {
	if len(m.Conditions) == 0 || m.Type == dialogue.FromTriggerIntent {
		return true
	}
	if x.state.Loop != nil && x.state.Loop.Rejected && x.requested == any(slot.Name) {
		return false
	}
	for i := range m.Conditions {
		cond := &m.Conditions[i]
		switch {
		case cond.ActiveLoop == nil:
			if x.loop == "" {
				return true
			}
		case *cond.ActiveLoop != "" && *cond.ActiveLoop == x.loop:
			if cond.RequestedSlot == "" || x.requested == any(cond.RequestedSlot) {
				return true
			}
		}
	}
	return false
}

// isAmbiguous reports whether an entity could fill several slots of the active form, of which this one was not asked for.
func (x *extraction) isAmbiguous(slot *dialogue.Slot, m *dialogue.Mapping) bool {
	if m.Type != dialogue.FromEntity || x.form == nil || x.requested == any(slot.Name) ||
		!slices.Contains(x.form.required, slot.Name) {
		return false
	}
	_, unique := x.form.unique[m.Key]
	return !unique
}

// value is what a mapping gives its slot; ok is false when it gives nothing.
func (x *extraction) value(slot *dialogue.Slot, m *dialogue.Mapping) (value any, ok bool) {
	list := slot.Type == dialogue.SlotList
	switch m.Type {
	case dialogue.FromEntity:
		var values []any
		for i := range x.state.Entities {
			e := &x.state.Entities[i]
			if e.Entity != m.Entity || e.Role != m.Role || e.Group != m.Group {
				continue
			}
			if value, ok = e.Value, true; list {
				values = append(values, value)
			}
		}
		if ok && list {
			value = values
		}
		return value, ok
	case dialogue.FromIntent:
		value = m.Value
	case dialogue.FromTriggerIntent:
		if x.loop == "" || len(m.Conditions) > 0 && !x.namesLoop(m) {
			return nil, false
		}
		value = m.Value
	case dialogue.FromText:
		if latest := x.state.LatestMessage; latest != nil && latest.Text != nil {
			value = *latest.Text
		}
	default:
		return nil, false
	}
	if list {
		value = []any{value}
	}
	return value, true
}
