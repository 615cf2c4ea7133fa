package worker_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"parley/worker"
)

func TestSupervisorRestartsAKilledWorkerAndNoRequestIsLost(t *testing.T) {
	t.Parallel()
	f := supervise(t, 3, worker.Times{}).ready(3)
	before := f.pids(3)
	if got := f.s.Blocked(); len(got) > 0 || !f.s.Started() || !f.s.Alive() {
		t.Errorf("blocked by %v, started %v, alive %v", got, f.s.Started(), f.s.Alive())
	}
	kill(t, before[0], syscall.SIGKILL)
	// Connections that wait at the dead worker's socket are served by its successor.
	stop := f.clients(4, false)
	until(t, "the restart is counted", func() bool { return f.sum("parley_worker_restarts_total", "cause=signal") == 1 })
	f.ready(3)
	if n := stop(); n == 0 {
		t.Error("nobody asked anything")
	}
	after := f.pids(3)
	if slices.Contains(after, before[0]) || !slices.Contains(after, before[1]) || !slices.Contains(after, before[2]) {
		t.Errorf("the workers were %v, then %v; only %d was killed", before, after, before[0])
	}
}

func TestSupervisorWaitsLongerBeforeEachRestart(t *testing.T) {
	t.Parallel()
	var starts []time.Time
	var mu sync.Mutex
	f := supervise(t, 2, worker.Times{BackOff: 40 * time.Millisecond}, func(c *worker.SupervisorConfig) {
		plain := c.Command
		c.Command = func() *exec.Cmd {
			mu.Lock()
			defer mu.Unlock()
			starts = append(starts, time.Now())
			return plain()
		}
	}).ready(2)
	f.part.Store("exit:7@0")
	for _, pid := range f.pids(2) { // whichever has slot 0
		kill(t, pid, syscall.SIGKILL)
	}
	until(t, "slot 0 was started five times more", func() bool { return f.value("parley_worker_restarts_total{cause=exit,slot=0}") >= 4 })
	mu.Lock()
	defer mu.Unlock()
	times := starts[4:] // two at first, two after the kill
	for i := 1; i < len(times); i++ {
		if wait, least := times[i].Sub(times[i-1]), 40*time.Millisecond<<min(i, 3); wait < least {
			t.Errorf("restart %d came after %s, want at least %s", i, wait, least)
		}
	}
}

func TestTheLastWorkerIsMissedMost(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{BackOff: time.Hour, BackOffLast: 50 * time.Millisecond}).ready(2)
	for _, pid := range f.pids(2) {
		kill(t, pid, syscall.SIGKILL)
	}
	until(t, "one is ready, and the other waits", func() bool {
		return f.value("parley_workers{state=ready}") == 1 && f.value("parley_workers{state=backoff}") == 1 &&
			f.sum("parley_worker_restarts_total", "") == 1
	})
	if _, err := ask(client(t, false), f.addr, "hi"); err != nil {
		t.Error(err)
	}
}

func TestAWorkerThatHasServedComesBackSoon(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{BackOff: time.Hour, BackOffServed: 20 * time.Millisecond}).ready(2)
	for round := range 3 {
		for _, pid := range f.pids(2) {
			kill(t, pid, syscall.SIGKILL)
		}
		until(t, "both serve again", func() bool {
			return f.sum("parley_worker_restarts_total", "") == float64(2*(round+1)) && f.value("parley_workers{state=ready}") == 2
		})
	}
}

func TestSocketOfAWorkerThatKeepsCrashingIsServedByAnother(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{CrashLimit: 3, Healthy: 300 * time.Millisecond}).ready(2)
	f.part.Store("exit:7@1")
	for _, pid := range f.pids(2) {
		kill(t, pid, syscall.SIGKILL)
	}
	until(t, "slot 1 counts as failed", func() bool { return f.value("parley_workers{state=failed}") == 1 })
	if got := f.s.Blocked(); len(got) > 0 {
		t.Errorf("blocked by %v, though one worker is well", got)
	}
	// Half of the connections come to the socket of slot 1.
	c := client(t, false)
	seen := map[int]bool{}
	for range 40 {
		pid, err := ask(c, f.addr, "hi")
		if err != nil {
			t.Fatal(err)
		}
		seen[pid] = true
	}
	if len(seen) != 1 {
		t.Errorf("%d processes answer, want the one of slot 0", len(seen))
	}
	f.part.Store("worker")
	until(t, "slot 1 is well again", func() bool { return f.value("parley_workers{state=failed}") == 0 })
	f.ready(2)
}

