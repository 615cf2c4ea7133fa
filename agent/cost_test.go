package agent_test

import (
	"runtime"
	"testing"
)

// maxTurnAllocs is how many allocations a turn may make: by a rule or by memory, and in a form that is interrupted or goes on.
const maxTurnAllocs, maxFormAllocs = 70, 140

// TestTurnsAllocateTheSameAfterAnyHistory is the gate of what BenchmarkTurnGrowth measures in time.
func TestTurnsAllocateTheSameAfterAnyHistory(t *testing.T) { //nolint:paralleltest // counts the allocations of the process
	for _, c := range turnCases() {
		t.Run(c.name, func(t *testing.T) {
			allocs, size := turnCost(t, newBench(t, &c, 10))
			longAllocs, longSize := turnCost(t, newBench(t, &c, 1000))
			limit := float64(maxTurnAllocs)
			if c.last != "" {
				limit = maxFormAllocs
			}
			if allocs > limit || longAllocs > allocs*1.1+1 {
				t.Errorf("%.0f allocations after 10 events, %.0f after 1000, want no more than %.0f and no growth", allocs, longAllocs, limit)
			}
			if longSize > 1.3*size {
				t.Errorf("%.0f bytes after 10 events, %.0f after 1000, want at most 1.3 times as many", size, longSize)
			}
		})
	}
}

// turnCost is the number and the bytes of allocations of a turn.
func turnCost(t testing.TB, b *bench) (allocs, size float64) {
	const runs = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	allocs = testing.AllocsPerRun(runs, func() { b.turn(t) })
	runtime.ReadMemStats(&after)
	return allocs, float64(after.TotalAlloc-before.TotalAlloc) / (runs + 1)
}
