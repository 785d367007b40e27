# SPDX-License-Identifier: GPL-2.0-or-later
"""report --count against the events that report prints; selecting events by
globs and processes by patterns."""

import csv
import glob
import io
import json
import os
import re
from collections import Counter

import pytest

from common import FIXTURES, TRACECMD, run

TRACES = sorted(os.path.basename(p)[:-4] for p in glob.glob(f"{FIXTURES}/*.dat"))
# what stands for a key in the objects of report --format json, and in those of --count
# (a file is told where there are several)
FIELDS = {"event": ("system", "event"), "cpu": ("cpu",), "task": ("task", "pid"), "buffer": ("file", "buffer")}


SAVED = set()               # processes of the files at hand whose names these hold


def dat(name):
    return f"{FIXTURES}/{name}.dat"


def look_up(*files):
    SAVED.clear()
    for o in objects("--count=task", *files):
        if o.get("task", "<...>") != "<...>":
            SAVED.add(o["pid"])


def report(*args, **kw):
    return run(TRACECMD, "report", *args, **kw).stdout


def objects(*args):
    return [json.loads(line) for line in report("-q", "--format", "json", *args).splitlines()]


def events_of(*args):
    return [o for o in objects(*args) if "lost" not in o]


def value(o, field):
    if field == "task" and o["pid"] not in SAVED:
        return "<...>"      # a name that lines learn from other events on the way
    return o.get(field, "") if field in ("buffer", "file") else o[field]


def counted(keys, *args):
    """What --count tells: counts by key, losses by place, the total."""
    counts, lost, total = {}, {}, None
    fields = [f for key in keys for f in FIELDS[key]]
    for o in objects(f"--count={','.join(keys)}", *args):
        if "total" in o:
            total = o
        elif "events" in o:
            counts[tuple(value(o, f) for f in fields)] = o["events"]
        else:
            lost[o.get("file", ""), o["buffer"], o["cpu"]] = (o["lost"], o["lost_unknown"])
    return counts, lost, total


def expected(keys, events):
    return Counter(tuple(value(e, f) for key in keys for f in FIELDS[key]) for e in events)


# ---- counts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TRACES)
def test_counts(name):
    look_up(dat(name))
    events = events_of(dat(name))
    for keys in (("event",), ("cpu",), ("task",), ("buffer",), ("buffer", "cpu", "event"), ("task", "event")):
        counts, _, total = counted(keys, dat(name))
        # an id without a format has no name in either
        assert sum(counts.values()) == total["total"] == len(events)
        assert Counter(counts) == expected(keys, events)


@pytest.mark.parametrize("name", [n for n in TRACES if n.startswith("syn-")])
def test_losses(name):
    told = re.findall(r"^ *(?:(\S+): +)?CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]", report("--losses", dat(name)), re.M)
    want = {}
    for buffer, cpu, number in told:
        lost, unknown = want.get(("", buffer, int(cpu)), (0, 0))
        want["", buffer, int(cpu)] = (lost + int(number or 0), unknown + (not number))
    for keys in (("event",), ("task",)):
        _, lost, total = counted(keys, dat(name))
        assert lost == want and len(want) > 1
        assert (total["lost"], total["lost_unknown"]) == tuple(map(sum, zip(*want.values())))
    # what is filtered out does not hide them
    assert counted(("event",), "-F", "ev: a == 12345678", dat(name))[1] == want


@pytest.mark.parametrize("filters", [
    ("-F", "sched_switch"), ("-F", "sched: common_pid == 0"), ("-v", "-F", "sched"), ("-I",), ("-S", "-F", "sched"),
    ("--cpu", "1"), ("--comm", "workload"), ("--select", "sched:*wak*,irq"), ("-v", "--select", "sched*"),
    ("--select", "sched_*", "-F", ".*: common_pid != 0"),
])
def test_counts_with_filters(filters):
    for name in ("old-v7", "instances", "stacks-6.1"):
        if name != "old-v7" and ("--comm" in filters or "--select" in filters):
            continue
        counts, _, total = counted(("event", "cpu"), *filters, dat(name))
        assert Counter(counts) == expected(("event", "cpu"), events_of(*filters, dat(name)))
        if name == "old-v7":
            assert 0 < total["total"] < 2257


