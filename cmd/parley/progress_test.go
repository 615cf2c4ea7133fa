package main

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProgressOffTerminalIsALineWhenAPartIsDone(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, false)
	p.report("DIETClassifier", 0)
	p.report("DIETClassifier", .5)
	p.report("MemoizationPolicy", 1)
	p.report("DIETClassifier", .4) // never back
	p.report("DIETClassifier", 1)
	p.report("DIETClassifier", 1)
	p.finish()
	got := regexp.MustCompile(`[0-9.]+ s`).ReplaceAllString(out.String(), "T")
	if diff := cmp.Diff("MemoizationPolicy: done (T)\nDIETClassifier: done (T)\n", got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProgressOnATerminalLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out, true)
	var wg sync.WaitGroup
	for _, part := range []string{"a", "b"} {
		wg.Go(func() {
			for i := range 101 {
				p.report(part, float64(i)/100)
			}
		})
	}
	wg.Wait()
	p.finish()
	if !strings.Contains(out.String(), "%") {
		t.Errorf("no bar was drawn: %q", out.String())
	}
	if strings.Contains(out.String(), "\n") {
		t.Errorf("the bar was left behind: %q", out.String())
	}
}
