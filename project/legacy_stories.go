package project

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"parley/dialogue"
)

// readMarkdown reads the stories of an older project's Markdown file (spec project-files §2.16).
func (s *storyReader) readMarkdown(path string, data []byte) {
	m := &markdownStories{storyReader: s, src: &source{name: path, size: len(data)}}
	base := filepath.Base(path)
	s.test = strings.HasPrefix(base, "test_") || strings.HasSuffix(base, "_tests.md")
	for line := range markdownLines(string(data)) {
		m.at = &node{src: m.src, line: int32(line.number), kind: kindMap} //nolint:gosec // files are bounded
		if !m.line(line.text) {
			break // the reference gives a file up at its first error
		}
	}
	m.close()
	s.written, s.lost = append(s.written, m.written...), append(s.lost, m.lost...)
}

// markdownStories reads one file line by line.
type markdownStories struct {
	*storyReader
	src *source
	at  *node // the line, for messages

	written []*node // the stories and rules as YAML
	lost    []Problem
}

// close ends the open story.
func (m *markdownStories) close() {
	if m.b != nil {
		m.steps = append(m.steps, m.b.finish()...)
		m.b = nil
	}
}

// begin opens a story or rule.
func (m *markdownStories) begin(name string, rule bool) {
	m.close()
	m.name, m.title = strings.TrimSpace(strings.TrimLeft(name, "#")), "story"
	if rule {
		m.title = "rule"
	}
	at := m.at
	m.b = &stepBuilder{
		names: m.names, places: m.places, place: place{m.src.name, int(at.line)},
		step: dialogue.StoryStep{Name: m.name, Rule: rule, File: m.src.name, Line: int(at.line)},
		warn: func(format string, args ...any) {
			m.warnAt(at, "checkpoint-condition", "conditions belong to the checkpoint at which a story begins", format, args...)
		},
	}
	if rule {
		m.b.event(&dialogue.ActionExecuted{Name: dialogue.RuleSnippetAction})
	}
	m.written = append(m.written, newMap(at).with(m.title, newText(m.name, at)).with("steps", newList(at)))
}

// write adds a step to the story that is written as YAML.
func (m *markdownStories) write(key string, value *node, more ...*node) {
	step := newMap(m.at).with(key, value)
	step.kids = append(step.kids, more...)
	steps := m.written[len(m.written)-1].get("steps")
	steps.kids = append(steps.kids, step)
}

// settings are the pairs of a mapping as a list of mappings with one pair each, behind their key; nothing if there are none.
func settings(key string, n *node) []*node {
	if n.size() == 0 {
		return nil
	}
	list := newList(n)
	for _, p := range n.pairs {
		one := newMap(p.key)
		one.kids = []*node{p.key, p.value}
		list.kids = append(list.kids, one)
	}
	return []*node{newText(key, n), list}
}

// line reads one line; false means that the file is given up.
func (m *markdownStories) line(text string) bool {
	switch {
	case strings.HasPrefix(text, "#"):
		m.begin(text, false)
		return true
	case strings.HasPrefix(text, ">>"):
		m.begin(text[2:], true)
		return true
	}
	if !strings.ContainsRune(">*-", rune(text[0])) {
		m.warnAt(m.at, "unknown-line", "", "a line that says nothing is skipped: %q", clip(text))
		return true
	}
	if m.b == nil {
		m.errorAt(m.at, classStoryParse, "no-header", "begin with a line like ## name of the story", "the line %q stands before the first story", clip(text))
		return false
	}
	m.b.place = place{m.src.name, int(m.at.line)}
	rest := strings.TrimSpace(text[1:])
	switch text[0] {
	case '>':
		return m.checkpointLine(rest)
	case '*':
		return m.userLine(rest)
	default:
		return m.eventLine(rest)
	}
}

