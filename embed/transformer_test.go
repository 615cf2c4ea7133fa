package embed

import (
	"math"
	"os"
	"testing"
)

// miniLMFolder is the folder of all-MiniLM-L6-v2 (make vectors). Tests that need it are skipped without.
func miniLMFolder(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MINILM")
	if dir == "" {
		dir = "../vectors/all-MiniLM-L6-v2"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("there is no ", dir, ": make vectors fetches it")
	}
	return dir
}

func miniLM(t testing.TB) *Transformer {
	t.Helper()
	m, err := OpenTransformer(miniLMFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// The similarities were computed by another program from the same weights, in float32; ours are whole numbers.
func TestTransformerGivesTheVectorsOfTheModel(t *testing.T) {
	t.Parallel()
	m := miniLM(t)
	texts := []string{"That is a happy person", "That is a happy dog", "The weather is sunny today"}
	vectors := make([][]float32, len(texts))
	all := make([]float32, len(texts)*m.Width())
	m.EncodeAll(all, texts, Mean)
	for i, text := range texts {
		vectors[i] = make([]float32, m.Width())
		m.Encode(vectors[i], text, Mean)
		for j, v := range vectors[i] {
			if all[i*m.Width()+j] != v {
				t.Fatalf("%q: number %d is %g alone and %g among others", text, j, v, all[i*m.Width()+j])
			}
		}
	}
	for _, c := range []struct {
		a, b int
		want float64
	}{{0, 1, 0.6946}, {0, 2, 0.1699}, {1, 2, 0.1574}} {
		if got := cosine(vectors[c.a], vectors[c.b]); math.Abs(got-c.want) > 0.008 {
			t.Errorf("%q and %q: %.4f, want %.4f", texts[c.a], texts[c.b], got, c.want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m := miniLM(b)
	dst := make([]float32, m.Width())
	for b.Loop() {
		m.Encode(dst, "how do I reset the pin of my new card please", Mean)
	}
}

func BenchmarkEncodeAll(b *testing.B) {
	m := miniLM(b)
	texts := make([]string, 5)
	for i := range texts {
		texts[i] = "how do I reset the pin of my new card please"
	}
	dst := make([]float32, len(texts)*m.Width())
	for b.Loop() {
		m.EncodeAll(dst, texts, Mean)
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := miniLMFolder(b)
	for b.Loop() {
		if _, err := OpenTransformer(dir); err != nil {
			b.Fatal(err)
		}
	}
}
