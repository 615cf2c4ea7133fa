// Package segment cuts Chinese text into words as the Python library jieba 0.42.1 does in its accurate mode: the most likely way
// through a dictionary, and a hidden Markov model for runs of characters that the dictionary does not join.
//
// Dictionary and model are jieba's (MIT, see LICENSE-jieba); generate.py makes jieba.bin.gz of them. They are unpacked at the first
// use, about 8 MB, once for the process. Every word that Cut gives is a piece of the text, one after the other without a gap.
package segment
