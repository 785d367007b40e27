# SPDX-License-Identifier: GPL-2.0-or-later
"""trigger on this machine's kernel. Histograms and function commands are tested in guests."""

import json
import os
import subprocess
import time

import pytest

import tracefs
from common import TRACECMD, run
from recording import DIR, INSTANCE, wait_for


def trigger(action, *args, **kw):
    return run(TRACECMD, "trigger", action, "-B", INSTANCE, *args, **kw)


def listed(*args):
    return [(t["event"], t["trigger"]) for t in json.loads(trigger("list", "--json", *args).stdout)]


@pytest.fixture
def instance(kernel):
    os.mkdir(DIR)
    yield
    os.rmdir(DIR)


def test_add_list_del_clear(instance):
    trigger("add", "sched:sched_switch", "traceoff:3", "if", "prev_prio == 12345")
    trigger("add", "irq:irq_handler_*", "stacktrace")
    # never true: a count goes down with each time
    trigger("add", "sched:sched_switch", "enable_event:irq:irq_handler_entry:2 if prev_prio == 12345")
    assert tracefs.read(f"{DIR}/events/irq/irq_handler_exit/trigger") == "stacktrace:unlimited\n"
    irq = [("irq:irq_handler_entry", "stacktrace:unlimited"), ("irq:irq_handler_exit", "stacktrace:unlimited")]
    switch = {("sched:sched_switch", "traceoff:count=3 if prev_prio == 12345"),
              ("sched:sched_switch", "enable_event:irq:irq_handler_entry:count=2 if prev_prio == 12345")}
    assert listed()[:2] == irq and set(listed("sched_switch")) == switch and listed("irq") == irq
    assert "irq:irq_handler_exit stacktrace:unlimited\n" in trigger("list").stdout
    assert [t for _, t in listed("sched", "traceoff:3")] == ["traceoff:count=3 if prev_prio == 12345"]
    trigger("del", "sched_switch", "enable_event:irq")
    trigger("del", "irq_handler_exit")
    assert listed() == [irq[0], ("sched:sched_switch", "traceoff:count=3 if prev_prio == 12345")]
    # of one kind an event has one
    trigger("add", "sched:sched_switch", "traceoff")
    assert listed("sched") == [("sched:sched_switch", "traceoff:unlimited")]
    trigger("clear")
    assert listed() == [] and trigger("list").stdout == ""


def test_killed_while_it_adds(instance):
    """All are there, or none: what it had added goes by the process beside it."""
    words = ("syscalls:sys_enter_s*", "stacktrace:1 if common_pid == 999999")
    trigger("add", *words)
    every = listed()
    trigger("clear")
    cut = 0
    for i in range(20):
        p = subprocess.Popen([TRACECMD, "trigger", "add", "-B", INSTANCE, *words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.01 * i)
        p.kill()
        done = p.wait() == 0
        cut += not done
        wait_for(lambda: listed() in ([], every), f"all or none are there, killed after {10 * i} ms")
        assert not done or listed() == every
        trigger("clear")
    assert cut


def test_refused_by_one_event_means_refused_by_all(instance):
    p = trigger("add", "sched", "stacktrace if next_pid == 1", status=1)
    assert "Field not found" in p.stderr and listed() == []
    assert "did you mean 'stacktrace'" in trigger("add", "sched:sched_switch", "stacktrac", status=1).stderr
    assert "did you mean 'sched:sched_switch'" in trigger("add", "sched:sched_swich", "stacktrace", status=1).stderr
    assert "is missing" in trigger("add", "sched:sched_switch", status=1).stderr


def test_why_it_is_refused(instance):
    """What the kernel answers with a number alone; nothing is added."""
    trigger("add", "sched:sched_switch", "traceoff if prev_prio == 12345")
    text = trigger("add", "sched:sched_switch", "traceon", status=1).stderr
    assert "it has 'traceoff:unlimited if prev_prio == 12345', which excludes this" in text
    assert f"'tracecmd trigger del -B {INSTANCE} sched:sched_switch traceoff' removes that" in text
    for words, reason, place in (("snapshto", "there is no trigger", "snapshto"), ("stacktrace:x", "no count", "x"),
                                 ("traceoff:99999999999999999999", "2 to the power of 64", "9999"),
                                 ("enable_event:sched:sched_swich", "did you mean 'sched:sched_switch'", "sched:sched_swich"),
                                 ("enable_event", "which event is missing", "")):
        lines = trigger("add", "sched:sched_switch", words, status=1).stderr.splitlines()
        assert any(reason in line for line in lines), lines
        at = next(i for i, line in enumerate(lines) if line.strip() == "^")
        assert lines[at - 1][lines[at].index("^"):].startswith(place) and lines[at - 1].strip() == words, lines
    if not os.path.exists(f"{DIR}/events/sched/sched_switch/hist"):
        assert "no histograms (CONFIG_HIST_TRIGGERS)" in trigger("add", "sched:sched_waking", "hist:keys=pid", status=1).stderr
    assert [t for _, t in listed()] == ["traceoff:unlimited if prev_prio == 12345"]
    trigger("clear")


def test_functions(instance):
    """Where the kernel denies function tracing there are none, which is told."""
    p = trigger("list", "--functions", "--json", "no_such_function")
    assert json.loads(p.stdout) == [] and trigger("show", "--json").stdout == "[]\n" and trigger("show").stdout == ""


def test_what_is_not_there(instance):
    assert "no trigger 'irq traceoff'" in trigger("del", "irq", "traceoff", status=1).stderr
    assert "no histogram" in trigger("pause", "sched_switch", status=1).stderr
    assert trigger("list", "sched:sched_switch").stdout == ""
    p = trigger("list", "sched:sched_swich", status=1)
    assert "no event or system 'sched:sched_swich'" in p.stderr and "did you mean 'sched:sched_switch'" in p.stderr
    assert p.stdout == ""
    assert "no instance" in run(TRACECMD, "trigger", "list", "-B", f"{INSTANCE}_not", status=1).stderr


@pytest.mark.parametrize("args, words", [
    ((), "add, list, del"), (("ad",), "did you mean 'add'"), (("add",), "needs an event"),
    (("add", "sched_switch"), "is missing"), (("del",), "needs an event"), (("clear", "irq"), "no argument 'irq'"),
    (("del", "--json", "x"), "no effect with 'trigger del'"), (("list", "--nosuch"), "no option '--nosuch'"),
    (("list", "--sort", "x"), "no effect with 'trigger list'"), (("show", "--functions"), "no effect with 'trigger show'"),
    (("show", "--top", "x"), "not a number of entries"), (("list", "--functions", "a", "b"), "'b' is too much"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_wrong_use(args, words):
    p = run(TRACECMD, "trigger", *args, status=2)
    assert words in p.stderr and "trigger --help" in p.stderr
