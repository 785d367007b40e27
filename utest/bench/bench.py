#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bench.py - tracecmd beside trace-cmd, on this machine and in one run.

  record: both record hackbench (scheduler, system calls, interrupts): events
          lost, hackbench's run time, processor time, disk, memory, time to the
          finished file; beside each what is to be reached (recorder.py).
  replay: both print the largest of the recordings, and traces made of it and of
          the fixtures: events a second, memory, time to what is asked for (replay.py).
  python: columns, frames and loops of the Python module (python.py).
  perf: what an event costs through perf's rings, beside perf record (perf_ring.py).
  user events: what they cost a program, by tracecmd's library alone (user_events.py).
  listener: a thousand recorders that send at once (listen.py).
  wire: the bytes that a recording costs on its way (wire.py).

Per-event numbers are by events in the file, for a recorder that keeps more must
not look worse for it.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
import listen
import perf_ring
import python
import recorder
import replay
import user_events
import wire


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


def needs():
    why = common.unusable_tracefs()
    if why:
        return f"cannot record here: {why}"
    for name, package in (("trace-cmd", "trace-cmd"), ("hackbench", "rt-tests"), ("perf", "linux-perf")):
        if not shutil.which(name):
            return f"{name} is missing (Debian package {package})"
    if not os.path.exists(common.TRACECMD):
        return f"{common.TRACECMD} is missing: run make"
    return None


def main():
    ap = argparse.ArgumentParser(description="tracecmd beside trace-cmd", formatter_class=argparse.RawTextHelpFormatter)
    ap.add_argument("-l", "--loops", type=int, default=400, help="hackbench's -l (400)")
    ap.add_argument("-n", "--runs", type=int, default=10, help="runs of each recorder (10)")
    ap.add_argument("--small-runs", type=int, default=3, help="of these with small buffers, too (3)")
    ap.add_argument("--seconds", type=int, default=20, help="of the recording whose memory is watched (20; 1200 are 20 minutes)")
    ap.add_argument("--large", action="store_true", help="a recording of 2 GB, too")
    ap.add_argument("-N", "--replay-runs", type=int, default=5, help="runs of each reader (5); 0: no readers")
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
        with common.kernel_lock():
            plain, records = recorder.measure(tools, folder, args)
        heads = [f"{t.name} {t.version()}" for t in tools]
        recorder.show(plain, records, heads, args)
        largest = max((of["runs"][-1] for of in records.values()), key=lambda r: r["events"])
        reports = replay.run(largest["file"], args.replay_runs) if args.replay_runs else None
        python.show(largest["file"])
        perf_ring.show()
        user_events.show()
        listen.show()
        wire.show()
        if args.json:
            with open(args.json, "w") as f:
                json.dump({"versions": heads, "cpus": os.cpu_count(), "loops": args.loops, "hackbench_s": plain,
                           "record": records, "replay": reports}, f, indent=1)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
