package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"parley/metrics"
)

const (
	beatInterval   = time.Second
	startInterval  = 20 * time.Millisecond // of looking whether it serves by now
	beatsPerReport = 2                     // a snapshot that nobody asked for, so that a crash loses little
	lastWords      = 5 * time.Second       // for the last snapshot
)

// Child is a worker process's side of its parent, a Supervisor in another process. The parent decides when the child ends;
// when the parent dies, the child finishes what it has and ends, too.
type Child struct {
	// Slot is the number of the worker process, from 0.
	Slot int
	// Verbose is told to log everything, or no longer; nil: nobody is. It is to be set before Run.
	Verbose func(on bool)

	log     *slog.Logger
	control *control
	sockets *sockets
	ledger  *metrics.Ledger

	mu    sync.Mutex
	state ChildState
	ready bool

	asked chan uint64 // for a snapshot
}

// ChildState is what a child knows about itself once it serves. All functions are optional.
type ChildState struct {
	Blocked  func() []string        // why it should get no traffic now; see Worker.Blocked
	Leave    func()                 // tells clients to go elsewhere; see Worker.Leave
	Snapshot func() ([]byte, error) // what it has measured; see metrics.Snapshot
}

// NewChild takes over what the parent left in the environment and in open files. It returns ok false in a process that is no
// worker process.
func NewChild(env func(string) string, log *slog.Logger) (c *Child, ok bool, err error) {
	if env(slotVariable) == "" {
		return nil, false, nil
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	slot, err := strconv.Atoi(env(slotVariable))
	if err != nil || slot < 0 {
		return nil, true, fmt.Errorf("%s is for processes that parley starts itself: unset it", slotVariable)
	}
	ctl, err := newControl(os.NewFile(inheritedControl, "control"))
	if err != nil {
		return nil, true, fmt.Errorf("%s is set, but no parent has started this process: unset it: %w", slotVariable, err)
	}
	ln, err := inherit(os.NewFile(inheritedSocket, "socket"))
	if err != nil {
		ctl.close()
		return nil, true, err
	}
	c = &Child{Slot: slot, log: log, control: ctl, sockets: newSockets(ln), asked: make(chan uint64, 16)}
	if env(ledgerVariable) != "" {
		words, err := mapLedger(os.NewFile(inheritedLedger, "counters"))
		if err != nil {
			log.Warn("what is counted may be lost if this process is killed", "error", err)
		} else {
			c.ledger = metrics.NewLedger(words)
		}
	}
	return c, true, nil
}

// Ledger is where the parent reads this process's counters after its end, for metrics.NewKept; nil: it cannot, or there is no
// parent because c is nil.
func (c *Child) Ledger() *metrics.Ledger {
	if c == nil {
		return nil
	}
	return c.ledger
}

// inherit makes a listener of a socket that listens already.
func inherit(f *os.File) (net.Listener, error) {
	ln, err := net.FileListener(f)
	_ = f.Close() // ln is a copy
	if err != nil {
		return nil, fmt.Errorf("use the inherited socket: %w", err)
	}
	return ln, nil
}

// Listener is what the parent gives the child to serve.
func (c *Child) Listener() net.Listener { return c.sockets }

// Ready says that the child has what it needs to serve. The parent counts it as ready as soon as nothing blocks it.
func (c *Child) Ready(s ChildState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.ready = s, true
}

// Run runs serve and keeps the parent informed meanwhile. The context that serve gets ends when ctx ends, when the parent
// says so, or when the parent has died. Run returns what serve returns.
func (c *Child) Run(ctx context.Context, serve func(ctx context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { c.obey(stop) })
	wg.Go(func() { c.beat(ended) })
	wg.Go(func() { c.report(ended) })
	err := serve(ctx)
	close(ended)
	c.control.hurry(lastWords) // the parent may be frozen
	if e := c.sendSnapshot(0, lastWords); e != nil && !errors.Is(e, net.ErrClosed) {
		c.log.Debug("the last metrics did not reach the parent", "error", e)
	}
	c.control.close() // ends obey
	_ = c.sockets.Close()
	wg.Wait()
	return err
}

// obey does what the parent says until the connection ends.
func (c *Child) obey(stop context.CancelFunc) {
	defer stop()
	for {
		kind, payload, err := c.control.receive()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.log.Error("the parent cannot be understood: draining", "error", err)
			}
			c.leave(false)
			return
		}
		switch kind {
		case frameLeave:
			c.leave(len(payload) > 0 && payload[0] == 1)
		case frameVerbose:
			if c.Verbose != nil {
				c.Verbose(len(payload) > 0 && payload[0] == 1)
			}
		case frameDrain:
			c.leave(false)
			stop() // serve empties the queues before it closes the sockets
		default:
			n, _, err := splitNumber(payload)
			if err != nil {
				c.log.Error("the parent cannot be understood", "error", err)
				continue
			}
			c.obeyNumber(kind, n)
		}
	}
}

