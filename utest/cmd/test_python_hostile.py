# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python module misused: wrong arguments, several threads, closed handles; and what it leaves behind."""

import gc
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from python_module import PATH, fixture, opened, tracecmd

# What may be given where something else is wanted.
VALUES = [None, True, -1, 0, 1 << 31, 1 << 32, 1 << 63, 1 << 64, -(1 << 80), 0.5, float("nan"), float("inf"), "", "x",
          "\0", "\udcff", "sched_switch", "a" * 100000, b"x", [], [None], ["x", 1], [-1], [1 << 40], (), {}, object(), [[]],
          iter([]), "*", "sched_switch,", ":", "[", "\\", "%s"]
# What the module may answer, besides doing it.
ANSWERS = (tracecmd.Error, ValueError, TypeError, OverflowError, IndexError, KeyError, MemoryError)


def use(q):
    q.columns()
    for _ in q.batches(1000):
        break
    next(iter(q), None)
    q.count()
    repr(q)


@pytest.mark.parametrize("argument", ["events", "fields", "cpus", "pids", "buffers", "start", "end", "where", "filters",
                                      "threads"])
def test_selections_take_anything(argument):
    t = opened("long-gap")
    for value in VALUES:
        try:
            use(t.select(**{argument: value}))
        except ANSWERS:
            pass
    assert t.select().count() == len(list(t))


def test_selections_take_any_mix():
    rng = random.Random(7)
    t = opened("long-gap")
    names = ["events", "fields", "cpus", "pids", "buffers", "start", "end", "where", "threads"]
    good = {"events": "sched_switch", "fields": ["ts", "next_comm"], "cpus": 0, "pids": 0, "buffers": "", "start": 1,
            "end": 1 << 62, "where": "next_pid > 0", "threads": 2}
    for _ in range(300):
        options = {n: rng.choice([*VALUES, good[n], good[n], good[n]]) for n in rng.sample(names, 3)}
        try:
            use(t.select(**options))
        except ANSWERS:
            pass


@pytest.mark.parametrize("value", [*VALUES, ["/nowhere"], [fixture("old-v7"), 5]], ids=lambda v: repr(v)[:20])
def test_open_takes_anything(value):
    try:
        tracecmd.open(value).close()
    except (*ANSWERS, OSError):
        pass


@pytest.mark.parametrize("call", [
    lambda t, v: t.symbol(v), lambda t, v: t.symbol(1, v), lambda t, v: t.facts(v), lambda t, v: t.events[v],
    lambda t, v: t.instance(v), lambda t, v: t.read_event(v), lambda t, v: t.peek_event(v),
    lambda t, v: next(t.select().batches(v)), lambda t, v: next(iter(t))[v], lambda t, v: next(iter(t)).num_field(v),
    lambda t, v: next(iter(t)).function(v), lambda t, v: next(iter(t)).field_bytes(v), lambda t, v: v in next(iter(t)),
    lambda t, v: t._handle.scan(v, v), lambda t, v: t._handle.events(v, v), lambda t, v: t._handle.kind(v, v),
    lambda t, v: t._handle.kind(0, v), lambda t, v: t._handle.tasks(v), lambda t, v: t._handle.buffer_name(v, v),
])
def test_calls_take_anything(call):
    t = opened("long-gap")
    for value in VALUES:
        try:
            call(t, value)
        except ANSWERS:
            pass


def test_the_c_half_cannot_be_made_by_hand():
    import _tracecmd
    for name in ("Scan", "Events", "Event", "Kind", "Buffer"):
        with pytest.raises(TypeError):
            getattr(_tracecmd, name)()
    for args in ((), ([],), (5, 0, 0, 0, 0), ([], 0, 0, 0, 0), ([object()], 0, 0, 0, 0)):
        with pytest.raises((TypeError, ValueError)):
            _tracecmd.Handle(*args)
    for function in (_tracecmd.arrow_schema, _tracecmd.arrow_array):
        for value in (None, (), ("i",), ("i", "x", True, None, [()], None), (1, 1, [5], [], None), (1, 1, [], [(1,)], None)):
            with pytest.raises((TypeError, ValueError, BufferError)):
                function(value)


