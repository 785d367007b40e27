# SPDX-License-Identifier: GPL-2.0-or-later
"""The recording half of the benchmarks: what recorders lose, cost and leave behind.

Each recorder is started alone, hackbench beside it, and the recorder is interrupted as soon as that ends: so
the processor time is the recorder's own. Its file is finished when it was last written or got its name; then the
kernel is put back and temporary files are removed, until the end."""

import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common
import tracefs

EVENTS = ["-e", "sched", "-e", "syscalls", "-e", "irq"]
POLL_SECONDS = 0.05
SMALL_KB = 1410             # trace-cmd's own buffer size
QUIET_SECONDS = 3
GIGABYTES_LOOPS = 8         # times as many loops make 2 GB of 250 MB


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


def numbers(path, names):
    """The numbers behind the names in a text of /proc; none if it is gone."""
    try:
        with open(path) as f:
            return [int(n) for n in re.findall(rf"^(?:{names}):\s+(\d+)", f.read(), re.M)]
    except OSError:
        return []


class Watch(threading.Thread):
    """Disk, memory (private and shared) and wakeups of a recorder's processes while it runs."""

    def __init__(self, pid, folder):
        super().__init__()
        self.pid, self.folder = pid, folder
        self.disk = 0
        self.memory = []
        self.woken = {}     # by thread
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(POLL_SECONDS):
            self.look()

    def look(self):
        self.disk = max(self.disk, disk_bytes(self.folder))
        memory = 0
        for p in descendants(self.pid):
            memory += sum(numbers(f"/proc/{p}/status", "RssAnon|RssShmem")) * 1024
            try:
                threads = os.listdir(f"/proc/{p}/task")
            except OSError:
                continue
            for t in threads:
                self.woken[t] = max([self.woken.get(t, 0)] + numbers(f"/proc/{p}/task/{t}/status", "voluntary_ctxt_switches"))
        self.memory.append(memory)

    def finish(self):
        self.over.set()
        self.join()
        self.disk = max(self.disk, disk_bytes(self.folder))


# ---- one recording ------------------------------------------------------------

def hackbench(loops):
    """Seconds it takes."""
    text = subprocess.run(["hackbench", "-l", str(loops)], capture_output=True, text=True, check=True).stdout
    return float(re.search(r"^Time: ([0-9.]+)", text, re.M)[1])


def recording():
    """Whether the top level records events."""
    return tracefs.read(f"{tracefs.ROOT}/tracing_on") == "1\n" and "sched:" in tracefs.read(f"{tracefs.ROOT}/set_event")


