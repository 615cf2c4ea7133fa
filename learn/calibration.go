package learn

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// calibration is the scores of rows by models that have not seen them.
type calibration struct {
	rows      []int32
	y         []int32
	svm, soft [][]float32
}

func newCalibration(jobs []*halves, p *Problem) *calibration {
	c := &calibration{}
	for _, job := range jobs {
		for _, r := range job.held {
			cols, vals := p.X.Row(int(r))
			c.rows = append(c.rows, r)
			c.y = append(c.y, p.Y[r])
			c.svm = append(c.svm, job.score(p, r, 1))
			if job.soft != nil {
				scores := make([]float32, job.soft.stride)
				job.soft.score(scores, cols, vals)
				c.soft = append(c.soft, scores[:p.Classes])
			}
		}
	}
	return c
}

// mix adds both scores.
func (c *calibration) mix(svm, soft float32) [][]float32 {
	out := make([][]float32, len(c.svm))
	for i, s := range c.svm {
		sum := make([]float32, len(s))
		for k, v := range s {
			sum[k] = svm * v
			if c.soft != nil {
				sum[k] += soft * c.soft[i][k]
			}
		}
		out[i] = sum
	}
	return out
}

// fit finds the temperature that makes the right classes most likely, drawn towards prior as much as rows are few.
func (c *calibration) fit(scores [][]float32, prior float64) float64 {
	if len(scores) == 0 {
		return prior
	}
	loss := func(logTau float64) float64 {
		tau := math.Exp(logTau)
		return sumOver(len(scores), func(i int) float64 {
			s := scores[i]
			top := float64(s[argmax(s)])
			return math.Log(partition(s, tau, top)) - tau*(float64(s[c.y[i]])-top)
		})
	}
	low, high := math.Log(0.25), math.Log(30)
	const golden = 0.6180339887498949
	a, b := high-golden*(high-low), low+golden*(high-low)
	fa, fb := loss(a), loss(b)
	for range 24 {
		if fa < fb {
			high, b, fb = b, a, fa
			a = high - golden*(high-low)
			fa = loss(a)
		} else {
			low, a, fa = a, b, fb
			b = low + golden*(high-low)
			fb = loss(b)
		}
	}
	n := float64(len(scores))
	weight := 200 / (200 + n)
	return math.Exp((1-weight)*(low+high)/2 + weight*math.Log(prior))
}

// partition is the sum of e^(tau·(score − top)).
func partition(scores []float32, tau, top float64) float64 {
	z := 0.0
	for _, v := range scores {
		z += math.Exp(tau * (float64(v) - top))
	}
	return z
}

// sumOver adds up f(0) … f(n−1), which may be called at the same time, in this order.
func sumOver(n int, f func(i int) float64) float64 {
	const chunk = 256
	values := make([]float64, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk) {
		wait.Go(func() {
			for {
				from := (int(next.Add(1)) - 1) * chunk
				if from >= n {
					return
				}
				for i := from; i < min(from+chunk, n); i++ {
					values[i] = f(i)
				}
			}
		})
	}
	wait.Wait()
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}

// modest lowers a temperature until the mean best confidence is at most 0.97.
func (c *calibration) modest(scores [][]float32, tau float64) float64 {
	if len(scores) == 0 {
		return tau
	}
	for range 40 {
		sum := sumOver(len(scores), func(i int) float64 {
			return 1 / partition(scores[i], tau, float64(scores[i][argmax(scores[i])]))
		})
		if sum/float64(len(scores)) <= 0.97 {
			break
		}
		tau *= 0.95
	}
	return tau
}

// wrongConfidence is how far confidences may be from how often they are right for the sake of doubt, on rows that were left out. It is
// less than the 0.05 that is wanted of what comes later.
const wrongConfidence = 0.04

// doubt lowers a temperature as Doubt says.
func (c *calibration) doubt(scores [][]float32, tau, share float64) float64 {
	var p []float32
	best := tau
	for f := 0.95; f >= 0.6; f -= 0.05 {
		right, refused := 0, 0
		var wrong confidenceError
		for i, s := range scores {
			p = append(p[:0], s...)
			for k := range p {
				p[k] *= float32(tau * f)
			}
			softmax(p)
			top := argmax(p)
			wrong.add(float64(p[top]), top == int(c.y[i]))
			if top != int(c.y[i]) {
				continue
			}
			right++
			first := p[top]
			p[top] = 0
			if first < 0.3 || first-p[argmax(p)] < 0.1 {
				refused++
			}
		}
		if float64(refused) > share*float64(right) || wrong.mean() > wrongConfidence {
			break
		}
		best = tau * f
	}
	return best
}

// confidenceError compares confidences with how often they are right.
type confidenceError struct {
	n    int
	bins [10]float64 // of confidences: right ones less what was to be expected
}

func (e *confidenceError) add(confidence float64, right bool) {
	bin := &e.bins[min(int(confidence*10), 9)]
	if right {
		*bin++
	}
	*bin -= confidence
	e.n++
}

// mean is the difference that is to be expected of a row (expected calibration error).
func (e *confidenceError) mean() float64 {
	sum := 0.0
	for _, b := range e.bins {
		sum += math.Abs(b)
	}
	return sum / float64(max(e.n, 1))
}
