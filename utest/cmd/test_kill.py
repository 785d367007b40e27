# SPDX-License-Identifier: GPL-2.0-or-later
"""Whoever is killed, whenever: what is on the disk opens, the kernel is put back, nobody stays behind."""

import contextlib
import fcntl
import glob
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import common
import events
import tracefs
import wire
from common import TRACECMD, run
from recording import DIR, INSTANCE, recording, tracing, wait_for

NOTES = "/run/tracecmd"
KILLS = int(os.environ.get("TRACECMD_KILLS", "12"))


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(c) for c in f.read().split()]


def notes(pid=None):
    """The notes there are, or those of one recorder."""
    return [note for note in glob.glob(f"{NOTES}/note.*") if pid is None or f"pid {pid} " in tracefs.read(note)]


def kill_both(p):
    """Recorder and supervisor, neither of which can see the other's end: both are stopped first."""
    found = [p.pid, *children(p.pid)]
    for pid in found:
        os.kill(pid, signal.SIGSTOP)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    p.wait()


def settings():
    """The top level's, and those of the tests' own instances."""
    return {where: what for where, what in tracefs.snapshot(events=False).items()
            if where in ("", "/sysctl") or where.startswith(INSTANCE)}


@pytest.fixture
def before(kernel):
    """The kernel's settings at the beginning, which a test has to leave."""
    got = settings()
    yield got
    assert not tracefs.differences(got, settings())


def test_both_killed(before, tmp_path):
    """The note is told by every command that comes, until it is obeyed."""
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "-b", "3000") as p:
        pid = p.pid
        kill_both(p)
    assert len(notes(pid)) == 1 and os.path.isdir(DIR)
    for command in ("stat", "-B", INSTANCE), ("show", "-B", INSTANCE, "--cpu", "0"):
        p = run(TRACECMD, *command, status=None)
        assert f"process {pid}" in p.stderr and "reset --recover" in p.stderr
    p = run(TRACECMD, "reset", "--recover")
    assert f"process {pid}" in p.stderr
    assert not notes(pid) and not os.path.exists(DIR)
    assert run(TRACECMD, "reset", "--recover").stderr == ""
    p = run(TRACECMD, "report", tmp_path / "x.dat", status=1)
    assert "was killed" in p.stderr


def test_what_is_recorded_is_not_recovered(before, tmp_path):
    """Settings of a killed recorder in an instance that another records by now are that one's, until it has ended."""
    os.mkdir(DIR)
    size = f"{DIR}/per_cpu/cpu0/buffer_size_kb"
    try:
        found = tracefs.read(size)
        with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "-b", "300", "-B", f"{INSTANCE}_2", "-e", "sched",
                       wait=lambda: tracing() and tracefs.read(f"{DIR}_2/tracing_on") == "1\n") as p:
            kill_both(p)
        left = tracefs.read(size)
        with recording("-o", tmp_path / "y.dat", "-B", INSTANCE, "-e", "sched", "-b", "500",
                       wait=lambda: tracing() and tracefs.read(size) not in ("", left)) as second:
            own = tracefs.read(size)
            p = run(TRACECMD, "reset", "--recover", status=1)
            assert f"process {second.pid}," in p.stderr and DIR in p.stderr and "end that first" in p.stderr
            assert tracing() and tracefs.read(size) == own
            assert not os.path.exists(f"{DIR}_2")		# the other part of it is undone
            second.send_signal(signal.SIGINT)
            assert second.wait(timeout=30) == 0
        assert tracefs.read(size) == left		# as it was found
        run(TRACECMD, "reset", "--recover")
        assert tracefs.read(size) == found and not notes()
    finally:
        os.rmdir(DIR)


