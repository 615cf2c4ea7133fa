package learn

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bits are numbers that are equal only if every bit is.
func bits(x []float32) []uint32 {
	out := make([]uint32, len(x))
	for i, v := range x {
		out[i] = math.Float32bits(v)
	}
	return out
}

func TestKernelsGiveTheBitsOfPlainCode(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 7, 8, 9, 16, 80, 152, 1003} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			r := NewRand(uint64(n))
			random := func(n int) []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = float32(r.IntN(2_000_001)-1_000_000) / 300_007
				}
				return x
			}
			a, x, got := random(1), random(n), random(n+3)
			want := append([]float32(nil), got...)
			if n > 0 {
				axpy(got, a[0], x)
				axpyPlain(want, a[0], x)
			}
			if diff := cmp.Diff(bits(want), bits(got)); diff != "" {
				t.Errorf("axpy (-plain +vectors):\n%s", diff)
			}
			n &^= 7
			small := make([]int8, n)
			for i := range small {
				small[i] = int8(r.IntN(255) - 127)
			}
			got = random(n)
			want = append([]float32(nil), got...)
			axpyBytes(got, a[0], small)
			axpyBytesPlain(want, a[0], small)
			if diff := cmp.Diff(bits(want), bits(got)); diff != "" {
				t.Errorf("axpyBytes (-plain +vectors):\n%s", diff)
			}
			w, squares, g := random(n), random(n), random(n)
			for i := range squares {
				squares[i] = squares[i]*squares[i] + 1e-3
				if i%3 == 0 {
					g[i] = 0 // left out
				}
			}
			w2, squares2, old := append([]float32(nil), w...), append([]float32(nil), squares...), append([]float32(nil), w...)
			adagrad(w, squares, g, a[0], 0.3)
			adagradPlain(w2, squares2, g, a[0], 0.3)
			if diff := cmp.Diff([][]uint32{bits(w2), bits(squares2)}, [][]uint32{bits(w), bits(squares)}); diff != "" {
				t.Errorf("adagrad (-plain +vectors):\n%s", diff)
			}
			for i := 0; i < n; i += 3 {
				if w[i] != old[i] {
					t.Errorf("a gradient of 0 changes weight %d from %v to %v", i, old[i], w[i])
				}
			}
		})
	}
}

func TestDotAddsUpEveryColumn(t *testing.T) {
	t.Parallel()
	w := []float32{1, 2, 4, 8, 16, 32, 64, 128, 256}
	for n := range len(w) + 1 {
		cols, vals, want := []uint32{}, []float32{}, float32(0)
		for c := range n {
			cols, vals = append(cols, uint32(c)), append(vals, 3)
			want += 3 * w[c]
		}
		if got := dot(w, cols, vals); got != want {
			t.Errorf("%d columns: %v, want %v", n, got, want)
		}
	}
}

func BenchmarkKernels(b *testing.B) {
	w, squares, g, small := filled(80, 1), filled(80, 1), filled(80, 0.1), make([]int8, 80)
	for name, f := range map[string]func(){
		"axpy":            func() { axpy(w, 0, g) },
		"axpy/plain":      func() { axpyPlain(w, 0, g) },
		"axpyBytes":       func() { axpyBytes(w, 0, small) },
		"axpyBytes/plain": func() { axpyBytesPlain(w, 0, small) },
		"adagrad":         func() { adagrad(w, squares, g, 0.1, 0.3) },
		"adagrad/plain":   func() { adagradPlain(w, squares, g, 0.1, 0.3) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
}
