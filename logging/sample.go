package logging

import (
	"hash/maphash"
	"log/slog"
	"sync"
	"time"
)

// Of lines that are the same, the first sampleFirst are written and then one in sampleEvery, until there was none for sampleForget.
const (
	sampleFirst  = 10
	sampleEvery  = 100
	sampleForget = time.Minute
	sampleKinds  = 1024 // that are remembered at once; what comes on top is not sampled
)

// sampler leaves lines out that repeat others.
type sampler struct {
	now  func() time.Time
	seed maphash.Seed

	mu    sync.Mutex
	kinds map[uint64]*repeated
}

// repeated is how often a line came.
type repeated struct {
	seen, suppressed int
	last             time.Time
}

func newSampler(now func() time.Time) *sampler {
	return &sampler{now: now, seed: maphash.MakeSeed(), kinds: map[uint64]*repeated{}}
}

// admit reports whether a line is to be written, and how many like it were left out since the last that was.
func (s *sampler) admit(logger string, r slog.Record) (suppressed int, ok bool) {
	kind, now := s.kind(logger, r), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if k == nil {
		if len(s.kinds) >= sampleKinds {
			s.forget(now)
		}
		if len(s.kinds) >= sampleKinds {
			return 0, true
		}
		k = &repeated{}
		s.kinds[kind] = k
	} else if now.Sub(k.last) > sampleForget {
		k.seen = 0
	}
	k.last = now
	if k.seen++; k.seen > sampleFirst && (k.seen-sampleFirst)%sampleEvery != 0 {
		k.suppressed++
		return 0, false
	}
	suppressed, k.suppressed = k.suppressed, 0
	return suppressed, true
}

// forget drops the lines that have not come for long.
func (s *sampler) forget(now time.Time) {
	for kind, k := range s.kinds {
		if now.Sub(k.last) > sampleForget {
			delete(s.kinds, kind)
		}
	}
}

// kind is the same for lines that are: of one logger and level, with one message and one error, and for requests of one route and status.
func (s *sampler) kind(logger string, r slog.Record) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	write := func(text string) {
		_, _ = h.WriteString(text) // never fails
		_ = h.WriteByte(0)
	}
	write(logger)
	write(r.Level.String())
	write(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case keyError, keyErr, "route", "code", "reason":
			write(a.Value.String())
		}
		return true
	})
	return h.Sum64()
}