def test_notes_do_not_block_each_other(tmp_path):
    """What one note tells cannot be put back, others are of no use: the rest is. In a /run of the test's own."""
    victims = [tmp_path / "a", tmp_path / "b"]
    for v in victims:
        v.write_text("changed")
    boot = open("/proc/sys/kernel/random/boot_id").read().strip()
    head = f"tracecmd 1 pid 1 boot {boot}"
    made = {
        "note.0bad": f"{head}\nw {tmp_path}/dir value\n", "note.a": f"{head}\nw {victims[0]} before\n",
        "note.b": f"{head}\nw {victims[1]} before\n", "note.zbad": f"{head}\nnonsense\n",
        "note.old": f"tracecmd 1 pid 1 boot 00000000-0000\nw {victims[0]} never\n",
        "note.other": f"tracecmd 2 {boot}\nw {victims[0]} never\n", "note.empty": "",
    }
    os.mkdir(tmp_path / "dir")
    os.mkdir(tmp_path / "notes")
    for name, text in made.items():
        (tmp_path / "notes" / name).write_text(text)
    os.mkfifo(tmp_path / "notes/note.fifo")
    os.truncate(os.open(tmp_path / "notes/note.large", os.O_CREAT | os.O_RDWR), (64 << 20) + 1)
    # the control socket of a recorder that is gone, and one that somebody listens at
    folder = os.open(tmp_path / "notes", os.O_RDONLY)
    living = socket.socket(socket.AF_UNIX)
    for s, pid in (living, 2), (socket.socket(socket.AF_UNIX), 1):
        s.bind(f"/proc/self/fd/{folder}/control.{pid}")
    living.listen()
    os.close(folder)
    os.makedirs(NOTES, exist_ok=True)
    run_here = ("unshare", "-m", "sh", "-c", f'mount --bind "{tmp_path}/notes" {NOTES} && exec "$@"', "sh")
    p = run(*run_here, TRACECMD, "reset", "--recover", status=1)
    assert [v.read_text() for v in victims] == ["before\n", "before\n"]
    left = sorted(os.listdir(tmp_path / "notes"))
    assert left == ["control.2", "note.0bad", "note.fifo", "note.large", "note.other", "note.zbad"]
    for name, words in ("note.other", "is not understood"), ("note.large", "File too large"):
        assert re.search(f"'{NOTES}/{name}', where tracecmd noted what it changed.*{words}", p.stderr)
    assert "malformed entry" in p.stderr and f"cannot put back {tmp_path}/dir" in p.stderr
    p = run(*run_here, TRACECMD, "stat", "-B", "no_such_instance", status=1)
    assert p.stderr.count("reset --recover") == 2 and "not understood" in p.stderr
    assert sorted(os.listdir(tmp_path / "notes")) == left


def test_without_a_place_for_notes(kernel, tmp_path):
    """Recording goes on; that killing both processes would leave settings behind is said before."""
    os.makedirs("/run", exist_ok=True)
    p = run("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none /run && exec "$@"', "sh", TRACECMD, "record", "-q",
            "-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "true")
    assert p.stderr.count(f"no note can be kept in {NOTES} (Read-only file system)") == 1
    common.strict_check(tmp_path / "x.dat")
    assert not os.path.exists(DIR)


def test_recover_stands_alone(kernel):
    assert "--recover" in run(TRACECMD, "reset", "--recover", "-a", status=2).stderr


def test_supervisor_killed(before, tmp_path):
    """The recorder ends as ever, and puts back itself."""
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched") as p:
        for child in children(p.pid):
            os.kill(child, signal.SIGKILL)
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=30)
        assert p.returncode == 0, err
    assert not notes()
    common.strict_check(tmp_path / "x.dat")


def test_one_recorder_for_a_buffer(kernel, tmp_path):
    """The second is told who has it before it changes anything; beside it there is room."""
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched") as first:
        for args in ("record", "-o", tmp_path / "y.dat"), ("start",):
            p = run(TRACECMD, *args, "-B", INSTANCE, "-e", "irq", *(["true"] if args[0] == "record" else []), status=1)
            assert f"process {first.pid}," in p.stderr and f"'{INSTANCE}'" in p.stderr and "-B" in p.stderr
        assert f"process {first.pid}," in run(TRACECMD, "extract", "-B", INSTANCE, status=1).stderr
        assert "sched:" in tracefs.read(f"{DIR}/set_event")
        run(TRACECMD, "record", "-q", "-o", tmp_path / "y.dat", "-B", f"{INSTANCE}_2", "-e", "irq", "true")
        assert tracing()
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
        assert first.returncode == 0


def test_events_are_not_taken_from_a_recording(kernel, tmp_path):
    """Who would empty its buffer or settings is refused before anything is changed; a switch is told."""
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched") as first:
        for args in ("clear",), ("reset",), ("reset", "-d"), ("reset", "-t"), ("show", "-p"):
            p = run(TRACECMD, args[0], "-B", INSTANCE, *args[1:], status=1)
            assert f"process {first.pid}," in p.stderr and f"'{INSTANCE}'" in p.stderr and p.stdout == ""
            assert tracing()
        run(TRACECMD, "show", "-B", INSTANCE, "--tracing_on")
        p = run(TRACECMD, "stop", "-B", INSTANCE)
        assert f"process {first.pid}," in p.stderr and f"'{INSTANCE}'" in p.stderr and "restart" in p.stderr
        assert f"process {first.pid}," in run(TRACECMD, "restart", "-B", INSTANCE).stderr and tracing()
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
        assert first.returncode == 0


