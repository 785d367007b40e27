#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the corpora of the fuzzers of lib/remote from the sessions in utest/fixtures/wire."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
WIRE = HERE.parent / "fixtures" / "wire"
DATA_KEPT = 600                 # bytes of a session: of the metadata there need not be more


def put(corpus, name, data):
    folder = HERE / "corpus" / corpus
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def sessions():
    for path in sorted(WIRE.glob("listen*/control*.c2s")):
        name = path.parent.name
        said, answered = path.read_bytes(), path.with_suffix(".s2c").read_bytes()
        v1 = not said.startswith(b"-1")
        put("listener_talk", name, b"\x06" + said[:DATA_KEPT] + said[-24:])
        put("recorder_talk", name, (b"\x0d" if v1 else b"\x00") + answered)
        if not v1:
            put("wire", name, said[13:][:DATA_KEPT])
            put("wire", name + "-answer", answered[13:])


def agents():
    for path in sorted(WIRE.glob("agent*/control.c2s")):
        name = path.parent.name
        said, answered = path.read_bytes(), path.with_suffix(".s2c").read_bytes()
        put("agent_talk", name, b"\x05" + said)
        put("agent_talk", name + "-answer", b"\x85" + answered)
    request = struct.pack(">IIIIIQ", 28 + 8 + 36, 6, 16, 0, 0, 1) + struct.pack(">II", 0x54434d44, 36) + bytes(36)
    put("agent_talk", "key", b"\x45" + request + struct.pack(">III", 44, 11, 32) + bytes(32))
    put("agent_talk", "key-answer", b"\xc5" + struct.pack(">III", 76, 11, 64) + bytes(64))
    put("agent_talk", "refused", b"\x85" + struct.pack(">III", 16, 5, 0) + b"no\x00\n")


def errors():
    for line in (WIRE / "listen-errors.tsv").read_text().splitlines():
        name, said = line.split("\t")[:2]
        if name.startswith("#") or not said or " " in said:
            continue
        put("listener_talk", name, b"\x02" + bytes.fromhex(said))


sessions()
agents()
errors()
