package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// storeMetrics are about where conversations are kept.
type storeMetrics struct {
	commits        *set[prometheus.Counter]
	committed      prometheus.Counter // the result of nearly all
	byStore        *set[storeSeries]
	poolTotal      prometheus.Gauge
	poolIdle       prometheus.Gauge
	poolTimeouts   prometheus.Counter
	poolMisses     prometheus.Counter
	cache          *set[prometheus.Counter]
	cacheBytes     prometheus.Gauge
	bytes, tracked prometheus.Histogram
}

// storeSeries are one store's.
type storeSeries struct {
	up     prometheus.Gauge // nil for other
	ops    map[string]prometheus.Observer
	errors map[string]prometheus.Counter
}

func newStoreMetrics(b *builder) storeMetrics {
	commits := b.counterVec("commits_total", "Turns committed, by result.", "result")
	up := b.gaugeVec(ruleMin, "store_up", "1 if the last check reached the store.", "store")
	ops := b.histogramVec("store_op_duration_seconds", "One operation of a store.", bucketsFast, "store", "op")
	failures := b.counterVec("store_errors_total", "Operations of a store that failed.", "store", "kind")
	pool := b.gaugeVec(ruleSum, "redis_pool_connections", "Connections of the Redis pool.", "state")
	cache := b.counterVec("tracker_cache_total", "Look-ups in the cache of conversations.", "result")
	return storeMetrics{
		committed: commits.WithLabelValues("ok"),
		commits:   newSet(b, "commits_total", 8, byValue(commits), "ok", "dup", "stale", "conflict", "unknown", "error"),
		byStore: newSet(b, "store_op_duration_seconds", 8, func(store string) storeSeries {
			s := storeSeries{ops: map[string]prometheus.Observer{}, errors: map[string]prometheus.Counter{}}
			if store != other { // a store that nobody has must not look as if it were down
				s.up = up.WithLabelValues(store)
			}
			for _, op := range []string{"acquire", "commit", "read", "list", "delete", "claim", other} {
				s.ops[op] = ops.WithLabelValues(store, op)
			}
			for _, kind := range []string{"timeout", "conn", "readonly", "oom", "moved", "script", other} {
				s.errors[kind] = failures.WithLabelValues(store, kind)
			}
			return s
		}),
		poolTotal:    pool.WithLabelValues("total"),
		poolIdle:     pool.WithLabelValues("idle"),
		poolTimeouts: b.counter("redis_pool_timeouts_total", "Waits for a Redis connection that ended without one."),
		poolMisses:   b.counter("redis_pool_misses_total", "Redis connections that had to be opened."),
		cache:        newSet(b, "tracker_cache_total", 4, byValue(cache), "hit", "miss", "stale"),
		cacheBytes:   b.gauge(ruleSum, "tracker_cache_bytes", "Size of the cache of conversations."),
		bytes:        b.histogram("tracker_bytes", "Size of a conversation, met at commit.", bucketsBytes),
		tracked:      b.histogram("tracker_events", "Events of a conversation, met at commit.", bucketsEvents),
	}
}

// AllowStores gives stores ("memory", "redis" …) series of their own.
func (m *Metrics) AllowStores(names ...string) {
	if m != nil {
		m.stores.byStore.allow(names...)
	}
}

// Committed counts a commit: result is "ok", "dup", "stale", "conflict", "unknown" or "error".
func (m *Metrics) Committed(result string) {
	switch {
	case m == nil:
	case result == "ok":
		m.stores.committed.Inc()
	default:
		m.stores.commits.at(result).Inc()
	}
}

// TrackerStored measures a conversation at commit; a negative size is unknown.
func (m *Metrics) TrackerStored(bytes, events int) {
	if m == nil {
		return
	}
	if bytes >= 0 {
		m.stores.bytes.Observe(float64(bytes))
	}
	if events >= 0 {
		m.stores.tracked.Observe(float64(events))
	}
}

// StoreUp says whether the last check reached a store.
func (m *Metrics) StoreUp(store string, up bool) {
	if m == nil {
		return
	}
	if g := m.stores.byStore.at(store).up; g != nil {
		g.Set(flag(up))
	}
}

// StoreOp measures an operation: "acquire", "commit", "read", "list", "delete" or "claim".
func (m *Metrics) StoreOp(store, op string, d time.Duration) {
	if m == nil {
		return
	}
	s := m.stores.byStore.at(store)
	o, ok := s.ops[op]
	if !ok {
		o = s.ops[other]
	}
	o.Observe(d.Seconds())
}

// StoreFailed counts a failed operation: kind is "timeout", "conn", "readonly", "oom", "moved", "script" or "other".
func (m *Metrics) StoreFailed(store, kind string) {
	if m == nil {
		return
	}
	s := m.stores.byStore.at(store)
	c, ok := s.errors[kind]
	if !ok {
		c = s.errors[other]
	}
	c.Inc()
}

// RedisPool reports the pool of Redis connections: how many there are and are idle, and how many more timeouts and
// misses there were since the last report.
func (m *Metrics) RedisPool(total, idle, timeouts, misses int) {
	if m == nil {
		return
	}
	m.stores.poolTotal.Set(float64(total))
	m.stores.poolIdle.Set(float64(idle))
	m.stores.poolTimeouts.Add(float64(max(timeouts, 0)))
	m.stores.poolMisses.Add(float64(max(misses, 0)))
}

// TrackerCache counts a look-up in the cache of conversations: result is "hit", "miss" or "stale".
func (m *Metrics) TrackerCache(result string) {
	if m != nil {
		m.stores.cache.at(result).Inc()
	}
}

// TrackerCacheBytes sets the size of the cache of conversations.
func (m *Metrics) TrackerCacheBytes(n int) {
	if m != nil {
		m.stores.cacheBytes.Set(float64(n))
	}
}
