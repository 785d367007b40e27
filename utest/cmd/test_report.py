# SPDX-License-Identifier: GPL-2.0-or-later
"""report: the texts of trace-cmd 3.3.3 that lie beside the fixtures and those of
Debian's trace-cmd 3.1.6, byte for byte; each option; files that are not whole."""

import glob
import json
import os
import re
import subprocess

import pytest

import common
from common import FIXTURES, TRACECMD, run

TRACES = sorted(os.path.basename(p)[:-4] for p in glob.glob(f"{FIXTURES}/*.dat"))
VARIANTS = {"": (), "-R": ("-R",), "-l": ("-l",), "-t": ("-t",)}
TEXTS = [(name, variant) for name in TRACES for variant in VARIANTS
         if os.path.exists(f"{FIXTURES}/{name}.report{variant}.zst")]
ZLIB = ("syn-v7-le-l8-p8192-zlib", "v7-zlib")     # Debian's trace-cmd is built without zlib
LATENCY = "lat-wakeup"                            # text of a latency tracer


def dat(name):
    return f"{FIXTURES}/{name}.dat"


def wanted(name, variant=""):
    """The text beside a fixture, as bytes."""
    return subprocess.run(["zstd", "-dcq", f"{FIXTURES}/{name}.report{variant}.zst"],
                          stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")


def ours(*args, **kw):
    return run(TRACECMD, "report", *args, **kw).stdout


def lines(*args):
    """Lines of events: without those of CPUs."""
    return [line for line in ours(*args).splitlines() if not re.match(r" *(\S+: )?cpus=", line)]


def test_there_are_texts():
    assert len(TEXTS) >= 70 and {variant for _, variant in TEXTS} == set(VARIANTS)


@pytest.mark.parametrize("name,variant", TEXTS)
def test_text_beside_the_fixture(name, variant):
    common.equal_text(ours(*VARIANTS[variant], dat(name)), wanted(name, variant), theirs_name="3.3.3")


def test_host_and_guest():
    text = ours("-i", dat("pair"), "-i", dat("pair-ftvmguest"))
    common.equal_text(text, wanted("pair", "-both"), theirs_name="3.3.3")
    # symbols of the guest in the host's events
    assert "rip 0xffffffff810e7629 native_apic_msr_eoi+0x9" in text


# ---- trace-cmd 3.1 ------------------------------------------------------------------

COMPAT = ((), ("-R",), ("-l",), ("-t",), ("-l", "-R"), ("-l", "-t", "--ts-diff"), ("--ts-diff",), ("-N",), ("-L",),
          ("-n", "sched_switch"), ("-r", "sched"), ("-r", "SCHED.*"), ("-O", "parent"), ("-O", "offset"),
          ("-O", "indent=0"), ("-O", "fgraph:tailprint"), ("-O", "fgraph:depth"), ("-O", "tailprint"), ("-I",), ("-S",),
          ("-w",), ("--raw-ts",), ("--raw-ts", "-l"), ("--nodate",), ("--ts-check",), ("-q",))


@pytest.mark.parametrize("options", COMPAT, ids=" ".join)
@pytest.mark.parametrize("name", [t for t in TRACES if t not in ZLIB])
def test_lines_of_trace_cmd_31(name, options):
    common.equal_text(ours("--compat", "3.1", *options, dat(name)), common.trace_cmd_report(dat(name), *options))


@pytest.mark.parametrize("name", ZLIB)
def test_lines_of_trace_cmd_31_without_its_zlib(name):
    """The default text without its column of flags."""
    p = run("trace-cmd", "report", "-i", dat(name), status=None)
    assert p.returncode > 0, "trace-cmd has zlib now: compare with it"
    common.equal_text(ours("--compat", "3.1", dat(name)), re.sub(r"(\[\d+\]) [.a-zA-Z0-9]{5} ", r"\1 ", wanted(name)))


@pytest.mark.parametrize("odd, name_of_155", [("155 \n1000 aa\n", None), ("155 work\noad\n", "work")])
def test_names_behind_an_odd_one(tmp_path, odd, name_of_155):
    """An empty name, and one with a newline, which makes two lines: the names behind it are
    known all the same."""
    with open(dat("old-v6"), "rb") as f:
        data = f.read()
    plain = b"\n155 workload\n156 workload\n"
    assert data.count(plain) == 1
    path = tmp_path / "odd.dat"
    path.write_bytes(data.replace(plain, b"\n" + odd.encode() + b"156 workload\n"))
    want, got = lines(dat("old-v6")), lines(str(path))
    for pid, name in (("157", "true"), ("160", "true"), ("155", name_of_155 or "workload")):
        assert any(line.split()[0] == f"{name}-{pid}" for line in got)
    others = [i for i, line in enumerate(want) if "-155 " not in line]
    assert len(got) == len(want) and [got[i] for i in others] == [want[i] for i in others]


WITHOUT_INSTANCES = ("old-v6", "old-v7", "trace-marker", "fgraph", "function", "stacks-6.1", "pair")
SAME_ON_ONE_BUFFER = (("--boundary",), ("--cpu", "0"), ("--cpu", "1"), ("--align-ts",), ("--ts2secs", "1000000"),
                      ("--stat",), ("-e",), ("-p",), ("-E",), ("-f",), ("-P",), ("--version",),
                      ("--cpus", "--first-event", "--last-event"),
                      ("-F", "sched_switch"), ("-v", "-F", "sched"), ("-F", "sched/sched_switch,irq:COMM == \"sh\""),
                      ("-F", "sched_switch: prev_comm =~ \"^tr\" || next_pid == 0"))


@pytest.mark.parametrize("options", SAME_ON_ONE_BUFFER, ids=" ".join)
@pytest.mark.parametrize("name", WITHOUT_INSTANCES)
def test_options_where_there_is_one_buffer(name, options):
    p = run("trace-cmd", "report", *options, "-i", dat(name), status=None)
    if options[0] in ("-F", "-v") and p.returncode:
        assert p.stderr and not p.stdout             # no such event in this file
        run(TRACECMD, "report", *options, dat(name), status=1)
        return
    if options[0] in ("-F", "-v") and name == "stacks-6.1":
        return                                       # since 3.3 stacks follow their events, see below
    theirs = p.stdout
    if options == ("--stat",):                       # its offsets are not those of the file
        theirs = theirs.split("CPU0 data")[0]
        common.equal_text(ours("--stat", dat(name)).split("CPU0 data")[0], theirs)
    else:
        common.equal_text(ours("--compat", "3.1", *options, dat(name)), theirs)


# ---- the line -------------------------------------------------------------------------


def test_latency_text():
    assert ours(dat(LATENCY)).startswith("cpus=2\n# tracer: wakeup\n#\n")


def test_raw_clock_keeps_its_distance():
    """A count does not touch the flags before it, as it does in trace-cmd."""
    first = lines("--raw-ts", dat("clock-tsc2nsec"))[0].split()
    assert first[:5] == ["workload-101", "[000]", "d..2.", "6011848960:", "sched_stat_runtime:"]


def test_options_behind_the_file():
    assert ours(dat("old-v7"), "-l", "-t") == ours("-l", "-t", dat("old-v7"))
    assert ours(dat("old-v7"), "-F", "sched_switch") == ours("-F", "sched_switch", "-i", dat("old-v7"))


def test_default_file(tmp_path):
    os.symlink(dat("old-v7"), tmp_path / "trace.dat")
    assert ours(cwd=tmp_path) == ours(dat("old-v7"))


def test_several_files_in_one_list():
    both = ours(dat("old-v6"), dat("old-v7"))
    assert both == ours("-i", dat("old-v6"), "-i", dat("old-v7"))
    assert len(both.splitlines()) == len(ours(dat("old-v6")).splitlines()) + len(ours(dat("old-v7")).splitlines())
    times = [float(m[1]) for m in re.finditer(r"\] \S{5} +(\d+\.\d+): ", both)]
    assert times == sorted(times) and len(times) > 4000


def times_of(*args):
    return [float(re.search(r"\s(\d+\.\d{9}): ", line)[1]) for line in lines("-t", *args)]


def test_time_offset_of_the_first_file():
    plain = times_of(dat("old-v7"))
    moved = times_of("-i", dat("old-v7"), "--ts-offset", "1500000000")
    assert [round(b - a, 9) for a, b in zip(plain, moved)] == [1.5] * len(plain)
    back = times_of("-i", dat("old-v7"), "--ts-offset", "-1000")
    assert round(plain[0] - back[0], 9) == 0.000001


@pytest.mark.parametrize("offset, told", [("-99999999999999", True), ("-1000", False), ("0", False)])
def test_an_offset_that_makes_times_negative_is_told(offset, told):
    p = run(TRACECMD, "report", "-i", dat("old-v7"), "--ts-offset", offset)
    assert ("makes times negative" in p.stderr) == told and len(p.stdout.splitlines()) > 100



def test_time_offset_of_one_of_two():
    text = ours("-t", "-i", dat("old-v6"), "--ts-offset", "1000000000000", "-i", dat("old-v7"))
    first = [line for line in text.splitlines()[2:] if line.startswith("old-v6.dat")]
    assert text.splitlines()[2:].index(first[0]) == len(lines(dat("old-v7")))
    assert " 1003." in first[0]


TOLD = "different trace clocks"


@pytest.mark.parametrize("args", [
    ("all-6.1", "clock-global"), ("clock-global", "all-6.1", "--raw-ts"), ("all-6.1", "clock-global", "--format", "json"),
    ("all-6.1", "clock-global", "--count=event,time=1s"), ("all-6.1", "-i", "probes-6.12", "fgraph")], ids=" ".join)
def test_files_of_different_clocks(args):
    """They are put in one order; that it means nothing is told once."""
    p = run(TRACECMD, "report", *[a if a.startswith("-") or a == "json" else f"-i{dat(a)}" for a in args if a != "-i"])
    assert p.stderr.count(TOLD) == 1 and "--date" in p.stderr
    assert re.search(r"local \('[^']*all-6.1.dat'", p.stderr) and re.search(r"global \('[^']*\.dat'", p.stderr)


@pytest.mark.parametrize("args", [
    ("all-6.1", "fgraph"), ("instances",), ("pair", "pair-ftvmguest"), (LATENCY, "clock-global"),
    ("all-6.1", "--ts-offset", "5", "clock-global"), ("all-6.1", "clock-global", "--count"),
    ("all-6.1", "clock-global", "--stat"), ("all-6.1", "clock-global", "-q")], ids=" ".join)
def test_nothing_is_told_of_clocks(args):
    """They are the same, or there are no events of one, or order does not matter, or the user says where they belong."""
    args = [a if a.startswith("-") or a == "5" else f"-i{dat(a)}" for a in args]
    assert TOLD not in run(TRACECMD, "report", *args).stderr


def test_nothing_is_told_of_an_unknown_clock(tmp_path):
    with open(dat("old-v6"), "rb") as f:
        data = f.read()
    (tmp_path / "x.dat").write_bytes(data.replace(b"[local]", b"(local)"))
    assert TOLD in run(TRACECMD, "report", dat("old-v6"), dat("clock-global")).stderr
    assert TOLD not in run(TRACECMD, "report", tmp_path / "x.dat", dat("clock-global")).stderr


def test_time_offset_without_a_file():
    p = run(TRACECMD, "report", "--ts-offset", "5", dat("old-v7"), status=2)
    assert "--ts-offset" in p.stderr and "-i" in p.stderr


@pytest.mark.parametrize("part", [b"name", b"ID"])
def test_formats_without_a_heading(tmp_path, part):
    """They are no formats that can be parsed; their events are missing."""
    damaged = tmp_path / "damaged.dat"
    run(TRACECMD, "convert", dat("old-v7"), damaged, "--compression", "none")
    data = damaged.read_bytes()
    at = data.index(part, data.index(b"name: sched_switch\n"))
    damaged.write_bytes(data[:at] + b"X" + data[at + 1:])
    p = run(TRACECMD, "report", "--check-events", damaged, status=1)
    assert "1 event format cannot be parsed" in p.stderr and "'sched' has no name or id" in p.stderr
    assert "UNKNOWN EVENT" in run(TRACECMD, "report", damaged, status=1).stdout


@pytest.mark.parametrize("name", ["all-6.1", "old-v6"])
def test_range_of_aligned_times(name):
    """A time as a line shows it means that line."""
    lines = ours("--align-ts", dat(name)).splitlines()[1:]
    for line in lines[::len(lines) // 15]:
        time = re.search(r" (\d+\.\d{6}): ", line)[1]
        assert line in ours("--align-ts", "--from", time, "--to", time, dat(name)).splitlines()


def test_align_with_instances():
    """Time counts from the first event, whatever buffer it is in."""
    times = times_of("--align-ts", dat("instances"))
    assert times[0] == 0 and times == sorted(times) and times[-1] < 1


def test_unknown_clock_frequency():
    assert "--ts2secs" in run(TRACECMD, "report", "--ts2secs", "0", dat("old-v7"), status=2).stderr


def test_more_symbols(tmp_path):
    symbols = tmp_path / "kallsyms"
    symbols.write_text("81000000 T my_marker\n81000100 T next\n")
    name = "syn-v6-le-l4-p8192-none"
    plain = ours(dat(name))
    assert plain.count("print:                0x81000000: x") > 100
    assert ours("--kallsyms", symbols, dat(name)) == plain.replace(" 0x81000000: x", " my_marker: x")
    assert "0000000081000000 my_marker\n0000000081000100 next\n" in ours("--kallsyms", symbols, "-f", dat(name))
    p = run(TRACECMD, "report", "--kallsyms", tmp_path / "none", dat(name), status=1)
    assert "No such file" in p.stderr and "none" in p.stderr
    for other in ("/etc/passwd", "/dev/null", dat(name)):
        p = run(TRACECMD, "report", "--kallsyms", other, dat(name), status=1)
        assert f"cannot read symbols from '{other}'" in p.stderr and "as /proc/kallsyms has" in p.stderr


def test_debug_tells_where_events_lie():
    text = ours("--debug", dat("old-v6"))
    assert text.count("[SUBBUFFER START] [") > 10
    assert re.search(r"sched_switch: .* \[\d+:0x[0-9a-f]+:\d+\]$", text, re.M)
    assert len([x for x in text.splitlines() if ": sched_switch:" in x]) == \
        len(lines("-F", "sched_switch", dat("old-v6")))


def test_losses():
    """All losses are told with --losses; without, those trace-cmd leaves out are counted."""
    name = "syn-v6-be-l8-p4096-none"
    p = run(TRACECMD, "report", dat(name))
    all_of_them = ours("--losses", dat(name))
    assert all_of_them.count("EVENTS DROPPED") > p.stdout.count("EVENTS DROPPED") > 0
    assert "--losses" in p.stderr and "lost" in p.stderr
    assert run(TRACECMD, "report", "-q", dat(name)).stderr == ""

    def number(text):
        return sum(int(n) for n in re.findall(r"\[(\d+) EVENTS DROPPED\]", text))
    untold = int(re.search(r"(\d+) lost events", p.stderr)[1])
    assert number(all_of_them) == number(p.stdout) + untold


def test_losses_and_filters():
    """What a filter hides does not hide a loss in front of it."""
    name = "syn-v7-be-l8-p4096-zstd"
    everything = ours("--losses", dat(name)).count("EVENTS DROPPED")
    assert ours("--losses", "-F", "ev:a==12345678", dat(name)).count("EVENTS DROPPED") == everything


@pytest.mark.parametrize("option,sign", [("retval-dec", r"\(ret=-?\d+\)"), ("retval-hex", r"\(ret=0x[0-9a-f]+\)")])
def test_return_values(option, sign):
    text = ours("-O", f"fgraph:{option}", dat("fgraph"))
    found = re.findall(r"\(ret=.*?\)", text)
    assert len(found) > 1000 and all(re.fullmatch(sign, f) for f in found)


def test_no_return_values():
    assert "(ret=" not in ours("-O", "fgraph:retval-skip", dat("fgraph"))


def test_unknown_plugin_option():
    p = run(TRACECMD, "report", "-O", "fgraph:tailprin", dat("fgraph"), status=1)
    assert "did you mean 'tailprint'" in p.stderr
    p = run(TRACECMD, "report", "-O", "ofset", dat("function"), status=1)
    assert "'ofset'" in p.stderr and "did you mean 'offset'" in p.stderr
    assert "'maybe' is not 0 or 1" in run(TRACECMD, "report", "-O", "ftrace:parent=maybe", dat("function"), status=1).stderr
    assert "'x:parents'" in run(TRACECMD, "report", "-O", "x:parents=1", dat("function"), status=1).stderr


def test_function_lines_do_not_hang_on_other_cpus():
    """With --cpu only that CPU's events stand between an entry and its exit."""
    one = ours("--cpu", "0", dat("fgraph"))
    assert all("[000]" in line for line in one.splitlines()[1:])
    leaf = re.compile(r"us   \|.*\(\);", re.M)
    of_all = [x for x in ours(dat("fgraph")).splitlines() if "[000]" in x and leaf.search(x)]
    assert len([x for x in one.splitlines() if leaf.search(x)]) >= len(of_all) > 100


# ---- what is printed ----------------------------------------------------------------------


def events_of(*args):
    return [m for m in (re.match(r"^(?:\s*(\S+): )?\s*(.+)-(\d+)\s+\[(\d+)\] \S+\s+([\d.]+): (\S+): +(.*)$", x)
                        for x in lines(*args)) if m]


def test_cpus():
    whole = events_of(dat("syn-v7-be-l4-p8192-none"))
    some = events_of("--cpu", "0,2-3", dat("syn-v7-be-l4-p8192-none"))
    assert {m[4] for m in some} == {"000", "002", "003"}
    assert len(some) == sum(m[4] != "001" for m in whole)
    # some that the file has not, a machine may have; all of them are a mistake
    one, more = ([m.group() for m in events_of("--cpu", cpus, dat("old-v7"))] for cpus in ("1", "1,70-99"))
    assert one and more == one
    for files, has in (["old-v7"], "the file has CPUs 0-1"), (["old-v7", "old-v6"], "the largest has CPUs 0-1"):
        p = run(TRACECMD, "report", "--cpu", "2-99", *(w for f in files for w in ("-i", dat(f))), status=1)
        assert "--cpu 2-99: " in p.stderr and has in p.stderr and p.stdout == ""


def test_cpus_in_several_lists():
    file = dat("syn-v7-be-l4-p8192-none")
    assert ours("--cpu", "0", "--cpu", "2-3", file) == ours("--cpu", "0,2-3", file)
    assert "--cpu 7,9-11: the file" in run(TRACECMD, "report", "--cpu", "7", "--cpu", "9-11", file, status=1).stderr


@pytest.mark.parametrize("cpu", ["0", "1"])
@pytest.mark.parametrize("name", ["clock-tsc2nsec", "old-v7", "instances"])
def test_times_count_from_the_first_event_of_any_cpu(name, cpu):
    """So those of one CPU can be compared with another's."""
    file = dat(name)
    whole = [line for line in lines("-t", "--align-ts", file) if f"[00{cpu}]" in line]
    assert lines("-t", "--align-ts", "--cpu", cpu, file) == whole
    first, last = (times_of(file)[i] for i in (0, -1))
    span = (last - first) / 3
    want = [t for t in times_of("--cpu", cpu, file) if t - first >= span and last - t >= span]
    assert times_of("--cpu", cpu, "--from", f"+{span:.9f}", "--to", f"-{span:.9f}", file) == want


@pytest.mark.parametrize("cpus", ["4-2", "x", "", "1,,2", "1-", "-1", "70000", "99999999999999999999"])
def test_wrong_cpus(cpus):
    assert "--cpu" in run(TRACECMD, "report", "--cpu", cpus, dat("old-v7"), status=2).stderr


def test_instances_and_filters():
    """trace-cmd crashes here."""
    found = events_of("-F", "sched_switch", dat("instances"))
    assert len(found) == sum(m[6] == "sched_switch" for m in events_of(dat("instances"))) > 100
    assert {m[1] for m in found} == {"one"}


def test_processes_of_several_files():
    both = events_of("--pid", "194", dat("old-v7"), dat("old-v6"))
    alone = [events_of("--pid", "194", dat(n)) for n in ("old-v7", "old-v6")]
    assert len(both) == sum(len(a) for a in alone) and alone[0]
    for m in events_of("--pid", "194", dat("old-v7")):
        assert m[3] == "194" or ":194" in m[7] or "pid=194" in m[7], m[0]


def test_processes_by_name():
    found = events_of("--comm", "workload", dat("old-v7"))
    assert found and all("workload" in m[0] or m[2].strip() == "workload" or "pid=19" in m[7] or ":19" in m[7]
                         for m in found)
    assert len(events_of("--comm", "workload,<idle>", dat("old-v7"))) > len(found)


def test_processes_that_only_events_name():
    """The file keeps names of some processes; sched_switch told those of others."""
    path = dat("pair-ftvmguest")
    lines = events_of(path)
    pids = {m[3] for m in lines if m[2].strip() == "trace-cmd"}
    found = events_of("--comm", "trace-cmd", path)
    assert {m[0] for m in lines if m[3] in pids} <= {m[0] for m in found} and len(found) < len(lines)
    for threads in "1", "3":
        assert [m[0] for m in events_of("--threads", threads, "--comm", "trace-cmd", path)] == [m[0] for m in found]
    assert events_of("--comm", "workload", dat("listen-tcp"))


def test_check_events():
    assert ours("--check-events", dat("old-v7")) == ""
    p = run(TRACECMD, "report", "--check-events", dat("all-6.1"), status=1)
    assert "maple_tree:ma_write" in p.stderr and "12 event formats" in p.stderr


def test_unknown_process():
    p = run(TRACECMD, "report", "--comm", "worklaod", dat("old-v7"), status=1)
    assert "worklaod" in p.stderr and "did you mean 'workload'" in p.stderr and not p.stdout
    # known to one of the files is enough
    assert events_of("--comm", "workload", dat("old-v7"), dat("trace-marker"))
    assert "--pid" in run(TRACECMD, "report", "--pid", "12x", dat("old-v7"), status=2).stderr


def test_interrupts():
    flags = [x.split("] ")[1].split()[0] for x in lines("-I", dat("old-v7"))]
    assert flags and not any(f[2] in "hH" for f in flags)
    flags = [x.split("] ")[1].split()[0] for x in lines("-S", dat("old-v7"))]
    assert flags and not any(f[2] in "sH" for f in flags)


def test_stacks_follow_their_events():
    stacks = dat("stacks-6.1")
    of_idle = ours("-F", "sched_switch: prev_pid == 0", stacks)
    whole = ours(stacks)
    assert 0 < of_idle.count("kernel_stack:") < whole.count("kernel_stack:")
    assert all("<idle>-0" in line for line in of_idle.splitlines() if "kernel_stack:" in line)
    assert "kernel_stack" not in ours("-v", "-F", "sched_switch: prev_pid >= 0", stacks)


def test_wakeups():
    text = ours("-w", dat("old-v7"))
    latencies = [float(x) for x in re.findall(r" Latency: ([\d.]+) usecs$", text, re.M)]
    assert f"Maximum Latency: {max(latencies):.3f} usecs" in text
    assert f"Minimum Latency: {min(latencies):.3f} usecs" in text
    assert abs(sum(latencies) / len(latencies) - float(re.search(r"Average wakeup latency: ([\d.]+)", text)[1])) < 0.01
    assert "one file" in run(TRACECMD, "report", "-w", dat("old-v7"), dat("old-v6"), status=2).stderr


def test_wakeups_of_realtime_tasks(tmp_path):
    """As which a task runs says the switch to it, whatever it was when it was woken."""
    boosted = tmp_path / "boosted.dat"
    # next_comm, next_pid and next_prio of sched_switch follow prev_state; the idle tasks are never woken
    data = bytearray(open(dat("old-v6"), "rb").read())
    places = [m.start() + 28 for m in re.finditer(rb"(?s)[\0-\2]\0{7}(?=[a-z]{3}.{13}.{4}\x78\0\0\0)", data)]
    for at in places[::2]:
        data[at] = 50
    boosted.write_bytes(data)
    woken, of_rt = {}, []
    for line in run(TRACECMD, "report", "--format", "json", boosted).stdout.splitlines():
        event = json.loads(line)
        fields = event.get("fields", {})
        if event.get("event") == "sched_switch":
            since = woken.pop(fields["next_pid"], None)
            if since is not None and fields["next_prio"] < 100:
                of_rt.append(event["time"] - since)
        elif event.get("event") in ("sched_wakeup", "sched_wakeup_new"):
            woken[fields["pid"]] = event["time"]
    text = ours("-w", boosted)
    told = re.search(r"RT task timings:\n\nAverage wakeup latency: ([\d.]+)", text)[1]
    assert len(of_rt) > 3 and abs(sum(of_rt) / len(of_rt) / 1000 - float(told)) < 0.01


# ---- filters ----------------------------------------------------------------------------------

SWITCH = re.compile(r"sched_switch: +(.+?):(\d+) \[(\d+)\] (\S) ==> (.+?):(\d+) \[(\d+)\]")


def switches(expression=None, name="sched_switch", trace="old-v7"):
    """(prev_comm, prev_pid, next_comm, next_pid, cpu, comm) of what a filter lets through."""
    filters = ("-F", f"{name}: {expression}") if expression else ("-F", name)
    found = []
    for line in lines(*filters, dat(trace)):
        m = SWITCH.search(line)
        found.append((m[1], int(m[2]), m[5], int(m[6]), int(re.search(r"\[(\d+)\]", line)[1]),
                      line.split("-" + m[2])[0].strip()))
    return found


ALL = switches()

EXPRESSIONS = {
    # C's precedence, not left to right
    "prev_pid == 0 || prev_pid != 0 && next_pid == 0": lambda s: s[1] == 0 or s[3] == 0,
    "prev_pid == 0 && next_pid > 190 || next_pid == 0": lambda s: (s[1] == 0 and s[3] > 190) or s[3] == 0,
    "(prev_pid == 0 || prev_pid != 0) && next_pid == 0": lambda s: s[3] == 0,
    "!(prev_pid == 0)": lambda s: s[1] != 0,
    "!prev_pid == 0": lambda s: s[1] != 0,
    "prev_pid": lambda s: s[1] != 0,
    # arithmetic and comparison
    "prev_pid + 1 == 1": lambda s: s[1] == 0,
    "prev_pid % 2 == 1": lambda s: s[1] % 2 == 1,
    "(prev_pid & 1) == 1": lambda s: s[1] & 1,
    "prev_pid * 2 - 10 > 300": lambda s: s[1] * 2 - 10 > 300,
    "prev_pid << 1 >= 390": lambda s: s[1] * 2 >= 390,
    "~prev_pid == -1": lambda s: s[1] == 0,
    "prev_pid > -1": lambda s: True,
    "-1 < prev_pid": lambda s: True,
    "0 == prev_pid": lambda s: s[1] == 0,
    # field against field
    "prev_pid < next_pid": lambda s: s[1] < s[3],
    "prev_comm == next_comm": lambda s: s[0] == s[2],
    "prev_pid == common_pid": lambda s: True,
    # nothing is divided by zero
    "prev_pid / 0 == 1": lambda s: False,
    "prev_pid % (prev_pid - prev_pid) == 0": lambda s: False,
    "next_pid / prev_pid > 1": lambda s: s[1] and s[3] // s[1] > 1,
    # text
    "prev_comm == \"workload\"": lambda s: s[0] == "workload",
    "prev_comm != 'workload'": lambda s: s[0] != "workload",
    "prev_comm =~ \"^WORK\"": lambda s: s[0].startswith("work"),
    "prev_comm !~ \"^work\"": lambda s: not s[0].startswith("work"),
    "prev_comm == \"a,b\" || next_pid == 0": lambda s: s[3] == 0,
    "COMM == \"workload\"": lambda s: s[5] == "workload",
    "CPU == 1": lambda s: s[4] == 1,
    "CPU == 0x1": lambda s: s[4] == 1,
    "COMM =~ '^swap' || COMM == '<idle>'": lambda s: s[5] == "<idle>",
    "prev_comm > \"trace\"": lambda s: s[0] > "trace",
}


def test_there_is_something_to_filter():
    assert len(ALL) > 300 and len({s[0] for s in ALL}) > 3


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression(expression):
    keep = EXPRESSIONS[expression]
    assert switches(expression) == [s for s in ALL if keep(s)]


def test_number_against_a_symbol():
    text = ours("-F", "function: ip == \"vfs_open\"", dat("function"))
    assert text.count("vfs_open") == ours(dat("function")).count(" vfs_open") > 0
    assert len(text.splitlines()) == text.count("vfs_open") + 1


def test_names_of_filters():
    whole = events_of(dat("old-v7"))
    assert len(events_of("-F", "irq", dat("old-v7"))) == sum(m[6].startswith(("irq", "softirq")) for m in whole)
    assert {m[6] for m in events_of("-F", "sched/sched_wak.*", dat("old-v7"))} == {"sched_waking", "sched_wakeup",
                                                                                 "sched_wakeup_new"}
    assert {m[6] for m in events_of("-F", "SCHED_SWITCH , softirq_entry", dat("old-v7"))} == {"sched_switch",
                                                                                            "softirq_entry"}


def test_several_filters_are_alternatives():
    found = {m[6] for m in events_of("-F", "sched_switch", "-F", "softirq_entry", dat("old-v7"))}
    assert found == {"sched_switch", "softirq_entry"}


def test_exclusion():
    found = {m[6] for m in events_of("-v", "-F", "sched", dat("old-v7"))}
    assert found and not any(f.startswith("sched") for f in found)
    only = events_of("-F", "sched_switch", "-v", "-F", "sched_switch: prev_pid == 0", dat("old-v7"))
    assert len(only) == sum(s[1] != 0 for s in ALL)


def test_filter_of_one_file():
    """Behind an -i it is that file's, in front of the first it is for all."""
    text = ours("-i", dat("old-v6"), "-F", "sched_switch", "-i", dat("old-v7"))
    assert {re.search(r": (\w+): ", x[12:])[1] for x in text.splitlines()[2:] if x.startswith("old-v6")} == {"sched_switch"}
    assert text.count("old-v7.dat: ") == len(lines(dat("old-v7"))) + 1
    text = ours("-F", "sched_switch", "-i", dat("old-v6"), "-i", dat("old-v7"))
    assert text.count(": sched_switch: ") == len(text.splitlines()) - 2


def test_filter_that_only_one_file_knows():
    text = ours("-F", "funcgraph_entry", dat("fgraph"), dat("old-v7"))
    assert text.count("funcgraph_entry:") > 100 and "sched_switch: " not in text
    p = run(TRACECMD, "report", "-F", "funcgraph_entri", dat("fgraph"), dat("old-v7"), status=1)
    assert "did you mean 'funcgraph_entry'" in p.stderr


WRONG = {
    "sched_swich": ("sched_swich", "did you mean 'sched_switch'"),
    "sched_switch, irq_handler_entri": ("'irq_handler_entri'", "did you mean 'irq_handler_entry'"),
    "sched/irq_handler_entry": ("no event or system", "sched/irq_handler_entry"),
    "": ("name is missing",),
    "sched_switch,": ("name is missing",),
    "[": ("regular expression",),
    "sched_switch:": ("column 14", "value"),
    "sched_switch: prev_pid ==": ("column 26", "ends"),
    "sched_switch: == 1": ("column 15", "value"),
    "sched_switch: prev_pid == 1 1": ("column 29", "operator"),
    "sched_switch: (prev_pid == 1": ("column 29", "column 15"),
    "sched_switch: prev_pid == 1)": ("column 28", "operator"),
    "sched_switch: prev_comm == \"sh": ("column 28", "closing"),
    "sched_switch: prev_comm ~ \"sh\"": ("column 25", "operator"),
    "sched_switch: prev_pdi == 1": ("prev_pdi", "did you mean 'prev_pid'"),
    "sched_switch: prev_pid == 12abc": ("column 27", "12abc"),
    "sched_switch: prev_pid == 99999999999999999999": ("64 bits",),
    "sched_switch: prev_comm == 5": ("column 28", "quotes"),
    "sched_switch: prev_comm + 1 == 5": ("column 15", "numbers"),
    "sched_switch: prev_comm": ("column 15", "condition"),
    "sched_switch: prev_comm =~ prev_pid": ("column 28", "string"),
    "sched_switch: prev_comm =~ \"[\"": ("column 28", "regular expression"),
    "sched_switch: " + "(" * 1000 + "1" + ")" * 1000: ("levels deep",),
}


@pytest.mark.parametrize("text", WRONG, ids=lambda t: t[:40])
def test_wrong_filter(text):
    p = run(TRACECMD, "report", "-F", text, dat("old-v7"), status=1)
    assert p.stdout == "" and len(p.stderr.splitlines()) == 1
    for words in WRONG[text]:
        assert words in p.stderr, p.stderr


def test_long_filter():
    """Thousands of terms are evaluated, not only parsed."""
    terms = " || ".join(f"prev_pid == {n}" for n in range(100000, 103000))
    assert switches(f"{terms} || next_pid == 0") == [s for s in ALL if s[3] == 0]
    p = run(TRACECMD, "report", "-F", "sched_switch: " + "+".join("1" * 15000), dat("old-v7"), status=1)
    assert "too long" in p.stderr


def test_filter_test_prints_no_events():
    text = ours("-T", "-F", "sched_switch: !prev_pid || (next_pid + 1) * 2 > 7 && COMM == 'x'", "-v", "-F", "irq",
                dat("old-v7"))
    assert text.splitlines()[0] == \
        "sched:sched_switch: !(prev_pid) || (next_pid + 1) * 2 > 7 && COMM == 'x'".replace("(prev_pid)", "prev_pid")
    assert "not irq:irq_handler_entry" in text and "cpus=" not in text


# ---- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name, question, text", [
    ("syn-v6-be-l8-p4096-none", "--uname", "Linux x"),
    ("syn-v6-be-l8-p4096-none", "--version", "(the program that made it was not recorded in this file)"),
    ("syn-v6-be-l8-p4096-none", "--stat", "(the kernel's statistics were not recorded in this file)"),
    ("no-uname", "--uname", "(the machine and its kernel were not recorded in this file)")])