// named splits a line like name{"key": "value"} into its name and its parameters.
func (m *markdownStories) named(text string) (name string, parameters *node, ok bool) {
	i := strings.IndexByte(text, '{')
	if i < 0 {
		return strings.TrimSpace(text), newMap(m.at), true
	}
	end := strings.LastIndexByte(text, '}')
	body := text[i:]
	if end > i {
		body = text[i : end+1]
	}
	parameters, err := parseJSON(m.src, []byte(body))
	if err != nil || parameters.kind != kindMap {
		m.errorAt(m.at, classStoryParse, "bad-json", `write name{"key": "value"}`, "what stands in braces is no JSON object: %s", clip(body))
		return "", nil, false
	}
	return strings.TrimSpace(text[:i]), parameters, true
}

func (m *markdownStories) checkpointLine(text string) bool {
	name, parameters, ok := m.named(text)
	if !ok {
		return false
	}
	cp := dialogue.Checkpoint{Name: name}
	for k, p := range parameters.pairs {
		cp.Conditions = append(cp.Conditions, dialogue.SlotSet{Name: k, Value: p.value.value()})
	}
	m.b.checkpoint(cp)
	m.write("checkpoint", newText(name, m.at), settings("slot_was_set", parameters)...)
	return true
}

// userLine reads what the user said: an intent, alternatives, or an intent with an annotated text.
func (m *markdownStories) userLine(text string) bool {
	if strings.HasPrefix(text, "form:") {
		return true // written by forms themselves
	}
	if intent, said, ok := annotatedTurn(text); ok {
		return m.annotated(intent, said)
	}
	var alternatives []dialogue.Event
	list := newList(m.at)
	for part := range strings.SplitSeq(text, " OR ") {
		u, ok := m.turn(strings.TrimSpace(part))
		if !ok {
			return false
		}
		alternatives = append(alternatives, u)
		entities := newMap(m.at)
		for i := range u.Parse.Entities {
			entities.kids = append(entities.kids, newText(u.Parse.Entities[i].Entity, m.at), plainNode(u.Parse.Entities[i].Value))
		}
		step := newMap(m.at).with("intent", newText(u.Parse.Intent.Name, m.at))
		step.kids = append(step.kids, settings("entities", entities)...)
		list.kids = append(list.kids, step)
	}
	m.b.alternatives(alternatives)
	if len(list.kids) == 1 {
		m.write("intent", list.kids[0].kids[1], list.kids[0].kids[2:]...)
	} else {
		m.write("or", list)
	}
	return true
}

// annotatedTurn splits a line like "inform: I live in [Rome](city)".
func annotatedTurn(text string) (intent, said string, ok bool) {
	intent, said, ok = strings.Cut(text, ":")
	if !ok || said == "" || said[0] != ' ' || strings.ContainsAny(intent, "{[@ ") {
		return "", "", false
	}
	return intent, strings.TrimSpace(said), true
}

func (m *markdownStories) annotated(intent, said string) bool {
	plain, entities, err := parseAnnotations(said)
	if err != nil {
		m.annotationProblem(err, m.at, int(m.at.line))
		return false
	}
	if strings.HasPrefix(plain, "/") {
		entities = m.shortcutEntities(plain, m.at)
	}
	u := &dialogue.UserUttered{Text: &plain}
	u.Parse.Text, u.Parse.Entities = &plain, entities
	u.Parse.Intent = m.intent(newMap(m.at).with("intent", newText(intent, m.at)), false)
	m.b.event(u)
	m.write("user", newText(said, m.at), newText("intent", m.at), newText(intent, m.at))
	return true
}

