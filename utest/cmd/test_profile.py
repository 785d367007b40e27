# SPDX-License-Identifier: GPL-2.0-or-later
"""report --profile: where tasks spend their time.

Held against Debian's trace-cmd, which prints the same lines, and where that is
wrong (Documentation/differences.md) against sums made here from the report."""

import contextlib
import os
import re
import subprocess
import sys

import pytest

import common
import events
from common import FIXTURES, TRACECMD, run
from recording import INSTANCE

IN = ("-B", INSTANCE)
TIMED = re.compile(r"^  Event: (.*) \((\d+)\)(?: Total: (\d+) Avg: (\d+) Max: (\d+)\(ts:([\d.]+)\) Min:(\d+)\(ts:([\d.]+)\))?$")


def profile(path, *options):
    return run(TRACECMD, "report", "--profile", *options, path).stdout


def sections(text):
    """{heading: [lines]}"""
    found, lines = {}, None
    for line in text.splitlines():
        if re.match(r"(task: |group: |Global )", line):
            lines = found.setdefault(line, [])
        elif lines is not None:
            lines.append(line)
    return found


def accounts(text):
    """{heading: {event: (count, total, average, max, its time, min, its time)}}"""
    return {name: {m[1]: m.groups()[1:] for m in map(TIMED.match, lines) if m}
            for name, lines in sections(text).items()}


def comparable(text):
    """Accounts that both programs make alike: idle tasks, which trace-cmd throws
    together, and raised softirqs, of which it counts what their own task handles,
    are left out; the letters of states are the kernel's."""
    found = accounts(text.replace("sched_switch:K ", "sched_switch:I ").replace("sched_switch:W ", "sched_switch:R+ "))
    return {heading: {event: a for event, a in of.items() if not event.startswith("softirq_raise:")}
            for heading, of in found.items() if not re.match(r"(task: .*-0$|group: swapper)", heading)}


# pair.dat has a task that is woken while it runs, and later preempted: trace-cmd counts that wake-up
PLAIN = ("all-6.1", "clock-global", "clock-tsc2nsec", "fgraph", "function", "lost-6.1", "old-v6", "old-v7", "listen-tcp",
         "pair-ftvmguest", "probes-6.12", "subbuf-16", "user-events")


# without switches trace-cmd makes no groups
UNGROUPED = ("fgraph", "function", "probes-6.12", "user-events")


@pytest.mark.parametrize("options", [(), ("-G",), ("--by-comm",), ("-G", "--by-comm")], ids=" ".join)
@pytest.mark.parametrize("fixture", PLAIN)
def test_equals_trace_cmd(fixture, options):
    path = f"{FIXTURES}/{fixture}.dat"
    if fixture in UNGROUPED and "--by-comm" in options:
        grouped, plain = profile(path, *options), profile(path)
        assert grouped.count("\ngroup: ") == len(sections(grouped)) <= len(sections(plain))
        return
    theirs = run("trace-cmd", "report", "--profile", *options, "-i", path).stdout
    assert comparable(profile(path, *options)) == comparable(theirs)
    assert comparable(theirs) or fixture == "function"


def test_order_and_heading():
    text = profile(f"{FIXTURES}/old-v7.dat")
    assert text.startswith("cpus=2\n\ntask: swapper/0-0\n  Event: sched_switch:R (")
    tasks = [int(h.rsplit("-", 1)[1]) for h in sections(text)]
    assert tasks == sorted(tasks)
    # switches, wake-ups, then by the events' ids; the greatest sum first
    names = [m[1] for m in map(TIMED.match, sections(text)["task: workload-197"]) if m]
    assert names[0].startswith("sched_switch:") and names[1].startswith("sched_switch:")
    kinds = list(dict.fromkeys(n.split(":")[0] for n in names))
    assert kinds[:2] == ["sched_switch", "sched_wakeup"] and len(kinds) == len(set(kinds))
    totals = [int(m[3]) for m in map(TIMED.match, sections(text)["task: workload-197"]) if m and m[1].startswith("softirq_e")]
    assert totals == sorted(totals, reverse=True) and len(totals) == 3


