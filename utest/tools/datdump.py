#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""datdump.py - independent, strict decoder for trace.dat files (v6 and v7).

Written from the format page of the documentation; shares no code with any other reader, so it
can act as an oracle for files written by the project (and by upstream).

  datdump.py FILE...             dump structure + per-CPU event statistics
  datdump.py --check FILE...     quiet; exit 1 and list every violation found
  datdump.py --check --strict F  also fail on known defects of upstream writers
  datdump.py --events FILE       print every record, merged by time
  datdump.py --pages FILE        also list every sub-buffer
  datdump.py --extract DIR FILE  write metadata blobs and raw CPU data to DIR

Exit status: 0 clean, 1 structural violations, 2 not readable at all.
Pure Python 3, stdlib only (zstd/lz4 through ctypes, zstd CLI as fallback).
"""

import argparse
import ctypes
import ctypes.util
import heapq
import mmap
import os
import re
import struct
import subprocess
import sys
import zlib

MAGIC = b"\x17\x08\x44tracing"

OPT = {
    0: "DONE", 1: "DATE", 2: "CPUSTAT", 3: "BUFFER", 4: "TRACECLOCK",
    5: "UNAME", 6: "HOOK", 7: "OFFSET", 8: "CPUCOUNT", 9: "VERSION",
    10: "PROCMAPS", 11: "TRACEID", 12: "TIME_SHIFT", 13: "GUEST",
    14: "TSC2NSEC", 15: "STRINGS", 16: "HEADER_INFO", 17: "FTRACE_EVENTS",
    18: "EVENT_FORMATS", 19: "KALLSYMS", 20: "PRINTK", 21: "CMDLINES",
    22: "BUFFER_TEXT", 23: "BTF_FILE", 24: "LAST_BOOT_INFO",
    25: "MODULES_FILE",
}
# options whose 8-byte payload is the file offset of a section of the same id
SECTION_OPTS = {16, 17, 18, 19, 20, 21, 23, 25}
STRING_OPTS = {1, 2, 5, 6, 7, 9, 10, 24}
KNOWN_SECTIONS = {0, 3, 15, 16, 17, 18, 19, 20, 21, 22, 23, 25}

SEC_COMPRESSED = 1

COMMIT_MASK = (1 << 27) - 1
MISSED_FLAG = 1 << 31
STORED_FLAG = 1 << 30
TYPE_PADDING, TYPE_EXTEND, TYPE_STAMP = 29, 30, 31
TS_MSB = 0xF8 << 56
U64 = (1 << 64) - 1

# clocks that report prints as seconds (everything else: raw counter)
SEC_CLOCKS = {"local", "global", "uptime", "perf", "tsc2nsec", "tai"}

MAX_BLOCK = 1 << 31          # refuse to inflate a single block beyond this


class Fatal(Exception):
    """Nothing more can be decoded after this point."""


# --------------------------------------------------------------------------
# decompression
# --------------------------------------------------------------------------

def _load(name, soname):
    for cand in (soname, ctypes.util.find_library(name)):
        if cand:
            try:
                return ctypes.CDLL(cand)
            except OSError:
                pass
    return None


class Codec:
    def __init__(self, name):
        self.name = name
        self.lib = None
        if name == "zstd":
            self.lib = _load("zstd", "libzstd.so.1")
            if self.lib:
                self.lib.ZSTD_decompress.restype = ctypes.c_size_t
                self.lib.ZSTD_decompress.argtypes = [
                    ctypes.c_void_p, ctypes.c_size_t,
                    ctypes.c_char_p, ctypes.c_size_t]
                self.lib.ZSTD_isError.restype = ctypes.c_uint
                self.lib.ZSTD_isError.argtypes = [ctypes.c_size_t]
        elif name == "lz4":
            self.lib = _load("lz4", "liblz4.so.1")
            if not self.lib:
                raise Fatal("liblz4 is not available")
        elif name not in ("zlib",):
            raise Fatal("unsupported compression algorithm %r" % name)

    def inflate(self, data, usize):
        """Returns bytes; raises Fatal. Never yields more than usize bytes."""
        if usize > MAX_BLOCK:
            raise Fatal("uncompressed size %d of a block is absurd" % usize)
        if self.name == "zlib":
            d = zlib.decompressobj()
            try:
                out = d.decompress(data, usize + 1)
            except zlib.error as e:
                raise Fatal("zlib: %s" % e)
            if not d.eof and len(out) <= usize:
                try:
                    out += d.decompress(d.unconsumed_tail, 1)
                except zlib.error as e:
                    raise Fatal("zlib: %s" % e)
            if not d.eof:
                raise Fatal("zlib: stream truncated or longer than declared")
            if d.unused_data:
                raise Fatal("zlib: %d bytes after the stream"
                            % len(d.unused_data))
            return out
        if self.name == "zstd":
            if self.lib:
                buf = ctypes.create_string_buffer(max(usize, 1))
                r = self.lib.ZSTD_decompress(buf, usize, data, len(data))
                if self.lib.ZSTD_isError(r):
                    raise Fatal("zstd: cannot decompress block")
                return buf.raw[:r]
            p = subprocess.run(["zstd", "-dc"], input=data,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
            if p.returncode:
                raise Fatal("zstd: cannot decompress block")
            return p.stdout
        buf = ctypes.create_string_buffer(max(usize, 1))
        r = self.lib.LZ4_decompress_safe(data, buf, len(data), usize)
        if r < 0:
            raise Fatal("lz4: cannot decompress block")
        return buf.raw[:r]


# --------------------------------------------------------------------------
# bounded cursor over a bytes-like object
# --------------------------------------------------------------------------

class Cur:
    def __init__(self, data, endian, pos=0, end=None, what="data"):
        self.d, self.e, self.pos = data, endian, pos
        self.end = len(data) if end is None else end
        self.what = what

    def left(self):
        return self.end - self.pos

    def take(self, n, what=""):
        if n < 0 or n > self.left():
            raise Fatal("%s: %s needs %d bytes at offset %d, only %d left"
                        % (self.what, what or "field", n, self.pos,
                           self.left()))
        b = bytes(self.d[self.pos:self.pos + n])
        self.pos += n
        return b

    def u8(self, w=""):
        return self.take(1, w)[0]

    def u16(self, w=""):
        return struct.unpack(self.e + "H", self.take(2, w))[0]

    def u32(self, w=""):
        return struct.unpack(self.e + "I", self.take(4, w))[0]

    def s32(self, w=""):
        return struct.unpack(self.e + "i", self.take(4, w))[0]

    def u64(self, w=""):
        return struct.unpack(self.e + "Q", self.take(8, w))[0]

    def s64(self, w=""):
        return struct.unpack(self.e + "q", self.take(8, w))[0]

    def cstr(self, w="string", limit=None):
        stop = self.end if limit is None else min(self.end, self.pos + limit)
        i = self.d.find(b"\0", self.pos, stop)
        if i < 0:
            raise Fatal("%s: %s at offset %d is not terminated"
                        % (self.what, w, self.pos))
        b = bytes(self.d[self.pos:i])
        self.pos = i + 1
        return b


def text(b):
    return b.decode("utf-8", "backslashreplace")


def short(b, n=60):
    s = text(b).replace("\n", "\\n").replace("\t", "\\t").replace("\0", "\\0")
    return s if len(s) <= n else s[:n] + "..."


# --------------------------------------------------------------------------

class Event:
    __slots__ = ("system", "name", "id", "fields")

    def __init__(self, system, name, eid, fields):
        self.system, self.name, self.id, self.fields = (system, name, eid,
                                                        fields)


class CpuData:
    def __init__(self, cpu, offset, size):
        self.cpu, self.offset, self.size = cpu, offset, size
        self.chunks = None           # [(file offset, csize, usize)] or None
        self.usize = size            # uncompressed size


class Buffer:
    def __init__(self, name):
        self.name = name
        self.clock = None
        self.page_size = 0
        self.offset = 0
        self.cpus = []
        self.compressed = False
        self.is_text = False
        self.text = b""


class Stats:
    def __init__(self):
        self.events = {}
        self.records = self.pages = self.empty = 0
        self.extends = self.stamps = self.pads = 0
        self.first = self.last = None
        self.lost_known = self.lost_pages = self.lost_unknown = 0
        self.backwards = 0


class TraceDat:
    def __init__(self, path, args):
        self.path, self.args = path, args
        self.f = open(path, "rb")
        self.size = os.fstat(self.f.fileno()).st_size
        self.d = (mmap.mmap(self.f.fileno(), 0, access=mmap.ACCESS_READ)
                  if self.size else b"")
        self.problems = []
        self.notes = []
        self.claims = []             # (start, end, label)
        self.events = {}
        self.buffers = []
        self.options = []            # (section offset, id, payload, offset)
        self.blobs = {}
        self.strings = b""
        self.quiet = args.check
        self.cpu_count = None
        self.codec = None
        self.opt_date = self.opt_offset = 0
        self.tsc = None
        self.tshift = None
        self.clock = None            # from TRACECLOCK or the v6 clock blob
        self.hdr = {"ts": (0, 8), "commit": (8, 8), "data": (16, None)}
        self.have_header_page = False

    # -- output helpers ---------------------------------------------------
    def out(self, fmt, *a):
        if not self.quiet:
            print(fmt % a if a else fmt)

    def bad(self, fmt, *a):
        self.problems.append(fmt % a if a else fmt)
        if not self.quiet:
            print("!! " + self.problems[-1])

    def defect(self, fmt, *a):
        """Something wrong that a released upstream writer is known to emit."""
        if self.args.strict:
            self.bad(fmt, *a)
        else:
            self.note("known upstream defect: " + (fmt % a if a else fmt))

    def note(self, fmt, *a):
        self.notes.append(fmt % a if a else fmt)
        if not self.quiet:
            print("   note: " + self.notes[-1])

    def claim(self, start, end, label):
        if end > self.size:
            self.bad("%s: bytes %d..%d run past the end of the file (%d)",
                     label, start, end, self.size)
        self.claims.append((start, end, label))

    def check_claims(self):
        """Every byte must belong to exactly one thing; gaps must be zero."""
        pos, prev = 0, "file start"
        for s, e, label in sorted(c for c in self.claims if c[1] > c[0]):
            if s < pos:
                self.bad("overlap: %s (%d..%d) starts inside %s (ends %d)",
                         label, s, e, prev, pos)
            elif s > pos:
                self.gap(pos, s, prev, label)
            if e > pos:
                pos, prev = e, label
        if pos < self.size:
            self.bad("trailing garbage: %d bytes after %s (offset %d)",
                     self.size - pos, prev, pos)

    def gap(self, s, e, prev, nxt):
        if "cpu" not in nxt:
            self.bad("gap: %d unclaimed bytes at %d between %s and %s",
                     e - s, s, prev, nxt)
        elif bytes(self.d[s:min(e, self.size)]).strip(b"\0"):
            self.bad("gap: alignment padding at %d..%d (before %s) is not "
                     "zero", s, e, nxt)

    # -- entry -------------------------------------------------------------
    def run(self):
        try:
            self.initial()
            if self.version >= 7:
                self.v7()
            else:
                self.v6()
        finally:
            pass
        self.check_claims()
        self.dump_buffers()

    def initial(self):
        c = Cur(self.d, "<", what="initial header")
        if c.left() < 10 or c.take(10) != MAGIC:
            raise Fatal("bad magic: not a trace.dat file")
        ver = c.cstr("version", limit=16)
        if not re.fullmatch(rb"[0-9]+", ver) or int(ver) not in (6, 7):
            raise Fatal("unsupported version %r" % ver)
        self.version = int(ver)
        big = c.u8("endian flag")
        if big not in (0, 1):
            self.bad("endian flag is %d", big)
        self.e = ">" if big else "<"
        c.e = self.e
        self.long_size = c.u8("long size")
        if self.long_size not in (4, 8):
            self.bad("long size is %d", self.long_size)
        self.page_size = c.u32("page size")
        if (self.page_size < 256 or self.page_size > (1 << 27)
                or self.page_size & (self.page_size - 1)):
            self.bad("page size %d is not a sane power of two",
                     self.page_size)
            raise Fatal("unusable page size")
        self.out("%s: version %d, %s endian, long %d, page size %d, %d bytes",
                 self.path, self.version, "big" if big else "little",
                 self.long_size, self.page_size, self.size)
        if self.version >= 7:
            zname = text(c.cstr("compression name", limit=4096))
            zver = text(c.cstr("compression version", limit=4096))
            self.out("  compression %r version %r", zname, zver)
            if zname != "none":
                self.codec = Codec(zname)
            elif zver:
                self.note("compression is none but has version %r", zver)
            self.options_start = c.u64("options offset")
        self.pos = c.pos
        self.claim(0, c.pos, "initial header")

    # -- shared metadata decoders -------------------------------------------
    def dec_headers(self, c):
        if c.take(12, "header_page tag") != b"header_page\0":
            raise Fatal("header_page tag missing at %d" % (c.pos - 12))
        n = c.u64("header_page size")
        page = c.take(n, "header_page")
        if c.take(13, "header_event tag") != b"header_event\0":
            raise Fatal("header_event tag missing at %d" % (c.pos - 13))
        n2 = c.u64("header_event size")
        ev = c.take(n2, "header_event")
        self.blobs["header_page"], self.blobs["header_event"] = page, ev
        self.out("    header_page %d bytes, header_event %d bytes", n, n2)
        if not n:
            self.note("empty header_page: kernel too old, defaults used")
            return
        for m in re.finditer(rb"field:\s*[^;]*?(\w+);\s*offset:(\d+);"
                             rb"\s*size:(\d+);", page):
            self.hdr[text(m[1])] = (int(m[2]), int(m[3]))
        self.hdr["ts"] = self.hdr.get("timestamp", (0, 8))
        self.have_header_page = True
        if self.hdr["ts"] != (0, 8):
            self.bad("header_page: timestamp is not 8 bytes at offset 0")
        if self.hdr["commit"][1] not in (4, 8) or self.hdr["commit"][0] != 8:
            self.bad("header_page: bad commit field %r",
                     self.hdr["commit"])
        if self.hdr["data"][0] != 8 + self.hdr["commit"][1]:
            self.bad("header_page: data offset %d does not follow commit",
                     self.hdr["data"][0])
        sub = self.hdr["data"][0] + (self.hdr["data"][1] or 0)
        self.out("    kernel long %d, sub-buffer size %d",
                 self.hdr["commit"][1], sub)
        if sub != self.page_size:
            self.note("header_page sub-buffer size %d differs from the file "
                      "page size %d", sub, self.page_size)
        t = {k: int(v) for k, v in
             re.findall(r"(padding|time_extend|time_stamp)\s*:\s*type == "
                        r"(\d+)", text(ev))}
        want = {"padding": 29, "time_extend": 30, "time_stamp": 31}
        if any(want[k] != v for k, v in t.items()):
            self.bad("header_event announces unexpected types %r", t)

    def add_format(self, system, blob):
        m = re.match(rb"name:\s*(\S+)\s*\nID:\s*(\d+)\s*\n", blob)
        if not m:
            self.bad("event format in system %s has no name/ID: %r",
                     system, blob[:40])
            return
        eid = int(m[2])
        fields = {}
        for f in re.finditer(rb"field:([^;]*?)(\w+)(\[[^;]*\])?;\s*offset:(\d+);"
                             rb"\s*size:(\d+);(?:\s*signed:(\d);)?", blob):
            fields.setdefault(text(f[2]), (int(f[4]), int(f[5])))
        ev = Event(system, text(m[1]), eid, fields)
        if eid in self.events:
            o = self.events[eid]
            if (o.system, o.name) != (ev.system, ev.name):
                self.note("event id %d used by %s:%s and %s:%s", eid,
                          o.system, o.name, system, ev.name)
        self.events[eid] = ev

    def dec_ftrace(self, c):
        n = c.u32("ftrace format count")
        for _ in range(n):
            self.add_format("ftrace", c.take(c.u64("format size"), "format"))
        self.out("    %d ftrace event formats", n)

    def dec_events(self, c):
        n = c.u32("system count")
        tot = 0
        for _ in range(n):
            name = text(c.cstr("system name"))
            if not name:
                self.bad("empty event system name")
            k = c.u32("event count")
            tot += k
            for _ in range(k):
                self.add_format(name, c.take(c.u64("format size"), "format"))
            if self.args.verbose:
                self.out("      system %s: %d events", name, k)
        self.out("    %d systems, %d event formats", n, tot)

    def dec_kallsyms(self, c):
        b = c.take(c.u32("kallsyms size"), "kallsyms")
        self.blobs["kallsyms"] = b
        self.out("    kallsyms %d bytes, %d lines", len(b), b.count(b"\n"))

    def dec_printk(self, c):
        b = c.take(c.u32("printk size"), "printk formats")
        self.blobs["printk"] = b
        self.out("    printk formats %d bytes, %d lines", len(b),
                 b.count(b"\n"))

    def dec_cmdlines(self, c):
        b = c.take(c.u64("cmdlines size"), "cmdlines")
        self.blobs["cmdlines"] = b
        self.out("    saved cmdlines %d bytes, %d lines", len(b),
                 b.count(b"\n"))

    def finish_meta(self, c, what):
        if c.left():
            self.bad("%s: %d unused bytes at the end of the section", what,
                     c.left())

    # -- options -------------------------------------------------------------
    def dec_option(self, oid, p, where):
        name = OPT.get(oid, "UNKNOWN")
        desc = ""
        c = Cur(p, self.e, what="option %s at %d" % (name, where))
        if oid in STRING_OPTS:
            if not p or p[-1] != 0:
                self.bad("option %s at %d is not NUL terminated", name, where)
            s = p.rstrip(b"\0")
            desc = '"%s"' % short(s, 400 if self.args.verbose else 60)
            if oid in (1, 7):
                v = parse_c_int(text(s))
                if v is None:
                    self.bad("option %s at %d is not a number", name, where)
                elif oid == 1:
                    self.opt_date += v * 1000
                else:
                    self.opt_offset += v
            if oid == 10:
                self.check_procmaps(s, where)
            if oid == 24 and b":" not in s:
                self.bad("LAST_BOOT_INFO at %d has no instance name", where)
        elif oid == 4:
            s = p.rstrip(b"\0")
            desc = '"%s"' % short(s)
            m = re.search(rb"\[(\S+?)\]", s)
            if m:
                self.clock = text(m[1])
            elif p:
                self.note("TRACECLOCK at %d marks no clock", where)
        elif oid == 8:
            v = c.s32("cpu count")
            if c.left() or v <= 0 or v > 1 << 20:
                self.bad("CPUCOUNT at %d: value %d, size %d", where, v,
                         len(p))
            self.cpu_count = v
            desc = str(v)
        elif oid == 11:
            v = c.u64("trace id")
            if c.left():
                self.bad("TRACEID at %d: size %d", where, len(p))
            desc = "0x%x" % v
        elif oid == 12:
            desc = self.dec_timeshift(c, where)
        elif oid == 13:
            g = text(c.cstr("guest name"))
            tid = c.u64("guest trace id")
            n = c.u32("guest cpu count")
            if n * 8 != c.left():
                self.bad("GUEST at %d: %d cpus but %d bytes left", where, n,
                         c.left())
                n = min(n, c.left() // 8)
            maps = [(c.u32(), c.s32()) for _ in range(n)]
            for cpu, _ in maps:
                if cpu >= n:
                    self.bad("GUEST at %d: vcpu id %d >= count %d", where,
                             cpu, n)
            desc = "%r id 0x%x vcpu:pid %s" % (
                g, tid, " ".join("%d:%d" % m for m in maps))
        elif oid == 14:
            mult, shift = c.u32("mult"), c.u32("shift")
            off = c.u64("offset")
            if c.left():
                self.bad("TSC2NSEC at %d: size %d", where, len(p))
            if shift > 63:
                self.bad("TSC2NSEC at %d: shift %d", where, shift)
                shift = 63
            self.tsc = (mult, shift, off)
            desc = "mult %d shift %d offset %d" % self.tsc
        elif oid in SECTION_OPTS:
            v = c.u64("section offset")
            if c.left():
                self.bad("option %s at %d: size %d", name, where, len(p))
            desc = "-> section at %d" % v
        elif oid == 3 or oid == 22:
            pass
        elif oid == 0:
            pass
        else:
            desc = "%d bytes, skipped" % len(p)
            self.note("unknown option id %d at %d", oid, where)
        if oid not in (0, 3, 22):
            self.out("    option %2d %-13s %5d bytes  %s", oid, name, len(p),
                     desc)

    def check_procmaps(self, s, where):
        lines = s.split(b"\n")
        m = re.fullmatch(rb"([0-9a-f]+) ([0-9a-f]+) (.+)", lines[0])
        if not m:
            self.bad("PROCMAPS at %d: bad first line", where)
            return
        n = int(m[2], 16)
        rest = [x for x in lines[1:] if x]
        if len(rest) != n:
            self.bad("PROCMAPS at %d: %d maps announced, %d present", where,
                     n, len(rest))
        for x in rest:
            if not re.fullmatch(rb"[0-9a-f]+ [0-9a-f]+ .+", x):
                self.bad("PROCMAPS at %d: bad line %r", where, x[:40])

    def dec_timeshift(self, c, where):
        peer = c.u64("peer id")
        flags = c.u32("flags")
        ncpu = c.u32("cpu count")
        if ncpu > c.left() // 4 + 1:
            self.bad("TIME_SHIFT at %d: %d cpus do not fit", where, ncpu)
            return "broken"
        per = []
        for _ in range(ncpu):
            n = c.u32("sample count")
            if n > c.left() // 24:
                self.bad("TIME_SHIFT at %d: %d samples do not fit", where, n)
                return "broken"
            t = [c.s64() for _ in range(n)]
            o = [c.s64() for _ in range(n)]
            s = [c.s64() for _ in range(n)]
            per.append([list(x) for x in zip(t, o, s, [0] * n)])
        if c.left():
            for samples in per:
                for x in samples:
                    x[3] = c.s64("fraction")
            if c.left():
                self.bad("TIME_SHIFT at %d: %d bytes left over", where,
                         c.left())
        for cpu, samples in enumerate(per):
            if not samples:
                self.bad("TIME_SHIFT at %d: cpu %d has no samples", where,
                         cpu)
            uniq = []
            for x in sorted(samples, key=lambda x: x[0]):
                if not uniq or uniq[-1][0] != x[0]:
                    uniq.append(x)
            per[cpu] = uniq
        self.tshift = (flags, per)
        return "peer 0x%x flags 0x%x cpus %d samples %s" % (
            peer, flags, ncpu, [len(x) for x in per])

    # -- version 6 -----------------------------------------------------------
    def v6(self):
        c = Cur(self.d, self.e, self.pos, self.size, "v6 header")
        self.out("  v6 sections:")
        for tag, fn in (("headers", self.dec_headers),
                        ("ftrace formats", self.dec_ftrace),
                        ("event formats", self.dec_events),
                        ("kallsyms", self.dec_kallsyms),
                        ("printk", self.dec_printk),
                        ("cmdlines", self.dec_cmdlines)):
            s = c.pos
            self.out("    @%d %s", s, tag)
            fn(c)
            self.claim(s, c.pos, tag)
        if not c.left():
            self.note("file ends after the cmdlines: partial (restore -c)")
            return
        s = c.pos
        self.cpu_count = ncpu = c.u32("cpu count")
        if not 0 < ncpu <= 1 << 20:
            raise Fatal("implausible CPU count %d" % ncpu)
        self.out("    @%d cpu count %d", s, ncpu)
        self.claim(s, c.pos, "cpu count")
        s = c.pos
        tag = c.take(10, "section tag")
        instances = []
        clock_follows = False
        if tag == b"options  \0":
            self.out("    @%d options", s)
            while True:
                w = c.pos
                oid = c.u16("option id")
                if oid == 0:
                    break
                n = c.u32("option size")
                p = c.take(n, "option payload")
                self.options.append((s, oid, p, w))
                self.dec_option(oid, p, w)
                if oid == 3:
                    oc = Cur(p, self.e, what="BUFFER option at %d" % w)
                    off = oc.u64("buffer offset")
                    nm = text(oc.cstr("buffer name"))
                    if oc.left():
                        self.bad("BUFFER option at %d: %d extra bytes", w,
                                 oc.left())
                    self.out("    option  3 BUFFER        %5d bytes  %r at "
                             "%d", n, nm, off)
                    instances.append((nm, off))
                elif oid == 4:
                    clock_follows = True
                elif oid >= 15:
                    self.note("option %d is a v7 section reference and has "
                              "no meaning in a v6 file", oid)
            self.claim(s, c.pos, "options")
            s = c.pos
            tag = c.take(10, "section tag")
            # An option may override the CPU count before the table is read.
            ncpu = self.cpu_count
        if tag == b"latency  \0":
            b = Buffer("")
            b.is_text = True
            b.text = bytes(self.d[c.pos:self.size])
            self.claim(s, self.size, "latency text")
            self.buffers.append(b)
            return
        top = self.v6_table(c, "", tag, s, ncpu, clock_follows)
        self.buffers.append(top)
        for nm, off in instances:
            if not off:
                self.bad("buffer %r has offset 0 (never patched)", nm)
                continue
            if not 0 < off < self.size - 10:
                self.bad("buffer %r: offset %d outside the file", nm, off)
                continue
            ic = Cur(self.d, self.e, off, self.size, "buffer %s" % nm)
            t = ic.take(10)
            self.buffers.append(self.v6_table(ic, nm, t, off, ncpu,
                                              clock_follows))

    def v6_table(self, c, name, tag, start, ncpu, clock_follows):
        b = Buffer(name)
        b.page_size = self.page_size
        b.offset = start
        if tag != b"flyrecord\0":
            raise Fatal("expected a flyrecord/latency tag at %d, got %r"
                        % (start, tag))
        self.out("    @%d flyrecord table of %r", start, name)
        for cpu in range(ncpu):
            off, size = c.u64("cpu offset"), c.u64("cpu size")
            b.cpus.append(CpuData(cpu, off, size))
            self.out("      cpu %d offset %d size %d", cpu, off, size)
        # The clock blob is only announced through the TRACECLOCK option, but
        # the writer emits it whenever it knows the clock.
        save = c.pos
        got = None
        if c.left() >= 8:
            n = c.u64("clock size")
            if n <= min(c.left(), 256):
                t = c.take(n, "clock")
                if re.fullmatch(rb"\[[\w-]+\]", t):
                    got = t
                elif clock_follows and b"[" in t:
                    got = t          # older writers: whole trace_clock file
            if got is None:
                c.pos = save
        if got is None and clock_follows and name == "":
            self.bad("TRACECLOCK option present but no clock after the "
                     "flyrecord table at %d", save)
        if got is not None:
            m = re.search(rb"\[([\w-]+)\]", got)
            b.clock = text(m[1]) if m else None
            self.out("      clock %s", short(got))
            if name == "" and clock_follows:
                self.clock = b.clock
        self.claim(start, c.pos, "flyrecord table %r" % name)
        for cd in b.cpus:
            self.check_cpu_area(b, cd, 0, self.size)
        return b

    def check_cpu_area(self, b, cd, lo, hi):
        """Common checks for one CPU's data area; loads the chunk table."""
        who = "buffer %r cpu %d" % (b.name, cd.cpu)
        if not cd.size:
            cd.usize = 0
            return
        if cd.offset > self.size or cd.size > self.size - cd.offset:
            self.bad("%s: data %d+%d is outside the file", who, cd.offset,
                     cd.size)
            cd.size = cd.usize = 0
            return
        if cd.offset < lo or cd.offset + cd.size > hi:
            self.bad("%s: data %d+%d is outside its section (%d..%d)", who,
                     cd.offset, cd.size, lo, hi)
        if cd.offset & (b.page_size - 1):
            self.bad("%s: offset %d is not aligned to the page size %d", who,
                     cd.offset, b.page_size)
        if not b.compressed:
            self.claim(cd.offset, cd.offset + cd.size, who)
            if cd.size & (b.page_size - 1):
                self.bad("%s: size %d is not a multiple of the page size",
                         who, cd.size)
            return
        try:
            used = self.load_chunks(cd, who, b.page_size, min(hi, self.size))
        except Fatal as e:
            self.bad("%s", e)
            self.claim(cd.offset, cd.offset + cd.size, who)
            cd.size = cd.usize = 0
            return
        if used == cd.size + 4:
            self.defect("%s: size %d leaves out the 4-byte chunk count "
                        "(trace-cmd 3.0/3.1)", who, cd.size)
        elif used != cd.size:
            self.bad("%s: size %d but the chunk table is %d bytes", who,
                     cd.size, used)
        cd.size = used
        self.claim(cd.offset, cd.offset + cd.size, who)

    def load_chunks(self, cd, who, page_size, hi):
        """Chunk table at cd.offset; returns the bytes it occupies."""
        c = Cur(self.d, self.e, cd.offset, hi, who)
        n = c.u32("chunk count")
        if n > c.left() // 8:
            raise Fatal("%s: %d chunks do not fit in %d bytes"
                        % (who, n, cd.size))
        cd.chunks, total = [], 0
        for i in range(n):
            w = c.pos
            cs, us = c.u32("compressed size"), c.u32("uncompressed size")
            c.take(cs, "chunk data")
            if not cs or not us:
                self.bad("%s: chunk %d has a zero size", who, i)
            if page_size and us % page_size:
                self.bad("%s: chunk %d uncompressed size %d is not a "
                         "multiple of the page size", who, i, us)
            cd.chunks.append((w, cs, us))
            total += us
        cd.usize = total
        return c.pos - cd.offset

    def cpu_bytes(self, b, cd):
        """Yields (virtual offset, bytes) blocks that are whole pages."""
        if cd.chunks is None:
            end = cd.offset + cd.size
            step = b.page_size * 256
            for o in range(cd.offset, end, step):
                yield o - cd.offset, self.d[o:min(o + step, end)]
            return
        virt = 0
        for i, (w, cs, us) in enumerate(cd.chunks):
            try:
                out = self.codec.inflate(self.d[w + 8:w + 8 + cs], us)
            except Fatal as e:
                self.bad("buffer %r cpu %d chunk %d: %s", b.name, cd.cpu, i,
                         e)
                return
            if len(out) != us:
                self.bad("buffer %r cpu %d chunk %d: %d bytes, header says "
                         "%d", b.name, cd.cpu, i, len(out), us)
            yield virt, out
            virt += us

    # -- version 7 -----------------------------------------------------------
    def v7(self):
        self.sections = {}
        order = []
        pos = self.pos
        while pos < self.size:
            if self.size - pos < 16:
                self.bad("trailing garbage: %d bytes at %d are too short for "
                         "a section header", self.size - pos, pos)
                self.claim(pos, self.size, "trailing garbage")
                break
            c = Cur(self.d, self.e, pos, self.size, "section header")
            sid, flags, desc, size = c.u16(), c.u16(), c.s32(), c.u64()
            end = c.pos + size
            if end > self.size:
                self.bad("section id %d at %d: size %d runs past the end of "
                         "the file", sid, pos, size)
                end = self.size
                size = end - c.pos
            if sid not in KNOWN_SECTIONS:
                self.bad("unknown section id %d at %d", sid, pos)
            if flags & ~SEC_COMPRESSED:
                self.bad("section at %d: unknown flags 0x%x", pos, flags)
            if flags & SEC_COMPRESSED and not self.codec:
                self.bad("section at %d is compressed but the file has no "
                         "compression algorithm", pos)
            self.sections[pos] = (sid, flags, desc, size, c.pos)
            order.append(pos)
            self.claim(pos, c.pos, "section %d header" % sid)
            if sid != 3:
                self.claim(c.pos, end, "section %d body" % sid)
            pos = end
        # string table first: descriptions refer to it
        starts = set()
        for p in order:
            if self.sections[p][0] != 15:
                continue
            body, _ = self.body(p)
            if body and body[-1:] != b"\0":
                self.bad("string section at %d is not NUL terminated", p)
            base = len(self.strings)
            i = 0
            while i < len(body):
                starts.add(base + i)
                j = body.find(b"\0", i)
                i = (j + 1) if j >= 0 else len(body)
            self.strings += body
        self.out("  v7 sections (file order):")
        for p in order:
            sid, flags, desc, size, bp = self.sections[p]
            s = "-"
            if desc >= 0:
                if desc not in starts:
                    # trace-cmd listen never receives the client's strings
                    self.defect("section at %d: description id %d is not a "
                                "string start (table is %d bytes)", p, desc,
                                len(self.strings))
                else:
                    j = self.strings.find(b"\0", desc)
                    s = text(self.strings[desc:j])
            elif desc != -1:
                self.bad("section at %d: description id %d", p, desc)
            extra = ""
            if flags & 1 and sid not in (3, 22) and size >= 8:
                cc = Cur(self.d, self.e, bp, bp + size)
                extra = " (%d -> %d bytes)" % (cc.u32(), cc.u32())
            self.out("    @%-10d id %2d %-13s flags %d size %-9d \"%s\"%s", p,
                     sid, OPT.get(sid, "?"), flags, size, s, extra)
        self.walk_options()
        self.read_meta()
        if (16 not in self.refs.values()
                and any(b.cpus for b in self.buffers)):
            self.bad("CPU data without a HEADER_INFO section")
        used = {p for p, _ in self.option_sections}
        for p in order:
            if self.sections[p][0] == 0 and p not in used:
                self.bad("options section at %d is not linked from the "
                         "options chain", p)
            if self.sections[p][0] in SECTION_OPTS and p not in self.refs:
                self.bad("section id %d at %d is not referenced by any "
                         "option", self.sections[p][0], p)
            if self.sections[p][0] in (3, 22) and p not in self.bufrefs:
                self.bad("buffer section at %d is not referenced by any "
                         "BUFFER option", p)

    def body(self, p):
        """Uncompressed body of a metadata section and its flag."""
        sid, flags, _, size, bp = self.sections[p]
        if not flags & SEC_COMPRESSED:
            return bytes(self.d[bp:bp + size]), False
        c = Cur(self.d, self.e, bp, bp + size, "section at %d" % p)
        cs, us = c.u32("compressed size"), c.u32("uncompressed size")
        if cs != c.left():
            self.bad("section at %d: compressed size %d but %d bytes follow",
                     p, cs, c.left())
        data = c.take(min(cs, c.left()))
        if not self.codec:
            raise Fatal("section at %d: no codec" % p)
        out = self.codec.inflate(data, us)
        if len(out) != us:
            self.bad("section at %d: inflates to %d bytes, header says %d",
                     p, len(out), us)
        return out, True

    def walk_options(self):
        self.option_sections = []
        self.refs, self.bufrefs = {}, {}
        off, seen, via = self.options_start, set(), "file header"
        if not off:
            self.bad("options offset in the file header is 0")
        while off:
            if off in seen:
                self.bad("options chain loops back to %d", off)
                return
            seen.add(off)
            if off not in self.sections:
                self.bad("dangling options link: %s points at %d, which is "
                         "not a section", via, off)
                return
            sid, flags, _, size, bp = self.sections[off]
            if sid != 0:
                self.bad("options link from %s points at a section of id %d",
                         via, sid)
                return
            self.option_sections.append((off, size))
            self.out("  options section @%d", off)
            body, comp = self.body(off)
            if comp:
                self.note("options section at %d is compressed", off)
            c = Cur(body, self.e, what="options at %d" % off)
            nxt = None
            while c.left():
                w = bp + c.pos
                oid, n = c.u16("option id"), c.u32("option size")
                p = c.take(n, "option payload")
                self.options.append((off, oid, p, w))
                if oid == 0:
                    if n != 8:
                        self.bad("DONE at %d has size %d", w, n)
                    nxt = Cur(p, self.e, what="DONE").u64("next")
                    self.out("    option  0 DONE          %5d bytes  next %d",
                             n, nxt)
                    break
                try:
                    self.dec_option(oid, p, w)
                    if oid in (3, 22):
                        self.v7_buffer(oid, p, w)
                    elif oid in SECTION_OPTS:
                        self.v7_ref(oid, p, w)
                except Fatal as e:
                    self.bad("%s", e)
            if nxt is None:
                self.bad("options section at %d has no DONE", off)
                return
            if c.left():
                self.bad("options section at %d: %d bytes after DONE", off,
                         c.left())
            via, off = "DONE at %d" % off, nxt

    def v7_ref(self, oid, p, w):
        off = Cur(p, self.e, what="option %d" % oid).u64()
        s = self.sections.get(off)
        # trace-cmd 3.4 convert copies options 23 and 25 without relocating
        bad = self.defect if oid in (23, 25) else self.bad
        if s is None:
            bad("option %s at %d points at %d, which is not a section",
                OPT[oid], w, off)
        elif s[0] != oid:
            bad("option %s at %d points at a section of id %d", OPT[oid],
                w, s[0])
        else:
            if oid in self.refs.values():
                self.note("more than one section of id %d", oid)
            self.refs[off] = oid

    def v7_buffer(self, oid, p, w):
        c = Cur(p, self.e, what="BUFFER option at %d" % w)
        off = c.u64("section offset")
        b = Buffer(text(c.cstr("buffer name")))
        b.clock = text(c.cstr("buffer clock"))
        b.is_text = oid == 22
        b.offset = off
        self.out("    option %2d %-13s %5d bytes  %r clock %s section at %d",
                 oid, OPT[oid], len(p), b.name, b.clock, off)
        s = self.sections.get(off)
        if s is None or s[0] != oid:
            self.bad("BUFFER option at %d: offset %d is not a section of id "
                     "%d", w, off, oid)
            return
        if off in self.bufrefs:
            self.bad("two BUFFER options share the section at %d", off)
        self.bufrefs[off] = b
        if any(x.name == b.name for x in self.buffers):
            self.bad("two buffers are named %r", b.name)
        _, flags, _, size, bp = s
        b.compressed = bool(flags & SEC_COMPRESSED)
        self.buffers.append(b)
        if b.is_text:
            self.v7_text(b, bp, size)
            if c.left():
                self.bad("BUFFER_TEXT option at %d: %d extra bytes", w,
                         c.left())
            return
        b.page_size = c.u32("page size")
        n = c.u32("cpu count")
        if (not b.page_size or b.page_size & (b.page_size - 1)
                or b.page_size > 1 << 27):
            self.bad("buffer %r: page size %d", b.name, b.page_size)
            return
        if n * 20 != c.left():
            self.bad("buffer %r: %d cpus but %d bytes of cpu entries",
                     b.name, n, c.left())
            n = min(n, c.left() // 20)
        if b.name == "" and b.page_size != self.page_size:
            self.bad("top buffer page size %d differs from the file's %d",
                     b.page_size, self.page_size)
        seen, last = set(), bp
        for _ in range(n):
            cd = CpuData(c.u32(), c.u64(), c.u64())
            self.out("      cpu %d offset %d size %d", cd.cpu, cd.offset,
                     cd.size)
            if cd.cpu in seen:
                self.bad("buffer %r: cpu %d listed twice", b.name, cd.cpu)
            if cd.cpu > 1 << 20:
                self.bad("buffer %r: cpu id %d", b.name, cd.cpu)
                continue
            seen.add(cd.cpu)
            b.cpus.append(cd)
            self.check_cpu_area(b, cd, bp, bp + size)
            last = max(last, cd.offset + cd.size)
        if last != bp + size:
            self.bad("buffer %r: section ends at %d, cpu data at %d", b.name,
                     bp + size, last)

    def v7_text(self, b, bp, size):
        if not b.compressed:
            b.text = bytes(self.d[bp:bp + size])
            return
        cd = CpuData(0, bp, size)
        used = self.load_chunks(cd, "text buffer %r" % b.name, 0, bp + size)
        if used != size:
            self.bad("text buffer %r: chunks take %d of %d bytes", b.name,
                     used, size)
        b.cpus = []
        b.text = b"".join(self.codec.inflate(self.d[w + 8:w + 8 + cs], us)
                          for w, cs, us in cd.chunks)

    def read_meta(self):
        fns = {16: self.dec_headers, 17: self.dec_ftrace, 18: self.dec_events,
               19: self.dec_kallsyms, 20: self.dec_printk,
               21: self.dec_cmdlines}
        for off, oid in sorted(self.refs.items()):
            self.out("  section %d %s @%d", oid, OPT[oid], off)
            try:
                body, _ = self.body(off)
                c = Cur(body, self.e, what="%s section at %d" % (OPT[oid],
                                                                off))
                if oid in fns:
                    fns[oid](c)
                    self.finish_meta(c, "section %s at %d" % (OPT[oid], off))
                else:
                    self.blobs[OPT[oid].lower()] = body
                    self.out("    %d bytes", len(body))
                    if oid == 23 and body[:2] not in (b"\x9f\xeb",
                                                      b"\xeb\x9f"):
                        self.bad("BTF section at %d has a bad magic", off)
            except Fatal as e:
                self.bad("%s", e)

    # -- ring buffer -----------------------------------------------------------
    def records(self, b, cd, st):
        """Generator of (raw ts, event id, payload, missed, file offset)."""
        e = self.e
        clen = self.hdr["commit"][1]
        start = 8 + clen
        cfmt = e + ("Q" if clen == 8 else "I")
        ps = b.page_size
        for virt, blk in self.cpu_bytes(b, cd):
            for po in range(0, len(blk), ps):
                pg = blk[po:po + ps]
                who = "buffer %r cpu %d page %d" % (b.name, cd.cpu,
                                                    (virt + po) // ps)
                if len(pg) < ps:
                    self.bad("%s is short: %d bytes", who, len(pg))
                    if len(pg) < start:
                        return
                st.pages += 1
                ts, = struct.unpack_from(e + "Q", pg, 0)
                cw, = struct.unpack_from(cfmt, pg, 8)
                commit = cw & COMMIT_MASK
                # the kernel adds the flags as a signed int: sign extension
                if clen == 8 and cw >> 32 not in (
                        (0, 0xFFFFFFFF) if cw & MISSED_FLAG else (0,)):
                    self.bad("%s: commit word 0x%x has high bits", who, cw)
                if cw & (0xFFFFFFFF & ~(COMMIT_MASK | MISSED_FLAG
                                        | STORED_FLAG)):
                    self.bad("%s: commit word 0x%x has unknown bits", who, cw)
                missed = 0
                tail = start + commit
                if tail > len(pg):
                    self.bad("%s: commit %d exceeds the page", who, commit)
                    if len(pg) == ps:
                        continue
                    tail = len(pg)      # truncated file: keep what is there
                if cw & MISSED_FLAG:
                    st.lost_pages += 1
                    if cw & STORED_FLAG:
                        if tail + clen > len(pg):
                            self.defect("%s: stored missed count does not "
                                        "fit (trace-cmd split)", who)
                            missed = -1
                            st.lost_unknown += 1
                            tail = len(pg)
                        else:
                            missed, = struct.unpack_from(cfmt, pg, tail)
                            st.lost_known += missed
                            tail += clen
                    else:
                        missed = -1
                        st.lost_unknown += 1
                elif cw & STORED_FLAG:
                    self.bad("%s: stored flag without missed flag", who)
                if bytes(pg[tail:]).strip(b"\0"):
                    self.note("%s: %d bytes after the committed data are "
                              "not zero", who, len(pg) - tail)
                if not commit:
                    st.empty += 1
                if self.args.pages:
                    self.out("        page %d ts %d commit %d%s%s",
                             (virt + po) // ps, ts, commit,
                             " missed" if cw & MISSED_FLAG else "",
                             " %d" % missed if missed else "")
                o, end = start, min(start + commit, len(pg))
                while o < end:
                    first = o == start
                    if end - o < 4:
                        self.bad("%s: %d stray bytes at the end", who,
                                 end - o)
                        break
                    w, = struct.unpack_from(e + "I", pg, o)
                    if e == ">":
                        tl, delta = w >> 27, w & ((1 << 27) - 1)
                    else:
                        tl, delta = w & 31, w >> 5
                    if tl >= TYPE_PADDING or tl == 0:
                        if end - o < 8:
                            self.bad("%s: event header at %d truncated", who,
                                     o)
                            break
                        a0, = struct.unpack_from(e + "I", pg, o + 4)
                    if tl == TYPE_PADDING:
                        st.pads += 1
                        ts = (ts + delta) & U64
                        if not delta and (a0 < 4 or o + 4 + a0 > end):
                            # null event: the rest of the page is unused
                            self.note("%s: null padding inside commit at %d",
                                      who, o)
                            break
                        if a0 < 4 or o + 4 + a0 > end:
                            self.bad("%s: padding of %d bytes at %d does not "
                                     "fit", who, a0, o)
                            break
                        o += 4 + a0
                        continue
                    if tl == TYPE_EXTEND:
                        st.extends += 1
                        ts = (ts + (a0 << 27) + delta) & U64
                        o += 8
                        continue
                    if tl == TYPE_STAMP:
                        st.stamps += 1
                        ts = ((a0 << 27) + delta) | (ts & TS_MSB)
                        o += 8
                        continue
                    ts = (ts + delta) & U64
                    if tl == 0:
                        if a0 < 4:
                            self.bad("%s: data length word %d at %d", who,
                                     a0, o)
                            break
                        ln = (a0 - 4 + 3) & ~3
                        do = o + 8
                    else:
                        ln, do = tl * 4, o + 4
                    if do + ln > end:
                        self.bad("%s: event of %d bytes at %d passes the "
                                 "commit", who, ln, o)
                        break
                    data = bytes(pg[do:do + ln])
                    if ln < 2:
                        self.bad("%s: event at %d has no type", who, o)
                        break
                    eid, = struct.unpack_from(e + "H", data, 0)
                    yield ts, eid, data, (missed if first else 0), virt + po + o
                    o = do + ln

    # -- time ------------------------------------------------------------------
    def convert(self, ts, cpu, top):
        if self.args.raw_ts:
            return ts
        if top and self.tshift:
            ts = shift_ts(ts, cpu, self.tshift)
        if self.tsc and self.tsc[0]:
            ts = ((ts * self.tsc[0]) >> self.tsc[1]) & U64
        return (ts + self.opt_date + self.opt_offset) & U64

    def in_secs(self):
        if self.tsc and self.tsc[0]:
            return True
        c = self.clock
        return c is None or c in SEC_CLOCKS or c.startswith("mono")

    def fmt_ts(self, ts):
        if not self.in_secs() or self.args.raw_ts:
            return "%12d" % ts
        if self.args.nano:
            return "%5d.%09d" % (ts // 10**9, ts % 10**9)
        us = (ts + 500) // 1000
        return "%5d.%06d" % (us // 10**6, us % 10**6)

    # -- report ----------------------------------------------------------------
    def ev_name(self, eid):
        ev = self.events.get(eid)
        return "%s:%s" % (ev.system, ev.name) if ev else "?unknown"

    def dump_buffers(self):
        streams = []
        for bi, b in enumerate(self.buffers):
            if b.is_text:
                self.out("buffer %r: latency text, %d bytes, %d lines",
                         b.name, len(b.text), b.text.count(b"\n"))
                continue
            self.out("buffer %r: clock %s, page size %d, %s", b.name, b.clock,
                     b.page_size, "compressed" if b.compressed else "raw")
            if not b.cpus:
                self.out("  no cpu data")
            tot = 0
            for cd in b.cpus:
                st = Stats()
                top = b.name == ""
                recs = []
                streams.append((not top, bi, cd.cpu, recs))
                try:
                    for ts, eid, data, missed, off in self.records(b, cd, st):
                        st.records += 1
                        st.events[eid] = st.events.get(eid, 0) + 1
                        if st.first is None:
                            st.first = ts
                        if st.last is not None and ts < st.last:
                            st.backwards += 1
                        st.last = ts
                        if self.args.events:
                            pid = self.pid_of(eid, data)
                            recs.append((self.convert(ts, cd.cpu, top), eid,
                                         pid, missed, len(data)))
                except Fatal as e:
                    self.bad("buffer %r cpu %d: %s", b.name, cd.cpu, e)
                tot += st.records
                self.show_stats(b, cd, st)
            self.out("  total %d records", tot)
        if self.args.events and not self.quiet:
            self.show_events(sorted(streams, key=lambda x: x[:3]))

    def show_events(self, streams):
        """K-way merge on the head of each CPU; ties go to the first one."""
        heap = [(r[0][0], k, 0) for k, (_, _, _, r) in enumerate(streams)
                if r]
        heapq.heapify(heap)
        while heap:
            ts, k, i = heap[0]
            _, bi, cpu, recs = streams[k]
            _, eid, pid, missed, n = recs[i]
            if missed:
                print("CPU:%d [%sEVENTS DROPPED]"
                      % (cpu, "" if missed < 0 else "%d " % missed))
            name = self.buffers[bi].name
            print("%spid-%s [%03d] %s: %s (%d bytes)"
                  % (name + ": " if name else "", pid, cpu, self.fmt_ts(ts),
                     self.ev_name(eid), n))
            if i + 1 < len(recs):
                heapq.heapreplace(heap, (recs[i + 1][0], k, i + 1))
            else:
                heapq.heappop(heap)

    def pid_of(self, eid, data):
        ev = self.events.get(eid)
        f = ev.fields.get("common_pid") if ev else None
        if not f or f[1] != 4 or f[0] + 4 > len(data):
            return "?"
        return struct.unpack_from(self.e + "i", data, f[0])[0]

    def show_stats(self, b, cd, st):
        top = b.name == ""
        ch = "" if cd.chunks is None else ", %d chunks" % len(cd.chunks)
        self.out("  cpu %d: %d bytes at %d%s, %d uncompressed, %d pages "
                 "(%d empty)", cd.cpu, cd.size, cd.offset, ch, cd.usize,
                 st.pages, st.empty)
        if not cd.size:
            return
        self.out("    %d records, %d time-extends, %d absolute stamps, %d "
                 "paddings", st.records, st.extends, st.stamps, st.pads)
        if st.lost_pages:
            self.out("    lost: %d pages flagged, %d events counted, %d "
                     "pages without a count", st.lost_pages, st.lost_known,
                     st.lost_unknown)
        if st.backwards:
            self.note("cpu %d: time goes backwards %d times", cd.cpu,
                      st.backwards)
        if st.first is not None:
            self.out("    first raw %d = %s, last raw %d = %s", st.first,
                     self.fmt_ts(self.convert(st.first, cd.cpu, top)).strip(),
                     st.last,
                     self.fmt_ts(self.convert(st.last, cd.cpu, top)).strip())
        unknown = 0
        for eid in sorted(st.events):
            self.out("      id %5d %-40s %8d", eid, self.ev_name(eid),
                     st.events[eid])
            if eid not in self.events:
                unknown += st.events[eid]
        if unknown and self.events:
            self.note("cpu %d: %d records with ids that have no format",
                      cd.cpu, unknown)

    def extract(self, d):
        os.makedirs(d, exist_ok=True)
        for k, v in self.blobs.items():
            with open(os.path.join(d, k), "wb") as f:
                f.write(v)
        for b in self.buffers:
            if b.is_text:
                with open(os.path.join(d, "text." + (b.name or "top")),
                          "wb") as f:
                    f.write(b.text)
                continue
            for cd in b.cpus:
                n = "%scpu%d" % (b.name + "." if b.name else "", cd.cpu)
                with open(os.path.join(d, n), "wb") as f:
                    for _, blk in self.cpu_bytes(b, cd):
                        f.write(blk)


def parse_c_int(s):
    """strtoll(s, NULL, 0): leading sign, 0x, 0 octal, decimal."""
    m = re.match(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)", s)
    if not m:
        return None
    t = m[2]
    if t[:2].lower() == "0x":
        v = int(t, 16)
    elif len(t) > 1 and t[0] == "0":
        o = re.match(r"0[0-7]*", t)[0]
        v = int(o, 8)
    else:
        v = int(t)
    return -v if m[1] == "-" else v


def shift_ts(ts, cpu, tshift):
    flags, per = tshift
    if cpu >= len(per) or not per[cpu]:
        return ts
    s = per[cpu]
    if len(s) == 1:
        return (ts + s[0][1]) & U64
    if len(s) == 2 or ts <= s[0][0]:
        lo, hi = s[0], s[1]
    elif ts >= s[-1][0]:
        lo, hi = s[-2], s[-1]
    else:
        i = max(k for k in range(len(s)) if s[k][0] <= ts)
        lo, hi = s[i], s[i + 1]
    if flags & 1:
        delta = hi[0] - lo[0]
        num = (ts - lo[0]) * (hi[1] - lo[1])
        cor = lo[1] + cdiv(num + delta // 2, delta)
    else:
        cor = lo[1]
    return ((((ts * lo[2]) & U64) >> (lo[3] & 63)) + cor) & U64


def cdiv(a, b):
    """C division: truncate toward zero."""
    q = abs(a) // abs(b)
    return -q if (a < 0) != (b < 0) else q


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("files", nargs="+")
    ap.add_argument("--check", action="store_true",
                    help="only validate; print violations, exit 1 if any")
    ap.add_argument("--strict", action="store_true",
                    help="known upstream writer defects are violations too")
    ap.add_argument("--events", action="store_true",
                    help="print every record merged by time")
    ap.add_argument("--pages", action="store_true",
                    help="list every sub-buffer")
    ap.add_argument("--extract", metavar="DIR",
                    help="write metadata and raw CPU data below DIR")
    ap.add_argument("--raw-ts", action="store_true",
                    help="do not convert timestamps")
    ap.add_argument("-t", "--nano", action="store_true",
                    help="print nanoseconds")
    ap.add_argument("-v", "--verbose", action="store_true")
    args = ap.parse_args()
    rc = 0
    for path in args.files:
        t = None
        try:
            t = TraceDat(path, args)
            t.run()
            if args.extract:
                t.extract(args.extract)
        except Fatal as e:
            print("%s: FATAL: %s" % (path, e))
            if t:
                for p in t.problems:
                    print("%s: VIOLATION: %s" % (path, p))
            rc = max(rc, 1)
            continue
        except OSError as e:
            print("%s: %s" % (path, e))
            rc = 2
            continue
        if t.problems:
            rc = max(rc, 1)
            shown = t.problems if args.check else []
            for p in shown[:50]:
                print("%s: VIOLATION: %s" % (path, p))
            if len(shown) > 50:
                print("%s: ... %d more" % (path, len(shown) - 50))
            if not args.check:
                print("%s: %d violations" % (path, len(t.problems)))
        elif args.check:
            print("%s: OK (%d notes)" % (path, len(t.notes)))
            if args.verbose:
                for n in t.notes:
                    print("   note: " + n)
    return rc


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
