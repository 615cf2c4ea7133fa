package embed

import "golang.org/x/sys/cpu"

// vectorMagnitude gives the bits of the magnitude of the beginning of a row, and how many numbers that is.
func vectorMagnitude(row []float32) (top uint32, done int) {
	if done = len(row) &^ 15; done == 0 || !cpu.X86.HasAVX2 {
		return 0, 0
	}
	return magnitudeAVX2(&row[0], done), done
}

// vectorWhole does the beginning of whole, and says how many numbers that is. dst is as long as row.
func vectorWhole[T int8 | int16](dst []T, row []float32, factor float32) int {
	done := len(row) &^ 15
	if done == 0 || !cpu.X86.HasAVX2 {
		return 0
	}
	switch dst := any(dst).(type) {
	case []int8:
		whole8AVX2(&dst[0], &row[0], done, factor)
	case []int16:
		whole16AVX2(&dst[0], &row[0], done, factor)
	}
	return done
}

// These take n numbers, a multiple of 16; see quantize_amd64.s.
//
//go:noescape
func magnitudeAVX2(row *float32, n int) uint32

//go:noescape
func whole16AVX2(dst *int16, row *float32, n int, factor float32)

//go:noescape
func whole8AVX2(dst *int8, row *float32, n int, factor float32)
