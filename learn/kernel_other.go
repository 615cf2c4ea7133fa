//go:build !amd64

package learn

// axpy adds a·x to dst; x is the shorter.
func axpy(dst []float32, a float32, x []float32) { axpyPlain(dst, a, x) }

// axpyBytes adds a·x to dst; both are of one length, a multiple of 8.
func axpyBytes(dst []float32, a float32, x []int8) { axpyBytesPlain(dst, a, x) }

// adagrad takes a step against the gradient x·g; all are of one length, a multiple of 8.
func adagrad(w, squares, g []float32, x, rate float32) { adagradPlain(w, squares, g, x, rate) }
