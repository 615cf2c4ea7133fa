package nlu

import (
	"context"
	"fmt"
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
}

// foreigners are these components by name.
func foreigners() map[string]foreign {
	tokenizer := []string{"intent_tokenization_flag", "intent_split_symbol", "token_pattern", "prefix_separator_symbol"}
	const vectors = "use CountVectorsFeaturizer (words, and char_wb) or StaticEmbeddingFeaturizer instead"
	return map[string]foreign{
		"SpacyNLP":              {kindOther, "spaCy", "leave it out", []string{"model", "case_sensitive"}},
		"MitieNLP":              {kindOther, "MITIE", "leave it out", []string{"model"}},
		"SpacyTokenizer":        {kindTokenizer, "spaCy", "use WhitespaceTokenizer instead", tokenizer},
		"MitieTokenizer":        {kindTokenizer, "MITIE", "use WhitespaceTokenizer instead", tokenizer},
		"SpacyFeaturizer":       {kindFeaturizer, "spaCy", vectors, []string{"pooling", "alias"}},
		"MitieFeaturizer":       {kindFeaturizer, "MITIE", vectors, []string{"pooling", "alias"}},
		"ConveRTFeaturizer":     {kindFeaturizer, "TensorFlow", vectors, []string{"model_url", "alias"}},
		"MitieIntentClassifier": {kindClassifier, "MITIE", "use DIETClassifier instead", []string{"num_threads"}},
		"SpacyEntityExtractor":  {kindOther, "spaCy", "annotate examples for DIETClassifier, or use RegexEntityExtractor or DucklingEntityExtractor", []string{"dimensions"}},
		"MitieEntityExtractor":  {kindOther, "MITIE", "use CRFEntityExtractor instead", []string{"num_threads"}},
	}
}

// entry describes a component that is missing.
func (f foreign) entry(name string) entry {
	return entry{kind: f.kind, build: func(o *options) component {
		a := &absent{component: name, why: fmt.Sprintf("needs the %s runtime, which Parley does not contain; %s", f.runtime, f.instead), alias: o.text("alias", "")}
		if o.choice("on_missing", "error", "error", "warn") == "error" {
			o.fail("", "%s, or write on_missing: warn beneath it to go on without it", a.why)
		}
		if f.kind == kindTokenizer {
			a.tokenizer = &whitespaceTokenizer{tokenizerOptions: decodeTokenizerOptions(o)}
		}
		o.without(f.options...)
		return a
	}}
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
