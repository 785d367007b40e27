# SPDX-License-Identifier: GPL-2.0-or-later
"""Others who change the kernel's settings while it is recorded: what they cost is told."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import tracefs
from common import TRACECMD, run
from recording import DIR, INSTANCE, finish, parsed, recording, wait_for

IN = ("-B", INSTANCE)


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


def write(name, text):
    (Path(DIR) / name).write_text(text)


def told_of_the_file(dat, err):
    """What the recorder has said of it, with the time, is in the file, too."""
    text = re.search(r"^tracecmd: (.* of instance .* while it was recorded.*; first seen at \d+\.\d{6})$", err, re.M)[1]
    assert f"\t[{text}]\n" in run(TRACECMD, "dump", "--summary", dat).stdout
    for args in (), ("--losses",), ("--count",), ("--format", "json"):
        assert f"tracecmd: '{dat}': {text}\n" in run(TRACECMD, "report", *args, dat).stderr
    assert run(TRACECMD, "report", "-q", dat).stderr == ""
    return text


def pause(seconds):
    write("tracing_on", "0")
    time.sleep(seconds)
    write("tracing_on", "1")


@pytest.mark.parametrize("how, words", [
    (lambda: pause(0.3), "was switched off while it was recorded"),
    (lambda: pause(0), "while it was recorded"),                    # too short to be seen, but heard of
    (lambda: write("tracing_on", "0"), "was switched off while it was recorded"),
    (lambda: write("tracing_on", "1"), "if tracing was off for a moment"),
])
def test_a_pause_is_told(dat, how, words):
    with recording("-o", dat, *IN, "-e", "sched") as p:
        time.sleep(0.5)
        how()
        time.sleep(0.2)
        p.send_signal(signal.SIGINT)
        err = finish(p)
    assert err.count("while it was recorded") == 1 and words in err and f"instance {INSTANCE}" in err
    told_of_the_file(dat, err)


@pytest.mark.parametrize("name, text", [("trace", "\n"), ("trace_clock", "mono")])
def test_an_emptied_buffer_is_told(dat, name, text):
    with recording("-o", dat, *IN, "-e", "sched", "--fail-on-loss") as p:
        time.sleep(0.5)
        write(name, text)
        time.sleep(0.2)
        p.send_signal(signal.SIGINT)
        err = finish(p, 3)
    assert f"another program emptied the buffer of instance {INSTANCE}" in err and parsed(dat)
    seen = float(told_of_the_file(dat, err).split()[-1])
    # by the clock of the events: another has other times
    last = float(parsed(dat)[-1].time)
    assert name != "trace" or last - 2 < seen < last + 0.1


def test_nothing_is_told_of_what_is_ours(dat):
    for args in (("-e", "sched"), ("-e", "sched", "-b", "500"), ("-p", "nop")):
        err = run(TRACECMD, "record", "-o", dat, *IN, *args, "sleep", "0.2").stderr
        assert "while it was recorded" not in err


def test_another_size_of_sub_buffers_ends_it(dat):
    if tracefs.read(f"{tracefs.ROOT}/buffer_subbuf_size_kb") == "ENOENT":
        pytest.skip("sub-buffers have one size on this kernel")
    with recording("-o", dat, *IN, "-e", "sched") as p:
        time.sleep(0.5)
        write("buffer_subbuf_size_kb", "8")
        wait_for(lambda: p.poll() is not None, "it ends by itself")
        err = finish(p, 1)
    assert f"another program changed the size of the sub-buffers of instance {INSTANCE}" in err
    assert "what was recorded before that is in" in err
    done = subprocess.run([TRACECMD, "report", "--count", dat], capture_output=True, text=True)
    assert re.search(r"unknown number, in all", done.stdout)


def test_synced_are_rare_events_too(dat):
    """They fill no sub-buffer for hours: what the recorder is killed with is a second's."""
    begun = 10
    with recording("-q", "-o", dat, *IN, "--sync", "-e", "sched:sched_process_exec") as p:
        for _ in range(begun):
            run("/bin/true")
        time.sleep(2.5)
        p.kill()
        p.wait()
    left = subprocess.run([TRACECMD, "report", dat], capture_output=True, text=True).stdout
    assert left.count("filename=/bin/true") == begun
    wait_for(lambda: not os.path.exists(DIR), "the process beside it has put back")
