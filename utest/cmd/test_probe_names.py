# SPDX-License-Identifier: GPL-2.0-or-later
"""Places and arguments of programs by name: debug information, source lines, markers."""

import json
import os
import platform
import re
import shutil
import subprocess

import pytest

import common
import events
from common import TRACECMD, run

SOURCE = f"{common.UTEST}/tools/probed.c"
GROUP = f"tn{os.getpid()}"
BUILDS = [(cc, opt) for cc in ("gcc", "clang") for opt in ("-O0", "-O2")]
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="places of parameters are known for x86-64")


def line_of(text):
    with open(SOURCE) as f:
        return next(i for i, line in enumerate(f, 1) if text in line)


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """Programs by how they were built; "bare" without debug information."""
    folder = tmp_path_factory.mktemp("probed")
    got = {}
    for cc, opt in BUILDS:
        got[cc, opt] = f"{folder}/{cc}{opt}"
        run(cc, "-g", opt, "-Wall", "-o", got[cc, opt], SOURCE)
    got["bare"] = f"{folder}/bare"
    run("strip", "-g", "-o", got["bare"], got["gcc", "-O2"])
    return got


@pytest.fixture
def uprobes(kernel):
    if not os.path.exists(f"{kernel}/uprobe_events"):
        pytest.skip("this kernel has no uprobes")
    return kernel


def under_caret(stderr):
    lines = stderr.splitlines()
    at = next(i for i, line in enumerate(lines) if re.fullmatch(r" +\^", line))
    return lines[at - 1][lines[at].index("^"):]


def recorded(dat, program, *probes):
    """The events by name, each its text behind the place."""
    made = [word for i, definition in enumerate(probes) for word in ("--probe", f"{GROUP}/{definition}")]
    listeners = run(TRACECMD, "record", "-q", "-o", dat, *made, program, 3).stdout
    got = {}
    for e in events.parse(common.report(dat)):
        got.setdefault(e.name, []).append(e.text.split(") ", 1)[-1].strip())
    return got, listeners


@pytest.mark.parametrize("build", BUILDS, ids=" ".join)
def test_parameters_are_what_the_program_gave(uprobes, probed, tmp_path, build):
    program = probed[build]
    got, _ = recorded(f"{tmp_path}/p.dat", program,
                      f"m={program}:many text=name:string n byte c a b:s16 on_stack last:s8",
                      f"l={program}:probed.c:{line_of('line of by_value')}")
    assert got["m"] == [f'text="text" n={-i} byte={200 + i} c=2 a={1 << 40} b=3 on_stack=-1 last={i}' for i in range(3)]
    assert len(got["l"]) == 3


@pytest.mark.parametrize("build", BUILDS, ids=" ".join)
def test_markers(uprobes, probed, tmp_path, build):
    """With their arguments, at all of their places; and the program is told that somebody listens."""
    program = probed[build]
    got, listeners = recorded(f"{tmp_path}/m.dat", program, f"request=usdt:{program}:probed:request",
                              f"text=usdt:{program}:probed:request word=arg1:string", f"twice=usdt:{program}:probed:twice")
    assert [re.sub("arg1=[0-9]+ ", "", text) for text in got["request"]] == [f"arg2={-i} arg3=7" for i in range(3)]
    assert got["text"] == ['word="text"'] * 3
    assert got["twice"] == [f"arg1={i}" for i in range(3)]
    assert int(listeners) >= 3
    assert run(program, 3).stdout == "0\n"


def test_a_marker_through_perf(uprobes, probed, tmp_path):
    program = probed["gcc", "-O2"]
    p = run(TRACECMD, "record", "-q", "--perf", "-F", "-o", f"{tmp_path}/p.dat", "--probe", f"{GROUP}/r=usdt:{program}:probed:request",
            program, 3)
    assert p.stdout == "3\n" and len(events.parse(common.report(f"{tmp_path}/p.dat"))) == 3
    text = run(TRACECMD, "record", "--perf", "-F", "-o", f"{tmp_path}/n.dat", "--probe", f"usdt:{program}:probed:twice", program,
               status=1).stderr
    assert "at one place; the marker probed:twice has 2" in text


