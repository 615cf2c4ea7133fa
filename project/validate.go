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
	v.sameExamples()
	v.similarExamples()
	v.balance()
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

// add files a problem at a place. about is the text in the line that it is about; "" stands for the line.
func (v *validator) add(at place, about, severity, code, hint, format string, args ...any) {
	p := Problem{File: at.file, Line: at.line, Mark: Mark{Text: about}, Severity: severity, Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
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
	at := func(key string) place { return place{c.File, c.line(key)} }
	switch c.AssistantID {
	case "":
		v.add(at("assistant_id"), "", SeverityNote, "no-assistant-id", "training writes one", "the configuration has no assistant_id")
	case placeholderID:
		v.add(at("assistant_id"), placeholderID, SeverityNote, "placeholder-id", "training replaces it", "the assistant_id is the placeholder %s", placeholderID)
	}
	if c.Language == "" {
		v.add(at("language"), "", SeverityNote, "no-language", "add language: en", "the configuration has no language")
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
			v.add(place{e.File, e.Line}, "", SeverityWarning, "unknown-intent", v.near(e.Intent, sortedKeys(defined), "add it to the intents of the domain"),
				"the examples of the intent %q have no use: the domain does not list it", e.Intent)
		}
	}
	for _, item := range v.p.loaded.domain.get("intents").items() {
		name := itemName(item)
		if triggered := item.get(name).get("triggers"); triggered != nil {
			v.add(v.nodePlace(item), "triggers", SeverityError, "triggers", "write a rule: the intent, then the action", "the intent %q uses triggers, which only older versions know", name)
		}
		if !used[name] && !isDefaultIntent(name) {
			v.add(v.nodePlace(item), name, SeverityNote, "no-examples", "add examples, or remove it from the domain", "the intent %q has no examples", name)
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
					v.add(at, name, SeverityWarning, "unknown-intent", v.near(name, sortedKeys(intents), "add it to the intents of the domain"),
						"%q uses the intent %q, which the domain does not list", step.Name, name)
				}
			case *dialogue.ActionExecuted:
				switch {
				case strings.HasPrefix(e.Name, "action_") && !actions[e.Name] && once("action", e.Name):
					v.add(at, e.Name, SeverityError, "unknown-action", v.near(e.Name, v.p.Domain.Actions, "add it to the actions of the domain"),
						"%q uses the action %q, which the domain does not list", step.Name, e.Name)
				case strings.HasPrefix(e.Name, "utter_") && !responses[baseName(e.Name)] && once("response", e.Name):
					v.add(at, e.Name, SeverityWarning, "unknown-response", v.near(e.Name, sortedKeys(responses), "add it to the responses of the domain"),
						"%q uses the response %q, which does not exist", step.Name, e.Name)
				}
			case *dialogue.ActiveLoop:
				if e.Name != "" && !actions[e.Name] && once("loop", e.Name) {
					v.add(at, e.Name, SeverityError, "unknown-form", v.near(e.Name, v.formNames(), "add it to the forms of the domain"),
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
				v.add(at, name, severity, "unknown-slot", v.near(name, sortedKeys(slots), "add it to the slots of the domain"),
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
