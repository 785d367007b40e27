# SPDX-License-Identifier: GPL-2.0-or-later
"""Histograms, synthetic events out of SQL, function commands and who hooks functions."""

import contextlib
import glob
import json
import os
import time

from kernel.cases import NEW, case
from kernel.cases_probe import triggers

LATENCY = ("SELECT end.next_comm AS comm, end.next_pid, (end.TIMESTAMP_USECS - start.TIMESTAMP_USECS) AS lat "
           "FROM sched_waking AS start JOIN sched_switch AS end ON start.pid = end.next_pid")


def shown(g, *args):
    return json.loads(g.tracecmd("trigger", "show", "--json", *args).stdout)


@case()
def sql_event(g):
    g.defer(g.write, "trace_clock", "local")
    p = g.tracecmd("sqlhist", "-e", "-n", "tc_wl", LATENCY, 'WHERE start.prio > 0 && end.next_comm ~ "work*"')
    assert "s:tc_wl char comm[16]; pid_t next_pid; u64 lat;" in p.stdout
    assert "tc_wl\tchar[16] comm; pid_t next_pid; u64 lat" in g.read("synthetic_events")
    found = dict(triggers(g))
    assert "onmatch(sched.sched_waking).tc_wl(" in found["sched:sched_switch"] and "prio > 0" in found["sched:sched_waking"]
    # once more is refused, and changes nothing
    text = g.tracecmd("sqlhist", "-e", "-n", "tc_wl", LATENCY, status=1).stderr
    assert "File exists" in text and "probe del" in text and dict(triggers(g)) == found
    g.record("sql.dat", "-e", "tc_wl", g.workload, 4)
    text = g.tracecmd("trigger", "del", "sched_waking", "hist", status=1).stderr
    assert "another histogram uses its variables" in text
    g.tracecmd("trigger", "del", "sched", "hist")
    g.tracecmd("probe", "del", "synthetic:tc_wl")
    assert triggers(g) == [] and g.read("synthetic_events") == ""


@sql_event.check
def _(r):
    found = [e.text for e in r.events("sql.dat") if e.name == "tc_wl"]
    assert found and all("comm=workload" in t and "lat=" in t for t in found)


@case()
def sql_statements(g):
    """The kernel takes what is made of each, and reset removes it all."""
    plain = ("SELECT common_pid, CAST(bytes_alloc AS _COUNTER_) FROM kmem.kmalloc",
             "SELECT CAST(call_site AS sym), CAST(bytes_req AS log2) FROM kmem.kmalloc WHERE bytes_req > 8",
             "SELECT CAST(call_site AS sym-offset), CAST(bytes_req AS buckets=64) FROM kmem.kmalloc",
             "SELECT CAST(id AS syscall), CAST(common_pid AS execname) FROM raw_syscalls.sys_enter",
             "SELECT STACKTRACE FROM sched_switch WHERE prev_prio <= 200 AND NOT (prev_comm ~ 'no*' OR next_pid & 0x800000)",
             "SELECT common_cpu, CAST(prev_state AS hex) FROM sched_switch", "SELECT TIMESTAMP_USECS FROM sched_process_exit")
    joined = ((), "start.pid, TIMESTAMP_DELTA_USECS AS lat"), ((), "start.comm, (end.next_prio - start.prio) AS d"), \
        (("-m", "lat"), "TIMESTAMP_DELTA AS lat"), (("-m", "lat", "-s"), "TIMESTAMP_DELTA AS lat"), \
        (("-c", "d", "-T"), "(start.prio + start.pid) AS d"), (("-m", "lat", "-S", "prev_comm,next_prio"), "TIMESTAMP_DELTA AS lat"), \
        ((), "(end.prev_prio + end.next_prio) AS sum, end.prev_state AS state")
    clock = "global" if "[global]" in g.read("trace_clock") else "local"
    g.defer(g.write, "trace_clock", clock)
    for sql in plain:
        g.tracecmd("sqlhist", "-e", sql)
        g.tracecmd("trigger", "clear")
    for i, (options, items) in enumerate(joined):
        g.tracecmd("sqlhist", "-e", "-n", f"tc_{i}", *options, "SELECT", items, "FROM sched_waking AS start",
                   "JOIN sched_switch AS end ON start.pid = end.next_pid")
        g.run(g.workload, 1)
        g.tracecmd("trigger", "clear")
        g.tracecmd("probe", "clear", "--kind", "synth")
        assert triggers(g) == [] and g.read("synthetic_events") == ""
    g.write("snapshot", "0")
    g.tracecmd("sqlhist", "-e", "-n", "tc_r", LATENCY)
    g.tracecmd("reset")
    assert triggers(g) == [] and g.read("synthetic_events") == ""


