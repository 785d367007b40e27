# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done in the guests, and what is demanded of it on the host.

A case is a function that runs in a guest, with a Guest (guest.py); its check,
when there is more to look at, runs on the host with a Result (results.py) of
the files and notes it left. Every recording it left is checked beside that for
what holds for all: see test_guests.py.
"""

import os
import re

CASES = {}


class Case:
    def __init__(self, function, kernels, cpus):
        self.name = function.__name__
        self.run = function
        self.checks = []
        self.kernels = kernels      # None: all
        self.cpus = cpus            # numbers of CPUs it is run with
        self.not_for_trace_cmd = () # files that trace-cmd 3.1.6 cannot read right
        self.same_on_one_cpu = ()   # files whose text it prints right if there is one CPU

    def check(self, function):
        self.checks.append(function)
        return function


def case(kernels=None, cpus=(2,)):
    def add(function):
        assert function.__name__ not in CASES
        CASES[function.__name__] = Case(function, kernels, cpus)
        return CASES[function.__name__]
    return add


NEW = ("6.12", "custom")    # kernels with sub-buffers of any size


# ---- events ------------------------------------------------------------------

@case(cpus=(1, 2, 4))
def events(g):
    g.record("events.dat", "-e", "sched", "-e", "irq", "-e", "syscalls", g.workload, 8)


@events.check
def _(r):
    seen = r.counts("events.dat")
    assert seen["sched_switch"] > 8 and seen["sched_process_exit"] >= 8
    assert seen["sys_enter_openat"] >= 16 and seen["sys_exit_openat"] >= 16
    workload = [e for e in r.events("events.dat") if e.comm == "workload"]
    assert {e.cpu for e in workload} == set(range(r.cpus)), "the workload ran on every CPU"
    r.in_time_order("events.dat")


@case()
def filters(g):
    g.record("filters.dat", "-e", "sched:sched_process_exit", "-f", "comm == \"workload\"",
             "-e", "syscalls:sys_enter_read", "-f", "count == 256", g.workload, 6)


@filters.check
def _(r):
    seen = r.counts("filters.dat")
    assert set(seen) == {"sched_process_exit", "sys_enter_read"}
    assert seen["sched_process_exit"] == 7 and seen["sys_enter_read"] == 6
    assert all(e.comm == "workload" for e in r.events("filters.dat"))


@case()
def stacks(g):
    g.record("stacks.dat", "-e", "sched:sched_switch", "-T", g.workload, 4)


@stacks.check
def _(r):
    seen = r.counts("stacks.dat")
    assert seen["sched_switch"] > 4 and seen["kernel_stack"] > 4
    assert "=> schedule" in r.report("stacks.dat")


@case()
def only_the_command(g):
    g.record("only.dat", "-F", "-c", "-e", "syscalls", "-e", "sched:sched_process_fork", g.workload, 4)
    g.record("alone.dat", "-F", "-e", "syscalls", "-e", "sched:sched_process_fork", g.workload, 4)


@only_the_command.check
def _(r):
    with_children = {e.pid for e in r.events("only.dat") if e.name.startswith("sys_")}
    assert len(with_children) == 5, "the workload and its four children"
    assert len({e.pid for e in r.events("alone.dat") if e.name.startswith("sys_")}) == 1


# ---- function tracers --------------------------------------------------------

@case()
def function(g):
    g.record("function.dat", "-p", "function", "-l", "vfs_*", "-l", "do_sys_openat2", g.workload, 4)
    g.record("notrace.dat", "-p", "function", "-l", "vfs_*", "-n", "vfs_write", g.workload, 4)
    # what does not match is named, all of it
    err = g.tracecmd("record", "-p", "function", "-l", "no_such_*", "-l", "vfs_read", "-l", "vfs_raed", g.workload, 4, status=1).stderr
    first, second = err.split("; option -l: ")
    assert "matches 'no_such_*'" in first and "matches 'vfs_raed'" in second and "did you mean 'vfs_read'" in second


@function.check
def _(r):
    texts = [e.text.split(" <-- ")[0].strip() for e in r.events("function.dat")]
    assert texts.count("do_sys_openat2") >= 8 and texts.count("vfs_read") >= 4
    assert all(t.startswith("vfs_") or t == "do_sys_openat2" for t in texts), set(texts)
    texts = {e.text.split(" <-- ")[0].strip() for e in r.events("notrace.dat")}
    assert "vfs_read" in texts and "vfs_write" not in texts


# Where a task goes to another CPU between entry and exit, trace-cmd 3.1.6 joins
# records that do not belong together (mended in its 3.3): on one CPU only can
# its text be compared.
@case(cpus=(1, 2))
def function_graph(g):
    # -l: switching all functions on and off takes an emulated CPU very long
    g.record("graph.dat", "-p", "function_graph", "-g", "do_sys_openat2", "--max-graph-depth", 3,
             "-l", "do_sys_openat2", "-l", "do_filp_open", "-l", "vfs_*", "-l", "*getname*", g.workload, 4)


@function_graph.check
def _(r):
    seen = r.counts("graph.dat")
    assert set(seen) == {"funcgraph_entry", "funcgraph_exit"}
    text = r.report("graph.dat")
    assert "do_sys_openat2() {" in text and re.search(r"\d us +\|      ", text), "depth 0 and deeper"


function_graph.same_on_one_cpu = ("graph.dat",)


@case()
def stream_of_functions(g):
    """Lines as they come: entries and exits joined where report joins them, in each instance by itself.
    The tracer is the top level's: an instance takes function_graph on later kernels only."""
    names = ("-l", "do_sys_openat2", "-l", "vfs_*", "-l", "*getname*")
    p = g.tracecmd("stream", "-p", "function_graph", *names, "-B", "exits", "-e", "sched:sched_process_exit", g.workload, 4)
    text = p.stdout
    assert text.count("sched_process_exit:") >= 5, text
    assert text.count("do_sys_openat2() {") >= 8, text
    joined = [line for line in text.splitlines() if re.search(r"funcgraph_entry: .* us +\|  +\w+\(", line)]
    assert len(joined) >= 8 and all(re.search(r"\);( \(ret=0x[0-9a-f]+\))?$", line) for line in joined), text
    assert not os.path.exists(g.path("trace.dat"))


