#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the seeds of fuzz_file, fuzz_options and fuzz_spool: small files that are right.

  utest/fuzz/make-corpus.py        into utest/fuzz/corpus/

Shares no code with the library. zstd and lz4 blocks are made by hand out of
their "stored" forms, so nothing but the standard library is needed.
"""
import os
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = 256          # the smallest sub-buffer keeps the seeds small

HEADER_PAGE = """\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:%d;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:%d;\tsize:%d;\tsigned:1;
"""
HEADER_EVENT = """# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
"""
FORMAT = """name: %s
ID: %d
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int value;\toffset:8;\tsize:4;\tsigned:1;

print fmt: "value=%%d", REC->value
"""


def zstd_stored(data):
    """One frame, single segment with 4-byte size, one raw block."""
    assert len(data) < 1 << 17
    return (b"\x28\xb5\x2f\xfd" + bytes([0xA0]) + struct.pack("<I", len(data)) +
            struct.pack("<I", 1 | len(data) << 3)[:3] + data)


def lz4_stored(data):
    """One sequence of literals."""
    n = len(data)
    out = bytes([min(n, 15) << 4])
    if n >= 15:
        n -= 15
        out += b"\xff" * (n // 255) + bytes([n % 255])
    return out + data


CODECS = {
    "none": ("", None),
    "zlib": ("1.2.13", zlib.compress),
    "zstd": ("1.5.4", zstd_stored),
    "lz4": ("1.9.4", lz4_stored),
}


class Writer:
    def __init__(self, version, big, long_size, codec="none"):
        self.e = ">" if big else "<"
        self.version, self.long_size, self.codec = version, long_size, codec
        self.out = bytearray(b"\x17\x08\x44tracing%d\0" % version)
        self.out += bytes([big, long_size]) + self.pack("I", PAGE)
        self.strings = bytearray()

    def pack(self, fmt, *args):
        return struct.pack(self.e + fmt, *args)

    # -- blocks
    def header_info(self):
        head = 8 + self.long_size
        page = (HEADER_PAGE % (self.long_size, head, PAGE - head)).encode()
        event = HEADER_EVENT.encode()
        return (b"header_page\0" + self.pack("Q", len(page)) + page +
                b"header_event\0" + self.pack("Q", len(event)) + event)

    def formats(self, *formats):
        texts = [(FORMAT % f).encode() for f in formats]
        return self.pack("I", len(texts)) + b"".join(
            self.pack("Q", len(t)) + t for t in texts)

    def blocks(self):
        return {
            16: self.header_info(),
            17: self.formats(("print", 5)),
            18: self.pack("I", 1) + b"sys\0" + self.formats(("ev", 300)),
            19: self.text("I", b"ffffffff81000000 T start\n"),
            20: self.text("I", b'0xffffffff82000000 : "hello"\n'),
            21: self.text("Q", b"1 init\n42 the answer\n"),
        }

    def text(self, fmt, text):
        return self.pack(fmt, len(text)) + text

    # -- sub-buffers
    def page(self, ts, lost=0):
        payload = self.pack("HBBiI", 300, 0, 0, 42, 7)
        word = 3 | 5 << 5 if self.e == "<" else 3 << 27 | 5
        body = self.pack("I", word) + payload
        extra = b""
        commit = 2 * len(body)
        if lost:
            commit |= 3 << 30
            extra = self.pack("Q" if self.long_size == 8 else "I", lost)
        head = self.pack("Q", ts) + self.pack("Q" if self.long_size == 8 else "I", commit)
        return (head + body + body + extra).ljust(PAGE, b"\0")

    def cpu_data(self, cpu):
        return self.page(1000 + cpu) + self.page(2000 + cpu, lost=3)

    def align(self):
        self.out += bytes(-len(self.out) % PAGE)

    # -- options
    def option(self, oid, payload):
        return self.pack("HI", oid, len(payload)) + payload

    def plain_options(self):
        shift = self.pack("QII", 77, 1, 2)
        shift += 2 * (self.pack("I", 2) + self.pack("qqqqqq", 10, 20, -5, 5, 1, 1))
        shift += self.pack("QQQQ", 0, 0, 0, 0)
        return [
            (1, b"0x5fe51e1aa\0"), (2, b"CPU: 0\nentries: 0\n\0"),
            (4, b"[local] global counter\n\0"), (5, b"Linux box 6.1 x86_64\0"),
            (6, b"sys:ev,value/sys:ev,value,pg\0"), (7, b"-5\0"), (8, self.pack("I", 2)),
            (9, b"1.0\0"), (10, b"2a 1 comm\n1000 2000 /bin/x\n\0"),
            (11, self.pack("Q", 0x1234)), (12, shift),
            (13, b"guest\0" + self.pack("QI", 77, 2) + self.pack("IiIi", 0, 100, 1, -1)),
            (14, self.pack("IIQ", 1 << 20, 21, 0)), (24, b"inst:ffff\t[kernel]\n\0"),
            (99, b"unknown"),
            (0x7463, b"ptp".ljust(16, b"\0") + self.pack("I", 2) + 2 * (
                self.pack("I", 2) + self.pack("qQQII", 10, 4, 9, 339, 1) + self.pack("qQQII", 20, 2**64 - 1, 0, 0, 0))),
        ]

    # -- version 6
    def v6(self):
        for block in self.blocks().values():
            self.out += block
        self.out += self.pack("I", 2) + b"options  \0"
        for oid, payload in self.plain_options():
            self.out += self.option(oid, payload)
        self.out += self.option(3, self.pack("Q", 0) + b"inst\0")
        patch = len(self.out) - 13
        self.out += self.pack("H", 0)
        self.v6_table()
        self.out[patch:patch + 8] = self.pack("Q", len(self.out))
        self.v6_table()
        return bytes(self.out)

    def v6_table(self):
        self.out += b"flyrecord\0"
        table = len(self.out)
        self.out += bytes(2 * 16) + self.text("Q", b"[local]")
        for cpu in range(2):
            self.align()
            data = self.cpu_data(cpu)
            self.out[table + cpu * 16:table + cpu * 16 + 16] = self.pack(
                "QQ", len(self.out), len(data))
            self.out += data

    # -- version 7
    def section(self, sid, body, compress=True):
        at = len(self.out)
        squeeze = CODECS[self.codec][1]
        flags = 1 if compress and squeeze else 0
        if flags:
            packed = squeeze(body)
            body = self.pack("II", len(packed), len(body)) + packed
        desc = len(self.strings)
        self.strings += b"section\0"
        self.out += self.pack("HHiQ", sid, flags, desc, len(body)) + body
        return at

    def options(self, items):
        self.out[self.link:self.link + 8] = self.pack("Q", len(self.out))
        body = b"".join(self.option(*i) for i in items) + self.option(0, bytes(8))
        self.section(0, body, compress=False)
        self.link = len(self.out) - 8

    def buffer(self, name):
        at = self.section(3, b"", compress=False)
        squeeze = CODECS[self.codec][1]
        cpus = b""
        for cpu in (0, 3):
            self.align()
            data, start = self.cpu_data(cpu), len(self.out)
            if squeeze:
                packed = squeeze(data)
                data = self.pack("III", 1, len(packed), len(data)) + packed
            self.out += data
            cpus += self.pack("IQQ", cpu, start, len(data))
        self.out[at + 2:at + 4] = self.pack("H", 1 if squeeze else 0)
        self.out[at + 8:at + 16] = self.pack("Q", len(self.out) - at - 16)
        self.options([(3, self.pack("Q", at) + name + b"\0local\0" +
                       self.pack("II", PAGE, 2) + cpus)])

    def text_buffer(self):
        text = b"# tracer: wakeup\n"
        squeeze = CODECS[self.codec][1]
        if squeeze:
            packed = squeeze(text)
            text = self.pack("III", 1, len(packed), len(text)) + packed
        at = self.section(22, text, compress=False)
        self.out[at + 2:at + 4] = self.pack("H", 1 if squeeze else 0)
        self.options([(22, self.pack("Q", at) + b"lat\0local\0")])

    def v7(self):
        self.out += self.codec.encode() + b"\0" + CODECS[self.codec][0].encode() + b"\0"
        self.link = len(self.out)
        self.out += bytes(8)
        refs = [(sid, self.pack("Q", self.section(sid, body)))
                for sid, body in self.blocks().items()]
        self.options(refs + self.plain_options())
        self.buffer(b"")
        self.buffer(b"inst")
        self.text_buffer()
        body = bytes(self.strings) + b"strings\0"
        self.section(15, body)
        return bytes(self.out)


def spool_chunk(kind, seq, payload, usize=None, codec="", cpu=1, flags=0):
    """Without its check: the fuzz target makes it fit."""
    usize = len(payload) if usize is None else usize
    head = b"TCspool\n" + struct.pack(
        "<HHIIIQQQ8sIIQQ", 1, kind, flags, cpu, PAGE, seq, 1000 + seq, 2000 + seq,
        codec.encode(), len(payload), usize, 0x1234, 0)
    out = head + payload
    return out + bytes(-len(out) % 16)


def spool(codec):
    squeeze = CODECS[codec][1] or bytes
    out = spool_chunk(1, 0, b"instance=one\0clock=local\0cpus=2\0uname=Linux\0tracecmd=1\0")
    for seq in range(3):
        data = Writer(7, 0, 8).cpu_data(seq)
        out += spool_chunk(2, seq, squeeze(data), len(data),
                           "" if codec == "none" else codec)
    return out


def moved(whole):
    """A spool whose last two chunks were moved: what is left of it, entries (or the journal), payloads, their lengths."""
    data = [Writer(7, 0, 8).cpu_data(seq) for seq in (1, 2)]
    entries, at = b"", 0
    for seq, payload in reversed(list(enumerate(data, 1))):
        entries += struct.pack("<Q", at) + spool_chunk(2, seq, payload)[8:80] + bytes(8)
        at += len(payload)
    left = spool("none")[:-sum(len(spool_chunk(2, 0, payload)) for payload in data)]
    if whole:
        entries = b"TCmoved\n" + struct.pack("<IIQQ", 1, 12, 0x1234, 0) + b"moved\0moved\0" + bytes(4) + entries
    payloads = b"".join(reversed(data))
    return left + entries + payloads + struct.pack("<HH", len(entries), len(payloads))


def put(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def main():
    for big in (0, 1):
        for long_size in (4, 8):
            order = "be" if big else "le"
            put("file", "v6-%s-l%d" % (order, long_size), Writer(6, big, long_size).v6())
            put("file", "v7-%s-l%d-none" % (order, long_size), Writer(7, big, long_size).v7())
    for codec in ("zlib", "zstd", "lz4"):
        put("file", "v7-%s" % codec, Writer(7, 0, 8, codec).v7())
    for big in (0, 1):
        w = Writer(7, big, 8)
        options = [w.option(*o) for o in w.plain_options()]
        for how in (0, 1):
            tag = "v%d-%s" % (7 - how, "be" if big else "le")
            put("options", tag + "-all", bytes([how | big << 1]) + b"".join(options))
        for (oid, _), data in zip(w.plain_options(), options):
            put("options", "%s-%d" % ("be" if big else "le", oid), bytes([big << 1]) + data)
    for codec in CODECS:
        put("spool", codec, b"\1" + spool(codec))
    put("spool", "moved", b"\3" + moved(False))
    put("spool", "journal", b"\5" + moved(True))
    put("spool", "unchecked", b"\0" + spool("none"))
    put("spool", "torn", b"\1" + spool("zstd")[:-100])
    put("spool", "hole", b"\1" + spool("none")[:300] + bytes(64) + spool("none")[364:])
    put("spool", "big-endian", b"\1" + spool_chunk(2, 7, Writer(7, 1, 4).cpu_data(0), flags=3))


if __name__ == "__main__":
    main()
