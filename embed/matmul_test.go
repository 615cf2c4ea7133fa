package embed

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// operands are inputs and weights of a product, among them the largest that there can be.
func operands(r *rand.Rand, rows, k, n int) (a []int16, w []int8) {
	most := int32(largest(k))
	a, w = make([]int16, (rows+rowBlock-1)/rowBlock*rowBlock*k), make([]int8, n*k)
	for i := range a {
		if a[i] = int16(r.Int32N(2*most+1) - most); i < 2*k {
			a[i] = int16(most)
		}
	}
	for i := range w {
		if w[i] = int8(r.IntN(2*weightTop+1) - weightTop); i < k {
			w[i] = -weightTop
		}
	}
	return a, w
}

var productSizes = []struct{ rows, k, n int }{{1, 32, 2}, {4, 64, 2}, {5, 384, 6}, {13, 1536, 384}, {8, 96, 10}, {4, 1 << 15, 2}}

func TestProductIsExact(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range productSizes {
		a, w := operands(r, size.rows, size.k, size.n)
		got := make([]int32, len(a)/size.k*size.n)
		product(got, a, w, size.rows, size.k, size.n)
		for i, sum := range got {
			want := int64(0)
			for j, x := range a[i/size.n*size.k:][:size.k] {
				want += int64(x) * int64(w[i%size.n*size.k+j])
			}
			if int64(sum) != want {
				t.Fatalf("%+v: number %d is %d, want %d", size, i, sum, want)
			}
		}
	}
}

// agree compares a kernel with plain Go.
func agree(t *testing.T, kernel func(k, blocks int, a []int16, w []int8, c []int32, n int)) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range productSizes {
		a, w := operands(r, size.rows, size.k, 2)
		blocks := len(a) / size.k / rowBlock
		got, want := make([]int32, blocks*rowBlock*size.n), make([]int32, blocks*rowBlock*size.n)
		kernel(size.k, blocks, a, w, got, size.n)
		twoColumnsPlain(size.k, blocks, a, w, want, size.n)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v (-plain +vector code):\n%s", size, diff)
		}
	}
}

func TestWeightsAsWholeNumbers(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	const k, n, rows = 40, 6, 3 // k is padded
	weights, bias, x := numbers(r, n*k), numbers(r, n), numbers(r, rows*k)
	clear(x[k : 2*k])
	var m matrix
	fresh([]linearStep{{matrix: &m, bias: bias, inputs: k}})
	if err := m.quantize(weights, k); err != nil {
		t.Fatal(err)
	}
	var in inputs
	in.set(x, rows, k)
	got := make([]float32, rows*n)
	m.linear(got, &in, rows)
	for i, v := range got {
		want := float64(bias[i%n])
		for j, y := range x[i/n*k:][:k] {
			want += float64(y) * float64(weights[i%n*k+j])
		}
		if math.Abs(float64(v)-want) > 0.15 {
			t.Errorf("number %d is %g, want %g", i, v, want)
		}
		if i/n == 1 && v != bias[i%n] {
			t.Errorf("nothing gives %g, want %g", v, bias[i%n])
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(-1)} {
		weights[n*k-1] = float32(bad)
		if err := m.quantize(weights, k); err == nil {
			t.Errorf("%v among the weights: no error", bad)
		}
	}
}

func TestRound(t *testing.T) {
	t.Parallel()
	for v, want := range map[float32]int32{0: 0, 0.5: 0, 1.5: 2, -0.5: 0, -1.5: -2, 0.51: 1, 32767.4: 32767, -32766.6: -32767} {
		if got := round(v); got != want {
			t.Errorf("round(%g) = %d, want %d", v, got, want)
		}
	}
}

func numbers(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func BenchmarkProduct(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, k, n = 12, 384, 1536
	a, w := operands(r, rows, k, n)
	c := make([]int32, rows*n)
	for b.Loop() {
		product(c, a, w, rows, k, n)
	}
	b.ReportMetric(2*rows*k*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
}