@case(kernels=("custom",), cpus=(1,))
def function_graph_return_values(g):
    g.record("retval.dat", "-p", "function_graph", "-O", "funcgraph-retval", "-l", "do_sys_openat2", g.workload, 4)


@function_graph_return_values.check
def _(r):
    assert "(ret=" in r.report("retval.dat")


@case()
def prototypes(g):
    text = g.tracecmd("list", "-f", "^vfs_\\|^schedule$", "--proto").stdout
    assert "ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)\n" in text
    assert "void schedule(void)\n" in text
    p = g.tracecmd("list", "-f", "\\[overlay\\]\\|\\[9p\\]", "--proto", status=None)
    of_modules = len(re.findall(r"^\S.*\(.*\) \[\w+\]$", p.stdout, re.M))
    assert p.returncode == 0 and of_modules > 20 or p.returncode == 1 and not p.stdout, \
        "the functions of modules, where there are modules"
    g.note(of_modules=of_modules)


# ---- dynamic events ----------------------------------------------------------

@case()
def kprobe(g):
    g.append("dynamic_events", "p:kprobes/tc_open do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring\n")
    g.defer(g.append, "dynamic_events", "-:kprobes/tc_open\n")
    g.append("dynamic_events", "r:kprobes/tc_opened do_sys_openat2 ret=$retval:s32\n")
    g.defer(g.append, "dynamic_events", "-:kprobes/tc_opened\n")
    g.record("kprobe.dat", "-e", "kprobes", g.workload, 4)


@kprobe.check
def _(r):
    opened = [e.text for e in r.events("kprobe.dat") if e.comm == "workload" and e.name == "tc_open"]
    assert sum('name="/proc/version"' in t for t in opened) == 4
    assert r.counts("kprobe.dat")["tc_opened"] >= 8


@case()
def uprobe(g):
    g.append("dynamic_events", f"p:uprobes/tc_step {g.workload}:{os.environ['WORKLOAD_STEP']} round=%di:s32\n")
    g.defer(g.append, "dynamic_events", "-:uprobes/tc_step\n")
    g.record("uprobe.dat", "-e", "uprobes:tc_step", g.workload, 5)


@uprobe.check
def _(r):
    rounds = [e.text.split("round=")[1].strip() for e in r.events("uprobe.dat")]
    assert rounds == ["0", "1", "2", "3", "4"]


