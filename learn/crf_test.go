package learn

import (
	"math"
	"testing"
)

// all calls yield with every legal sequence of labels of a length.
func all(n, labels int, yield func(y []uint16)) {
	y := make([]uint16, n)
	var fill func(t int)
	fill = func(t int) {
		if t == n {
			yield(y)
			return
		}
		for v := range labels {
			kind, inside := LabelKind(uint16(v))
			if inside && (t == 0 || y[t-1] != Begin(kind) && y[t-1] != Inside(kind)) {
				continue
			}
			y[t] = uint16(v)
			fill(t + 1)
		}
	}
	fill(0)
}

// tiny is a model with random weights and a text of random attributes.
func tiny(seed uint64) (*CRF, *lattice, Sequence) {
	r := NewRand(seed)
	const attributes, kinds = 6, 2
	var data []Sequence
	for range 4 {
		s := Sequence{Starts: []uint32{0}}
		kind := -1
		for range 4 {
			s.Attrs = append(s.Attrs, uint32(r.IntN(attributes)), uint32(r.IntN(attributes)))
			s.Starts = append(s.Starts, uint32(len(s.Attrs)))
			switch v := r.IntN(3); {
			case v == 0:
				kind = -1
				s.Labels = append(s.Labels, 0)
			case v == 1 && kind >= 0:
				s.Labels = append(s.Labels, Inside(kind))
			default:
				kind = r.IntN(kinds)
				s.Labels = append(s.Labels, Begin(kind))
			}
		}
		data = append(data, s)
	}
	c := newCRF(data, CRFOptions{Attributes: attributes, Kinds: kinds})
	random := func() float32 { return float32(r.IntN(4001)-2000) / 1000 }
	for i := range c.weight {
		c.weight[i] = random()
	}
	for i := range c.trans {
		c.trans[i] = random()
	}
	c.finish()
	l := &lattice{}
	s := data[0]
	l.size(len(s.Labels), c.labels)
	c.emit(l, s.Starts, s.Attrs)
	return c, l, s
}

// path is the score of a sequence of labels.
func path(c *CRF, l *lattice, y []uint16) float64 {
	sum := 0.0
	for t := range y {
		sum += float64(l.score[t*c.labels+int(y[t])])
		for i := range c.to {
			if t > 0 && c.from[i] == y[t-1] && c.to[i] == y[t] {
				sum += float64(c.trans[i])
			}
		}
	}
	return sum
}

func TestForwardBackwardAndViterbiAgreeWithAllSequences(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		c, l, s := tiny(seed)
		n := len(s.Labels)
		z, bestScore := 0.0, math.Inf(-1)
		var best []uint16
		marginals := make([]float64, n*c.labels)
		all(n, c.labels, func(y []uint16) {
			score := path(c, l, y)
			if score > bestScore {
				bestScore, best = score, append(best[:0], y...)
			}
			p := math.Exp(score)
			z += p
			for t, v := range y {
				marginals[t*c.labels+int(v)] += p
			}
		})
		got := c.viterbi(l, nil)
		if path(c, l, got) < bestScore-1e-4 {
			t.Errorf("seed %d: Viterbi gives %v, the best is %v", seed, got, best)
		}
		if logZ := c.forwardBackward(l, c.gain); math.Abs(logZ-math.Log(z)) > 1e-4 {
			t.Errorf("seed %d: log Z %v, want %v", seed, logZ, math.Log(z))
		}
		c.marginals(l)
		for i, m := range marginals {
			if math.Abs(m/z-float64(l.alpha[i])) > 1e-4 {
				t.Errorf("seed %d: marginal %d is %v, want %v", seed, i, l.alpha[i], m/z)
			}
		}
	}
}

func TestTransitionGradientIsTheDerivative(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		c, l, s := tiny(seed)
		loss := func() float64 {
			c.emit(l, s.Starts, s.Attrs)
			gold := path(c, l, s.Labels)
			c.finish()
			return c.forwardBackward(l, c.gain) - gold
		}
		for i := range c.trans {
			const h = 1e-2
			old := c.trans[i]
			c.trans[i] = old + h
			up := loss()
			c.trans[i] = old - h
			down := loss()
			c.trans[i] = old
			loss()
			want := (up - down) / (2 * h)
			squares := filled(len(c.trans), 0)
			before := c.trans[i]
			c.stepTransitions(l, &s, c.gain, squares, 0, 1)
			c.trans[i] = before
			if got := math.Sqrt(float64(squares[i])); math.Abs(got-math.Abs(want)) > 2e-2 {
				t.Errorf("seed %d, transition %d: gradient %v, want %v", seed, i, got, want)
			}
		}
	}
}

// named are texts in which attribute 0 stands before an entity, 1 at its place, and words follow that occur once.
func named(texts int) []Sequence {
	var data []Sequence
	for i := range texts {
		word := uint32(2 + i)
		data = append(data, Sequence{
			Starts: []uint32{0, 1, 3}, Attrs: []uint32{0, 1, word}, Words: []uint32{1, 2}, Labels: []uint16{0, Begin(0)},
		})
	}
	return data
}

func TestHiddenWordsTeachToTagUnseenOnes(t *testing.T) {
	t.Parallel()
	var p [2]float32
	for i, hidden := range []float64{0, 0.5} {
		data := named(20)
		c, err := TrainCRF(t.Context(), data, CRFOptions{Attributes: 22, Kinds: 1, Passes: 5, L2: 3e-3, Hidden: hidden})
		if err != nil {
			t.Fatal(err)
		}
		labels, probs := c.Tag([]uint32{0, 1, 2}, []uint32{0, 1}, nil, nil)
		if len(probs) != 2 || labels[1] != Begin(0) {
			t.Fatalf("hidden %v: labels %v, probabilities %v", hidden, labels, probs)
		}
		p[i] = probs[1]
	}
	if p[1] <= p[0] {
		t.Errorf("an unseen word is an entity with %v, and with %v after words were hidden", p[0], p[1])
	}
}