// turn reads an intent with its entities: inform@0.9{"city": "Rome"}, or _inform[city=Rome] of the first versions.
func (m *markdownStories) turn(text string) (*dialogue.UserUttered, bool) {
	parameters := newMap(m.at)
	name := text
	if open := strings.IndexByte(text, '['); strings.HasPrefix(text, "_") && (open < 0 || strings.HasSuffix(text, "]")) {
		if open >= 0 {
			name = text[:open]
			for pairText := range strings.SplitSeq(text[open+1:len(text)-1], ",") {
				if k, v, ok := strings.Cut(pairText, "="); ok {
					parameters = parameters.with(strings.TrimSpace(k), newText(strings.TrimSpace(v), m.at))
				}
			}
		}
		name = strings.ToLower(strings.TrimPrefix(name, "_"))
	} else {
		var ok bool
		if name, parameters, ok = m.named(text); !ok {
			return nil, false
		}
	}
	name, _, _ = strings.Cut(name, "@")
	name = strings.TrimPrefix(name, "/")
	u := &dialogue.UserUttered{}
	u.Parse.Intent = m.intent(newMap(m.at).with("intent", newText(name, m.at)), true)
	for k, p := range parameters.pairs {
		values := []*node{p.value}
		if p.value.kind == kindList {
			values = p.value.kids
		}
		for _, v := range values {
			u.Parse.Entities = append(u.Parse.Entities, dialogue.Entity{Entity: k, Value: v.value(), Start: -1, End: -1})
		}
	}
	return u, true
}

// eventLine reads an action or an event.
func (m *markdownStories) eventLine(text string) bool {
	if strings.HasPrefix(text, "form:") {
		return true // written by forms themselves
	}
	if rest, ok := strings.CutPrefix(text, `slot["`); ok { // of the first versions
		name, _, _ := strings.Cut(rest, `"`)
		m.b.event(&dialogue.SlotSet{Name: name, Value: ""})
		m.write("slot_was_set", settings("", newMap(m.at).with(name, newText("", m.at)))[1])
		return true
	}
	name, parameters, ok := m.named(text)
	if !ok {
		return false
	}
	switch dialogue.Kind(name) {
	case dialogue.KindSlot:
		for k, p := range parameters.pairs {
			m.b.event(&dialogue.SlotSet{Name: k, Value: p.value.value()})
		}
		if list := settings("slot_was_set", parameters); list != nil {
			m.write("slot_was_set", list[1])
		}
		return true
	case dialogue.KindForm, dialogue.KindActiveLoop:
		m.b.event(&dialogue.ActiveLoop{Name: plainText(parameters.get("name"))})
		m.write("active_loop", cmp.Or(parameters.get("name"), placed(kindNull, "", m.at)))
		return true
	case dialogue.KindFollowup:
		m.b.event(&dialogue.FollowupAction{Name: keyText(parameters, "name")})
	case dialogue.KindExport:
		m.b.event(&dialogue.StoryExported{Path: keyText(parameters, "path")})
	case dialogue.KindReminder:
		kill := parameters.get("kill_on_user_msg")
		m.b.event(&dialogue.ReminderScheduled{
			Intent: keyText(parameters, "intent"), DateTime: keyText(parameters, "date_time"), Name: keyText(parameters, "name"),
			Entities: parameters.get("entities").value(), KillOnUserMessage: kill == nil || kill.truthy(),
		})
	default:
		return m.plainEvent(name)
	}
	m.lost = append(m.lost, at(m.at, Problem{
		Severity: SeverityWarning, Code: "no-such-step", Hint: "let an action return it", Message: fmt.Sprintf("the event %q cannot stand in a story any more: it is left out", name),
	}))
	return true
}

// plainEvent is an event without parameters, or an action.
func (m *markdownStories) plainEvent(name string) bool {
	if name == "" {
		m.warnAt(m.at, "empty-action", "name the action", "an action without a name is skipped")
		return true
	}
	if !isEventName(name) {
		m.b.event(&dialogue.ActionExecuted{Name: name})
		m.write("action", newText(name, m.at))
		return true
	}
	e, ok := namedEvent(name)
	if !ok {
		m.errorAt(m.at, classStoryParse, "event-name", "rename the action", "%q is the name of an event that cannot stand in a story", name)
		return false
	}
	m.b.event(e)
	m.write("action", newText(name, m.at))
	return true
}
