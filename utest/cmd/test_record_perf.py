# SPDX-License-Identifier: GPL-2.0-or-later
"""record --perf: the same events as through tracefs, nothing changed there, and every loss told."""

import collections
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest

import common
import events
from common import TRACECMD, run
from recording import finish, lost_in_places, parsed, wait_for

PYTHON = sys.executable
WRITE = ("-e", "syscalls:sys_enter_write", "-f", "fd == 777 && count == 1")
# Not root, but able to read tracefs: what a group of its own would give.
READER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search",
          "--ambient-caps=+dac_read_search")


def writes(n, processes=1):
    """A command that writes so often to descriptor 777, which nobody else has, in each of so many processes."""
    return PYTHON, "-c", (f"import os\nos.dup2(os.open('/dev/null', os.O_WRONLY), 777)\n"
                          f"for i in range({processes - 1}):\n    if not os.fork(): break\n"
                          f"for i in range({n}): os.write(777, b'x')\n"
                          "try:\n    while os.wait(): pass\nexcept ChildProcessError: pass")


def record(dat, *args, **kw):
    return run(TRACECMD, "record", "-q", "--perf", "-o", dat, *args, **kw)


def stat(dat, name):
    return sum(int(n) for n in re.findall(rf"^{name}: (\d+)$", common.report(dat, "--stat"), re.M))


class Waiting:
    """A process that does things once it is told to, and ends."""

    def __init__(self, script):
        self.p = subprocess.Popen([PYTHON, "-c", f"import os, signal\nos.read(0, 1)\n{script}"], stdin=subprocess.PIPE)
        # its only sleep from then on
        wait_for(lambda: "pipe" in open(f"/proc/{self.p.pid}/wchan").read() or
                 open(f"/proc/{self.p.pid}/stat").read().split()[2] == "S", "it waits")

    def go(self):
        self.p.stdin.write(b"x")
        self.p.stdin.close()
        self.p.wait()


running = []


@pytest.fixture(autouse=True)
def none_stays():
    yield
    for p in running:
        if p.poll() is None:
            p.kill()
        p.communicate()
    running.clear()


def started(*args, sign):
    """A recorder in the background, once it records."""
    p = subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True)
    running.append(p)
    wait_for(lambda: sign(p) or p.poll() is not None, "recording has begun")
    assert p.poll() is None, p.communicate()[1]
    return p


def opened(p):
    """Whether it has events of perf that are on: its threads run by then, and the tool listens."""
    folder = f"/proc/{p.pid}/fd"
    try:
        links = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    except FileNotFoundError:
        return False
    return any("[perf_event]" in link for link in links)


def begun(p):
    """Its line for who waits at the terminal comes when all is on."""
    return opened(p) and bool(p.stdout.readline())


MANY_THINGS = """
for i in range(50): os.getpriority(0, 0)
signal.signal(signal.SIGUSR1, lambda *a: None)
for i in range(5): os.kill(os.getpid(), signal.SIGUSR1)
for i in range(3):
    if not os.fork(): os._exit(i)
    os.wait()
os.listdir('/'); os.stat('/etc')
"""
# Not the last signal of all, which tells the parent: perf has left a process by then.
OF_A_PROCESS = ("-e", "raw_syscalls", "-e", "sched:sched_process_fork", "-e", "sched:sched_process_exit", "-e",
                "signal:signal_generate", "-f", "sig == 10", "-e", "syscalls:sys_*_kill", "-e", "task:task_newtask")


def told(dat):
    """All but the times."""
    return [(e.name, e.pid, e.text) for e in parsed(dat)]


