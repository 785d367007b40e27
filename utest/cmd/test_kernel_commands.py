# SPDX-License-Identifier: GPL-2.0-or-later
"""start, stop, restart, reset, clear, show, stat and list on this machine's
kernel, in an instance of the test's own wherever that is possible."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import common
import tracefs
from common import TRACECMD, run
from recording import recording, wait_for

NAME = common.instance("commands")
SECOND = common.instance("second")
needs_trace_cmd = pytest.mark.skipif(not shutil.which("trace-cmd"),
                                     reason="Debian's trace-cmd, to compare with, is not installed")


class Instance:
    def __init__(self, root):
        self.path = f"{root}/instances/{NAME}"
        os.mkdir(self.path)

    def read(self, file):
        with open(f"{self.path}/{file}") as f:
            return f.read().rstrip("\n")

    def write(self, file, text):
        with open(f"{self.path}/{file}", "w") as f:
            f.write(text)

    def clock(self):
        return re.search(r"\[(.*?)\]", self.read("trace_clock")).group(1)

    def enabled(self):
        return set(self.read("set_event").split())

    def pids(self):
        """Pids of the events in the buffer."""
        return {int(pid) for pid in re.findall(r"^ *.{16}-(\d+) +\[", self.read("trace"), re.M)}


@pytest.fixture
def instance(kernel):
    it = Instance(kernel)
    yield it
    if os.path.exists(it.path):
        os.rmdir(it.path)


def start(*args, **kw):
    return run(TRACECMD, "start", *args, **kw)


# ---- start -----------------------------------------------------------------------

def test_start_sets_what_it_is_asked_for(instance):
    start("-B", NAME, "-e", "sched:sched_switch", "-f", "prev_pid != 0", "-f", "next_pid != 0", "-R", "stacktrace",
          "-e", "irq", "-e", "timer:timer_s*", "-C", "mono", "-b", "64", "-M", "1", "-O", "nooverwrite", "-T")
    assert instance.read("tracing_on") == "1"
    assert instance.clock() == "mono"
    assert 64 <= int(instance.read("buffer_size_kb")) < 72
    assert int(instance.read("tracing_cpumask").replace(",", ""), 16) == 1
    assert instance.read("options/overwrite") == "0" and instance.read("options/stacktrace") == "1"
    assert instance.read("events/sched/sched_switch/filter") == "(prev_pid != 0)&&(next_pid != 0)"
    assert instance.read("events/sched/sched_switch/trigger") == "stacktrace:unlimited"
    assert instance.read("events/irq/enable") == "1"
    on = instance.enabled()
    assert {"sched:sched_switch", "irq:irq_handler_entry", "timer:timer_start"} <= on
    assert {event.split(":")[0] for event in on} == {"sched", "irq", "timer"}
    assert not [e for e in on if e.startswith("timer:") and not e.startswith("timer:timer_s")]


def test_start_replaces_what_was_traced(instance):
    start("-B", NAME, "-e", "irq", "-e", "sched:sched_switch", "-f", "prev_pid == 1")
    start("-B", NAME, "-e", "sched:sched_switch")
    assert instance.enabled() == {"sched:sched_switch"}
    assert instance.read("events/sched/sched_switch/filter") == "none"


def test_start_can_add(instance):
    start("-B", NAME, "-e", "irq:irq_handler_entry", "-e", "irq:irq_handler_exit")
    start("-K", "-B", NAME, "-e", "sched:sched_switch", "-v", "-e", "irq_handler_exit")
    assert instance.enabled() == {"irq:irq_handler_entry", "sched:sched_switch"}


def test_negation_wins_whatever_the_order(instance):
    start("-B", NAME, "-v", "-e", "sched:sched_w*", "-e", "sched:sched_switch", "-B", NAME, "-e", "sched")
    on = instance.enabled()
    assert "sched:sched_migrate_task" in on
    assert not {"sched:sched_switch", "sched:sched_waking", "sched:sched_wakeup"} & on


def test_trigger_without_event(instance):
    start("-B", NAME, "-e", "irq:irq_handler_entry", "-v", "-e", "sched_switch", "-R", "stacktrace")
    assert instance.read("events/sched/sched_switch/trigger") == "stacktrace:unlimited"
    assert instance.read("events/sched/sched_switch/enable") == "0*"


def test_everything(instance):
    start("-B", NAME, "-e", "all")
    assert instance.read("events/enable") == "1"


def test_refused_filter_of_a_system_says_what_is_wrong_with_it(instance):
    """Not that some of its events, the first too, have no such field."""
    p = start("-B", NAME, "-e", "sched", "-f", "next_pid >", "touch", "/nonexistent/x", status=1)
    assert "option -f 'next_pid >'" in p.stderr and "the kernel says: " in p.stderr
    assert "Field not found" not in p.stderr


@pytest.mark.parametrize("args", [("-f", "prev_pid == 1)"), ("-f", "(prev_pid == 1"), ("-f", "prev_comm == \"x"), ("-f", "&& prev_pid == 1"),
                                  ("-R", "stacktrace if prev_pid == 1)")], ids=" ".join)
def test_refused_filter_is_no_denial(instance, args):
    """The kernel's parser of filters returns errors that mean something else."""
    p = start("-B", NAME, "-e", "sched_switch", *args, status=1)
    assert "Invalid argument; the kernel says: " in p.stderr and "security" not in p.stderr


