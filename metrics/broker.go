package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// brokerMetrics are about events on their way to others.
type brokerMetrics struct {
	entries, bytes, age prometheus.Gauge
	byName              *set[brokerSeries]
}

// brokerSeries are one broker's.
type brokerSeries struct {
	results  map[string]prometheus.Counter
	duration prometheus.Observer
	up       prometheus.Gauge // nil for other
}

func newBrokerMetrics(b *builder) brokerMetrics {
	publishes := b.counterVec("broker_publishes_total", "Events handed to a broker, by result.", "broker", "result")
	duration := b.histogramVec("broker_publish_duration_seconds", "Handing one batch of events to a broker.", bucketsFast, "broker")
	up := b.gaugeVec(ruleMin, "broker_up", "1 if the broker took the last batch.", "broker")
	return brokerMetrics{
		entries: b.gauge(ruleMax, "outbox_entries", "Events that wait for a broker."),
		bytes:   b.gauge(ruleMax, "outbox_bytes", "Size of the events that wait for a broker."),
		age:     b.gauge(ruleMax, "outbox_oldest_age_seconds", "How long the oldest event has waited for a broker."),
		byName: newSet(b, "broker_publishes_total", 8, func(name string) brokerSeries {
			s := brokerSeries{results: map[string]prometheus.Counter{}, duration: duration.WithLabelValues(name)}
			for _, r := range []string{"ok", "retry", "dead", "dropped", other} {
				s.results[r] = publishes.WithLabelValues(name, r)
			}
			if name != other {
				s.up = up.WithLabelValues(name)
			}
			return s
		}),
	}
}

// AllowBrokers gives event brokers series of their own.
func (m *Metrics) AllowBrokers(names ...string) {
	if m != nil {
		m.brokers.byName.allow(names...)
	}
}

// Published counts n events handed to a broker: result is "ok", "retry", "dead" or "dropped". The batch took d; a negative
// d is not measured.
func (m *Metrics) Published(broker, result string, n int, d time.Duration) {
	if m == nil {
		return
	}
	s := m.brokers.byName.at(broker)
	c, ok := s.results[result]
	if !ok {
		c = s.results[other]
	}
	c.Add(float64(max(n, 0)))
	if d >= 0 {
		s.duration.Observe(d.Seconds())
	}
	if s.up != nil {
		s.up.Set(flag(result == "ok"))
	}
}

// Outbox sets what waits for brokers: events, their bytes, and the age of the oldest.
func (m *Metrics) Outbox(entries int, bytes int64, oldest time.Duration) {
	if m == nil {
		return
	}
	m.brokers.entries.Set(float64(entries))
	m.brokers.bytes.Set(float64(bytes))
	m.brokers.age.Set(oldest.Seconds())
}
