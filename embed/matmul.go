package embed

// product writes a·wᵀ into c: a has rows of k numbers, padded to a multiple of rowBlock rows, w has n rows of k numbers, c rows of n.
// k is a multiple of lanes, n is even. Each number of c is a sum in the order of dot.
func product(c, a, w []float32, rows, k, n int) {
	blocks := (rows + rowBlock - 1) / rowBlock
	if k%lanes != 0 || n%2 != 0 || len(a) < blocks*rowBlock*k || len(w) < n*k || len(c) < blocks*rowBlock*n {
		panic("embed: matrices that do not fit") // shapes are checked when weights are read
	}
	if blocks == 0 {
		return
	}
	for j := 0; j < n; j += 2 {
		twoColumns(k, blocks, a, w[j*k:(j+2)*k], c[j:], n)
	}
}

const (
	lanes    = 8 // of a sum
	rowBlock = 4 // rows that the vector code takes at once
)

// twoColumnsPlain writes two columns of a product. It is what the vector code must do, bit by bit.
func twoColumnsPlain(k, blocks int, a, w, c []float32, n int) {
	for i := range blocks * rowBlock {
		row := a[i*k : (i+1)*k]
		c[i*n] = dot(row, w[:k])
		c[i*n+1] = dot(row, w[k:])
	}
}

// dot is the sum of products of two rows, whose length is a multiple of 8: one sum in each of eight lanes, which are then added. The
// conversions keep the compiler from fusing multiplication and addition.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	for len(a) >= lanes && len(b) >= lanes {
		x, y := a[:8:8], b[:8:8]
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		s4 += float32(x[4] * y[4])
		s5 += float32(x[5] * y[5])
		s6 += float32(x[6] * y[6])
		s7 += float32(x[7] * y[7])
		a, b = a[8:], b[8:]
	}
	return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
}
