package metrics_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"parley/metrics"
)

// process is a worker process in a test: its collectors and what it last handed over.
type process struct {
	id  uint64
	m   *metrics.Metrics
	reg *prometheus.Registry
}

func startProcess(t *testing.T, id uint64, slot int) *process {
	t.Helper()
	reg := metrics.NewRegistry(fmt.Sprint(slot))
	m, err := metrics.New(reg)
	if err != nil {
		t.Fatal(err)
	}
	return &process{id: id, m: m, reg: reg}
}

func (p *process) handOver(t *testing.T, to *metrics.Merger) {
	t.Helper()
	snapshot, err := metrics.Snapshot(p.reg)
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Put(p.id, snapshot); err != nil {
		t.Fatal(err)
	}
}

// startSmall starts a process with few collectors, which a test can afford to gather often: a counter, one of fractions
// and a histogram.
func startSmall(id uint64) (p *process, count func(turns int, seconds float64)) {
	p = &process{id: id, reg: prometheus.NewRegistry()}
	turns := prometheus.NewCounter(prometheus.CounterOpts{Name: "turns_total", Help: "turns"})
	used := prometheus.NewCounter(prometheus.CounterOpts{Name: "used_seconds_total", Help: "time"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took_seconds", Help: "time", Buckets: []float64{.1, 1, 3}})
	p.reg.MustRegister(turns, used, took)
	return p, func(n int, seconds float64) {
		for range n {
			turns.Inc()
			used.Add(seconds / 3)
			took.Observe(seconds)
		}
	}
}

func newMerger(t *testing.T) (*metrics.Merger, *metrics.Metrics) {
	t.Helper()
	parent := startProcess(t, 0, 0)
	reg := metrics.NewRegistry("main")
	m, err := metrics.New(reg)
	if err != nil {
		t.Fatal(err)
	}
	parent.m, parent.reg = m, reg
	return metrics.NewMerger(m, reg), m
}

// growing is the value of every series that must not fall: counters, and the parts of histograms and summaries.
func growing(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName() + labelText(m)
			switch {
			case m.GetCounter() != nil:
				out[name] = m.GetCounter().GetValue()
			case m.GetHistogram() != nil:
				h := m.GetHistogram()
				out[name+" count"], out[name+" sum"] = float64(h.GetSampleCount()), h.GetSampleSum()
				for _, b := range h.GetBucket() {
					out[fmt.Sprintf("%s le=%g", name, b.GetUpperBound())] = float64(b.GetCumulativeCount())
				}
			case m.GetSummary() != nil:
				out[name+" count"] = float64(m.GetSummary().GetSampleCount())
			}
		}
	}
	return out
}

