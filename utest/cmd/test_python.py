# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python module over recordings: events, facts and selections, beside report's JSON."""

import datetime
import gc
import json
import warnings

import pytest

import common
from python_module import fixture, opened, tracecmd

# Small ones of each kind: byte orders, sizes of long, instances, losses, dynamic fields, stacks.
TRACES = ["old-v6", "old-v7", "instances", "probes-6.12", "trace-marker", "user-events", "lost-6.1",
          "syn-v7-be-l8-p4096-zstd", "syn-v7-be-l4-p8192-none", "syn-v7-le-l4-p4096-zstd"]


def told(*files):
    out = common.run(common.TRACECMD, "report", "-q", "--format", "json", *[fixture(f) for f in files], status=None).stdout
    return [o for o in map(json.loads, out.splitlines()) if "lost" not in o]


def plain(value):
    return list(value) if isinstance(value, bytes) else value


def as_json(value, of):
    """What JSON has of bytes that are no UTF-8 is another matter (test_export.py)."""
    return of if isinstance(value, str) and not value.isprintable() else plain(value)


@pytest.mark.parametrize("name", TRACES)
def test_events_are_those_of_the_report(name):
    """All of them, in order, with every field."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tracecmd.TraceWarning)
        got = list(opened(name))
    wanted = told(name)
    assert len(got) == len(wanted) > 0
    for e, w in zip(got, wanted):
        assert (e.ts, e.cpu, e.pid, e.name, e.system) == (w["time"], w["cpu"], w["pid"], w.get("event"), w.get("system"))
        assert e.buffer == w.get("instance", w.get("buffer", ""))
        fields = e.fields()
        assert list(fields) == list(w.get("fields", {}))
        assert {n: as_json(v, w["fields"][n]) for n, v in fields.items()} == w.get("fields", {})


def test_texts_are_those_of_the_report():
    """info is what stands behind the name in report's line."""
    lines = common.run(common.TRACECMD, "report", "-q", fixture("old-v7")).stdout.splitlines()
    shown = [e.info for e in opened()]
    assert len(shown) == len(lines) - 1     # the first tells the CPUs
    assert all(line.endswith(text) for line, text in zip(lines[1:], shown))


@pytest.mark.parametrize("name", ["old-v7", "instances", "syn-v7-be-l8-p4096-zstd", "user-events"])
def test_columns_are_the_events(name):
    """Of every kind of event: each column is the field of the events one by one."""
    t = opened(name)
    events = list(t)
    kinds = {(e.system, e.name) for e in events if e.name}
    assert kinds
    for system, event in kinds:
        mine = [e for e in events if (e.system, e.name) == (system, event)]
        c = t.select(f"{system}:{event}").columns()
        assert c.rows == len(mine)
        assert c.columns["ts"].tolist() == [e.ts for e in mine]
        for field in mine[0].fields():
            column = c.columns[field]
            got = [v.tolist() if isinstance(v, memoryview) else v for v in column.tolist()]
            assert got == [plain(e[field]) for e in mine], field


def test_all_events_as_one_frame():
    t = opened("old-v7")
    c = t.select().columns()
    events = list(t)
    assert list(c) == ["ts", "cpu", "pid", "comm", "event"]
    assert c["ts"].tolist() == [e.ts for e in events] and c["cpu"].tolist() == [e.cpu for e in events]
    assert list(c["event"]) == [e.name for e in events]
    assert [w or "<...>" for w in c["comm"]] == [e.comm for e in events]


def test_names_that_are_both():
    """pid of sched_wakeup is the task that is woken; common_pid is who does it."""
    t = opened()
    assert t.select("sched_wakeup").names()[:4] == ["ts", "cpu", "common_pid", "common_comm"]
    one = t.select("sched_wakeup*", ["pid", "common_pid", "cpu", "event"]).columns()
    mine = [e for e in t if e.name in ("sched_wakeup", "sched_wakeup_new")]
    assert one["pid"].tolist() == [e["pid"] for e in mine] and one["common_pid"].tolist() == [e.pid for e in mine]
    # sched_switch has no such field: what all have is meant
    both = t.select(["sched_wakeup", "sched_switch"], ["pid"]).columns()
    assert both["pid"].tolist() == [e.pid for e in t if e.name in ("sched_wakeup", "sched_switch")]


