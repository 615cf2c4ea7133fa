package learn

// The loops that training and scoring spend their time in. Products are rounded before they are added (a conversion forbids
// the compiler to fuse them), so that these give the same bits with vector instructions or without.

func axpyPlain(dst []float32, a float32, x []float32) {
	dst = dst[:len(x)]
	for len(x) >= 8 {
		d, y := dst[:8:8], x[:8:8]
		d[0] += float32(a * y[0])
		d[1] += float32(a * y[1])
		d[2] += float32(a * y[2])
		d[3] += float32(a * y[3])
		d[4] += float32(a * y[4])
		d[5] += float32(a * y[5])
		d[6] += float32(a * y[6])
		d[7] += float32(a * y[7])
		dst, x = dst[8:], x[8:]
	}
	for i, v := range x {
		dst[i] += float32(a * v)
	}
}

func axpyBytesPlain(dst []float32, a float32, x []int8) {
	dst = dst[:len(x)]
	for len(x) >= 8 {
		d, y := dst[:8:8], x[:8:8]
		d[0] += float32(a * float32(y[0]))
		d[1] += float32(a * float32(y[1]))
		d[2] += float32(a * float32(y[2]))
		d[3] += float32(a * float32(y[3]))
		d[4] += float32(a * float32(y[4]))
		d[5] += float32(a * float32(y[5]))
		d[6] += float32(a * float32(y[6]))
		d[7] += float32(a * float32(y[7]))
		dst, x = dst[8:], x[8:]
	}
}

func adagradPlain(w, squares, g []float32, x, rate float32) {
	w, squares = w[:len(g)], squares[:len(g)]
	for k, v := range g {
		w[k], squares[k] = adagradStep(w[k], squares[k], v*x, rate)
	}
}

// adagradStep moves one weight against its gradient by the rate over the root of the sum of all squared gradients.
func adagradStep(w, squares, g, rate float32) (newW, newSquares float32) {
	squares += float32(g * g)
	return w - float32(float32(rate*g)/sqrt32(squares)), squares
}

// dot adds up the products of a sparse row and dense weights, in four sums that do not wait for each other.
func dot(w []float32, cols []uint32, vals []float32) float32 {
	vals = vals[:len(cols)]
	var a, b, c, d float32
	for len(cols) >= 4 && len(vals) >= 4 {
		a += float32(w[cols[0]] * vals[0])
		b += float32(w[cols[1]] * vals[1])
		c += float32(w[cols[2]] * vals[2])
		d += float32(w[cols[3]] * vals[3])
		cols, vals = cols[4:], vals[4:]
	}
	for j, col := range cols {
		a += float32(w[col] * vals[j])
	}
	return (a + b) + (c + d)
}
