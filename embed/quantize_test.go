package embed

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMagnitude(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 8))
	for n := range 70 {
		row := numbers(r, n)
		want := float32(0)
		for _, v := range row {
			want = max(want, v, -v)
		}
		if got := magnitude(row); got != want {
			t.Errorf("%d numbers: %g, want %g", n, got, want)
		}
		for at := range row {
			v := row[at]
			row[at] = -9
			if got := magnitude(row); got != 9 {
				t.Errorf("-9 as number %d of %d: %g", at, n, got)
			}
			row[at] = float32(math.NaN())
			if got := magnitude(row); got <= math.MaxFloat32 {
				t.Errorf("nothing finite as number %d of %d: %g", at, n, got)
			}
			row[at] = v
		}
	}
}

func TestWholeRoundsAlike(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 10))
	for n := range 70 {
		row := numbers(r, n)
		for i := 0; i < n; i += 3 {
			row[i] = float32(r.IntN(17)-8) / 2 // halves
		}
		const factor = 15
		bytes, words := make([]int8, n), make([]int16, n)
		whole(bytes, row, factor)
		whole(words, row, factor*20)
		for i, v := range row {
			if want := math.RoundToEven(float64(float32(v * factor))); float64(bytes[i]) != want {
				t.Errorf("%g as number %d of %d: %d, want %g", v*factor, i, n, bytes[i], want)
			}
			if want := math.RoundToEven(float64(float32(v * factor * 20))); float64(words[i]) != want {
				t.Errorf("%g as number %d of %d: %d, want %g", v*factor*20, i, n, words[i], want)
			}
		}
	}
}
