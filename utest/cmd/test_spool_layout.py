# SPDX-License-Identifier: GPL-2.0-or-later
"""Spools are what section 9.2 of tracecmd.dat(5) says: read here by that page
alone while a recording goes on, they hold whole chunks of whole sub-buffers."""

import ctypes
import signal
import struct
import subprocess
import time

import pytest

import common

HEAD = struct.Struct("<8s H H I I I Q Q Q 8s I I Q Q")
INFO, DATA = 1, 2
INSTANCE = common.instance("spools")


@pytest.fixture(scope="module")
def xxh3():
    lib = ctypes.CDLL("libxxhash.so.0")
    lib.XXH3_64bits.restype = lib.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    lib.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    lib.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    return lib


def chunks(data, xxh3):
    """The whole chunks of a spool; one that is being written may follow."""
    pos = 0
    while pos + HEAD.size <= len(data):
        (magic, version, kind, flags, cpu, page, seq, first, last, codec, csize, usize, session,
         check) = HEAD.unpack_from(data, pos)
        assert (magic, version) == (b"TCspool\n", 1)
        payload = data[pos + 80:pos + 80 + csize]
        if len(payload) < csize:
            return
        seed = xxh3.XXH3_64bits(data[pos:pos + 72], 72)
        assert check == xxh3.XXH3_64bits_withSeed(payload, csize, seed)
        end = pos + 80 + csize
        pos = -(-end // 16) * 16
        assert not any(data[end:pos])
        yield {"kind": kind, "flags": flags, "cpu": cpu, "page": page, "seq": seq, "first": first,
               "last": last, "codec": codec.rstrip(b"\0"), "usize": usize, "session": session,
               "payload": payload}


def last_time(page):
    """Time of the last event of a little-endian sub-buffer (section 8 of the page)."""
    now, commit = struct.unpack_from("<QQ", page)
    last = now
    pos, end = 16, 16 + (commit & 0x7ffffff)
    while pos < end:
        word, array0 = struct.unpack_from("<II", page, pos)
        kind, delta = word & 31, word >> 5
        if kind == 31:
            now = array0 << 27 | delta | now & 0xf800000000000000
        else:
            now += delta + (array0 << 27 if kind == 30 else 0)
        if kind in (30, 31):
            pos += 8
        elif kind == 29:
            pos += 4 + array0
        else:
            pos += 4 + 4 * kind if kind else 8 + (array0 - 4 + 3 & ~3)
            last = now
    return last


@pytest.fixture
def spools(kernel, tmp_path):
    """Copies of the spools of CPUs 0 and 1 of an instance, taken while it is recorded."""
    out = tmp_path / "out.dat"
    record = subprocess.Popen([common.TRACECMD, "record", "-q", "--compression", "none", "-o", out,
                               "-B", INSTANCE, "-e", "sched"], stdin=subprocess.DEVNULL)
    try:
        paths = [tmp_path / f"out.dat.{INSTANCE}.cpu{cpu}" for cpu in (0, 1)]
        end = time.monotonic() + 30
        while time.monotonic() < end and not all(p.exists() and p.stat().st_size > 65536 for p in paths):
            subprocess.run(["bash", "-c", "for i in {1..200}; do /bin/true; done"], check=True)
        copies = [p.read_bytes() for p in paths]
    finally:
        record.send_signal(signal.SIGINT)
        assert record.wait(timeout=60) == 0
    return copies


def test_spools_are_what_the_page_says(spools, xxh3):
    sessions = set()
    for cpu, data in enumerate(spools):
        info, *rest = chunks(data, xxh3)
        assert (info["kind"], info["seq"], info["codec"]) == (INFO, 0, b"")
        words = dict(w.split(b"=", 1) for w in info["payload"].split(b"\0") if w)
        assert words[b"instance"] == INSTANCE.encode()
        assert words[b"clock"] == b"local"
        assert int(words[b"cpus"]) >= 2
        assert b"uname" in words and b"tracecmd" in words
        assert rest
        for seq, chunk in enumerate(rest):
            assert (chunk["kind"], chunk["seq"], chunk["cpu"]) == (DATA, seq, cpu)
            assert len(chunk["payload"]) == chunk["usize"] and chunk["usize"] % chunk["page"] == 0
            assert chunk["first"] == struct.unpack_from("<Q", chunk["payload"])[0]
            assert chunk["last"] == last_time(chunk["payload"][-chunk["page"]:])
            assert chunk["flags"] == 0
        sessions |= {chunk["session"] for chunk in [info, *rest]}
    assert len(sessions) == 1
