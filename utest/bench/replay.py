# SPDX-License-Identifier: GPL-2.0-or-later
"""The reading half of the benchmarks: report, its filters, formats, ranges and counts.

Medians of several runs of both programs, one after the other in the same run and
on the same files. Both write into a pipe that is read and dropped; the programs'
own version of what is done is compared, where one has none there is no ratio."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common

TRACE_CMD = "trace-cmd"
GIGABYTES = 2 << 30


def build_enlarge():
    """The tool that makes traces of any size; it needs the library."""
    program = f"{common.REPO}/build/utest/tools/enlarge"
    os.makedirs(os.path.dirname(program), exist_ok=True)
    libs = subprocess.run(["pkg-config", "--cflags", "--libs", "libtraceevent", "libzstd", "liblz4", "zlib", "libxxhash", "libelf"],
                          capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", f"-I{common.REPO}/lib", "-o", program,
                    f"{common.UTEST}/tools/enlarge.c", f"{common.REPO}/build/libtracecmd.a", *libs,
                    "-ldl", "-lm", "-pthread"], check=True)
    return program


class Bench:
    def __init__(self, folder, runs):
        self.folder, self.runs = folder, runs
        self.measure = common.tool("measure")
        self.rows = []

    def once(self, how, *command):
        p = subprocess.run([self.measure, how, *map(str, command)], capture_output=True, text=True, timeout=600)
        if p.returncode:
            raise SystemExit(f"bench: failed: {' '.join(map(str, command))}")
        seconds, cpu, memory, size = p.stdout.split()
        return {"seconds": float(seconds), "cpu": float(cpu), "memory": int(memory) * 1024, "bytes": int(size)}

    def medians(self, how, *commands):
        """Of each command, by turns; what is the median of seconds."""
        results = [[] for _ in commands]
        for _ in range(self.runs):
            for result, command in zip(results, commands):
                if command:
                    result.append(self.once(how, *command))
        return [sorted(r, key=lambda x: x["seconds"])[len(r) // 2] if r else None for r in results]

    def row(self, label, theirs, ours, form, goal="", better="less"):
        ratio = ""
        if theirs:
            ratio = theirs / ours if better == "less" else ours / theirs
            ratio = f"{ratio:.1f}"
        print(f"  {label:52} {form(theirs) if theirs else '-':>12} {form(ours):>12} {ratio:>7}  {goal}", flush=True)
        self.rows.append({"what": label, "trace-cmd": theirs, "tracecmd": ours, "goal": goal})

    # ---- what is measured ----

    def report(self, label, path, events, options, theirs, goal):
        ours = [common.TRACECMD, "report", *options, path]
        t, o = self.medians("pipe", [TRACE_CMD, "report", *theirs, "-i", path] if theirs is not None else None, ours)
        self.row(f"{label}, events/s", events / t["seconds"] if t else None, events / o["seconds"], rate, goal, "more")
        return t, o

    def time(self, label, command, goal, how="pipe"):
        o, = self.medians(how, [common.TRACECMD, *command])
        self.row(label, None, o["seconds"], milli, goal)
        return o


def rate(x):
    return f"{x / 1e6:.2f} M"


def milli(x):
    return f"{x * 1e3:.1f} ms"


def mega(x):
    return f"{x / 1e6:.1f} MB"


def per_byte(x):
    return f"{x:.2f} ns"


def lines(path):
    p = subprocess.Popen([common.TRACECMD, "report", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    n = subprocess.run(["wc", "-l"], stdin=p.stdout, capture_output=True, text=True).stdout
    p.stdout.close()
    p.wait()
    return int(n) - 1


def run(path, runs=5):
    """@path: a recording of hackbench. Returns the rows."""
    folder = tempfile.mkdtemp(prefix="replay-", dir=os.path.dirname(path))
    b = Bench(folder, runs)
    enlarge = build_enlarge()

    def made(name, source, size, codec, stretch=1):
        out = f"{folder}/{name}"
        subprocess.run([enlarge, source, out, str(size), codec, str(stretch)], check=True)
        return out

    raw, packed = made("raw.dat", path, 1, "none"), made("zstd.dat", path, 1, "zstd")
    graph = made("graph.dat", f"{common.FIXTURES}/fgraph.dat", 48 << 20, "none")
    function = made("function.dat", f"{common.FIXTURES}/function.dat", 24 << 20, "none")
    events = lines(raw)
    print(f"\n  replay of {events:,} events, medians of {runs} runs on {os.cpu_count()} CPUs; to reach (to aim at) by ratio\n"
          f"  {'':52} {'trace-cmd':>12} {'tracecmd':>12} {'ratio':>7}  goal")
    _, text = b.report("report", raw, events, [], [], "25 (40)")
    b.report("report, zstd", packed, events, [], [], "25 (40)")
    t, o = b.report("report --threads 1", raw, events, ["--threads", "1"], [], "15 (25)")
    b.row("greatest memory, --threads 1", t["memory"], o["memory"], mega, "32 MB + 4 MB per thread, CPU")
    b.row("greatest memory, all threads", t["memory"], text["memory"], mega, "32 MB + 4 MB per thread, CPU")
    b.report("-F 'sched_switch: prev_prio > 100'", raw, events, ["-F", "sched_switch: prev_prio > 100"],
             ["-F", "sched_switch: prev_prio > 100"], "15 (30)")
    b.report("function", function, lines(function), [], [], "15 (25)")
    b.report("function_graph", graph, lines(graph), [], [], "15 (25)")
    _, json = b.report("--format json", raw, events, ["--format", "json"], None, "")
    b.row("JSON, per byte (trace-cmd's column: our text)", text["seconds"] / text["bytes"] * 1e9,
          json["seconds"] / json["bytes"] * 1e9, per_byte, "1")
    o = b.time("--count, uncompressed", ["report", "--count", raw], "")
    print(f"  {'':52} {'':12} {rate(events / o['seconds']):>12} {'':7}  60 M (100 M) events/s")
    with open(f"{folder}/text", "wb") as f:
        subprocess.run([common.TRACECMD, "report", raw], stdout=f, check=True)
    cat, = b.medians("pipe", ["cat", f"{folder}/text"])
    b.row("report beside cat of its text (in trace-cmd's column)", cat["seconds"], text["seconds"], milli)
    os.unlink(f"{folder}/text")
    first(b, packed, "of this file")
    os.unlink(raw)
    os.unlink(packed)
    for codec in ("none", "zstd"):
        huge = made("huge.dat", path, GIGABYTES, codec, 100)
        o = b.time(f"one second of 2 GB, {codec}", ["report", "--from", "+1000", "--to", "+1001", huge], "30 ms (10 ms)")
        b.row("    its greatest memory", None, o["memory"], mega, "32 MB + 4 MB per thread, CPU")
        first(b, huge, f"of 2 GB, {codec}")
        os.unlink(huge)
    return b.rows


def first(b, path, label):
    t, o = b.medians("2", [TRACE_CMD, "report", "-i", path] if "2 GB" not in label else None,
                     [common.TRACECMD, "report", path])
    b.row(f"first line {label}", t["seconds"] if t else None, o["seconds"], milli, "8 ms (3 ms)")


if __name__ == "__main__":
    run(os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