def test_same_as_through_tracefs(kernel, tmp_path):
    """The same events of one process, in the same order, with the same values."""
    ours, theirs = tmp_path / "perf.dat", tmp_path / "tracefs.dat"
    waiting = Waiting(MANY_THINGS)
    a = started(TRACECMD, "record", "-o", theirs, "-B", common.instance("perf"), *OF_A_PROCESS, "-P", waiting.p.pid,
                sign=lambda p: p.stdout.readline())
    b = started(TRACECMD, "record", "--perf", "-o", ours, *OF_A_PROCESS, "-P", waiting.p.pid, sign=begun)
    waiting.go()
    finish(a), finish(b)
    # tracefs looks at whose events they are when a CPU changes to another task: a child's first may pass
    assert told(ours) == [event for event in told(theirs) if event[1] == waiting.p.pid]
    assert collections.Counter(e.name for e in parsed(ours))["sys_enter_kill"] == 5


def test_killed_leaves_no_socket(kernel, tmp_path):
    """It has changed nothing, and its socket is not to stay either."""
    p = started(TRACECMD, "record", "--perf", "-o", tmp_path / "x.dat", "-e", "sched:sched_process_exit", sign=begun)
    path = f"/run/tracecmd/control.{p.pid}"
    assert os.path.exists(path)
    p.kill()
    wait_for(lambda: not os.path.exists(path), "the socket is gone")
    assert p.communicate()[1] == ""


def test_same_as_perf(kernel, tmp_path):
    """What perf itself records and prints of it."""
    waiting = Waiting("for i in range(200): os.getpriority(0, 0)\nfor i in range(20): os.kill(os.getpid(), 0)")
    names = "syscalls:sys_enter_getpriority", "syscalls:sys_exit_getpriority", "signal:signal_generate", "syscalls:sys_enter_kill"
    asked = [word for name in names for word in ("-e", name)]
    theirs = started("perf", "record", "-c", "1", "-o", tmp_path / "perf.data", *asked, "-p", waiting.p.pid, sign=opened)
    ours = started(TRACECMD, "record", "--perf", "-o", tmp_path / "dat", *asked, "-P", waiting.p.pid, sign=begun)
    waiting.go()
    finish(ours), finish(theirs)
    script = run("perf", "script", "-i", tmp_path / "perf.data", "-F", "comm,tid,event,trace").stdout
    lines = [line.split(None, 3) for line in script.splitlines()]
    want = [(event.rstrip(":").split(":")[1], int(tid), text.strip()) for _, tid, event, text in lines]
    assert [(name, pid) for name, pid, _ in told(tmp_path / "dat")] == [(name, tid) for name, tid, _ in want]
    assert len(want) == 420
    for (name, _, mine), (_, _, perfs) in zip(told(tmp_path / "dat"), want):
        assert mine.split() == perfs.split(), name


def test_other_readers(kernel, tmp_path):
    """trace-cmd prints the file as we do."""
    dat = tmp_path / "dat"
    record(dat, "-F", "-c", *WRITE, "-e", "sched:sched_process_exec", *writes(300, 2))
    common.strict_check(dat)
    common.equal_text(common.report(dat, "--compat", "3.1"), common.trace_cmd_report(dat))
    assert len(parsed(dat)) == 601


def test_follows_what_the_command_starts(kernel, tmp_path):
    """-c; without it only the command's own process. Names of tasks are known, the exit status is passed on."""
    script = "for i in 1 2 3; do /bin/true; done; (exec /bin/echo end); exit 9"
    record(tmp_path / "all", "-F", "-c", "-e", "sched:sched_process_exec", "-e", "sched:sched_process_exit", "sh", "-c", script,
           status=9)
    found = parsed(tmp_path / "all")
    assert collections.Counter(e.name for e in found) == {"sched_process_exec": 5, "sched_process_exit": 5}
    assert {e.comm for e in found} == {"sh", "true", "echo"}
    record(tmp_path / "one", "-F", "-e", "sched:sched_process_exec", "sh", "-c", script, status=9)
    assert len(parsed(tmp_path / "one")) == 1


