package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"parley/metrics"
)

// SupervisorConfig is what a supervisor is made of. Workers, Sockets and Command are required.
type SupervisorConfig struct {
	// Workers is how many worker processes there are to be.
	Workers int
	// Sockets are what they serve: one for each slot, or a single one for all. Run closes them. See OpenSockets.
	Sockets []*os.File
	// Command makes the command of a worker process, which is to begin with NewChild. The supervisor adds files and variables.
	Command func() *exec.Cmd
	// Signals are those that the supervisor obeys: SIGTERM and SIGINT end it, SIGHUP replaces all worker processes. A second
	// one of the first two does not wait any longer.
	Signals <-chan os.Signal

	DrainDelay   time.Duration // how long to serve on after SIGTERM, for load balancers to notice
	DrainTimeout time.Duration // how long worker processes take to end at most; 0: 10 s. What then runs is killed
	// VerboseBy is the signal that has the worker processes log everything, and the next time no longer; nil: none has. Verbose is told
	// so, too.
	VerboseBy os.Signal
	Verbose   func(on bool)
	// Ready is called once, when the first worker process is ready.
	Ready       func()
	ReapOrphans bool // wait for processes that others have left behind, as the first process of a container has to

	Log     *slog.Logger     // nil: discard
	Metrics *metrics.Metrics // nil: none
	Merger  *metrics.Merger  // gets the metrics of the worker processes; nil: they are not asked
}

// timing is how long things take; tests are in more of a hurry.
type timing struct {
	silence       time.Duration // without a heartbeat, until a process is told to abort
	firstBeat     time.Duration // the same for one that has just been started
	abort         time.Duration // to abort in, until it is killed
	backOff       time.Duration // before the first restart; each further one takes twice as long
	backOffMost   time.Duration
	backOffServed time.Duration // the longest before the restart of one that has served: it will again
	backOffLast   time.Duration // the longest before a restart while no other process runs
	healthy       time.Duration // after which crashes are forgiven
	crashWindow   time.Duration // in which as many as crashLimit crashes are too many
	crashLimit    int
	handOver      time.Duration // between leaving and draining of a process that is replaced
	slack         time.Duration // beyond the drain time-out
	scrape        time.Duration // to hand over metrics
	tick          time.Duration // between two looks at what makes no noise
}

func defaultTiming() timing {
	return timing{
		silence:       10 * time.Second,
		firstBeat:     30 * time.Second,
		abort:         2 * time.Second,
		backOff:       100 * time.Millisecond,
		backOffMost:   30 * time.Second,
		backOffServed: time.Second,
		backOffLast:   time.Second,
		healthy:       time.Minute,
		crashWindow:   5 * time.Minute,
		crashLimit:    10,
		handOver:      time.Second,
		slack:         settleTimeout + 2*time.Second,
		scrape:        time.Second,
		tick:          time.Second,
	}
}

// Supervisor keeps a number of worker processes running. It owns their sockets, so that connections which wait in line
// survive the process that was to serve them. It is safe for concurrent use.
type Supervisor struct {
	cfg  SupervisorConfig
	log  *slog.Logger
	time timing

	changed chan struct{} // something is to be looked at
	threads sync.WaitGroup

	mu       sync.Mutex
	slots    []*slot
	began    uint64 // processes, so far
	oomKills int
	lastStep time.Time
	everUp   bool // one has been ready
	said     bool // and Ready has been called
	verbose  bool // all is logged
	roll     rolling
	end      ending
}

// rolling is the replacement of all processes, one slot after the other.
type rolling struct {
	slots    []*slot // still to come; the first is under way
	replaced bool    // its new process serves
	again    bool    // it was asked for once more meanwhile
}

// ending is the end of the service.
type ending struct {
	begun   bool
	drainAt time.Time // until then everything is served
	drained bool      // the processes have been told
	killAt  time.Time
	killed  bool
	errs    []error
}

// StartError says that every worker process failed before one could serve.
type StartError struct {
	// Code is the exit code of the last one; -1 if a signal ended it.
	Code int
}

// Error is the message.
func (e *StartError) Error() string {
	return fmt.Sprintf("no worker process could be started; the last one ended with code %d", e.Code)
}

