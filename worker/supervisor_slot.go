package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// tellTimeout is how long a worker process may take to read what it is told.
const tellTimeout = time.Second

// slot is a place for a worker process. Its fields are guarded by Supervisor.mu.
type slot struct {
	index  int
	socket *os.File
	taken  []*slot // slots whose sockets this one serves, too: their processes keep crashing

	current *process   // nil: to be started at restartAt
	next    *process   // about to replace current
	old     []*process // replaced, draining

	restartAt time.Time
	cause     string // of the last crash
	exitCode  int
	attempts  int         // restarts since it was healthy
	crashes   []time.Time // lately
	failed    bool        // too many of them
	handed    bool        // its socket has been handed over
}

// processes are all of the slot that run.
func (sl *slot) processes() iter.Seq[*process] {
	return func(yield func(*process) bool) {
		for _, p := range append([]*process{sl.current, sl.next}, sl.old...) {
			if p != nil && !yield(p) {
				return
			}
		}
	}
}

func (s *Supervisor) processes() iter.Seq[*process] {
	return func(yield func(*process) bool) {
		for _, sl := range s.slots {
			for p := range sl.processes() {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// process is one worker process. Its fields are guarded by Supervisor.mu, unless they never change.
type process struct {
	id      uint64
	slot    *slot
	cmd     *exec.Cmd
	control *control
	started time.Time
	unheard chan struct{} // closed when it has said its last

	beat     beat
	lastBeat time.Time
	silence  time.Duration // how long it may be silent
	readyAt  time.Time     // zero: it has not been
	drainAt  time.Time     // it is leaving and will be told to drain then
	draining bool          // it has been told to end
	killAt   time.Time     // it is to be gone by then
	cause    string        // what we have done to it, if it is not to be a surprise
	exited   *os.ProcessState

	scrapes sync.Mutex
	asked   uint64
	waiting map[uint64]chan struct{} // for a snapshot
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ready reports whether the process serves and should get traffic.
func (p *process) ready() bool { return p.beat.Serving && len(p.beat.Blocked) == 0 }

func (p *process) tell(kind byte, payload []byte) {
	_ = p.control.send(kind, payload, tellTimeout) // one that does not hear is dead or will be found silent
}

func (p *process) drain() {
	p.draining, p.drainAt = true, time.Time{}
	p.tell(frameDrain, nil)
}

func (p *process) signal(sig os.Signal) { _ = p.cmd.Process.Signal(sig) } // it may just have ended

// start starts a process for a slot.
func (s *Supervisor) start(sl *slot) (*process, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	sockets := []*os.File{sl.socket}
	for _, other := range sl.taken {
		sockets = append(sockets, other.socket)
	}
	cmd := s.cfg.Command()
	apart(cmd)
	cmd.ExtraFiles = append([]*os.File{theirs}, sockets...)
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, slotVariable+"="+strconv.Itoa(sl.index), socketsVariable+"="+strconv.Itoa(len(sockets)))
	if err := cmd.Start(); err != nil {
		ours.close()
		return nil, fmt.Errorf("start a worker process: %w", err)
	}
	s.began++
	now := time.Now()
	p := &process{
		id: s.began, slot: sl, cmd: cmd, control: ours, started: now, lastBeat: now,
		silence: max(s.time.firstBeat, s.time.silence), unheard: make(chan struct{}), waiting: map[uint64]chan struct{}{},
	}
	s.log.Info("worker process started", "slot", sl.index, "pid", p.pid())
	s.threads.Go(func() { s.listen(p) })
	s.threads.Go(func() { s.await(p) })
	return p, nil
}

// await waits for a process's end.
func (s *Supervisor) await(p *process) {
	err := p.cmd.Wait()
	p.control.hurryReading(time.Second) // everything it has said is there; its end of the connection may have been inherited
	<-p.unheard
	p.control.close()
	if s.cfg.Merger != nil {
		s.cfg.Merger.End(p.id)
	}
	s.mu.Lock()
	p.exited = p.cmd.ProcessState
	if p.exited == nil {
		s.log.Error("a worker process cannot be waited for", "slot", p.slot.index, "error", err)
		p.exited = new(os.ProcessState)
	}
	s.mu.Unlock()
	s.wake()
}

// listen hears what a process says until it has nothing more to say.
func (s *Supervisor) listen(p *process) {
	defer close(p.unheard)
	for {
		kind, payload, err := p.control.receive()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) {
				s.log.Error("a worker process cannot be understood", "slot", p.slot.index, "pid", p.pid(), "error", err)
			}
			p.control.close()
			return
		}
		switch kind {
		case frameBeat:
			b, err := decodeBeat(payload)
			if err != nil {
				s.log.Error("a worker process cannot be understood", "slot", p.slot.index, "pid", p.pid(), "error", err)
				continue
			}
			s.heard(p, b)
		case frameMetrics:
			if err := s.collect(p, payload); err != nil {
				s.log.Error("a worker process hands over strange metrics", "slot", p.slot.index, "pid", p.pid(), "error", err)
			}
		}
	}
}

// heard keeps what a process says of itself.
func (s *Supervisor) heard(p *process, b beat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := p.ready()
	p.beat, p.lastBeat, p.silence = b, time.Now(), s.time.silence
	if p.ready() && p.readyAt.IsZero() {
		p.readyAt = p.lastBeat
		s.everUp = true
		s.log.Info("worker process ready", "slot", p.slot.index, "pid", p.pid(), "after", p.readyAt.Sub(p.started))
	}
	if was != p.ready() {
		s.wake()
	}
}

// collect passes on a process's metrics and tells who waits for them.
func (s *Supervisor) collect(p *process, payload []byte) error {
	id, snapshot, err := splitMetrics(payload)
	if err == nil && s.cfg.Merger != nil {
		err = s.cfg.Merger.Put(p.id, snapshot)
	}
	p.scrapes.Lock()
	defer p.scrapes.Unlock()
	if done, ok := p.waiting[id]; ok && err == nil {
		close(done)
		delete(p.waiting, id)
	}
	return err
}

// Scrape asks every worker process for its metrics and waits until the Merger has them. One that takes too long is counted;
// what it said last stays.
func (s *Supervisor) Scrape(ctx context.Context) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.time.scrape)
	defer cancel()
	s.mu.Lock()
	var serving []*process
	for p := range s.processes() {
		if p.beat.Serving && p.exited == nil {
			serving = append(serving, p)
		}
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range serving {
		wg.Go(func() {
			if !p.scrape(ctx) {
				s.cfg.Metrics.GatherFailed(p.slot.index)
			}
		})
	}
	wg.Wait()
	s.cfg.Metrics.Gathered(time.Since(begun))
}

// scrape asks a process for its metrics and reports whether they came in time. Those of one that has just ended are there.
func (p *process) scrape(ctx context.Context) bool {
	done := make(chan struct{})
	p.scrapes.Lock()
	p.asked++
	id := p.asked
	p.waiting[id] = done
	p.scrapes.Unlock()
	defer func() {
		p.scrapes.Lock()
		delete(p.waiting, id)
		p.scrapes.Unlock()
	}()
	p.tell(frameMetrics, metricsFrame(id, nil))
	select {
	case <-done:
		return true
	case <-p.unheard:
		return true
	case <-ctx.Done():
		return false
	}
}

// bury takes the processes of a slot that have ended out of it.
func (s *Supervisor) bury(sl *slot, now time.Time) {
	gone := func(p *process) bool { return p != nil && p.exited != nil }
	for _, p := range sl.old {
		if gone(p) {
			s.mourn(p)
		}
	}
	sl.old = slices.DeleteFunc(sl.old, gone)
	if gone(sl.next) {
		p := sl.next
		sl.next = nil
		s.mourn(p)
		if !p.draining {
			s.stopRoll(sl)
		}
		if sl.current == nil && !s.end.begun {
			s.crashed(sl, p, now)
		}
	}
	if gone(sl.current) {
		p := sl.current
		sl.current = nil
		switch s.mourn(p); {
		case p.draining || s.end.begun:
		case sl.next != nil: // takes over as soon as it can
		default:
			s.crashed(sl, p, now)
		}
	}
}

// mourn logs the end of a process and notes what was wrong with it.
func (s *Supervisor) mourn(p *process) {
	attrs := []any{"slot", p.slot.index, "pid", p.pid(), "end", p.exited.String(), "after", time.Since(p.started)}
	p.slot.exitCode = p.exited.ExitCode()
	p.slot.cause = s.causeOf(p)
	if p.draining {
		if p.slot.exitCode != 0 && !s.end.killed {
			s.log.Warn("worker process did not end well", attrs...)
			if s.end.begun {
				s.end.errs = append(s.end.errs, fmt.Errorf("worker process %d: %s", p.slot.index, p.exited))
			}
			return
		}
		s.log.Info("worker process ended", attrs...)
		return
	}
	s.log.Error("worker process ended unasked", append(attrs, "cause", p.slot.cause)...)
}

// causeOf says in the words of the metrics why a process has ended.
func (s *Supervisor) causeOf(p *process) string {
	if p.cause != "" {
		return p.cause
	}
	status, ok := p.exited.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return "exit"
	}
	if status.Signal() == syscall.SIGKILL {
		if n := oomKills(s.root()); n > s.oomKills {
			s.oomKills = n
			return "oom"
		}
	}
	return "signal"
}