def test_answers_that_a_file_has_not(tmp_path, name, question, text):
    with open(dat("old-v7"), "rb") as f:
        data = f.read()
    at = data.index(b"Linux ftvm") - 6
    assert data[at:at + 2] == b"\x05\0"        # the option's number, UNAME
    (tmp_path / "no-uname").write_bytes(data[:at] + b"\xf0\x7f" + data[at + 2:])
    path = tmp_path / name if (tmp_path / name).exists() else dat(name)
    assert text in ours(question, path).splitlines()


def test_uname_alone():
    assert ours("--uname", dat("old-v7")).splitlines() == \
        ["cpus=2", run("trace-cmd", "report", "--uname", dat("old-v7")).stdout.splitlines()[1]]


@pytest.mark.parametrize("name", ["old-v6", "old-v7"])
def test_formats(name):
    text = ours("--events", dat(name))
    assert text.count("\nprint fmt: ") > 50
    one = ours("--event", "sched_switch", dat(name))
    assert one.startswith("\nsystem: sched\nname: sched_switch\nID: ") and one in text
    assert one.count("\nname: ") == 1
    assert ours("--event", "sched_wak.*", dat(name)).count("\nname: ") == 4
    p = run(TRACECMD, "report", "--event", "sched_swich", dat(name), status=1)
    assert "did you mean 'sched_switch'" in p.stderr
    assert "regular expression" in run(TRACECMD, "report", "--event", "[", dat(name), status=1).stderr


