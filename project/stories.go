package project

import (
	"fmt"
	"path/filepath"
	"strings"

	"parley/dialogue"
)

// storyDomain is what stories are checked against.
type storyDomain struct {
	intents map[string]bool
	slots   map[string]*dialogue.Slot
}

func newStoryDomain(d *dialogue.Domain) *storyDomain {
	s := &storyDomain{intents: map[string]bool{}, slots: map[string]*dialogue.Slot{}}
	for _, i := range d.Intents {
		s.intents[i.Name] = true
	}
	for i := range d.Slots {
		s.slots[d.Slots[i].Name] = &d.Slots[i]
	}
	return s
}

// storyReader reads the stories and rules of one document.
type storyReader struct {
	*reader
	domain *storyDomain
	steps  []dialogue.StoryStep
	names  checkpointNames
	// nameless are the stories whose name is null, which differs from the empty name only for Show.
	nameless map[place]bool
	// places are where events stand.
	places map[dialogue.Event]place
	// emptyDomain says that the domain could not be used: its slots are unknown.
	emptyDomain bool
	// written are the stories of Markdown files as YAML, lost what YAML has no step for.
	written []*node
	lost    []Problem

	test  bool   // a test_* file: retrieval intents in full are fine
	title string // "story" or "rule"
	name  string // of the story being read
	b     *stepBuilder
}

// readStories reads a document; its steps are appended, stories before rules.
func (s *storyReader) readStories(n *node) {
	if !s.check(n, storiesSchema()) || !s.checkVersion(n) {
		return
	}
	s.test = strings.HasPrefix(filepath.Base(n.src.name), "test_")
	for _, section := range []struct{ key, title string }{{"stories", "story"}, {"rules", "rule"}} {
		s.title = section.title
		for _, item := range n.get(section.key).items() {
			if item.has(s.title) {
				s.block(item)
			}
		}
	}
}

// block reads one story or rule.
func (s *storyReader) block(item *node) {
	s.name = plainText(item.get(s.title))
	if item.get(s.title).isNull() {
		s.nameless[place{item.src.name, int(item.line)}] = true
	}
	if s.name == "" {
		s.warnAt(item, "empty-name", "name it", "a %s has no name", s.title)
	}
	steps := item.get("steps").items()
	if len(steps) == 0 {
		s.warnAt(item, "no-steps", "list what happens below steps:", "the %s %q has no steps and is skipped", s.title, s.name)
		return
	}
	rule := s.title == "rule"
	s.b = &stepBuilder{names: s.names, places: s.places, place: place{item.src.name, int(item.line)}, step: dialogue.StoryStep{Name: s.name, Rule: rule, File: item.src.name, Line: int(item.line)}, warn: func(format string, args ...any) {
		s.warnAt(item, "checkpoint-condition", "conditions belong to the checkpoint at which a story begins", format, args...)
	}}
	if rule {
		s.conditions(item)
		if !item.get("conversation_start").bool() {
			s.b.event(&dialogue.ActionExecuted{Name: dialogue.RuleSnippetAction})
		}
	}
	for _, step := range steps {
		s.b.place = place{step.src.name, int(step.line)}
		s.step(step)
	}
	if wait := item.get("wait_for_user_input"); rule && wait != nil && wait.kind == kindBool && !wait.bool() {
		s.b.event(&dialogue.ActionExecuted{Name: dialogue.RuleSnippetAction})
	}
	s.steps = append(s.steps, s.b.finish()...)
}

// conditions reads a rule's condition.
func (s *storyReader) conditions(item *node) {
	list := item.get("condition")
	if list != nil && list.kind == kindNull {
		s.nullKey(item, "condition")
		return
	}
	s.b.inCondition = true
	for _, c := range list.items() {
		switch {
		case c.has("slot_was_set"):
			s.slots(c)
		case c.has("active_loop"):
			s.b.event(&dialogue.ActiveLoop{Name: plainText(c.get("active_loop"))})
		}
	}
	s.b.inCondition = false
}

// nullKey reports a key whose value is missing.
func (s *storyReader) nullKey(step *node, key string) {
	s.errorAt(step, classValidation, "null-value", "list something below it, or remove the key", "the %s %q has the key %q without a value", s.title, s.name, key)
}

