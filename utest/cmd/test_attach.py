# SPDX-License-Identifier: GPL-2.0-or-later
"""attach: the files of a host and its guest, joined after they were recorded. They are a pair that was recorded
together (utest/fixtures/traces), without the options that tell so."""

import fcntl
import os
import resource
import shutil
import struct
import subprocess

import pytest

import common
from common import FIXTURES, TRACECMD, run

TIME_SHIFT, GUEST, TSC2NSEC, UNKNOWN = 12, 13, 14, 0x7f00
OFFSET = 10662926352		# of the guest's counter, which the pair's options tell
THREADS = (141, 142)
SIZES = {GUEST: 30, TIME_SHIFT: 152, TSC2NSEC: 16}


def without(path, *options):
    """The options become ones that nobody knows."""
    data = bytearray(path.read_bytes())
    for option in options:
        head = struct.pack("<HI", option, SIZES[option])
        assert data.count(head) == 1
        at = data.index(head)
        data[at:at + 2] = struct.pack("<H", UNKNOWN)
    path.write_bytes(data)


@pytest.fixture
def pair(tmp_path):
    shutil.copy(f"{FIXTURES}/pair.dat", tmp_path / "pair.dat")
    shutil.copy(f"{FIXTURES}/pair-ftvmguest.dat", tmp_path / "pair-ftvmguest.dat")
    without(tmp_path / "pair.dat", GUEST)
    without(tmp_path / "pair-ftvmguest.dat", TIME_SHIFT, TSC2NSEC)
    return tmp_path


def attach(folder, *args, threads=(), status=0, **kw):
    return run(TRACECMD, "attach", *args, "pair.dat", "pair-ftvmguest.dat", *threads, cwd=folder, status=status, **kw)


def together(folder):
    return run(TRACECMD, "report", "-i", "pair.dat", "-i", "pair-ftvmguest.dat", cwd=folder).stdout


def options(path):
    return run(TRACECMD, "dump", "--options", path).stdout


@pytest.mark.parametrize("threads", [(), THREADS, (142, 141)], ids=["all", "named", "turned"])
def test_as_if_recorded_together(pair, threads):
    """The same text as of the files that were; strict readers and trace-cmd read them."""
    apart = together(pair)
    p = attach(pair, "-s", OFFSET, "--name", "ftvmguest", threads=threads)
    assert p.stdout == ("virtual CPU 0: thread 141 of 'pair.dat'\nvirtual CPU 1: thread 142 of 'pair.dat'\n"
                        "'pair-ftvmguest.dat' has its host's times now\n") or threads == (142, 141)
    assert together(pair) == together(FIXTURES) != apart
    for name in ("pair.dat", "pair-ftvmguest.dat"):
        common.strict_check(pair / name)
        assert common.report(pair / name) == common.report(f"{FIXTURES}/{name}")
        common.same_report(pair / name)
    told = options(pair / "pair.dat")
    assert "ftvmguest [Guest name]" in told and "2 [Guest CPUs]\n  0 141 [guest cpu, host pid]\n  1 142 [guest" in told
    ours, theirs = (subprocess.run([tool, "report", "-i", "pair.dat", "-i", "pair-ftvmguest.dat", *more], cwd=pair, text=True,
                                   capture_output=True, check=True).stdout
                    for tool, more in ((TRACECMD, ["--compat", "3.1"]), ("trace-cmd", [])))
    common.equal_text(ours, theirs)


def test_offsets_of_cpus(pair):
    """Those that are not given are the last one."""
    attach(pair, "-c", 4, "-s", "1000,3,2,7", "-s", "-0x10")
    told = options(pair / "pair-ftvmguest.dat")
    assert "4 [peer's CPU count]" in told
    assert "\t1000 3 2 7[offset * scaling >> fraction @ time]\n" + 3 * "\t-16 1 0 0[offset * scaling >> fraction @ time]\n" in told


def test_again(pair):
    """The last offset counts, the threads are known already."""
    attach(pair, "-s", 12345)
    wrong, size = together(pair), os.path.getsize(pair / "pair.dat")
    p = attach(pair, "-s", OFFSET)
    assert "'pair.dat' tells of this guest's threads already; that is left as it is" in p.stderr
    assert os.path.getsize(pair / "pair.dat") == size
    assert together(pair) == together(FIXTURES) != wrong


