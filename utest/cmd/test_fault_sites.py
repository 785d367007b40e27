# SPDX-License-Identifier: GPL-2.0-or-later
"""Every place of the recorder that reads, writes, opens, splices, forks or asks for memory is made to fail, one in
each run: the recording goes on, or ends with one message that says why; what it leaves can be read and says what is
missing, and the kernel, the processes and the disk are as they were.

The program is build/utest/tracecmd-faults (utest/tools/faults.c). TRACECMD_FAULTS=all fails every site in every way that it can
fail, TRACECMD_FAULTS=open64,read those of these functions; without it, a sample of all."""

import collections
import concurrent.futures
import errno
import glob
import os
import re
import subprocess
import threading

import pytest

import common
import events
import tracefs
from common import TRACECMD, run, strict_check

CHOSEN = os.environ.get("TRACECMD_FAULTS", "")
SAMPLE = 6
AT_A_TIME = 3
MARKERS = collections.defaultdict(lambda: 1000, moved=15000)    # by recording; so many that they move in stretches
STATUS = 5              # of the traced command
ALWAYS = 1 << 30
MEMORY = ("malloc", "calloc", "realloc", "strdup", "strndup", "asprintf")
PROGRAM = f"{os.path.dirname(os.path.abspath(TRACECMD))}/utest/tracecmd-faults"

# What may happen to a call: errno (0: it is done in part), and to how many calls of the site.
ONCE, FROM_NOW_ON = (1, 1), (1, ALWAYS)
WAYS = {
    "read": [(errno.EIO, ONCE), (errno.EINTR, ONCE), (0, FROM_NOW_ON)],
    "pread64": [(errno.EIO, ONCE), (errno.EINTR, ONCE), (0, FROM_NOW_ON)],
    "write": [(errno.EIO, ONCE), (errno.EINTR, ONCE), (errno.ENOSPC, FROM_NOW_ON)],
    "pwrite64": [(errno.ENOSPC, FROM_NOW_ON), (errno.EIO, (2, 2)), (errno.EINTR, ONCE), (0, FROM_NOW_ON)],
    "writev": [(errno.ENOSPC, FROM_NOW_ON), (errno.EIO, (2, 2)), (errno.EINTR, ONCE), (0, FROM_NOW_ON)],
    "mmap64": [(errno.ENOMEM, ONCE), (errno.ENOMEM, FROM_NOW_ON)],
    "epoll_wait": [(errno.EINTR, ONCE)],
    "splice": [(errno.EIO, ONCE), (errno.EIO, (2, 2)), (errno.EINTR, ONCE), (errno.EINVAL, ONCE), (0, FROM_NOW_ON)],
    "copy_file_range": [(errno.ENOSPC, FROM_NOW_ON), (errno.EXDEV, ONCE), (errno.EIO, (2, 2)), (0, FROM_NOW_ON)],
    "getrandom": [(errno.ENOSYS, ONCE)],
    "open64": [(errno.EMFILE, ONCE), (errno.EIO, FROM_NOW_ON)],
    "fork": [(errno.EAGAIN, ONCE)],
    "pthread_create": [(errno.EAGAIN, ONCE), (errno.EAGAIN, (2, 2))],
    "poll": [(errno.EINTR, ONCE), (errno.ENOMEM, ONCE)],
    "ppoll": [(errno.EINTR, ONCE), (errno.ENOMEM, ONCE)],
    "waitpid": [(errno.EINTR, ONCE)],
    "ftruncate64": [(errno.EIO, ONCE), (errno.EINTR, ONCE)],
    "fallocate64": [(errno.EOPNOTSUPP, ONCE), (errno.ENOSPC, ONCE)],
    **{name: [(errno.ENOMEM, ONCE), (errno.ENOMEM, FROM_NOW_ON)] for name in MEMORY},
}
OTHERS = [(errno.EIO, ONCE)]

# Recordings whose sites together are nearly all of record's.
RECORDINGS = {
    "found": ("-b", "512", "-C", "mono", "-e", "sched:sched_process_exit", "-f", "pid > 0", "-R", "traceon",
              "-O", "nosym-offset", "--sync"),
    "new": ("-b", "256", "-p", "nop", "--nosplice", "--file-version", "6", "--date"),
    "moved": ("-b", "10000", "-p", "nop", "--compression", "none", "--sync"),
    "sent": ("-b", "256", "-p", "nop", "-m", "200", "--compress", "after", "-F"),
}

Fault = collections.namedtuple("Fault", "recording function site calls how addresses")


def program():
    """The recorder with faults, of the same build as the program under test."""
    if not os.path.exists(PROGRAM) or os.path.getmtime(PROGRAM) < os.path.getmtime(TRACECMD):
        build = os.path.relpath(os.path.dirname(os.path.dirname(PROGRAM)), common.REPO)
        run("make", "-s", f"B={build}", f"{build}/utest/tracecmd-faults", cwd=common.REPO, timeout=600)
    return PROGRAM