# ---- sums made here ------------------------------------------------------------------

def nanoseconds(e):
    seconds, fraction = e.time.split(".")
    return int(seconds) * 10**9 + int(fraction)


def lines_of(path):
    return events.parse(run(TRACECMD, "report", "-t", path).stdout)


def summed(times):
    """As an account tells it: count, total, average, maximum, minimum."""
    return tuple(map(str, (len(times), sum(times), sum(times) // len(times), max(times), min(times))))


def told(account):
    count, total, average, most, _, least, _ = account
    return count, total, average, most, least


def test_idle_tasks_one_for_each_cpu():
    """What an idle task waits for is its CPU, not that of another."""
    path = f"{FIXTURES}/old-v7.dat"
    left, idle = {}, {}
    for e in lines_of(path):
        if e.name != "sched_switch":
            continue
        if f"swapper/{e.cpu}:0 [120] R ==>" in e.text:
            left[e.cpu] = nanoseconds(e)
        elif f"==> swapper/{e.cpu}:0 " in e.text and e.cpu in left:
            idle.setdefault(e.cpu, []).append(nanoseconds(e) - left.pop(e.cpu))
    found = accounts(profile(path))
    for cpu in (0, 1):
        assert told(found[f"task: swapper/{cpu}-0"]["sched_switch:R"]) == summed(idle[cpu])


def test_raised_softirqs_whoever_handles_them():
    """From the first raise to the handler, also if that is ksoftirqd's."""
    path = f"{FIXTURES}/clock-global.dat"
    raised, waited = {}, {}
    for e in lines_of(path):
        vec = e.text.split("=")[-1].rstrip("]") if e.name.startswith("softirq") else None
        if e.name == "softirq_raise":
            raised.setdefault((e.cpu, vec), (nanoseconds(e), e.pid))
        elif e.name == "softirq_entry" and (e.cpu, vec) in raised:
            start, pid = raised.pop((e.cpu, vec))
            who = f"swapper/{e.cpu}-0" if pid == 0 else pid
            waited.setdefault((who, vec), []).append(nanoseconds(e) - start)
    found = {(h.split(": ")[1] if h.endswith("-0") else int(h.rsplit("-", 1)[1]), name.split(":")[1]): told(account)
             for h, of in accounts(profile(path)).items() for name, account in of.items()
             if name.startswith("softirq_raise:")}
    assert found == {key: summed(times) for key, times in waited.items()} and len(found) > 10


HOOK = "sched:sched_waking,pid,pid/sched:sched_wakeup,pid"


def test_hook_adds_a_pair():
    """Pairs that are there anyway stay; trace-cmd gives their events up."""
    path = f"{FIXTURES}/old-v7.dat"
    waking, times = {}, {}
    for e in lines_of(path):
        if e.name == "sched_waking":
            waking[int(re.search(r"pid=(\d+)", e.text)[1])] = nanoseconds(e)
        elif e.name == "sched_wakeup" and int(re.search(r":(\d+) \[", e.text)[1]) in waking:
            pid = int(re.search(r":(\d+) \[", e.text)[1])
            times.setdefault(pid, []).append(nanoseconds(e) - waking.pop(pid))
    plain, hooked = accounts(profile(path)), accounts(profile(path, "-H", HOOK))
    found = {}
    for heading, of in hooked.items():
        pid = int(heading.rsplit("-", 1)[1])
        for name in [n for n in of if n.startswith("sched_waking:")]:
            assert name == f"sched_waking:{pid:#x}"
            found[pid] = told(of.pop(name))
        expected = {n: a for n, a in plain.get(heading, {}).items() if not n.startswith("sched_waking:")}
        assert of == expected
    assert found == {pid: summed(t) for pid, t in times.items()} and len(found) >= 10
    # of no task (g): all under one heading
    text = profile(path, "-H", HOOK.replace("pid,pid/", "pid/") + ",g")
    assert text.startswith("cpus=2\nGlobal Events\n  Event: sched_waking:0x")
    assert {int(n.split("x")[1], 16): told(a) for n, a in accounts(text)["Global Events"].items()} == found


@pytest.mark.parametrize("hook, complaint", [
    ("", "there is no '/'"),
    ("sched_waking,pid", "there is no '/'"),
    ("sched_waking/sched_wakeup,pid", "the start is not"),
    (",pid/sched_wakeup,pid", "the start is not"),
    ("a,b,c,d/sched_wakeup,pid", "the start is not"),
    ("sched:,pid/sched_wakeup,pid", "the start is not"),
    ("sched_waking,pid/sched_wakeup", "the end is not"),
    ("sched_waking,pid/sched_wakeup,pid,x", "'x' is none of the flags"),
    ("sched_waking,pid,pid/sched_wakeup,pid,g", "has no field with a process"),
])
def test_bad_hooks(hook, complaint):
    p = run(TRACECMD, "report", "--profile", "-H", hook, f"{FIXTURES}/old-v7.dat", status=2)
    assert complaint in p.stderr and p.stdout == ""


@pytest.mark.parametrize("hook, complaint", [
    ("nonsense,pid/sched_wakeup,pid", "there is no event 'nonsense'"),
    ("sched_wakeup,pid/irq:sched_wakeup,pid", "there is no event 'sched_wakeup'"),
    ("sched_waking,nonsense/sched_wakeup,pid", "has no field 'nonsense'"),
])
def test_hooks_of_what_is_not_there(hook, complaint):
    path = f"{FIXTURES}/old-v7.dat"
    p = run(TRACECMD, "report", "--profile", "-H", hook, path)
    assert complaint in p.stderr and p.stdout == profile(path)


@pytest.mark.parametrize("option", ["-G", "--by-comm", ("-H", HOOK)], ids=str)
def test_parts_without_the_whole(option):
    """Scripts for trace-cmd have them: they are told to be without use."""
    options = (option,) if isinstance(option, str) else option
    p = run(TRACECMD, "report", *options, f"{FIXTURES}/old-v7.dat")
    assert p.stderr == f"tracecmd: option {options[0]} has no effect without --profile\n"
    assert p.stdout == run(TRACECMD, "report", f"{FIXTURES}/old-v7.dat").stdout


def test_instances_each_for_itself():
    """trace-cmd ends with "Handle not found?"."""
    text = profile(f"{FIXTURES}/instances.dat")
    buffers = re.findall(r"^buffer: (.*)$", text, re.M)
    assert buffers and len(buffers) == len(set(buffers))
    for part in text.split("\nbuffer: "):
        assert "task: " in part


def test_filters_choose_what_is_accounted():
    path = f"{FIXTURES}/old-v7.dat"
    found = accounts(profile(path, "--pid", "197"))
    whole = accounts(profile(path))
    assert found["task: workload-197"]["sched_switch:R"] == whole["task: workload-197"]["sched_switch:R"]
    assert len(found) < len(whole)
    assert set(accounts(profile(path, "-F", "irq_handler_entry,irq_handler_exit"))["task: swapper/1-0"]) == \
        {"irq_handler_entry:0x1b"}


def test_lost_events_end_what_waits(kernel, tmp_path):
    """A time that a loss lies in is not told: its end may be another's."""
    path, fifo = str(tmp_path / "lost.dat"), str(tmp_path / "fifo")
    os.mkfifo(fifo)
    # the calls that open the fifo begin before anything is lost (the buffers hold what the shell
    # and its children do until they wait), and end after it; events are lost for certain while the
    # recorder, the command's parent, stands still
    load = (f"for i in 1 2 3 4; do cat {fifo} & done; sleep 1; kill -STOP $PPID; hackbench -l 40; kill -CONT $PPID; "
            f"sleep 1; : > {fifo}; wait")
    run(TRACECMD, "record", "-q", "-o", path, *IN, "-b", "128", "-s", "200000", "-e", "raw_syscalls", "sh", "-c", load)
    text = run(TRACECMD, "report", "-t", "--losses", path).stdout
    lost, begun, times, left_out, n = {}, {}, {}, 0, 0
    for line in text.splitlines():
        m = events.LOST.match(line)
        if m:
            lost[int(m[1])] = n
        for e in events.parse(line):
            n += 1
            nr = re.match(r"NR (-?\d+)", e.text)[1] if e.name in ("sys_enter", "sys_exit") else None
            if e.name == "sys_enter":
                begun[e.pid, nr] = (n, e.cpu, nanoseconds(e))
            elif e.name == "sys_exit" and (e.pid, nr) in begun:
                at, cpu, start = begun.pop((e.pid, nr))
                if max(lost.get(cpu, -1), lost.get(e.cpu, -1)) < at:
                    times.setdefault((e.pid, nr), []).append(nanoseconds(e) - start)
                else:
                    left_out += 1
    found = {(int(h.rsplit("-", 1)[1]), name.split(":")[1]): told(a)
             for h, of in accounts(profile(path)).items() for name, a in of.items() if name.startswith("sys_enter:")}
    assert found == {key: summed(t) for key, t in times.items()}
    assert left_out and len(found) > 20


# ---- stacks --------------------------------------------------------------------------

@pytest.fixture
def stacks(kernel, tmp_path):
    """Recordings of an instance, and of the top buffer: trace-cmd cannot profile instances.
    No CPU is idle meanwhile: kernels do not tell of every switch from an idle task."""
    path, plain = str(tmp_path / "stacks.dat"), str(tmp_path / "plain.dat")
    args = ("-b", "4000", "-e", "sched:sched_switch", "-R", "stacktrace",
            "-e", "sched:sched_wakeup", "-R", "stacktrace",
            "sh", "-c", f"for i in 1 2 3 4 5 6; do {common.tool('workload')} 10 & done; wait")
    with contextlib.ExitStack() as busy:
        for cpu in os.sched_getaffinity(0):
            spin = f"import os; os.sched_setaffinity(0, [{cpu}])\nwhile os.getppid() == {os.getpid()}: pass"
            p = busy.enter_context(subprocess.Popen([sys.executable, "-c", spin]))
            busy.callback(p.kill)
        run(TRACECMD, "record", "-q", "-o", path, *IN, *args)
        run(TRACECMD, "record", "-q", "-o", plain, *args)
    return path, plain


def switched(e):
    """(pid, state, next pid) of a sched_switch"""
    m = re.search(r":(\d+) \[-?\d+\] (\S+) ==> .*:(\d+) \[-?\d+\]$", e.text)
    return int(m[1]), m[2], int(m[3])


def woken(e):
    return int(re.search(r":(\d+) \[-?\d+\]", e.text)[1])


def told_wholly(found):
    """Tasks whose every switch, wake-up and stack the recording has, in an order that lets
    both programs know whether the task sleeps. Not so where the recorder's threads, which
    it hides, relieve each other, nor where the kernel left out a switch."""
    state, awaits, broken = {}, {}, {0}
    for e in found:
        if e.name == "kernel_stack":
            cpu, pids = awaits.pop(e.pid, (None, ()))
            if cpu != e.cpu:
                broken.update(pids)
            continue
        # its stack did not come before its next event: whose is the next one?
        broken.update(awaits.pop(e.pid, (None, ()))[1])
        if state.setdefault(e.pid, "runs") != "runs":
            broken.add(e.pid)
        if e.name == "sched_wakeup":
            pid = woken(e)
            if state.get(pid, "S") in ("R", "R+", "runs", "woken"):
                broken.add(pid)
            if pid in state:
                state[pid] = "woken"
            awaits[e.pid] = (e.cpu, (e.pid, pid))
        else:
            prev, why, following = switched(e)
            if state.get(following) not in (None, "R", "R+", "woken"):
                broken.add(following)
            state[prev], state[following] = why, "runs"
            awaits[e.pid] = (e.cpu, (e.pid, following))
    return {str(pid) for pid in set(state) - broken}


def ends_within_another(lines):
    """Whether a stack ends where others go on, which are a branch by themselves then, below the first."""
    return any(re.match(r" {11}[ |]*\+ ", line) and "100% (" in following for line, following in zip(lines, lines[1:]))


def test_stacks_are_trace_cmds(stacks):
    """Whole trees, byte for byte, of the tasks that one stack at a time belongs to; those that
    were not told wholly trace-cmd counts otherwise, and has stacks that end within others go on
    (Documentation/differences.md)."""
    path, plain = stacks
    theirs = run("trace-cmd", "report", "--profile", "-i", plain).stdout
    assert "\nbuffer: " not in profile(plain) and f"\nbuffer: {INSTANCE}\n" in profile(path)
    # the command's own name it takes from before exec
    theirs = by_pid(theirs.replace("sched_switch:K ", "sched_switch:I ").replace("sched_switch:W ", "sched_switch:R+ "))
    ours, compared = by_pid(profile(plain)), 0
    for pid in told_wholly(lines_of(plain)) & set(ours):
        if ends_within_another(ours[pid]):
            continue
        assert sorted(blocks(ours[pid])) == sorted(blocks(theirs[pid])), pid
        compared += sum("__schedule" in line for line in ours[pid])
    assert compared >= 5
    assert "__schedule" in profile(path)


def test_wakeups_and_stacks_of_all_tasks(stacks):
    """Sums and the number of stacks, also of tasks that miss a switch."""
    _, plain = stacks
    seen, wakeup, away, stacked, last = set(), {}, {}, set(), {}
    waits, sleeps = {}, {}
    for n, e in enumerate(lines_of(plain)):
        if e.name == "kernel_stack":
            if last[e.cpu][1] == e.pid:
                stacked.add(last[e.cpu][0])
            continue
        last[e.cpu] = (n, e.pid)
        seen.add(e.pid)
        now = nanoseconds(e)
        if e.name == "sched_wakeup":
            pid = woken(e)
            if pid in away:
                begun, start = away.pop(pid)
                sleeps.setdefault(pid, []).append((begun, now - start))
            if pid in seen:
                wakeup[pid] = (n, now)
        else:
            prev, _, following = switched(e)
            wakeup.pop(prev, None)
            for starts, times in ((wakeup, waits), (away, sleeps)):
                if following in starts:
                    begun, start = starts.pop(following)
                    times.setdefault(following, []).append((begun, now - start))
            away[prev] = (n, now)
            seen.add(following)
    found = {int(pid): lines for pid, lines in by_pid(profile(plain)).items()}
    for name, times in (("sched_wakeup", waits), ("sched_switch", sleeps)):
        expected = {pid: (len(t), sum(delta for _, delta in t), sum(begun in stacked for begun, _ in t))
                    for pid, t in times.items() if pid}
        assert {pid: sums for pid, lines in found.items() if pid and (sums := summed_up(name, lines))[0]} == expected
        assert len(expected) > 5 and sum(stacks for _, _, stacks in expected.values()) > 30


def summed_up(name, lines):
    """(count, total, stacks) of all accounts of an event"""
    count = total = trees = 0
    for block in blocks(lines):
        account, *tree = block.splitlines()
        m = TIMED.match(account)
        if m[1].startswith(f"{name}:"):
            count += int(m[2])
            total += int(m[3] or 0)
            trees += sum(int(re.search(r"% \((\d+)\)", below)[1])
                         for frame, below in zip(tree, tree[1:]) if frame.startswith(" " * 10 + "+ "))
    return count, total, trees


def by_pid(text):
    return {heading.rsplit("-", 1)[1]: lines for heading, lines in sections(text).items()}


def blocks(lines):
    """Each account with its tree."""
    found = []
    for line in lines:
        if line.startswith("  Event: "):
            found.append("")
        if found and line:
            found[-1] += line + "\n"
    return found