// NewSupervisor checks a configuration and makes a supervisor of it. It starts nothing.
func NewSupervisor(cfg SupervisorConfig) (*Supervisor, error) {
	switch {
	case cfg.Workers < 1:
		return nil, errors.New("worker: SupervisorConfig.Workers must be positive")
	case len(cfg.Sockets) != 1 && len(cfg.Sockets) != cfg.Workers:
		return nil, fmt.Errorf("worker: %d sockets for %d worker processes", len(cfg.Sockets), cfg.Workers)
	case cfg.Command == nil:
		return nil, errors.New("worker: SupervisorConfig.Command is missing")
	}
	cfg.DrainTimeout = cmp.Or(cfg.DrainTimeout, defaultDrainTimeout)
	s := &Supervisor{cfg: cfg, log: cfg.Log, time: defaultTiming(), changed: make(chan struct{}, 1)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for i := range cfg.Workers {
		s.slots = append(s.slots, &slot{index: i, socket: cfg.Sockets[i%len(cfg.Sockets)]})
	}
	return s, nil
}

// Run starts the worker processes and keeps them running until a signal or the end of ctx, which is like SIGTERM. It returns
// nil after a clean end, a *StartError when none could be started, and another error when one had to be killed or did not
// end well.
func (s *Supervisor) Run(ctx context.Context) error {
	defer closeAll(s.cfg.Sockets)
	defer s.threads.Wait()
	s.oomKills = oomKills(s.root())
	done := ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-done:
			done = nil
			s.stop(s.cfg.DrainDelay, "context")
		case sig := <-s.cfg.Signals:
			s.obey(sig)
		case <-s.changed:
		case <-timer.C:
		}
		if s.nowReady() && s.cfg.Ready != nil {
			s.cfg.Ready()
		}
		next, over, err := s.step(time.Now())
		if over {
			return err
		}
		timer.Reset(time.Until(next))
	}
}

// wake has Run look at everything again.
func (s *Supervisor) wake() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// nowReady reports whether a worker process has become ready for the first time.
func (s *Supervisor) nowReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.everUp || s.said {
		return false
	}
	s.said = true
	return true
}

func (s *Supervisor) root() fs.FS { return os.DirFS("/") }

// obey does what a signal asks for.
func (s *Supervisor) obey(sig os.Signal) {
	if s.cfg.VerboseBy != nil && sig == s.cfg.VerboseBy {
		s.switchVerbose()
		return
	}
	switch sig {
	case syscall.SIGTERM:
		s.stop(s.cfg.DrainDelay, "SIGTERM")
	case os.Interrupt:
		s.stop(0, "SIGINT")
	case syscall.SIGHUP:
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.end.begun, !s.everUp:
		case len(s.roll.slots) > 0:
			s.roll.again = true
		default:
			s.log.Info("replacing the worker processes one by one")
			s.roll.slots = slices.Clone(s.slots)
		}
	}
}

// switchVerbose has everything logged here and in all worker processes, also those to come, or no longer.
func (s *Supervisor) switchVerbose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verbose = !s.verbose
	for p := range s.processes() {
		p.tell(frameVerbose, verbosity(s.verbose))
	}
	if s.cfg.Verbose != nil {
		s.cfg.Verbose(s.verbose)
	}
}

// stop begins to end the service; the second time it ends it.
func (s *Supervisor) stop(delay time.Duration, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end.begun {
		s.killAll(fmt.Errorf("%s again: what still ran was killed", why))
		return
	}
	s.log.Info("draining", "because", why, "delay", delay, "timeout", s.cfg.DrainTimeout)
	s.roll = rolling{}
	s.end.begun, s.end.drainAt = true, time.Now().Add(delay)
	for p := range s.processes() {
		p.tell(frameLeave, []byte{0})
	}
}

// killAll does not wait any longer.
func (s *Supervisor) killAll(why error) {
	if s.end.killed {
		return
	}
	s.end.killed = true
	for p := range s.processes() {
		s.log.Warn("killing a worker process", "slot", p.slot.index, "pid", p.pid())
		p.draining = true
		p.signal(os.Kill)
		s.end.errs = append(s.end.errs, fmt.Errorf("worker process %d: %w", p.slot.index, why))
	}
}