@case()
def synthetic_event(g):
    # the kernel goes over to the clock "global" for what it measures itself
    g.defer(g.write, "trace_clock", "local")
    g.append("dynamic_events", "s:tc_latency pid_t pid; u64 delta\n")
    g.defer(g.append, "dynamic_events", "-:synthetic/tc_latency\n")
    waking = "hist:keys=pid:ts0=common_timestamp.usecs"
    switch = ("hist:keys=next_pid:delta=common_timestamp.usecs-$ts0:"
              "onmatch(sched.sched_waking).tc_latency(next_pid,$delta)")
    g.append("events/sched/sched_waking/trigger", f"{waking}\n")
    g.defer(g.append, "events/sched/sched_waking/trigger", f"!{waking}\n")
    g.append("events/sched/sched_switch/trigger", f"{switch}\n")
    g.defer(g.append, "events/sched/sched_switch/trigger", f"!{switch}\n")
    g.record("synthetic.dat", "-e", "synthetic:tc_latency", g.workload, 6)


@synthetic_event.check
def _(r):
    found = r.events("synthetic.dat")
    assert len(found) >= 6 and {e.name for e in found} == {"tc_latency"}
    assert all("delta=" in e.text and "pid=" in e.text for e in found)


# ---- buffers -----------------------------------------------------------------

@case(cpus=(1, 2, 4))
def instances(g):
    g.record("instances.dat", "-e", "irq", "-B", "tc_one", "-e", "sched", "-B", "tc_two", "-C", "mono",
             "-e", "syscalls:sys_enter_openat", g.workload, 6)
    assert not os.path.exists(f"{g.root}/instances/tc_one")


@instances.check
def _(r):
    found = r.events("instances.dat")
    one, two = [[e for e in found if e.buffer == b] for b in ("tc_one", "tc_two")]
    assert {"sched_switch", "sched_process_exit"} <= {e.name for e in one}
    assert {e.name for e in two} == {"sys_enter_openat"} and len(two) >= 12
    assert not {e.name for e in found if not e.buffer} & {"sched_switch", "sys_enter_openat"}


@case()
def instance_that_was_there(g):
    os.mkdir(f"{g.root}/instances/tc_mine")
    g.defer(os.rmdir, f"{g.root}/instances/tc_mine")
    g.write("instances/tc_mine/events/irq/enable", "1")
    g.record("mine.dat", "-B", "tc_mine", "-e", "sched:sched_process_exit", g.workload, 3)


@instance_that_was_there.check
def _(r):
    assert set(r.counts("mine.dat")) == {"sched_process_exit"}


@case()
def clocks(g):
    names = g.read("trace_clock").replace("[", "").replace("]", "").split()
    g.note(clocks=names)
    for name in names:
        g.record(f"clock-{name}.dat", "-C", name, "-e", "sched:sched_process_exit", g.workload, 2)


@clocks.check
def _(r):
    assert {"local", "global", "mono", "boot", "x86-tsc"} <= set(r.notes["clocks"])
    for name in r.notes["clocks"]:
        file = f"clock-{name}.dat"
        assert r.counts(file)["sched_process_exit"] >= 3, name
        assert f'"{name}" clock' in r.dump(file), name
        # others are printed as trace-cmd does it, which does not know them all
        if name in ("local", "global", "mono", "counter", "x86-tsc"):
            in_cycles = name in ("counter", "x86-tsc")
            assert all(("." in e.time) != in_cycles for e in r.events(file)), name
        if name != "counter":
            r.in_time_order(file)


@case(kernels=NEW)
def subbuffers(g):
    for kb in (4, 16):
        g.record(f"subbuf-{kb}.dat", "--subbuf-size", kb, "-e", "sched", "-e", "syscalls", g.workload, 6)
    g.record("subbuf-instance.dat", "-B", "tc_big", "--subbuf-size", 8, "-e", "sched", "-e", "syscalls",
             g.workload, 6)


@subbuffers.check
def _(r):
    for kb in (4, 16):
        assert f"{kb * 1024} page size" in r.dump(f"subbuf-{kb}.dat")
        assert r.counts(f"subbuf-{kb}.dat")["sys_enter_openat"] >= 12
    assert '"tc_big"' in r.dump("subbuf-instance.dat") and "8192 page size" in r.dump("subbuf-instance.dat")
    assert r.counts("subbuf-instance.dat")["sys_enter_openat"] >= 12


# A dat file that Debian's trace-cmd 3.1.6 cannot read right: it does not know
# sub-buffers of a size of their own.
subbuffers.not_for_trace_cmd = ("subbuf-16.dat", "subbuf-instance.dat")


