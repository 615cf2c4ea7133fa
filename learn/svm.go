package learn

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// svmOptions are the knobs of trainSVM.
type svmOptions struct {
	c         float64 // cost of an error
	tolerance float64 // stop when the projected gradients are this close together
	passes    int     // at most
	seed      uint64
	progress  func(done float64)
}

// trainSVM learns one linear classifier a class against the rest: L2 regularised, squared hinge loss, by dual coordinate
// descent with shrinking (Hsieh et al. 2008). A class costs about 15 to 40 passes over rows that shrink quickly.
// Classes are independent, so they are shared out over the cores.
func trainSVM(ctx context.Context, p *Problem, opts svmOptions) (*dense, error) {
	rows := p.rows()
	out := newDense(p.X.Cols, p.Classes)
	norms := make([]float32, len(rows))
	for i, r := range rows {
		_, vals := p.X.Row(int(r))
		sum := float32(1) // the bias
		for _, v := range vals {
			sum += v * v
		}
		norms[i] = sum
	}
	var next, finished atomic.Int64
	var wait sync.WaitGroup
	var mu sync.Mutex // for progress, which need not be safe for concurrent use
	for range min(runtime.GOMAXPROCS(0), p.Classes) {
		wait.Go(func() {
			s := &svm{
				problem: p, rows: rows, norms: norms, opts: opts, w: make([]float32, p.X.Cols),
				alpha: make([]float32, len(rows)), index: make([]int32, len(rows)), sign: make([]float32, len(rows)),
			}
			for {
				class := int(next.Add(1) - 1)
				if class >= p.Classes || ctx.Err() != nil {
					return
				}
				bias := s.train(ctx, int32(class))
				for f, w := range s.w {
					out.w[f*out.stride+class] = w
				}
				out.bias[class] = bias
				done := float64(finished.Add(1)) / float64(p.Classes)
				if opts.progress != nil {
					mu.Lock()
					opts.progress(done)
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return out, ctx.Err()
}

// svm is one worker's memory.
type svm struct {
	problem *Problem
	rows    []int32
	norms   []float32 // ‖x‖² of each row, bias included
	opts    svmOptions
	w       []float32
	alpha   []float32
	index   []int32
	sign    []float32
}

// train leaves the weights of a class in s.w and returns its bias.
func (s *svm) train(ctx context.Context, class int32) (bias float32) {
	clear(s.w)
	clear(s.alpha)
	for i, r := range s.rows {
		s.index[i] = int32(i)
		s.sign[i] = -1
		if s.problem.is(r, class) {
			s.sign[i] = 1
		}
	}
	rnd := NewRand(s.opts.seed, uint64(class))
	diag := float32(1 / (2 * s.opts.c))
	tol := float32(s.opts.tolerance)
	inf := float32(math.Inf(1))
	maxOld := inf
	active := len(s.index)
	for range s.opts.passes {
		if ctx.Err() != nil {
			return bias
		}
		index := s.index[:active]
		rnd.Shuffle(index)
		maxNew, minNew := -inf, inf
		for at := 0; at < active; at++ {
			i := s.index[at]
			cols, vals := s.problem.X.Row(int(s.rows[i]))
			y := s.sign[i]
			sum := bias + dot(s.w, cols, vals)
			alpha := s.alpha[i]
			g := y*sum - 1 + alpha*diag
			projected := g
			if alpha == 0 {
				if g > maxOld {
					active--
					s.index[at], s.index[active] = s.index[active], s.index[at]
					at--
					continue
				}
				projected = min(g, 0)
			}
			maxNew = max(maxNew, projected)
			minNew = min(minNew, projected)
			if projected > -1e-12 && projected < 1e-12 {
				continue
			}
			s.alpha[i] = max(alpha-g/(s.norms[i]+diag), 0)
			d := (s.alpha[i] - alpha) * y
			if d == 0 {
				continue
			}
			for j, c := range cols {
				s.w[c] += d * vals[j]
			}
			bias += d
		}
		if maxNew-minNew <= tol {
			if active == len(s.index) {
				return bias
			}
			active = len(s.index) // look at all once more
			maxOld = inf
			continue
		}
		if maxOld = maxNew; maxOld <= 0 {
			maxOld = inf
		}
	}
	return bias
}
