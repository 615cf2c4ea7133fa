package learn

import (
	"context"
	"fmt"
)

// TrainMulti learns rows that may belong to several classes, or to none: one machine a class against the rest. labels are the
// classes of each row of x. Scores are not calibrated: positive means that a row belongs to a class. Of the options C, Passes,
// Seed and Progress count.
func TrainMulti(ctx context.Context, x *Matrix, labels [][]int32, classes int, opts LinearOptions) (*Linear, error) {
	if classes < 2 {
		return nil, ErrTooFewClasses
	}
	if len(labels) != x.Rows() {
		return nil, fmt.Errorf("learn: labels of %d rows for %d rows", len(labels), x.Rows())
	}
	if opts.C == 0 {
		opts.C = 0.5
	}
	passes := 300
	if opts.Passes > 0 {
		passes = min(passes, opts.Passes)
	}
	p := &Problem{X: x, sets: labels, Classes: classes}
	d, err := trainSVM(ctx, p, svmOptions{c: opts.C, tolerance: 0.05, passes: passes, seed: opts.Seed, progress: newProgress(opts.Progress, 1).part(0)})
	if err != nil {
		return nil, fmt.Errorf("train linear classifiers: %w", err)
	}
	return quantize(&halves{svm: d}, 1, 0), nil
}
