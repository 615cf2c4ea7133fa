package livetest

import (
	"fmt"
	"testing"
	"time"
)

// patience is how long is waited for what must come. Only a test that fails waits for so long.
const patience = 2 * time.Minute

// Await waits until a condition is met; what says what is waited for.
func Await(t testing.TB, what string, met func() bool) {
	t.Helper()
	if err := Within(patience, what, met); err != nil {
		t.Fatal(err)
	}
}

// Within waits until a condition is met, for a time. It is for [Paced]: other tests have [Await].
func Within(limit time.Duration, what string, met func() bool) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	for pause := time.Millisecond; !met(); pause = min(2*pause, 20*time.Millisecond) {
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-end.C:
			next.Stop()
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
	return nil
}

// seconds is how long a second lasts in each attempt of Paced.
var seconds = []time.Duration{time.Second, 4 * time.Second, 16 * time.Second}

// Paced tries what depends on how soon something happens: at the pace for which it is written, and, should that fail, four and sixteen
// times slower. A fault fails at any pace, a machine that is held up for a moment does not. try counts its times in the seconds that it
// is given, and shares nothing between its calls; the test fails with the error of the slowest.
func Paced(t testing.TB, try func(second time.Duration) error) {
	t.Helper()
	for i, second := range seconds {
		err := try(second)
		switch {
		case err == nil:
			return
		case i == len(seconds)-1:
			t.Fatalf("where a second lasts %s: %v", second, err)
		}
		t.Logf("where a second lasts %s: %v; trying again with more time", second, err)
	}
}
