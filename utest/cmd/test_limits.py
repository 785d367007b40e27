# SPDX-License-Identifier: GPL-2.0-or-later
"""record: its limits, what it tells while it runs, what it tells of losses."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time

import pytest

import common
import tracefs
from common import TRACECMD, run, strict_check
from recording import DIR, INSTANCE, finish, parsed, recording, tracing, wait_for

IN = ("-B", INSTANCE)


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


def flood(count):
    return (common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", count)


def test_max_time(dat):
    began = time.monotonic()
    run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "--max-time", "1")
    assert 1 <= time.monotonic() - began < 10
    strict_check(dat)
    assert parsed(dat)


def test_max_time_leaves_the_command_alone(dat, tmp_path):
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "--max-time", "1",
            "sh", "-c", f"sleep 1.5; [ -s {dat} ] && touch {tmp_path}/file_was_there; exit 7", status=7)
    assert p.stderr == "" and (tmp_path / "file_was_there").exists()


def test_signal_while_the_file_is_made_ends_the_command(dat):
    """The recording had ended by itself; the file's name comes late here."""
    p = subprocess.Popen(["strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=linkat", "-e", "inject=linkat:delay_enter=1500000",
                          TRACECMD, "record", "-q", "-o", dat, *map(str, IN), "-e", "sched", "--max-time", "1",
                          "sh", "-c", "trap 'exit 7' TERM; for i in $(seq 600); do sleep 0.05; done"], stderr=subprocess.PIPE, text=True,
                         env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    try:
        wait_for(tracing, "it records")
        wait_for(lambda: not tracing(), "the recording has ended")
        assert not os.path.exists(dat)
        p.send_signal(signal.SIGTERM)
        assert "" == finish(p, 7)
    finally:
        if p.poll() is None:
            p.kill()
    strict_check(dat)


def test_max_size(dat):
    with recording("-q", "-o", dat, *IN, "-e", "sched", "-e", "syscalls", "--max-size", "200K") as p:
        wait_for(lambda: run(common.tool("workload"), 200) and p.poll() is not None, "the size is reached")
        finish(p)
    strict_check(dat)
    size = re.search(rf'"{INSTANCE}".* (\d+) bytes flyrecord data', run(TRACECMD, "dump", dat).stdout)
    assert int(size[1]) >= 200 << 10


@pytest.mark.parametrize("form", ["none", "zstd"])
def test_max_size_is_a_bound(dat, form):
    """What waits in buffers and queues when it is reached is told as not recorded, with its number."""
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-b", "20000", "-p", "nop", "--max-size", "1M", "--compression", form,
            *flood(400000))
    strict_check(dat)
    size = re.search(rf'"{INSTANCE}".* (\d+) bytes flyrecord data', run(TRACECMD, "dump", dat).stdout)
    cuts = 8192 * os.cpu_count()
    assert 1 << 20 <= int(size[1]) <= (1 << 20) * 9 // 8 + cuts
    assert re.search(rf"^CPU \d+.{INSTANCE}: .*((was|were) not (written|taken))", p.stderr, re.M)
    count = run(TRACECMD, "report", "--count", dat).stdout
    lost = sum(int(n) for n in re.findall(r"^ +(\d+) +lost on CPU", count, re.M))
    written, *refused = [int(line.split()[0]) for line in p.stdout.splitlines()]
    assert lost and int(re.search(r"(\d+) +in all", count)[1]) + lost == written - sum(refused)
    assert "unknown" not in count


def test_a_cpu_of_which_nothing_was_taken_has_a_time(dat):
    """All its events are lost: when, is when the recording ended. A larger buffer would not have held them."""
    marker = f"{DIR}/trace_marker"
    p = run(TRACECMD, "record", "-o", dat, *IN, "--max-size", "100K", "-p", "nop", "sh", "-c",
            f"taskset 1 sh -c 'echo hello >{marker}'; yes hello | taskset 2 dd of={marker} bs=6 count=300000 iflag=fullblock; true")
    assert re.search(rf"^CPU 0.{INSTANCE}: 1 event was not taken", p.stderr, re.M), p.stderr
    summary = run(TRACECMD, "dump", "--summary", dat).stdout
    times = {m[1]: (float(m[2]), float(m[3])) for m in
             re.finditer(rf"\t\tCPU (\d+).{INSTANCE}: \d+ events in 1 gap from (\d+\.\d+) to (\d+\.\d+)", summary)}
    assert times["0"][0] == times["0"][1] >= times["1"][1] > 0
    assert "larger would have held them" not in summary


