package trackerstore

import (
	"container/heap"
	"container/list"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"

	"parley/dialogue"
	"parley/lockstore"
)

// memoryShards is the number of independent parts of Memory: conversations hardly ever share a mutex.
const memoryShards = 64

// MemoryConfig says how much Memory may hold. The zero value is a useful one.
type MemoryConfig struct {
	// Limits bound the lines of conversations.
	Limits lockstore.Limits
	// MaxConversations is how many conversations are kept, roughly: the ones unused for longest are forgotten. Each part of
	// the map counts for itself, so forgetting may begin a little earlier. 0: no limit, the store grows with every new
	// sender id until the process ends.
	MaxConversations int
}

// Memory keeps conversations in the process. Like the reference's in-memory store it holds, of each, what the last turn
// held: the sessions before the current one are forgotten by the first commit after a new session began.
type Memory struct {
	locks  *lockstore.Memory
	seed   maphash.Seed
	shards []memoryShard
	most   int // conversations a shard keeps; 0: all
}

var _ Store = (*Memory)(nil)

type memoryShard struct {
	mu   sync.Mutex
	kept map[string]*memoryConversation
	used list.List // of sender ids, latest first; empty without a limit
	_    [16]byte
}

type memoryConversation struct {
	// tracker is what the last turn held. It is never changed: turns and readers work on copies.
	tracker *dialogue.Tracker
	place   *list.Element
}

// NewMemory returns an empty store without a limit.
func NewMemory() *Memory { return NewMemoryWith(MemoryConfig{}) }

// NewMemoryWith returns an empty store.
func NewMemoryWith(cfg MemoryConfig) *Memory {
	shards, most := memoryShards, 0
	if cfg.MaxConversations > 0 {
		for shards > 1 && cfg.MaxConversations/shards < 64 {
			shards /= 2
		}
		most = cfg.MaxConversations / shards
	}
	m := &Memory{
		locks:  lockstore.NewMemory(cfg.Limits),
		seed:   maphash.MakeSeed(),
		shards: make([]memoryShard, shards),
		most:   most,
	}
	for i := range m.shards {
		m.shards[i].kept = make(map[string]*memoryConversation)
	}
	return m
}

func (m *Memory) shard(senderID string) *memoryShard {
	return &m.shards[maphash.String(m.seed, senderID)%uint64(len(m.shards))]
}

// stored returns what is kept of a conversation, nil if nothing is.
func (m *Memory) stored(senderID string) *dialogue.Tracker {
	s := m.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kept[senderID]
	if c == nil {
		return nil
	}
	if c.place != nil {
		s.used.MoveToFront(c.place)
	}
	return c.tracker
}

// view is a stored tracker as the reference would read it.
func view(stored *dialogue.Tracker, d *dialogue.Domain, latestSession bool) *dialogue.Tracker {
	if stored.Domain() == d {
		return stored.Rebuilt(latestSession)
	}
	t := dialogue.NewTracker(stored.SenderID, d)
	t.Append(stored.Events(0)...)
	return t.Rebuilt(latestSession)
}

// Begin waits until the conversation is free, in order of arrival. It returns ctx itself: a lease in memory cannot be lost.
func (m *Memory) Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*Turn, context.Context, error) {
	lease, err := m.locks.Acquire(ctx, senderID)
	if err != nil {
		return nil, nil, fmt.Errorf("begin turn: %w", err)
	}
	h := &memoryHeld{store: m, lease: lease, senderID: senderID}
	stored := m.stored(senderID)
	if stored == nil {
		return newTurn(h, dialogue.NewTracker(senderID, d), false), ctx, nil
	}
	return newTurn(h, view(stored, d, true), true), ctx, nil
}

// memoryHeld is a conversation of Memory under its lock.
type memoryHeld struct {
	store    *Memory
	lease    *lockstore.Lease
	senderID string
}

func (h *memoryHeld) commit(_ context.Context, t *Turn, _ Commit) error {
	defer h.lease.Release()
	h.store.keep(h.senderID, t.Tracker.Copy())
	return nil
}

func (h *memoryHeld) abort() { h.lease.Release() }

func (m *Memory) keep(senderID string, tracker *dialogue.Tracker) {
	s := m.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.kept[senderID]; c != nil {
		c.tracker = tracker
		return
	}
	c := &memoryConversation{tracker: tracker}
	s.kept[senderID] = c
	if m.most == 0 {
		return
	}
	c.place = s.used.PushFront(senderID)
	if s.used.Len() > m.most {
		oldest, _ := s.used.Remove(s.used.Back()).(string)
		delete(s.kept, oldest)
	}
}

// Read returns a view without waiting for a turn that is under way.
func (m *Memory) Read(ctx context.Context, senderID string, d *dialogue.Domain, scope Scope) (*dialogue.Tracker, bool, error) {
	if ctx.Err() != nil {
		return nil, false, fmt.Errorf("read conversation: %w", ended(ctx))
	}
	stored := m.stored(senderID)
	if stored == nil {
		return nil, false, nil
	}
	return view(stored, d, scope == LatestSession), true, nil
}

// Delete waits its turn and forgets a conversation; ErrNotFound if there is none.
func (m *Memory) Delete(ctx context.Context, senderID string) error {
	lease, err := m.locks.Acquire(ctx, senderID)
	if err != nil {
		return fmt.Errorf("delete conversation: %w", err)
	}
	defer lease.Release()
	s := m.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kept[senderID]
	if c == nil {
		return fmt.Errorf("delete conversation: %w", ErrNotFound)
	}
	if c.place != nil {
		s.used.Remove(c.place)
	}
	delete(s.kept, senderID)
	return nil
}

// List pages through the conversation ids in the order of their bytes. A page costs a look at every conversation.
func (m *Memory) List(ctx context.Context, cursor string, limit int) (ids []string, next string, err error) {
	if ctx.Err() != nil {
		return nil, "", fmt.Errorf("list conversations: %w", ended(ctx))
	}
	if limit <= 0 {
		return nil, "", fmt.Errorf("list conversations: limit is %d, must be positive", limit)
	}
	after, from := "", false
	if cursor != "" {
		after, from = cursor[1:], true // the first byte tells the cursor of an empty id from no cursor
	}
	var first greatestFirst // the limit+1 smallest ids
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		for id := range s.kept {
			switch {
			case from && id <= after:
			case len(first) <= limit:
				heap.Push(&first, id)
			case id < first[0]:
				first[0] = id
				heap.Fix(&first, 0)
			}
		}
		s.mu.Unlock()
	}
	ids = first
	slices.Sort(ids)
	if len(ids) > limit {
		ids = ids[:limit]
		next = ">" + ids[limit-1]
	}
	return ids, next, nil
}

// greatestFirst is a heap of ids.
type greatestFirst []string

func (h greatestFirst) Len() int           { return len(h) }
func (h greatestFirst) Less(i, j int) bool { return h[i] > h[j] }
func (h greatestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for package heap.
func (h *greatestFirst) Push(x any) {
	if id, ok := x.(string); ok {
		*h = append(*h, id)
	}
}

// Pop is for package heap.
func (h *greatestFirst) Pop() any {
	last := len(*h) - 1
	id := (*h)[last]
	*h = (*h)[:last]
	return id
}

// ended says why a context ended: its error, with the cause where one was given.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
