# SPDX-License-Identifier: GPL-2.0-or-later
"""tracecmd dump: what trace-cmd's dump says, in the file's order."""

import importlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from common import FIXTURES, TRACECMD, UTEST, run

sys.path.insert(0, f"{UTEST}/fuzz")

NAMES = sorted(n[:-4] for n in os.listdir(FIXTURES) if n.endswith(".dat"))
WHAT = ["--summary", "--head-page", "--head-event", "--ftrace-events", "--systems", "--events", "--kallsyms",
        "--printk", "--cmd-lines", "--options", "--flyrecord", "--clock", "--strings", "--sections"]
# trace-cmd of Debian has no zlib, and leaves out instances of version 6
READ_BY_TRACE_CMD = [n for n in NAMES if "zlib" not in n and not n.startswith("syn-v6")]


def fixture(name):
    return f"{FIXTURES}/{name}.dat"


def dump(*args, **kw):
    return run(TRACECMD, "dump", *args, **kw)


@pytest.mark.parametrize("name", READ_BY_TRACE_CMD)
def test_says_what_trace_cmd_says(name):
    for what in WHAT:
        ours = dump(what, fixture(name))
        assert ours.stderr == ""
        theirs = run("trace-cmd", "dump", what, "-i", fixture(name)).stdout
        if what == "--summary":
            # trace-cmd prints the parts of version 7 backwards
            assert sorted(ours.stdout.splitlines()) == sorted(theirs.splitlines()), what
        elif what == "--strings":
            # and repeats the title for each section of strings
            title = "\t[String @ offset]\n"
            assert ours.stdout.replace(title, "") == theirs.replace(title, ""), what
        else:
            assert ours.stdout == theirs, what


def test_summary_in_order():
    text = dump(fixture("instances")).stdout
    titles = ["Tracing meta data in file", "Initial format", "Header page, 205", "Header event, 205",
              "Ftrace format, 18", "Events format, 3 systems", "Kallsyms, 107031", "Trace printk, 3210",
              "Saved command lines, 238", "31 options", 'buffer "", "mono" clock', 'buffer "three"',
              'buffer "two"', 'buffer "one"', "16 sections"]
    places = [text.index(t) for t in titles]
    assert places == sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_all_holds_every_part(name):
    everything = dump("--all", fixture(name)).stdout
    for what in WHAT:
        missing = set(dump(what, fixture(name)).stdout.splitlines()) - set(everything.splitlines())
        assert not missing, (what, sorted(missing)[:3])


def test_instances_of_version_6():
    text = dump("--flyrecord", fixture("syn-v6-be-l8-p4096-none")).stdout
    assert '[Flyrecord tracing data of buffer "in1"]' in text
    assert len(re.findall(r"offset, size of cpu \d", text)) == 8


@pytest.fixture
def maker():
    return importlib.import_module("make-corpus")


def test_every_option_is_known(maker, tmp_path):
    w = maker.Writer(7, 1, 8, "zlib")
    blocks = w.blocks
    w.blocks = lambda: {**blocks(), 23: b"\xeb\x9f\1\0" + bytes(20), 25: b"mod 4096 0 - Live 0x0\n"}
    path = tmp_path / "all.dat"
    path.write_bytes(w.v7())
    text = dump("--options", path).stdout
    for title in ("DATE", "CPUSTAT", "BUFFER", "TRACECLOCK", "UNAME", "HOOK", "OFFSET", "CPUCOUNT", "VERSION",
                  "PROCMAPS", "TRACEID", "TimeShift", "TimeSync", "GUEST", "TSC2NSEC", "HEADERS", "FTRACE EVENTS",
                  "EVENT FORMATS", "KALLSYMS", "PRINTK", "CMDLINES", "BTF FILE", "LAST BOOT INFO", "MODULES FILE"):
        assert f"[Option {title}, " in text, title
    assert re.findall(r"(\d+) \d+\t\[Unknown option", text) == ["99"]
    assert "1048576 21 0 [multiplier, shift, offset]" in text
    assert "\t-5 1 0 10[offset * scaling >> fraction @ time]\n\t5 1 0 20[" in text
    assert "\t10 4 9 339 1 [time, bound, round trip, exchanges, left out]\n" in text
    assert "mod 4096 0 - Live 0x0" in dump("--modules", path).stdout
    assert "[BTF, 24 bytes]" in dump(path).stdout