@pytest.mark.parametrize("option, words", [
    (("--max-size", "12X"), "'12X' is no size"), (("--max-size", "0"), "is no size"),
    (("--max-size", "99999999999999T"), "is too large"), (("--max-size", "99999999999999999999"), "is too large"),
    (("--max-time", "0"), "not between"),
    (("--reader-cpus", "0-"), "no list of CPUs"), (("--reader-cpus", "900"), "none of the CPUs"),
    (("--reader-cpus", "65535"), "none of the CPUs"), (("--reader-cpus", "65536"), "no list of CPUs"),
    (("--status-fd", "77"), "descriptor 77"), (("--sync=x",), "not a number")])
def test_bad_values(dat, option, words):
    p = run(TRACECMD, "record", "-o", dat, *IN, *option, "-e", "sched", "true", status=None)
    assert p.returncode in (1, 2) and words in p.stderr and p.stderr.count("tracecmd:") == 1
    assert not os.path.exists(DIR) and not os.listdir(os.path.dirname(dat))


def test_lines_are_not_put_into_a_file_that_is_sent():
    p = run(TRACECMD, "record", "-o", "-", "--status-fd", "1", *IN, "-e", "sched", "true", status=2)
    assert "both would go into one file" in p.stderr and p.stdout == ""


def test_status_lines(dat):
    """One each second and one at the end: the last says what the file has."""
    r, w = os.pipe()
    busy = 'end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do "$0" 20; sleep 0.02; done'
    p = subprocess.run([TRACECMD, "record", "-q", "-o", dat, *IN, "-b", "512", "-e", "sched", "--status-fd", str(w),
                        "sh", "-c", busy, common.tool("workload")], pass_fds=[w], stdin=subprocess.DEVNULL)
    os.close(w)
    with os.fdopen(r) as f:
        lines = [json.loads(line) for line in f]
    assert p.returncode == 0 and len(lines) >= 3
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)
    counts = [line["events"] for line in lines]
    assert counts == sorted(counts) and 0 < counts[0] and counts[-1] <= len(parsed(dat))
    assert all(line["tracing"] is True for line in lines)
    assert lines[-1]["lost"] == 0 and 0 <= lines[-1]["buffer_percent"] <= 100


