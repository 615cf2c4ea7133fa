package embed

import (
	"testing"

	"golang.org/x/sys/cpu"
)

func TestAVX2GivesThePlainSums(t *testing.T) {
	t.Parallel()
	if !cpu.X86.HasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	agree(t, func(k, blocks int, a []int16, w []int8, c []int32, n int) {
		twoColumnsAVX2(k, blocks, &a[0], &w[0], &c[0], n)
	})
}

func TestVNNIGivesThePlainSums(t *testing.T) {
	t.Parallel()
	if !cpu.X86.HasAVX512VNNI || !cpu.X86.HasAVX512BW {
		t.Skip("this processor has no AVX512VNNI")
	}
	agree(t, func(k, blocks int, a []int16, w []int8, c []int32, n int) {
		twoColumnsVNNI(k, blocks, &a[0], &w[0], &c[0], n)
	})
}