def test_spans_of_cpus_with_instances():
    text = ours("--cpus", "--first-event", "--last-event", dat("instances"))
    assert re.search(r"^  0\tFirst event:    5\.317222\tLast event:    5\.42\d+$", text, re.M)


def test_questions_about_several_files():
    text = ours("-e", dat("old-v7"), dat("syn-v7-be-l4-p8192-none"))
    assert "old-v7.dat:\nfile is little endian" in text and "none.dat:\nfile is big endian" in text


# ---- files that are not whole ------------------------------------------------------------------------


def cut(tmp_path, name, size):
    path = tmp_path / f"{name}-{size}.dat"
    with open(dat(name), "rb") as f:
        path.write_bytes(f.read(size))
    return path


@pytest.mark.parametrize("name", ["old-v7", "old-v6", "instances", "fgraph"])
def test_cut_files(tmp_path, name):
    """Wherever a file ends: what lies before is printed, and the exit status is 1."""
    whole = lines(dat(name))
    size = os.path.getsize(dat(name))
    some = 0
    for end in [size * part // 40 for part in range(1, 40)] + [size - 600]:
        p = run(TRACECMD, "report", cut(tmp_path, name, end), status=1)
        assert p.stderr.startswith("tracecmd: ")
        printed = [x for x in p.stdout.splitlines() if "cpus=" not in x]
        some += bool(printed)
        assert len(printed) <= len(whole)
    p = run(TRACECMD, "report", cut(tmp_path, name, size - 1), status=1)
    assert "cut" in p.stderr or "end" in p.stderr
    assert some, "no cut file told any event"


@pytest.mark.parametrize("name,missing", [("old-v6", 3000), ("old-v7", 1000), ("old-v7", 600)])
def test_cut_in_the_data(tmp_path, name, missing):
    """A file whose last CPU's data is cut gives all events up to there."""
    path = cut(tmp_path, name, os.path.getsize(dat(name)) - missing)
    p = run(TRACECMD, "report", path, status=1)
    printed = p.stdout.splitlines()
    assert len(printed) > 800 and set(printed) <= set(ours(dat(name)).splitlines())
    assert "cut at offset" in p.stderr


@pytest.mark.parametrize("name,words", [("missing.dat", "No such file"), ("empty.dat", "empty.dat"), (".", "'.'"),
                                        ("text.dat", "not a trace")])
def test_no_trace_file(tmp_path, name, words):
    (tmp_path / "empty.dat").write_bytes(b"")
    (tmp_path / "text.dat").write_text("some text that is long enough to hold a header\n" * 5)
    p = run(TRACECMD, "report", name, status=1, cwd=tmp_path)
    assert words in p.stderr and p.stdout == "" and len(p.stderr.splitlines()) == 1


def edited(tmp_path, old, new, name="syn-v6-le-l4-p8192-none"):
    """A copy of an uncompressed fixture with bytes replaced by as many."""
    with open(dat(name), "rb") as f:
        data = f.read()
    assert old in data and len(old) == len(new)
    path = tmp_path / "edited.dat"
    path.write_bytes(data.replace(old, new))
    return path


def test_unknown_event(tmp_path):
    """A record whose format the file lacks still has its line."""
    with open(dat("syn-v6-le-l4-p8192-none"), "rb") as f:
        number = re.search(rb"name: ev\nID: (\d+)\n", f.read())[1]
    path = edited(tmp_path, b"name: ev\nID: %s\n" % number, b"name: ev\nID: %s\n" % (b"9" * len(number)))
    whole = lines(dat("syn-v6-le-l4-p8192-none"))
    found = lines(path)
    assert len(found) == len(whole)
    for was, line in zip(whole, found):
        if ": ev: " in was:
            head, text = line.split(": [UNKNOWN EVENT]: ")
            assert was.startswith(f"{head}: ") and text.lstrip().startswith(f"id {int(number)}: {int(number) & 255:02x} ")
        else:
            assert line == was


def test_field_behind_the_record(tmp_path):
    path = edited(tmp_path, b"int a;\toffset:8;\tsize:4;", b"int a;\toffset:8;\tsize:9;")
    text = ours(path)
    assert "ev: " in text and text.count("ev: ") > 1000


def test_printing_stops_with_its_reader():
    p = subprocess.run(f"'{TRACECMD}' report '{dat('fgraph')}' | head -3", shell=True, stdout=subprocess.PIPE, text=True,
                       stderr=subprocess.PIPE)
    assert len(p.stdout.splitlines()) == 3


# ---- bad use -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("args,status,words", [
    (("-O",), 2, "argument"), (("--kallsyms", ""), 2, "--kallsyms"), (("-n", ""), 2, "option -n"),
    (("--compat", "2.9"), 2, "2.9"),
    (("--cpuu", "1"), 2, "did you mean 'cpu'"),
    (("-Z",), 2, "-Z"),
    (("-v", "-v"), 2, "-v"),
    (("-r", "["), 1, "regular expression"),
    (("-n", "\\("), 1, "regular expression"),
    (("--ts-offset", "x"), 2, "--ts-offset"),
    (("--verbose=loud",), 2, "loud"),
])
def test_wrong_options(args, status, words):
    p = run(TRACECMD, "report", "-i", dat("old-v7"), *args, status=status)
    assert words in p.stderr and p.stdout == "" and len(p.stderr.splitlines()) == 1


