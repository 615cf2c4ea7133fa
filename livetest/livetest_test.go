package livetest

import (
	"errors"
	"testing"
	"time"
)

func TestPortsAreHeld(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		port := Port(t)
		if seen[port] {
			t.Fatalf("port %d is given to two", port)
		}
		seen[port] = true
	}
}

func TestPacedStopsWhenItWorks(t *testing.T) {
	t.Parallel()
	var tried []time.Duration
	Paced(t, func(second time.Duration) error {
		if tried = append(tried, second); second < 4*time.Second {
			return errors.New("too quick")
		}
		return nil
	})
	if len(tried) != 2 || tried[0] != time.Second || tried[1] != 4*time.Second {
		t.Errorf("tried at %v", tried)
	}
}

// failure notes whether it was told to fail.
type failure struct {
	testing.TB

	failed bool
}

func (*failure) Helper()                 {}
func (*failure) Logf(string, ...any)     {}
func (f *failure) Fatalf(string, ...any) { f.failed = true }

func TestPacedFailsWhatFailsAtAnyPace(t *testing.T) {
	t.Parallel()
	f, tries := &failure{TB: t}, 0
	Paced(f, func(time.Duration) error { tries++; return errors.New("broken") })
	if !f.failed || tries != len(seconds) {
		t.Errorf("failed: %v after %d attempts", f.failed, tries)
	}
}

func TestRedisKeepsItsPort(t *testing.T) {
	t.Parallel()
	r := StartRedis(t)
	addr := r.Addr
	for range 3 {
		if !r.answers() {
			t.Error("it does not answer")
		}
		r.Kill()
		r.Kill()
		if r.answers() {
			t.Error("it answers after its end")
		}
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if r.Addr != addr {
		t.Errorf("it moved from %s to %s", addr, r.Addr)
	}
}

func TestRedisWhosePortIsTaken(t *testing.T) {
	t.Parallel()
	one, two := StartRedis(t), StartRedis(t)
	two.Kill()
	two.Port, two.Addr = one.Port, one.Addr
	if err := two.Start(); !errors.Is(err, errPortTaken) {
		t.Errorf("started on the port of another: %v", err)
	}
}