def test_counts_of_several_files():
    files = dat("instances"), dat("old-v6"), dat("clock-global")
    look_up(*files)
    events = events_of(*files)
    for keys in (("event",), ("task", "cpu"), ("buffer",), ("event", "buffer")):
        assert Counter(counted(keys, *files)[0]) == expected(keys, events)


@pytest.mark.parametrize("width,ns", [("time=10ms", 10**7), ("time=0.01", 10**7), ("time=1", 10**9),
                                      ("time=500us", 500000), ("time=250000ns", 250000)])
def test_counts_by_time(width, ns):
    rows = [o for o in objects(f"--count={width},cpu", dat("old-v7")) if "events" in o]
    want = Counter((e["time"] // ns * ns, e["cpu"]) for e in events_of(dat("old-v7")))
    assert {(o["time"], o["cpu"]): o["events"] for o in rows} == dict(want)
    assert [o["time"] for o in rows] == sorted(o["time"] for o in rows)
    text = report(f"--count={width}", dat("old-v7")).splitlines()
    assert [x.split()[1] for x in text[1:-2]] == \
        [f"{t // 10**9}.{t // 1000 % 10**6:06}" for t in sorted({t for t, _ in want})]


def test_counts_of_aligned_times():
    want = Counter(e["time"] // 10**6 for e in events_of("--align-ts", dat("old-v7")))
    rows = [o for o in objects("--count=time=1ms", "--align-ts", dat("old-v7")) if "events" in o]
    assert {o["time"]: o["events"] for o in rows} == {k * 10**6: v for k, v in want.items()} and 0 in want


@pytest.mark.parametrize("name", ["old-v7", "syn-v7-be-l8-p4096-zstd", "fgraph", "instances"])
def test_counts_by_any_number_of_threads(name):
    for by in ("event,cpu,buffer", "task,time=1ms"):
        one = report(f"--count={by}", "--threads", "1", dat(name))
        for threads in ("2", "3", "8"):
            assert report(f"--count={by}", "--threads", threads, dat(name)) == one


@pytest.mark.parametrize("name", ["old-v7", "old-v6", "stacks-6.1", "syn-v7-be-l8-p4096-zstd", "instances", "fgraph"])
def test_counts_in_a_range_of_time(name):
    times = sorted(e["time"] for e in events_of(dat(name)))
    some = [times[len(times) * k // 7] for k in range(7)] + [times[-1]]
    ranges = [(a, b) for a in some for b in some if a < b][::3] + [(some[2], None), (None, some[4]), (times[-1], None)]
    filters = [()] + [("-F", "sched_switch")] * (name != "fgraph" and not name.startswith("syn"))
    for first, last in ranges:
        args = [f"--{word}={t // 10**9}.{t % 10**9:09}" for word, t in (("from", first), ("to", last)) if t is not None]
        for chosen in filters:
            found = objects("--losses", *args, *chosen, dat(name))
            counts, lost, total = counted(("event", "cpu"), *args, *chosen, dat(name))
            assert Counter(counts) == expected(("event", "cpu"), [o for o in found if "lost" not in o]), args
            if not chosen:
                assert total["lost"] == sum(o["lost"] or 0 for o in found if "lost" in o), args
                assert total["lost_unknown"] == sum(o["lost"] is None for o in found if "lost" in o)


def test_count_table():
    """Sorted by number, then by name; columns stand below each other."""
    text = report("--count=event,task", dat("old-v7")).splitlines()
    assert text[0].split() == ["EVENTS", "EVENT", "TASK"]
    rows = text[1:-2]
    event, task = text[0].index("EVENT", 12), text[0].index("TASK")
    assert all(x[event - 1] == x[task - 1] == " " != x[event] and x[task] != " " for x in rows)
    order = [(-int(x.split()[0]), x[event:task].strip()) for x in rows]
    assert order == sorted(order)
    assert text[-2].split() == [str(sum(int(x.split()[0]) for x in rows)), "in", "all"]
    assert text[-1].split() == ["0", "lost", "in", "all"]
    assert report("--count", dat("old-v7")) == report("--count=event", dat("old-v7"))
    lost = report("--count", dat("syn-v7-le-l8-p8192-zlib")).splitlines()
    assert re.fullmatch(r" +\d+  lost, and \d+ times an unknown number, on CPU 2 of in1", lost[-2])


def test_count_csv():
    for args in (("--count=event,cpu", dat("syn-v7-be-l8-p4096-zstd")),
                 ("--count=task,buffer", dat("instances"), dat("old-v6"))):
        rows = list(csv.DictReader(io.StringIO(report("-q", "--format", "csv", *args))))
        told = objects(*args)
        assert [r for r in rows if r["events"]] and all(None not in r for r in rows)
        plain = [{k: v for k, v in r.items() if v or k in ("buffer",)} for r in rows]
        for row, o in zip(plain, told):
            for name, v in o.items():
                assert row[name] == str(v)
        assert len(rows) == len(told) - 1       # without the total


@pytest.mark.parametrize("by,words", [
    ("evnt", "did you mean 'event'"), ("", "not by ''"), ("event,event", "twice"), ("time", "time=10ms"),
    ("time=x", "'x'"), ("time=0", "'0'"), ("time=-1", "'-1'"), ("time=1h", "'1h'"), ("cpu=3", "'cpu=3'"),
    ("time=1e3", "'1e3'"), ("time=99999999999999", "width"),
])
def test_wrong_count(by, words):
    p = run(TRACECMD, "report", f"--count={by}", dat("old-v7"), status=2)
    assert words in p.stderr and p.stdout == "" and len(p.stderr.splitlines()) == 1


def test_counts_of_raw_times(tmp_path):
    """Which are no seconds, whatever the clock is: the option is what is told of."""
    p = run(TRACECMD, "report", "--count=time=1ms", "--raw-ts", dat("old-v7"), status=1)
    assert "--raw-ts" in p.stderr and "as a number" in p.stderr and "clock" not in p.stderr and p.stdout == ""
    want = Counter(e["time"] // 10**6 * 10**6 for e in events_of("--raw-ts", dat("old-v7")))
    rows = [o for o in objects("--count=time=1000000", "--raw-ts", dat("old-v7")) if "events" in o]
    assert {o["time"]: o["events"] for o in rows} == dict(want)
    path = tmp_path / "counter.dat"
    with open(dat("clock-global"), "rb") as f:
        path.write_bytes(f.read().replace(b"[global] counter", b"global [counter]"))
    p = run(TRACECMD, "report", "--count=time=1ms", path, status=1)
    assert "the clock of" in p.stderr and "--raw-ts" not in p.stderr


@pytest.mark.parametrize("args", [("--stat",), ("--format", "csv:sched_switch"), ("--format", "json", "--text"),
                                  ("--first", "5"), ("-w",)])
def test_what_counts_do_not_go_with(args):
    p = run(TRACECMD, "report", "--count", *args, dat("old-v7"), status=2)
    assert "--count" in p.stderr and p.stdout == ""


def test_count_of_damaged_files(tmp_path):
    """What can be read is counted, what cannot is an unknown loss and exit status 1."""
    data = bytearray(open(dat("syn-v6-le-l4-p8192-none"), "rb").read())
    data[-8192 + 8:-8192 + 12] = b"\xff\xff\xff\x07"        # more than fits into the last sub-buffer
    (tmp_path / "damaged.dat").write_bytes(data)
    whole = counted(("cpu",), dat("syn-v6-le-l4-p8192-none"))[2]
    p = run(TRACECMD, "report", "--count", "--format", "json", tmp_path / "damaged.dat", status=1)
    total = json.loads(p.stdout.splitlines()[-1])
    assert 0 < total["total"] < whole["total"] and total["lost_unknown"] == whole["lost_unknown"] + 1
    assert "commit past the page" in p.stderr
    (tmp_path / "cut.dat").write_bytes(open(dat("old-v7"), "rb").read()[:-600])
    p = run(TRACECMD, "report", "--count", tmp_path / "cut.dat", status=1)
    assert 800 < int(p.stdout.splitlines()[-2].split()[0]) < 2257 and "cut" in p.stderr


# ---- selections ---------------------------------------------------------------------------------


def names(*args):
    return {(e["system"], e["event"]) for e in events_of(*args)}


ALL = ("old-v7", "sched_switch")


@pytest.mark.parametrize("select,keep", [
    ("sched", lambda s, e: s == "sched"),
    ("sched:*", lambda s, e: s == "sched"),
    ("sched/sched_w*", lambda s, e: s == "sched" and e.startswith("sched_w")),
    ("sched_switch", lambda s, e: e == "sched_switch"),
    ("*_exit, sched_switch", lambda s, e: e.endswith("_exit") or e == "sched_switch"),
    ("i?q", lambda s, e: s == "irq"),
    ("[hi]*:*entry", lambda s, e: s[0] in "hi" and e.endswith("entry")),
])
def test_selection(select, keep):
    whole = names(dat("old-v7"))
    want = {n for n in whole if keep(*n)}
    assert want and names("--select", select, dat("old-v7")) == want
    assert names("-v", "--select", select, dat("old-v7")) == whole - want


def test_selection_and_filters():
    """A selection holds whatever filters let through; several add up."""
    whole = events_of(dat("old-v7"))
    some = events_of("--select", "sched", "-F", ".*: common_pid == 0", dat("old-v7"))
    assert some == [e for e in whole if e["system"] == "sched" and e["pid"] == 0] and some
    both = events_of("--select", "sched_switch", "--select", "irq", dat("old-v7"))
    assert both == [e for e in whole if e["event"] == "sched_switch" or e["system"] == "irq"]
    about = events_of("--select", "sched_switch", "--pid", "194", dat("old-v7"))
    assert about and {e["event"] for e in about} == {"sched_switch"}


def test_wrong_selection():
    p = run(TRACECMD, "report", "--select", "shed", dat("old-v7"), status=1)
    assert "did you mean 'sched'" in p.stderr and not p.stdout
    assert "'nothing*'" in run(TRACECMD, "report", "--select", "sched,nothing*", dat("old-v7"), status=1).stderr
    # known to one of the files is enough, and selects nothing of the other
    assert {e["file"] for e in events_of("--select", "sched_switch", dat("old-v7"), dat("user-events"))} == \
        {"old-v7.dat"}
    assert not run(TRACECMD, "report", "-T", "--select", "sched_switch", "-F", "irq", dat("old-v7")).stdout
    assert report("-T", "--select", "sched_switch", dat("old-v7")) == "sched:sched_switch\n"


def test_processes_by_pattern():
    exact = report("--comm", "workload", dat("old-v7"))
    assert report("--comm", "work[l]o?d", dat("old-v7")) == report("--comm", "workl*", dat("old-v7")) == exact
    assert len(report("--comm", "*", dat("old-v7"))) > len(exact)
    assert "no process" in run(TRACECMD, "report", "--comm", "x*y", dat("old-v7"), status=1).stderr


def test_many_processes():
    """A list that no expression could hold."""
    pids = ",".join(str(pid) for pid in range(1, 20000))
    assert report("--pid", pids, "--select", "sched_waking", dat("old-v7")) == \
        report("--select", "sched_waking", "-F", "sched_waking: common_pid || pid", dat("old-v7"))
