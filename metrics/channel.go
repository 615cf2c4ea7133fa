package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// channelMetrics are about what goes in and out of the connectors.
type channelMetrics struct {
	byName    *set[*channelSeries]
	callbacks *set[prometheus.Counter]
}

// channelSeries are one channel's.
type channelSeries struct {
	accepted       prometheus.Counter // of those received
	received, sent map[string]prometheus.Counter
	send           prometheus.Observer
	connections    prometheus.Gauge
}

func newChannelMetrics(b *builder) channelMetrics {
	received := b.counterVec("channel_messages_received_total", "Messages that came in.", "channel", "result")
	sent := b.counterVec("channel_messages_sent_total", "Messages that went out.", "channel", "result")
	send := b.histogramVec("channel_send_duration_seconds", "One call of a platform's API.", bucketsTurn, "channel")
	connections := b.gaugeVec(ruleSum, "channel_connections", "Open sessions of a channel.", "channel")
	callbacks := b.counterVec("callbacks_total", "Replies posted to a callback address.", "result")
	return channelMetrics{
		byName: newSet(b, "channel_messages_received_total", channelLimit, func(name string) *channelSeries {
			s := &channelSeries{
				received:    map[string]prometheus.Counter{},
				sent:        map[string]prometheus.Counter{},
				send:        send.WithLabelValues(name),
				connections: connections.WithLabelValues(name),
			}
			for _, r := range []string{"accepted", "duplicate", "bad_signature", "malformed", "ignored", other} {
				s.received[r] = received.WithLabelValues(name, r)
			}
			s.accepted = s.received["accepted"]
			for _, r := range []string{"ok", "retry", "failed", "dropped", other} {
				s.sent[r] = sent.WithLabelValues(name, r)
			}
			return s
		}),
		callbacks: newSet(b, "callbacks_total", 8, byValue(callbacks), "ok", "retry", "failed", "blocked"),
	}
}

// MessageReceived counts a message that came in: result is "accepted", "duplicate", "bad_signature", "malformed" or
// "ignored".
func (m *Metrics) MessageReceived(channel, result string) {
	if m == nil {
		return
	}
	s := m.channels.byName.at(channel)
	if result == "accepted" { // nearly all
		s.accepted.Inc()
		return
	}
	c, ok := s.received[result]
	if !ok {
		c = s.received[other]
	}
	c.Inc()
}

// MessageSent measures a message that went out: result is "ok", "retry", "failed" or "dropped".
func (m *Metrics) MessageSent(channel, result string, d time.Duration) {
	if m == nil {
		return
	}
	s := m.channels.byName.at(channel)
	c, ok := s.sent[result]
	if !ok {
		c = s.sent[other]
	}
	c.Inc()
	s.send.Observe(d.Seconds())
}

// ChannelConnections adds n, which may be negative, to the open sessions of a channel.
func (m *Metrics) ChannelConnections(channel string, n int) {
	if m != nil {
		m.channels.byName.at(channel).connections.Add(float64(n))
	}
}

// CalledBack counts a reply posted to a callback address: result is "ok", "retry", "failed" or "blocked".
func (m *Metrics) CalledBack(result string) {
	if m != nil {
		m.channels.callbacks.at(result).Inc()
	}
}
