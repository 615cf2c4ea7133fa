package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Outcome is how a turn ended.
type Outcome int

// The outcomes of a turn.
const (
	OutcomeError       Outcome = iota // anything that has no other name
	OutcomeOK                         // answered
	OutcomeSilent                     // ran, and said nothing
	OutcomeNLUError                   // the text could not be understood
	OutcomePolicyError                // no next action could be predicted
	OutcomeActionError                // an action failed
	OutcomeStoreError                 // the conversation could not be read or written
	OutcomeLockTimeout                // waited too long for the conversation
	OutcomeQueueFull                  // too many wait for the conversation
	OutcomeConflict                   // another turn changed the conversation
	OutcomeRepeated                   // the request, or another with its key, was answered before
	OutcomeDraining                   // the server is shutting down
	OutcomeCancelled                  // the client left or the deadline passed
	outcomes                          // how many there are
)

// String is the outcome's label.
func (o Outcome) String() string {
	names := [...]string{
		"error", "ok", "silent", "nlu_error", "policy_error", "action_error", "store_error", "lock_timeout", "queue_full", "conflict",
		"repeated", "draining", "cancelled",
	}
	if int(o) >= 0 && int(o) < len(names) {
		return names[o]
	}
	return names[OutcomeError]
}

// eventTypes are the type names of tracker events, and the rest.
func eventTypes() []string {
	return []string{
		"action", "action_execution_rejected", "active_loop", "agent", "bot", "cancel_reminder", "entities", "export",
		"followup", "loop_interrupted", "pause", "reminder", "reset_slots", "restart", "resume", "rewind",
		"session_started", "slot", "undo", "user", "user_featurization", other,
	}
}

// eventIndex is where a type stands in eventTypes. The compiler finds it faster than a map does: this is asked for every event.
func eventIndex(eventType string) int {
	switch eventType {
	case "action":
		return 0
	case "action_execution_rejected":
		return 1
	case "active_loop":
		return 2
	case "agent":
		return 3
	case "bot":
		return 4
	case "cancel_reminder":
		return 5
	case "entities":
		return 6
	case "export":
		return 7
	case "followup":
		return 8
	case "loop_interrupted":
		return 9
	case "pause":
		return 10
	case "reminder":
		return 11
	case "reset_slots":
		return 12
	case "restart":
		return 13
	case "resume":
		return 14
	case "rewind":
		return 15
	case "session_started":
		return 16
	case "slot":
		return 17
	case "undo":
		return 18
	case "user":
		return 19
	case "user_featurization":
		return 20
	}
	return 21
}

// channelLimit bounds the number of channels that have series of their own.
const channelLimit = 32

// turnMetrics are about whole turns.
type turnMetrics struct {
	byChannel   *set[*channelTurns]
	own         *histogram
	inFlight    prometheus.Gauge
	predictions *histogram
	limit       counter
	reruns      *set[prometheus.Counter]
	duplicates  *set[prometheus.Counter]
	fallbacks   *set[counter]
	sessions    counter
	events      []counter // by eventIndex
}

// channelTurns are the turns of one channel.
type channelTurns struct {
	outcomes [outcomes]counter
	duration *histogram
}

func newTurnMetrics(b *builder) turnMetrics {
	counts := b.tally
	turns := counts.counters("turns_total", "Turns by channel and result.", "channel", "outcome")
	duration := counts.histograms("turn_duration_seconds", "From message accepted to reply ready.", bucketsTurn, "channel")
	reruns := b.counterVec("turn_reruns_total", "Turns that were run again because another one came first.", "cause")
	duplicates := b.counterVec("duplicates_total", "Messages that were answered from the record of an earlier identical one.", "layer")
	fallbacks := counts.counters("fallbacks_total", "Turns in which a fallback decided.", "kind")
	events := counts.counters("events_total", "Tracker events written.", "type")
	m := turnMetrics{
		byChannel: newSet(b, "turns_total", channelLimit, func(channel string) *channelTurns {
			c := &channelTurns{duration: duration(channel)}
			for o := range outcomes {
				c.outcomes[o] = turns(channel, o.String())
			}
			return c
		}, "api", "cmdline", "reminder", "rest"),
		own:         counts.histograms("turn_own_seconds", "Of a turn that was stored, from having its conversation to that, without waiting for action servers.", bucketsFast)(),
		inFlight:    b.gauge(ruleSum, "turns_in_flight", "Turns that hold their conversation, without those that wait for it."),
		predictions: counts.histograms("turn_predictions", "Actions predicted in one turn.", bucketsCount)(),
		limit:       counts.counters("turn_prediction_limit_total", "Turns cut short by the limit of predictions.")(),
		reruns:      newSet(b, "turn_reruns_total", 4, byValue(reruns), "stale", "conflict"),
		duplicates:  newSet(b, "duplicates_total", 4, byValue(duplicates), "edge", "commit"),
		fallbacks:   newSet(b, "fallbacks_total", 8, func(kind string) counter { return fallbacks(kind) }, "nlu", "core", "two_stage", "unlikely"),
		sessions:    counts.counters("sessions_started_total", "Conversation sessions begun.")(),
	}
	for _, eventType := range eventTypes() {
		m.events = append(m.events, events(eventType))
	}
	return m
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

// Turn is one turn that is being measured, from the message to its answer. The zero Turn measures nothing.
type Turn struct {
	m     *Metrics
	turns *channelTurns
	start time.Duration
}

// BeginTurn measures a turn from here on. Its End must be called once.
func (m *Metrics) BeginTurn(channel string) Turn {
	if m == nil {
		return Turn{}
	}
	return Turn{m: m, turns: m.turns.byChannel.at(channel), start: m.since()}
}

// End counts the turn with its outcome, and what it took without waiting for others; a negative time is unknown.
func (t Turn) End(o Outcome, own time.Duration) {
	if t.m == nil {
		return
	}
	if o < 0 || o >= outcomes {
		o = OutcomeError
	}
	p := page{of: t.m.tally}
	p.count(t.turns.outcomes[o])
	p.observe(t.turns.duration, (t.m.since() - t.start).Seconds())
	if own >= 0 {
		p.observe(t.m.turns.own, own.Seconds())
	}
	p.enter()
}

// TurnsHeld adds n, which may be negative, to the turns that hold their conversation.
func (m *Metrics) TurnsHeld(n int) {
	if m != nil {
		m.turns.inFlight.Add(float64(n))
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