func labelText(m *dto.Metric) string {
	var b strings.Builder
	for _, l := range m.GetLabel() {
		fmt.Fprintf(&b, ",%s=%s", l.GetName(), l.GetValue())
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

func TestMergedCountersNeverFallWhateverEnds(t *testing.T) {
	t.Parallel()
	type worker struct {
		*process
		count  func(turns int, seconds float64)
		untold int // turns that its last snapshot does not have
	}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		reg := prometheus.NewRegistry()
		restarts := prometheus.NewCounter(prometheus.CounterOpts{Name: "restarts_total", Help: "restarts"})
		reg.MustRegister(restarts)
		merger := metrics.NewMerger(new(metrics.Metrics), reg)
		var running []*worker
		var ids uint64
		turns, before := 0, growing(t, merger)
		handOver := func(w *worker) {
			w.handOver(t, merger)
			turns, w.untold = turns+w.untold, 0
		}
		for range 100 {
			switch n := rng.IntN(10); {
			case n < 2 || len(running) == 0:
				ids++
				p, count := startSmall(ids)
				running = append(running, &worker{process: p, count: count})
				restarts.Inc()
			case n < 3: // one ends: sometimes it has said its last, sometimes it was killed
				i := rng.IntN(len(running))
				if rng.IntN(2) == 0 {
					handOver(running[i])
				}
				merger.End(running[i].id)
				merger.End(running[i].id) // saying it twice changes nothing
				running = append(running[:i], running[i+1:]...)
			case n < 7:
				w, n := running[rng.IntN(len(running))], rng.IntN(5)
				w.count(n, rng.Float64()*4)
				w.untold += n
			default:
				handOver(running[rng.IntN(len(running))])
			}
			now := growing(t, merger)
			for name, was := range before {
				if is, ok := now[name]; !ok || is < was {
					t.Fatalf("seed %d: %s fell from %g to %g (there: %v)", seed, name, was, is, ok)
				}
			}
			before = now
		}
		for name, want := range map[string]int{
			"turns_total{}": turns, "took_seconds{} count": turns, "restarts_total{}": int(ids),
		} {
			if got := before[name]; got != float64(want) {
				t.Errorf("seed %d: %s is %g, want %d", seed, name, got, want)
			}
		}
	}
}

func TestGaugesOfSeveralProcessesFollowTheirRules(t *testing.T) {
	t.Parallel()
	merger, parent := newMerger(t)
	parent.BuildInfo("1", "r", "go")
	parent.Workers(2, 1, 1)
	parent.ReadinessBlocked("draining", true)
	first, second, old := startProcess(t, 2, 0), startProcess(t, 3, 1), startProcess(t, 1, 0)
	for _, p := range []*process{old, first, second} {
		p.m.TurnsHeld(1)
		p.m.AllowStores("redis")
		p.m.StoreUp("redis", p != second)
		p.m.RuntimeLimits(int(p.id%2), int(p.id), 0)
		p.m.Workers(1, 1, 0)
		p.m.ReadinessBlocked("starting", true)
		p.handOver(t, merger)
	}
	merger.End(old.id) // its gauges go with it
	got := map[string]float64{}
	for name, value := range gather(t, merger) {
		for _, of := range []string{"turns_in_flight", "store_up", "gomaxprocs", "workers{", "readiness_blocked", "build_info"} {
			if strings.HasPrefix(name, of) && value != 0 || name == "store_up{store=redis}" {
				got[name] = value
			}
		}
	}
	want := map[string]float64{
		"turns_in_flight{}":                             2,
		"store_up{store=redis}":                         0,
		"gomaxprocs{slot=0}":                            2,
		"gomaxprocs{slot=1}":                            3,
		"workers{state=configured}":                     2,
		"workers{state=ready}":                          1,
		"workers{state=backoff}":                        1,
		"readiness_blocked{reason=draining}":            1,
		"build_info{goversion=go,revision=r,version=1}": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	slots := map[string]bool{}
	for name := range gather(t, merger) {
		if rest, ok := strings.CutPrefix(name, "go_goroutines"); ok {
			slots[rest] = true
		}
	}
	if d := cmp.Diff(map[string]bool{"{slot=0}": true, "{slot=1}": true, "{slot=main}": true}, slots); d != "" {
		t.Errorf("the runtime's gauges: %s", d)
	}
}

func TestMergedSeriesKeepTheEarliestCreationAndTheNewestExemplar(t *testing.T) {
	t.Parallel()
	merger, _ := newMerger(t)
	var created []time.Time
	for id := range uint64(2) {
		reg := prometheus.NewRegistry()
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "c_total", Help: "c"})
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Help: "h", Buckets: []float64{1, 2, float64(3 + id)}})
		reg.MustRegister(c, h)
		trace := prometheus.Labels{"trace": fmt.Sprint(id)}
		c.(prometheus.ExemplarAdder).AddWithExemplar(1, trace)
		h.(prometheus.ExemplarObserver).ObserveWithExemplar(1.5, trace)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		created = append(created, families[0].GetMetric()[0].GetCounter().GetCreatedTimestamp().AsTime())
		snapshot, err := metrics.Snapshot(reg)
		if err != nil {
			t.Fatal(err)
		}
		if err := merger.Put(id+1, snapshot); err != nil {
			t.Fatal(err)
		}
	}
	families, err := merger.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		m := f.GetMetric()[0]
		switch f.GetName() {
		case "c_total":
			if got := m.GetCounter(); got.GetValue() != 2 || got.GetExemplar().GetLabel()[0].GetValue() != "1" || !got.GetCreatedTimestamp().AsTime().Equal(created[0]) {
				t.Errorf("counter %v, want 2 with the newer exemplar, created %s", got, created[0])
			}
		case "h":
			got := m.GetHistogram()
			var bounds []float64
			for _, b := range got.GetBucket() {
				bounds = append(bounds, b.GetUpperBound())
			}
			if d := cmp.Diff([]float64{1, 2}, bounds); d != "" || got.GetSampleCount() != 2 || got.GetBucket()[1].GetCumulativeCount() != 2 ||
				got.GetBucket()[1].GetExemplar().GetLabel()[0].GetValue() != "1" {
				t.Errorf("histogram %v: %s", got, d)
			}
		}
	}
}

func TestPutRefusesWhatIsNoSnapshot(t *testing.T) {
	t.Parallel()
	merger, _ := newMerger(t)
	p := startProcess(t, 1, 0)
	working(func(w *metrics.Work) { w.SessionStarted() })(p.m)
	p.handOver(t, merger)
	before := growing(t, merger)["parley_sessions_started_total{}"]
	for _, snapshot := range []string{"\x05ab", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\xff\xff"} {
		if err := merger.Put(1, []byte(snapshot)); err == nil || !strings.Contains(err.Error(), "process 1") {
			t.Errorf("Put(%q): %v", snapshot, err)
		}
	}
	if got := growing(t, merger)["parley_sessions_started_total{}"]; got != before || got != 1 {
		t.Errorf("the last good snapshot is gone: %g sessions", got)
	}
}

func BenchmarkGatherFourWorkers(b *testing.B) {
	reg := metrics.NewRegistry("main")
	parent, err := metrics.New(reg)
	if err != nil {
		b.Fatal(err)
	}
	merger := metrics.NewMerger(parent, reg)
	worker := metrics.NewRegistry("0")
	if _, err := metrics.New(worker); err != nil {
		b.Fatal(err)
	}
	snapshot, err := metrics.Snapshot(worker)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(snapshot)), "bytes/snapshot")
	for b.Loop() {
		for id := range uint64(4) {
			if err := merger.Put(id, snapshot); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := merger.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
