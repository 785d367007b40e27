# SPDX-License-Identifier: GPL-2.0-or-later
"""record --rotate: files in a row, each whole by itself, that have every event once together; and what
asks for one: SIGUSR2, control."""

import glob
import os
import re
import signal
import subprocess

import pytest

import common
import events
from common import TRACECMD, run, strict_check
from recording import DIR, INSTANCE, clean_instance, finish, parsed, recording, tracing, wait_for

IN = ("-B", INSTANCE, "-e", "sched:sched_process_exit")
CPUS = os.sysconf("SC_NPROCESSORS_ONLN")


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


def parts(dat):
    """The parts there are, in the order of time."""
    found = {int(m[1]): path for path in glob.glob(dat.removesuffix(".dat") + ".*.dat")
             if (m := re.search(r"\.(\d+)\.dat$", path))}
    return [found[n] for n in sorted(found)]


def markers(count, pause_us=0):
    return [common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", str(count), str(pause_us)]


def controllable(p):
    return os.path.exists(f"/run/tracecmd/control.{p.pid}")


def control(p, word, **kw):
    wait_for(lambda: controllable(p), "it can be controlled")
    return run(TRACECMD, "control", "-p", p.pid, word, **kw)


def interrupt(p, status=0):
    p.send_signal(signal.SIGINT)
    return finish(p, status)


def once(files, written, lossless=True):
    """Every marker is in one of the files once, or told as lost by one of them."""
    seen, lost = [], 0
    for path in files:
        text = common.report(path, "--losses")
        seen += events.marker_numbers(events.parse(text))
        lost += events.lost(common.report(path, "--stat"), text)
    assert len(seen) == len(set(seen)), "a marker appears twice"
    assert len(seen) + lost == written, f"{len(seen)} recorded, {lost} lost, {written} written"
    assert lost == 0 if lossless else lost > 0


FORMS = [(8192, ()), (8, ("--poll", "-s", "50000"))]
MORE_FORMS = [(8192, ("--compression", "none")), (8192, ("--file-version", "6")), (8192, ("--nosplice", "--sync"))]


@pytest.mark.parametrize("kb, form", FORMS + (MORE_FORMS if "TRACECMD_KILLS" in os.environ else []))
def test_every_event_is_in_one_file(dat, kb, form):
    """Cut four times while all CPUs write. The long run of tests, which kills more too, tries more forms."""
    with recording("-q", "-o", dat, "-B", INSTANCE, "-p", "nop", "-b", kb, "--rotate", "1h", *form, wait=lambda: True) as p:
        control(p, "flush")
        load = subprocess.Popen(markers(10000, 10), stdout=subprocess.PIPE, text=True)
        for i in range(4):
            assert control(p, "rotate").stdout == f"{parts(dat)[i]}\n"
        written = int(load.communicate(timeout=60)[0])
        interrupt(p)
    assert len(parts(dat)) == 4 and written == CPUS * 10000
    once([*parts(dat), dat], written, lossless=kb > 8)
    strict_check(parts(dat)[1])
    strict_check(dat)
    merged = parsed(dat, *[word for path in parts(dat) for word in ("-i", path)])
    assert len(events.marker_numbers(merged)) == sum(len(events.marker_numbers(parsed(f))) for f in (*parts(dat), dat))
    assert not glob.glob(f"{dat}.*")


def test_by_time(dat):
    """A file each second, told, and each with an end to its times; the last one has the plain name."""
    with recording("-o", dat, *IN, "-e", "sched", "--rotate", "1s") as p:
        wait_for(lambda: len(parts(dat)) >= 2, "there are two parts")
        err = interrupt(p)
    for path in parts(dat):
        strict_check(path)
        assert f"'{path}' is complete (" in err
    times = [[float(e.time) for e in parsed(path)] for path in (*parts(dat), dat)]
    assert all(earlier and later and min(earlier) < min(later) for earlier, later in zip(times, times[1:-1]))


def test_by_size_with_few_kept(dat):
    """The oldest of this recording go; those of others stay, and are not written over."""
    other = dat.replace(".dat", ".4.dat")
    with open(other, "w") as f:
        f.write("mine")
    with recording("-q", "-o", dat, *IN, "-b", 256, "--rotate", "1M", "--keep", "2") as p:
        # the eighth may be gone again when it is looked for
        wait_for(lambda: run(*markers(5000)) and int(re.search(r"(\d+)\.dat$", (parts(dat) or [other])[-1])[1]) >= 8,
                 "there are four parts", 60)
        interrupt(p)
    assert parts(dat)[0] == other and len(parts(dat)) == 3
    with open(other) as f:
        assert f.read() == "mine"
    for path in parts(dat)[1:]:
        strict_check(path)
        # formats and symbols may take more than a small part is to have; then it has an eighth of chunks
        assert 128 << 10 < os.path.getsize(path) < 4 << 20


def test_signal_saves_all_there_is(dat):
    """Without --rotate: a file of all so far, and all is in the last one too."""
    with recording("-q", "-o", dat, *IN) as p:
        run("true")
        p.send_signal(signal.SIGUSR2)
        wait_for(lambda: parts(dat), "it is saved")
        first = [e.text for e in parsed(parts(dat)[0])]
        run("true")
        assert control(p, "save").stdout.strip() == dat.replace(".dat", ".2.dat")
        assert tracing()
        interrupt(p)
    second, last = ([e.text for e in parsed(path)] for path in (parts(dat)[1], dat))
    assert any("comm=true" in text for text in first)
    assert second[:len(first)] == first and last[:len(second)] == second and len(second) > len(first)


def test_what_was_asked_for_is_kept(dat):
    """--keep is about the parts that were due; what is saved is in the next file, too."""
    with recording("-q", "-o", dat, *IN, "--rotate", "1h", "--keep", "1") as p:
        for number in 1, 2:
            run("true")
            assert control(p, "save").stdout.strip() == dat.replace(".dat", f".{number}.dat")
        assert control(p, "rotate").stdout.strip() == dat.replace(".dat", ".3.dat")
        run("true")
        interrupt(p)
    assert parts(dat) == [dat.replace(".dat", f".{number}.dat") for number in (1, 2, 3)]
    first, second, third = ([(e.time, e.text) for e in parsed(path)] for path in parts(dat))
    assert second[:len(first)] == first and third[:len(second)] == second and first and len(second) > len(first)
    assert min(e.time for e in parsed(dat)) > third[-1][0]


def test_killed_between_cuts(dat):
    """Complete parts stay complete; the rest is read and restored as ever."""
    with recording("-q", "-o", dat, *IN, "--rotate", "1h") as p:
        written = int(run(*markers(3000)).stdout)
        control(p, "rotate")
        written += int(run(*markers(3000)).stdout)
        control(p, "flush")
        p.kill()
        p.wait()
    clean_instance()
    assert "was killed" in run(TRACECMD, "report", dat, status=1).stderr
    run(TRACECMD, "restore", "-o", dat + ".restored", dat)
    files = [*parts(dat), dat + ".restored"]
    numbers = [events.marker_numbers(parsed(path)) for path in files]
    assert [len(n) for n in numbers] == [CPUS * 3000] * 2 and written == CPUS * 6000
    for path in files:
        strict_check(path)
    p = run(TRACECMD, "record", "-o", dat, *IN, "true", status=1)
    assert "left" in p.stderr and not os.path.exists(DIR)


def test_killed_while_parts_are_made(dat):
    """Whenever: every part is whole, no event of them is in the rest but that of a part made that very moment."""
    with recording("-q", "-o", dat, *IN, "-b", 512, "--rotate", "1M") as p:
        wait_for(lambda: run(*markers(4000)) and len(parts(dat)) >= 2, "parts are made", 60)
        p.kill()
        p.wait()
    clean_instance()
    for path in parts(dat):
        strict_check(path)
    run(TRACECMD, "restore", "-o", dat, dat)
    strict_check(dat)


def test_full_disk(kernel, tmp_path):
    """The recording ends; parts and the last file hold what fitted."""
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=24M", "tmpfs", small)
    try:
        dat = str(small / "out.dat")
        with recording("-q", "-o", dat, *IN, "-b", 2048, "--compression", "none", "--rotate", "16M", "--keep", "1") as p:
            wait_for(lambda: run(*markers(20000), status=None) and p.poll() is not None, "the disk is full", 60)
            err = finish(p, 1)
        assert "No space left on device" in err and not os.path.exists(DIR)
        for path in (*parts(dat), dat):
            run(TRACECMD, "dump", "--validate", path)
        assert events.marker_numbers(parsed(dat))
    finally:
        run("umount", small)


REFUSED = [
    (("--rotate", "10"), "neither a time"), (("--rotate", "10x"), "neither a time"), (("--rotate", ""), "neither a time"),
    (("--rotate", "500ms"), "shorter than a second"), (("--rotate", "900K"), "less than 1M"),
    (("--rotate", "99999999999d"), "too long"), (("--rotate", "99999999999999T"), "too large"),
    (("--rotate", "1s", "--rotate", "2s"), "twice"), (("--keep", "2"), "--rotate"),
    (("--rotate", "1s", "--keep", "0"), "no number of files"), (("--rotate", "1s", "--keep-last", "1s"), "exclude"),
    (("--rotate", "1s", "-o", "-"), "exclude"), (("--rotate", "1s", "-m", "100"), "exclude"),
    (("--rotate", "1s", "-o", "/dev/null"), "is no file"), (("--rotate", "1s", "--save-on-failure"), "exclude")]


def test_refused(kernel, tmp_path):
    for args, words in REFUSED:
        p = run(TRACECMD, "record", *IN, *args, "true", status=None, cwd=tmp_path)
        assert p.returncode in (1, 2) and words in p.stderr and p.stderr.count("tracecmd:") == 1, args
        assert not os.path.exists(DIR) and not os.listdir(tmp_path), args


def test_extract_and_start_have_none(tmp_path):
    for command in "start", "extract":
        assert "did you mean 'tracecmd record'" in run(TRACECMD, command, "--rotate", "1s", status=2).stderr


def test_signal_where_nothing_can_be_saved(dat):
    with recording("-o", dat, *IN, "-m", "1000") as p:
        wait_for(lambda: controllable(p), "signals are taken")
        assert "-m" in control(p, "save", status=1).stderr
        p.send_signal(signal.SIGUSR2)
        err = interrupt(p)
    assert "nothing is saved before the end" in err and not parts(dat)
