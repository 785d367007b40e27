# SPDX-License-Identifier: GPL-2.0-or-later
"""No event is lost silently: numbered markers are written on every CPU at the
same time, and what was recorded and what is reported lost add up to exactly as
many, with buffers too small for them and large enough."""

import os
import re

import pytest

import common
import events
from common import TRACECMD, run

CPUS = os.sysconf("SC_NPROCESSORS_ONLN")
NAME = common.instance("conserve")


TIMES = int(os.environ.get("TRACECMD_CONSERVATION_TIMES", "1"))


def written_by(path_of_instance, count, pause_us=0, seed=0):
    """The command that writes @count markers on each CPU; with a @seed of random sizes."""
    return [common.tool("markers"), f"{path_of_instance}/trace_marker", f"{path_of_instance}/trace_marker_raw",
            str(count), str(pause_us), str(seed)]


def balance(path, written):
    """(recorded, lost) of a file; no marker twice, none invented."""
    text = common.report(path, "--losses")
    found = events.marker_numbers(events.parse(text))
    assert len(found) == len(set(found)), "a marker was recorded twice"
    per_cpu = written // CPUS
    assert all(0 <= cpu < CPUS and 0 <= number < per_cpu for cpu, number in found)
    return len(found), events.lost(common.report(path, "--stat"), text)


def lost_in_places(text, count):
    """How many of @count markers on each CPU the report's lines say are lost, and how many of these lines say no
    number. Each number is what is missing there, and where gaps of unknown size were before: with those."""
    last, silent, told, unknown = [-1] * CPUS, [0] * CPUS, [None] * CPUS, 0
    total = 0
    for line in text.splitlines():
        if gap := events.LOST.match(line):
            cpu = int(gap[1])
            assert told[cpu] is None, f"two losses at one place: {line}"
            told[cpu] = int(gap[2] or 0)
            total += told[cpu]
            unknown += not gap[2]
        elif found := events.marker_numbers(events.parse(line)):
            cpu, number = found[0]
            missing, last[cpu] = number - last[cpu] - 1, number
            if told[cpu]:
                assert told[cpu] == missing + silent[cpu], f"CPU {cpu}, before {number}: {told[cpu]} of {missing}"
                silent[cpu] = 0
            elif told[cpu] == 0:
                assert missing, f"CPU {cpu}, before {number}: nothing is lost"
                silent[cpu] += missing
            else:
                assert not missing, f"CPU {cpu}, before {number}: {missing} lost silently"
            told[cpu] = None
    assert last == [count - 1] * CPUS
    return total, unknown


def told_lost(stderr):
    """What record says was lost."""
    lines = re.findall(r"^CPU \d+(?:\.\S+)?: .*$", stderr, re.M)
    return sum(int(n) for line in lines for n in re.findall(r" (\d+) events (?:lost|dropped)", line))


@pytest.mark.parametrize("form", [(), ("--compression", "lz4"), ("--compression", "none"), ("--file-version", "6"),
                                  ("--nosplice",), ("--poll", "-s", "100000")],
                         ids=lambda form: " ".join(form) or "default")
@pytest.mark.parametrize("kb, count", [(4, 40000), (64, 40000), (32768, 40000)])
def test_recorded_and_lost_are_all(kernel, tmp_path, form, kb, count):
    out = tmp_path / "out.dat"
    p = run(TRACECMD, "record", "-o", out, "-b", kb, "-p", "nop", *form, *written_by(kernel, count))
    written = int(p.stdout.split("\n")[0])
    assert written == CPUS * count
    recorded, lost = balance(out, written)
    assert recorded + lost == written
    assert told_lost(p.stderr) == lost
    if kb == 32768:
        assert lost == 0


@pytest.mark.parametrize("seed, form", [(1, ("-b", "4")), (1, ("-b", "8")), (1, ("-b", "8", "--poll")),
                                        (1, ("-b", "64", "--poll")), (1, ("-b", "8", "--nosplice")),
                                        (1, ("-b", "64", "--subbuf-size", "8")), (0, ("-b", "8")),
                                        (0, ("-b", "64", "--nosplice"))],
                         ids=lambda value: " ".join(value) if isinstance(value, tuple) else f"sizes{value}")
