# SPDX-License-Identifier: GPL-2.0-or-later
"""The rooms of lib/ and their arrows, as Documentation/architecture.md draws them."""

import glob
import os
import re
import subprocess

import pytest

from common import REPO

# Each room and those it may use.
ARROWS = {
    "base": (),
    "dat": ("base",),
    "ring": ("base",),
    "plugins": ("base", "include"),
    "event": ("base", "dat", "ring", "plugins"),
    "replay": ("base", "dat", "ring", "event", "clock"),
    "kernel": ("base",),
    "clock": ("base", "dat"),
    "record": ("base", "dat", "ring", "clock", "kernel"),
    "remote": ("base", "dat", "ring", "clock", "record"),
    "api": ("base", "dat", "ring", "event", "replay", "clock", "kernel", "record", "include"),
}
# Rooms beside lib/.
OUTSIDE = ("plugins",)
ROOMS = sorted([os.path.basename(d) for d in glob.glob(f"{REPO}/lib/*")
                if os.path.isdir(d) and os.path.basename(d) != "include"] + list(OUTSIDE))


def architecture_page():
    with open(f"{REPO}/Documentation/architecture.md") as f:
        return f.read()


def also_shown():
    """What rooms show to others beside their header, by the page's table, each with a reason."""
    return set(re.findall(r"^\| `(\w+/\w+\.h)` \|[^|]*\w[^|]*\|[^|]*\w[^|]*\|$", architecture_page(), re.M))


def includes(folder):
    """(file, name) of each header of ours that a file of a room, or of tracecmd, includes."""
    where = folder if folder == "tracecmd" or folder in OUTSIDE else f"lib/{folder}"
    for path in sorted(glob.glob(f"{REPO}/{where}/*.[ch]")):
        with open(path) as f:
            for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', f.read(), re.M):
                yield os.path.relpath(path, REPO), name if "/" in name else f"{folder}/{name}"


def check_shown(folder):
    for path, name in includes(folder):
        target = name.split("/")[0]
        if target not in (folder, "include"):
            assert name == f"{target}/{target}.h" or name in also_shown(), \
                f"{path} includes {name}, which is lib/{target}'s own business"


def objects(room):
    found = sorted(glob.glob(f"{REPO}/build/obj/{'' if room in OUTSIDE else 'lib/'}{room}/*.o"))
    assert found, f"no objects of lib/{room}: run make first"
    return found


