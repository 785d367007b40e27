# SPDX-License-Identifier: GPL-2.0-or-later
"""tracecmd convert: every kind of file into every other, nothing lost."""

import functools
import importlib
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import pytest

from common import DATDUMP, FIXTURES, TRACECMD, UTEST, run, strict_check

sys.path.insert(0, f"{UTEST}/fuzz")

NAMES = sorted(n[:-4] for n in os.listdir(FIXTURES) if n.endswith(".dat"))
KINDS = {
    "v6": ["--file-version", "6"],
    "zstd": ["--compression", "zstd"],
    "lz4": ["--compression", "lz4"],
    "zlib": ["--compression", "zlib"],
    "none": ["--compression", "none"],
}
# Debian's trace-cmd knows zstd and none, and reads its own machine's longs.
READ_BY_TRACE_CMD = ("v6", "zstd", "none")


def fixture(name):
    return f"{FIXTURES}/{name}.dat"


def convert(*args, **kw):
    return run(TRACECMD, "convert", *args, **kw)


class Content:
    """What the independent decoder finds in a file, which must be right:
    .parts (blobs and CPU data, {name: bytes}) and .options (lines, less those
    that differ between versions by design)."""

    def __init__(self, path, strict=True):
        with tempfile.TemporaryDirectory() as where:
            text = run("/usr/bin/python3", DATDUMP, *["--strict"] * strict, "--extract", where, path).stdout
            self.parts = {}
            for name in os.listdir(where):
                with open(f"{where}/{name}", "rb") as f:
                    self.parts[name] = f.read()
        # version 6 has a place for every CPU, with or without data
        self.parts = {k: v for k, v in self.parts.items() if v}
        self.options = [line for number, line in re.findall(r"^    option +(\d+) (.*)$", text, re.M)
                        if int(number) not in (0, 3, 8, 22, 23, 25) and not 15 <= int(number) <= 22]
        self.sizes = re.findall(r"cpu \d+ .*?size (\d+)", text)


@functools.lru_cache(None)
def content_of(name):
    return Content(fixture(name), strict=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_same_content(name, kind, tmp_path):
    out = tmp_path / "out.dat"
    p = convert("-i", fixture(name), "-o", out, *KINDS[kind])
    assert p.stdout == p.stderr == ""
    before, after = content_of(name), Content(out)
    assert sorted(before.parts) == sorted(after.parts)
    for part in before.parts:
        assert before.parts[part] == after.parts[part], part
    assert before.options == after.options


@functools.lru_cache(None)
def trace_cmd_text(name):
    return run("trace-cmd", "report", "-i", fixture(name)).stdout


@pytest.mark.parametrize("kind", READ_BY_TRACE_CMD)
@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("syn-") and n != "v7-zlib"])
def test_trace_cmd_reads_the_same(name, kind, tmp_path):
    out = tmp_path / "out.dat"
    convert("-i", fixture(name), out, *KINDS[kind])
    text = run("trace-cmd", "report", "-i", out).stdout
    assert text == trace_cmd_text(name)
    assert len(text.splitlines()) > 1


@pytest.mark.parametrize("name", ["v7-zlib", "syn-v7-le-l8-p8192-zlib"])
def test_opens_zlib_for_trace_cmd(name, tmp_path):
    """A file Debian's trace-cmd cannot read becomes one it can."""
    out = tmp_path / "out.dat"
    assert run("trace-cmd", "report", "-i", fixture(name), status=None).returncode != 0
    convert("-i", fixture(name), out)
    assert len(run("trace-cmd", "report", "-i", out).stdout.splitlines()) > 100


def test_lz4_is_refused_by_trace_cmd(tmp_path):
    out = tmp_path / "out.dat"
    convert("-i", fixture("trace-marker"), out, "--compression", "lz4")
    p = run("trace-cmd", "report", "-i", out, status=None)
    assert p.returncode != 0 and "error reading header" in p.stderr


def test_there_and_back(tmp_path):
    a, b = tmp_path / "a.dat", tmp_path / "b.dat"
    convert("-i", fixture("old-v7"), a, "--file-version", "6")
    convert("-i", a, b)
    assert content_of("old-v7").parts == Content(b).parts


def test_same_codec_moves_chunks(tmp_path):
    """Compressed chunks are not touched: those of another writer stay its."""
    out = tmp_path / "out.dat"
    convert("-i", fixture("fgraph"), out)
    assert len(content_of("fgraph").sizes) >= 2
    assert Content(out).sizes == content_of("fgraph").sizes


def test_options_after_names(tmp_path):
    out = tmp_path / "out.dat"
    convert(fixture("trace-marker"), out, "--compression", "none")
    assert b"\0none\0" in out.read_bytes()[:40]
    convert(fixture("trace-marker"), "--file-version", "6", "-o", out)
    assert out.read_bytes()[10:12] == b"6\0"


