package project

import (
	"cmp"
	"fmt"
	"slices"

	"parley/dialogue"
)

// forms checks that the slots of forms exist and can be asked for.
func (v *validator) forms() {
	slots, actions := map[string]bool{}, map[string]bool{}
	for i := range v.p.Domain.Slots {
		slots[v.p.Domain.Slots[i].Name] = true
	}
	for _, name := range v.p.Domain.Actions {
		actions[name] = true
	}
	raw := v.p.loaded.domain.get("forms")
	for _, f := range v.p.Domain.Forms {
		nodes := raw.get(f.Name).get("required_slots").items()
		for i, slot := range f.RequiredSlots {
			at := v.nodePlace(raw.keyNode(f.Name))
			if i < len(nodes) {
				at = v.nodePlace(nodes[i])
			}
			if !slots[slot] {
				v.add(at, slot, SeverityError, "unknown-slot", v.near(slot, sortedKeys(slots), "add it to the slots of the domain"),
					"the form %q requires the slot %q, which the domain does not have", f.Name, slot)
				continue
			}
			if !slices.ContainsFunc(questionNames(f.Name, slot), func(name string) bool { return actions[name] }) {
				v.add(at, slot, SeverityNote, "no-question", fmt.Sprintf("add the response utter_ask_%s_%s or utter_ask_%s", f.Name, slot, slot),
					"the form %q asks no question for the slot %q", f.Name, slot)
			}
		}
	}
}

// questionNames are the actions with which a form can ask for a slot.
func questionNames(form, slot string) []string {
	return []string{"action_ask_" + form + "_" + slot, "utter_ask_" + form + "_" + slot, "action_ask_" + slot, "utter_ask_" + slot}
}

// mappings checks the names in slot mappings.
func (v *validator) mappings() {
	raw := v.p.loaded.domain.get("slots")
	intents := v.domainIntents()
	for i := range v.p.Domain.Slots {
		s := &v.p.Domain.Slots[i]
		nodes := raw.get(s.Name).get("mappings").items()
		for j := range s.Mappings {
			m := &s.Mappings[j]
			n := raw.keyNode(s.Name)
			if j < len(nodes) {
				n = nodes[j]
			}
			v.conditions(s, m, n)
			if m.Type == dialogue.FromEntity && !v.hasEntity(m.Entity) {
				v.add(v.valuePlace(n, "entity"), m.Entity, SeverityNote, "unknown-entity", v.near(m.Entity, v.entityNames(), "add it to the entities of the domain"),
					"the slot %q is filled from the entity %q, which the domain does not list: the mapping is ignored", s.Name, m.Entity)
			}
			for _, list := range []struct {
				key   string
				names []string
			}{{"intent", m.Intents}, {"not_intent", m.NotIntents}} {
				for _, name := range list.names {
					if !intents[name] {
						v.add(v.valuePlace(n, list.key), name, SeverityNote, "unknown-intent", v.near(name, sortedKeys(intents), "add it to the intents of the domain"),
							"a mapping of the slot %q names the intent %q, which the domain does not list", s.Name, name)
					}
				}
			}
		}
	}
}

// valuePlace is where the value of a key of a mapping stands, or the mapping if it lacks the key.
func (v *validator) valuePlace(n *node, key string) place {
	return v.nodePlace(cmp.Or(n.get(key), n))
}

// conditions checks the forms that a mapping's conditions name.
func (v *validator) conditions(s *dialogue.Slot, m *dialogue.Mapping, n *node) {
	nodes := n.get("conditions").items()
	for k, c := range m.Conditions {
		if c.ActiveLoop == nil || *c.ActiveLoop == "" {
			continue
		}
		at := v.nodePlace(n)
		if k < len(nodes) {
			at = v.valuePlace(nodes[k], "active_loop")
		}
		i := slices.IndexFunc(v.p.Domain.Forms, func(f dialogue.Form) bool { return f.Name == *c.ActiveLoop })
		if i < 0 {
			v.add(at, *c.ActiveLoop, SeverityError, "unknown-form", v.near(*c.ActiveLoop, v.formNames(), "add it to the forms of the domain"),
				"a mapping of the slot %q has a condition on the form %q, which the domain does not have", s.Name, *c.ActiveLoop)
			continue
		}
		required := v.p.Domain.Forms[i].RequiredSlots
		if len(required) > 0 && m.Type != dialogue.FromTriggerIntent && !slices.Contains(required, s.Name) {
			v.add(at, *c.ActiveLoop, SeverityError, "slot-not-required", "add the slot to required_slots of the form, or remove the condition",
				"a mapping of the slot %q has a condition on the form %q, whose required_slots lack it", s.Name, *c.ActiveLoop)
		}
	}
}

func (v *validator) entityNames() []string {
	var names []string
	for _, e := range v.p.Domain.Entities {
		names = append(names, e.Name)
	}
	return names
}

func (v *validator) hasEntity(name string) bool { return slices.Contains(v.entityNames(), name) }

// slots finds slots that no mapping can fill and no story sets.
func (v *validator) slots() {
	set := map[string]bool{}
	for i := range v.p.Steps {
		for _, event := range v.p.Steps[i].Events {
			if e, ok := event.(*dialogue.SlotSet); ok {
				set[e.Name] = true
			}
		}
	}
	raw := v.p.loaded.domain.get("slots")
	hint := "give it a mapping, or remove it"
	if len(v.p.Domain.CustomActions) > 0 {
		hint = "give it a mapping, of type custom if an action sets it"
	}
	for i := range v.p.Domain.Slots {
		s := &v.p.Domain.Slots[i]
		if s.Builtin || set[s.Name] || s.Initial != nil || slices.ContainsFunc(s.Mappings, v.fills) {
			continue
		}
		why := "it has no mappings"
		if len(s.Mappings) > 0 {
			why = "its mappings name what the domain does not have"
		}
		v.add(v.nodePlace(raw.keyNode(s.Name)), s.Name, SeverityNote, "unfilled-slot", hint, "nothing fills the slot %q: %s", s.Name, why)
	}
}

// fills reports whether a mapping can ever fill its slot.
func (v *validator) fills(m dialogue.Mapping) bool {
	if m.Type == dialogue.FromEntity && !v.hasEntity(m.Entity) {
		return false
	}
	intents := v.domainIntents()
	return len(m.Intents) == 0 || slices.ContainsFunc(m.Intents, func(name string) bool { return intents[name] })
}