def test_each_gap_has_its_number(kernel, tmp_path, seed, form):
    """Buffers of a few sub-buffers, which are full to the last byte, or full to some byte."""
    out, count = tmp_path / "out.dat", 6000
    for turn in range(TIMES):
        p = run(TRACECMD, "record", "-o", out, "-B", NAME, "-p", "nop", *form,
                *written_by(f"{kernel}/instances/{NAME}", count, seed=seed and seed + turn * CPUS))
        text = common.report(out)
        recorded = len(events.marker_numbers(events.parse(text)))
        lost, unknown = lost_in_places(text, count)
        assert unknown == 0
        assert recorded + lost == count * CPUS
        assert told_lost(p.stderr) == lost and "known size" not in p.stderr


def test_loss_is_certain_when_nobody_reads(kernel, tmp_path):
    """The buffer of an instance is filled many times over, then extracted."""
    path = f"{kernel}/instances/{NAME}"
    os.mkdir(path)
    try:
        run(TRACECMD, "start", "-B", NAME, "-b", "16", "-p", "nop")
        written = int(run(*written_by(path, 20000)).stdout)
        run(TRACECMD, "stop", "-B", NAME)
        run(TRACECMD, "extract", "-B", NAME, "-o", tmp_path / "out.dat")
        recorded, lost = balance(tmp_path / "out.dat", written)
        assert recorded > 0 and lost > 0 and recorded + lost == written
    finally:
        os.rmdir(path)


@pytest.mark.parametrize("again", [("extract", "-k"), ("record", "-K")], ids=" ".join)
def test_a_loss_is_told_once(kernel, tmp_path, again):
    """To the first who reads behind it: the kernel's counter goes on where nobody resets the buffer."""
    path, out = f"{kernel}/instances/{NAME}", tmp_path / "out.dat"
    os.mkdir(path)
    try:
        run(TRACECMD, "start", "-B", NAME, "-b", "64", "-p", "nop")
        for count in (10000, 12000, 10, 9000, 0):
            written = int(run(*written_by(path, count)).stdout.split("\n")[0]) if count else 0
            command = ("true",) if again[0] == "record" else ()
            p = run(TRACECMD, *again, "--fail-on-loss", "-B", NAME, "-o", out, *command, status=3 if count > 1000 else 0)
            recorded, lost = balance(out, max(written, CPUS))
            assert recorded + lost == written and (lost > 0) == (count > 1000)
            assert told_lost(p.stderr) == lost
            run(TRACECMD, "restart", "-B", NAME)
        run(TRACECMD, "reset", "-B", NAME)
    finally:
        os.rmdir(path)


def test_a_buffer_that_keeps_the_oldest(kernel, tmp_path):
    """Without overwriting, the newest are lost, behind the last one recorded."""
    path = f"{kernel}/instances/{NAME}"
    os.mkdir(path)
    try:
        run(TRACECMD, "start", "-B", NAME, "-b", "16", "-O", "nooverwrite", "-p", "nop")
        told = re.match(r"(\d+)\n(\d+) refused\n", run(*written_by(path, 5000)).stdout)
        written, refused = map(int, told.groups())
        run(TRACECMD, "stop", "-B", NAME)
        stats = "".join(common.tracefs.read(f"{path}/per_cpu/cpu{cpu}/stats") for cpu in range(CPUS))
        dropped = sum(int(n) for n in re.findall(r"^dropped events: (\d+)", stats, re.M))
        p = run(TRACECMD, "extract", "-B", NAME, "-o", tmp_path / "out.dat")
        recorded, _ = balance(tmp_path / "out.dat", written)
        assert dropped == refused > 0 and recorded + dropped == written
        assert told_lost(p.stderr) == dropped
        summary = run(TRACECMD, "dump", "--summary", tmp_path / "out.dat").stdout
        assert f"\t[{dropped} events refused by full buffers" in summary
        assert f": {dropped} events were refused by full buffers" in run(TRACECMD, "report", "--count", tmp_path / "out.dat").stderr
        assert sum(int(n) for n in re.findall(rf"\t\tCPU \d+\.{NAME}: (\d+) events\n", summary)) == dropped
    finally:
        os.rmdir(path)


def test_instances_are_counted_apart(kernel, tmp_path):
    """Markers go to an instance that is too small, events to the top level."""
    out = tmp_path / "out.dat"
    p = run(TRACECMD, "record", "-o", out, "-b", 16384, "-e", "sched:sched_process_exit",
            "-B", NAME, "-b", "8", "-p", "nop", *written_by(f"{kernel}/instances/{NAME}", 20000))
    written = int(p.stdout.split("\n")[0])
    recorded, lost = balance(out, written)
    assert recorded + lost == written and told_lost(p.stderr) == lost
    exits = [e for e in events.parse(common.report(out)) if e.name == "sched_process_exit" and e.comm == "markers"]
    assert len(exits) == CPUS + 1
