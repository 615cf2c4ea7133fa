#!/usr/bin/env python3
"""Writes jieba.bin.gz from the dictionary and the hidden Markov model of jieba 0.42.1 (pip install jieba==0.42.1):

    python3 generate.py > jieba.bin.gz

Numbers are unsigned varints. The sum of all frequencies; the number of words, and for each, in the order of their bytes: how many
bytes it shares with the word before, how many follow; then all those bytes, then the frequencies. Then for each of the states B, E,
M and S the number of characters and for each, in order, its distance from the one before and, after all of them, the logarithms of
their probabilities as float64, little-endian.
"""
import gzip
import os
import struct
import sys

import jieba
from jieba.finalseg.prob_emit import P as emit


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


words, total = {}, 0
with open(os.path.join(os.path.dirname(jieba.__file__), "dict.txt"), encoding="utf-8") as lines:
    for line in lines:
        word, freq = line.strip().split(" ")[:2]
        words[word.encode()] = int(freq)
        total += int(freq)

lengths, letters, freqs, before = [], [], [], b""
for word in sorted(words):
    shared = len(os.path.commonprefix([before, word]))
    lengths.append(varint(shared) + varint(len(word) - shared))
    letters.append(word[shared:])
    freqs.append(varint(words[word]))
    before = word
data = varint(total) + varint(len(words)) + b"".join(lengths + letters + freqs)
for state in "BEMS":
    chars = sorted(emit[state])
    last, gaps = 0, []
    for c in chars:
        gaps.append(varint(ord(c) - last))
        last = ord(c)
    data += varint(len(chars)) + b"".join(gaps)
    data += b"".join(struct.pack("<d", emit[state][c]) for c in chars)
sys.stdout.buffer.write(gzip.compress(data, 9, mtime=0))
