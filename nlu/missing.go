package nlu

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// absent stands for a component whose runtime Parley does not contain, when its option on_missing is warn: the pipeline
// goes on without it, and a tokenizer among them cuts at white space.
type absent struct {
	component, why string
	alias          string
	tokenizer      *whitespaceTokenizer
}

// foreign is a component of Rasa that needs a runtime Parley does not contain.
type foreign struct {
	kind    kind
	runtime string
	instead string
	options []string
	// table says that a table of vectors for the project's language stands in: for featurizers, and for what only loads a model for them.
	table bool
}

// foreigners are these components by name.
func foreigners() map[string]foreign {
	tokenizer := []string{"intent_tokenization_flag", "intent_split_symbol", "token_pattern", "prefix_separator_symbol"}
	const vectors = "use CountVectorsFeaturizer (words, and char_wb) or StaticEmbeddingFeaturizer instead"
	return map[string]foreign{
		"SpacyNLP":              {kindOther, "spaCy", "leave it out", []string{"model", "case_sensitive"}, true},
		"MitieNLP":              {kindOther, "MITIE", "leave it out", []string{"model"}, true},
		"SpacyTokenizer":        {kindTokenizer, "spaCy", "use WhitespaceTokenizer instead", tokenizer, false},
		"MitieTokenizer":        {kindTokenizer, "MITIE", "use WhitespaceTokenizer instead", tokenizer, false},
		"SpacyFeaturizer":       {kindFeaturizer, "spaCy", vectors, nil, true},
		"MitieFeaturizer":       {kindFeaturizer, "MITIE", vectors, nil, true},
		"ConveRTFeaturizer":     {kindFeaturizer, "TensorFlow", vectors, []string{"model_url"}, true},
		"MitieIntentClassifier": {kindClassifier, "MITIE", "use DIETClassifier instead", []string{"num_threads"}, false},
		"SpacyEntityExtractor":  {kindOther, "spaCy", "annotate examples for DIETClassifier, or use RegexEntityExtractor or DucklingEntityExtractor", []string{"dimensions"}, false},
		"MitieEntityExtractor":  {kindOther, "MITIE", "use CRFEntityExtractor instead", []string{"num_threads"}, false},
	}
}

// why says what is missing.
func (f foreign) why() string {
	return fmt.Sprintf("needs the %s runtime, which Parley does not contain; %s", f.runtime, f.instead)
}

// entry describes a component that is missing.
func (f foreign) entry(name string) entry {
	return entry{kind: f.kind, build: func(o *options) component {
		onMissing := o.choice("on_missing", "error", "error", "warn")
		if onMissing == "error" && !f.table { // the others are looked at when the language is known
			o.fail("", "%s%s", f.why(), leaveOut)
		}
		o.without(f.options...)
		if f.table && f.kind == kindFeaturizer {
			d := newTable(o)
			d.foreign = &f
			return d
		}
		a := &absent{component: name, why: f.why(), alias: o.text("alias", "")}
		if f.kind == kindTokenizer {
			a.tokenizer = &whitespaceTokenizer{tokenizerOptions: decodeTokenizerOptions(o)}
		}
		return a
	}}
}

const leaveOut = ", or write on_missing: warn beneath it to go on without it"

// missing is the problem of a component that a table of vectors could stand in for; "" if there is one, or none is needed.
func (f foreign) missing(cfg Config, language string) string {
	if !f.table || cfg.Options["on_missing"] == "warn" || slices.ContainsFunc(beside(tableFolder(language), cfg), exists) {
		return ""
	}
	return fmt.Sprintf("%s, or put a table of vectors into %s (parley vectors build)%s", f.why(), filepath.ToSlash(tableFolder(language)), leaveOut)
}

// tableFolder is where a project has the table of vectors of a language.
func tableFolder(language string) string {
	return filepath.Join("vectors", filepath.Base("/"+language))
}

func (a *absent) name() string { return a.alias }

func (a *absent) train(_ context.Context, t *training) error { //nolint:unparam // as the interface wants it
	t.warn("%s %s", a.component, a.why)
	return nil
}

func (a *absent) process(ctx context.Context, m *message) error {
	if a.tokenizer != nil {
		return a.tokenizer.process(ctx, m)
	}
	return nil
}