def reads(pid, file):
    """Whether the process has the file open."""
    with contextlib.suppress(FileNotFoundError):	# one that has just been closed
        return any(os.path.realpath(fd) == file for fd in glob.glob(f"/proc/{pid}/fd/*"))
    return False


@contextlib.contextmanager
def door_shut():
    """Nobody finds, makes or locks an instance meanwhile."""
    fd = os.open(f"{tracefs.ROOT}/instances", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(fd)


def at_the_door(p):
    return reads(p.pid, os.path.realpath(f"{tracefs.ROOT}/instances"))


def test_two_make_the_same_instance(before, tmp_path):
    """One gets it, the other is told and undoes nothing of what the first has set."""
    with contextlib.ExitStack() as ends:
        with door_shut():
            both = [ends.enter_context(recording("-o", tmp_path / f"{i}.dat", "-B", INSTANCE, "-e", "sched", "-b", "500",
                                                 wait=lambda: True)) for i in range(2)]
            for p in both:
                wait_for(lambda p=p: at_the_door(p), "it waits for the instance")
            assert not os.path.exists(DIR)
        wait_for(lambda: any(p.poll() is not None for p in both), "one of them has ended")
        loser, winner = sorted(both, key=lambda p: p.poll() is None)
        assert loser.returncode == 1 and f"process {winner.pid}," in loser.communicate()[1]
        wait_for(tracing, "the other records")
        assert int(tracefs.read(f"{DIR}/per_cpu/cpu0/buffer_size_kb")) < 1000
        winner.send_signal(signal.SIGINT)
        assert winner.wait(timeout=30) == 0
    assert not os.path.exists(DIR)


def test_an_instance_that_goes_away_is_made_anew(before, tmp_path):
    os.mkdir(DIR)
    with contextlib.ExitStack() as ends:
        with door_shut():
            p = ends.enter_context(recording("-q", "-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", wait=lambda: True))
            wait_for(lambda: at_the_door(p), "it waits for the instance")
            os.rmdir(DIR)
        wait_for(lambda: tracing() or p.poll() is not None, "it records")
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=30)
        assert p.returncode == 0 and err == ""
    assert not os.path.exists(DIR)


def test_supervisor_holds_the_lock_of_what_was_made(before, tmp_path):
    """Until the instance is gone, nobody gets into it."""
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched") as p:
        supervisor = children(p.pid)[0]
        os.kill(supervisor, signal.SIGSTOP)
        p.kill()
        p.wait()
        try:
            second = run(TRACECMD, "record", "-B", INSTANCE, "-e", "irq", "true", status=1, cwd=tmp_path)
        finally:
            os.kill(supervisor, signal.SIGCONT)
        assert "uses the buffer" in second.stderr
        wait_for(lambda: not os.path.exists(DIR) and not notes(), "the instance is gone")


