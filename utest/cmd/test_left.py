# SPDX-License-Identifier: GPL-2.0-or-later
"""What a killed recorder leaves is read as it lies there; so is what a running one has so far."""

import ctypes
import fcntl
import glob
import os
import re
import shutil
import signal
import subprocess

import pytest

import common
import tracefs
from common import DATDUMP, TRACECMD, run, strict_check
from recording import INSTANCE, clean_instance, parsed, recording, wait_for

KILLED = re.compile(r"'(.*)' was not finished, its recorder was killed or failed: its last event is at (\d+\.\d{6})")


def something_is_kept(folder):
    """Whether the largest spool has several chunks. Makes events until then."""
    run(common.tool("workload"), 100)
    largest = max(glob.glob(f"{folder}/x.dat.*cpu*"), key=os.path.getsize, default=None)
    return largest and open(largest, "rb").read().count(b"TCspool\n") >= 4


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder with what a killed recording into x.dat left, and the report made while it lived."""
    why = common.unusable_tracefs()
    if why:
        pytest.skip(f"tracefs cannot be used: {why}")
    folder = tmp_path_factory.mktemp("killed")
    with common.kernel_lock():
        try:
            with recording("-o", folder / "x.dat", "-B", INSTANCE, "-e", "sched", "-e", "syscalls") as p:
                wait_for(lambda: something_is_kept(folder), "spools have chunks")
                live = run(TRACECMD, "report", folder / "x.dat")
                p.kill()
                p.wait()
        finally:
            clean_instance()
    return folder, live


@pytest.fixture
def left(killed, tmp_path):
    for path in killed[0].iterdir():
        shutil.copy2(path, tmp_path)
    return tmp_path


def lines(text):
    return [line for line in text.splitlines() if line.startswith(f"{INSTANCE}:")]


def without_names(found):
    """The lines without the tasks' names, which the kernel forgets as it sees new tasks."""
    return [re.sub(r"^(\S+:)\s.*?(-\d+ +\[)", r"\1\2", line) for line in found]


def test_running_recording_is_reported(killed):
    live = killed[1]
    assert "is being recorded still" in live.stderr and len(lines(live.stdout)) > 100


def test_report_of_what_is_left(left, killed):
    """All that a restored file has; the end tells that and where it was cut."""
    p = run(TRACECMD, "report", left / "x.dat", status=1)
    told = KILLED.search(p.stderr)
    assert told and told[1] == str(left / "x.dat")
    found = lines(p.stdout)
    assert found[-1].split("] ")[1].split()[1] == told[2] + ":" and len(found) >= len(lines(killed[1].stdout))
    run(TRACECMD, "restore", "-o", left / "y.dat", left / "x.dat")
    strict_check(left / "y.dat")
    assert without_names(lines(common.report(left / "y.dat"))) == without_names(found)
    assert lines(common.trace_cmd_report(left / "y.dat"))
    assert any("workload-" in line for line in found), "task names are asked of the kernel that runs still"


def test_dump_and_convert_of_what_is_left(left):
    p = run(TRACECMD, "dump", left / "x.dat", status=1)
    assert KILLED.search(p.stderr) and f'[buffer "{INSTANCE}"' in p.stdout
    p = run(TRACECMD, "dump", "-v", left / "x.dat", status=1)
    assert KILLED.search(p.stderr) and "valid" not in p.stdout
    p = run(TRACECMD, "convert", left / "x.dat", left / "z.dat", status=1)
    assert KILLED.search(p.stderr)
    strict_check(left / "z.dat")
    assert parsed(left / "z.dat")


def test_without_the_kernel_that_recorded(left):
    """Another boot: formats and symbols are the recording's own, task names are missing."""
    for path in left.glob("x.dat.*cpu*"):
        data = path.read_bytes()
        assert b"boot=" in data[:1024]
    (left / "boot").write_text("00000000-0000-0000-0000-000000000000\n")
    p = run("unshare", "-m", "sh", "-c", 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"',
            "sh", left / "boot", TRACECMD, "report", left / "x.dat", status=1)
    assert KILLED.search(p.stderr) and "sched_switch:" in p.stdout
    (left / "x.dat.meta").unlink()
    p = run(TRACECMD, "report", left / "x.dat", status=1)
    assert KILLED.search(p.stderr) and "sched_switch:" in p.stdout


class Facts(ctypes.Structure):
    _fields_ = [("path", ctypes.c_char_p), ("numbers", ctypes.c_uint32 * 4), ("flags", ctypes.c_int * 2),
                ("texts", ctypes.c_char_p * 4), ("trace_id", ctypes.c_uint64), ("cut", ctypes.c_char_p)]


