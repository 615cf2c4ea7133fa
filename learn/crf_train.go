package learn

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Sequence is the attributes and the labels of the tokens of one text.
type Sequence struct {
	// Starts[i] and Starts[i+1] bound the attributes of token i.
	Starts []uint32
	Attrs  []uint32
	// Words[i] is where, of the attributes of token i, those begin that tell the token's own word; they are its last. nil: none do.
	Words  []uint32
	Labels []uint16 // one a token
	Weight float32  // how much the text counts; 0: 1
}

// CRFOptions are the knobs of TrainCRF; zero values mean the defaults.
type CRFOptions struct {
	Attributes int     // number of attributes
	Kinds      int     // number of kinds of spans
	Passes     int     // 8
	Rate       float64 // 0.25
	L2         float64
	Dropout    float64 // share of the attributes of a text that is left out, drawn anew in each pass
	// Hidden is how eagerly words are hidden, drawn anew in each pass, because in other texts stand words that training did not see:
	// one that occurs n times with a probability of Hidden/(Hidden+n). What tells the word alone is the first of what Words points to.
	Hidden   float64
	Seed     uint64
	Progress func(done float64)
}

// newCRF lays out the weights that training data needs.
func newCRF(data []Sequence, opts CRFOptions) *CRF {
	labels := 1 + 2*opts.Kinds
	c := &CRF{labels: labels}
	pairs := make([][]uint16, opts.Attributes)
	for a := range pairs {
		pairs[a] = []uint16{0} // also one that was seen in entities only can tell that there is none
	}
	seen := map[uint32]bool{}
	for k := range opts.Kinds {
		seen[uint32(Inside(k))<<16|uint32(Begin(k))] = true
		seen[uint32(Inside(k))<<16|uint32(Inside(k))] = true
	}
	for i := range data {
		s := &data[i]
		for t, y := range s.Labels {
			for _, a := range s.Attrs[s.Starts[t]:s.Starts[t+1]] {
				if !slices.Contains(pairs[a], y) {
					pairs[a] = append(pairs[a], y)
				}
			}
			if t > 0 {
				seen[uint32(y)<<16|uint32(s.Labels[t-1])] = true
			}
		}
	}
	c.starts = make([]uint32, opts.Attributes+1)
	for a, ys := range pairs {
		slices.Sort(ys)
		c.label = append(c.label, ys...)
		c.starts[a+1] = uint32(len(c.label))
	}
	c.weight = make([]float32, len(c.label))
	keys := make([]uint32, 0, len(seen))
	for k := range seen {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		c.to = append(c.to, uint16(k>>16))
		c.from = append(c.from, uint16(k))
	}
	c.trans = make([]float32, len(keys))
	return c
}

// TrainCRF learns by AdaGrad on the likelihood of one text after another; the weights are the mean over the later passes.
func TrainCRF(ctx context.Context, data []Sequence, opts CRFOptions) (*CRF, error) {
	if opts.Passes == 0 {
		opts.Passes = 8
	}
	if opts.Rate == 0 {
		opts.Rate = 0.25
	}
	const (
		initial  = 0.01
		smallest = 1e-4
	)
	if 1+2*opts.Kinds > maxLabels {
		return nil, fmt.Errorf("learn: a tagger tells at most %d kinds apart, not %d", (maxLabels-1)/2, opts.Kinds)
	}
	c := newCRF(data, opts)
	squares, transSquares := filled(len(c.weight), initial), filled(len(c.trans), initial)
	sum, transSum := make([]float32, len(c.weight)), make([]float32, len(c.trans))
	order := make([]int32, 0, len(data))
	for i := range data {
		if len(data[i].Labels) > 0 {
			order = append(order, int32(i))
		}
	}
	rnd := NewRand(opts.Seed, 0xc2f)
	rate := float32(opts.Rate)
	decay := float32(opts.L2)
	l := &lattice{}
	grads := make([]float32, c.labels)
	gain := make([]float32, len(c.trans))
	c.gains(gain)
	drop := dropped{keep: share(1 - opts.Dropout), hide: hidden(data, opts)}
	from := min(2, opts.Passes-1) // passes that are left out of the mean
	for pass := range opts.Passes {
		rnd.Shuffle(order)
		for done, i := range order {
			if done%256 == 0 {
				if err := ctx.Err(); err != nil {
					return nil, fmt.Errorf("train tagger: %w", err)
				}
				if opts.Progress != nil {
					opts.Progress((float64(pass) + float64(done)/float64(len(order))) / float64(opts.Passes))
				}
			}
			s := &data[i]
			if opts.Dropout > 0 || opts.Hidden > 0 {
				s = drop.from(s, rnd)
			}
			l.size(len(s.Labels), c.labels)
			c.emit(l, s.Starts, s.Attrs)
			c.forwardBackward(l, gain)
			weight := s.Weight
			if weight == 0 {
				weight = 1
			}
			c.stepTransitions(l, s, gain, transSquares, rate, weight)
			c.marginals(l)
			for t, gold := range s.Labels {
				p := l.alpha[t*c.labels : (t+1)*c.labels]
				copy(grads, p)
				grads[gold]--
				for y := range grads {
					grads[y] *= weight
				}
				for _, a := range s.Attrs[s.Starts[t]:s.Starts[t+1]] {
					begin, end := c.starts[a], c.starts[a+1]
					w, sq := c.weight[begin:end], squares[begin:end]
					for j, y := range c.label[begin:end] {
						g := grads[y]
						if g < smallest && g > -smallest {
							continue
						}
						g += decay * w[j]
						sq[j] += g * g
						w[j] -= rate * g / sqrt32(sq[j])
					}
				}
			}
		}
		if pass >= from {
			axpy(sum, 1, c.weight)
			axpy(transSum, 1, c.trans)
		}
	}
	count := float32(opts.Passes - from)
	keep := float32(1 - opts.Dropout) // all attributes are there from now on
	for i := range sum {
		c.weight[i] = sum[i] / count * keep
	}
	for i := range transSum {
		c.trans[i] = transSum[i] / count
	}
	c.prune()
	c.finish()
	return c, nil
}

