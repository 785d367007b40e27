# SPDX-License-Identifier: GPL-2.0-or-later
"""record on this machine: what comes out, how it ends, what it leaves."""

import os
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

import common
import events
import tracefs
from common import TRACECMD, run, strict_check
from recording import (DIR, INSTANCE, clean_instance, conserved, finish, lost_in_places, names, parsed, recording,
                       tracing, wait_for)

CPUS = os.cpu_count()
IN = ("-B", INSTANCE)


def record(path, *args, **kw):
    """Records into @path and checks the file."""
    p = run(TRACECMD, "record", "-o", path, *args, **kw)
    strict_check(path)
    return p


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


# ---- what comes out --------------------------------------------------------------

@pytest.mark.parametrize("form", [
    (), ("--compression", "none"), ("--compression", "zlib"), ("--compression", "lz4"),
    ("--file-version", "6"), ("--nosplice",), ("--poll", "-s", "500"), ("-r", "5"), ("--subbuf-size", "16"),
    ("-m", "100000"), ("--compress", "after"), ("--compress", "none"),
], ids=lambda form: " ".join(form))
def test_forms(dat, form):
    """The workload's events are there, whatever the way and the format."""
    where = () if "6" in form else IN
    record(dat, *where, "-e", "sched", "-e", "syscalls:sys_enter_openat", *form, common.tool("workload"), 3)
    found = [e for e in parsed(dat) if e.comm == "workload"]
    assert sum(e.name == "sys_enter_openat" for e in found) >= 6
    assert {"sched_switch", "sched_process_exec"} <= {e.name for e in found}
    assert os.listdir(os.path.dirname(dat)) == ["out.dat"], "something was left beside the output"


def test_top_level_and_instance(dat):
    record(dat, "-e", "sched", *IN, "-e", "irq", common.tool("workload"), 3)
    by_buffer = {}
    for e in parsed(dat):
        by_buffer.setdefault(e.buffer, set()).add(e.name.split("_")[0])
    assert by_buffer[""] == {"sched"}
    assert by_buffer[INSTANCE] <= {"irq", "softirq", "tasklet", "ipi"}


@pytest.mark.parametrize("option, told", [("--verbose", True), ("--verbose=debug", True), ("--verbose=4", True), ("--debug", True),
                                          ("--verbose=warn", False), ("--verbose=3", False)])
def test_verbose(dat, option, told):
    """Tells what is written to the kernel, a line each."""
    p = record(dat, "-q" if not told else "--poll", option, *IN, "-e", "sched:sched_switch", "true")
    lines = [line for line in p.stderr.splitlines() if line.startswith("tracecmd: writes '")]
    assert (f"tracecmd: writes '1' to {DIR}/events/sched/sched_switch/enable" in lines) == told
    assert bool(lines) == told


@pytest.mark.parametrize("command", ["record", "start", "extract"])
def test_version_behind_options(command):
    assert run(TRACECMD, command, "-q", "--version").stdout == run(TRACECMD, "--version").stdout


@pytest.mark.parametrize("mask", ["xyz", "", "0", "0,0"])
def test_bad_mask(mask):
    assert "option -M" in run(TRACECMD, "record", "-M", mask, "-e", "sched", "true", status=2).stderr


def test_triggers_of_a_whole_system(dat):
    """Triggers arm events that are off; these are recorded all the same."""
    record(dat, *IN, "-e", "raw_syscalls", "-R", "stacktrace", common.tool("workload"), 3)
    assert {"sys_enter", "sys_exit", "kernel_stack"} <= names(dat)


@pytest.mark.parametrize("n", [2, 20])
def test_triggers_with_a_count(dat, n):
    """What they do so many times they do while it is recorded, not while that is prepared."""
    forks = ("sh", "-c", "for i in $(seq 50); do /bin/true; done")
    record(dat, *IN, "-e", "sched:sched_process_fork", "-R", f"stacktrace:{n}", "-e", "sched:sched_process_exit", *forks)
    found = [e.name for e in parsed(dat)]
    assert found.count("sched_process_fork") >= 50 and found.count("kernel_stack") == n


