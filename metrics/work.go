package metrics

import "time"

// Work is what one goroutine does inside a turn or beside one: it is written down as it is done, and counted when it is Done. The zero
// Work measures nothing. It is not safe for concurrent use.
type Work struct {
	m *Metrics
	p page
}

// BeginWork returns work that has measured nothing yet.
func (m *Metrics) BeginWork() Work {
	if m == nil {
		return Work{}
	}
	return Work{m: m, p: page{of: m.tally}}
}

// Done counts what was measured since the work began or was last done.
func (w *Work) Done() {
	if w.m != nil {
		w.p.enter()
	}
}

// Predictions measures how many actions a turn predicted, and whether the limit cut it short.
func (w *Work) Predictions(n int, limited bool) {
	if w.m == nil {
		return
	}
	w.p.observe(w.m.turns.predictions, float64(n))
	if limited {
		w.p.count(w.m.turns.limit)
	}
}

// FellBack counts a fallback: "nlu", "core", "two_stage" or "unlikely".
func (w *Work) FellBack(kind string) {
	if w.m != nil {
		w.p.count(w.m.turns.fallbacks.at(kind))
	}
}

// SessionStarted counts a session.
func (w *Work) SessionStarted() {
	if w.m != nil {
		w.p.count(w.m.turns.sessions)
	}
}

// Wrote counts an event of a type ("user", "bot", "slot" …) that was stored.
func (w *Work) Wrote(eventType string) {
	if w.m != nil {
		w.p.count(w.m.turns.events[eventIndex(eventType)])
	}
}

// Parsed measures one understanding of a text. The confidence is that of the intent, and is left out of the distribution when the
// text named its intent or was empty.
func (w *Work) Parsed(r Understanding, confidence float64, d time.Duration) {
	if w.m == nil {
		return
	}
	u := &w.m.understanding
	w.p.observe(u.parse, d.Seconds())
	w.p.count(u.messages[r])
	if r == UnderstoodIntent || r == UnderstoodFallback {
		w.p.observe(u.confidence, confidence)
	}
}

// Predicted counts a prediction by the policy that won.
func (w *Work) Predicted(by Policy) {
	if w.m != nil && by.of != nil {
		w.p.count(by.of.wins)
	}
}

// Ran measures one action of a kind: outcome is "ok", "rejected", "http_error", "timeout", "bad_reply", "not_found", "breaker" or
// "error".
func (w *Work) Ran(a Action, outcome string, d time.Duration) {
	if w.m == nil || a.of == nil {
		return
	}
	w.p.count(a.of.outcome(outcome))
	w.p.observe(a.of.duration, d.Seconds())
}
