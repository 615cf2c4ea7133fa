package logging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/logging"
)

// open is a log at level debug and where it writes.
func open(change func(*logging.Config)) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	cfg := logging.Config{Out: &out, JSON: true, Levels: logging.NewLevels(slog.LevelDebug, nil), HashKey: []byte("key"), Sample: true}
	if change != nil {
		change(&cfg)
	}
	return logging.New(cfg), &out
}

// parse reads lines of JSON.
func parse(t *testing.T, text string) []map[string]any {
	t.Helper()
	lines := []map[string]any{}
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q is no JSON: %v", line, err)
		}
		lines = append(lines, m)
	}
	return lines
}

func TestHandlerDoesWhatSlogAsks(t *testing.T) {
	t.Parallel()
	var out *bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		var log *slog.Logger
		log, out = open(nil)
		return log.Handler()
	}, func(t *testing.T) map[string]any {
		t.Helper()
		lines := parse(t, out.String())
		if len(lines) != 1 {
			t.Fatalf("%d lines in %q", len(lines), out)
		}
		return lines[0]
	})
}

func TestControlCharactersAreEscaped(t *testing.T) {
	t.Parallel()
	for json, never := range map[bool]string{true: "\r\n\x1b\u2028\x00", false: "\r\n\x1b\u2028\x00\u0085"} {
		log, out := open(func(c *logging.Config) { c.JSON = json })
		log.Warn("m", "a", "x\r\ny\x1b[31m\u2028\u0085z\x00")
		if line := strings.TrimSuffix(out.String(), "\n"); strings.ContainsAny(line, never) {
			t.Errorf("a control character got through: %q", line)
		}
	}
}

func TestLineHasItsKeys(t *testing.T) {
	t.Parallel()
	log, out := open(func(c *logging.Config) { c.Always = []slog.Attr{slog.String("version", "1")} })
	logging.For(log, logging.Server).With("slot", 3).Error("went wrong",
		"sender_id", "me", "error", fmt.Errorf("a: %w", errors.New("b")), "took", 1500*time.Microsecond)
	got := parse(t, out.String())[0]
	at, _ := got["time"].(string)
	if _, err := time.Parse("2006-01-02T15:04:05.999Z", at); err != nil {
		t.Error(err)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "ERROR", "msg": "went wrong", "version": "1", "logger": "server", "slot": 3.0, "err": "a: b", "took": "1.5ms", "conv": got["conv"],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if conv, _ := got["conv"].(string); len(conv) != 12 || strings.Trim(conv, "0123456789abcdef") != "" {
		t.Errorf("conv is %q", conv)
	}
}

func TestLoggersHaveLevelsOfTheirOwn(t *testing.T) {
	t.Parallel()
	levels := logging.NewLevels(slog.LevelInfo, map[string]slog.Level{logging.Store: slog.LevelDebug, logging.Server: slog.LevelError})
	log, out := open(func(c *logging.Config) { c.Levels = levels })
	say := func() string {
		out.Reset()
		for _, name := range []string{"", logging.Store, logging.Server, logging.Agent} {
			l := log
			if name != "" {
				l = logging.For(log, name).With("a", 1)
			}
			l.Debug("d")
			l.Warn("w")
		}
		var said []string
		for _, line := range parse(t, out.String()) {
			said = append(said, fmt.Sprintf("%v:%v", line["logger"], line["msg"]))
		}
		return strings.Join(said, " ")
	}
	const usual = "<nil>:w store:d store:w agent:w"
	if got := say(); got != usual {
		t.Errorf("said %s, want %s", got, usual)
	}
	if !levels.Verbose(true) || levels.Verbose(true) || !levels.IsVerbose() {
		t.Error("the switch does not say what it does")
	}
	if got, want := say(), "<nil>:d <nil>:w store:d store:w server:d server:w agent:d agent:w"; got != want {
		t.Errorf("while all is written: %s, want %s", got, want)
	}
	levels.Verbose(false)
	if got := say(); got != usual {
		t.Errorf("said %s afterwards, want %s", got, usual)
	}
}

func TestRepeatedErrorsAreSampled(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	counted := map[string]int{}
	log, out := open(func(c *logging.Config) {
		c.Now = func() time.Time { return now }
		c.Count = func(level string) { counted[level]++ }
	})
	server := logging.For(log, logging.Server)
	repeat := func(n int, say func()) (lines int, suppressed float64) {
		out.Reset()
		for range n {
			say()
		}
		for _, line := range parse(t, out.String()) {
			lines++
			s, _ := line["suppressed"].(float64)
			suppressed += s
		}
		return lines, suppressed
	}
	check := func(what string, n int, say func(), wantLines int, wantSuppressed float64) {
		t.Helper()
		if lines, suppressed := repeat(n, say); lines != wantLines || suppressed != wantSuppressed {
			t.Errorf("%s: %d lines, %v suppressed; want %d and %v", what, lines, suppressed, wantLines, wantSuppressed)
		}
	}
	broken := func() { server.Error("broken", "error", errors.New("x"), "n", now.UnixNano()) }
	check("the same error", 310, broken, 13, 297)
	check("another error", 10, func() { server.Error("broken", "error", errors.New("y")) }, 10, 0)
	check("another logger", 10, func() { log.Error("broken", "error", errors.New("x")) }, 10, 0)
	check("another message", 11, func() { server.Warn("odd") }, 10, 0)
	check("what is no error", 200, func() { server.Info("fine") }, 200, 0)
	check("audit", 200, func() { logging.For(log, logging.Audit).Warn("refused") }, 200, 0)
	check("the same error again", 50, broken, 0, 0)
	now = now.Add(2 * time.Minute)
	check("after a pause", 12, broken, 10, 50)
	if diff := cmp.Diff(map[string]int{"error": 392, "warn": 211, "info": 200}, counted); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestManyDifferentErrorsTakeBoundedMemory(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	log, out := open(func(c *logging.Config) { c.Now = func() time.Time { return now } })
	for i := range 5000 {
		log.Error("broken", "error", fmt.Errorf("%d", i))
	}
	if got := strings.Count(out.String(), "\n"); got != 5000 {
		t.Errorf("%d lines", got)
	}
	now = now.Add(time.Hour) // those are forgotten
	out.Reset()
	for range 50 {
		log.Error("broken", "error", errors.New("new"))
	}
	if got := strings.Count(out.String(), "\n"); got != 10 {
		t.Errorf("%d lines of a new error", got)
	}
}
