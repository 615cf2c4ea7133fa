package logging

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// The names of loggers.
const (
	Access     = "access"     // HTTP requests
	Action     = "action"     // actions and the action server
	Agent      = "agent"      // turns, as far as no other logger has them
	Audit      = "audit"      // who changed what; never sampled
	Channel    = "channel"    // connectors
	Libraries  = "libraries"  // what libraries say by themselves
	Lock       = "lock"       // the lock store
	Server     = "server"     // the HTTP server, models and trainings
	Store      = "store"      // the tracker store
	Supervisor = "supervisor" // worker processes
	Turns      = "turn"       // one line a turn
)

// Loggers lists the names of all loggers.
func Loggers() []string {
	return []string{Access, Action, Agent, Audit, Channel, Libraries, Lock, Server, Store, Supervisor, Turns}
}

// ParseLevel reads a level in Rasa's or Go's words, in any case.
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToUpper(s) {
	case "DEBUG", "NOTSET":
		return slog.LevelDebug, nil
	case "INFO":
		return slog.LevelInfo, nil
	case "WARNING", "WARN":
		return slog.LevelWarn, nil
	case "ERROR", "CRITICAL", "FATAL":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("%q is not one of DEBUG, INFO, WARNING, ERROR", s)
}

// Levels says which lines are written: those of a level, or of a logger's own. It can be told to write everything for a while.
type Levels struct {
	base    slog.Level
	own     map[string]slog.Level
	verbose atomic.Bool
}

// NewLevels has a level for all loggers but those that have their own.
func NewLevels(base slog.Level, own map[string]slog.Level) *Levels {
	return &Levels{base: base, own: own}
}

// Verbose has everything written, whatever the levels, or no longer. It reports whether that changes anything.
func (l *Levels) Verbose(on bool) bool { return l.verbose.Swap(on) != on }

// IsVerbose reports whether everything is written.
func (l *Levels) IsVerbose() bool { return l.verbose.Load() }

// of is the level of a logger.
func (l *Levels) of(logger string) slog.Level {
	if level, ok := l.own[logger]; ok {
		return level
	}
	return l.base
}
