# SPDX-License-Identifier: GPL-2.0-or-later
"""Files from hostile hands: no signal, no hang, no silence about what is wrong.

Every case comes from a seed, so a failure can be had again:

  utest/cmd/test_hostile.py FIRST COUNT     mutations FIRST to FIRST + COUNT - 1
"""

import ctypes
import glob
import importlib
import os
import pty
import random
import struct
import subprocess
import sys
import tempfile

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from common import FIXTURES, TRACECMD, UTEST, run

sys.path.insert(0, f"{UTEST}/fuzz")
corpus = importlib.import_module("make-corpus")

CASES = int(os.environ.get("TRACECMD_HOSTILE_CASES", "2500"))
SEED_MAX = 130_000          # larger fixtures cost more time than they find
TIMEOUT = 20

# %s: the file
COMMANDS = [
    ["report", "%s"],
    ["report", "-R", "%s"],
    ["report", "--last", "0.1", "%s"],
    ["report", "--from", "+1us", "--to=-1us", "--first", "9", "%s"],
    ["report", "-l", "-t", "--ts-diff", "--losses", "%s"],
    ["report", "--debug", "--ts-check", "-N", "%s"],
    ["report", "--compat", "3.1", "-O", "fgraph:tailprint", "-w", "%s"],
    ["report", "-F", ".*: common_pid > 0 && COMM != 'x' || CPU == 1", "%s"],
    ["report", "--cpus", "--first-event", "--last-event", "--stat", "--uname", "--version", "%s"],
    ["report", "--events", "-E", "-f", "-P", "-e", "-p", "%s"],
    ["report", "--check-events", "%s"],
    ["report", "--profile", "-H", "sched_waking,pid,pid/sched_wakeup,pid", "%s"],
    ["report", "--profile", "-G", "--by-comm", "%s"],
    ["report", "--cpu", "0", "-I", "-S", "--align-ts", "--nodate", "%s"],
    ["report", "%s", "%s"],
    ["dump", "--all", "%s"],
    ["dump", "--validate", "%s"],
    ["convert", "--compression", "zstd", "%s", "out"],
    ["convert", "--compression", "none", "%s", "out"],
    ["convert", "--file-version", "6", "%s", "out"],
]
SPOOL_COMMANDS = [["restore", "-i", "partial.dat", "-o", "out", "%s"]]

NUMBERS = [0, 1, 2, 3, 7, 8, 16, 255, 256, 4095, 4096, 65535, 65536, 1 << 20, 0x7fffffff, 0x80000000,
           0xfffffff8, 0xffffffff, 1 << 40, 0x7fffffffffffffff, 0xfffffffffffffff0, 0xffffffffffffffff]


def put_number(r, data):
    size = r.choice([1, 2, 4, 8])
    at = r.randrange(max(1, len(data) - size))
    if r.random() < 0.5:
        at &= ~3
    value = r.choice(NUMBERS + [len(data), len(data) - at, at]) & ((1 << 8 * size) - 1)
    data[at:at + size] = value.to_bytes(size, r.choice(["little", "big"]))


def flip(r, data):
    for _ in range(r.choice([1, 1, 2, 8])):
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)


def set_bytes(r, data):
    at = r.randrange(len(data))
    n = r.choice([1, 2, 4, 16, 300])
    data[at:at + n] = bytes(r.randrange(256) for _ in data[at:at + n])


def cut(r, data):
    del data[r.randrange(len(data)):]


def drop(r, data):
    at = r.randrange(len(data))
    del data[at:at + r.choice([1, 2, 4, 16, 256, 4096])]


def insert(r, data):
    at = r.randrange(len(data))
    data[at:at] = bytes([r.randrange(256)]) * r.choice([1, 2, 4, 16, 256, 4096])


def splice(r, data, other):
    n = r.choice([8, 64, 1024, 8192])
    start, at = r.randrange(len(other)), r.randrange(len(data))
    data[at:at + n] = other[start:start + n]


def text_byte(r, data):
    """Formats, options and tables are texts: another character of the same kind."""
    places = [i for i in (r.randrange(len(data)) for _ in range(60)) if 32 <= data[i] < 127]
    for at in places[:r.choice([1, 3, 10])]:
        data[at] = r.choice(b"0123456789%*[]()->:;,\"\\{}?/_ \n\tzs")


