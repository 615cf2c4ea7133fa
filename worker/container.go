package worker

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// Container is what the container lets its processes use, and what that has cost them.
type Container struct {
	CPUs      float64       // processors; 0: no limit
	Memory    int64         // bytes; 0: no limit
	Throttled time.Duration // in all, of waiting for processors
	Periods   float64       // in which the use of processors was accounted
}

// ReadContainer reads the control groups of this process.
func ReadContainer() Container { return readContainer(os.DirFS("/")) }

func readContainer(root fs.FS) Container {
	l := readLimits(root)
	c := Container{CPUs: l.cpus, Memory: l.memory}
	for _, g := range groups(root) {
		stat := cpuStat(root, path.Join(g.mount, g.path))
		if len(stat) == 0 { // the group of a container is the root of what it sees
			stat = cpuStat(root, g.mount)
		}
		c.Periods = max(c.Periods, stat["nr_periods"])
		// Version 2 counts microseconds, version 1 nanoseconds.
		c.Throttled = max(c.Throttled, time.Duration(stat["throttled_usec"])*time.Microsecond, time.Duration(stat["throttled_time"]))
	}
	return c
}

// cpuStat reads a control group's cpu.stat: lines of a name and a number.
func cpuStat(root fs.FS, dir string) map[string]float64 {
	stat := map[string]float64{}
	for line := range strings.Lines(read(root, path.Join(dir, "cpu.stat"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				stat[name] = n
			}
		}
	}
	return stat
}
