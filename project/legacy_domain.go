package project

import (
	"maps"
	"slices"
)

// upgradeDomain makes a domain of Rasa 3 of one that an older version wrote (spec project-files §2.17): templates become
// responses, forms lose their slot mappings to the slots, and slots get the mappings that were implied.
func (r *reader) upgradeDomain(n *node) *node {
	if n.kind != kindMap {
		return n
	}
	if v := n.get("version"); v != nil && v.kind == kindFloat {
		n = n.with("version", newText(v.text(), v))
	}
	if v := n.get("version"); v.isText() && v.str == latestVersion {
		return n
	}
	oldest := n.has("templates") || n.get("forms") != nil && n.get("forms").kind == kindList
	n = upgradeNames(n)
	if slots := n.get("slots"); slots != nil && slots.kind == kindNull {
		n = n.without("slots")
	}
	if slots := n.get("slots"); oldest && slots != nil && slots.kind == kindMap {
		n = n.with("slots", sortedMap(slots)) // the old versions sorted them
	}
	for _, key := range []string{"intents", "entities", "actions"} {
		if v := n.get(key); v != nil && v.kind == kindNull {
			n = n.without(key)
		}
	}
	n = moveMappings(n)
	return n.with("version", newText(latestVersion, n))
}

// upgradeNames gives the sections of Rasa 1 their present names and forms: templates, and forms as a list.
func upgradeNames(n *node) *node {
	n = upgradeResponses(n)
	n = n.without("topics").without("action_factory").without("action_endpoint")
	if forms := n.get("forms"); forms != nil && forms.kind == kindList {
		named := newMap(forms)
		for _, item := range forms.items() {
			named.kids = append(named.kids, item, newMap(item).with("required_slots", newList(item)))
		}
		n = n.with("forms", named)
	}
	return n
}

// upgradeOldest is a domain of Rasa 1 with present names and slot types; its slot mappings are still missing.
func upgradeOldest(n *node) *node {
	n = upgradeNames(n)
	if slots := n.get("slots"); slots != nil && slots.kind == kindMap {
		n = n.with("slots", featurized(slots))
	}
	return n
}

// featurized makes slots of type any of unfeaturized ones.
func featurized(slots *node) *node {
	out := newMap(slots)
	for _, p := range slots.pairs {
		body := p.value
		if body.kind == kindMap && plainText(body.get("type")) == "unfeaturized" {
			body = body.with("type", newText("any", body)).without("influence_conversation")
		}
		out.kids = append(out.kids, p.key, body)
	}
	return out
}

// upgradeResponses turns templates into responses, and texts alone into variations.
func upgradeResponses(n *node) *node {
	all := newMap(n)
	for _, key := range []string{"templates", "responses"} {
		for name, p := range n.get(key).pairs {
			list := newList(p.value)
			for _, item := range p.value.items() {
				if item.isText() {
					item = newMap(item).with("text", item)
				}
				list.kids = append(list.kids, item)
			}
			all = mergeMaps(all, newMap(p.key).with(name, list))
		}
	}
	n = n.without("templates").without("responses")
	if all.size() > 0 {
		n = n.with("responses", all)
	}
	return n
}

func sortedMap(n *node) *node {
	index := maps.Collect(n.pairs)
	out := newMap(n)
	for _, k := range sortedKeys(index) {
		out.kids = append(out.kids, index[k].key, index[k].value)
	}
	return out
}

// moveMappings moves the slot mappings of 2.x forms to the slots, and adds what auto_fill implied (spec project-files
// §6.9). Slots that nothing fills get a custom mapping; unfeaturized slots become slots of type any.
func moveMappings(n *node) *node {
	m := migrateMappings(n.get("slots"), n.get("forms"), n.get("entities"))
	if m.forms != nil {
		n = n.with("forms", m.forms)
	}
	if m.slots == nil {
		return n
	}
	return n.with("slots", featurized(m.slots))
}

// migration is the outcome of moving slot mappings from forms to slots.
type migration struct {
	slots, forms *node
	custom       []string // slots that got a custom mapping because nothing filled them
}

