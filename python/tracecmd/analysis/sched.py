# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who ran when, who waited for a CPU and how long: of sched_switch, sched_wakeup and their kin."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np

from .table import Table, add_lost, histogram, summary

WAKEUPS = ("sched_wakeup", "sched_wakeup_new")


def _read(trace: Any, events: Any, fields: list, options: dict) -> Any:
    return trace.select(events, fields, **options).columns()


def _has(trace: Any, name: str) -> bool:
    return any(key.endswith("/" + name) for key in trace.events)


def _switches(trace: Any, options: dict) -> Any:
    return _read(trace, "sched_switch", ["ts", "common_cpu", "prev_pid", "prev_comm", "prev_state", "next_pid",
                                         "next_comm", "common_lost"], options)


def _wakeups(trace: Any, options: dict) -> Any:
    names = [name for name in WAKEUPS if _has(trace, name)]
    return _read(trace, [f"sched/{name}" for name in names], ["ts", "pid", "target_cpu"], options) if names else None


def _still_runs(state: np.ndarray) -> np.ndarray:
    """Whether a task that was switched out could go on: TASK_RUNNING, or that with the flag for "preempted"."""
    return (np.asarray(state).astype(np.int64) & 0xff) == 0


def names(switches: Any) -> Dict[int, str]:
    """The name of each process, as the last switch has it."""
    made: Dict[int, str] = {}
    for pids, words in ((switches["prev_pid"], switches["prev_comm"]), (switches["next_pid"], switches["next_comm"])):
        # of equal pids the last: dict() takes it
        last = dict(zip(np.asarray(pids).tolist(), words.codes.tolist()))
        made.update((pid, words.words[code]) for pid, code in last.items() if code >= 0)
    made[0] = "<idle>"
    return made


# ---- latency ------------------------------------------------------------------------------------------


def waits(trace: Any, preempted: bool = False, **options: Any) -> Table:
    """Each time that a task waited for a CPU: pid, the time it could have run from on, and for how long.

    From being woken until it runs; with preempted also from being switched out while it could go on.
    """
    switches, woken = _switches(trace, options), _wakeups(trace, options)
    parts = [(np.asarray(switches["ts"]), np.asarray(switches["next_pid"]), 1)]
    if woken is not None:
        parts.append((np.asarray(woken["ts"]), np.asarray(woken["pid"]), 0))
    if preempted:
        out = _still_runs(switches["prev_state"])
        parts.append((np.asarray(switches["ts"])[out], np.asarray(switches["prev_pid"])[out], 0))
    ts = np.concatenate([p[0] for p in parts]).astype(np.int64)
    pid = np.concatenate([p[1] for p in parts])
    runs = np.concatenate([np.full(len(p[0]), p[2], np.int8) for p in parts])
    # by task and time; at the same time it runs after it was woken
    order = np.lexsort((runs, ts, pid))
    ts, pid, runs = ts[order], pid[order], runs[order]
    begins = _first_of_row(pid, runs)
    start = np.flatnonzero((runs == 0) & begins & (pid != 0))
    # what follows the first of the wakeups is a run, or it never ran
    end = _next_run(runs, start)
    known = (end < len(ts)) & (pid[np.minimum(end, max(len(ts) - 1, 0))] == pid[start]) if len(ts) else start == -1
    start, end = start[known], end[known]
    return Table({"pid": pid[start], "ts": ts[start], "wait": ts[end] - ts[start]},
                 add_lost(switches.lost, woken.lost if woken is not None else 0))