@case(cpus=(1, 2, 4))
def conservation(g):
    """recorded + lost == written, with buffers too small and large enough."""
    markers = [g.markers, f"{g.root}/trace_marker", f"{g.root}/trace_marker_raw"]
    for name, kb, count, pause in (("tiny", 8, 3000, 0), ("large", 8192, 2000, 500)):
        g.record(f"{name}.dat", "-b", kb, "-p", "nop", "-q", *markers, count, pause)
        g.note(**{name: count * g.cpus})
    # nobody reads while they are written: what does not fit is lost for certain
    g.tracecmd("start", "-b", 16, "-p", "nop")
    g.defer(g.tracecmd, "reset")
    g.defer(g.write, "buffer_size_kb", "1408")
    g.run(*markers, 3000)
    g.tracecmd("stop")
    g.tracecmd("extract", "-o", "extracted.dat")
    g.note(extracted=3000 * g.cpus)


@conservation.check
def _(r):
    for name in ("tiny", "large", "extracted"):
        seen, lost = r.marker_numbers(f"{name}.dat"), r.lost(f"{name}.dat")
        assert len(seen) == len(set(seen)), f"{name}: an event appears twice"
        assert len(seen) + lost == r.notes[name], f"{name}: {len(seen)} recorded, {lost} lost"
    assert r.lost("extracted.dat") > 0 and r.lost("large.dat") == 0


# Until the markers are written.
CHANGES = """
"$@" & pid=$!
while kill -0 $pid 2>/dev/null; do
    echo 0 >/sys/devices/system/cpu/cpu1/online; echo 16 >buffer_size_kb
    echo 1 >/sys/devices/system/cpu/cpu1/online; echo 256 >buffer_size_kb
    changed=$((changed + 1))
done
wait $pid && echo $changed
"""


@case(cpus=(4,))
def conservation_while_the_machine_changes(g):
    """A CPU goes and comes back, buffers shrink and grow, while they are read in either way."""
    for name, options in (("spliced", ()), ("read", ("--nosplice",))):
        p = g.record(f"{name}.dat", "-q", "-b", 64, "-p", "nop", *options, "sh", "-c", f"cd {g.root}; {CHANGES}", "changes",
                     g.markers, "trace_marker", "trace_marker_raw", 2000, 2000)
        written, refused, changed = map(int, re.match(r"(\d+)\n(?:(\d+) refused\n)?(\d+)\n", p.stdout).groups("0"))
        assert changed > 2
        g.note(**{name: written - refused, f"{name}_refused": refused})


@conservation_while_the_machine_changes.check
def _(r):
    for name in ("spliced", "read"):
        numbers = r.marker_numbers(f"{name}.dat")
        assert len(numbers) == len(set(numbers)), "a marker was recorded twice"
        assert len(numbers) + r.lost(f"{name}.dat") == r.notes[name], (len(numbers), r.lost(f"{name}.dat"), r.notes)


@case()
def start_stop_extract(g):
    """The settings of start stay; reset puts all to the defaults."""
    g.defer(g.tracecmd, "reset")
    g.tracecmd("start", "-e", "sched", "-e", "syscalls:sys_enter_openat")
    assert "sched:sched_switch\n" in g.read("set_event")
    g.run(g.workload, 3)
    g.tracecmd("stop")
    assert g.read("tracing_on") == "0\n"
    assert "sched_switch: " in g.tracecmd("show").stdout
    g.tracecmd("extract", "-o", "extract.dat")
    g.tracecmd("reset")
    assert g.read("set_event") == "" and g.read("tracing_on") == "1\n"


@start_stop_extract.check
def _(r):
    seen = r.counts("extract.dat")
    assert seen["sys_enter_openat"] >= 6 and seen["sched_switch"] > 3


@case(kernels=NEW)
def extract_of_everything(g):
    """Function tracers, stacks, a probe, another clock, sub-buffers of 16 KiB, top level and instance."""
    g.defer(g.tracecmd, "reset")
    g.append("dynamic_events", "p:kprobes/tc_open do_sys_openat2 dfd=%di:s32 name=+0(%si):ustring\n")
    g.tracecmd("start", "-p", "function", "-l", "vfs_*", "-C", "mono", "--subbuf-size", 16, "-e", "kprobes:tc_open",
               "-B", "tc_graph", "-p", "function_graph", "-l", "vfs_read", "-B", "tc_stacks", "-C", "global", "-e", "sched", "-T")
    g.run(g.workload, 3)
    g.tracecmd("extract", "-o", "everything.dat", "-t", "-a")
    for name in ("tc_graph", "tc_stacks"):
        os.rmdir(f"{g.root}/instances/{name}")
    g.tracecmd("reset")
    g.write("buffer_subbuf_size_kb", "4")
    g.write("buffer_size_kb", "1408")


