# SPDX-License-Identifier: GPL-2.0-or-later
"""count: exact numbers from the kernel, with nothing recorded and nothing changed."""

import collections
import json
import os
import re
import subprocess
import sys

import pytest

from common import TRACECMD, run

PRIORITY = ("-e", "raw_syscalls:sys_enter", "-f", f"id == {140 if os.uname().machine == 'x86_64' else 141}")


def calls(n):
    """A command that calls getpriority so often; neither shells nor interpreters do."""
    return sys.executable, "-c", f"import os\nfor i in range({n}): os.getpriority(0, 0)"


def counted(tmp_path, *args, **kw):
    out = tmp_path / "counts"
    run(TRACECMD, "count", "--json", "-o", out, *args, **kw)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_exact_in_a_command(kernel, tmp_path):
    assert counted(tmp_path, *PRIORITY, *calls(12345)) == [{"event": "raw_syscalls:sys_enter", "count": 12345}]
    p = run(TRACECMD, "count", *PRIORITY, *calls(7))
    assert p.stdout.split() == ["7", "raw_syscalls:sys_enter"] and p.stderr == ""


def test_what_it_runs_counts_too_and_nothing_else(kernel, tmp_path):
    script = "for i in 1 2 3 4 5; do /bin/true; done; /bin/sh -c '/bin/true; /bin/true; :' & wait; exit 9"
    rows = counted(tmp_path, "-e", "sched:sched_process_exec", "-e", "sched:sched_process_exit", "sh", "-c", script, status=9)
    assert {r["event"]: r["count"] for r in rows} == {"sched:sched_process_exec": 9, "sched:sched_process_exit": 9}


def test_for_each_task(kernel, tmp_path):
    python = sys.executable
    script = f"{python} -c '{calls(100)[2]}' & {python} -c '{calls(200)[2]}' & wait; exec {python} -c '{calls(300)[2]}'"
    rows = counted(tmp_path, "--per-task", *PRIORITY, "sh", "-c", script)
    assert sorted(r["count"] for r in rows) == [100, 200, 300]
    assert len({r["tid"] for r in rows}) == 3 and {r["task"] for r in rows} == {os.path.basename(python)[:15]}


def test_tasks_that_still_run(kernel, tmp_path):
    """What they did until the command ended; who was there before has a name too."""
    stays = f"{calls(50)[2]}\nopen('{tmp_path}/begun', 'w')\nwhile not os.path.exists('{tmp_path}/end'): pass"
    rows = counted(tmp_path, "--per-task", *PRIORITY, "sh", "-c",
                   f'{sys.executable} -c "{stays}" >/dev/null 2>&1 & while [ ! -e {tmp_path}/begun ]; do sleep 0.05; done')
    (tmp_path / "end").touch()
    assert [(r["task"], r["count"]) for r in rows] == [(os.path.basename(sys.executable)[:15], 50)]
    rows = counted(tmp_path, "--per-task", "-a", "-e", "sched:sched_switch", "sleep", "0.1")
    names = {r["tid"]: r["task"] for r in rows if r["tid"] is not None}
    assert names.get(0, "<idle>") == "<idle>"
    assert all(names.values()) and any(r["task"] == "sleep" for r in rows)


def test_more_than_rings_hold(kernel, tmp_path):
    """What is told and what is not are the sum; what weighs is summed up."""
    rows = counted(tmp_path, "--per-task", "-e", "syscalls:*_getpriority", "-e", "sched", *PRIORITY, "sh", "-c",
                   f"i=0; while [ $i -lt 300 ]; do (:); i=$((i + 1)); done; exec {sys.executable} -c '{calls(200000)[2]}'")
    by_event = collections.Counter()
    for r in rows:
        by_event[r["event"]] += r.get("count", r.get("nanoseconds"))
    assert by_event["raw_syscalls:sys_enter"] == by_event["syscalls:sys_exit_getpriority"] == 200000
    assert by_event["sched:sched_process_fork"] == 300 and by_event["sched:sched_process_exit"] == 301
    assert by_event["sched:sched_stat_runtime"] > 1000000