// crashed plans the restart of a slot.
func (s *Supervisor) crashed(sl *slot, p *process, now time.Time) {
	if p != nil && !p.readyAt.IsZero() && now.Sub(p.readyAt) >= s.time.healthy {
		s.forgive(sl)
	}
	delay := s.time.backOffMost
	if sl.attempts < 16 {
		delay = min(delay, s.time.backOff<<sl.attempts)
	}
	sl.attempts++
	sl.restartAt = now.Add(delay)
	sl.crashes = append(slices.DeleteFunc(sl.crashes, func(t time.Time) bool { return now.Sub(t) > s.time.crashWindow }), now)
	if len(sl.crashes) >= s.time.crashLimit && !sl.failed {
		sl.failed = true
		s.log.Error("a worker process keeps crashing: another one gets its socket, too",
			"slot", sl.index, "crashes", len(sl.crashes), "within", s.time.crashWindow, "retry_every", s.time.backOffMost)
	}
}

// forgive forgets the crashes of a slot: its process is well. The sibling that has its socket will not inherit it again.
func (s *Supervisor) forgive(sl *slot) {
	sl.attempts, sl.crashes = 0, nil
	if !sl.failed {
		return
	}
	s.log.Info("a worker process that kept crashing is well again", "slot", sl.index)
	sl.failed, sl.handed = false, false
	for _, other := range s.slots {
		other.taken = slices.DeleteFunc(other.taken, func(t *slot) bool { return t == sl })
	}
}

