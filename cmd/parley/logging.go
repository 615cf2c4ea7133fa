package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"parley/agent"
	"parley/channel"
	"parley/logging"
	"parley/metrics"
	"parley/worker"
)

// Environment variables of the log.
const (
	logHashKey   = "LOG_HASH_KEY"        // under which ids of users are hashed
	logUserText  = "LOG_USER_TEXT"       // what is shown of users' text
	logRedact    = "LOG_REDACT_PATTERNS" // what is redacted of it beside the usual
	logTurns     = "LOG_TURNS"           // which turns have a line
	logAccess    = "ACCESS_LOG"          // which requests have one
	logLevelsFor = "LOG_LEVEL_"          // levels of single loggers
)

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
	level, err := logging.ParseLevel(cmp.Or(env("LOG_LEVEL"), "INFO"))
	if err != nil {
		return 0, fmt.Errorf("LOG_LEVEL: %w", err)
	}
	return level, nil
}

// levels are those of the log and of the loggers that the environment gives one of their own.
func (l *loggingFlags) levels(env func(string) string) (*logging.Levels, error) {
	base, err := l.level(env)
	if err != nil {
		return nil, err
	}
	own := map[string]slog.Level{logging.Audit: slog.LevelInfo} // whatever the others are
	for _, logger := range logging.Loggers() {
		name := logLevelsFor + strings.ToUpper(logger)
		if v := env(name); v != "" {
			if own[logger], err = logging.ParseLevel(v); err != nil {
				return nil, misset(name, err)
			}
		}
	}
	return logging.NewLevels(base, own), nil
}

// misset ends the command because of an environment variable.
func misset(name string, err error) error {
	return &endError{code: exitUsage, msg: fmt.Sprintf("%s: %v.", name, err)}
}

// openLog makes the log that the flags and the environment ask for. It goes to standard error, and to --log-file too.
func (a *app) openLog(cmd *cobra.Command) error {
	cfg := logging.Config{Count: a.counts.add}
	var err error
	if cfg.Levels, err = a.logging.levels(a.env); err != nil {
		return err
	}
	if cfg.JSON, err = a.logsJSON(cmd); err != nil {
		return err
	}
	if cfg.UserText, err = logging.ParseUserTextRule(a.env(logUserText)); err != nil {
		return misset(logUserText, err)
	}
	if cfg.Redactor, err = logging.NewRedactor(a.env(logRedact)); err != nil {
		return misset(logRedact, err)
	}
	cfg.HashKey = []byte(cmp.Or(a.env(logHashKey), rand.Text()))
	cfg.Out, cfg.Sample = a.err, cmd.Name() == "run" // a person, and a script, wants every line
	if a.logging.file != "" {
		f, err := os.OpenFile(a.logging.file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("open the log file: %w", err)
		}
		a.logFile = f
		cfg.Out = io.MultiWriter(a.err, f)
	}
	if cmd.Name() == "run" && cfg.JSON { // read by machines, beside the lines of other servers
		version, _ := buildVersion()
		cfg.Always = append(cfg.Always, slog.String("version", version))
		if a.env("KUBERNETES_SERVICE_HOST") != "" {
			cfg.Always = append(cfg.Always, slog.String("pod", cmp.Or(a.env("POD_NAME"), a.env("HOSTNAME"))))
		}
	}
	a.log, a.levels = logging.New(cfg), cfg.Levels
	if cfg.UserText == logging.UserTextFull {
		a.log.Warn("the log shows what users write: LOG_USER_TEXT is full")
	}
	return nil
}

// logsJSON reports whether lines of the log are to be JSON, by flag and environment: those of a server are, unless a person reads along.
func (a *app) logsJSON(cmd *cobra.Command) (bool, error) {
	switch format := cmp.Or(a.logging.format, a.env("LOG_FORMAT")); format {
	case "":
		return isTrue(a.env("FORCE_JSON_LOGGING")) || !a.isTerminal(a.err) && cmd.Name() == "run", nil
	case "text":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, &usageError{cmd, fmt.Sprintf("argument --log-format: invalid choice: %q (choose from text, json)", format)}
	}
}

// turnLog is the log of single turns, as LOG_TURNS asks for it.
func (a *app) turnLog(channels []channel.Channel) (agent.TurnLog, error) {
	t := agent.TurnLog{Log: a.logger(logging.Turns)}
	switch v := a.env(logTurns); v {
	case "off", "false": // what YAML makes of the first
		return agent.TurnLog{}, nil
	case "", "failed":
		t.Failed = true
	case "all":
	default:
		return t, misset(logTurns, fmt.Errorf("%q is not one of off, failed, all", v))
	}
	for _, c := range channels {
		t.Channels = append(t.Channels, c.Name())
	}
	return t, nil
}

// accessLog is the log of requests, as ACCESS_LOG asks for it.
func (a *app) accessLog() (worker.AccessLog, error) {
	switch v := a.env(logAccess); v {
	case "off", "false":
		return worker.AccessLog{}, nil
	case "", "errors":
		return worker.AccessLog{Log: a.logger(logging.Access), Errors: true}, nil
	case "all":
		return worker.AccessLog{Log: a.logger(logging.Access)}, nil
	default:
		return worker.AccessLog{}, misset(logAccess, fmt.Errorf("%q is not one of off, errors, all", v))
	}
}

// audit records what was done to the server other than by a request: by whom, to what, and how it ended.
func (a *app) audit(who, what, target string, err error) {
	result := logging.AuditOK
	if err != nil {
		result = logging.AuditError
	}
	a.counts.metrics.Load().Audited(result)
	logging.RecordAudit(a.logger(logging.Audit), what, result, slog.String("who", who), slog.String("target", target))
}

// setVerbose has everything logged, whatever the levels, or no longer.
func (a *app) setVerbose(on bool) {
	if a.levels.Verbose(on) {
		a.audit("signal", "log_level", map[bool]string{true: "debug", false: "as configured"}[on], nil)
	}
}

// awaitVerbose switches what is logged at each verboseSignal, until ctx ends.
func (a *app) awaitVerbose(ctx context.Context) {
	if verboseSignal == nil {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, verboseSignal)
	defer signal.Stop(signals)
	a.obeyVerbose(ctx, signals)
}

// obeyVerbose switches what is logged at each signal, until ctx ends.
func (a *app) obeyVerbose(ctx context.Context, signals <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			a.setVerbose(!a.levels.IsVerbose())
		}
	}
}

// logger is the log of a part of the program.
func (a *app) logger(name string) *slog.Logger { return logging.For(a.log, name) }

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

// add counts a line of a level.
func (c *logCounts) add(level string) { c.metrics.Load().Logged(level) }
