// Package metrics measures the server: one value with the Prometheus collectors and typed methods.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the server's collectors. All methods are safe for concurrent use and do nothing on a nil receiver.
type Metrics struct{}

// New registers the collectors.
func New(reg prometheus.Registerer) (*Metrics, error) { panic("stub") }

// Handler serves a registry's metrics.
func Handler(g prometheus.Gatherer) http.Handler { panic("stub") }

// TurnStarted counts a turn in flight; the function it returns ends it with its outcome
// ("ok", "error", "rejected", "unavailable" …).
func (m *Metrics) TurnStarted(channel string) func(outcome string) { panic("stub") }

// ActionRan measures one action: kind is "response", "form", "default" or "custom"; outcome "ok", "rejected" or "error".
func (m *Metrics) ActionRan(kind, outcome string, d time.Duration) { panic("stub") }

// Parsed measures one understanding of a text.
func (m *Metrics) Parsed(d time.Duration) { panic("stub") }

// Predicted counts a prediction by the policy that won.
func (m *Metrics) Predicted(policy string) { panic("stub") }