def _first_of_row(pid: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Of several wakeups, one behind the other, of one task the first."""
    first = np.ones(len(pid), bool)
    first[1:] = (pid[1:] != pid[:-1]) | (runs[1:] != runs[:-1])
    return first


def _next_run(runs: np.ndarray, start: np.ndarray) -> np.ndarray:
    """For each place the next one where a task runs; the length if there is none."""
    at = np.flatnonzero(runs == 1)
    found = np.searchsorted(at, start)
    return np.append(at, len(runs))[found]


def latency(trace: Any, preempted: bool = False, **options: Any) -> Table:
    """Scheduling latency by task: how long it waited for a CPU, the longest mean first: pid, comm, count, total,
    mean, p50, p90, p99, max, and when the longest wait began."""
    every = waits(trace, preempted, **options)
    known = names(_switches(trace, options))
    made = summary(every["pid"], every["wait"], "pid", lambda pid: pid)
    # the longest of each, the first of equals
    order = np.lexsort((every["ts"], -every["wait"], every["pid"]))
    _, first = np.unique(every["pid"][order], return_index=True)
    pids = made.pop("pid")
    table = Table({"pid": pids.astype(np.int64), "comm": np.array([known.get(p, "<...>") for p in pids], dtype=object),
                   **made, "max_at": every["ts"][order][first]}, every.lost)
    return table.sorted_by("mean")


def latency_histogram(trace: Any, preempted: bool = False, **options: Any) -> Table:
    return histogram(waits(trace, preempted, **options)["wait"])


# ---- CPU use --------------------------------------------------------------------------------------------


def intervals(trace: Any, **options: Any) -> Table:
    """Who ran on which CPU from when to when: cpu, pid, start, end. What lies around lost events is left out, for
    nobody knows who ran there; so is what lies in front of a CPU's first switch and behind its last one."""
    switches = _switches(trace, options)
    cpu = np.asarray(switches["common_cpu"])
    order = np.argsort(cpu, kind="stable")
    cpu, ts = cpu[order], np.asarray(switches["ts"]).astype(np.int64)[order]
    pid = np.asarray(switches["next_pid"])[order]
    lost = np.ma.filled(switches["common_lost"], 1)[order] != 0
    known = (cpu[1:] == cpu[:-1]) & ~lost[1:] if len(cpu) else np.zeros(0, bool)
    return Table({"cpu": cpu[:-1][known], "pid": pid[:-1][known], "start": ts[:-1][known], "end": ts[1:][known]},
                 switches.lost)


def cpu_use(trace: Any, **options: Any) -> Table:
    """CPU time by task, the most first: pid, comm, time, share (of all CPUs' known time), runs. Pid 0 is idling."""
    every = intervals(trace, **options)
    known = names(_switches(trace, options))
    pids, index = np.unique(every["pid"], return_inverse=True)
    spent = (every["end"] - every["start"]).astype(np.int64)
    time = np.zeros(len(pids), np.int64)
    np.add.at(time, index, spent)
    table = Table({"pid": pids, "comm": np.array([known.get(p, "<...>") for p in pids.tolist()], dtype=object),
                   "time": time, "share": time / max(1, int(spent.sum())),
                   "runs": np.bincount(index, minlength=len(pids))}, every.lost)
    return table.sorted_by("time")


def cpu_use_over_time(trace: Any, bins: int = 100, pid: Optional[int] = None, **options: Any) -> Table:
    """The share of each CPU's time that was not idle (or was the task's), in equal pieces of time: start, and a
    column for each CPU. Time of which nothing is known counts as idle."""
    if not 0 < bins <= 1 << 20:
        raise ValueError("bins: a number from 1 to 1048576 is wanted")
    every = intervals(trace, **options)
    busy = every["pid"] == pid if pid is not None else every["pid"] != 0
    if not every.rows:
        return Table({"start": np.zeros(0, np.int64)}, every.lost)
    first, last = int(every["start"].min()), int(every["end"].max())
    edges = np.linspace(first, last, bins + 1)
    made: Dict[str, Any] = {"start": edges[:-1].astype(np.int64)}
    for cpu in np.unique(every["cpu"]).tolist():
        mine = busy & (every["cpu"] == cpu)
        start, end = every["start"][mine], every["end"][mine]
        # busy time up to each edge: of a CPU intervals do not overlap
        until = np.interp(edges, np.column_stack((start, end)).ravel(), _running_sum(start, end)) if len(start) else edges * 0
        made[f"cpu{cpu}"] = np.diff(until) / max(1.0, (last - first) / bins)
    return Table(made, every.lost)


def _running_sum(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    total = np.cumsum(end - start)
    return np.column_stack((np.append(0, total[:-1]), total)).ravel()


# ---- length of the runqueues --------------------------------------------------------------------------


def _task_events(trace: Any, options: dict) -> tuple:
    """What tells where a task is runnable: ts, rank (of what happens at one time), pid, cpu (-1: nowhere), whether it
    only moves."""
    switches, woken = _switches(trace, options), _wakeups(trace, options)
    ts, cpu = np.asarray(switches["ts"]).astype(np.int64), np.asarray(switches["common_cpu"]).astype(np.int64)
    stays = _still_runs(switches["prev_state"])
    parts = [(ts, 1, switches["prev_pid"], np.where(stays, cpu, -1), False), (ts, 2, switches["next_pid"], cpu, False)]
    lost = [switches.lost]
    if woken is not None:
        parts.append((np.asarray(woken["ts"]).astype(np.int64), 0, woken["pid"],
                      np.asarray(woken["target_cpu"]).astype(np.int64), False))
        lost.append(woken.lost)
    if _has(trace, "sched_migrate_task"):
        moved = _read(trace, "sched_migrate_task", ["ts", "pid", "dest_cpu"], options)
        parts.append((np.asarray(moved["ts"]).astype(np.int64), 0, moved["pid"],
                      np.asarray(moved["dest_cpu"]).astype(np.int64), True))
        lost.append(moved.lost)
    return parts, add_lost(*lost)


def runqueue(trace: Any, **options: Any) -> Table:
    """How many tasks run or wait for a CPU, from each change on: ts, all, and a column for each CPU. Tasks of which
    nothing was seen yet do not count, so the first milliseconds show fewer than there are."""
    parts, lost = _task_events(trace, options)
    ts = np.concatenate([p[0] for p in parts])
    rank = np.concatenate([np.full(len(p[0]), p[1]) for p in parts])
    pid = np.concatenate([np.asarray(p[2]) for p in parts])
    cpu = np.concatenate([p[3] for p in parts])
    moves = np.concatenate([np.full(len(p[0]), p[4]) for p in parts])
    keep = pid != 0
    ts, rank, pid, cpu, moves = (x[keep] for x in (ts, rank, pid, cpu, moves))
    order = np.lexsort((rank, ts, pid))
    ts, pid, cpu, moves = ts[order], pid[order], cpu[order], moves[order]
    cpu = _moved(pid, cpu, moves)
    before = np.full(len(cpu), -1)
    before[1:] = np.where(pid[1:] == pid[:-1], cpu[:-1], -1)
    changed = before != cpu
    return _lengths(ts[changed], before[changed], cpu[changed], lost)


def _moved(pid: np.ndarray, cpu: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Where each task is runnable: one that sleeps while it is moved stays asleep."""
    at = np.arange(len(cpu))
    last = np.maximum.accumulate(np.where(moves, -1, at)) if len(at) else at
    same = (last >= 0) & (pid[np.maximum(last, 0)] == pid)
    awake = same & (cpu[np.maximum(last, 0)] >= 0)
    return np.where(moves & ~awake, -1, cpu)


def _lengths(ts: np.ndarray, before: np.ndarray, after: np.ndarray, lost: Any) -> Table:
    order = np.argsort(ts, kind="stable")
    ts, before, after = ts[order], before[order], after[order]
    made: Dict[str, Any] = {"ts": ts, "all": np.cumsum((after >= 0).astype(int) - (before >= 0))}
    for cpu in np.unique(after[after >= 0]).tolist():
        made[f"cpu{cpu}"] = np.cumsum((after == cpu).astype(int) - (before == cpu))
    # of several changes at one time the last
    ends = np.append(ts[1:] != ts[:-1], True) if len(ts) else np.zeros(0, bool)
    return Table(made, lost).take(ends)
