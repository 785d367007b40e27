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


def messages(data):
    """Those of a connection that compares clocks, one by one."""
    while data:
        size = int.from_bytes(data[:4], "big")
        yield data[:size]
        data = data[size:]


def first_measurement(path, name):
    """Up to the first result, with a few exchanges only."""
    kept = []
    for message in messages(path.read_bytes()):
        protocol, number = message[12:28].rstrip(b"\0").decode(), int.from_bytes(message[28:32], "big")
        if (protocol, number) == (name, 2) and name == "ptp" and int.from_bytes(message[32:36], "big") > 9:
            continue
        kept.append(message[:32 + 8 + 12 * 12] if len(message) == 8176 else message)
        if len(kept[-1]) != len(message):
            kept[-1] = len(kept[-1]).to_bytes(4, "big") + kept[-1][4:36] + (9).to_bytes(4, "big") + kept[-1][40:]
    return b"".join(kept[:16])


def clocks():
    for path in sorted(WIRE.glob("*/tsync.*2*")):
        name = "kvm" if path.parent.name.startswith("kvm") else "ptp"
        kind = {(".c2s", "ptp"): 0x42, (".c2s", "kvm"): 0x40, (".s2c", "ptp"): 0, (".s2c", "kvm"): 1}[path.suffix, name]
        put("tsync", path.parent.name + path.suffix, bytes([kind]) + first_measurement(path, name))
    put("tsync", "offers", b"\0kvm\0tracecmd-ptp\0ptp\0\0")


def chunks():
    """Of CPU 3, number 7; the check is not looked at before there is a payload."""
    for name, kind, codec, page, csize, usize in (("raw", 0, b"", 4096, 8192, 8192), ("zstd", 16, b"zstd", 4096, 500, 8192),
                                                  ("large", 16 | 3 | 12, b"zstd", 32768, 900, 65536),
                                                  ("big-endian", 32, b"", 4096, 4096, 4096)):
        head = struct.pack("<8sHHIIIQQQ8sIIQQ", b"TCspool\n", 1, 2, 1 if kind & 32 else 0, 3, page, 7, 1, 2, codec, csize, usize,
                           0, 0)
        put("packed", name, bytes([kind]) + head + bytes(csize))


sessions()
agents()
errors()
clocks()
chunks()
