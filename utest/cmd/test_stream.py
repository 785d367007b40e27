# SPDX-License-Identifier: GPL-2.0-or-later
"""tracecmd stream: events become lines while they happen; all of them, in order, and nothing is left behind."""

import contextlib
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import common
import events
import tracefs
from common import TRACECMD, run
from recording import wait_for

CPUS = os.sysconf("SC_NPROCESSORS_ONLN")
NAME = common.instance("stream")
DIR = f"{tracefs.ROOT}/instances/{NAME}"
# an event that nothing fires: markers alone are printed or lost, whatever else runs on this machine
NOTHING = ("-e", "sched:sched_process_exec", "-f", "pid == 0")


def on():
    """A new instance traces, too, until its settings are made."""
    return tracefs.read(f"{DIR}/set_event") and tracefs.read(f"{DIR}/tracing_on") == "1\n"


@contextlib.contextmanager
def streaming(*args, stdout=subprocess.PIPE):
    """A stream of the instance that runs until the test has ended it."""
    p = subprocess.Popen([TRACECMD, "stream", "-B", NAME, *[str(a) for a in args]], stdin=subprocess.DEVNULL,
                         stdout=stdout, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: os.path.isdir(DIR) and on() or p.poll() is not None, "the stream has begun")
        yield p
    finally:
        if p.poll() is None:
            p.kill()
        p.communicate()
        wait_for(lambda: not os.path.isdir(DIR), "its supervisor has put the kernel back")


class Lines(threading.Thread):
    """What a stream has printed so far."""

    def __init__(self, f):
        super().__init__(daemon=True)
        self.f, self.lines = f, []
        self.start()

    def run(self):
        for line in self.f:
            self.lines.append(line)

    @property
    def text(self):
        return "".join(self.lines)


def mark(number):
    with open(f"{DIR}/trace_marker", "w") as f:
        f.write(f"number {number}\n")


def end(p, status=0):
    p.send_signal(signal.SIGINT)
    err = p.stderr.read()
    assert p.wait(60) == status, err
    return err


def test_lines_come_while_it_goes_on(kernel):
    with streaming("-e", "sched:sched_process_exec") as p:
        lines = Lines(p.stdout)
        for i in range(3):
            mark(i)
            wait_for(lambda: f"number {i}" in lines.text, "the marker is printed")
            assert p.poll() is None
        end(p)
        lines.join(20)
    assert [l.split()[-1] for l in lines.text.splitlines() if "number" in l] == ["0", "1", "2"]


def test_lines_are_those_of_report(kernel, tmp_path):
    """The same events, recorded beside, as report prints them."""
    path = str(tmp_path / "beside.dat")
    what = ["-e", "syscalls:sys_enter_openat", "-e", "syscalls:sys_exit_openat"]
    out = run(TRACECMD, "stream", "-B", NAME, *what, TRACECMD, "record", "-q", "-B", NAME + "_beside", "-o", path, *what, "-F",
              "cat", "/proc/self/comm").stdout
    line = re.compile(r" *\S+: +(cat-\d+ .*?) +[\d.]+: (.*)")
    theirs = [line.match(l).groups() for l in common.report(path).splitlines() if line.match(l)]
    pid = theirs[-1][0].split()[0]
    # from its exec on: before that it has another name in the one and is not in the other
    ours = [line.match(l).groups() for l in out.splitlines() if f" {pid} " in l]
    assert len(theirs) >= 4
    assert ours[-len(theirs):] == theirs


