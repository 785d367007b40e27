# SPDX-License-Identifier: GPL-2.0-or-later
"""libtracecmd.so.1 in the place of trace-cmd's library: the same programs, compiled once
and against trace-cmd's own header, run on both. Also KernelShark's library, as it is."""

import os
import re
import subprocess
from pathlib import Path

import pytest

import common

TOP = Path(common.REPO)
LIBRARY = TOP / "build" / "libtracecmd.so.1"
HEADER = TOP / "lib" / "include" / "trace-cmd.h"
PRIVATE = TOP / "lib" / "api" / "compat.h"
TRACES = sorted(Path(common.FIXTURES).glob("*.dat"))
STRICT = ["-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]
# Since trace-cmd 3.2 and 3.3; Debian 12 has 3.1.6.
NEWER = {"tracecmd_get_tsc2nsec", "tracecmd_iterate_events_reverse", "tracecmd_iterate_reset"}

# What trace-cmd's library cannot open, or crashes with.
REFUSED = {"v7-zlib", "syn-v7-le-l8-p8192-zlib"}
CRASHES = {"lat-wakeup"}
# It does not tell losses in front of a sub-buffer that begins with something else than an event.
LOSSES_UNTOLD = {t.stem for t in TRACES if t.stem.startswith("syn-")}
COMPARED = [t for t in TRACES if t.stem not in REFUSED | CRASHES | LOSSES_UNTOLD]
# The largest take half of the time.
QUICK = [t for t in COMPARED if t.stem not in {"pair", "all-6.1"}]
CHOSEN = COMPARED if os.environ.get("TRACECMD_ABI") == "all" else QUICK


def pkg_config(*args):
    done = subprocess.run(["pkg-config", *args], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"pkg-config {' '.join(args)}: {done.stderr} (setup/deps check installs it)")
    return done.stdout.split()


def compiled(folder, name, *packages):
    program = folder / name
    common.run("cc", "-O1", *STRICT, "-Wno-ignored-qualifiers", *pkg_config("--cflags", *packages), "-o", program,
               *(TOP / "utest" / "abi").glob(f"{name}*.c"), *pkg_config("--libs", *packages))
    return program


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """An environment where our library is found, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("lib")
    (folder / LIBRARY.name).symlink_to(LIBRARY)
    return dict(os.environ, LD_LIBRARY_PATH=str(folder), LD_BIND_NOW="1", LC_ALL="C")


@pytest.fixture(scope="module")
def theirs():
    env = dict(os.environ, LC_ALL="C")
    env.pop("LD_LIBRARY_PATH", None)
    return env


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    return {"dump": compiled(folder, "dump", "libtracecmd"), "kshark-dump": compiled(folder, "kshark-dump", "libkshark"),
            "conformance": compiled(folder, "conformance", "libtracecmd")}


def output(env, *command):
    done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True, errors="replace", timeout=120)
    return done.returncode, done.stdout


# ---- what is there -----------------------------------------------------------------

def functions(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text().split("/* ---- inside ---- */")[0], flags=re.S)
    return set(re.findall(r"\b(tracecmd_\w+)\(", text))


def shown_by(library):
    """Functions, those with a version of ours left out."""
    names = [line.split()[-1] for line in common.run("nm", "-D", "--defined-only", library).stdout.splitlines()]
    return {n for n in names if "@" not in n and n != "TRACECMD_1"}


def system_library():
    folder = pkg_config("--variable=libdir", "libtracecmd")[0]
    return Path(folder) / "libtracecmd.so.1"


def test_exports_what_the_headers_say():
    assert shown_by(LIBRARY) == functions(HEADER) | functions(PRIVATE)


def test_trace_cmd_exports_it_too():
    assert functions(HEADER) | functions(PRIVATE) <= shown_by(system_library()) | NEWER


def test_manual_page_names_what_the_header_says():
    text = (TOP / "Documentation" / "libtracecmd-compat.3.adoc").read_text()
    assert set(re.findall(r"^`(tracecmd_\w+)`::", text, re.M)) == functions(HEADER)
    assert set(re.findall(r"\*(tracecmd_\w+)\*", text.split("=== Not in the header")[1].split("== Example")[0])) == functions(PRIVATE)


def prototypes(folder, tmp_path):
    """As the compiler has understood them, names of parameters aside."""
    source, found = tmp_path / "proto.c", tmp_path / "proto.txt"
    source.write_text("#include <trace-cmd.h>\n")
    common.run("gcc", "-D_GNU_SOURCE", f"-I{folder}", *pkg_config("--cflags", "libtracefs"), "-fsyntax-only",
               "-aux-info", found, source)
    return {name: line for line, name in re.findall(r"extern (.*?\b(tracecmd_\w+) \(.*)", found.read_text())}


def test_prototypes_are_those_of_trace_cmd(tmp_path):
    mine = prototypes(HEADER.parent, tmp_path)
    debian = prototypes(pkg_config("--variable=includedir", "libtracecmd")[0], tmp_path)
    assert set(mine) == functions(HEADER)
    assert {name: mine.get(name) for name in debian} == debian
    assert set(mine) - set(debian) == NEWER


CONSTANTS = ("TRACECMD_FL_LOAD_NO_PLUGINS", "TRACECMD_FL_LOAD_NO_SYSTEM_PLUGINS", "TRACECMD_SEC_FL_COMPRESS",
             "TRACECMD_FILTER_NONE", "TRACECMD_FILTER_NOT_FOUND", "TRACECMD_FILTER_MISS", "TRACECMD_FILTER_MATCH")


def test_constants_are_those_of_trace_cmd(tmp_path):
    source, program = tmp_path / "constants.c", tmp_path / "constants"
    source.write_text("#include <stdio.h>\n#include <trace-cmd.h>\nint main(void) { "
                      + " ".join(f'printf("{c} %d\\n", (int){c});' for c in CONSTANTS) + " }\n")
    said = []
    for flags in ([f"-I{HEADER.parent}", *pkg_config("--cflags", "libtraceevent")], pkg_config("--cflags", "libtracecmd")):
        common.run("cc", *STRICT, *flags, "-o", program, source)
        said.append(common.run(program).stdout)
    assert said[0] == said[1]


@pytest.mark.parametrize("compiler", ["gcc -std=c99", "clang -std=gnu11", "g++ -x c++ -std=c++11", "clang++ -x c++ -std=c++17"])
@pytest.mark.parametrize("package", ["libtraceevent", "libtracefs"])
def test_header_compiles_alone(compiler, package, tmp_path):
    """Beside tracecmd.h, where there is libtracefs and where there is not."""
    source = tmp_path / "header.c"
    source.write_text("#include <trace-cmd.h>\n#include <tracecmd.h>\n#include <trace-cmd.h>\n"
                      "int main(void) { tracecmd_close(0); return !tracecmd_version(); }\n")
    common.run(*compiler.split(), *STRICT, f"-I{HEADER.parent}", *pkg_config("--cflags", package), "-c", "-o",
               tmp_path / "header.o", source)


# ---- the same programs on both -------------------------------------------------------

@pytest.mark.parametrize("trace", CHOSEN, ids=lambda t: t.stem)
def test_tells_what_trace_cmd_tells(programs, ours, theirs, trace):
    assert output(ours, programs["dump"], trace) == output(theirs, programs["dump"], trace)


@pytest.mark.parametrize("trace", CHOSEN, ids=lambda t: t.stem)
def test_kernelshark_shows_the_same(programs, ours, theirs, trace):
    status, text = output(ours, programs["kshark-dump"], trace)
    assert (status, text) == output(theirs, programs["kshark-dump"], trace)
    assert " entries\n" in text and status == 0


def test_kernelshark_shows_a_host_and_its_guest(programs, ours, theirs):
    files = [Path(common.FIXTURES) / f"{name}.dat" for name in ("pair", "pair-ftvmguest")]
    status, text = output(ours, programs["kshark-dump"], *files)
    assert (status, text) == output(theirs, programs["kshark-dump"], *files)
    assert re.search(r"^guest \w+: \d+ \d+$", text, re.M)


MISSED = re.compile(r"missed -?\d+|^.*missed_events.*\n", re.M)


@pytest.mark.parametrize("name", ["syn-v6-be-l8-p4096-none", "syn-v7-le-l4-p4096-zstd"])
def test_tells_all_losses(programs, ours, theirs, name):
    """More of them than trace-cmd's library, and nothing else differs."""
    trace = Path(common.FIXTURES) / f"{name}.dat"
    status, mine = output(ours, programs["dump"], trace)
    debian = output(theirs, programs["dump"], trace)
    assert (status, MISSED.sub("", mine)) == (debian[0], MISSED.sub("", debian[1]))
    untold = [(a, b) for a, b in zip(MISSED.findall(mine), MISSED.findall(debian[1])) if a != b]
    assert untold and all(b == "missed 0" for _, b in untold)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_reads_what_trace_cmd_refuses(programs, ours, name):
    trace = Path(common.FIXTURES) / f"{name}.dat"
    status, text = output(ours, programs["dump"], trace)
    told = sum(int(n) for n in re.findall(r"^cpu \d+: (\d+) records", text, re.M))
    counted = common.run(common.TRACECMD, "report", "--count", "--format", "json", "-q", trace, status=None).stdout
    assert status == 0 and told == sum(int(n) for n in re.findall(r'"events":(\d+)', counted)) > 100


def test_a_latency_text_has_no_records(programs, ours):
    status, text = output(ours, programs["dump"], Path(common.FIXTURES) / "lat-wakeup.dat")
    assert status == 0 and set(re.findall(r"^cpu \d+: (\d+) records", text, re.M)) == {"0"}


# Of trace-cmd 3.1.6's library, each told in libtracecmd-compat(3) or newer than it.
FAULTS = {"open_no_trace", "read_before_init", "bad_filters", "instance_has_own_filters", "negative_cpu", "record_outlives", "iterate_stops",
          "iterate_reverse", "reset_with_empty_cpu", "follower_stops", "no_cpu_map", "stacks_go_along"}


def conformance(env, program):
    files = [Path(common.FIXTURES) / f"{name}.dat" for name in
             ("old-v7", "instances", "pair", "pair-ftvmguest", "stacks-6.1", "syn-v7-le-l4-p4096-zstd")]
    status, text = output(env, program, *files)
    lines = text.splitlines()
    assert status == 0
    return {line.split()[1] for line in lines if line.startswith("ok ")}, [line for line in lines if line.startswith("FAILED ")]


def test_does_what_programs_rely_on(programs, ours):
    passed, failed = conformance(ours, programs["conformance"])
    assert failed == [] and len(passed) == len(re.findall(r"CASE\((?!name)", (TOP / "utest/abi/conformance.c").read_text()))


def test_trace_cmd_does_so_too(programs, theirs):
    """Else our tests ask for something else than the interface."""
    _, failed = conformance(theirs, programs["conformance"])
    assert {line.split()[1].rstrip(":") for line in failed} <= FAULTS, failed


# ---- the way back ---------------------------------------------------------------------

def test_a_program_built_here_runs_there(tmp_path, ours, theirs):
    """The example of the manual page: our header and library, run on either."""
    program = tmp_path / "count"
    (tmp_path / "libtracecmd.so").symlink_to(LIBRARY)
    common.run("cc", *STRICT, f"-I{HEADER.parent}", *pkg_config("--cflags", "libtraceevent"), "-o", program,
               TOP / "Documentation" / "examples" / "trace-cmd-count.c", f"-L{tmp_path}", "-ltracecmd",
               *pkg_config("--libs", "libtraceevent"))
    trace = Path(common.FIXTURES) / "instances.dat"
    status, text = output(ours, program, trace)
    assert (status, text) == output(theirs, program, trace)
    assert re.search(r"^one: sched/sched_switch \d+$", text, re.M)
    assert output(ours, program, tmp_path / "missing.dat")[0] == 1


def test_a_failure_is_told_once(programs, ours, tmp_path):
    """In words, by libtraceevent, unless the program does not want it."""
    trace = tmp_path / "no-trace.dat"
    trace.write_text("this is none, though it is long enough to be one")
    done = subprocess.run([programs["dump"], trace], env=ours, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "cannot open\n")
    assert len(done.stderr.splitlines()) == 1 and str(trace) in done.stderr


def test_only_our_library_is_taken(programs, ours):
    """Or the comparisons above would compare nothing."""
    env = dict(ours, LD_DEBUG="libs")
    done = subprocess.run([programs["kshark-dump"], "/nonexistent"], env=env, capture_output=True, text=True)
    found = set(re.findall(r"calling init: (\S*libtracecmd\S*)", done.stderr))
    assert found == {f"{ours['LD_LIBRARY_PATH']}/libtracecmd.so.1"}
