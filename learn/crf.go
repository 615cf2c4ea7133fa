package learn

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
)

// Sequence is the attributes and the labels of the tokens of one text.
type Sequence struct {
	// Starts[i] and Starts[i+1] bound the attributes of token i.
	Starts []uint32
	Attrs  []uint32
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
	Seed       uint64
	Progress   func(done float64)
}

// CRF tags tokens by a linear-chain conditional random field over the labels O (0), and for each kind k of span B (1+2k)
// and I (2+2k); I follows only B or I of its kind. Only pairs of attribute and label, and of neighbouring labels, that
// occur in training have a weight, which makes a token cost its attributes and not the square of the labels.
type CRF struct {
	labels int
	// The weights of an attribute for the labels it was seen with.
	starts []uint32
	label  []uint16
	weight []float32
	// Transitions seen in training, sorted by target, and their weights.
	from, to []uint16
	trans    []float32
	gain     []float32 // from trans
	scratch  sync.Pool // *lattice
}

// Begin and Inside are the labels of a span's first and further tokens.
func Begin(kind int) uint16 { return uint16(1 + 2*kind) }

// Inside is the label of a span's further tokens.
func Inside(kind int) uint16 { return uint16(2 + 2*kind) }

// LabelKind is the kind of a label, -1 for O; inside says that the label continues a span.
func LabelKind(label uint16) (kind int, inside bool) {
	if label == 0 {
		return -1, false
	}
	return int(label-1) / 2, label%2 == 0
}

// continues reports whether a label is I, which follows only few others.
func continues(label uint16) bool { return label > 0 && label%2 == 0 }

// lattice is the memory of one forward-backward or Viterbi pass.
type lattice struct {
	n     int
	score []float32 // tokens × labels: of emissions; exponentiated, up to a factor a token, by forwardBackward
	alpha []float32
	beta  []float32
	scale []float32 // of each column of alpha
	back  []uint16
	seen  []bool
}

func (l *lattice) size(n, labels int) {
	l.n = n
	l.score = grow(l.score, n*labels)
	l.alpha = grow(l.alpha, n*labels)
	l.beta = grow(l.beta, n*labels)
	l.scale = grow(l.scale, n)
}

