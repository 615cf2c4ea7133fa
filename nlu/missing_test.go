package nlu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreignPipeline has a component of another runtime where it can stand.
func foreignPipeline(name, file string, options map[string]any) []Config {
	c := Config{Name: name, File: file, Line: 9, Options: options}
	words := []Config{{Name: "WhitespaceTokenizer"}, {Name: "CountVectorsFeaturizer"}}
	switch {
	case strings.HasSuffix(name, "Tokenizer"):
		return []Config{c, {Name: "CountVectorsFeaturizer"}, {Name: "DIETClassifier"}}
	case strings.HasSuffix(name, "IntentClassifier"):
		return append(words, c)
	}
	return append(words, c, Config{Name: "DIETClassifier"})
}

// TestForeignComponents has a case for each component of Rasa that needs spaCy, MITIE or TensorFlow: without a table of vectors it is
// refused, with one its featurizers are mapped to it, and with on_missing: warn the pipeline does without it.
func TestForeignComponents(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	if err := os.MkdirAll(filepath.Join(project, "vectors"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(weights(t, 1), filepath.Join(project, "vectors", "en")); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(project, "config.yml")
	for _, c := range []struct {
		name, runtime, instead string
		mapped                 string // what a table makes of it: vectors, nothing; "": it is refused all the same
	}{
		{"SpacyNLP", "spaCy", "leave it out", "nothing"},
		{"SpacyTokenizer", "spaCy", "WhitespaceTokenizer", ""},
		{"SpacyFeaturizer", "spaCy", "StaticEmbeddingFeaturizer", "vectors"},
		{"SpacyEntityExtractor", "spaCy", "DucklingEntityExtractor", ""},
		{"MitieNLP", "MITIE", "leave it out", "nothing"},
		{"MitieTokenizer", "MITIE", "WhitespaceTokenizer", ""},
		{"MitieFeaturizer", "MITIE", "StaticEmbeddingFeaturizer", "vectors"},
		{"MitieIntentClassifier", "MITIE", "DIETClassifier", ""},
		{"MitieEntityExtractor", "MITIE", "CRFEntityExtractor", ""},
		{"ConveRTFeaturizer", "TensorFlow", "StaticEmbeddingFeaturizer", "vectors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			train := func(file, language string, options map[string]any) (p *Pipeline, told string, err error) {
				p, err = Train(t.Context(), foreignPipeline(c.name, file, options), drinks(), TrainOptions{
					Language: language, Warn: func(w string) { told += w + "\n" },
				})
				return p, told, err
			}
			refused := func(err error) {
				t.Helper()
				var problem *ConfigError
				if !errors.As(err, &problem) || problem.Line != 9 {
					t.Fatalf("%v is no ConfigError of line 9", err)
				}
				for _, w := range []string{c.name, c.runtime, c.instead, "on_missing: warn"} {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%v does not say %q", err, w)
					}
				}
			}
			_, _, err := train("config.yml", "en", nil)
			refused(err)
			_, _, err = train(config, "de", nil) // a table of another language
			refused(err)

			p, told, err := train("config.yml", "en", map[string]any{"on_missing": "warn"})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(told, c.name) || !strings.Contains(told, c.runtime) {
				t.Errorf("warnings: %s", told)
			}
			if _, err := load(sections(t, p)); err != nil {
				t.Error(err)
			}

			p, told, err = train(config, "en", nil)
			if c.mapped == "" {
				refused(err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(told, c.name) || !strings.Contains(told, c.runtime) {
				t.Errorf("warnings: %s", told)
			}
			loaded, err := load(sections(t, p))
			if err != nil {
				t.Fatal(err)
			}
			if d, dense := loaded.components[2].(*denseFeaturizer); dense != (c.mapped == "vectors") || dense && d.vectors == nil {
				t.Errorf("mapped to %T", loaded.components[2])
			}
			if got := parse(t, loaded, "coffee for me"); got.Intent.Name != "order" {
				t.Errorf("intent %v", got.Intent)
			}
		})
	}
}

// TestNamesOfLanguageModels has a case for each model_name of Rasa's LanguageModelFeaturizer: only those like BERT run, from a folder.
func TestNamesOfLanguageModels(t *testing.T) {
	t.Parallel()
	dir := weights(t, 1)
	for name, weights := range map[string]string{
		"bert": "rasa/LaBSE", "gpt": "openai-gpt", "gpt2": "gpt2", "xlnet": "xlnet-base-cased", "distilbert": "distilbert-base-uncased",
		"roberta": "roberta-base", "camembert": "camembert-base",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			train := func(options map[string]any) error {
				_, err := Train(t.Context(), densePipeline("LanguageModelFeaturizer", options), drinks(), TrainOptions{})
				return err
			}
			says := func(err error, want string) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
			says(train(map[string]any{"model_name": name}), "nothing is downloaded")
			if name == "bert" {
				says(train(map[string]any{"model_weights": weights}), "there is no \""+weights+"\": put the weights there")
				if err := train(map[string]any{"model_name": name, "model_weights": dir}); err != nil {
					t.Error(err)
				}
				return
			}
			says(train(map[string]any{"model_name": name, "model_weights": dir}), "must be bert, not \""+name+"\"")
		})
	}
}

func TestTheBuiltInNameOfATable(t *testing.T) {
	t.Parallel()
	_, err := Train(t.Context(), densePipeline("StaticEmbeddingFeaturizer", map[string]any{"model": "default-en"}), drinks(), TrainOptions{Language: "en"})
	if err == nil || !strings.Contains(err.Error(), "vectors/en") {
		t.Errorf("%v does not say where the table is to be", err)
	}
}