def mutate(r, seed, other):
    """A copy of @seed, spoiled. Half of the time near its front, where the lengths are."""
    data = bytearray(seed)
    for _ in range(r.choice([1, 1, 1, 2, 4, 12])):
        if not data:
            break
        front = len(data)
        if r.random() < 0.5:
            front = min(front, r.choice([64, 600, 4096, 20000]))
        part = data[:front]
        how = r.choice([put_number, put_number, flip, set_bytes, text_byte, text_byte, cut, drop, insert, splice])
        if how is splice:
            how(r, part, other)
        else:
            how(r, part)
        data = part if how is cut else part + data[front:]
    return bytes(data)


def complaint(args, p):
    """What is wrong with how a program ended, or None."""
    if p.returncode not in (0, 1):
        return f"exit status {p.returncode}"
    if "Sanitizer" in p.stderr or "runtime error:" in p.stderr:
        return "a sanitizer's finding"
    if p.returncode == 1 and "tracecmd: " not in p.stderr and args[1:2] != ["--validate"]:
        return "failed without a word"
    return None


def attack(args, folder):
    """Runs one command; returns what is wrong, or None."""
    env = dict(os.environ, ASAN_OPTIONS="exitcode=99:detect_leaks=0")
    try:
        with open(os.devnull, "w") as null:
            p = subprocess.run([TRACECMD] + args, stdin=subprocess.DEVNULL, stdout=null, stderr=subprocess.PIPE,
                               timeout=TIMEOUT, cwd=folder, env=env, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        return f"{args}: longer than {TIMEOUT} s"
    wrong = complaint(args, p)
    return wrong and f"{args}: {wrong}\n{p.stderr[-1500:]}"


class Seeds:
    """Whole files to spoil: fixtures, also uncompressed, so that what is inside can be spoiled."""

    def __init__(self, folder):
        self.files, self.spools = [], []
        for path in sorted(glob.glob(f"{FIXTURES}/*.dat")) + sorted(glob.glob(f"{UTEST}/fuzz/corpus/file/*")):
            self.add(path)
            plain = f"{folder}/plain"
            subprocess.run([TRACECMD, "convert", "--compression", "none", path, plain], stderr=subprocess.DEVNULL,
                           check=False, timeout=60)
            if os.path.exists(plain):
                self.add(plain)
                os.unlink(plain)
        for path in sorted(glob.glob(f"{UTEST}/fuzz/corpus/spool/*")):
            with open(path, "rb") as f:
                self.spools.append(f.read()[1:])

    def add(self, path):
        if os.path.getsize(path) <= SEED_MAX * 4:
            with open(path, "rb") as f:
                data = f.read()
            if len(data) > SEED_MAX:
                data = data[:SEED_MAX]
            self.files.append(data)

    def case(self, number):
        """The bytes and the command of case @number."""
        r = random.Random(number)
        spool = r.random() < 0.08
        pool = self.spools if spool else self.files
        return mutate(r, r.choice(pool), r.choice(self.files)), r.choice(SPOOL_COMMANDS if spool else COMMANDS)


def run_cases(seeds, folder, first, count):
    """Returns the complaints."""
    found = []
    path = f"{folder}/t.dat"
    if not os.path.exists(f"{folder}/partial.dat"):
        with open(f"{folder}/partial.dat", "wb") as f:
            with open(f"{UTEST}/fuzz/corpus/file/v7-le-l8-none", "rb") as g:
                f.write(g.read())
    for number in range(first, first + count):
        data, command = seeds.case(number)
        with open(path, "wb") as f:
            f.write(data)
        wrong = attack([a.replace("%s", "t.dat") for a in command], folder)
        if wrong:
            found.append(f"case {number}: {wrong}")
            if __name__ == "__main__":
                print(found[-1], flush=True)
    return found


def test_spoiled_files(tmp_path):
    found = run_cases(Seeds(str(tmp_path)), str(tmp_path), 0, CASES)
    assert not found, "\n".join(found[:10])


# ---- made for one purpose ---------------------------------------------------------

MEMORY = 120 << 20          # of address space, for files of 100 KB
FIELDS = """\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

"""


def zstd(data):
    lib = ctypes.CDLL("libzstd.so.1")
    lib.ZSTD_compressBound.restype = lib.ZSTD_compress.restype = ctypes.c_size_t
    room = lib.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(room)
    size = lib.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), 3)
    return out.raw[:size]


