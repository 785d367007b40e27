# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes of all kinds, and triggers: made, listed, recorded, refused and removed."""

import json
import os

from kernel.cases import NEW, case


def listed(g, *args):
    return json.loads(g.tracecmd("probe", "list", "--json", *args).stdout)


def refused(g, definition):
    """The message of a definition that is refused; nothing is left of it."""
    before = g.read("dynamic_events")
    text = g.tracecmd("probe", "add", definition, status=1).stderr
    assert g.read("dynamic_events") == before
    return text


@case()
def probes_of_the_kernel(g):
    g.defer(g.tracecmd, "probe", "clear", "--force")
    for definition, name, kind in (
            ("vfs_read count pos b=buf:x32", "kprobes:vfs_read", "kprobe"),
            ("vfs_read", "kprobes:vfs_read_1", "kprobe"),
            ("tc_open=do_sys_openat2 filename:ustring", "kprobes:tc_open", "kprobe"),
            ("tc/all=vfs_write $arg*", "tc:all", "kprobe"),
            ("vfs_read ret", "kprobes:vfs_read_ret", "kretprobe"),
            ("p:tc/off vfs_read+0 $stack", "tc:off", "kprobe"),
            ("e:tc/on sched.sched_switch a=$prev_pid", "tc:on", "eprobe"),
            ("s:tc_lat u64 lat; pid_t pid", "synthetic:tc_lat", "synth")):
        assert g.tracecmd("probe", "add", definition).stdout == f"{name}\n"
        made, = listed(g, name)
        assert made["kind"] == kind and not made["enabled"]
    texts = {f"{e['group']}:{e['name']}": e["definition"].split(" ", 1)[1] for e in listed(g) if e["kind"] == "kprobe"}
    assert texts["kprobes:vfs_read"] == "vfs_read count=$arg3:u64 pos=$arg4:x64 b=$arg2:x32"
    assert texts["kprobes:tc_open"] == "do_sys_openat2 filename=+0($arg2):ustring"
    assert texts["tc:all"] == "vfs_write file=$arg1:x64 buf=$arg2:x64 count=$arg3:u64 pos=$arg4:x64"
    g.tracecmd("probe", "del", "--kind", "kprobe", "tc")
    assert {e["name"] for e in listed(g, "tc")} == {"on"}
    g.tracecmd("probe", "clear", "--kind", "synth")
    assert g.read("synthetic_events") == ""


@case(kernels=NEW)
def function_and_tracepoint_probes(g):
    g.defer(g.tracecmd, "probe", "clear", "--force")
    for definition, name, kind in (
            ("f:tc_f vfs_read count", "fprobes:tc_f", "fprobe"),
            ("f:tc/g vfs_read%return ret=$retval", "tc:g", "fprobe"),
            ("t:tc_t sched_switch preempt", "tracepoints:tc_t", "tprobe"),
            ("x=vfs_open path->dentry", "kprobes:x", "kprobe")):
        assert g.tracecmd("probe", "add", definition).stdout == f"{name}\n"
        assert listed(g, name)[0]["kind"] == kind
    g.record("fprobe.dat", "-e", "fprobes", "-e", "tc:g", "-e", "tracepoints", g.workload, 4)


@function_and_tracepoint_probes.check
def _(r):
    seen = r.counts("fprobe.dat")
    assert seen["tc_f"] >= 4 and seen["g"] >= 4 and seen["tc_t"] >= 4
    assert "count=256" in r.report("fprobe.dat")


@case()
def probes_of_a_recording(g):
    g.record("probes.dat", "--probe", "tc_read=vfs_read count", "-f", "count == 256", "--probe", "do_sys_openat2 filename:ustring",
             "--probe", "do_sys_openat2 ret", "--probe", f"{g.workload}:workload_step round=%di:s32",
             "--probe", "e:tc_e sched.sched_process_exit pid=$pid", g.workload, 4)
    assert g.read("dynamic_events") == ""


@probes_of_a_recording.check
def _(r):
    found = [e for e in r.events("probes.dat") if e.comm == "workload"]
    assert [e.text.split("round=")[1] for e in found if e.name == "workload_step"] == ["0", "1", "2", "3"]
    assert sum(e.name == "tc_read" for e in found) == 4
    assert sum('filename="/proc/version"' in e.text for e in found) == 4
    assert sum(e.name == "do_sys_openat2_ret" for e in found) >= 4
    assert sum(e.name == "tc_e" for e in found) >= 4
    assert "Probe: p:kprobes/tc_read vfs_read count=$arg3:u64\n" in r.report("probes.dat", "--stat")


@case()
def refused_probes(g):
    """Each with the kernel's words, or with what is near."""
    log = g.read("error_log")
    assert "did you mean 'vfs_read'" in refused(g, "vfs_raed")
    assert "did you mean 'count'" in refused(g, "vfs_read cuont")
    assert "no parameter" in refused(g, "vfs_read nothing_like_it")
    assert "kernel says" in refused(g, "vfs_read a=$argx")
    assert "kernel says" in refused(g, "vfs_read+100000")
    assert "kernel says: Invalid type" in refused(g, "s:tc_lat foo bar")
    assert "kernel says: Attached event does not exist" in refused(g, "e:tc_e sched.sched_swich")
    assert "did you mean 'sched.sched_switch'" in refused(g, "e:tc_e sched.sched_swich")
    assert g.read("error_log") == log
    text = g.tracecmd("probe", "add", "tc_x=nosuchmodule:nosuch").stderr
    assert "'nosuchmodule' is not loaded" in text
    g.tracecmd("probe", "del", "tc_x")