def describe(fault):
    """The call chain of a fault, for a message."""
    text = run("addr2line", "-s", "-p", "-f", "-e", PROGRAM, *[f"0x{int(a, 16) - 1:x}" for a in fault.addresses]).stdout
    how = os.strerror(fault.how) if fault.how else "in part"
    return f"{fault.recording}: {fault.function}, calls {fault.calls}: {how}\n  " + "  ".join(text.splitlines(True))


class Place:
    """A folder and an instance, with settings of somebody's, for one recording after the other."""

    def __init__(self, folder, number):
        self.folder, self.name = folder, common.instance(f"fault{number}")
        self.dir = f"{tracefs.ROOT}/instances/{self.name}"
        self.log, self.hits = f"{folder}/../{number}.log", f"{folder}/../{number}.hits"
        os.makedirs(folder)

    def make_instance(self):
        os.mkdir(self.dir)
        for file, text in (("events/irq/enable", "1"), ("events/sched/sched_process_exit/filter", "pid == 1"),
                           ("options/sym-offset", "1"), ("buffer_size_kb", "100"), ("trace_clock", "global")):
            with open(f"{self.dir}/{file}", "w") as f:
                f.write(text)

    def settings(self):
        if not os.path.exists(self.dir):
            return None
        got = tracefs._instance(self.dir, False)
        for name in ("filter", "trigger"):
            got[name] = tracefs.read(f"{self.dir}/events/sched/sched_process_exit/{name}")
        return got

    def clean(self):
        for file in glob.glob(f"{glob.escape(self.folder)}/*") + [self.hits]:
            if os.path.exists(file):
                os.unlink(file)
        if os.path.exists(self.dir):
            os.rmdir(self.dir)

    def record(self, recording, **environment):
        """Records markers; what comes of it."""
        if recording == "found":
            self.make_instance()
        before = self.settings()
        output = "-" if recording == "sent" else "x.dat"
        folder = f"/sys/kernel/tracing/instances/{self.name}"
        work = [common.tool("markers"), f"{folder}/trace_marker", f"{folder}/trace_marker_raw", MARKERS[recording]]
        args = [PROGRAM, "record", "-q", "--temp", ".", "-o", output, "-B", self.name, *RECORDINGS[recording],
                "sh", "-c", f"{' '.join(map(str, work))} >&2; exit {STATUS}"]
        with open(f"{self.folder}/x.dat" if output == "-" else os.devnull, "wb") as out:
            p = subprocess.Popen(args, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                                 text=True, env={**os.environ, "TRACECMD_FAULT_HITS": self.hits, **environment})
            try:
                _, err = p.communicate(timeout=40)
            except subprocess.TimeoutExpired:
                p.kill()
                p.communicate()
                raise AssertionError("it does not end") from None
        return Outcome(self, p.pid, p.returncode, err, before)


class Outcome:
    def __init__(self, place, pid, status, stderr, before):
        self.place, self.pid, self.status, self.stderr, self.before = place, pid, status, stderr, before
        self.hit = os.path.exists(place.hits)
        self.dat = f"{place.folder}/x.dat"
        written = re.search(r"^(\d+)$", stderr, re.M)
        self.written = int(written[1]) if written else None
        self.messages = [line for line in stderr.splitlines() if line.startswith("tracecmd: ")]

    def check(self, fault=None):
        assert self.place.settings() == self.before, \
            f"settings: {tracefs.differences({'': self.before or {}}, {'': self.place.settings() or {}})}"
        self.check_nothing_runs()
        if self.status == STATUS:
            self.check_whole()
        else:
            assert self.hit and self.status == 1, f"exit status {self.status}"
            assert self.messages, "it fails without a message"
            assert any(words in self.stderr for words in why(fault)), "the message does not say why"
            self.check_left(fault)

    def check_nothing_runs(self):
        for note in glob.glob("/run/tracecmd/note.*"):
            assert f"pid {self.pid} " not in tracefs.read(note), "the note stays"
        left = run("pgrep", "-f", f"{PROGRAM} record .* {self.place.name} ", status=None).stdout.split()
        assert not left, "a process stays"

    def markers(self):
        """Markers in the file, events told as lost, whether it tells that it is not all."""
        p = run(TRACECMD, "report", "--losses", self.dat, status=None)
        found = events.marker_numbers(events.parse(p.stdout))
        assert len(found) == len(set(found)), "a marker appears twice"
        lost = events.lost(run(TRACECMD, "report", "--stat", self.dat, status=None).stdout, p.stdout)
        return len(found), lost, "[EVENTS DROPPED]" in p.stdout or "lost behind the last one" in p.stderr

    def check_whole(self):
        assert sorted(os.listdir(self.place.folder)) == ["x.dat"]
        strict_check(self.dat)
        found, lost, _ = self.markers()
        assert found + lost == self.written, f"{found} recorded, {lost} lost, {self.written} written"

    def check_left(self, fault):
        """What a failed recording leaves is nothing, a file, or parts that the message names."""
        left = os.listdir(self.place.folder)
        parts = [name for name in left if name != "x.dat"]
        if parts:
            assert "restore" in self.stderr, f"{parts} stay, unsaid"
            run(TRACECMD, "restore", "-o", f"{self.place.folder}/y.dat", f"{self.place.folder}/{self.base(parts)}")
            os.rename(f"{self.place.folder}/y.dat", self.dat)
        if os.path.exists(self.dat) and os.path.getsize(self.dat):
            strict_check(self.dat)
            found, lost, short = self.markers()
            assert found + lost <= (self.written or 0)
            ended = "recording ended" in self.stderr     # and the command went on
            # an instance that was there is traced on: what the command writes, when all was over before, is not ours
            ended |= fault.recording == "found" and not found + lost and "what was recorded before that is in" in self.stderr
            assert found + lost == (self.written or 0) or short or parts or ended, \
                f"{found} recorded, {lost} lost, {self.written} written: unsaid in the file"

    @staticmethod
    def base(parts):
        return min(parts, key=len).rsplit(".", 1)[0] if not any(".meta" in p for p in parts) else \
            next(p for p in parts if p.endswith(".meta")).removesuffix(".meta")


