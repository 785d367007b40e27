#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user event costs a program: while nobody listens, the test of a bit; while somebody does, one system
call. Also a program; its --guest part runs in a guest with the kernel that has user events."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common

TEST_NS = 2                 # to be reached
SHARE = 1.1                 # of a bare writev
WRITES = 2000               # a round of 20


def numbers(text):
    return {name: float(value) for name, value in (line.split() for line in text.splitlines() if line.count(" ") == 1)}


def of_this_machine():
    """{"test": ns}; of a kernel with user events that nobody listens to it is the same."""
    return numbers(common.run(common.tool("user-events"), "cost", "tc_cost", "0").stdout)


def of_guest():
    """The numbers of a guest, or None where its kernel was not built. It is emulated: only their relation counts."""
    p = common.run(f"{common.UTEST}/vm/vm-run", "-k", "custom", "--", "/usr/bin/python3", os.path.abspath(__file__), "--guest",
                   status=None, timeout=400)
    if "run vm-kernel-build" in p.stderr:
        return None
    assert p.returncode == 0, p.stderr
    return numbers(p.stdout)


def in_guest():
    tracefs = "/sys/kernel/tracing"
    definition = "tc_cost char[64] payload"
    subprocess.run([common.TRACECMD, "user-event", "register", definition], check=True)
    subprocess.run([common.TRACECMD, "start", "-e", "user_events:tc_cost"], check=True)
    subprocess.run([common.tool("user-events"), "cost", "tc_cost", str(WRITES)], check=True)
    with open(f"{tracefs}/per_cpu/cpu0/stats") as f:
        assert "bytes: 0\n" not in f.read() or os.cpu_count() > 1


def show():
    ns = of_this_machine()["test"]
    print("\nuser events")
    print(f"  nobody listens: {ns:.2f} ns (to be reached: {TEST_NS})")
    guest = of_guest()
    if not guest:
        print("  somebody does: not measured; utest/vm/vm-kernel-build builds a kernel with user events")
        return
    print(f"  somebody does: {guest['write'] / guest['writev']:.3f} of a bare writev (to be reached: {SHARE}), in an emulated guest")


if __name__ == "__main__":
    in_guest() if "--guest" in sys.argv else show()
