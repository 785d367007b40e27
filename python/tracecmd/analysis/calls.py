# SPDX-License-Identifier: LGPL-2.1-or-later
"""What takes a beginning and an end: system calls, interrupts, functions."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np

from ..errors import SelectionError
from .table import Table, add_lost, histogram, summary

# include/linux/interrupt.h
SOFTIRQS = ("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")


def pair(context: np.ndarray, ts: np.ndarray, key: np.ndarray, ends: np.ndarray) -> tuple:
    """Beginnings and ends that belong together: places of both.

    @context: what they happen in, one behind the other (a process, a CPU). @key: must be the same of both. What has no end
    directly behind it, of the same context, is left out: its end was not recorded, or lost.
    """
    order = np.lexsort((ts, context))
    context, key, ends = context[order], key[order], ends[order]
    ok = (context[1:] == context[:-1]) & (key[1:] == key[:-1]) & ~ends[:-1] & ends[1:]
    at = np.flatnonzero(ok)
    return order[at], order[at + 1]


# ---- system calls -----------------------------------------------------------------------------------------


def _named_calls(trace: Any, options: dict) -> tuple:
    """Of the events of each system call: pid, ts, the call's number among @names, whether it is the end; names."""
    c = trace.select("syscalls", ["ts", "common_pid", "common_event"], **options).columns()
    words = c["common_event"].words
    names = [w.split("_", 2)[2] for w in words]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    table = np.array([numbers[name] for name in names] or [0])
    is_end = np.array([w.startswith("sys_exit_") for w in words] or [False])
    codes = c["common_event"].codes
    return np.asarray(c["common_pid"]), np.asarray(c["ts"]).astype(np.int64), table[codes], is_end[codes], list(numbers), c.lost


def _numbered_calls(trace: Any, options: dict) -> tuple:
    c = trace.select(["raw_syscalls/sys_enter", "raw_syscalls/sys_exit"], ["ts", "common_pid", "common_event", "id"],
                     **options).columns()
    ids, index = np.unique(np.ma.filled(c["id"], -1), return_inverse=True)
    is_end = c["common_event"] == "sys_exit"
    return (np.asarray(c["common_pid"]), np.asarray(c["ts"]).astype(np.int64), index, is_end,
            [f"syscall {i}" for i in ids.tolist()], c.lost)


def _has_events(trace: Any, wanted: str, options: dict) -> bool:
    """Whether the trace has any of a system, or of a "system/name"."""
    return any(key == wanted or key.startswith(wanted + "/") for key in trace.events) and \
        next(iter(trace.select(wanted, **options)), None) is not None


def calls(trace: Any, **options: Any) -> Table:
    """Each system call that began and ended in the recording: pid, call, start, duration; of the syscalls events, or
    where there are none of raw_syscalls (which tell its number alone)."""
    read = _named_calls if _has_events(trace, "syscalls", options) else \
        _numbered_calls if _has_events(trace, "raw_syscalls", options) else None
    if not read:
        raise SelectionError("the trace has no events of system calls: record syscalls or raw_syscalls")
    pid, ts, key, ends, names, lost = read(trace, options)
    start, end = pair(pid, ts, key, ends)
    return Table({"pid": pid[start], "call": np.array(names, dtype=object)[key[start]] if names else np.zeros(0, object),
                  "start": ts[start], "duration": ts[end] - ts[start]}, lost)


def syscalls(trace: Any, **options: Any) -> Table:
    """System calls by name, those first that took the most time: count, total, mean, p50, p90, p99, max."""
    every = calls(trace, **options)
    names, key = np.unique(every["call"].astype(str), return_inverse=True)
    table = summary(key, every["duration"], "call", lambda i: names[i])
    return Table(table, every.lost).sorted_by("total")


def syscall_histogram(trace: Any, call: Any = None, **options: Any) -> Table:
    """How long calls took, all or those of a name, in powers of two."""
    every = calls(trace, **options)
    return histogram(every["duration"] if call is None else every["duration"][every["call"] == call])


# ---- interrupts -------------------------------------------------------------------------------------------


