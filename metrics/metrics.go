package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// namespace is the prefix of every name that is ours.
const namespace = "parley"

// Metrics are the server's collectors. All methods are safe for concurrent use and do nothing on a nil receiver.
type Metrics struct {
	turns         turnMetrics
	understanding understandingMetrics
	policies      policyMetrics
	actions       actionMetrics
	http          httpMetrics
	locks         lockMetrics
	stores        storeMetrics
	channels      channelMetrics
	models        modelMetrics
	process       processMetrics
	container     containerMetrics
	brokers       brokerMetrics
	reminders     reminderMetrics
	merging       mergeMetrics
	tally         *tally
	rules         map[string]rule // how the gauges of several processes become one, by full name
}

// New registers the collectors with reg.
func New(reg prometheus.Registerer) (*Metrics, error) { return NewKept(reg, nil) }

// NewKept registers the collectors with reg and keeps their counters in a ledger, too, if it is not nil.
func NewKept(reg prometheus.Registerer, ledger *Ledger) (*Metrics, error) {
	b := &builder{reg: reg, ledger: ledger, tally: &tally{created: time.Now(), ledger: ledger}, rules: map[string]rule{}}
	b.overflow = b.counterVec("label_overflow_total", "Label values that were folded into other, by metric.", "metric")
	m := &Metrics{
		turns:         newTurnMetrics(b),
		understanding: newUnderstandingMetrics(b),
		policies:      newPolicyMetrics(b),
		actions:       newActionMetrics(b),
		http:          newHTTPMetrics(b),
		locks:         newLockMetrics(b),
		stores:        newStoreMetrics(b),
		channels:      newChannelMetrics(b),
		models:        newModelMetrics(b),
		process:       newProcessMetrics(b),
		container:     newContainerMetrics(b),
		brokers:       newBrokerMetrics(b),
		reminders:     newReminderMetrics(b),
		merging:       newMergeMetrics(b),
		tally:         b.tally,
		rules:         b.rules,
	}
	b.register(b.tally)
	if err := errors.Join(b.errs...); err != nil {
		return nil, fmt.Errorf("register the metrics: %w", err)
	}
	return m, nil
}

// NewRegistry returns a registry that already has the collectors of the process and of the Go runtime, with the slot of the
// worker process as a label: "0" if there is only one, "main" for the process that started the others.
func NewRegistry(slot string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	prometheus.WrapRegistererWith(prometheus.Labels{"slot": slot}, reg).MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Handler serves a registry's metrics, as text or OpenMetrics. It answers at most three scrapes at once and gives up
// on one after five seconds.
func Handler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 3,
		Timeout:             5 * time.Second,
	})
}

// since is the time since the metrics were made. It costs half as much as the time of day.
func (m *Metrics) since() time.Duration { return time.Since(m.tally.created) }