def test_default_input_and_output_name(tmp_path):
    (tmp_path / "trace.dat").write_bytes(open(fixture("trace-marker"), "rb").read())
    convert("new.dat", cwd=tmp_path)
    assert (tmp_path / "new.dat").read_bytes()[18:23] == b"zstd\0"
    assert sorted(os.listdir(tmp_path)) == ["new.dat", "trace.dat"]


def test_in_place(tmp_path):
    path = tmp_path / "trace.dat"
    path.write_bytes(open(fixture("old-v6"), "rb").read())
    convert("-i", path, "-o", path)
    strict_check(path)
    assert path.read_bytes()[10:12] == b"7\0"


@pytest.fixture
def maker():
    """The generator of the fuzzers' seeds, for small files."""
    return importlib.import_module("make-corpus")


def test_unknown_options_survive(maker, tmp_path):
    for i, writer in enumerate((maker.Writer(7, 1, 4, "zlib").v7(), maker.Writer(6, 0, 8).v6())):
        src, out, back = (tmp_path / f"{n}{i}.dat" for n in ("in", "v6-", "v7-"))
        src.write_bytes(writer)
        convert(src, out, "--file-version", "7", "--compression", "none")
        assert b"\0\7unknown" in out.read_bytes() or b"\7\0\0\0unknown" in out.read_bytes()
        convert(out, back, "--compression", "lz4")
        strict_check(back)
        assert b"unknown" in back.read_bytes()


def test_text_beside_buffers_has_no_place_in_v6(maker, tmp_path):
    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(maker.Writer(7, 0, 8).v7())
    p = convert(src, out, "--file-version", "6", status=1)
    assert "a version 6 file cannot hold the text of buffer 'lat' beside other buffers" in p.stderr
    assert not out.exists()


def test_instances_of_another_page_size(maker, monkeypatch, tmp_path):
    """Kept in version 7, whatever the sizes here; no place in version 6."""
    class Writer(maker.Writer):
        def buffer(self, name):
            with monkeypatch.context() as m:
                m.setattr(maker, "PAGE", 512 if name else 256)
                super().buffer(name)

        def text_buffer(self):
            pass

    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(Writer(7, 1, 8, "zstd").v7())
    convert(src, out, "--compression", "none")
    assert Content(src).parts == Content(out).parts
    assert b"inst\0local\0" + struct.pack(">I", 512) in out.read_bytes()
    out.unlink()
    p = convert(src, out, "--file-version", "6", status=1)
    assert "version 6 has one sub-buffer size for all buffers (256 bytes); those of 'inst' have 512" in p.stderr
    assert not out.exists()


def test_modules_section_is_copied_or_told(maker, tmp_path):
    w = maker.Writer(7, 0, 8, "zlib")
    blocks = w.blocks
    w.blocks = lambda: {**blocks(), 23: struct.pack("<HBBI", 0xeb9f, 1, 0, 24) + bytes(16),
                        25: b"mod 4096 0 - Live 0x0\n"}
    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(w.v7())
    p = convert(src, out)
    assert p.stderr == ""
    strict_check(out)
    text = run("/usr/bin/python3", DATDUMP, out).stdout
    assert " id 23 " in text and " id 25 " in text
    p = convert(src, out, "--compression", "none")
    assert "BTF_FILE is left out" in p.stderr and "MODULES_FILE is left out" in p.stderr
    strict_check(out)


def test_damage_leaves_the_old_output(tmp_path):
    data = bytearray(open(fixture("old-v7"), "rb").read())
    text = run("/usr/bin/python3", DATDUMP, fixture("old-v7")).stdout
    offset = int(re.search(r"cpu +0 .*?(?:offset|@) ?(\d+)", text).group(1))
    data[offset + 40:offset + 60] = bytes(20)
    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(data)
    out.write_bytes(b"precious")
    p = convert(src, out, "--compression", "none", status=1)
    assert "does not decompress" in p.stderr and f"offset 0x{offset + 4:x}" in p.stderr
    assert out.read_bytes() == b"precious"
    assert sorted(os.listdir(tmp_path)) == ["in.dat", "out.dat"]


def test_cut_input_is_copied_up_to_the_cut(tmp_path):
    data = open(fixture("old-v6"), "rb").read()
    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(data[:-8192])
    p = convert(src, out, status=1)
    assert "is cut" in p.stderr
    strict_check(out)
    whole = tmp_path / "whole.dat"
    convert(fixture("old-v6"), whole)
    a, b = Content(whole).parts, Content(out).parts
    last = max(name for name in a if "cpu" in name)
    assert b[last] == a[last][:-8192]