def test_threads_that_begin_are_of_the_process(kernel, tmp_path):
    """A child is not."""
    dat = tmp_path / "t.dat"
    script = ("import threading\ndef go():\n    for i in range(5): os.write(777, b'x')\n"
              "ts = [threading.Thread(target=go) for i in range(3)]\n[t.start() for t in ts]\n[t.join() for t in ts]\n"
              "if not os.fork():\n    go()\n    os._exit(0)\nos.wait()")
    record(dat, *WRITE, "-F", *writes(10)[:2], writes(10)[2].replace("try:", f"{script}\ntry:"))
    assert len(parsed(dat)) == 25


def test_everybody(kernel, tmp_path):
    """All processes, but not the recorder's own threads; who was there before has a name too."""
    dat = tmp_path / "dat"
    p = started(TRACECMD, "record", "--perf", "-o", dat, "-e", "sched:sched_switch", "-f", "prev_state != 0", "-e",
                "syscalls:sys_enter_write", "-v", "-e", "syscalls", sign=begun)
    own = {int(tid) for tid in os.listdir(f"/proc/{p.pid}/task")}
    before = {int(pid) for pid in os.listdir("/proc") if pid.isdigit()}
    sleeper = subprocess.Popen([PYTHON, "-c", "import time\nfor i in range(20): time.sleep(0.01)"])
    sleeper.wait()
    p.send_signal(signal.SIGINT)
    finish(p)
    found = parsed(dat)
    assert {e.name for e in found} == {"sched_switch"} and not [e for e in found if e.pid in own]
    assert len([e for e in found if e.pid == sleeper.pid and e.comm.startswith("python")]) >= 20
    assert not [e for e in found if e.comm == "<...>" and e.pid in before]


def test_losses_are_counted(kernel, tmp_path):
    """Recorded and lost are all there were, in the file as in the sum; what was lost at the end, too."""
    dat, n = tmp_path / "dat", 10000
    twice = "; sleep 0.5; ".join([" ".join(shlex.quote(word) for word in writes(n, 3))] * 2)
    p = run(TRACECMD, "record", "--perf", "-o", dat, "-b", "4", "--poll", "-s", "200000", "-F", "-c", "--fail-on-loss",
            *WRITE, "sh", "-c", twice, status=3)
    r = run(TRACECMD, "report", dat)
    behind = sum(int(m) for m in re.findall(r"(\d+) events were lost behind the last one", r.stderr))
    seen, lost = len(events.parse(r.stdout)), lost_in_places(dat) + behind
    assert seen and lost and seen + lost == 6 * n
    assert stat(dat, "overrun") == lost and stat(dat, "read events") == seen
    assert sum(int(m) for m in re.findall(r"CPU \d+: (\d+) events lost", p.stderr)) == lost


def test_none_is_lost(kernel, tmp_path):
    dat = tmp_path / "dat"
    record(dat, "-b", "16384", "-F", "--fail-on-loss", *WRITE, *writes(20000))
    assert len(parsed(dat)) == 20000 and stat(dat, "overrun") == 0


def test_probes_of_programs(kernel, tmp_path):
    """perf makes them itself: tracefs knows nothing of them, the file has their formats."""
    before = open(f"{kernel}/dynamic_events").read()
    record(tmp_path / "dat", "-F", "--probe", "p:mine/entry /bin/bash:execute_command", "--probe",
           "mine/back=/bin/bash:execute_command%return", *WRITE, "bash", "-c", "true; true")
    found = parsed(tmp_path / "dat")
    assert collections.Counter(e.name for e in found) == {"entry": 1, "back": 1}
    entry, back = (e.text for e in found)
    assert re.fullmatch(r"\([0-9a-f]+\)", entry) and back.startswith(f"({entry[1:-1]} <- ")
    assert open(f"{kernel}/dynamic_events").read() == before


