# SPDX-License-Identifier: GPL-2.0-or-later
"""restore: files out of spools and raw per-CPU files, whole and damaged."""

import ctypes
import glob
import os
import re
import shutil
import struct

import pytest

import common
import tracefs
from common import DATDUMP, FIXTURES, TRACECMD, run, strict_check
from recording import INSTANCE, clean_instance, parsed, recording, wait_for

CPUS = os.cpu_count()
EVENT = re.compile(r"(\S+: )?pid-\d+ \[|CPU:\d+ \[.*EVENTS DROPPED")


def records(path):
    """Every record and lost mark as the independent decoder prints them."""
    lines = run("/usr/bin/python3", DATDUMP, "--events", path).stdout.splitlines()
    return [line for line in lines if EVENT.match(line)]


def taken_apart(fixture, folder):
    """A fixture's CPU data as raw per-CPU files, as trace-cmd leaves them."""
    run("/usr/bin/python3", DATDUMP, "--extract", folder / "parts", f"{FIXTURES}/{fixture}.dat")
    files = []
    for path in sorted(glob.glob(f"{folder}/parts/*cpu*")):
        files.append(shutil.copy(path, folder / f"trace.dat.{os.path.basename(path)}"))
    assert files
    return files


def chunks_of(path):
    """Where the chunks of a spool begin."""
    return [m.start() for m in re.finditer(rb"TCspool\n", open(path, "rb").read())]


def spools_are_worth_damaging(folder):
    """Whether every CPU has something on the disk, and one of them several chunks. Makes events until then."""
    run(common.tool("workload"), 100)
    files = glob.glob(f"{folder}/x.dat.{INSTANCE}.cpu*")
    return all(os.path.getsize(f) > 4096 for f in files) and len(chunks_of(max(files, key=os.path.getsize))) >= 4


@pytest.fixture(scope="module")
def spools(tmp_path_factory):
    """Spools of two instances that a killed recorder left, with some events each."""
    why = common.unusable_tracefs()
    if why:
        pytest.skip(f"tracefs cannot be used: {why}")
    folder = tmp_path_factory.mktemp("spools")
    with common.kernel_lock():
        try:
            # small buffers: the kernel hands over little at a time, and chunks are many
            with recording("-o", folder / "x.dat", "-B", INSTANCE, "-C", "mono", "-b", "128", "-e", "sched", "-e", "syscalls",
                           "-B", f"{INSTANCE}_2", "-e", "irq") as p:
                wait_for(lambda: spools_are_worth_damaging(folder), "spools have chunks enough")
                p.kill()
                p.wait()
        finally:
            clean_instance()
            clean_instance(f"{INSTANCE}_2")
    return sorted(glob.glob(f"{folder}/x.dat.*.cpu*"))


def test_spools_keep_names_and_clock(spools, tmp_path):
    out = tmp_path / "out.dat"
    run(TRACECMD, "restore", "-o", out, *spools)
    strict_check(out)
    found = parsed(out)
    assert {e.buffer for e in found} <= {INSTANCE, f"{INSTANCE}_2"} and INSTANCE in {e.buffer for e in found}
    assert "sched_switch" in {e.name for e in found}
    text = run("/usr/bin/python3", DATDUMP, out).stdout
    assert "compression 'zstd'" in text and '"[mono]"' in text and f"'{INSTANCE}_2' clock mono" in text
    assert re.search(rf"CPUCOUNT +4 bytes +{CPUS}$", text, re.M)
    assert re.search(r"UNAME .*Linux", text)


def test_trace_cmd_reads_it(spools, tmp_path):
    run(TRACECMD, "restore", "-o", tmp_path / "out.dat", *spools)
    assert "sched_switch:" in common.trace_cmd_report(tmp_path / "out.dat")


def test_order_of_arguments_does_not_matter(spools, tmp_path):
    run(TRACECMD, "restore", "-o", tmp_path / "a.dat", *spools)
    run(TRACECMD, "restore", "-o", tmp_path / "b.dat", *reversed(spools))
    assert records(tmp_path / "a.dat") == records(tmp_path / "b.dat")


