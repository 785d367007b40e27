# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of trace-cmd for tracecmd, and the other way round, recorded on this
machine: both print the same text of each, byte for byte.

Debian's trace-cmd 3.1.6 refuses kernels that deny some function tracing files;
it sees them covered by empty ones, in a mount namespace of its own."""

import os
import re
import subprocess

import pytest

import common
import tracefs
from common import TRACECMD, run

OPTIONS = ((), ("-R",), ("-l",), ("-t",), ("-l", "-t"), ("-N",), ("--ts-diff",))

def trace_cmd_record(folder, path, args):
    """trace-cmd record. Instances are made before, so that they can be covered too."""
    instances = [f"{tracefs.ROOT}/instances/{name}" for option, name in zip(args, args[1:]) if option == "-B"]
    for instance in instances:
        os.mkdir(instance)
    try:
        run(*common.trace_cmd_prefix(folder), "trace-cmd", "record", "-q", "-o", path, *args, timeout=60)
    finally:
        for instance in instances:
            if os.path.exists(instance):    # trace-cmd may have removed it, though it was not its own
                os.rmdir(instance)


# name: what is recorded
WORKLOAD = "WORKLOAD"
EVENTS = ("-e", "sched", "-e", "irq", "-e", "syscalls", WORKLOAD, "20")
RECORDINGS = {
    "zstd": ("--compression", "zstd", *EVENTS),
    "none": ("--compression", "none", *EVENTS),
    "v6": ("--file-version", "6", *EVENTS),
    "stacks": ("-e", "sched:sched_switch", "-T", WORKLOAD, "10"),
    "clock-mono": ("-C", "mono", "-e", "sched", WORKLOAD, "5"),
    "clock-tsc": ("-C", "x86-tsc", "-e", "sched", WORKLOAD, "5"),
    "instances": ("-e", "irq", "-B", common.instance("a"), "-e", "sched", "-B", common.instance("b"), "-e", "syscalls", WORKLOAD, "5"),
    "instance-only": ("-B", common.instance("a"), "-e", "sched", WORKLOAD, "5"),
    "instances-v6": ("--file-version", "6", "-e", "irq", "-B", common.instance("a"), "-e", "sched", WORKLOAD, "5"),
    "one-process": ("-F", "-c", "-e", "syscalls", "-e", "sched", WORKLOAD, "5"),
    "date": ("--date", "-e", "sched", WORKLOAD, "5"),
    "filter": ("-e", "sched:sched_switch", "-f", "prev_comm == \"workload\"", WORKLOAD, "5"),
    "many": ("-e", "all", WORKLOAD, "5"),
    "nothing": ("-e", "sched:sched_process_hang", "true"),
    "hackbench": ("-b", "20000", "-e", "sched", "-e", "syscalls", "hackbench", "-l", "40", "-g", "2"),
}
REFUSED = {"zlib": ("--compression", "zlib", *EVENTS), "lz4": ("--compression", "lz4", *EVENTS)}


def filled_in(args):
    return [common.tool("workload") if a == WORKLOAD else a for a in args]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exchange")


def ours(folder, name):
    """Path of the recording tracecmd made; with the fixture kernel."""
    path = f"{folder}/ours-{name}.dat"
    if not os.path.exists(path):
        run(TRACECMD, "record", "-q", "-o", path, *filled_in({**RECORDINGS, **REFUSED}[name]))
    return path


def theirs(folder, name):
    """Path of the recording trace-cmd made."""
    path = f"{folder}/theirs-{name}.dat"
    if not os.path.exists(path):
        why = common.unusable_tracefs()
        if why:
            pytest.skip(f"tracefs cannot be used: {why}")
        with common.kernel_lock():
            size = tracefs.chosen("buffer_size_kb", tracefs.read(f"{tracefs.ROOT}/buffer_size_kb"))
            try:
                trace_cmd_record(folder, path, filled_in(RECORDINGS[name]))
            finally:
                # trace-cmd leaves its own
                if size != "X\n":      # they differ from CPU to CPU
                    with open(f"{tracefs.ROOT}/buffer_size_kb", "w") as f:
                        f.write(size)
    return path


def same_text(path):
    for options in OPTIONS:
        common.same_report(path, *options)


@pytest.mark.parametrize("name", RECORDINGS)
def test_trace_cmd_reads_ours(kernel, folder, name):
    path = ours(folder, name)
    common.strict_check(path)
    same_text(path)
    # its own checks of the file's structure
    valid = run("trace-cmd", "dump", "--validate", "-i", path)
    assert "is a valid trace-cmd file" in valid.stdout
    stat = run("trace-cmd", "report", "--stat", "-i", path).stdout
    assert ("CPU: 0" in stat or name == "instance-only") and "cpus=" in stat


@pytest.mark.parametrize("name", RECORDINGS)
def test_we_read_trace_cmds(folder, name):
    same_text(theirs(folder, name))


def test_names_that_only_switches_tell(tmp_path):
    """Kernels keep 128 names of tasks; of the others trace-cmd knows what it has printed so far."""
    with open(f"{common.FIXTURES}/old-v6.dat", "rb") as f:
        data = bytearray(f.read())
    names = [n for n in re.finditer(rb"(?<=\n)(\d+) [^\n\0]{1,15}(?=\n)", data)]
    assert len(names) == 15
    for name in names:      # other tasks' numbers: of these the file has no events
        data[name.start(1):name.end(1)] = b"9" * len(name[1])
    path = f"{tmp_path}/names.dat"
    with open(path, "wb") as f:
        f.write(data)
    same_text(path)
    text = common.report(path)
    assert common.report(path, "-N").count("<...>-") > text.count("<...>-")
    for threads in "238":
        common.equal_text(common.report(path, "--threads", threads), text)


@pytest.mark.parametrize("name", REFUSED)
def test_codecs_trace_cmd_lacks(kernel, folder, name):
    """Debian's trace-cmd has zstd alone. It refuses the file with a message of
    its own and prints nothing of it; ours reads it, and convert makes it readable."""
    path = ours(folder, name)
    common.strict_check(path)
    p = run("trace-cmd", "report", "-i", path, status=None)
    assert 0 < p.returncode < 128 and "error reading header" in p.stderr, (p.returncode, p.stderr)
    assert "cpus=" not in p.stdout and "[000]" not in p.stdout
    text = common.report(path)
    assert text.count("sys_enter_openat: ") >= 40
    run(TRACECMD, "convert", "-i", path, "-o", f"{path}.zstd", "--compression", "zstd")
    common.equal_text(common.report(f"{path}.zstd"), text)
    same_text(f"{path}.zstd")


@pytest.mark.parametrize("form", [("--file-version", "6"), ("--compression", "none"), ("--compression", "zstd")],
                         ids=lambda f: f[1])
@pytest.mark.parametrize("fixture", ["old-v7", "old-v6", "v7-zlib", "instances", "stacks-6.1"])
def test_converted_files(tmp_path, fixture, form):
    """convert's output is as good to trace-cmd as the file it came from."""
    source, out = f"{common.FIXTURES}/{fixture}.dat", tmp_path / "out.dat"
    run(TRACECMD, "convert", "-i", source, "-o", out, *form)
    common.strict_check(out)
    common.equal_text(common.report(out), common.report(source))
    if fixture != "v7-zlib":
        common.equal_text(common.trace_cmd_report(out), common.trace_cmd_report(source))


def test_both_files_at_once(folder):
    """Two files in one report, merged by time."""
    files = ("-i", theirs(folder, "zstd"), "-i", theirs(folder, "v6"))
    a = run(TRACECMD, "report", "--compat", "3.1", *files).stdout
    common.equal_text(a, run("trace-cmd", "report", *files).stdout)


def test_the_covers_are_private():
    """Nothing of what trace-cmd was shown stays on this machine."""
    mounts = subprocess.run(["cat", "/proc/mounts"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "/sys/kernel/tracing/set_ftrace" not in mounts and "ftrace_enabled" not in mounts
