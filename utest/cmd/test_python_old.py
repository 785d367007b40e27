# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts for trace-cmd's own Python module: its names and shapes, and that its faults are not there."""

import collections
import subprocess
import sys

import pytest

from python_module import PATH, fixture, opened, tracecmd


def test_a_script_as_they_are_written():
    """Counts switches of each CPU, as trace-cmd's examples do."""
    script = f"""
import sys
sys.path.insert(0, {PATH!r})
import tracecmd
from tracecmd import *
t = Trace({fixture("old-v7")!r})
print(t.cpus, t.long_size)
for cpu in range(0, t.cpus):
    ev = t.read_event(cpu)
    n = 0
    while ev:
        if ev.name == "sched_switch":
            n += 1
            last = "%s-%d -> %s-%d" % (ev.str_field("prev_comm"), ev.num_field("prev_pid"), ev["next_comm"], int(ev["next_pid"]))
        ev = t.read_event(cpu)
    print(cpu, n, last)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == ""
    events = [e for e in opened() if e.name == "sched_switch"]
    counts = collections.Counter(e.cpu for e in events)
    last = {e.cpu: "{prev_comm}-{prev_pid} -> {next_comm}-{next_pid}".format(**e.fields()) for e in events}
    assert done.stdout.splitlines() == ["2 8", *(f"{cpu} {counts[cpu]} {last[cpu]}" for cpu in (0, 1))]


def test_reading_by_cpu_and_merged():
    t = tracecmd.Trace(fixture("old-v7"))
    events = list(t)
    for cpu in range(t.cpus):
        mine = [e.ts for e in events if e.cpu == cpu]
        got = []
        while (e := t.read_event(cpu)) is not None:
            got.append(e.ts)
        assert got == mine and t.read_event(cpu) is None and t.peek_event(cpu) is None
    merged = iter(t.read_next_event, None)
    assert [e.ts for e in merged] == [e.ts for e in events]
    for cpu in (-1, 2, 1 << 40):
        assert t.read_event(cpu) is None and t.peek_event(cpu) is None


def test_peeking_leaves_the_event():
    t = opened()
    first = t.peek_event(0)
    assert t.peek_event(0).ts == first.ts == t.read_event(0).ts
    assert t.peek_event(0).ts > first.ts


def test_events_and_fields():
    t = opened()
    while (e := t.read_next_event()).name != "sched_switch":
        pass
    names = ["prev_comm", "prev_pid", "prev_prio", "prev_state", "next_comm", "next_pid", "next_prio"]
    assert e.common_keys == ["common_type", "common_flags", "common_preempt_count", "common_pid"]
    assert e.keys == e.common_keys + names and list(e) == e.keys
    assert e.type == int(e["common_type"]) and e.pid == e.num_field("common_pid") and e.ts and e.cpu in (0, 1)
    assert e.num_field("nothing") is None and e.str_field("nothing") is None and e.num_field("prev_comm") is None
    assert e.str_field("prev_comm") == str(e["prev_comm"])
    assert str(e["prev_pid"]) == str(e.num_field("prev_pid")) and bytes(e["prev_comm"].data).rstrip(b"\0").decode() == str(e["prev_comm"])
    assert f"CPU{e.cpu} sched_switch: pid={e.pid} comm={e.comm} type={e.type}" in str(e)
    with pytest.raises(KeyError, match="no field 'nothing'"):
        e["nothing"]
    with pytest.raises(tracecmd.FieldError):
        int(e["prev_comm"])


def test_signed_fields_have_signs():
    t = opened("all-6.1")
    for e in iter(t.read_next_event, None):
        if e.name == "kmem_cache_alloc":
            assert int(e["node"]) == -1 == e.num_field("node")
            return
    pytest.fail("no such event")


def test_dynamic_fields_are_what_they_hold():
    t = opened("user-events")
    seen = 0
    for e in iter(t.read_next_event, None):
        for field in e.kind.fields[e.kind.nr_common:]:
            if field[6] >= 2 and field[2] == "string":
                seen += 1
                assert str(e[field[0]]) == e.value(field[0])
                with pytest.raises(tracecmd.FieldError):
                    int(e[field[0]])
    assert seen


def test_stacks():
    t = opened("stacks-6.1")
    e = next(e for e in iter(t.read_next_event, None) if e.name == "kernel_stack")
    names = e.stack_field(t.long_size)
    assert len(names) == len(e.value("caller")) and all(name in e.info for name in names)
    assert next(e for e in iter(t.read_next_event, None) if e.name == "sched_switch").stack_field(8) == []