def _irq_pairs(trace: Any, begin: str, end: str, field: str, options: dict) -> tuple:
    """(number, start, duration) of each, and what was lost."""
    if not all(any(key.endswith("/" + name) for key in trace.events) for name in (begin, end)):
        return np.zeros(0, int), np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    c = trace.select([f"irq/{begin}", f"irq/{end}"], ["ts", "common_cpu", "common_event", field], **options).columns()
    number, ts = np.ma.filled(c[field], -1), np.asarray(c["ts"]).astype(np.int64)
    a, b = pair(np.asarray(c["common_cpu"]), ts, number, c["common_event"] == end)
    return number[a], ts[a], ts[b] - ts[a], c.lost


def _irq_names(trace: Any, options: dict) -> Dict[int, str]:
    if not any(key.endswith("/irq_handler_entry") for key in trace.events):
        return {}
    c = trace.select("irq_handler_entry", ["irq", "name"], **options).columns()
    return {irq: c["name"].words[code] for irq, code in zip(np.asarray(c["irq"]).tolist(), c["name"].codes.tolist())}


def irq_time(trace: Any, **options: Any) -> Table:
    """Time in interrupts and soft interrupts, the most first: kind, name, count, total, mean, p50, p90, p99, max. A
    soft interrupt's time includes that of interrupts in it."""
    hard, _, hard_time, lost_hard = _irq_pairs(trace, "irq_handler_entry", "irq_handler_exit", "irq", options)
    soft, _, soft_time, lost_soft = _irq_pairs(trace, "softirq_entry", "softirq_exit", "vec", options)
    known = _irq_names(trace, options)
    tables = [summary(hard, hard_time, "name", lambda i: f"{i} {known.get(i, '')}".strip()),
              summary(soft, soft_time, "name", lambda i: SOFTIRQS[i] if 0 <= i < len(SOFTIRQS) else str(i))]
    kinds = np.array(["irq"] * len(tables[0]["name"]) + ["softirq"] * len(tables[1]["name"]), dtype=object)
    made = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    return Table({"kind": kinds, **made}, add_lost(lost_hard, lost_soft)).sorted_by("total")


# ---- functions --------------------------------------------------------------------------------------------


def _own_time(context: np.ndarray, depth: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Without that of the functions they called: of those one deeper that ended before, in the same context, what lies
    in the caller's time. (An interrupt between a function's end and its event is deeper, too, and does not.)"""
    own = end - begin
    order = np.lexsort((end, context))
    d, p, first, last = depth[order], context[order], begin[order], end[order]
    for level in range(1, int(d.max()) + 1 if len(d) else 0):
        callees, callers = np.flatnonzero(d == level), np.flatnonzero(d == level - 1)
        found = np.searchsorted(callers, callees)
        callees, found = callees[found < len(callers)], callers[found[found < len(callers)]]
        inside = (p[callees] == p[found]) & (first[callees] >= first[found]) & (last[callees] <= last[found])
        callees, found = callees[inside], found[inside]
        np.subtract.at(own, order[found], last[callees] - first[callees])
    return own


def functions(trace: Any, **options: Any) -> Table:
    """Functions of a function_graph recording, those first that took the most time: function, own (time without that
    of what they called), count, total, mean, p50, p90, p99, max."""
    if not _has_events(trace, "ftrace/funcgraph_exit", options):
        raise SelectionError("the trace has no function graph: record with -p function_graph")
    c = trace.select("ftrace/funcgraph_exit", ["common_cpu", "common_pid", "func", "depth", "calltime", "rettime"],
                     **options).columns()
    begin, end = np.asarray(c["calltime"]).astype(np.int64), np.asarray(c["rettime"]).astype(np.int64)
    begin = np.minimum(begin, end)
    duration = end - begin
    address, key = np.unique(np.asarray(c["func"]), return_inverse=True)
    own = np.zeros(len(address), np.int64)
    pid = np.asarray(c["common_pid"]).astype(np.int64)
    # each CPU has an idle task, all of them with pid 0
    pid = np.where(pid == 0, -1 - np.asarray(c["common_cpu"]).astype(np.int64), pid)
    np.add.at(own, key, _own_time(pid, np.asarray(c["depth"]), begin, end))
    names = [trace.symbol(int(a)) or f"0x{a:x}" for a in address]
    made = summary(key, duration, "function", lambda i: names[i])
    return Table({"function": made.pop("function"), "own": own, **made}, c.lost).sorted_by("total")