@extract_of_everything.check
def _(r):
    by_buffer = {}
    for e in r.events("everything.dat"):
        by_buffer.setdefault(e.buffer, set()).add(e.name)
    assert {"function", "tc_open"} <= by_buffer[""]
    assert "funcgraph_entry" in by_buffer["tc_graph"] or "funcgraph_exit" in by_buffer["tc_graph"]
    assert {"sched_switch", "kernel_stack"} <= by_buffer["tc_stacks"]
    assert "16384 page size" in r.dump("everything.dat") and "[BTF, " in r.dump("everything.dat")


extract_of_everything.not_for_trace_cmd = ("everything.dat",)


@case()
def snapshots(g):
    """extract -s takes what the snapshot holds, and leaves the buffer alone."""
    g.defer(g.write, "snapshot", "0")
    g.defer(g.tracecmd, "reset")
    g.defer(g.tracecmd, "reset", "-B", "snapped", "-d")
    for where, instance in ((".", ()), ("instances/snapped", ("-B", "snapped"))):
        g.tracecmd("start", *instance, "-p", "nop")
        write = [g.markers, f"{g.root}/{where}/trace_marker", f"{g.root}/{where}/trace_marker_raw"]
        g.run(*write, 300)
        g.write(f"{where}/snapshot", "1")
        g.run(*write, 20)
        g.tracecmd("stop", *instance)
        name = "".join(instance[1:]) or "top"
        g.tracecmd("extract", *instance, "-s", "-k", "-o", f"{name}-snapshot.dat")
        g.tracecmd("extract", *instance, "-o", f"{name}-buffer.dat")


@snapshots.check
def _(r):
    for name in ("top", "snapped"):
        assert len(r.marker_numbers(f"{name}-snapshot.dat")) == 300 * r.cpus
        assert len(r.marker_numbers(f"{name}-buffer.dat")) == 20 * r.cpus
        assert r.lost(f"{name}-snapshot.dat") == r.lost(f"{name}-buffer.dat") == 0


@case()
def snapshot_command(g):
    """Taken, printed, emptied, freed; of the instance that is named."""
    g.tracecmd("start", "-B", "snapped", "-p", "nop")
    g.defer(g.tracecmd, "reset", "-B", "snapped", "-d")

    def text(*options):
        return g.tracecmd("snapshot", *options).stdout

    def mark(word):
        g.write("instances/snapped/trace_marker", word)

    assert "Snapshot is freed" in text() and "Snapshot is freed" in text("-B", "snapped")
    mark("kept")
    assert text("-s", "-B", "snapped") == ""
    mark("behind")
    assert "kept" in text("-B", "snapped") and "behind" not in text("-B", "snapped")
    assert "Snapshot is freed" in text()
    assert any("kept" in text("-B", "snapped", "-c", cpu) for cpu in range(g.cpus))
    text("-r", "-B", "snapped")
    assert "Snapshot is allocated" in text("-B", "snapped")
    text("-f", "-B", "snapped")
    assert "Snapshot is freed" in text("-B", "snapped")
    p = g.tracecmd("snapshot", "-c", "77", status=1)
    assert "there is no CPU 77" in p.stderr


@case()
def snapshots_of_triggers(g):
    """What a trigger kept is in the file, and the kernel has its memory back."""
    for name, options in (("top", ()), ("in", ("-B", "tc_snap"))):
        before = g.read("snapshot")
        g.record(f"{name}.dat", *options, "-b", "1000", "-e", "sched:sched_process_exec", "-R",
                 "snapshot:1 if filename == \"/bin/true\"", "-e", "sched:sched_process_exit", "-F", "-c", "sh", "-c",
                 f"{g.workload} 4; /bin/true; {g.workload} 2")
        assert g.read("snapshot") == before and "freed" in before
    g.record("none.dat", "-e", "sched:sched_process_exec", "-R", "snapshot if pid == 1", "true")


