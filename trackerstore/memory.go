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
	"time"

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
	// Observer hears what is measured: here only commits.
	Observer Observer
}

// Memory keeps conversations in the process. Like the reference's in-memory store it holds, of each, what the last turn
// held: the sessions before the current one are forgotten by the first commit after a new session began.
type Memory struct {
	locks  *lockstore.Memory
	heard  Observer
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
	replies *memoryReplies // nil: no request was identified
	turns   int
	place   *list.Element
}

// memoryReplies are the answers to the identified requests among the last turns of a conversation.
type memoryReplies struct {
	byKey map[string]memoryReply
	ring  [replyTurns]string // key of each turn
}

type memoryReply struct {
	record string
	at     time.Time
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
		heard:  cfg.Observer,
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

// stored returns what is kept of a conversation, nil if nothing is. The error is what Begin has to say when the request was
// answered before.
func (m *Memory) stored(senderID string, req request) (*dialogue.Tracker, error) {
	s := m.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kept[senderID]
	if c == nil {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	if c.place != nil {
		s.used.MoveToFront(c.place)
	}
	if req.key != "" && c.replies != nil {
		if reply, ok := c.replies.byKey[req.key]; ok && time.Since(reply.at) <= replyWindow {
			return nil, req.replay(reply.record)
		}
	}
	return c.tracker, nil
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

// Begin waits until the conversation is free, in order of arrival, and returns its turn. The context ends with the turn.
func (m *Memory) Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*Turn, context.Context, error) {
	req := requestOf(ctx)
	if req.key != "" { // a repetition need not wait
		if _, err := m.stored(senderID, req); err != nil {
			return nil, nil, fmt.Errorf("begin turn: %w", err)
		}
	}
	lease, err := m.locks.Acquire(ctx, senderID)
	if err != nil {
		return nil, nil, fmt.Errorf("begin turn: %w", err)
	}
	stored, err := m.stored(senderID, req)
	if err != nil {
		lease.Release()
		return nil, nil, fmt.Errorf("begin turn: %w", err)
	}
	h := &memoryHeld{store: m, lease: lease, senderID: senderID, request: req}
	ctx, h.cancel = context.WithCancel(ctx)
	if stored == nil {
		return newTurn(h, Identity{}, dialogue.NewTracker(senderID, d), false), ctx, nil
	}
	return newTurn(h, Identity{}, view(stored, d, true), true), ctx, nil
}

// memoryHeld is a conversation of Memory under its lock.
type memoryHeld struct {
	store    *Memory
	lease    *lockstore.Lease
	senderID string
	request  request
	cancel   context.CancelFunc
}

func (h *memoryHeld) commit(_ context.Context, t *Turn, c Commit) error {
	h.store.keep(h.senderID, t.Tracker.Copy(), h.request, c.Reply)
	h.abort()
	if h.store.heard.Committed != nil {
		h.store.heard.Committed("ok")
	}
	return nil
}

func (h *memoryHeld) abort() {
	h.cancel()
	h.lease.Release()
}

func (m *Memory) keep(senderID string, tracker *dialogue.Tracker, req request, reply []byte) {
	s := m.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.kept[senderID]
	if c == nil {
		c = &memoryConversation{}
		s.kept[senderID] = c
		if m.most > 0 {
			c.place = s.used.PushFront(senderID)
			if s.used.Len() > m.most {
				oldest, _ := s.used.Remove(s.used.Back()).(string)
				delete(s.kept, oldest)
			}
		}
	}
	c.tracker = tracker
	if req.key != "" || c.replies != nil {
		c.remember(req, reply)
	}
	c.turns++
}

// remember keeps the reply to the request of a turn in place of that of 64 turns before.
func (c *memoryConversation) remember(req request, reply []byte) {
	if c.replies == nil {
		c.replies = &memoryReplies{byKey: make(map[string]memoryReply)}
	}
	slot := &c.replies.ring[c.turns%replyTurns]
	delete(c.replies.byKey, *slot)
	*slot = req.key
	if req.key != "" {
		c.replies.byKey[req.key] = memoryReply{record: req.record(reply), at: time.Now()}
	}
}

// Read returns a view without waiting for a turn that is under way.
func (m *Memory) Read(ctx context.Context, senderID string, d *dialogue.Domain, scope Scope) (*dialogue.Tracker, bool, error) {
	if ctx.Err() != nil {
		return nil, false, fmt.Errorf("read conversation: %w", ended(ctx))
	}
	stored, _ := m.stored(senderID, request{})
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
