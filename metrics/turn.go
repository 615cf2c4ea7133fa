package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The outcomes of a turn.
const (
	OutcomeOK          = "ok"           // answered
	OutcomeSilent      = "silent"       // ran, and said nothing
	OutcomeNLUError    = "nlu_error"    // the text could not be understood
	OutcomePolicyError = "policy_error" // no next action could be predicted
	OutcomeActionError = "action_error" // an action failed
	OutcomeStoreError  = "store_error"  // the conversation could not be read or written
	OutcomeLockTimeout = "lock_timeout" // waited too long for the conversation
	OutcomeQueueFull   = "queue_full"   // too many wait for the conversation
	OutcomeConflict    = "conflict"     // another turn changed the conversation
	OutcomeRepeated    = "repeated"     // the request, or another with its key, was answered before
	OutcomeDraining    = "draining"     // the server is shutting down
	OutcomeCancelled   = "cancelled"    // the client left or the deadline passed
	OutcomeError       = "error"        // anything else
)

// turnOutcomes are all of them.
var turnOutcomes = []string{
	OutcomeOK, OutcomeSilent, OutcomeNLUError, OutcomePolicyError, OutcomeActionError, OutcomeStoreError,
	OutcomeLockTimeout, OutcomeQueueFull, OutcomeConflict, OutcomeRepeated, OutcomeDraining, OutcomeCancelled, OutcomeError,
}

// eventTypes are the type names of tracker events.
var eventTypes = []string{
	"action", "action_execution_rejected", "active_loop", "agent", "bot", "cancel_reminder", "entities", "export",
	"followup", "loop_interrupted", "pause", "reminder", "reset_slots", "restart", "resume", "rewind",
	"session_started", "slot", "undo", "user", "user_featurization",
}

// channelLimit bounds the number of channels that have series of their own.
const channelLimit = 32

// turnMetrics are about whole turns.
type turnMetrics struct {
	byChannel   *set[channelTurns]
	own         prometheus.Histogram
	inFlight    prometheus.Gauge
	predictions prometheus.Histogram
	limit       prometheus.Counter
	reruns      *set[prometheus.Counter]
	duplicates  *set[prometheus.Counter]
	fallbacks   *set[prometheus.Counter]
	sessions    prometheus.Counter
	events      *set[prometheus.Counter]
}

// channelTurns are the turns of one channel.
type channelTurns struct {
	outcomes map[string]prometheus.Counter
	duration prometheus.Observer
}

func newTurnMetrics(b *builder) turnMetrics {
	turns := b.counterVec("turns_total", "Turns by channel and result.", "channel", "outcome")
	duration := b.histogramVec("turn_duration_seconds", "From message accepted to reply ready.", bucketsTurn, "channel")
	reruns := b.counterVec("turn_reruns_total", "Turns that were run again because another one came first.", "cause")
	duplicates := b.counterVec("duplicates_total", "Messages that were answered from the record of an earlier identical one.", "layer")
	fallbacks := b.counterVec("fallbacks_total", "Turns in which a fallback decided.", "kind")
	events := b.counterVec("events_total", "Tracker events written.", "type")
	return turnMetrics{
		byChannel: newSet(b, "turns_total", channelLimit, func(channel string) channelTurns {
			outcomes := make(map[string]prometheus.Counter, len(turnOutcomes))
			for _, o := range turnOutcomes {
				outcomes[o] = turns.WithLabelValues(channel, o)
			}
			return channelTurns{outcomes: outcomes, duration: duration.WithLabelValues(channel)}
		}, "api", "cmdline", "reminder", "rest"),
		own:         b.histogram("turn_own_seconds", "Of a turn that was stored, from having its conversation to that, without waiting for action servers.", bucketsFast),
		inFlight:    b.gauge(ruleSum, "turns_in_flight", "Turns that hold their conversation, without those that wait for it."),
		predictions: b.histogram("turn_predictions", "Actions predicted in one turn.", bucketsCount),
		limit:       b.counter("turn_prediction_limit_total", "Turns cut short by the limit of predictions."),
		reruns:      newSet(b, "turn_reruns_total", 4, byValue(reruns), "stale", "conflict"),
		duplicates:  newSet(b, "duplicates_total", 4, byValue(duplicates), "edge", "commit"),
		fallbacks:   newSet(b, "fallbacks_total", 8, byValue(fallbacks), "nlu", "core", "two_stage", "unlikely"),
		sessions:    b.counter("sessions_started_total", "Conversation sessions begun."),
		events:      newSet(b, "events_total", 30, byValue(events), eventTypes...),
	}
}

// byValue resolves the children of a one-label counter.
func byValue(v *keptVec) func(string) prometheus.Counter {
	return func(value string) prometheus.Counter { return v.WithLabelValues(value) }
}

// AllowChannels gives channels series of their own; turns of others are counted together.
func (m *Metrics) AllowChannels(names ...string) {
	if m == nil {
		return
	}
	m.turns.byChannel.allow(names...)
	m.channels.byName.allow(names...)
}

// Turn is one turn that is being measured. The zero Turn measures nothing.
type Turn struct {
	m     *Metrics
	turns channelTurns
	start time.Time
}

// BeginTurn measures a turn from here on. Its End must be called once.
func (m *Metrics) BeginTurn(channel string) Turn {
	if m == nil {
		return Turn{}
	}
	return Turn{m: m, turns: m.turns.byChannel.at(channel), start: time.Now()}
}

// End counts the turn with its outcome, one of the Outcome constants; any other is counted as an error.
func (t Turn) End(outcome string) {
	if t.m == nil {
		return
	}
	c, ok := t.turns.outcomes[outcome]
	if !ok {
		c = t.turns.outcomes[OutcomeError]
	}
	c.Inc()
	t.turns.duration.Observe(time.Since(t.start).Seconds())
}

// TurnsHeld adds n, which may be negative, to the turns that hold their conversation.
func (m *Metrics) TurnsHeld(n int) {
	if m != nil {
		m.turns.inFlight.Add(float64(n))
	}
}

// TurnOwnTime measures what a turn took without waiting for others.
func (m *Metrics) TurnOwnTime(d time.Duration) {
	if m != nil {
		m.turns.own.Observe(d.Seconds())
	}
}

// TurnPredictions measures how many actions a turn predicted, and whether the limit cut it short.
func (m *Metrics) TurnPredictions(n int, limited bool) {
	if m == nil {
		return
	}
	m.turns.predictions.Observe(float64(n))
	if limited {
		m.turns.limit.Inc()
	}
}

// TurnRerun counts a turn run again; cause is "stale" or "conflict".
func (m *Metrics) TurnRerun(cause string) {
	if m != nil {
		m.turns.reruns.at(cause).Inc()
	}
}

// Duplicate counts a replay answered from its record; layer is "edge" or "commit".
func (m *Metrics) Duplicate(layer string) {
	if m != nil {
		m.turns.duplicates.at(layer).Inc()
	}
}

// FellBack counts a fallback: "nlu", "core", "two_stage" or "unlikely".
func (m *Metrics) FellBack(kind string) {
	if m != nil {
		m.turns.fallbacks.at(kind).Inc()
	}
}

// SessionStarted counts a session.
func (m *Metrics) SessionStarted() {
	if m != nil {
		m.turns.sessions.Inc()
	}
}

// EventWritten counts an event of a type ("user", "bot", "slot" …).
func (m *Metrics) EventWritten(eventType string) {
	if m != nil {
		m.turns.events.at(eventType).Inc()
	}
}
