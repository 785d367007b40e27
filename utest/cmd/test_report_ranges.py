# SPDX-License-Identifier: GPL-2.0-or-later
"""report --from and --to of files in which time stamps of sub-buffers are wrong: no event of an
undamaged sub-buffer is missing from its range without a word and exit status 1.

Every case comes from its number, so a failure can be had again."""

import collections
import os
import random
import re
import struct

import pytest

from common import FIXTURES, TRACECMD, run
from test_report_damage import damage, report

CASES = int(os.environ.get("TRACECMD_HOSTILE_CASES", "2500")) // 400
PAGE = 4096
EVENT = re.compile(rb'^\{"time":(\d+),"cpu":(\d+),', re.M)
RANGES = 4


def pages(path):
    """The file's bytes, and of each CPU the offsets of its sub-buffers; nothing is compressed."""
    areas = re.findall(r"^\s+\d+ (\d+)\t(\d+)\t", run(TRACECMD, "dump", "--flyrecord", path).stdout, re.M)
    return bytearray(open(path, "rb").read()), [range(int(at), int(at) + int(size), PAGE) for at, size in areas]


def events(path, *options):
    """How often there is an event of a time and CPU, notices about damage, status."""
    text, notices, status = report(path, "--format", "json", *options)
    return collections.Counter((int(t), int(cpu)) for t, cpu in EVENT.findall(text)), damage(notices), status


def stamp_of(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def spoil_stamp(r, data, at):
    stamp = stamp_of(data, at)
    wrong = r.choice([0, stamp ^ 1 << r.randrange(64), stamp - r.randrange(10**8), stamp + r.randrange(10**8),
                      r.randrange(2**64), 2**63 - 1, stamp + 10**10])
    struct.pack_into("<Q", data, at, wrong % 2**64)


@pytest.fixture(scope="module", params=["pair", "fgraph"])
def raw(request, tmp_path_factory):
    """A recording, uncompressed, and its events."""
    path = str(tmp_path_factory.mktemp(request.param) / "raw.dat")
    run(TRACECMD, "convert", "--compression", "none", f"{FIXTURES}/{request.param}.dat", path)
    return path, events(path)[0]


def spoilt(r, path, folder):
    """A file in which some sub-buffers, none next to another, have another time stamp."""
    data, cpus = pages(path)
    for area in cpus:
        bad = set()
        for nr in (r.randrange(len(area)) for _ in range(r.choice([0, 1, 1, 2, 6]))):
            if not bad & {nr - 1, nr, nr + 1}:
                bad.add(nr)
                spoil_stamp(r, data, area[nr])
    path = str(folder / "bad.dat")
    with open(path, "wb") as f:
        f.write(data)
    if r.random() < 0.5:
        packed = str(folder / "packed.dat")
        run(TRACECMD, "convert", "--compression", "zstd", path, packed)
        return packed
    return path


def as_time(ns):
    return f"{ns // 10**9}.{ns % 10**9:09d}"


@pytest.mark.parametrize("case", range(CASES))
def test_stamps_of_sub_buffers(case, raw, tmp_path):
    r = random.Random(f"stamps {case}")
    true = raw[1]
    path = spoilt(r, raw[0], tmp_path)
    shown_by_all, _, status = events(path)
    assert status == 0
    whole = true & shown_by_all
    times = sorted(t for t, _ in true)
    for _ in range(RANGES):
        start, end = sorted(r.sample(times, 2))
        if r.random() < 0.5:
            end = times[min(len(times) - 1, times.index(start) + r.randrange(1, 200))]
        options = ["--from", as_time(start)] + (["--to", as_time(end)] if r.random() < 0.8 else [])
        end = end if len(options) > 2 else times[-1]
        threads = r.choice("123")
        shown, told, status = events(path, "--threads", threads, *options)
        assert bool(told) == (status == 1)
        text, count_told, count_status = report(path, "--count", "--format", "json", *options)
        counted = int(re.search(rb'"total":(\d+)', text).group(1))
        # of compressed data lines search a stretch, and are misled elsewhere than counts
        assert path.endswith("packed.dat") or damage(count_told) == told
        assert bool(damage(count_told)) == (count_status == 1)
        if told:
            assert all("events of the range of time may be missing" in n or "could not be reported" in n for n in told)
            continue
        wanted = collections.Counter({e: n for e, n in whole.items() if start <= e[0] <= end})
        assert not wanted - shown, (options, "missing")
        assert count_status == 1 or counted == sum(shown.values())
        assert all(start <= t and (t <= end or len(options) == 2) for t, _ in shown), options
        # and all of it would be in a report of the whole
        assert not shown - shown_by_all


def spoil_entry(path):
    """A file in which the first event of a sub-buffer has a time far behind it; time steps back at the one behind that."""
    data = bytearray(open(f"{FIXTURES}/syn-v6-be-l8-p4096-none.dat", "rb").read())
    data[81942] = 0x84
    with open(path, "wb") as f:
        f.write(data)
    return path


@pytest.mark.parametrize("options", [["--from", "1060.7", "--to", "1063"], ["--to", "1063"], ["--from", "1062.171245"]])
def test_time_steps_back_within_a_sub_buffer(tmp_path, options):
    path = spoil_entry(str(tmp_path / "bad.dat"))
    times = [int(float(t) * 10**9) for t in options[1::2]]
    for threads in "12":
        shown, told, status = events(path, "--threads", threads, *options)
        assert status == 1
        assert any("an event's time stamp" in n and "CPU 0" in n for n in told), told
        assert all(times[0] <= t for t, _ in shown) or options[0] == "--to"
        assert all(t <= times[-1] for t, _ in shown) or "--to" not in options
        text, count_told, count_status = report(path, "--count", "--threads", threads, "--format", "json", *options)
        assert count_status == 1 and damage(count_told) == told
        losses = report(path, "--format", "json", *options)[0].count(b'"lost":')
        assert int(re.search(rb'"total":(\d+)', text).group(1)) == sum(shown.values()) - losses


def test_the_undamaged_file_has_no_step_back(tmp_path):
    whole, told, status = events(f"{FIXTURES}/syn-v6-be-l8-p4096-none.dat", "--from", "1060.7", "--to", "1063")
    assert whole and not told and status == 0
