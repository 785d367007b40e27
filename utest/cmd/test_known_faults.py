# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults that a user of trace-cmd meets, one test each: none of them is here.
Those that belong to one command alone are tested with that command."""

import os
import re
import shutil
import signal
import struct
import subprocess
import time

import pytest

import common
import tracefs
from common import FIXTURES, TRACECMD, report, run

NAME = common.instance("faults")
NEW = f"{NAME}_new"
TRACE = f"{FIXTURES}/old-v7.dat"
BIG = f"{FIXTURES}/fgraph.dat"
EXEC = ("-e", "sched:sched_process_exec")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    return tmp_path


@pytest.fixture
def instance(kernel):
    """An instance somebody uses: settings of its own."""
    path = f"{kernel}/instances/{NAME}"
    os.mkdir(path)
    for file, text in (("events/irq/enable", "1"), ("events/sched/sched_switch/filter", "prev_pid == 1"),
                       ("options/sym-offset", "1"), ("buffer_size_kb", "100"), ("trace_clock", "mono")):
        with open(f"{path}/{file}", "w") as f:
            f.write(text)
    yield path
    os.rmdir(path)


@pytest.fixture
def unchanged(kernel):
    """The settings are the same as they were when the test began, at its end."""
    before = tracefs.snapshot()
    yield
    assert tracefs.differences(before, tracefs.snapshot()) == []


def record(*args, **kw):
    return run(TRACECMD, "record", "-q", "-o", "out.dat", *args, **kw)


def events_in(path):
    return sum(" DROPPED]" not in line for line in report(path).splitlines()[1:])


def is_ours(pid, place=None):
    """Whether it runs the program, and began in the folder place if one is given."""
    try:
        if os.readlink(f"/proc/{pid}/exe") != os.path.realpath(TRACECMD):
            return False
        with open(f"/proc/{pid}/environ", "rb") as f:
            return place is None or f"PWD={place}".encode() in f.read().split(b"\0")
    except OSError:
        return False


def spooled(place):
    """Bytes of events on the disk."""
    return sum(os.path.getsize(f) for f in os.listdir(place) if ".cpu" in f)


class Recorder:
    """A recording in the background, ready once tracing is on. Whoever starts
    one ends it."""

    def __init__(self, *args, instance=NAME, output="out.dat"):
        file = f"{tracefs.ROOT}/instances/{instance}/set_event"
        self.p = subprocess.Popen([TRACECMD, "record", "-q", "-o", output, "-B", instance, *args],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  text=True, start_new_session=True)
        self.wait_for(lambda: "sched_process_exec" in tracefs.read(file))

    def wait_for(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert self.p.poll() is None, self.p.communicate()[1]
            assert time.monotonic() < end, "it never got there"
            time.sleep(0.01)

    def command(self):
        """Pid of the command."""
        for pid in tracefs.read(f"/proc/{self.p.pid}/task/{self.p.pid}/children").split():
            if not is_ours(pid):
                return int(pid)
        return 0

    def ended(self, seconds=20):
        """Exit status, standard error, and the seconds it took."""
        begin = time.monotonic()
        err = self.p.communicate(timeout=seconds)[1]
        return self.p.returncode, err, time.monotonic() - begin


# ---- what was set before -----------------------------------------------------------

def test_record_keeps_an_instance_that_was_there(instance, unchanged, place):
    record("-B", NAME, *EXEC, "true")
    assert f"{NAME}:" in report("out.dat")


def test_record_that_fails_leaves_what_was_set(instance, unchanged, place):
    record("-B", NAME, *EXEC, "-e", "irq", "-f", "no_such_field == 1", "true", status=1)
    record("-B", NAME, *EXEC, "-B", NEW, "-e", "irq", "-R", "no_such_trigger", "true", status=1)
    assert os.listdir(place) == []


@pytest.mark.parametrize("whole_group", [False, True], ids=["alone", "with its process group"])
def test_killed_recorder_leaves_no_tracing_and_no_process(instance, unchanged, place, whole_group):
    r = Recorder(*EXEC, "-e", "sched", "-f", "prev_pid != 0", "-C", "boot", "-b", "64", "-M", "1", "-O", "nooverwrite",
                 "-B", NEW, *EXEC, "-R", "stacktrace", "sleep", "0.5")
    r.wait_for(lambda: tracefs.read(f"{tracefs.ROOT}/instances/{NEW}/tracing_on") == "1\n")
    (os.killpg if whole_group else os.kill)(r.p.pid, signal.SIGKILL)
    status, err, _ = r.ended()
    assert status == -signal.SIGKILL and "killed" in err
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and is_ours(pid, place)]


def test_what_a_killed_recorder_had_is_restored(instance, place):
    r = Recorder(*EXEC, "-e", "syscalls")
    r.wait_for(lambda: run("find", "/usr/lib", "-maxdepth", "2") and spooled(place) > 100_000)
    os.kill(r.p.pid, signal.SIGKILL)
    r.ended()
    spools = sorted(f for f in os.listdir(place) if ".cpu" in f)
    p = run(TRACECMD, "restore", *spools, "-o", "restored.dat", status=None)
    # it may have been killed while it wrote a chunk
    assert p.returncode == ("reaches past the end of the file" in p.stderr), p.stderr
    assert p.stdout == "", "restore prints no remarks for its makers"
    assert "find-" in report("restored.dat"), "with names of processes"
    dump = run(TRACECMD, "dump", "restored.dat").stdout
    assert '"mono" clock' in dump and "zstd" in dump, "with the clock, compressed"
    common.strict_check("restored.dat")


def test_hidden_symbols_stay_hidden_afterwards(kernel, place):
    path = "/proc/sys/kernel/kptr_restrict"
    was = tracefs.read(path)
    try:
        with open(path, "w") as f:
            f.write("1")
        record("-B", NEW, *EXEC, "true")
        assert tracefs.read(path) == "1\n"
    finally:
        with open(path, "w") as f:
            f.write(was)
    addresses = {line.split()[0] for line in report("out.dat", "-f").splitlines()}
    assert len(addresses) > 1000, "and the file has the addresses"


# ---- the command -------------------------------------------------------------------

@pytest.mark.parametrize("script, status", [("exit 5", 5), ("kill -KILL $$", 128 + 9), ("exit 0", 0)])
def test_status_of_the_command_is_passed_on(kernel, place, script, status):
    record("-B", NEW, *EXEC, "sh", "-c", script, status=status)
    assert "sched_process_exec" in report("out.dat")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_signal_ends_a_recording_though_its_command_runs(instance, unchanged, place, sig):
    r = Recorder(*EXEC, "sleep", "60")
    r.wait_for(lambda: "sleep" in tracefs.read(f"/proc/{r.command()}/comm"))
    os.kill(r.p.pid, sig)
    status, err, seconds = r.ended()
    assert seconds < 10 and status == 128 + signal.SIGTERM, "the command was told to end, and did"
    assert "sleep" in report("out.dat")


def test_second_signal_ends_it_whatever_the_command_does(instance, unchanged, place):
    r = Recorder(*EXEC, "sh", "-c", "trap '' TERM; touch ready; sleep 3; sleep 3")
    r.wait_for(lambda: os.path.exists("ready"))
    for _ in range(2):
        os.kill(r.p.pid, signal.SIGTERM)
        time.sleep(0.3)
    # its command still has the pipe, so not communicate()
    assert r.p.wait(timeout=2) == 0
    r.p.stderr.close()
    assert "sched_process_exec" in report("out.dat")


def test_stop_is_never_late(instance, unchanged, place):
    """Also when the signal comes in the moment in which the recording begins."""
    for delay in (0, 0.003, 0.01, 0.03):
        r = Recorder(*EXEC)
        time.sleep(delay)
        os.kill(r.p.pid, signal.SIGINT)
        status, err, seconds = r.ended()
        assert status == 0 and seconds < 5, f"{seconds} s: {err}"


# ---- what is written ---------------------------------------------------------------

def test_statistics_are_of_the_end(instance, place):
    record("-B", NAME, *EXEC, "-e", "sched", "find", "/usr/bin")
    text = run(TRACECMD, "report", "--stat", "out.dat").stdout
    cpus = re.findall(r"entries: (\d+)\n.*?read events: (\d+)\n", text, re.S)
    assert len(cpus) == os.cpu_count()
    assert {entries for entries, _ in cpus} == {"0"}
    assert sum(int(read) for _, read in cpus) == events_in("out.dat") > 10


def test_date_where_only_an_instance_is_traced(kernel, place):
    begin = time.time()
    record("--date", "-B", NEW, *EXEC, "true")
    end = time.time()
    times = [float(m) for m in re.findall(r" (\d+\.\d{6}): sched_process_exec", report("out.dat"))]
    assert times and all(begin - 1 < t < end + 1 for t in times), times
    assert max(float(m) for m in re.findall(r" (\d+\.\d{6}): ", report("out.dat", "--nodate"))) < begin


def test_instance_with_sub_buffers_of_its_own_size(kernel, place):
    if not os.path.exists(f"{kernel}/buffer_subbuf_size_kb"):
        pytest.skip("this kernel has sub-buffers of one size only")
    record("-e", "irq", "-B", NEW, "--subbuf-size", "8", "-e", "sched", "-e", "syscalls", "find", "/usr/lib", "-maxdepth", "3")
    stats = run(TRACECMD, "report", "--stat", "out.dat").stdout
    read = sum(int(n) for n in re.findall(r"read events: (\d+)", stats))
    assert events_in("out.dat") == read > 1000
    common.strict_check("out.dat")


def test_full_disk_is_told_and_nothing_is_lost_that_was_written(instance, unchanged, place):
    os.mkdir("small")
    run("mount", "-t", "tmpfs", "-o", "size=2m", "none", "small")
    try:
        p = run(TRACECMD, "record", "-q", "-o", "small/out.dat", "-B", NAME, *EXEC, "-e", "syscalls",
                "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do find /usr -maxdepth 5 >/dev/null; done; touch ran", status=1)
        assert "No space left on device" in p.stderr and "tracecmd restore" in p.stderr
        assert os.path.exists("ran"), "the command does not suffer"
        left = sorted(os.listdir("small"))
        spools = [f"small/{f}" for f in left if ".cpu" in f]
        assert spools and [f for f in left if ".cpu" not in f] == ["out.dat.meta"]
        run(TRACECMD, "restore", "-o", "restored.dat", *spools)
        assert "find-" in report("restored.dat")
    finally:
        run("umount", "small")


@pytest.mark.parametrize("args, words", [
    (("-e", "sched:sched_swich"), "sched_switch"), (("-e", "irq", "-f", "bad == 1"), "bad == 1"),
    (("-e", "irq", "-o", "missing/out.dat"), "missing/out.dat"), (("-e", "irq", "no-such-command"), "no-such-command"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_recording_that_fails_in_the_background_says_so(unchanged, place, args, words):
    p = run(TRACECMD, "record", "--daemonize", "-B", NEW, *args, status=1)
    assert words in p.stderr and "Send SIGINT" not in p.stdout
    assert os.listdir(place) == []


def test_disk_in_use_while_recording_is_compressed(instance, place):
    r = Recorder(*EXEC, "-e", "syscalls", "-e", "sched")
    r.wait_for(lambda: run("find", "/usr/lib", "-maxdepth", "2") and spooled(place) > 300_000)
    used = sum(os.path.getsize(f) for f in os.listdir(place))
    os.kill(r.p.pid, signal.SIGINT)
    assert r.ended()[0] == 0
    raw = sum(int(n) for n in re.findall(r"\((\d+) uncompressed\)", run(TRACECMD, "report", "--stat", "out.dat").stdout))
    assert raw > 2_000_000 and 10_000 < used < raw / 2
    assert os.listdir(place) == ["out.dat"]


def test_recorder_is_one_process_with_threads(instance, place):
    """And the one that puts the kernel back; not one for each CPU and instance."""
    r = Recorder(*EXEC, "-B", NEW, *EXEC)
    r.wait_for(lambda: len(os.listdir(f"/proc/{r.p.pid}/task")) > 2 * os.cpu_count())
    assert len(tracefs.read(f"/proc/{r.p.pid}/task/{r.p.pid}/children").split()) == 1
    os.kill(r.p.pid, signal.SIGINT)
    assert r.ended()[0] == 0


def test_killed_in_the_background_it_leaves_no_tracing_either(instance, unchanged, place):
    with open("said", "w") as said:     # the recorder keeps it open, so a pipe would not end
        subprocess.run([TRACECMD, "record", "--daemonize", "-o", "out.dat", "-B", NAME, *EXEC, "-C", "boot"],
                       stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=True, timeout=60)
    pid = int(re.fullmatch(r"Send SIGINT/SIGTERM to pid (\d+) to stop recording\n", (place / "said").read_text()).group(1))
    with open("/run/tracecmd-record.pid") as f:
        assert int(f.read()) == pid
    os.kill(pid, signal.SIGKILL)
    os.unlink("/run/tracecmd-record.pid")
    end = time.monotonic() + 20
    while any(is_ours(other, place) for other in os.listdir("/proc") if other.isdigit()):
        assert time.monotonic() < end
        time.sleep(0.05)


# ---- what is read ------------------------------------------------------------------

def test_leaf_functions_do_not_hang_on_other_cpus(place):
    """CPU 1's events moved between those of CPU 0: the lines of CPU 0 stay."""
    run(TRACECMD, "convert", f"{FIXTURES}/fgraph.dat", "moved.dat", "--file-version", "6")
    places = re.findall(r"(\d+) +(\d+)\t\[offset, size of cpu (\d)\]",
                        run(TRACECMD, "dump", "--flyrecord", "moved.dat").stdout)
    start, size = next((int(o), int(s)) for o, s, cpu in places if cpu == "1")
    before = report("moved.dat", "--cpu", "0")
    data = bytearray((place / "moved.dat").read_bytes())
    for page in range(start, start + size, 4096):
        (when,) = struct.unpack_from("<Q", data, page)
        struct.pack_into("<Q", data, page, when - 20_000_000)
    (place / "moved.dat").write_bytes(data)
    both = report("moved.dat").splitlines()
    of_cpu_0 = [i for i, line in enumerate(both) if "[000]" in line]
    assert any("[001]" in line for line in both[of_cpu_0[0]:of_cpu_0[-1]]), "they are between"
    assert [both[i] for i in of_cpu_0] == before.splitlines()[1:]
    assert len([line for line in both if "();" in line]) == len(
        [line for cpu in "01" for line in report("moved.dat", "--cpu", cpu).splitlines() if "();" in line])