def test_selections_are_pushed_down():
    t = opened()
    events = [e for e in t if e.name == "sched_switch"]
    ts = [e.ts for e in events]
    a, b = ts[len(ts) // 3], ts[len(ts) // 2]

    def times(**options):
        return t.select("sched_switch", ["ts"], **options).columns()["ts"].tolist()

    assert times(cpus=1) == [e.ts for e in events if e.cpu == 1]
    assert times(cpus=[0, 1]) == ts
    assert times(pids=[0]) == [e.ts for e in events if e.pid == 0]
    assert times(start=a, end=b) == [x for x in ts if a <= x < b]
    assert times(where="next_pid == 0") == [e.ts for e in events if e["next_pid"] == 0]
    assert times(where=["next_pid == 0", "prev_pid == 0"]) == \
        [e.ts for e in events if e["next_pid"] == 0 or e["prev_pid"] == 0]
    assert times(filters="sched_switch: CPU == 1") == times(cpus=1)
    first = t.time_range[0]
    assert times(start=datetime.timedelta(milliseconds=50)) == [x for x in ts if x >= first + 50_000_000]
    assert t.select("sched_switch", where="next_pid == 0").count() == len(times(where="next_pid == 0"))
    assert [e.ts for e in t.select("sched_switch", cpus=0)] == times(cpus=0)


def test_threads_make_no_difference():
    t = opened("all-6.1")
    one, many = (t.select(threads=n).columns() for n in (1, 8))
    assert one["ts"].tolist() == many["ts"].tolist() and list(one["event"]) == list(many["event"])
    assert one["comm"].words == many["comm"].words      # in the order they were met


def test_nothing_selected():
    t = opened()
    for options in ({"cpus": []}, {"pids": []}, {"buffers": []}, {"events": []}):
        q = t.select(**options)
        assert q.count() == 0 and q.columns().rows == 0 and not list(q) and not list(q.batches())


def test_instances():
    t = opened("instances")
    assert sorted(t.instances) == ["one", "three", "two"]
    for name in ("", *t.instances):
        mine = [e.ts for e in t if e.buffer == name]
        assert [e.ts for e in t.instance(name)] == mine
        assert t.instance(name).select(fields=["ts"]).columns()["ts"].tolist() == mine
    with pytest.raises(tracecmd.SelectionError, match="'four'"):
        t.instance("four")


def test_host_and_guest_are_one():
    t = tracecmd.open_many([fixture("pair"), fixture("pair-ftvmguest")])
    wanted = told("pair", "pair-ftvmguest")
    c = t.select(fields=["source", "ts", "cpu"]).columns()
    assert set(c["source"].tolist()) == {0, 1}
    assert c["ts"].tolist() == [w["time"] for w in wanted] and c["cpu"].tolist() == [w["cpu"] for w in wanted]
    assert "source" in t.select("sched_switch").names() and t.nr_files == 2
    assert [e.file for e in t] == c["source"].tolist()


def test_losses_are_data():
    t = opened("syn-v7-le-l8-p8192-zlib")
    events, before, wanted = list(t), {}, []
    for e in events:
        if e.lost != 0:
            wanted.append((e.cpu, before.get(e.cpu, 0), e.ts, e.lost))
        before[e.cpu] = e.ts
    lost = t.lost
    assert wanted and lost.rows == len(wanted)
    assert list(zip(*(lost.columns[n].tolist() for n in ("cpu", "before", "after", "lost")))) == wanted
    total = None if None in [w[3] for w in wanted] else sum(w[3] for w in wanted)
    assert lost.lost == total == t.select("print").columns().lost
    assert t.select("print").to_pandas().attrs["lost"] == total
    assert opened().lost.rows == 0


def test_facts():
    t = opened()
    assert t.cpus == 2 and t.clock == "local" and "6.12" in t.uname and t.paths == [fixture("old-v7")]
    events = list(t)
    assert t.time_range == (min(e.ts for e in events), max(e.ts for e in events))
    assert t.facts()["codec"] == "zstd" and t.facts()["version"] == 7 and t.facts()["cut"] is None
    assert t.tasks[events[0].pid] == events[0].comm
    assert t.symbol(0xffffffff81000010) and t.symbol(0) is None
    field = t.events["sched_switch"].fields[0]
    assert (field.name, field.ctype, field.type, field.offset, field.size) == ("prev_comm", "char[16]", "string", 8, 16)
    assert [f.name for f in t.events["sched:sched_switch"].common_fields][0] == "common_type"
    with pytest.raises(KeyError, match="did you mean 'sched_switch'"):
        t.events["sched_swich"]
    assert "sched/sched_switch" in t.events and "old-v7" in repr(t) and "<table>" in t._repr_html_()
    assert t.events["sched_switch"].fields[1].signed and not t.events["timer:timer_start"].fields[0].dynamic


def test_kept_events_stay():
    t = opened()
    values = [(e.ts, e.raw, e.fields()) for e in t]
    kept = list(t)
    every_third = [e for i, e in enumerate(t) if i % 3 == 0]
    t.close()
    gc.collect()
    assert [(e.ts, e.raw, e.fields()) for e in kept] == values
    assert [e.ts for e in every_third] == [v[0] for v in values[::3]]
    with pytest.raises(ValueError, match="closed"):
        kept[0].info


def test_event_as_mapping():
    e = next(e for e in opened() if e.name == "sched_switch")
    assert "next_pid" in e and "nothing" not in e and len(e) == len(list(e)) == 11
    assert list(e)[:4] == ["common_type", "common_flags", "common_preempt_count", "common_pid"]
    assert e["common_pid"] == e.pid and e.fields(True)["common_pid"] == e.pid
    with pytest.raises(KeyError, match="no field 'nothing'"):
        e["nothing"]


def test_closing():
    with opened() as t:
        running = iter(t)
        next(running)
    assert t.closed and repr(t) == "<Trace, closed>"
    t.close()
    for use in (lambda: next(running), lambda: list(t), lambda: t.clock, lambda: t.select("sched_switch").columns(),
                lambda: t.events, lambda: t.tasks, lambda: t.time_range, lambda: t.symbol(1), lambda: t.lost):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_damage_is_a_warning_and_what_is_readable_is_there(tmp_path):
    with open(fixture("old-v7"), "rb") as f:
        data = f.read()
    cut = tmp_path / "cut.dat"
    cut.write_bytes(data[:len(data) * 9 // 10])
    with pytest.warns(tracecmd.TraceWarning):
        t = tracecmd.open(cut)
        events = [e.ts for e in t]
    with pytest.warns(tracecmd.TraceWarning):
        c = t.select(fields=["ts"]).columns()
    assert c.damage and c["ts"].tolist() == events
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(tracecmd.TraceWarning):
            t.select(fields=["ts"]).columns()


@pytest.mark.parametrize("make,exceptions,words", [
    (lambda: tracecmd.open("/nowhere/trace.dat"), (FileNotFoundError, tracecmd.FileError), "/nowhere/trace.dat"),
    (lambda: tracecmd.open("/etc/passwd"), (ValueError, tracecmd.FileFormatError), "/etc/passwd"),
    (lambda: tracecmd.open("/"), (OSError, tracecmd.FileError), "/"),
    (lambda: opened().select("sched_swich").columns(), (ValueError, tracecmd.SelectionError), "sched_switch"),
    (lambda: opened().select("sched_switch", ["next_pidd"]).columns(), (tracecmd.SelectionError,), "next_pidd"),
    (lambda: opened().select("sched_switch", where="next_pid ==").columns(), (tracecmd.SelectionError,), "next_pid"),
    (lambda: opened().select(cpus=77).columns(), (tracecmd.SelectionError,), "77"),
    (lambda: opened().select(buffers="x").columns(), (tracecmd.SelectionError,), "'x'"),
    (lambda: opened().select(start=5, end=3).columns(), (tracecmd.SelectionError,), "ends before"),
])
def test_errors_are_ours_and_pythons(make, exceptions, words):
    with pytest.raises(tracecmd.Error) as e:
        make()
    assert isinstance(e.value, exceptions) and words in str(e.value)
