package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"parley/metrics"
)

// logHashKey is the environment variable with the key under which ids of users are hashed in the log.
const logHashKey = "LOG_HASH_KEY"

// loggingFlags are the flags that every command has.
type loggingFlags struct {
	verbose, debug, quiet bool
	config, format, file  string
}

func (l *loggingFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVarP(&l.verbose, "verbose", "v", false, "be verbose: log at level INFO")
	f.BoolVar(&l.debug, "debug", false, "print lots of debugging statements: log at level DEBUG")
	f.BoolVar(&l.quiet, "quiet", false, "be quiet: log at level WARNING")
	f.StringVar(&l.config, "logging-config-file", "", "`FILE` with Python's logging configuration")
	later(f, "logging configurations of Python; use --log-format and LOG_LEVEL", "logging-config-file")
	f.StringVar(&l.format, "log-format", "", "log as `FORMAT` text or json; not given: text on a terminal, json elsewhere (env LOG_FORMAT)")
}

// level is the level of the log: the flags first, then LOG_LEVEL in Rasa's or Go's words.
func (l *loggingFlags) level(env func(string) string) (slog.Level, error) {
	switch {
	case l.debug:
		return slog.LevelDebug, nil
	case l.verbose:
		return slog.LevelInfo, nil
	case l.quiet:
		return slog.LevelWarn, nil
	}
	switch name := strings.ToUpper(env("LOG_LEVEL")); name {
	case "", "INFO":
		return slog.LevelInfo, nil
	case "DEBUG", "NOTSET":
		return slog.LevelDebug, nil
	case "WARNING", "WARN":
		return slog.LevelWarn, nil
	case "ERROR", "CRITICAL", "FATAL":
		return slog.LevelError, nil
	default:
		return 0, fmt.Errorf("LOG_LEVEL is %q; use DEBUG, INFO, WARNING or ERROR", name)
	}
}

// openLog makes the log that the flags and the environment ask for. It goes to standard error, and to --log-file too.
func (a *app) openLog(cmd *cobra.Command) error {
	level, err := a.logging.level(a.env)
	if err != nil {
		return err
	}
	format := a.logging.format
	if format == "" {
		format = a.env("LOG_FORMAT")
	}
	if format == "" && isTrue(a.env("FORCE_JSON_LOGGING")) {
		format = "json"
	}
	if format == "" && !a.isTerminal(a.err) && cmd.Name() == "run" {
		format = "json"
	}
	w := a.err
	if a.logging.file != "" {
		f, err := os.OpenFile(a.logging.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log file: %w", err)
		}
		a.logFile = f
		w = io.MultiWriter(a.err, f)
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: a.attribute}
	var h slog.Handler
	switch format {
	case "", "text":
		h = slog.NewTextHandler(w, opts)
	case "json":
		h = slog.NewJSONHandler(w, opts)
	default:
		return &usageError{cmd, fmt.Sprintf("argument --log-format: invalid choice: %q (choose from text, json)", format)}
	}
	a.log = slog.New(countingHandler{h, &a.counts})
	return nil
}

// attribute writes times as RFC 3339 in UTC, to the millisecond, and in place of who talks a hash of it: who can read logs must not
// be able to tell whose they are. The key of the hash is LOG_HASH_KEY, or another at each start.
func (a *app) attribute(groups []string, attr slog.Attr) slog.Attr {
	if attr.Key == "sender_id" {
		a.hashOnce.Do(func() { a.hashKey = []byte(cmp.Or(a.env(logHashKey), rand.Text())) })
		h := hmac.New(sha256.New, a.hashKey)
		_, _ = io.WriteString(h, attr.Value.String()) // never fails
		return slog.String("conv", hex.EncodeToString(h.Sum(nil)[:6]))
	}
	if len(groups) == 0 && attr.Key == slog.TimeKey && attr.Value.Kind() == slog.KindTime {
		return slog.String(slog.TimeKey, attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	if attr.Value.Kind() == slog.KindDuration {
		return slog.String(attr.Key, attr.Value.Duration().Round(time.Microsecond).String())
	}
	return attr
}

func isTrue(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}

// logCounts counts log lines once there are metrics to count them in.
type logCounts struct {
	metrics atomic.Pointer[metrics.Metrics]
}

// countingHandler counts the lines that it passes on.
type countingHandler struct {
	slog.Handler
	counts *logCounts
}

// Handle counts the record and passes it on.
func (h countingHandler) Handle(ctx context.Context, r slog.Record) error {
	h.counts.metrics.Load().Logged(strings.ToLower(r.Level.String()))
	return h.Handler.Handle(ctx, r) //nolint:wrapcheck // a handler in a handler
}

// WithAttrs counts the lines of the handler that it derives, too.
func (h countingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return countingHandler{h.Handler.WithAttrs(attrs), h.counts}
}

// WithGroup counts the lines of the handler that it derives, too.
func (h countingHandler) WithGroup(name string) slog.Handler {
	return countingHandler{h.Handler.WithGroup(name), h.counts}
}