def opened_by_library(path):
    """How many events a program finds there, and why and where they end too early."""
    library = ctypes.CDLL(f"{common.REPO}/build/libtracecmd.so.1")
    library.tracecmd_file_facts.restype = ctypes.POINTER(Facts)
    trace, event, error = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.create_string_buffer(1028)
    paths = (ctypes.c_char_p * 1)(str(path).encode())
    assert library.tracecmd_trace_open(paths, 1, None, ctypes.byref(trace), error) == 0, error.raw[4:]
    cut = library.tracecmd_file_facts(trace, 0).contents.cut
    nr = 0
    while (r := library.tracecmd_trace_next(trace, ctypes.byref(event), error)) > 0:
        nr += 1
    assert r == 0, error.raw[4:]
    library.tracecmd_trace_close(trace)
    return nr, cut


def test_through_the_library(left):
    """A program opens it by the name of the file, as report does."""
    nr, cut = opened_by_library(left / "x.dat")
    p = run(TRACECMD, "report", left / "x.dat", status=1)
    assert nr == len(lines(p.stdout)) and KILLED.search(cut.decode())
    run(TRACECMD, "restore", "-o", left / "y.dat", left / "x.dat")
    assert opened_by_library(left / "y.dat") == (nr, None)


@pytest.mark.parametrize("args", [("report",), ("dump",), ("convert", "-o", "/dev/null")], ids=lambda args: args[0])
def test_a_spool_by_its_name(left, args):
    """It is said which name to give."""
    spool = left / f"x.dat.{INSTANCE}.cpu0"
    p = run(TRACECMD, *args[:1], "-i", spool, *args[1:], status=1)
    assert f"'{spool}' is what one CPU, 0, recorded" in p.stderr and f"by the name '{left}/x.dat'" in p.stderr
    shutil.copy(spool, f"{spool}.2")		# as after a cut
    p = run(TRACECMD, *args[:1], "-i", f"{spool}.2", *args[1:], status=1)
    assert f"by the name '{left}/x.dat'" in p.stderr
    for name in "strange", "x.dat.cpu7":
        shutil.copy(spool, left / name)
        p = run(TRACECMD, *args[:1], "-i", left / name, *args[1:], status=1)
        assert "is what one CPU, 0, recorded" in p.stderr and "by the name" not in p.stderr


def test_torn_chunk(left):
    spool = max(left.glob("x.dat.*.cpu*"), key=os.path.getsize)
    whole = lines(run(TRACECMD, "report", left / "x.dat", status=1).stdout)
    os.truncate(spool, os.path.getsize(spool) - 100)
    p = run(TRACECMD, "report", left / "x.dat", status=1)
    assert "the chunk at offset 0x" in p.stderr and "torn" in p.stderr
    rest = lines(p.stdout)
    assert 0 < len(rest) < len(whole) and set(without_names(rest)) <= set(without_names(whole))


@pytest.mark.parametrize("empty", [True, False])
def test_missing_spool(left, empty):
    """All spools of a buffer know each other; one that is gone, or of which nothing reached the disk, is told."""
    spools = sorted(left.glob("x.dat.*.cpu*"))
    lost = re.search(r"cpu(\d+)$", spools[1].name)[1]
    if empty:
        os.truncate(spools[1], 0)
    else:
        spools[1].unlink()
    words = f"nothing is there of CPU {lost}, recorded together with '{spools[0]}'"
    p = run(TRACECMD, "report", left / "x.dat", status=1)
    assert words in p.stderr and lines(p.stdout) and not any(f"[{int(lost):03}]" in line for line in lines(p.stdout))
    for command in ("dump", left / "x.dat"), ("restore", "-o", left / "y.dat", left / "x.dat"), ("convert", left / "x.dat", left / "z.dat"):
        assert words in run(TRACECMD, *command, status=1).stderr


def test_missing_instance(kernel, tmp_path):
    try:
        with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "-B", f"{INSTANCE}_2", "-e", "sched") as p:
            wait_for(lambda: something_is_kept(tmp_path), "spools have chunks")
            p.kill()
            p.wait()
    finally:
        clean_instance()
        clean_instance(f"{INSTANCE}_2")
    for path in tmp_path.glob(f"x.dat.{INSTANCE}_2.cpu*"):
        path.unlink()
    words = f"nothing is there of instance '{INSTANCE}_2', recorded together with '{tmp_path}/x.dat.{INSTANCE}.cpu0'"
    for command in ("report", tmp_path / "x.dat"), ("restore", "-o", tmp_path / "y.dat", tmp_path / "x.dat"):
        assert words in run(TRACECMD, *command, status=1).stderr


