#!/usr/bin/env python3
"""Writes what jieba 0.42.1 makes of the lines of standard input: JSON, a line each. Arguments are lines of a user's dictionary."""
import io
import json
import logging
import sys

import jieba

jieba.setLogLevel(logging.ERROR)
if len(sys.argv) > 1:
    jieba.load_userdict(io.BytesIO("\n".join(sys.argv[1:]).encode()))
for line in sys.stdin:
    text = line.rstrip("\n")
    print(json.dumps([text] + [list(t) for t in jieba.tokenize(text)], ensure_ascii=False))
