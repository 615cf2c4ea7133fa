package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reminderMetrics are about what a bot wanted to be reminded of.
type reminderMetrics struct {
	fired *set[prometheus.Counter]
	late  prometheus.Histogram
}

func newReminderMetrics(b *builder) reminderMetrics {
	fired := b.counterVec("reminders_fired_total", "Reminders that came due, by what became of them.", "outcome")
	return reminderMetrics{
		fired: newSet(b, "reminders_fired_total", 4, byValue(fired), "run", "invalid", "dup", "error"),
		late:  b.histogram("reminder_late_seconds", "How long after its time a reminder was begun.", bucketsLong),
	}
}

// ReminderFired counts a reminder that came due: outcome is "run", "invalid" (it no longer counts), "dup" or "error"; late
// is how long after its time it was begun.
func (m *Metrics) ReminderFired(outcome string, late time.Duration) {
	if m == nil {
		return
	}
	m.reminders.fired.at(outcome).Inc()
	m.reminders.late.Observe(max(late, 0).Seconds())
}
