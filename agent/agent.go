// Package agent runs turns: a message comes in, is understood, answered and remembered.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"parley/action"
	"parley/dialogue"
	"parley/metrics"
	"parley/model"
	"parley/policy"
	"parley/trackerstore"
)

// Errors of the agent.
var (
	ErrNoModel        = errors.New("no model is loaded")
	ErrNoConversation = errors.New("no such conversation")
	ErrUnknownIntent  = errors.New("the intent is not in the domain")
	ErrUnknownAction  = errors.New("the action is not in the domain")
)

// Conversations is what the agent needs of a tracker store.
type Conversations interface {
	Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*trackerstore.Turn, context.Context, error)
	Read(ctx context.Context, senderID string, d *dialogue.Domain, scope trackerstore.Scope) (*dialogue.Tracker, bool, error)
}

// Config is what an agent is made of.
type Config struct {
	Conversations  Conversations
	Actions        action.Config // completed per model
	Metrics        *metrics.Metrics
	Log            *slog.Logger
	Now            func() time.Time // nil: time.Now
	MaxPredictions int              // MAX_NUMBER_OF_PREDICTIONS; 0: 10
}

// Agent holds the current model and runs turns on it. It is safe for concurrent use.
type Agent struct{}

// New returns an agent without a model.
func New(cfg Config) (*Agent, error) { panic("stub") }

// Swap replaces the model; turns in flight finish with the one they began with. nil unloads.
func (a *Agent) Swap(m *model.Model) error { panic("stub") }

// Model is the current model, nil if none is loaded.
func (a *Agent) Model() *model.Model { panic("stub") }

// Send takes a bot message on its way out. It is called after the events of the action that said it are in the tracker.
type Send func(dialogue.BotMessage) error

// Handle runs one whole turn for a message.
func (a *Agent) Handle(ctx context.Context, msg dialogue.UserMessage, send Send) error { panic("stub") }

// Parse understands a text with the current model, outside any conversation.
func (a *Agent) Parse(ctx context.Context, text string) (dialogue.Parse, error) { panic("stub") }

// Tracker returns a view of a conversation; an unknown one is shown as a fresh session and not stored.
// The view holds all sessions that are kept.
func (a *Agent) Tracker(ctx context.Context, senderID string) (*dialogue.Tracker, error) {
	panic("stub")
}

// Exists reports whether a conversation is stored.
func (a *Agent) Exists(ctx context.Context, senderID string) (bool, error) { panic("stub") }

// AppendEvents adds events to a conversation (POST tracker/events). Side effects (messages, reminders) happen only if asked.
func (a *Agent) AppendEvents(ctx context.Context, senderID string, events []dialogue.Event, sideEffects bool, channel string, send Send) (*dialogue.Tracker, error) {
	panic("stub")
}

// ReplaceEvents makes events the whole history of a conversation (PUT tracker/events).
func (a *Agent) ReplaceEvents(ctx context.Context, senderID string, events []dialogue.Event) (*dialogue.Tracker, error) {
	panic("stub")
}

// AddMessage records a message and what it sets, without acting (POST messages).
func (a *Agent) AddMessage(ctx context.Context, msg dialogue.UserMessage) (*dialogue.Tracker, error) {
	panic("stub")
}

// Execute runs one action and records it with a policy's name and confidence (POST execute).
func (a *Agent) Execute(ctx context.Context, senderID, name, policyName string, confidence float64, channel string, send Send) (*dialogue.Tracker, error) {
	panic("stub")
}

// Trigger records an external event of an intent and lets the bot act on it (POST trigger_intent). entities is a list of
// entity objects or a mapping of names to values.
func (a *Agent) Trigger(ctx context.Context, senderID, intent string, entities any, channel string, send Send) (*dialogue.Tracker, error) {
	panic("stub")
}

// Predict returns the next action of a stored conversation, with the tracker it is for (POST predict).
func (a *Agent) Predict(ctx context.Context, senderID string) (policy.Prediction, *dialogue.Tracker, error) {
	panic("stub")
}

// PredictEvents returns the next action after a list of events (POST model/predict).
func (a *Agent) PredictEvents(ctx context.Context, senderID string, events []dialogue.Event) (policy.Prediction, *dialogue.Tracker, error) {
	panic("stub")
}
