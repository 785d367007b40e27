# SPDX-License-Identifier: GPL-2.0-or-later
"""record --keep-last, --trigger, --save-on-failure: what is kept, from when to when, and what makes a file of it."""

import contextlib
import glob
import os
import re
import shutil
import signal

import pytest

import common
import events
import tracefs
from common import TRACECMD, run, strict_check
from recording import DIR, INSTANCE, finish, parsed, recording, tracing, wait_for

IN = ("-B", INSTANCE)
CPUS = os.sysconf("SC_NPROCESSORS_ONLN")
CLOCK = f"{DIR}/per_cpu/cpu0/stats"


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


def now():
    """The trace clock of the instance, in seconds."""
    return float(re.search(r"^now ts: +(\S+)", tracefs.read(CLOCK), re.M)[1])


def times(path):
    return [float(e.time) for e in parsed(path)]


@pytest.fixture
def rare(tmp_path_factory):
    """A program whose name nobody else's processes have: what triggers wait for."""
    path = tmp_path_factory.mktemp("bin") / f"rare{os.getpid()}"
    shutil.copy("/bin/true", path)
    return str(path)


def control(p, word, **kw):
    wait_for(lambda: os.path.exists(f"/run/tracecmd/control.{p.pid}"), "it can be controlled")
    return run(TRACECMD, "control", "-p", p.pid, word, **kw)


def wait_until_served(p):
    """Until all is switched on, triggers too: an answer comes no earlier."""
    control(p, "flush")


def spools(dat):
    return glob.glob(f"{dat}.{INSTANCE}.cpu*")


