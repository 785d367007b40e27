#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the seeds of fuzz_filter: the filters of utest/unit/test_event_filter.c,
with records that reach all fields and some that do not.

  utest/fuzz/make-filter-corpus.py     into utest/fuzz/corpus/filter/
"""
import os
import re
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = f"{HERE}/corpus/filter"
GLOBS = ("one", "*:ev*,two/?[a-e]*", "nothing", "one:ev,[")


def filters():
    text = open(f"{HERE}/../unit/test_event_filter.c").read()
    lists = re.findall(r"_ones\[\] = \{(.*?)\n\};", text, re.S)
    return [eval(s) for part in lists for s in re.findall(r'"(?:[^"\\]|\\.)*"', part)]


def record(order, number=300):
    head = struct.pack(order + "HBBi", number, 1, 0, 77)
    if number != 300:
        return head + struct.pack(order + "ii", 7, 77)
    return head + struct.pack(order + "bBhIQq4sIII", -2, 254, -3, 0xffffffff, 2**64 - 1, -22, b"abcd",
                              4 << 16 | 48, 4 << 16 | 8, 4 << 16 | 48) + b"dyn\0rel\0"


def write(name, options, text, globs, data):
    with open(f"{OUT}/{name}", "wb") as f:
        f.write(struct.pack("<BHH", options, len(text), len(globs)) + text + globs + data)


os.makedirs(OUT, exist_ok=True)
for nr, text in enumerate(filters()):
    big = nr % 2
    data = record("<>"[big], 300 if nr % 7 else 301)
    cut = nr % 5 == 4
    globs = GLOBS[nr % len(GLOBS)].encode() if nr % 6 == 5 else b""
    write(f"filter-{nr:03}", big | bool(globs) << 1, text.encode(), globs, data[:8 + nr % 40] if cut else data)
