package worker

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"parley/dialogue"
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
		b = append(b, "- story: "...)
		b = appendYAMLString(b, title)
		b = append(b, "\n  steps:"...)
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
				b = append(b, "  - bot: "...)
				b = append(appendYAMLString(b, e.Text), '\n')
			default:
				b = append(b, "  - action: "...)
				b = append(appendYAMLString(b, e.Name), '\n')
			}
		case *dialogue.SlotSet:
			b = append(b, "  - slot_was_set:\n    - "...)
			b = appendYAMLString(b, e.Name)
			b = appendYAMLValue(append(b, ':'), e.Value, 6)
		case *dialogue.ActiveLoop:
			b = append(b, "  - active_loop: "...)
			if e.Name == "" {
				b = append(b, "null\n"...)
			} else {
				b = append(appendYAMLString(b, e.Name), '\n')
			}
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

func appendUserStep(b []byte, u *dialogue.UserUttered, usesText bool) []byte {
	lead := "  - "
	if intent := u.Parse.Intent; intent.Name != "" && !usesText {
		name := intent.Name
		if full, ok := intent.Extra["full_retrieval_intent_name"].(string); ok && full != "" {
			name = full
		}
		b = append(b, "  - intent: "...)
		b = append(appendYAMLString(b, name), '\n')
		lead = "    "
	}
	if u.Text == nil || *u.Text == "" {
		if lead == "  - " {
			return append(b, "  - {}\n"...)
		}
		return b
	}
	b = append(b, lead...)
	b = append(b, "user: "...)
	return appendYAMLBlock(b, annotated(*u.Text, u.Parse.Entities), 6)
}

// inlineEntity is an entity as it is written in training data; in a message it stands for its text.
var inlineEntity = regexp.MustCompile(`\[([^\]]+?)\](?:\([^:)]+?(?::[^)]+)?\)|\{[^}]+?\}|\[.*?\])`)

// annotated is a message with its entities marked in it, as training data does.
func annotated(text string, entities []dialogue.Entity) string {
	text = inlineEntity.ReplaceAllString(text, "$1")
	if strings.HasPrefix(text, "/") {
		return text // entities stand in it already
	}
	runes := []rune(text)
	marked := slices.DeleteFunc(slices.Clone(entities), func(e dialogue.Entity) bool {
		return e.Start < 0 || e.End > len(runes) || e.Start > e.End
	})
	slices.SortStableFunc(marked, func(a, b dialogue.Entity) int { return a.Start - b.Start })
	var out strings.Builder
	at := 0
	for i := 0; i < len(marked); {
		same := i + 1 // entities of one span are written together
		for same < len(marked) && marked[same].Start == marked[i].Start && marked[same].End == marked[i].End {
			same++
		}
		first := marked[i]
		span := string(runes[first.Start:first.End])
		if first.Start > at {
			out.WriteString(string(runes[at:first.Start]))
		}
		out.WriteString("[" + span + "]")
		if same-i == 1 {
			out.WriteString(entityNote(first, span, true))
		} else {
			notes := make([]string, 0, same-i)
			for _, e := range marked[i:same] {
				notes = append(notes, entityNote(e, span, false))
			}
			out.WriteString("[" + strings.Join(notes, ", ") + "]")
		}
		at = max(at, first.End)
		i = same
	}
	out.WriteString(string(runes[at:]))
	return out.String()
}

// entityNote is what stands behind the span of an entity.
func entityNote(e dialogue.Entity, span string, short bool) string {
	value := e.Value
	if value == span {
		value = nil
	}
	if short && value == nil && e.Role == "" && e.Group == "" {
		return "(" + e.Entity + ")"
	}
	quote := func(v any) string { return string(dialogue.AppendJSON(nil, v)) }
	parts := []string{`"entity": ` + quote(e.Entity)}
	if e.Role != "" {
		parts = append(parts, `"role": `+quote(e.Role))
	}
	if e.Group != "" {
		parts = append(parts, `"group": `+quote(e.Group))
	}
	if value != nil {
		parts = append(parts, `"value": `+quote(value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