@snapshots_of_triggers.check
def _(r):
    for name, buffer in (("top", "snapshot"), ("in", "tc_snap.snapshot")):
        events = r.events(f"{name}.dat")
        assert {e.buffer for e in events} == {buffer.replace("snapshot", "").rstrip(".") or "", buffer}
        assert len([e for e in events if e.name == "sched_process_exit" and e.comm == "workload"]) == 8
    assert {e.buffer for e in r.events("none.dat")} <= {"", "snapshot"}


@case()
def earlier_settings_survive(g):
    """What somebody else had set up is the same after a recording."""
    for name, text, back in (
            ("events/irq/enable", "1", "0"),
            ("events/sched/sched_switch/filter", "prev_pid != 0", "0"),
            ("options/sym-offset", "1", "0"),
            ("trace_clock", "global", "local"),
            ("set_event_pid", f"{os.getpid()}", " "),
            ("tracing_cpumask", "1", "3"),
            ("set_ftrace_filter", "vfs_read", ""),
            ("current_tracer", "function", "nop")):
        g.write(name, text)
        g.defer(g.write, name, back)
    g.append("events/sched/sched_waking/trigger", "traceoff:1 if pid == 1\n")
    g.defer(g.append, "events/sched/sched_waking/trigger", "!traceoff\n")
    g.record("during.dat", "-e", "sched:sched_process_exit", g.workload, 3)


@earlier_settings_survive.check
def _(r):
    assert set(r.counts("during.dat")) == {"sched_process_exit"}


# ---- exchange with trace-cmd --------------------------------------------------

@case()
def files_of_trace_cmd(g):
    """trace-cmd records; the host compares what both print of it."""
    events = ("-e", "sched", "-e", "irq", "-e", "syscalls:sys_enter_openat")
    g.trace_cmd_record("theirs-v7.dat", *events, g.workload, 6)
    g.trace_cmd_record("theirs-v6.dat", "--file-version", 6, *events, g.workload, 6)
    g.trace_cmd_record("theirs-none.dat", "--compression", "none", *events, g.workload, 6)
    g.trace_cmd_record("theirs-function.dat", "-p", "function", "-l", "vfs_*", g.workload, 3)
    g.trace_cmd_record("theirs-stacks.dat", "-e", "sched_switch", "-T", g.workload, 3)
    g.trace_cmd_record("theirs-instances.dat", "-e", "irq", "-B", "tc_a", "-e", "sched", "-B", "tc_b",
                       "-e", "timer", g.workload, 3)
    g.run("trace-cmd", "reset", status=None)


@case(cpus=(1,))
def graph_of_trace_cmd(g):
    g.trace_cmd_record("theirs-graph.dat", "-p", "function_graph", "-l", "vfs_*", "-l", "do_sys_open*", "-F",
                       g.workload, 3)
    g.run("trace-cmd", "reset", status=None)


@case()
def files_for_trace_cmd(g):
    """tracecmd records in every form; trace-cmd reads them on the host."""
    events = ("-e", "sched", "-e", "irq", "-e", "syscalls:sys_enter_openat", g.workload, 6)
    g.record("ours-v6.dat", "--file-version", 6, *events)
    for codec in ("zstd", "none", "zlib", "lz4"):
        g.record(f"ours-{codec}.dat", "--compression", codec, *events)


# Debian's trace-cmd is built without zlib; lz4 no trace-cmd knows.
files_for_trace_cmd.not_for_trace_cmd = ("ours-zlib.dat", "ours-lz4.dat")


@files_for_trace_cmd.check
def _(r):
    for name in ("v6", "zstd", "none", "zlib", "lz4"):
        assert r.counts(f"ours-{name}.dat")["sys_enter_openat"] >= 12
    r.trace_cmd_refuses("ours-zlib.dat")
    r.trace_cmd_refuses("ours-lz4.dat")


# ---- bad use -----------------------------------------------------------------

