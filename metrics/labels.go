package metrics

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// other is the label value for whatever is not in a label's set.
const other = "other"

// set is a label's closed set of values, each with the collectors that belong to it, resolved. Reading is one map
// look-up without a lock; allowing more copies the map.
type set[T any] struct {
	limit    int
	resolve  func(value string) T
	overflow prometheus.Counter
	rest     T
	mu       sync.Mutex // guards writers of known
	known    atomic.Pointer[map[string]T]
}

// newSet makes a set of at most limit values beside "other"; metric names it in label_overflow_total.
func newSet[T any](b *builder, metric string, limit int, resolve func(value string) T, values ...string) *set[T] {
	s := &set[T]{
		limit:    limit,
		resolve:  resolve,
		overflow: b.overflow.WithLabelValues(namespace + "_" + metric),
		rest:     resolve(other),
	}
	empty := map[string]T{}
	s.known.Store(&empty)
	s.allow(values...)
	return s
}

// allow adds values to the set as far as its limit goes.
func (s *set[T]) allow(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := maps.Clone(*s.known.Load())
	for _, value := range values {
		if _, ok := known[value]; ok || value == other || value == "" || len(known) >= s.limit {
			continue
		}
		known[value] = s.resolve(value)
	}
	s.known.Store(&known)
}

// at returns what belongs to a value, or to "other" if the set does not have it.
func (s *set[T]) at(value string) T {
	if t, ok := (*s.known.Load())[value]; ok {
		return t
	}
	if value != other {
		s.overflow.Inc()
	}
	return s.rest
}
