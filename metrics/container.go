package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// containerMetrics are about what the container lets the server use.
type containerMetrics struct {
	cpus, memory       prometheus.Gauge
	throttled, periods prometheus.Counter

	mu   *sync.Mutex
	last *[2]float64 // what the kernel had counted
}

func newContainerMetrics(b *builder) containerMetrics {
	return containerMetrics{
		cpus:      b.gauge(ruleParent, "cgroup_cpu_limit_cores", "Processors that the container may use; 0: no limit."),
		memory:    b.gauge(ruleParent, "cgroup_memory_limit_bytes", "Memory that the container may use; 0: no limit."),
		throttled: b.counter("cgroup_cpu_throttled_seconds_total", "Time in which the container had to wait for its share of processors."),
		periods:   b.counter("cgroup_cpu_periods_total", "Periods in which the container's use of processors was accounted."),
		mu:        new(sync.Mutex),
		last:      new([2]float64),
	}
}

// ContainerLimits sets what the container may use: processors, and bytes of memory (0: no limit).
func (m *Metrics) ContainerLimits(cpus float64, memory int64) {
	if m == nil {
		return
	}
	m.container.cpus.Set(cpus)
	m.container.memory.Set(float64(memory))
}

// ContainerThrottled reports what the kernel has counted in all: seconds of waiting for processors, and periods.
func (m *Metrics) ContainerThrottled(seconds, periods float64) {
	if m == nil {
		return
	}
	m.container.mu.Lock()
	defer m.container.mu.Unlock()
	for i, now := range [2]float64{seconds, periods} {
		if more := now - m.container.last[i]; more > 0 {
			[2]prometheus.Counter{m.container.throttled, m.container.periods}[i].Add(more)
		}
		m.container.last[i] = now
	}
}
