# SPDX-License-Identifier: GPL-2.0-or-later
"""The reading half of the benchmarks: report, its filters, formats, ranges and counts.

Medians of several runs of both programs, by turns in the same run and on the same
files. Both write into a pipe that is read and dropped; the programs' own version of
what is done is compared, where trace-cmd has none there is no ratio. Beside each
row stands what is to be reached (and to be aimed at), and whether it was."""

import collections
import glob
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common
import interface

TRACE_CMD = "trace-cmd"
GIGABYTES = 2 << 30
FILTER = "sched_switch: prev_prio > 100"
MB = 1 << 20


# What a row is judged by: "ratio" to trace-cmd, or the value itself, that is to be at "least" or
# "most" so much.
Goal = collections.namedtuple("Goal", "of reach aim")
FAST = Goal("ratio", 25, 40)
FAST_ALONE = Goal("ratio", 15, 25)
FILTERED = Goal("ratio", 15, 30)
RANGE = Goal("most", 0.030, 0.010)
FIRST = Goal("most", 0.008, 0.003)
COUNT = Goal("least", 60e6, 100e6)
ITERATE = Goal("ratio", 8, 10)
LOAD = Goal("ratio", 3, 4)


def memory_goal(threads):
    """32 MB, and 4 for each thread and for each of the trace's CPUs."""
    most = 32 * MB + 4 * MB * (threads + os.cpu_count())
    return Goal("most", most, most)


def judge(goal, ratio, value, form):
    """What to reach as text, and how it went."""
    if not goal:
        return "", ""
    if goal.of == "ratio":
        form = lambda x: f"{x:g}"
    given = ratio if goal.of == "ratio" else value
    if given is None:
        return f"{goal.reach:g} ({goal.aim:g})", "not compared"
    words = form(goal.reach) + (f" ({form(goal.aim)})" if goal.aim != goal.reach else "")
    reached = [given <= x if goal.of == "most" else given >= x for x in (goal.reach, goal.aim)]
    return words, "missed" if not reached[0] else "aim met" if reached[1] and goal.aim != goal.reach else "met"


