package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// writeLargeProject writes a project with many examples and stories; list chooses the long form of examples.
func writeLargeProject(tb testing.TB, examples, stories int, list bool) string {
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
	for name, content := range map[string]string{
		"config.yml": "recipe: default.v1\nassistant_id: large\nlanguage: en\n", "domain.yml": domain.String(), "data/nlu.yml": data.String(), "data/stories.yml": story.String(),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// BenchmarkLargeProject reads a project of 200 000 examples and 5 000 stories in a process of its own and reports its processor
// seconds and its peak memory.
func BenchmarkLargeProject(b *testing.B) {
	for _, list := range []bool{false, true} {
		b.Run(fmt.Sprintf("list=%t", list), func(b *testing.B) {
			dir := writeLargeProject(b, 200_000, 5_000, list)
			cpu, peak := 0.0, int64(0)
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), os.Args[0], "data", "show", dir, "--quiet")
				cmd.Env = append(os.Environ(), runAsCommand+"=1")
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "examples   200000") || !strings.Contains(string(out), "story steps5000") {
					b.Fatalf("%v: %s", err, out)
				}
				cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
				if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
					peak = max(peak, usage.Maxrss)
				}
			}
			b.ReportMetric(cpu/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(peak)/1024, "peak-MB")
		})
	}
}