def begin(codec="zstd", blocks=None):
    """A version 7 file up to its first options; @blocks: other bodies by id."""
    w = corpus.Writer(7, 0, 8, codec)
    w.out += codec.encode() + b"\0" + corpus.CODECS[codec][0].encode() + b"\0"
    w.link = len(w.out)
    w.out += bytes(8)
    bodies = {**w.blocks(), **(blocks or {})}
    refs = []
    for sid, body in bodies.items():
        refs.append((sid, w.pack("Q", len(w.out))))
        if codec == "zstd":
            packed = zstd(body)
            w.out += w.pack("HHiQII", sid, 1, -1, len(packed) + 8, len(packed), len(body)) + packed
        else:
            w.section(sid, body)
    w.options(refs + [(8, w.pack("I", 2)), (4, b"[local]\0")])
    return w


def add_buffer(w, areas, name=b"", page=256):
    """@areas: bytes by CPU; chunk tables if the file is compressed."""
    at = w.section(3, b"", compress=False)
    table = b""
    for cpu, data in areas.items():
        w.out += bytes(-len(w.out) % page)
        table += w.pack("IQQ", cpu, len(w.out), len(data))
        w.out += data
    w.out[at + 2:at + 4] = w.pack("H", w.codec != "none")
    w.out[at + 8:at + 16] = w.pack("Q", len(w.out) - at - 16)
    w.options([(3, w.pack("Q", at) + name + b"\0local\0" + w.pack("II", page, len(areas)) + table)])


def chunks(*data):
    packed = [(zstd(d), len(d)) for d in data]
    return struct.pack("<I", len(packed)) + b"".join(struct.pack("<II", len(p), n) + p for p, n in packed)


def format_text(name, fields, print_fmt):
    rows = "".join(f"\tfield:{what};\toffset:{at};\tsize:{size};\tsigned:0;\n" for what, at, size in fields)
    return f"name: {name}\nID: 300\nformat:\n{FIELDS}{rows}\nprint fmt: {print_fmt}\n".encode()


def formats(text, system=b"sys"):
    return struct.pack("<I", 1) + system + b"\0" + struct.pack("<IQ", 1, len(text)) + text


