package agent_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"parley/action"
	"parley/agent"
	"parley/dialogue"
	"parley/metrics"
	"parley/model"
	"parley/project"
	"parley/trackerstore"
)

// BenchmarkMeasuring tells what measuring a turn costs: turns with and without metrics in turn, and how many percent more of a
// processor's time the first took.
func BenchmarkMeasuring(b *testing.B) {
	const starter = "../examples/starter/"
	p, err := project.Load(project.Paths{Config: starter + "config.yml", Domain: starter + "domain.yml", Data: []string{starter + "data"}})
	if err != nil {
		b.Fatal(err)
	}
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	m.AllowStores("memory")
	var agents [2]*agent.Agent
	for i, measure := range []*metrics.Metrics{nil, m} {
		trained, err := model.Train(b.Context(), p, model.Options{})
		if err != nil {
			b.Fatal(err)
		}
		observer := trackerstore.Observer{Committed: measure.Committed}
		store := trackerstore.NewMemoryWith(trackerstore.MemoryConfig{Observer: observer})
		if agents[i], err = agent.New(agent.Config{Conversations: store, Actions: action.Config{}, Metrics: measure}); err != nil {
			b.Fatal(err)
		}
		if err := agents[i].Swap(trained); err != nil {
			b.Fatal(err)
		}
	}
	text := "hi"
	send := func(dialogue.BotMessage) error { return nil }
	runtime.LockOSThread() // whose time is measured
	var took [2]time.Duration
	for n := 0; b.Loop(); n++ {
		for i := range agents {
			if n%2 == 1 {
				i = 1 - i
			}
			msg := dialogue.UserMessage{SenderID: fmt.Sprint(n / 8), Text: &text, InputChannel: "rest"}
			begun := threadTime(b)
			if err := agents[i].Handle(b.Context(), msg, send); err != nil {
				b.Fatal(err)
			}
			took[i] += threadTime(b) - begun
		}
	}
	b.ReportMetric(100*(float64(took[1])/float64(took[0])-1), "%overhead")
	b.ReportMetric(float64(took[0])/float64(b.N), "cpu-ns/turn")
}

// threadTime is the processor's time that this thread has had.
func threadTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
