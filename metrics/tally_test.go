package metrics_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"parley/metrics"
)

// histogramOf is a histogram without labels as it is scraped.
func histogramOf(t *testing.T, g prometheus.Gatherer, name string) *dto.Histogram {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetHistogram()
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

func TestTalliedHistogramsAreThoseOfPrometheus(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "theirs", Help: "The same values.", Buckets: []float64{0, 1, 2, 4, 8, 16, 32, 64, 128, 256},
	})
	if err := reg.Register(theirs); err != nil {
		t.Fatal(err)
	}
	w := m.BeginWork()
	for _, n := range []int{-1, 0, 1, 2, 3, 4, 5, 255, 256, 257, 1e9, 7, 7, 7} { // more than a page holds
		w.Predictions(n, false)
		theirs.Observe(float64(n))
	}
	w.Done()
	w.Done() // does not count again
	got, want := histogramOf(t, reg, "parley_turn_predictions"), histogramOf(t, reg, "theirs")
	if got.GetCreatedTimestamp().AsTime().IsZero() || time.Since(got.GetCreatedTimestamp().AsTime()) > time.Minute {
		t.Errorf("created at %s", got.GetCreatedTimestamp().AsTime())
	}
	got.CreatedTimestamp, want.CreatedTimestamp = nil, nil
	if d := cmp.Diff(want.String(), got.String()); d != "" {
		t.Errorf("-theirs +ours:\n%s", d)
	}
}

func TestManyWriteIntoOneTally(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				w := m.BeginWork()
				for range 50 { // several pages
					w.Wrote("action")
					w.Predictions(i, true)
				}
				w.Done()
				if i%25 == 0 {
					m.AllowChannels(time.Duration(i).String()) // the tally grows
					gather(t, reg)
				}
			}
		})
	}
	wg.Wait()
	got := gather(t, reg)
	for _, name := range []string{"events_total{type=action}", "turn_predictions{}", "turn_prediction_limit_total{}"} {
		if got[name] != 8*100*50 {
			t.Errorf("%s is %v, want %d", name, got[name], 8*100*50)
		}
	}
}

func TestEveryEventTypeHasASeries(t *testing.T) {
	t.Parallel()
	m, reg := open(t)
	w := m.BeginWork()
	var types []string
	for name := range gather(t, reg) {
		if eventType, ok := strings.CutPrefix(strings.TrimSuffix(name, "}"), "events_total{type="); ok {
			types = append(types, eventType)
			w.Wrote(eventType)
		}
	}
	w.Done()
	if len(types) != 22 {
		t.Fatalf("%d types of events: %v", len(types), types)
	}
	for _, eventType := range types {
		if n := gather(t, reg)["events_total{type="+eventType+"}"]; n != 1 {
			t.Errorf("%s was counted %v times", eventType, n)
		}
	}
}

func TestWorkOfNobodyMeasuresNothing(t *testing.T) {
	t.Parallel()
	var m *metrics.Metrics
	w := m.BeginWork()
	w.Wrote("user")
	w.Predictions(1, true)
	w.Parsed(metrics.UnderstoodIntent, 1, time.Second)
	w.Predicted(m.Policy("RulePolicy"))
	w.Ran(m.Action("utter"), "ok", time.Second)
	w.FellBack("nlu")
	w.SessionStarted()
	w.Done()
	m.BeginTurn("rest").End(metrics.OutcomeOK, time.Second)
	m.Route("/", "").Begin().End("GET", 200, 0, 0)
}