func (s *storyReader) step(step *node) {
	switch {
	case step.has("intent"), step.has("user"):
		if u := s.user(step); u != nil {
			s.b.event(u)
		}
	case step.has("or"):
		s.or(step)
	case step.has("action"):
		s.action(step)
	case step.has("bot"):
		text := step.get("bot")
		if !text.isText() {
			s.nullKey(step, "bot")
			return
		}
		s.b.event(&dialogue.ActionExecuted{Text: text.str})
	case step.has("checkpoint"):
		s.checkpoint(step)
	case step.has("slot_was_set"):
		s.slots(step)
	case step.has("active_loop"):
		s.b.event(&dialogue.ActiveLoop{Name: plainText(step.get("active_loop"))})
	default:
		s.warnAt(step, "unknown-step", "a step is an intent, an action, a slot_was_set …", "the %s %q has an empty step, which is skipped", s.title, s.name)
	}
}

// user reads a step with an intent, a user's text, or both; nil after an error.
func (s *storyReader) user(step *node) *dialogue.UserUttered {
	u := &dialogue.UserUttered{}
	text := step.get("user")
	if text != nil && !text.isText() {
		s.nullKey(step, "user")
		return nil
	}
	u.Parse.Intent = s.intent(step, text == nil)
	if text == nil {
		u.Parse.Entities = s.entities(step)
		return u
	}
	plain, entities, err := parseAnnotations(strings.TrimSpace(text.str))
	if err != nil {
		s.annotationProblem(err, step, int(text.line))
		return nil
	}
	if strings.HasPrefix(plain, "/") {
		entities = s.shortcutEntities(plain, step)
	}
	u.Text, u.Parse.Text, u.Parse.Entities = &plain, &plain, entities
	return u
}

// intent reads the intent of a step; without one the step is a text that was not classified.
func (s *storyReader) intent(step *node, alone bool) dialogue.Intent {
	value := step.get("intent")
	if value == nil {
		return dialogue.Intent{Confidence: 1}
	}
	name := strings.TrimSpace(plainText(value))
	if value.kind == kindNull {
		s.warnAt(step, "empty-intent", "name the intent", "the %s %q has an intent step without a value", s.title, s.name)
	}
	if name == "" && alone {
		s.warnAt(step, "empty-user", "name the intent", "the %s %q has a user step that says nothing", s.title, s.name)
	}
	if rest, ok := strings.CutPrefix(name, "/"); ok {
		s.warnAt(step, "slash-intent", "write "+rest, "the %s %q has the intent %q: the slash is left out", s.title, s.name, name)
		name = rest
	}
	intent := dialogue.Intent{Name: name, Confidence: 1}
	if base, _, ok := strings.Cut(name, "/"); ok {
		if !s.test {
			s.warnAt(step, "retrieval-intent", "write "+base, "the %s %q has the retrieval intent %q: only %q counts", s.title, s.name, name, base)
		}
		intent.Name = base
		intent.Extra = map[string]any{"full_retrieval_intent_name": name}
	}
	if s.domain != nil && !s.domain.intents[intent.Name] {
		s.warnAt(step, "unknown-intent", "add it to the intents of the domain", "the %s %q has the intent %q, which the domain does not list", s.title, s.name, intent.Name)
	}
	return intent
}

// entities reads the entities of a step: names, or mappings of the entity to its value with role and group beside.
func (s *storyReader) entities(step *node) []dialogue.Entity {
	list := step.get("entities")
	if list != nil && list.kind == kindNull {
		s.nullKey(step, "entities")
		return nil
	}
	var entities []dialogue.Entity
	for _, item := range list.items() {
		e := dialogue.Entity{Start: -1, End: -1}
		if item.kind != kindMap {
			e.Entity, e.Value = item.text(), ""
			entities = append(entities, e)
			continue
		}
		for k, p := range item.pairs {
			switch k {
			case "role":
				e.Role = plainText(p.value)
			case "group":
				e.Group = plainText(p.value)
			default:
				e.Entity, e.Value = k, p.value.value()
			}
		}
		entities = append(entities, e)
	}
	return entities
}

