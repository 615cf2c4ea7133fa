// Package learn holds the numbers of understanding and of deciding: sparse matrices, linear learners that are trained on
// them, calibration of their confidences, and the flat file their weights are kept in. It knows nothing of language or of
// dialogue.
//
// # Determinism
//
// The same data, options and seed give the same bits, whatever the number of cores: work is divided by class or by fold,
// never by time, and sums are taken in a fixed order. Training stops between passes when its context ends.
//
// # Concurrency
//
// Trained models are immutable and may be used by any number of goroutines; what a call writes to is given by the caller.
package learn
