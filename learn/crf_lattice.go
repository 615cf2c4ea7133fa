package learn

import (
	"math"
	"slices"
)

// lattice is the memory of one forward-backward or Viterbi pass.
type lattice struct {
	n     int
	score []float32 // tokens × labels: of emissions; exponentiated, up to a factor a token, by forwardBackward
	alpha []float32
	beta  []float32
	scale []float32 // of each column of alpha
	back  []uint16

	expected []float32 // of each transition
}

func (l *lattice) size(n, labels int) {
	l.n = n
	l.score = grow(l.score, n*labels)
	l.alpha = grow(l.alpha, n*labels)
	l.beta = grow(l.beta, n*labels)
	l.scale = grow(l.scale, n)
}

func grow[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// emit fills the lattice with the score of every label at every token.
func (c *CRF) emit(l *lattice, starts, attrs []uint32) {
	clear(l.score)
	for t := range l.n {
		row := l.score[t*c.labels : (t+1)*c.labels]
		for _, a := range attrs[starts[t]:starts[t+1]] {
			from, to := c.starts[a], c.starts[a+1]
			w := c.weight[from:to]
			for i, y := range c.label[from:to] {
				row[y] += w[i]
			}
		}
	}
}

// forwardBackward fills alpha, beta and scale and returns the logarithm of the sum over all sequences. The probability
// of a label at a token is alpha·beta up to a factor a token; beta holds the scale of its column, except in column 0.
//
// A transition without a weight has score 0, so a target that is not I gets the sum of the column before it and then,
// for the few transitions with weights, what they add; a target that is I gets only those.
func (c *CRF) forwardBackward(l *lattice, gain []float32) (logZ float64) {
	n, k := l.n, c.labels
	for t := range n {
		row := l.score[t*k : (t+1)*k]
		top := slices.Max(row)
		logZ += float64(top)
		for y, v := range row {
			row[y] = float32(math.Exp(float64(v - top)))
		}
		a := l.alpha[t*k : (t+1)*k]
		if t == 0 {
			for y := range a {
				a[y] = 1
				if continues(uint16(y)) {
					a[y] = 0 // a text does not begin inside a span
				}
			}
		} else {
			prev := l.alpha[(t-1)*k : t*k]
			for y := range a {
				a[y] = 1 // the sum of prev
				if continues(uint16(y)) {
					a[y] = 0
				}
			}
			for i, to := range c.to {
				a[to] += prev[c.from[i]] * gain[i]
			}
		}
		var sum float32
		for y := range a {
			a[y] = max(a[y], 0) * row[y]
			sum += a[y]
		}
		if sum <= 0 { // cannot happen while O is reachable, but must not divide by zero
			sum = math.SmallestNonzeroFloat32
		}
		l.scale[t] = 1 / sum
		for y := range a {
			a[y] *= l.scale[t]
		}
		logZ += math.Log(float64(sum))
	}
	last := l.beta[(n-1)*k : n*k]
	for y := range last {
		last[y] = 1
	}
	for t := n - 2; t >= 0; t-- {
		row, next, b := l.score[(t+1)*k:(t+2)*k], l.beta[(t+1)*k:(t+2)*k], l.beta[t*k:(t+1)*k]
		var all float32
		for y := range k {
			next[y] *= l.scale[t+1]
			if !continues(uint16(y)) {
				all += row[y] * next[y]
			}
		}
		for y := range b {
			b[y] = all
		}
		for i, to := range c.to {
			b[c.from[i]] += gain[i] * row[to] * next[to]
		}
	}
	return logZ
}

// marginals turns alpha into probabilities.
func (c *CRF) marginals(l *lattice) {
	for t := range l.n {
		a, b := l.alpha[t*c.labels:(t+1)*c.labels], l.beta[t*c.labels:(t+1)*c.labels]
		var sum float32
		for y := range a {
			a[y] *= b[y]
			sum += a[y]
		}
		if sum > 0 {
			for y := range a {
				a[y] /= sum
			}
		}
	}
}

// viterbi appends the best sequence of labels. Score is only read.
func (c *CRF) viterbi(l *lattice, labels []uint16) []uint16 {
	n, k := l.n, c.labels
	const never = -1e30
	l.back = grow(l.back, n*k)
	delta := l.alpha
	for y := range k {
		delta[y] = l.score[y]
		if continues(uint16(y)) {
			delta[y] = never
		}
	}
	for t := 1; t < n; t++ {
		prev, row, back := delta[(t-1)*k:t*k], delta[t*k:(t+1)*k], l.back[t*k:(t+1)*k]
		top := bestOf(prev)
		i := 0 // transitions are sorted by target
		for y := range k {
			from := i
			for i < len(c.to) && int(c.to[i]) == y {
				i++
			}
			value, at := float32(never), uint16(0)
			if !continues(uint16(y)) {
				if free := c.free(prev, top, y); free >= 0 {
					value, at = prev[free], uint16(free)
				}
			}
			for j := from; j < i; j++ {
				if v := prev[c.from[j]] + c.trans[j]; v > value {
					value, at = v, c.from[j]
				}
			}
			row[y], back[y] = value+l.score[t*k+y], at
		}
	}
	from := len(labels)
	labels = append(labels, make([]uint16, n)...)
	y := uint16(argmax(delta[(n-1)*k : n*k]))
	for t := n - 1; t >= 0; t-- {
		labels[from+t] = y
		y = l.back[t*k+int(y)]
	}
	return labels
}

// best are the labels with the highest scores of a column, highest first.
type best [4]int

func bestOf(column []float32) best {
	b := best{-1, -1, -1, -1}
	for y, v := range column {
		if b[3] >= 0 && v <= column[b[3]] {
			continue
		}
		i := 3
		for i > 0 && (b[i-1] < 0 || v > column[b[i-1]]) {
			b[i] = b[i-1]
			i--
		}
		b[i] = y
	}
	return b
}

// free is the best label of a column whose transition to a label has no weight, -1 if all have.
func (c *CRF) free(column []float32, top best, to int) int {
	for _, y := range top {
		if y < 0 {
			return -1
		}
		if !c.hasWeight(y, to) {
			return y
		}
	}
	free := -1
	for y, v := range column {
		if (free < 0 || v > column[free]) && !c.hasWeight(y, to) {
			free = y
		}
	}
	return free
}

// hasWeight reports whether a transition has a weight.
func (c *CRF) hasWeight(from, to int) bool {
	i := to*c.labels + from
	return c.weighted[i>>6]>>(i&63)&1 == 1
}

// gains fills the gain of each transition.
func (c *CRF) gains(gain []float32) {
	for i := range c.trans {
		gain[i] = c.gainOf(i)
	}
}

// gainOf is e^weight of a transition, minus 1 where the target is not I.
func (c *CRF) gainOf(i int) float32 {
	g := float32(math.Exp(float64(c.trans[i])))
	if !continues(c.to[i]) {
		g--
	}
	return g
}
