package worker

import (
	"errors"
	"net"
	"sync"
	"time"
)

// acceptPause is how long to wait after a failed accept, for instance while there are too many open files.
const acceptPause = 50 * time.Millisecond

// sockets is several listeners as one: its own and those that are lent to it. It can stop accepting without ending.
type sockets struct {
	conns chan net.Conn
	done  chan struct{}

	own net.Listener

	mu        sync.Mutex
	lent      map[uint64]net.Listener // by their slots
	accepting bool                    // Accept has been called: before that nobody is there to serve a connection
	paused    bool
	closed    bool
	loops     sync.WaitGroup
}

func newSockets(own net.Listener) *sockets {
	return &sockets{conns: make(chan net.Conn), done: make(chan struct{}), own: own, lent: map[uint64]net.Listener{}}
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
	s.loops.Go(func() { s.accept(s.own) })
	for _, ln := range s.lent {
		s.loops.Go(func() { s.accept(ln) })
	}
}

// accept hands over the connections of one listener until that is closed.
func (s *sockets) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
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

// add accepts from the listener of a slot, too.
func (s *sockets) add(slot uint64, ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused || s.closed || s.lent[slot] != nil {
		_ = ln.Close()
		return
	}
	s.lent[slot] = ln
	if s.accepting {
		s.loops.Go(func() { s.accept(ln) })
	}
}

// remove leaves the listener of a slot to others who have it.
func (s *sockets) remove(slot uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ln := s.lent[slot]; ln != nil {
		delete(s.lent, slot)
		_ = ln.Close()
	}
}

// refuseNew lets nobody new connect, and accepts those who have.
func (s *sockets) refuseNew() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused {
		return nil
	}
	err := refuseNew(s.own)
	for _, ln := range s.lent {
		err = errors.Join(err, refuseNew(ln))
	}
	return err
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
	_ = s.own.Close()
	for _, ln := range s.lent {
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

// Addr is the address of its own listener.
func (s *sockets) Addr() net.Addr { return s.own.Addr() }
