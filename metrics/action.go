package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// actionMetrics are about what the bot does.
type actionMetrics struct {
	byKind      *set[actionSeries]
	inFlight    prometheus.Gauge
	breakerOpen prometheus.Gauge
}

// actionSeries are the actions of one kind.
type actionSeries struct {
	outcomes map[string]prometheus.Counter
	duration prometheus.Observer
}

// actionOutcomes are the ways in which an action can end.
var actionOutcomes = []string{"ok", "rejected", "http_error", "timeout", "bad_reply", "not_found", "breaker", "error"}

func newActionMetrics(b *builder) actionMetrics {
	total := b.counterVec("actions_total", "Actions run, by kind and result.", "kind", "outcome")
	duration := b.histogramVec("action_duration_seconds", "One action.", bucketsWait, "kind")
	return actionMetrics{
		byKind: newSet(b, "actions_total", 8, func(kind string) actionSeries {
			outcomes := make(map[string]prometheus.Counter, len(actionOutcomes))
			for _, o := range actionOutcomes {
				outcomes[o] = total.WithLabelValues(kind, o)
			}
			return actionSeries{outcomes: outcomes, duration: duration.WithLabelValues(kind)}
		}, "utter", "form", "builtin", "custom"),
		inFlight:    b.gauge(ruleSum, "action_server_in_flight", "Calls of the action server that have not been answered."),
		breakerOpen: b.gauge(ruleMax, "action_server_breaker_open", "1 while the action server is not called because it keeps failing."),
	}
}

// ActionRan measures one action: kind is "response" (or "utter"), "form", "default" (or "builtin") or "custom"; outcome
// is "ok", "rejected", "http_error", "timeout", "bad_reply", "not_found", "breaker" or "error".
func (m *Metrics) ActionRan(kind, outcome string, d time.Duration) {
	if m == nil {
		return
	}
	switch kind {
	case "response":
		kind = "utter"
	case "default":
		kind = "builtin"
	}
	s := m.actions.byKind.at(kind)
	c, ok := s.outcomes[outcome]
	if !ok {
		c = s.outcomes["error"]
	}
	c.Inc()
	s.duration.Observe(d.Seconds())
}

// ActionServerCalls adds n, which may be negative, to the calls of the action server that are under way.
func (m *Metrics) ActionServerCalls(n int) {
	if m != nil {
		m.actions.inFlight.Add(float64(n))
	}
}

// ActionServerBreaker says whether the action server is left alone because it keeps failing.
func (m *Metrics) ActionServerBreaker(open bool) {
	if m != nil {
		m.actions.breakerOpen.Set(flag(open))
	}
}

// flag is 1 for true.
func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