def test_refused_filter_is_an_error_with_the_kernels_words(instance):
    before = tracefs.snapshot()
    p = start("-B", NAME, "-C", "mono", "-e", "irq", "-e", "sched_switch", "-f", "prev_pid == 1 && bad_field == 2",
              "touch", "/nonexistent/x", status=1)
    assert "option -f" in p.stderr and "Field not found" in p.stderr
    assert re.search(r"\n    prev_pid == 1 && bad_field == 2\n {20,}\^", p.stderr), p.stderr
    assert tracefs.differences(before, tracefs.snapshot()) == []


@pytest.mark.parametrize("args", [("-f", "foo=="), ("-f", "prev_pid == 1"), ("-R", "stacktrace if nosuch == 1")],
                         ids=lambda a: " ".join(a))
def test_refusals_leave_no_entry_in_an_empty_log(instance, args):
    """Each event refuses, or some; what the kernel says is told, and the log is the user's."""
    assert "\n" not in instance.read("error_log").strip()
    empty = instance.read("error_log")
    p = start("-B", NAME, "-e", "sched", *args, status=None)
    assert "the kernel says" in p.stderr
    assert instance.read("error_log") == empty


def test_an_earlier_entry_stays_in_the_log(instance):
    with pytest.raises(OSError):
        append(f"{instance.path}/events/sched/sched_switch/filter", "earlier ==")
    assert "earlier ==" in instance.read("error_log")
    start("-B", NAME, "-e", "sched_switch", "-f", "nosuch == 1", status=1)
    assert "earlier ==" in instance.read("error_log")


def test_filter_that_fits_some_events_of_a_system(instance):
    p = start("-B", NAME, "-e", "sched", "-f", "prev_pid == 1")
    assert "does not fit" in p.stderr and "recorded unfiltered" in p.stderr
    assert instance.read("events/sched/sched_switch/filter") == "prev_pid == 1"
    assert instance.read("events/sched/sched_waking/filter") == "none"


def test_same_trigger_again(instance):
    start("-B", NAME, "-e", "sched_switch", "-R", "stacktrace:5")
    start("-B", NAME, "-e", "sched_switch", "-R", "stacktrace:500000000")
    assert re.fullmatch(r"stacktrace:count=4\d{8}", instance.read("events/sched/sched_switch/trigger"))


def test_start_that_fails_removes_its_instance(kernel):
    p = start("-B", SECOND, "-e", "sched_switch", "-f", "bad_field == 1", status=1)
    assert f"instance '{SECOND}'" in p.stderr
    assert not os.path.exists(f"{kernel}/instances/{SECOND}")


def test_unknown_event_may_be_ignored(instance):
    start("-B", NAME, "-i", "-e", "no_such_event", "-e", "sched_switch")
    assert instance.enabled() == {"sched:sched_switch"}


def test_command_and_its_status(instance):
    p = start("-B", NAME, "-e", "sched:sched_process_exec", "sh", "-c", "echo hello; exit 7", status=7)
    assert p.stdout == "hello\n"
    assert "filename=/" in instance.read("trace")


def test_only_the_command(instance):
    start("-B", NAME, "-e", "syscalls", "-F", "sh", "-c", "/bin/true; :")
    pid = instance.read("set_event_pid")
    assert instance.pids() == {int(pid)}


def test_the_command_and_its_children(instance):
    start("-B", NAME, "-e", "syscalls", "-F", "-c", "sh", "-c", "/bin/true; /bin/true; :")
    assert len(instance.pids()) == 3
    assert instance.read("options/event-fork") == "1"


def test_only_some_processes(instance):
    with subprocess.Popen(["sleep", "60"]) as one, subprocess.Popen(["sleep", "60"]) as two:
        start("-B", NAME, "-e", "sched", "-P", f"{one.pid},{two.pid}")
        assert set(instance.read("set_event_pid").split()) == {str(one.pid), str(two.pid)}
        one.kill(), two.kill()


