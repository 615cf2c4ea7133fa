package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"parley/action"
	"parley/dialogue"
	"parley/metrics"
	"parley/model"
	"parley/policy"
	"parley/tracing"
	"parley/trackerstore"
)

// Errors of the agent.
var (
	// ErrNoModel means that no model is loaded, or one without the half that is needed.
	ErrNoModel = errors.New("no model is loaded")
	// ErrNoConversation means that a conversation must exist and does not.
	ErrNoConversation = errors.New("no such conversation")
	// ErrUnknownIntent means that an intent is not in the domain.
	ErrUnknownIntent = errors.New("the intent is not in the domain")
	// ErrBadEntities means that the entities of an external event are not what they have to be.
	ErrBadEntities = errors.New("the entities are not valid")
	// ErrUnknownLoop means that a conversation is in a loop that the domain does not have.
	ErrUnknownLoop = policy.ErrUnknownLoop
	// ErrUnknownAction means that an action is not in the domain.
	ErrUnknownAction = errors.New("the action is not in the domain")
)

// defaultMaxPredictions is how many actions may follow a message when MAX_NUMBER_OF_PREDICTIONS does not say.
const defaultMaxPredictions = 10

// Conversations is what the agent needs of a tracker store.
type Conversations interface {
	// Begin waits until the conversation is free, in order of arrival, and returns its turn.
	// The context it returns ends when the lease is lost.
	Begin(ctx context.Context, senderID string, d *dialogue.Domain) (*trackerstore.Turn, context.Context, error)
	// Read returns a view without waiting; ok is false for a conversation that is not stored.
	Read(ctx context.Context, senderID string, d *dialogue.Domain, scope trackerstore.Scope) (*dialogue.Tracker, bool, error)
}

// Config is what an agent is made of.
type Config struct {
	Conversations  Conversations
	Actions        action.Config    // completed per model
	Metrics        *metrics.Metrics // nil: nothing is measured
	Tracer         *tracing.Tracer  // nil: nothing is traced
	Log            *slog.Logger     // nil: nothing is logged
	TurnLog        TurnLog          // zero: turns have no lines of their own
	Now            func() time.Time // nil: time.Now
	MaxPredictions int              // MAX_NUMBER_OF_PREDICTIONS; 0: 10
	// Output finds the way out for messages that no request waits for (reminders), by the name of the channel.
	// nil: such messages reach nobody.
	Output func(channel, senderID string) (Send, bool)
}

// Send takes a bot message on its way out.
type Send func(dialogue.BotMessage) error

// Agent holds the current model and runs turns on it. It is safe for concurrent use.
type Agent struct {
	cfg       Config
	current   atomic.Pointer[loaded]
	reminders reminders
	epoch     time.Time // what since counts from
	ticks     bool      // the clock is the process's own
}

// loaded is a model with the actions of its domain. A turn finishes with the one it began with.
type loaded struct {
	model    *model.Model
	actions  *action.Actions
	measured measured
}

// New returns an agent without a model.
func New(cfg Config) (*Agent, error) {
	if cfg.Conversations == nil {
		return nil, errors.New("agent: Config.Conversations is missing")
	}
	if cfg.MaxPredictions < 0 {
		return nil, errors.New("agent: Config.MaxPredictions must not be negative")
	}
	cfg.MaxPredictions = cmp.Or(cfg.MaxPredictions, defaultMaxPredictions)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ticks := cfg.Now == nil
	if ticks {
		cfg.Now = time.Now
	}
	if cfg.Actions.InFlight == nil {
		cfg.Actions.InFlight = cfg.Metrics.ActionServerCalls
	}
	if cfg.Tracer != nil {
		cfg.Actions.Pass = cfg.Tracer.Pass
	}
	a := &Agent{cfg: cfg, epoch: cfg.Now(), ticks: ticks}
	a.reminders.init()
	return a, nil
}

// Swap replaces the model; turns in flight finish with the one they began with. nil unloads.
func (a *Agent) Swap(m *model.Model) error {
	var next *loaded
	if m != nil {
		cfg := a.cfg.Actions
		cfg.Stamp = dialogue.Stamp(m.ID, m.AssistantID)
		actions, err := action.New(m.Domain, cfg)
		if err != nil {
			return fmt.Errorf("prepare the actions of model %s: %w", m.ID, err)
		}
		if m.NLU != nil {
			m.NLU.LogTo(a.cfg.Log)
			if a.cfg.Tracer != nil {
				m.NLU.PassBy(a.cfg.Tracer.Pass)
			}
		}
		next = &loaded{model: m, actions: actions, measured: a.measureModel(m)}
	}
	if last := a.current.Swap(next); last != nil {
		last.actions.Close() // its turns in flight go on, only idle connections end
	}
	return nil
}

// Model is the current model, nil if none is loaded.
func (a *Agent) Model() *model.Model {
	if cur := a.current.Load(); cur != nil {
		return cur.model
	}
	return nil
}

// now is the time in seconds since the epoch, as events carry it.
func (a *Agent) now() float64 { return seconds(a.cfg.Now()) }

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