def spoiled_chunk(tmp_path, kind):
    """A file of @kind with one byte in the middle of its CPU data that is not right."""
    src = tmp_path / "in.dat"
    convert(fixture("trace-marker"), src, *KINDS[kind])
    data = bytearray(src.read_bytes())
    text = run("/usr/bin/python3", DATDUMP, src).stdout
    offset = int(re.search(r"cpu +0 .*?(?:offset|@) ?(\d+)", text).group(1))
    return src, data, offset


@pytest.mark.parametrize("kind", ["zstd", "lz4", "zlib"])
def test_moved_chunks_are_looked_at(kind, tmp_path):
    """Also where nothing has to be decompressed."""
    src, data, offset = spoiled_chunk(tmp_path, kind)
    data[offset + 40:offset + 60] = bytes(20)
    src.write_bytes(data)
    p = convert(src, tmp_path / "out.dat", *KINDS[kind], status=1)
    assert "does not decompress" in p.stderr and "a damaged file is not copied" in p.stderr
    assert os.listdir(tmp_path) == ["in.dat"]


def test_damaged_sub_buffers_are_copied_and_told(tmp_path):
    src, data, offset = spoiled_chunk(tmp_path, "none")
    data[offset + 8:offset + 12] = b"\xff\xff\0\0"       # more bytes than a sub-buffer has
    src.write_bytes(data)
    for kind in ("zstd", "v6"):
        out = tmp_path / f"{kind}.dat"
        p = convert(src, out, *KINDS[kind], status=1)
        assert "sub-buffer 0 of the chunk at" in p.stderr and "they are copied as they are" in p.stderr
        old, new = (run(TRACECMD, "report", path, status=1).stdout for path in (src, out))
        assert old == new and len(old.splitlines()) > 1
    p = convert(src, src, status=1)
    assert "is not replaced: it is damaged" in p.stderr
    assert src.read_bytes() == data


def test_formats_are_looked_at(tmp_path):
    """A length that is too large by far, which in version 6 would swallow all behind it."""
    src = tmp_path / "in.dat"
    convert(fixture("clock-global"), src, "--compression", "none")
    data = bytearray(src.read_bytes())
    at = data.index(b"name: ") - 8
    struct.pack_into("<Q", data, at, 1 << 40)
    src.write_bytes(data)
    for kind in KINDS:
        p = convert(src, tmp_path / "out.dat", *KINDS[kind], status=1)
        assert f"offset {at:#x} goes past the end of its block; a damaged file is not copied" in p.stderr
        convert(src, src, *KINDS[kind], status=1)
    assert src.read_bytes() == data
    assert os.listdir(tmp_path) == ["in.dat"]


@pytest.mark.parametrize("sid", [16, 17, 18, 19, 20, 21])
def test_bytes_behind_a_block(sid, maker, tmp_path):
    """They would shift what follows in version 6."""
    class Writer(maker.Writer):
        def text_buffer(self):
            pass

        def blocks(self):
            return {k: v + b"rest" * (k == sid) for k, v in super().blocks().items()}

    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(Writer(7, 0, 8).v7())
    p = convert(src, out, "--file-version", "6")
    assert "4 bytes behind the end of" in p.stderr and "are left out" in p.stderr
    strict_check(out)
    assert run(TRACECMD, "report", src).stdout == run(TRACECMD, "report", out).stdout


def test_cut_input_is_not_replaced(tmp_path):
    data = open(fixture("old-v6"), "rb").read()[:-8192]
    path, link = tmp_path / "t.dat", tmp_path / "link.dat"
    path.write_bytes(data)
    link.symlink_to("t.dat")
    for names in ([path, path], [path, link], ["-i", "/dev/stdin", path]):
        with open(path, "rb") as f:
            p = convert(*names, status=1, stdin=f)
        assert "is cut" in p.stderr and "is not replaced" in p.stderr
        assert path.read_bytes() == data
        assert sorted(os.listdir(tmp_path)) == ["link.dat", "t.dat"]


def test_signal_removes_the_unfinished_file(tmp_path):
    """A version 6 file with 2 GiB of one CPU in a hole takes long enough."""
    data = bytearray(open(fixture("old-v6"), "rb").read())
    at = data.index(b"flyrecord\0") + 10
    size = 2 << 30
    struct.pack_into("<QQQQ", data, at, 1 << 20, size, 0, 0)
    src, out = tmp_path / "in.dat", tmp_path / "out.dat"
    src.write_bytes(data)
    os.truncate(src, (1 << 20) + size)
    p = subprocess.Popen([TRACECMD, "convert", src, out, "--compression", "zlib"])
    for _ in range(500):
        if len(os.listdir(tmp_path)) == 2:
            break
        time.sleep(0.01)
    time.sleep(0.05)
    assert p.poll() is None
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) == -signal.SIGTERM
    assert os.listdir(tmp_path) == ["in.dat"]


