# SPDX-License-Identifier: GPL-2.0-or-later
"""extract on this machine: what is in the buffers, and what happens to them."""

import contextlib
import os

import pytest

import common
import events
import tracefs
from common import TRACECMD, run, strict_check
from recording import DIR, INSTANCE, conserved, names, parsed

CPUS = os.cpu_count()


def write(name, text):
    with open(f"{DIR}/{name}", "w") as f:
        f.write(text)


@pytest.fixture
def traced(kernel):
    """An instance whose buffers hold a workload's events, whatever other processes do meanwhile."""
    os.mkdir(DIR)
    try:
        write("events/sched/sched_switch/filter", 'prev_comm == "workload" || next_comm == "workload"')
        write("events/sched/sched_switch/enable", "1")
        run(common.tool("workload"), 3)
        yield DIR
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(DIR)


@pytest.fixture
def dat(tmp_path):
    return str(tmp_path / "out.dat")


def extract(path, *args, **kw):
    p = run(TRACECMD, "extract", "-o", path, *args, **kw)
    strict_check(path)
    return p


@pytest.mark.parametrize("form", [(), ("--compression", "none"), ("--compression", "lz4"), ("--nosplice",)],
                         ids=lambda form: " ".join(form))
def test_extract(traced, dat, form):
    p = extract(dat, "-B", INSTANCE, *form)
    assert [e for e in parsed(dat) if e.comm == "workload" and e.buffer == INSTANCE]
    assert f"\nBuffer: {INSTANCE}\n" in p.stderr
    assert os.listdir(os.path.dirname(dat)) == ["out.dat"]
    # taken out, and not traced any longer
    assert "sched_switch" not in tracefs.read(f"{DIR}/trace")
    assert tracefs.read(f"{DIR}/set_event") == ""


def test_no_remarks_about_what_nobody_asked_for(traced, dat):
    """A kernel that denies function filters has none that were to be put off."""
    assert "tracecmd: " not in extract(dat, "-B", INSTANCE).stderr


def test_keep(traced, dat):
    """-k: goes on as before, with an empty buffer."""
    before = tracefs.snapshot(events=False)
    extract(dat, "-B", INSTANCE, "-k")
    assert tracefs.differences(before, tracefs.snapshot(events=False)) == []
    first = parsed(dat)
    run(common.tool("workload"), 3)
    extract(dat, "-B", INSTANCE, "-k")
    assert float(parsed(dat)[0].time) > float(first[-1].time)


def test_stopped_stays_stopped(traced, dat):
    write("tracing_on", "0")
    extract(dat, "-B", INSTANCE)
    assert tracefs.read(f"{DIR}/tracing_on") == "0\n"
    assert "sched_switch" in names(dat)


def test_all_formats_are_there(traced, dat):
    """A buffer may hold events that are switched off by now."""
    write("events/sched/enable", "0")
    extract(dat, "-B", INSTANCE)
    found = parsed(dat)
    assert "sched_switch" in {e.name for e in found}


def test_the_kernels_types_are_stored(traced, dat):
    size = os.path.getsize("/sys/kernel/btf/vmlinux")
    extract(dat, "-B", INSTANCE, "-k")
    assert f"\t[BTF, {size} bytes]\n" in run(TRACECMD, "dump", dat).stdout
    for form in ("--compression", "none"), ("--file-version", "6"):
        extract(dat, "-B", INSTANCE, "-k", *form)
        assert "[BTF, " not in run(TRACECMD, "dump", dat).stdout
    run(TRACECMD, "record", "-q", "-o", dat, "-B", INSTANCE, "-e", "sched", "true")
    assert "[BTF, " not in run(TRACECMD, "dump", dat).stdout


def test_all_instances(traced, dat):
    other = f"{DIR}_2"
    os.mkdir(other)
    try:
        with open(f"{other}/trace_marker", "w") as f:
            f.write("to the other")
        extract(dat, "-B", INSTANCE, "-B", f"{INSTANCE}_2", "-k")
        by_buffer = {e.buffer for e in parsed(dat)}
        assert by_buffer == {INSTANCE, f"{INSTANCE}_2"}
    finally:
        os.rmdir(other)


