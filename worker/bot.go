package worker

import (
	"context"

	"parley/agent"
	"parley/dialogue"
	"parley/model"
	"parley/trackerstore"
)

// Talker runs whole turns.
type Talker interface {
	Handle(ctx context.Context, msg dialogue.UserMessage, send agent.Send) error
	Chat(ctx context.Context, msg dialogue.UserMessage, send agent.Send) (*dialogue.Tracker, error)
}

// Reader looks at conversations.
type Reader interface {
	Explain(ctx context.Context, senderID string, turns int) ([]agent.Decision, error)
	Tracker(ctx context.Context, senderID string) (*dialogue.Tracker, error)
	Stored(ctx context.Context, senderID string, scope trackerstore.Scope) (*dialogue.Tracker, error)
	Exists(ctx context.Context, senderID string) (bool, error)
}

// Keeper changes what is remembered of conversations.
type Keeper interface {
	AppendEvents(ctx context.Context, senderID string, events []dialogue.Event, sideEffects bool, channel string, send agent.Send) (*dialogue.Tracker, error)
	ReplaceEvents(ctx context.Context, senderID string, events []dialogue.Event) (*dialogue.Tracker, error)
	AddMessage(ctx context.Context, msg dialogue.UserMessage) (*dialogue.Tracker, error)
}

// Driver moves a conversation by hand.
type Driver interface {
	Execute(ctx context.Context, senderID, name, policyName string, confidence float64, channel string, send agent.Send) (*dialogue.Tracker, error)
	Trigger(ctx context.Context, senderID, intent string, entities any, channel string, send agent.Send) (*dialogue.Tracker, error)
	Predict(ctx context.Context, senderID string) (agent.Prediction, *dialogue.Tracker, error)
	PredictEvents(ctx context.Context, senderID string, events []dialogue.Event) (agent.Prediction, *dialogue.Tracker, error)
}

// Brain is the current model.
type Brain interface {
	Model() *model.Model
	Swap(m *model.Model) error
	Parse(ctx context.Context, text string) (dialogue.Parse, error)
}

// Bot is what the server needs of an agent.
type Bot interface {
	Talker
	Reader
	Keeper
	Driver
	Brain
}

// Conversations lists and deletes conversations; a store does both.
type Conversations interface {
	Delete(ctx context.Context, senderID string) error
	List(ctx context.Context, cursor string, limit int) (ids []string, next string, err error)
}

var (
	_ Bot           = (*agent.Agent)(nil)
	_ Conversations = trackerstore.Store(nil)
)
