# SPDX-License-Identifier: GPL-2.0-or-later
"""The shared library as programs see it: its symbols, its header, and an
example program whose output equals that of 'tracecmd report'."""

import ctypes
import json
import re
import sys
from pathlib import Path

import pytest

import common

TOP = Path(common.REPO)
BUILD = TOP / "build"
LIBRARY = BUILD / "libtracecmd.so.1"
# That of trace-cmd's interface is held by test_abi.py; the plugins' has no function of the library.
PLUGINS_HEADER = TOP / "lib" / "include" / "tracecmd-plugin.h"
HEADERS = sorted(h for h in (TOP / "lib" / "include").glob("*.h") if h.name != "trace-cmd.h" and h != PLUGINS_HEADER)
TRACES = sorted(Path(common.FIXTURES).glob("*.dat"))
# Those that libtraceevent's plugin_kvm looks for; declared by libtraceevent.
FOR_PLUGINS = {"tep_plugin_kvm_get_func", "tep_plugin_kvm_put_func"}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def exported_by_map():
    text = (TOP / "lib" / "libtracecmd.map").read_text()
    return set(re.findall(r"^\t(\w+);", text, re.M))


def run(*args, **kwargs):
    return common.run(*args, status=None, **kwargs)


def test_exports_what_the_map_says():
    out = common.run("nm", "-D", "--defined-only", LIBRARY).stdout
    symbols = {line.split()[-1].split("@")[0] for line in out.splitlines() if "@" in line and line.split()[-2] != "A"}
    assert symbols == exported_by_map()


def declared(headers=HEADERS):
    text = "".join(h.read_text() for h in headers)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"\b(tracecmd_\w+)\(", text)), set(re.findall(r"static inline [\w ]+[ *](tracecmd_\w+)\(", text))


def test_header_declares_what_the_map_says():
    functions, inline = declared()
    assert functions - inline == exported_by_map() - FOR_PLUGINS


def test_manual_page_names_what_the_headers_say():
    text = (TOP / "Documentation" / "libtracecmd.3.adoc").read_text()
    assert set(re.findall(r"^`(tracecmd_\w+)`::", text, re.M)) == declared()[0]


def test_functions_for_plugins_are_inline_and_in_their_page():
    functions, inline = declared([PLUGINS_HEADER])
    assert functions == inline != set()
    assert functions <= set(re.findall(r"\btracecmd_plugin_\w+", (TOP / "Documentation" / "plugins.md").read_text()))


def test_the_part_for_user_events_shows_its_functions_only():
    out = common.run("nm", "-g", "--defined-only", BUILD / "libtracecmd-user-event.a").stdout
    shown = set(re.findall(r" [A-Z] (\w+)$", out, re.M))
    assert shown == {f for f in exported_by_map() if "_user_" in f} | {"tracecmd_version"}


@pytest.mark.parametrize("compiler", ["gcc -std=c99", "gcc -std=gnu11", "clang -std=c11",
                                      "g++ -x c++ -std=c++11", "clang++ -x c++ -std=c++17"])
@pytest.mark.parametrize("header", [*HEADERS, PLUGINS_HEADER], ids=lambda h: h.name)
def test_header_compiles_alone(header, compiler, tmp_path):
    """Twice included, first and only, in C and C++."""
    source = tmp_path / "header.c"
    source.write_text(f"#include <{header.name}>\n#include <{header.name}>\n"
                      f"int main(void) {{ return {0 if header == PLUGINS_HEADER else '!tracecmd_version()'}; }}\n")
    done = run(*compiler.split(), *STRICT, f"-I{header.parent}", "-c", "-o", tmp_path / "header.o",
               source)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    program = tmp_path_factory.mktemp("example") / "print-events"
    done = run("cc", "-std=gnu11", *STRICT, "-I", TOP / "lib" / "include", "-o", program,
               TOP / "Documentation" / "examples" / "print-events.c", LIBRARY,
               f"-Wl,-rpath,{BUILD}")
    assert (done.returncode, done.stderr) == (0, "")
    return program


LATENCY = "lat-wakeup"  # a text, no events


def report(*traces):
    return common.run(common.TRACECMD, "report", "--losses", *traces).stdout


@pytest.mark.parametrize("trace", [t for t in TRACES if t.stem != LATENCY], ids=lambda t: t.stem)
def test_example_prints_what_report_does(example, trace):
    done = run(example, trace)
    assert done.returncode == 0, done.stderr
    assert done.stdout == report(trace)


def test_example_merges_files(example):
    """The guest's events among the host's, in the host's time."""
    traces = TRACES[0].parent / "pair.dat", TRACES[0].parent / "pair-ftvmguest.dat"
    done = run(example, *traces)
    assert done.returncode == 0, done.stderr
    assert done.stdout == report(*traces)


def test_latency_text_has_no_events(example):
    done = run(example, TRACES[0].parent / f"{LATENCY}.dat")
    assert (done.returncode, done.stdout) == (0, "cpus=2\n")


def test_example_without_a_file(example):
    done = run(example)
    assert done.returncode == 1
    assert "no file" in done.stderr


def test_example_with_a_missing_file(example, tmp_path):
    done = run(example, tmp_path / "missing.dat")
    assert done.returncode == 1
    assert done.stderr.startswith("print-events: ")
    assert "No such file or directory" in done.stderr


