# SPDX-License-Identifier: GPL-2.0-or-later
"""report of damaged files: lines, notices, their order and the exit status hang neither on the
number of threads nor on how a range of time is written.

Every case comes from its number, so a failure can be had again."""

import os
import random
import re
import struct
import subprocess

import pytest

from common import FIXTURES, TRACECMD, run

CASES = int(os.environ.get("TRACECMD_HOSTILE_CASES", "2500")) // 60
THREADS = (1, 2, 3, 8)
NAMES = ["all-6.1", "fgraph", "pair"]       # several chunks for each CPU; few, and more than are read at first
RANGES = [[], ["--last", "0.01"], ["--last", "0.1"], ["--from", "+0.01", "--to", "+0.05"], ["--from", "+0.1"],
          ["--to=-0.05"], ["--from=-0.05", "--to=-0.01"], ["--to", "+0.001"]]
LINES = [[], ["--format", "json"], ["--format", "csv"], ["--losses", "-t", "-l"], ["-F", "sched_switch"],
         ["--ts-check"], ["--first", "700"], ["--first", "30", "-F", "sched_switch"], ["--compat", "3.1"]]
TIME = r" (\d+\.\d{9}): "
COUNTS = [["--count"], ["--count=cpu,event"], ["--count=time=1ms"], ["--count", "-F", "sched_switch"]]


def report(path, *options, window=None):
    """Lines, notices, status."""
    env = dict(os.environ, **({"TRACECMD_WINDOW_BYTES": window} if window else {}))
    p = subprocess.run([TRACECMD, "report", *options, path], capture_output=True, timeout=120, env=env)
    return p.stdout, p.stderr.decode(errors="replace").splitlines(), p.returncode


def damage(notices):
    """What is told of damage: other notices are about losses that have no lines in a format."""
    return sorted(n for n in notices if "lost events" not in n and "behind the last one" not in n)


def chunks(name):
    """The file's bytes, and of each CPU the offsets of its chunks' heads, with the bytes behind each."""
    path = f"{FIXTURES}/{name}.dat"
    data = open(path, "rb").read()
    found = []
    for at in re.findall(r"^\s+\d+ (\d+)\t\d+\t", run(TRACECMD, "dump", "--flyrecord", path).stdout, re.M):
        at = int(at)
        found.append([])
        nr, = struct.unpack_from("<I", data, at)
        at += 4
        for _ in range(nr):
            size, = struct.unpack_from("<I", data, at)
            found[-1].append((at, size))
            at += 8 + size
    return bytearray(data), found


def spoil(r, data, found, heads):
    for _ in range(r.choice([1, 1, 2, 4, 9, 30])):
        at, size = r.choice(r.choice(found))
        at += r.randrange(8) if heads and r.random() < 0.2 else 8 + r.randrange(size)
        data[at] = r.choice([0, 128, 255, r.randrange(256)])


@pytest.fixture
def spoilt(tmp_path):
    """A maker of damaged files: a random number generator's, with or without chunks whose heads are bad."""
    def make(r, heads):
        data, found = chunks(r.choice(NAMES))
        spoil(r, data, found, heads)
        path = str(tmp_path / "bad.dat")
        with open(path, "wb") as f:
            f.write(data)
        return path
    return make


def test_damage_at_the_end_of_a_range(tmp_path):
    """Behind the only event of the range three sub-buffers cannot be read."""
    data = bytearray(open(f"{FIXTURES}/all-6.1.dat", "rb").read())
    for at, byte in ((0x8d198, 0), (0x9aa8b, 128), (0x9b163, 255), (0x9b410, 128), (0x9be52, 199), (0x9bf12, 0),
                     (0x9c50f, 0), (0x9d1b2, 255), (0x9d46a, 128)):
        data[at] = byte
    path = tmp_path / "bad.dat"
    path.write_bytes(data)
    for threads in THREADS:
        text, notices, status = report(path, "--threads", str(threads), "--last", "0.01")
        assert status == 1 and len(text.splitlines()) == 2
        assert [re.search(r"sub-buffer at byte (\d+)", n).group(1) for n in notices[:-1]] == ["20480", "24576", "28672"]
        assert notices[-1] == "tracecmd: 3 damaged places could not be reported"


def test_damage_in_front_of_a_range(tmp_path):
    """The chunk before the first events of the range: some of them may have been in it."""
    def events(path):
        lines = report(path, "-t", "--cpu", "0")[0].decode().splitlines()
        return [line for line in lines if re.search(TIME, line)]

    def ns(line):
        return int(re.search(TIME, line).group(1).replace(".", ""))

    data, found = chunks("pair")
    clean = tmp_path / "clean.dat"
    clean.write_bytes(data)
    lines = events(clean)
    at, size = found[0][-2]
    data[at + 8:at + 8 + size] = bytes(size)
    bad = tmp_path / "bad.dat"
    bad.write_bytes(data)
    left = events(bad)
    kept = set(left)
    hole = [line for line in lines if line not in kept]
    assert len(hole) > 100 and lines[-1] in left

    behind = next(line for line in left if ns(line) > ns(hole[-1]))
    for kind in LINES[:3] + COUNTS[:1]:
        for first, told in ((ns(hole[len(hole) // 2]), True), (ns(behind), True), (ns(behind) + 1, False),
                            (ns(hole[0]) - 10**6, True)):
            for threads in (1, 3):
                _, notices, status = report(bad, "--threads", str(threads), "-t", "--cpu", "0", *kind, "--from",
                                            f"{first // 10**9}.{first % 10**9:09d}")
                assert (status, len(damage(notices))) == ((1, 2) if told else (0, 0)), (kind, first, notices)


@pytest.mark.parametrize("case", range(CASES))
def test_any_number_of_threads(case, spoilt):
    r = random.Random(case)
    path = spoilt(r, True)
    options = [*r.choice(LINES + COUNTS), *r.choice(RANGES)]
    window = r.choice([None, "4096", "20000"])
    one = report(path, "--threads", "1", *options, window=window)
    for threads in THREADS[1:]:
        assert report(path, "--threads", str(threads), *options, window=window) == one, (threads, options)


@pytest.mark.parametrize("case", range(CASES // 4))
def test_any_form_of_a_range(case, spoilt):
    """--last is --from from the end. Formats and counts tell of the same damage as lines."""
    r = random.Random(f"forms {case}")
    path = spoilt(r, False)
    threads = ["--threads", str(r.choice(THREADS))]
    last = r.choice(["0.01", "0.03", "0.1"])
    one = report(path, *threads, "--last", last)
    assert report(path, *threads, f"--from=-{last}") == one
    for kind in LINES[:5] + COUNTS:
        _, notices, status = report(path, *threads, *kind, "--last", last)
        assert (damage(notices), status) == (damage(one[1]), one[2]), kind