@case()
def sql_refused_by_the_kernel(g):
    """Of an event whose histogram is refused nothing is left, nor the clock that the first one had the kernel take."""
    before = g.settings()
    for sql in ("SELECT TIMESTAMP_DELTA AS d FROM sched_waking AS s JOIN sched_switch AS e ON s.pid = e.next_pid, s.prio = e.next_prio, "
                "s.target_cpu = e.prev_pid, s.common_pid = e.prev_prio",
                "SELECT TIMESTAMP_DELTA AS d FROM sched_waking AS s JOIN sched_switch AS e ON s.pid = e.next_pid WHERE e.next_prio = "
                "18446744073709551615"):
        text = g.tracecmd("sqlhist", "-e", "-n", "tc_no", sql, status=1).stderr
        assert "the kernel says" in text or "Invalid argument" in text
        g.same_settings(before)


def changes_noted():
    """Notes that tell of changes: who is killed before the first one may leave an empty note, which the next tracecmd removes."""
    found = []
    for path in glob.glob("/run/tracecmd/note.*"):
        with contextlib.suppress(FileNotFoundError), open(path) as f:
            found += [path] if len(f.readlines()) > 1 else []
    return found


@case(kernels=NEW)
def sql_killed(g):
    """Killed at any moment it has made all, or nothing is left of it."""
    g.defer(g.write, "trace_clock", "local")
    before = g.settings()
    for i in range(4):
        p = g.spawn("sqlhist", "-e", "-n", "tc_k", LATENCY)
        time.sleep(0.02 + 0.04 * i)
        p.kill()
        p.wait()
        # who watched it has done what there was to do
        g.wait_for(lambda: not changes_noted())
        assert len(triggers(g)) + len(g.read("synthetic_events").splitlines()) in (0, 3)
        g.tracecmd("trigger", "clear")
        g.tracecmd("probe", "clear", "--kind", "synth")
        g.write("trace_clock", "local")
    g.same_settings(before)


@case(kernels=NEW)
def sql_stack(g):
    """Stacks as fields came with Linux 6.3."""
    g.defer(g.write, "trace_clock", "local")
    g.tracecmd("sqlhist", "-e", "-n", "tc_st", "SELECT start.STACKTRACE AS stack, TIMESTAMP_DELTA_USECS AS d FROM sched_switch AS start "
               "JOIN sched_switch AS end ON start.prev_pid = end.next_pid WHERE start.prev_state = 2")
    g.tracecmd("trigger", "clear")
    g.tracecmd("probe", "clear", "--kind", "synth")
    assert triggers(g) == []


@case()
def sql_instance(g):
    os.mkdir(f"{g.root}/instances/tc_sql")
    g.defer(os.rmdir, f"{g.root}/instances/tc_sql")
    top = triggers(g)
    g.tracecmd("sqlhist", "-e", "-B", "tc_sql", "-n", "tc_in", LATENCY)
    assert triggers(g) == top and len(triggers(g, "-B", "tc_sql")) == 2
    g.record("instance.dat", "-e", "tc_in", g.workload, 2)
    g.tracecmd("trigger", "clear", "-B", "tc_sql")
    g.tracecmd("probe", "del", "tc_in")


