package embed

import (
	"math/rand/v2"
	"testing"
)

func numbers(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestVectorCodeGivesThePlainBits(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range []struct{ rows, k, n int }{{1, 8, 2}, {4, 16, 2}, {5, 384, 6}, {13, 1536, 384}, {8, 24, 10}} {
		blocks := (size.rows + rowBlock - 1) / rowBlock
		a, w := numbers(r, blocks*rowBlock*size.k), numbers(r, size.n*size.k)
		got, want := make([]float32, blocks*rowBlock*size.n), make([]float32, blocks*rowBlock*size.n)
		product(got, a, w, size.rows, size.k, size.n)
		for j := 0; j < size.n; j += 2 {
			twoColumnsPlain(size.k, blocks, a, w[j*size.k:(j+2)*size.k], want[j:], size.n)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%+v: number %d is %g, plain %g", size, i, got[i], want[i])
			}
		}
	}
}

func BenchmarkProduct(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, k, n = 12, 384, 1536
	a, w, c := numbers(r, rows*k), numbers(r, n*k), make([]float32, rows*n)
	for b.Loop() {
		product(c, a, w, rows, k, n)
	}
	b.ReportMetric(2*rows*k*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