def full_pipe():
    """(reading end, writing end) of a pipe that takes nothing more."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(theirs, b"\n" * 65536)
    os.set_blocking(theirs, True)
    return ours, theirs


def test_killed_when_the_file_is_complete(before, tmp_path):
    """It has its name, and what it was made of is there as well: until somebody reads how large it is."""
    dat = tmp_path / "x.dat"
    ours, theirs = full_pipe()
    p = subprocess.Popen([TRACECMD, "record", "-o", dat, "-B", INSTANCE, "-e", "sched", "true"], stdout=subprocess.DEVNULL,
                         stderr=theirs)
    try:
        wait_for(dat.exists, "the file has its name")
        assert any(".cpu" in name for name in os.listdir(tmp_path))
    finally:
        p.kill()
        p.wait()
        os.close(theirs)
        os.close(ours)
        wait_for(lambda: not notes(p.pid), "the settings are put back")
    assert os.listdir(tmp_path) == ["x.dat"]
    common.strict_check(dat)


def test_nothing_lies_here_of_what_is_sent(kernel, tmp_path):
    """So that nothing can stay, whoever is killed."""
    beside = tmp_path / "temporary"
    beside.mkdir()
    before = settings()
    with wire.listening(tmp_path) as listener:
        with subprocess.Popen([TRACECMD, "record", "-N", f"localhost:{listener.port}", "--temp", beside, "-e",
                               "sched:sched_process_exit"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            try:
                assert b"Hit Ctrl^C" in p.stdout.readline()
                assert os.listdir(beside) == []
            finally:
                p.kill()
    wait_for(lambda: not notes(p.pid), "the settings are put back")
    assert os.listdir(beside) == [] and not tracefs.differences(before, settings())


def test_pipes_share_a_buffer_that_no_recorder_takes_meanwhile(kernel, tmp_path):
    os.mkdir(DIR)
    pipes = {}
    try:
        for cpu in sorted(os.sched_getaffinity(0))[:2]:
            pipes[cpu] = subprocess.Popen([TRACECMD, "show", "-p", "-B", INSTANCE, "-c", str(cpu)],
                                          stdout=subprocess.DEVNULL)
        for cpu, p in pipes.items():
            wait_for(lambda: reads(p.pid, f"{DIR}/per_cpu/cpu{cpu}/trace_pipe"), "the pipe is read")
        p = run(TRACECMD, "record", "-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "true", status=1)
        assert "another tracecmd, process" in p.stderr and f"'{INSTANCE}'" in p.stderr
    finally:
        for p in pipes.values():
            p.kill()
            p.wait()
        os.rmdir(DIR)


def test_supervisor_holds_the_lock_until_all_is_put_back(before, tmp_path):
    os.mkdir(DIR)
    try:
        with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched") as p:
            supervisor = children(p.pid)[0]
            os.kill(supervisor, signal.SIGSTOP)
            p.kill()
            p.wait()
            second = run(TRACECMD, "record", "-B", INSTANCE, "-e", "irq", "true", status=None, cwd=tmp_path)
            os.kill(supervisor, signal.SIGCONT)
            assert second.returncode == 1 and "uses the buffer" in second.stderr
            wait_for(lambda: tracefs.read(f"{DIR}/set_event") == "", "the settings are put back")
            wait_for(lambda: not notes(), "the note is gone")
        run(TRACECMD, "record", "-q", "-o", tmp_path / "z.dat", "-B", INSTANCE, "-e", "sched", "true")
    finally:
        os.rmdir(DIR)


def begun(folder):
    """Whether the recording is on the disk. That tracing is on would not tell: it is in a new instance."""
    return any(os.path.getsize(path) for path in glob.glob(f"{folder}/x.dat*"))


def whole(folder, began, numbered):
    """What a kill left opens, and has no damage but at most one torn end for each CPU. Up to
    there all markers are recorded or counted as lost, if they are @numbered ones."""
    p = run(TRACECMD, "report", "-q", "--losses", folder / "x.dat", status=None)
    if not began and p.returncode == 1 and "No such file" in p.stderr:
        return
    assert p.returncode == 1 and ("was killed" in p.stderr) or p.returncode == 0, p.stderr
    assert p.stderr.count("the chunk at offset") <= os.cpu_count(), p.stderr
    if numbered:
        events.markers_in_turn(p.stdout)


# What is recorded, by turns: much of all kinds, and numbered markers, into buffers of which some are too small.
EVENTS = ("-e", "syscalls", "-e", "sched", "-e", "sched_waking", "-R", "traceon")
MARKERS = ("-p", "nop", "--", common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", 1 << 30, 500)
WORK = (EVENTS, MARKERS, EVENTS, ("-b", 16, *MARKERS))


def kill_one(whom, p):
    """@p is the first of a group of processes, which has the traced command, too."""
    if whom == "recorder":
        os.killpg(p.pid, signal.SIGKILL)
    elif whom == "both":
        kill_both(p)
    else:
        with contextlib.suppress(IndexError, ProcessLookupError):
            os.kill(children(p.pid)[0], signal.SIGKILL)
        p.send_signal(signal.SIGINT)
    return p.communicate(timeout=60)[1]


@pytest.mark.parametrize("whom", ["recorder", "supervisor", "both"])
def test_kill_at_random_moments(before, tmp_path, whom):
    """TRACECMD_KILLS says how many; TRACECMD_SEED which."""
    seed = int(os.environ.get("TRACECMD_SEED", time.time_ns() % 100000))
    rng = random.Random(seed)
    p = None
    step = f"{INSTANCE}/step={common.tool('workload')}:workload_step"
    probe = ("--probe", step) if os.path.exists(f"{tracefs.ROOT}/uprobe_events") else ()
    load = subprocess.Popen(["hackbench", "-g", "1", "-l", "100000000"], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        for i in range(max(KILLS // 3, 1)):
            folder = tmp_path / str(i)
            folder.mkdir()
            pause, work = rng.uniform(0, rng.choice((0.6, 2))), WORK[i % len(WORK)]
            what = f"seed {seed}, kill {i} of {whom} after {pause:.3f} s"
            os.killpg(load.pid, signal.SIGCONT)
            p = subprocess.Popen([TRACECMD, "record", "-q", "-o", folder / "x.dat", "-B", INSTANCE, *probe, *map(str, work)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
            if i < 2:
                wait_for(lambda: begun(folder), f"the recording begins ({what})")
            time.sleep(pause)
            began = begun(folder)
            err = kill_one(whom, p)
            os.killpg(load.pid, signal.SIGSTOP)
            if whom == "both":
                run(TRACECMD, "reset", "--recover")
            wait_for(lambda: not os.path.exists(DIR), f"the instance is gone ({what}; {err})", 10)
            # killed before anybody was beside it: that tells of nothing, and the next tracecmd removes it
            wait_for(lambda: all(whom == "recorder" and tracefs.read(note).count("\n") < 2 for note in notes(p.pid)), f"the note is gone ({what})", 10)
            try:
                whole(folder, began, work is not EVENTS)
            except AssertionError as e:
                raise AssertionError(f"{what}: {e}") from e
            shutil.rmtree(folder)
    finally:
        for group in (load, *([p] if p and p.poll() is None else [])):
            os.killpg(group.pid, signal.SIGKILL)
            group.wait()
    left = run("ps", "-eo", "pid,args").stdout
    assert not re.search(rf"{re.escape(TRACECMD)} record .*{re.escape(str(tmp_path))}", left), left


# ---- what was there before --------------------------------------------------------

FOUND = {"events/sched/sched_switch/filter": "prev_prio == 12345", "events/sched/sched_switch/enable": "1",
         "events/sched/sched_process_exit/trigger": "stacktrace if pid == 1", "events/irq/irq_handler_entry/enable": "1",
         "events/sched/sched_waking/trigger": "enable_event:irq:irq_handler_exit if pid == 1"}
OVER_IT = ("-e", "sched:sched_switch", "-f", "prev_pid > 0", "-R", "stacktrace if prev_pid == 1", "-e", "sched:sched_process_exit",
           "-f", "pid > 1", "-R", "traceon if pid == 1", "-e", "irq", "-e", "syscalls:sys_enter_*", "-f", "common_pid > 0",
           "--trigger", "sched:sched_process_exec if pid == 0")


def test_filters_and_triggers_of_others_survive_kills(before, tmp_path):
    """Those of an instance that is there; the recorder changes them, and has some of its own."""
    files = sorted({*FOUND, *(f"events/{e}/{f}" for e in ("sched/sched_process_exit", "sched/sched_waking", "irq/irq_handler_exit",
                                                          "syscalls/sys_enter_read", "syscalls/sys_enter_openat")
                              for f in ("enable", "filter", "trigger")),
                    "set_event", "tracing_on", "buffer_size_kb", "trace_options", "current_tracer", "set_event_pid"})
    rng = random.Random(int(os.environ.get("TRACECMD_SEED", time.time_ns() % 100000)))
    os.mkdir(DIR)
    try:
        for file, text in FOUND.items():
            with open(f"{DIR}/{file}", "w") as f:
                f.write(text)
        found = {f: tracefs.read(f"{DIR}/{f}") for f in files}
        changed = 0
        for i in range(max(KILLS // 5, 12)):
            whom, pause = ("recorder", "supervisor", "both")[i % 3], rng.uniform(0, 0.8)
            p = subprocess.Popen([TRACECMD, "record", "-q", "-o", tmp_path / f"{i}.dat", "-B", INSTANCE, *OVER_IT],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)
            time.sleep(pause)
            changed += {f: tracefs.read(f"{DIR}/{f}") for f in files} != found
            err = kill_one(whom, p)
            if whom == "both":
                run(TRACECMD, "reset", "--recover")
            now = {}

            def as_before():
                now.update({f: tracefs.read(f"{DIR}/{f}") for f in files})
                return now == found
            try:
                wait_for(as_before, "settings are as before", 10)
            except AssertionError:
                wrong = {f: (found[f], now[f]) for f in files if found[f] != now[f]}
                raise AssertionError(f"kill {i} of {whom} after {pause:.3f} s: {wrong}; {err}") from None
            wait_for(lambda: not notes(p.pid) or whom == "recorder", "the note is gone", 10)
        assert changed
    finally:
        wait_for(lambda: not run("pgrep", "-f", f"record .* -B {INSTANCE} ", status=None).stdout, "all have ended", 10)
        for file, text in (("events/enable", "0"), ("events/sched/sched_switch/filter", "0"),
                           *((f, f"!{t}") for f, t in FOUND.items() if f.endswith("trigger"))):
            with open(f"{DIR}/{file}", "w") as f:
                f.write(text)
        os.rmdir(DIR)
