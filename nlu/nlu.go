package nlu

import (
	"parley/dialogue"
)

// Config is one entry of the pipeline in config.yml.
type Config struct {
	Name    string
	Options map[string]any
	File    string // where it stands, for errors
	Line    int
}

// Example is one training example. Entity offsets count code points in Text.
type Example struct {
	Text        string
	Intent      string // without the response key
	ResponseKey string // the full retrieval intent "faq/ask_hours", "" if none
	Entities    []dialogue.Entity
	Metadata    map[string]any
	File        string
	Line        int
}

// Regex is a named pattern.
type Regex struct {
	Name, Pattern, File string
	Line                int
}

// Lookup is a named list of words, or the path of a file with one a line (already read into Elements).
type Lookup struct {
	Name     string
	Elements []string
	File     string
	Line     int
}

// TrainingData is what a pipeline is trained on.
type TrainingData struct {
	Examples  []Example
	Synonyms  map[string]string // variant → value
	Regexes   []Regex
	Lookups   []Lookup
	Responses map[string][]dialogue.Response // retrieval responses, by utter_<intent>/<key>
}

// TrainOptions are the knobs of one training.
type TrainOptions struct {
	Language string
	Finetune float64
	// Progress, when set, is told what runs and how far it is (0..1).
	Progress func(component string, done float64)
	// Warn, when set, is told of what a user should know.
	Warn func(message string)
	// Review, when set, is told how the intent classifier fared on examples that it was not trained on.
	Review func(r *Review)
}

// DefaultPipeline is what a pipeline of null means in config.yml: Rasa 3.6.21 engine/recipes/config_files/default_config.yml.
func DefaultPipeline() []Config {
	return []Config{
		{Name: "WhitespaceTokenizer"},
		{Name: "RegexFeaturizer"},
		{Name: "LexicalSyntacticFeaturizer"},
		{Name: "CountVectorsFeaturizer"},
		{Name: "CountVectorsFeaturizer", Options: map[string]any{"analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4}},
		{Name: "DIETClassifier", Options: map[string]any{"epochs": 100, "constrain_similarities": true}},
		{Name: "EntitySynonymMapper"},
		{Name: "ResponseSelector", Options: map[string]any{"epochs": 100, "constrain_similarities": true}},
		{Name: "FallbackClassifier", Options: map[string]any{"threshold": 0.3, "ambiguity_threshold": 0.1}},
	}
}
