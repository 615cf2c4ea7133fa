package worker

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// memoryShare is how much of its memory limit the server tells Go to use: the rest is for what Go does not count.
const memoryShare = 0.8

// noLimit is where old control groups begin to mean that there is none.
const noLimit = 1 << 60

// limits is what a container lets its processes use; 0: as much as there is.
type limits struct {
	cpus   float64
	memory int64 // bytes
}

// Share is what one of several worker processes is to use: processors, and bytes of memory, 0 for no limit. It follows the
// limits of the container and MEMORY_LIMIT (bytes, or with a unit as in GOMEMLIMIT).
func Share(env func(string) string, workers int) (procs int, memory int64, err error) {
	l := readLimits(os.DirFS("/"))
	if v := env("MEMORY_LIMIT"); v != "" {
		n, err := parseBytes(v)
		if err != nil {
			return 0, 0, fmt.Errorf("MEMORY_LIMIT: %w", err)
		}
		l.memory = smaller(l.memory, n)
	}
	cpus := float64(runtime.NumCPU())
	if l.cpus > 0 {
		cpus = min(cpus, l.cpus)
	}
	procs = max(1, int(math.Ceil(cpus/float64(workers))))
	return procs, int64(memoryShare * float64(l.memory) / float64(workers)), nil
}

// parseBytes reads a number of bytes such as 536870912 or 512MiB.
func parseBytes(s string) (int64, error) {
	number, factor := s, int64(1)
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			number, factor = rest, 1<<(10*(i+1))
		}
	}
	if factor == 1 {
		number = strings.TrimSuffix(s, "B")
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is no number of bytes such as 536870912 or 512MiB", s)
	}
	return n * factor, nil
}

// smaller is the smaller of two limits, of which 0 is none.
func smaller(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// readLimits finds the tightest limits of the process's control groups, of either version, and of all that they are in.
func readLimits(root fs.FS) limits {
	var l limits
	for _, g := range groups(root) {
		for dir := g.path; ; dir = path.Dir(dir) {
			l.tighten(root, path.Join(g.mount, dir))
			if dir == "/" {
				break
			}
		}
	}
	return l
}

func (l *limits) tighten(root fs.FS, dir string) {
	if f := strings.Fields(read(root, path.Join(dir, "cpu.max"))); len(f) == 2 {
		l.quota(f[0], f[1])
	}
	l.quota(read(root, path.Join(dir, "cpu.cfs_quota_us")), read(root, path.Join(dir, "cpu.cfs_period_us")))
	for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
		if n, err := strconv.ParseInt(read(root, path.Join(dir, name)), 10, 64); err == nil && n > 0 && n < noLimit {
			l.memory = smaller(l.memory, n)
		}
	}
}

func (l *limits) quota(quota, period string) {
	q, err := strconv.ParseFloat(quota, 64)
	if err != nil || q <= 0 {
		return // "max", -1, or not there
	}
	if p, err := strconv.ParseFloat(period, 64); err == nil && p > 0 && (l.cpus == 0 || q/p < l.cpus) {
		l.cpus = q / p
	}
}

// group is where a control group of this process is mounted, and its path below that.
type group struct{ mount, path string }

// groups lists the control groups that matter.
func groups(root fs.FS) []group {
	const mounts = "sys/fs/cgroup"
	var out []group
	for line := range strings.Lines(read(root, "proc/self/cgroup")) {
		// 0::/a/b, or in version 1 4:memory:/a/b
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || !path.IsAbs(f[2]) {
			continue
		}
		switch {
		case f[0] == "0" && f[1] == "":
			out = append(out, group{mounts, path.Clean(f[2])})
		case f[1] == "memory", strings.Contains(","+f[1]+",", ",cpu,"):
			out = append(out, group{path.Join(mounts, f[1]), path.Clean(f[2])})
		}
	}
	return out
}

// oomKills counts the processes of this one's control group that the kernel has killed for want of memory.
func oomKills(root fs.FS) int {
	total := 0
	for _, g := range groups(root) {
		for _, name := range []string{"memory.events", "memory.oom_control"} {
			text := read(root, path.Join(g.mount, g.path, name))
			if text == "" { // the path may be the host's
				text = read(root, path.Join(g.mount, name))
			}
			for line := range strings.Lines(text) {
				rest, ok := strings.CutPrefix(line, "oom_kill ")
				if n, err := strconv.Atoi(strings.TrimSpace(rest)); ok && err == nil {
					total += n
				}
			}
		}
	}
	return total
}

// read is the text of a file, "" if there is none.
func read(root fs.FS, name string) string {
	data, err := fs.ReadFile(root, strings.TrimPrefix(name, "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