@case()
def bad_use(g):
    """Refused before anything is changed, with a message that helps."""
    for args, status, words in (
            (("-e", "sched:sched_swich"), 1, "sched_switch"),
            (("-p", "functoin"), 1, "function"),
            (("-p", "function", "-l", "no_such_function_anywhere"), 1, "no_such_function_anywhere"),
            (("-p", "function_graph", "-g", "no_such_function_anywhere"), 1, "no_such_function_anywhere"),
            (("-e", "sched", "-f", "prev_pidd == 1"), 1, "prev_pidd"),
            (("-e", "sched:sched_switch", "-R", "traceof"), 1, "traceof"),
            (("-O", "no_such_option", "-e", "sched"), 1, "no_such_option"),
            (("-C", "monno", "-e", "sched"), 1, "mono"),
            (("-b", "lots", "-e", "sched"), 2, "lots"),
            (("--subbuf-size", "0", "-e", "sched"), 2, "subbuf")):
        p = g.untouched("record", "-o", "bad.dat", *args, "touch", g.path("ran"), status=status)
        assert words in p.stderr, f"{args}: {p.stderr}"
        assert not os.path.exists(g.path("ran")), f"{args}: the command ran"
        assert not os.path.exists(g.path("bad.dat")), f"{args}: left a file"


@case()
def ends_of_a_recording(g):
    """Whatever ends it, the kernel is as before and the file opens."""
    g.record("status.dat", "-e", "sched", g.workload, 2, 7, status=7)
    g.untouched("record", "-o", "missing.dat", "-e", "sched", "no-such-command", status=1)
    assert not os.path.exists(g.path("missing.dat"))
    before = g.settings()
    child = g.spawn("record", "-o", "signal.dat", "-p", "function", "-l", "vfs_read", "-e", "sched")
    g.wait_for(lambda: "sched:sched_switch" in g.read("set_event") and g.read("tracing_on") == "1\n")
    g.run(g.workload, 3)
    child.terminate()
    assert child.wait(60) == 0
    g.same_settings(before)


@ends_of_a_recording.check
def _(r):
    assert r.counts("status.dat")["sched_switch"] > 0
    assert {"function", "sched_switch"} <= set(r.counts("signal.dat"))


# ---- settings of kernels with function tracing ------------------------------------

def words(text):
    return {line for line in text.splitlines() if not line.startswith("#")}


@case()
def function_settings(g):
    """start sets function filters of every kind, reset clears them."""
    g.defer(g.tracecmd, "reset")
    g.tracecmd("start", "-p", "function", "-l", "vfs_re*", "-l", "^do_sys_open(at2)?$", "-n", "vfs_readv",
               "-l", "schedule:stacktrace:3", "-T")
    assert {"vfs_read", "vfs_readv", "do_sys_openat2"} <= words(g.read("set_ftrace_filter"))
    assert "schedule:stacktrace:" in g.read("set_ftrace_filter")
    assert g.read("set_ftrace_notrace") == "vfs_readv\n"
    assert g.read("current_tracer") == "function\n" and g.read("options/stacktrace") == "1\n"
    g.run("cat", "/proc/version")
    g.tracecmd("stop")
    assert " vfs_read " in g.tracecmd("show").stdout
    stat = g.tracecmd("stat").stdout
    assert "Tracer: function\n" in stat and "Function Filter:\n" in stat and "Function No Trace:\n   vfs_readv\n" in stat
    g.tracecmd("start", "-p", "function_graph", "-l", "vfs_*", "-l", "kfree", "-l", "seq_*", "-g", "vfs_read",
               "--max-graph-depth", "3", "-n", "kfree", "-O", "nofuncgraph-irqs", "cat", "/proc/version")
    assert "do_sys_openat2" not in words(g.read("set_ftrace_filter"))
    assert words(g.read("set_ftrace_notrace")) == set()
    assert (g.read("set_graph_function"), g.read("set_graph_notrace")) == ("vfs_read\n", "kfree\n")
    assert g.read("max_graph_depth") == "3\n" and g.read("options/funcgraph-irqs") == "0\n"
    g.write("options/funcgraph-irqs", "1")
    g.write("options/stacktrace", "0")
    g.tracecmd("stop")      # reading a buffer that the reading fills never ends
    assert "vfs_read() {" in g.tracecmd("show").stdout
    g.tracecmd("reset")
    for name in ("set_ftrace_filter", "set_ftrace_notrace", "set_graph_function", "set_graph_notrace"):
        assert words(g.read(name)) == set(), name
    assert g.read("max_graph_depth") == "0\n" and g.read("current_tracer") == "nop\n"


