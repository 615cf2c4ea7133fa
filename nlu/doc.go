// Package nlu understands messages: a pipeline of tokenizers, featurizers, classifiers and extractors with Rasa's names and
// options, trained on examples and applied to texts.
//
// # Life
//
// [Train] builds the components of a configuration and trains them one after another; [Pipeline.Save] hands them over as
// named sections and [Load] makes the same pipeline of them. The same data and options give the same bytes.
//
// # What is inside
//
// Components keep Rasa's names, options and output. Where Rasa trains a neural network (DIETClassifier, ResponseSelector)
// a linear learner of package learn does the work: seconds instead of minutes, and confidences that are calibrated.
//
// # Offsets
//
// Offsets are bytes inside a pipeline; one function turns them into the code points of [dialogue.Parse].
//
// # Concurrency
//
// A trained pipeline is immutable and safe for concurrent use.
package nlu
