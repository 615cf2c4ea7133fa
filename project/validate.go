package project

import (
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// SeverityNote marks what is worth knowing but fails no run, however strict.
const SeverityNote = "note"

// Validate checks a project as a whole, as "rasa data validate" does (spec project-files §2.13): names that are used and
// not defined, and the other way round. Problems of severity error fail a run, warnings only one that is asked to be
// strict, notes never. Whether stories contradict each other is the policies' question, not asked here.
func Validate(p *Project) []Problem {
	v := &validator{p: p}
	if p.loaded.empty {
		v.r.add(Problem{
			File: p.loaded.domainPath, Severity: SeverityError, Code: "empty-domain", Message: "the domain is empty",
			Hint: "the warnings about the domain say why, if it is not meant to be",
		})
		return v.problems()
	}
	v.config()
	v.intents()
	v.examples()
	v.stories()
	v.unusedIntents()
	v.responses()
	v.forms()
	v.mappings()
	v.slots()
	return v.problems()
}

// CheckTraining lists what stops a training although the project is valid: slots in stories that the domain lacks.
func CheckTraining(p *Project) []Problem {
	v := &validator{p: p}
	v.storySlots(SeverityError)
	return v.problems()
}

// validator collects the problems of a project.
type validator struct {
	p *Project
	r report
	// list keeps the order in which problems were found.
	list []Problem
}

func (v *validator) problems() []Problem {
	return append(append([]Problem(v.r.errors), v.r.warnings...), v.list...)
}

// add files a problem at a place.
func (v *validator) add(at place, severity, code, hint, format string, args ...any) {
	p := Problem{File: at.file, Line: at.line, Severity: severity, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if severity == SeverityNote {
		v.list = append(v.list, p)
		return
	}
	v.r.add(p)
}

// nodePlace is where a node stands; the domain's path if there is none.
func (v *validator) nodePlace(n *node) place {
	if n == nil || n.src == nil {
		return place{file: v.p.loaded.domainPath}
	}
	return place{n.src.name, int(n.line)}
}

// eventPlace is where an event of a story stands.
func (v *validator) eventPlace(step *dialogue.StoryStep, e dialogue.Event) place {
	if at, ok := v.p.loaded.places[e]; ok {
		return at
	}
	return place{step.File, step.Line}
}

// config checks the keys that a training needs.
func (v *validator) config() {
	c := v.p.Config
	if c.File == "" {
		return
	}
	at := place{file: c.File}
	switch c.AssistantID {
	case "":
		v.add(at, SeverityNote, "no-assistant-id", "training writes one", "the configuration has no assistant_id")
	case placeholderID:
		v.add(at, SeverityNote, "placeholder-id", "training replaces it", "the assistant_id is the placeholder %s", placeholderID)
	}
	if c.Language == "" {
		v.add(at, SeverityNote, "no-language", "add language: en", "the configuration has no language")
	}
}

// intents compares the domain's intents with those of the examples.
func (v *validator) intents() {
	defined := v.domainIntents()
	used := map[string]bool{}
	for i := range v.p.NLU.Examples {
		e := &v.p.NLU.Examples[i]
		if e.Intent == "" || used[e.Intent] {
			continue
		}
		used[e.Intent] = true
		if !defined[e.Intent] {
			v.add(place{e.File, e.Line}, SeverityWarning, "unknown-intent", v.near(e.Intent, sortedKeys(defined), "add it to the intents of the domain"),
				"the examples of the intent %q have no use: the domain does not list it", e.Intent)
		}
	}
	for _, item := range v.p.loaded.domain.get("intents").items() {
		name := itemName(item)
		if triggered := item.get(name).get("triggers"); triggered != nil {
			v.add(v.nodePlace(item), SeverityError, "triggers", "write a rule: the intent, then the action", "the intent %q uses triggers, which only older versions know", name)
		}
		if !used[name] && !isDefaultIntent(name) {
			v.add(v.nodePlace(item), SeverityNote, "no-examples", "add examples, or remove it from the domain", "the intent %q has no examples", name)
		}
	}
}

func isDefaultIntent(name string) bool { return slices.Contains(dialogue.DefaultIntents, name) }

func (v *validator) domainIntents() map[string]bool {
	names := map[string]bool{}
	for _, i := range v.p.Domain.Intents {
		names[i.Name] = true
	}
	return names
}

// near puts a name that was probably meant before a hint.
func (v *validator) near(name string, candidates []string, hint string) string {
	if near := nearest(name, candidates); near != "" {
		return fmt.Sprintf("is %s meant? otherwise %s", near, hint)
	}
	return hint
}

// examples finds texts that are examples of several intents.
func (v *validator) examples() {
	first := make(map[string]int, len(v.p.NLU.Examples))
	others := map[string][]string{}
	var order []string
	for i := range v.p.NLU.Examples {
		e := &v.p.NLU.Examples[i]
		if e.Intent == "" {
			continue
		}
		j, ok := first[e.Text]
		if !ok {
			first[e.Text] = i
			continue
		}
		if name := e.Intent; name != v.p.NLU.Examples[j].Intent && !slices.Contains(others[e.Text], name) {
			if others[e.Text] == nil {
				order = append(order, e.Text)
			}
			others[e.Text] = append(others[e.Text], name)
		}
	}
	for _, text := range order {
		e := &v.p.NLU.Examples[first[text]]
		names := append([]string{e.Intent}, others[text]...)
		slices.Sort(names)
		v.add(place{e.File, e.Line}, SeverityWarning, "duplicate-example", "keep it for one of them", "the example %q belongs to several intents: %s", clip(text), strings.Join(names, ", "))
	}
}

// stories checks the names that stories and rules use, each once.
func (v *validator) stories() {
	intents, actions := v.domainIntents(), map[string]bool{}
	for _, name := range v.p.Domain.Actions {
		actions[name] = true
	}
	responses := v.responseNames()
	seen := map[string]bool{}
	once := func(kind, name string) bool {
		key := kind + " " + name
		defer func() { seen[key] = true }()
		return !seen[key]
	}
	for i := range v.p.Steps {
		step := &v.p.Steps[i]
		for _, event := range step.Events {
			at := v.eventPlace(step, event)
			switch e := event.(type) {
			case *dialogue.UserUttered:
				if name := e.Parse.Intent.Name; name != "" && !intents[name] && once("intent", name) {
					v.add(at, SeverityWarning, "unknown-intent", v.near(name, sortedKeys(intents), "add it to the intents of the domain"),
						"%q uses the intent %q, which the domain does not list", step.Name, name)
				}
			case *dialogue.ActionExecuted:
				switch {
				case strings.HasPrefix(e.Name, "action_") && !actions[e.Name] && once("action", e.Name):
					v.add(at, SeverityError, "unknown-action", v.near(e.Name, v.p.Domain.Actions, "add it to the actions of the domain"),
						"%q uses the action %q, which the domain does not list", step.Name, e.Name)
				case strings.HasPrefix(e.Name, "utter_") && !responses[baseName(e.Name)] && once("response", e.Name):
					v.add(at, SeverityWarning, "unknown-response", v.near(e.Name, sortedKeys(responses), "add it to the responses of the domain"),
						"%q uses the response %q, which does not exist", step.Name, e.Name)
				}
			case *dialogue.ActiveLoop:
				if e.Name != "" && !actions[e.Name] && once("loop", e.Name) {
					v.add(at, SeverityError, "unknown-form", v.near(e.Name, v.formNames(), "add it to the forms of the domain"),
						"%q activates the form %q, which the domain does not have", step.Name, e.Name)
				}
			}
		}
	}
	v.storySlots(SeverityNote)
}

// storySlots checks the slots that stories and rules set.
func (v *validator) storySlots(severity string) {
	slots := map[string]bool{}
	for i := range v.p.Domain.Slots {
		slots[v.p.Domain.Slots[i].Name] = true
	}
	for i := range v.p.Steps {
		step := &v.p.Steps[i]
		check := func(name string, at place) {
			if !slots[name] {
				v.add(at, severity, "unknown-slot", v.near(name, sortedKeys(slots), "add it to the slots of the domain"),
					"%q sets the slot %q, which the domain does not have", step.Name, name)
				slots[name] = true
			}
		}
		for _, e := range step.Events {
			if set, ok := e.(*dialogue.SlotSet); ok {
				check(set.Name, v.eventPlace(step, e))
			}
		}
		for _, cp := range step.Start {
			for j := range cp.Conditions {
				check(cp.Conditions[j].Name, place{step.File, step.Line})
			}
		}
	}
}

// baseName is the name of a retrieval response without its key.
func baseName(name string) string {
	base, _, _ := strings.Cut(name, "/")
	return base
}

// responseNames are the names that utter something: responses, and retrieval actions.
func (v *validator) responseNames() map[string]bool {
	names := map[string]bool{}
	for name := range v.p.Domain.Responses {
		names[baseName(name)] = true
	}
	for name := range v.p.NLU.Responses {
		names[baseName(name)] = true
	}
	return names
}

func (v *validator) formNames() []string {
	var names []string
	for _, f := range v.p.Domain.Forms {
		names = append(names, f.Name)
	}
	return names
}

// unusedIntents finds intents of the domain that no story uses.
func (v *validator) unusedIntents() {
	used := map[string]bool{}
	for i := range v.p.Steps {
		for _, event := range v.p.Steps[i].Events {
			if e, ok := event.(*dialogue.UserUttered); ok {
				used[e.Parse.Intent.Name] = true
			}
		}
	}
	mapped := map[string]bool{}
	for i := range v.p.Domain.Slots {
		for _, m := range v.p.Domain.Slots[i].Mappings {
			for _, name := range m.Intents {
				mapped[name] = true
			}
		}
	}
	for _, item := range v.p.loaded.domain.get("intents").items() {
		name := itemName(item)
		if used[name] || isDefaultIntent(name) {
			continue
		}
		hint := "write a story or rule that answers it"
		if mapped[name] {
			hint = "it only fills slots; " + hint + " if the bot shall answer it"
		}
		v.add(v.nodePlace(item), SeverityNote, "unused-intent", hint, "no story or rule uses the intent %q", name)
	}
}

// builtinResponses are responses that default actions use without a story.
var builtinResponses = []string{"utter_default", "utter_restart", "utter_back", "utter_ask_rephrase", "utter_ask_affirmation"}

// responses finds responses that nothing uses.
func (v *validator) responses() {
	used := map[string]bool{}
	for _, name := range builtinResponses {
		used[name] = true
	}
	for i := range v.p.Steps {
		for _, event := range v.p.Steps[i].Events {
			if e, ok := event.(*dialogue.ActionExecuted); ok {
				used[baseName(e.Name)] = true
			}
		}
	}
	for _, f := range v.p.Domain.Forms {
		for _, slot := range f.RequiredSlots {
			used["utter_ask_"+slot], used["utter_ask_"+f.Name+"_"+slot] = true, true
		}
	}
	reported := map[string]bool{}
	for name, p := range v.p.loaded.domain.get("responses").pairs {
		base := baseName(name)
		if strings.HasPrefix(base, "utter_") && !used[base] && !reported[base] {
			reported[base] = true
			v.add(v.nodePlace(p.key), SeverityNote, "unused-response", "use it in a story or rule, unless a custom action does", "no story or rule uses the response %q", base)
		}
	}
}

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
		at := v.nodePlace(raw.keyNode(f.Name))
		for _, slot := range f.RequiredSlots {
			if !slots[slot] {
				v.add(at, SeverityError, "unknown-slot", v.near(slot, sortedKeys(slots), "add it to the slots of the domain"),
					"the form %q requires the slot %q, which the domain does not have", f.Name, slot)
				continue
			}
			if !slices.ContainsFunc(questionNames(f.Name, slot), func(name string) bool { return actions[name] }) {
				v.add(at, SeverityNote, "no-question", fmt.Sprintf("add the response utter_ask_%s_%s or utter_ask_%s", f.Name, slot, slot),
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
			at := v.nodePlace(raw.keyNode(s.Name))
			if j < len(nodes) {
				at = v.nodePlace(nodes[j])
			}
			v.conditions(s, m, at)
			if m.Type == dialogue.FromEntity && !v.hasEntity(m.Entity) {
				v.add(at, SeverityNote, "unknown-entity", v.near(m.Entity, v.entityNames(), "add it to the entities of the domain"),
					"the slot %q is filled from the entity %q, which the domain does not list: the mapping is ignored", s.Name, m.Entity)
			}
			for _, name := range append(slices.Clone(m.Intents), m.NotIntents...) {
				if !intents[name] {
					v.add(at, SeverityNote, "unknown-intent", v.near(name, sortedKeys(intents), "add it to the intents of the domain"),
						"a mapping of the slot %q names the intent %q, which the domain does not list", s.Name, name)
				}
			}
		}
	}
}

// conditions checks the forms that a mapping's conditions name.
func (v *validator) conditions(s *dialogue.Slot, m *dialogue.Mapping, at place) {
	for _, c := range m.Conditions {
		if c.ActiveLoop == nil || *c.ActiveLoop == "" {
			continue
		}
		i := slices.IndexFunc(v.p.Domain.Forms, func(f dialogue.Form) bool { return f.Name == *c.ActiveLoop })
		if i < 0 {
			v.add(at, SeverityError, "unknown-form", v.near(*c.ActiveLoop, v.formNames(), "add it to the forms of the domain"),
				"a mapping of the slot %q has a condition on the form %q, which the domain does not have", s.Name, *c.ActiveLoop)
			continue
		}
		required := v.p.Domain.Forms[i].RequiredSlots
		if len(required) > 0 && m.Type != dialogue.FromTriggerIntent && !slices.Contains(required, s.Name) {
			v.add(at, SeverityError, "slot-not-required", "add the slot to required_slots of the form, or remove the condition",
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

// slots finds slots that nothing can fill: without mappings, and set in no story.
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
	for i := range v.p.Domain.Slots {
		s := &v.p.Domain.Slots[i]
		if len(s.Mappings) > 0 || s.Builtin || set[s.Name] || len(v.p.Domain.CustomActions) > 0 {
			continue
		}
		v.add(v.nodePlace(raw.keyNode(s.Name)), SeverityNote, "unfilled-slot", "give it a mapping", "nothing fills the slot %q: it has no mappings", s.Name)
	}
}
