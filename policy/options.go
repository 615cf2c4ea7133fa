package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/dialogue"
)

// The class names of the policies.
const (
	ruleBased               = "RulePolicy"
	memoizationPolicy       = "MemoizationPolicy"
	augmentedMemoization    = "AugmentedMemoizationPolicy"
	unexpecTEDPolicy        = "UnexpecTEDIntentPolicy"
	tedPolicy               = "TEDPolicy"
	maxHistoryFeaturizer    = "MaxHistoryTrackerFeaturizer"
	intentHistoryFeaturizer = "IntentMaxHistoryTrackerFeaturizer"
	fullDialogueFeaturizer  = "FullDialogueTrackerFeaturizer"
)

// kind is a class of policies.
type kind struct {
	name     string
	priority int
	options  []option
	rules    bool // learns from rules
	stories  bool // learns from stories
	train    func(ctx context.Context, t *trainer, s *settings) (trained, error)
	decode   func(data []byte, v *vocabulary, s *settings) (trained, error)
}

// kinds are the policies that there are.
func kinds() []kind {
	return []kind{
		{
			name: ruleBased, priority: 4, rules: true, stories: true, options: join(commonOptions, ruleOptions),
			train: trainRules, decode: decodeRules,
		},
		{
			name: memoizationPolicy, priority: 3, stories: true, options: join(commonOptions, memoizationOptions),
			train: trainMemoization, decode: decodeMemoization,
		},
		{
			name: augmentedMemoization, priority: 3, stories: true, options: join(commonOptions, memoizationOptions),
			train: trainMemoization, decode: decodeMemoization,
		},
		{
			name: unexpecTEDPolicy, priority: 2, stories: true, options: join(commonOptions, networkOptions, unexpecTEDOptions),
			train: trainUnexpected, decode: decodeUnexpected,
		},
		{
			name: tedPolicy, priority: 1, stories: true, options: join(commonOptions, networkOptions),
			train: trainTED, decode: decodeTED,
		},
	}
}

// replacements are the policies of older versions and what took their place.
var replacements = map[string]string{
	"KerasPolicy": tedPolicy, "EmbeddingPolicy": tedPolicy, "SklearnPolicy": tedPolicy, "ScoringPolicy": tedPolicy,
	"FallbackPolicy": "RulePolicy with core_fallback_threshold", "FormPolicy": ruleBased, "MappingPolicy": "RulePolicy and rules",
	"TwoStageFallbackPolicy": "RulePolicy, FallbackClassifier and rules",
}

func join(lists ...[]option) []option { return slices.Concat(lists...) }

// form is the form of an option's value.
type form int

const (
	anyValue form = iota
	boolean
	wholeNumber
	number
	text
	textList
)

func (f form) String() string {
	return [...]string{"a value", "true or false", "a whole number", "a number", "a text", "a list of texts"}[f]
}

// option is a configuration key and the form of its value.
type option struct {
	name string
	form form
	null bool // null is allowed
}

var commonOptions = []option{
	{"priority", wholeNumber, false}, {"max_history", wholeNumber, true}, {"featurizer", anyValue, true},
}

var ruleOptions = []option{
	{"core_fallback_threshold", number, false},
	{"core_fallback_action_name", text, false},
	{"enable_fallback_prediction", boolean, false},
	{"restrict_rules", boolean, false},
	{"check_for_contradictions", boolean, false},
	{"use_nlu_confidence_as_score", boolean, false},
}

// enable_feature_string_compression chose how the reference stores memorised stories. It has no effect here.
var memoizationOptions = []option{
	{"use_nlu_confidence_as_score", boolean, false}, {"enable_feature_string_compression", boolean, false},
}