@pytest.mark.parametrize("options", [(), ("-b", "64"), ("--nosplice",)])
def test_every_marker_is_printed_or_lost(kernel, options):
    count = 20000
    with streaming(*options, *NOTHING) as p:
        lines = Lines(p.stdout)
        run(common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", str(count), "0", "0")
        end(p)
        lines.join(60)
    found = events.marker_numbers(events.parse(lines.text))
    lost = sum(int(m[2]) for m in map(events.LOST.match, lines.text.splitlines()) if m)
    assert len(found) == len(set(found))
    assert len(found) + lost == count * CPUS, f"{len(found)} printed, {lost} lost"
    times = [float(e.time) for e in events.parse(lines.text)]
    assert times == sorted(times)


def test_a_reader_that_stands_still(kernel):
    """Nobody reads for a while: more is written than the pipe, the queue and the kernel's buffer hold. What was
    lost is told, nothing hangs."""
    count = 200000
    with streaming("-b", "64", *NOTHING) as p:
        fd = os.open(f"{DIR}/trace_marker", os.O_WRONLY)
        for i in range(count):
            os.write(fd, b"number %d %s" % (i, b"x" * 900))
        os.close(fd)
        lines = Lines(p.stdout)
        err = end(p)
        lines.join(60)
    found = [int(m[1]) for m in map(re.compile(r".* number (\d+) x{900}$").match, lines.lines) if m]
    lost = sum(int(m[2]) for m in map(events.LOST.match, lines.lines) if m)
    assert lost and "lost" in err
    assert len(found) == len(set(found))
    # where even what belongs before a line found no room it did not wait for that, which is told
    assert found == sorted(found) or re.search(r"\d+ lines stand behind later ones", err), err
    assert len(found) + lost == count, f"{len(found)} printed, {lost} lost"


def test_a_reader_that_goes_away(kernel):
    with streaming("-e", "sched:sched_switch") as p:
        p.stdout.readline()
        p.stdout.close()
        assert p.wait(20) == -signal.SIGPIPE
        assert not p.stderr.read().replace("Hit Ctrl^C to stop recording\n", "")


def test_a_reader_that_goes_away_before_there_is_a_line(kernel):
    with streaming(*NOTHING) as p:
        p.stdout.close()
        assert p.wait(20) == 0


def test_a_full_disk(kernel):
    with open("/dev/full", "w") as full, streaming("-e", "sched:sched_switch", stdout=full) as p:
        assert p.wait(20) == 1
        assert "cannot write to standard output: No space left on device" in p.stderr.read()


def test_command_ends_it(kernel):
    p = run(TRACECMD, "stream", "-B", NAME, "-e", "sched:sched_process_exit", "-F", "sh", "-c", "echo of the command; exit 7",
            status=7)
    assert "of the command\n" in p.stdout
    assert p.stdout.count("sched_process_exit:") >= 1
    # the name that it took with exec, not the one that it began with
    assert re.search(r"^ *" + NAME + r": +sh-\d+ .*comm=sh ", p.stdout, re.M), p.stdout


def test_max_time(kernel):
    began = time.monotonic()
    p = run(TRACECMD, "stream", "-B", NAME, "-e", "sched:sched_switch", "--max-time", "1")
    assert time.monotonic() - began >= 1
    assert "sched_switch:" in p.stdout


def test_instances_have_names_in_front(kernel):
    other = NAME + "_2"
    p = run(TRACECMD, "stream", "-B", NAME, "-e", "sched:sched_switch", "-B", other, "-e", "irq", "-e", "timer",
            "--max-time", "1")
    fronts = {l[:len(other) + 1].strip() for l in p.stdout.splitlines()}
    assert fronts == {NAME + ":", other + ":"}


def test_instances_of_different_clocks(kernel):
    """Each has its own order, and neither waits for the other."""
    other = NAME + "_2"
    p = run(TRACECMD, "stream", "-B", NAME, "-C", "counter", "-e", "sched", "-B", other, "-C", "mono", "-e", "sched", "--max-time", "2")
    for name in NAME, other:
        times = [float(m[1]) for m in re.finditer(rf"^ *{name}:.*\] \S{{5,}} +([\d.]+): ", p.stdout, re.M)]
        assert len(times) > 20 and times == sorted(times), name
    assert "later ones" not in p.stderr


def test_probe_of_its_own(kernel):
    """A uprobe is made, its hits are lines, and it is gone afterwards."""
    p = run(TRACECMD, "stream", "-B", NAME, "--probe", "p:tc_stream/hit " + common.tool("markers") + ":main", "sh", "-c",
            common.tool("markers") + " /dev/null /dev/null 1 0 0")
    assert re.search(r"\bhit: ", p.stdout), p.stdout
    assert "tc_stream" not in tracefs.read(f"{tracefs.ROOT}/dynamic_events")


def test_killed(kernel):
    with streaming("-e", "sched:sched_switch") as p:
        p.kill()


@pytest.mark.parametrize("args,text", [
    (("-o", "x.dat", "-e", "sched"), "option -o has no effect with 'stream'; did you mean 'tracecmd record'?"),
    (("-m", "10", "-e", "sched"), "option -m has no effect with 'stream'"),
    (("-N", "1234", "-e", "sched"), "option -N has no effect with 'stream'"),
    (("--daemonize", "-e", "sched"), "option --daemonize has no effect with 'stream'"),
    (("-p", "wakeup"), "option -p wakeup: what a latency tracer finds is one text at the end"),
    (("-e", "sched_switch", "-R", "snapshot"), "option -R snapshot: what is kept of a buffer is no stream of events"),
    ((), "nothing to trace is named"),
])
def test_what_does_not_go(args, text):
    p = run(TRACECMD, "stream", *args, status=2)
    assert text in p.stderr