// check looks after the processes of a slot: those that are silent, and those whose time has come.
func (s *Supervisor) check(sl *slot, now time.Time) {
	for p := range sl.processes() {
		switch {
		case !p.killAt.IsZero() && !now.Before(p.killAt):
			s.log.Error("killing a worker process that does not end", "slot", sl.index, "pid", p.pid())
			p.killAt = now.Add(s.time.abort)
			p.signal(os.Kill)
		case p.cause == "" && now.Sub(p.lastBeat) > p.silence:
			s.log.Error("a worker process is silent: aborting it", "slot", sl.index, "pid", p.pid(), "silent", now.Sub(p.lastBeat))
			p.cause, p.killAt = "heartbeat", now.Add(s.time.abort)
			p.signal(syscall.SIGABRT) // it says what it was doing
		case !p.drainAt.IsZero() && !now.Before(p.drainAt):
			p.drain()
			p.killAt = now.Add(s.cfg.DrainTimeout + s.time.slack)
		}
	}
	if p := sl.current; p != nil && len(sl.crashes) > 0 && !p.readyAt.IsZero() && now.Sub(p.readyAt) >= s.time.healthy {
		s.forgive(sl)
	}
}

// keepUp starts a slot's process when there is to be one and hands the socket of a failed slot over.
func (s *Supervisor) keepUp(sl *slot, now time.Time) {
	if sl.current == nil && sl.next == nil && !now.Before(sl.restartAt) {
		again := !sl.restartAt.IsZero()
		sl.restartAt = time.Time{}
		p, err := s.start(sl)
		if err != nil {
			s.log.Error("a worker process cannot be started", "slot", sl.index, "error", err)
			sl.cause, sl.exitCode = "exit", 1
			s.crashed(sl, nil, now)
			return
		}
		sl.current = p
		if again {
			s.cfg.Metrics.WorkerRestarted(sl.index, sl.cause)
		}
	}
	if sl.failed && !sl.handed {
		s.handOver(sl)
	}
}

