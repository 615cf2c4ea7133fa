package embed

import "golang.org/x/sys/cpu"

// twoColumns writes two columns of a product, by vector instructions where the processor has them.
func twoColumns(k, blocks int, a, w, c []float32, n int) {
	if !cpu.X86.HasAVX2 {
		twoColumnsPlain(k, blocks, a, w, c, n)
		return
	}
	twoColumnsAVX2(k, blocks, &a[0], &w[0], &c[0], n)
}

// twoColumnsAVX2 is twoColumnsPlain for amd64 with AVX2; see matmul_amd64.s.
//
//go:noescape
func twoColumnsAVX2(k, blocks int, a, w, c *float32, n int)
