package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/spf13/cobra"

	"parley/livetest"
	"parley/logging"
	"parley/metrics"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestLevelComesFromFlagsThenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		flags loggingFlags
		env   string
		want  slog.Level
		fails bool
	}{
		"nothing":              {want: slog.LevelInfo},
		"-v":                   {flags: loggingFlags{verbose: true}, env: "ERROR", want: slog.LevelInfo},
		"-vv":                  {flags: loggingFlags{debug: true}, env: "ERROR", want: slog.LevelDebug},
		"--quiet":              {flags: loggingFlags{quiet: true}, want: slog.LevelWarn},
		"LOG_LEVEL":            {env: "WARNING", want: slog.LevelWarn},
		"LOG_LEVEL, lower":     {env: "debug", want: slog.LevelDebug},
		"LOG_LEVEL, critical":  {env: "CRITICAL", want: slog.LevelError},
		"LOG_LEVEL, a mistake": {env: "LOUD", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.flags.level(environment("LOG_LEVEL", tc.env))
			if (err != nil) != tc.fails || got != tc.want {
				t.Errorf("level %v, error %v; want %v, an error: %v", got, err, tc.want, tc.fails)
			}
		})
	}
}

func TestLogFormats(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		command, format string
		env             func(string) string
		want            string
	}{
		"text by default":                {"train", "", environment(), `level=INFO msg=hello`},
		"json for a server off terminal": {"run", "", environment(), `"msg":"hello"`},
		"LOG_FORMAT":                     {"train", "", environment("LOG_FORMAT", "json"), `"msg":"hello"`},
		"Rasa's variable":                {"train", "", environment("FORCE_JSON_LOGGING", "True"), `"msg":"hello"`},
		"the flag wins":                  {"run", "text", environment("LOG_FORMAT", "json"), `level=INFO msg=hello`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var err bytes.Buffer
			a := newApp(tc.env, strings.NewReader(""), t.Output(), &err)
			a.logging.format = tc.format
			if err := a.openLog(&cobra.Command{Use: tc.command}); err != nil {
				t.Fatal(err)
			}
			a.log.Debug("quiet")
			a.log.Info("hello")
			if got := err.String(); !strings.Contains(got, tc.want) || strings.Contains(got, "quiet") {
				t.Errorf("logged %q, want %q in it", got, tc.want)
			}
		})
	}
}

func TestAnUnknownLogFormatIsAUsageError(t *testing.T) {
	t.Parallel()
	a := testApp(t)
	a.logging.format = "xml"
	err := a.openLog(&cobra.Command{Use: "run"})
	if code := a.conclude(err); code != exitUsage {
		t.Errorf("exit code %d for %v", code, err)
	}
}

func TestLogLinesAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m, err := metrics.New(reg)
	if err != nil {
		t.Fatal(err)
	}
	a := testApp(t)
	if err := a.openLog(&cobra.Command{Use: "train"}); err != nil {
		t.Fatal(err)
	}
	a.log.Warn("before there are metrics")
	a.counts.metrics.Store(m)
	a.log.With("a", 1).WithGroup("g").Warn("one")
	a.log.Error("two")
	want := `
# HELP parley_log_messages_total Log lines, with those that were left out because they repeat others.
# TYPE parley_log_messages_total counter
parley_log_messages_total{level="debug"} 0
parley_log_messages_total{level="error"} 1
parley_log_messages_total{level="info"} 0
parley_log_messages_total{level="other"} 0
parley_log_messages_total{level="warn"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "parley_log_messages_total"); err != nil {
		t.Error(err)
	}
}

func TestIdsOfUsersAreHashed(t *testing.T) {
	t.Parallel()
	hash := func(key, id string) string {
		var out bytes.Buffer
		a := newApp(environment("LOG_HASH_KEY", key), nil, &out, &out)
		if err := a.openLog(&cobra.Command{Use: "run"}); err != nil {
			t.Fatal(err)
		}
		a.log.With("sender_id", id).Warn("a line", "sender_id", id)
		if strings.Contains(out.String(), id) {
			t.Errorf("the line has the id: %s", &out)
		}
		_, conv, _ := strings.Cut(out.String(), `"conv":"`)
		conv, _, _ = strings.Cut(conv, `"`)
		return conv
	}
	one := hash("secret", "4912345678")
	if len(one) != 12 || one != hash("secret", "4912345678") {
		t.Errorf("the hash is %q", one)
	}
	today, tomorrow := hash("", "4912345678"), hash("", "4912345678") // of two starts without a key
	if one == hash("secret", "4912345679") || one == hash("other", "4912345678") || today == tomorrow {
		t.Error("another id, another key or another start has the same hash")
	}
}

func TestVariablesOfTheLogThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, want string }{
		"LOG_USER_TEXT":       {"some", `LOG_USER_TEXT: "some" is not one of none, redacted, full.`},
		"LOG_LEVEL_STORE":     {"LOUD", `LOG_LEVEL_STORE: "LOUD" is not one of DEBUG, INFO, WARNING, ERROR.`},
		"LOG_REDACT_PATTERNS": {"a\n(", "LOG_REDACT_PATTERNS: pattern 2: "},
		"ACCESS_LOG":          {"some", `ACCESS_LOG: "some" is not one of off, errors, all.`},
		"LOG_TURNS":           {"some", `LOG_TURNS: "some" is not one of off, failed, all.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, stderr bytes.Buffer
			code := run(t.Context(), []string{"run", "--port", "0"}, environment(name, tc.value), nil, &out, &stderr)
			if code != exitUsage || !strings.HasPrefix(out.String(), tc.want) {
				t.Errorf("exit code %d, printed %q and %q; want 2 and %q", code, &out, &stderr, tc.want)
			}
		})
	}
}

func TestALoggerHasItsLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := newApp(environment("LOG_LEVEL_STORE", "debug", "LOG_LEVEL_SERVER", "ERROR"), nil, &out, &out)
	if err := a.openLog(&cobra.Command{Use: "run"}); err != nil {
		t.Fatal(err)
	}
	a.logger(logging.Store).Debug("one")
	a.logger(logging.Server).Warn("two")
	a.logger(logging.Agent).Info("three")
	a.logger(logging.Agent).Debug("four")
	if got := out.String(); !strings.Contains(got, "one") || !strings.Contains(got, "three") || strings.Contains(got, "two") || strings.Contains(got, "four") {
		t.Errorf("logged %s", got)
	}
}

func TestShowingUsersTextIsWarnedOf(t *testing.T) {
	t.Parallel()
	for rule, warned := range map[string]bool{"": false, "redacted": false, "full": true} {
		var out bytes.Buffer
		a := newApp(environment("LOG_USER_TEXT", rule), nil, &out, &out)
		if err := a.openLog(&cobra.Command{Use: "run"}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "LOG_USER_TEXT is full") != warned {
			t.Errorf("%q: logged %q", rule, &out)
		}
	}
}

func TestASignalHasEverythingLogged(t *testing.T) {
	t.Parallel()
	out := &livetest.Buffer{}
	a := newApp(environment("LOG_LEVEL", "ERROR"), nil, out, out)
	if err := a.openLog(&cobra.Command{Use: "run"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	signals, ended := make(chan os.Signal), make(chan bool)
	go func() {
		a.obeyVerbose(ctx, signals)
		close(ended)
	}()
	a.log.Debug("one")
	signals <- os.Interrupt
	signals <- os.Interrupt
	signals <- os.Interrupt // the first two have been obeyed
	cancel()
	<-ended
	a.log.Debug("two")
	got := out.String()
	if strings.Contains(got, "one") || !strings.Contains(got, "two") {
		t.Errorf("logged %s", got)
	}
	if n := strings.Count(got, `"logger":"audit","what":"log_level","result":"ok","who":"signal"`); n != 3 {
		t.Errorf("%d records of 3 changes in %s", n, got)
	}
}
