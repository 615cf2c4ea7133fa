package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// slotLimit bounds the number of worker slots that have series of their own.
const slotLimit = 64

// processMetrics are about the process, its workers and what it logs.
type processMetrics struct {
	build       *prometheus.GaugeVec
	blocked     map[string]prometheus.Gauge
	configured  prometheus.Gauge
	ready       prometheus.Gauge
	backoff     prometheus.Gauge
	failed      prometheus.Gauge
	restarts    *set[map[string]prometheus.Counter]
	gomaxprocs  *prometheus.GaugeVec
	memoryLimit *prometheus.GaugeVec
	logs        *set[prometheus.Counter]
	audits      *set[prometheus.Counter]
}

func newProcessMetrics(b *builder) processMetrics {
	blocked := b.gaugeVec(ruleParent, "readiness_blocked", "1 while this reason keeps the server from being ready.", "reason")
	workers := b.gaugeVec(ruleParent, "workers", "Worker processes.", "state")
	restarts := b.counterVec("worker_restarts_total", "Worker processes started again.", "slot", "cause")
	logs := b.counterVec("log_messages_total", "Log lines, with those that were left out because they repeat others.", "level")
	audits := b.counterVec("audit_events_total", "Operations recorded for an audit.", "result")
	p := processMetrics{
		build:      b.gaugeVec(ruleParent, "build_info", "Constant 1, with what the server was built from.", "version", "revision", "goversion"),
		blocked:    map[string]prometheus.Gauge{},
		configured: workers.WithLabelValues("configured"),
		ready:      workers.WithLabelValues("ready"),
		backoff:    workers.WithLabelValues("backoff"),
		failed:     workers.WithLabelValues("failed"),
		restarts: newSet(b, "worker_restarts_total", slotLimit, func(slot string) map[string]prometheus.Counter {
			causes := map[string]prometheus.Counter{}
			for _, c := range []string{"exit", "signal", "heartbeat", "oom", other} {
				causes[c] = restarts.WithLabelValues(slot, c)
			}
			return causes
		}),
		gomaxprocs:  b.gaugeVec(ruleLast, "gomaxprocs", "Processors that Go may use.", "slot"),
		memoryLimit: b.gaugeVec(ruleLast, "memory_limit_bytes", "Memory that Go tries not to exceed.", "slot"),
		logs:        newSet(b, "log_messages_total", 4, byValue(logs), "debug", "info", "warn", "error"),
		audits:      newSet(b, "audit_events_total", 4, byValue(audits), "ok", "refused", "error"),
	}
	for _, reason := range []string{"starting", "draining", "model_missing", "store_down", "workers"} {
		p.blocked[reason] = blocked.WithLabelValues(reason)
	}
	return p
}

// BuildInfo says what is running. Call it once.
func (m *Metrics) BuildInfo(version, revision, goversion string) {
	if m != nil {
		m.process.build.WithLabelValues(version, revision, goversion).Set(1)
	}
}

// ReadinessBlocked says whether a reason keeps the server from being ready: "starting", "draining", "model_missing",
// "store_down" or "workers". Others are not shown.
func (m *Metrics) ReadinessBlocked(reason string, blocked bool) {
	if m == nil {
		return
	}
	if g, ok := m.process.blocked[reason]; ok {
		g.Set(flag(blocked))
	}
}

// Workers sets how many worker processes are wanted, answer, and wait to be started again.
func (m *Metrics) Workers(configured, ready, backoff int) {
	if m == nil {
		return
	}
	for slot := range min(configured, slotLimit) { // so that the first restart is seen as an increase
		m.process.restarts.allow(strconv.Itoa(slot))
	}
	m.process.configured.Set(float64(configured))
	m.process.ready.Set(float64(ready))
	m.process.backoff.Set(float64(backoff))
}

// WorkersFailed sets how many worker processes crash so often that others have taken over their sockets.
func (m *Metrics) WorkersFailed(n int) {
	if m != nil {
		m.process.failed.Set(float64(n))
	}
}

// WorkerRestarted counts a worker process that is started again: cause is "exit", "signal", "heartbeat" or "oom".
func (m *Metrics) WorkerRestarted(slot int, cause string) {
	if m == nil {
		return
	}
	name := strconv.Itoa(slot)
	if slot >= 0 && slot < slotLimit {
		m.process.restarts.allow(name)
	}
	s := m.process.restarts.at(name)
	c, ok := s[cause]
	if !ok {
		c = s[other]
	}
	c.Inc()
}

// RuntimeLimits sets what a worker process may use: processors, and bytes of memory (0: no limit).
func (m *Metrics) RuntimeLimits(slot, procs int, memory int64) {
	if m == nil {
		return
	}
	name := strconv.Itoa(slot)
	m.process.gomaxprocs.WithLabelValues(name).Set(float64(procs))
	m.process.memoryLimit.WithLabelValues(name).Set(float64(memory))
}

// Logged counts a log line: level is "debug", "info", "warn" or "error".
func (m *Metrics) Logged(level string) {
	if m != nil {
		m.process.logs.at(level).Inc()
	}
}

// Audited counts an operation recorded for an audit: result is "ok", "refused" or "error".
func (m *Metrics) Audited(result string) {
	if m != nil {
		m.process.audits.at(result).Inc()
	}
}