// step does what is due. It returns when to look again, or that all is over.
func (s *Supervisor) step(now time.Time) (next time.Time, over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if late := now.Sub(s.lastStep); !s.lastStep.IsZero() && late > 3*s.time.tick {
		// This process has been held up itself: heartbeats that came meanwhile could not be heard, and that time is no silence.
		for p := range s.processes() {
			if p.lastBeat = p.lastBeat.Add(late); p.lastBeat.After(now) {
				p.lastBeat = now
			}
		}
	}
	s.lastStep = now
	for _, sl := range s.slots {
		s.bury(sl, now)
		s.check(sl, now)
	}
	if s.reap(); s.failedToStart() {
		s.giveUp()
	}
	if s.end.begun {
		if s.finish(now) {
			s.observe()
			return now, true, errors.Join(s.end.errs...)
		}
	} else {
		s.rollOn(now)
		s.hasten()
		for _, sl := range s.slots {
			s.keepUp(sl, now)
		}
	}
	if !s.end.drained {
		for _, sl := range s.slots {
			s.lend(sl, now)
		}
	}
	s.observe()
	return s.nextStep(now), false, nil
}

// giveUp ends what has not begun.
func (s *Supervisor) giveUp() {
	code := 0
	for _, sl := range s.slots {
		code = cmp.Or(sl.exitCode, code)
	}
	s.end.errs = append(s.end.errs, &StartError{Code: code})
	s.end.begun, s.end.drained, s.end.killed = true, true, true
	for p := range s.processes() {
		p.draining = true
		p.signal(os.Kill)
	}
}

// finish ends the service step by step and reports whether it has ended.
func (s *Supervisor) finish(now time.Time) bool {
	running := 0
	for range s.processes() {
		running++
	}
	if running == 0 {
		return true
	}
	switch {
	case !s.end.drained && !now.Before(s.end.drainAt):
		s.end.drained, s.end.killAt = true, now.Add(s.cfg.DrainTimeout+s.time.slack)
		closeAll(s.cfg.Sockets) // nobody is to connect any more
		for p := range s.processes() {
			p.drain()
		}
	case s.end.drained && !now.Before(s.end.killAt):
		s.killAll(fmt.Errorf("did not end within %s", s.cfg.DrainTimeout+s.time.slack))
	}
	return false
}

// failedToStart reports whether every slot has failed and none has ever served.
func (s *Supervisor) failedToStart() bool {
	return !s.everUp && !s.end.begun && !slices.ContainsFunc(s.slots, func(sl *slot) bool { return len(sl.crashes) == 0 })
}

// nextStep is when something is due next, at the latest with the next tick.
func (s *Supervisor) nextStep(now time.Time) time.Time {
	next := now.Add(s.time.tick)
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	for _, sl := range s.slots {
		sooner(sl.restartAt)
		for p := range sl.processes() {
			sooner(p.drainAt)
			sooner(p.killAt)
		}
	}
	switch {
	case s.end.drained:
		sooner(s.end.killAt)
	case s.end.begun:
		sooner(s.end.drainAt)
	}
	return next
}

// observe shows in the metrics how the worker processes do.
func (s *Supervisor) observe() {
	ready, backOff, failed := 0, 0, 0
	for _, sl := range s.slots {
		switch {
		case sl.current != nil && sl.current.ready():
			ready++
		case sl.current == nil && !sl.restartAt.IsZero():
			backOff++
		}
		if sl.failed {
			failed++
		}
	}
	s.cfg.Metrics.Workers(s.cfg.Workers, ready, backOff)
	s.cfg.Metrics.WorkersFailed(failed)
}

// reap waits for orphans, if that is this process's duty.
func (s *Supervisor) reap() {
	if !s.cfg.ReapOrphans {
		return
	}
	own := map[int]bool{}
	for p := range s.processes() {
		own[p.pid()] = true
	}
	if pids := reapOrphans(os.DirFS("/proc"), own); len(pids) > 0 {
		s.log.Debug("orphans have ended", "pids", pids)
	}
}

// Started reports whether a worker process has been ready.
func (s *Supervisor) Started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.everUp
}

// Alive reports whether a worker process has given a sign of life lately. Before the first one is ready there is no telling, and
// when the service ends they do, too.
func (s *Supervisor) Alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.everUp || s.end.begun {
		return true
	}
	for p := range s.processes() {
		if time.Since(p.lastBeat) < s.time.silence {
			return true
		}
	}
	return false
}

// Blocked lists why the server should get no traffic now; empty: it is ready, because a worker process is.
func (s *Supervisor) Blocked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end.begun {
		return []string{"draining"}
	}
	var reasons []string
	for p := range s.processes() {
		if p.ready() {
			return nil
		}
		reasons = append(reasons, p.beat.Blocked...)
	}
	if s.everUp {
		reasons = append(reasons, "workers")
	} else {
		reasons = append(reasons, "starting")
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// closeAll closes files; doing it twice does no harm.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
