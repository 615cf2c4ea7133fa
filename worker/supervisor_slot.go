package worker

import (
	"fmt"
	"iter"
	"os"
	"slices"
	"syscall"
	"time"
)

// slot is a place for a worker process. Its fields are guarded by Supervisor.mu.
type slot struct {
	index  int
	socket *os.File
	heir   *process // serves the socket while the slot's own process is not there to do it

	current *process   // nil: to be started at restartAt
	next    *process   // about to replace current
	old     []*process // replaced, draining

	restartAt time.Time
	cause     string // of the last crash
	exitCode  int
	attempts  int         // restarts since it was healthy
	crashes   []time.Time // lately
	failed    bool        // too many of them
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

// crashed plans the restart of a slot.
func (s *Supervisor) crashed(sl *slot, p *process, now time.Time) {
	if p != nil && !p.readyAt.IsZero() && now.Sub(p.readyAt) >= s.time.healthy {
		s.forgive(sl)
	}
	delay := s.time.backOffMost
	if p != nil && !p.readyAt.IsZero() {
		delay = s.time.backOffServed
	}
	if sl.attempts < 16 {
		delay = min(delay, s.time.backOff<<sl.attempts)
	}
	sl.attempts++
	sl.restartAt = now.Add(delay)
	sl.crashes = append(slices.DeleteFunc(sl.crashes, func(t time.Time) bool { return now.Sub(t) > s.time.crashWindow }), now)
	if len(sl.crashes) >= s.time.crashLimit && !sl.failed {
		sl.failed = true
		s.log.Error("a worker process keeps crashing: others do its work",
			"slot", sl.index, "crashes", len(sl.crashes), "within", s.time.crashWindow, "next_after", delay)
	}
}

// forgive forgets the crashes of a slot: its process is well.
func (s *Supervisor) forgive(sl *slot) {
	sl.attempts, sl.crashes = 0, nil
	if sl.failed {
		s.log.Info("a worker process that kept crashing is well again", "slot", sl.index)
		sl.failed = false
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

// hasten brings the next restart forward when no process is left: a service that is away is worse than one that crashes.
func (s *Supervisor) hasten() {
	var first *slot
	var last time.Time // crash
	for _, sl := range s.slots {
		if sl.current != nil || sl.next != nil {
			return
		}
		if n := len(sl.crashes); n > 0 && sl.crashes[n-1].After(last) {
			last = sl.crashes[n-1]
		}
		if first == nil || sl.restartAt.Before(first.restartAt) {
			first = sl
		}
	}
	if soon := last.Add(s.time.backOffLast); !last.IsZero() && soon.Before(first.restartAt) {
		first.restartAt = soon
	}
}

// keepUp starts a slot's process when there is to be one.
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
}

// lend has another slot's process accept the connections of a slot whose own process crashed or is silent: otherwise they
// would wait for its successor. When that serves, the socket is its alone again.
func (s *Supervisor) lend(sl *slot, now time.Time) {
	if len(s.cfg.Sockets) == 1 {
		return // all have it
	}
	if sl.heir != nil && !sl.heir.serves(now) {
		sl.heir = nil
	}
	p := sl.current
	switch missing := p == nil || !p.serves(now) && (sl.attempts > 0 || p.beat.Serving); {
	case missing && sl.heir == nil:
		heir := s.leastBurdened(now)
		if heir == nil {
			return // the next step may find one
		}
		if err := heir.control.sendFile(frameSocket, numbered(uint64(sl.index), nil), sl.socket, tellTimeout); err != nil {
			s.log.Error("a socket could not be lent", "slot", sl.index, "to", heir.slot.index, "error", err)
			return
		}
		sl.heir = heir
		s.log.Info("another worker process accepts the connections of a slot, too", "slot", sl.index, "heir", heir.slot.index)
	case !missing && sl.heir != nil:
		sl.heir.tell(frameRelease, numbered(uint64(sl.index), nil))
		sl.heir = nil
	}
}

// leastBurdened is the process that serves the fewest sockets of others; nil: none serves.
func (s *Supervisor) leastBurdened(now time.Time) *process {
	var best *process
	least := 0
	for _, sl := range s.slots {
		if sl.current == nil || !sl.current.serves(now) {
			continue
		}
		burden := 0
		for _, other := range s.slots {
			if other.heir == sl.current {
				burden++
			}
		}
		if best == nil || burden < least {
			best, least = sl.current, burden
		}
	}
	return best
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
