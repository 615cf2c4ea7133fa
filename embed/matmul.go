package embed

// product writes a·wᵀ into c: a has rows of k numbers, padded to a multiple of rowBlock rows, w has n rows of k numbers, c rows of n.
// k is a multiple of lanes, n is even. Sums are exact as long as they fit into 32 bits: see largest.
func product(c []int32, a []int16, w []int8, rows, k, n int) {
	blocks := (rows + rowBlock - 1) / rowBlock
	if k%lanes != 0 || n%2 != 0 || len(a) < blocks*rowBlock*k || len(w) < n*k || len(c) < blocks*rowBlock*n {
		panic("embed: matrices that do not fit") // shapes are checked when weights are read
	}
	if blocks == 0 || k == 0 {
		return
	}
	for j := 0; j < n; j += 2 {
		twoColumns(k, blocks, a, w[j*k:(j+2)*k], c[j:], n)
	}
}

const (
	lanes    = 32 // numbers that the vector code takes at once
	rowBlock = 4  // rows that it takes at once
)

// twoColumnsPlain writes two columns of a product.
func twoColumnsPlain(k, blocks int, a []int16, w []int8, c []int32, n int) {
	for i := range blocks * rowBlock {
		row, w0, w1 := a[i*k:(i+1)*k], w[:k], w[k:2*k]
		var s0, s1 int32
		for j, x := range row {
			s0 += int32(x) * int32(w0[j])
			s1 += int32(x) * int32(w1[j])
		}
		c[i*n], c[i*n+1] = s0, s1
	}
}
