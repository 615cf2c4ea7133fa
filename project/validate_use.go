package project

import (
	"parley/dialogue"
)

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
		v.add(v.nodePlace(item), name, SeverityNote, "unused-intent", hint, "no story or rule uses the intent %q", name)
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
		if !used[base] && !reported[base] {
			reported[base] = true
			v.add(v.nodePlace(p.key), base, SeverityNote, "unused-response", "use it in a story or rule, unless a custom action does", "no story or rule uses the response %q", base)
		}
	}
}
