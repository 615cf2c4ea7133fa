// Package metrics measures the server: one value with the Prometheus collectors and typed methods.
//
// # Labels
//
// A label takes its values from a closed set that is fixed at start, or when a model is loaded; whatever else is asked
// for is counted under "other" and in parley_label_overflow_total. No sender id, text, URL or error text is ever a label.
//
// # Cost
//
// Every counter and histogram that can be known is resolved when it is allowed, not when it is moved. What each turn and each request
// moves is written down first and entered into one tally (tally.go) at the end, under one lock; the rest are collectors of Prometheus.
// Looking at the clock is the larger part of what remains, so what happens side by side shares a look. Nothing is allocated.
// BenchmarkMeasuring (agent) and BenchmarkMeasuringOverHTTP (worker) compare turns with and without.
//
// # Several processes
//
// A [Merger] shows the metrics of several processes as those of one: it gets a [Snapshot] of each now and then, and, when one
// has ended, what its [Ledger] says.
//
// # Concurrency and life cycle
//
// All methods are safe for concurrent use, and do nothing on a nil *Metrics, so that whatever measures need not ask
// whether it is measured. Nothing runs in the background.
package metrics
