package worker

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadContainer(t *testing.T) {
	t.Parallel()
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for name, tc := range map[string]struct {
		files fstest.MapFS
		want  Container
	}{
		"version 2": {
			fstest.MapFS{
				"proc/self/cgroup":               file("0::/\n"),
				"sys/fs/cgroup/cpu.max":          file("150000 100000\n"),
				"sys/fs/cgroup/memory.max":       file("536870912\n"),
				"sys/fs/cgroup/cpu.stat":         file("usage_usec 9\nnr_periods 20\nnr_throttled 3\nthrottled_usec 1500000\n"),
				"sys/fs/cgroup/other/cpu.stat":   file("nr_periods 99\n"),
				"sys/fs/cgroup/memory.oom.group": file("0\n"),
			},
			Container{CPUs: 1.5, Memory: 512 << 20, Throttled: 1500 * time.Millisecond, Periods: 20},
		},
		"version 1, a group that the container does not see": {
			fstest.MapFS{
				"proc/self/cgroup":                           file("4:cpu,cpuacct:/kubepods/pod1\n"),
				"sys/fs/cgroup/cpu,cpuacct/cpu.stat":         file("nr_periods 7\nnr_throttled 1\nthrottled_time 2000000000\n"),
				"sys/fs/cgroup/cpu/cpu.stat":                 file("nr_periods 7\nnr_throttled 1\nthrottled_time 2000000000\n"),
				"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         file("-1\n"),
				"sys/fs/cgroup/cpu/cpu.cfs_period_us":        file("100000\n"),
				"sys/fs/cgroup/memory/cpu.stat":              file("x\n"),
				"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
			},
			Container{Throttled: 2 * time.Second, Periods: 7},
		},
		"none": {fstest.MapFS{}, Container{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, readContainer(tc.files)); diff != "" {
				t.Errorf("container (-want +got):\n%s", diff)
			}
		})
	}
}