def refused(*args):
    return run(TRACECMD, "probe", "add", *args, status=1).stderr


def test_refused(uprobes, probed):
    program = probed["gcc", "-O0"]
    for words, says, at in (
            ((f"{program}:many", "ratoi"), "did you mean 'ratio'", "ratoi"),
            ((f"{program}:many", "nosuch"), "there are: name, n, ratio, byte, c, a, b, on_stack, last", "nosuch"),
            ((f"{program}:many", "n", "x=ratio"), "floating-point register", "x=ratio"),
            ((f"{program}:by_value", "n"), "stands behind one that is passed in more than a register", "n"),
            ((f"{program}:returned", "n"), "returns more than a register holds", "n"),
            ((f"{program}:many", "ret", "n"), "its parameters are gone", "n"),
            ((f"{program}:many+4", "n"), "at a function's beginning", "n"),
            ((f"{probed['bare']}:many", "n"), "compiled with -g", "n"),
            ((f"{program}:probed.c:1",), "line 1 of 'probed.c' has no code; the next that has is ", None),
            ((f"{program}:probde.c:9",), "did you mean 'probed.c'", None),
            ((f"{program}:probed.c:99999",), "has no code", None),
            ((f"{probed['bare']}:probed.c:30",), "where its source lines are", None),
            ((f"usdt:{program}:probed:requets",), "did you mean 'probed:request'", None),
            ((f"usdt:{program}:request",), "PROGRAM:PROVIDER:NAME", None),
            ((f"usdt:{program}:probed:request", "arg4"), "floating-point number", "arg4"),
            ((f"usdt:{program}:probed:request", "arg9"), "there are: arg1, arg2, arg3, arg4", "arg9"),
            ((f"usdt:{program}:probed:twice", "arg2"), "not of one type", "arg2"),
            ((f"usdt:{program}:probed:request", "ret"), "nothing returns", "ret"),
            (("--usdt", f"r:x {program}:probed:request"), "nothing returns", None)):
        text = refused(*words)
        assert says in text, (words, text)
        assert at is None or under_caret(text).startswith(at), (words, text)
    assert program not in common.run("cat", f"{uprobes}/dynamic_events").stdout


def test_all_parameters(uprobes, probed):
    """What cannot be had is told, and the rest is fetched."""
    program = probed["clang", "-O2"]
    p = run(TRACECMD, "probe", "add", "--user", "--json", f"{GROUP}/all={program}:many", "$arg*")
    try:
        made, = json.loads(p.stdout)
        assert "without 'ratio'" in p.stderr
        assert re.findall(r" (\w+)=", made["definition"]) == ["name", "n", "byte", "c", "a", "b", "on_stack", "last"]
    finally:
        run(TRACECMD, "probe", "del", f"{GROUP}:all")


# ---- what needs no kernel of its own -------------------------------------------------

def usdt_list(path, **kw):
    return run(TRACECMD, "list", "--usdt", path, **kw)


def test_list_of_markers(probed):
    program = probed["gcc", "-O2"]
    lines = [line.split(None, 3) for line in usdt_list(program).stdout.splitlines()]
    assert [line[0] for line in lines] == ["probed:request", "probed:twice", "probed:twice"]
    assert all(re.fullmatch("0x[0-9a-f]+", line[1]) and re.fullmatch(r"counter=0x[0-9a-f]+", line[2]) for line in lines)
    assert lines[0][3].startswith("8@") and lines[0][3].endswith("4@$7 8f@%xmm0")
    notes = subprocess.run(["readelf", "-n", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert [line[3] for line in lines] == re.findall(r"Arguments: (.*)", notes)


def test_list_of_a_program_without_markers(probed):
    assert usdt_list(shutil.which("true")).stdout == ""
    assert "no program or library" in usdt_list("/etc/passwd", status=1).stderr
    assert "cannot open" in usdt_list("/nonexistent", status=1).stderr
