package nlu

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckNamesComponentPlaceAndSuggestion(t *testing.T) {
	t.Parallel()
	option := func(name string, options map[string]any) []Config {
		return []Config{{Name: "WhitespaceTokenizer"}, {Name: "CountVectorsFeaturizer"}, {Name: name, Options: options, File: "config.yml", Line: 9}}
	}
	for name, c := range map[string]struct {
		configs []Config
		want    []string
		order   bool
	}{
		"unknown component":  {configs("WhitespaceTokenizer", "RegexFeaturizr"), []string{"config.yml:3", "RegexFeaturizr", `"RegexFeaturizer"`}, false},
		"legacy name":        {configs("tokenizer_whitespace"), []string{"WhitespaceTokenizer"}, false},
		"policy":             {configs("WhitespaceTokenizer", "RulePolicy"), []string{"policies"}, false},
		"python component":   {configs("my.module.Cleaner"), []string{"my.module.Cleaner", "Python"}, false},
		"foreign runtime":    {configs("SpacyTokenizer"), []string{"SpacyTokenizer", "spaCy"}, false},
		"two tokenizers":     {configs("WhitespaceTokenizer", "WhitespaceTokenizer"), []string{"one tokenizer"}, false},
		"no tokenizer":       {configs("RegexFeaturizer"), []string{"RegexFeaturizer", "needs a tokenizer"}, true},
		"no featurizer":      {configs("WhitespaceTokenizer", "DIETClassifier"), []string{"DIETClassifier", "needs a featurizer"}, true},
		"no classifier":      {configs("FallbackClassifier"), []string{"needs an intent classifier"}, true},
		"unknown option":     {option("DIETClassifier", map[string]any{"epoch": 5}), []string{"config.yml:9", "DIETClassifier", "epoch", `"epochs"`}, false},
		"wrong type":         {option("DIETClassifier", map[string]any{"epochs": "many"}), []string{"epochs", "whole number", `"many"`}, false},
		"linear norm":        {option("DIETClassifier", map[string]any{"model_confidence": "linear_norm"}), []string{"model_confidence", "softmax"}, false},
		"n-grams":            {option("CountVectorsFeaturizer", map[string]any{"min_ngram": 3, "max_ngram": 2}), []string{"max_ngram"}, false},
		"bad token pattern":  {[]Config{{Name: "WhitespaceTokenizer", Options: map[string]any{"token_pattern": "("}}}, []string{"token_pattern"}, false},
		"alias taken":        {[]Config{{Name: "WhitespaceTokenizer"}, {Name: "CountVectorsFeaturizer", Options: map[string]any{"alias": "x"}}, {Name: "RegexFeaturizer", Options: map[string]any{"alias": "x"}}}, []string{`"x"`}, false},
		"window of features": {option("LexicalSyntacticFeaturizer", map[string]any{"features": []any{[]any{"lowe"}}}), []string{`"low"`}, false},
	} {
		err := Check(c.configs)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		var config *ConfigError
		if !errors.As(err, &config) || config.Order != c.order {
			t.Errorf("%s: %v is no ConfigError with Order %v", name, err, c.order)
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q lacks %q", name, err, w)
			}
		}
	}
}

func TestCheckAcceptsGoodPipelines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][]Config{
		"default":     DefaultPipeline(),
		"empty":       {},
		"dotted path": configs("rasa.nlu.tokenizers.whitespace_tokenizer.WhitespaceTokenizer", "RegexFeaturizer"),
	} {
		if err := Check(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckAcceptsTheExampleBots(t *testing.T) {
	t.Parallel()
	foreign := map[string]bool{"moodbot": true, "financial-demo": true, "reminderbot": true, "e2ebot": true}
	paths, err := filepath.Glob(filepath.Join(shared(t, "bots"), "*", "config.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		bot := filepath.Base(filepath.Dir(path))
		err := errors.Join(Check(readPipeline(t, path)), CheckLanguage(readPipeline(t, path), "en"))
		if foreign[bot] != (err != nil) {
			t.Errorf("%s: %v", bot, err)
		}
	}
}

func TestTrainRefusesALanguageThatATokenizerCannotDo(t *testing.T) {
	t.Parallel()
	_, err := Train(t.Context(), DefaultPipeline(), &TrainingData{}, TrainOptions{Language: "zh"})
	if err == nil || !strings.Contains(err.Error(), "WhitespaceTokenizer") || !strings.Contains(err.Error(), `"zh"`) {
		t.Errorf("got %v", err)
	}
}
