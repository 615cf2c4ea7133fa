package project

import (
	"crypto/md5" //nolint:gosec // names checkpoints as the reference does, protects nothing
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// orPrefix begins the names of the checkpoints behind alternatives.
const orPrefix = "GENR_OR_"

// checkpointNames are the generated names in use, with what they were made of.
type checkpointNames map[string]string

// generate names a checkpoint: the same content gives the same name, different contents never do.
func (c checkpointNames) generate(content string) string {
	sum := md5.Sum([]byte(content)) //nolint:gosec // see above
	digits := hex.EncodeToString(sum[:])
	for n := 5; n < len(digits); n++ {
		name := orPrefix + digits[:n]
		if used, ok := c[name]; !ok || used == content {
			c[name] = content
			return name
		}
	}
	return orPrefix + digits
}

// stepBuilder cuts a story or rule into steps at checkpoints and alternatives (Rasa: story_step_builder.py).
type stepBuilder struct {
	step        dialogue.StoryStep // name, kind and place of all steps
	names       checkpointNames
	warn        func(format string, args ...any)
	places      map[dialogue.Event]place
	place       place // of the step that is being read
	inCondition bool  // events belong to the rule's condition

	done    []dialogue.StoryStep
	current []dialogue.StoryStep // open steps, or steps that ended just now
	start   []dialogue.Checkpoint
}

// open makes sure that there are steps that events can be added to.
func (b *stepBuilder) open() {
	var unfinished []dialogue.StoryStep
	var ends []dialogue.Checkpoint
	for _, s := range b.current {
		if len(s.End) == 0 {
			unfinished = append(unfinished, s)
			continue
		}
		b.done = append(b.done, s)
		for _, e := range s.End {
			if !slices.ContainsFunc(ends, func(c dialogue.Checkpoint) bool { return c.Name == e.Name }) {
				ends = append(ends, dialogue.Checkpoint{Name: e.Name})
			}
		}
	}
	if len(unfinished) > 0 {
		b.current = unfinished
		return
	}
	if len(b.current) == 0 {
		ends = b.start
	}
	if len(ends) == 0 {
		ends = []dialogue.Checkpoint{{Name: dialogue.StoryStart}}
	}
	next := b.step
	next.Start = ends
	b.current = []dialogue.StoryStep{next}
}

// event adds an event to all open steps.
func (b *stepBuilder) event(e dialogue.Event) {
	b.open()
	b.note(e)
	for i := range b.current {
		s := &b.current[i]
		if b.inCondition && s.Rule {
			s.ConditionEvents = append(s.ConditionEvents, len(s.Events))
		}
		s.Events = append(s.Events, e)
	}
}

// note remembers where an event stands.
func (b *stepBuilder) note(e dialogue.Event) {
	if _, noted := b.places[e]; !noted && b.places != nil && b.place.line > 0 {
		b.places[e] = b.place
	}
}

// noteAt remembers that an event stands at a node of its own.
func (b *stepBuilder) noteAt(e dialogue.Event, n *node) {
	if b.places != nil && n.src != nil {
		b.places[e] = place{n.src.name, int(n.line)}
	}
}

// alternatives adds one of several events: each open step is copied for each of them, and all copies end in one checkpoint.
func (b *stepBuilder) alternatives(events []dialogue.Event) {
	if len(events) == 1 {
		b.event(events[0])
		return
	}
	b.open()
	name := b.names.generate(b.content(events))
	for _, e := range events {
		b.note(e)
	}
	var updated []dialogue.StoryStep
	for _, s := range b.current {
		for _, e := range events {
			c := s
			c.Events = append(slices.Clone(s.Events), e)
			c.ConditionEvents = slices.Clone(s.ConditionEvents)
			c.End = []dialogue.Checkpoint{{Name: name}}
			updated = append(updated, c)
		}
	}
	b.current = updated
}

// content is what a generated checkpoint's name is made of: the block's name, the events so far, the start checkpoints and
// the sorted alternatives.
func (b *stepBuilder) content(events []dialogue.Event) string {
	var c strings.Builder
	c.WriteString(b.step.Name)
	for _, s := range b.current {
		for _, cp := range s.Start {
			c.WriteString("\n> " + cp.Name)
		}
		for _, e := range s.Events {
			c.WriteString("\n" + eventText(e))
		}
	}
	alternatives := make([]string, len(events))
	for i, e := range events {
		alternatives[i] = eventText(e)
	}
	slices.Sort(alternatives)
	c.WriteString("\nor " + strings.Join(alternatives, "\nor "))
	return c.String()
}

// checkpoint ends the open steps, or names where the story begins.
func (b *stepBuilder) checkpoint(cp dialogue.Checkpoint) {
	if len(b.current) == 0 {
		b.start = append(b.start, cp)
		return
	}
	if len(cp.Conditions) > 0 {
		b.warn("the checkpoint %q does not begin %q: its conditions are ignored", cp.Name, b.step.Name)
	}
	end := []dialogue.Checkpoint{{Name: cp.Name}}
	var additional []dialogue.StoryStep
	for i := range b.current {
		if len(b.current[i].End) == 0 {
			b.current[i].End = end
			continue
		}
		c := b.current[i]
		if slices.ContainsFunc(additional, func(a dialogue.StoryStep) bool { return slices.Equal(a.Events, c.Events) }) {
			continue // the reference keeps equal copies; several checkpoints in a row would double them each time
		}
		c.Events, c.End = slices.Clone(c.Events), end
		additional = append(additional, c)
	}
	b.current = append(b.current, additional...)
}

// finish gives the steps.
func (b *stepBuilder) finish() []dialogue.StoryStep {
	return append(b.done, b.current...)
}

// checkCheckpoints warns about checkpoints at which stories begin but none ends, and the other way round.
func (s *storyReader) checkCheckpoints() {
	begins, ends := map[string]bool{dialogue.StoryStart: true}, map[string]bool{dialogue.StoryStart: true}
	for i := range s.steps {
		for _, c := range s.steps[i].Start {
			begins[c.Name] = true
		}
		for _, c := range s.steps[i].End {
			ends[c.Name] = true
		}
	}
	warn := func(step *dialogue.StoryStep, format, hint string, args ...any) {
		s.report.add(Problem{
			File: step.File, Line: step.Line, Severity: SeverityWarning, Code: "unused-checkpoint", Message: fmt.Sprintf(format, args...), Hint: hint,
		})
	}
	for i := range s.steps {
		step := &s.steps[i]
		for _, c := range step.Start {
			if !ends[c.Name] {
				warn(step, "the story %q begins at the checkpoint %q, where no story ends: it is never used", "end a story with that checkpoint", step.Name, c.Name)
			}
		}
		for _, c := range step.End {
			if !begins[c.Name] && !strings.HasPrefix(c.Name, orPrefix) {
				warn(step, "the story %q ends at the checkpoint %q, where no story begins", "begin a story with that checkpoint, or remove it", step.Name, c.Name)
			}
		}
	}
}
