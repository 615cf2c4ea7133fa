package learn

import (
	"fmt"
	"slices"
	"sync"
)

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
	weighted []uint64  // a bit for each transition, target by target: whether it has a weight
	scratch  sync.Pool // *lattice
}

// maxLabels bounds what the memory for transitions is reserved for.
const maxLabels = 1 << 13

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
	c.weighted = make([]uint64, (c.labels*c.labels+63)/64)
	for i, to := range c.to {
		bit := int(to)*c.labels + int(c.from[i])
		c.weighted[bit>>6] |= 1 << (bit & 63)
	}
}

// check makes sure that a model that was read stays within its arrays.
func (c *CRF) check(name string) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s: %s", ErrCorrupt, name, what) }
	if c.labels < 1 || c.labels > maxLabels || c.labels%2 == 0 {
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