def test_missing_chunk(left):
    """What follows it is marked, though every chunk that is there is whole."""
    spool = max(left.glob("x.dat.*.cpu*"), key=os.path.getsize)
    data = spool.read_bytes()
    chunks = [m.start() for m in re.finditer(rb"TCspool\n", data)]
    spool.write_bytes(data[:chunks[2]] + data[chunks[3]:])
    marks = run(TRACECMD, "report", left / "x.dat", status=1).stdout.count("[EVENTS DROPPED]")
    assert marks == 1
    p = run(TRACECMD, "report", "--count", left / "x.dat", status=1)
    assert f"1 chunk is missing before that at offset {chunks[2]:#x}" in p.stderr
    assert "unknown" in p.stdout + p.stderr


NEIGHBOUR = "'{0}' is whole; beside it is what another recording holds, which {1}: that is read by the name '{0}.meta'"


def test_earlier_file_beside_what_is_left(left):
    """The name's file is read if there is one; it is said how to get at the rest."""
    shutil.copy(f"{common.FIXTURES}/old-v7.dat", left / "x.dat")
    for args in ("report",), ("dump",), ("dump", "-v"):
        told = run(TRACECMD, *args, left / "x.dat").stderr
        assert NEIGHBOUR.format(left / "x.dat", "was cut") in told
    p = run(TRACECMD, "report", left / "x.dat.meta", status=1)
    assert KILLED.search(p.stderr) and lines(p.stdout)


def test_earlier_file_beside_a_running_recording(left):
    shutil.copy(f"{common.FIXTURES}/old-v7.dat", left / "x.dat")
    with open(left / "x.dat.meta", "rb") as head:
        fcntl.flock(head, fcntl.LOCK_EX)		# as its recorder does
        told = run(TRACECMD, "dump", left / "x.dat").stderr
    assert NEIGHBOUR.format(left / "x.dat", "runs still") in told


def test_file_beside_what_it_was_made_of(left):
    """No other recording is made of them, whether all was taken by one name or each by its own."""
    for what in [left / "x.dat"], sorted(left.glob("x.dat.*cpu*")), [left / "x.dat"]:
        run(TRACECMD, "restore", "-o", left / "x.dat", *what)
        for args in ("report",), ("dump",), ("dump", "-v"):
            assert run(TRACECMD, *args, left / "x.dat").stderr == ""


def test_spools_of_another_recording_are_not_mixed_in(kernel, left):
    before = without_names(lines(run(TRACECMD, "report", left / "x.dat", status=1).stdout))
    os.mkdir(left / "other")
    try:
        with recording("-o", left / "other/x.dat", "-B", INSTANCE, "-e", "sched") as p:
            p.kill()
            p.wait()
    finally:
        clean_instance()
    stranger = left / f"x.dat.{INSTANCE}.cpu0.1"
    shutil.copy(left / f"other/x.dat.{INSTANCE}.cpu0", stranger)
    os.utime(stranger, (0, 0))
    p = run(TRACECMD, "report", left / "x.dat", status=1)
    assert "1 files of another recording" in p.stderr and without_names(lines(p.stdout)) == before


@pytest.mark.parametrize("output", ["x.dat", "-"])
def test_killed_recording_says_where_its_events_are(kernel, tmp_path, output):
    """They are not where the file was to be."""
    os.mkdir(tmp_path / "spools")
    os.mkdir(tmp_path / "out")
    try:
        with recording("-o", output, "--temp", tmp_path / "spools", "-B", INSTANCE, "-e", "sched", "-e", "syscalls",
                       cwd=tmp_path / "out") as p:
            wait_for(lambda: run(common.tool("workload"), 100) and
                     any(path.stat().st_size > 100_000 for path in (tmp_path / "spools").glob("*.cpu*")), "there are events")
            p.kill()
            err = p.communicate(timeout=60)[1]
    finally:
        clean_instance()
    told = re.search(r"what was recorded is kept in '(.*)' and its neighbours: 'tracecmd report (.*)' reads them", err)
    assert told and os.path.exists(told[1]) and told[1].startswith(f"{tmp_path}/spools/"), err
    assert f"tracecmd restore -o FILE {told[2]}'" in err and os.listdir(tmp_path / "out") == []
    assert len(lines(run(TRACECMD, "report", told[2], status=1).stdout)) > 100


def test_nothing_is_left(tmp_path):
    p = run(TRACECMD, "report", tmp_path / "x.dat", status=1)
    assert "No such file or directory" in p.stderr


def test_two_recordings_with_one_output(kernel, tmp_path):
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched"):
        p = run(TRACECMD, "record", "-o", tmp_path / "x.dat", "-B", f"{INSTANCE}_2", "-e", "sched", "true", status=1)
        assert "another recording keeps its data in" in p.stderr and "-o" in p.stderr


