package embed

import "math"

// exp is eˣ with a relative error below 1e-8, for x from -80 to 80; smaller ones give 0. It is the same on every machine, which
// math.Exp is not.
func exp(x float32) float32 {
	if x < -80 {
		return 0
	}
	v := float64(min(x, 80))
	n := math.Floor(float64(v*math.Log2E) + 0.5)
	r := v - float64(n*math.Ln2)
	p := 1.0 / 40320
	for _, c := range [...]float64{1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1} {
		p = float64(p*r) + c
	}
	return float32(p * math.Float64frombits(uint64(int64(n)+1023)<<52))
}

// geluTable has values of x·Φ(x) for x from -geluRange to geluRange, geluSteps for each unit.
type geluTable [2*geluRange*geluSteps + 2]float32

const (
	geluRange = 6
	geluSteps = 256
)

func newGELU() *geluTable {
	var t geluTable
	for i := range t {
		x := float64(i)/geluSteps - geluRange
		t[i] = float32(x * 0.5 * math.Erfc(-x/math.Sqrt2))
	}
	return &t
}

// of is x·Φ(x), read off the table with an error below 2e-6.
func (t *geluTable) of(x float32) float32 {
	if x >= geluRange {
		return x
	}
	if !(x > -geluRange) {
		return 0
	}
	at := (x + geluRange) * geluSteps
	i := int(at)
	return t[i] + float32((t[i+1]-t[i])*(at-float32(i)))
}

// normalize brings a row to mean 0 and variance 1, then scales and shifts it (layer normalization).
func normalize(row, scale, shift []float32, epsilon float64) {
	sum := 0.0
	for _, v := range row {
		sum += float64(v)
	}
	mean := sum / float64(len(row))
	sum = 0
	for _, v := range row {
		d := float64(v) - mean
		sum += float64(d * d)
	}
	factor := 1 / math.Sqrt(sum/float64(len(row))+epsilon)
	scale, shift = scale[:len(row)], shift[:len(row)]
	for i, v := range row {
		row[i] = float32(float32((float64(v)-mean)*factor)*scale[i]) + shift[i]
	}
}

// unit brings a vector to length one; one that is not finite, as damaged weights give it, becomes zeros.
func unit(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(float64(x) * float64(x))
	}
	if !(sum > 0 && sum <= math.MaxFloat64) {
		clear(v)
		return
	}
	factor := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * factor)
	}
}
