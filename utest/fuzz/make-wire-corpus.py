#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the corpora of the fuzzers of lib/remote from the sessions in utest/fixtures/wire."""
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
WIRE = HERE.parent / "fixtures" / "wire"
DATA_KEPT = 600                 # bytes of a session: of the metadata there need not be more


def put(corpus, name, data):
    folder = HERE / "corpus" / corpus
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def sessions():
    for path in sorted(WIRE.glob("*/control*.c2s")):
        name = path.parent.name
        said, answered = path.read_bytes(), path.with_suffix(".s2c").read_bytes()
        v1 = not said.startswith(b"-1")
        put("listener_talk", name, b"\x06" + said[:DATA_KEPT] + said[-24:])
        put("recorder_talk", name, (b"\x0d" if v1 else b"\x00") + answered)
        if not v1:
            put("wire", name, said[13:][:DATA_KEPT])
            put("wire", name + "-answer", answered[13:])


def errors():
    for line in (WIRE / "listen-errors.tsv").read_text().splitlines():
        name, said = line.split("\t")[:2]
        if name.startswith("#") or not said or " " in said:
            continue
        put("listener_talk", name, b"\x02" + bytes.fromhex(said))


sessions()
errors()
