# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls of the recorder that fail: it stops, tells, keeps what it has, and puts the kernel back."""

import glob
import os
import signal

import pytest

import common
import tracefs
from common import TRACECMD, run, strace, strict_check
from recording import DIR, INSTANCE

# What strace makes of which calls, and what comes of it: nothing (the command's status), a file
# that ends early, the parts of one, one of these two (as the file is made by moving or by copying what
# there is), or no recording at all.
FAULTS = [
    ("pwrite64:error=EINTR:when=3+3", "nothing"),
    ("splice:error=EINTR:when=2+2", "nothing"),
    ("poll,ppoll:error=EINTR:when=2+3", "nothing"),
    ("fallocate:error=EOPNOTSUPP", "nothing"),
    ("writev:error=EINTR:when=2+2", "nothing"),
    ("fdatasync:error=EIO", "kept"),
    ("splice:error=EIO:when=4+", "early"),
    ("writev:error=EIO:when=2+", "parts"),
    ("linkat,rename:error=EIO", "parts"),
    ("fsync:error=EIO:when=3+", "parts"),
    ("pwrite64:error=ENOSPC:when=2+", "none"),
    ("flock:error=ENOLCK", "none"),
]


@pytest.mark.parametrize("fault, outcome", FAULTS, ids=[f for f, _ in FAULTS])
def test_failing_call(kernel, tmp_path, fault, outcome):
    before = tracefs.snapshot(events=False)
    dat = tmp_path / "x.dat"
    work = common.tool("workload")
    p = strace("-o", "/dev/null", "-e", f"trace={fault.split(':')[0]}", "-e", f"inject={fault}", TRACECMD,
               "record", "-q", "--sync", "-o", dat, "-B", INSTANCE, "-e", "sched", "-e", "syscalls:*nanosleep",
               "sh", "-c", f"{work} 100; sleep 1.2; {work} 50; exit 5", status=None)
    assert not os.path.exists(DIR)
    assert {k: v for k, v in tracefs.snapshot(events=False).items() if k in before} == before
    assert p.returncode == (5 if outcome == "nothing" else 1), p.stderr
    assert p.stderr.count("tracecmd: ") == (0 if outcome == "nothing" else 1), p.stderr
    spools = glob.glob(f"{dat}.*")
    if outcome == "kept":
        outcome = "parts" if spools else "early"
    if outcome in ("nothing", "early"):
        assert not spools
        strict_check(dat)
        assert ("what was recorded before that is in" in p.stderr) == (outcome == "early")
    elif outcome == "parts":
        assert "restore" in p.stderr and not dat.exists() and spools
        assert "sched_switch:" in run(TRACECMD, "report", dat, status=1).stdout
        run(TRACECMD, "restore", "-o", tmp_path / "y.dat", dat)
        strict_check(tmp_path / "y.dat")
    else:
        assert not os.listdir(tmp_path), "nothing is left of a recording that did not begin"


@pytest.fixture
def dat(kernel, tmp_path):
    return tmp_path / "x.dat"


def failed(dat, *command, wrapper=()):
    """What a recording of the instance tells when it fails."""
    return run(*wrapper, TRACECMD, "record", "-q", "-o", dat, "-B", INSTANCE, "-e", "sched", *command, status=1).stderr


def test_tracing_that_cannot_be_switched_off(dat):
    """The instance's own file refuses at the end: the second write of the recorder itself."""
    told = strace("-o", "/dev/null", "-P", f"{DIR}/tracing_on", "-e", "trace=write", "-e", "inject=write:error=EIO:when=2+",
                  TRACECMD, "record", "-q", "-o", dat, "-B", INSTANCE, "-e", "sched", "true", status=1).stderr
    assert f"{DIR}/tracing_on: Input/output error; tracing may still be on; what was recorded" in told
    strict_check(dat)
    assert "sched_process_exec" in common.report(dat)
    assert not os.path.exists(DIR) and not glob.glob(f"{dat}.*")


def test_tracefs_that_goes_away(dat):
    """What was recorded is in the file; what is to be put back is noted until it is there again."""
    told = failed(dat, "sh", "-c", "umount -l $(awk '$3 == \"tracefs\" {print $2}' /proc/mounts | sort -r)",
                  wrapper=("unshare", "-m"))
    assert "tracing may still be on; " in told and "what was recorded before that is in" in told
    assert "cannot put back" in told and "reset --recover" in told
    strict_check(dat)
    assert "sched_process_exec" in common.report(dat)
    assert os.path.isdir(DIR) and tracefs.read(f"{DIR}/tracing_on") == "1\n"
    run(TRACECMD, "reset", "--recover")
    assert not os.path.exists(DIR)


def test_files_that_may_not_grow(dat):
    """As on a full disk; the command is ended by the signal, should it come to that."""
    ignored = dat.parent / "ignored"
    told = failed(dat, "sh", "-c", f"grep SigIgn /proc/self/status >{ignored}; prlimit --pid $PPID --fsize=4096; "
                  f"{common.tool('workload')} 200")
    assert "File too large" in told and "'tracecmd restore' makes a file" in told
    assert not int(ignored.read_text().split()[1], 16) >> signal.SIGXFSZ - 1 & 1
    assert not os.path.exists(DIR) and glob.glob(f"{dat}.*")


def test_folder_renamed_meanwhile(dat):
    there, gone = dat.parent / "there", dat.parent / "gone"
    there.mkdir()
    told = failed(there / "x.dat", "mv", there, gone)
    assert f"'{there}/x.dat.{INSTANCE}.cpu0' and its neighbours, which are not there any more" in told
    assert "sched_process_exec" in run(TRACECMD, "report", gone / "x.dat", status=1).stdout


def test_pid_file_on_a_full_disk(dat):
    """Nothing has been changed or run then."""
    told = failed(dat, "--pid-file", "/dev/full", "touch", dat)
    assert told == "tracecmd: cannot write '/dev/full': No space left on device\n"
    assert not os.listdir(dat.parent) and not os.path.exists(DIR)
