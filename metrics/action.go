package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// actionMetrics are about what the bot does.
type actionMetrics struct {
	byKind      *set[*actionSeries]
	inFlight    prometheus.Gauge
	breakerOpen prometheus.Gauge
}

// actionSeries are the actions of one kind.
type actionSeries struct {
	ok       counter            // the outcome of nearly all
	outcomes map[string]counter // all outcomes
	duration *histogram
}

// actionOutcomes are the ways in which an action can end.
var actionOutcomes = []string{"ok", "rejected", "http_error", "timeout", "bad_reply", "not_found", "breaker", "error"}

func newActionMetrics(b *builder) actionMetrics {
	total := b.tally.counters("actions_total", "Actions run, by kind and result.", "kind", "outcome")
	duration := b.tally.histograms("action_duration_seconds", "One action.", bucketsWait, "kind")
	return actionMetrics{
		byKind: newSet(b, "actions_total", 8, func(kind string) *actionSeries {
			outcomes := make(map[string]counter, len(actionOutcomes))
			for _, o := range actionOutcomes {
				outcomes[o] = total(kind, o)
			}
			return &actionSeries{ok: outcomes["ok"], outcomes: outcomes, duration: duration(kind)}
		}, "utter", "form", "builtin", "custom"),
		inFlight:    b.gauge(ruleSum, "action_server_in_flight", "Calls of the action server that have not been answered."),
		breakerOpen: b.gauge(ruleMax, "action_server_breaker_open", "1 while the action server is not called because it keeps failing."),
	}
}

// Action is how the actions of one kind are measured. The zero Action measures nothing.
type Action struct{ of *actionSeries }

// Action returns how actions of a kind are measured: "utter", "form", "builtin" or "custom".
func (m *Metrics) Action(kind string) Action {
	if m == nil {
		return Action{}
	}
	return Action{m.actions.byKind.at(kind)}
}

// outcome is the counter of an outcome; one that has no name is an error.
func (s *actionSeries) outcome(name string) counter {
	if name == "ok" {
		return s.ok
	}
	if c, known := s.outcomes[name]; known {
		return c
	}
	return s.outcomes["error"]
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
