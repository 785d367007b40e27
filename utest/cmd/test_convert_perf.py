# SPDX-License-Identifier: GPL-2.0-or-later
"""convert --from perf: a perf.data file becomes a trace.dat with the same events."""

import os
import re
import subprocess
import sys

import pytest

import common
from common import TRACECMD, UTEST, report, run, strict_check, trace_cmd_report

sys.path.insert(0, f"{UTEST}/tools")
import perfdata
from perfdata import Perf

FIXTURE = f"{UTEST}/fixtures/perf/calls.data"
LOST = re.compile(r"CPU:(\d+) \[(\d+) EVENTS DROPPED\]")
LINE = re.compile(r"\s*(.+)-(\d+)\s+\[(\d+)\]\s+\S*\s*(\d+(?:\.\d+)?): (\S+):\s+(.*)")


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def convert(tmp_path, data, *options, status=0):
    """Of bytes, or a file: the new file and what was told."""
    if isinstance(data, bytes):
        data = write(f"{tmp_path}/in.data", data)
    out = f"{tmp_path}/out.dat"
    if os.path.exists(out):
        os.unlink(out)
    told = run(TRACECMD, "convert", "-i", data, "-o", out, *options, status=status).stderr
    if status == 0:
        strict_check(out)
    return out, told


def events(path, *options):
    """(name, task, cpu, time, event, text) of each line of the report."""
    return [m.groups() for m in map(LINE.fullmatch, report(path, "-t", "-N", *options).splitlines()) if m]


def numbers(path):
    return [int(e[5].split("=")[1]) for e in events(path) if e[4] == "made"]


# ---- beside perf ----------------------------------------------------------------------------

def perf_script(path):
    """The same of perf's own text, tracepoints alone. A task that was gone already has no number there."""
    text = run("perf", "script", "-i", path, "-G", "--ns", "-F", "trace:comm,tid,cpu,time,event,trace").stdout
    line = re.compile(r"\s*(.+?)\s+(-?\d+) \[(\d+)\] +(\d+\.\d+): +\S+?:(\S+): ?(.*)")
    return [m.groups() for m in map(line.fullmatch, text.splitlines()) if m]


def check_beside_perf(data, dat):
    theirs = perf_script(data)
    ours = [e for e in events(dat) if e[4] not in ("kernel_stack", "user_stack")]
    assert len(theirs) > 20
    assert sorted(e[2:5] + (e[5].strip(),) for e in ours) == sorted(e[2:5] + (e[5].strip(),) for e in theirs)
    assert sorted(e[1] for e in ours) == sorted(e[1] for e in theirs)
    last = {e[1]: e[0] for e in theirs}             # a trace.dat has the last name of each
    for e in ours:
        assert e[0] == last[e[1]] or last[e[1]] == f":{e[1]}"
    assert [e[3] for e in ours] == sorted(e[3] for e in ours)


@pytest.mark.parametrize("options", [(), ("--file-version", "6"), ("--compression", "none")], ids=["", "v6", "none"])
def test_fixture(tmp_path, options):
    out, told = convert(tmp_path, FIXTURE, *options)
    check_beside_perf(FIXTURE, out)
    assert re.search(r"\d+ samples of event 'cpu-clock\S*' \(type 1\) are left out: it is no tracepoint\n", told)
    assert len(trace_cmd_report(out).splitlines()) == len(report(out).splitlines())


def test_fixture_stacks(tmp_path):
    """Behind each event with a chain its addresses, in the order perf has them."""
    out, _ = convert(tmp_path, FIXTURE)
    text = run("perf", "script", "-i", FIXTURE, "--ns", "-F", "trace:time,event,ip").stdout
    theirs = {}
    for block in text.split("\n\n"):
        lines = block.strip().splitlines()
        if lines and "cpu-clock" not in lines[0]:
            theirs[re.search(r"\d+\.\d+", lines[0])[0]] = [int(i, 16) for i in lines[1:] if int(i, 16) >> 63]
    ours = {}
    for line in report(out, "-t").splitlines():
        m = LINE.fullmatch(line)
        if m:
            into = ours.setdefault(m[4], []) if m[5] == "kernel_stack" else None
        elif line.startswith("=> ") and into is not None:
            into.append(int(re.search(r"[0-9a-f]{16}", line)[0], 16))
    assert ours == {time: chain for time, chain in theirs.items() if chain}
    users = [e for e in events(out) if e[4] == "user_stack"]
    assert users and all(e[5].startswith("=> ") or e[5].startswith("\t=> ") for e in users)