def test_for_each_cpu(kernel, tmp_path):
    cpus = sorted(os.sched_getaffinity(0))
    script = "; ".join(f"taskset -c {cpu} {sys.executable} -c '{calls(100 + cpu)[2]}'" for cpu in cpus)
    rows = counted(tmp_path, "--per-cpu", *PRIORITY, "sh", "-c", script)
    assert [(r["cpu"], r["count"]) for r in rows] == [(cpu, 100 + cpu) for cpu in cpus]


def test_anywhere(kernel, tmp_path):
    """-a: others count as well; so does everything without a command, until the time is over."""
    pid = f"common_pid == {os.getpid()}"
    begun = os.times().elapsed
    script = f"while [ ! -e {tmp_path}/end ]; do sleep 0.02; done"
    p = subprocess.Popen([TRACECMD, "count", "-a", "--json", "-e", "raw_syscalls:sys_enter", "-f", f"{pid} && {PRIORITY[3]}",
                          "sh", "-c", f"touch {tmp_path}/begun; {script}"], stdout=subprocess.PIPE, text=True)
    while not (tmp_path / "begun").exists():
        pass
    for _ in range(77):
        os.getpriority(0, 0)
    (tmp_path / "end").touch()
    assert json.loads(p.communicate()[0])["count"] == 77 and p.returncode == 0
    out = run(TRACECMD, "count", "-e", "sched:sched_switch", "--max-time", "1").stdout
    assert os.times().elapsed - begun >= 1 and int(out.split()[0]) > 0


def test_what_is_printed(kernel, tmp_path):
    """Of a pattern what happened, of a name in any case; nanoseconds are no number of events."""
    out = run(TRACECMD, "count", "-e", "sched", "-e", "sched_process_hang", "true").stdout
    lines = [line.split() for line in out.splitlines()]
    assert ["0", "sched:sched_process_hang"] in lines and ["1", "sched:sched_process_exec"] in lines
    assert [line for line in lines if line[0] == "0"] == [["0", "sched:sched_process_hang"]]
    assert all(("sched_stat" in line[-1]) == (line[1] == "ns") for line in lines)


@pytest.mark.parametrize("args, status, words", [
    ((), 2, "nothing to count"), (("-f", "x", "-e", "sched"), 2, "comes before the -e"), (("-e", "sched", "-f", "a", "-f", "b"), 2, "'&&'"),
    (("-e", ""), 2, "is empty"), (("-e", "sched", "--per-cpu", "--per-task", "true"), 2, "exclude"),
    (("-e", "sched", "--max-time", "0"), 2, "no number"), (("-e", "sched", "-x"), 2, "-x"),
    (("-e", "sched_swich", "true"), 1, "did you mean 'sched_switch'"), (("-e", "sched_switch", "-f", "prev_pidd > 1", "true"), 1, "\n    prev_pidd > 1\n    ^\ndid you mean 'prev_pid'"),
    (("-e", "sched_switch", "no-such-command"), 1, "no-such-command"), (("-e", "sched", "-o", "missing/x", "touch", "ran"), 1, "missing/"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_bad_use(kernel, tmp_path, args, status, words):
    p = run(TRACECMD, "count", *args, status=status, cwd=tmp_path)
    assert words in p.stderr and p.stderr.count("tracecmd:") == 1 and p.stdout == "" and os.listdir(tmp_path) == []


def test_interrupted(kernel, tmp_path):
    """A signal ends the command by TERM, and what was counted is printed."""
    p = run("sh", "-c", f"{TRACECMD} count {' '.join(PRIORITY[:2])} -f '{PRIORITY[3]}' sh -c 'kill -INT $PPID; exec sleep 60'", status=143)
    assert re.fullmatch(r" +0  raw_syscalls:sys_enter\n", p.stdout)
