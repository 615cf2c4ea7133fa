package evaluate

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"parley/dialogue"
	"parley/project"
)

// Failed are the stories that failed, in YAML, with what was predicted in comments (failed_test_stories.yml).
func (r *StoryResult) Failed() []byte {
	return inYAML(r.where(func(s *Story) bool { return s.Failed }), "None of the test stories failed - all good!")
}

// Successful are the stories that did not fail, in YAML (successful_test_stories.yml).
func (r *StoryResult) Successful() []byte {
	return inYAML(r.where(func(s *Story) bool { return !s.Failed }), "None of the test stories succeeded :(")
}

// Warnings are the stories with warnings, in YAML, the worst first (stories_with_warnings.yml).
func (r *StoryResult) Warnings() []byte {
	stories := r.where(func(s *Story) bool { return s.Warned })
	slices.SortStableFunc(stories, func(a, b *Story) int { return cmp.Compare(b.severity, a.severity) })
	return inYAML(stories, "No warnings for test stories")
}

func (r *StoryResult) where(is func(*Story) bool) []*Story {
	var stories []*Story
	for i := range r.Stories {
		if is(&r.Stories[i]) {
			stories = append(stories, &r.Stories[i])
		}
	}
	return stories
}

// inYAML are stories, or a comment that there are none.
func inYAML(stories []*Story, none string) []byte {
	if len(stories) == 0 {
		return []byte("# " + none)
	}
	return appendStories(nil, stories)
}

// appendStories writes stories as test files have them.
func appendStories(b []byte, stories []*Story) []byte {
	b = append(b, "version: \"3.1\"\nstories:\n"...)
	for _, s := range stories {
		b = project.AppendYAML(append(b, "- story:"...), s.title(), 2)
		steps := s.appendSteps(nil)
		if len(steps) == 0 {
			b = append(b, "  steps: []\n"...)
			continue
		}
		b = append(append(b, "  steps:\n"...), steps...)
	}
	return b
}

// appendSteps writes all events, also those that a form's happy path hides from policies.
func (s *Story) appendSteps(b []byte) []byte {
	for _, e := range s.tracker.Events(0) {
		n := s.notes[e]
		switch e := e.(type) {
		case *dialogue.UserUttered:
			b = appendMessage(b, e, n)
		case *dialogue.ActionExecuted:
			b = appendAction(b, e, n)
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

func appendAction(b []byte, e *dialogue.ActionExecuted, n *note) []byte {
	switch {
	case n != nil && n.unlikely || e.Name == dialogue.RuleSnippetAction:
		return b
	case n == nil && slices.Contains([]string{dialogue.ActionListen, dialogue.ActionSessionStart, dialogue.ActionUnlikelyIntent}, e.Name):
		return b
	case e.Name != "":
		b = project.AppendYAML(append(b, "  - action:"...), e.Name, 4)
	case n != nil: // the comment wants a line of its own
		b = project.AppendYAML(append(b, "  - bot:"...), oneLine(e.Text), 4)
	default:
		b = project.AppendYAML(append(b, "  - bot:"...), e.Text, 4)
	}
	if n != nil {
		b = appendComment(b, n.comment)
	}
	return b
}

func appendMessage(b []byte, e *dialogue.UserUttered, n *note) []byte {
	hasText := e.Text != nil && *e.Text != ""
	name := e.Parse.Intent.Name
	if full, _ := e.Parse.Intent.Extra["full_retrieval_intent_name"].(string); full != "" {
		name = full
	}
	lines, listed := entityLines(e, n)
	lead := "  - "
	if e.Parse.Intent.Name != "" {
		b = project.AppendYAML(append(b, lead+"intent:"...), name, 4)
		lead = "    "
		if n != nil {
			b = appendComment(b, n.comment)
		}
	} else if hasText {
		b = project.AppendYAML(append(b, lead+"user:"...), project.Annotate(oneLine(*e.Text), e.Parse.Entities), 4)
		lead = "    "
		if n != nil {
			b = appendComment(b, n.comment)
		}
	}
	if len(e.Parse.Entities) == 0 {
		return b
	}
	if !listed {
		return append(b, lead+"entities: []\n"...)
	}
	return append(append(b, lead+"entities:\n"...), lines...)
}

// entityLines lists the entities of a message. Of a misunderstood one only those are listed at whose place something was found.
func entityLines(e *dialogue.UserUttered, n *note) (lines []byte, listed bool) {
	write := func(x *dialogue.Entity, comment string) {
		listed = true
		if x.Value == nil {
			lines = project.AppendYAML(append(lines, "    -"...), x.Entity, 4)
			return
		}
		lines = append(lines, "    - "...)
		lines = append(lines, strings.TrimPrefix(strings.TrimSuffix(string(project.AppendYAML(nil, x.Entity, 4)), "\n"), " ")...)
		lines = project.AppendYAML(append(lines, ':'), x.Value, 6)
		if comment != "" {
			lines = appendComment(lines, comment)
		}
	}
	for i := range e.Parse.Entities {
		x := &e.Parse.Entities[i]
		if n == nil || !n.wrongMessage || x.Value == nil {
			write(x, "")
			continue
		}
		for j := range n.found {
			found := &n.found[j]
			switch {
			case found.Start != x.Start:
			case found.Entity == x.Entity:
				write(x, "")
			default:
				value, _ := found.Value.(string)
				write(x, "predicted: "+found.Entity+": "+value)
			}
		}
	}
	return lines, listed
}

// commentOnMessage tells what was understood.
func commentOnMessage(text, intent string, entities []dialogue.Entity) string {
	if intent == "" {
		intent = "None"
	}
	return "predicted: " + intent + ": " + project.Annotate(text, entities)
}

// appendComment puts a comment at the end of the last line.
func appendComment(b []byte, comment string) []byte {
	b = append(b[:len(b)-1], "  # "...)
	return append(append(b, oneLine(comment)...), '\n')
}

// oneLine is a text without line breaks and other control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) && !unicode.Is(unicode.Cf, r) || r == 0xFEFF {
			return ' '
		}
		return r
	}, s)
}