def one_event(fields, print_fmt, payload, name="made", printk=b""):
    """A file with one record of that format; behind it in its sub-buffer many of another."""
    text = format_text(name, fields, print_fmt)
    blocks = {20: struct.pack("<I", len(printk)) + printk}
    if name == "bprint":
        blocks.update({17: struct.pack("<IQ", 1, len(text)) + text, 18: bytes(4)})
    else:
        blocks[18] = formats(text)
    body = b""
    for pid, data in [(42, payload)] + [(43, b"B" * 64)] * 100:
        record = struct.pack("<HBBi", 300 if pid == 42 else 999, 0, 0, pid) + data
        record += bytes(-len(record) % 4)
        body += struct.pack("<I", len(record) // 4) + record
    w = begin("none", blocks)
    add_buffer(w, {0: (struct.pack("<QQ", 1000, len(body)) + body).ljust(8192, b"\0")}, page=8192)
    return bytes(w.out)


def limited(tmp_path, data, *args, status=1):
    """Runs a command on @data with little memory and time."""
    path = tmp_path / "made.dat"
    path.write_bytes(data)
    with open(TRACECMD, "rb") as f:     # a sanitizer needs terabytes of addresses
        limit = [] if b"__asan_init" in f.read() else ["prlimit", f"--as={MEMORY}"]
    return run(*limit, TRACECMD, *args, path, status=status, timeout=TIMEOUT)


def line_of(tmp_path, data, *args):
    text = limited(tmp_path, data, "report", *args, status=0).stdout
    return next(line for line in text.splitlines() if "-42 " in line)


def test_chunks_that_grow_endlessly(tmp_path):
    w = begin()
    add_buffer(w, {cpu: chunks(bytes(64 << 20)) for cpu in range(20)})
    for command in (["report"], ["report", "--stat", "--cpus"], ["dump", "--validate"]):
        p = limited(tmp_path, bytes(w.out), *command)
        assert "chunk 0 of 1 at offset 0x" in p.stderr and "compressed bytes cannot hold" in p.stderr


def test_text_that_grows_endlessly(tmp_path):
    w = begin()
    text = chunks(b"A" * (60 << 20), b"A" * (60 << 20))
    at = w.section(22, text, compress=False)
    w.out[at + 2:at + 4] = w.pack("H", 1)
    w.options([(22, w.pack("Q", at) + b"\0local\0")])
    for command in (["report"], ["dump", "--validate"]):
        assert "cannot hold" in limited(tmp_path, bytes(w.out), *command).stderr
    p = run(TRACECMD, "convert", tmp_path / "made.dat", tmp_path / "out", status=1)
    assert "it is damaged" in p.stderr and not (tmp_path / "out").exists()


def test_metadata_that_grow_endlessly(tmp_path):
    w = begin(blocks={21: struct.pack("<Q", 200 << 20) + b"1 T\n" * (50 << 20)})
    add_buffer(w, {0: chunks(w.cpu_data(0))})
    p = limited(tmp_path, bytes(w.out), "report")
    assert "-42 " in p.stdout
    assert "section CMDLINES at offset 0x" in p.stderr and "missing above" in p.stderr


def short_lines(line, noise):
    """12 MB of such lines, as much as a file of 100 KB may make of itself."""
    r, out = random.Random(1), bytearray()
    while len(out) < 11 << 20:
        out += line * (3800 // len(line)) + bytes(r.choice(b"abcdefghijklmnop") for _ in range(noise)) + b"\n"
    return bytes(out)


def test_tables_of_endless_short_lines(tmp_path):
    """A kernel's tables are never that long: what is too much is left out, and told."""
    for sid, head, line, option, what in ((20, "<I", b"1:\n", "-P", "printk formats"),
                                          (21, "<Q", b"1 T\n", "--comm=x", "names of tasks")):
        text = short_lines(line, 55)
        w = begin(blocks={sid: struct.pack(head, len(text)) + text})
        add_buffer(w, {0: chunks(w.cpu_data(0))})
        assert len(w.out) < 150_000
        assert f"more {what} than any kernel" in limited(tmp_path, bytes(w.out), "report", option).stderr


def test_sixty_thousand_formats(tmp_path):
    texts = [format_text(f"e{i}", [], '"x"').replace(b"ID: 300", b"ID: %d" % i) for i in range(1000, 61000)]
    body = b"".join(struct.pack("<Q", len(t)) + t for t in texts)
    w = begin("none", {18: struct.pack("<I", 1) + b"sys\0" + struct.pack("<I", len(texts)) + body})
    add_buffer(w, {0: w.cpu_data(0)})
    path = tmp_path / "made.dat"
    path.write_bytes(bytes(w.out))
    before = os.times().children_user
    # its own time counts, not that of a machine that has other things to do
    run(TRACECMD, "report", "--check-events", path, timeout=6 * TIMEOUT)
    assert os.times().children_user - before < 6


def test_eighty_thousand_waiting_tasks(tmp_path):
    """-w: each is woken, none ever runs."""
    wakeup = format_text("sched_wakeup", [("int pid", 8, 4), ("int prio", 12, 4)], '"%d", REC->pid')
    switch = format_text("sched_switch", [("int next_pid", 8, 4)], '"%d", REC->next_pid').replace(b"ID: 300", b"ID: 301")
    body = b"".join(struct.pack("<Q", len(t)) + t for t in (wakeup, switch))
    w = begin("none", {18: struct.pack("<I", 1) + b"sched\0" + struct.pack("<I", 2) + body})
    pages = b""
    for first in range(0, 80_000, 200):
        records = b"".join(struct.pack("<IHBBiII", 4, 300, 0, 0, 1, 100_000 + first + i, 120) for i in range(200))
        pages += (struct.pack("<QQ", 1000 + first, len(records)) + records).ljust(8192, b"\0")
    add_buffer(w, {0: pages}, page=8192)
    before = os.times().children_user
    text = limited(tmp_path, bytes(w.out), "report", "-w", status=0).stdout
    assert text.count("sched_wakeup:") == 80_000
    assert os.times().children_user - before < 6


def test_damaged_formats_are_told(tmp_path):
    w = begin(blocks={18: struct.pack("<I", 7) + b"sys\0" + struct.pack("<I", 1)})
    add_buffer(w, {0: chunks(w.cpu_data(0))})
    p = limited(tmp_path, bytes(w.out), "report")
    assert "UNKNOWN EVENT" in p.stdout and "the number of event systems at offset 0x" in p.stderr
    assert p.stderr.splitlines()[-1].endswith("made.dat': names or formats that could not be read are missing above")


def test_notices_in_front_of_a_range(tmp_path):
    """The first record that wants a format lies before the first line: told all the same, and once."""
    w = begin(blocks={18: struct.pack("<I", 7) + b"sys\0" + struct.pack("<I", 1)})
    add_buffer(w, {0: chunks(w.cpu_data(0))})
    lines = limited(tmp_path, bytes(w.out), "report", "-t").stdout.splitlines()
    for options in (["--last", "1ns"], ["--from", "+1ns"], ["--from=-1ns", "--threads", "1"]):
        p = limited(tmp_path, bytes(w.out), "report", "-t", *options)
        assert lines[-1] in p.stdout and lines[1] not in p.stdout
        assert p.stderr.count("the number of event systems at offset 0x") == 1


def test_endless_notices(tmp_path):
    w = begin("none", {18: struct.pack("<I", 1) + b"sys\0" + struct.pack("<I", 30000) +
                       (struct.pack("<Q", 14) + b"name: a\nID: 1\n") * 30000})
    add_buffer(w, {0: w.cpu_data(0)})
    w.options([(14, b"")] * 5000)
    p = limited(tmp_path, bytes(w.out), "report", status=0)
    assert p.stderr.count("\n") == 2002 and p.stderr.count("not told any more") == 2


def test_buffer_with_an_endless_name(tmp_path):
    w = begin("none")
    add_buffer(w, {0: w.cpu_data(0)}, name=b"n" * 300)
    assert "has 300 bytes, more than 255" in limited(tmp_path, bytes(w.out), "report").stderr


def test_circular_options(tmp_path):
    w = begin("none")
    first = len(w.out)
    w.options([(99, b"")])
    w.out[w.link:w.link + 8] = w.pack("Q", first)
    assert f"comes back to offset {first:#x}" in limited(tmp_path, bytes(w.out), "report").stderr


def test_endless_formats(tmp_path):
    for fields, uses in ((5000, 5), (5, 5000)):
        text = format_text("made", [(f"int f{i}", 8, 4) for i in range(fields)],
                           '"%d", ' + ", ".join([f"REC->f{fields - 1}"] * uses))
        w = begin("none", {18: formats(text)})
        add_buffer(w, {0: w.cpu_data(0)})
        assert "too many" in limited(tmp_path, bytes(w.out), "report", "--check-events").stderr


def test_arrays_outside_their_record(tmp_path):
    far = struct.pack("<I", 100 << 16 | 6000)
    for where, function in (("__data_loc", "__get_str"), ("__rel_loc", "__get_rel_str"),
                            ("__data_loc", "__get_bitmask")):
        data = one_event([(f"{where} char[] s", 8, 4)], f'"%s", {function}(s)', far)
        for option in ([], ["-R"], ["-N"]):
            assert line_of(tmp_path, data, *option).endswith("[BAD RECORD: array 's' lies outside]")


def test_arrays_that_are_none(tmp_path):
    for call in ("__get_str(s)", "__get_bitmask(s)", "(char *)__get_dynamic_array(s)",
                 "__print_hex(__get_dynamic_array(s), 4)"):
        data = one_event([("int s", 8, 4)], f'"%s", {call}', struct.pack("<I", 100 << 16 | 60000))
        assert line_of(tmp_path, data).endswith("[FAILED TO PARSE] s=6613600")


def test_record_that_ends_before_its_rest(tmp_path):
    path = tmp_path / "made.dat"
    path.write_bytes(one_event([("int ip", 8, 4), ("char buf[]", 200, 0)], '"<%s>", REC->buf', struct.pack("<I", 1)))
    # without a limit of memory: what a negative length asks for must be had to be seen
    assert " <>\n" in run(TRACECMD, "report", path, timeout=TIMEOUT).stdout


def test_widths(tmp_path):
    for width in (-1, 4097, 0x7fffffff, -0x80000000):
        data = one_event([("int n", 8, 4), ("char s[4]", 12, 4)], '"%*s", REC->n, REC->s',
                         struct.pack("<i", width) + b"abc")
        assert f"[FAILED TO PARSE] n={width & 0xffffffff} s=abc" in line_of(tmp_path, data)


BPRINT = [("unsigned long ip", 8, 8), ("const char * fmt", 16, 8), ("u32 buf[]", 24, 0)]


def test_trace_printk(tmp_path):
    big = 0x7fffffff
    for fmt, numbers in (("abc%", ()), ("%5", (1,)), ("%*d", (-1, 1)), ("%*d", (big, 1)), ("%999999d", (1,)),
                         ("%-lld%*d%d", (0, big, 0, 0)), ("%c%lld%*d%d", (0, 0, 0, big, 0, 0)),
                         ("%zzd%*d", (0, 0, big, 1)), ("%llld%*d", (0, big, big, 1))):
        data = one_event(BPRINT, '"%ps: %s", (void *)REC->ip, REC->fmt',
                         struct.pack("<QQ", 1, 0x1000) + b"".join(struct.pack("<i", n) for n in numbers),
                         "bprint", b'0x1000 : "%s"\n' % fmt.encode())
        assert "[FAILED TO PARSE]" in line_of(tmp_path, data), fmt
    data = one_event(BPRINT, '"%ps: %s", (void *)REC->ip, REC->fmt', struct.pack("<QQii", 1, 0x1000, 5, 7),
                     "bprint", b'0x1000 : "<%*d>"\n')
    assert "<    7>" in line_of(tmp_path, data)


def test_expressions():
    path = f"{FIXTURES}/trace-marker.dat"
    deep = "\\(" * 20000 + "a" + "\\)" * 20000
    many = "\\(a\\{1000\\}\\)\\{1000\\}"
    for text, why in ((deep, "it is too long"), (many, "it repeats something too often"), ("\\(", "Unmatched")):
        for args in (["-F", text], ["-F", f".*: COMM =~ '{text}'"], ["-r", text], ["--event", text]):
            assert f"is no regular expression: {why}" in run(TRACECMD, "report", *args, path, status=1).stderr
    assert "levels deep" in run(TRACECMD, "report", "-F", ".*: " + "(" * 50000, path, status=1).stderr


def test_no_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for command in (["report"], ["dump"], ["convert"], ["restore", "-o"]):
        args = [tmp_path / "fifo"] if command[0] in ("report", "dump") else \
            [tmp_path / "fifo", tmp_path / "out"] if command[0] == "convert" else [tmp_path / "out", tmp_path / "fifo"]
        assert "fifo'" in run(TRACECMD, *command, *args, status=1, timeout=TIMEOUT).stderr
    for path in ("/dev/zero", "/proc/kallsyms", "/", "/dev/null"):
        assert f"'{path}'" in run(TRACECMD, "report", path, status=1, timeout=TIMEOUT).stderr


def test_terminal_gets_no_commands(tmp_path):
    evil = b"\x1b[31mred\rx\xc2\x9b2J"
    w = begin("none", {21: struct.pack("<Q", len(evil) + 4) + b"42 " + evil + b"\n"})
    add_buffer(w, {0: w.cpu_data(0)})
    path = tmp_path / "made.dat"
    path.write_bytes(bytes(w.out))
    assert evil in subprocess.run([TRACECMD, "report", path], stdout=subprocess.PIPE, check=True).stdout
    master, slave = pty.openpty()
    subprocess.run([TRACECMD, "report", path], stdout=slave, check=True)
    os.close(slave)
    text = os.read(master, 65536)
    os.close(master)
    assert b"\\x1b[31mred\\x0dx\xc2\\x9b2J" in text and b"\x1b" not in text
    p = run(TRACECMD, "report", "-F", "\x1b[31m\\(", f"{FIXTURES}/trace-marker.dat", status=1)
    assert "\\x1b[31m" in p.stderr and "\x1b" not in p.stderr


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.exit(bool(run_cases(Seeds(place), place, int(sys.argv[1]), int(sys.argv[2]))))