@sql_instance.check
def _(r):
    assert any(e.name == "tc_in" for e in r.events("instance.dat"))


@case()
def synthetic_event_of_a_recording(g):
    """Event and histograms are made for it, and gone afterwards, and the clock is as before."""
    g.record("synth.dat", "--probe", "s:tc_lat u64 lat; pid_t pid", "-e", "sched_waking", "-R", "hist:keys=pid:tc_ts=common_timestamp.usecs",
             "-e", "sched_switch", "-R", "hist:keys=next_pid:tc_l=common_timestamp.usecs-$tc_ts:onmatch(sched.sched_waking)"
             ".tc_lat($tc_l,next_pid)", g.workload, 3)


@synthetic_event_of_a_recording.check
def _(r):
    assert r.counts("synth.dat")["tc_lat"] > 0 and "lat=" in next(e.text for e in r.events("synth.dat") if e.name == "tc_lat")


# ---- histograms as tables ---------------------------------------------------------

@case()
def histogram_tables(g):
    g.defer(g.tracecmd, "trigger", "clear")
    g.tracecmd("trigger", "add", "syscalls:sys_enter_openat", "hist:keys=common_pid,flags.hex:vals=mode:sort=common_pid",
               "if common_pid > 1")
    g.tracecmd("trigger", "add", "syscalls:sys_enter_openat", "hist:keys=stacktrace")
    g.run(g.workload, 3)
    g.tracecmd("trigger", "pause", "sys_enter_openat")      # we open files, too
    plain, stacks = shown(g, "sys_enter_openat")
    assert plain["event"] == "syscalls:sys_enter_openat" and plain["hits"] == sum(r["values"]["hitcount"] for r in plain["rows"])
    assert len(plain["rows"]) == plain["entries"] >= 3 and plain["dropped"] == 0
    assert {frozenset(r["keys"]) for r in plain["rows"]} == {frozenset(("common_pid", "flags"))}
    assert all(isinstance(r["keys"]["common_pid"], int) and "mode" in r["values"] for r in plain["rows"])
    assert any("do_syscall_64" in line for row in stacks["rows"] for line in next(iter(row["keys"].values())))
    pids = [r["keys"]["common_pid"] for r in shown(g, "--sort", "common_pid:descending", "sys_enter_openat", "hist:keys=common_pid,flags.hex")[0]["rows"]]
    assert pids == sorted(pids, reverse=True)
    top = g.tracecmd("trigger", "show", "--top", 1, "--sort", "hitcount:descending", "sys_enter_openat", "hist:keys=common_pid,flags.hex").stdout
    lines = top.splitlines()
    assert lines[1].split() == ["common_pid", "flags", "hitcount", "mode"] and len(lines) == 4
    assert lines[3].startswith(f"1 of {plain['entries']} entries, {plain['hits']} hits, 0 dropped")
    text = g.tracecmd("trigger", "show", "--sort", "hitcuont", "sys_enter_openat", "hist:keys=common_pid,flags.hex", status=1).stderr
    assert "did you mean 'hitcount'" in text
    assert "no histogram" in g.tracecmd("trigger", "show", "sched_switch", status=1).stderr


@case()
def histogram_modifiers(g):
    """Symbols, system calls, tasks, powers and buckets: one entry each line, each with its keys."""
    for i, (event, keys, look) in enumerate((
            ("kmem:kmalloc", "call_site.sym-offset", lambda v: "+0x" in v), ("kmem:kmalloc", "bytes_req.log2", lambda v: v.startswith("~ 2^")),
            ("kmem:kmalloc", "bytes_req.buckets=64,call_site.sym", lambda v: v.startswith("~ ") and "-" in v),
            ("raw_syscalls:sys_enter", "id.syscall", lambda v: v.startswith("sys_")),
            ("raw_syscalls:sys_enter", "common_pid.execname", lambda v: "[" in v),
            ("sched:sched_process_exec", "filename", lambda v: "workload" in v))):
        g.tracecmd("trigger", "add", event, f"hist:keys={keys}")
        g.run(g.workload, 2)
        hist, = shown(g, event)
        name = keys.split(".")[0].split(",")[0]
        assert hist["entries"] == len(hist["rows"]) > 0
        assert any(look(r["keys"][name]) for r in hist["rows"]), hist
        assert all(len(r["keys"]) == keys.count(",") + 1 and list(r["values"]) == ["hitcount"] for r in hist["rows"])
        g.tracecmd("trigger", "clear")


