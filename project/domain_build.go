package project

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"parley/dialogue"
)

// The slots that a domain gets for action_query_knowledge_base.
var knowledgeBaseSlots = []string{"knowledge_base_listed_objects", "knowledge_base_last_object", "knowledge_base_last_object_type"}

const knowledgeBaseAction = "action_query_knowledge_base"

// statDomain tells whether a domain path is a folder.
func statDomain(path string) (isDir bool, problem *Problem) {
	info, err := os.Stat(path)
	if err != nil {
		return false, &Problem{
			File: path, Severity: SeverityError, Class: classDomain, Code: "missing-domain",
			Message: "the domain does not exist: " + cause(err), Hint: "name the domain with --domain, a file or a folder",
		}
	}
	return info.IsDir(), nil
}

// domainBuilder makes a domain of a raw one.
type domainBuilder struct {
	*reader
	d   *dialogue.Domain
	raw *node
}

// buildDomain makes a domain of a merged raw domain; nil after an error.
func (r *reader) buildDomain(raw *node) *dialogue.Domain {
	before := len(r.errors)
	b := &domainBuilder{reader: r, raw: asDict(raw), d: &dialogue.Domain{}}
	b.entities()
	b.intents()
	b.slots()
	b.responses()
	b.forms()
	b.actions()
	b.settings()
	b.defaultSlots()
	if len(r.errors) > before {
		return nil
	}
	b.d.Raw = rawJSON(nil, b.raw)
	return b.d.Finish()
}

// duplicates reports the names that a list holds twice.
func (b *domainBuilder) duplicates(section string, names []string, places []*node) {
	seen := make(map[string]int, len(names))
	for i, name := range names {
		if first, ok := seen[name]; ok {
			b.errorAt(places[i], classDomain, "duplicate-name", "remove one of them",
				"%s: %q is listed twice, first in line %d", section, name, places[first].line)
			continue
		}
		seen[name] = i
	}
}

// named splits an item of intents, entities or actions into its name and its properties.
func (b *domainBuilder) named(section string, item *node) (name string, properties *node, ok bool) {
	switch item.kind {
	case kindString:
		return item.str, nil, true
	case kindMap:
		for k, p := range item.pairs {
			if item.size() == 1 && p.value.kind == kindMap && p.value.size() > 0 {
				return k, p.value, true
			}
			b.errorAt(p.key, classDomain, "empty-properties",
				"remove the colon behind the name, or indent its properties further than the name",
				"%s: %q in the domain has a colon but no properties", section, k)
			return k, nil, false
		}
	}
	b.errorAt(item, classDomain, "bad-item", "", "%s: an item of the domain must be a name, or a name with properties, not %s", section, item.describe())
	return "", nil, false
}

func (b *domainBuilder) entities() {
	var names []string
	var places []*node
	for _, item := range b.raw.get("entities").items() {
		name, properties, ok := b.named("entities", item)
		if !ok {
			continue
		}
		e := dialogue.EntitySpec{Name: name, Influence: true, Roles: texts(properties.get("roles")), Groups: texts(properties.get("groups"))}
		if v := properties.get("influence_conversation"); v != nil && v.kind == kindBool {
			e.Influence = v.bool()
		}
		b.d.Entities = append(b.d.Entities, e)
		names, places = append(names, name), append(places, item)
	}
	b.duplicates("entities", names, places)
	slices.SortStableFunc(b.d.Entities, func(x, y dialogue.EntitySpec) int { return strings.Compare(x.Name, y.Name) })
}

// texts are the texts of a list, or the text alone.
func texts(n *node) []string {
	if n.isText() {
		return []string{n.str}
	}
	var list []string
	for _, item := range n.items() {
		if !item.isNull() {
			list = append(list, item.text())
		}
	}
	return list
}

func (b *domainBuilder) intents() {
	var names []string
	var places []*node
	own := map[string]bool{}
	for _, item := range b.raw.get("intents").items() {
		name, properties, ok := b.named("intents", item)
		if !ok {
			continue
		}
		spec := dialogue.IntentSpec{Name: name, Retrieval: properties.get("is_retrieval_intent").truthy()}
		spec.UsedEntities = b.usedEntities(name, item, properties)
		b.d.Intents = append(b.d.Intents, spec)
		names, places = append(names, name), append(places, item)
		own[name] = true
	}
	b.duplicates("intents", names, places)
	for _, name := range dialogue.DefaultIntents {
		if !own[name] {
			b.d.Intents = append(b.d.Intents, dialogue.IntentSpec{Name: name, UsedEntities: b.usedEntities(name, b.raw, nil)})
		}
	}
	slices.SortStableFunc(b.d.Intents, func(x, y dialogue.IntentSpec) int { return strings.Compare(x.Name, y.Name) })
}

