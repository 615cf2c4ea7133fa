package worker

import (
	"net"
	"sync"
	"time"
)

// acceptPause is how long to wait after a failed accept, for instance while there are too many open files.
const acceptPause = 50 * time.Millisecond

// sockets is several listeners as one. More can be added while it is in use, and it can stop accepting without ending.
type sockets struct {
	conns chan net.Conn
	done  chan struct{}

	mu        sync.Mutex
	listeners []net.Listener
	accepting bool // Accept has been called: before that nobody is there to serve a connection
	paused    bool
	closed    bool
	loops     sync.WaitGroup
}

// newSockets joins listeners, of which there must be one.
func newSockets(listeners []net.Listener) *sockets {
	return &sockets{conns: make(chan net.Conn), done: make(chan struct{}), listeners: listeners}
}

// Accept waits for the next connection to any of the listeners. The first call begins to accept.
func (s *sockets) Accept() (net.Conn, error) {
	s.begin()
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *sockets) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepting || s.paused || s.closed {
		return
	}
	s.accepting = true
	for _, ln := range s.listeners {
		s.loops.Go(func() { s.accept(ln) })
	}
}

// accept hands over the connections of one listener until that is closed.
func (s *sockets) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			if s.stopped() {
				return
			}
			select {
			case <-time.After(acceptPause):
				continue
			case <-s.done:
				return
			}
		}
		select {
		case s.conns <- conn:
		case <-s.done:
			_ = conn.Close()
			return
		}
	}
}

func (s *sockets) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused || s.closed
}

// add accepts from one more listener, too.
func (s *sockets) add(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused || s.closed {
		_ = ln.Close()
		return
	}
	s.listeners = append(s.listeners, ln)
	if s.accepting {
		s.loops.Go(func() { s.accept(ln) })
	}
}

// pause accepts no more connections: others who have the same sockets do. Accept goes on waiting.
func (s *sockets) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pauseLocked()
}

func (s *sockets) pauseLocked() {
	if s.paused {
		return
	}
	s.paused = true
	for _, ln := range s.listeners {
		_ = ln.Close()
	}
}

// Close ends Accept and waits until nothing accepts any more.
func (s *sockets) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.pauseLocked()
	s.mu.Unlock()
	s.loops.Wait()
	return nil
}

// Addr is the address of the first listener.
func (s *sockets) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listeners[0].Addr()
}
