package embed

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"parley/embed/embedtest"
)

// wide writes a model whose whole numbers are kept, into a cache of the test's own.
func wide(t *testing.T) (dir string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the folder is set by XDG_CACHE_HOME on Linux")
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir = t.TempDir()
	if err := embedtest.WriteWide(dir, vocabulary, 1); err != nil {
		t.Fatal(err)
	}
	return dir
}

// vectorsOf opens a model and gives the vectors of some texts.
func vectorsOf(t *testing.T, dir string) []float32 {
	t.Helper()
	m, err := OpenTransformer(dir)
	if err != nil {
		t.Fatal(err)
	}
	return encoded(m)
}

func encoded(m *Transformer) []float32 {
	texts := []string{"hello, world!", "", "unaffable resume 7 你好"}
	vectors := make([]float32, len(texts)*m.Width())
	m.EncodeAll(vectors, texts, Mean)
	return vectors
}

func keptFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "parley", "weights", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// onlyKept is the only file that is kept.
func onlyKept(t *testing.T) (path string, info os.FileInfo) {
	t.Helper()
	files := keptFiles(t)
	if len(files) != 1 {
		t.Fatalf("kept %v, want one file", files)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return files[0], info
}

// uncached gives the vectors where nothing can be kept.
func uncached(t *testing.T, dir string) []float32 {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	defer t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("XDG_CACHE_HOME", "/dev/null")
	return vectorsOf(t, dir)
}

func TestKeptWeightsGiveTheSameBits(t *testing.T) {
	dir := wide(t)
	want := uncached(t, dir)
	if files := keptFiles(t); len(files) != 0 {
		t.Fatalf("kept %v where nothing can be kept", files)
	}
	if diff := cmp.Diff(want, vectorsOf(t, dir)); diff != "" {
		t.Errorf("when they are kept (-of the file +kept):\n%s", diff)
	}
	path, before := onlyKept(t)
	if diff := cmp.Diff(want, vectorsOf(t, dir)); diff != "" {
		t.Errorf("the second time (-of the file +kept):\n%s", diff)
	}
	if _, after := onlyKept(t); !os.SameFile(before, after) {
		t.Error("the second time wrote the file anew")
	}

	// What is kept is what is used: a valid file with other numbers shows.
	if err := embedtest.WriteWide(dir, vocabulary, 2); err != nil {
		t.Fatal(err)
	}
	other := vectorsOf(t, dir)
	if cmp.Equal(want, other) {
		t.Fatal("other weights give the same vectors")
	}
	files := keptFiles(t)
	if len(files) != 2 {
		t.Fatalf("kept %v, want two files", files)
	}
	for _, file := range files {
		if file != path {
			if err := os.Rename(path, file); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := vectorsOf(t, dir); cmp.Equal(other, got) {
		t.Error("the kept numbers are not used")
	}
}

func TestKeptWeightsAreNotThoseOfAnotherFile(t *testing.T) {
	dir := wide(t)
	vectorsOf(t, dir)
	if err := embedtest.WriteWide(dir, vocabulary, 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(uncached(t, dir), vectorsOf(t, dir)); diff != "" {
		t.Errorf("after a change of the weights (-of the file +opened):\n%s", diff)
	}

	// A number that the sum does not look at: the file was written anew, and that is enough.
	spoilNumber("encoder.layer.1.output.dense.weight", 0x7fc00000)(t, dir)
	if err := os.Chtimes(filepath.Join(dir, "model.safetensors"), time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenTransformer(dir); !errors.Is(err, ErrWeights) {
		t.Errorf("a number that is none: %v", err)
	}
}

func TestDamagedKeptWeightsAreMadeAnew(t *testing.T) {
	dir := wide(t)
	want := uncached(t, dir)
	first, err := OpenTransformer(dir)
	if err != nil {
		t.Fatal(err)
	}
	path, _ := onlyKept(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	turned := append([]byte(nil), whole...)
	turned[len(turned)/2] ^= 1
	for name, data := range map[string][]byte{"a bit is turned": turned, "half": whole[:len(whole)/2], "empty": nil, "something else": []byte("hello")} {
		if err := errors.Join(os.Remove(path), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, vectorsOf(t, dir)); diff != "" {
			t.Errorf("%s (-of the file +opened):\n%s", name, diff)
		}
		if again, err := os.ReadFile(path); err != nil || !cmp.Equal(whole, again) {
			t.Errorf("%s: the file was not made anew (%v)", name, err)
		}
	}
	if diff := cmp.Diff(want, encoded(first)); diff != "" {
		t.Errorf("who had mapped the first file (-of the file +mapped):\n%s", diff)
	}
}

func TestWeightsThatCannotBeKept(t *testing.T) {
	dir := wide(t)
	want := uncached(t, dir)
	cache := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "parley", "weights")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cache, 0o777); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, vectorsOf(t, dir)); diff != "" {
		t.Errorf("where others may write (-of the file +opened):\n%s", diff)
	}
	if files := keptFiles(t); len(files) != 0 {
		t.Errorf("kept %v where others may write", files)
	}
	if os.Geteuid() == 0 {
		return // may write everywhere
	}
	if err := os.Chmod(cache, 0o500); err != nil { //nolint:gosec // a folder
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, vectorsOf(t, dir)); diff != "" {
		t.Errorf("where nobody may write (-of the file +opened):\n%s", diff)
	}
}

func TestManyOpenAtOnce(t *testing.T) {
	dir := wide(t)
	want := uncached(t, dir)
	got := make([][]float32, 8)
	var g errgroup.Group
	for i := range got {
		g.Go(func() error {
			m, err := OpenTransformer(dir)
			if err == nil {
				got[i] = encoded(m)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if diff := cmp.Diff(want, got[i]); diff != "" {
			t.Errorf("opened by %d (-of the file +opened):\n%s", i, diff)
		}
	}
	onlyKept(t) // nothing half-written is left behind
}
