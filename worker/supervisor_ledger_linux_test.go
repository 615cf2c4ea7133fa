package worker_test

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"parley/livetest"
	"parley/worker"
)

func TestTurnsThatWereAnsweredAreCountedThoughTheirWorkerIsKilled(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{}).ready(2)
	var answered, unanswered atomic.Int64
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		c := client(t, true)
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := ask(c, f.addr, "hi"); err != nil {
					unanswered.Add(1) // the worker may have counted it
				} else {
					answered.Add(1)
				}
			}
		})
	}
	for round := range 3 {
		before := answered.Load()
		livetest.Await(t, "some are answered", func() bool { return answered.Load() >= before+50 })
		for _, pid := range worker.PIDs(f.s) {
			kill(t, pid, syscall.SIGKILL)
		}
		livetest.Await(t, "both are started again", func() bool {
			return f.sum("parley_worker_restarts_total", "cause=signal") == float64(2*(round+1))
		})
		f.ready(2)
	}
	stop()
	wg.Wait()
	f.s.Scrape(t.Context())
	counted, acked := int64(f.sum("parley_turns_total", "channel=rest")), answered.Load()
	if counted < acked || counted > acked+unanswered.Load() {
		t.Errorf("%d turns are counted, %d were answered and %d requests got no answer", counted, acked, unanswered.Load())
	}
}
