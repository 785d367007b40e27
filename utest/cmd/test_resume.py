# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections between a host and an agent that break while it records: they are made anew, and nothing that was
recorded is lost; or they stay broken, and that is told."""

import os
import random
import signal
import subprocess
import threading
import time

import pytest

import common
import cut
import tracefs
from agents import agent
from common import TRACECMD, run
from recording import wait_for
from test_conservation import CPUS, balance, written_by
from wire import TIMEOUT

INSTANCES = f"{tracefs.ROOT}/instances"
CUTS = int(os.environ.get("TRACECMD_CUTS", "100"))
NEVER = ("-e", "sched:sched_process_exit", "-f", "prio == 12345")	# markers are recorded; nothing else is


def recording():
    """The agent's instance that records, or None."""
    for name in os.listdir(INSTANCES):
        path = f"{INSTANCES}/{name}"
        if name.startswith("tracecmd-agent-") and "sched:" in tracefs.read(f"{path}/set_event") and \
                tracefs.read(f"{path}/tracing_on") == "1\n":
            return path
    return None


def begin(a, tmp_path, *options, command=()):
    p = subprocess.Popen([TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "--name", "guest", *options, *NEVER,
                          *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: recording() or p.poll() is not None, "it records")
    assert p.poll() is None, p.communicate()[1]
    wait_for(lambda: len(cut.sockets(p.pid)) == 1 + CPUS, "all connections are there")
    return p


class Cutter:
    """Breaks connections of a host at random moments, one or several at once, until it is closed."""

    def __init__(self, pid, r):
        self.pid, self.r, self.cuts, self.over = pid, r, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.wait(self.r.random() * 0.04):
            try:
                fds = cut.sockets(self.pid)
                for fd in self.r.sample(fds, min(len(fds), self.r.choice((1, 1, 1, 2, 3)))):
                    self.cuts += cut.reset(self.pid, fd)
            except (FileNotFoundError, ProcessLookupError):
                break

    def close(self):
        self.over.set()
        self.thread.join()


def stand_still():
    """The agent's recorder does, until the buffer has overflown."""
    recorder = int(recording().rsplit("-", 1)[1])
    os.kill(recorder, signal.SIGSTOP)
    time.sleep(0.3)
    os.kill(recorder, signal.SIGCONT)


@pytest.mark.parametrize("size, count, pause", [(8192, 40000, 1000), (16, 300000, 100)])
def test_nothing_is_lost(size, count, pause, kernel, tmp_path):
    """Each marker is in the file, or lost by the kernel and told; also when what is said last is cut off."""
    cuts = rounds = 0
    with agent() as a:
        while cuts < CUTS:
            seed = random.randrange(1, 1 << 30)
            print("seed", seed)
            p = begin(a, tmp_path, "-b", str(size))
            cutter = Cutter(p.pid, random.Random(seed))
            writer = subprocess.Popen(list(map(str, written_by(recording(), count, pause, seed))), stdout=subprocess.DEVNULL)
            if size == 16:
                time.sleep(0.3)
                stand_still()
            assert writer.wait(TIMEOUT) == 0
            p.send_signal(signal.SIGINT)
            time.sleep(random.Random(seed).random() * 0.1)
            cutter.close()
            err = p.communicate(timeout=TIMEOUT)[1]
            assert p.returncode == 0 and "connected again after" in err, err
            wait_for(lambda: not recording(), "the agent has ended it")
            recorded, lost = balance(tmp_path / "t-guest.dat", count * CPUS)
            assert recorded + lost == count * CPUS
            assert lost if size == 16 else not lost
            common.strict_check(tmp_path / "t-guest.dat")
            cuts, rounds = cuts + cutter.cuts, rounds + 1
        a.end()
    print(cuts, "cuts in", rounds, "recordings")


FAILED = r"^tracecmd: 127\.0\.0\.1:"


def stopped_and_cut(a, tmp_path):
    """A host that cannot make anew what breaks."""
    p = begin(a, tmp_path)
    p.send_signal(signal.SIGSTOP)
    for fd in cut.sockets(p.pid):
        assert cut.reset(p.pid, fd)
    return p


def test_too_long(kernel, tmp_path):
    """Nobody comes: the agent ends the recording, and puts the kernel back."""
    with agent("--outage", 1) as a:
        p = stopped_and_cut(a, tmp_path)
        a.lines_until("the control connection broke .*: the host may connect again for 1 seconds")
        a.lines_until(FAILED)
        wait_for(lambda: not recording(), "the kernel is put back")
        p.send_signal(signal.SIGCONT)
        _, err = p.communicate(timeout=TIMEOUT)
        assert p.returncode == 1 and "could not be made anew within 1 seconds: Connection reset by peer; what came" in err
        assert os.path.exists(tmp_path / "t-guest.dat")
        a.end()


def test_not_at_all(kernel, tmp_path):
    with agent("--outage", 0) as a:
        p = stopped_and_cut(a, tmp_path)
        a.lines_until(FAILED)
        p.send_signal(signal.SIGCONT)
        _, err = p.communicate(timeout=TIMEOUT)
        assert p.returncode == 1 and "anew" not in err and "Connection reset by peer; what came before that is in" in err
        a.end()