def test_before_the_link_is_written_nothing_is_seen(pair):
    """As an attach that is killed leaves it; and another one takes it from there."""
    apart, size = common.report(pair / "pair-ftvmguest.dat"), os.path.getsize(pair / "pair-ftvmguest.dat")
    attach(pair, "-s", OFFSET)
    data = (pair / "pair-ftvmguest.dat").read_bytes()
    link = struct.pack("<Q", size)
    assert data.count(link) == 1
    (pair / "pair-ftvmguest.dat").write_bytes(data.replace(link, bytes(8)))
    assert common.report(pair / "pair-ftvmguest.dat") == apart
    attach(pair, "-s", OFFSET)
    assert together(pair) == together(FIXTURES)


def unchanged(folder, *args, told, **kw):
    """It says why, and touches nothing."""
    before = {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()}
    p = attach(folder, *args, status=1, **kw)
    assert told in p.stderr, p.stderr
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()} == before


def test_threads_that_ran_no_cpu(pair):
    unchanged(pair, "-s", 1, threads=(1,), told="none of these threads ran a virtual CPU in 'pair.dat'")
    p = attach(pair, "-s", OFFSET, threads=(*THREADS, 7))
    assert "thread 7 ran no virtual CPU in 'pair.dat'; it is left out" in p.stderr
    assert together(pair) == together(FIXTURES)


def test_without_an_offset(pair):
    """The guest that it was does not run here."""
    unchanged(pair, told="how far the guest's clock is from the host's is not known: give it with -s")


def test_host_without_the_scale(pair):
    without(pair / "pair.dat", TSC2NSEC)
    unchanged(pair, "-s", 1, told="record the host with -C tsc2nsec")


def test_host_without_events_of_kvm(pair):
    shutil.copy(f"{FIXTURES}/clock-tsc2nsec.dat", pair / "pair.dat")
    unchanged(pair, "-s", 1, told="'pair.dat' has no events that tell which threads run guests")


def test_clocks_that_have_nothing_in_common(pair):
    shutil.copy(f"{FIXTURES}/clock-global.dat", pair / "pair-ftvmguest.dat")
    unchanged(pair, "-s", 1, told="of which one counts cycles and the other nanoseconds")


@pytest.mark.parametrize("name", ["pair.dat", "pair-ftvmguest.dat"])
def test_files_that_cannot_be_added_to(pair, name):
    whole = (pair / name).read_bytes()
    run(TRACECMD, "convert", "--file-version", "6", name, "v6.dat", cwd=pair)
    os.replace(pair / "v6.dat", pair / name)
    unchanged(pair, "-s", 1, told=f"'{name}' is of version 6, which cannot be added to")
    (pair / name).write_bytes(whole[:-1000])
    unchanged(pair, "-s", 1, told=f"'{name}' is cut: restore it first")
    (pair / name).write_bytes(whole + b"\x01\x02\x03")
    unchanged(pair, "-s", 1, told=f"'{name}' is not laid out so that options can be added")
    (pair / name).write_bytes(b"no trace")
    unchanged(pair, "-s", 1, told=name)
    os.unlink(pair / name)
    unchanged(pair, "-s", 1, told=f"cannot add to '{name}': No such file or directory")


def test_another_program_adds_to_it(pair):
    with open(pair / "pair.dat") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        unchanged(pair, "-s", 1, told="cannot add to 'pair.dat': another program is at work on it")


def test_no_room(pair):
    """As on a full disk: the files are what they were."""
    limit = os.path.getsize(pair / "pair.dat") + 10
    unchanged(pair, "-s", OFFSET, told="cannot add to 'pair.dat': File too large",
              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))


@pytest.mark.parametrize("args, told", [
    ((), "the files are missing"),
    (("a.dat",), "the files are missing"),
    (("-s", "x", "a", "b"), "'x' is not OFFSET"),
    (("-s", "", "a", "b"), "'' is not OFFSET"),
    (("-s", "1,2,3,4,5", "a", "b"), "is not OFFSET"),
    (("-s", "1,2,64", "a", "b"), "the fraction is a number of bits, 63 at most"),
    (("-s", "1,2,-1", "a", "b"), "the fraction is a number of bits"),
    (("-s", "9" * 200, "a", "b"), "is too long"),
    (("-c", "0", "a", "b"), "option -c: '0' is not a number from 1 to 4096"),
    (("-c", "4097", "a", "b"), "option -c"),
    (("a", "b", "x"), "'x' is not the id of a thread"),
    (("a", "b", "0"), "'0' is not the id of a thread"),
    (("a", "b", "7", "7"), "thread 7 is named twice"),
])
def test_bad_use(args, told, tmp_path):
    assert told in run(TRACECMD, "attach", *args, cwd=tmp_path, status=2).stderr
