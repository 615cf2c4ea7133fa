package metrics

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// Ledger is memory in which counters are kept a second time, so that another process which has it, too, can read them after
// this one was killed: a snapshot is always older than the end. Its first word is how many words are in use. Behind it stands,
// for each counter, the length of its description in bytes, the description (a dto.MetricFamily without value) filled up to
// words, how often one was added, and the float64 bits of all else that was added. It is safe for concurrent use.
type Ledger struct {
	mu    sync.Mutex // guards what follows, not the counters
	words []atomic.Uint64
	used  int
	known map[string]prometheus.Counter // by description
}

// NewLedger makes a ledger of memory that is all zero. What does not fit into it is not kept there.
func NewLedger(words []atomic.Uint64) *Ledger {
	return &Ledger{words: words, used: 1, known: map[string]prometheus.Counter{}}
}

// keep returns a counter that is kept in the ledger, too. Without a ledger, or when that is full, it is the counter itself.
func (l *Ledger) keep(c prometheus.Counter, name, help string) prometheus.Counter {
	if l == nil {
		return c
	}
	var now dto.Metric
	if err := c.Write(&now); err != nil {
		return c
	}
	description, err := describe(name, help, now.GetLabel())
	if err != nil {
		return c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if kept := l.known[string(description)]; kept != nil {
		return kept
	}
	ones, rest := l.open(description)
	if ones == nil {
		return c
	}
	kept := &keptCounter{Counter: c, ones: ones, rest: rest}
	l.known[string(description)] = kept
	return kept
}

// ones is where a counter that only goes up by ones is kept; nil if it is not, because there is no ledger or it is full. It must be
// asked for once.
func (l *Ledger) ones(name, help string, labels, values []string) *atomic.Uint64 {
	if l == nil {
		return nil
	}
	pairs := make([]*dto.LabelPair, len(labels))
	for i := range labels {
		pairs[i] = &dto.LabelPair{Name: new(labels[i]), Value: new(values[i])}
	}
	slices.SortFunc(pairs, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	description, err := describe(name, help, pairs)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ones, _ := l.open(description)
	return ones
}

// describe is the description of a counter.
func describe(name, help string, labels []*dto.LabelPair) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(&dto.MetricFamily{ //nolint:wrapcheck // who asks goes without
		Name: new(name), Help: new(help), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{{Label: labels}},
	})
}

// open adds an entry and returns its two numbers, nil if it does not fit. The caller holds mu.
func (l *Ledger) open(description []byte) (ones, rest *atomic.Uint64) {
	size := wordsOf(len(description))
	end := l.used + 1 + size + 2
	if len(l.words) < end {
		return nil, nil
	}
	l.words[l.used].Store(uint64(len(description)))
	for i := range size {
		var word [8]byte
		copy(word[:], description[8*i:])
		l.words[l.used+1+i].Store(binary.NativeEndian.Uint64(word[:]))
	}
	l.used = end
	l.words[0].Store(uint64(end)) // after all that it covers
	return &l.words[end-2], &l.words[end-1]
}

func wordsOf(bytes int) int { return (bytes + 7) / 8 }

// keptCounter is a counter that is kept in a ledger, too.
type keptCounter struct {
	prometheus.Counter

	ones, rest *atomic.Uint64
}

// Inc adds one.
func (c *keptCounter) Inc() {
	c.ones.Add(1)
	c.Counter.Inc()
}

// Add adds v, which must not be negative.
func (c *keptCounter) Add(v float64) {
	c.Counter.Add(v) // panics if it is
	for {
		old := c.rest.Load()
		if c.rest.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// keptVec is the counters of one name.
type keptVec struct {
	*prometheus.CounterVec

	ledger     *Ledger
	name, help string
}

// WithLabelValues is the counter with these labels.
func (v *keptVec) WithLabelValues(values ...string) prometheus.Counter {
	return v.ledger.keep(v.CounterVec.WithLabelValues(values...), v.name, v.help)
}

var errLedger = errors.New("the ledger of counters is damaged")

// readLedger reads the memory of a ledger that nobody writes to any more.
func readLedger(memory []byte) ([]*dto.MetricFamily, error) {
	word := func(i uint64) uint64 { return binary.NativeEndian.Uint64(memory[8*i:]) }
	all := uint64(len(memory)) / 8
	if all == 0 || word(0) > all {
		return nil, errLedger
	}
	var families []*dto.MetricFamily
	for at, used := uint64(1), word(0); at < used; {
		length := word(at)
		if length > 8*used {
			return nil, errLedger
		}
		end := at + 1 + uint64(wordsOf(int(length))) + 2 //nolint:gosec // at most the size of the memory
		if end > used {
			return nil, errLedger
		}
		f := new(dto.MetricFamily)
		if err := proto.Unmarshal(memory[8*(at+1):8*(at+1)+length], f); err != nil {
			return nil, fmt.Errorf("%w: %w", errLedger, err)
		}
		if f.GetType() != dto.MetricType_COUNTER || len(f.GetMetric()) != 1 {
			return nil, errLedger
		}
		f.Metric[0].Counter = &dto.Counter{Value: new(float64(word(end-2)) + math.Float64frombits(word(end-1)))}
		families = append(families, f)
		at = end
	}
	return families, nil
}

// raise lifts the counters of a process's last snapshot, which it changes, to what its ledger says.
func raise(last, ledger []*dto.MetricFamily) []*dto.MetricFamily {
	families := map[string]*dto.MetricFamily{}
	series := map[string]*dto.Metric{}
	for _, f := range last {
		families[f.GetName()] = f
		if f.GetType() != dto.MetricType_COUNTER {
			continue
		}
		for _, m := range f.GetMetric() {
			series[f.GetName()+seriesKey(m.GetLabel())] = m
		}
	}
	for _, kept := range ledger {
		m := kept.GetMetric()[0]
		key := kept.GetName() + seriesKey(m.GetLabel())
		f, known := families[kept.GetName()], series[key]
		switch {
		case known != nil:
			known.Counter.Value = new(max(known.GetCounter().GetValue(), m.GetCounter().GetValue()))
		case f == nil:
			families[kept.GetName()] = kept
			series[key] = m
			last = append(last, kept)
		case f.GetType() == dto.MetricType_COUNTER:
			series[key] = m
			f.Metric = append(f.Metric, m)
		}
	}
	return last
}