def test_trigger_that_ends_it(dat, tmp_path):
    """Tracing that a trigger has switched off is not switched on again by the command's start."""
    program, own = tmp_path / "once", 'filename ~ "*/once"'
    shutil.copy("/bin/true", program)
    record(dat, *IN, "-e", "sched:sched_process_exec", "-f", own, "-R", f"traceoff:1 if {own}", "sh", "-c", 3 * f"{program}\n")
    assert [e.name for e in parsed(dat)] == ["sched_process_exec"]


HOOK = "sched_waking,pid,pid/sched_wakeup,pid,s"


def test_profile(dat):
    """--profile records what 'report --profile' accounts; -H adds a pair, and the file keeps it."""
    p = record(dat, *IN, "--profile", "-H", HOOK, common.tool("workload"), 3)
    graph = "function_graph" in tracefs.read(f"{tracefs.ROOT}/available_tracers")
    assert ("recorded without" in p.stderr) != graph
    text = run(TRACECMD, "report", "--profile", dat).stdout
    for event in ("sched_switch:S", "sched_wakeup:0x", "sched_waking:0x", "sys_enter:230", "page_fault_user:0x"):
        assert re.search(rf"^  Event: {event}\w* \(\d+\)(?: Total.*)?\n          \| ?\n|^  Event: {event}\w* \(\d+\) Total", text,
                         re.M), event
    assert re.search(r"Event: sched_waking:0x\w+ \(\d+\) Total: .*\n          \|", text), "the hook's start has no stacks"
    # only what is named
    record(dat, *IN, "--profile", "-S", "-H", HOOK, common.tool("workload"), 3)
    assert names(dat) == {"sched_waking", "sched_wakeup", "kernel_stack"}
    # without the accounts' own events
    record(dat, *IN, "-H", HOOK, common.tool("workload"), 3)
    assert names(dat) == {"sched_waking", "sched_wakeup", "kernel_stack"}
    assert "Event: sched_waking:0x" in run(TRACECMD, "report", "--profile", dat).stdout


@pytest.mark.parametrize("args, complaint", [
    (("-S", "-e", "sched"), "-S is part of --profile"), (("-G", "-e", "sched"), "part of --profile"),
    (("--profile", "-H", "x"), "option -H: hook 'x'"),
])
def test_profile_bad_use(dat, args, complaint):
    assert complaint in run(TRACECMD, "record", "-o", dat, *args, "true", status=2).stderr


@pytest.mark.parametrize("hook, words", [
    ("sched_switch,nope/sched_wakeup,pid", ("'sched:sched_switch' has no field 'nope'",)),
    ("sched_waking,pid,pidd/sched_wakeup,pid", ("no field 'pidd'", "did you mean", "'pid'")),
    ("sched_waking,pid/sched:sched_wakeup,comm[16]", ("'sched:sched_wakeup' has no field 'comm[16]'",)),
    ("nosuch,pid/sched_wakeup,pid", ("this kernel has no event 'nosuch'",)),
    ("sched_waking,pid/sched_wakup,pid", ("no event 'sched_wakup'", "did you mean", "'sched_wakeup'")),
])
def test_hooks_of_what_the_kernel_has_not(dat, hook, words):
    ran = f"{dat}.ran"
    p = run(TRACECMD, "record", "-o", dat, "--profile", "-H", hook, "touch", ran, status=1)
    assert all(word in p.stderr for word in (f"option -H {hook}: ", *words)), p.stderr
    assert not os.path.exists(dat) and not os.path.exists(ran)


def test_hook_of_any_kind_of_field(dat):
    """Arrays, texts elsewhere in the record, and what all events have."""
    record(dat, *IN, "--profile", "-S", "-H", "sched_waking,comm,common_pid/sched:sched_process_exec,filename", "true")
    assert "sched_process_exec" in names(dat)


def test_only_what_is_asked_for_by_f(dat):
    """-F: nothing but the command, from its exec on."""
    record(dat, *IN, "-F", "-e", "syscalls", common.tool("workload"), 3)
    found = parsed(dat)
    assert {e.comm for e in found} == {"workload"} and len({e.pid for e in found}) == 1
    # the write that switched tracing on, then the exec
    assert [e.name for e in found if e.name != "sys_exit_write"][0] == "sys_enter_close"
    assert "sys_enter_execve" in [e.name for e in found[:10]]


