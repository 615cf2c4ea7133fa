//go:build !amd64 && !arm64

package embed

func twoColumns(k, blocks int, a []int16, w []int8, c []int32, n int) {
	twoColumnsPlain(k, blocks, a, w, c, n)
}
