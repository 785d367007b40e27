# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a recording: what it takes on the disk, and who is killed or fails in its midst. Moments are chosen by the
program with faults (utest/tools/faults.c), which is stopped or killed before a call of finish_move, not by the clock."""

import errno
import os
import re
import signal
import subprocess

import pytest

import common
import events
import tracefs
from common import TRACECMD, run
from recording import DIR, INSTANCE, conserved, wait_for
from test_fault_sites import ALWAYS, PROGRAM, program

ALL = os.environ.get("TRACECMD_FAULTS") == "all"
MARKERS = 30000         # of each CPU: some stretches
MANY = 250000           # 20 MB or more
GOAL = 1.1              # of the final file, on the disk at once
MOVING = re.compile(r"^(finish_move|give_back|spool_move\w*|put_chunks|put_all)$", re.M)


def record(folder, count, *options, **environment):
    work = [common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", str(count)]
    return subprocess.Popen([PROGRAM, "record", "-q", "-o", "x.dat", "-B", INSTANCE, "-b", "20000", "-p", "nop", "--compression",
                             "none", *options, "sh", "-c", f"{' '.join(work)} >&2"], cwd=folder, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            env={**os.environ, **{k: str(v) for k, v in environment.items()}})


def written(stderr):
    return int(re.search(r"^(\d+)$", stderr, re.M)[1])


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """(function, site) of the calls of a finish that moves, as they come first."""
    program()
    folder = tmp_path_factory.mktemp("sites")
    p = record(folder, MARKERS, TRACECMD_FAULT_LOG=folder / "log")
    err = p.communicate(timeout=60)[1]
    assert p.returncode == 0, err
    calls = [line.split() for line in (folder / "log").read_text().splitlines()]
    places = sorted({int(a, 16) - 1 for _, _, *addresses in calls for a in addresses})
    text = run("addr2line", "-a", "-f", "-i", "-e", PROGRAM, *map(hex, places)).stdout
    moving = {int(m[1], 16) for m in re.finditer(r"^(0x\w+)\n((?:(?!0x).*\n)*)", text, re.M) if MOVING.search(m[2])}
    found = [(function, site) for function, site, *addresses in calls if moving & {int(a, 16) - 1 for a in addresses}]
    assert {"ftruncate64", "pwrite64", "writev", "linkat", "flock"} <= {function for function, _ in found}, found
    return found


def everything_is_read(folder, count):
    """In place, and restored."""
    p = run(TRACECMD, "report", folder / "x.dat", status=None)
    assert p.returncode == 1 and "was not finished" in p.stderr, p.stderr
    seen = events.marker_numbers(events.parse(p.stdout))
    assert len(seen) == len(set(seen)) == count
    run(TRACECMD, "restore", "-o", folder / "y.dat", folder / "x.dat")
    common.strict_check(folder / "y.dat")
    assert len(events.marker_numbers(events.parse(common.report(folder / "y.dat")))) == count


def cleaned(folder):
    for name in os.listdir(folder):
        os.unlink(folder / name)


def chosen(sites):
    """Moments: (function, site, number of the call)."""
    moments = [(function, site, n) for function, site in sites for n in (1, 2, 7)]
    important = [(f, s, n) for f, s, n in moments if f in ("ftruncate64", "pwrite64", "linkat") and n != 2]
    return moments if ALL else important


def test_killed_while_it_moves(kernel, sites, tmp_path):
    """At each moment all is read: in the spools, in what has been begun of the file, or in both."""
    moved = 0
    for function, site, n in chosen(sites):
        p = record(tmp_path, MARKERS, TRACECMD_FAULT=f"{function} {site} {n} {n} {-signal.SIGKILL}")
        err = p.communicate(timeout=60)[1]
        wait_for(lambda: not os.path.exists(DIR), "the instance is gone")
        what = f"{function} {site}, call {n}, leaves {sorted(os.listdir(tmp_path))}"
        if p.returncode == -signal.SIGKILL:
            moved += os.path.exists(tmp_path / "x.dat.unfinished")
            try:
                everything_is_read(tmp_path, written(err))
            except AssertionError as e:
                raise AssertionError(f"{what}: {e}") from e
        else:
            assert p.returncode == 0, f"{what}: {err}"      # there are not so many calls
        cleaned(tmp_path)
    assert moved


def test_fails_while_it_moves(kernel, sites, tmp_path):
    """The disk is full in its midst, or fails: a message that names the parts, which are all."""
    site = [s for f, s in sites if f == "writev"][-1]
    p = record(tmp_path, MARKERS, TRACECMD_FAULT=f"writev {site} 4 {ALWAYS} {errno.ENOSPC}")
    err = p.communicate(timeout=60)[1]
    assert p.returncode == 1
    assert "No space left on device" in err and "'x.dat.unfinished' has been begun" in err and "restore" in err
    everything_is_read(tmp_path, written(err))
    p = run(TRACECMD, "record", "-o", "x.dat", "-B", INSTANCE, "-p", "nop", "true", cwd=tmp_path, status=1)
    assert "x.dat.unfinished" in p.stderr and "restore" in p.stderr


def test_nothing_can_be_given_back(kernel, sites, tmp_path):
    """Without journals the file is made as well, and nothing stays."""
    for function in "ftruncate64", "flock", "linkat":
        site = [s for f, s in sites if f == function][-1]
        p = record(tmp_path, MARKERS, TRACECMD_FAULT=f"{function} {site} 1 {ALWAYS} {errno.EIO}")
        err = p.communicate(timeout=60)[1]
        assert p.returncode == 0, f"{function}: {err}"
        assert os.listdir(tmp_path) == ["x.dat"]
        assert conserved(tmp_path / "x.dat", written(err)) == 0
        cleaned(tmp_path)


def disk_bytes(folder):
    return sum(os.lstat(folder / name).st_blocks * 512 for name in os.listdir(folder))


def test_disk_in_use(kernel, sites, tmp_path):
    """Before each time that something is given back there is most of it."""
    site = [s for f, s in sites if f == "ftruncate64"][-1]
    p = record(tmp_path, MANY, TRACECMD_FAULT=f"ftruncate64 {site} 1 {ALWAYS} {-signal.SIGSTOP}")
    seen = []
    while True:
        _, status = os.waitpid(p.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        seen.append(disk_bytes(tmp_path))
        os.kill(p.pid, signal.SIGCONT)
    p.returncode = os.waitstatus_to_exitcode(status)
    err = p.communicate()[1]
    assert p.returncode == 0, err
    assert os.listdir(tmp_path) == ["x.dat"] and conserved(tmp_path / "x.dat", written(err)) == 0
    size = os.path.getsize(tmp_path / "x.dat")
    assert size > 20e6 and len(seen) > 10
    assert max(seen) <= GOAL * size, f"{max(seen)} of {size} bytes"


def test_who_reads_it_meanwhile(kernel, sites, tmp_path):
    """A report that began before goes on reading what it has found; one that begins now waits for the file."""
    site = [s for f, s in sites if f == "ftruncate64"][-1]
    p = record(tmp_path, MARKERS, TRACECMD_FAULT=f"ftruncate64 {site} 3 3 {-signal.SIGSTOP}")
    os.waitpid(p.pid, os.WUNTRACED)
    reader = subprocess.Popen([TRACECMD, "report", tmp_path / "x.dat"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: re.search(r"^\d+: -> FLOCK .* %d " % reader.pid, tracefs.read("/proc/locks"), re.M), "the reader waits")
    os.kill(p.pid, signal.SIGCONT)
    err = p.communicate(timeout=60)[1]
    out, told = reader.communicate(timeout=60)
    assert p.returncode == 0 and reader.returncode == 0, err + told
    assert len(events.marker_numbers(events.parse(out))) == written(err)