def test_follows_children(dat):
    record(dat, *IN, "-F", "-c", "-e", "syscalls:sys_enter_openat", "sh", "-c", "cat /etc/hostname; true")
    assert {e.comm for e in parsed(dat)} == {"sh", "cat"}


def test_does_not_trace_itself(dat):
    """Its readers would be seen by their splice calls."""
    what = (*IN, "-b", "64", "-e", "syscalls:sys_enter_splice", "-e", "sched", common.tool("workload"), 200)
    record(dat, *what)
    assert "sched_switch" in names(dat) and "sys_enter_splice" not in names(dat)
    record(dat, "--no-filter", *what)
    assert "sys_enter_splice" in names(dat)


def test_processes_of_one_instance_alone(dat):
    """-P is about the instance it stands behind; the other has all processes, but not the recorder."""
    other = INSTANCE + "_all"
    what = ("-b", "64", "-e", "syscalls:sys_enter_splice", "-e", "sched:sched_switch")
    sleeper = subprocess.Popen(["sh", "-c", "while :; do sleep 0.02; done"])
    try:
        record(dat, *IN, "-P", sleeper.pid, *what, "-B", other, *what, "sh", "-c",
               f"cat {DIR}/set_event_notrace_pid >{dat}.mine; cat {DIR}_all/set_event_notrace_pid >{dat}.hidden; "
               f"{common.tool('workload')} 200; exec sleep 0.7")	# in which the sleeper wakes up many times
    finally:
        sleeper.kill()
        sleeper.wait()
    found = parsed(dat)
    mine = [e for e in found if e.buffer == INSTANCE]
    assert mine and all(e.pid == sleeper.pid or f":{sleeper.pid} [" in e.text for e in mine)
    others = [e for e in found if e.buffer == other]
    with open(f"{dat}.hidden") as f:
        hidden = {int(line) for line in f}
    assert len(hidden) > 2 * CPUS and not hidden & {e.pid for e in others if e.name == "sys_enter_splice"}
    assert not os.path.getsize(f"{dat}.mine")
    assert any(e.pid != sleeper.pid and f":{sleeper.pid} [" not in e.text for e in others)


def test_runs_as_user(dat):
    p = record(dat, *IN, "-q", "-e", "sched", "--user", "nobody", "sh", "-c", "id -un; echo $HOME $USER")
    home = subprocess.run(["getent", "passwd", "nobody"], capture_output=True, text=True).stdout.split(":")[5]
    assert p.stdout.split() == ["nobody", home, "nobody"]


def test_date(dat):
    """Times are those of the clock on the wall, also if only an instance is traced."""
    before = time.time()
    record(dat, *IN, "--date", "-e", "sched", common.tool("workload"), 3)
    for e in parsed(dat):
        assert before - 0.01 <= float(e.time) <= time.time()


def test_date_without_nanoseconds(dat):
    p = run(TRACECMD, "record", "-o", dat, *IN, "--date", "-C", "counter", "-e", "sched", "true", status=1)
    assert "--date" in p.stderr and "'counter'" in p.stderr
    assert not os.path.exists(dat)