// dropped is a sequence without some of its attributes.
type dropped struct {
	Sequence
	keep uint64   // of 1<<32: attributes that stay
	hide []uint64 // of 1<<32, by the first attribute that tells a word: how often it goes; nil: never
}

// hidden is how often words are hidden.
func hidden(data []Sequence, opts CRFOptions) []uint64 {
	if opts.Hidden <= 0 {
		return nil
	}
	counts := make([]uint64, opts.Attributes)
	for i := range data {
		for t, at := range data[i].Words {
			if at < data[i].Starts[t+1] {
				counts[data[i].Attrs[at]]++
			}
		}
	}
	for a, n := range counts {
		counts[a] = share(opts.Hidden / (opts.Hidden + float64(n)))
	}
	return counts
}

// share is a share as a number of 1<<32.
func share(of float64) uint64 { return uint64(of * (1 << 32)) }

func (d *dropped) from(s *Sequence, rnd *Rand) *Sequence {
	d.Labels, d.Weight = s.Labels, s.Weight
	d.Starts, d.Attrs = append(d.Starts[:0], 0), d.Attrs[:0]
	for t := range s.Labels {
		end := s.Starts[t+1]
		if s.Words != nil && d.hide != nil {
			if at := s.Words[t]; at < end && rnd.Uint64()>>32 < d.hide[s.Attrs[at]] {
				end = at
			}
		}
		for _, a := range s.Attrs[s.Starts[t]:end] {
			if rnd.Uint64()>>32 < d.keep {
				d.Attrs = append(d.Attrs, a)
			}
		}
		d.Starts = append(d.Starts, uint32(len(d.Attrs)))
	}
	return &d.Sequence
}

func filled(n int, v float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// stepTransitions moves the weights of the transitions towards the gold sequence, and gain with them.
func (c *CRF) stepTransitions(l *lattice, s *Sequence, gain, squares []float32, rate, scale float32) {
	const smallest = 1e-4
	k := c.labels
	l.expected = grow(l.expected, len(c.trans))
	expected := l.expected
	clear(expected)
	for t := 1; t < l.n; t++ {
		alpha, score, beta := l.alpha[(t-1)*k:t*k], l.score[t*k:(t+1)*k], l.beta[t*k:(t+1)*k]
		for i, from := range c.from {
			if a := alpha[from]; a > 1e-7 {
				to := c.to[i]
				weight := gain[i]
				if !continues(to) {
					weight++
				}
				expected[i] += a * weight * score[to] * beta[to]
			}
		}
		if i, ok := c.transition(s.Labels[t-1], s.Labels[t]); ok {
			expected[i]--
		}
	}
	for i, g := range expected {
		g *= scale
		if g < smallest && g > -smallest {
			continue
		}
		squares[i] += g * g
		c.trans[i] -= rate * g / sqrt32(squares[i])
		gain[i] = c.gainOf(i)
	}
}

// transition is the number of a transition with a weight.
func (c *CRF) transition(from, to uint16) (int, bool) {
	i, _ := slices.BinarySearch(c.to, to)
	for ; i < len(c.to) && c.to[i] == to; i++ {
		if c.from[i] == from {
			return i, true
		}
	}
	return 0, false
}

// prune drops weights that hardly count.
func (c *CRF) prune() {
	const least = 1e-3
	kept := 0
	from := uint32(0)
	for a := range len(c.starts) - 1 {
		to := c.starts[a+1]
		for i := from; i < to; i++ {
			if w := c.weight[i]; w > least || w < -least {
				c.label[kept], c.weight[kept] = c.label[i], w
				kept++
			}
		}
		from = to
		c.starts[a+1] = uint32(kept)
	}
	c.label, c.weight = c.label[:kept:kept], c.weight[:kept:kept]
}