def sites(place):
    """(recording, function, site, addresses) of all calls that the recordings make."""
    seen = {}
    for recording in RECORDINGS:
        place.record(recording, TRACECMD_FAULT_LOG=place.log).check()
        place.clean()
        with open(place.log) as f:
            for line in f:
                function, site, *addresses = line.split()
                seen.setdefault((function, site), (recording, function, site, addresses))
        os.unlink(place.log)
    return list(seen.values())


def why(fault):
    """What a message may say of it. What cannot be looked at is not there; a process that
    ends as it is started does not say why."""
    if not fault.how or fault.function == "access":
        return [""]
    return [os.strerror(fault.how), os.strerror(errno.ECHILD)] + ["out of memory"] * (fault.how == errno.ENOMEM)


class Bench:
    """Places for recordings at the same time, and the faults there are."""

    def __init__(self, folder):
        program()
        common.tool("markers")
        self.places = [Place(f"{folder}/{i}", i) for i in range(AT_A_TIME)]
        self.lock = threading.Lock()
        self.faults = [Fault(recording, function, site, calls, how, addresses)
                       for recording, function, site, addresses in sites(self.places[0])
                       for how, calls in WAYS.get(function, OTHERS)]

    def try_one(self, fault):
        """Whether it was met and borne, and what is wrong."""
        with self.lock:
            place = self.places.pop()
        got = None
        try:
            got = place.record(fault.recording, TRACECMD_FAULT=f"{fault.function} {fault.site} {fault.calls[0]} "
                               f"{fault.calls[1]} {fault.how}")
            got.check(fault)
            return got.hit, got.status == STATUS, None
        except AssertionError as e:
            return True, False, f"{str(e).splitlines()[0]}\n{describe(fault)}  {got.stderr if got else ''}"
        finally:
            place.clean()
            with self.lock:
                self.places.append(place)

    def try_all(self, chosen):
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            results = list(pool.map(self.try_one, chosen))
        wrong = [text for _, _, text in results if text]
        print(f"{len(chosen)} faults, {sum(hit for hit, _, _ in results)} met, {sum(borne for _, borne, _ in results)} borne")
        assert not wrong, f"{len(wrong)} of {len(chosen)} faults:\n" + "\n".join(wrong)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(str(tmp_path_factory.mktemp("bench")))


def functions():
    """Those of the shim."""
    with open(f"{common.UTEST}/tools/faults.c") as f:
        text = f.read()
    return sorted(set(re.findall(r"^(?:WRAP\([^,]*, |WRAP_[A-Z]+\(|int __wrap_)(\w+)(?:, |\(.*;$)", text, re.M)))


def pytest_generate_tests(metafunc):
    """One test for each function, so that other tests have the kernel between them."""
    if "function" in metafunc.fixturenames:
        names = functions() if CHOSEN == "all" else [name for name in CHOSEN.split(",") if name]
        metafunc.parametrize("function", names or ["sample"])


def test_failing_calls(kernel, bench, function):
    if function == "sample":
        bench.try_all(bench.faults[::len(bench.faults) // SAMPLE][:SAMPLE])
    else:
        bench.try_all([f for f in bench.faults if f.function == function])
