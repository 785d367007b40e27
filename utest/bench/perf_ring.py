#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What an event costs that is recorded through perf's rings: tracecmd record --perf beside perf record. Also a program."""

import os
import re
import resource
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common

EVENT = "syscalls:sys_enter_write"
WRITES = 2000000
RUNS = 3
RING_KB = 8192


def cpu_ns(*args):
    """Processor time of a command and all it starts, user and system."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = common.run(*args)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(getattr(after, t) - getattr(before, t) for t in ("ru_utime", "ru_stime")) * 1e9, p


def lost_by_perf(text):
    m = re.search(r"lost (\d+) (?:chunks|events|samples)", text, re.I)
    return int(m[1]) if m else 0


def one_run(folder):
    """What each write costs more, in nanoseconds, by recorder; how many each lost, and the sizes of the files."""
    work = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={WRITES}"]
    ours, theirs = f"{folder}/trace.dat", f"{folder}/perf.data"
    plain, _ = cpu_ns(*work)
    dat, _ = cpu_ns(common.TRACECMD, "record", "-q", "--perf", "-b", RING_KB, "-F", "-e", EVENT, "-o", ours, *work)
    data, p = cpu_ns("perf", "record", "-c", "1", "-m", f"{RING_KB}K", "-e", EVENT, "-o", theirs, *work)
    lost = sum(int(n) for n in re.findall(r"^overrun: (\d+)$", common.report(ours, "--stat"), re.M))
    return {"ours": (dat - plain) / WRITES, "theirs": (data - plain) / WRITES, "lost": lost,
            "lost by perf": lost_by_perf(p.stderr), "bytes": os.path.getsize(ours), "bytes of perf": os.path.getsize(theirs)}


def show():
    with tempfile.TemporaryDirectory(prefix="tracecmd-bench-") as folder:
        runs = [one_run(folder) for _ in range(RUNS)]
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(f"\nthrough perf's rings: {WRITES} system calls of one process, medians of {RUNS}")
    print(f"  tracecmd record --perf: {middle['ours']:.0f} ns of processor time for an event, {middle['lost']:.0f} lost, "
          f"{middle['bytes'] / 1e6:.1f} MB")
    print(f"  perf record:            {middle['theirs']:.0f} ns (to be reached), {middle['lost by perf']:.0f} lost, "
          f"{middle['bytes of perf'] / 1e6:.1f} MB")


if __name__ == "__main__":
    show()
