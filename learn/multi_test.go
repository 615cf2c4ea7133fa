package learn

import (
	"errors"
	"slices"
	"testing"
)

func TestTrainMultiLearnsRowsOfSeveralClasses(t *testing.T) {
	t.Parallel()
	x := NewMatrix(4)
	labels := [][]int32{{0}, {1}, {0, 1}, {}, {2}}
	for _, cols := range [][]uint32{{0}, {1}, {0, 1}, {2}, {3}} {
		x.Append(cols, []float32{1, 1}[:len(cols)])
	}
	for range 3 { // more of the same
		for i := range 5 {
			cols, vals := x.Row(i)
			x.Append(slices.Clone(cols), slices.Clone(vals))
			labels = append(labels, labels[i])
		}
	}
	m, err := TrainMulti(t.Context(), x, labels, 3, LinearOptions{C: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		cols, vals := x.Row(i)
		for class, score := range m.Scores(nil, cols, vals) {
			if (score > 0) != slices.Contains(labels[i], int32(class)) {
				t.Errorf("row %d, class %d: score %f", i, class, score)
			}
		}
	}
	if _, err := TrainMulti(t.Context(), x, labels, 1, LinearOptions{}); !errors.Is(err, ErrTooFewClasses) {
		t.Errorf("one class: %v", err)
	}
	if _, err := TrainMulti(t.Context(), x, labels[:2], 3, LinearOptions{}); err == nil {
		t.Error("labels of two rows for twenty: no error")
	}
}