def test_status_that_nobody_reads(dat):
    """A pipe that is full: the lines are left out, and those who share it still wait when they write."""
    r, w = os.pipe()
    os.set_blocking(w, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(w, b"x" * 4096)
    os.set_blocking(w, True)
    p = subprocess.run([TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "--status-fd", str(w), "true"],
                       pass_fds=[w], stdin=subprocess.DEVNULL, timeout=60)
    assert p.returncode == 0 and os.get_blocking(w)
    os.close(w)
    with os.fdopen(r) as f:
        assert not f.read().strip("x")
    strict_check(dat)


def test_tracing_switched_off_meanwhile(dat):
    """Who switched it off is not known; that it is off is told at the end and in the status, if nobody asked for it."""
    r, w = os.pipe()
    off = ("sh", "-c", f"echo 0 >{DIR}/tracing_on")
    p = subprocess.run([TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "--status-fd", str(w), *off],
                       pass_fds=[w], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    os.close(w)
    with os.fdopen(r) as f:
        assert json.loads(f.readlines()[-1])["tracing"] is False
    assert p.returncode == 0 and f"instance {INSTANCE} was switched off" in p.stderr
    strict_check(dat)
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched:sched_process_exit", "-R", "traceoff", "true")
    assert p.stderr == ""


def test_sync_and_reader_cpus(dat):
    """What is recorded is synced while it runs, by threads on the CPU asked for."""
    with recording("-q", "-o", dat, *IN, "-e", "sched", "--sync", "--reader-cpus", "0") as p:
        masks = []
        for task in os.listdir(f"/proc/{p.pid}/task"):
            if int(task) != p.pid:
                text = tracefs.read(f"/proc/{p.pid}/task/{task}/status")
                masks.append(re.search(r"Cpus_allowed_list:\t(.*)", text)[1])
        names = [tracefs.read(f"/proc/{p.pid}/task/{task}/comm") for task in os.listdir(f"/proc/{p.pid}/task")]
        assert set(masks) == {"0"} and "tcmd-sync0\n" in names
        time.sleep(1.2)
        p.send_signal(signal.SIGINT)
        finish(p)
    strict_check(dat)


@pytest.mark.parametrize("suffix", [".meta", f".{INSTANCE}.cpu0"])
@pytest.mark.parametrize("what", ["pipe", "link", "text"])
def test_names_that_are_taken(dat, tmp_path, suffix, what):
    """What is not the recorder's is not opened, written or removed."""
    path = tmp_path / f"out.dat{suffix}"
    target = tmp_path / "target"
    target.write_text("precious")
    if what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        os.symlink(target, path)
    else:
        path.write_text("precious")
    before = os.lstat(path)
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "true", status=1)
    words = "no recording made|that is no spool" if what == "text" else "something that is no file"
    assert f"'{path}'" in p.stderr and re.search(words, p.stderr)
    now = os.lstat(path)
    assert (now.st_ino, now.st_mode, now.st_size) == (before.st_ino, before.st_mode, before.st_size)
    assert target.read_text() == "precious" and not os.path.exists(dat)


def test_more_files_than_may_be_open(dat):
    """The recorder raises its soft limit, the command has its own. A hard limit that is too low
    is told before anything is changed."""
    command = (TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "sh", "-c", "ulimit -Sn; ulimit -Hn")
    assert run("prlimit", "--nofile=80:5000", *command).stdout == "80\n5000\n"
    p = run("prlimit", "--nofile=80:80", "setpriv", "--bounding-set=-sys_resource", *command, status=1)
    assert re.search(r"cannot record the buffers of \d+ CPUs: \d+ files have to be open at once, and 80 may be", p.stderr)
    assert not os.path.exists(DIR)


def test_flush(dat):
    """After USR1 all that has happened can be read, though no chunk is full."""
    with recording("-q", "-o", dat, *IN, "-e", "sched:sched_process_exit") as p:
        run("true")
        p.send_signal(signal.SIGUSR1)
        wait_for(lambda: "sched_process_exit" in run(TRACECMD, "report", dat, status=None).stdout, "it is written", 5)
        assert tracing()
        p.send_signal(signal.SIGINT)
        finish(p)


def test_third_signal_leaves_at_once(dat):
    """The command does not end, the second signal leaves it, the third comes while the file is made or right after."""
    with recording("-q", "-o", dat, *IN, "-e", "sched", "-e", "syscalls", "sh", "-c", "trap '' TERM; sleep 30 & wait; wait",
                   start_new_session=True) as p:
        run(common.tool("workload"), 300)
        time.sleep(1.2)
        for _ in range(2):
            p.send_signal(signal.SIGINT)
            time.sleep(0.05)
        try:
            p.send_signal(signal.SIGINT)
        except ProcessLookupError:
            pass
        p.wait(timeout=20)
        os.killpg(p.pid, signal.SIGKILL)
    if p.returncode == 130:
        wait_for(lambda: not os.path.exists(DIR), "the supervisor has put back")
        if not os.path.exists(dat):
            assert "was killed" in run(TRACECMD, "report", dat, status=1).stderr
            return
    else:
        assert p.returncode == 0, "all was done before the third signal came"
    strict_check(dat)


def test_losses_are_explained(dat):
    """How many, when, why, what to do: at the end, and in dump; with a status of its own if asked for."""
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-b", "16", "-s", "200000", "--poll", "--fail-on-loss", *IN, "-p", "nop",
            "-B", f"{INSTANCE}_2", "-b", "4000", "-e", "sched:sched_process_exec",	# whose size says nothing about the other
            *flood(30000), status=3)
    lines = re.findall(rf"^CPU \d\.{INSTANCE}: (\d+) events lost \((\S+) %\), \d+ gaps? from (\d+\.\d+) to (\d+\.\d+)$",
                       p.stderr, re.M)
    assert lines and all(0 < float(share) <= 100 and float(a) <= float(b) for _, share, a, b in lines)
    size = re.search(r"the largest gap was in a buffer of (\d+) KB for each CPU, and would have fitted into -b (\d+)", p.stderr)
    assert size and int(size[2]) > int(size[1])
    text = run(TRACECMD, "dump", dat).stdout
    assert f"{sum(int(n) for n, *_ in lines)} events lost" in text and lines[0][2] in text
    text = run(TRACECMD, "dump", "--summary", dat).stdout
    larger = re.search(r"the largest gap had \d+ events: buffers (\d+) KB larger would have held them", text)
    # the one for that CPU with some more, and up to the next power of two; the other for the very gap
    assert larger and int(larger[1]) * 5 // 8 <= int(size[2]) <= (int(larger[1]) + int(size[1])) * 3


