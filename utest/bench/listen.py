#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Listeners side by side: many recorders at once, each of which sends a megabyte. Also a program:
listen.py [RECORDERS]."""

import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common

RECORDERS = 1000
CPU_BYTES = 512 << 10
SOURCE = f"{common.FIXTURES}/all-6.1.dat"
FRONT = f"{common.UTEST}/fixtures/wire/listen-v3-tcp/control.c2s"
PAGE = 4096
WAIT_S = 300


def front(said):
    """What the messages of a captured recorder carry."""
    at, data = 13, b""
    while at < len(said):
        size, ident, fixed = struct.unpack_from(">III", said, at)
        data += said[at + 12 + fixed:at + size] if ident == 3 else b""
        at += size
    return data


def parts(folder):
    """What a recorder sends: a front of a few kilobytes, and half a megabyte of real sub-buffers of each of two CPUs."""
    plain = f"{folder}/plain.dat"
    common.run(common.TRACECMD, "convert", "--file-version", "6", SOURCE, plain)
    with open(plain, "rb") as f:
        data = f.read()
    table = common.run(common.TRACECMD, "dump", "--flyrecord", plain).stdout
    cpus = [(int(o), int(s)) for o, s in re.findall(r"(\d+) +(\d+)\t.* of cpu \d+\]", table)]
    names = [f"{folder}/front"]
    for i, (offset, size) in enumerate(cpus[:2]):
        pages = data[offset:offset + size]
        pages = (pages * (CPU_BYTES // len(pages) + 1))[:CPU_BYTES]
        names.append(f"{folder}/cpu{i}")
        with open(names[-1], "wb") as f:
            f.write(pages)
    with open(FRONT, "rb") as f:
        said = f.read()
    with open(names[0], "wb") as f:
        f.write(front(said))
    return names


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def group_memory(pid):
    """Kilobytes of a process and its children that no other process shares, as smaps_rollup tells."""
    total, pids = 0, [pid]
    while pids:
        one = pids.pop()
        try:
            with open(f"/proc/{one}/task/{one}/children") as f:
                pids += [int(p) for p in f.read().split()]
            with open(f"/proc/{one}/smaps_rollup") as f:
                total += sum(int(n) for n in re.findall(r"^Private_\w+: +(\d+) kB", f.read(), re.M))
        except OSError:
            continue
    return total


def serve(command, folder, names, recorders):
    """What one listener does with that: seconds until all files are made, megabytes of memory, files."""
    got, port = tempfile.mkdtemp(dir=folder), free_port()
    listener = subprocess.Popen([*command, "listen", "-p", str(port), "-d", got], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
    try:
        for _ in range(WAIT_S * 50):
            with socket.socket() as s:
                if not s.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.02)
        load = subprocess.Popen([common.tool("listen-load"), str(port), str(recorders), *names], stdout=subprocess.PIPE,
                                text=True)
        memory = 0
        while load.poll() is None:
            memory = max(memory, group_memory(listener.pid))
            time.sleep(0.1)
        times = load.stdout.read().split()
        made = [name for name in os.listdir(got) if name.endswith(".dat")]
        return {"status": load.returncode, "seconds": float(times[1]) / 1000 if times else None, "memory": memory / 1024,
                "folder": got, "files": made}
    finally:
        listener.terminate()
        listener.wait()


def check(result, recorders):
    """All files are there and hold all that was sent."""
    counts = set()
    for name in result["files"]:
        p = common.run(common.TRACECMD, "report", "--count=cpu", f"{result['folder']}/{name}", status=None)
        counts.add((p.returncode, p.stdout))
    return len(result["files"]) == recorders and len(counts) == 1 and next(iter(counts))[0] == 0


def show(recorders=RECORDERS):
    folder = tempfile.mkdtemp(prefix="tracecmd-bench-listen-")
    print(f"\nlistener: {recorders} recorders at once, 1 MB each")
    try:
        names = parts(folder)
        for name, command in (("trace-cmd", ["trace-cmd"]), ("tracecmd", [common.TRACECMD])):
            r = serve(command, folder, names, recorders)
            right = check(r, recorders)
            seconds = f"{r['seconds']:.1f} s until all files are made" if r["seconds"] else "not to the end"
            print(f"  {name:10} {seconds}, {r['memory']:.0f} MB of memory, {len(r['files'])} files, "
                  f"{'all alike and whole' if right else 'NOT all right'}")
            shutil.rmtree(r["folder"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    show(*(int(n) for n in sys.argv[1:]))
