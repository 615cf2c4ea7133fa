package policy

import (
	"context"
	"errors"
	"strconv"

	"parley/dialogue"
)

// The classes of errors, as the reference names them.
var (
	// ErrInvalidConfig is a fault of config.yml (InvalidConfigException).
	ErrInvalidConfig = errors.New("invalid policy configuration")
	// ErrInvalidDomain is a domain that does not fit the policies (InvalidDomain).
	ErrInvalidDomain = errors.New("the domain does not fit the policies")
	// ErrInvalidRule is a rule that contradicts others or a story, or is incomplete (InvalidRule).
	ErrInvalidRule = errors.New("invalid rule")
	// ErrCorrupt is a saved section that cannot be read.
	ErrCorrupt = errors.New("corrupt policy section")
)

// Error is a fault of a file that concerns policies. It wraps one of the classes above.
type Error struct {
	File    string // "": unknown
	Line    int    // 0: unknown
	Message string
	Class   error
}

// Error prints file:line: message.
func (e *Error) Error() string { return place(e.File, e.Line, ": ") + e.Message }

// Unwrap is the class of the error.
func (e *Error) Unwrap() error { return e.Class }

// place prints file:line and sep, or nothing for an unknown file.
func place(file string, line int, sep string) string {
	switch {
	case file == "":
		return ""
	case line <= 0:
		return file + sep
	}
	return file + ":" + strconv.Itoa(line) + sep
}

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
	Progress     func(policy string, done float64) // share of the policy's training that is done, 0..1; nil: nobody asks
	Warn         func(message string)              // nil: nobody listens
}

// DefaultPolicies is what policies of null mean (Rasa 3.6.21 engine/recipes/config_files/default_config.yml).
func DefaultPolicies() []Config {
	return []Config{
		{Name: memoizationPolicy},
		{Name: ruleBased},
		{Name: unexpecTEDPolicy, Options: map[string]any{"max_history": 5, "epochs": 100}},
		{Name: tedPolicy, Options: map[string]any{"max_history": 5, "epochs": 100, "constrain_similarities": true}},
	}
}

// trained is a policy after training. Its methods do not change it.
type trained interface {
	// vote says what the policy would do now.
	vote(ctx context.Context, w *window) (vote, error)
	// simple reports whether votes are never more than scores of at most 1: no mandatory events, no claim to predict from the text
	// or without the user. Such a policy is not asked when one of a higher priority is certain.
	simple() bool
	// encode gives what decode needs to make the policy again, as a JSON value.
	encode(v *vocabulary) any
}

// score is the confidence in an action.
type score struct {
	action int
	value  float64
}

// vote is the prediction of one policy. Actions without a score have confidence 0.
type vote struct {
	few    [2]score  // used if all is nil
	n      int       // of few
	all    []float64 // by action id
	events []dialogue.Event
	// optional events count only if the policy wins.
	optional []dialogue.Event
	endToEnd bool
	noUser   bool
	hide     bool
	metadata map[string]any
	reason   string
	skipped  bool // the policy was not asked
}

// set gives an action a score.
func (v *vote) set(action int, value float64) {
	if v.all != nil {
		v.all[action] = value
		return
	}
	for i := range v.few[:v.n] {
		if v.few[i].action == action {
			v.few[i].value = value
			return
		}
	}
	v.few[v.n] = score{action, value}
	v.n++
}

// forbid takes the score of an action away.
func (v *vote) forbid(action int) {
	if v.all != nil {
		v.all[action] = 0
		return
	}
	for i := range v.few[:v.n] {
		if v.few[i].action == action {
			v.few[i].value = 0
		}
	}
}

// best is the action with the highest score, the first one of several; action 0 if there is none.
func (v *vote) best() score {
	best := score{}
	if v.all != nil {
		for action, value := range v.all {
			if value > best.value {
				best = score{action, value}
			}
		}
		return best
	}
	for _, s := range v.few[:v.n] {
		if s.value > best.value || s.value == best.value && s.value > 0 && s.action < best.action {
			best = s
		}
	}
	return best
}

// scores lists the confidences of all actions.
func (v *vote) scores(actions int) []float64 {
	if v.all != nil {
		return v.all
	}
	scores := make([]float64, actions)
	for _, s := range v.few[:v.n] {
		scores[s.action] = s.value
	}
	return scores
}