func TestSupervisorGivesUpWhenNoWorkerStarts(t *testing.T) {
	t.Parallel()
	f := supervise(t, 3, worker.Times{}, func(c *worker.SupervisorConfig) {
		var part atomic.Value
		part.Store("exit:3")
		c.Command = command(&part)
	})
	err := f.end()
	var start *worker.StartError
	if !errors.As(err, &start) || start.Code != 3 {
		t.Errorf("Run: %v, want a StartError with code 3", err)
	}
	if f.s.Started() || len(f.s.Blocked()) == 0 {
		t.Error("it counts as started or ready")
	}
}

func TestSupervisorGivesUpWhenThereIsNoProgram(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) {
		c.Command = func() *exec.Cmd { return exec.Command("/no/such/program") }
	})
	var start *worker.StartError
	if err := f.end(); !errors.As(err, &start) || start.Code != 1 {
		t.Errorf("Run: %v, want a StartError with code 1", err)
	}
}

func TestOthersServeWhileAWorkerIsAway(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"dead": syscall.SIGKILL, "frozen": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := supervise(t, 2, worker.Times{BackOff: time.Hour, Silence: 8 * time.Second}).ready(2)
			away := f.pids(2)[0]
			kill(t, away, sig)
			// About half of the connections come to the socket of the one that is away.
			c, begun := client(t, false), time.Now()
			for range 20 {
				pid, err := ask(c, f.addr, "hi")
				if err != nil || pid == away {
					t.Errorf("process %d answers: %v", pid, err)
				}
			}
			if took := time.Since(begun); took > 7*time.Second {
				t.Errorf("20 requests took %s", took)
			}
			if sig == syscall.SIGSTOP {
				kill(t, away, syscall.SIGCONT)
				until(t, "it answers again", func() bool {
					pid, err := ask(c, f.addr, "hi")
					return err == nil && pid == away
				})
			}
		})
	}
}

func TestHangupReplacesTheWorkersAndNoRequestFails(t *testing.T) {
	t.Parallel()
	f := supervise(t, 3, worker.Times{}).ready(3)
	before := f.pids(3)
	stop := []func() int{f.clients(2, true), f.clients(2, false)}
	f.signals <- syscall.SIGHUP
	f.signals <- syscall.SIGHUP // while the first is under way: once more afterwards
	until(t, "the old workers are gone", func() bool { return !slices.ContainsFunc(before, func(pid int) bool { return !gone(pid) }) })
	for _, s := range stop {
		if s() == 0 {
			t.Error("nobody asked anything")
		}
	}
	f.ready(3)
	for _, pid := range f.pids(3) {
		if slices.Contains(before, pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
	if got := f.sum("parley_worker_restarts_total", ""); got > 0 {
		t.Errorf("%g replacements count as restarts", got)
	}
}

func TestHangupKeepsTheOldWorkersWhenNewOnesFail(t *testing.T) {
	t.Parallel()
	var started atomic.Int64
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) {
		plain := c.Command
		c.Command = func() *exec.Cmd {
			started.Add(1)
			return plain()
		}
	}).ready(2)
	before := f.pids(2)
	f.part.Store("exit:1")
	f.signals <- syscall.SIGHUP
	until(t, "a new worker was tried", func() bool { return started.Load() == 3 })
	f.part.Store("worker")
	if d := cmp.Diff(before, f.pids(2)); d != "" {
		t.Errorf("the workers changed: %s", d)
	}
	until(t, "the next replacement succeeds", func() bool {
		f.signals <- syscall.SIGHUP
		return !slices.ContainsFunc(before, func(pid int) bool { return !gone(pid) })
	})
}

func TestTerminationServesOnThenLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) { c.DrainDelay = 700 * time.Millisecond }).ready(2)
	c := client(t, false)
	f.signals <- syscall.SIGTERM
	until(t, "it is not ready", func() bool { return slices.Equal(f.s.Blocked(), []string{"draining"}) })
	if _, err := ask(c, f.addr, "hi"); err != nil {
		t.Errorf("during the delay: %v", err)
	}
	answered := make(chan error, 3)
	for range 3 {
		go func() { // they take longer than the delay
			_, err := ask(c, f.addr, "wait")
			answered <- err
		}()
	}
	for range 3 {
		if err := <-answered; err != nil {
			t.Errorf("a request that had begun: %v", err)
		}
	}
	if err := f.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if conn, err := net.Dial("tcp", f.addr); err == nil {
		_ = conn.Close()
		t.Error("the port is still open")
	}
}

func TestInterruptDoesNotWaitForLoadBalancers(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) { c.DrainDelay = time.Hour }).ready(2)
	f.signals <- os.Interrupt
	if err := f.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestASecondSignalAndTheDeadlineKill(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		timeout time.Duration
		again   bool
		want    string
	}{
		"second signal": {timeout: time.Hour, again: true, want: "SIGTERM again"},
		"deadline":      {timeout: 300 * time.Millisecond, want: "did not end within"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := supervise(t, 2, worker.Times{Slack: 100 * time.Millisecond}, func(c *worker.SupervisorConfig) {
				var part atomic.Value
				part.Store("deaf")
				c.Command, c.DrainTimeout = command(&part), tc.timeout
			}).ready(2)
			pids := f.pids(2)
			f.signals <- syscall.SIGTERM
			if tc.again {
				until(t, "it drains", func() bool { return len(f.s.Blocked()) > 0 })
				f.signals <- syscall.SIGTERM
			}
			if err := f.end(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Run: %v, want %q", err, tc.want)
			}
			if !gone(pids[0]) || !gone(pids[1]) {
				t.Error("a worker survived")
			}
		})
	}
}

func TestAFrozenWorkerIsAborted(t *testing.T) {
	t.Parallel()
	f := supervise(t, 2, worker.Times{Silence: 3 * time.Second}).ready(2)
	before := f.pids(2)
	kill(t, before[0], syscall.SIGSTOP)
	until(t, "it is restarted for want of heartbeats", func() bool { return f.sum("parley_worker_restarts_total", "cause=heartbeat") == 1 })
	f.ready(2)
	if after := f.pids(2); slices.Contains(after, before[0]) || !slices.Contains(after, before[1]) {
		t.Errorf("the workers were %v, then %v; %d was frozen", before, after, before[0])
	}
}

func TestCountersSurviveTheirWorkers(t *testing.T) {
	t.Parallel()
	f := supervise(t, 3, worker.Times{}).ready(3)
	const turns = "parley_turns_total{channel=rest,outcome=ok}"
	c, asked, last := client(t, false), 0, 0.0
	talk := func() {
		t.Helper()
		for range 20 {
			if _, err := ask(c, f.addr, "hi"); err != nil {
				t.Fatal(err)
			}
			asked++
		}
	}
	scrape := func() float64 {
		t.Helper()
		f.s.Scrape(t.Context())
		now := f.value(turns)
		if now < last {
			t.Errorf("the turns fell from %g to %g", last, now)
		}
		last = now
		return now
	}
	talk()
	if got := scrape(); got != float64(asked) {
		t.Errorf("%g turns, want %d", got, asked)
	}
	talk()
	before := f.pids(3)
	f.signals <- syscall.SIGHUP // those that end in peace say their last
	until(t, "the old workers are gone", func() bool {
		scrape()
		return !slices.ContainsFunc(before, func(pid int) bool { return !gone(pid) })
	})
	f.ready(3)
	found := scrape() - float64(asked) // pids has asked, too
	talk()
	if got := scrape(); got != float64(asked)+found || found < 3 {
		t.Errorf("%g turns, want %d and the %g of finding the workers", got, asked, found)
	}
	// One that does not answer counts with what it said last, and so it does after its end.
	victim := f.pids(3)[0]
	scrape()
	kill(t, victim, syscall.SIGSTOP)
	scrape()
	if got := f.sum("parley_metrics_gather_errors_total", ""); got != 1 {
		t.Errorf("%g scrapes failed, want that of the frozen worker", got)
	}
	said := last
	kill(t, victim, syscall.SIGKILL)
	until(t, "it is restarted", func() bool { return f.sum("parley_worker_restarts_total", "") == 1 })
	f.ready(3)
	if got := scrape(); got != said {
		t.Errorf("%g turns, want %g as before the crash", got, said)
	}
}