def test_with_partial_file(spools, tmp_path):
    """-c now, -i later: no kernel is needed for the second."""
    os.chdir(tmp_path)
    run(TRACECMD, "restore", "-c")
    strict_check("trace-partial.dat")
    run(TRACECMD, "restore", "-i", "trace-partial.dat", *spools)
    strict_check("trace.dat")
    run(TRACECMD, "restore", "-o", "direct.dat", *spools)
    assert records("trace.dat") == records("direct.dat")
    text = run("/usr/bin/python3", DATDUMP, "trace.dat").stdout
    assert "compression 'none'" in text
    os.chdir(common.REPO)


def test_with_a_copy_of_a_tracing_directory(spools, tmp_path):
    """-t and -k: another machine's formats and symbols."""
    copy = tmp_path / "tracing"
    for system in "ftrace", "sched":
        for path in glob.glob(f"{tracefs.ROOT}/events/{system}/*/format"):
            os.makedirs(copy / os.path.relpath(os.path.dirname(path), tracefs.ROOT))
            (copy / os.path.relpath(path, tracefs.ROOT)).write_text(tracefs.read(path))
    for name in "events/header_page", "events/header_event":
        (copy / name).write_text(tracefs.read(f"{tracefs.ROOT}/{name}"))
    (copy / "available_events").write_text("".join(
        line for line in tracefs.read(f"{tracefs.ROOT}/available_events").splitlines(True) if line.startswith("sched:")))
    (tmp_path / "kallsyms").write_text("ffffffff81000000 T the_only_symbol\n")
    out = tmp_path / "out.dat"
    run(TRACECMD, "restore", "-t", copy, "-k", tmp_path / "kallsyms", "-o", out, *spools)
    strict_check(out)
    found = {e.name for e in parsed(out)}
    assert "sched_switch" in found and not {n for n in found if n.startswith("sys_")}
    assert run(TRACECMD, "dump", "--kallsyms", out).stdout.split()[-1] == "the_only_symbol"


HEADER_PAGE = """\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;
"""
HEADER_EVENT = "# compressed entry header\n\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n"


def foreign(tmp_path):
    """A copy of a tracefs, made on another machine."""
    copy = tmp_path / "tracing"
    shutil.copytree(f"{common.UTEST}/fixtures/tracefs", copy)
    (copy / "events/header_page").write_text(HEADER_PAGE)
    (copy / "events/header_event").write_text(HEADER_EVENT)
    (copy / "events/ftrace/print").mkdir(parents=True)
    (copy / "events/ftrace/print/format").write_text("name: print\nID: 5\nformat:\n")
    (tmp_path / "kallsyms").write_text("ffffffff81000000 T the_only_symbol\n")
    return copy


def metadata_of(copy, out, **kw):
    return run(TRACECMD, "restore", "-c", "-t", copy, "-k", copy.parent / "kallsyms", "-o", out, timeout=30, **kw)


def test_damaged_formats_in_a_copy_of_tracefs(tmp_path):
    """Each costs itself, and is named."""
    copy, out = foreign(tmp_path), tmp_path / "out.dat"
    metadata_of(copy, out)
    strict_check(out)
    before = run(TRACECMD, "dump", "--events", out).stdout
    assert "name: kmalloc\n" in before and "name: kfree\n" in before
    formats = {name: copy / "events" / name / "format" for name in (
        "kmem/kmalloc", "kmem/kfree", "sched/sched_switch", "sched/sched_waking", "raw_syscalls/sys_enter", "ftrace/print")}
    whole = formats["kmem/kmalloc"].read_bytes()
    formats["kmem/kmalloc"].write_bytes(b"")
    formats["kmem/kfree"].write_bytes(whole[:20])
    formats["sched/sched_switch"].write_bytes(whole.replace(b"ID: ", b"ID: x"))
    formats["sched/sched_waking"].write_bytes(whole[:60] + b"\0" + whole[60:])
    formats["ftrace/print"].write_bytes(bytes(range(256)) * 16)
    formats["raw_syscalls/sys_enter"].unlink()
    os.mkfifo(formats["raw_syscalls/sys_enter"])
    told = metadata_of(copy, out).stderr
    for path in formats.values():
        assert f"{path} is no event format, and is left out" in told
    strict_check(out)
    after = run(TRACECMD, "dump", "--events", out).stdout
    assert "name: kmalloc\n" not in after and "name: many\n" in after