class Bench:
    def __init__(self, runs):
        self.runs = runs
        self.measure = common.tool("measure")
        self.rows = []
        self.known = {}

    def once(self, how, command):
        p = subprocess.run([self.measure, how, *command], capture_output=True, text=True, timeout=600)
        if p.returncode and command[0] == TRACE_CMD:    # it crashes on some filters
            return None
        if p.returncode:
            raise SystemExit(f"bench: failed: {' '.join(command)}")
        seconds, cpu, memory, size = p.stdout.split()
        return {"seconds": float(seconds), "cpu": float(cpu), "memory": int(memory) * 1024, "bytes": int(size)}

    def medians(self, how, *commands):
        """Of each command, by turns; the run with the median time. One that was run on the
        same file before is not run again; None gives None, so does a failing trace-cmd."""
        keys = [(how, *c) if c else None for c in commands]
        results = {k: [] for k in keys if k and k not in self.known}
        for _ in range(self.runs):
            for key, result in results.items():
                result.append(self.once(how, key[1:]))
        for key, result in results.items():
            self.known[key] = None if None in result else sorted(result, key=lambda x: x["seconds"])[self.runs // 2]
        return [self.known[k] if k else None for k in keys]

    def row(self, label, theirs, ours, form, goal=None, better="less"):
        ratio = None
        if theirs:
            ratio = theirs / ours if better == "less" else ours / theirs
        words, result = judge(goal, ratio, ours, form)
        print(f"  {label:44} {form(theirs) if theirs else '-':>11} {form(ours):>11} "
              f"{f'{ratio:.1f}' if ratio else '':>7}  {words:>18}  {result}", flush=True)
        self.rows.append({"what": label, "trace-cmd": theirs, "tracecmd": ours, "ratio": ratio,
                          "goal": goal and goal._asdict(), "result": result})

    def head(self, title):
        print(f"\n  {title:44} {'trace-cmd':>11} {'tracecmd':>11} {'ratio':>7}  {'to reach (aim)':>18}", flush=True)

    # ---- what is measured ----

    def report(self, label, path, events, options, theirs, goal=None):
        t, o = self.medians("pipe", [TRACE_CMD, "report", *theirs, "-i", path] if theirs is not None else None,
                            [common.TRACECMD, "report", *options, path])
        self.row(f"{label}, events/s", events / t["seconds"] if t else None, events / o["seconds"], rate,
                 goal, "more")
        return t, o

    def first_line(self, label, path, compare):
        """The line behind that of the number of CPUs."""
        t, o = self.medians("2", [TRACE_CMD, "report", "-i", path] if compare else None,
                            [common.TRACECMD, "report", path])
        self.row(f"first line of {label}", t["seconds"] if t else None, o["seconds"], milli, FIRST)

    def slowest_fixture(self):
        times = {}
        for path in sorted(glob.glob(f"{common.FIXTURES}/*.dat")):
            times[path] = self.medians("2", [common.TRACECMD, "report", path])[0]["seconds"]
        return max(times, key=times.get), len(times)


def rate(x):
    return f"{x / 1e6:.2f} M"


def milli(x):
    return f"{x * 1e3:.1f} ms"


def mega(x):
    return f"{x / MB:.0f} MiB"


def per_byte(x):
    return f"{x:.2f} ns"


def lines(path):
    p = subprocess.Popen([common.TRACECMD, "report", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    n = subprocess.run(["wc", "-l"], stdin=p.stdout, capture_output=True, text=True).stdout
    p.stdout.close()
    p.wait()
    return int(n) - 1


def whole_files(b, made, path):
    """All of a recording's events: speed, memory, formats, counts."""
    raw, packed = made("raw.dat", path, 1, "none"), made("zstd.dat", path, 1, "zstd")
    events, cpus = lines(raw), os.cpu_count()
    b.head(f"{events:,} events on {cpus} CPUs, medians of {b.runs}")
    theirs, text = b.report("report, uncompressed", raw, events, [], [], FAST)
    _, zstd = b.report("report, zstd", packed, events, [], [], FAST)
    _, alone = b.report("report --threads 1, uncompressed", raw, events, ["--threads", "1"], [], FAST_ALONE)
    b.report("report --threads 1, zstd", packed, events, ["--threads", "1"], [], FAST_ALONE)
    b.report(f"-F '{FILTER}'", raw, events, ["-F", FILTER], ["-F", FILTER], FILTERED)
    b.row("greatest memory, --threads 1", theirs and theirs["memory"], alone["memory"], mega, memory_goal(1))
    b.row("greatest memory, all threads", theirs and theirs["memory"], max(text["memory"], zstd["memory"]), mega,
          memory_goal(cpus))
    count, = b.medians("pipe", [common.TRACECMD, "report", "--count", "--threads", "1", raw])
    b.row("--count --threads 1, uncompressed, events/s", None, events / count["seconds"], rate, COUNT)
    _, json = b.report("report --format json", raw, events, ["--format", "json"], None)
    eight, = b.medians("pipe", [common.TRACECMD, "report", "--format", "json", "--threads", "8", packed])
    b.row("JSON, greatest memory, 8 threads", None, eight["memory"], mega, memory_goal(8))
    of_text = text["seconds"] / text["bytes"] * 1e9
    b.row("JSON, time for a byte", None, json["seconds"] / json["bytes"] * 1e9, per_byte,
          Goal("most", of_text, of_text))
    copy = os.path.join(os.path.dirname(raw), "text")
    with open(copy, "wb") as f:
        subprocess.run([common.TRACECMD, "report", raw], stdout=f, check=True)
    cat, = b.medians("pipe", ["cat", copy])
    b.row("report (cat of its text as trace-cmd)", cat["seconds"], text["seconds"], milli)
    os.unlink(copy)
    b.first_line("this, zstd", packed, True)
    b.head("trace-cmd's interface, libraries in each other's place, zstd")
    interface.measure(b, packed, (ITERATE, LOAD), rate, milli)
    os.unlink(raw)
    os.unlink(packed)


def functions(b, made):
    function = made("function.dat", f"{common.FIXTURES}/function.dat", 24 * MB, "none")
    graph = made("graph.dat", f"{common.FIXTURES}/fgraph.dat", 48 * MB, "none")
    b.head("the function tracers, fixtures repeated")
    b.report("function", function, lines(function), [], [], FAST_ALONE)
    b.report("function_graph", graph, lines(graph), [], [], FAST_ALONE)
    os.unlink(function)
    os.unlink(graph)


def large_files(b, made, path):
    b.head("a second of 2 GB, and first lines")
    for codec in ("none", "zstd"):
        huge = made("huge.dat", path, GIGABYTES, codec, 100)
        o, = b.medians("pipe", [common.TRACECMD, "report", "--from", "+1000", "--to", "+1001", huge])
        b.row(f"one second of 2 GB, {codec}", None, o["seconds"], milli, RANGE)
        b.row("    its greatest memory", None, o["memory"], mega, memory_goal(os.cpu_count()))
        # trace-cmd decompresses all of it first
        b.first_line(f"2 GB, {codec}", huge, codec == "none")
        os.unlink(huge)
        b.known.clear()     # another file of the same name
    slowest, nr = b.slowest_fixture()
    b.first_line(f"{os.path.basename(slowest)}, slowest of {nr}", slowest, True)


def run(path, runs=5):
    """@path: a recording of hackbench. Returns the rows."""
    start = time.monotonic()
    b = Bench(runs)
    enlarge = common.build_enlarge()
    with tempfile.TemporaryDirectory(prefix="replay-", dir=os.path.dirname(path)) as folder:
        def made(name, source, size, codec, stretch=1):
            out = f"{folder}/{name}"
            subprocess.run([enlarge, source, out, str(size), codec, str(stretch)], check=True)
            return out

        whole_files(b, made, path)
        functions(b, made)
        large_files(b, made, path)
    judged = [r["result"] for r in b.rows if r["result"] not in ("", "not compared")]
    print(f"\n  {len(judged) - judged.count('missed')} of {len(judged)} goals reached, "
          f"{judged.count('aim met')} with what was aimed at; {time.monotonic() - start:.0f} seconds", flush=True)
    return b.rows


if __name__ == "__main__":
    run(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