@pytest.mark.parametrize("option", ["--hist", "--trigger"])
@pytest.mark.parametrize("event", ["no_such_event", "nosys:sched_switch", ""])
def test_show_of_an_event_that_is_not_there(kernel, option, event):
    p = run(TRACECMD, "show", option, event, status=1)
    assert p.stderr == p.stderr.encode("ascii", "replace").decode() and f"'{event}'" in p.stderr


# ---- the command line --------------------------------------------------------------

READERS = [("report", TRACE), ("report", "--events", TRACE), ("dump", TRACE), ("dump", "--all", TRACE)]
LOOKERS = [("list", "-e"), ("list", "-c"), ("stat",), ("show",), ("show", "--tracing_on"), ("--help",), ("report", "-h")]


@pytest.mark.parametrize("args", READERS + LOOKERS, ids=lambda a: " ".join(os.path.basename(w) for w in a))
def test_output_that_cannot_be_written_is_told(kernel, args):
    with open("/dev/full", "w") as full:
        p = subprocess.run([TRACECMD, *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert p.returncode == 1 and p.stderr == "tracecmd: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("args", [("report", BIG), ("dump", "--all", BIG), ("list", "-e", "-F", "--full")],
                         ids=lambda a: " ".join(os.path.basename(w) for w in a))
@pytest.mark.parametrize("ignored", [False, True], ids=["", "SIGPIPE ignored"])
def test_reader_that_goes_away_ends_it(kernel, args, ignored):
    handler = signal.SIG_IGN if ignored else signal.SIG_DFL
    with subprocess.Popen([TRACECMD, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, restore_signals=False,
                          preexec_fn=lambda: signal.signal(signal.SIGPIPE, handler)) as p:
        p.stdout.read(1)
        p.stdout.close()
        err = p.stderr.read()
        status = p.wait(timeout=60)
    if ignored:
        assert status == 1 and err == b"tracecmd: cannot write to standard output: Broken pipe\n"
    else:
        assert status == -signal.SIGPIPE and err == b""


@pytest.mark.parametrize("args", [
    ("report", "out.dat", "-l"), ("report", "out.dat", "--help"), ("dump", "out.dat", "--all"),
    ("convert", "out.dat", "new.dat", "--compression", "none"), ("restore", "part.cpu0", "-o", "new.dat"),
], ids=" ".join)
def test_options_behind_file_names_are_options(place, args):
    """No file is called like an option, so taken as a name it would not be found."""
    shutil.copy(TRACE, "out.dat")
    if args[0] == "restore":
        p = run(TRACECMD, *args, status=1)
        assert "'part.cpu0'" in p.stderr
        return
    run(TRACECMD, *args)
    if args[0] == "convert":
        assert "[Compression algorithm]" in run(TRACECMD, "dump", "new.dat").stdout
        assert re.search(r"none\t\[Compression", run(TRACECMD, "dump", "new.dat").stdout)


COMMANDS = ("record", "extract", "start", "stop", "restart", "reset", "clear", "show", "stat", "list", "report", "convert",
            "restore", "dump")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_and_version_are_no_failure(place, command):
    """Wherever they stand, and without a look at the kernel or at files."""
    for args in (("--help",), ("-h",), ("-B", "no_such_instance", "--help")):
        p = run(TRACECMD, command, *args)
        assert p.stdout.startswith(f"usage: tracecmd {command} ") and p.stderr == ""
    p = run(TRACECMD, command, "--version")
    assert p.stdout == run(TRACECMD, "--version").stdout and p.stderr == ""
    run(TRACECMD, command, "--no-such-option", status=2)


def test_options_of_the_command_are_its_own(kernel, place):
    p = record("-B", NEW, *EXEC, "sh", "-c", "echo \"$@\"", "sh", "--help", "--version")
    assert p.stdout == "--help --version\n"


@pytest.mark.parametrize("args", [
    ("report", "--pid", "1x", TRACE), ("report", "--pid", ",", TRACE), ("report", "--cpu", "1x", TRACE),
    ("report", "--ts2secs", "1x", TRACE), ("report", "-i", TRACE, "--ts-offset", "1x"), ("report", "-V9", TRACE),
    ("convert", TRACE, "new.dat", "--file-version", "7x"), ("show", "-c", "0x"), ("show", "-c", "-1"),
    ("reset", "-b", "1k"), ("record", *EXEC, "-b", "1k", "true"), ("record", *EXEC, "-b", "+5", "true"),
    ("record", *EXEC, "-m", "1M", "true"), ("record", *EXEC, "-r", "1x", "true"), ("record", *EXEC, "-s", "", "true"),
    ("record", *EXEC, "--subbuf-size", "4k", "true"), ("record", *EXEC, "--cmdlines-size", "1e3", "true"),
    ("record", *EXEC, "--ts-offset", "1x", "true"), ("record", *EXEC, "-P", "1,", "true"),
    ("record", *EXEC, "--max-graph-depth", "1.5", "true"), ("start", *EXEC, "-b", "-1"), ("extract", "-r", "x"),
], ids=lambda a: " ".join(os.path.basename(w) for w in a))
def test_numbers_are_numbers(unchanged, place, args):
    p = run(TRACECMD, *args, status=2)
    assert p.stderr.startswith("tracecmd: ") and os.listdir(place) == []