@pytest.mark.parametrize("file", ["events/header_page", "events/header_event", "available_events"])
def test_a_fifo_in_a_copy_of_tracefs(tmp_path, file):
    """It is named, not waited for."""
    copy = foreign(tmp_path)
    (copy / file).unlink()
    os.mkfifo(copy / file)
    p = metadata_of(copy, tmp_path / "out.dat", status=1)
    assert f"{copy}/{file}" in p.stderr and "it is no regular file" in p.stderr
    assert not (tmp_path / "out.dat").exists()


def test_fifos_in_a_copy_of_tracefs_that_can_be_done_without(tmp_path):
    copy, out = foreign(tmp_path), tmp_path / "out.dat"
    os.mkfifo(copy / "saved_cmdlines")
    os.symlink("/dev/zero", copy / "printk_formats")
    told = metadata_of(copy, out).stderr
    assert f"cannot read {copy}/saved_cmdlines: it is no regular file; task names will be missing" in told
    assert f"cannot read {copy}/printk_formats: it is no regular file; trace_printk texts will be missing" in told
    strict_check(out)


@pytest.mark.parametrize("what", ["cut", "hole", "header", "front"])
def test_damaged_spool(spools, tmp_path, what):
    """What is whole is restored, what is not is told with its place."""
    victim = max(spools, key=os.path.getsize)
    bad = tmp_path / os.path.basename(victim)
    data = bytearray(open(victim, "rb").read())
    chunks = chunks_of(victim)
    assert len(chunks) >= 3
    if what == "cut":
        data = data[:chunks[-1] + 100]
        place = chunks[-1]
    elif what == "hole":
        place = chunks[1]
        data[place + 90:place + 190] = bytes(100)
    elif what == "header":
        place = chunks[1]
        data[place + 56:place + 60] = b"\xff\xff\xff\x7f"
    else:
        place = 0
        data[0:4] = b"oops"
    bad.write_bytes(data)
    others = [s for s in spools if s != victim]
    p = run(TRACECMD, "restore", "-o", tmp_path / "out.dat", bad, *others, status=None)
    assert p.returncode == 1 and f"the chunk at offset {place:#x} " in p.stderr
    strict_check(tmp_path / "out.dat")
    run(TRACECMD, "restore", "-o", tmp_path / "whole.dat", *spools)
    got, whole = (set(records(tmp_path / f)) for f in ("out.dat", "whole.dat"))
    if what == "front":			# only the description is lost, and with it the instance's name
        assert len(got) == len(whole)
    else:
        marks = {r for r in got - whole if "DROPPED" in r}
        assert len(marks) == (what != "cut")		# nothing follows the cut that could be marked
        assert got - marks < whole and len(got) > len(whole) / 3


@pytest.mark.parametrize("fixture", ["clock-global", "lost-6.1", "all-6.1", "instances"])
def test_raw_files(tmp_path, fixture):
    """What trace-cmd's recorders left, with a file of the same kernel for metadata.
    Instances are told by the names of the files."""
    run(TRACECMD, "restore", "-i", f"{FIXTURES}/{fixture}.dat", "-o", tmp_path / "out.dat",
        *taken_apart(fixture, tmp_path))
    strict_check(tmp_path / "out.dat")
    got, want = records(tmp_path / "out.dat"), records(f"{FIXTURES}/{fixture}.dat")
    assert want and sorted(got) == sorted(want)
    for option in (), ("-t",), ("-l",):
        common.equal_text("\n".join(sorted(common.report(tmp_path / "out.dat", *option).splitlines())),
                          "\n".join(sorted(common.report(f"{FIXTURES}/{fixture}.dat", *option).splitlines())))


