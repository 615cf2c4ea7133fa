package metrics_test

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"parley/metrics"
)

// startKept starts process 1, which keeps its counters in memory of so many words.
func startKept(t testing.TB, words int) (*process, []atomic.Uint64) {
	t.Helper()
	memory := make([]atomic.Uint64, words)
	reg := prometheus.NewRegistry()
	m, err := metrics.NewKept(reg, metrics.NewLedger(memory))
	if err != nil {
		t.Fatal(err)
	}
	return &process{id: 1, m: m, reg: reg}, memory
}

// bytesOf is what another process reads in the memory.
func bytesOf(memory []atomic.Uint64) []byte {
	var b []byte
	for i := range memory {
		b = binary.NativeEndian.AppendUint64(b, memory[i].Load())
	}
	return b
}

const ledgerWords = 1 << 17

func TestCountersOutliveAProcessThatIsKilled(t *testing.T) {
	t.Parallel()
	for name, handOver := range map[string]bool{"after a snapshot": true, "before its first snapshot": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			merger, _ := newMerger(t)
			p, memory := startKept(t, ledgerWords)
			p.m.BeginTurn("rest").End(metrics.OutcomeOK, -1)
			if handOver {
				p.handOver(t, merger)
			}
			for range 6 {
				p.m.BeginTurn("rest").End(metrics.OutcomeOK, -1)
			}
			p.m.AllowChannels("telegram")
			p.m.BeginTurn("telegram").End(metrics.OutcomeSilent, -1)
			p.m.Route("/", "webhook").Begin().End("POST", 200, 1, 1)
			p.m.StoreOp("memory", "commit", 0)
			want := counters(t, p.reg)

			if err := merger.Keep(1, bytesOf(memory)); err != nil {
				t.Fatal(err)
			}
			merger.End(1)
			got := counters(t, merger)
			for series, value := range want {
				if got[series] != value {
					t.Errorf("%s is %v, want %v", series, got[series], value)
				}
			}
			if got[`parley_turns_total{channel=rest,outcome=ok}`] != 7 || got[`parley_turns_total{channel=telegram,outcome=silent}`] != 1 {
				t.Errorf("turns: %v", got)
			}
		})
	}
}

// counters are the values of all counters.
func counters(t *testing.T, g prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetCounter() == nil {
				continue
			}
			key := f.GetName() + "{"
			for i, l := range m.GetLabel() {
				if i > 0 {
					key += ","
				}
				key += l.GetName() + "=" + l.GetValue()
			}
			values[key+"}"] = m.GetCounter().GetValue()
		}
	}
	return values
}

func TestSnapshotsAndLedgersAreNotAddedUp(t *testing.T) {
	t.Parallel()
	merger, _ := newMerger(t)
	p, memory := startKept(t, ledgerWords)
	p.m.BeginTurn("rest").End(metrics.OutcomeOK, -1)
	p.handOver(t, merger)
	if err := merger.Keep(1, bytesOf(memory)); err != nil {
		t.Fatal(err)
	}
	merger.End(1)
	if got := counters(t, merger)["parley_turns_total{channel=rest,outcome=ok}"]; got != 1 {
		t.Errorf("%v turns, want 1", got)
	}
}

func TestAFullLedgerKeepsWhatFits(t *testing.T) {
	t.Parallel()
	merger, _ := newMerger(t)
	p, memory := startKept(t, 200)
	p.m.BeginTurn("rest").End(metrics.OutcomeOK, -1)
	if got := counters(t, p.reg)["parley_turns_total{channel=rest,outcome=ok}"]; got != 1 {
		t.Errorf("%v turns, want 1", got)
	}
	if err := merger.Keep(1, bytesOf(memory)); err != nil {
		t.Error(err)
	}
}

func TestOneLedgerIsSharedByThoseWhoCountAtOnce(t *testing.T) {
	t.Parallel()
	merger, _ := newMerger(t)
	p, memory := startKept(t, ledgerWords)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 200 {
				p.m.BeginTurn("rest").End(metrics.OutcomeOK, -1)
				p.m.Route("/", "webhook").Begin().End("POST", 200+i%3, 1, 1)
			}
		})
	}
	wg.Wait()
	if err := merger.Keep(1, bytesOf(memory)); err != nil {
		t.Fatal(err)
	}
	got := counters(t, merger)
	want := map[string]float64{
		"parley_turns_total{channel=rest,outcome=ok}":                  1600,
		"parley_http_requests_total{code=200,method=POST,route=other}": 536,
		"parley_http_requests_total{code=201,method=POST,route=other}": 536,
		"parley_http_requests_total{code=202,method=POST,route=other}": 528,
	}
	for series, value := range want {
		if diff := cmp.Diff(value, got[series]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", series, diff)
		}
	}
}

func TestDamagedLedgersAreRefused(t *testing.T) {
	t.Parallel()
	_, memory := startKept(t, ledgerWords)
	whole := bytesOf(memory)
	word := func(at int, value uint64) []byte {
		b := append([]byte{}, whole...)
		binary.NativeEndian.PutUint64(b[8*at:], value)
		return b
	}
	for name, b := range map[string][]byte{
		"empty":                           nil,
		"more in use than there is":       word(0, ledgerWords+1),
		"an entry longer than all":        word(1, 1<<62),
		"an entry beyond the end":         word(1, binary.NativeEndian.Uint64(whole)*8),
		"an entry that is no description": word(2, 1<<63-1),
		"cut off":                         whole[:800],
	} {
		merger, _ := newMerger(t)
		if err := merger.Keep(1, b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzLedger(f *testing.F) {
	_, memory := startKept(f, 400)
	f.Add(bytesOf(memory))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	reg := prometheus.NewRegistry()
	m, err := metrics.New(reg)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		merger := metrics.NewMerger(m, reg)
		if merger.Keep(1, b) != nil {
			return
		}
		merger.End(1)
		if _, err := merger.Gather(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkTurnMetricsKept(b *testing.B) {
	p, _ := startKept(b, ledgerWords)
	p.m.AllowStores("memory")
	p.m.AllowRoutes("/webhooks/rest/webhook")
	route := p.m.Route("/webhooks/rest/webhook", "webhook")
	b.ReportAllocs()
	for b.Loop() {
		measureTurn(p.m, route)
	}
}
