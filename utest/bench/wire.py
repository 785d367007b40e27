#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a recording costs the wire: `record -N` to a listener, of the same program and of the other. Also a program."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common
from listen import WAIT_S, free_port

EVENTS = ("-e", "sched", "-e", "syscalls", "-e", "irq")
LOAD = ("find", "/usr", "-maxdepth", "6", "-newermt", "1980-01-01", "-size", "+1")


def loopback():
    """Bytes that went over it so far, of whomever: what is measured sends many more."""
    with open("/sys/class/net/lo/statistics/tx_bytes") as f:
        return int(f.read())


def listening(port):
    """By the kernel's table: a connection would be a client."""
    with open("/proc/net/tcp") as f, open("/proc/net/tcp6") as six:
        return any(f":{port:04X} " in line.split(" 0A ")[0] for line in [*f, *six] if " 0A " in line)


def send(recorder, listener, folder):
    """Bytes on the wire, events in the file, events told as lost."""
    got, port = tempfile.mkdtemp(dir=folder), free_port()
    p = subprocess.Popen([listener, "listen", "-p", str(port), "-d", got], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + WAIT_S
        while not listening(port) and time.monotonic() < end:
            time.sleep(0.02)
        before = loopback()
        subprocess.run([*recorder, "record", "-N", f"127.0.0.1:{port}", "-t", *EVENTS, *LOAD], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        said = loopback() - before
        while not (made := [n for n in os.listdir(got) if n.endswith(".dat")]) and time.monotonic() < end:
            time.sleep(0.1)
        p.terminate()
        p.wait()
        count = common.run(common.TRACECMD, "report", "--count", f"{got}/{made[0]}").stdout
        return said, int(re.search(r"(\d+) +in all", count)[1]), int(re.search(r"(\d+) +lost.* in all", count)[1])
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()


def show():
    folder = tempfile.mkdtemp(prefix="tracecmd-bench-wire-")
    theirs, ours = shutil.which("trace-cmd"), os.path.abspath(common.TRACECMD)
    prefix = common.trace_cmd_prefix(folder)
    print("\nwire: record -N to a listener of this machine, scheduler, system calls and interrupts")
    try:
        for words, recorder, listener in (("trace-cmd to trace-cmd", [*prefix, theirs], theirs),
                                          ("tracecmd to trace-cmd", [ours], theirs), ("tracecmd to tracecmd", [ours], ours)):
            with common.kernel_lock():
                said, events, lost = send(recorder, listener, folder)
            print(f"  {words:24} {said / 1e6:6.1f} MB for {events / 1e6:.2f} M events, {said / events:5.1f} bytes each; "
                  f"{lost} lost")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    show()
