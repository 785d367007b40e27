# SPDX-License-Identifier: GPL-2.0-or-later
"""The analyses beside plain loops over the events that do the same, and python3 -m tracecmd."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest

from python_module import PATH, fixture, opened, tracecmd
from tracecmd import analysis


def sched_events(t):
    return [(e.ts, e.cpu, e.name, e.fields()) for e in t
            if e.name in ("sched_switch", "sched_wakeup", "sched_wakeup_new", "sched_migrate_task")]


def slow_waits(events, preempted=False):
    """Of each task the time from the first wakeup to the next time that it runs."""
    since, found = {}, []
    for ts, _, name, f in events:
        if name == "sched_switch":
            if preempted and f["prev_state"] & 0xff == 0 and f["prev_pid"]:
                since.setdefault(f["prev_pid"], ts)
            begin = since.pop(f["next_pid"], None)
            if begin is not None:
                found.append((f["next_pid"], begin, ts - begin))
        elif name != "sched_migrate_task":
            since.setdefault(f["pid"], ts)
    return sorted(found)


@pytest.mark.parametrize("name", ["old-v7", "all-6.1", "clock-global"])
@pytest.mark.parametrize("preempted", [False, True])
def test_waits(name, preempted):
    t = opened(name)
    got = analysis.waits(t, preempted)
    wanted = slow_waits(sched_events(t), preempted)
    assert wanted and sorted(zip(got["pid"].tolist(), got["ts"].tolist(), got["wait"].tolist())) == wanted


def test_latency():
    t = opened()
    table = analysis.latency(t)
    by_pid = {}
    for pid, begin, wait in slow_waits(sched_events(t)):
        by_pid.setdefault(pid, []).append((wait, -begin))
    assert set(table["pid"].tolist()) == set(by_pid)
    for row in table.records():
        waits = [w for w, _ in by_pid[row["pid"]]]
        assert (row["count"], row["total"], row["max"]) == (len(waits), sum(waits), max(waits))
        assert row["max_at"] == -max(by_pid[row["pid"]])[1] and row["p50"] == sorted(waits)[-(-len(waits) // 2) - 1]
    assert table["mean"].tolist() == sorted(table["mean"].tolist(), reverse=True)
    assert analysis.latency_histogram(t)["count"].sum() == table["count"].sum()


@pytest.mark.parametrize("name", ["old-v7", "all-6.1"])
def test_cpu_use(name):
    t = opened(name)
    last, spent = {}, {}
    for ts, cpu, event, f in sched_events(t):
        if event == "sched_switch":
            if cpu in last:
                begin, pid = last[cpu]
                spent[pid] = spent.get(pid, 0) + ts - begin
            last[cpu] = ts, f["next_pid"]
    table = analysis.cpu_use(t)
    assert dict(zip(table["pid"].tolist(), table["time"].tolist())) == spent and abs(table["share"].sum() - 1) < 1e-9
    over = analysis.cpu_use_over_time(t, bins=7)
    every = analysis.intervals(t)
    piece = (every["end"].max() - every["start"].min()) / 7
    busy = sum(over[name].sum() for name in over if name != "start") * piece
    assert abs(busy - sum(v for p, v in spent.items() if p)) < 1e-6 * busy
    assert all((over[n] >= -1e-9).all() and (over[n] <= 1 + 1e-9).all() for n in over if n != "start")


def test_what_lies_around_losses_is_left_out():
    """Intervals of a CPU that a loss is in."""
    t = opened()
    c = t.select("sched_switch", ["ts", "cpu"]).columns()
    assert len(analysis.intervals(t)["cpu"]) == c.rows - len(set(c["cpu"].tolist()))


def slow_lengths(events):
    """Tasks that run or wait, after the last event of each time."""
    where, lengths = {}, {}
    for ts, cpu, name, f in events:
        if name == "sched_switch":
            where[f["prev_pid"]] = cpu if f["prev_state"] & 0xff == 0 else -1
            where[f["next_pid"]] = cpu
        elif name == "sched_migrate_task":
            if where.get(f["pid"], -1) >= 0:
                where[f["pid"]] = f["dest_cpu"]
        else:
            where[f["pid"]] = f["target_cpu"]
        lengths[ts] = [sum(1 for p, c in where.items() if p and (c == want if want >= 0 else c >= 0)) for want in (-1, 0, 1)]
    return lengths


@pytest.mark.parametrize("name", ["old-v7", "all-6.1"])
def test_runqueue(name):
    t = opened(name)
    wanted = slow_lengths(sched_events(t))
    table = analysis.runqueue(t)
    got = dict(zip(table["ts"].tolist(), zip(*(table[n].tolist() for n in ("all", "cpu0", "cpu1")))))
    assert len(got) > 20 and all(list(lengths) == wanted[ts] for ts, lengths in got.items())
    assert (table["cpu0"] + table["cpu1"] == table["all"]).all()


def slow_pairs(t, begin, end, context, key):
    """(key, duration): each end whose beginning is the event in front of it of its context."""
    open_, found = {}, []
    for e in t:
        if e.name and e.name.startswith(begin):
            open_[context(e)] = key(e), e.ts
        elif e.name and e.name.startswith(end):
            k, ts = open_.pop(context(e), (None, 0))
            if k == key(e):
                found.append((k, e.ts - ts))
    return sorted(found)


def test_syscalls():
    t = opened("all-6.1")
    every = analysis.calls(t)
    wanted = slow_pairs([e for e in t if e.system == "syscalls"], "sys_enter_", "sys_exit_", lambda e: e.pid,
                        lambda e: e.name.split("_", 2)[2])
    assert wanted and sorted(zip(every["call"].tolist(), every["duration"].tolist())) == wanted
    table = analysis.syscalls(t)
    assert dict(zip(table["call"].tolist(), table["count"].tolist())) == \
        {name: sum(1 for n, _ in wanted if n == name) for name, _ in wanted}
    assert analysis.syscall_histogram(t)["count"].sum() == len(wanted)
    assert analysis.syscall_histogram(t, "openat")["count"].sum() == sum(1 for n, _ in wanted if n == "openat")


def test_irq_time():
    t = opened("all-6.1")
    table = analysis.irq_time(t)
    hard = slow_pairs(t, "irq_handler_entry", "irq_handler_exit", lambda e: e.cpu, lambda e: e["irq"])
    soft = slow_pairs([e for e in t if e.name != "softirq_raise"], "softirq_entry", "softirq_exit", lambda e: e.cpu,
                      lambda e: e["vec"])
    for kind, found in (("irq", hard), ("softirq", soft)):
        mine = [r for r in table.records() if r["kind"] == kind]
        assert found and sum(r["count"] for r in mine) == len(found) and sum(r["total"] for r in mine) == sum(d for _, d in found)
    assert {"TIMER", "RCU"} <= set(table["name"].tolist())


def test_functions():
    t = opened("fgraph")
    exits = [(e.pid or -1 - e.cpu, e["depth"], e["calltime"], e["rettime"], t.symbol(e["func"])) for e in t
             if e.name == "funcgraph_exit"]
    total, own, below = {}, {}, {}
    for pid, depth, begin, end, name in sorted(exits, key=lambda x: x[3]):
        inside = [b - a for a, b in below.pop((pid, depth + 1), []) if begin <= a and b <= end]
        total[name] = total.get(name, 0) + end - begin
        own[name] = own.get(name, 0) + end - begin - sum(inside)
        below.setdefault((pid, depth), []).append((begin, end))
    table = analysis.functions(t)
    assert dict(zip(table["function"].tolist(), table["total"].tolist())) == total
    assert dict(zip(table["function"].tolist(), table["own"].tolist())) == own


def test_tables():
    table = analysis.latency(opened())
    assert table.to_pandas()["pid"].tolist() == table["pid"].tolist() and "<table>" in table._repr_html_()
    assert f"{table.rows} rows" in repr(table) and len(table.text(3).splitlines()) == 5
    nothing = analysis.latency(opened(), cpus=[])
    assert nothing.rows == 0 and nothing.text()
    with pytest.raises(tracecmd.SelectionError, match="function_graph"):
        analysis.functions(opened("all-6.1"))
    with pytest.raises(ValueError):
        analysis.cpu_use_over_time(opened(), bins=0)
    assert "were lost" in analysis.Table({"a": [1]}, None).text()


# ---- python3 -m tracecmd ------------------------------------------------------------------------------


def command(*args, status=0):
    done = subprocess.run([sys.executable, "-m", "tracecmd", *map(str, args)], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=PATH))
    assert done.returncode == status, done.stderr
    return done


def test_command_prints():
    table = analysis.cpu_use(opened())
    lines = command("cpu", fixture("old-v7")).stdout.splitlines()
    assert lines[0].split() == list(table) and len(lines) == table.rows + 1
    rows = list(csv.DictReader(io.StringIO(command("cpu", "--format", "csv", fixture("old-v7")).stdout)))
    assert [int(r["time"]) for r in rows] == table["time"].tolist()


def test_command_prints_json_of_a_range():
    t = opened()
    first = t.time_range[0]
    rows = [json.loads(line) for line in command("latency", "--format", "json", "--preempted", "--from", "+0.05", "--cpu", 0,
                                                 fixture("old-v7")).stdout.splitlines()]
    assert rows == analysis.latency(t, True, start=first + 50_000_000, cpus=0).records()


def test_command_tells_what_is_wrong():
    assert "tracecmd: cannot open '/nowhere'" in command("cpu", "/nowhere", status=1).stderr
    assert "function_graph" in command("functions", fixture("old-v7"), status=1).stderr
    assert "is no time" in command("cpu", "--from", "x", fixture("old-v7"), status=2).stderr


def test_plots(tmp_path):
    """One of bars and one of lines; all of them where there is time (each takes half a second)."""
    from tracecmd import plots
    wanted = plots.PLOTS if os.environ.get("TRACECMD_PYTHON_ROUNDS") else ("irq", "cpu")
    for name in wanted:
        out = tmp_path / f"{name}.png"
        plots.PLOTS[name](opened("fgraph" if name == "functions" else "all-6.1"), out)
        assert out.read_bytes().startswith(b"\x89PNG") and out.stat().st_size > 5000, name
