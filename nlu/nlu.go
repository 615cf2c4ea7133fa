// Package nlu understands messages: a pipeline of tokenizers, featurizers, classifiers and extractors with Rasa's names and
// options, trained on examples and applied to texts.
package nlu

import (
	"context"

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
}

// Pipeline is a trained pipeline. It is safe for concurrent use.
type Pipeline struct{}

// Check reports the problems of a pipeline that can be found without data: unknown components and options, wrong order.
func Check(configs []Config) error { panic("stub") }

// DefaultPipeline is what a pipeline of null means (spec nlu §1.1).
func DefaultPipeline() []Config { panic("stub") }

// Train trains a pipeline. The same data and options give the same pipeline, whatever the number of cores.
func Train(ctx context.Context, configs []Config, data *TrainingData, opts TrainOptions) (*Pipeline, error) {
	panic("stub")
}

// Parse understands one text. The result has Text, Intent, Entities and whatever else the components give; the shortcut
// "/intent" is not looked at (see Shortcut).
func (p *Pipeline) Parse(ctx context.Context, text string) (dialogue.Parse, error) { panic("stub") }

// Save hands the trained pipeline over as named sections.
func (p *Pipeline) Save(put func(name string, data []byte) error) error { panic("stub") }

// Load makes a pipeline from its sections.
func Load(get func(name string) ([]byte, error)) (*Pipeline, error) { panic("stub") }

// Shortcut reads a text of the form /intent@0.9{"entity": "value"} (Rasa: RegexMessageHandler). ok is false when the text is
// no shortcut or names an intent that the domain lacks: then what the pipeline found stays. Warnings say what was dropped.
func Shortcut(text string, d *dialogue.Domain) (p dialogue.Parse, ok bool, warnings []string) {
	panic("stub")
}
