// Package embed turns texts into dense vectors by weights that were trained elsewhere.
//
// [Transformer] runs the encoder of a BERT-like model from a local folder: config.json, model.safetensors, and vocab.txt or
// tokenizer.json, as Hugging Face lays them out. [Table] looks the pieces of words up in a table of vectors that [BuildTable] made
// of such a model; it is a thousand times quicker.
//
// # The same numbers everywhere
//
// The large products are of whole numbers: weights become 8 bits, with a scale for each row, when they are opened, and what they are
// multiplied with 16 bits, with a scale for each piece. Their sums are exact, so the vector code for amd64 (AVX2, AVX-512 with VNNI)
// and arm64 (NEON) and plain Go give the same bits. All else is in a fixed order without fused multiplication and addition, and the
// exponential function is our own. So a model trained on one machine is the one trained on any other.
//
// # Memory
//
// Files are mapped into memory where the system can do it: processes share the vectors of words. The whole numbers of a larger model are
// kept in the user's cache folder (kept.go), 11 MB for MiniLM, and mapped from there, so processes share them, too, and the next opening
// is quick; where there is no such folder, each process makes its own. They are found by a sum of parts of the file of weights, its size
// and the time of its last change: a file that was written anew is read anew. A mapping lives as long as the value that uses it.
//
// # Damaged weights
//
// What does not fit together is an error when it is opened. Numbers that are not finite, where they are not looked at, give texts no
// vector (zeros).
//
// # Concurrency
//
// A Transformer and a Table are immutable: any number of goroutines may use them.
package embed