def undefined(path):
    """Names a compiled file takes from elsewhere."""
    out = subprocess.run(["nm", "-u", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines()}


def test_every_room_is_drawn():
    assert set(ROOMS) <= set(ARROWS)
    page = architecture_page()
    for room, uses in ARROWS.items():
        row = re.search(rf"^\| `{room}` \|[^|]*\| *([^|]*?) *\|$", page, re.M)
        assert row, f"no row for {room}"
        assert set(re.findall(r"`(\w+)`", row[1])) == set(uses) - {"include"}, room


@pytest.mark.parametrize("room", ROOMS)
def test_includes_follow_the_arrows(room):
    for path, name in includes(room):
        target = name.split("/")[0]
        assert target == room or target in ARROWS[room], f"{path} includes {name}"
    check_shown(room)


def test_the_program_includes_what_rooms_show():
    check_shown("tracecmd")


def test_every_second_header_is_used():
    """Outside of its room, or it need not be shown."""
    used = {name for folder in (*ROOMS, "tracecmd") for _, name in includes(folder) if name.split("/")[0] != folder}
    assert also_shown() and also_shown() <= used, also_shown() - used


@pytest.mark.parametrize("room", ROOMS)
def test_the_library_neither_prints_nor_ends_the_program(room):
    forbidden = {"printf", "vprintf", "fprintf", "vfprintf", "puts", "putchar", "fputs", "fputc", "perror",
                 "__printf_chk", "__vprintf_chk", "__fprintf_chk", "__vfprintf_chk", "stdout", "stderr",
                 "exit", "_exit", "abort", "__assert_fail", "err", "errx", "warn", "warnx", "getopt", "getopt_long"}
    for path in objects(room):
        assert not undefined(path) & forbidden, os.path.relpath(path, REPO)


@pytest.mark.parametrize("room", [r for r in ROOMS if r != "kernel"])
def test_only_kernel_touches_tracefs(room):
    for path in objects(room):
        used = {n for n in undefined(path) if n.startswith("tracefs_")}
        assert not used, f"{path} calls {used}"
        with open(path, "rb") as f:
            assert b"/sys/kernel/tracing" not in f.read(), path


# Per thread. libtraceevent's question for a guest's symbol names no handle of the one who
# waits for the text, nor does its handler of a function's text: that wants whose record was read last.
THREAD_LOCAL = {"api": {"speaking", "reading"}}
# libtraceevent's plugins keep state for the whole process, so the lock around them is one, too.
LOCKS = {"event": {"process_lock"}}
# trace-cmd's interface sets it for the process.
PROCESS = {"api": {"loglevel"}}


@pytest.mark.parametrize("room", ROOMS)
def test_state_lives_in_handles(room):
    """No writable variable at file level: two users in one process do not meet."""
    for path in objects(room):
        out = subprocess.run(["objdump", "-t", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        writable = re.findall(r"^\S+ .{7} \.(?:data|bss|tbss|tdata)(?:\.(?!rel\.ro)\S+)?\s+(?!0{16})\S+ (\S+)$", out, re.M)
        local = re.findall(r"^\S+ .{7} \.tbss\s+\S+ (\S+)$", out, re.M)
        writable = set(writable) - (set(local) & THREAD_LOCAL.get(room, set())) - LOCKS.get(room, set()) - PROCESS.get(room, set())
        assert not writable, f"{os.path.relpath(path, REPO)}: {writable}"


def test_the_python_module_stands_on_the_public_headers():
    """Whatever it includes of ours is installed, or its own."""
    sources = glob.glob(f"{REPO}/python/src/*.[ch]")
    public = {os.path.basename(h) for h in glob.glob(f"{REPO}/lib/include/*.h")}
    assert sources
    for path in sources:
        with open(path) as f:
            used = set(re.findall(r'^\s*#\s*include\s+"([^"]+)"', f.read(), re.M))
        assert used <= public | {"module.h"}, path


def test_licences_stand_first():
    for folder, licence in (("lib", "LGPL-2.1-or-later"), ("plugins", "LGPL-2.1-or-later"), ("python", "LGPL-2.1-or-later"), ("tracecmd", "GPL-2.0-or-later"),
                            ("utest", "GPL-2.0-or-later"), ("setup", "GPL-2.0-or-later")):
        sources = [os.path.join(where, name) for where, _, names in os.walk(f"{REPO}/{folder}") for name in names
                   if name.endswith((".c", ".h", ".py", ".sh", ".mk"))]
        assert sources
        for path in sources:
            with open(path) as f:
                head = f.readline() + f.readline()
            assert f"SPDX-License-Identifier: {licence}" in head, path


def test_files_are_short():
    for pattern in ("lib/*/*.[ch]", "plugins/*.[ch]", "python/*/*.[ch]", "python/*/*.py", "tracecmd/*.[ch]", "utest/*/*.[ch]", "utest/*/*.py"):
        for path in glob.glob(f"{REPO}/{pattern}"):
            with open(path) as f:
                lines = sum(1 for _ in f)
            assert lines <= 900 or path.endswith("tools/datdump.py"), f"{path}: {lines} lines"


def test_no_test_hides_another():
    """Of two functions with one name the first is never run."""
    for path in glob.glob(f"{REPO}/utest/**/*.py", recursive=True):
        with open(path) as f:
            names = re.findall(r"^def (test_\w+)", f.read(), re.M)
        assert len(names) == len(set(names)), f"{path}: {sorted(n for n in set(names) if names.count(n) > 1)}"
