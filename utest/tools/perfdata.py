#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""perf.data files made to order, as the kernel's tools/perf/Documentation/perf.data-file-format.txt
and include/uapi/linux/perf_event.h lay them out.

  utest/tools/perfdata.py shrink IN OUT     a file of perf's without what tells of the machine: names
                                            of tasks that have no sample, mappings, build ids
"""
import struct
import subprocess
import sys

IP, TID, TIME, ADDR, READ, CHAIN, ID, CPU, PERIOD, STREAM, RAW, IDENTIFIER = (
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1 << 16)
SAMPLE_TYPE = IP | TID | TIME | CPU | PERIOD | RAW | IDENTIFIER
KERNEL, USER = (1 << 64) - 128, (1 << 64) - 512
LOST, COMM, FORK, SAMPLE, LOST_SAMPLES = 2, 3, 7, 9, 13
ATTR, TRACING, ROUND, ID_INDEX, FEATURE, COMPRESSED, COMPRESSED2 = 64, 66, 68, 69, 80, 81, 83
TRACEPOINT = 2
F_TRACING, F_HOST, F_RELEASE, F_VERSION, F_ARCH, F_CPUS, F_CMDLINE, F_EVENTS, F_DIR = 1, 3, 4, 5, 6, 7, 11, 12, 24
ID_ALL = 18         # bit of the attribute's flags
CLOCKID = 25
EVENT = 100         # id of the one event that tracing data made here have a format for

HEADER_PAGE = ("\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:%d;"
               "\tsigned:1;\n\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:%d;"
               "\tsize:4080;\tsigned:0;\n")
COMMON = ("\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
          "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
          "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
          "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n")
FORMAT = (f"name: made\nID: {EVENT}\nformat:\n{COMMON}\tfield:unsigned int nr;\toffset:8;\tsize:4;\tsigned:0;\n\n"
          "print fmt: \"nr=%u\", REC->nr\n")


class Perf:
    """One file being made; what is in its lists can be changed before bytes()."""

    def __init__(self, big=False, long=8, chains=False):
        self.order = ">" if big else "<"
        self.long = long
        self.sample_type = SAMPLE_TYPE | (CHAIN if chains else 0)
        self.attrs = [(TRACEPOINT, EVENT, [1, 2])]       # type, config, ids (one for each CPU)
        self.flags = 0
        self.clockid = 0
        self.features = {F_TRACING: self.tracing(), F_HOST: self.string("host"), F_RELEASE: self.string("6.1.0"),
                         F_VERSION: self.string("6.1"), F_ARCH: self.string("x86_64"), F_CPUS: self.pack("II", 2, 4),
                         F_CMDLINE: self.pack("I", 2) + self.string("perf") + self.string("record")}
        self.records = []

    def pack(self, how, *values):
        return struct.pack(self.order + how, *values)

    def string(self, text):
        data = text.encode() + b"\0"
        data += b"\0" * (-len(data) % 64)
        return self.pack("I", len(data)) + data

    def tracing(self, version=b"0.6", formats=(("made", FORMAT),), ftrace=(), names="7 saved\n", printk=""):
        page = (HEADER_PAGE % (self.long, 8 + self.long)).encode()
        out = b"\x17\x08Dtracing" + version + b"\0" + self.pack("BBI", self.order == ">", self.long, 4096)
        out += b"header_page\0" + self.pack("Q", len(page)) + page + b"header_event\0" + self.pack("Q", 0)
        out += self.pack("I", len(ftrace)) + b"".join(self.pack("Q", len(f)) + f.encode() for f in ftrace)
        out += self.pack("I", len(formats))
        for system, text in formats:
            out += system.encode() + b"\0" + self.pack("IQ", 1, len(text)) + text.encode()
        out += self.pack("I", 0) + self.pack("I", len(printk)) + printk.encode()
        return out + self.pack("Q", len(names)) + names.encode() if version == b"0.6" else out

    # ---- records ----

    def record(self, kind, body, misc=0):
        self.records.append(self.pack("IHH", kind, misc, 8 + len(body)) + body)

    def where(self, time, cpu, tid=10, ident=1):
        """What sample_id_all puts behind a record."""
        return self.pack("IIQIIQ", tid, tid, time, cpu, 0, ident)

    def data(self, nr, tid=10, event=EVENT):
        return self.pack("HBBiI", event, 0, 0, tid, nr)

    def sample(self, time, cpu, nr=0, tid=10, ident=None, raw=None, chain=()):
        raw = self.data(nr, tid) if raw is None else raw
        body = self.pack("QQIIQIIQ", ident if ident is not None else 1 + cpu % 2, 0xabc, tid, tid, time, cpu, 0, 1)
        if self.sample_type & CHAIN:
            body += self.pack(f"Q{len(chain)}Q", len(chain), *chain)
        body += self.pack("I", len(raw)) + raw
        self.record(SAMPLE, body + b"\0" * (-len(body) % 8))

    def lost(self, time, cpu, nr):
        self.record(LOST, self.pack("QQ", 1, nr) + self.where(time, cpu))

    def lost_samples(self, ident, nr, misc=0):
        self.record(LOST_SAMPLES, self.pack("Q", nr) + self.where(0, 0, ident=ident), misc)

    def comm(self, tid, name, time=0):
        data = name.encode() + b"\0"
        self.record(COMM, self.pack("II", tid, tid) + data + b"\0" * (-len(data) % 8) + self.where(time, 0, tid))

    def fork(self, tid, parent, time=0):
        self.record(FORK, self.pack("IIIIQ", tid, parent, tid, parent, time) + self.where(time, 0, tid))

    def round(self):
        self.record(ROUND, b"")

    def id_index(self, *entries):
        self.record(ID_INDEX, self.pack("Q", len(entries)) + b"".join(self.pack("4Q", i, 0, cpu, 0) for i, cpu in entries))

    # ---- files ----

    def attr(self, kind, config):
        def bit(n):
            return 1 << (63 - n if self.order == ">" else n)
        flags = bit(ID_ALL) | (bit(CLOCKID) if self.clockid else 0)
        return self.pack("IIQQQQQQQQQQIiQIHHIIQ", kind, 128, config, 1, self.sample_type, 0, flags, 0, 0, 0, 0, 0, 0,
                         self.clockid, 0, 0, 0, 0, 0, 0, 0)

    def magic(self):
        return b"2ELIFREP" if self.order == ">" else b"PERFILE2"

    def stream(self, compress):
        """The records; compressed: as one stream cut at odd places."""
        data = b"".join(self.records)
        if not compress:
            return data
        packed = subprocess.run(["zstd", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
        out = b""
        for i in range(0, len(packed), 1001):
            piece = packed[i:i + 1001]
            if compress == COMPRESSED2:
                piece = self.pack("Q", len(piece)) + piece + b"\0" * (-len(piece) % 8)
            out += self.pack("IHH", compress, 0, 8 + len(piece)) + piece
        return out

    def bytes(self, compress=0):
        attrs, ids = b"", b""
        at = 104 + len(self.attrs) * 144
        for kind, config, idents in self.attrs:
            attrs += self.attr(kind, config) + self.pack("QQ", at + len(ids), 8 * len(idents))
            ids += self.pack(f"{len(idents)}Q", *idents)
        data = self.stream(compress)
        start = at + len(ids)
        flags = sum(1 << f for f in self.features)
        table, bodies = b"", b""
        behind = start + len(data) + 16 * len(self.features)
        for f in sorted(self.features):
            table += self.pack("QQ", behind + len(bodies), len(self.features[f]))
            bodies += self.features[f]
        head = self.magic() + self.pack("8Q", 104, 144, 104, len(attrs), start, len(data), 0, 0) + self.pack("4Q", flags, 0, 0, 0)
        return head + attrs + ids + data + table + bodies

    def pipe(self, compress=0):
        out = self.magic() + self.pack("Q", 16)
        for kind, config, idents in self.attrs:
            body = self.attr(kind, config) + self.pack(f"{len(idents)}Q", *idents)
            out += self.pack("IHH", ATTR, 0, 8 + len(body)) + body
        for f in sorted(self.features):
            body = self.features[f]
            if f == F_TRACING:
                pad = b"\0" * (-len(body) % 8)
                out += self.pack("IHHI", TRACING, 0, 12, len(body) + len(pad)) + body + pad
            else:
                out += self.pack("IHHQ", FEATURE, 0, 16 + len(body), f) + body
        return out + self.stream(compress)


# ---- files of perf's ----

def shrink(data):
    """A little-endian file of perf's, with one ring's layout of records."""
    head = list(struct.unpack("<8s12Q", data[:104]))
    each, attrs_at, attrs_len, data_at, data_len = head[2:7]
    features, at = {}, data_at + data_len
    for f in range(64):
        if head[9] >> f & 1:
            where, size = struct.unpack("<QQ", data[at:at + 16])
            features[f], at = data[where:where + size], at + 16
    records, pos, tids = [], data_at, set()
    while pos < data_at + data_len:
        kind, misc, size = struct.unpack("<IHH", data[pos:pos + 8])
        records.append((kind, data[pos:pos + size]))
        if kind == SAMPLE:
            tids.add(struct.unpack("<I", data[pos + 28:pos + 32])[0])
        pos += size
    kept = b"".join(r for kind, r in records
                    if kind in (LOST, SAMPLE, LOST_SAMPLES, ROUND, ID_INDEX, COMPRESSED) or
                    kind == COMM and struct.unpack("<I", r[12:16])[0] in tids)
    tracing = features[F_TRACING]
    kept_features = {f: features[f] for f in (F_VERSION, F_ARCH, F_CPUS, F_EVENTS, 27) if f in features}
    names = _names_at(tracing)
    kept_features[F_TRACING] = tracing[:names] + struct.pack("<Q", 0)
    front = data[104:data_at]
    table, bodies = b"", b""
    behind = data_at + len(kept) + 16 * len(kept_features)
    for f in sorted(kept_features):
        table += struct.pack("<QQ", behind + len(bodies), len(kept_features[f]))
        bodies += kept_features[f]
    head[6] = len(kept)
    head[9] = sum(1 << f for f in kept_features)
    return struct.pack("<8s12Q", *head) + front + kept + table + bodies


def _names_at(t):
    """Where the length of the task names is in tracing data."""
    pos = 10 + 4 + 6
    for tag in (12, 13):
        pos += tag + 8 + struct.unpack("<Q", t[pos + tag:pos + tag + 8])[0]

    def formats(p):
        for _ in range(struct.unpack("<I", t[p:p + 4])[0]):
            p += 8 + struct.unpack("<Q", t[p + 4:p + 12])[0]
        return p + 4
    pos = formats(pos)
    systems = struct.unpack("<I", t[pos:pos + 4])[0]
    pos += 4
    for _ in range(systems):
        pos = formats(t.index(b"\0", pos) + 1)
    for _ in range(2):
        pos += 4 + struct.unpack("<I", t[pos:pos + 4])[0]
    return pos


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "shrink":
        sys.exit(__doc__)
    with open(sys.argv[2], "rb") as f:
        made = shrink(f.read())
    with open(sys.argv[3], "wb") as f:
        f.write(made)
