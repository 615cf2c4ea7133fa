package metrics

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// mergeMetrics are about merging.
type mergeMetrics struct {
	duration prometheus.Histogram
	errors   *set[prometheus.Counter]
}

func newMergeMetrics(b *builder) mergeMetrics {
	errors := b.counterVec("metrics_gather_errors_total", "Worker processes that did not hand over their metrics in time.", "slot")
	return mergeMetrics{
		duration: b.histogram("metrics_gather_duration_seconds", "From asking the worker processes for their metrics to having them.", bucketsFast),
		errors:   newSet(b, "metrics_gather_errors_total", slotLimit, byValue(errors)),
	}
}

// Gathered measures how long the worker processes took to hand over their metrics.
func (m *Metrics) Gathered(d time.Duration) {
	if m != nil {
		m.merging.duration.Observe(d.Seconds())
	}
}

// GatherFailed counts a worker process that did not hand over its metrics in time.
func (m *Metrics) GatherFailed(slot int) {
	if m == nil {
		return
	}
	name := strconv.Itoa(slot)
	if slot >= 0 && slot < slotLimit {
		m.merging.errors.allow(name)
	}
	m.merging.errors.at(name).Inc()
}

// Merger shows the metrics of several processes, and of those that have ended, as those of one: no counter ever falls when
// one of them ends. It is a prometheus.Gatherer and safe for concurrent use.
type Merger struct {
	rules map[string]rule
	own   prometheus.Gatherer

	mu      sync.Mutex
	live    map[uint64][]*dto.MetricFamily // the last snapshot of each process that runs
	retired []*dto.MetricFamily            // the sum of the last snapshots of those that have ended
	shown   map[string]float64             // what Gather has answered, of what must not fall
}

// NewMerger makes a Merger for a process with collectors m, registered with own, that has started other processes.
func NewMerger(m *Metrics, own prometheus.Gatherer) *Merger {
	return &Merger{rules: m.rules, own: own, live: map[uint64][]*dto.MetricFamily{}, shown: map[string]float64{}}
}

// Put takes a process's Snapshot in place of its last one. Processes that began later have higher numbers; a process's
// snapshots must come in the order in which they were made.
func (g *Merger) Put(process uint64, snapshot []byte) error {
	families, err := decode(snapshot)
	if err != nil {
		return fmt.Errorf("metrics of process %d: %w", process, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.live[process] = families
	return nil
}

// Keep lifts the counters of a process that has ended to what its Ledger says, whose memory this is: they have counted what
// happened since its last snapshot, too. End is to follow.
func (g *Merger) Keep(process uint64, memory []byte) error {
	kept, err := readLedger(memory)
	if err != nil {
		return fmt.Errorf("metrics of process %d: %w", process, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.live[process] = raise(g.live[process], kept)
	return nil
}

// End says that a process has ended: what it counted stays counted.
func (g *Merger) End(process uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last, ok := g.live[process]; ok {
		g.retired = retire(g.retired, last)
		delete(g.live, process)
	}
}

// Gather merges what it has.
func (g *Merger) Gather() ([]*dto.MetricFamily, error) {
	own, err := g.own.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather the metrics: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	parts := []part{{families: g.retired}}
	ids := make([]uint64, 0, len(g.live))
	for id := range g.live {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		parts = append(parts, part{families: g.live[id]})
	}
	merged := merge(g.rules, append(parts, part{families: own, parent: true}))
	g.hold(merged)
	return merged, nil
}

// hold keeps sums from falling by a rounding error: the parts are not always added in the same order, and whoever scrapes
// takes the smallest step down for a restart.
func (g *Merger) hold(families []*dto.MetricFamily) {
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var value *float64
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				value = m.Counter.Value
			case dto.MetricType_HISTOGRAM:
				value = m.Histogram.SampleSum
			case dto.MetricType_SUMMARY:
				value = m.Summary.SampleSum
			default:
			}
			if value == nil {
				continue
			}
			key := f.GetName() + seriesKey(m.GetLabel())
			*value = max(*value, g.shown[key])
			g.shown[key] = *value
		}
	}
}