@pytest.mark.parametrize("how", ["zstd", "pipe"])
def test_live(tmp_path, how):
    """What perf records now, of a command of its own."""
    why = common.unusable_tracefs()
    if why:
        pytest.skip(f"tracefs cannot be used: {why}")
    data = f"{tmp_path}/perf.data"
    record = ["perf", "record", "-q", "-e", "raw_syscalls:sys_enter", "-e", "raw_syscalls:sys_exit", "-o"]
    command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=100"]
    if how == "pipe":
        with open(data, "wb") as f:
            subprocess.run([*record, "-", *command], stdout=f, stderr=subprocess.DEVNULL, check=True)
    else:
        run(*record, data, "-z", *command)
    out, _ = convert(tmp_path, data)
    check_beside_perf(data, out)
    assert sum(e[0] == "dd" and e[5].startswith("NR 1 (") for e in events(out)) >= 100


# ---- files made to order --------------------------------------------------------------------

def simple(**kw):
    p = Perf(**kw)
    p.comm(10, "ten")
    for i in range(20):
        p.sample(1000 + 10 * i, i % 3, nr=i)
    return p


KINDS = {"file": lambda p: p.bytes(), "pipe": lambda p: p.pipe(), "zstd": lambda p: p.bytes(perfdata.COMPRESSED),
         "zstd2": lambda p: p.pipe(perfdata.COMPRESSED2)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("big,long", [(False, 8), (True, 8), (False, 4)], ids=["little", "big", "long4"])
def test_made(tmp_path, kind, big, long):
    out, told = convert(tmp_path, KINDS[kind](simple(big=big, long=long)))
    assert told == ""
    assert numbers(out) == list(range(20))
    assert [int(e[2]) for e in events(out)] == [i % 3 for i in range(20)]
    assert {e[0] for e in events(out)} == {"ten"}
    dump = run(TRACECMD, "dump", "--options", out).stdout
    assert "from perf.data of perf 6.1: perf record" in dump
    assert "Linux host 6.1.0 x86_64" in dump
    assert "[perf]" in dump
    assert "[cpus=4]" in report(out) or report(out).startswith("cpus=4\n")


def test_order_by_rounds(tmp_path):
    """Rings are read in turns: what stands behind in the file can be earlier, by up to a round."""
    p = Perf()
    p.sample(100, 0, 1)
    p.sample(90, 0, 0)
    p.round()
    p.sample(300, 0, 4)
    p.sample(200, 0, 2)
    p.round()
    p.sample(250, 0, 3)
    p.sample(400, 0, 5)
    out, told = convert(tmp_path, p.bytes())
    assert numbers(out) == [0, 1, 2, 3, 4, 5]
    assert told == ""


def test_late_events_stay(tmp_path):
    """One that the rounds do not allow is there all the same, and told."""
    p = Perf()
    p.sample(100, 0, 0)
    p.round()
    p.sample(200, 0, 1)
    p.round()
    p.sample(50, 0, 2)
    out, told = convert(tmp_path, p.bytes())
    assert sorted(numbers(out)) == [0, 1, 2]
    assert "1 events stand behind later ones of their CPU" in told


def test_losses(tmp_path):
    """Where the ring told of them; what only the counts at the end tell, at the end. Those that a filter took
    are none."""
    p = Perf()
    p.id_index((1, 0), (2, 1))
    p.sample(100, 0, 0)
    p.lost(200, 0, 7)
    p.sample(200, 0, 1)
    p.sample(300, 1, 2)
    p.lost_samples(1, 7)
    p.lost_samples(2, 5)
    p.lost_samples(1, 1000, misc=1 << 15)
    out, _ = convert(tmp_path, p.bytes())
    assert numbers(out) == [0, 1, 2]
    p = run(TRACECMD, "report", "-t", out)
    assert LOST.findall(p.stdout) == [("0", "7")]
    assert "CPU 1" in p.stderr and "5 events were lost behind the last one" in p.stderr
    assert p.stdout.index("nr=0") < p.stdout.index("DROPPED") < p.stdout.index("nr=1")


def test_names(tmp_path):
    """The last name of each; a child has its parent's; those that perf stored where nothing else tells."""
    p = Perf()
    p.comm(10, "first", 50)
    p.fork(11, 10, 60)
    p.comm(10, "second", 90)
    p.comm(10, "older", 70)
    p.comm(12, "a\nb", 70)
    for i, tid in enumerate((10, 11, 12, 7, 8)):
        p.sample(1000 + i, 0, i, tid=tid)
    out, _ = convert(tmp_path, p.bytes())
    assert [e[0] for e in events(out)] == ["second", "first", "a?b", "saved", "<...>"]


def test_chains(tmp_path):
    """The kernel's part and the user's, in events of their own behind the event."""
    p = Perf(chains=True)
    p.sample(100, 0, 0, chain=[perfdata.KERNEL, 0xffffffff81000010, 0xffffffff81000020, perfdata.USER, 0x401000])
    p.sample(200, 0, 1)
    p.sample(300, 0, 2, chain=[perfdata.USER, *range(0x1000, 0x100c)])
    out, told = convert(tmp_path, p.bytes())
    assert [e[4] for e in events(out)] == ["made", "kernel_stack", "user_stack", "made", "made", "user_stack"]
    text = report(out)
    assert "=> ffffffff81000010\n=> ffffffff81000020\n" in text
    assert "=> 0x401000" in text and "=> 0x1007" in text and "=> 0x1008" not in text
    assert "call chains are shortened, by 4 addresses in all" in told
    assert "=> ffffffff81000020" in trace_cmd_report(out)


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
def test_symbols(tmp_path, big):
    """perf stores none: they come from a file that is named."""
    p = Perf(chains=True, big=big)
    p.sample(100, 0, 0, chain=[perfdata.KERNEL, 0xffffffff81000010])
    symbols = write(f"{tmp_path}/symbols", b"ffffffff81000000 T some_function\nffffffff81000100 T other\n")
    out, _ = convert(tmp_path, p.bytes(), "--kallsyms", symbols)
    assert "=> some_function (ffffffff81000010)\n" in report(out)
    _, told = convert(tmp_path, p.bytes(), "--kallsyms", f"{tmp_path}/nothing", status=1)
    assert "cannot read symbols from" in told
    assert "is no file of perf: --kallsyms is for those alone" in \
        run(TRACECMD, "convert", "--kallsyms", symbols, symbols, f"{tmp_path}/x", status=2).stderr


def test_stack_formats_of_the_file(tmp_path):
    """Ids that are taken are left alone; formats that are there are used."""
    stack = ("name: kernel_stack\nID: 44\nformat:\n" + perfdata.COMMON + "\tfield:int size;\toffset:8;\tsize:4;\tsigned:1;\n"
             "\tfield:unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;\n\nprint fmt: \"%d\", REC->size\n")
    p = Perf(chains=True)
    p.features[perfdata.F_TRACING] = p.tracing(ftrace=[stack], formats=[
        ("made", perfdata.FORMAT), ("x", perfdata.FORMAT.replace("name: made\nID: 100", "name: twelve\nID: 12"))])
    p.sample(100, 0, 0, chain=[perfdata.KERNEL, 0xffffffff81000010, perfdata.USER, 0x401000])
    out, _ = convert(tmp_path, p.bytes())
    assert [e[4] for e in events(out)] == ["made", "kernel_stack", "user_stack"]
    formats = run(TRACECMD, "dump", "--ftrace-events", out).stdout
    assert "name: kernel_stack\nID: 44\n" in formats and "name: user_stack\nID: 13\n" in formats


@pytest.mark.parametrize("clockid,word", [(1, "mono"), (4, "mono_raw"), (7, "boot"), (11, "tai")])
def test_clocks(tmp_path, clockid, word):
    p = simple()
    p.clockid = clockid
    if clockid == 1:
        p.features[perfdata.F_TRACING] = p.tracing(version=b"0.5")      # and perf of long ago
    out, _ = convert(tmp_path, p.bytes())
    assert f"[{word}]" in run(TRACECMD, "dump", "--options", out).stdout
    assert numbers(out) == list(range(20))


def test_unknown_clock_is_told(tmp_path):
    p = simple()
    p.clockid = 99
    _, told = convert(tmp_path, p.bytes())
    assert "its times are by clock 99, which a trace.dat has no name for; they stay as they are" in told


def test_large_events_are_losses(tmp_path):
    p = Perf()
    p.sample(100, 0, 0)
    p.sample(200, 0, raw=p.data(1) + b"x" * 5000)
    p.sample(300, 0, 2)
    out, told = convert(tmp_path, p.bytes())
    assert numbers(out) == [0, 2]
    assert LOST.findall(report(out)) == [("0", "1")]
    assert "1 events are larger than a sub-buffer of 4096 bytes; they are told as lost" in told


def test_other_events_are_told(tmp_path):
    p = Perf()
    p.attrs.append((0, 0, [3]))
    p.sample(100, 0, 0)
    p.sample(200, 0, 1, ident=3)
    p.sample(200, 0, 1, ident=99)
    out, told = convert(tmp_path, p.bytes())
    assert numbers(out) == [0]
    assert "1 samples of event '?' (type 0) are left out: it is no tracepoint" in told
    assert "1 samples are left out: they are of no event that the file tells of" in told


def test_no_events(tmp_path):
    """Tracepoints of which there was none: a file without events."""
    p = Perf()
    p.round()
    out, told = convert(tmp_path, p.bytes())
    assert events(out) == [] and told == ""


# ---- the command line -----------------------------------------------------------------------

def test_standard_input(tmp_path):
    data = simple().pipe()
    out = f"{tmp_path}/out.dat"
    p = subprocess.run([TRACECMD, "convert", "--from", "perf", "-i", "-", "-o", out], input=data,
                       stderr=subprocess.PIPE, check=True)
    assert p.stderr == b"" and numbers(out) == list(range(20))
    with open(write(f"{tmp_path}/in", data), "rb") as f:        # a file needs no option
        subprocess.run([TRACECMD, "convert", "-i", "-", "-o", out], stdin=f, check=True)
    p = subprocess.run([TRACECMD, "convert", "--from", "perf", "-i", "-", "-o", out], input=simple().bytes(),
                       stderr=subprocess.PIPE)
    assert p.returncode == 1 and b"this is no regular file" in p.stderr


def test_default_names_and_bad_use(tmp_path):
    write(f"{tmp_path}/perf.data", simple().bytes())
    run(TRACECMD, "convert", "--from", "perf", "out.dat", cwd=tmp_path)
    assert numbers(f"{tmp_path}/out.dat") == list(range(20))
    assert "files of 'ctf' are not known, only those of perf" in \
        run(TRACECMD, "convert", "--from", "ctf", "a", "b", status=2).stderr
    told = run(TRACECMD, "convert", "--from", "perf", "out.dat", "again.dat", cwd=tmp_path, status=1).stderr
    assert "cannot convert 'out.dat': it is no perf.data file (wrong magic at offset 0x0)" in told
    assert "cannot open 'nothing'" in run(TRACECMD, "convert", "--from", "perf", "nothing", "x", cwd=tmp_path, status=1).stderr
    assert sorted(os.listdir(tmp_path)) == ["out.dat", "perf.data"]


# ---- damage ---------------------------------------------------------------------------------

def put(data, at, new):
    return data[:at] + new + data[at + len(new):]


def u64(n):
    return n.to_bytes(8, "little")


def without_tracing():
    p = simple()
    del p.features[perfdata.F_TRACING]
    return p.bytes()


def with_feature(number, body):
    p = simple()
    p.features[number] = body
    return p.bytes()


def two_kinds():
    """The second event's ids lie elsewhere."""
    p = simple()
    p.attrs.append((1, 0, [3]))
    data = p.bytes()
    return put(data, 104 + 144 + 24, u64(perfdata.SAMPLE_TYPE & ~perfdata.IDENTIFIER))


REFUSED = {
    "empty": (lambda: b"PERFILE2", r"it ends inside its header \(offset 0x8\)"),
    "first version": (lambda: b"PERFFILE" + bytes(96), r"it is of the first version of the format \(offset 0x0\)"),
    "header size": (lambda: put(simple().bytes(), 8, u64(17)), r"the size of its header at offset 0x8 is 17, neither"),
    "killed": (lambda: put(simple().bytes(), 48, u64(0)), "perf record was not ended properly"),
    "cut": (lambda: simple().bytes()[:900], r"its records at offset 0x108 \(\d+ bytes\) go past its end at 0x384"),
    "attrs past end": (lambda: put(simple().bytes(), 24, u64(1 << 60)), "the table of attributes at offset 0x1000000000000000"),
    "attr size": (lambda: put(simple().bytes(), 16, u64(3)), "which are no attributes of 3"),
    "ids": (lambda: put(simple().bytes(), 104 + 136, u64(1 << 40)), "the list of ids at offset 0xf8"),
    "features": (lambda: put(simple().bytes(), 72, b"\xff" * 32), r"offset 0x[0-9a-f]+"),
    "no tracing data": (without_tracing, "it has no tracing data, so no event formats"),
    "tracing magic": (lambda: with_feature(1, b"x" * 100), r"the tracing data at offset 0x\w+ do not begin as such do"),
    "tracing version": (lambda: with_feature(1, Perf().tracing(version=b"0.7")), r"at offset 0x\w+ is neither 0.5 nor 0.6"),
    "tracing cut": (lambda: with_feature(1, Perf().tracing()[:300]), r"the tracing data at offset 0x\w+ end too early"),
    "tracing order": (lambda: with_feature(1, Perf(big=True).tracing()), "have another byte order than the file"),
    "host": (lambda: with_feature(3, b"\xff" * 8), r"the host's name at offset 0x\w+ goes past the end of its section"),
    "cpus": (lambda: with_feature(7, b"\1"), r"the number of CPUs at offset 0x\w+ goes past the end"),
    "command": (lambda: with_feature(11, b"\xff" * 9), r"perf's command line at offset 0x\w+ goes past the end"),
    "names": (lambda: with_feature(12, b"\xff" * 9), r"the description of events at offset 0x\w+ goes past the end"),
    "folder": (lambda: with_feature(24, u64(1)), r"it is part of a folder that perf record --threads wrote"),
    "ids elsewhere": (two_kinds, "the ids of event 1 lie elsewhere than those of the first one"),
    "no tracepoints": (lambda: put(simple().bytes(), 104, b"\1"), "it has no tracepoint events"),
    "pipe attr": (lambda: put(simple().pipe(), 16 + 8 + 4, b"\xff\xff"), "the attribute at offset 0x18 goes past the end of its record"),
    "pipe tracing": (lambda: simple().pipe()[:400], r"is not all there"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path, case):
    """One message with the place; no file."""
    make, message = REFUSED[case]
    _, told = convert(tmp_path, make(), "--from", "perf", status=1)
    assert re.search(message, told), told
    assert told.count("\n") == 1
    assert os.listdir(tmp_path) == ["in.data"]


def spoiled(at, new):
    """The 10th sample's field at @at changed."""
    p = simple()
    p.records[10] = put(p.records[10], at, new)
    return p.bytes()


SKIPPED = {
    "raw": (lambda: spoiled(56, b"\xff\xff"), r"the raw data at offset 0x\w+ claim 65535 bytes, their record has 12"),
    "short raw": (lambda: spoiled(56, b"\4\0"), r"the sample at offset 0x\w+ has 4 bytes of data, less than any event"),
    "event": (lambda: spoiled(60, b"\1\2"), r"the sample at offset 0x\w+ is of event 100, its data of 513"),
    "cpu": (lambda: spoiled(40, b"\xff" * 4), r"the record at offset 0x\w+ is of CPU 4294967295, and there are at most"),
}


@pytest.mark.parametrize("case", SKIPPED)
def test_skipped(tmp_path, case):
    """A record that is wrong inside costs itself, and the exit status tells."""
    make, message = SKIPPED[case]
    out, told = convert(tmp_path, make(), status=1)
    assert re.search(message + ".*; skipped", told), told
    assert numbers(out) == [i for i in range(20) if i != 9]
    strict_check(out)


def test_what_lies_before_the_damage(tmp_path):
    p = simple()
    p.records[15] = put(p.records[15], 6, b"\7\0")
    out, told = convert(tmp_path, p.bytes(), status=1)
    assert re.search(r"is damaged or cut: the record at offset 0x\w+ claims a size of 7 bytes, less than its head has; "
                     "only what lies before could be read", told)
    assert numbers(out) == list(range(14))
    strict_check(out)
    data = simple().pipe()
    out, told = convert(tmp_path, data[:-10], status=1)
    assert "is damaged or cut" in told and numbers(out) == list(range(19))
    data = simple().bytes(perfdata.COMPRESSED)
    at = data.index(b"\x28\xb5\x2f\xfd")
    _, told = convert(tmp_path, put(data, at, b"XXXX"), status=1)
    assert re.search(r"the compressed record at offset 0x\w+ cannot be decompressed", told) or "has no" in told


def test_damaged_is_not_replaced(tmp_path):
    p = simple()
    p.records[15] = put(p.records[15], 6, b"\7\0")
    path = write(f"{tmp_path}/in.data", p.bytes())
    assert "is not replaced: it is damaged" in run(TRACECMD, "convert", "-i", path, "-o", path, status=1).stderr
    with open(path, "rb") as f:
        assert f.read() == p.bytes()
