#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the seeds of fuzz_perf: small perf.data files of every kind.

  utest/fuzz/make-perf-corpus.py     into utest/fuzz/corpus/perf/
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../tools")
from perfdata import COMPRESSED, COMPRESSED2, F_EVENTS, KERNEL, USER, Perf

OUT = f"{HERE}/corpus/perf"


def full(**kw):
    """A bit of everything."""
    p = Perf(chains=True, **kw)
    p.attrs.append((1, 0, [3]))
    p.features[F_EVENTS] = p.pack("II", 1, 128) + p.attr(2, 100) + p.pack("I", 2) + p.string("made:made") + p.pack("QQ", 1, 2)
    p.id_index((1, 0), (2, 1))
    p.comm(10, "ten")
    p.fork(11, 10, 5)
    for i in range(6):
        p.sample(1000 - 7 * i, i % 3, i, chain=[KERNEL, 1 << 63, USER, 4096][:i])
        if i % 2:
            p.round()
    p.lost(1100, 0, 3)
    p.sample(1 << 60, 0, 9, ident=3)
    p.lost_samples(2, 9)
    return p


def main():
    os.makedirs(OUT, exist_ok=True)
    seeds = {
        "file": b"\0" + full().bytes(), "v6": b"\1" + full().bytes(), "lz4": b"\2" + full().bytes(),
        "pipe": b"\0" + full().pipe(), "big": b"\0" + full(big=True).bytes(), "big-pipe": b"\1" + full(big=True).pipe(),
        "long4": b"\0" + full(long=4).bytes(), "zstd": b"\0" + full().bytes(COMPRESSED),
        "zstd2": b"\0" + full().pipe(COMPRESSED2),
    }
    for name, data in seeds.items():
        with open(f"{OUT}/{name}", "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