@pytest.mark.parametrize("args, words", [
    ([], "no output file is named"),
    (["a", "b", "c"], "'c' is one file name too many"),
    (["a", "--file-version", "8"], "there is no file version '8', only 6 and 7"),
    (["a", "--compression", "zsdt"], "there is no compression 'zsdt'; did you mean 'zstd'?"),
    (["a", "--file-version", "6", "--compression", "zstd"], "a version 6 file cannot be compressed"),
    (["a", "--compresion", "zstd"], "there is no option '--compresion'"),
    (["a", "-i"], "option -i needs a value"),
    (["a", "-"], "it cannot go to standard output"),
])
def test_bad_usage(args, words, tmp_path):
    p = convert(*args, status=2, cwd=tmp_path)
    assert words in p.stderr
    assert p.stdout == ""
    assert os.listdir(tmp_path) == []


def test_missing_input(tmp_path):
    p = convert("-i", tmp_path / "none.dat", tmp_path / "out.dat", status=1)
    assert f"cannot open '{tmp_path}/none.dat': No such file or directory" in p.stderr
    assert os.listdir(tmp_path) == []


def test_missing_directory(tmp_path):
    p = convert("-i", fixture("old-v6"), tmp_path / "no" / "out.dat", status=1)
    assert "there is no directory" in p.stderr


def test_no_trace(tmp_path):
    (tmp_path / "in.dat").write_text("hello, world, this is no trace at all")
    p = convert("-i", tmp_path / "in.dat", tmp_path / "out.dat", status=1)
    assert "it is not a trace.dat file (wrong magic at offset 0x0)" in p.stderr
    assert not os.path.exists(tmp_path / "out.dat")


def test_no_room(tmp_path):
    """A limit of files' sizes is told as a full disk is, and leaves nothing."""
    p = run(TRACECMD, "convert", "-o", tmp_path / "x.dat", f"{FIXTURES}/pair.dat", status=1,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
    assert f"cannot write '{tmp_path}/x.dat': File too large" in p.stderr and not os.listdir(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_output_that_is_mounted(tmp_path):
    """It cannot be replaced, but filled; also with what it holds, and with less than that."""
    (tmp_path / "inner").write_bytes(b"x" * 3000000)
    (tmp_path / "out.dat").touch()
    script = ('mount --bind inner out.dat && "$@" -i "$FIXTURE" -o out.dat --compression none && cp out.dat first && '
              '"$@" -i out.dat -o out.dat')
    run("unshare", "-m", "sh", "-ec", script, "sh", TRACECMD, "convert", cwd=tmp_path, env={**os.environ, "FIXTURE": fixture("instances")})
    strict_check(tmp_path / "inner")
    assert (tmp_path / "inner").stat().st_size < (tmp_path / "first").stat().st_size
    assert Content(tmp_path / "inner").parts == Content(fixture("instances")).parts
    assert sorted(os.listdir(tmp_path)) == ["first", "inner", "out.dat"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_mounted_output_on_a_full_disk(tmp_path):
    (tmp_path / "out.dat").touch()
    (tmp_path / "small").mkdir()
    script = 'mount -t tmpfs -o size=16k none small && touch small/f && mount --bind small/f out.dat && "$@"'
    p = run("unshare", "-m", "sh", "-c", script, "sh", TRACECMD, "convert", "-i", fixture("instances"), "-o", "out.dat",
            cwd=tmp_path, status=1)
    kept = re.search(r"cannot write 'out\.dat', which is whole in '(.*)': No space left", p.stderr)[1]
    assert Content(kept).parts == Content(fixture("instances")).parts


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_output_of_somebody_else_in_a_sticky_directory():
    with tempfile.TemporaryDirectory(prefix="tracecmd-convert.") as folder:
        shutil.copy(TRACECMD, f"{folder}/tracecmd")
        shutil.copy(fixture("instances"), f"{folder}/in.dat")
        with open(f"{folder}/out.dat", "w"):
            pass
        for path, mode in (f"{folder}/tracecmd", 0o755), (f"{folder}/in.dat", 0o644), (f"{folder}/out.dat", 0o666), (folder, 0o1777):
            os.chown(path, 12345, 12345)
            os.chmod(path, mode)
        run("setpriv", "--reuid", "23456", "--clear-groups", f"{folder}/tracecmd", "convert", "-i", f"{folder}/in.dat",
            "-o", f"{folder}/out.dat")
        assert Content(f"{folder}/out.dat").parts == Content(fixture("instances")).parts
        assert sorted(os.listdir(folder)) == ["in.dat", "out.dat", "tracecmd"]
