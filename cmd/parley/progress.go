package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far the parts of a long work are: bars on a terminal, elsewhere a line when a part is done.
// It is safe for concurrent use; parts may run side by side.
type progress struct {
	w        io.Writer
	terminal bool
	start    time.Time

	mu    sync.Mutex
	parts []*part
	bar   *progressbar.ProgressBar
}

// part is one part of the work.
type part struct {
	name string
	done float64
}

func newProgress(w io.Writer, terminal bool) *progress {
	return &progress{w: w, terminal: terminal, start: time.Now()}
}

// report says how far a part is, from 0 to 1.
func (p *progress) report(name string, done float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.part(name)
	if done < at.done || at.done >= 1 {
		return
	}
	at.done = done
	if p.terminal {
		p.draw(name)
		return
	}
	if done >= 1 {
		_, _ = fmt.Fprintf(p.w, "%s: done (%.1f s)\n", name, time.Since(p.start).Seconds())
	}
}

func (p *progress) part(name string) *part {
	for _, at := range p.parts {
		if at.name == name {
			return at
		}
	}
	at := &part{name: name}
	p.parts = append(p.parts, at)
	return at
}

// draw moves the bar: it stands for all parts known so far, and names the one that moved.
func (p *progress) draw(name string) {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(1000,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(65*time.Millisecond),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionClearOnFinish())
	}
	sum := 0.0
	for _, at := range p.parts {
		sum += at.done
	}
	p.bar.Describe(fmt.Sprintf("%-28.28s", name))
	_ = p.bar.Set(int(990 * sum / float64(len(p.parts)))) // a bar that cannot be drawn is no reason to stop
}

// finish removes the bar.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear() // as above
	}
}