@case()
def histogram_of_a_maximum(g):
    """What onmax saved stands below its entry; a recording with such a histogram leaves the clock alone."""
    g.defer(g.write, "trace_clock", "local")
    g.tracecmd("sqlhist", "-e", "-m", "lat", "-S", "prev_comm", LATENCY)
    g.run(g.workload, 4)
    hist, = shown(g, "sched_switch")
    assert any("prev_comm: " in line for r in hist["rows"] for line in r.get("notes", ()))
    g.tracecmd("trigger", "clear")
    g.write("trace_clock", "local")
    g.record("hist.dat", "-e", "sched_waking", "-R", "hist:keys=pid:ts0=common_timestamp.usecs", g.workload, 1)


# ---- functions -----------------------------------------------------------------------

@case()
def functions_hooked(g):
    def listed(*args):
        found = json.loads(g.tracecmd("trigger", "list", "--functions", "--json", *args).stdout)
        return [(f["table"], f["function"]) for f in found]
    g.tracecmd("probe", "add", "tc_hook=vfs_read")
    g.write("events/kprobes/tc_hook/enable", "1")
    g.append("set_ftrace_notrace", "vfs_write\n")
    g.tracecmd("trigger", "add", "vfs_open:traceon")
    found = listed()
    assert ("notrace", "vfs_write") in found and not any("traceon" in f for _, f in found)
    hooked = dict(reversed(f.split(" ", 1)) for t, f in found if t == "hooked")
    assert any(f == "vfs_read" for f in hooked.values()) and any(f == "vfs_open" for f in hooked.values())
    assert {t for t, f in listed("vfs_read")} >= {"hooked"} and all(f.startswith("vfs_read") for t, f in listed("vfs_read"))
    assert "hooked vfs_open (1)" in g.tracecmd("trigger", "list", "--functions", "vfs_o*").stdout
    g.tracecmd("trigger", "clear")
    g.write("set_ftrace_notrace", "")
    g.write("events/kprobes/tc_hook/enable", "0")
    g.tracecmd("probe", "del", "tc_hook")


@case()
def function_commands_of_all_kinds(g):
    """Each kind, with and without a count, is made, listed with what is left, and removed."""
    before = g.read("set_ftrace_filter")
    commands = ("traceon", "traceoff", "snapshot", "stacktrace", "dump", "cpudump", "enable_event:sched:sched_waking",
                "disable_event:sched:sched_waking")
    for count in "", ":7":
        for command in commands:
            g.tracecmd("trigger", "add", f"vfs_fallocate:{command}{count}")
        found = [text for event, text in triggers(g) if event is None]
        for command in commands:
            text, = (t for t in found if t.startswith(f"vfs_fallocate:{command}:"))
            # of dumps the kernel makes one, and lists what it likes
            assert "dump" in command or ("count=7" in text) == bool(count), text
        g.tracecmd("trigger", "del", "vfs_fallocate")
        assert triggers(g) == []
    g.tracecmd("trigger", "add", "vfs_write:traceoff:1000")
    g.run(g.workload, 3)
    (event, text), = triggers(g)
    assert int(text.rsplit("=", 1)[1]) < 1000
    g.tracecmd("trigger", "clear")
    g.write("tracing_on", "1")
    g.write("snapshot", "0")
    assert g.read("set_ftrace_filter") == before
