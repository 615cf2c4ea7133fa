package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// modelMetrics are about the model in use and about training.
type modelMetrics struct {
	loaded     prometheus.Gauge
	generation prometheus.Gauge
	info       *prometheus.GaugeVec
	infoMu     *sync.Mutex // an old id goes and the new one comes as one step
	loads      *set[prometheus.Counter]
	loadTime   prometheus.Histogram
	bytes      prometheus.Gauge
	trainings  *set[prometheus.Counter]
	trainTime  prometheus.Histogram
	training   prometheus.Gauge
}

func newModelMetrics(b *builder) modelMetrics {
	loads := b.counterVec("model_loads_total", "Models loaded, by result.", "result")
	trainings := b.counterVec("trainings_total", "Trainings, by result.", "result")
	return modelMetrics{
		loaded:     b.gauge(ruleMin, "model_loaded", "1 if a model is in use."),
		generation: b.gauge(ruleMin, "model_generation", "How many times the model in use was replaced."),
		info:       b.gaugeVec(ruleLast, "model_info", "Constant 1, with the id of the model in use.", "model_id"),
		infoMu:     new(sync.Mutex),
		loads:      newSet(b, "model_loads_total", 8, byValue(loads), "ok", "fetch", "checksum", "archive", "incompatible"),
		loadTime:   b.histogram("model_load_duration_seconds", "Loading a model.", bucketsLong),
		bytes:      b.gauge(ruleMax, "model_bytes", "Size of the archive of the model in use."),
		trainings:  newSet(b, "trainings_total", 8, byValue(trainings), "ok", "invalid", "error", "cancelled"),
		trainTime:  b.histogram("training_duration_seconds", "One training.", bucketsLong),
		training:   b.gauge(ruleSum, "trainings_in_flight", "Trainings under way."),
	}
}

// ModelInUse names the model in use; the empty id says that there is none. Call it for each replacement.
func (m *Metrics) ModelInUse(id string) {
	if m == nil {
		return
	}
	m.models.infoMu.Lock()
	defer m.models.infoMu.Unlock()
	m.models.info.Reset()
	m.models.loaded.Set(flag(id != ""))
	m.models.generation.Inc()
	if id != "" {
		m.models.info.WithLabelValues(id).Set(1)
	}
}

// ModelLoaded measures loading a model: result is "ok", "fetch", "checksum", "archive" or "incompatible"; bytes is the
// archive's size, negative if unknown.
func (m *Metrics) ModelLoaded(result string, d time.Duration, bytes int64) {
	if m == nil {
		return
	}
	m.models.loads.at(result).Inc()
	m.models.loadTime.Observe(d.Seconds())
	if bytes >= 0 && result == "ok" {
		m.models.bytes.Set(float64(bytes))
	}
}

// TrainingStarted counts a training under way; the function it returns ends it: result is "ok", "invalid", "error" or
// "cancelled".
func (m *Metrics) TrainingStarted() func(result string) {
	if m == nil {
		return func(string) {}
	}
	start := time.Now()
	m.models.training.Inc()
	return func(result string) {
		m.models.training.Dec()
		m.models.trainings.at(result).Inc()
		m.models.trainTime.Observe(time.Since(start).Seconds())
	}
}
