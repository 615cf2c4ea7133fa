package embed

import "testing"

func TestNEONGivesThePlainSums(t *testing.T) {
	t.Parallel()
	agree(t, func(k, blocks int, a []int16, w []int8, c []int32, n int) {
		twoColumnsNEON(k, blocks, &a[0], &w[0], &c[0], n)
	})
}
