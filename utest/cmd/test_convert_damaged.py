# SPDX-License-Identifier: GPL-2.0-or-later
"""convert of files that are wrong in one of their fields: refused or told, or nothing is lost.

Whatever is in a file, either convert says what is wrong and its exit status is not 0, or the new
file is right and report says of it what it says of the old one. A file converted in place is
whole or untouched. Every case comes from its number, so a failure can be had again:

  utest/cmd/test_convert_damaged.py FIRST COUNT     cases FIRST to FIRST + COUNT - 1
"""

import importlib
import os
import random
import struct
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from common import FIXTURES, TRACECMD, UTEST, run

sys.path.insert(0, f"{UTEST}/fuzz")
corpus = importlib.import_module("make-corpus")

# a tenth of the files that test_hostile spoils: each costs up to four programs
CASES = int(os.environ.get("TRACECMD_HOSTILE_CASES", "2500")) // 10
TIMEOUT = 20
FORMATS = [
    ["--compression", "none"], ["--compression", "zstd"], ["--compression", "lz4"],
    ["--compression", "zlib"], ["--file-version", "6"], ["--file-version", "6"],
]
NUMBERS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 255, 256, 257, 511, 512, 4096, 65535, 65536, 1 << 20, 0x7fffffff,
           0x80000000, 0xffffffff, 1 << 40, 1 << 63, (1 << 64) - 1]
MAGIC = 10          # bytes of the file's magic
TAG = 10            # and of version 6's
PAGE_HEAD = 16