def size_of(path):
    """0 if it has been dropped meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.getsize(path)
    return 0


def test_by_time(dat):
    """Whatever was recorded before is dropped, from the disk too; what was dropped is no loss."""
    with recording("-o", dat, *IN, "-e", "sched", "--keep-last", "1s") as p:
        began = now()
        wait_for(lambda: run("true") and now() > began + 3.5, "some seconds have gone")
        assert all(not path.endswith(f".cpu{c}") for path in spools(dat) for c in range(CPUS)), "the first ones are there still"
        ended = now()
        p.send_signal(signal.SIGINT)
        err = finish(p)
    strict_check(dat)
    found = times(dat)
    # at least the last second; chunks that begin before it are whole, readers come to them within seconds
    assert began + 1 < min(found) and max(found) >= ended - 0.5
    assert "were dropped, as it was to be (--keep-last)" in err and "lost" not in err
    assert "earlier bytes not kept: " in common.report(dat, "--stat")


def test_by_size(dat):
    """The newest, in a row, and no more on the disk than was allowed."""
    with recording("-q", "-o", dat, *IN, "-e", "sched:sched_process_exit", "-b", "512", "--compression", "none",
                   "--keep-last", "1M") as p:
        load = [common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", "40000", "20"]
        run(*load)
        control(p, "flush")
        # whoever drops what is old may have to wait for a CPU first
        wait_for(lambda: sum(size_of(path) for path in spools(dat)) <= (1 << 20) * 9 // 8, "the old is dropped")
        p.send_signal(signal.SIGINT)
        finish(p)
    strict_check(dat)
    numbers = events.marker_numbers(parsed(dat))
    for cpu in range(CPUS):
        mine = [n for c, n in numbers if c == cpu]
        assert mine == list(range(40000 - len(mine), 40000)), "not the newest, or not all of them"
    stat = common.report(dat, "--stat")
    assert sum(int(n) for n in re.findall(r"^ +(\d+) bytes in size", stat, re.M)) > 1 << 18
    assert "earlier bytes not kept: " in stat


def test_trigger_ends(dat, rare):
    """From before the trigger to behind it; the command is left alone, and so is the kernel."""
    with recording("-o", dat, *IN, "-e", "sched", "--trigger", f'sched:sched_process_exit:comm == "{os.path.basename(rare)}"',
                   "--pre", "1s", "--post", "300ms", "sh", "-c", "sleep 5; exit 5") as p:
        wait_until_served(p)
        began = now()
        wait_for(lambda: run("true") and now() > began + 2.5, "there is something before")
        fired = now()
        run(rare)
        err = finish(p, 5)
    strict_check(dat)
    assert re.search(r"the trigger fired: +rare\d+-\d+.* sched_process_exit: comm=rare", err)
    assert began + 0.5 < min(times(dat)) <= fired and fired + 0.2 <= max(times(dat)) < fired + 4
    assert not glob.glob(f"{tracefs.ROOT}/instances/tracecmd-trigger*")


def test_end_before_the_time_behind_the_trigger_is_over(dat, rare):
    """The file begins as long before the trigger all the same."""
    with recording("-o", dat, *IN, "-e", "sched", "--trigger", f'sched:sched_process_exit:comm == "{os.path.basename(rare)}"',
                   "--pre", "1s", "--post", "60s", "sleep", "100") as p:
        wait_until_served(p)
        began = now()
        wait_for(lambda: run("true") and now() > began + 6, "there is something before")
        fired = now()
        run(rare)
        wait_for(lambda: run("true") and now() > fired + 0.5, "there is something behind")
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=60)
    strict_check(dat)
    assert fired - 4 < min(times(dat)) <= fired and fired + 0.3 <= max(times(dat))


def test_trigger_saves_each_time(dat, rare):
    """Of any process, though only the command is recorded; events of the trigger alone are in no file."""
    part = dat.replace(".dat", ".{}.dat").format
    with recording("-o", dat, *IN, "-e", "sched:sched_switch", "-F", "--trigger",
                   f'sched_process_exit:comm=="{os.path.basename(rare)}"', "--trigger", "sched:sched_process_hang", "--on-trigger", "save", "--pre", "30s",
                   "sh", "-c", "while [ ! -e $0 ] && [ -d /proc/$PPID ]; do :; done; sleep 0.1", f"{dat}.stop") as p:
        wait_until_served(p)
        for i in 1, 2:
            # what fires before a part is made and told belongs to that part
            wait_for(lambda: run(rare) and os.path.exists(part(i)), "it is saved")
            assert tracing()
        open(f"{dat}.stop", "w").close()
        err = finish(p)
    for path in (part(1), part(2), dat):
        strict_check(path)
        assert {e.name for e in parsed(path)} == {"sched_switch"}
    assert err.count("the trigger fired") >= 2 and f"'{part(2)}' is complete" in err


@pytest.mark.parametrize("status", [0, 3])
def test_save_on_failure(dat, status):
    with open(dat, "w") as f:
        f.write("earlier")
    p = run(TRACECMD, "record", "-o", dat, *IN, "-e", "sched", "--save-on-failure", "sh", "-c", f"exit {status}", status=status)
    if status:
        strict_check(dat)
    else:
        assert "no '" in p.stderr and "--save-on-failure" in p.stderr
        with open(dat) as f:
            assert f.read() == "earlier"
    assert os.listdir(os.path.dirname(dat)) == ["out.dat"]


def test_not_recorded_but_waited_for(dat):
    """A trigger's name and filter are checked before anything is changed, under the option's name."""
    for trigger, words in ("sched_swich", "option --trigger: this kernel has no event or system 'sched_swich'"), \
                          ("sched:sched_switch:nonsense > 1", "option --trigger 'nonsense > 1'"):
        p = run(TRACECMD, "record", "-o", dat, *IN, "-e", "sched", "--trigger", trigger, "true", status=1)
        assert words in p.stderr and not os.path.exists(dat)
    assert not glob.glob(f"{tracefs.ROOT}/instances/tracecmd-trigger*") and not os.path.exists(DIR)


REFUSED = [
    (("--keep-last", "5"), "neither a time"), (("--keep-last", "1s", "--keep-last", "2s"), "twice"),
    (("--keep-last", "1s", "-m", "10"), "both say"), (("--keep-last", "1s", "-o", "-"), "exclude"),
    (("--pre", "1s"), "--trigger"), (("--post", "1s"), "--trigger"), (("--on-trigger", "save"), "--trigger"),
    (("--trigger", "sched_switch", "--on-trigger", "sve"), "neither end nor save"), (("--trigger", ""), "is empty"),
    (("--trigger", "sched:sched_switch:"), "filter"), (("--trigger", "sched_switch", "--pre", "0s"), "nothing"),
    (("--trigger", "sched_switch", "--pre", "1"), "is no time"), (("--trigger", "sched_switch", "-k"), "exclude"),
    (("--trigger", "sched_switch", "--pre", "1s", "--keep-last", "1s"), "both say"),
    (("--trigger", "sched_switch", "--on-trigger", "save", "--rotate", "1s"), "exclude"),
    (("--keep-last", "1s", "-p", "wakeup"), "latency tracer")]


def test_refused(kernel, tmp_path):
    for args, words in REFUSED:
        events_asked = () if "-p" in args else ("-e", "sched")
        p = run(TRACECMD, "record", *IN, *events_asked, *args, "true", status=None, cwd=tmp_path)
        assert p.returncode == 2 and words in p.stderr and p.stderr.count("tracecmd:") == 1, args
        assert not os.path.exists(DIR) and not os.listdir(tmp_path), args


def test_a_trigger_alone_is_nothing_to_trace(tmp_path):
    p = run(TRACECMD, "record", "--trigger", "sched_switch", "true", status=2, cwd=tmp_path)
    assert "nothing to trace" in p.stderr


def test_a_failing_command_needs_to_be_there(tmp_path):
    assert "needs a command" in run(TRACECMD, "record", *IN, "-e", "sched", "--save-on-failure", status=2, cwd=tmp_path).stderr


def test_saved_twice(dat):
    """What is kept is in each file; recording ends as ever."""
    with recording("-q", "-o", dat, *IN, "-e", "sched:sched_process_exit", "--keep-last", "1h") as p:
        run("true")
        saved = [control(p, "save").stdout.strip() for _ in range(2)]
        assert "keeps only" in control(p, "rotate", status=1).stderr
        p.send_signal(signal.SIGINT)
        finish(p)
    texts = [[e.text for e in parsed(path)] for path in (*saved, dat)]
    assert texts[0] and texts[1][:len(texts[0])] == texts[0] and texts[2][:len(texts[1])] == texts[1]
