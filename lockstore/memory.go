package lockstore

import (
	"container/list"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// memoryShards is the number of independent parts of Memory: lines of different keys hardly ever share a mutex.
const memoryShards = 64

// Memory keeps the lines of its keys in the process. A key costs memory only while it is held.
type Memory struct {
	limits Limits
	seed   maphash.Seed
	shards [memoryShards]memoryShard
}

// lookForClient is how often a request in line looks whether its client is still there.
const lookForClient = 500 * time.Millisecond

var _ Store = (*Memory)(nil)

type memoryShard struct {
	mu sync.Mutex
	// lines has an entry for each held key: nil until somebody waits for it.
	lines map[string]*list.List
	_     [48]byte // a cache line of its own
}

// memoryTicket is a place in line.
type memoryTicket struct {
	// granted is closed, under the shard's mutex, when the key was handed to this ticket.
	granted chan struct{}
}

// NewMemory returns a lock store without held keys.
func NewMemory(limits Limits) *Memory {
	m := &Memory{limits: limits.withDefaults(), seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].lines = make(map[string]*list.List)
	}
	return m
}

func (m *Memory) shard(key string) *memoryShard {
	return &m.shards[maphash.String(m.seed, key)%memoryShards]
}

// Acquire waits in line for the key and holds it until the lease is released. A lease of Memory cannot be lost.
func (m *Memory) Acquire(ctx context.Context, key string) (*Lease, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("acquire: %w", ended(ctx))
	}
	s := m.shard(key)
	s.mu.Lock()
	line, held := s.lines[key]
	if !held {
		s.lines[key] = nil
		s.mu.Unlock()
		return m.hold(key), nil
	}
	if line == nil {
		line = list.New()
		s.lines[key] = line
	}
	if line.Len() >= m.limits.Queue {
		s.mu.Unlock()
		return nil, fmt.Errorf("acquire: %d in line: %w", m.limits.Queue, ErrTooManyPending)
	}
	ticket := &memoryTicket{granted: make(chan struct{})}
	place := line.PushBack(ticket)
	s.mu.Unlock()

	err := m.wait(ctx, ticket)
	if err == nil {
		return m.hold(key), nil
	}
	s.leave(key, line, place, ticket)
	return nil, err
}

// wait waits until the ticket is granted.
func (m *Memory) wait(ctx context.Context, ticket *memoryTicket) error {
	limit := time.NewTimer(m.limits.Wait)
	defer limit.Stop()
	look := time.NewTicker(lookForClient)
	defer look.Stop()
	for gone := clientOf(ctx); ; {
		granted := false
		select {
		case <-ticket.granted:
			granted = true
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("wait in line: %w", ended(ctx))
		case <-limit.C:
			return fmt.Errorf("wait in line for %s: %w", m.limits.Wait, ErrTimeout)
		}
		switch {
		case gone():
			return fmt.Errorf("wait in line: %w", ErrGone)
		case granted:
			return nil
		}
	}
}

// leave takes a ticket out of the line, or passes the key on if it was granted in the meantime.
func (s *memoryShard) leave(key string, line *list.List, place *list.Element, ticket *memoryTicket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-ticket.granted:
		s.handOver(key)
	default:
		line.Remove(place)
	}
}

// handOver gives a held key to the first in line, or frees it. The mutex must be held.
func (s *memoryShard) handOver(key string) {
	line := s.lines[key]
	if line == nil || line.Len() == 0 {
		delete(s.lines, key)
		return
	}
	next, _ := line.Remove(line.Front()).(*memoryTicket)
	close(next.granted)
}

// Waiting is the number of tickets in line for a key, its holder not counted.
func (m *Memory) Waiting(key string) int {
	s := m.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if line := s.lines[key]; line != nil {
		return line.Len()
	}
	return 0
}

// memoryLease is a key held in the process.
type memoryLease struct {
	Lease
	store *Memory
}

func (m *Memory) hold(key string) *Lease {
	h := &memoryLease{store: m}
	h.Lease.holder, h.Lease.key = h, key
	return &h.Lease
}

func (h *memoryLease) release() {
	s := h.store.shard(h.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handOver(h.key)
}

// released gives the key back too: nothing else does it for a lease in memory.
func (h *memoryLease) released() { h.release() }

func (*memoryLease) watch(func()) {}
