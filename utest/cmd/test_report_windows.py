# SPDX-License-Identifier: GPL-2.0-or-later
"""report on threads and of ranges: the lines are those of one thread and of the whole."""

import json
import os
import re
import subprocess

import pytest

from common import FIXTURES, TRACECMD, build_enlarge, run, tool

MANY = ["all-6.1", "fgraph", "function", "instances", "lost-6.1", "stacks-6.1", "old-v6", "v7-zlib",
        "probes-6.12", "trace-marker", "clock-tsc2nsec", "syn-v7-be-l4-p8192-none"]
LINES = [[], ["-l"], ["-R"], ["-t", "--ts-diff"], ["--losses", "--boundary"], ["-F", "sched_switch"],
         ["-v", "-F", "sched_switch"], ["-F", ".*:common_pid > 100"], ["-O", "fgraph:tailprint"],
         ["--align-ts", "-N"], ["--format", "json"], ["--format", "csv"]]


def fixture(name):
    return f"{FIXTURES}/{name}.dat"


def report(*args, status=0):
    """Output and messages, in the order they came; in windows of a few sub-buffers."""
    p = subprocess.run([TRACECMD, "report", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                       env={**os.environ, "TRACECMD_WINDOW_BYTES": "4096"})
    assert status is None or p.returncode == status, p.stdout[-2000:]
    return p.stdout


def test_a_format_that_cannot_be_understood(tmp_path):
    """It is told where its first event is, whatever the threads, and if there is none among those shown, not at all."""
    data = bytearray(open(fixture("old-v6"), "rb").read())
    at = data.index(b"common_type;", data.index(b"name: irq_handler_entry\n"))
    data[at:at + 11] = b"common_typo"
    path = tmp_path / "bad.dat"
    path.write_bytes(data)
    wrong = b"tracecmd: format of event irq:irq_handler_entry (id 152): no field common_type"
    one = report("--threads", "1", str(path), status=1).splitlines()
    told = [i for i, line in enumerate(one) if line.startswith(wrong)]
    unknown = [i for i, line in enumerate(one) if b"UNKNOWN EVENT" in line]
    assert len(told) == 1 and len(unknown) > 10
    # with its line, in front of it or what was written with it
    assert one[-1].endswith(b"names or formats that could not be read are missing above")
    first = sum(b": " in line for line in one[:unknown[0]]) - (told[0] < unknown[0])
    for threads in ("1", "2", "3", "8"):
        assert report("--threads", threads, str(path), status=1).splitlines() == one
        few = report("--threads", threads, "--first", str(first), str(path))
        assert few.count(b"\n") > first and b"irq_handler_entry" not in few
        report("--threads", threads, "--first", str(first + 1), str(path), status=1)


@pytest.mark.parametrize("name", MANY)
def test_any_number_of_threads(name):
    for options in LINES:
        one = report("--threads", "1", *options, fixture(name), status=None)
        for threads in ("2", "3", "8"):
            assert report("--threads", threads, *options, fixture(name), status=None) == one, options


@pytest.mark.parametrize("options", [["json"], ["csv"], ["csv", "--decoded"]], ids=" ".join)
def test_texts_in_machine_formats(options):
    """The indentation of functions, which hangs on the calls before, lands in its own line's text."""
    for name in ("function", "fgraph", "old-v6"):
        one = report("--threads", "1", "--text", "--format", *options, fixture(name))
        for threads in ("2", "3", "8"):
            assert report("--threads", threads, "--text", "--format", *options, fixture(name)) == one, name
        if options == ["json"]:
            texts = [json.loads(line)["text"] for line in one.splitlines()]
            assert name != "function" or sum(text.startswith("   ") for text in texts) > 100


@pytest.mark.parametrize("options", [["--compat", "3.1"], ["--compat", "3.1", "-O", "fgraph:tailprint"],
                                     ["--first", "501"], ["--first", "1200", "--losses"],
                                     ["--first", "40", "-F", "sched_switch,funcgraph_exit", "--ts-check"]], ids=" ".join)
def test_what_hangs_on_all_before(options):
    for name in ("fgraph", "lost-6.1", "old-v6"):
        one = report("--threads", "1", *options, fixture(name))
        for threads in ("2", "3", "8"):
            assert report("--threads", threads, *options, fixture(name)) == one, name


def test_times_that_go_backwards(tmp_path):
    """A sub-buffer in the midst claims to be a second older, each event of it and behind it is in its place."""
    def told(path, threads, *options):
        p = subprocess.run([TRACECMD, "report", "--ts-check", "--threads", threads, *options, path], capture_output=True,
                           text=True, timeout=60, env={**os.environ, "TRACECMD_WINDOW_BYTES": "4096"})
        assert p.returncode == 0
        return p.stderr.splitlines()

    for last in ("0.05", "0.1", "0.2"):
        assert told(fixture("old-v7"), "1", "--last", last) == told(fixture("old-v7"), "3", "--last", last) == []
    path = tmp_path / "back.dat"
    run(TRACECMD, "convert", "--compression", "none", fixture("old-v7"), path)
    data = bytearray(path.read_bytes())
    area = re.search(r"^\s+0 (\d+)\t(\d+)\t", run(TRACECMD, "dump", "--flyrecord", path).stdout, re.M)
    page = int(area.group(1)) + int(area.group(2)) // 8192 * 4096
    time = int.from_bytes(data[page:page + 8], "little") - 10**9
    data[page:page + 8] = time.to_bytes(8, "little")
    path.write_bytes(data)
    one = told(path, "1")
    assert len(one) == 1 and "CPU 0: time goes backwards" in one[0]
    for threads in ("2", "3", "8"):
        assert told(path, threads) == one


def test_several_files():
    files = ["-i", fixture("pair"), "-i", fixture("pair-ftvmguest"), "-i", fixture("old-v6")]
    one = report("--threads", "1", *files)
    for threads in ("2", "3", "8"):
        assert report("--threads", threads, *files) == one


@pytest.mark.parametrize("name", ["all-6.1", "fgraph", "lost-6.1", "function"])
def test_damaged_files(name, tmp_path):
    """The same lines, and the same notices in the same order (the unit test looks at their places)."""
    def both(threads):
        p = subprocess.run([TRACECMD, "report", "--threads", threads, "--losses", path], capture_output=True,
                           timeout=120, env={**os.environ, "TRACECMD_WINDOW_BYTES": "4096"})
        assert p.returncode == 1
        return p.stdout, p.stderr.splitlines()

    data = bytearray(open(fixture(name), "rb").read())
    for at in range(len(data) * 3 // 4, len(data) - 1000, 3001):
        data[at] ^= 0x55
    path = tmp_path / "bad.dat"
    path.write_bytes(data)
    one = both("1")
    assert one[1]
    for threads in ("2", "3", "8"):
        assert both(threads) == one


def told(path, *options):
    """Lines, messages and status, in windows of a sub-buffer."""
    p = subprocess.run([TRACECMD, "report", *options, path], capture_output=True, timeout=60,
                       env={**os.environ, "TRACECMD_WINDOW_BYTES": "4096"})
    return p.stdout, p.stderr.decode(errors="replace").splitlines(), p.returncode


def without_names(path, back):
    """Task names are told by events alone, and every fourth sub-buffer claims to be earlier."""
    data = bytearray(open(fixture("old-v6"), "rb").read())
    names = max(re.finditer(rb"(?:\d+ [^\n\0]{1,15}\n)+", data), key=lambda found: len(found[0]))
    data[names.start():names.end()] = re.sub(rb"[^\n]", b" ", names[0])
    areas = re.findall(r"^\s+(\d+) +(\d+)\t", run(TRACECMD, "dump", "--flyrecord", fixture("old-v6")).stdout, re.M)
    for at, size in areas:
        for page in range(int(at) + 3 * 4096, int(at) + int(size), 4 * 4096):
            time = int.from_bytes(data[page:page + 8], "little") - back
            data[page:page + 8] = time.to_bytes(8, "little")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("back", [0, 10**6, 10**9])
def test_names_learnt_from_events(back, tmp_path):
    """Also where a window is worked on again: the last one of --first, and those behind times that step back."""
    path = without_names(tmp_path / "unnamed.dat", back)
    for options in ([], ["--format", "json"], ["--first", "300"], ["--first", "500"], ["--first", "700"]):
        one = told(path, "--threads", "1", *options)
        assert one[0].count(b"<...>") < 10 and one[0].count(b"\n") >= 300
        for threads in ("2", "3", "8", "8", "8"):
            assert told(path, "--threads", threads, *options) == one, (threads, options)


@pytest.mark.parametrize("name", ["all-6.1", "fgraph"])
@pytest.mark.parametrize("section", ["kallsyms", "printk", "command lines"])
def test_texts_that_cannot_be_had(section, name, tmp_path):
    """That is told once, and ends with status 1, if lines that are shown want them."""
    sections = run(TRACECMD, "dump", "--sections", fixture(name)).stdout
    at, size = re.search(rf'@ (\d+)\s+"{section}".*, (\d+) compressed', sections).groups()
    middle = int(at) + 24 + int(size) // 2
    data = bytearray(open(fixture(name), "rb").read())
    data[middle:middle + 16] = bytes(16 * [255])
    path = tmp_path / "bad.dat"
    path.write_bytes(data)
    for options in ([], ["--first", "1"], ["--first", "100"], ["--first", "900"], ["--from", "+3ms"],
                    ["--from", "+3ms", "--first", "100"], ["--format", "json"], ["-F", "sched_switch", "--first", "50"]):
        one = told(path, "--threads", "1", *options)
        assert sum("does not decompress" in line for line in one[1]) == one[2], one[1]
        for threads in ("2", "3", "8"):
            assert told(path, "--threads", threads, *options) == one, (threads, options)
    assert section != "kallsyms" or told(path)[2] == 1


# ---- ranges -------------------------------------------------------------------------

def times(lines):
    """The time of each line, in microseconds."""
    return [int(t.replace(".", "")) for t in (re.search(r" +(\d+\.\d{6}): ", line).group(1) for line in lines)]


@pytest.mark.parametrize("name", ["all-6.1", "fgraph", "lost-6.1", "old-v6", "v7-zlib", "instances"])
def test_a_range_is_a_part_of_the_whole(name):
    head, *lines = report(fixture(name)).decode(errors="surrogateescape").splitlines()
    lines = [line for line in lines if re.search(r" +\d+\.\d{6}: ", line)]
    us = times(lines)
    for i in range(0, len(lines) - 1, max(1, len(lines) // 13)):
        for k in (0, 1, 40, len(lines) // 3):
            first, last = us[i], us[min(i + k, len(lines) - 1)]
            want = [line for line, t in zip(lines, us) if first <= t <= last]
            for threads in ("1", "3"):
                got = report("--threads", threads, "--from", f"{first / 1e6:.6f}", "--to", f"{last / 1e6:.6f}",
                             fixture(name)).decode(errors="surrogateescape").splitlines()
                assert got[0] == head
                got = [line for line in got if re.search(r" +\d+\.\d{6}: ", line)]
                assert got == want, (first, last)


def test_ranges_from_either_end():
    lines = report("-t", fixture("old-v7")).decode().splitlines()[1:]
    ns = [int(re.search(r" (\d+\.\d{9}): ", line).group(1).replace(".", "")) for line in lines]
    for options, first, last in ((["--from", "+1ms"], ns[0] + 10**6, ns[-1]),
                                 (["--to", "+0.05"], ns[0], ns[0] + 50 * 10**6),
                                 (["--last", "20ms"], ns[-1] - 20 * 10**6, ns[-1]),
                                 (["--from=-20ms", "--to=-1000us"], ns[-1] - 20 * 10**6, ns[-1] - 10**6),
                                 (["--from", "+100000000ns", "--to", "+0.2s"], ns[0] + 10**8, ns[0] + 2 * 10**8)):
        want = [line for line, t in zip(lines, ns) if first <= t <= last]
        assert 0 < len(want) < len(lines)
        assert report("-t", *options, fixture("old-v7")).decode().splitlines()[1:] == want, options


def test_counts_instead_of_seconds():
    lines = report("--raw-ts", fixture("clock-tsc2nsec")).decode().splitlines()[1:]
    count = [int(re.search(r"(\d+): ", line).group(1)) for line in lines]
    want = [line for line, t in zip(lines, count) if count[10] <= t <= count[50]]
    assert report("--raw-ts", "--from", str(count[10]), "--to", str(count[50]),
                  fixture("clock-tsc2nsec")).decode().splitlines()[1:] == want


def test_the_first_events():
    lines = report("-F", "sched_switch", fixture("old-v7")).splitlines()
    for n in (1, 7, 100):
        assert report("-F", "sched_switch", "--first", str(n), fixture("old-v7")).splitlines() == lines[:n + 1]


def refused_range(status, message, *args):
    """Before anything is printed."""
    p = subprocess.run([TRACECMD, "report", *args], capture_output=True, timeout=60)
    assert (p.returncode, p.stdout) == (status, b"") and message in p.stderr.decode(), p


@pytest.mark.parametrize("options, message", [
    (["--from", "soon"], "--from: 'soon' is no time: give seconds as they are printed"),
    (["--to", "1.5h"], "--to: '1.5h' is no time"),
    (["--from", "+"], "--from: '+' is no time"),
    (["--from", "99999999999999999999"], "is no time"),
    (["--from", "+2", "--to", "+1"], "--to +1 is before --from +2"),
    (["--from", "nan"], "--from: 'nan' is no time"),
    (["--from", "5", "--to", "4"], "--to 4 is before --from 5"),
    (["--from=-1", "--to=-2"], "--to -2 is before --from -1"),
    (["--last", "1", "--to=-2"], "--to -2 is before --last 1"),
    (["--last", "1e3"], "--last: '1e3' is no time"),
    (["--raw-ts", "--last", "1e3"], "--last: '1e3' is no time"),
    (["--count", "--to", "soon"], "--to: 'soon' is no time"),
    (["--cpus", "--to", "soon"], "--to: 'soon' is no time"),
])
def test_no_times(options, message):
    name = "clock-tsc2nsec" if "--raw-ts" in options else "old-v7"
    refused_range(2, message, *options, fixture(name))


@pytest.mark.parametrize("options, message, name", [
    (["--raw-ts", "--from", "1.5"], "--from: '1.5' is no time: this file's times are counts", "clock-tsc2nsec"),
    (["--raw-ts", "--last", "1ms"], "--last: '1ms' is no time: this file's times are counts", "clock-tsc2nsec"),
    (["--from", "+0", "--to", "1"], "--to 1 is before --from +0", "old-v7"),
])
def test_no_times_of_that_file(options, message, name):
    refused_range(1, message, *options, fixture(name))


def test_counts_may_be_large():
    """As seconds they would be too many."""
    for options in (["--from", "0", "--to", str(2**64 - 2)], ["--last", str(2**63)]):
        assert report("--raw-ts", *options, fixture("clock-tsc2nsec")) == \
            report("--raw-ts", fixture("clock-tsc2nsec"))


@pytest.mark.parametrize("options", [["--threads", "0"], ["--threads", "many"], ["--threads", "257"],
                                     ["--first", "0"], ["--first", "x"]])
def test_no_numbers(options):
    assert f"{options[0]}: '{options[1]}' is no number" in report(*options, fixture("old-v7"), status=2).decode()


# ---- an output that does not take all -----------------------------------------------------

@pytest.mark.parametrize("threads", ["1", "4"])
def test_full_disk(threads):
    with open("/dev/full", "wb") as full:
        p = subprocess.run([TRACECMD, "report", "--threads", threads, fixture("fgraph")], stdout=full,
                           stderr=subprocess.PIPE, text=True, timeout=60)
    assert p.returncode == 1
    assert p.stderr == "tracecmd: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("threads", ["1", "4"])
def test_closed_output(threads):
    """A reader that has enough ends the report; where the signal is ignored it is an error, told once."""
    p = subprocess.Popen([TRACECMD, "report", "--threads", threads, fixture("fgraph")], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    p.stdout.readline()
    p.stdout.close()
    assert p.wait(timeout=60) != 0
    assert p.stderr.read().count("tracecmd:") <= 1
    p = subprocess.run(["sh", "-c", f"trap '' PIPE; {TRACECMD} report --threads {threads} {fixture('fgraph')} | head -n 1"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert p.stderr == "tracecmd: cannot write to standard output: Broken pipe\n"


@pytest.fixture(scope="module")
def long_trace(tmp_path_factory):
    """Its events have texts of many bytes for each of the file's."""
    with open(TRACECMD, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("a sanitizer needs memory of its own")
    path = tmp_path_factory.mktemp("long") / "long.dat"
    run(build_enlarge(), fixture("fgraph"), path, 48 << 20, "zstd", 1)
    return path


@pytest.mark.parametrize("options", [[], ["--format", "csv"], ["--format", "json", "--decoded", "--text"]], ids=" ".join)
def test_memory_is_bounded(long_trace, options):
    """32 MB, 4 for each CPU and thread; a thread more costs no more than its own."""
    def memory(threads):
        return int(run(tool("measure"), "pipe", TRACECMD, "report", "-q", "--threads", threads, *options,
                       long_trace).stdout.split()[2])

    cpus = len(run(TRACECMD, "report", "--cpus", long_trace).stdout.splitlines()) - 1
    few, many = memory(8), memory(16)
    assert few <= (32 + 4 * (8 + cpus)) << 10
    assert many <= (32 + 4 * (16 + cpus)) << 10
    assert many - memory(1) <= 4 * 15 << 10