// obeyNumber does what the parent says with a number.
func (c *Child) obeyNumber(kind byte, n uint64) {
	switch kind {
	case frameSocket:
		c.adopt(n)
	case frameRelease:
		c.sockets.remove(n)
	case frameMetrics:
		select {
		case c.asked <- n:
		default: // the parent has given up on the earlier ones
		}
	default:
		c.log.Warn("the parent says something unknown", "kind", string(kind))
	}
}

// adopt serves the socket that came along: one of a slot whose process is not there to do it.
func (c *Child) adopt(slot uint64) {
	f := c.control.takeFile()
	if f == nil {
		c.log.Error("the parent handed over a socket, but it did not arrive")
		return
	}
	ln, err := inherit(f)
	if err != nil {
		c.log.Error("the parent handed over a socket that cannot be used", "error", err)
		return
	}
	c.log.Debug("serving the socket of another slot, too", "other", slot)
	c.sockets.add(slot, ln)
}

// leave tells clients to go elsewhere, and perhaps lets no more connect.
func (c *Child) leave(pause bool) {
	if pause {
		c.sockets.pause()
	}
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	if s.Leave != nil {
		s.Leave()
	}
}

// status is the beat of now.
func (c *Child) status() beat {
	c.mu.Lock()
	s, ready := c.state, c.ready
	c.mu.Unlock()
	b := beat{Serving: ready}
	if ready && s.Blocked != nil {
		b.Blocked = s.Blocked()
	}
	return b
}

// beat tells the parent once a second that the child lives and how it does. Until it is ready it looks more often, so that
// the parent learns of it at once.
func (c *Child) beat(ended <-chan struct{}) {
	interval := startInterval
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var told beat
	var last time.Time
	for n := 0; ; {
		b, now := c.status(), time.Now()
		if now.Sub(last) >= beatInterval || b.Serving != told.Serving || !slices.Equal(b.Blocked, told.Blocked) {
			if c.control.send(frameBeat, b.encode(), 0) != nil {
				return // obey has noticed, too
			}
			told, last = b, now
			if n++; n%beatsPerReport == 0 {
				select {
				case c.asked <- 0:
				default:
				}
			}
		}
		if interval == startInterval && b.Serving && len(b.Blocked) == 0 {
			interval = beatInterval
			tick.Reset(interval)
		}
		select {
		case <-tick.C:
		case <-ended:
			return
		}
	}
}

// report hands over snapshots, one after the other.
func (c *Child) report(ended <-chan struct{}) {
	for {
		select {
		case id := <-c.asked:
			if err := c.sendSnapshot(id, 0); err != nil {
				c.log.Debug("metrics did not reach the parent", "error", err)
			}
		case <-ended:
			return
		}
	}
}

func (c *Child) sendSnapshot(id uint64, within time.Duration) error {
	c.mu.Lock()
	snapshot := c.state.Snapshot
	c.mu.Unlock()
	if snapshot == nil {
		return nil
	}
	data, err := snapshot()
	if err != nil {
		return err
	}
	return c.control.send(frameMetrics, numbered(id, data), within)
}
