package embed

import "golang.org/x/sys/cpu"

// twoColumns writes two columns of a product, by the best vector instructions that the processor has.
func twoColumns(k, blocks int, a []int16, w []int8, c []int32, n int) {
	switch {
	case cpu.X86.HasAVX512VNNI && cpu.X86.HasAVX512BW:
		twoColumnsVNNI(k, blocks, &a[0], &w[0], &c[0], n)
	case cpu.X86.HasAVX2:
		twoColumnsAVX2(k, blocks, &a[0], &w[0], &c[0], n)
	default:
		twoColumnsPlain(k, blocks, a, w, c, n)
	}
}

// twoColumnsAVX2 is twoColumnsPlain for amd64 with AVX2; see matmul_amd64.s.
//
//go:noescape
func twoColumnsAVX2(k, blocks int, a *int16, w *int8, c *int32, n int)

// twoColumnsVNNI is twoColumnsPlain for amd64 with AVX512BW and AVX512VNNI.
//
//go:noescape
func twoColumnsVNNI(k, blocks int, a *int16, w *int8, c *int32, n int)
