package nlu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/embed"
	"parley/embed/embedtest"
)

// weights makes a folder with a small random model and a table made of it.
func weights(t testing.TB, seed uint64) string {
	t.Helper()
	dir := t.TempDir()
	if err := embedtest.Write(dir, []string{"tea", "coffee", "please", "bring", "me", "bye", "see", "you", "good", "night"}, seed); err != nil {
		t.Fatal(err)
	}
	m, err := embed.OpenTransformer(dir)
	if err != nil {
		t.Fatal(err)
	}
	table, err := embed.BuildTable(t.Context(), m, 8, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, embed.TableName), table, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func drinks() *TrainingData {
	var data TrainingData
	for intent, texts := range map[string][]string{
		"order":   {"tea please", "bring me coffee", "bring me tea", "coffee please", "a tea for me", "please bring coffee"},
		"goodbye": {"bye", "see you", "good night", "bye bye", "see you tonight", "good bye"},
	} {
		for _, text := range texts {
			data.Examples = append(data.Examples, Example{Text: text, Intent: intent})
		}
	}
	return &data
}

func densePipeline(name string, options map[string]any) []Config {
	return []Config{
		{Name: "WhitespaceTokenizer"},
		{Name: "CountVectorsFeaturizer"},
		{Name: name, Options: options, File: "config.yml", Line: 9},
		{Name: "DIETClassifier"},
	}
}

// saved keeps sections in memory.
type saved map[string][]byte

func (s saved) get(name string) ([]byte, error) {
	data, ok := s[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return data, nil
}

func store(t testing.TB, p *Pipeline) saved {
	t.Helper()
	s := saved{}
	if err := p.Save(func(name string, data []byte) error { s[name] = data; return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDenseFeatures(t *testing.T) {
	t.Parallel()
	dir := weights(t, 1)
	for name, options := range map[string]map[string]any{
		"LanguageModelFeaturizer":   {"model_name": "bert", "model_weights": dir, "pooling": "mean"},
		"StaticEmbeddingFeaturizer": {"model": dir, "weight": 1.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			configs := densePipeline(name, options)
			p, err := Train(t.Context(), configs, drinks(), TrainOptions{Language: "en"})
			if err != nil {
				t.Fatal(err)
			}
			first := store(t, p)
			again, err := Train(t.Context(), configs, drinks(), TrainOptions{Language: "en"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, store(t, again)); diff != "" {
				t.Errorf("trained again (-first +second):\n%s", diff)
			}
			loaded, err := Load(first.get)
			if err != nil {
				t.Fatal(err)
			}
			for text, want := range map[string]string{"coffee for me": "order", "see you good night": "goodbye", "": "", "日本語 \xff": "", strings.Repeat("tea ", 2500): "order"} {
				a, err := p.Parse(t.Context(), text)
				if err != nil {
					t.Fatal(err)
				}
				b, err := loaded.Parse(t.Context(), text)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(a, b); diff != "" {
					t.Errorf("%.20q (-trained +loaded):\n%s", text, diff)
				}
				if want != "" && a.Intent.Name != want {
					t.Errorf("%.20q: %s, want %s", text, a.Intent.Name, want)
				}
			}
		})
	}
}

func TestDenseFeaturesSayWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, component string
		options         map[string]any
		says            string
	}{
		{"no path", "LanguageModelFeaturizer", nil, "config.yml:9: LanguageModelFeaturizer: model_weights: must be the path of a local folder"},
		{"a name of the hub", "LanguageModelFeaturizer", map[string]any{"model_weights": "rasa/LaBSE"}, `model_weights: there is no "rasa/LaBSE"`},
		{"another architecture", "LanguageModelFeaturizer", map[string]any{"model_name": "gpt2", "model_weights": "x"}, `must be bert, not "gpt2"`},
		{"an empty folder", "LanguageModelFeaturizer", map[string]any{"model_weights": t.TempDir()}, "needs config.json"},
		{"no table", "StaticEmbeddingFeaturizer", map[string]any{"model": t.TempDir()}, "static.vec"},
		{"a weight of nothing", "StaticEmbeddingFeaturizer", map[string]any{"model": "x", "weight": 0}, "must be auto or a positive number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Train(t.Context(), densePipeline(c.component, c.options), drinks(), TrainOptions{})
			var problem *ConfigError
			if !errors.As(err, &problem) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestDenseFeaturesMayBeMissing(t *testing.T) {
	t.Parallel()
	var warnings []string
	opts := TrainOptions{Warn: func(m string) { warnings = append(warnings, m) }}
	p, err := Train(t.Context(), densePipeline("LanguageModelFeaturizer", map[string]any{"model_weights": "none", "on_missing": "warn"}), drinks(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) == 0 || !strings.Contains(warnings[0], "goes on without it") {
		t.Errorf("warnings %q", warnings)
	}
	loaded, err := Load(store(t, p).get)
	if err != nil {
		t.Fatal(err)
	}
	if parse, err := loaded.Parse(t.Context(), "bring me tea"); err != nil || parse.Intent.Name != "order" {
		t.Errorf("got %+v, %v", parse.Intent, err)
	}
}

func TestOtherWeightsThanThoseOfTheTraining(t *testing.T) {
	t.Parallel()
	dir := weights(t, 1)
	p, err := Train(t.Context(), densePipeline("LanguageModelFeaturizer", map[string]any{"model_weights": dir}), drinks(), TrainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := store(t, p)
	if err := os.Rename(filepath.Join(weights(t, 2), "model.safetensors"), filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(s.get); err == nil || !strings.Contains(err.Error(), "not those that the model was trained with") {
		t.Errorf("other weights: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(s.get); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("no weights: %v", err)
	}
}