# ---- threads ------------------------------------------------------------------------------------------


def in_threads(functions):
    """Runs them at the same time; their results, in order. A failure in one is the test's."""
    results, failures = [None] * len(functions), []

    def run(i, function):
        try:
            results[i] = function()
        except BaseException as e:      # noqa: B902
            failures.append(e)

    threads = [threading.Thread(target=run, args=args) for args in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


def test_threads_share_a_trace():
    """Columns, batches, events, texts and facts of one trace at the same time."""
    t = opened("old-v7")
    q = t.select("sched_switch")
    wanted = [e.ts for e in q]
    work = [lambda: q.columns()["ts"].tolist(), lambda: [ts for b in q.batches(50) for ts in b["ts"].tolist()],
            lambda: [e.ts for e in q], lambda: [e.ts for e in t if e.info and e.name == "sched_switch"],
            lambda: len(t.tasks) and wanted, lambda: t.select("sched_switch", threads=1).columns()["ts"].tolist()]
    for result in in_threads(work * 4):
        assert result == wanted


def test_one_reading_is_of_one_thread():
    """An iterator that two threads share gives each event once, or says that another thread reads."""
    t = opened("old-v7")
    events, wanted = iter(t), [e.ts for e in t]

    def take():
        got = []
        while True:
            try:
                got.append(next(events).ts)
            except StopIteration:
                return got
            except RuntimeError:
                time.sleep(0)

    assert sorted(itertools.chain(*in_threads([take] * 3))) == sorted(wanted)


def test_closed_while_it_is_read():
    """Whoever reads goes on to the end of what he asked for, or is told; nothing else happens."""
    for _ in range(20):
        t = opened("old-v7")
        q = t.select()

        def read():
            try:
                return q.columns().rows
            except ValueError:
                return None

        rows = in_threads([read, read, t.close, read])
        assert all(r in (None, 2257) for r in rows), rows


def test_events_of_another_thread():
    """What a thread hands on is kept as it was."""
    t = opened("old-v7")
    handed = []
    consumer = threading.Thread(target=lambda: None)
    consumer.start()
    for e in t:
        handed.append(e)
    consumer.join()
    assert [e.ts for e in handed] == [e.ts for e in t]


def test_ctrl_c_ends_reading():
    """SIGINT ends a loop over a trace between two chunks."""
    script = (f"import sys, os, signal, threading; sys.path.insert(0, {PATH!r}); import tracecmd\n"
              f"t = tracecmd.open({fixture('old-v7')!r})\n"
              "print('ready', flush=True)\n"
              "while True: t.select().columns()\n")
    p = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=300)
    assert "KeyboardInterrupt" in err and p.returncode == -signal.SIGINT


# ---- what is left -------------------------------------------------------------------------------------


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def misuse(t):
    for call in (lambda: t.select("nothing").columns(), lambda: t.select(fields=["nothing"]).columns(),
                 lambda: t.select(where="x x").columns(), lambda: next(iter(t))["nothing"], lambda: t.symbol(-1)):
        try:
            call()
        except ANSWERS:
            pass


def everything():
    with opened("long-gap") as t:
        q = t.select("sched_switch")
        q.columns().__arrow_c_array__()
        q.__arrow_c_stream__()
        q.to_pandas()
        kept = [e for e in t]
        [e.fields() for e in kept]
        kept[0].info
        next(q.batches(3))
        iter(t)
        t.lost, t.tasks, t.time_range, t.read_event(0), t.peek_event(1)
        misuse(t)


def test_nothing_leaks():
    """Rounds take no more memory than a few of them did, and leave neither threads nor descriptors."""
    rounds = int(os.environ.get("TRACECMD_PYTHON_ROUNDS", 9))
    for _ in range(max(4, rounds // 10)):
        everything()
    gc.collect()
    before, threads = resident(), len(os.listdir("/proc/self/task"))
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(rounds):
        everything()
    gc.collect()
    assert resident() - before < (2 << 20) + rounds * 4096, "memory grows"
    assert len(os.listdir("/proc/self/fd")) == descriptors and len(os.listdir("/proc/self/task")) == threads