def test_all_threads_of_a_process(instance):
    code = "import threading, time\nfor i in range(3): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n" \
           "print('ready', flush=True)\ntime.sleep(60)"
    with subprocess.Popen(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE) as p:
        p.stdout.readline()
        start("-B", NAME, "-e", "sched", "-P", p.pid)
        assert set(instance.read("set_event_pid").split()) == set(os.listdir(f"/proc/{p.pid}/task"))
        p.kill()


THREADS = "import threading\ndef go(n):\n    ts = [threading.Thread(target=int) for i in range(n)]\n" \
          "    [t.start() for t in ts]\n    [t.join() for t in ts]\n"


def test_threads_that_are_left_out_are_told(instance):
    p = start("-B", NAME, "-e", "sched", "-F", "/usr/bin/python3", "-c", f"{THREADS}go(3)")
    assert "tracecmd: 3 threads that began meanwhile in what -F traced are left out" in p.stderr
    p = start("-B", NAME, "-e", "sched", "-F", "/usr/bin/python3", "-c", f"{THREADS}go(1)")
    assert "tracecmd: 1 thread that began meanwhile in what -F traced is left out" in p.stderr
    assert not start("-B", NAME, "-e", "sched", "-F", "sh", "-c", "/bin/true; /bin/true; :").stderr
    assert not start("-B", NAME, "-e", "sched", "-F", "-c", "/usr/bin/python3", "-c", f"{THREADS}go(3)").stderr


def test_children_that_are_there_already(instance):
    sleeps = "sleep 60 & sleep 60 & echo ready; wait"
    with subprocess.Popen(["sh", "-c", f"({sleeps}) & wait"], stdout=subprocess.PIPE, start_new_session=True) as p:
        p.stdout.readline()
        start("-B", NAME, "-e", "sched", "-c", "-P", p.pid)
        family = {int(line) for line in run("ps", "-o", "pid=", "-g", p.pid).stdout.split()}
        listed = {int(pid) for pid in instance.read("set_event_pid").split()}
        os.killpg(p.pid, signal.SIGKILL)
    assert len(family) == 4
    assert listed == family


def test_all_cpus(instance):
    start("-B", NAME, "-e", "sched_switch", "-M", "1")
    start("-B", NAME, "-e", "sched_switch", "-M", "-1")
    assert int(instance.read("tracing_cpumask").replace(",", ""), 16) == (1 << os.cpu_count()) - 1


def test_first_clock_is_the_default(instance, kernel):
    try:
        start("-B", SECOND, "-C", "boot", "-e", "sched_switch", "-B", NAME, "-e", "sched_switch")
        assert instance.clock() == "boot"
    finally:
        os.rmdir(f"{kernel}/instances/{SECOND}")


def test_option_for_an_unused_top_level_is_told(instance):
    p = start("-b", "123", "-B", NAME, "-e", "sched_switch")
    assert "option -b before the first -B" in p.stderr


def test_options_that_mean_nothing_here(kernel):
    p = start("-o", "x.dat", "-e", "sched", status=2)
    assert "option -o has no effect with 'start'" in p.stderr and "did you mean 'tracecmd record'?" in p.stderr


