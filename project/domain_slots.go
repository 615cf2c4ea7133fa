package project

import (
	"maps"
	"slices"
	"strings"

	"parley/dialogue"
)

// otherValue is the value of a categorical slot that stands for all values that it does not list.
const otherValue = "__other__"

// slotKeys are the keys that slots of a type may have beside the common ones.
var slotKeys = map[dialogue.SlotType][]string{
	dialogue.SlotText:        nil,
	dialogue.SlotBool:        nil,
	dialogue.SlotList:        nil,
	dialogue.SlotAny:         nil,
	dialogue.SlotCategorical: {"values"},
	dialogue.SlotFloat:       {"min_value", "max_value"},
}

var commonSlotKeys = []string{"type", "mappings", "initial_value", "influence_conversation", "value_reset_delay"}

var slotTypes = []string{"text", "bool", "categorical", "float", "list", "any"}

// builtinSlots are never filled by slot extraction, whoever defines them.
var builtinSlots = append([]string{dialogue.SlotRequested, dialogue.SlotSessionMetadata}, knowledgeBaseSlots...)

func (b *domainBuilder) slots() {
	for name, p := range b.raw.get("slots").pairs {
		if p.value.kind != kindMap || !p.value.has("type") || !p.value.has("mappings") {
			b.errorAt(p.key, classValidation, "schema", migrateHint, "slot %q needs a type and mappings", name)
			continue
		}
		if s, ok := b.slot(name, p); ok {
			b.d.Slots = append(b.d.Slots, s)
		}
	}
}

func (b *domainBuilder) slot(name string, p pair) (dialogue.Slot, bool) {
	body := p.value
	s := dialogue.Slot{
		Name: name, Type: dialogue.SlotType(body.get("type").text()), Initial: body.get("initial_value").value(), Min: 0, Max: 1,
		Builtin: slices.Contains(builtinSlots, name),
	}
	before := len(b.errors)
	extra, known := slotKeys[s.Type]
	if !known {
		hint := "the types are " + strings.Join(slotTypes, ", ")
		if near := nearest(string(s.Type), slotTypes); near != "" {
			hint = "is " + near + " meant? " + hint
		}
		if s.Type == "unfeaturized" {
			hint = "use type any, which never influences the conversation"
		}
		b.errorAt(body.get("type"), classSlotType, "unknown-slot-type", hint, "slot %q has the type %q, which does not exist", name, s.Type)
		return s, false
	}
	for key, kp := range body.pairs {
		if !slices.Contains(commonSlotKeys, key) && !slices.Contains(extra, key) {
			hint := "remove the key"
			if key == "auto_fill" {
				hint = "auto_fill is gone since 3.0: " + migrateHint
			}
			b.errorAt(kp.key, classSlotConfig, "unknown-slot-key", hint, "slot %q of type %s cannot have the key %q", name, s.Type, key)
		}
	}
	b.influence(&s, body)
	switch s.Type {
	case dialogue.SlotFloat:
		b.floatRange(&s, p)
	case dialogue.SlotCategorical:
		b.categories(&s, body)
	}
	for _, m := range body.get("mappings").items() {
		if mapping, ok := b.mapping(name, m); ok {
			s.Mappings = append(s.Mappings, mapping)
		}
	}
	return s, len(b.errors) == before
}

func (b *domainBuilder) influence(s *dialogue.Slot, body *node) {
	s.Influence = s.Type != dialogue.SlotAny
	v := body.get("influence_conversation")
	if v == nil {
		return
	}
	if s.Type == dialogue.SlotAny {
		if v.truthy() {
			b.errorAt(v, classSlotConfig, "bad-slot", "remove influence_conversation, or choose another type",
				"slot %q of type any cannot influence the conversation", s.Name)
		}
		return
	}
	s.Influence = v.truthy()
}

func (b *domainBuilder) floatRange(s *dialogue.Slot, p pair) {
	for key, limit := range map[string]*float64{"min_value": &s.Min, "max_value": &s.Max} {
		if v, ok := p.value.get(key).number(); ok {
			*limit = v
		}
	}
	if s.Min >= s.Max {
		b.errorAt(p.key, classSlotConfig, "bad-slot", "make min_value smaller than max_value",
			"slot %q has the range from %g to %g, which is empty", s.Name, s.Min, s.Max)
		return
	}
	if v, ok := p.value.get("initial_value").number(); ok && (v < s.Min || v > s.Max) {
		b.warnAt(p.value.get("initial_value"), "initial-value", "set min_value and max_value",
			"slot %q begins with %g, outside of its range from %g to %g", s.Name, v, s.Min, s.Max)
	}
}

