package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// tellTimeout is how long a worker process may take to read what it is told.
const tellTimeout = time.Second

// ledgerBytes is the size of the memory for a worker process's counters; pages that are not used cost nothing.
const ledgerBytes = 1 << 20

// process is one worker process. Its fields are guarded by Supervisor.mu, unless they never change.
type process struct {
	id      uint64
	slot    *slot
	cmd     *exec.Cmd
	control *control
	ledger  *os.File // the memory of its counters; nil: it has none
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

// serves reports whether the process is there to accept connections.
func (p *process) serves(now time.Time) bool {
	return p.exited == nil && p.beat.Serving && p.drainAt.IsZero() && !p.draining && now.Sub(p.lastBeat) < p.silence/2
}

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
	cmd := s.cfg.Command()
	apart(cmd)
	cmd.ExtraFiles = []*os.File{theirs, sl.socket}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, slotVariable+"="+strconv.Itoa(sl.index))
	ledger, err := ledgerFile()
	if err != nil {
		s.log.Warn("what a worker process counts may be lost if it is killed", "slot", sl.index, "error", err)
	} else {
		cmd.ExtraFiles = append(cmd.ExtraFiles, ledger)
		cmd.Env = append(cmd.Env, ledgerVariable+"="+strconv.Itoa(inheritedLedger))
	}
	if err := cmd.Start(); err != nil {
		ours.close()
		_ = ledger.Close()
		return nil, fmt.Errorf("start a worker process: %w", err)
	}
	s.began++
	now := time.Now()
	p := &process{
		id: s.began, slot: sl, cmd: cmd, control: ours, ledger: ledger, started: now, lastBeat: now,
		silence: max(s.time.firstBeat, s.time.silence), unheard: make(chan struct{}), waiting: map[uint64]chan struct{}{},
	}
	if s.verbose {
		p.tell(frameVerbose, verbosity(true))
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
	s.settle(p)
	s.mu.Lock()
	p.exited = p.cmd.ProcessState
	if p.exited == nil {
		s.log.Error("a worker process cannot be waited for", "slot", p.slot.index, "error", err)
		p.exited = new(os.ProcessState)
	}
	s.mu.Unlock()
	s.wake()
}

// settle keeps what a process that has ended has counted.
func (s *Supervisor) settle(p *process) {
	defer func() { _ = p.ledger.Close() }()
	if s.cfg.Merger == nil {
		return
	}
	if p.ledger != nil {
		memory := make([]byte, ledgerBytes)
		_, err := p.ledger.ReadAt(memory, 0)
		if err == nil {
			err = s.cfg.Merger.Keep(p.id, memory)
		}
		if err != nil {
			s.log.Error("the last counters of a worker process are lost", "slot", p.slot.index, "pid", p.pid(), "error", err)
		}
	}
	s.cfg.Merger.End(p.id)
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
	ready, serving := p.ready(), p.beat.Serving
	p.beat, p.lastBeat, p.silence = b, time.Now(), s.time.silence
	if p.ready() && p.readyAt.IsZero() {
		p.readyAt = p.lastBeat
		s.everUp = true
		s.log.Info("worker process ready", "slot", p.slot.index, "pid", p.pid(), "after", p.readyAt.Sub(p.started))
	}
	if ready != p.ready() || serving != b.Serving {
		s.wake()
	}
}

// collect passes on a process's metrics and tells who waits for them.
func (s *Supervisor) collect(p *process, payload []byte) error {
	id, snapshot, err := splitNumber(payload)
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
	p.tell(frameMetrics, numbered(id, nil))
	select {
	case <-done:
		return true
	case <-p.unheard:
		return true
	case <-ctx.Done():
		return false
	}
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