@case()
def function_filters_survive(g):
    """A recording with function filters of its own, functions of modules and a
    histogram that were there before."""
    g.append("set_ftrace_filter", "p9_client_read\n")
    g.append("set_ftrace_filter", "schedule:stacktrace:5000000\n")
    g.append("events/sched/sched_process_exit/trigger", "hist:keys=pid\n")
    g.defer(g.append, "events/sched/sched_process_exit/trigger", "!hist:keys=pid\n")
    g.defer(g.write, "set_ftrace_filter", "")
    g.defer(g.append, "set_ftrace_filter", "!schedule:stacktrace:5000000\n")
    lines = g.read("set_ftrace_filter").split("schedule:")[0]
    g.tracecmd("record", "-q", "-o", "filters.dat", "-p", "function", "-l", "vfs_read", "-e",
               "sched:sched_process_exit", "-l", "vfs_open:stacktrace:2", "-F", "-c", g.workload, 3)
    assert g.read("set_ftrace_filter").split("schedule:")[0] == lines
    assert "schedule:stacktrace:count=" in g.read("set_ftrace_filter") and "vfs_open" not in g.read("set_ftrace_filter")
    assert "hist:keys=pid" in g.read("events/sched/sched_process_exit/trigger")
    assert g.read("options/function-fork") == "0\n" and words(g.read("set_ftrace_pid")) <= {"no pid"}


@function_filters_survive.check
def _(r):
    seen = r.counts("filters.dat")
    assert seen["function"] > 3 and seen["sched_process_exit"] == 4
    assert {e.comm for e in r.events("filters.dat") if e.name == "function"} <= {"workload"}


@case()
def function_tracer_in_an_instance(g):
    g.defer(g.tracecmd, "reset", "-B", "tc_fun", "-d")
    g.tracecmd("start", "-B", "tc_fun", "-p", "function", "-l", "vfs_read", "-F", "cat", "/proc/version")
    assert g.read("current_tracer") == "nop\n" and g.read("instances/tc_fun/current_tracer") == "function\n"
    assert g.read("instances/tc_fun/set_ftrace_filter") == "vfs_read\n"
    g.tracecmd("stop", "-B", "tc_fun")
    assert " vfs_read " in g.tracecmd("show", "-B", "tc_fun").stdout


@case()
def dynamic_events_and_reset(g):
    g.defer(g.tracecmd, "reset")
    g.append("dynamic_events", "p:tc/probe vfs_read\n")
    g.append("dynamic_events", "r:tc/ret vfs_read\n")
    g.append("dynamic_events", "s:tc_synth u64 lat\n")
    g.append("dynamic_events", "e:tc/eprobe sched/sched_switch\n")
    g.tracecmd("start", "-e", "tc:*", "-e", "synthetic")
    text = g.tracecmd("stat").stdout
    assert "Kprobe events:\n" in text and "Synthetic events:\n   tc_synth" in text
    g.tracecmd("reset", "-k", "kprobe", "-k", "synth")
    left = g.read("dynamic_events")
    assert "p:tc/probe" in left and "tc_synth" in left and "tc/ret" not in left and "tc/eprobe" not in left
    # in use elsewhere: told, and the rest goes
    os.mkdir(f"{g.root}/instances/tc_user")
    g.defer(os.rmdir, f"{g.root}/instances/tc_user")
    g.write("instances/tc_user/events/tc/probe/enable", "1")
    p = g.tracecmd("reset")
    assert "tc/probe: it is in use; it is enabled in instance 'tc_user'" in p.stderr and p.stderr.count("\n") == 1
    assert g.read("dynamic_events").startswith("p:tc/probe") and "tc_synth" not in g.read("dynamic_events")
    g.write("instances/tc_user/events/tc/probe/enable", "0")
    g.tracecmd("reset")
    assert g.read("dynamic_events") == ""


@case()
def refused_histogram(g):
    """The kernel's explanation of a trigger, with its mark."""
    p = g.untouched("start", "-e", "sched:sched_switch", "-R", "hist:keys=no_such_field", status=1)
    assert "option -R" in p.stderr and "Couldn't find field" in p.stderr
    assert "\n    hist:keys=no_such_field\n              ^" in p.stderr, p.stderr


# ---- cases with a file of their own, which need the above -----------------------

import kernel.cases_probe  # noqa: E402,F401
import kernel.cases_refused  # noqa: E402,F401
import kernel.cases_hist  # noqa: E402,F401
import kernel.cases_perf  # noqa: E402,F401
import kernel.cases_user_event  # noqa: E402,F401
import kernel.cases_guide  # noqa: E402,F401
import kernel.cases_nested  # noqa: E402,F401
import kernel.cases_remote  # noqa: E402,F401
import kernel.cases_latency  # noqa: E402,F401
