package project_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/project"
)

func TestCheckpointsInARowDoNotDoubleTheSteps(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("stories:\n- story: s\n  steps:\n  - intent: greet\n")
	for i := range 40 {
		fmt.Fprintf(&b, "  - checkpoint: c%d\n", i)
	}
	p, _ := load(t, map[string]string{"domain.yml": plainDomain, "data/s.yml": b.String()})
	if len(p.Steps) != 40 {
		t.Errorf("%d steps, want one for each checkpoint", len(p.Steps))
	}
}

func TestAlternativesOfDifferentStoriesNeverMeet(t *testing.T) {
	t.Parallel()
	or := "  - or:\n    - intent: greet\n    - intent: bye\n  - action: utter_x\n"
	p, _ := load(t, map[string]string{
		"domain.yml": "intents: [greet, bye]\n",
		"data/s.yml": "stories:\n- story: one\n  steps:\n" + or + "- story: two\n  steps:\n" + or + "- story: two\n  steps:\n" + or,
	})
	var names []string
	for _, s := range p.Steps {
		for _, c := range s.End {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) != 2 {
		t.Errorf("checkpoints %v: stories with one name and one content share theirs, others must not", names)
	}
	for _, name := range names {
		if len(name) != len("GENR_OR_12345") {
			t.Errorf("the checkpoint %q is not named as in the reference", name)
		}
	}
}

func TestEventsOfStoriesKeepTheirLines(t *testing.T) {
	t.Parallel()
	p, dir := load(t, map[string]string{
		"domain.yml": plainDomain,
		"data/s.yml": "stories:\n- story: one\n  steps:\n  - intent: greet\n  - action: action_a\n- story: two\n  steps:\n  - action: action_a\n  - action: action_b\n",
	})
	var got []string
	for _, problem := range project.Validate(p) {
		if problem.Code == "unknown-action" {
			got = append(got, fmt.Sprintf("%s:%d", strings.TrimPrefix(problem.File, dir+"/"), problem.Line))
		}
	}
	if want := []string{"data/s.yml:5", "data/s.yml:9"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if p.Steps[1].Line != 6 {
		t.Errorf("the second story begins in line %d", p.Steps[1].Line)
	}
}
