//go:build !amd64

package embed

func vectorMagnitude([]float32) (top uint32, done int) { return 0, 0 }

func vectorWhole[T int8 | int16](_ []T, _ []float32, _ float32) int { return 0 }
