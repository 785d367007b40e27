#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bench.py - tracecmd beside trace-cmd, on this machine and in one run.

  record: both record hackbench (scheduler, system calls, interrupts) with their
          default settings: events kept and lost, hackbench's run time, disk used
          while recording and after, time from the workload's end to the finished
          file, memory of the recorder.
  replay: both print the largest of the recordings, and traces made of it and of
          the fixtures: events a second, memory, time to what is asked for (replay.py).

A ratio says how many times better tracecmd is; per-event numbers are by events
in the file, for a recorder that keeps more must not look worse for it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
import replay

EVENTS = ["-e", "sched", "-e", "syscalls", "-e", "irq"]
POLL_SECONDS = 0.05


class Tool:
    def __init__(self, name, program, prefix):
        self.name, self.program, self.prefix = name, program, prefix

    def version(self):
        text = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\d+\.\d+(\.\d+)?", text)
        if not found:       # trace-cmd 3.1 tells its version in its general help
            text = subprocess.run([self.program], capture_output=True, text=True)
            found = re.search(r"version (\d+\.\d+(\.\d+)?)", text.stdout + text.stderr)
        return found.group(0).replace("version ", "") if found else "?"

    def command(self, folder, *args):
        """The argument list; @folder takes what covering denied tracefs files needs."""
        return [*self.prefix(folder), self.program, *args] if self.prefix else [self.program, *args]


# ---- watching a recorder -------------------------------------------------------

def disk_bytes(folder):
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
            except FileNotFoundError:
                pass        # it has gone meanwhile
    return total


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        try:
            with open(f"/proc/{p}/task/{p}/children") as f:
                todo += [int(c) for c in f.read().split()]
        except OSError:
            pass
    return found


def resident_bytes(pid, program):
    """Private and shared memory of a recorder's own processes, workload excluded."""
    total = 0
    for p in descendants(pid):
        try:
            if os.path.realpath(f"/proc/{p}/exe") != program:
                continue
            with open(f"/proc/{p}/status") as f:
                total += sum(int(n) for n in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+)", f.read(), re.M)) * 1024
        except OSError:
            pass
    return total


class Watch(threading.Thread):
    """Peaks of disk and memory while a process runs."""

    def __init__(self, pid, program, folder):
        super().__init__()
        self.pid, self.program, self.folder = pid, os.path.realpath(program), folder
        self.disk = self.memory = 0
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(POLL_SECONDS):
            self.look()

    def look(self):
        self.disk = max(self.disk, disk_bytes(self.folder))
        self.memory = max(self.memory, resident_bytes(self.pid, self.program))

    def finish(self):
        self.over.set()
        self.join()
        self.look()


# ---- the two measurements ------------------------------------------------------

def hackbench(loops):
    return ["hackbench", "-l", str(loops)]


def hackbench_seconds(text):
    return float(re.search(r"^Time: ([0-9.]+)", text, re.M).group(1))


def count_events(path):
    """Events in a file, by its text: all lines but the first and those of losses."""
    p = subprocess.Popen([common.TRACECMD, "report", path], stdout=subprocess.PIPE)
    lines = subprocess.run(["grep", "-c", "-v", r"EVENTS DROPPED\]$"], stdin=p.stdout,
                           capture_output=True, text=True)
    p.stdout.close()
    if p.wait():
        raise SystemExit(f"bench: cannot report {path}")
    return int(lines.stdout) - 1


def kernel_losses(path):
    """Lost events by the kernel's own statistics, which both recorders store."""
    text = subprocess.run([common.TRACECMD, "report", "--stat", path], capture_output=True,
                          text=True, check=True).stdout
    return sum(int(n) for n in re.findall(r"^(?:overrun|commit overrun|dropped events): (\d+)", text, re.M))