// migrateMappings moves slot mappings from 2.x forms to slots, behind those that slots have already. A form's slot that is not among the
// slots is added, with its mappings only: what it lacks shows when the domain is read.
func migrateMappings(slots, forms, entities *node) migration {
	var m migration
	collected := map[string][]*node{}
	for name, p := range slots.pairs {
		collected[name] = slices.Clone(p.value.get("mappings").items())
	}
	if forms != nil && forms.kind == kindMap {
		m.forms = newMap(forms)
		for form, p := range forms.pairs {
			m.forms.kids = append(m.forms.kids, p.key, migrateForm(form, p, collected))
		}
	}
	if slots == nil || slots.kind != kindMap {
		return m
	}
	names := sectionNames(entities)
	m.slots = newMap(slots)
	for name, p := range slots.pairs {
		body := p.value
		if body.kind != kindMap {
			body = newMap(p.key)
		}
		auto := body.get("auto_fill")
		list := newList(p.key)
		list.kids = collected[name]
		if (auto == nil || auto.truthy()) && slices.Contains(names, name) {
			list.kids = addUnconditional(list.kids, newMap(p.key).with("type", newText("from_entity", p.key)).with("entity", newText(name, p.key)))
		}
		if len(list.kids) == 0 {
			m.custom = append(m.custom, name)
			list.kids = append(list.kids, newMap(p.key).with("type", newText("custom", p.key)))
		}
		m.slots.kids = append(m.slots.kids, p.key, body.without("auto_fill").with("mappings", list))
	}
	for _, name := range sortedKeys(collected) {
		if !slots.has(name) {
			list := newList(slots)
			list.kids = collected[name]
			m.slots.kids = append(m.slots.kids, newText(name, slots), newMap(slots).with("mappings", list))
		}
	}
	return m
}

// migrateForm gives the form without its mappings and collects these by slot.
func migrateForm(form string, p pair, collected map[string][]*node) *node {
	body := p.value
	ignored := body.get("ignored_intents")
	slots := body.get("required_slots")
	if !body.has("required_slots") {
		slots = body
		if ignored != nil {
			slots = body.without("ignored_intents")
		}
	}
	required := newList(p.key)
	required.kids = append(required.kids, slots.items()...)
	for slot, sp := range slots.pairs {
		required.kids = append(required.kids, newText(slot, sp.key))
		mappings := sp.value.items()
		if sp.value.kind == kindMap {
			mappings = []*node{sp.value}
		}
		for _, mapping := range mappings {
			if mapping.kind == kindMap {
				collected[slot] = addMapping(collected[slot], mapping, form, slot)
			}
		}
	}
	out := newMap(p.key).with("required_slots", required)
	if ignored != nil {
		out = out.with("ignored_intents", ignored)
	}
	return out
}

// addMapping adds a form's mapping to a slot's: equal mappings of several forms share one entry with several conditions.
func addMapping(list []*node, mapping *node, form, slot string) []*node {
	condition := newMap(mapping).with("active_loop", newText(form, mapping))
	switch plainText(mapping.get("type")) {
	case "from_entity", "from_trigger_intent":
	default:
		condition = condition.with("requested_slot", newText(slot, mapping))
	}
	key := sortedJSON(nil, mapping)
	for i, have := range list {
		if string(sortedJSON(nil, have.without("conditions"))) == string(key) {
			conditions := *newList(mapping)
			if have.has("conditions") {
				conditions = *have.get("conditions")
			}
			conditions.kids = append(slices.Clone(conditions.kids), condition)
			list[i] = have.with("conditions", &conditions)
			return list
		}
	}
	conditions := newList(mapping)
	conditions.kids = []*node{condition}
	return append(list, mapping.with("conditions", conditions))
}

// addUnconditional adds a mapping that holds at any time, unless it is there.
func addUnconditional(list []*node, mapping *node) []*node {
	key := string(sortedJSON(nil, mapping))
	if slices.ContainsFunc(list, func(have *node) bool { return string(sortedJSON(nil, have)) == key }) {
		return list
	}
	return append(list, mapping)
}
