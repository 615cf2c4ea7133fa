package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lockMetrics are about waiting in line for a conversation.
type lockMetrics struct {
	free, contended prometheus.Counter
	wait            map[string]prometheus.Observer
	hold            prometheus.Histogram
	depth           prometheus.Histogram
	waiters, held   prometheus.Gauge
	expired         *set[prometheus.Counter]
	handoffs        *set[prometheus.Counter]
	refreshes       *set[prometheus.Counter]
}

func newLockMetrics(b *builder) lockMetrics {
	acquisitions := b.counterVec("lock_acquisitions_total", "Conversations taken, by whether another held them.", "contended")
	expired := b.counterVec("lock_expired_total", "Leases and places in line that lapsed.", "who")
	handoffs := b.counterVec("lock_handoffs_total", "Conversations handed to the next in line.", "kind")
	refreshes := b.counterVec("lock_refreshes_total", "Renewals of a lease.", "result")
	wait := b.histogramVec("lock_wait_seconds", "From taking a place in line to its outcome.", bucketsWait, "outcome")
	return lockMetrics{
		free:      acquisitions.WithLabelValues("false"),
		contended: acquisitions.WithLabelValues("true"),
		wait:      histograms(wait, "granted", "timeout", "full", "left"),
		hold:      b.histogram("lock_hold_seconds", "From being granted a conversation to giving it back.", bucketsWait),
		depth:     b.histogram("lock_queue_depth", "Length of the line met on arrival.", bucketsCount),
		waiters:   b.gauge(ruleSum, "lock_waiters", "Requests that wait in line for a conversation."),
		held:      b.gauge(ruleSum, "locks_held", "Conversations held."),
		expired:   newSet(b, "lock_expired_total", 4, byValue(expired), "holder", "ticket", "claim"),
		handoffs:  newSet(b, "lock_handoffs_total", 4, byValue(handoffs), "local", "remote", "lost"),
		refreshes: newSet(b, "lock_refreshes_total", 4, byValue(refreshes), "ok", "lost", "error"),
	}
}

// LockQueued counts a request that takes its place in a line of a length (0: the conversation is free).
func (m *Metrics) LockQueued(ahead int) {
	if m == nil {
		return
	}
	m.locks.waiters.Inc()
	m.locks.depth.Observe(float64(ahead))
}

// LockWaited ends what LockQueued began: outcome is "granted", "timeout", "full" or "left"; contended says whether
// another held the conversation.
func (m *Metrics) LockWaited(outcome string, contended bool, d time.Duration) {
	if m == nil {
		return
	}
	m.locks.waiters.Dec()
	o, ok := m.locks.wait[outcome]
	if !ok {
		o = m.locks.wait["left"]
	}
	o.Observe(d.Seconds())
	if outcome != "granted" {
		return
	}
	m.locks.held.Inc()
	if contended {
		m.locks.contended.Inc()
	} else {
		m.locks.free.Inc()
	}
}

// LockReleased measures how long a granted conversation was held.
func (m *Metrics) LockReleased(held time.Duration) {
	if m == nil {
		return
	}
	m.locks.held.Dec()
	m.locks.hold.Observe(held.Seconds())
}

// LockExpired counts what lapsed: who is "holder", "ticket" or "claim".
func (m *Metrics) LockExpired(who string) {
	if m != nil {
		m.locks.expired.at(who).Inc()
	}
}

// LockHandedOff counts a hand-off: kind is "local", "remote" or "lost".
func (m *Metrics) LockHandedOff(kind string) {
	if m != nil {
		m.locks.handoffs.at(kind).Inc()
	}
}

// LockRefreshed counts a renewal of a lease: result is "ok", "lost" or "error".
func (m *Metrics) LockRefreshed(result string) {
	if m != nil {
		m.locks.refreshes.at(result).Inc()
	}
}