def test_each_buffer_s_events_have_their_size(dat):
    """A CPU that lost large ones is not told by small ones of another buffer."""
    script = (f"yes a | dd of={DIR}_2/trace_marker bs=2 count=100000 iflag=fullblock; "
              f"head -c 9000000 /dev/zero | tr '\\0' x | dd of={DIR}/trace_marker bs=900")
    p = run(TRACECMD, "record", "-q", "-o", dat, "--poll", "-s", "3000000", *IN, "-b", "64", "-p", "nop", "-B", f"{INSTANCE}_2",
            "-b", "8192", "-p", "nop", "taskset", "1", "sh", "-c", script)
    lost = int(re.search(rf"^CPU 0\.{INSTANCE}: (\d+) events lost", p.stderr, re.M)[1])
    text = run(TRACECMD, "dump", "--summary", dat).stdout
    gap, kb = map(int, re.search(r"largest gap had (\d+) events: buffers (\d+) KB larger", text).groups())
    assert lost >= gap > 5000 and 0.85 <= kb * 1024 / gap / 900 <= 1.3


def test_what_a_full_buffer_refuses_is_sized(dat):
    p = run(TRACECMD, "record", "-q", "-o", dat, "--poll", "-s", "3000000", *IN, "-b", "64", "-O", "nooverwrite", "-p", "nop",
            *flood(30000))
    share = re.search(r", (\d+) events dropped by a full buffer \((\S+) %\)", p.stderr)
    size = re.search(r"all that was refused by a buffer of (\d+) KB for each CPU would have fitted into -b (\d+)\.", p.stderr)
    assert share and 0 < float(share[2]) < 100 and int(size[2]) > int(size[1])
    larger = re.search(r"buffers (\d+) KB larger would have held all of them", run(TRACECMD, "dump", "--summary", dat).stdout)
    assert int(larger[1]) * 5 // 8 <= int(size[2])
    again = run(TRACECMD, "record", "-q", "-o", dat, "--poll", "-s", "3000000", *IN, "-b", size[2], "-O", "nooverwrite", "-p",
                "nop", *flood(30000))
    assert "dropped" not in again.stderr


def test_no_loss_is_no_failure(dat):
    p = run(TRACECMD, "record", "-q", "-o", dat, *IN, "-e", "sched", "--fail-on-loss", "sh", "-c", "exit 4", status=4)
    assert "lost" not in p.stderr
    assert "lost" not in run(TRACECMD, "dump", dat).stdout


def test_buffers_grow_and_shrink_again(dat):
    """Without -b: room for a burst; a size that is asked for is obeyed; an instance found has its size back."""
    os.mkdir(DIR)
    try:
        before = tracefs.snapshot(events=False)[INSTANCE]["buffer_size_kb"]
        for options, least, most in ((), 1024, 8192), (("-b", "500"), 490, 510):
            p = run(TRACECMD, "record", "-q", "-o", dat, *IN, *options, "-e", "sched", "cat", f"{DIR}/buffer_size_kb")
            assert least <= int(p.stdout) <= most * 1.01
            assert tracefs.snapshot(events=False)[INSTANCE]["buffer_size_kb"] == before
    finally:
        os.rmdir(DIR)


def test_compressed_after(dat):
    """The same file in the end, and a killed one is read too."""
    run(TRACECMD, "record", "-q", "-o", dat, *IN, "--compress", "after", "-p", "nop", *flood(20000))
    strict_check(dat)
    text = run("/usr/bin/python3", common.DATDUMP, dat).stdout
    assert "compression 'zstd'" in text
    assert os.path.getsize(dat) < 2000000
    with recording("-q", "-o", dat + "2", *IN, "--compress", "after", "-e", "sched", "-e", "syscalls") as p:
        wait_for(lambda: run(common.tool("workload"), 100) and any(
            os.path.getsize(f"{dat}2.{INSTANCE}.cpu{c}") > 100000 for c in range(os.cpu_count())), "there is something")
        p.kill()
        p.wait()
    wait_for(lambda: not os.path.exists(DIR), "the supervisor has put back")
    assert "sched_switch:" in run(TRACECMD, "report", dat + "2", status=1).stdout
