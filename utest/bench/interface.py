# SPDX-License-Identifier: GPL-2.0-or-later
"""trace-cmd's interface: the same programs on trace-cmd's library and on ours, by turns. To them
belongs KernelShark's library, as Debian has it."""

import os
import shutil
import subprocess
import tempfile

import common

# Programs of utest/abi, the package they are built with.
PROGRAMS = {"speed": "libtracecmd", "kshark-dump": "libkshark"}


def pkg_config(*args):
    return subprocess.run(["pkg-config", *args], capture_output=True, text=True, check=True).stdout.split()


def build(folder):
    for name, package in PROGRAMS.items():
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", *pkg_config("--cflags", package), "-o", f"{folder}/{name}",
                        f"{common.UTEST}/abi/{name}.c", *pkg_config("--libs", package)], check=True)
    shutil.copy(f"{common.REPO}/build/libtracecmd.so.1", folder)


def median(runs):
    return sorted(runs)[len(runs) // 2]


def times(b, folder, command):
    """Medians of the seconds to open and to read, and the events: of trace-cmd's library and of ours."""
    found = {}
    for _ in range(b.runs):
        for library in (None, folder):
            env = dict(os.environ, LD_LIBRARY_PATH=library) if library else os.environ
            out = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()
            found.setdefault(library, []).append((float(out[0]), float(out[1]), int(out[2])))
    return [[median(column) for column in zip(*found[library])] for library in (None, folder)]


def measure(b, path, goals, rate, milli):
    """@goals: of iterating and of KernelShark's loading."""
    with tempfile.TemporaryDirectory(prefix="interface-", dir=os.path.dirname(path)) as folder:
        try:
            build(folder)
        except subprocess.CalledProcessError as why:
            print(f"  not measured, libtracecmd-dev or libkshark-dev is missing: {why}", flush=True)
            return
        for label, command, goal in (("tracecmd_iterate_events", [f"{folder}/speed", "iterate", path], goals[0]),
                                     ("tracecmd_read_data, CPU by CPU", [f"{folder}/speed", "read", path], None),
                                     ("tracecmd_read_at, about some places", [f"{folder}/speed", "at", path], None),
                                     ("KernelShark's library: loading", [f"{folder}/kshark-dump", "--load", path], goals[1])):
            theirs, ours = times(b, folder, command)
            b.row(f"{label}, events/s", theirs[2] / theirs[1], ours[2] / ours[1], rate, goal, "more")
        b.row("    its opening of the file", theirs[0], ours[0], milli)