// or reads alternatives.
func (s *storyReader) or(step *node) {
	list := step.get("or")
	if list.kind == kindNull {
		s.nullKey(step, "or")
		return
	}
	var alternatives []dialogue.Event
	for _, item := range list.items() {
		switch {
		case item.has("intent"):
			if u := s.user(item); u != nil {
				alternatives = append(alternatives, u)
			}
		case item.has("slot_was_set"):
			slots, ok := s.slotEvents(item)
			if !ok { // the or is skipped, as in the reference
				return
			}
			for _, slot := range slots {
				alternatives = append(alternatives, slot)
			}
		default:
			s.warnAt(step, "bad-or", "give each alternative an intent", "the %s %q has an or with an alternative that is neither an intent nor a slot_was_set: the or is skipped",
				s.title, s.name)
			return
		}
	}
	if len(alternatives) == 0 {
		s.warnAt(step, "empty-or", "list alternatives below it", "the %s %q has an or without alternatives, which is skipped", s.title, s.name)
		return
	}
	s.b.alternatives(alternatives)
}

// action reads an action step. Names of event types make that event, as in the reference.
func (s *storyReader) action(step *node) {
	name := plainText(step.get("action"))
	if name == "" {
		s.warnAt(step, "empty-action", "name the action", "the %s %q has an action step without a name, which is skipped", s.title, s.name)
		return
	}
	if isEventName(name) {
		e, ok := namedEvent(name)
		if !ok {
			s.errorAt(step, classStoryParse, "event-name", "rename the action", "the %s %q has the action %q, which is the name of an event that cannot stand in a story",
				s.title, s.name, name)
			return
		}
		s.b.event(e)
		return
	}
	s.b.event(&dialogue.ActionExecuted{Name: name})
}

// isEventName reports whether an action's name is the type of an event.
func isEventName(name string) bool {
	switch dialogue.Kind(name) {
	case dialogue.KindUser, dialogue.KindUserFeaturization, dialogue.KindEntities, dialogue.KindBot, dialogue.KindAgent, dialogue.KindSlot,
		dialogue.KindRestart, dialogue.KindSessionStarted, dialogue.KindRewind, dialogue.KindUndo, dialogue.KindResetSlots, dialogue.KindReminder,
		dialogue.KindCancelReminder, dialogue.KindExport, dialogue.KindFollowup, dialogue.KindPause, dialogue.KindResume, dialogue.KindActiveLoop,
		dialogue.KindLoopInterrupted, dialogue.KindActionRejected, dialogue.KindForm, dialogue.KindFormValidation:
		return true
	}
	return false
}

// namedEvent is the event that an action step with the name of an event type means.
func namedEvent(name string) (dialogue.Event, bool) {
	switch dialogue.Kind(name) {
	case dialogue.KindRestart:
		return &dialogue.Restarted{}, true
	case dialogue.KindUndo:
		return &dialogue.ActionReverted{}, true
	case dialogue.KindRewind:
		return &dialogue.UserReverted{}, true
	case dialogue.KindResetSlots:
		return &dialogue.AllSlotsReset{}, true
	case dialogue.KindPause:
		return &dialogue.ConversationPaused{}, true
	case dialogue.KindResume:
		return &dialogue.ConversationResumed{}, true
	case dialogue.KindSessionStarted:
		return &dialogue.SessionStarted{}, true
	case dialogue.KindExport:
		return &dialogue.StoryExported{}, true
	case dialogue.KindFollowup:
		return &dialogue.FollowupAction{Name: name}, true
	case dialogue.KindForm, dialogue.KindActiveLoop:
		return &dialogue.ActiveLoop{Name: name}, true
	}
	return nil, false
}

// slots reads a slot_was_set step.
func (s *storyReader) slots(step *node) {
	events, _ := s.slotEvents(step)
	for _, e := range events {
		s.b.event(e)
	}
}

// slotEvents are the events of a slot_was_set: one a key of each mapping, and the default value of slots named alone.
// ok is false when an item is none of these: what follows it is left out.
func (s *storyReader) slotEvents(step *node) (events []*dialogue.SlotSet, ok bool) {
	list := step.get("slot_was_set")
	if list.kind == kindNull {
		s.nullKey(step, "slot_was_set")
		return nil, false
	}
	for _, item := range list.items() {
		switch item.kind {
		case kindMap:
			for k, p := range item.pairs {
				e := &dialogue.SlotSet{Name: k, Value: p.value.value()}
				s.b.noteAt(e, p.key)
				events = append(events, e)
			}
		case kindString:
			value, ok := s.defaultValue(step, item.str)
			if !ok {
				return events, false
			}
			events = append(events, &dialogue.SlotSet{Name: item.str, Value: value})
		default:
			s.warnAt(step, "bad-slot", "write slot: value", "the %s %q has a slot_was_set with %s, which is skipped with what follows in it", s.title, s.name, item.describe())
			return events, false
		}
	}
	return events, true
}

