# SPDX-License-Identifier: GPL-2.0-or-later
"""Recording from Python, on this kernel: the file, messages, what is left behind."""

import os
import select
import signal
import subprocess
import sys

import pytest

import common
import tracefs
from python_module import PATH, tracecmd

INSTANCE = common.instance("python")


@pytest.fixture(autouse=True)
def program(monkeypatch):
    monkeypatch.setenv("TRACECMD", os.path.abspath(common.TRACECMD))


def is_there():
    return os.path.exists(f"{tracefs.ROOT}/instances/{INSTANCE}")


@pytest.mark.kernel
def test_records_what_the_block_does(kernel, tmp_path):
    """The events of a process that began and ended in the block are all there."""
    out = tmp_path / "out.dat"
    with tracecmd.record(["sched:sched_process_exit", "sched:sched_process_exec"], out, instance=INSTANCE) as r:
        assert r.running and is_there()
        child = subprocess.Popen(["/bin/true"])
        child.wait()
    assert not r.running and not is_there() and out.exists()
    c = r.select(["sched_process_exec", "sched_process_exit"], ["common_pid", "event"]).columns()
    assert [c["event"][i] for i in range(c.rows) if c["common_pid"][i] == child.pid] == \
        ["sched_process_exec", "sched_process_exit"]
    r.close()
    assert out.exists()


@pytest.mark.kernel
def test_temporary_file_goes_with_the_recording(kernel):
    with tracecmd.record("sched_switch", instance=INSTANCE, buffer_kb=512, options=["-C", "mono"]) as r:
        subprocess.run(["/bin/true"], check=True)
    assert r.select("sched_switch").count() > 0 and r.trace.clock == "mono"
    path = r.path
    r.close()
    assert not os.path.exists(path)


@pytest.mark.kernel
def test_failure_is_told_before_the_block(kernel):
    with pytest.raises(tracecmd.RecordError, match="sched_swich"):
        with tracecmd.record("sched_swich", instance=INSTANCE):
            pytest.fail("the block was run")
    assert not is_there()


@pytest.mark.kernel
def test_ends_with_an_exception_of_the_block(kernel):
    with pytest.raises(ZeroDivisionError):
        with tracecmd.record("sched_switch", instance=INSTANCE) as r:
            1 // 0
    assert not r.running and not is_there() and os.path.exists(r.path)


@pytest.mark.kernel
def test_ends_when_python_is_killed(kernel, tmp_path):
    out = tmp_path / "out.dat"
    script = (f"import sys; sys.path.insert(0, {PATH!r}); import tracecmd\n"
              f"r = tracecmd.record('sched_switch', {str(out)!r}, instance={INSTANCE!r}).start()\n"
              "print(r._process.pid, flush=True); input()\n")
    p = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    recorder = int(p.stdout.readline())
    # it is not our child: told by its descriptor when it has ended
    fd = os.pidfd_open(recorder)
    p.send_signal(signal.SIGKILL)
    p.communicate()
    assert select.select([fd], [], [], 120)[0], "the recorder goes on"
    os.close(fd)
    assert not is_there()
    assert tracecmd.open(out).select("sched_switch").count() >= 0


@pytest.mark.kernel
def test_live_gives_every_part(kernel):
    """Exits of processes are in some part, once each, in the order they happened."""
    source = tracecmd.live("sched_process_exit", ["common_pid"], instance=INSTANCE)
    pids, seen, parts = [], [], 0
    for columns in source:
        parts += 1
        seen += columns["common_pid"].tolist()
        child = subprocess.Popen(["/bin/true"])
        child.wait()
        pids.append(child.pid)
        if parts == 2:
            source.stop()
    assert parts >= 3 and [pid for pid in seen if pid in pids[:2]] == pids[:2]
    assert not is_there() and not os.path.exists(source._folder.name)