// networkOptions are the options of the reference's neural policies (core/policies/ted_policy.py get_default_config).
var networkOptions = []option{
	{"hidden_layers_sizes", anyValue, false},
	{"dense_dimension", anyValue, false},
	{"concat_dimension", anyValue, false},
	{"encoding_dimension", wholeNumber, false},
	{"embedding_dimension", wholeNumber, false},
	{"transformer_size", anyValue, false},
	{"number_of_transformer_layers", anyValue, false},
	{"number_of_attention_heads", wholeNumber, false},
	{"use_key_relative_attention", boolean, false},
	{"use_value_relative_attention", boolean, false},
	{"max_relative_position", wholeNumber, true},
	{"unidirectional_encoder", boolean, false},
	{"batch_size", anyValue, false},
	{"batch_strategy", text, false},
	{"epochs", wholeNumber, false},
	{"random_seed", wholeNumber, true},
	{"learning_rate", number, false},
	{"number_of_negative_examples", wholeNumber, false},
	{"similarity_type", text, false},
	{"loss_type", text, false},
	{"ranking_length", wholeNumber, false},
	{"maximum_positive_similarity", number, false},
	{"maximum_negative_similarity", number, false},
	{"use_maximum_negative_similarity", boolean, false},
	{"scale_loss", boolean, false},
	{"regularization_constant", number, false},
	{"negative_margin_scale", number, false},
	{"drop_rate", number, false},
	{"drop_rate_dialogue", number, false},
	{"drop_rate_label", number, false},
	{"drop_rate_attention", number, false},
	{"connection_density", number, false},
	{"use_sparse_input_dropout", boolean, false},
	{"use_dense_input_dropout", boolean, false},
	{"use_masked_language_model", boolean, false},
	{"evaluate_every_number_of_epochs", wholeNumber, false},
	{"evaluate_on_number_of_examples", wholeNumber, false},
	{"tensorboard_log_directory", text, true},
	{"tensorboard_log_level", text, false},
	{"checkpoint_model", boolean, false},
	{"e2e_confidence_threshold", number, false},
	{"featurizers", textList, false},
	{"entity_recognition", boolean, false},
	{"BILOU_flag", boolean, false},
	{"constrain_similarities", boolean, false},
	{"model_confidence", text, false},
	{"renormalize_confidences", boolean, false},
	{"split_entities_by_comma", anyValue, false},
	{"run_eagerly", boolean, false},
	{"drop_small_last_batch", boolean, false},
	{"use_gpu", boolean, false},
	{"use_text_as_label", boolean, false},
	{"share_hidden_layers", boolean, false},
	{"intent_classification", boolean, false},
	{"max_training_samples", wholeNumber, true},
}

var unexpecTEDOptions = []option{{"tolerance", number, false}, {"ignore_intents_list", textList, false}}

// settings are the options of one policy, read.
type settings struct {
	Name     string `json:"name"`
	Priority int    `json:"priority"`
	History  int    `json:"max_history,omitempty"` // 0: unlimited
	// NLUConfidence gives the intent's confidence as score.
	NLUConfidence     bool    `json:"use_nlu_confidence_as_score,omitempty"`
	FallbackThreshold float64 `json:"core_fallback_threshold,omitempty"`
	FallbackAction    string  `json:"core_fallback_action_name,omitempty"`
	Fallback          bool    `json:"enable_fallback_prediction,omitempty"`
	Learned           learned `json:"learned,omitzero"`

	restrict       bool
	contradictions bool
	config         Config
}

func (s *settings) fail(class error, format string, args ...any) error {
	return &Error{File: s.config.File, Line: s.config.Line, Class: class, Message: s.Name + ": " + fmt.Sprintf(format, args...)}
}

// Check reports the problems of the policies' configuration that can be found without data: unknown policies and options, and a
// domain that does not fit. No configuration means the default policies. The error joins several of type *Error.
func Check(configs []Config, d *dialogue.Domain) error {
	_, err := readAll(configs, d)
	return err
}

// readAll reads the options of all policies.
func readAll(configs []Config, d *dialogue.Domain) ([]*settings, error) {
	if len(configs) == 0 {
		configs = DefaultPolicies()
	}
	var all []*settings
	var errs []error
	hasRules := false
	for _, c := range configs {
		s, err := read(c)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, s)
		if s.Name != ruleBased {
			continue
		}
		hasRules = true
		if !d.HasAction(s.FallbackAction) {
			errs = append(errs, s.fail(ErrInvalidDomain, "core_fallback_action_name: the domain has no action %q%s", s.FallbackAction,
				suggest(s.FallbackAction, d.Actions)))
		}
	}
	if !hasRules && len(d.Forms) > 0 && len(errs) == 0 {
		errs = append(errs, &Error{
			File: configs[0].File, Line: configs[0].Line, Class: ErrInvalidDomain,
			Message: fmt.Sprintf("the domain has forms (%s), which need the RulePolicy: add it to policies", d.Forms[0].Name),
		})
	}
	return all, errors.Join(errs...)
}

