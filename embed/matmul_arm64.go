package embed

// twoColumns writes two columns of a product, by vector instructions.
func twoColumns(k, blocks int, a []int16, w []int8, c []int32, n int) {
	twoColumnsNEON(k, blocks, &a[0], &w[0], &c[0], n)
}

// twoColumnsNEON is twoColumnsPlain for arm64; see matmul_arm64.s. Every such processor has these instructions.
//
//go:noescape
func twoColumnsNEON(k, blocks int, a *int16, w *int8, c *int32, n int)
