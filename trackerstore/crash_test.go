package trackerstore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/livetest"
	"parley/lockstore"
)

// A worker of these tests is this very test binary, started again: it begins a turn when it is told to, and commits it when it
// is told to. So it can be killed and stopped like a real one.
const (
	workerAddr   = "PARLEY_TEST_WORKER_REDIS"
	workerPrefix = "PARLEY_TEST_WORKER_PREFIX"
	workerLease  = "PARLEY_TEST_WORKER_LEASE"
	crashLease   = 1500 * time.Millisecond
)

func crashConfig(prefix string, lease time.Duration) RedisConfig {
	return RedisConfig{
		RedisOptions: RedisOptions{Prefix: prefix},
		LockOptions:  lockstore.RedisOptions{Lease: lease, Claim: 200 * time.Millisecond, Poll: 50 * time.Millisecond},
	}
}

// TestWorkerProcess is not a test: it is the worker's main function.
func TestWorkerProcess(t *testing.T) {
	addr := os.Getenv(workerAddr)
	if addr == "" {
		t.Skip("only of use as a process of another test")
	}
	lease, err := time.ParseDuration(os.Getenv(workerLease))
	if err != nil {
		t.Fatal(err)
	}
	d := testDomain()
	r := openRedis(t, addr, crashConfig(os.Getenv(workerPrefix), lease))
	var turn *Turn
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		command, text, _ := strings.Cut(in.Text(), " ")
		var err error
		switch command {
		case "begin":
			turn, _, err = r.Begin(context.Background(), "a", d)
		case "commit":
			turn.Tracker.Record(clock, said(text))
			err = turn.Commit(context.Background(), Commit{})
		}
		switch {
		case errors.Is(err, ErrConflict):
			fmt.Println("> conflict")
		case err != nil:
			fmt.Println("> error", err)
		default:
			fmt.Println("> ok", command)
		}
	}
}

type workerProcess struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startWorker(t *testing.T, addr, prefix string, lease time.Duration) *workerProcess {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWorkerProcess$")
	cmd.Env = append(os.Environ(), workerAddr+"="+addr, workerPrefix+"="+prefix, workerLease+"="+lease.String())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &workerProcess{cmd: cmd, in: in, out: bufio.NewScanner(out)}
}

// tell gives a command; answer waits for what came of it.
func (w *workerProcess) tell(t *testing.T, command string) {
	t.Helper()
	if _, err := fmt.Fprintln(w.in, command); err != nil {
		t.Fatal(err)
	}
}

func (w *workerProcess) answer(t *testing.T) string {
	t.Helper()
	for w.out.Scan() {
		if text, ok := strings.CutPrefix(w.out.Text(), "> "); ok {
			return text
		}
	}
	t.Fatal("the worker is gone")
	return ""
}

func (w *workerProcess) want(t *testing.T, command, want string) {
	t.Helper()
	w.tell(t, command)
	if got := w.answer(t); got != want {
		t.Errorf("%s: %s, want %s", command, got, want)
	}
}

func (w *workerProcess) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestRedisWorkerKilledInATurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	livetest.Paced(t, func(second time.Duration) error {
		addr, prefix, lease := livetest.SharedRedis(t), testPrefix(t), second*3/2
		h := redisHarness(openRedis(t, addr, crashConfig(prefix, 0)))
		holder, waiter := startWorker(t, addr, prefix, lease), startWorker(t, addr, prefix, lease)
		holder.want(t, "begin", "ok begin")
		waiter.tell(t, "begin")
		if err := livetest.Within(lease, "the other worker's ticket", func() bool { return h.waiting("a") == 1 }); err != nil {
			return err
		}
		done := make(chan time.Time, 1)
		go func() {
			record(t, h, "a", d, said("after the crash"))
			done <- time.Now()
		}()
		inLine := livetest.Within(lease, "the ticket", func() bool { return h.waiting("a") == 2 })
		killed := time.Now()
		waiter.signal(t, syscall.SIGKILL) // dies in line
		holder.signal(t, syscall.SIGKILL) // dies in its turn
		at := <-done
		if inLine != nil {
			return inLine
		}
		if d := at.Sub(killed); d > lease+second {
			return fmt.Errorf("the conversation went on %s after the crash, want at most the lease of %s and a poll", d, lease)
		}
		wantTexts(t, read(t, h, "a", d), "after the crash")
		return nil
	})
}

func TestRedisWorkerStoppedInATurn(t *testing.T) {
	t.Parallel()
	d := testDomain()
	addr, prefix := livetest.SharedRedis(t), testPrefix(t)
	h := redisHarness(openRedis(t, addr, crashConfig(prefix, 0)))
	w := startWorker(t, addr, prefix, crashLease)

	w.want(t, "begin", "ok begin")
	w.signal(t, syscall.SIGSTOP)
	record(t, h, "a", d, said("another's")) // as soon as the lease is over
	w.signal(t, syscall.SIGCONT)
	w.want(t, "commit stopped", "conflict")
	wantTexts(t, read(t, h, "a", d), "another's")

	w.want(t, "begin", "ok begin")
	w.signal(t, syscall.SIGSTOP)
	other := begin(t, h, "a", d)
	w.signal(t, syscall.SIGCONT)
	w.want(t, "commit stopped while another holds it", "conflict")
	other.Tracker.Record(clock, said("still another's"))
	commit(t, other, Commit{})
	wantTexts(t, read(t, h, "a", d), "another's", "still another's")

	w.want(t, "begin", "ok begin")
	w.signal(t, syscall.SIGSTOP)
	pause(2 * crashLease)
	w.signal(t, syscall.SIGCONT)
	w.want(t, "commit late but unchallenged", "ok commit")
	wantTexts(t, read(t, h, "a", d), "another's", "still another's", "late but unchallenged")
}