def test_stacks(kernel, tmp_path):
    """Of the kernel and of the program, as events behind the one they belong to."""
    record(tmp_path / "dat", "-F", "-T", "-O", "userstacktrace", *WRITE, "-e", "sched:sched_process_exit", *writes(3))
    text = common.report(tmp_path / "dat")
    assert [e.name for e in events.parse(text)] == ["sys_enter_write", "user_stack"] * 3 + ["sched_process_exit", "kernel_stack"] \
        + ["user_stack"] * text.count("sched_process_exit: ") * (text.count("user_stack:") - 3)
    assert "=> do_exit" in text


def test_clocks(kernel, tmp_path):
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    record(tmp_path / "dat", "-C", "mono", "-F", *WRITE, *writes(10))
    after = time.clock_gettime(time.CLOCK_MONOTONIC)
    times = [float(e.time) for e in parsed(tmp_path / "dat")]
    assert len(times) == 10 and before < times[0] <= times[-1] < after and times == sorted(times)
    p = record(tmp_path / "other", "-C", "global", *WRITE, "true", status=1)
    assert "perf has no clock 'global'; it has perf, mono, mono_raw" in p.stderr
    record(tmp_path / "perf", "-F", *WRITE, *writes(1))
    assert '"perf" clock' in run(TRACECMD, "dump", tmp_path / "perf").stdout


def test_ends_by_a_signal(kernel, tmp_path):
    """What was recorded until then is there, whatever ends it."""
    dat = tmp_path / "dat"
    for sig in signal.SIGINT, signal.SIGTERM:
        p = started(TRACECMD, "record", "--perf", "-o", dat, *WRITE, sign=begun)
        run(*writes(100))
        p.send_signal(sig)
        finish(p)
        assert len(parsed(dat)) == 100
    began = time.monotonic()
    record(dat, "--max-time", "1", *WRITE)
    assert time.monotonic() - began >= 1


def test_killed(kernel, tmp_path):
    """What had reached the disk is a recording; the kernel needs no putting back."""
    dat = tmp_path / "dat"
    p = started(TRACECMD, "record", "--perf", "-o", dat, *WRITE, sign=begun)
    run(*writes(1000))
    run(TRACECMD, "control", "-p", p.pid, "flush")
    p.kill()
    p.communicate()
    r = run(TRACECMD, "report", dat, status=1)
    assert r.stdout.count("sys_enter_write:") == 1000 and "was not finished" in r.stderr
    run(TRACECMD, "restore", "-o", tmp_path / "out", dat)
    assert len(parsed(tmp_path / "out")) == 1000


def test_files_before_the_end(kernel, tmp_path):
    """--rotate: each event is in one of the files."""
    p = started(TRACECMD, "record", "--perf", "-o", tmp_path / "t.dat", "--rotate", "1h", *WRITE, sign=begun)
    for _ in range(2):
        run(*writes(500))
        run(TRACECMD, "control", "-p", p.pid, "rotate")
    run(*writes(500))
    p.send_signal(signal.SIGINT)
    finish(p)
    assert [len(parsed(tmp_path / f"t{part}.dat")) for part in (".1", ".2", "")] == [500] * 3


# ---- who is not root ------------------------------------------------------------------------


@pytest.fixture
def open_place(tmp_path_factory):
    """A folder anybody may write to, with the program in it."""
    folder = f"/tmp/tc{os.getpid()}_perf"
    run("install", "-d", "-m", "777", folder)
    run("install", "-m", "755", TRACECMD, f"{folder}/tracecmd")
    yield folder
    run("rm", "-r", folder)


@pytest.fixture
def paranoid():
    """As Linux has it by default: programs may be looked at, the kernel may not."""
    path = "/proc/sys/kernel/perf_event_paranoid"
    with open(path) as f:
        before = f.read()
    yield lambda level: open(path, "w").write(f"{level}\n")
    with open(path, "w") as f:
        f.write(before)


def as_reader(place, *args, status=0):
    return run(*READER, f"{place}/tracecmd", "record", "-q", "--perf", "-o", f"{place}/dat", *args, status=status, cwd=place)


