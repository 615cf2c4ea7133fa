package learn

import (
	"context"
	"math"
)

// softmaxOptions are the knobs of trainSoftmax.
type softmaxOptions struct {
	passes   int
	rate     float64 // η
	dropout  float64 // share of a row's features that is left out, drawn anew each time
	biasRate float64
	seed     uint64
	progress func(done float64)
}

// trainSoftmax learns multinomial logistic regression by AdaGrad, one row at a time, with dropout of features.
func trainSoftmax(ctx context.Context, p *Problem, opts softmaxOptions) (*dense, error) {
	const (
		initial  = 1e-3 // G₀, the first value of the sums of squared gradients
		smallest = 1e-4 // smaller gradients are skipped
		dense    = 12   // where one gradient in so many is not skipped, vector instructions are quicker
	)
	d := newDense(p.X.Cols, p.Classes)
	squares := make([]float32, len(d.w))
	for i := range squares {
		squares[i] = initial
	}
	rows := p.rows()
	order := append([]int32(nil), rows...)
	rnd := NewRand(opts.seed)
	scores := make([]float32, d.stride)
	var cols []uint32
	var vals []float32
	type gradient struct {
		class int
		g     float32
	}
	grads := make([]gradient, 0, d.classes)
	all := make([]float32, d.stride) // the same gradients, each in its place
	keep := 1 - opts.dropout
	limit := uint64(keep * (1 << 32))
	scale := float32(1 / keep)
	rate, biasRate := float32(opts.rate), float32(opts.biasRate)
	for pass := range opts.passes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rnd.Shuffle(order)
		for _, r := range order {
			allCols, allVals := p.X.Row(int(r))
			cols, vals = cols[:0], vals[:0]
			for i, c := range allCols {
				if opts.dropout == 0 || rnd.Uint64()>>32 < limit {
					cols = append(cols, c)
					vals = append(vals, allVals[i]*scale)
				}
			}
			d.score(scores, cols, vals)
			softmax(scores[:d.classes])
			grads = grads[:0]
			clear(all)
			for k, g := range scores[:d.classes] {
				if int32(k) == p.Y[r] {
					g--
				}
				if g > smallest || g < -smallest {
					grads = append(grads, gradient{k, g})
					all[k] = g
					d.bias[k] -= biasRate * g
				}
			}
			for i, c := range cols {
				from := int(c) * d.stride
				w, sq, x := d.w[from:from+d.stride], squares[from:from+d.stride], vals[i]
				if len(grads)*dense >= d.stride {
					adagrad(w, sq, all, x, rate) // a step by a gradient of 0 changes nothing
					continue
				}
				for _, g := range grads {
					w[g.class], sq[g.class] = adagradStep(w[g.class], sq[g.class], g.g*x, rate)
				}
			}
		}
		if opts.progress != nil {
			opts.progress(float64(pass+1) / float64(opts.passes))
		}
	}
	return d, nil
}

// softmax turns scores into probabilities in place.
func softmax(x []float32) {
	top := float32(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	var sum float32
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - top)))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}

// Softmax turns scores into probabilities in place; they sum to 1. Scores must be finite.
func Softmax(scores []float32) { softmax(scores) }
