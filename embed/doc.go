// Package embed turns texts into dense vectors by weights that were trained elsewhere.
//
// [Transformer] runs the encoder of a BERT-like model from a local folder: config.json, model.safetensors, and vocab.txt or
// tokenizer.json, as Hugging Face lays them out. [Table] looks the pieces of words up in a table of vectors that [BuildTable] made
// of such a model; it is a thousand times quicker.
//
// # The same numbers everywhere
//
// Products of matrices are sums in a fixed order of eight lanes, without fused multiplication and addition, and the exponential
// function is our own. So the vector code for amd64 and plain Go give the same bits, and a model trained on one machine is the one
// trained on any other.
//
// # Memory
//
// Weights are mapped into memory where the system can do it: processes share them, and opening them reads little. A mapping lives as
// long as the value that uses it.
//
// # Concurrency
//
// A Transformer and a Table are immutable: any number of goroutines may use them.
package embed
