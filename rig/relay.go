package main

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// relay stands between one pod and Redis, as the network does. It can be cut: then nothing gets through and nothing is refused,
// and what was sent arrives when it has healed.
type relay struct {
	ln     net.Listener
	target string
	wg     sync.WaitGroup

	mu    sync.Mutex
	open  chan struct{} // closed: it lets through
	conns map[net.Conn]bool
	ended bool
}

// newRelay listens on a free port of 127.0.0.1 and leads to target.
func newRelay(target string) (*relay, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // close ends it
	if err != nil {
		return nil, fmt.Errorf("open a relay: %w", err)
	}
	r := &relay{ln: ln, target: target, open: make(chan struct{}), conns: map[net.Conn]bool{}}
	close(r.open)
	r.wg.Go(r.accept)
	return r, nil
}

// port is the one that it listens on.
func (r *relay) port() int {
	at, _ := r.ln.Addr().(*net.TCPAddr)
	return at.Port
}

// cut has nothing get through.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = make(chan struct{})
}

// heal lets through again; what has waited, too.
func (r *relay) heal() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
	default:
		close(r.open)
	}
}

// close ends all connections, and waits for that.
func (r *relay) close() {
	r.heal()
	_ = r.ln.Close()
	r.mu.Lock()
	r.ended = true
	for c := range r.conns {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// wait waits until the relay lets through.
func (r *relay) wait() {
	r.mu.Lock()
	open := r.open
	r.mu.Unlock()
	<-open
}

func (r *relay) accept() {
	for {
		c, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.serve(c) })
	}
}

// keep notes a connection for close; false: it has ended.
func (r *relay) keep(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = true
	return !r.ended
}

func (r *relay) drop(c net.Conn) {
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
	_ = c.Close()
}

func (r *relay) serve(c net.Conn) {
	defer r.drop(c)
	if !r.keep(c) {
		return
	}
	r.wait()
	to, err := net.DialTimeout("tcp", r.target, 5*time.Second) //nolint:noctx // bounded by itself
	if err != nil {
		return
	}
	defer r.drop(to)
	if !r.keep(to) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { r.pass(to, c) })
	both.Go(func() { r.pass(c, to) })
	both.Wait()
}

// pass hands on what one side says, and its end.
func (r *relay) pass(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		r.wait()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