@case()
def busy_probes(g):
    g.defer(g.tracecmd, "probe", "clear", "--force")
    g.tracecmd("probe", "add", "tc/r=vfs_read count")
    g.tracecmd("probe", "add", "tc/w=vfs_write count")
    g.tracecmd("probe", "add", "e:tc/e sched.sched_switch a=$prev_pid")
    g.tracecmd("probe", "add", "tc/idle=vfs_open")
    os.mkdir(f"{g.root}/instances/tc_other")
    g.defer(os.rmdir, f"{g.root}/instances/tc_other")
    g.append("events/tc/r/trigger", "hist:keys=count\n")
    g.write("instances/tc_other/events/tc/w/enable", "1")
    g.write("events/tc/e/enable", "1")
    text = g.tracecmd("probe", "clear", status=1).stderr
    assert "trigger 'hist:keys=count" in text and "of tc:r at the top level" in text
    assert "tc/w: it is in use; it is enabled in instance 'tc_other'" in text
    assert "tc/e: it is in use; it is enabled at the top level" in text
    by_name = {e["name"]: e for e in listed(g)}
    assert set(by_name) == {"r", "w", "e"} and by_name["w"]["instances"] == ["tc_other"]
    g.run(g.workload, 2)
    assert next(e for e in listed(g) if e["name"] == "w")["hits"] > 0
    # what force cannot switch off leaves all as it is
    g.append("events/sched/sched_process_fork/trigger", "enable_event:tc:w\n")
    text = g.tracecmd("probe", "del", "--force", "tc:w", status=1).stderr
    assert "trigger 'enable_event:tc:w:unlimited' of sched:sched_process_fork" in text and "these have to go first" in text
    assert g.read("instances/tc_other/events/tc/w/enable").startswith("1")
    g.append("events/sched/sched_process_fork/trigger", "!enable_event:tc:w\n")
    assert g.tracecmd("probe", "clear", "--force").stderr == ""
    assert g.read("dynamic_events") == ""


# ---- triggers ------------------------------------------------------------------

def triggers(g, *args):
    return [(t["event"], t["trigger"]) for t in json.loads(g.tracecmd("trigger", "list", "--json", *args).stdout)]


@case()
def function_commands(g):
    before = g.read("set_ftrace_filter")
    g.tracecmd("trigger", "add", "vfs_rea*:traceon:3")
    g.tracecmd("trigger", "add", "vfs_write:disable_event:sched:sched_wakeup")
    found = triggers(g)
    assert (None, "vfs_read:traceon:count=3") in found
    assert (None, "vfs_write:disable_event:sched:sched_wakeup:unlimited") in found
    g.tracecmd("trigger", "del", "vfs_write:disable_event")
    assert all(text.startswith("vfs_rea") for _, text in triggers(g))
    text = g.tracecmd("trigger", "add", "sched:sched_switch", status=1).stderr
    assert "is missing" in text
    text = g.tracecmd("trigger", "add", "vfs_read:nosuch", status=1).stderr
    assert "there is no command 'nosuch'\n    vfs_read:nosuch\n             ^\nthere are: traceon" in text, text
    g.tracecmd("trigger", "clear")
    assert triggers(g) == [] and g.read("set_ftrace_filter") == before


@case()
def histograms(g):
    g.defer(g.tracecmd, "trigger", "clear")
    g.tracecmd("trigger", "add", "sched:sched_process_fork", "hist:keys=parent_comm:sort=hitcount", "if child_pid > 1")
    text = g.tracecmd("trigger", "add", "sched:sched_process_fork", "hist:keys=nosuch", status=1).stderr
    assert "the kernel says" in text and "nosuch" in text
    text = g.tracecmd("trigger", "add", "sched:sched_process_fork", "hist:keys=parent_comm:sort=hitcount:size=4096 if child_pid > 1",
                      status=1).stderr
    assert "size=2048 if child_pid > 1 [active]', which excludes this" in text and "trigger del sched:sched_process_fork hist:keys=" in text
    (event, shown), = triggers(g)
    assert event == "sched:sched_process_fork" and "[active]" in shown and "child_pid > 1" in shown
    g.run(g.workload, 2)

    def table():
        return g.tracecmd("show", "--hist", "sched:sched_process_fork").stdout
    assert "workload" in table() and "hitcount" in table()
    g.tracecmd("trigger", "pause", "sched_process_fork", "hist:keys=parent_comm")
    assert "[paused]" in triggers(g)[0][1]
    g.tracecmd("trigger", "empty", "sched_process_fork")
    g.run(g.workload, 2)
    assert "workload" not in table()
    g.tracecmd("trigger", "continue", "sched_process_fork")
    g.run(g.workload, 2)
    assert "workload" in table() and "[active]" in triggers(g)[0][1]
    assert "no histogram" in g.tracecmd("trigger", "pause", "sched:sched_switch", status=1).stderr
    g.tracecmd("trigger", "del", "sched_process_fork", "hist")
    assert triggers(g) == []
