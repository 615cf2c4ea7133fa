// Package metrics measures the server: one value with the Prometheus collectors and typed methods.
//
// # Labels
//
// A label takes its values from a closed set that is fixed at start, or when a model is loaded; whatever else is asked
// for is counted under "other" and in parley_label_overflow_total. No sender id, text, URL or error text is ever a label.
//
// # Cost
//
// Every counter and histogram that can be known is resolved when it is allowed, not when it is moved: measuring a whole
// turn costs well under a microsecond and allocates nothing.
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
