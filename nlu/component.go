package nlu

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"parley/learn"
)

// component is one step of a pipeline.
type component interface {
	// process adds what the component finds to a message.
	process(ctx context.Context, m *message) error
}

// trainable is a component that learns from the training data.
type trainable interface {
	train(ctx context.Context, t *training) error
}

// stored is a component with something to keep.
type stored interface {
	save(w *learn.FileWriter) error
	load(f *learn.File) error
}

// bound is a component that uses what components before it offer.
type bound interface {
	bind(before []component)
}

// speaker is a component that depends on the project's language.
type speaker interface {
	setLanguage(language string)
}

// kind is what a component is to those after it.
type kind int

const (
	kindOther kind = iota
	kindTokenizer
	kindFeaturizer
	kindClassifier
)

// entry describes a component that Parley has.
type entry struct {
	build func(o *options) component
	kind  kind
	needs []kind
	// languages that the component refuses, or the only ones it takes.
	refuses, only []string
}

// table is every component by name.
func table() map[string]entry {
	return map[string]entry{
		"WhitespaceTokenizer":        {build: newWhitespaceTokenizer, kind: kindTokenizer, refuses: []string{"zh", "ja", "th"}},
		"JiebaTokenizer":             {build: newJiebaTokenizer, kind: kindTokenizer, only: []string{"zh"}},
		"RegexFeaturizer":            {build: newRegexFeaturizer, kind: kindFeaturizer, needs: []kind{kindTokenizer}},
		"LexicalSyntacticFeaturizer": {build: newLexicalFeaturizer, kind: kindFeaturizer, needs: []kind{kindTokenizer}},
		"CountVectorsFeaturizer":     {build: newCountVectorsFeaturizer, kind: kindFeaturizer, needs: []kind{kindTokenizer}},
		"LanguageModelFeaturizer":    {build: newLanguageModelFeaturizer, kind: kindFeaturizer, needs: []kind{kindTokenizer}},
		"StaticEmbeddingFeaturizer":  {build: newStaticEmbeddingFeaturizer, kind: kindFeaturizer},
		"DIETClassifier":             {build: newDIETClassifier, kind: kindClassifier, needs: []kind{kindFeaturizer}},
		"LogisticRegressionClassifier": {
			build: newLogisticRegressionClassifier, kind: kindClassifier,
			needs: []kind{kindFeaturizer},
		},
		"SklearnIntentClassifier": {build: newSklearnIntentClassifier, kind: kindClassifier, needs: []kind{kindFeaturizer}},
		"KeywordIntentClassifier": {build: newKeywordIntentClassifier, kind: kindClassifier},
		"FallbackClassifier":      {build: newFallbackClassifier, needs: []kind{kindClassifier}},
		"RegexEntityExtractor":    {build: newRegexEntityExtractor},
		"DucklingEntityExtractor": {build: newDucklingEntityExtractor},
		"CRFEntityExtractor":      {build: newCRFEntityExtractor, needs: []kind{kindTokenizer}},
		"EntitySynonymMapper":     {build: newEntitySynonymMapper},
		"ResponseSelector":        {build: newResponseSelector, needs: []kind{kindFeaturizer}},
	}
}

// renamed maps names of Rasa 0.x to 2.x to those of 3.x.
func renamed() map[string]string {
	return map[string]string{ //nolint:gosec // names of components, not credentials
		"nlp_spacy": "SpacyNLP", "nlp_mitie": "MitieNLP",
		"tokenizer_whitespace": "WhitespaceTokenizer", "tokenizer_jieba": "JiebaTokenizer",
		"tokenizer_mitie": "MitieTokenizer", "tokenizer_spacy": "SpacyTokenizer",
		"intent_featurizer_spacy": "SpacyFeaturizer", "intent_featurizer_mitie": "MitieFeaturizer",
		"intent_featurizer_count_vectors": "CountVectorsFeaturizer", "intent_entity_featurizer_regex": "RegexFeaturizer",
		"ner_crf": "CRFEntityExtractor", "ner_spacy": "SpacyEntityExtractor", "ner_mitie": "MitieEntityExtractor",
		"ner_synonyms": "EntitySynonymMapper", "ner_duckling_http": "DucklingEntityExtractor", "DucklingHTTPExtractor": "DucklingEntityExtractor",
		"intent_classifier_sklearn": "SklearnIntentClassifier", "intent_classifier_mitie": "MitieIntentClassifier",
		"intent_classifier_keyword": "KeywordIntentClassifier", "intent_classifier_tensorflow_embedding": "DIETClassifier",
		"EmbeddingIntentClassifier": "DIETClassifier", "ConveRTTokenizer": "WhitespaceTokenizer", "LanguageModelTokenizer": "WhitespaceTokenizer",
	}
}

// policies are names that belong under policies.
func policies() []string {
	return []string{
		"RulePolicy", "MemoizationPolicy", "AugmentedMemoizationPolicy", "TEDPolicy", "UnexpecTEDIntentPolicy",
		"EmbeddingPolicy", "KerasPolicy", "FallbackPolicy", "TwoStageFallbackPolicy", "FormPolicy", "MappingPolicy", "SklearnPolicy",
	}
}

// className is the class of a component's name, which may be a dotted Python path.
func className(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// find looks a component up; the error says why there is none.
func find(cfg Config) (entry, error) {
	fail := func(format string, args ...any) error {
		return &ConfigError{Component: cfg.Name, File: cfg.File, Line: cfg.Line, Problem: fmt.Sprintf(format, args...)}
	}
	known := table()
	name := className(cfg.Name)
	if e, ok := known[name]; ok {
		return e, nil
	}
	if f, ok := foreigners()[name]; ok {
		return f.entry(name), nil
	}
	if now, ok := renamed()[name]; ok {
		return entry{}, fail("was renamed %s in Rasa 3", now)
	}
	if slices.Contains(policies(), name) {
		return entry{}, fail("is a policy: it belongs under policies, not in the pipeline")
	}
	if name != cfg.Name {
		return entry{}, fail("is a component in Python, which Parley cannot run")
	}
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	for n := range foreigners() {
		names = append(names, n)
	}
	return entry{}, fail("unknown component%s", didYouMean(name, sorted(names)))
}
