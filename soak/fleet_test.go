package soak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/livetest"
)

// lease is how long a conversation stays locked when its holder dies (lockstore.RedisOptions.Lease).
const lease = 5 * time.Second

// long reports whether the tests run at length.
func long() bool { return os.Getenv("SOAK") == "long" }

// pick is the short or the long form of a number.
func pick[T any](short, atLength T) T {
	if long() {
		return atLength
	}
	return short
}

// built is the program and a trained bot, made once.
var built = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "parley-soak"); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "parley"), "../cmd/parley")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("build: %w: %s", err, out)
	}
	train := exec.Command(filepath.Join(dir, "parley"), "train", "--quiet", "--out", filepath.Join(dir, "models"))
	train.Dir = "../examples/starter"
	if out, err := train.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("train: %w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := built(); dir != "" && code == 0 {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// await calls f until it returns nil.
func await(t *testing.T, f func() error) {
	t.Helper()
	var err error
	met := func() bool { err = f(); return err == nil }
	if livetest.Within(2*time.Minute, "", met) != nil {
		t.Fatalf("still: %v", err)
	}
}

// startRedis starts a server that forgets nothing when it is killed: it hands every command to the kernel before it answers, and at length
// to the disk, too.
func startRedis(t *testing.T) *livetest.Redis {
	t.Helper()
	return livetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", pick("no", "always"))
}

// fleet is a server of several worker processes.
type fleet struct {
	base, admin string
	cmd         *exec.Cmd
	log         *os.File
	ended       chan error
	http        *http.Client
}

// startFleet starts a server whose store is a Redis. It waits longer for its answers than a machine is held up, so that no request fails
// without a fault.
func startFleet(t *testing.T, r *livetest.Redis, workers int) *fleet {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	store := fmt.Sprintf("{type: redis, url: 127.0.0.1, port: %d, socket_timeout: 60}\n", r.Port)
	if err := os.WriteFile(filepath.Join(work, "endpoints.yml"), []byte("tracker_store: "+store+"lock_store: "+store), 0o600); err != nil {
		t.Fatal(err)
	}
	port, admin := livetest.Port(t), livetest.Port(t)
	f := &fleet{base: fmt.Sprintf("http://127.0.0.1:%d", port), admin: fmt.Sprintf("http://127.0.0.1:%d", admin), ended: make(chan error, 1)}
	if f.log, err = os.Create(filepath.Join(work, "log")); err != nil {
		t.Fatal(err)
	}
	f.cmd = exec.Command(filepath.Join(dir, "parley"), "run", "--enable-api", "-m", filepath.Join(dir, "models"), "-i", "127.0.0.1",
		"-p", strconv.Itoa(port), "--admin-port", strconv.Itoa(admin), "--endpoints", filepath.Join(work, "endpoints.yml"))
	f.cmd.Env = append(os.Environ(), "WORKERS="+strconv.Itoa(workers), "DRAIN_DELAY=0")
	f.cmd.Stdout, f.cmd.Stderr = f.log, f.log
	livetest.DieWithTest(f.cmd)
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { f.ended <- f.cmd.Wait() }() // ends with the process, which stop waits for
	f.http = &http.Client{Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000}}
	t.Cleanup(func() {
		f.stop(t)
		if t.Failed() {
			text, _ := os.ReadFile(f.log.Name())
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-40000):])
		}
		_ = f.log.Close()
	})
	await(t, func() error {
		text := f.metrics(t)
		if n := sum(text, `parley_workers{state="ready"}`); int(n) != workers {
			return fmt.Errorf("%v workers are ready", n)
		}
		return nil
	})
	return f
}

// stop ends the server and checks that it ends well. It may be called again.
func (f *fleet) stop(t *testing.T) {
	t.Helper()
	if f.cmd.ProcessState != nil {
		return
	}
	_ = f.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-f.ended:
		if err != nil {
			t.Errorf("the server ended with %v", err)
		}
	case <-time.After(70 * time.Second):
		_ = f.cmd.Process.Kill()
		t.Error("the server does not end")
	}
}

// children are the worker processes.
func (f *fleet) children() []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", f.cmd.Process.Pid)) // each thread has its own
	var pids []int
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for field := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// memory is what the server's processes have in memory, in bytes.
func (f *fleet) memory() (bytes int) {
	for _, pid := range append(f.children(), f.cmd.Process.Pid) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			n, _ := strconv.Atoi(fields[1])
			bytes += n * os.Getpagesize()
		}
	}
	return bytes
}

func (f *fleet) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get(f.admin + "/metrics")
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	text, _ := io.ReadAll(resp.Body)
	return string(text)
}

// sum adds the samples of a metric whose lines begin with a text.
func sum(metrics, begin string) (total float64) {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, begin) {
			fields := strings.Fields(line)
			n, _ := strconv.ParseFloat(fields[len(fields)-1], 64)
			total += n
		}
	}
	return total
}

// say sends one message. status is 0 when there was no answer.
func (f *fleet) say(ctx context.Context, sender, key, text string) (status int) {
	body, _ := json.Marshal(map[string]string{"sender": sender, "message": text})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.base+"/webhooks/rest/webhook", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header["idempotency-key"] = []string{key} // in this spelling the client does not repeat it by itself
	resp, err := f.http.Do(req)
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0
	}
	return resp.StatusCode
}

// told is what came of a message that was repeated until it was answered.
type told struct {
	took     time.Duration
	longest  time.Duration // attempt
	hits     int           // attempts without an answer
	statuses []int         // answers other than 200
}

// insist repeats a message until it is answered with 200.
func (f *fleet) insist(ctx context.Context, sender, key, text string) (told, error) {
	var out told
	begun := time.Now()
	for {
		asked := time.Now()
		status := f.say(ctx, sender, key, text)
		out.longest = max(out.longest, time.Since(asked))
		switch status {
		case http.StatusOK:
			out.took = time.Since(begun)
			return out, nil
		case 0:
			out.hits++
		default:
			out.statuses = append(out.statuses, status)
		}
		if ctx.Err() != nil {
			return out, fmt.Errorf("%s of %s was not answered in %s: %v", text, sender, time.Since(begun), out)
		}
		pause(10 * time.Millisecond)
	}
}

func pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	<-t.C
}

// texts are the messages of a conversation, as they are stored.
func (f *fleet) texts(sender string) ([]string, error) {
	resp, err := f.http.Get(f.base + "/conversations/" + sender + "/tracker?include_events=ALL")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET tracker: %s", resp.Status)
	}
	var tracker struct {
		Events []struct{ Event, Text string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&tracker); err != nil {
		return nil, err
	}
	var texts []string
	for _, e := range tracker.Events {
		if e.Event == "user" {
			texts = append(texts, e.Text)
		}
	}
	return texts, nil
}

// holds checks that conversations hold just the given messages, each once, in order.
func (f *fleet) holds(t *testing.T, want map[string][]string) {
	t.Helper()
	bad := 0
	for sender, texts := range want {
		var got []string
		await(t, func() (err error) {
			got, err = f.texts(sender)
			return err
		})
		if !slices.Equal(got, texts) {
			if bad++; bad <= 3 {
				t.Errorf("%s holds %q, want %q", sender, got, texts)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d conversations are not as they should be", bad, len(want))
	}
}

// needs skips a test where it cannot run.
func needs(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("several worker processes need Linux")
	}
	livetest.NeedRedis(t)
}