def test_conservation(kernel, dat):
    """Nobody reads while they are written: what does not fit is lost for certain."""
    os.mkdir(DIR)
    try:
        write("buffer_size_kb", "16")
        run(common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", 3000)
        p = extract(dat, "-B", INSTANCE)
        assert conserved(dat, 3000 * CPUS) > 0
        assert f"CPU 0.{INSTANCE}: " in p.stderr and "events lost" in p.stderr
    finally:
        os.rmdir(DIR)


def test_own_events_do_not_keep_it_going(traced, dat):
    """Reading the buffers makes system calls: tracing these must not keep us busy for ever."""
    write("events/syscalls/enable", "1")
    extract(dat, "-B", INSTANCE, "--nosplice", timeout=60)
    assert "sys_enter_read" in names(dat)


def test_latency_tracers_this_kernel_lacks_are_refused(traced, dat):
    have = tracefs.read(f"{DIR}/available_tracers").split()
    lacking = [name for name in ("wakeup", "irqsoff", "preemptoff", "wakeup_dl") if name not in have]
    assert lacking, f"it has them all: {have}"
    p = run(TRACECMD, "extract", "-o", dat, "-B", INSTANCE, "-p", lacking[0], status=1)
    assert f"this kernel has no tracer '{lacking[0]}'" in p.stderr
    assert "sched" in tracefs.read(f"{DIR}/set_event")


def test_trace_options_are_set_meanwhile(traced, dat):
    before = tracefs.snapshot(events=False)
    p = extract(dat, "-B", INSTANCE, "-k", "-O", "noprint-parent", "-T", "--debug")
    assert f"'0' to {DIR}/options/print-parent" in p.stderr
    assert f"'1' to {DIR}/options/stacktrace" in p.stderr
    assert tracefs.differences(before, tracefs.snapshot(events=False)) == []


def test_options_without_effect_are_told(traced, dat):
    given = ("-b", "4000"), ("-P", "1"), ("-c",), ("-l", "foo"), ("-n", "foo"), ("-g", "foo"), ("-F",)
    p = extract(dat, "-g", "foo", "-F", "-B", INSTANCE, *[word for option in given for word in option])
    for option in given:
        assert f"option {option[0]} has no effect with 'extract'" in p.stderr
    assert "sched_switch" in names(dat)


def test_date(traced, dat):
    import time
    extract(dat, "-B", INSTANCE, "--date")
    now = time.time()
    assert all(now - 60 < float(e.time) <= now for e in parsed(dat))


@pytest.mark.parametrize("args, status, words", [
    (("-B", INSTANCE[:-1] + "f"), 1, f"did you mean '{INSTANCE}'"),
    (("-B", INSTANCE, "-s"), 1, "snapshot"),
    (("-B", INSTANCE, "ls"), 2, "takes no command"),
    (("-B", INSTANCE, "--compression", "zst"), 2, "did you mean 'zstd'"),
    (("-B", INSTANCE, "-o", "/nonexistent/x.dat"), None, "/nonexistent"),
    (("-B", INSTANCE, "-p", "nosuch"), 1, "option -p: this kernel has no tracer 'nosuch'"),
    (("-B", INSTANCE, "-p", "nopp"), 1, "did you mean 'nop'"),
    (("-B", INSTANCE, "-O", "nosuch"), 1, "option -O: this kernel has no trace option 'nosuch'"),
    (("-B", INSTANCE, "-f", "prev_pid==0"), 2, "did you mean 'tracecmd record'"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_refused(traced, dat, args, status, words):
    """And nothing is taken out of the buffers."""
    if words == "snapshot" and os.path.exists(f"{DIR}/snapshot"):
        args, words = ("-B", INSTANCE + "d", "-s"), "did you mean"
    output = () if "-o" in args else ("-o", dat)
    p = run(TRACECMD, "extract", *output, *args, status=status)
    assert p.returncode in (1, 2) and words in p.stderr
    assert not os.path.exists(dat)
    assert "sched_switch" in tracefs.read(f"{DIR}/trace")
