#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases inside a guest, as root, and leaves what they made for the host.

    guest.py OUTPUT-FOLDER CASE...

Each case gets a folder OUTPUT-FOLDER/CASE: the files it keeps and result.json
(passed, what it says if not, what it noted, seconds).
"""

import json
import os
import shutil
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tracefs
from common import TRACECMD, tool
from kernel.cases import CASES


class Guest:
    """What a case works with. Files are made in a tmpfs and kept at the end."""

    def __init__(self, case, work):
        self.case, self.work, self.program = case, work, TRACECMD
        self.notes = {}
        self.log = []
        self.workload = f"{work}/workload"
        shutil.copy(tool("workload"), self.workload)
        self.markers = tool("markers")
        self.cpus = os.cpu_count()
        self.root = tracefs.ROOT
        self.undo = []

    def defer(self, function, *args):
        """Calls function(*args) at the end of the case, the last one first."""
        self.undo.append((function, args))

    def end(self):
        while self.undo:
            function, args = self.undo.pop()
            function(*args)

    def path(self, name):
        return f"{self.work}/{name}"

    def run(self, *args, status=0, timeout=400, **kw):
        """Runs any program in the work folder; returns the completed process."""
        t0 = time.monotonic()
        p = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, errors="replace", cwd=self.work, timeout=timeout, **kw)
        self.log.append(f"$ {' '.join(map(str, args))}\n{p.stdout[-4000:]}{p.stderr[-4000:]}"
                        f"(status {p.returncode}, {time.monotonic() - t0:.1f} s)")
        assert status is None or p.returncode == status, f"exit status {p.returncode} instead of {status}: {args}"
        return p

    def tracecmd(self, *args, **kw):
        return self.run(TRACECMD, *args, **kw)

    def spawn(self, *args):
        """Starts tracecmd and does not wait for it."""
        return subprocess.Popen([TRACECMD, *map(str, args)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, cwd=self.work)

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.1)

    def untouched(self, *args, **kw):
        """Runs tracecmd, which must leave every setting of the kernel as it was."""
        before = self.settings()
        p = self.tracecmd(*args, **kw)
        self.same_settings(before)
        return p

    def settings(self):
        return tracefs.snapshot()

    def same_settings(self, before):
        left = tracefs.differences(before, tracefs.snapshot())
        assert not left, "the kernel's settings changed:\n" + "\n".join(left)

    def record(self, file, *args, **kw):
        return self.untouched("record", "-o", file, *args, **kw)

    def trace_cmd_record(self, file, *args):
        return self.run("trace-cmd", "record", "-q", "-o", file, *args)

    def note(self, **values):
        """Facts for the case's check on the host."""
        self.notes.update(values)

    def read(self, name):
        return tracefs.read(f"{self.root}/{name}")

    def write(self, name, text, flags=os.O_TRUNC):
        fd = os.open(f"{self.root}/{name}", os.O_WRONLY | flags)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def append(self, name, text):
        self.write(name, text, os.O_APPEND)


def small_kallsyms():
    """Covers /proc/kallsyms by some of its lines: reading all of it takes an
    emulated CPU longer than most recordings."""
    want = ("vfs_", "do_sys_open", "sched", "schedule", "ksys_", "__x64_sys_", "wake_up", "clockevents", "tick_", "eprobe_dyn_event", "do_exit", "do_dentry_open")
    with open("/proc/kallsyms") as f, open("/run/kallsyms", "w") as out:
        for line in f:
            name = line.split()[2]
            if line.endswith("]\n") or any(w in name for w in want):
                out.write(line)
    subprocess.run(["mount", "--bind", "/run/kallsyms", "/proc/kallsyms"], check=True)


def run_case(name, out):
    folder = f"{out}/{name}"
    work = f"/dev/shm/{name}"
    os.makedirs(work)
    os.makedirs(folder, exist_ok=True)
    guest = Guest(name, work)
    t0 = time.monotonic()
    result = {"passed": False, "why": "", "notes": guest.notes}
    before = guest.settings()
    try:
        try:
            CASES[name].run(guest)
        finally:
            guest.end()
        guest.same_settings(before)
        result["passed"] = True
    except Exception:
        result["why"] = traceback.format_exc()
    result["log"] = "\n".join(guest.log)
    result["seconds"] = round(time.monotonic() - t0, 1)
    os.unlink(guest.workload)
    for file in os.listdir(work):
        if os.path.isfile(f"{work}/{file}"):
            shutil.copy(f"{work}/{file}", folder)
    shutil.rmtree(work)
    with open(f"{folder}/result.json.new", "w") as f:
        json.dump(result, f)
    os.rename(f"{folder}/result.json.new", f"{folder}/result.json")


def main():
    out, names = sys.argv[1], sys.argv[2:]
    small_kallsyms()
    for name in names:
        run_case(name, out)


main()