@pytest.mark.parametrize("args, words", [
    (("-e", "sched", "-F"), "-F needs a command"),
    (("-e", "sched", "-c"), "-c follows the children"),
    (("-e", "sched", "-p", "nop", "-p", "nop"), "one tracer only"),
    (("-B", "", "-e", "sched"), "-B"),
    (("-e", ""), "-e"),
    (("-e", "sched", "-P", "0"), "'0' is not a process id"),
    (("-e", "sched", "-B", "x", "-f", "a == 1"), "behind -B"),
    (("-R", "stacktrace"), "-R"),
    (("-e", "sched", "--max-graph-dept=1x"), "'1x'"),
    (("-e", "sched", "--verbose=loud"), "'loud'"),
    (("-b",), "-b needs a value"),
    (("--cmdlines-size",), "--cmdlines-size needs a value"),
    (("-e", "sched", "--quiet=1"), "--quiet takes no value"),
    (("-e", "sched", "--funcstack"), "did you mean 'func-stack'?"),
    (("-e", "sched", "-Z"), "there is no option -Z"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_wrong_use(kernel, args, words):
    p = start(*args, status=2)
    assert words in p.stderr and p.stderr.startswith("tracecmd: "), p.stderr


def test_help_anywhere():
    assert start("-e", "sched", "--help").stdout.startswith("usage: tracecmd start")


def function_tracing_is_denied(kernel):
    return tracefs.read(f"{kernel}/set_ftrace_filter") in ("EPERM", "EACCES")


def test_what_needs_no_functions_says_nothing_of_them(instance):
    p = start("-B", NAME, "-e", "sched", "-F", "true")
    assert p.stderr == "" and p.stdout == ""


@pytest.mark.parametrize("args, words", [
    (("-p", "function"), "option -p function"),
    (("-e", "sched", "-l", "schedule"), "option -l needs function tracing"),
])
def test_denied_function_tracing_is_an_error_if_asked_for(kernel, tmp_path, args, words):
    if not function_tracing_is_denied(kernel):
        pytest.skip("this kernel allows function tracing")
    p = start("-B", SECOND, *args, "touch", tmp_path / "ran", status=1)
    assert words in p.stderr.splitlines()[-1] and "not permitted" in p.stderr
    assert not os.path.exists(f"{kernel}/instances/{SECOND}") and not (tmp_path / "ran").exists()


def test_fork_does_not_wait(instance):
    t0 = time.monotonic()
    start("-B", NAME, "-e", "sched:sched_process_exit", "--fork", "sh", "-c", "exec sleep 3 >/dev/null 2>&1")
    assert time.monotonic() - t0 < 2.5


@pytest.mark.parametrize("nr", [1, 2])
def test_signals_end_the_command_and_the_waiting(instance, tmp_path, nr):
    """Tracing stays on, as after a command that ended by itself."""
    trap = "" if nr == 1 else "trap 'touch told' TERM; "
    with subprocess.Popen([TRACECMD, "start", "-B", NAME, "-e", "sched:sched_process_exec", "sh", "-c",
                           trap + "echo $$; while [ ! -e end ]; do sleep 0.05; done"],
                          stdout=subprocess.PIPE, text=True, cwd=tmp_path) as p:
        p.stdout.readline()
        p.send_signal(signal.SIGINT)
        if nr == 2:
            wait_for(lambda: (tmp_path / "told").exists(), "the command was told")
            p.send_signal(signal.SIGTERM)
        assert p.wait(30) == (128 + signal.SIGTERM if nr == 1 else 0)
        (tmp_path / "end").touch()
    assert instance.read("tracing_on") == "1"


# ---- set ---------------------------------------------------------------------------

def set_(*args, **kw):
    return run(TRACECMD, "set", "-B", NAME, *args, **kw)


def test_set_changes_what_it_is_asked_for_alone(instance):
    start("-B", NAME, "-e", "irq:irq_handler_entry", "-e", "sched:sched_switch", "-f", "prev_pid == 1", "-b", "64", "-O", "nooverwrite")
    instance.write("trace_marker", "before")
    set_("-e", "sched:sched_waking", "-v", "-e", "irq_handler_entry")
    assert instance.enabled() == {"sched:sched_switch", "sched:sched_waking"}
    assert instance.read("events/sched/sched_switch/filter") == "prev_pid == 1" and instance.read("options/overwrite") == "0"
    assert 64 <= int(instance.read("buffer_size_kb")) < 72 and instance.read("tracing_on") == "1"
    assert "before" in instance.read("trace")
    set_("-e", "sched_switch", "-f", "prev_pid == 2", "-O", "overwrite", "-b", "200")
    assert instance.read("events/sched/sched_switch/filter") == "prev_pid == 2" and instance.read("options/overwrite") == "1"
    assert 200 <= int(instance.read("buffer_size_kb")) < 208 and instance.enabled() == {"sched:sched_switch", "sched:sched_waking"}
    set_("-P", "1,2")
    assert {"1", "2"} <= set(instance.read("set_event_pid").split())	# kthreadd has threads


@pytest.mark.parametrize("on", ["0", "1"])
def test_set_leaves_tracing_on_or_off(instance, on):
    instance.write("tracing_on", on)
    p = set_("-F", "-e", "sched:sched_process_exec", "sh", "-c", "echo hello; exit 7", status=7)
    assert p.stdout == "hello\n" and instance.read("tracing_on") == on
    assert ("filename=/" in instance.read("trace")) == (on == "1")
    assert instance.enabled() == {"sched:sched_process_exec"}


def test_set_that_fails_changes_nothing(instance):
    start("-B", NAME, "-e", "irq")
    before = tracefs.snapshot()
    for args in (("-b", "300", "-e", "sched_switch", "-f", "nosuch == 1"), ("-O", "nosuch"), ("-e", "no_such_event")):
        set_(*args, status=1)
        assert tracefs.differences(before, tracefs.snapshot()) == []
    assert "what is to be set is missing" in run(TRACECMD, "set", status=2).stderr
    assert "has no effect with 'set'" in set_("-o", "x.dat", status=2).stderr


def test_set_leaves_a_recorders_buffer_alone(instance, tmp_path):
    with recording("-o", tmp_path / "x.dat", "-B", NAME, "-e", "sched", wait=lambda: "sched:" in instance.read("set_event")) as p:
        assert f"process {p.pid}," in set_("-e", "irq", status=1).stderr
        p.send_signal(signal.SIGINT)
        p.communicate(timeout=30)
    assert p.returncode == 0


# ---- stop, restart, clear ----------------------------------------------------------

def test_stop_and_restart(instance):
    for command, value in (("stop", "0"), ("stop", "0"), ("restart", "1")):
        run(TRACECMD, command, "-B", NAME)
        assert instance.read("tracing_on") == value


def test_buffer_of_a_started_command_is_free(instance):
    """It is there to be looked at and emptied while the command runs; only recorders keep others off."""
    with subprocess.Popen([TRACECMD, "start", "-B", NAME, "-e", "sched:sched_process_exec", "sh", "-c",
                           "echo runs; exec sleep 60"], stdout=subprocess.PIPE, text=True) as p:
        try:
            assert p.stdout.readline() == "runs\n"
            for command in "stop", "clear", "restart":
                assert run(TRACECMD, command, "-B", NAME).stderr == ""
        finally:
            run("pkill", "-P", str(p.pid), status=None)


def test_all_is_all_but_the_top_level(instance, kernel):
    was = {name: tracefs.read(f"{kernel}/instances/{name}/tracing_on") for name in os.listdir(f"{kernel}/instances")}
    top = tracefs.read(f"{kernel}/tracing_on")
    try:
        run(TRACECMD, "stop", "-a")
        assert tracefs.read(f"{kernel}/tracing_on") == top
        assert instance.read("tracing_on") == "0"
        run(TRACECMD, "stop", "-a", "-t")
        assert tracefs.read(f"{kernel}/tracing_on") == "0\n"
        run(TRACECMD, "restart", "-B", NAME, "-t")
        assert tracefs.read(f"{kernel}/tracing_on") == "1\n" and instance.read("tracing_on") == "1"
    finally:
        for name, value in list(was.items()) + [("..", top)]:
            with open(f"{kernel}/instances/{name}/tracing_on", "w") as f:
                f.write(value)


def test_clear_empties_and_keeps_the_rest(instance):
    start("-B", NAME, "-e", "sched:sched_process_exec", "true")
    run(TRACECMD, "stop", "-B", NAME)
    assert "true" in instance.read("trace")
    run(TRACECMD, "clear", "-B", NAME)
    assert "true" not in instance.read("trace")
    assert instance.enabled() == {"sched:sched_process_exec"}


# ---- reset ---------------------------------------------------------------------------

def test_reset_brings_the_defaults_back(instance):
    fresh = tracefs.snapshot()[NAME]
    start("-B", NAME, "-e", "sched", "-f", "common_pid != 1", "-R", "stacktrace:5", "-R",
          "enable_event:irq:irq_handler_entry", "-C", "mono", "-M", "1", "-P", os.getpid())
    assert tracefs.snapshot()[NAME] != fresh
    run(TRACECMD, "reset", "-B", NAME)
    left = tracefs.snapshot()[NAME]
    assert left == fresh
    assert instance.read("trace").count("\n") < 20


def test_reset_brings_options_and_sub_buffers_back(instance):
    fresh = tracefs.snapshot()[NAME]
    sizes = ("--subbuf-size", "16") if os.path.exists(f"{instance.path}/buffer_subbuf_size_kb") else ()
    start("-B", NAME, "-e", "sched", *sizes, "-O", "nooverwrite", "-O", "sym-offset", "-T", "-P", os.getpid(), "-c")
    with open(f"{instance.path}/buffer_percent", "w") as f:
        f.write("7")
    run(TRACECMD, "reset", "-B", NAME)
    left = tracefs.snapshot()[NAME]
    assert {k: v for k, v in left.items() if v != fresh.get(k)} == {}


def test_reset_leaves_the_top_level_what_it_has_from_boot(kernel):
    before = tracefs.read(f"{tracefs.ROOT}/trace_options")
    append(f"{tracefs.ROOT}/trace_options", "sym-offset")
    run(TRACECMD, "reset")
    assert tracefs.read(f"{tracefs.ROOT}/trace_options") == before
    append(f"{tracefs.ROOT}/trace_marker", "still taken")
    assert "still taken" in tracefs.read(f"{tracefs.ROOT}/trace")
    run(TRACECMD, "clear")


def append(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def test_reset_leaves_others_alone(instance, kernel):
    append(f"{kernel}/dynamic_events", f"p:tc_test/tc_probe {os.path.realpath('/bin/sh')}:0x4000\n")
    try:
        start("-B", NAME, "-e", "sched")
        run(TRACECMD, "reset", "-B", NAME)
        assert "tc_probe" in tracefs.read(f"{kernel}/dynamic_events")
    finally:
        append(f"{kernel}/dynamic_events", "-:tc_test/tc_probe\n")


def test_reset_resizes_and_deletes(instance):
    run(TRACECMD, "reset", "-B", NAME, "-b", "64")
    assert 64 <= int(instance.read("buffer_size_kb")) < 72
    run(TRACECMD, "reset", "-B", NAME, "-b", "0")
    assert int(instance.read("buffer_size_kb")) < 20
    run(TRACECMD, "reset", "-B", NAME, "-d")
    assert not os.path.exists(instance.path)


@pytest.mark.parametrize("args, words", [
    (("-d",), "top level cannot be deleted"), (("-b", "x"), "'x'"), (("-k", "probe"), "'probe'"), (("x",), "'x'"),
])
def test_reset_used_wrongly(kernel, args, words):
    assert words in run(TRACECMD, "reset", *args, status=2).stderr


# ---- show ----------------------------------------------------------------------------

def test_show(instance):
    start("-B", NAME, "-e", "sched:sched_process_exec", "true")
    run(TRACECMD, "stop", "-B", NAME)
    assert run(TRACECMD, "show", "-B", NAME).stdout.rstrip("\n") == instance.read("trace")
    one = run(TRACECMD, "show", "-B", NAME, "-c", "0", "-f").stdout
    assert one.startswith(f"{instance.path}/per_cpu/cpu0/trace\n# tracer: nop\n")
    p = run(TRACECMD, "show", "--tracing_on", "--buffer_size", "-B", NAME, "--cpumask", "--trigger", "sched_switch")
    assert p.stdout == "".join(instance.read(f) + "\n" for f in (
        "tracing_on", "buffer_size_kb", "tracing_cpumask", "events/sched/sched_switch/trigger"))


def test_children_are_not_followed_any_more(instance):
    """What one start has asked for is not the next one's."""
    start("-B", NAME, "-e", "sched_switch", "-P", "1", "-c")
    assert instance.read("options/event-fork") == "1"
    start("-B", NAME, "-e", "sched_switch", "-P", "1")
    assert instance.read("options/event-fork") == "0"
    start("-B", NAME, "-e", "sched_switch", "-P", "1", "-O", "event-fork")
    assert instance.read("options/event-fork") == "1"


def test_show_follows_the_pipe(instance):
    start("-B", NAME, "-e", "sched:sched_process_exec")
    with subprocess.Popen([TRACECMD, "show", "-p", "-B", NAME], stdout=subprocess.PIPE, text=True) as p:
        time.sleep(0.3)
        run("true")
        assert "sched_process_exec" in p.stdout.readline()
        p.terminate()


@pytest.mark.parametrize("args, status, words", [
    (("-c", "9999"), 1, ("cpu9999", "CPU 9999")), (("-c", "x"), 2, ("'x'",)), (("-p", "-s"), 2, ("exclude",)),
    (("-B", ""), 2, ("the instance's name is empty",)), (("-c", "0", "--buffer_size"), 2, ("option -c is about the buffer",)),
    (("--trigger", "sched_swich"), 1, ("sched_swich", "did you mean", "'sched_switch'")),
    (("--trigger", "nosys:sched_switch"), 1, ("nosys:sched_switch",)), (("--tracing_no",), 2, ("--tracing_no",)),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_show_used_wrongly(kernel, args, status, words):
    p = run(TRACECMD, "show", *args, status=status)
    for word in words:
        assert word in p.stderr


# ---- stat ----------------------------------------------------------------------------

def theirs(*args):
    """trace-cmd's text; its complaint about a missing stack tracer is on stderr."""
    return run("trace-cmd", *args, status=None).stdout


def blocks(text):
    """Headed paragraphs as a sorted list: the order of events is the file system's."""
    return sorted("\n".join(sorted(part.strip().splitlines())) for part in text.split("\n\n") if part.strip())


def test_stat_tells_all_dynamic_events(kernel, tmp_path):
    """Those that trace-cmd leaves out, too; the kernel's list is covered by one that has each kind."""
    kinds = {"Function": ["f:fprobes/fp vfs_read fd=%di", "t:tracepoints/tp sched_switch"], "Event": ["e:eprobes/ep sched.sched_switch p=$prev_pid"]}
    (tmp_path / "events").write_text("p:kprobes/a do_exit\n" + "".join(f"{line}\n" for lines in kinds.values() for line in lines) + "s:synth int a\n")
    p = run("unshare", "-m", "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", tmp_path / "events",
            f"{kernel}/dynamic_events", TRACECMD, "stat")
    for kind, lines in kinds.items():
        assert f"\n{kind} probe events:\n" + "".join(f"   {line}\n" for line in lines) + "\n" in p.stdout


@needs_trace_cmd
@pytest.mark.parametrize("args", [
    (), ("-e", "sched"), ("-e", "irq", "-e", "sched_switch", "-f", "prev_pid == 1", "-R", "stacktrace", "-C", "mono"),
    ("-e", "all"), ("-e", "sched_switch", "-M", "1", "-P", "1", "-b", "100"),
], ids=" ".join)
def test_stat_tells_what_trace_cmd_tells(instance, args):
    if args:
        start("-B", NAME, *args)
    ours = run(TRACECMD, "stat", "-B", NAME).stdout
    assert blocks(ours) == blocks(theirs("stat", "-B", NAME))
    assert [l for l in ours.splitlines() if l and l[0] != " "] == \
        [l for l in theirs("stat", "-B", NAME).splitlines() if l and l[0] != " "]


@needs_trace_cmd
def test_stat_of_differing_sizes(instance):
    instance.write("per_cpu/cpu0/buffer_size_kb", "100")
    assert blocks(run(TRACECMD, "stat", "-B", NAME).stdout) == blocks(theirs("stat", "-B", NAME))


def test_stat_with_options(instance):
    text = run(TRACECMD, "stat", "-o", "-B", NAME).stdout
    listed = text.split("Options:\n")[1].split("\n\n")[0]
    got = [line.strip() for line in listed.splitlines()]
    assert got == [("no" if instance.read(f"options/{name}") == "0" else "") + name
                   for name in sorted(os.listdir(f"{instance.path}/options"))]


def test_stat_tells_sub_buffers(instance):
    if not os.path.exists(f"{instance.path}/buffer_subbuf_size_kb"):
        pytest.skip("this kernel has sub-buffers of one size only")
    assert "Sub-buffer" not in run(TRACECMD, "stat", "-B", NAME).stdout
    start("-B", NAME, "-e", "sched_switch", "--subbuf-size", "16")
    assert "Sub-buffer size in kilobytes:\n   16\n" in run(TRACECMD, "stat", "-B", NAME).stdout


# ---- list ----------------------------------------------------------------------------

@needs_trace_cmd
@pytest.mark.parametrize("args", [
    ("-e",), ("-s",), ("-t",), ("-p",), ("-o",), ("-B",), ("-e", "^sched:switch"), ("-e", "sched:"), ("-e", ":exec"),
    ("-e", "sched_s[wt]"), ("-e", "SCHED_SWITCH"), ("-e", "ftrace:"), ("-e", "sched_switch$", "-F"),
    ("-e", "sched_switch$", "-F", "--full"), ("-e", "sched_switch$", "-l"), ("-e", "sched_switch$", "-R"),
    ("-e", "no_such_event_at_all"),
], ids=" ".join)
def test_list_lists_what_trace_cmd_lists(instance, args):
    ours, other = run(TRACECMD, "list", *args, status=1 if "no_such_event_at_all" in args else 0).stdout, theirs("list", *args)
    if args == ("-s",):
        # systems with events that cannot be switched on ("ftrace") are none to choose from
        other = other.replace("ftrace\n", "")
    assert sorted(ours.splitlines()) == sorted(other.rstrip("\n").splitlines() + [""] * ours.splitlines().count("")) \
        or sorted(ours.split()) == sorted(other.split())


@pytest.mark.parametrize("args, words", [
    (("-e", "^no_such$"), "no event matches '^no_such$'"), (("-o", "^no_such$"), "no option matches '^no_such$'"),
    (("-e", "sched:^sched_switch$", "-e", "^no_such$", "-s"), "no event matches '^no_such$'"),
    (("-e", "^irq$:exec"), "no event matches '^irq$:exec'"),
])
def test_list_tells_what_is_not_there(instance, args, words):
    """And lists what is."""
    p = run(TRACECMD, "list", *args, status=1)
    assert p.stderr == f"tracecmd: {words}\n"
    assert ("sched:sched_switch" in p.stdout.split()) == ("irq" in p.stdout.split()) == ("-s" in args)


def test_list_of_several_expressions(instance):
    assert run(TRACECMD, "list", "-e", "^sched_switch$", "-e", "sched:process_exec$").stdout.split() == \
        ["sched:sched_process_exec", "sched:sched_switch"]
    assert {"overwrite", "stacktrace"} == {o.removeprefix("no") for o in run(
        TRACECMD, "list", "-o", "^\\(no\\)\\{0,1\\}overwrite$", "-o", "^\\(no\\)\\{0,1\\}stacktrace$").stdout.split()}
    # one of them without an expression: all
    assert run(TRACECMD, "list", "-e", "-e", "^sched_switch$").stdout.count("\n") > 100


@needs_trace_cmd
def test_list_clocks(instance):
    ours, other = run(TRACECMD, "list", "-C").stdout.split(), theirs("list", "-C").split()
    assert [c for c in ours if c != "tsc2nsec"] == [c for c in other if c != "tsc2nsec"]


def test_list_codecs():
    text = run(TRACECMD, "list", "-c").stdout
    assert re.fullmatch(r"Supported compression algorithms:\n\tzstd, [\d.]+\n\tlz4, [\d.]+\n\tzlib, [\d.]+\n", text)
    assert run(TRACECMD, "list", "--debug", "-c").stdout == text


@needs_trace_cmd
def test_list_plugins():
    assert sorted(run(TRACECMD, "list", "-P").stdout.split()) == sorted(theirs("list", "-P").split())
    blocks_of = lambda text: set(re.findall(r"plugin:\s+(\S+)\s+option:\s+(\S+)", text))
    ours = blocks_of(run(TRACECMD, "list", "-O").stdout)
    assert blocks_of(theirs("list", "-O")) <= ours


def test_list_options_by_expression(kernel):
    assert set(run(TRACECMD, "list", "-o", "^no\\{0,1\\}stack").stdout.split()) <= {"stacktrace", "nostacktrace"}


def test_list_of_everything(kernel):
    text = run(TRACECMD, "list").stdout
    assert re.findall(r"^(\w.*):$", text, re.M) == ["event systems", "events", "tracers", "options",
                                                     "Supported compression algorithms"]


def list_functions(folder, functions, *args, **kw):
    """tracecmd list -f where the kernel's list of functions is another one."""
    (folder / "functions").write_text("".join(f"{line}\n" for line in functions))
    script = f'mount --bind "$0" {tracefs.ROOT}/available_filter_functions && exec "$@"'
    return run("unshare", "-m", "sh", "-c", script, folder / "functions", TRACECMD, "list", "-f", *args, **kw)


def test_list_prototypes(kernel, tmp_path):
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        p = list_functions(tmp_path, ["vfs_read"], "--proto", status=1)
        assert "CONFIG_DEBUG_INFO_BTF" in p.stderr
        return
    p = list_functions(tmp_path, ["vfs_read", "schedule", "_printk", "no_such_function", "one [no_such_module]",
                                  "two [no_such_module]"], "--proto")
    assert p.stdout == ("ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)\nvoid schedule(void)\n"
                        "int _printk(const char *fmt, ...)\nno_such_function\none [no_such_module]\ntwo [no_such_module]\n")
    assert p.stderr.count("no_such_module") == 2 and p.stderr.count("\n") == 1, "told once, with the file's name"
    p = list_functions(tmp_path, ["vfs_read", "schedule"], "^vfs", "--proto")
    assert p.stdout.startswith("ssize_t vfs_read(") and p.stdout.count("\n") == 1 and not p.stderr


def test_list_all_about_an_event(instance):
    """State, filter and triggers place by place; fields; commands that work."""
    instance.write("events/sched/sched_process_exec/enable", "1")
    instance.write("events/sched/sched_process_exec/filter", "pid > 1")
    instance.write("events/sched/sched_process_exec/trigger", "traceoff if pid == 1")
    here = f"(instance '{NAME}')"
    text = run(TRACECMD, "list", "-e", "^sched:sched_process_exec$", "--full").stdout
    lines = [re.sub("  +", "  ", line.strip()) for line in text.splitlines()]
    assert lines[:2] == ["sched:sched_process_exec", "enabled  no"]
    for line in (f"enabled  yes  {here}", f"filter  pid > 1  {here}", f"trigger  traceoff:unlimited if pid == 1  {here}",
                 "field  __data_loc char[] filename  (4 bytes at 8)", "field  pid_t pid  (4 bytes at 12, signed)"):
        assert line in lines, text
    assert not [line for line in lines if "common_" in line] and "  print     \"filename=%s pid=%d" in text
    example = next(line for line in lines if line.startswith("examples  ")).removeprefix("examples  tracecmd ")
    assert example == "record -e sched:sched_process_exec -f 'filename ~ \"*a*\"' sleep 1"
    instance.write("events/sched/sched_process_exec/trigger", "!traceoff if pid == 1")


@pytest.mark.parametrize("args, words", [
    (("--proto",), "give -f"), (("-F",), "give -e"), (("-l",), "give -e"), (("-eF",), "one by one"), (("sched",), "'sched' is no option"),
    (("-e", "sched_\\("), "no regular expression"), (("--bogus",), "'--bogus'"), (("-Z",), "-Z"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_list_used_wrongly(args, words):
    p = run(TRACECMD, "list", *args, status=2)
    assert words in p.stderr


def test_long_options_may_be_shortened(kernel):
    text = run(TRACECMD, "list", "-e", "^sched:sched_switch$", "--full").stdout
    assert "  print  " in text
    for short in "--fu", "--f":
        assert run(TRACECMD, "list", "-e", "^sched:sched_switch$", short).stdout == text
    assert run(TRACECMD, "list", "--he").stdout.startswith("usage: tracecmd list")
    assert "there is no option '--fullest'" in run(TRACECMD, "list", "--fullest", status=2).stderr