def test_events_that_libtraceevent_prints():
    """None of the usual ones, whatever options are set; test_plugins.py has one that is."""
    head = "\nEvents whose text libtraceevent makes:\n"
    for name, *options in (("pair",), ("pair", "-O", "ftrace:parent"), ("old-v7",)):
        assert ours("--stat", "--debug", *options, dat(name)).split(head)[1] == "   none\n"
    assert head not in ours("--stat", dat("pair"))


def test_order_of_a_guest_and_its_host_does_not_matter():
    host, guest = dat("pair"), dat("pair-ftvmguest")
    for option in [], ["--compat", "3.1"]:
        exits = [[line for line in ours(*option, "-i", a, "-i", b).splitlines() if " kvm_exit:" in line]
                 for a, b in ((host, guest), (guest, host))]
        assert exits[0] == exits[1] and any("+0x" in line for line in exits[0])


def test_cpus_asked_for_are_those_of_all_files():
    events = [line.split()[0] for line in ours("--cpu", "0", "-i", dat("pair"), "-i", dat("pair-ftvmguest")).splitlines()
              if "[000]" in line]
    assert set(events) == {"pair.dat:", "pair-ftvmguest.dat:"}


def test_levels_of_what_libtraceevent_says():
    told = {level: run(TRACECMD, "report", *level, dat("all-6.1")).stderr
            for level in ((), ("--verbose=none",), ("--verbose=2",), ("--verbose",), ("--verbose=warn",))}
    assert told[()] == told["--verbose=none",] == told["--verbose=2",] == ""
    assert "Error" in told["--verbose",] and "Error" in told["--verbose=warn",]