def test_how_clocks_were_compared(maker, tmp_path):
    """What a file tells, what it does not, and in either command."""
    path = tmp_path / "guest.dat"
    path.write_bytes(maker.Writer(7, 1, 8, "zlib").v7())
    lines = dump("--sync", path).stdout.splitlines()
    assert lines[0] == "clock of the host with trace id 0x4d, protocol ptp, interpolated"
    assert lines[2].split() == "0 10 -5 4 9 339 1 -".split()
    assert lines[3].split() == "0 20 5 ? ? 0 0 +1000000.000".split()
    assert [line.split()[0] for line in lines[4:6]] == ["1", "1"]
    assert lines[6:] == ["how far converted times are off is not known"]
    assert run(TRACECMD, "report", "--sync-info", path).stdout.splitlines() == lines
    assert "\n".join(lines) in dump("--all", path).stdout
    data = path.read_bytes()
    bounded = tmp_path / "bounded.dat"
    bounded.write_bytes(data.replace((2**64 - 1).to_bytes(8, "big"), (7).to_bytes(8, "big")))
    assert dump("--sync", bounded).stdout.splitlines()[-1] == \
        "converted times are off by 7 at most, between two samples as far as drift is steady"
    old = tmp_path / "old.dat"
    old.write_bytes(data.replace((0x7463).to_bytes(2, "big") + (156).to_bytes(4, "big"), b"\xf0\x7f" + (156).to_bytes(4, "big")))
    assert "protocol not told" in dump("--sync", old).stdout
    none = "(no comparison of clocks was recorded in this file)\n"
    assert dump("--sync", fixture("old-v7")).stdout == none
    assert none not in dump("--all", fixture("old-v7")).stdout


@pytest.mark.parametrize("args", [["--validate"], ["-v"]])
@pytest.mark.parametrize("name", NAMES)
def test_valid(name, args):
    p = dump(fixture(name), *args)
    assert p.stdout == f"File {fixture(name)} is a valid trace-cmd file\n"
    assert p.stderr == ""


def test_levels_are_taken():
    plain = dump(fixture(NAMES[0])).stdout
    for level in "--verbose", "--verbose=info", "--verbose=6":
        assert dump(level, fixture(NAMES[0])).stdout == plain
    assert "'loud'" in run(TRACECMD, "dump", "--verbose=loud", fixture(NAMES[0]), status=2).stderr


def test_cut(tmp_path):
    """Cut in its CPUs' data: told with the place, what is before is printed."""
    path = tmp_path / "cut.dat"
    data = open(fixture("old-v7"), "rb").read()
    path.write_bytes(data[:-2000])
    p = dump("-v", path, status=1)
    assert p.stdout == ""
    assert f"is cut at offset 0x{len(data) - 2000:x}" in p.stderr
    p = dump(path, status=1)
    assert "[Saved command lines, " in p.stdout
    assert f"'{path}' is cut: section BUFFER at offset " in p.stderr


def test_damaged_chunk(tmp_path):
    path = tmp_path / "bad.dat"
    shutil.copy(fixture("old-v7"), path)
    offset = int(re.search(r"   0 (\d+)\t", dump("--flyrecord", path).stdout).group(1))
    with open(path, "r+b") as f:
        f.seek(offset + 40)
        f.write(bytes(20))
    p = dump("-v", path, status=1)
    assert f"the chunk at offset 0x{offset + 4:x} does not decompress" in p.stderr
    assert p.stdout == ""


def test_default_file(tmp_path):
    shutil.copy(fixture("trace-marker"), tmp_path / "trace.dat")
    assert "Tracing meta data in file trace.dat" in dump(cwd=tmp_path).stdout


def test_options_after_the_name():
    assert dump(fixture("old-v6"), "--clock").stdout == dump("--clock", "-i", fixture("old-v6")).stdout


@pytest.mark.parametrize("args, words", [
    (["a", "b"], "'b' is one file name too many"),
    (["--kalsyms", "a"], "there is no option '--kalsyms'"),
    (["-i"], "option -i needs a value"),
    (["-a"], "there is no option -a"),
])
def test_bad_usage(args, words):
    p = dump(*args, status=2)
    assert words in p.stderr
    assert p.stdout == ""


def test_help_among_the_options():
    for args in (["-h"], ["--help"], ["--all", "-h"]):
        assert "--head-page" in dump(*args).stdout


def test_missing_file(tmp_path):
    p = dump(tmp_path / "none.dat", status=1)
    assert p.stderr == f"tracecmd: cannot open '{tmp_path}/none.dat': No such file or directory\n"


def test_full_disk():
    with open("/dev/full", "w") as full:
        p = subprocess.run([TRACECMD, "dump", "--all", fixture("old-v6")], stdout=full, stderr=subprocess.PIPE, text=True)
    assert p.returncode == 1
    assert "No space left on device" in p.stderr
