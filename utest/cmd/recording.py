# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests of record, extract and restore share: instances, waiting, results."""

import contextlib
import os
import subprocess
import time

import common
import events
import tracefs
from common import TRACECMD

# A small machine's sub-buffers: enough to be sure that something is recorded.
INSTANCE = common.instance("record")
DIR = f"{tracefs.ROOT}/instances/{INSTANCE}"


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.02)


def tracing():
    """Whether the instance of the test is there and records."""
    return tracefs.read(f"{DIR}/tracing_on") == "1\n" and "sched:" in tracefs.read(f"{DIR}/set_event")


@contextlib.contextmanager
def recording(*args, wait=tracing, **kw):
    """A record that runs in the background until the test has ended it."""
    p = subprocess.Popen([TRACECMD, "record", *[str(a) for a in args]], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    try:
        wait_for(lambda: wait() or p.poll() is not None, "recording has begun")
        yield p
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()		# its command may live, and see that it has gone
        p.communicate()


def finish(p, status=0):
    """Waits for it; its standard error."""
    out, err = p.communicate(timeout=60)
    assert p.returncode == status, f"exit status {p.returncode}: {out}{err}"
    return err


def parsed(path, *options):
    return events.parse(common.report(path, *options))


def names(path):
    return {e.name for e in parsed(path)}


def lost_in_places(path):
    """The sum of what a file tells as lost; each place must say how many."""
    total = 0
    for line in common.report(path, "--losses").splitlines():
        m = events.LOST.match(line)
        if m:
            assert m[2], f"events were lost, but not how many: {line}"
            total += int(m[2])
    return total


def conserved(path, written):
    """Every marker is in the file or among the lost, none twice. How many are lost."""
    seen, lost = events.marker_numbers(parsed(path)), lost_in_places(path)
    assert len(seen) == len(set(seen)), "a marker appears twice"
    assert len(seen) + lost == written, f"{len(seen)} recorded, {lost} lost, {written} written"
    assert lost == events.lost(common.report(path, "--stat"), ""), "the kernel's counters say something else"
    return lost


def clean_instance(name=INSTANCE):
    """After a kill: waits until the instance is gone, or removes it."""
    folder = f"{tracefs.ROOT}/instances/{name}"
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not os.path.exists(folder), "the instance is gone", seconds=5)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(folder)