def test_verbose_tells_versions_and_plugins():
    """On standard error: the report is the same."""
    folder = re.search(r"plugins: built-in ones, those of (\S+/traceevent/plugins) when an event needs one\n",
                       run(TRACECMD, "report", "-V", dat("old-v7"), env={"HOME": "/nonexistent"}).stderr)[1]
    env = {"HOME": "/nonexistent", "TRACEEVENT_PLUGIN_DIR": folder}
    for option in "-V", "--verbose=info", "-q":
        p = run(TRACECMD, "report", "-V", option, dat("old-v7"), env=env)
        assert p.stdout == run(TRACECMD, "report", dat("old-v7"), env=env).stdout
        told = re.fullmatch(r"tracecmd: '(.*)': version 7\ntracecmd: event plugins: built-in ones, (.*)\n", p.stderr)
        assert (told is None) == (option == "-q")
        assert not told or told[1] == dat("old-v7") and f"{folder}/plugin_kvm.so" in told[2].split(", ")
    assert "no built-in ones\n" in run(TRACECMD, "report", "-N", "-V", dat("old-v7")).stderr
    assert "plugins" not in run(TRACECMD, "report", "--verbose=warn", dat("old-v7")).stderr


def test_raw_times_stay_as_they_are():
    assert ours("--raw-ts", "--align-ts", dat("clock-tsc2nsec")) == ours("--raw-ts", dat("clock-tsc2nsec"))
