#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading from Python: columns, frames, loops, memory; beside a loop as trace-cmd's module makes it.

That module cannot be imported as Debian builds it. What it does for each event is done here
by the same library that it is made on: libtraceevent finds the event and reads a field, called through
ctypes from a Python loop, with the records at hand. Finding these in the file is left out, so the
module itself is slower than this."""

import ctypes
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

PATH = f"{common.REPO}/build/python"

# What is measured, each in a process of its own: prints seconds, what was done, and the bytes of the
# result and of the memory that came on.
CASES = {
    "one field of one event": ("q = t.select('sched_switch', ['next_pid']); c = q.columns(); n = EVENTS; size = c.nbytes", "scanned"),
    "all events, five columns": ("c = t.select().columns(); n = c.rows; size = c.nbytes", "rows"),
    "sched_switch, all fields, to pandas": ("df = t.select('sched_switch').to_pandas(); n = len(df); "
                                            "size = int(df.memory_usage(index=False).sum())", "rows"),
    "for e in t: e.ts": ("for e in t: e.ts\nn = EVENTS; size = 0", "events"),
    "for e in t: e[field]": ("n = 0\nfor e in t:\n    e['common_pid']; n += 1\nsize = 0", "events"),
}
MEASURE = """
import sys, time
sys.path.insert(0, {path!r})
import tracecmd, numpy, pandas
def status(name):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name)) * 1024
warm = tracecmd.open({small!r})
warm.select("sched_switch").to_pandas(); list(warm)
t = tracecmd.open({file!r})
t.select("sched_switch", ["ts"], end=1).columns()
EVENTS = {events}
with open("/proc/self/clear_refs", "w") as f:
    f.write("5")                    # the peak counts from here
before, start, cpu = status("VmRSS"), time.perf_counter(), time.process_time()
{code}
print(time.perf_counter() - start, time.process_time() - cpu, n, size, status("VmHWM") - before)
"""


def measure(code, file, events, small):
    text = MEASURE.format(path=PATH, small=small, file=file, events=events, code=code)
    out = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()
    return [float(x) for x in out]


def best(code, file, events, small, runs):
    """The run with the median time."""
    return sorted(measure(code, file, events, small) for _ in range(runs))[runs // 2]


class Record(ctypes.Structure):
    """struct tep_record, of traceevent/event-parse.h."""
    _fields_ = [("ts", ctypes.c_ulonglong), ("offset", ctypes.c_ulonglong), ("missed_events", ctypes.c_longlong),
                ("record_size", ctypes.c_int), ("size", ctypes.c_int), ("data", ctypes.c_void_p), ("cpu", ctypes.c_int),
                ("ref_count", ctypes.c_int), ("locked", ctypes.c_int), ("priv", ctypes.c_void_p)]


def old_way(tracecmd, file, nr=200_000):
    """Events a second of the loop that trace-cmd's module makes: event by record, field by name, number."""
    lib = ctypes.CDLL("libtraceevent.so.1")
    lib.tep_alloc.restype = lib.tep_find_event_by_record.restype = lib.tep_find_any_field.restype = ctypes.c_void_p
    lib.tep_find_any_field.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    lib.tep_find_event_by_record.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    lib.tep_read_number_field.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_ulonglong)]
    lib.tep_parse_event.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
    tep = ctypes.c_void_p(lib.tep_alloc())
    formats = common.run(common.TRACECMD, "dump", "--events", file).stdout.split("\nname: ")
    for text in ("name: " + f for f in formats[1:]):
        lib.tep_parse_event(tep, text.encode(), len(text), b"any")
    records = []
    for e in tracecmd.open(file):
        data = e.raw
        records.append((Record(ts=e.ts, size=len(data), record_size=len(data), cpu=e.cpu,
                               data=ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)), data))
        if len(records) == nr:
            break
    value, start, found = ctypes.c_ulonglong(), time.perf_counter(), 0
    for record, _ in records:
        event = lib.tep_find_event_by_record(tep, ctypes.byref(record))
        field = lib.tep_find_any_field(event, b"common_pid") if event else None
        found += field is not None and lib.tep_read_number_field(field, record.data, ctypes.byref(value)) == 0
    assert found > len(records) * 0.9
    return len(records) / (time.perf_counter() - start)


GOALS = {"one field of one event": 50e6, "sched_switch, all fields, to pandas": 10e6, "for e in t: e.ts": 2e6, "for e in t: e[field]": 2e6}
# Memory that comes on, by the result's, where the result is large.
MEMORY = 1.2


def show(source, runs=3):
    """@source: a recording of hackbench."""
    sys.path.insert(0, PATH)
    import tracecmd
    enlarge, small = common.build_enlarge(), f"{common.FIXTURES}/old-v7.dat"
    with tempfile.TemporaryDirectory(prefix="python-", dir=os.path.dirname(os.path.abspath(source))) as folder:
        files = {}
        for name, of, size, codec in (("none", source, 1, "none"), ("zstd", source, 1, "zstd"),
                                      ("switches", f"{common.FIXTURES}/long-gap.dat", 200 << 20, "none")):
            files[name] = f"{folder}/{name}.dat"
            subprocess.run([enlarge, of, files[name], str(size), codec, "1"], check=True)
        counts = {name: tracecmd.open(file).select().count() for name, file in files.items()}
        old = old_way(tracecmd, files["none"])
        print(f"\n  Python, {counts['none']:,} events, medians of {runs} runs; a loop as trace-cmd's module makes it: {old / 1e6:.2f} M/s")
        print(f"  {'':52} {'a second':>10} {'of CPU':>10} {'memory by result':>17} {'to reach':>9}")
        for what, (code, unit) in CASES.items():
            for name in ("switches",) if "all fields" in what else ("none", "zstd"):
                seconds, cpu, n, size, memory = best(code, files[name], counts[name], small, runs)
                goal = GOALS.get(what)
                share = f"{memory / size:.2f}" if size > 32 << 20 else ""
                print(f"  {what + ', ' + name:52} {n / seconds / 1e6:7.1f} M {n / cpu / 1e6:8.1f} M {share:>17} "
                      f"{f'{goal / 1e6:.0f} M' if goal else '':>9} {'' if not goal else 'met' if n / seconds >= goal else 'missed'}"
                      f"{' memory missed' if share and memory > MEMORY * size else ''}", flush=True)


if __name__ == "__main__":
    show(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3)
