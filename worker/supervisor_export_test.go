package worker

import (
	"io/fs"
	"time"
)

// Times are the times of a supervisor that tests shorten.
type Times struct {
	Silence, BackOff, BackOffServed, BackOffLast, Healthy, Slack, Scrape time.Duration

	CrashLimit int
}

// Hurry makes a supervisor quick. What is zero becomes short.
func Hurry(s *Supervisor, t Times) {
	or := func(d, short time.Duration) time.Duration {
		if d == 0 {
			return short
		}
		return d
	}
	s.time.silence = or(t.Silence, s.time.silence)
	s.time.firstBeat = or(t.Silence, s.time.firstBeat)
	s.time.abort = 200 * time.Millisecond
	s.time.backOff = or(t.BackOff, 10*time.Millisecond)
	s.time.backOffMost = 8 * s.time.backOff
	s.time.backOffServed = or(t.BackOffServed, s.time.backOffMost)
	s.time.backOffLast = or(t.BackOffLast, s.time.backOffMost)
	s.time.healthy = or(t.Healthy, s.time.healthy)
	s.time.slack = or(t.Slack, s.time.slack)
	s.time.scrape = or(t.Scrape, s.time.scrape)
	s.time.handOver = 50 * time.Millisecond
	s.time.tick = 50 * time.Millisecond
	if t.CrashLimit > 0 {
		s.time.crashLimit = t.CrashLimit
	}
}

// The parts of a worker process that are tested by themselves.
var (
	NewSockets = newSockets
)

// ReadLimits finds the limits of a container.
var ReadLimits = func(root fs.FS) (cpus float64, memory int64) {
	l := readLimits(root)
	return l.cpus, l.memory
}

// OOMKills counts what the kernel has killed.
var OOMKills = oomKills

// AddSocket and PauseSockets are what a parent can ask for.
var (
	AddSocket    = (*sockets).add
	RemoveSocket = (*sockets).remove
	PauseSockets = (*sockets).pause
)

// PIDs are the worker processes that run.
func PIDs(s *Supervisor) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var pids []int
	for p := range s.processes() {
		pids = append(pids, p.pid())
	}
	return pids
}