class Fields:
    """Where a file's numbers are: (offset, size) of each. Found by walking over it."""

    def __init__(self, data):
        self.data, self.found = data, []
        self.e = ">" if data[MAGIC + 2] else "<"
        self.add(MAGIC + 2, 1)
        self.add(MAGIC + 3, 1)
        self.number(MAGIC + 4, 4)
        pos = MAGIC + 8
        if data[MAGIC:MAGIC + 1] == b"6":
            self.version6(pos)
            return
        end = self.string(pos)
        self.packed = data[pos:end - 1] != b"none"
        end = self.string(end)
        self.number(end, 8)
        self.sections(end + 8)

    def add(self, at, size):
        self.found.append((at, size))

    def number(self, at, size):
        self.add(at, size)
        return int.from_bytes(self.data[at:at + size], "big" if self.e == ">" else "little")

    def string(self, at):
        """The offset behind it."""
        return self.data.index(b"\0", at) + 1

    # -- metadata; each returns the offset behind it
    def header_info(self, at):
        for tag in (12, 13):
            at += tag
            at += 8 + self.number(at, 8)
        return at

    def formats(self, at):
        count = self.number(at, 4)
        at += 4
        for _ in range(count):
            at += 8 + self.number(at, 8)
        return at

    def systems(self, at):
        count = self.number(at, 4)
        at += 4
        for _ in range(count):
            at = self.formats(self.string(at))
        return at

    def text(self, at, size):
        return at + size + self.number(at, size)

    def block(self, sid, at):
        walk = {16: self.header_info, 17: self.formats, 18: self.systems, 21: lambda at: self.text(at, 8)}
        return walk.get(sid, lambda at: self.text(at, 4))(at)

    # -- options and data
    def options(self, at, done):
        """@done: whether the end mark has a size."""
        while True:
            oid = self.number(at, 2)
            at += 2
            if not oid and not done:
                return at
            size = self.number(at, 4)
            at += 4
            for step in range(0, size - size % 4, 4):
                self.add(at + step, 4)
            if oid == 3 and done:
                self.areas(at)
            at += size
            if not oid:
                return at

    def areas(self, at):
        """What a version 7 buffer's option refers to."""
        at = self.string(self.string(at + 8))
        count = self.number(at + 4, 4)
        for cpu in range(at + 8, at + 8 + count * 20, 20):
            start, size = self.number(cpu + 4, 8), self.number(cpu + 12, 8)
            self.add(cpu, 4)
            if self.packed:
                self.chunks(start)
            else:
                self.pages(start, size)

    def chunks(self, at):
        count = self.number(at, 4)
        at += 4
        for _ in range(count):
            size = self.number(at, 4)
            self.number(at + 4, 4)
            for i in range(0, size, max(size // 4, 1)):
                self.add(at + 8 + i, 1)
            at += 8 + size

    def pages(self, start, size):
        for at in range(start, start + size, max(size // 4, 1)):
            self.add(at, 8)
            self.add(at + 8, 4)
            self.add(at + PAGE_HEAD, 4)

    def table(self, at, cpus):
        at += TAG
        for i in range(cpus):
            start, size = self.number(at, 8), self.number(at + 8, 8)
            self.pages(start, size)
            at += 16
        self.add(at, 8)

    def sections(self, at):
        while at < len(self.data):
            sid, flags, size = self.number(at, 2), self.number(at + 2, 2), self.number(at + 8, 8)
            self.add(at + 4, 4)
            body = at + 16
            if sid == 0:
                self.options(body, True)
            elif flags & 1 and sid != 3:
                self.add(body, 4)
                self.add(body + 4, 4)
                for i in range(8, size, max(size // 4, 1)):
                    self.add(body + i, 1)
            elif 16 <= sid <= 21:
                self.block(sid, body)
            at = body + size

    def version6(self, at):
        for sid in range(16, 22):
            at = self.block(sid, at)
        cpus = self.number(at, 4)
        at += 4
        if self.data[at:at + 7] == b"options":
            at = self.options(at + TAG, False)
        self.table(at, cpus)


def plain(name):
    """A fixture without compression, so that what is inside can be spoiled."""
    with tempfile.TemporaryDirectory() as folder:
        run(TRACECMD, "convert", "--compression", "none", f"{FIXTURES}/{name}.dat", f"{folder}/t.dat")
        with open(f"{folder}/t.dat", "rb") as f:
            return f.read()


def fixture(name):
    with open(f"{FIXTURES}/{name}.dat", "rb") as f:
        return f.read()


class Buffers(corpus.Writer):
    """Without a latency tracer's text, which version 6 has no place for beside buffers."""

    def text_buffer(self):
        pass


class Seeds:
    def __init__(self):
        whole = [corpus.Writer(7, 0, 8).v7(), Buffers(7, 0, 8).v7(), Buffers(7, 1, 4).v7(), Buffers(6, 0, 8).v6(),
                 Buffers(6, 1, 4).v6(), Buffers(7, 0, 8, "zlib").v7(), Buffers(7, 0, 8, "lz4").v7(),
                 plain("clock-global"), fixture("clock-global"), plain("trace-marker"), fixture("trace-marker")]
        self.files = [(data, Fields(data)) for data in whole]

    def case(self, number):
        """The bytes of case @number, the format to convert to, whether in place."""
        r = random.Random(number)
        seed, fields = r.choice(self.files)
        data = bytearray(seed)
        for _ in range(r.choice([1, 1, 1, 1, 2, 3])):
            spoil(r, data, fields)
        return bytes(data), r.choice(FORMATS), r.random() < 0.3


def spoil(r, data, fields):
    """One field other than it was, or bytes too many or too few somewhere behind one."""
    at, size = r.choice(fields.found)
    order = "big" if fields.e == ">" else "little"
    how = r.random()
    if how < 0.85:
        old = int.from_bytes(data[at:at + size], order)
        value = r.choice(NUMBERS + [old + 1, old - 1, old + 4, old - 4, old * 2, old ^ 1 << r.randrange(8 * size),
                                    len(data), at] + [r.choice(fields.found)[0]] * 3)
        data[at:at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, order)
    elif how < 0.9:
        del data[at:at + r.choice([1, 4, size, 64])]
    elif how < 0.95:
        data[at:at] = bytes(r.choice([1, 4, size, 64]))
    else:
        del data[at + r.randrange(64):]


def tracecmd(*args, folder):
    env = dict(os.environ, ASAN_OPTIONS="exitcode=99:detect_leaks=0")
    return subprocess.run([TRACECMD, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                          cwd=folder, env=env, text=True, errors="replace")


def contents(folder, name):
    try:
        with open(f"{folder}/{name}", "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def complaint(folder, data, how, in_place):
    """What is wrong with what convert made of @data, or None."""
    for name in ("in.dat", "out.dat"):
        with open(f"{folder}/{name}", "wb") as f:
            f.write(data if name == "in.dat" or in_place else b"older")
    p = tracecmd("convert", "out.dat" if in_place else "in.dat", "out.dat", *how, folder=folder)
    if sorted(os.listdir(folder)) != ["in.dat", "out.dat"] or contents(folder, "in.dat") != data:
        return "left other files"
    if p.returncode:
        if p.returncode != 1 or "tracecmd: " not in p.stderr:
            return f"exit status {p.returncode}: {p.stderr}"
        if in_place and contents(folder, "out.dat") != data:
            return "the only copy is gone"
        return None
    check = tracecmd("dump", "-v", "out.dat", folder=folder)
    if check.returncode:
        return f"exit status 0, and a new file that is wrong: {check.stderr}"
    old, new = (tracecmd("report", name, folder=folder) for name in ("in.dat", "out.dat"))
    if old.stdout != new.stdout or old.returncode != new.returncode:
        return (f"exit status 0, report had {len(old.stdout.splitlines())} lines and status {old.returncode}, "
                f"has {len(new.stdout.splitlines())} and {new.returncode}\n{p.stderr}\nold: {old.stderr}new: {new.stderr}")
    return None


def run_cases(folder, first, count):
    seeds, found = Seeds(), []
    for number in range(first, first + count):
        data, how, in_place = seeds.case(number)
        wrong = complaint(folder, data, how, in_place)
        if wrong:
            found.append(f"case {number} ({' '.join(how)}{', in place' * in_place}): {wrong}")
            if __name__ == "__main__":
                print(found[-1], flush=True)
    return found


def test_refused_told_or_whole(tmp_path):
    found = run_cases(tmp_path, 0, CASES)
    assert not found, f"{len(found)} of {CASES}:\n" + "\n".join(found[:10])


def main():
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(bool(run_cases(folder, int(sys.argv[1]), int(sys.argv[2]))))


if __name__ == "__main__":
    main()
