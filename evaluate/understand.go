package evaluate

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"parley/dialogue"
	"parley/model"
	"parley/nlu"
)

// understand is what a model makes of a text, as it would in a conversation: the shortcut /intent before the pipeline. A model
// without a pipeline understands nothing else.
func understand(ctx context.Context, m *model.Model, text string) (dialogue.Parse, error) {
	text = strings.TrimSpace(text)
	known := m.Domain
	if m.Policies == nil {
		known = nil // trained without a domain: every name is taken
	}
	shortcut, isShortcut, _ := nlu.Shortcut(text, known)
	if m.NLU == nil {
		if isShortcut {
			return shortcut, nil
		}
		return dialogue.Parse{Text: &text, Entities: []dialogue.Entity{}}, nil
	}
	if isShortcut {
		return shortcut, nil
	}
	return m.NLU.Parse(ctx, text)
}

// each calls do for 0 to n-1, spread over the processors, and tells progress after each. It returns the first error.
func each(ctx context.Context, n int, progress func(done, total int), do func(ctx context.Context, i int) error) error {
	g, running := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	report := counter(n, progress)
	for i := range n {
		if running.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := do(running, i); err != nil {
				return err
			}
			report()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// counter gives a function that tells progress each time that it is called.
func counter(n int, progress func(done, total int)) func() {
	if progress == nil {
		return func() {}
	}
	var done atomic.Int64
	return func() { progress(int(done.Add(1)), n) }
}