def count_events(path):
    text = subprocess.run([common.TRACECMD, "report", "--count", path], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^\s*(\d+)  in all$", text, re.M)[1])


def kernel_losses(path):
    """Lost events by the kernel's own statistics, which both recorders store."""
    text = subprocess.run([common.TRACECMD, "report", "--stat", path], capture_output=True,
                          text=True, check=True).stdout
    return sum(int(n) for n in re.findall(r"^(?:overrun|commit overrun|dropped events): (\d+)", text, re.M))


def record(tool, folder, work, options=(), events=EVENTS):
    """Records while work() runs; the numbers of it. The file is left."""
    place = tempfile.mkdtemp(dir=folder)
    out = f"{place}/trace.dat"
    p = subprocess.Popen(tool.command(tempfile.mkdtemp(dir=folder), "record", "-o", out, *options, *events), cwd=place,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not recording():
        if p.poll() is not None:
            raise SystemExit(f"bench: {tool.name} record failed")
        time.sleep(0.01)
    watch = Watch(p.pid, place)
    watch.start()
    result = work()
    ended, ended_wall = time.monotonic(), time.time()
    p.send_signal(signal.SIGINT)
    _, status, usage = os.wait4(p.pid, 0)
    end_s = time.monotonic() - ended
    file_s = os.stat(out).st_ctime - ended_wall     # it was last written, or got its name, then
    p.returncode = os.waitstatus_to_exitcode(status)
    watch.finish()
    count, lost = count_events(out), kernel_losses(out)
    return {
        "file": out, "result": result, "events": count, "lost": lost, "lost_share": lost / (count + lost),
        "file_s": file_s, "end_s": end_s, "cpu_s": usage.ru_utime + usage.ru_stime, "file_bytes": os.path.getsize(out),
        "disk": watch.disk, "memory": watch.memory, "wakeups": sum(watch.woken.values()),
    }


def short_file(tool, folder):
    """Bytes of the file of a short recording, most of which is symbols and formats."""
    place = tempfile.mkdtemp(dir=folder)
    subprocess.run(tool.command(tempfile.mkdtemp(dir=folder), "record", "-o", f"{place}/trace.dat", "-e", "sched", "sleep", "0.3"),
                   cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return os.path.getsize(f"{place}/trace.dat")


def for_seconds(seconds, loops):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        hackbench(loops)


# ---- all of them ---------------------------------------------------------------

def forget(run):
    os.unlink(run["file"])
    return run


def measure(tools, folder, args):
    """The numbers of both, by name of the recorder. Runs of one and of the other take turns."""
    got = {t.name: {"runs": [], "small": []} for t in tools}
    plain = min(hackbench(args.loops) for _ in range(2))
    for i in range(args.runs):
        for t in tools:
            runs = got[t.name]["runs"]
            runs.append(record(t, folder, lambda: hackbench(args.loops)))
            if len(runs) > 1:
                forget(runs[-2])        # the last one's is for the readers
            if i < args.small_runs:
                got[t.name]["small"].append(forget(record(t, folder, lambda: hackbench(args.loops), ("-b", str(SMALL_KB)))))
    for t in tools:
        got[t.name]["short"] = short_file(t, folder)
        got[t.name]["quiet"] = forget(record(t, folder, lambda: time.sleep(QUIET_SECONDS), events=["-e", "sched"]))
        if args.large:
            got[t.name]["large"] = forget(record(t, folder, lambda: hackbench(GIGABYTES_LOOPS * args.loops)))
    ours = got[tools[1].name]
    ours["long"] = forget(record(tools[1], folder, lambda: for_seconds(args.seconds, args.loops)))
    return plain, got


# ---- the table -----------------------------------------------------------------

def row(label, theirs, ours, goal, met, form):
    """@theirs: None where there is nothing to compare."""
    said = "" if met is None else "yes" if met else "NO"
    print(f"  {label:50} {'' if theirs is None else form(theirs):>14} {form(ours):>14} {goal:>16} {said:>4}")


def middle(runs, key):
    return statistics.median(r[key] for r in runs)


def whole(x):
    return f"{x:,.0f}"


def fine(x):
    return f"{x:.3g}"


def percent(x):
    return f"{x * 100:.3g} %"


def milliseconds(x):
    return f"{x * 1000:,.0f} ms"


def mega(x):
    return f"{x / 1e6:.1f} MB"


def growth(memory):
    """The largest of the last quarter by the largest of the second one: at first all grows."""
    n = len(memory) // 4
    return max(memory[-n:]) / max(memory[n:2 * n]) if n else 1


def compare(label, theirs, ours, goal, form, limit=None):
    """Met if ours is not above the limit, or not above theirs."""
    row(label, theirs, ours, goal, ours <= (theirs if limit is None else limit), form)


def show(plain, got, heads, args):
    t, o = got.values()
    runs, small = (t["runs"], o["runs"]), (t["small"], o["small"])
    lost = [sum(r["lost"] for r in x) for x in runs]
    print(f"  {'record hackbench -l %d, %d runs' % (args.loops, args.runs):50} {heads[0]:>14} {heads[1]:>14} {'to reach':>16}  met")
    row("events in the file", *(middle(x, "events") for x in runs), "", None, whole)
    row("share of events lost", *(middle(x, "lost_share") for x in runs), "", None, percent)
    compare("events lost in all runs", *lost, "0", whole, 0)
    compare(f"the same with -b {SMALL_KB}, {len(small[0])} runs", *(sum(r["lost"] for r in x) for x in small), "theirs / 100",
            whole, sum(r["lost"] for r in small[0]) / 100)
    compare(f"hackbench, seconds ({plain:.3g} when not traced)", *(middle(x, "result") for x in runs), "theirs", fine)
    cpu = [statistics.median(r["cpu_s"] / r["events"] * 1e6 for r in x) for x in runs]
    compare("recorder's CPU seconds per million events", *cpu, "theirs", fine)
    compare("interrupt to finished file", *(middle(x, "file_s") for x in runs), "50 ms", milliseconds, 0.05)
    if args.large:
        compare(f"the same with {GIGABYTES_LOOPS} times the events", *(x["large"]["file_s"] for x in (t, o)), "100 ms", milliseconds, 0.1)
    compare("interrupt to the end, the kernel put back", *(middle(x, "end_s") for x in runs), "theirs", milliseconds)
    disk = [statistics.median(r["disk"] / r["file_bytes"] for r in x) for x in runs]
    compare("greatest disk use, times the file", *disk, "1.1", fine, 1.1)
    row("file", *(middle(x, "file_bytes") for x in runs), "", None, mega)
    compare("file of record -e sched sleep 0.3", t["short"], o["short"], "0.85 of theirs", mega, 0.85 * t["short"])
    row("greatest memory", *(max(max(r["memory"]) for r in x) for x in runs), "", None, mega)
    compare(f"its growth while it records, {args.seconds} s", None, growth(o["long"]["memory"]), "1.05", fine, 1.05)
    row("wakeups a second, -e sched on a quiet machine", *(x["quiet"]["wakeups"] / QUIET_SECONDS for x in (t, o)), "", None, fine)
    row("wakeups per million events", *(statistics.median(r["wakeups"] / r["events"] * 1e6 for r in x) for x in runs), "", None, whole)
