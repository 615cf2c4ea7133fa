// Package action is what a bot can do: default actions, forms, slot extraction, responses and the action server.
package action

import (
	"context"
	"log/slog"
	"time"

	"parley/dialogue"
)

// Endpoint is a remote service as endpoints.yml describes it.
type Endpoint struct {
	URL                   string
	Token, TokenName      string // query parameter
	Headers, Params       map[string]string
	User, Password        string // basic auth
	CAFile                string
	EnableSelectiveDomain bool
}

// Config is what actions need from outside.
type Config struct {
	ActionServer *Endpoint       // nil: none configured
	NLG          *Endpoint       // nil: responses of the domain
	Timeout      time.Duration   // of one remote call; 0: 300 s
	Compress     bool            // COMPRESS_ACTION_SERVER_REQUEST
	Version      string          // sent to action servers
	Random       func(n int) int // picks among response variations; nil: a random source of its own
	Log          *slog.Logger    // nil: discard
}

// Actions runs the actions of one domain. It is safe for concurrent use.
type Actions struct{}

// RejectedError says that an action refused to run (Rasa: ActionExecutionRejection).
type RejectedError struct {
	Action, Reason string
}

// Error names the action and the reason.
func (e *RejectedError) Error() string {
	return "action " + e.Action + " rejected its execution: " + e.Reason
}

// New prepares the actions of a domain.
func New(d *dialogue.Domain, cfg Config) (*Actions, error) { panic("stub") }

// Call is one run of an action.
type Call struct {
	Tracker *dialogue.Tracker // a copy that has the prediction's events; the action does not change it
	Channel string            // name of the output: chooses response variations
	// Metadata of the prediction.
	Metadata map[string]any
	// Carry is the number of a carried-over session's events; the now of timestamps is the caller's.
}

// Run runs an action by name and returns its events, unstamped: bot messages first where the reference has them first. A
// *RejectedError means that the action refused; any other error that nothing happened (the action is logged all the same).
func (a *Actions) Run(ctx context.Context, name string, c Call) ([]dialogue.Event, error) {
	panic("stub")
}

// Text runs an end-to-end action: the bot says the text.
func (a *Actions) Text(text string) []dialogue.Event { panic("stub") }

// ExtractSlots is action_extract_slots (spec dialogue §3.6): what the latest message sets.
func (a *Actions) ExtractSlots(ctx context.Context, c Call) ([]dialogue.Event, error) { panic("stub") }