// handOver gives the socket of a slot that keeps crashing to a sibling that is well, besides its own.
func (s *Supervisor) handOver(sl *slot) {
	if len(s.cfg.Sockets) == 1 {
		sl.handed = true // they all have it
		return
	}
	var heir *slot
	for _, other := range s.slots {
		well := other != sl && !other.failed && other.current != nil && other.current.ready() && other.current.drainAt.IsZero()
		if well && (heir == nil || len(other.taken) < len(heir.taken)) {
			heir = other
		}
	}
	if heir == nil {
		return // the next step may find one
	}
	for _, from := range append([]*slot{sl}, sl.taken...) {
		if err := heir.current.control.sendFile(frameSocket, nil, from.socket, tellTimeout); err != nil {
			s.log.Error("a socket could not be handed over", "slot", from.index, "to", heir.index, "error", err)
			return
		}
	}
	sl.handed = true
	heir.taken = append(append(heir.taken, sl), sl.taken...)
	sl.taken = nil
	s.log.Warn("a socket was handed over", "slot", sl.index, "to", heir.index)
}

// rollOn goes on with replacing the processes: a new one is ready before the old one leaves, and the old one is gone before
// the next slot's turn.
func (s *Supervisor) rollOn(now time.Time) {
	for len(s.roll.slots) > 0 {
		sl := s.roll.slots[0]
		switch {
		case s.roll.replaced && len(sl.old) > 0:
			return // the old one drains
		case s.roll.replaced:
			s.roll.slots, s.roll.replaced = s.roll.slots[1:], false
		case sl.next == nil:
			p, err := s.start(sl)
			if err != nil {
				s.log.Error("a worker process cannot be started", "slot", sl.index, "error", err)
				s.stopRoll(sl)
				return
			}
			sl.next, sl.restartAt = p, time.Time{}
		case !sl.next.ready():
			return
		default:
			if sl.current != nil {
				sl.current.tell(frameLeave, []byte{1})
				sl.current.drainAt = now.Add(s.time.handOver)
				sl.old = append(sl.old, sl.current)
			}
			sl.current, sl.next, s.roll.replaced = sl.next, nil, true
		}
	}
	if s.roll.again {
		s.roll = rolling{slots: slices.Clone(s.slots)}
		s.wake()
	}
}

// stopRoll stops the replacement: a new process did not get as far as serving, so the old ones stay.
func (s *Supervisor) stopRoll(sl *slot) {
	if !s.end.begun {
		s.log.Error("the new worker process failed: the replacement stops here, the others stay", "slot", sl.index)
	}
	s.roll = rolling{}
}
