//go:build !amd64

package embed

func twoColumns(k, blocks int, a, w, c []float32, n int) { twoColumnsPlain(k, blocks, a, w, c, n) }