def test_ts_offset(dat):
    record(dat, *IN, "--ts-offset", "7000000000", "-e", "sched", "true")
    raw = [int(e.time) for e in parsed(dat, "--raw-ts")]
    assert [round(float(e.time) * 1e6) for e in parsed(dat)] == [(t + 7000000000 + 500) // 1000 for t in raw]


def test_clock(dat):
    record(dat, *IN, "-C", "mono", "-e", "sched", "true")
    now = time.clock_gettime(time.CLOCK_MONOTONIC)
    assert all(now - 60 < float(e.time) < now for e in parsed(dat))


def test_buffers_of_different_clocks_are_told(dat):
    """Not at the top level, of which nothing was recorded; what has one clock for all, or one date, refuses them."""
    other = INSTANCE + "_mono"
    both = (*IN, "-C", "local", "-e", "sched", "-B", other, "-C", "mono", "-e", "sched", "true")
    for option, why in ("--date", "--date) of buffers with different trace clocks"), \
            ("--file-version=6", "files of version 6 have one trace clock"):
        assert why in run(TRACECMD, "record", "-q", "-o", dat, option, *both, status=1).stderr
        assert not os.path.exists(dat)
    record(dat, *both)
    p = run(TRACECMD, "convert", "--file-version", "6", dat, f"{dat}.6", status=1)
    assert "version 6 has one clock for all buffers" in p.stderr and not os.path.exists(f"{dat}.6")
    p = run(TRACECMD, "report", dat)
    assert p.stderr.count("different trace clocks") == 1 and "top level" not in p.stderr
    assert f"local (instance '{INSTANCE}')" in p.stderr and f"mono (instance '{other}')" in p.stderr
    record(dat, "--date", "-C", "mono", *IN, "-e", "sched", "-B", other, "-C", "mono", "-e", "sched", "true")
    assert "clocks" not in run(TRACECMD, "report", dat).stderr
    run(TRACECMD, "convert", "--file-version", "6", dat, f"{dat}.6")
    assert common.report(f"{dat}.6", "--ts-check") == common.report(dat, "--ts-check")


def test_files_of_different_clocks_with_dates(dat, tmp_path):
    for clock in "local", "mono":
        record(tmp_path / clock, *IN, "-C", clock, "--date", "-e", "sched", "true")
    files = [tmp_path / "local", tmp_path / "mono"]
    assert "clocks" not in run(TRACECMD, "report", *files).stderr
    assert "different trace clocks" in run(TRACECMD, "report", "--nodate", *files).stderr


def test_events_of_the_end(dat):
    """What the last moment left in a buffer's partly filled sub-buffer is there."""
    record(dat, *IN, "-p", "nop", "sh", "-c", f"echo the last words >{DIR}/trace_marker")
    assert [e.text.strip() for e in parsed(dat) if e.name == "print"][-1].endswith("the last words")


def test_size_limit(dat):
    """-m: what is kept is the end, and no more than asked for."""
    p = record(dat, *IN, "-p", "nop", "-b", "4000", "-m", "64", common.tool("markers"),
           f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", 100000, 0)
    by_cpu = {}
    for cpu, number in events.marker_numbers(parsed(dat)):
        by_cpu.setdefault(cpu, []).append(number)
    assert set(by_cpu) == set(range(CPUS))
    for numbers in by_cpu.values():
        assert numbers == list(range(numbers[0], 100000)), "the end is not complete"
        assert 100 < len(numbers) < 100000
    assert "were dropped, as it was to be (-m)" in p.stderr
    assert "earlier bytes not kept: " in common.report(dat, "--stat")
    text = run("/usr/bin/python3", common.DATDUMP, dat).stdout
    assert all(int(n) <= 64 * 1024 for n in re.findall(r"cpu \d+ offset \d+ size (\d+)", text))


def test_messages(dat):
    p = record(dat, *IN, "-e", "sched", common.tool("workload"), 3)
    assert f"\nBuffer: {INSTANCE}\n" in p.stderr
    sizes = re.findall(r"^CPU(\d+) data recorded at offset=0x([0-9a-f]+)\n"
                       r"    (\d+) bytes in size \((\d+) uncompressed\)$", p.stderr, re.M)
    text = run("/usr/bin/python3", common.DATDUMP, dat).stdout
    told = re.findall(r"^  cpu (\d+): (\d+) bytes at (\d+), \d+ chunks, (\d+) uncompressed", text, re.M)
    assert [(c, str(int(o, 16)), b, u) for c, o, b, u in sizes] == [(c, o, b, u) for c, b, o, u in told]
    assert record(dat, *IN, "-q", "-e", "sched", "true").stderr == ""


# ---- nothing is lost silently ----------------------------------------------------

@pytest.mark.parametrize("kb, count, pause, more", [
    (8, 3000, 0, ()), (8, 20000, 0, ("--poll", "-s", "20000")), (8, 20000, 0, ("--nosplice",)),
    (8, 20000, 0, ("--compression", "none")), (8, 20000, 0, ("--file-version", "6")),
    (8192, 20000, 0, ()), (8192, 2000, 500, ("--nosplice",)),
], ids=str)
def test_conservation(dat, kb, count, pause, more):
    """recorded + lost == written, with buffers too small and large enough."""
    p = record(dat, *IN, "-p", "nop", "-b", kb, *more, common.tool("markers"), f"{DIR}/trace_marker",
               f"{DIR}/trace_marker_raw", count, pause)
    lost = conserved(dat, count * CPUS)
    told = sum(int(n) for n in re.findall(rf"^CPU \d+\.{INSTANCE}: (\d+) events lost", p.stderr, re.M))
    assert told == lost
    if kb == 8192:
        assert lost == 0
    if "--poll" in more:
        assert lost > 0, "the test did not provoke a loss"


def test_silent_gaps(dat):
    """Events of all sizes: where the kernel says that some were lost, we say how many."""
    p = record(dat, *IN, "-b", 64, "--poll", "-s", 400000, "-e", "sched", "-e", "syscalls", "-e", "irq",
               common.tool("workload"), 800, timeout=300)
    lost = lost_in_places(dat)
    told = sum(int(n) for n in re.findall(r"^CPU \d+\.\w+: (\d+) events lost", p.stderr, re.M))
    assert told == lost and lost > 0


# ---- how it ends -----------------------------------------------------------------

@pytest.mark.parametrize("script, status", [("exit 0", 0), ("exit 5", 5), ("kill -9 $$", 137), ("kill $$", 143)])
def test_exit_status(dat, script, status):
    record(dat, *IN, "-q", "-e", "sched", "sh", "-c", script, status=status)
    assert "sched_process_exec" in names(dat)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_signal_ends_recording(dat, sig):
    with recording("-o", dat, *IN, "-e", "sched") as p:
        run(common.tool("workload"), 3)
        start = time.monotonic()
        p.send_signal(sig)
        finish(p)
        assert time.monotonic() - start < 10
    strict_check(dat)
    assert [e for e in parsed(dat) if e.comm == "workload"]
    assert not tracing()


def test_signal_while_command_runs(dat):
    """The command is sent TERM; the recording ends with it, and takes its status."""
    with recording("-o", dat, *IN, "-e", "sched", "sleep", "100") as p:
        p.send_signal(signal.SIGINT)
        finish(p, 128 + signal.SIGTERM)
    strict_check(dat)


def test_second_signal_leaves_the_command_alone(dat, tmp_path):
    script = f"trap 'echo told >{tmp_path}/told' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 0.1; done"
    with recording("-o", dat, *IN, "-e", "sched", "sh", "-c", script,
                   wait=lambda: tracing() and os.path.exists(tmp_path / "pid")) as p:
        pid = int((tmp_path / "pid").read_text())
        try:
            p.send_signal(signal.SIGTERM)
            wait_for((tmp_path / "told").exists, "the command was told to end")
            assert p.poll() is None
            p.send_signal(signal.SIGTERM)
            assert p.wait(60) == 0
            os.kill(pid, 0)
        finally:
            os.kill(pid, signal.SIGKILL)
    strict_check(dat)


def test_ends_with_the_watched_processes(dat):
    watched = subprocess.Popen(["sleep", "100"])
    with recording("-o", dat, *IN, "-e", "sched", "-P", watched.pid) as p:
        time.sleep(0.3)
        assert p.poll() is None
        watched.kill()
        watched.wait()
        finish(p)
    strict_check(dat)
    exits = [e for e in parsed(dat) if e.name == "sched_process_exit"]
    assert [e.pid for e in exits] == [watched.pid]


def test_watched_process_that_does_not_exist(dat):
    p = run(TRACECMD, "record", "-o", dat, *IN, "-e", "sched", "-P", "4194000", status=1)
    assert p.stderr == "tracecmd: there is no process 4194000\n"
    assert not os.path.exists(dat) and not os.path.exists(DIR)


def test_daemonize(dat, tmp_path):
    """The background keeps the output open, so that goes to a file here."""
    with open(tmp_path / "said", "w") as out:
        subprocess.run([TRACECMD, "record", "-o", dat, *IN, "-q", "--daemonize", "-e", "sched"], stdout=out,
                       stdin=subprocess.DEVNULL, check=True, timeout=60)
    said = (tmp_path / "said").read_text()
    pid = int(re.fullmatch(r"Send SIGINT/SIGTERM to pid (\d+) to stop recording\n", said)[1])
    try:
        assert tracing()
        assert open("/run/tracecmd-record.pid").read() == f"{pid}\n"
        # the lock is of the process that was named
        assert f"process {pid}, uses" in run(TRACECMD, "reset", "-B", INSTANCE, status=1).stderr
    finally:
        os.kill(pid, signal.SIGINT)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), "the recording has ended")
    assert not os.path.exists("/run/tracecmd-record.pid")
    strict_check(dat)
    assert not tracing()