def test_raw_file_that_is_cut(tmp_path):
    path = taken_apart("clock-global", tmp_path)[0]
    cut = tmp_path / "x.cpu0"
    cut.write_bytes(open(path, "rb").read()[:4096 + 100])
    p = run(TRACECMD, "restore", "-i", f"{FIXTURES}/clock-global.dat", "-o", tmp_path / "out.dat", cut, status=1)
    assert p.stderr == f"tracecmd: '{cut}' ends in the middle of a sub-buffer: the last 100 bytes are left out\n"
    strict_check(tmp_path / "out.dat")


@pytest.mark.parametrize("args, status, words", [
    ((), 2, "name the per-CPU files"),
    (("-c", "x.cpu0"), 2, "-c"),
    (("-c", "-i", "x"), 2, "exclude each other"),
    (("-i", "x", "-k", "y", "x.cpu0"), 2, "-k"),
    (("nonexistent.cpu0",), 1, "cannot open 'nonexistent.cpu0': No such file"),
    (("/etc/passwd",), 1, "neither chunks of tracecmd nor sub-buffers"),
    (("/etc",), 1, "no regular file"),
    (("-i", "nonexistent.dat", "x.cpu0"), 1, "nonexistent.dat"),
    (("-o", "/nonexistent/x.dat", "/dev/null"), 1, "/nonexistent"),
    (("-z",), 2, "no option -z"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_bad_use(tmp_path, args, status, words):
    os.chdir(tmp_path)
    if "-i" not in args:
        args = ("-i", f"{FIXTURES}/clock-global.dat", *args) if "-c" not in args else args
    p = run(TRACECMD, "restore", *args, status=status)
    assert words in p.stderr and p.stderr.startswith("tracecmd: ")
    assert os.listdir(tmp_path) == []
    os.chdir(common.REPO)


def test_two_files_of_one_cpu(tmp_path):
    path = taken_apart("clock-global", tmp_path)[0]
    os.makedirs(tmp_path / "a"), os.makedirs(tmp_path / "b")
    a, b = shutil.copy(path, tmp_path / "a/x.cpu1"), shutil.copy(path, tmp_path / "b/x.cpu1")
    p = run(TRACECMD, "restore", "-i", f"{FIXTURES}/clock-global.dat", "-o", tmp_path / "out.dat", a, b, status=1)
    assert "both of CPU 1" in p.stderr and not (tmp_path / "out.dat").exists()


def made(path, *chunks, cpu=0, flags=0, **keys):
    """A spool by the independent layout, with checks that fit; each chunk: (sequence, codec, payload, pages)."""
    keys = {"cpus": "2", "clock": "local", "uname": "Linux", "tracecmd": "1", **keys}
    info = "".join(f"{k}={v}\0" for k, v in keys.items()).encode()
    lib = ctypes.CDLL("libxxhash.so.0")
    lib.XXH3_64bits.restype = lib.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    out = b""
    for kind, seq, codec, payload, usize in [(1, chunks[0][0] if chunks else 0, b"", info, None)] + [
            (2, seq, codec, payload, pages * 4096) for seq, codec, payload, pages in chunks]:
        head = b"TCspool\n" + struct.pack("<HHIIIQQQ8sIIQ", 1, kind, flags, cpu, 4096, seq, 0, 0, codec, len(payload),
                                          len(payload) if usize is None else usize, 7)
        seed = lib.XXH3_64bits(head, ctypes.c_size_t(len(head)))
        check = lib.XXH3_64bits_withSeed(payload, ctypes.c_size_t(len(payload)), ctypes.c_uint64(seed))
        out += head + struct.pack("<Q", check) + payload
        out += bytes(-len(out) % 16)
    path.write_bytes(out)
    return path


@pytest.fixture
def partial(tmp_path):
    """Metadata of a file without compression."""
    run(TRACECMD, "convert", "--compression", "none", f"{FIXTURES}/trace-marker.dat", tmp_path / "partial.dat")
    return tmp_path / "partial.dat"


PAGE = struct.pack("<QQ", 100, 0).ljust(4096, b"\0")
NO_ZSTD = b"\x28\xb5\x2f\xfd" + b"\xff" * 50


def page(ts, events=3, lost=0):
    """A sub-buffer of markers; with a number of events lost before it."""
    entry = struct.pack("<HBBiQ", 5, 0, 0, 1, 0) + b"hello\0\0\0"
    body = (struct.pack("<I", len(entry) // 4 | 10 << 5) + entry) * events
    flags = 3 << 30 if lost else 0
    return (struct.pack("<QQ", ts, len(body) | flags) + body + struct.pack("<Q", lost)).ljust(4096, b"\0")


def losses(path):
    """(events before it, what was lost) of every mark, as the independent decoder has them."""
    found, events = [], 0
    for line in records(path):
        if "DROPPED" in line:
            found.append((events, re.search(r"\[(.*?) ?EVENTS DROPPED", line)[1]))
        else:
            events += 1
    return found, events


def test_chunks_that_do_not_decompress(partial, tmp_path):
    """Their checks are right all the same. A CPU with no others has no place in the file."""
    bad = (3, b"zstd", NO_ZSTD, 100)
    for chunks in (bad,), ((2, b"", PAGE, 1), bad, (4, b"", PAGE, 1)):
        p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", made(tmp_path / "x.cpu0", *chunks), status=1)
        assert "cannot be decompressed; skipped" in p.stderr
        strict_check(tmp_path / "out.dat")
        sizes = [int(n) for n in re.findall(r"cpu \d+ .*?size (\d+)", run("/usr/bin/python3", DATDUMP, tmp_path / "out.dat").stdout)]
        assert sum(sizes) == 4096 * (len(chunks) - 1)


def test_spools_of_nothing_but_damage(partial, tmp_path):
    path = made(tmp_path / "x.cpu0", (2, b"", PAGE, 1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-4096] + b"?" + whole[-4095:])
    p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", path, status=1)
    assert "all that was recorded in it is damaged" in p.stderr
    strict_check(tmp_path / "out.dat")
    path.write_bytes(b"TCspool\n" * 20)
    other = made(tmp_path / "y.cpu0", (2, b"", PAGE, 1))
    p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", path, other, status=1)
    assert "x.cpu0" in p.stderr
    strict_check(tmp_path / "out.dat")


def test_the_same_spool_twice(partial, tmp_path):
    a = made(tmp_path / "x.cpu0", (2, b"", PAGE, 1))
    b = shutil.copy(a, tmp_path / "copy-of-it")
    for files in (a, a), (a, b):
        p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", *files, status=1)
        assert "hold the same data of CPU 0: give one of them" in p.stderr
        assert not (tmp_path / "out.dat").exists()
    later = made(tmp_path / "x.cpu0.1", (3, b"", PAGE, 1))
    run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", later, a)
    assert "size 8192" in run("/usr/bin/python3", DATDUMP, tmp_path / "out.dat").stdout


def test_spools_of_different_recordings(spools, tmp_path):
    """Another session: its check is not the point here, so the file is made by a recording."""
    with common.kernel_lock():
        try:
            with recording("-o", tmp_path / "y.dat", "-B", INSTANCE, "-e", "sched") as p:
                p.kill()
                p.wait()
        finally:
            clean_instance()
    other = f"{tmp_path}/y.dat.{INSTANCE}.cpu0"
    p = run(TRACECMD, "restore", "-o", tmp_path / "out.dat", *spools, other, status=1)
    assert "of different recordings" in p.stderr and not (tmp_path / "out.dat").exists()


def without(path, n):
    """The spool without its chunk @n (0: INFO)."""
    data, at = path.read_bytes(), chunks_of(path) + [os.path.getsize(path)]
    path.write_bytes(data[:at[n]] + data[at[n + 1]:])


def spoiled(path, n):
    data = bytearray(path.read_bytes())
    data[chunks_of(path)[n] + 100] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("what", ["missing", "damaged", "undecompressable", "front", "second file", "loss before"])
def test_what_is_missing_is_marked(partial, tmp_path, what):
    """The events behind it follow a loss of unknown size: in the file, not only on the terminal."""
    spool = tmp_path / "x.cpu0"
    chunks = [(i, b"", page(1000 * i, lost=7 if what == "loss before" and i == 2 else 0), 1) for i in range(4)]
    words = "missing before that at offset"
    files = [spool]
    if what == "undecompressable":
        chunks[1] = (1, b"zstd", NO_ZSTD, 1)
        words = "cannot be decompressed"
    elif what == "second file":
        files.append(made(tmp_path / "x.cpu0.1", *chunks[2:]))
        chunks = chunks[:1]
    made(spool, *chunks)
    if what in ("missing", "loss before"):
        without(spool, 2)
    elif what == "front":
        without(spool, 1)
    elif what == "damaged":
        spoiled(spool, 2)
        words = "does not fit its checksum"
    p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", *files, status=1)
    assert words in p.stderr
    assert losses(tmp_path / "out.dat") == ([(0 if what == "front" else 3, "")], 9)
    strict_check(tmp_path / "out.dat")
    assert "[EVENTS DROPPED]" in common.report(tmp_path / "out.dat")


def test_what_a_limit_dropped_is_no_damage(partial, tmp_path):
    """The file begins at a higher number, and its description says so."""
    run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", made(tmp_path / "x.cpu0", (9, b"", page(100), 1)))
    assert losses(tmp_path / "out.dat") == ([], 3)


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_sub_buffers_damaged_inside(tmp_path, codec):
    """What can be read of them is kept, whatever the checksum says."""
    run(TRACECMD, "convert", "--compression", codec, f"{FIXTURES}/trace-marker.dat", tmp_path / "partial.dat")
    past = struct.pack("<QQ", 100, 99999).ljust(4096, b"\0")
    cut = bytearray(page(2000, lost=5))
    cut[16 + 28:16 + 32] = struct.pack("<I", 0)		# the second event's length is in the next word
    cut[16 + 32:16 + 36] = struct.pack("<I", 4000)
    path = made(tmp_path / "x.cpu0", (0, b"", page(100) + past + page(1000), 3), (1, b"", bytes(cut) + page(3000), 2))
    p = run(TRACECMD, "restore", "-i", tmp_path / "partial.dat", "-o", tmp_path / "out.dat", path, status=1)
    assert f"'{path}': sub-buffer 1 of the chunk at offset {chunks_of(path)[1]:#x}: commit past the page" in p.stderr
    assert "2 sub-buffers are damaged" in p.stderr
    strict_check(tmp_path / "out.dat")
    assert losses(tmp_path / "out.dat") == ([(3, ""), (6, "5"), (7, "")], 10)


@pytest.mark.parametrize("words, metadata, first, second", [
    ("another size of long than the metadata", "trace-marker", {"flags": 2}, None),
    ("another size of long than the metadata", "syn-v7-le-l4-p4096-zstd", {}, None),
    ("another byte order than the metadata", "trace-marker", {"flags": 1}, None),
    ("are of different machines", "trace-marker", {}, {"flags": 1}),
    ("are of different machines", "trace-marker", {}, {"flags": 2}),
    ("of one buffer, with different clocks ('local' and 'mono')", "trace-marker", {}, {"clock": "mono"}),
    ("has a name of more than 255 bytes", "trace-marker", {"instance": "a" * 256}, None),
])
def test_spools_that_do_not_fit(tmp_path, words, metadata, first, second):
    files = [made(tmp_path / "x.cpu0", (0, b"", PAGE, 1), **first)]
    if second:
        files.append(made(tmp_path / "x.cpu1", (0, b"", PAGE, 1), cpu=1, **second))
    p = run(TRACECMD, "restore", "-i", f"{FIXTURES}/{metadata}.dat", "-o", tmp_path / "out.dat", *files, status=1)
    assert words in p.stderr and not (tmp_path / "out.dat").exists()


def test_nothing_but_empty_files(partial, tmp_path):
    empty = tmp_path / "x.cpu0"
    empty.touch()
    for files, words in ((["/proc/kallsyms"], "'/proc/kallsyms' is empty: there is nothing"), ([empty, "/proc/kallsyms"], "as the other")):
        p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", *files, status=1)
        assert words in p.stderr and not (tmp_path / "out.dat").exists()
    other = tmp_path / "x.cpu1"
    other.write_bytes(page(100))
    run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", empty, other)
    assert losses(tmp_path / "out.dat") == ([], 3)


@pytest.mark.parametrize("spools, there, words", [
    ("0-3", {0: 1, 1: None, 3: 1}, "1-2"), ("0-3", {0: 1}, "1-3"), ("0,2-3,7", {0: 1, 2: 1, 3: 1}, "7"), ("0-9", {4: 1}, "0-3,5-9"),
    ("0-65535", {i: 1 for i in range(0, 80, 2)}, ",".join(map(str, range(1, 33, 2))) + ",..."),
    ("0-1", {0: 0, 1: None}, None), ("0-1", {0: 1, 1: 0}, None), ("1-0", {0: 1}, None), ("2-1,x", {0: 1}, None), ("0-99999999999", {0: 1}, None),
])
def test_cpus_of_which_nothing_is_there(partial, tmp_path, spools, there, words):
    """Each spool names the others of its buffer; None: an empty file. Nothing is missed where no CPU has data."""
    paths = [made(tmp_path / f"x.cpu{cpu}", *[(0, b"", page(100), 1)] * n, cpu=cpu, spools=spools) if n is not None else tmp_path / f"x.cpu{cpu}"
             for cpu, n in there.items()]
    for cpu, n in there.items():
        if n is None:
            (tmp_path / f"x.cpu{cpu}").touch()
    p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", *paths, status=1 if words else 0)
    assert p.stderr.count("nothing is there of CPU") == bool(words), p.stderr
    assert not words or f"nothing is there of CPU {words}, recorded together with '{tmp_path}/x.cpu" in p.stderr
    strict_check(tmp_path / "out.dat")
    assert losses(tmp_path / "out.dat") == ([], 3 * sum(n or 0 for n in there.values()))


@pytest.mark.parametrize("buffers, left, missing", [
    ("/one/", ("",), ["instance 'one'"]), ("one/two/", ("two",), ["instance 'one'"]), ("/one/", ("one",), ["the top level"]),
    ("/one/two/", ("",), ["instance 'one'", "instance 'two'"]), ("/one/", ("", "one"), []), ("", ("",), []), ("one", ("one",), []), ("//", ("",), []),
])
def test_instances_of_which_nothing_is_there(partial, tmp_path, buffers, left, missing):
    """Each spool names them all, too."""
    paths = [made(tmp_path / f"x.dat{name and '.' + name}.cpu0", (0, b"", page(100), 1), buffers=buffers, **({"instance": name} if name else {}))
             for name in left]
    p = run(TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", *paths, status=1 if missing else 0)
    assert re.findall(r"nothing is there of (.*?), recorded together with", p.stderr) == missing
    strict_check(tmp_path / "out.dat")


def test_more_files_than_may_be_open(partial, tmp_path):
    """The soft limit is raised; where the hard one is too low that is said, with both numbers."""
    files = [made(tmp_path / f"x.cpu{i}", (0, b"", page(100 + i), 1), cpu=i) for i in range(100)]
    restore = (TRACECMD, "restore", "-i", partial, "-o", tmp_path / "out.dat", *files)
    p = run("prlimit", "--nofile=80:80", "setpriv", "--bounding-set=-sys_resource", *restore, status=1)
    assert re.search(r"cannot read 100 files of CPUs: \d+ files have to be open at once, and 80 may be; allow more: 'ulimit -Hn", p.stderr)
    assert not (tmp_path / "out.dat").exists()
    run("prlimit", "--nofile=80:400", *restore)
    assert losses(tmp_path / "out.dat") == ([], 300)


@pytest.mark.parametrize("command", ["restore", "convert"])
def test_outputs_that_are_none(partial, tmp_path, command):
    """A pipe, no name, standard output: told in words before anything is read."""
    spool = made(tmp_path / "x.cpu0", (0, b"", PAGE, 1))
    args = ("-i", partial, spool) if command == "restore" else ("-i", partial)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for out, words, status in ((fifo, "which is no file but a pipe", 1), ("", "is empty", 1), ("-", "cannot go to standard output", 2)):
        assert words in run(TRACECMD, command, "-o", out, *args, status=status).stderr
    assert fifo.is_fifo()
