package embed

import (
	"cmp"
	"math"
	"slices"
)

// components turns vectors of width numbers so that the first numbers vary most, and keeps the first few (principal component
// analysis). Conversions keep the compiler from fusing multiplication and addition, which not every processor can.
func components(vectors []float32, width, keep int) []float64 {
	n := len(vectors) / width
	mean := make([]float64, width)
	for i := range n {
		for j, v := range vectors[i*width : (i+1)*width] {
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(n)
	}
	cov := make([]float64, width*width)
	row := make([]float64, width)
	for i := range n {
		for j, v := range vectors[i*width : (i+1)*width] {
			row[j] = float64(v) - mean[j]
		}
		for j, x := range row {
			to := cov[j*width : j*width+j+1]
			for k := range to {
				to[k] += float64(x * row[k])
			}
		}
	}
	for j := range width {
		for k := range j {
			cov[k*width+j] = cov[j*width+k]
		}
	}
	values, axes := eigen(cov, width)
	order := make([]int, width)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
	out := make([]float64, n*keep)
	for i := range n {
		for j, v := range vectors[i*width : (i+1)*width] {
			row[j] = float64(v) - mean[j]
		}
		for c, axis := range order[:keep] {
			sum := 0.0
			for j, a := range axes[axis*width : (axis+1)*width] {
				sum += float64(a * row[j])
			}
			out[i*keep+c] = sum
		}
	}
	return out
}

// eigen gives the eigenvalues of a symmetric matrix, which it destroys, and the eigenvectors, row by row (Jacobi's method).
func eigen(a []float64, n int) (values, vectors []float64) {
	vectors = make([]float64, n*n)
	scale := 0.0
	for i := range n {
		vectors[i*n+i] = 1
		scale += math.Abs(a[i*n+i])
	}
	for range 30 {
		off := 0.0
		for p := range n {
			for q := p + 1; q < n; q++ {
				off += math.Abs(a[p*n+q])
			}
		}
		if off <= 1e-9*scale {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				rotate(a, vectors, n, p, q)
			}
		}
	}
	values = make([]float64, n)
	for i := range n {
		values[i] = a[i*n+i]
	}
	return values, vectors
}

// rotate makes the number at (p, q) zero.
func rotate(a, vectors []float64, n, p, q int) {
	apq := a[p*n+q]
	if apq == 0 {
		return
	}
	theta := (a[q*n+q] - a[p*n+p]) / (2 * apq)
	t := 1 / (math.Abs(theta) + math.Sqrt(float64(theta*theta)+1))
	if theta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(float64(t*t)+1)
	s := t * c
	turn := func(x, y []float64) {
		for k, v := range x {
			x[k], y[k] = float64(c*v)-float64(s*y[k]), float64(s*v)+float64(c*y[k])
		}
	}
	for k := range n {
		kp, kq := a[k*n+p], a[k*n+q]
		a[k*n+p], a[k*n+q] = float64(c*kp)-float64(s*kq), float64(s*kp)+float64(c*kq)
	}
	turn(a[p*n:(p+1)*n], a[q*n:(q+1)*n])
	turn(vectors[p*n:(p+1)*n], vectors[q*n:(q+1)*n])
}