// defaultValue is the value of a slot that a story names without a value.
func (s *storyReader) defaultValue(step *node, name string) (any, bool) {
	if s.domain == nil || s.emptyDomain {
		return nil, true
	}
	slot, ok := s.domain.slots[name]
	if !ok {
		s.errorAt(step, classRasa, "unknown-slot", "add it to the slots of the domain", "the %s %q sets the slot %q, which the domain does not have", s.title, s.name, name)
		return nil, false
	}
	switch slot.Type {
	case dialogue.SlotText:
		return "filled", true
	case dialogue.SlotList:
		return []any{"filled"}, true
	}
	if slot.Influence {
		s.warnAt(step, "slot-without-value", "write the value behind a colon", "the %s %q sets the slot %q of type %s without a value: it becomes null",
			s.title, s.name, name, slot.Type)
	}
	return nil, true
}

// checkpoint reads a checkpoint with its conditions.
func (s *storyReader) checkpoint(step *node) {
	cp := dialogue.Checkpoint{Name: plainText(step.get("checkpoint"))}
	if slots := step.get("slot_was_set"); slots != nil {
		if slots.kind == kindNull {
			s.nullKey(step, "slot_was_set")
			return
		}
		merged := newMap(step)
		for _, item := range slots.items() {
			if item.kind != kindMap {
				s.warnAt(step, "bad-slot", "write slot: value", "the %s %q has the checkpoint %q with the condition %s: it is skipped", s.title, s.name, cp.Name, item.describe())
				return
			}
			for k, p := range item.pairs {
				merged = merged.with(k, p.value)
			}
		}
		for k, p := range merged.pairs {
			cp.Conditions = append(cp.Conditions, dialogue.SlotSet{Name: k, Value: p.value.value()})
		}
	}
	s.b.checkpoint(cp)
}

// shortcutEntities reads the entities of a text like /greet{"name": "Ann"}: each spans the JSON part.
func (s *storyReader) shortcutEntities(text string, step *node) []dialogue.Entity {
	rest := text[1:]
	i := strings.IndexAny(rest, "{@")
	if i == 0 || i < 0 {
		return nil
	}
	if rest[i] == '@' {
		j := i + 1
		for j < len(rest) && (rest[j] >= '0' && rest[j] <= '9' || rest[j] == '.') {
			j++
		}
		i = j
	}
	if i >= len(rest) {
		return nil
	}
	end := strings.LastIndexByte(rest, '}')
	if rest[i] != '{' || end <= i+1 {
		s.warnAt(step, "bad-shortcut", `a shortcut is /intent@confidence{"entity": "value"}`,
			"the %s %q has a text whose end cannot be read as entities: %s", s.title, s.name, clip(text))
		return nil
	}
	body := rest[i : end+1]
	n, err := parseJSON(&source{}, []byte(body))
	if err != nil || n.kind != kindMap {
		s.warnAt(step, "bad-shortcut", `the entities of a shortcut are a JSON object: /intent{"entity": "value"}`,
			"the %s %q has a text whose entities cannot be read: %s", s.title, s.name, clip(text))
		return nil
	}
	start := 1 + len([]rune(rest[:i]))
	var entities []dialogue.Entity
	for k, p := range n.pairs {
		values := []*node{p.value}
		if p.value.kind == kindList {
			values = p.value.kids
		}
		for _, v := range values {
			entities = append(entities, dialogue.Entity{Entity: k, Value: v.value(), Start: start, End: start + len([]rune(body))})
		}
	}
	return entities
}

// eventText is an event in a form that is equal for equal events, for naming checkpoints.
func eventText(e dialogue.Event) string {
	switch e := e.(type) {
	case *dialogue.UserUttered:
		text := ""
		if e.Text != nil {
			text = *e.Text
		}
		return fmt.Sprintf("user %q %q %v", text, e.Parse.Intent.Name, e.Parse.Entities)
	case *dialogue.ActionExecuted:
		return fmt.Sprintf("action %q %q", e.Name, e.Text)
	case *dialogue.SlotSet:
		return fmt.Sprintf("slot %q %#v", e.Name, e.Value)
	case *dialogue.ActiveLoop:
		return fmt.Sprintf("loop %q", e.Name)
	default:
		return string(e.Kind())
	}
}