// read reads the options of one policy. A dotted Python path stands for its last part.
func read(c Config) (*settings, error) {
	name := c.Name[strings.LastIndexByte(c.Name, '.')+1:]
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		hint := ""
		if r, ok := replacements[name]; ok {
			hint = ": use " + r
		} else {
			names := make([]string, len(all))
			for i := range all {
				names[i] = all[i].name
			}
			if hint = suggest(name, names); hint == "" {
				hint = ": there are " + strings.Join(names, ", ")
			}
		}
		return nil, &Error{File: c.File, Line: c.Line, Class: ErrInvalidConfig, Message: fmt.Sprintf("unknown policy %q%s", c.Name, hint)}
	}
	k := &all[i]
	s := &settings{
		Name: k.name, Priority: k.priority, config: c,
		FallbackThreshold: 0.3, FallbackAction: dialogue.ActionDefaultFallback, Fallback: true, restrict: true, contradictions: true,
		Learned: learned{Threshold: 0.5, Seed: 42, split: map[string]bool{"": true}},
	}
	if k.name == unexpecTEDPolicy {
		s.Learned.Ranking = 10
	}
	for _, key := range sortedKeys(c.Options) {
		if key == "name" {
			continue
		}
		j := slices.IndexFunc(k.options, func(o option) bool { return o.name == key })
		if j < 0 {
			names := make([]string, len(k.options))
			for i, o := range k.options {
				names[i] = o.name
			}
			return nil, s.fail(ErrInvalidConfig, "unknown option %q%s", key, suggest(key, names))
		}
		if err := s.set(k.options[j], c.Options[key]); err != nil {
			return nil, err
		}
	}
	if k.name == ruleBased {
		s.History = 0 // a rule is as long as it is written
	}
	return s, nil
}

// set takes over one option.
func (s *settings) set(o option, value any) error {
	if value == nil {
		if o.null {
			return nil
		}
		return s.fail(ErrInvalidConfig, "option %q must be %s, not null", o.name, o.form)
	}
	if !o.form.fits(value) {
		return s.fail(ErrInvalidConfig, "option %q must be %s, not %v", o.name, o.form, value)
	}
	switch o.name {
	case "priority":
		s.Priority = toInt(value)
	case "max_history":
		if s.History = toInt(value); s.History < 0 {
			return s.fail(ErrInvalidConfig, "option %q must not be negative", o.name)
		}
	case "featurizer":
		return s.setFeaturizer(value)
	case "core_fallback_threshold":
		if s.FallbackThreshold = toFloat(value); s.FallbackThreshold < 0 || s.FallbackThreshold > 1 {
			return s.fail(ErrInvalidConfig, "option %q must lie between 0 and 1", o.name)
		}
	case "core_fallback_action_name":
		s.FallbackAction, _ = value.(string)
	case "enable_fallback_prediction":
		s.Fallback = value == true
	case "restrict_rules":
		s.restrict = value == true
	case "check_for_contradictions":
		s.contradictions = value == true
	case "use_nlu_confidence_as_score":
		s.NLUConfidence = value == true
	}
	return s.setLearned(o.name, value)
}

// setFeaturizer reads the option featurizer, a list of one tracker featurizer. What it says about the history counts.
func (s *settings) setFeaturizer(value any) error {
	list, ok := value.([]any)
	if !ok || len(list) != 1 {
		return s.fail(ErrInvalidConfig, "option featurizer must be a list of one featurizer")
	}
	body, ok := list[0].(map[string]any)
	if !ok {
		return s.fail(ErrInvalidConfig, "option featurizer: the featurizer must be a mapping with a name")
	}
	name, _ := body["name"].(string)
	known := []string{maxHistoryFeaturizer, intentHistoryFeaturizer, fullDialogueFeaturizer}
	if !slices.Contains(known, name) {
		return s.fail(ErrInvalidConfig, "option featurizer: unknown featurizer %q%s", name, suggest(name, known))
	}
	if name != maxHistoryFeaturizer && (s.Name == memoizationPolicy || s.Name == augmentedMemoization || s.Name == ruleBased) {
		return s.fail(ErrInvalidConfig, "option featurizer: %s cannot use %s, only %s", s.Name, name, maxHistoryFeaturizer)
	}
	for _, key := range sortedKeys(body) {
		if !slices.Contains([]string{"name", "max_history", "state_featurizer", "remove_duplicates"}, key) {
			return s.fail(ErrInvalidConfig, "option featurizer: unknown option %q%s", key,
				suggest(key, []string{"max_history", "state_featurizer", "remove_duplicates"}))
		}
	}
	h, ok := body["max_history"]
	if !ok || h == nil {
		return nil
	}
	if !wholeNumber.fits(h) || toInt(h) < 0 {
		return s.fail(ErrInvalidConfig, "option featurizer: max_history must be a whole number that is not negative, not %v", h)
	}
	s.History = toInt(h)
	return nil
}
