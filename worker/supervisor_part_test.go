package worker_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"parley/agent"
	"parley/channel"
	"parley/dialogue"
	"parley/metrics"
	"parley/worker"
)

// partVariable makes this test binary play a part in a test instead of running tests.
const partVariable = "PARLEY_TEST_PART"

// play plays a part and returns the exit code. The parts are
//
//	worker      a worker process that serves
//	exit:N      one that ends with code N before it serves
//	exit:N@S    the same in slot S only; in others it serves
//	deaf        one that serves and never ends by itself
//	parent:N    a supervisor of N workers, on the address that it prints
//	parent:N@D  one that takes a worker that is silent for D for frozen
func play(part string) int {
	if n, ok := strings.CutPrefix(part, "parent:"); ok {
		return playParent(n)
	}
	child, ok, err := worker.NewChild(os.Getenv, nil)
	if err != nil || !ok {
		_, _ = fmt.Fprintln(os.Stderr, "no worker process:", ok, err)
		return 90
	}
	if code, ok := strings.CutPrefix(part, "exit:"); ok {
		code, at, everywhere := strings.Cut(code, "@")
		if !everywhere || at == strconv.Itoa(child.Slot) {
			n, _ := strconv.Atoi(code)
			return n
		}
	}
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	child.Verbose = verbose.Store
	if err := child.Run(context.Background(), func(ctx context.Context) error {
		err := playWorker(ctx, child)
		if part == "deaf" {
			select {}
		}
		return err
	}); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// verbose is what the parent of this process says.
var verbose atomic.Bool

// playWorker serves a bot that says which process it is. Told to "wait DURATION FILE", it writes the file and takes its time.
func playWorker(ctx context.Context, child *worker.Child) error {
	registry := metrics.NewRegistry(strconv.Itoa(child.Slot))
	measure, err := metrics.NewKept(registry, child.Ledger())
	if err != nil {
		return err
	}
	bot := newFake()
	bot.handle = func(ctx context.Context, m dialogue.UserMessage, send agent.Send) error {
		switch words := strings.Fields(*m.Text); words[0] {
		case "wait":
			d, err := time.ParseDuration(words[1])
			if err != nil {
				return err
			}
			if err := os.WriteFile(words[2], nil, 0o600); err != nil {
				return err
			}
			select {
			case <-time.After(d):
			case <-ctx.Done():
				return ctx.Err()
			}
		case "verbose?": // minus is no
			return send(say(m.SenderID, strconv.Itoa(map[bool]int{true: 1, false: -1}[verbose.Load()]*os.Getpid())))
		case "orphan":
			cmd := exec.Command("sleep", "3600") // outlives us
			if err := cmd.Start(); err != nil {
				return err
			}
			return send(say(m.SenderID, strconv.Itoa(cmd.Process.Pid)))
		}
		defer measure.BeginTurn("rest").End(metrics.OutcomeOK, -1)
		return send(say(m.SenderID, strconv.Itoa(os.Getpid())))
	}
	w, err := worker.New(worker.Config{
		Bot: bot, Listener: child.Listener(), Channels: []channel.Channel{channel.NewRest("rest")},
		Metrics: measure, DrainTimeout: time.Minute,
	})
	if err != nil {
		return err
	}
	child.Ready(worker.ChildState{
		Blocked:  w.Blocked,
		Leave:    w.Leave,
		Snapshot: func() ([]byte, error) { return metrics.Snapshot(registry) },
	})
	return w.Run(ctx)
}

// playParent supervises until it is told to end.
func playParent(how string) int {
	n, silence, _ := strings.Cut(how, "@")
	workers, _ := strconv.Atoi(n)
	var times worker.Times
	times.Silence, _ = time.ParseDuration(silence) // "": as it is
	ctx := context.Background()
	if err := prepareContainer(); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 93
	}
	sockets, addr, err := worker.OpenSockets(ctx, "127.0.0.1:0", workers, false)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 91
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	s, err := worker.NewSupervisor(worker.SupervisorConfig{
		Workers: workers, Sockets: sockets, Command: command(new(atomic.Value)), Signals: signals, ReapOrphans: true,
		Ready: func() { _, _ = fmt.Fprintln(os.Stdout, addr) },
	})
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 92
	}
	worker.Hurry(s, times)
	if err := s.Run(ctx); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// command makes worker processes of this binary; part is what they play, "worker" if it is empty.
func command(part *atomic.Value) func() *exec.Cmd {
	return func() *exec.Cmd {
		cmd := exec.Command(os.Args[0]) // the supervisor ends it
		name, _ := part.Load().(string)
		if name == "" {
			name = "worker"
		}
		cmd.Env = append(os.Environ(), partVariable+"="+name, "GOMAXPROCS=1")
		cmd.Stderr = os.Stderr
		return cmd
	}
}