def test_daemonize_killed(dat, tmp_path):
    """Nobody is left behind a process id that will be another's."""
    pid_file = tmp_path / "pid"
    with open(tmp_path / "said", "w") as out:
        subprocess.run([TRACECMD, "record", "-o", dat, *IN, "-q", "--daemonize", "--pid-file", pid_file, "-e", "sched"],
                       stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=True, timeout=60)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    wait_for(lambda: not pid_file.exists(), "the pid file is gone")
    wait_for(lambda: not os.path.exists(DIR), "the instance is gone")


def test_daemonize_that_cannot_begin(dat, tmp_path):
    p = run(TRACECMD, "record", "-o", dat, *IN, "--daemonize", "-e", "no_such_event", status=1)
    assert "no_such_event" in p.stderr and p.stdout == ""


# ---- what it leaves --------------------------------------------------------------

def test_existing_instance_stays(dat):
    os.mkdir(DIR)
    try:
        with open(f"{DIR}/events/irq/enable", "w") as f:
            f.write("1")
        before = tracefs.read(f"{DIR}/set_event")
        record(dat, *IN, "-e", "sched", common.tool("workload"), 1)
        assert tracefs.read(f"{DIR}/set_event") == before
        assert not {n for n in names(dat) if n.startswith("irq")}
    finally:
        os.rmdir(DIR)


