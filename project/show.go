package project

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"parley/dialogue"
)

// Show is what was loaded as plain values of JSON, in the form of the reference's recordings: config, domain, nlu,
// messages_added_from_stories and steps. It is what "parley data show --json" prints.
func Show(p *Project) map[string]any {
	return map[string]any{
		"config":                      ShowConfig(p.Config),
		"domain":                      ShowDomain(p.Domain),
		"nlu":                         p.showNLU(),
		"messages_added_from_stories": showMessages(p.Steps),
		"steps":                       p.showSteps(),
	}
}

// ShowConfig is config.yml as read: a pipeline or policies of null are null.
func ShowConfig(c Config) map[string]any {
	shown := map[string]any{}
	for _, key := range []string{"recipe", "language", "assistant_id", "pipeline", "policies"} {
		if c.keys[key] {
			shown[key] = nil
		}
	}
	for key, value := range map[string]string{"recipe": c.Recipe, "language": c.Language, "assistant_id": c.AssistantID} {
		if value != "" {
			shown[key] = value
		}
	}
	if c.Pipeline != nil {
		list := []any{}
		for _, e := range c.Pipeline {
			list = append(list, showComponent(e.Name, e.Options))
		}
		shown["pipeline"] = list
	}
	if c.Policies != nil {
		list := []any{}
		for _, e := range c.Policies {
			list = append(list, showComponent(e.Name, e.Options))
		}
		shown["policies"] = list
	}
	return shown
}

func showComponent(name string, options map[string]any) map[string]any {
	shown := map[string]any{"name": name}
	maps.Copy(shown, options)
	return shown
}

// ShowDomain is a domain: its serialised form as_dict and what follows from it.
func ShowDomain(d *dialogue.Domain) map[string]any {
	raw := map[string]any{}
	if v, err := dialogue.DecodeJSON(d.Raw); err == nil {
		raw, _ = v.(map[string]any)
	}
	shown := map[string]any{
		"as_dict":                      raw,
		"user_actions":                 anyList(d.UserActions),
		"actions":                      anyList(d.Actions),
		"action_texts":                 anyList(d.EndToEndActions),
		"actions_that_need_the_domain": anyList(slices.Sorted(slices.Values(d.ExplicitDomainActions))),
		"forms":                        orEmpty(raw["forms"]),
		"responses":                    orEmpty(raw["responses"]),
		"session":                      map[string]any{"expiration_minutes": d.SessionExpiration, "carry_over_slots": d.CarryOverSlots},
		"store_entities_as_slots":      d.StoreEntitiesAsSlots,
		"empty":                        isEmptyRaw(raw),
		"input_states":                 anyList(inputStates(d)),
	}
	showIntents(shown, d, raw)
	showEntities(shown, d)
	slots := []any{}
	declared, _ := raw["slots"].(map[string]any)
	for i := range d.Slots {
		slots = append(slots, showSlot(&d.Slots[i], declared))
	}
	shown["slots"] = slots
	return shown
}

func orEmpty(v any) any {
	if v == nil {
		return map[string]any{}
	}
	return v
}