def test_example_with_no_trace(example, tmp_path):
    other = tmp_path / "other.dat"
    other.write_bytes(b"no trace at all, but long enough to have a header")
    done = run(example, other)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(other) in done.stderr


def test_example_with_a_cut_file(example, tmp_path):
    whole = next(t for t in TRACES if t.stem == "old-v6")
    cut = tmp_path / "cut.dat"
    cut.write_bytes(whole.read_bytes()[:-20000])
    done = run(example, cut)
    assert done.returncode == 1
    assert "is cut" in done.stderr
    lines = run(example, whole).stdout.splitlines()
    got = done.stdout.splitlines()
    assert 100 < len(got) < len(lines)


# ---- columns ---------------------------------------------------------------------

@pytest.fixture(scope="module", params=["cc -std=gnu11", "g++ -x c++ -std=c++11 -Wno-missing-field-initializers"])
def run_time(request, tmp_path_factory):
    """The second example, as C and as C++."""
    program = tmp_path_factory.mktemp("example") / "run-time"
    compiler, *options = request.param.split()
    done = run(compiler, *options, *STRICT, "-I", TOP / "lib" / "include", "-o", program,
               TOP / "Documentation" / "examples" / "run-time.c", "-x", "none", LIBRARY, f"-Wl,-rpath,{BUILD}")
    assert (done.returncode, done.stderr) == (0, "")
    return program


def run_times(trace):
    """What the example computes, out of the report's JSON."""
    times, last = {}, {}
    out = common.run(common.TRACECMD, "report", "-q", "--format", "json", "-F", "sched_switch", trace).stdout
    for event in map(json.loads, out.splitlines()):
        if "lost" in event or "buffer" in event:
            continue
        pid = event["fields"]["prev_pid"]
        if event["cpu"] in last:
            times[pid] = times.get(pid, 0) + event["time"] - last[event["cpu"]]
        last[event["cpu"]] = event["time"]
    return {pid: time for pid, time in times.items() if pid and time}


@pytest.mark.parametrize("trace", ["old-v6", "old-v7", "all-6.1", "instances"])
def test_columns_add_up(run_time, trace):
    path = Path(common.FIXTURES) / f"{trace}.dat"
    done = run(run_time, path)
    assert (done.returncode, done.stderr) == (0, "")
    found = {int(pid): int(time) for time, pid, _ in (line.split(None, 2) for line in done.stdout.splitlines())}
    assert found == run_times(path)
    assert found or trace == "instances"


@pytest.mark.parametrize("trace, words", [("probes-6.12", "no event or system is called 'sched/sched_switch'"),
                                          ("missing", "No such file or directory")])
def test_columns_that_cannot_be_had(run_time, trace, words):
    done = run(run_time, Path(common.FIXTURES) / f"{trace}.dat")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("run-time: ") and words in done.stderr


class Opts(ctypes.Structure):
    """struct tracecmd_trace_opts of a program newer than the library."""
    _fields_ = [("size", ctypes.c_size_t), ("notice", ctypes.c_void_p),
                ("notice_ctx", ctypes.c_void_p), ("raw_time", ctypes.c_int),
                ("no_date", ctypes.c_int), ("no_system_plugins", ctypes.c_int),
                ("no_plugins", ctypes.c_int), ("unknown", ctypes.c_uint64)]


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("text", ctypes.c_char * 1024)]


def open_with(opts):
    lib = ctypes.CDLL(str(LIBRARY))
    trace, error = ctypes.c_void_p(), Error()
    paths = (ctypes.c_char_p * 1)(str(TRACES[0]).encode())
    code = lib.tracecmd_trace_open(paths, 1, ctypes.byref(opts), ctypes.byref(trace),
                                   ctypes.byref(error))
    if code == 0:
        lib.tracecmd_trace_close(trace)
    return code, error.text.decode()


def test_options_of_a_newer_program():
    assert open_with(Opts(size=ctypes.sizeof(Opts)))[0] == 0
    code, text = open_with(Opts(size=ctypes.sizeof(Opts), unknown=1))
    assert code == -22
    assert "tracecmd_trace_opts" in text


def test_options_of_an_older_program():
    """One that knows only the first members; what lies behind is not looked at."""
    assert open_with(Opts(size=Opts.raw_time.offset, raw_time=7, unknown=1))[0] == 0


def test_options_without_a_size():
    code, text = open_with(Opts(size=0))
    assert code == -22
    assert "size" in text


# As a module of a language does it, which keeps its libraries to itself.
LINES = """
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
trace, event, line = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_char_p()
error = ctypes.create_string_buffer(4096)
assert not lib.tracecmd_trace_open((ctypes.c_char_p * 1)(sys.argv[2].encode()), 1, None, ctypes.byref(trace), error)
while lib.tracecmd_trace_next(trace, ctypes.byref(event), error) > 0:
    assert not lib.tracecmd_event_line(trace, ctypes.byref(line), error)
    sys.stdout.buffer.write(line.value + b"\\n")
"""


def test_plugins_of_a_library_that_is_loaded_for_itself():
    dat = Path(common.FIXTURES) / "all-6.1.dat"
    lines = run(sys.executable, "-c", LINES, LIBRARY, dat).stdout.splitlines()
    assert lines == common.report(dat).splitlines()[1:]
