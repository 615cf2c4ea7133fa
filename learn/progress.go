package learn

import "sync"

// progress adds up parts that advance at the same time.
type progress struct {
	tell  func(float64)
	mu    sync.Mutex
	parts []float64
	last  float64
}

func newProgress(tell func(float64), parts int) *progress {
	return &progress{tell: tell, parts: make([]float64, parts)}
}

// part gives the function that one part reports to, nil when nobody listens.
func (p *progress) part(i int) func(float64) {
	if p.tell == nil {
		return nil
	}
	return func(done float64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.parts[i] = max(p.parts[i], done) // what several goroutines report may come out of order
		sum := 0.0
		for _, v := range p.parts {
			sum += v
		}
		if sum /= float64(len(p.parts)); sum > p.last {
			p.last = sum
			p.tell(sum)
		}
	}
}
