package worker_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"parley/livetest"
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
	livetest.Await(t, "the restart is counted", func() bool { return f.sum("parley_worker_restarts_total", "cause=signal") == 1 })
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
	kill(t, worker.PIDs(f.s)[0], syscall.SIGKILL)
	livetest.Await(t, "slot 0 was started five times more", func() bool {
		return f.value("parley_worker_restarts_total{cause=exit,slot=0}") >= 4
	})
	mu.Lock()
	defer mu.Unlock()
	times := starts[2:] // after the two at first: those of slot 0
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
	livetest.Await(t, "one is ready, and the other waits", func() bool {
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
		livetest.Await(t, "both serve again", func() bool {
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
	livetest.Await(t, "slot 1 counts as failed, and slot 0 is back", func() bool {
		return f.value("parley_workers{state=failed}") == 1 && f.value("parley_workers{state=ready}") == 1
	})
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
	livetest.Await(t, "slot 1 is well again", func() bool { return f.value("parley_workers{state=failed}") == 0 })
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
			livetest.Paced(t, func(second time.Duration) error {
				limit := 7 * second
				if second > time.Second {
					limit *= 4 // a supervisor that is held up half of the time takes twice as long to find out, too
				}
				f := supervise(t, 2, worker.Times{BackOff: time.Hour, Silence: 8 * second}).ready(2)
				away := f.pids(2)[0]
				kill(t, away, sig)
				// About half of the connections come to the socket of the one that is away.
				c, begun := client(t, false), time.Now()
				for range 20 {
					pid, err := ask(c, f.addr, "hi")
					if err != nil {
						return err
					}
					if pid == away {
						return fmt.Errorf("process %d answers", pid)
					}
				}
				if took := time.Since(begun); took > limit {
					return fmt.Errorf("20 requests took %s", took)
				}
				if sig == syscall.SIGSTOP {
					kill(t, away, syscall.SIGCONT)
					livetest.Await(t, "it answers again", func() bool {
						pid, err := ask(c, f.addr, "hi")
						return err == nil && pid == away
					})
				}
				return nil
			})
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
	livetest.Await(t, "the old workers are gone", func() bool { return !slices.ContainsFunc(before, func(pid int) bool { return !gone(pid) }) })
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

func TestASignalHasAllWorkersLogEverything(t *testing.T) {
	t.Parallel()
	var told []bool
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) {
		c.VerboseBy, c.Verbose = syscall.SIGUSR1, func(on bool) { told = append(told, on) }
	}).ready(2)
	c := client(t, false)
	all := func(what string, sign int, but []int) (pids []int) {
		livetest.Await(t, what, func() bool {
			answer, err := ask(c, f.addr, "verbose?")
			if err != nil {
				t.Fatal(err)
			}
			switch pid := answer * sign; {
			case pid > 0 && !slices.Contains(pids, pid) && !slices.Contains(but, pid):
				pids = append(pids, pid)
			case pid < 0:
				pids = nil
			}
			return len(pids) == 2
		})
		return pids
	}
	all("none is verbose", -1, nil)
	f.signals <- syscall.SIGUSR1
	before := all("all are verbose", 1, nil)
	f.signals <- syscall.SIGHUP
	all("their successors are verbose", 1, before)
	f.signals <- syscall.SIGUSR1
	all("none is any longer", -1, before)
	f.signals <- syscall.SIGTERM
	if err := f.end(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]bool{true, false}, told); diff != "" {
		t.Errorf("the parent was told (-want +got):\n%s", diff)
	}
}

func TestHangupKeepsTheOldWorkersWhenNewOnesFail(t *testing.T) {
	t.Parallel()
	var started atomic.Int64
	f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) {
		plain := c.Command
		c.Command = func() *exec.Cmd {
			cmd := plain()
			started.Add(1)
			return cmd
		}
	}).ready(2)
	before := f.pids(2)
	f.part.Store("exit:1")
	f.signals <- syscall.SIGHUP
	livetest.Await(t, "a new worker was tried", func() bool { return started.Load() == 3 })
	f.part.Store("worker")
	if d := cmp.Diff(before, f.pids(2)); d != "" {
		t.Errorf("the workers changed: %s", d)
	}
	livetest.Await(t, "the next replacement succeeds", func() bool {
		f.signals <- syscall.SIGHUP
		return !slices.ContainsFunc(before, func(pid int) bool { return !gone(pid) })
	})
}

func TestTerminationServesOnThenLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		delay := second / 2
		f := supervise(t, 2, worker.Times{}, func(c *worker.SupervisorConfig) { c.DrainDelay, c.DrainTimeout = delay, time.Minute }).ready(2)
		c := client(t, false)
		f.signals <- syscall.SIGTERM
		livetest.Await(t, "it is not ready", func() bool { return slices.Equal(f.s.Blocked(), []string{"draining"}) })
		if _, err := ask(c, f.addr, "hi"); err != nil {
			return fmt.Errorf("during the delay: %w", err)
		}
		answered := make(chan error, 3)
		for i := range 3 {
			text := fmt.Sprintf("wait %s %s", 2*delay, filepath.Join(t.TempDir(), strconv.Itoa(i))) // beyond the delay
			go func() {
				_, err := ask(c, f.addr, text)
				answered <- err
			}()
		}
		if err := errors.Join(<-answered, <-answered, <-answered); err != nil {
			return fmt.Errorf("requests that had begun: %w", err)
		}
		if err := f.end(); err != nil {
			return fmt.Errorf("Run: %w", err)
		}
		if conn, err := net.Dial("tcp", f.addr); err == nil {
			_ = conn.Close()
			t.Error("the port is still open")
		}
		return nil
	})
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
				livetest.Await(t, "it drains", func() bool { return len(f.s.Blocked()) > 0 })
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
	livetest.Paced(t, func(second time.Duration) error {
		f := supervise(t, 2, worker.Times{Silence: 3 * second}).ready(2)
		before := f.pids(2)
		kill(t, before[0], syscall.SIGSTOP)
		restarts := func() float64 { return f.sum("parley_worker_restarts_total", "") }
		livetest.Await(t, "it is restarted", func() bool { return restarts() >= 1 })
		f.ready(2)
		after := f.pids(2)
		if slices.Contains(after, before[0]) || !slices.Contains(after, before[1]) {
			return fmt.Errorf("the workers were %v, then %v; %d was frozen", before, after, before[0])
		}
		if n := f.sum("parley_worker_restarts_total", "cause=heartbeat"); n != 1 || restarts() != 1 {
			return fmt.Errorf("%g of %g restarts for want of heartbeats, want one", n, restarts())
		}
		return nil
	})
}

// TestAFrozenWorkerIsFoundByASupervisorThatIsHeldUp: time in which the supervisor does not run is no silence, but the rest is.
func TestAFrozenWorkerIsFoundByASupervisorThatIsHeldUp(t *testing.T) {
	t.Parallel()
	parent, addr := spawn(t, "parent:2@1s", nil)
	frozen := (&fleet{t: t, addr: addr}).pids(2)[0]
	kill(t, frozen, syscall.SIGSTOP)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	livetest.Await(t, "the frozen worker to be killed", func() bool {
		kill(t, parent.Process.Pid, syscall.SIGSTOP)
		for range 3 {
			<-tick.C
		}
		kill(t, parent.Process.Pid, syscall.SIGCONT)
		<-tick.C
		return gone(frozen)
	})
}

func TestCountersSurviveTheirWorkers(t *testing.T) {
	t.Parallel()
	livetest.Paced(t, func(second time.Duration) error {
		return testCountersSurvive(t, worker.Times{Silence: 10 * second, Scrape: second})
	})
}

// testCountersSurvive fails where a worker process does not answer a scrape in time.
func testCountersSurvive(t *testing.T, times worker.Times) error {
	t.Helper()
	f := supervise(t, 3, times).ready(3)
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
		return fmt.Errorf("%g turns, want %d", got, asked)
	}
	talk()
	before := f.pids(3)
	f.signals <- syscall.SIGHUP // those that end in peace say their last
	livetest.Await(t, "the old workers to go", func() bool {
		scrape()
		return !slices.ContainsFunc(before, func(pid int) bool { return !gone(pid) })
	})
	f.ready(3)
	found := scrape() - float64(asked) // pids has asked, too
	talk()
	if got := scrape(); got != float64(asked)+found || found < 3 {
		return fmt.Errorf("%g turns, want %d and the %g of finding the workers", got, asked, found)
	}
	// One that does not answer counts with what it said last, and so it does after its end.
	victim := f.pids(3)[0]
	scrape()
	kill(t, victim, syscall.SIGSTOP)
	scrape()
	if got := f.sum("parley_metrics_gather_errors_total", ""); got != 1 {
		return fmt.Errorf("%g scrapes failed, want that of the frozen worker", got)
	}
	said := last
	kill(t, victim, syscall.SIGKILL)
	livetest.Await(t, "its restart", func() bool { return f.sum("parley_worker_restarts_total", "") == 1 })
	f.ready(3)
	if got := scrape(); got != said {
		return fmt.Errorf("%g turns, want %g as before the crash", got, said)
	}
	return nil
}

func TestWorkersEndWhenTheirParentIsKilled(t *testing.T) {
	t.Parallel()
	parent, addr := spawn(t, "parent:2", nil)
	f := &fleet{t: t, addr: addr}
	pids := f.pids(2)
	answered := make(chan error, 1)
	c := client(t, false)
	begun := filepath.Join(t.TempDir(), "begun")
	go func() {
		_, err := ask(c, addr, "wait 500ms "+begun)
		answered <- err
	}()
	livetest.Await(t, "the request to be under way", func() bool {
		_, err := os.Stat(begun)
		return err == nil
	})
	kill(t, parent.Process.Pid, syscall.SIGKILL)
	if err := <-answered; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	livetest.Await(t, "the workers have ended", func() bool { return gone(pids[0]) && gone(pids[1]) })
}

func TestTheFirstProcessOfAContainerReapsOrphans(t *testing.T) {
	t.Parallel()
	parent, addr := spawn(t, "parent:2", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS})
	c := client(t, false)
	if _, err := ask(c, addr, "orphan"); err != nil {
		t.Fatal(err)
	}
	// The worker that should wait for it is killed.
	for _, pid := range children(t, parent.Process.Pid) {
		kill(t, pid, syscall.SIGKILL)
	}
	orphan := 0
	livetest.Await(t, "the orphan beside two new workers", func() bool {
		living := 0
		for _, pid := range children(t, parent.Process.Pid) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err == nil && strings.Contains(string(stat), "(sleep)") {
				orphan = pid
			}
			if !gone(pid) {
				living++
			}
		}
		return orphan > 0 && living == 3
	})
	kill(t, orphan, syscall.SIGKILL)
	livetest.Await(t, "the orphan is no zombie", func() bool { return len(children(t, parent.Process.Pid)) == 2 })
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
