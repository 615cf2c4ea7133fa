// Package policy decides what a bot does next: policies learn from stories and rules, an ensemble chooses among them.
package policy

import (
	"context"

	"parley/dialogue"
)

// Config is one entry of the policies in config.yml.
type Config struct {
	Name    string
	Options map[string]any
	File    string // where it stands, for errors
	Line    int
}

// Prediction is what the ensemble decided.
type Prediction struct {
	Action         string // name, or text of an end-to-end action
	EndToEnd       bool   // Action is a bot text
	Policy         string // class name; "" is null
	Confidence     float64
	Events         []dialogue.Event // to be recorded before the action's own event
	EndToEndInput  bool             // is_end_to_end_prediction
	NoUser         bool             // is_no_user_prediction
	HideRuleTurn   bool
	ActionMetadata map[string]any
	// Scores are the winner's confidences by action id, for /predict.
	Scores []float64
	// Reason says in a few words which rule, memorised history or features decided.
	Reason string
}

// TrainOptions are the knobs of one training.
type TrainOptions struct {
	Augmentation int // --augmentation, default 50
	Seed         uint64
	Progress     func(policy string, done float64)
	Warn         func(message string)
}

// Ensemble is a set of trained policies. It is safe for concurrent use.
type Ensemble struct{}

// Check reports the problems of the policies' configuration that can be found without data.
func Check(configs []Config, d *dialogue.Domain) error { panic("stub") }

// DefaultPolicies is what policies of null mean.
func DefaultPolicies() []Config { panic("stub") }

// Train trains the policies on story steps and rule steps in file order.
func Train(ctx context.Context, configs []Config, d *dialogue.Domain, steps []dialogue.StoryStep, opts TrainOptions) (*Ensemble, error) {
	panic("stub")
}

// Predict chooses the next action of a conversation. The followup action is the caller's business.
func (e *Ensemble) Predict(ctx context.Context, t *dialogue.Tracker) (Prediction, error) {
	panic("stub")
}

// Save hands the trained policies over as named sections.
func (e *Ensemble) Save(put func(name string, data []byte) error) error { panic("stub") }

// Load makes an ensemble from its sections, for the domain it was trained with.
func Load(get func(name string) ([]byte, error), d *dialogue.Domain) (*Ensemble, error) {
	panic("stub")
}
