package model

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/nlu"
)

// understanding is a model with a pipeline that is large enough to be kept.
func understanding(t *testing.T) *Model {
	t.Helper()
	data := &nlu.TrainingData{}
	r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // tests are to be repeatable
	for i := range 300 {
		text := [...]string{"coffee", "train to rome"}[i%2]
		for range 6 {
			text += " "
			for range 6 {
				text += string(rune('a' + r.IntN(26)))
			}
		}
		data.Examples = append(data.Examples, nlu.Example{Text: text, Intent: [...]string{"drink", "travel"}[i%2]})
	}
	configs := []nlu.Config{{Name: "WhitespaceTokenizer"}, {Name: "CountVectorsFeaturizer"}, {Name: "LogisticRegressionClassifier"}}
	p, err := nlu.Train(t.Context(), configs, data, nlu.TrainOptions{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	m := bare()
	m.NLU = p
	return m
}

func parse(t *testing.T, m *Model, text string) any {
	t.Helper()
	p, err := m.NLU.Parse(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func keptFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "parley", "models", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLargeModelsAreKeptAndMapped(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the folder is set by XDG_CACHE_HOME on Linux")
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	m := understanding(t)
	path := filepath.Join(t.TempDir(), "m.tar.gz")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	want := parse(t, m, "coffee and rome")
	load := func() *Model {
		t.Helper()
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parse(t, m, "coffee and rome")); diff != "" {
			t.Errorf("-trained +loaded:\n%s", diff)
		}
		return m
	}
	first := load()
	files := keptFiles(t)
	if len(files) != 1 {
		t.Fatalf("kept %v, want one file", files)
	}
	before, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	load()
	if after, err := os.Stat(files[0]); err != nil || !os.SameFile(before, after) {
		t.Errorf("the second load wrote the file anew (%v)", err)
	}

	// A damaged file is not believed, and written again; who uses the old one is not disturbed.
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	load()
	if diff := cmp.Diff(want, parse(t, first, "coffee and rome")); diff != "" {
		t.Errorf("the first model after that:\n%s", diff)
	}

	// An archive that was cut off is not taken for the whole one.
	if err := os.Truncate(path, before.Size()/2); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("half an archive: no error")
	}
}

func TestModelsAreReadWhereNothingCanBeKept(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the folder is set by XDG_CACHE_HOME on Linux")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := t.TempDir()
	if err := os.MkdirAll(filepath.Join(open, "parley", "models"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(open, "parley", "models"), 0o777); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	m := understanding(t)
	path := filepath.Join(t.TempDir(), "m.tar.gz")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"no folder can be made": file, "others may write": open} {
		t.Setenv("XDG_CACHE_HOME", dir)
		loaded, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parse(t, m, "tea"), parse(t, loaded, "tea")); diff != "" {
			t.Errorf("%s (-trained +loaded):\n%s", name, diff)
		}
		if files := keptFiles(t); len(files) != 0 {
			t.Errorf("%s: kept %v", name, files)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	path := os.Getenv("MODEL")
	if path == "" {
		b.Skip("MODEL names no model")
	}
	for _, kept := range []bool{false, true} {
		name := "from the archive"
		b.Setenv("XDG_CACHE_HOME", "/dev/null")
		if kept {
			name = "kept"
			b.Setenv("XDG_CACHE_HOME", b.TempDir())
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Load(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
