package project_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/project"
)

// writeLargeProject writes a project with many examples and stories; list chooses the long form of examples.
func writeLargeProject(tb testing.TB, examples, stories int, list bool) project.Paths {
	tb.Helper()
	const intents = 200
	dir := tb.TempDir()
	var domain, data, story strings.Builder
	domain.WriteString("version: \"3.1\"\nintents:\n")
	data.WriteString("version: \"3.1\"\nnlu:\n")
	for i := range intents {
		fmt.Fprintf(&domain, "- intent_%d\n", i)
		fmt.Fprintf(&data, "- intent: intent_%d\n", i)
		if list {
			data.WriteString("  examples:\n")
		} else {
			data.WriteString("  examples: |\n")
		}
		for j := range examples / intents {
			text := fmt.Sprintf("book a table in [Rome](city) for [%d]{\"entity\": \"number\", \"role\": \"people\"} please %d", j, i)
			if j%3 > 0 {
				text = fmt.Sprintf("could you tell me about the thing number %d of kind %d", j, i)
			}
			if list {
				fmt.Fprintf(&data, "  - text: |\n      %s\n", text)
			} else {
				fmt.Fprintf(&data, "    - %s\n", text)
			}
		}
	}
	domain.WriteString("entities: [city, number]\nslots:\n  city:\n    type: text\n    mappings:\n    - type: from_entity\n      entity: city\nactions:\n")
	for i := range 100 {
		fmt.Fprintf(&domain, "- action_%d\n", i)
	}
	story.WriteString("version: \"3.1\"\nstories:\n")
	for i := range stories {
		fmt.Fprintf(&story, "- story: story %d\n  steps:\n", i)
		for j := range 5 {
			fmt.Fprintf(&story, "  - intent: intent_%d\n    entities:\n    - city: Rome\n  - slot_was_set:\n    - city: Rome\n  - action: action_%d\n", (i*7+j)%intents, (i+j)%100)
		}
	}
	for name, b := range map[string]*strings.Builder{"domain.yml": &domain, "data/nlu.yml": &data, "data/stories.yml": &story} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return project.Paths{Domain: filepath.Join(dir, "domain.yml"), Data: []string{filepath.Join(dir, "data")}}
}

func BenchmarkLoad(b *testing.B) {
	for _, list := range []bool{false, true} {
		b.Run(fmt.Sprintf("list=%t", list), func(b *testing.B) {
			paths := writeLargeProject(b, 200_000, 5_000, list)
			b.ReportAllocs()
			for b.Loop() {
				p, err := project.Load(paths)
				if err != nil {
					b.Fatal(err)
				}
				if len(p.NLU.Examples) != 200_000 || len(p.Steps) != 5_000 {
					b.Fatalf("%d examples, %d steps", len(p.NLU.Examples), len(p.Steps))
				}
			}
		})
	}
}
