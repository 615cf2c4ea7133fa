package metrics

import "github.com/prometheus/client_golang/prometheus"

// The histograms' buckets, in seconds or as counts and bytes.
var (
	// bucketsFast suits work inside the process: 0.5 ms to 5 s.
	bucketsFast = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	// bucketsTurn has both thresholds of the service objectives, 250 ms and 1 s.
	bucketsTurn = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	// bucketsWait reaches from work inside the process to slow remote calls.
	bucketsWait = append(append([]float64{}, bucketsFast...), 10, 30, 60)
	// bucketsLong suits training and loading.
	bucketsLong = []float64{.1, .5, 1, 5, 10, 30, 60, 120, 300, 900, 3600}
	// bucketsCount counts small numbers.
	bucketsCount = []float64{0, 1, 2, 4, 8, 16, 32, 64, 128, 256}
	// bucketsEvents counts the events of a conversation.
	bucketsEvents = []float64{0, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
	// bucketsBytes are sizes: 256 B times four up to 64 MiB, then the limit of a request body.
	bucketsBytes = []float64{256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20, 100e6}
	// bucketsShare are probabilities.
	bucketsShare = []float64{.1, .2, .3, .4, .5, .6, .7, .8, .9, .95, .99, 1}
)

// builder makes collectors and registers them; it keeps the errors for the end, so that the code which lists the
// collectors reads as a list.
type builder struct {
	reg      prometheus.Registerer
	ledger   *Ledger // nil: none
	tally    *tally  // of what every turn and request moves
	overflow *keptVec
	rules    map[string]rule // of the gauges, by full name
	errs     []error
}

func (b *builder) register(c prometheus.Collector) {
	if err := b.reg.Register(c); err != nil {
		b.errs = append(b.errs, err)
	}
}

func (b *builder) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	b.register(c)
	return b.ledger.keep(c, namespace+"_"+name, help)
}

func (b *builder) counterVec(name, help string, labels ...string) *keptVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	b.register(v)
	return &keptVec{CounterVec: v, ledger: b.ledger, name: namespace + "_" + name, help: help}
}

func (b *builder) gauge(merged rule, name, help string) prometheus.Gauge {
	b.rules[namespace+"_"+name] = merged
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	b.register(g)
	return g
}

func (b *builder) gaugeVec(merged rule, name, help string, labels ...string) *prometheus.GaugeVec {
	b.rules[namespace+"_"+name] = merged
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	b.register(v)
	return v
}

func (b *builder) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
	b.register(h)
	return h
}

func (b *builder) histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	b.register(v)
	return v
}

// histograms resolves the children of a one-label histogram for a closed set of values.
func histograms(v *prometheus.HistogramVec, values ...string) map[string]prometheus.Observer {
	out := make(map[string]prometheus.Observer, len(values))
	for _, value := range values {
		out[value] = v.WithLabelValues(value)
	}
	return out
}
