package embed

import (
	"fmt"
	"math"
)

// matrix are the weights of a linear step: whole numbers from -weightTop to weightTop, each row with a scale of its own. A step costs
// what it takes to read its weights, so they are four times smaller than those of the file.
type matrix struct {
	rows   []int8 // of inputs numbers, padded with zeros
	inputs int    // padded to a multiple of lanes
	scales []float32
	bias   []float32
}

const weightTop = 127

// padded is a number of inputs rounded up to what the vector code takes.
func padded(inputs int) int { return (inputs + lanes - 1) / lanes * lanes }

// quantize makes the whole numbers and the scales of a matrix, which are zero before, of rows of k weights.
func (m *matrix) quantize(weights []float32, k int) error {
	for i := range m.bias {
		row := weights[i*k : (i+1)*k]
		top := magnitude(row)
		if !(top <= math.MaxFloat32) {
			return fmt.Errorf("%w: row %d has a number that is not finite", ErrWeights, i)
		}
		if top < tiny {
			continue
		}
		m.scales[i] = top / weightTop
		whole(m.rows[i*m.inputs:][:k], row, weightTop/top)
	}
	return nil
}

// tiny is a magnitude below which rows count as zero: scales must not overflow.
const tiny = 1e-30

// magnitude is the largest number of a row without its sign; it is not finite if one of them is not.
func magnitude(row []float32) float32 {
	top, done := vectorMagnitude(row)
	for _, v := range row[done:] { // numbers without a sign are in the order of their bits, and what is not finite comes last
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return math.Float32frombits(top)
}

// whole writes multiples of a row, rounded, into dst, which is as long. They must fit there.
func whole[T int8 | int16](dst []T, row []float32, factor float32) {
	done := vectorWhole(dst, row, factor)
	row = row[done:]
	for i, v := range row {
		dst[done+i] = T(round(v * factor))
	}
}

// round gives the nearest whole number, the even one of two, of a number from -2²² to 2²².
func round(v float32) int32 {
	const shift = 3 << 22 // leaves no bits for a fraction
	return int32(math.Float32bits(float32(v)+shift)) - 0x4b400000
}

// largest is the magnitude that inputs may have so that no sum of k products overflows.
func largest(k int) float32 { return float32(min(math.MaxInt16, math.MaxInt32/(weightTop*k))) }

// inputs are rows of numbers as whole ones, each row with a scale of its own, for the linear steps that read them.
type inputs struct {
	rows   []int16
	scales []float32
	sums   []int32 // scratch
}

// set takes n rows of k numbers.
func (x *inputs) set(from []float32, n, k int) {
	width, all := padded(k), (n+rowBlock-1)/rowBlock*rowBlock
	x.rows, x.scales = grown(x.rows, all*width), grown(x.scales, n)
	clear(x.rows[n*width:])
	most := largest(width)
	for i := range n {
		row, out := from[i*k:(i+1)*k], x.rows[i*width:(i+1)*width]
		clear(out[k:])
		top := magnitude(row)
		if !(top >= tiny && top <= math.MaxFloat32) {
			clear(out)
			x.scales[i] = 0
			continue
		}
		x.scales[i] = top / most
		whole(out[:k], row, most/top)
	}
}

// linear writes the products of a matrix with n rows, and the bias, into dst.
func (m *matrix) linear(dst []float32, x *inputs, n int) {
	outs := len(m.bias)
	x.sums = grown(x.sums, (n+rowBlock-1)/rowBlock*rowBlock*outs)
	product(x.sums, x.rows, m.rows, n, m.inputs, outs)
	bias, scales := m.bias, m.scales[:outs]
	for i := range n {
		scale, sums, row := x.scales[i], x.sums[i*outs:][:outs], dst[i*outs:][:outs]
		for j, b := range bias {
			row[j] = float32(float32(sums[j])*float32(scale*scales[j])) + b
		}
	}
}