// isEmptyRaw reports whether a serialised domain says nothing.
func isEmptyRaw(raw map[string]any) bool {
	for key, value := range raw {
		switch key {
		case "version":
			if value != latestVersion {
				return false
			}
		case "session_config":
			session, _ := value.(map[string]any)
			if len(session) != 2 || session["session_expiration_time"] != defaultExpiration || session["carry_over_slots_to_new_session"] != true {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func showIntents(shown map[string]any, d *dialogue.Domain, raw map[string]any) {
	names, overridden, properties := []any{}, []any{}, map[string]any{}
	own, more := map[string]bool{}, map[string]map[string]any{}
	listed, _ := raw["intents"].([]any)
	for _, item := range listed {
		switch item := item.(type) {
		case string:
			own[item] = true
		case map[string]any:
			for name, v := range item {
				own[name] = true
				more[name], _ = v.(map[string]any)
			}
		}
	}
	for _, i := range d.Intents {
		names = append(names, i.Name)
		shown := map[string]any{"used_entities": anyList(i.UsedEntities), "is_retrieval_intent": i.Retrieval}
		for key, v := range more[i.Name] {
			if key != "use_entities" && key != "ignore_entities" && shown[key] == nil {
				shown[key] = v
			}
		}
		properties[i.Name] = shown
		if own[i.Name] && slices.Contains(dialogue.DefaultIntents, i.Name) {
			overridden = append(overridden, i.Name)
		}
	}
	shown["intents"], shown["intent_properties"], shown["overridden_default_intents"] = names, properties, overridden
}

func showEntities(shown map[string]any, d *dialogue.Domain) {
	names, silent, roles, groups := []any{}, []any{}, map[string]any{}, map[string]any{}
	for _, e := range d.Entities {
		names = append(names, e.Name)
		if !e.Influence {
			silent = append(silent, e.Name)
		}
		if len(e.Roles) > 0 {
			roles[e.Name] = anyList(e.Roles)
		}
		if len(e.Groups) > 0 {
			groups[e.Name] = anyList(e.Groups)
		}
	}
	shown["entities"], shown["non_featurized_entities"], shown["entity_roles"], shown["entity_groups"] = names, silent, roles, groups
}

func showSlot(s *dialogue.Slot, declared map[string]any) map[string]any {
	body, _ := declared[s.Name].(map[string]any)
	mappings := body["mappings"]
	if mappings == nil {
		mappings = []any{}
	}
	shown := map[string]any{
		"name": s.Name, "type": string(s.Type), "initial_value": s.Initial, "influence_conversation": s.Influence,
		"mappings": mappings, "features": s.FeatureSize(),
	}
	switch s.Type {
	case dialogue.SlotFloat:
		shown["min_value"], shown["max_value"] = s.Min, s.Max
	case dialogue.SlotCategorical:
		shown["values"] = anyList(s.Values)
	}
	return shown
}

// inputStates are the names of the features of a conversation's state, in the reference's order.
func inputStates(d *dialogue.Domain) []string {
	var states []string
	for _, i := range d.Intents {
		states = append(states, i.Name)
	}
	for _, e := range d.Entities {
		states = append(states, e.Name)
	}
	for _, e := range d.Entities {
		for _, role := range e.Roles {
			states = append(states, e.Name+"#"+role)
		}
	}
	for _, e := range d.Entities {
		for _, group := range e.Groups {
			states = append(states, e.Name+"#"+group)
		}
	}
	for i := range d.Slots {
		for n := range d.Slots[i].FeatureSize() {
			states = append(states, fmt.Sprintf("%s_%d", d.Slots[i].Name, n))
		}
	}
	states = append(states, d.Actions...)
	for _, f := range d.Forms {
		states = append(states, f.Name)
	}
	return states
}

func anyList[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// showNLU is the training data.
func (p *Project) showNLU() map[string]any {
	t := p.loaded.data
	if t == nil { // not loaded from files
		t = newReader().newTraining()
		for variant, value := range p.NLU.Synonyms {
			t.synonyms[variant] = newText(value, nil)
		}
	}
	perIntent, perEntity := map[string]any{}, map[string]any{}
	retrieval := map[string]bool{}
	labels := map[string]map[string]bool{"entity": {}, "role": {}, "group": {}}
	examples := []any{}
	for i := range p.NLU.Examples {
		e := &p.NLU.Examples[i]
		examples = append(examples, p.showExample(i))
		if e.Intent != "" {
			count(perIntent, e.Intent)
		}
		if e.ResponseKey != "" {
			retrieval[e.Intent] = true
		}
		for j := range e.Entities {
			for kind, label := range map[string]string{"entity": e.Entities[j].Entity, "role": e.Entities[j].Role, "group": e.Entities[j].Group} {
				if label != "" {
					labels[kind][label] = true
					count(perEntity, kind+" '"+label+"'")
				}
			}
		}
	}
	synonyms := map[string]any{}
	for variant, value := range t.synonyms {
		synonyms[variant] = value.value()
	}
	regexes, lookups := []any{}, []any{}
	for _, r := range p.NLU.Regexes {
		regexes = append(regexes, map[string]any{"name": r.Name, "pattern": r.Pattern})
	}
	for i, l := range p.NLU.Lookups {
		var elements any = anyList(l.Elements)
		if path, ok := t.lookupAt[i]; ok {
			elements = path
		}
		lookups = append(lookups, map[string]any{"name": l.Name, "elements": elements})
	}
	return map[string]any{
		"examples": examples, "synonyms": synonyms, "regexes": regexes, "lookups": lookups,
		"responses": t.responses.value(), "intents": anyList(sortedKeys(perIntent)), "retrieval_intents": anyList(sortedKeys(retrieval)),
		"entities": anyList(sortedKeys(labels["entity"])), "entity_roles": anyList(sortedKeys(labels["role"])),
		"entity_groups":       anyList(sortedKeys(labels["group"])),
		"examples_per_intent": perIntent, "examples_per_entity": perEntity,
	}
}

func count(counts map[string]any, key string) {
	n, _ := counts[key].(int)
	counts[key] = n + 1
}

func (p *Project) showExample(i int) map[string]any {
	e := &p.NLU.Examples[i]
	shown := map[string]any{"text": e.Text}
	if e.Intent != "" {
		shown["intent"] = e.Intent
	}
	if e.ResponseKey != "" {
		shown["intent_response_key"] = e.ResponseKey
		if text, ok := responseText(p.NLU.Responses, e.ResponseKey); ok {
			shown["response"] = text
		}
	}
	if e.Entities != nil {
		shown["entities"] = showEntityList(e.Entities)
	}
	if len(e.Metadata) > 0 {
		shown["metadata"] = e.Metadata
	}
	if p.loaded.data != nil {
		maps.Copy(shown, p.loaded.data.extra[i])
	}
	return shown
}

// responseText is the text that stands for a retrieval response in training: of its variations the last that has one, else
// the response's name; ok is false if there is no such response.
func responseText(responses map[string][]dialogue.Response, key string) (text string, ok bool) {
	name := "utter_" + key
	variations := responses[name]
	if len(variations) == 0 {
		return "", false
	}
	for _, v := range slices.Backward(variations) {
		if text, _ := v.Body["text"].(string); text != "" {
			return text, true
		}
	}
	return name, true
}

func showEntityList(entities []dialogue.Entity) []any {
	list := []any{}
	for i := range entities {
		e := &entities[i]
		shown := map[string]any{"entity": e.Entity}
		if e.Value != nil {
			shown["value"] = e.Value
		}
		if e.Start >= 0 {
			shown["start"], shown["end"] = e.Start, e.End
		}
		if e.Role != "" {
			shown["role"] = e.Role
		}
		if e.Group != "" {
			shown["group"] = e.Group
		}
		maps.Copy(shown, e.Extra)
		list = append(list, shown)
	}
	return list
}

// showMessages are the messages that training adds to the NLU data: the default actions, and every distinct action and user
// message of the stories.
func showMessages(steps []dialogue.StoryStep) []any {
	messages := []any{}
	for _, name := range dialogue.DefaultActions {
		messages = append(messages, map[string]any{"action_name": name})
	}
	var fromStories []map[string]any
	seen := map[string]bool{}
	for i := range steps {
		for _, event := range steps[i].Events {
			message := storyMessage(event)
			if message == nil {
				continue
			}
			key := string(dialogue.AppendJSON(nil, message))
			if !seen[key] {
				seen[key] = true
				fromStories = append(fromStories, message)
			}
		}
	}
	slices.SortStableFunc(fromStories, func(a, b map[string]any) int {
		return strings.Compare(string(dialogue.AppendJSON(nil, a)), string(dialogue.AppendJSON(nil, b)))
	})
	for _, m := range fromStories {
		messages = append(messages, m)
	}
	return messages
}

// storyMessage is what an event of a story adds to the NLU data, nil for nothing.
func storyMessage(event dialogue.Event) map[string]any {
	switch e := event.(type) {
	case *dialogue.ActionExecuted:
		if e.Text != "" {
			return map[string]any{"action_text": e.Text}
		}
		if slices.Contains(dialogue.DefaultActions, e.Name) {
			return nil
		}
		return map[string]any{"action_name": e.Name}
	case *dialogue.UserUttered:
		if e.Parse.Intent.Name == "" {
			if e.Text == nil {
				return nil
			}
			return map[string]any{"text": *e.Text}
		}
		message := map[string]any{"intent": e.Parse.Intent.Name}
		if len(e.Parse.Entities) > 0 {
			message["entities"] = showEntityList(e.Parse.Entities)
		}
		return message
	}
	return nil
}

// showSteps are the steps of the stories and rules.
func (p *Project) showSteps() []any {
	list := ShowSteps(p.Steps)
	for i := range p.Steps {
		s := &p.Steps[i]
		if shown, ok := list[i].(map[string]any); ok && p.loaded.nameless[place{s.File, s.Line}] {
			shown["name"] = nil
		}
	}
	return list
}

// ShowSteps are steps of stories and rules.
func ShowSteps(steps []dialogue.StoryStep) []any {
	list := []any{}
	for i := range steps {
		list = append(list, showStep(&steps[i]))
	}
	return list
}

func showStep(s *dialogue.StoryStep) map[string]any {
	start, end, events := []any{}, []any{}, []any{}
	for _, c := range s.Start {
		shown := map[string]any{"name": c.Name}
		if len(c.Conditions) > 0 {
			conditions := map[string]any{}
			for i := range c.Conditions {
				conditions[c.Conditions[i].Name] = c.Conditions[i].Value
			}
			shown["conditions"] = conditions
		}
		start = append(start, shown)
	}
	for _, c := range s.End {
		end = append(end, c.Name)
	}
	for _, e := range s.Events {
		events = append(events, showEvent(e))
	}
	shown := map[string]any{"name": s.Name, "kind": "story", "file": s.File, "start": start, "end": end, "events": events}
	if s.Rule {
		shown["kind"] = "rule"
		shown["condition_events"] = anyList(s.ConditionEvents)
	}
	return shown
}

func showEvent(event dialogue.Event) map[string]any {
	shown := map[string]any{"event": string(event.Kind())}
	switch e := event.(type) {
	case *dialogue.UserUttered:
		shown["text"], shown["intent"], shown["entities"] = nil, nil, showEntityList(e.Parse.Entities)
		if e.Text != nil {
			shown["text"] = *e.Text
		}
		if e.Parse.Intent.Name != "" || e.Text == nil {
			shown["intent"] = e.Parse.Intent.Name
		}
		if full, ok := e.Parse.Intent.Extra["full_retrieval_intent_name"]; ok {
			shown["full_retrieval_intent"] = full
		}
	case *dialogue.ActionExecuted:
		if e.Text != "" {
			shown["text"] = e.Text
		} else {
			shown["name"] = e.Name
		}
	case *dialogue.SlotSet:
		shown["name"], shown["value"] = e.Name, e.Value
	case *dialogue.ActiveLoop:
		shown["name"] = nil
		if e.Name != "" {
			shown["name"] = e.Name
		}
	case *dialogue.FollowupAction:
		shown["name"] = e.Name
	}
	return shown
}