// usedEntities are the labels of the entities that count beside an intent, sorted (spec project-files §3.2).
func (b *domainBuilder) usedEntities(intent string, place, properties *node) []string {
	use, ignore := properties.get("use_entities"), properties.get("ignore_entities")
	included, excluded := map[string]bool{}, map[string]bool{}
	all := use == nil || use.kind == kindBool && use.bool()
	for _, name := range texts(use) {
		included[name] = true
	}
	for _, name := range texts(ignore) {
		excluded[name] = true
	}
	for _, e := range b.d.Entities {
		if all {
			included[e.Name] = true
		}
		if !e.Influence {
			excluded[e.Name] = true
		}
	}
	var labels, ambiguous []string
	for _, e := range b.d.Entities {
		if !included[e.Name] {
			continue
		}
		if excluded[e.Name] {
			if !all {
				ambiguous = append(ambiguous, e.Name)
			}
			continue
		}
		labels = append(labels, entityLabels(e)...)
		delete(included, e.Name)
	}
	for _, name := range texts(use) { // entities that the domain lacks stay as they are named
		if included[name] && !excluded[name] {
			labels = append(labels, name)
		}
	}
	if len(ambiguous) > 0 {
		b.warnAt(place, "entity-used-and-ignored", "name each entity in one of the two lists only",
			"intent %q both uses and ignores the entities %s: they are ignored", intent, strings.Join(ambiguous, ", "))
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// entityLabels are an entity's name and its names with roles and groups.
func entityLabels(e dialogue.EntitySpec) []string {
	labels := []string{e.Name}
	for _, role := range e.Roles {
		labels = append(labels, e.Name+"#"+role)
	}
	for _, group := range e.Groups {
		labels = append(labels, e.Name+"#"+group)
	}
	return labels
}

func (b *domainBuilder) responses() {
	b.d.Responses = map[string][]dialogue.Response{}
	for name, p := range b.raw.get("responses").pairs {
		b.d.Responses[name] = responses(p.value)
	}
}

// responses makes the variations of one response.
func responses(list *node) []dialogue.Response {
	variations := []dialogue.Response{}
	for _, item := range list.items() {
		v := dialogue.Response{Body: item.object(), Channel: plainText(item.get("channel")), ID: plainText(item.get("id"))}
		if conditions := item.get("condition"); conditions != nil {
			v.Conditional = conditions.size() > 0
			v.Unusable = !v.Conditional
			for _, c := range conditions.items() {
				v.Conditions = append(v.Conditions, dialogue.ResponseCondition{
					Type: plainText(c.get("type")), Name: plainText(c.get("name")), Value: c.get("value").value(), NoType: !c.has("type"),
				})
			}
		}
		variations = append(variations, v)
	}
	return variations
}

// plainText is a string value, "" for anything else.
func plainText(n *node) string {
	if n.isText() {
		return n.str
	}
	return ""
}

func (b *domainBuilder) forms() {
	for name, p := range b.raw.get("forms").pairs {
		body := p.value
		required := body.get("required_slots")
		if required != nil && required.kind == kindMap && required.has("ignored_intents") && !required.has("required_slots") {
			b.errorAt(p.key, classDomain, "form-without-slots", "add required_slots, or an empty list of them",
				"form %q has ignored_intents but no required_slots", name)
			continue
		}
		b.d.Forms = append(b.d.Forms, dialogue.Form{Name: name, RequiredSlots: texts(required), IgnoredIntents: texts(body.get("ignored_intents"))})
	}
}

func (b *domainBuilder) actions() {
	var places []*node
	listed := map[string]bool{}
	for _, item := range b.raw.get("actions").items() {
		name := itemName(item)
		b.d.CustomActions = append(b.d.CustomActions, name)
		places = append(places, item)
		listed[name] = true
		if item.kind == kindMap && item.get(name).get("send_domain").truthy() || item.kind == kindString && strings.HasPrefix(name, "validate_") {
			b.d.ExplicitDomainActions = append(b.d.ExplicitDomainActions, name)
		}
	}
	b.duplicates("actions", b.d.CustomActions, places)
	b.d.UserActions = slices.Clone(b.d.CustomActions)
	for _, name := range sortedKeys(b.d.Responses) {
		if !listed[name] {
			b.d.UserActions = append(b.d.UserActions, name)
		}
	}
	b.d.Actions = slices.Clone(dialogue.DefaultActions)
	for _, name := range b.d.UserActions {
		if !slices.Contains(dialogue.DefaultActions, name) {
			b.d.Actions = append(b.d.Actions, name)
		}
	}
	userActions := map[string]bool{}
	for _, name := range b.d.UserActions {
		userActions[name] = true
	}
	for _, f := range b.d.Forms {
		if !userActions[f.Name] {
			b.d.Actions = append(b.d.Actions, f.Name)
		}
	}
	b.d.EndToEndActions = texts(b.raw.get("e2e_actions"))
	b.d.Actions = append(b.d.Actions, b.d.EndToEndActions...)
	b.uniqueActions()
	b.triggers()
}

// uniqueActions refuses names that stand twice in the action list.
func (b *domainBuilder) uniqueActions() {
	seen := map[string]bool{}
	for _, name := range b.d.Actions {
		if seen[name] && !slices.Contains(b.d.CustomActions, name) {
			b.errorAt(b.raw, classDomain, "duplicate-name", "rename one of them", "actions: %q is an action, a response, a form or a bot text at once", name)
		}
		seen[name] = true
	}
}

// triggers checks the actions that intents of older domains trigger.
func (b *domainBuilder) triggers() {
	for _, item := range b.raw.get("intents").items() {
		name := itemName(item)
		triggered := item.get(name).get("triggers")
		if triggered.given() && !slices.Contains(b.d.Actions, triggered.text()) {
			b.errorAt(item, classDomain, "unknown-action", "list the action, or remove triggers: rules do its work now",
				"intent %q triggers the action %q, which the domain does not have", name, triggered.text())
		}
	}
}

func (b *domainBuilder) settings() {
	b.d.SessionExpiration, b.d.CarryOverSlots, b.d.StoreEntitiesAsSlots = defaultExpiration, true, true
	session := b.raw.get("session_config")
	if v, ok := session.get("session_expiration_time").number(); ok {
		b.d.SessionExpiration = v
	} else if v := session.get("session_expiration_time"); v.isText() {
		_, _ = fmt.Sscanf(v.str, "%g", &b.d.SessionExpiration)
	}
	if v := session.get("carry_over_slots_to_new_session"); v != nil && v.kind == kindBool {
		b.d.CarryOverSlots = v.bool()
	}
	if v := b.raw.get("config").get("store_entities_as_slots"); v != nil && v.kind == kindBool {
		b.d.StoreEntitiesAsSlots = v.bool()
	}
}

// defaultSlots adds the slots that the reference adds.
func (b *domainBuilder) defaultSlots() {
	has := func(name string) bool {
		return slices.ContainsFunc(b.d.Slots, func(s dialogue.Slot) bool { return s.Name == name })
	}
	if len(b.d.Forms) > 0 && !has(dialogue.SlotRequested) {
		b.d.Slots = append(b.d.Slots, dialogue.Slot{Name: dialogue.SlotRequested, Type: dialogue.SlotText, Builtin: true})
	}
	if slices.Contains(b.d.CustomActions, knowledgeBaseAction) {
		b.warnAt(b.raw, "experimental", "", "%s is experimental: its slots are added to the domain", knowledgeBaseAction)
		for _, name := range knowledgeBaseSlots {
			if !has(name) {
				b.d.Slots = append(b.d.Slots, dialogue.Slot{Name: name, Type: dialogue.SlotText, Builtin: true})
			}
		}
	}
	if has(dialogue.SlotSessionMetadata) {
		b.errorAt(b.raw.get("slots").keyNode(dialogue.SlotSessionMetadata), classDomain, "duplicate-name", "remove the slot or rename it",
			"slots: %q is a slot that every domain has", dialogue.SlotSessionMetadata)
		return
	}
	b.d.Slots = append(b.d.Slots, dialogue.Slot{Name: dialogue.SlotSessionMetadata, Type: dialogue.SlotAny, Builtin: true})
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
