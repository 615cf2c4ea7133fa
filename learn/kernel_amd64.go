package learn

import "golang.org/x/sys/cpu"

// axpy adds a·x to dst; x is the shorter.
func axpy(dst []float32, a float32, x []float32) {
	n := len(x) &^ 7
	if n == 0 || !cpu.X86.HasAVX2 {
		axpyPlain(dst, a, x)
		return
	}
	dst = dst[:len(x)]
	axpyAVX2(&dst[0], a, &x[0], n)
	axpyPlain(dst[n:], a, x[n:])
}

// axpyBytes adds a·x to dst; both are of one length, a multiple of 8.
func axpyBytes(dst []float32, a float32, x []int8) {
	if len(x) == 0 || !cpu.X86.HasAVX2 {
		axpyBytesPlain(dst, a, x)
		return
	}
	dst = dst[:len(x)]
	axpyBytesAVX2(&dst[0], a, &x[0], len(x)&^7)
}

// adagrad takes a step against the gradient x·g; all are of one length, a multiple of 8.
func adagrad(w, squares, g []float32, x, rate float32) {
	if len(g) == 0 || !cpu.X86.HasAVX2 {
		adagradPlain(w, squares, g, x, rate)
		return
	}
	w, squares = w[:len(g)], squares[:len(g)]
	adagradAVX2(&w[0], &squares[0], &g[0], x, rate, len(g)&^7)
}

//go:noescape
func axpyAVX2(dst *float32, a float32, x *float32, n int)

//go:noescape
func axpyBytesAVX2(dst *float32, a float32, x *int8, n int)

//go:noescape
func adagradAVX2(w, squares, grad *float32, x, rate float32, n int)