def test_keep(dat):
    try:
        record(dat, *IN, "-k", "-b", "100", "-e", "sched", "true")
        assert tracefs.read(f"{DIR}/tracing_on") == "0\n"
        assert "sched:sched_switch" in tracefs.read(f"{DIR}/set_event")
        assert abs(int(tracefs.read(f"{DIR}/buffer_size_kb")) - 100) < 8
        # others will have the recorder's numbers
        assert tracefs.read(f"{DIR}/set_event_notrace_pid") == ""
    finally:
        os.rmdir(DIR)


@pytest.mark.parametrize("options", [(), ("-K",), ("-K", "-k")], ids=str)
def test_processes_that_were_hidden_before(dat, options):
    ours = str(os.getpid())     # whose number no process of the recorder can get
    os.mkdir(DIR)
    try:
        with open(f"{DIR}/set_event_notrace_pid", "w") as f:
            f.write(f"1 {ours}")
        listed = record(dat, *IN, *options, "-e", "sched", "cat", f"{DIR}/set_event_notrace_pid").stdout.split()
        assert len(listed) >= 2 and (set(listed) >= {"1", ours} if options else not set(listed) & {"1", ours})
        assert tracefs.read(f"{DIR}/set_event_notrace_pid") == f"1\n{ours}\n"
    finally:
        os.rmdir(DIR)


