package agent

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"parley/dialogue"
	"parley/logging"
	"parley/metrics"
	"parley/tracing"
)

// TurnLog is the log with one line for each turn. It has no text of users: ids are hashed, and names are of closed sets.
type TurnLog struct {
	Log      *slog.Logger // nil: there are no such lines
	Failed   bool         // only turns that failed have one
	Channels []string     // whose names are shown; others are "other"
}

// The kinds of turns, by who began them.
const (
	kindMessage  = "message"  // a user
	kindReminder = "reminder" // an earlier turn
	kindAppend   = "append"   // the API, as the following
	kindReplace  = "replace"
	kindNote     = "note" // a message that is not answered
	kindExecute  = "execute"
	kindTrigger  = "trigger"
	kindPredict  = "predict"
)

// parts are what a turn spent its time on and what came of it, as its line in the log says. Times are measured only if there is one.
type parts struct {
	lock, nlu, policy, action, store, send time.Duration

	actions    int
	intent     string // of the domain; "" is none or another
	confidence float64
}

// understood notes what a message was understood as. A name that is not in the domain may be anything that a client sent.
func (p *parts) understood(d *dialogue.Domain, parse *dialogue.Parse) {
	if _, ok := d.Intent(parse.Intent.Name); ok || parse.Intent.Name == fallbackIntent {
		p.intent, p.confidence = parse.Intent.Name, parse.Intent.Confidence
	}
}

// turnLines reports whether turns have lines now. A turn asks once: the level may change while it runs.
func (a *Agent) turnLines(ctx context.Context) bool {
	return a.cfg.TurnLog.Log != nil && a.cfg.TurnLog.Log.Enabled(ctx, slog.LevelInfo)
}

// lap is the time since the agent was made, 0 if the turn has no line.
func (a *Agent) lap(o *output) time.Duration {
	if !o.lined {
		return 0
	}
	return a.since()
}

// logTurn writes the line of a turn that has ended; t is nil if it could not begin.
func (a *Agent) logTurn(ctx context.Context, cur *loaded, senderID string, out *output, t *turn, err error, attempts int, begun time.Duration) {
	if !out.lined {
		return
	}
	o := outcome(t, err)
	if a.cfg.TurnLog.Failed && (o == metrics.OutcomeOK || o == metrics.OutcomeSilent || o == metrics.OutcomeRepeated) {
		return
	}
	var attrs [24]slog.Attr
	line := append(attrs[:0],
		slog.String("sender_id", cmp.Or(senderID, "default")),
		slog.String("kind", out.kind),
		slog.String("outcome", o.String()),
		slog.String("model", cur.model.ID))
	if out.input != "" {
		line = append(line, slog.String("channel", a.channelName(out.input)))
	}
	if id := logging.RequestOf(ctx).ID(); id != "" {
		line = append(line, slog.String("request_id", id))
	}
	line = tracing.AppendIDs(ctx, line)
	if t != nil {
		line = t.appendLine(line)
	}
	if attempts > 1 {
		line = append(line, slog.Int("attempts", attempts))
	}
	line = append(line, logging.Milliseconds("dur_ms", a.lap(out)-begun))
	a.cfg.TurnLog.Log.LogAttrs(ctx, slog.LevelInfo, "turn", line...)
}

// appendLine appends what only a turn that has begun can say.
func (t *turn) appendLine(line []slog.Attr) []slog.Attr {
	p, events := &t.parts, t.tracker.Len()
	if !t.replace {
		events -= t.known
	}
	if t.stored.Identity.ID != "" {
		line = append(line, slog.String("turn", t.stored.Identity.ID))
	}
	if p.intent != "" {
		line = append(line, slog.String("intent", p.intent), slog.Float64("confidence", rounded(p.confidence, 1e4)))
	}
	return append(line, slog.Int("events", events), slog.Int("actions", p.actions),
		logging.Milliseconds("lock_ms", p.lock), logging.Milliseconds("nlu_ms", p.nlu), logging.Milliseconds("policy_ms", p.policy),
		logging.Milliseconds("action_ms", p.action), logging.Milliseconds("store_ms", p.store), logging.Milliseconds("send_ms", p.send))
}

// channelName is the name of a channel that is configured.
func (a *Agent) channelName(name string) string {
	if slices.Contains(a.cfg.TurnLog.Channels, name) {
		return name
	}
	return "other"
}

// rounded is a number to so many parts of one.
func rounded(x, parts float64) float64 { return float64(int64(x*parts+0.5)) / parts }
