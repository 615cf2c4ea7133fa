package worker_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"parley/worker"
)

func tree(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text + "\n")}
	}
	return out
}

func TestLimitsAreTheTightestOfAllControlGroups(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files  map[string]string
		cpus   float64
		memory int64
	}{
		"nothing known": {nil, 0, 0},
		"version 2, in a container": {map[string]string{
			"proc/self/cgroup":         "0::/",
			"sys/fs/cgroup/cpu.max":    "150000 100000",
			"sys/fs/cgroup/memory.max": "536870912",
		}, 1.5, 536870912},
		"version 2, no limits": {map[string]string{
			"proc/self/cgroup":         "0::/",
			"sys/fs/cgroup/cpu.max":    "max 100000",
			"sys/fs/cgroup/memory.max": "max",
		}, 0, 0},
		"version 2, a parent is tighter": {map[string]string{
			"proc/self/cgroup":                    "0::/pod/worker",
			"sys/fs/cgroup/pod/cpu.max":           "50000 100000",
			"sys/fs/cgroup/pod/worker/cpu.max":    "400000 100000",
			"sys/fs/cgroup/pod/memory.max":        "2000",
			"sys/fs/cgroup/pod/worker/memory.max": "1000",
		}, .5, 1000},
		"version 2, the path is the host's": {map[string]string{
			"proc/self/cgroup":         "0::/kubepods/burstable/x",
			"sys/fs/cgroup/cpu.max":    "100000 100000",
			"sys/fs/cgroup/memory.max": "4096",
		}, 1, 4096},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n3:pids:/",
			"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes":  "1048576",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":           "9223372036854771712",
			"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us":  "250000",
			"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":           "-1",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us":          "100000",
		}, 2.5, 1048576},
		"nonsense": {map[string]string{
			"proc/self/cgroup":         "0::/\nx\n0::relative\n1:cpu",
			"sys/fs/cgroup/cpu.max":    "a b",
			"sys/fs/cgroup/memory.max": "-5",
		}, 0, 0},
	} {
		if cpus, memory := worker.ReadLimits(tree(tc.files)); cpus != tc.cpus || memory != tc.memory {
			t.Errorf("%s: %g processors and %d bytes, want %g and %d", name, cpus, memory, tc.cpus, tc.memory)
		}
	}
}

func TestOOMKillsAreCounted(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"version 2":              {"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/memory.events": "oom 5\noom_kill 3\noom_group_kill 1"},
		"version 2, host's path": {"proc/self/cgroup": "0::/a", "sys/fs/cgroup/memory.events": "oom_kill 3"},
		"version 1":              {"proc/self/cgroup": "2:memory:/b", "sys/fs/cgroup/memory/b/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3"},
	} {
		if got := worker.OOMKills(tree(files)); got != 3 {
			t.Errorf("%s: %d, want 3", name, got)
		}
	}
	if got := worker.OOMKills(tree(nil)); got != 0 {
		t.Errorf("without control groups: %d", got)
	}
}

func TestShareDividesWhatThereIs(t *testing.T) {
	t.Parallel()
	env := func(value string) func(string) string {
		return func(name string) string { return map[string]string{"MEMORY_LIMIT": value}[name] }
	}
	one, memory, err := worker.Share(env("1KiB"), 1) // surely tighter than this machine
	if err != nil || memory != 819 {
		t.Errorf("%d bytes (%v), want 0.8 of 1024", memory, err)
	}
	many, memory, err := worker.Share(env("4096"), 1000)
	if err != nil || memory != 3 || many != 1 || one < 1 {
		t.Errorf("%d and %d processors, %d bytes (%v)", one, many, memory, err)
	}
	for _, value := range []string{"1GB", "x", "-1", "9999999999TiB", "1.5GiB"} {
		if _, _, err := worker.Share(env(value), 1); err == nil || !strings.Contains(err.Error(), "MEMORY_LIMIT") {
			t.Errorf("%s: %v", value, err)
		}
	}
}