def test_folder_that_is_removed_meanwhile(dat, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    p = run(TRACECMD, "record", "-o", folder / "out.dat", *IN, "-q", "-e", "sched", "rm", "-r", folder, status=1)
    assert "is lost" in p.stderr and "restore" not in p.stderr


def test_earlier_file_stays_until_the_end(dat):
    with open(dat, "w") as f:
        f.write("what was there before")
    os.chmod(dat, 0o640)
    with recording("-o", dat, *IN, "-e", "sched") as p:
        assert open(dat).read() == "what was there before"
        p.send_signal(signal.SIGINT)
        finish(p)
    strict_check(dat)
    assert stat.S_IMODE(os.stat(dat).st_mode) == 0o640


def test_symbolic_link_is_followed(dat, tmp_path):
    (tmp_path / "real.dat").write_text("old")
    os.symlink("real.dat", dat)
    record(dat, *IN, "-e", "sched", "true")
    assert os.path.islink(dat)
    strict_check(tmp_path / "real.dat")


def test_output_to_a_device(kernel):
    run(TRACECMD, "record", "-q", "-o", "/dev/null", *IN, "-e", "sched", "true")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_kill_leaves_what_can_be_restored(dat):
    """After SIGKILL: the earlier file, the spools, no other file, no process."""
    with open(dat, "w") as f:
        f.write("what was there before")
    try:
        with recording("-o", dat, *IN, "-e", "sched") as p:
            folder = os.path.dirname(dat)
            spools = [f"{dat}.{INSTANCE}.cpu{cpu}" for cpu in range(CPUS)]
            for _ in range(3):
                run(common.tool("workload"), 100)
                time.sleep(1)
            p.kill()
            p.wait()
        assert open(dat).read() == "what was there before"
        assert sorted(os.listdir(folder)) == ["out.dat", "out.dat.meta"] + [os.path.basename(s) for s in spools]
        p = run(TRACECMD, "restore", "-o", f"{folder}/restored.dat", *spools)
        assert p.stderr == ""
        strict_check(f"{folder}/restored.dat")
        found = [e for e in parsed(f"{folder}/restored.dat") if e.comm == "workload"]
        assert found and {e.buffer for e in found} == {INSTANCE}
    finally:
        clean_instance()


# ---- full disks ------------------------------------------------------------------

@pytest.fixture
def small_disk(tmp_path):
    """Mounts a file system of so many MiB."""
    def mount(size):
        run("mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", tmp_path)
        return tmp_path
    yield mount
    run("umount", tmp_path)


def flood(count, done):
    """A command that writes more markers than fit, then leaves a sign of life."""
    return ("sh", "-c", f"{common.tool('markers')} {DIR}/trace_marker {DIR}/trace_marker_raw {count}; touch {done}")


def whole_until_the_cut(path):
    """Each CPU's markers from the first one on without a hole. How many there are."""
    by_cpu = {}
    for cpu, number in events.marker_numbers(parsed(path)):
        by_cpu.setdefault(cpu, []).append(number)
    for numbers in by_cpu.values():
        assert numbers == list(range(len(numbers))), "there is a hole before the end"
    return sum(len(n) for n in by_cpu.values())


@pytest.mark.parametrize("size, form", [(9, ("--compression", "lz4")), (16, ("--compression", "none"))],
                         ids=lambda v: v[-1] if isinstance(v, tuple) else "")
def test_full_disk(kernel, small_disk, tmp_path_factory, size, form):
    """The recorder stops, says so, and makes a file of all it has; the command goes on."""
    disk, elsewhere = small_disk(size), tmp_path_factory.mktemp("elsewhere")
    dat = disk / "out.dat"
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-b", "20000", "-p", "nop", *form,
            *flood(2000000 // CPUS, elsewhere / "done"), status=1)
    assert "No space left on device" in p.stderr and f"what was recorded before that is in '{dat}'" in p.stderr
    assert (elsewhere / "done").exists() and os.listdir(disk) == ["out.dat"]
    strict_check(dat)
    assert os.path.getsize(dat) > (size << 20) * 0.6, "there was room for more"
    assert whole_until_the_cut(dat) > 100000


ALTERNATING = """
import os, sys
marker = os.open(sys.argv[1], os.O_WRONLY)
cpus = sorted(os.sched_getaffinity(0))
for n in range(80000):
    if n % 5000 == 0:
        os.sched_setaffinity(0, [cpus[n // 5000 % len(cpus)]])
    try:
        os.write(marker, b"mark %d %s" % (n, os.urandom(40).hex().encode()))
    except OSError:
        break
"""


def test_full_disk_leaves_no_silent_hole(kernel, small_disk):
    """CPUs are cut at different times; each that did more than the file has is told, by all readers."""
    dat = small_disk(6) / "out.dat"
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-b", "20000", "-p", "nop", "/usr/bin/python3", "-c", ALTERNATING,
            f"{DIR}/trace_marker", status=1)
    assert "No space left on device" in p.stderr and ": 0 events lost" not in p.stderr
    strict_check(dat)
    text = common.report(dat)
    found = [int(n) for n in re.findall(r"mark (\d+) ", text)]
    cpus = sorted(os.sched_getaffinity(0))
    count = run(TRACECMD, "report", "--count", dat, status=None).stdout
    told = run(TRACECMD, "report", dat, status=None).stderr
    dump = run(TRACECMD, "dump", dat).stdout
    assert len(found) < 80000
    for i, cpu in enumerate(cpus):
        mine = [n for n in found if n // 5000 % len(cpus) == i]
        wrote = [n for n in range(80000) if n // 5000 % len(cpus) == i]
        assert mine == wrote[:len(mine)]
        if len(mine) < 5000 or max(mine) < max(found):
            assert re.search(rf"^CPU {cpu}.{INSTANCE}: .*((was|were) not (written|taken))", p.stderr, re.M)
            lost = re.search(rf"^ +(\d+) +lost on CPU {cpu}\b", count, re.M)[1]
            assert 0 < int(lost) <= len(wrote) - len(mine)
            assert re.search(rf"CPU {cpu}: {lost} events were lost behind the last one", told)
            assert re.search(rf"CPU {cpu}.{INSTANCE}: {lost} events in 1 gap", dump)
    assert "unknown" not in count and "lost behind the last one" in told


def test_full_disk_without_reserve(kernel, small_disk, tmp_path_factory):
    """So full that there is no room for a file: what was recorded can be restored elsewhere."""
    disk, elsewhere = small_disk(6), tmp_path_factory.mktemp("elsewhere")
    dat = disk / "out.dat"
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-b", "20000", "-p", "nop", "--compression", "none",
            *flood(300000 // CPUS, elsewhere / "done"), status=1)
    assert "No space left on device" in p.stderr and "restore" in p.stderr
    assert (elsewhere / "done").exists()
    assert not dat.exists() and not os.path.exists(DIR)
    assert "print:" in run(TRACECMD, "report", dat, status=1).stdout
    run(TRACECMD, "restore", "-o", elsewhere / "got.dat", *disk.glob("out.dat.*.cpu*"))
    strict_check(elsewhere / "got.dat")
    assert whole_until_the_cut(elsewhere / "got.dat") > 10000


def test_spools_elsewhere(kernel, small_disk, tmp_path_factory):
    """--temp: the output's disk need not hold the spools."""
    temp, disk = tmp_path_factory.mktemp("temp"), small_disk(6)
    with recording("-q", "-o", disk / "out.dat", "--temp", temp, *IN, "-e", "sched") as p:
        assert sorted(os.listdir(temp)) == ["out.dat.meta"] + [f"out.dat.{INSTANCE}.cpu{cpu}" for cpu in range(CPUS)]
        p.send_signal(signal.SIGINT)
        finish(p)
    assert os.listdir(temp) == []
    strict_check(disk / "out.dat")


# ---- refused before the kernel is touched -----------------------------------------

def test_version_6_has_one_sub_buffer_size(dat):
    p = run(TRACECMD, "record", "-o", dat, "--file-version", "6", "-e", "sched", *IN, "--subbuf-size", "16",
            "-e", "irq", "touch", f"{dat}.ran", status=1)
    assert "version 6" in p.stderr and "sub-buffer" in p.stderr and "--file-version 7" in p.stderr
    assert os.listdir(os.path.dirname(dat)) == []


def test_program_without_permission_to_the_user(dat, tmp_path):
    """Only exec itself can tell this: the recording is undone all the same."""
    os.chmod(tmp_path, 0o755)
    (tmp_path / "program").write_text("#!/bin/sh\n")
    os.chmod(tmp_path / "program", 0o700)
    p = run(TRACECMD, "record", "-o", dat, *IN, "-e", "sched", "--user", "nobody", tmp_path / "program", status=1)
    assert "cannot run" in p.stderr and "ermission denied" in p.stderr
    assert os.listdir(tmp_path) == ["program"]


@pytest.mark.parametrize("allowed", [True, False])
def test_memory_is_locked_where_that_is_allowed(dat, allowed):
    """So that a reader does not wait for the disk; and nothing is said or lost where it is not."""
    bounded = () if allowed else ("prlimit", "--memlock=0", "setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    with subprocess.Popen([*bounded, TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched"], stderr=subprocess.PIPE, text=True) as p:
        try:
            wait_for(lambda: tracing() or p.poll() is not None, "recording has begun")
            status = dict(re.findall(r"^(\w+):\s+(\d+) kB", tracefs.read(f"/proc/{p.pid}/status"), re.M))
        finally:
            p.send_signal(signal.SIGINT)
        assert p.communicate()[1] == "" and p.returncode == 0
    assert (int(status["VmLck"]) > 0) == allowed
    assert int(status["VmRSS"]) < 300e3		# locking has brought in nothing that was not used
    strict_check(dat)