func grow[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// newCRF lays out the weights that training data needs.
func newCRF(data []Sequence, opts CRFOptions) *CRF {
	labels := 1 + 2*opts.Kinds
	c := &CRF{labels: labels}
	pairs := make([][]uint16, opts.Attributes)
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
		for y := 0; y < k; y++ {
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
	var drop dropped
	limit := uint64((1 - opts.Dropout) * (1 << 32))
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
			if opts.Dropout > 0 {
				s = drop.from(s, rnd, limit)
			}
			l.size(len(s.Labels), c.labels)
			c.emit(l, s.Starts, s.Attrs)
			c.gains(gain)
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
type dropped struct{ Sequence }

func (d *dropped) from(s *Sequence, rnd *Rand, limit uint64) *Sequence {
	d.Labels, d.Weight = s.Labels, s.Weight
	d.Starts, d.Attrs = append(d.Starts[:0], 0), d.Attrs[:0]
	for t := range s.Labels {
		for _, a := range s.Attrs[s.Starts[t]:s.Starts[t+1]] {
			if rnd.Uint64()>>32 < limit {
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

// stepTransitions moves the weights of the transitions towards the gold sequence.
func (c *CRF) stepTransitions(l *lattice, s *Sequence, gain, squares []float32, rate, scale float32) {
	const smallest = 1e-4
	k := c.labels
	for i, to := range c.to {
		from := c.from[i]
		weight := gain[i]
		if !continues(to) {
			weight++
		}
		var expected float32
		gold := float32(0)
		for t := 1; t < l.n; t++ {
			a := l.alpha[(t-1)*k+int(from)]
			if a > 1e-7 {
				expected += a * weight * l.score[t*k+int(to)] * l.beta[t*k+int(to)]
			}
			if s.Labels[t-1] == from && s.Labels[t] == to {
				gold++
			}
		}
		g := (expected - gold) * scale
		if g < smallest && g > -smallest {
			continue
		}
		squares[i] += g * g
		c.trans[i] -= rate * g / sqrt32(squares[i])
	}
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

// Attributes is the number of attributes.
func (c *CRF) Attributes() int { return len(c.starts) - 1 }

// Kinds is the number of kinds of spans.
func (c *CRF) Kinds() int { return (c.labels - 1) / 2 }

// Tag appends the best labels of a text's tokens to labels[:0] and, when any is not O, for each token the probability of
// its label's kind to probs[:0]. Starts and attrs are as in a Sequence; attributes must be below Attributes.
func (c *CRF) Tag(starts, attrs []uint32, labels []uint16, probs []float32) ([]uint16, []float32) {
	labels, probs = labels[:0], probs[:0]
	n := len(starts) - 1
	if n <= 0 {
		return labels, probs
	}
	l, ok := c.scratch.Get().(*lattice)
	if !ok {
		l = &lattice{}
	}
	defer c.scratch.Put(l)
	l.size(n, c.labels)
	c.emit(l, starts, attrs)
	labels = c.viterbi(l, labels)
	if !slices.ContainsFunc(labels, func(y uint16) bool { return y != 0 }) {
		return labels, probs
	}
	c.forwardBackward(l, c.gain)
	c.marginals(l)
	for t, y := range labels {
		p := l.alpha[t*c.labels : (t+1)*c.labels]
		switch {
		case y == 0:
			probs = append(probs, p[0])
		case continues(y):
			probs = append(probs, min(p[y]+p[y-1], 1))
		default:
			probs = append(probs, min(p[y]+p[y+1], 1))
		}
	}
	return labels, probs
}

// viterbi appends the best sequence of labels. Score is only read.
func (c *CRF) viterbi(l *lattice, labels []uint16) []uint16 {
	n, k := l.n, c.labels
	const never = -1e30
	l.back = grow(l.back, n*k)
	l.seen = grow(l.seen, k)
	best := l.alpha
	for y := range k {
		best[y] = l.score[y]
		if continues(uint16(y)) {
			best[y] = never
		}
	}
	for t := 1; t < n; t++ {
		prev, row, back := best[(t-1)*k:t*k], best[t*k:(t+1)*k], l.back[t*k:(t+1)*k]
		top := argmax(prev)
		i := 0 // transitions are sorted by target
		for y := range k {
			from := i
			for i < len(c.to) && int(c.to[i]) == y {
				i++
			}
			value, at := float32(never), uint16(0)
			if !continues(uint16(y)) {
				if free := c.free(l, prev, top, from, i); free >= 0 {
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
	y := uint16(argmax(best[(n-1)*k : n*k]))
	for t := n - 1; t >= 0; t-- {
		labels[from+t] = y
		y = l.back[t*k+int(y)]
	}
	return labels
}

// free is the best label of a column that has no weight in the transitions from:to, -1 if all have.
func (c *CRF) free(l *lattice, prev []float32, top, from, to int) int {
	if !slices.Contains(c.from[from:to], uint16(top)) {
		return top
	}
	for _, f := range c.from[from:to] {
		l.seen[f] = true
	}
	free := -1
	for y, v := range prev {
		if !l.seen[y] && (free < 0 || v > prev[free]) {
			free = y
		}
	}
	for _, f := range c.from[from:to] {
		l.seen[f] = false
	}
	return free
}

// Put writes the model into a file under a name.
func (c *CRF) Put(f *FileWriter, name string) {
	f.Uint32s(name+".shape", []uint32{uint32(c.labels)})
	f.Uint32s(name+".starts", c.starts)
	f.Uint16s(name+".label", c.label)
	f.Float32s(name+".weight", c.weight)
	f.Uint16s(name+".from", c.from)
	f.Uint16s(name+".to", c.to)
	f.Float32s(name+".trans", c.trans)
}

// CRFFrom reads a model that Put wrote.
func CRFFrom(f *File, name string) (*CRF, error) {
	shape, err := f.Uint32s(name + ".shape")
	if err != nil {
		return nil, err
	}
	c := &CRF{}
	if len(shape) == 1 {
		c.labels = int(shape[0])
	}
	if c.starts, err = f.Uint32s(name + ".starts"); err != nil {
		return nil, err
	}
	if c.label, err = f.Uint16s(name + ".label"); err != nil {
		return nil, err
	}
	if c.weight, err = f.Float32s(name + ".weight"); err != nil {
		return nil, err
	}
	if c.from, err = f.Uint16s(name + ".from"); err != nil {
		return nil, err
	}
	if c.to, err = f.Uint16s(name + ".to"); err != nil {
		return nil, err
	}
	if c.trans, err = f.Float32s(name + ".trans"); err != nil {
		return nil, err
	}
	if err := c.check(name); err != nil {
		return nil, err
	}
	c.finish()
	return c, nil
}

// finish computes what is not kept.
func (c *CRF) finish() {
	c.gain = make([]float32, len(c.trans))
	c.gains(c.gain)
}

// gains fills the gain of each transition: e^weight, minus 1 where the target is not I.
func (c *CRF) gains(gain []float32) {
	for i, w := range c.trans {
		gain[i] = float32(math.Exp(float64(w)))
		if !continues(c.to[i]) {
			gain[i]--
		}
	}
}

// check makes sure that a model that was read stays within its arrays.
func (c *CRF) check(name string) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s: %s", ErrCorrupt, name, what) }
	if c.labels < 1 || c.labels > math.MaxUint16 || c.labels%2 == 0 {
		return bad("number of labels")
	}
	if len(c.starts) == 0 || c.starts[0] != 0 || int(c.starts[len(c.starts)-1]) != len(c.label) || len(c.label) != len(c.weight) || !slices.IsSorted(c.starts) {
		return bad("attributes")
	}
	if len(c.from) != len(c.to) || len(c.to) != len(c.trans) || !slices.IsSorted(c.to) {
		return bad("transitions")
	}
	for _, list := range [][]uint16{c.label, c.from, c.to} {
		for _, y := range list {
			if int(y) >= c.labels {
				return bad("a label that does not exist")
			}
		}
	}
	return nil
}