func TestWorkersEndWhenTheirParentIsKilled(t *testing.T) {
	t.Parallel()
	parent, addr := spawn(t, "parent:2", nil)
	f := &fleet{t: t, addr: addr}
	pids := f.pids(2)
	answered := make(chan error, 1)
	c := client(t, false)
	conn, err := net.Dial("tcp", addr) // one that is being served
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	begun := make(chan struct{})
	go func() {
		close(begun)
		_, err := ask(c, addr, "wait")
		answered <- err
	}()
	<-begun
	f.pids(2) // by now that request is under way
	kill(t, parent.Process.Pid, syscall.SIGKILL)
	if err := <-answered; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	until(t, "the workers have ended", func() bool { return gone(pids[0]) && gone(pids[1]) })
}

func TestTheFirstProcessOfAContainerReapsOrphans(t *testing.T) {
	t.Parallel()
	parent, addr := spawn(t, "parent:2", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS})
	c := client(t, false)
	if _, err := ask(c, addr, "leave an orphan"); err != nil {
		t.Fatal(err)
	}
	// The worker that should wait for it is killed.
	for _, pid := range children(t, parent.Process.Pid) {
		kill(t, pid, syscall.SIGKILL)
	}
	living := func() (n int) {
		for _, pid := range children(t, parent.Process.Pid) {
			if !gone(pid) {
				n++
			}
		}
		return n
	}
	until(t, "the orphan is beside two new workers", func() bool { return living() == 3 })
	until(t, "the orphan has ended", func() bool { return living() == 2 })
	until(t, "the orphan is no zombie", func() bool { return len(children(t, parent.Process.Pid)) == 2 })
	if _, err := ask(c, addr, "hi"); err != nil {
		t.Error(err)
	}
	kill(t, parent.Process.Pid, syscall.SIGTERM)
	if err := parent.Wait(); err != nil {
		t.Errorf("the parent: %v", err)
	}
}

func TestOpenSocketsRefusesAPortInUse(t *testing.T) {
	t.Parallel()
	for _, shared := range []bool{false, true} {
		files, addr, err := worker.OpenSockets(t.Context(), "127.0.0.1:0", 2, shared)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 2, true: 1}[shared]; len(files) != want {
			t.Errorf("shared %v: %d sockets, want %d", shared, len(files), want)
		}
		for _, again := range []bool{false, true} {
			if _, _, err := worker.OpenSockets(t.Context(), addr.String(), 2, again); !errors.Is(err, unix.EADDRINUSE) {
				t.Errorf("shared %v, then %v: %v", shared, again, err)
			}
		}
		for _, f := range files {
			_ = f.Close()
		}
	}
}

func TestWorkersMayShareOneSocket(t *testing.T) {
	t.Parallel()
	sockets, addr, err := worker.OpenSockets(t.Context(), "127.0.0.1:0", 2, true)
	if err != nil {
		t.Fatal(err)
	}
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) { c.Sockets = sockets })
	f.addr = addr.String()
	f.ready(2)
	stop := f.clients(4, false)
	f.pids(2)
	if stop() == 0 {
		t.Error("nobody asked anything")
	}
	f.signals <- os.Interrupt
	if err := f.end(); err != nil {
		t.Errorf("Run: %v", err)
	}
}
