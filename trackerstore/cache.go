package trackerstore

import (
	"container/list"
	"hash/maphash"
	"sync"

	"parley/dialogue"
)

// cacheShards is the number of independent parts of a cache.
const cacheShards = 16

// decodedFactor is how many bytes a decoded event takes for each byte of its JSON, roughly, and compressedFactor for each byte
// of that when it is compressed; cacheEntryBytes is what an entry takes besides.
const (
	decodedFactor    = 2
	compressedFactor = 7
	cacheEntryBytes  = 512
)

// copyOf is a decoded conversation at one commit.
type copyOf struct {
	end     end
	tracker *dialogue.Tracker // the latest session; never changed, but for its history (see base)
	// base is the number of events, of all sessions, before the snapshot with which the tracker begins; 0: it begins with its session.
	base int
	// held are the frames whose events are in memory, roughly, and bytes their size.
	held  int
	bytes int
	// whole says that the turns of this conversation look at its whole session: it is kept.
	whole bool
	// marks are the tracker after each of the last frames, oldest first.
	marks []mark
}

// mark is a tracker after a commit.
type mark struct {
	version int64
	events  int // of all sessions
	bytes   int // of the frame
	tracker *dialogue.Tracker
}

// cache keeps decoded conversations, the most recently used ones, up to a number of bytes. Whether a copy is current is
// decided by its commit id under the lock, so an old one does no harm.
type cache struct {
	most   int64 // bytes a shard may hold; 0: no cache
	factor int64 // bytes of a copy for each byte that is stored
	seed   maphash.Seed
	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu    sync.Mutex
	byID  map[string]*list.Element
	used  list.List // of *cached, latest first
	bytes int64
}

type cached struct {
	senderID string
	copyOf
	bytes int64
}

func newCache(bytes int64) *cache {
	c := &cache{most: max(bytes, 0) / cacheShards, factor: decodedFactor, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].byID = make(map[string]*list.Element)
	}
	return c
}

func (c *cache) shard(senderID string) *cacheShard {
	return &c.shards[maphash.String(c.seed, senderID)%cacheShards]
}

// get returns the copy of a conversation; its tracker is nil if there is none.
func (c *cache) get(senderID string) copyOf {
	if c.most == 0 {
		return copyOf{}
	}
	s := c.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.byID[senderID]
	if e == nil {
		return copyOf{}
	}
	s.used.MoveToFront(e)
	entry, _ := e.Value.(*cached)
	return entry.copyOf
}

// put keeps a copy and drops the ones that were not used for longest.
func (c *cache) put(senderID string, k copyOf) {
	if c.most == 0 {
		return
	}
	bytes := int64(k.bytes)*c.factor + int64(len(senderID)) + cacheEntryBytes
	s := c.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(senderID)
	if bytes > c.most {
		return
	}
	s.byID[senderID] = s.used.PushFront(&cached{senderID: senderID, copyOf: k, bytes: bytes})
	s.bytes += bytes
	for s.bytes > c.most {
		oldest, _ := s.used.Back().Value.(*cached)
		s.drop(oldest.senderID)
	}
}

// drop forgets a copy.
func (c *cache) drop(senderID string) {
	s := c.shard(senderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(senderID)
}

func (s *cacheShard) drop(senderID string) {
	if e := s.byID[senderID]; e != nil {
		entry, _ := s.used.Remove(e).(*cached)
		delete(s.byID, senderID)
		s.bytes -= entry.bytes
	}
}

// size is the number of bytes that the copies take, roughly.
func (c *cache) size() int64 {
	var n int64
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.bytes
		s.mu.Unlock()
	}
	return n
}
