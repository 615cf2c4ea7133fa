package worker

import (
	"regexp"
	"strconv"

	"parley/dialogue"
	"parley/project"
)

// sessionsOf splits events where sessions begin; without all it returns only the last session. No events are no session when
// all are asked for, and an empty one otherwise, as in the reference.
func sessionsOf(events []dialogue.Event, all bool) [][]dialogue.Event {
	var sessions [][]dialogue.Event
	start := 0
	for i, e := range events {
		if a, ok := e.(*dialogue.ActionExecuted); ok && a.Name == dialogue.ActionSessionStart && i > start {
			sessions = append(sessions, events[start:i])
			start = i
		}
	}
	if !all {
		return [][]dialogue.Event{events[start:]}
	}
	if start < len(events) {
		sessions = append(sessions, events[start:])
	}
	return sessions
}

// appendStories writes sessions as test stories in the reference's YAML.
func appendStories(b []byte, name string, sessions [][]dialogue.Event) []byte {
	b = append(b, "version: \"3.1\"\n"...)
	if len(sessions) > 0 {
		b = append(b, "stories:\n"...)
	}
	for i, events := range sessions {
		title := name
		if len(sessions) > 1 {
			title += ", story " + strconv.Itoa(i+1)
		}
		b = project.AppendYAML(append(b, "- story:"...), title, 2)
		b = append(b, "  steps:"...)
		steps := appendSteps(nil, events)
		if len(steps) == 0 {
			steps = []byte(" []\n")
		} else {
			b = append(b, '\n')
		}
		b = append(b, steps...)
	}
	return b
}

func appendSteps(b []byte, events []dialogue.Event) []byte {
	for i, e := range events {
		switch e := e.(type) {
		case *dialogue.UserUttered:
			b = appendUserStep(b, e, usesText(e, events[i+1:]))
		case *dialogue.ActionExecuted:
			switch e.Name {
			case dialogue.ActionListen, dialogue.ActionSessionStart, dialogue.ActionUnlikelyIntent, dialogue.RuleSnippetAction:
			case "":
				if e.Text == "" {
					continue
				}
				b = project.AppendYAML(append(b, "  - bot:"...), e.Text, 4)
			default:
				b = project.AppendYAML(append(b, "  - action:"...), e.Name, 4)
			}
		case *dialogue.SlotSet:
			b = project.AppendYAML(append(b, "  - slot_was_set:"...), []any{map[string]any{e.Name: e.Value}}, 4)
		case *dialogue.ActiveLoop:
			var name any
			if e.Name != "" {
				name = e.Name
			}
			b = project.AppendYAML(append(b, "  - active_loop:"...), name, 4)
		}
	}
	return b
}

// usesText reports whether policies saw the text of a message and not its intent: what came after it says so.
func usesText(u *dialogue.UserUttered, after []dialogue.Event) bool {
	use := u.Text != nil && *u.Text != "" && u.Parse.Intent.Name == ""
	for _, e := range after {
		switch e := e.(type) {
		case *dialogue.UserUttered:
			return use
		case *dialogue.UserFeaturization:
			use = e.UseText
		}
	}
	return use
}

// appendUserStep writes nothing for a message that has neither an intent nor a text.
func appendUserStep(b []byte, u *dialogue.UserUttered, usesText bool) []byte {
	lead := "  - "
	if intent := u.Parse.Intent; intent.Name != "" && !usesText {
		name := intent.Name
		if full, ok := intent.Extra["full_retrieval_intent_name"].(string); ok && full != "" {
			name = full
		}
		b = project.AppendYAML(append(b, "  - intent:"...), name, 4)
		lead = "    "
	}
	if u.Text == nil || *u.Text == "" {
		return b
	}
	b = append(b, lead...)
	b = append(b, "user:"...)
	return project.AppendBlock(b, annotated(*u.Text, u.Parse.Entities), 4)
}

// inlineEntity is an entity as it is written in training data; in a message it stands for its text.
var inlineEntity = regexp.MustCompile(`\[([^\]]+?)\](?:\([^:)]+?(?::[^)]+)?\)|\{[^}]+?\}|\[.*?\])`)

// annotated is a message with its entities marked in it, as training data does.
func annotated(text string, entities []dialogue.Entity) string {
	return project.Annotate(inlineEntity.ReplaceAllString(text, "$1"), entities)
}
