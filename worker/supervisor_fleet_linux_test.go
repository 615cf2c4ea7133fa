package worker_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"parley/livetest"
	"parley/metrics"
	"parley/worker"
)

// patience is how long a test waits for something before it fails.
const patience = 2 * time.Minute

// fleet is a supervisor of worker processes that run this test binary.
type fleet struct {
	t       *testing.T
	addr    string
	s       *worker.Supervisor
	signals chan os.Signal
	part    *atomic.Value // what processes started from now on play
	merger  *metrics.Merger
	done    chan error
}

// supervise starts n worker processes, without waiting for them. They are ended at the end of the test.
func supervise(t *testing.T, n int, times worker.Times, change ...func(*worker.SupervisorConfig)) *fleet {
	t.Helper()
	registry := prometheus.NewRegistry()
	measure, err := metrics.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{
		t: t, signals: make(chan os.Signal, 8), part: new(atomic.Value), merger: metrics.NewMerger(measure, registry), done: make(chan error, 1),
	}
	cfg := worker.SupervisorConfig{
		Workers: n, Command: command(f.part), Signals: f.signals, DrainTimeout: time.Minute,
		Metrics: measure, Merger: f.merger,
	}
	for _, c := range change {
		c(&cfg)
	}
	if cfg.Sockets == nil {
		sockets, addr, err := worker.OpenSockets(t.Context(), "127.0.0.1:0", n, false)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Sockets, f.addr = sockets, addr.String()
	}
	if f.s, err = worker.NewSupervisor(cfg); err != nil {
		t.Fatal(err)
	}
	worker.Hurry(f.s, times)
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		f.done <- f.s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-over:
		case <-time.After(patience):
			t.Error("the supervisor does not end")
		}
	})
	return f
}

// ready waits until n worker processes are.
func (f *fleet) ready(n int) *fleet {
	f.t.Helper()
	livetest.Await(f.t, fmt.Sprintf("%d workers are ready", n), func() bool { return f.value("parley_workers{state=ready}") == float64(n) })
	return f
}

// value is a series of the supervisor's metrics, -1 if there is none.
func (f *fleet) value(series string) float64 {
	f.t.Helper()
	families, err := f.merger.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if family.GetName()+"{"+strings.Join(labels, ",")+"}" == series {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

// sum adds up the series of a metric that have a label.
func (f *fleet) sum(name, label string) float64 {
	f.t.Helper()
	families, err := f.merger.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if family.GetName() == name && (label == "" || l.GetName()+"="+l.GetValue() == label) {
					sum += m.GetCounter().GetValue()
					break
				}
			}
		}
	}
	return sum
}

// client makes a client; without keep it opens a connection for each request.
func client(t *testing.T, keep bool) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: !keep, MaxIdleConnsPerHost: 4}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// ask sends a message and returns the answer: the pid of the process that gave it.
func ask(c *http.Client, addr, text string) (pid int, err error) {
	body := fmt.Sprintf(`{"sender":"u","message":%q}`, text)
	res, err := c.Post("http://"+addr+"/webhooks/rest/webhook", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	var said []struct{ Text string }
	if err := json.Unmarshal(data, &said); err != nil || len(said) != 1 {
		return 0, fmt.Errorf("%s: %s", res.Status, data)
	}
	return strconv.Atoi(said[0].Text)
}

// pids asks until n different processes have answered.
func (f *fleet) pids(n int) []int {
	f.t.Helper()
	c := client(f.t, false)
	var seen []int
	livetest.Await(f.t, fmt.Sprintf("%d processes answer", n), func() bool {
		pid, err := ask(c, f.addr, "hi")
		if err != nil {
			f.t.Fatal(err)
		}
		if !slices.Contains(seen, pid) {
			seen = append(seen, pid)
		}
		return len(seen) >= n
	})
	slices.Sort(seen)
	return seen
}

// end waits for Run to return.
func (f *fleet) end() error {
	f.t.Helper()
	select {
	case err := <-f.done:
		return err
	case <-time.After(patience):
		f.t.Fatal("Run does not return")
		return nil
	}
}

// clients asks all the time, until the function that it returns is called; that returns how many answers there were.
func (f *fleet) clients(n int, keep bool) (stop func() int) {
	f.t.Helper()
	var wg sync.WaitGroup
	var answers atomic.Int64
	ctx, cancel := context.WithCancel(f.t.Context())
	for range n {
		c := client(f.t, keep)
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := ask(c, f.addr, "hi"); err != nil {
					f.t.Errorf("a request failed: %v", err)
					return
				}
				answers.Add(1)
			}
		})
	}
	return func() int {
		cancel()
		wg.Wait()
		return int(answers.Load())
	}
}

// gone reports whether a process has ended, be it a zombie.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("signal %s to %d: %v", sig, pid, err)
	}
	if sig == syscall.SIGSTOP { // takes a moment
		livetest.Await(t, "the process is frozen", func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err == nil && strings.Contains(string(stat), ") T ")
		})
	}
}

// spawn starts a part of its own and returns its first line of output.
func spawn(t *testing.T, part string, attr *syscall.SysProcAttr) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partVariable+"="+part)
	if attr == nil {
		attr = new(syscall.SysProcAttr)
	}
	attr.Pdeathsig = syscall.SIGKILL
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, attr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		if attr.Cloneflags != 0 && errors.Is(err, syscall.EPERM) {
			t.Skip("a namespace of processes needs privileges")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s says nothing: %v", part, err)
	}
	return cmd, strings.TrimSpace(line)
}

// prepareContainer gives the first process of a namespace its own view of processes.
func prepareContainer() error {
	if os.Getpid() != 1 {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts apart: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// children are the processes that a process has to wait for.
func children(t *testing.T, pid int) []int {
	t.Helper()
	var out []int
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		thread := fmt.Sprintf("/proc/%d/task/%s", pid, task.Name())
		list, err := os.ReadFile(thread + "/children")
		if err != nil {
			if _, err := os.Stat(thread); err != nil {
				continue // it has ended meanwhile
			}
			t.Skip("this kernel does not list children")
		}
		for s := range strings.FieldsSeq(string(list)) {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, n)
		}
	}
	return out
}