def record(tool, folder, loops):
    work = tempfile.mkdtemp(dir=folder)
    covers = tempfile.mkdtemp(dir=folder)
    out, end = f"{work}/trace.dat", f"{covers}/end"
    workload = f"{' '.join(hackbench(loops))}; date +%s.%N >{end}"
    p = subprocess.Popen(tool.command(covers, "record", "-o", out, *EVENTS, "sh", "-c", workload), cwd=work,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watch = Watch(p.pid, tool.program, work)
    watch.start()
    text = p.communicate()[0]
    finished = time.time()
    watch.finish()
    if p.returncode:
        raise SystemExit(f"bench: {tool.name} record failed:\n{text}")
    with open(end) as f:
        ended = float(f.read())
    events, lost = count_events(out), kernel_losses(out)
    return {
        "file": out, "events": events, "lost": lost, "lost_share": lost / (events + lost),
        "hackbench_s": hackbench_seconds(text), "finish_s": finished - ended,
        "bytes_per_event": os.path.getsize(out) / events,
        "disk_per_event": watch.disk / events, "disk": watch.disk, "file_bytes": os.path.getsize(out),
        "memory": watch.memory,
    }


# ---- the table -----------------------------------------------------------------

def number(x):
    if x >= 1000:
        return f"{x:,.0f}"
    return f"{x:.3g}"


def row(label, theirs, ours, better, form=number):
    """@better: "less", "more", or None where there is nothing to compare."""
    good, bad = (theirs, ours) if better == "less" else (ours, theirs)
    ratio = "" if better is None else "-" if not bad else f"{good / bad:.2f}"
    if better == "less" and not ours:
        ratio = "none" if theirs else "equal"
    print(f"  {label:44} {form(theirs):>14} {form(ours):>14} {ratio:>8}")


def percent(x):
    return f"{x * 100:.2f} %"


def mega(x):
    return f"{x / 1e6:.1f} MB"


def middle(runs, key):
    """The run in the middle by @key."""
    return sorted(runs, key=lambda r: r[key])[len(runs) // 2]


def show_record(plain, theirs, ours):
    t, o = (middle(runs, "lost_share") for runs in (theirs, ours))
    row("events in the file", t["events"], o["events"], "more")
    row("events lost", t["lost"], o["lost"], None)
    row("share of events lost", t["lost_share"], o["lost_share"], "less", percent)
    t_s, o_s = (middle(runs, "hackbench_s")["hackbench_s"] for runs in (theirs, ours))
    row(f"hackbench, seconds ({plain:.3g} when not traced)", t_s, o_s, "less")
    row("bytes in the file per event", t["bytes_per_event"], o["bytes_per_event"], "less")
    row("file", t["file_bytes"], o["file_bytes"], None, mega)
    row("greatest disk use, bytes per event", t["disk_per_event"], o["disk_per_event"], "less")
    row("greatest disk use", t["disk"], o["disk"], None, mega)
    row("workload's end to finished file, seconds", middle(theirs, "finish_s")["finish_s"],
        middle(ours, "finish_s")["finish_s"], "less")
    row("greatest memory of the recorder", t["memory"], o["memory"], "less", mega)


def needs():
    why = common.unusable_tracefs()
    if why:
        return f"cannot record here: {why}"
    for name, package in (("trace-cmd", "trace-cmd"), ("hackbench", "rt-tests")):
        if not shutil.which(name):
            return f"{name} is missing (Debian package {package})"
    if not os.path.exists(common.TRACECMD):
        return f"{common.TRACECMD} is missing: run make"
    return None


def main():
    ap = argparse.ArgumentParser(description="tracecmd beside trace-cmd", formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument("-l", "--loops", type=int, default=400, help="hackbench's -l (400)")
    ap.add_argument("-n", "--runs", type=int, default=3, help="runs of each recorder (3)")
    ap.add_argument("-N", "--replay-runs", type=int, default=5, help="runs of each reader (5)")
    ap.add_argument("-d", "--dir", help="where to record (a new folder in the temporary one)")
    ap.add_argument("--json", metavar="FILE", help="all numbers of all runs")
    args = ap.parse_args()
    why = needs()
    if why:
        raise SystemExit(f"bench: {why}")

    tools = (Tool("trace-cmd", shutil.which("trace-cmd"), common.trace_cmd_prefix),
             Tool("tracecmd", os.path.abspath(common.TRACECMD), None))
    folder = tempfile.mkdtemp(prefix="tracecmd-bench-", dir=args.dir)
    try:
        records = {t.name: [] for t in tools}
        with common.kernel_lock():
            plain = min(hackbench_seconds(subprocess.run(hackbench(args.loops), capture_output=True, text=True).stdout)
                        for _ in range(args.runs))
            for _ in range(args.runs):
                for t in tools:
                    records[t.name].append(record(t, folder, args.loops))
        largest = max((r for runs in records.values() for r in runs), key=lambda r: r["events"])
        heads = [f"{t.name} {t.version()}" for t in tools]
        print(f"  {'record hackbench -l %d, %d runs' % (args.loops, args.runs):44} {heads[0]:>14} {heads[1]:>14}    ratio")
        show_record(plain, *records.values())
        reports = replay.run(largest["file"], args.replay_runs)
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"versions": heads, "cpus": os.cpu_count(), "loops": args.loops, "hackbench_s": plain,
                           "record": records, "replay": reports}, f, indent=1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