@pytest.mark.parametrize("killed", [False, True], ids=["beside", "after one that was killed"])
def test_names_of_spools_that_are_the_same(kernel, tmp_path, killed):
    """OUTPUT.INSTANCE.cpuN may be two outputs' of two instances."""
    first, second = f"{INSTANCE}.{INSTANCE}_2", f"{INSTANCE}_2"
    place = f"{kernel}/instances/{first}"
    with recording("-o", tmp_path / "run", "-B", first, "-e", "sched:sched_process_exec",
                   wait=lambda: tracefs.read(f"{place}/tracing_on") == "1\n" and "sched:" in tracefs.read(f"{place}/set_event")) as p:
        with open(f"{place}/trace_marker", "w", buffering=1) as f:
            for i in range(500):
                f.write(f"number {i}\n")
        run(TRACECMD, "control", "-p", p.pid, "flush")
        if killed:
            p.kill()
            p.communicate(timeout=60)
        refused = run(TRACECMD, "record", "-o", tmp_path / f"run.{INSTANCE}", "-B", second, "-e", "irq", "true", status=1)
        assert f"run.{first}.cpu" in refused.stderr
        assert ("'tracecmd restore" if killed else "another recording keeps its data there") in refused.stderr
        if not killed:
            p.send_signal(signal.SIGINT)
            p.communicate(timeout=60)
    found = run(TRACECMD, "report", tmp_path / "run", status=int(killed)).stdout
    assert re.findall(r"tracing_mark_write: number (\d+)", found) == [str(i) for i in range(500)]


@pytest.mark.parametrize("args", [("record", "-e", "sched:sched_process_exec"), ("extract",)])
def test_what_is_left_is_not_overwritten(kernel, left, args):
    """It may be all there is of that recording; the next one does not begin before it is put aside."""
    spools = {path: path.read_bytes() for path in left.iterdir()}
    run("mkdir", "-p", f"{kernel}/instances/{INSTANCE}")
    try:
        command = [TRACECMD, args[0], "-o", left / "x.dat", "-B", INSTANCE, *args[1:]]
        if args[0] == "record":
            command += ["touch", left / "ran"]
        p = run(*command, status=1)
        for words in f"{left}/x.dat.{INSTANCE}.cpu", "killed", f"tracecmd restore -o FILE {left}/x.dat", "x.dat.meta", "-o":
            assert words in p.stderr
        assert {path: path.read_bytes() for path in left.iterdir()} == spools
        run(TRACECMD, "restore", "-o", left / "y.dat", left / "x.dat")
        for path in spools:
            path.unlink()
        run(*command)
        strict_check(left / "x.dat")
    finally:
        os.rmdir(f"{kernel}/instances/{INSTANCE}")


def test_to_standard_output_and_from_it(kernel, tmp_path):
    """-o - sends the same file front to back; report reads it from a pipe."""
    before = set(glob.glob("/var/tmp/tracecmd-stdout.*"))
    with open(tmp_path / "sent.dat", "wb") as f:
        p = subprocess.run([TRACECMD, "record", "-o", "-", "-B", INSTANCE, "-e", "sched", "sh", "-c", "echo printed; sleep 0.1"],
                           stdout=f, stderr=subprocess.PIPE, text=True)
    assert p.returncode == 0, p.stderr
    assert "printed\n" in p.stderr      # the command's output is not the file's
    strict_check(tmp_path / "sent.dat")
    from_file = common.report(tmp_path / "sent.dat")
    assert "sched_switch" in from_file
    p = subprocess.run(f"cat {tmp_path}/sent.dat | {TRACECMD} report -", shell=True, stdout=subprocess.PIPE, text=True)
    assert p.returncode == 0 and p.stdout == from_file
    p = run("sh", "-c", f"{TRACECMD} record -q -o - -B {INSTANCE} -e sched sleep 0.1 | head -c 10000", status=None)
    assert p.stderr.count("tracecmd:") == 1 and "Broken pipe" in p.stderr
    assert set(glob.glob("/var/tmp/tracecmd-stdout.*")) <= before


def test_cut_stream_is_told(tmp_path):
    with open(f"{common.FIXTURES}/old-v7.dat", "rb") as f:
        part = f.read(100000)
    p = subprocess.run([TRACECMD, "report", "-"], input=part, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert p.returncode == 1 and b"standard input" in p.stderr


def test_decoder_of_its_own_reads_the_head(left):
    run("/usr/bin/python3", DATDUMP, "--check", "--strict", left / "x.dat.meta")
