# SPDX-License-Identifier: GPL-2.0-or-later
"""Options of record and show that change how things are done and not what comes out:
each test sees the option's own effect."""

import glob
import os
import re
import signal

import pytest

import tracefs
from common import TRACECMD, report, run, strace, strict_check, tool
from recording import DIR, INSTANCE, finish, recording

IN = ("-B", INSTANCE)


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


def test_user_has_its_own_groups(dat):
    """And none of those of who started the recorder."""
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "--user", "nobody", "id", "-G",
            extra_groups=[4, 12345])
    assert set(p.stdout.split()) == set(run("id", "-G", "nobody").stdout.split())


def reader_priorities(pid):
    """Real-time priorities of the recorder's reading threads."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/stat") as f:
            name, rest = re.match(r"\d+ \((.*)\) (.*)", f.read()).groups()
        if name.startswith("tcmd-read"):
            found.append(int(rest.split()[37]))
    return found


def test_priority_of_the_readers(dat):
    with recording("-q", "-o", dat, *IN, "-e", "sched", "-r", "7") as p:
        found = reader_priorities(p.pid)
        p.send_signal(signal.SIGINT)
        finish(p)
    assert found == [7] * os.cpu_count()


@pytest.mark.parametrize("args, spliced", [((), True), (("--nosplice",), False)])
def test_splice(dat, tmp_path, args, spliced):
    log = tmp_path / "strace"
    strace("-o", log, "-e", "trace=splice", TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", *args, "true")
    assert ("splice(" in log.read_text()) == spliced



def test_threads_behind_many_children_are_told(dat):
    """However much else the processes of the machine begin."""
    script = "import os, threading\nfor i in range(5000):\n    if not os.fork(): os._exit(0)\n    os.wait()\n" \
             "ts = [threading.Thread(target=int) for i in range(4)]\n[t.start() for t in ts]\n[t.join() for t in ts]"
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched_process_exec", "-F", "/usr/bin/python3", "-c", script)
    assert "tracecmd: 4 threads that began meanwhile in what -F traced are left out" in p.stderr


def test_readers_wake_in_time(kernel, dat):
    """Whatever somebody has set when a buffer wakes its readers: put back afterwards."""
    os.mkdir(DIR)
    try:
        with open(f"{DIR}/buffer_percent", "w") as f:
            f.write("100")
        p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "sh", "-c", f"cat {DIR}/buffer_percent >&2")
        assert p.stderr == "50\n" and tracefs.read(f"{DIR}/buffer_percent") == "100\n"
    finally:
        os.rmdir(DIR)


@pytest.mark.parametrize("args", [(), ("--stderr",)])
def test_stderr(dat, args):
    with recording("-o", dat, *IN, "-e", "sched", *args) as p:
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
    assert p.returncode == 0
    assert "Hit Ctrl^C" in (err if args else out)
    assert not (args and out)


def formats(dat):
    return set(re.findall(r"^name: (\w+)$", run(TRACECMD, "dump", "--events", dat).stdout, re.M))


def test_formats_of_all_events(dat):
    run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched:sched_switch", "true")
    assert {"sched_switch"} == formats(dat) & {"sched_switch", "irq_handler_entry"}
    run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched:sched_switch", "-a", "true")
    assert {"sched_switch", "irq_handler_entry"} <= formats(dat)


def written(dat, *args):
    """What record tells to have written, and its refusals."""
    return run(TRACECMD, "record", "-o", dat, *IN, "-e", "sched", "--debug", *args, "true", status=None).stderr


def test_no_function_tracing(dat):
    told = run(TRACECMD, "record", "-o", dat, "-e", "sched:sched_switch", "-d", "--debug", "true").stderr
    assert f"'0' to {tracefs.ROOT}/options/function-trace" in told
    assert "function-trace" not in written(dat)
    assert "/proc/sys/kernel/ftrace_enabled" not in written(dat)
    notes = set(glob.glob("/run/tracecmd/note.*"))
    assert "/proc/sys/kernel/ftrace_enabled" in written(dat, "-D")
    assert set(glob.glob("/run/tracecmd/note.*")) <= notes, "kernels that refuse that have nothing to be put back"


def test_show_of_single_files(kernel):
    os.mkdir(DIR)
    try:
        with open(f"{DIR}/buffer_percent", "w") as f:
            f.write("37")
        assert run(TRACECMD, "show", *IN, "--buffer_percent").stdout.strip() == "37"
        p = run(TRACECMD, "show", *IN, "--max_latency", status=None)
        if os.path.exists(f"{DIR}/tracing_max_latency"):
            assert p.stdout == tracefs.read(f"{DIR}/tracing_max_latency")
        else:
            assert p.returncode == 1 and "tracing_max_latency" in p.stderr
    finally:
        os.rmdir(DIR)


@pytest.mark.parametrize("options", [(), ("--compression", "none"), ("--file-version", "6")], ids=str)
def test_many_events_that_are_alike(dat, options):
    """Their formats are a thousandth when compressed, and no trap for that."""
    arguments = " ".join(f"arg{i}=%ax:x64" for i in range(32))
    address = next(line.split()[0] for line in run("nm", tool("markers")).stdout.splitlines() if line.endswith(" T main"))
    probes = [word for i in range(60) for word in ("--probe", f"p:tc_alike/ev{i} {tool('markers')}:0x{address} {arguments}")]
    p = run(TRACECMD, "record", "-o", dat, *IN, *options, *probes, tool("markers"), "/dev/null", "/dev/null", "1", "0", "0")
    assert "cannot" not in p.stderr
    text = report(dat)
    assert sum(f" ev{i}: " in text for i in range(60)) == 60 and text.count("arg31=0x") == 60
    strict_check(dat)