def test_own_system_calls_without_root(kernel, open_place, paranoid):
    paranoid(2)
    as_reader(open_place, "-F", "-c", "-O", "userstacktrace", *WRITE, *writes(100, 2))
    found = collections.Counter(e.name for e in parsed(f"{open_place}/dat"))
    assert found == {"sys_enter_write": 200, "user_stack": 200}


@pytest.mark.parametrize("level, args, words", [
    (2, ("-F", "-e", "sched:sched_switch"), ("data of this event takes root", "CAP_PERFMON", "(-e syscalls)")),
    (2, ("-F", "-e", "raw_syscalls:sys_enter"), ("data of this event takes root",)),
    (2, WRITE, ("what all processes do takes root", "-F COMMAND")),
    (2, ("-F", "-T", *WRITE), ("stacks of the kernel (-T)", "-O userstacktrace")),
    (2, ("-P", "1", *WRITE), ("process 1 belongs to another user",)),
    (2, ("-F", "--probe", "/bin/bash:execute_command"), ("probes that perf makes take root",)),
    (2, ("-F", "-b", "1000000", *WRITE), ("-b", "perf_event_mlock_kb", "ulimit -l")),
    (1, ("-F", "-e", "sched:sched_switch"), ("perf_event_paranoid is 1", "-e raw_syscalls")),
], ids=lambda v: str(v))
def test_the_rule_is_told(kernel, open_place, paranoid, level, args, words):
    paranoid(level)
    p = as_reader(open_place, *args, "touch", "ran", status=1)
    assert p.stderr.startswith("tracecmd: cannot ") and p.stderr.count("\n") == 1
    assert all(word in p.stderr for word in words), p.stderr
    assert os.listdir(open_place) == ["tracecmd"]


def test_tracefs_that_cannot_be_read(kernel, open_place):
    p = run(*READER[:4], f"{open_place}/tracecmd", "record", "--perf", "-F", *WRITE, "true", status=1, cwd=open_place)
    assert "Permission denied" in p.stderr and "mount -o remount" in p.stderr and os.listdir(open_place) == ["tracecmd"]


# ---- the command line ------------------------------------------------------------------------


@pytest.mark.parametrize("option", [
    ("-p", "function"), ("-l", "x"), ("-n", "x"), ("-g", "x"), ("-R", "traceoff"), ("-B", "x"), ("-k",), ("-K",), ("-d",),
    ("-M", "1"), ("--subbuf-size", "8"), ("--cmdlines-size", "8"), ("--tsc2nsec",), ("--date",), ("--nosplice",), ("--profile",),
    ("--func-stack",), ("--max-graph-depth", "1"), ("--trigger", "sched_switch"), ("--module", "x"),
], ids=lambda o: o[0])
def test_options_without_a_meaning(tmp_path, option):
    for args in (("--perf", "-e", "sched", *option), ("-e", "sched", *option, "--perf")):
        p = run(TRACECMD, "record", *args, "true", status=2, cwd=tmp_path)
        assert p.stderr.startswith(f"tracecmd: option {option[0]} has no effect with --perf")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("args, words", [
    (("-e", "sched_swich"), "did you mean 'sched_switch'"), (("-e", "sched_switch", "-f", "prev_pidd > 1"), "prev_pid,"),
    (("-O", "blocks", "-e", "sched"), "'blocks' has no effect with --perf"), (("-e", "sched_switch", "-v", "-e", "sched"), "none of"),
    (("--probe", "/bin/bash:execute_command ret"), "has no arguments"), (("--probe", "/bin/bash:execute_comand"), "execute_command"),
    (("-e", "irq_vectors:irq_work_exit"), "its own records"), (("--probe", "e:x/y sched.sched_switch"), "makes no events of type"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_bad_use(kernel, tmp_path, args, words):
    p = record(tmp_path / "dat", *args, "touch", tmp_path / "ran", status=1)
    assert words in p.stderr and p.stderr.count("tracecmd:") == 1 and os.listdir(tmp_path) == []