// categories lists the values of a categorical slot: lower-cased, with __other__ last.
func (b *domainBuilder) categories(s *dialogue.Slot, body *node) {
	nulls := false
	for _, v := range body.get("values").items() {
		if v.isNull() {
			nulls = true
			continue
		}
		s.Values = append(s.Values, strings.ToLower(v.text()))
	}
	if nulls {
		b.warnAt(body.get("values"), "null-value", `remove it, or write "null" in quotes`, "slot %q lists null among its values: it is left out", s.Name)
	}
	if !slices.Contains(s.Values, otherValue) {
		s.Values = append(s.Values, otherValue)
	}
}

// mappingTypes are the slot mappings with the key that each needs.
var mappingTypes = []struct {
	name  dialogue.MappingType
	needs string
}{
	{dialogue.FromEntity, "entity"}, {dialogue.FromIntent, "value"}, {dialogue.FromTriggerIntent, "value"}, {dialogue.FromText, ""}, {dialogue.CustomMapping, ""},
}

func (b *domainBuilder) mapping(slot string, n *node) (dialogue.Mapping, bool) {
	m := dialogue.Mapping{}
	if n.kind != kindMap {
		b.errorAt(n, classDomain, "bad-mapping", "", "slot %q has a mapping that is %s", slot, n.describe())
		return m, false
	}
	kind := n.get("type")
	var names []string
	found := false
	for _, t := range mappingTypes {
		names = append(names, string(t.name))
		if !kind.isText() || kind.str != string(t.name) {
			continue
		}
		found = true
		if t.needs != "" && n.get(t.needs).isNull() {
			b.errorAt(n, classDomain, "bad-mapping", "add the key "+t.needs, "slot %q has a mapping of type %s without the key %q", slot, t.name, t.needs)
			return m, false
		}
	}
	if !found {
		hint := "the types are " + strings.Join(names, ", ")
		if near := nearest(plainText(kind), names); near != "" {
			hint = "is " + near + " meant? " + hint
		}
		if kind.isNull() {
			b.errorAt(n, classDomain, "bad-mapping", hint, "slot %q has a mapping without a type", slot)
		} else {
			b.errorAt(n, classDomain, "bad-mapping", hint, "slot %q has a mapping of the unknown type %q", slot, kind.text())
		}
		return m, false
	}
	m = dialogue.Mapping{
		Type: dialogue.MappingType(kind.str), Entity: keyText(n, "entity"), Role: keyText(n, "role"), Group: keyText(n, "group"),
		Intents: texts(n.get("intent")), NotIntents: texts(n.get("not_intent")), Value: n.get("value").value(), Action: keyText(n, "action"),
		Key: string(sortedJSON(nil, n)),
	}
	for _, c := range n.get("conditions").items() {
		condition := dialogue.MappingCondition{RequestedSlot: plainText(c.get("requested_slot"))}
		if loop := c.get("active_loop"); loop.isText() {
			name := loop.str
			condition.ActiveLoop = &name
		}
		m.Conditions = append(m.Conditions, condition)
	}
	return m, true
}

// keyText is the text of a key's value, "" if it is absent or null.
func keyText(n *node, key string) string {
	v := n.get(key)
	if v.isNull() {
		return ""
	}
	return v.text()
}

// sortedJSON is a node as JSON with sorted keys.
func sortedJSON(dst []byte, n *node) []byte {
	switch {
	case n != nil && n.kind == kindMap:
		index := maps.Collect(n.pairs)
		dst = append(dst, '{')
		for i, k := range sortedKeys(index) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = jsonText(dst, k)
			dst = append(dst, ": "...)
			dst = sortedJSON(dst, index[k].value)
		}
		return append(dst, '}')
	case n != nil && n.kind == kindList:
		dst = append(dst, '[')
		for i, k := range n.kids {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = sortedJSON(dst, k)
		}
		return append(dst, ']')
	default:
		return rawJSON(dst, n)
	}
}
