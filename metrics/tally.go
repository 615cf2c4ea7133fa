package metrics

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// tally keeps the counters and histograms that every turn and every request moves, side by side under one lock. Whoever measures
// writes into a page of its own first, so that a turn takes the lock twice, where collectors of their own would take dozens of atomic operations.
// For Prometheus a tally is a collector.
type tally struct {
	created time.Time
	ledger  *Ledger // where the counters are kept, too; nil: nowhere
	descs   []*prometheus.Desc

	mu     sync.Mutex       // guards what follows
	counts []uint64         // of counters and of the buckets of histograms
	kept   []*atomic.Uint64 // where counts stand in the ledger, nil for those that do not
	sums   []float64        // of histograms
	series []tallySeries
}

// tallySeries is a counter or a histogram with its labels.
type tallySeries struct {
	desc      *prometheus.Desc
	labels    []string
	counter   counter
	histogram *histogram // nil: it is a counter
}

// counter is the place of a counter in its tally.
type counter int32

// histogram is the place of a histogram in its tally: a count for each bucket and one for what lies above, and a sum.
type histogram struct {
	bounds     []float64
	first, sum int
}

// describe names a metric. All must be named before the tally is registered.
func (t *tally) describe(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	t.descs = append(t.descs, d)
	return d
}

// counters names a counter and returns how to open its series.
func (t *tally) counters(name, help string, labels ...string) func(values ...string) counter {
	d := t.describe(name, help, labels...)
	return func(values ...string) counter {
		t.mu.Lock()
		defer t.mu.Unlock()
		c := counter(len(t.counts)) //nolint:gosec // the sets of labels are small
		t.counts = append(t.counts, 0)
		t.kept = append(t.kept, t.ledger.ones(prometheus.BuildFQName(namespace, "", name), help, labels, values))
		t.series = append(t.series, tallySeries{desc: d, labels: values, counter: c})
		return c
	}
}

// histograms names a histogram and returns how to open its series.
func (t *tally) histograms(name, help string, bounds []float64, labels ...string) func(values ...string) *histogram {
	d := t.describe(name, help, labels...)
	return func(values ...string) *histogram {
		t.mu.Lock()
		defer t.mu.Unlock()
		h := &histogram{bounds: bounds, first: len(t.counts), sum: len(t.sums)}
		t.counts = append(t.counts, make([]uint64, len(bounds)+1)...)
		t.kept = append(t.kept, make([]*atomic.Uint64, len(bounds)+1)...)
		t.sums = append(t.sums, 0)
		t.series = append(t.series, tallySeries{desc: d, labels: values, histogram: h})
		return h
	}
}

// Describe is for Prometheus.
func (t *tally) Describe(out chan<- *prometheus.Desc) {
	for _, d := range t.descs {
		out <- d
	}
}

// Collect is for Prometheus.
func (t *tally) Collect(out chan<- prometheus.Metric) {
	t.mu.Lock()
	counts, sums, series := slices.Clone(t.counts), slices.Clone(t.sums), t.series
	t.mu.Unlock()
	for i := range series {
		out <- series[i].metric(counts, sums, t.created)
	}
}

// metric is the state of a series.
func (s *tallySeries) metric(counts []uint64, sums []float64, created time.Time) prometheus.Metric {
	h := s.histogram
	if h == nil {
		return prometheus.MustNewConstMetricWithCreatedTimestamp(
			s.desc, prometheus.CounterValue, float64(counts[s.counter]), created, s.labels...)
	}
	buckets, total := make(map[float64]uint64, len(h.bounds)), uint64(0)
	for i, bound := range h.bounds {
		total += counts[h.first+i]
		buckets[bound] = total
	}
	total += counts[h.first+len(h.bounds)]
	return prometheus.MustNewConstHistogramWithCreatedTimestamp(s.desc, total, sums[h.sum], buckets, created, s.labels...)
}

// page is what one goroutine has measured and not yet entered into its tally. Its size suits a turn; a page that is full is entered
// early.
type page struct {
	of       *tally
	counted  [16]counter
	observed [8]observation
	c, o     int
}

// observation is a value of a histogram.
type observation struct {
	in    *histogram
	value float64
}

// count notes that a counter goes up by one.
func (p *page) count(c counter) {
	if p.c == len(p.counted) {
		p.enter()
	}
	p.counted[p.c] = c
	p.c++
}

// observe notes a value of a histogram.
func (p *page) observe(h *histogram, value float64) {
	if p.o == len(p.observed) {
		p.enter()
	}
	p.observed[p.o] = observation{h, value}
	p.o++
}

// enter enters the page into the tally and clears it.
func (p *page) enter() {
	if p.c == 0 && p.o == 0 {
		return
	}
	t := p.of
	t.mu.Lock()
	for _, c := range p.counted[:p.c] {
		t.counts[c]++
		if k := t.kept[c]; k != nil {
			k.Store(t.counts[c])
		}
	}
	for _, o := range p.observed[:p.o] {
		t.counts[o.in.first+o.in.bucket(o.value)]++
		t.sums[o.in.sum] += o.value
	}
	t.mu.Unlock()
	p.c, p.o = 0, 0
}

// bucket is the index of the first bucket whose bound is not below a value.
func (h *histogram) bucket(value float64) int {
	for i, bound := range h.bounds { // most values lie near the lower end
		if value <= bound {
			return i
		}
	}
	return len(h.bounds)
}
