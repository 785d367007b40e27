# SPDX-License-Identifier: GPL-2.0-or-later
"""probe, and record and start with --probe, on this machine's kernel: on programs, which each
kernel with uprobes has. Other kinds are tested in guests."""

import ctypes
import json
import os
import re
import signal
import subprocess
import threading

import pytest

import common
import events
import tracefs
from common import TRACECMD, run
from recording import DIR, INSTANCE, recording, wait_for

GROUP = f"tc{os.getpid()}"
WORKLOAD = common.tool("workload")
STEP = next(int(line.split()[0], 16) for line in run("nm", WORKLOAD).stdout.splitlines()
            if line.endswith(" workload_step"))


def probe(*args, **kw):
    return run(TRACECMD, "probe", *args, **kw)


def listed(*args):
    return json.loads(probe("list", "--json", *args).stdout)


def ours():
    return [line for line in tracefs.read(f"{tracefs.ROOT}/dynamic_events").splitlines() if f":{GROUP}" in line]


@pytest.fixture
def uprobes(kernel):
    if not os.path.exists(f"{kernel}/uprobe_events"):
        pytest.skip("this kernel has no uprobes")
    yield kernel
    for line in ours():
        probe("del", "--force", line.split()[0].split(":")[1], status=None)


def under_caret(stderr):
    """What the caret of a refusal stands under."""
    lines = stderr.splitlines()
    at = next(i for i, line in enumerate(lines) if re.fullmatch(r" +\^", line))
    return lines[at - 1][lines[at].index("^"):]


# ---- add ---------------------------------------------------------------------

def test_add_list_del(uprobes):
    p = probe("add", f"{GROUP}/step={WORKLOAD}:workload_step", "round=%di:s32", "file=+0(%si):string")
    assert p.stdout == f"{GROUP}:step\n" and p.stderr == ""
    assert [re.sub("0x0+", "0x", line) for line in ours()] == \
        [f"p:{GROUP}/step {WORKLOAD}:0x{STEP:x} round=%di:s32 file=+0(%si):string"]
    assert listed(f"{GROUP}:step") == [
        {"kind": "uprobe", "group": GROUP, "name": "step", "definition": ours()[0], "hits": 0, "missed": 0,
         "enabled": False, "instances": []}]
    assert re.search(rf"^uprobe +{GROUP}:step +off +0 +0 +p:{GROUP}/step ", probe("list", GROUP).stdout, re.M)
    assert probe("del", f"{GROUP}/step").stderr == "" and ours() == []


def test_ways_to_name(uprobes):
    probe("add", f"{GROUP}x/two={WORKLOAD}:main")
    for how in "one", GROUP, "on[e]", f"{GROUP}/on*", f"{GROUP}:one", "definition":
        probe("add", f"{GROUP}/one={WORKLOAD}:main")
        if how == "definition":
            how = next(line for line in ours() if "/one" in line).replace(" ", "  ")
        assert [e["name"] for e in listed(how)] == ["one"]
        probe("del", how)
        assert len(ours()) == 1 and "/two" in ours()[0], how
    probe("del", f"{GROUP}x")


def test_kernels_syntax(uprobes):
    assert probe("add", f"p:{GROUP}/a", f"{WORKLOAD}:0x{STEP:x}").stdout == f"{GROUP}:a\n"
    assert probe("add", f"r:{GROUP}/b {WORKLOAD}:workload_step+0 $retval:s32").stdout == f"{GROUP}:b\n"
    assert probe("add", f"p:{GROUP}/c {WORKLOAD}:0x{STEP:x}%return").stdout == f"{GROUP}:c\n"
    assert [line[0] for line in ours()] == ["p", "r", "r"]
    assert [e["kind"] for e in listed("--kind", "uretprobe", GROUP)] == ["uretprobe"] * 2
    probe("del", "--kind", "uretprobe", GROUP)
    assert [line[0] for line in ours()] == ["p"]


def test_program_in_path_and_return_value(uprobes):
    env = {**os.environ, "PATH": f"{os.path.dirname(WORKLOAD)}:{os.environ['PATH']}"}
    p = probe("add", "--user", "--json", f"{GROUP}/r=workload:workload_step", "ret", env=env)
    made, = json.loads(p.stdout)
    assert made["kind"] == "uretprobe" and made["definition"].endswith(" ret=$retval")


def test_chosen_names_are_free(uprobes):
    names = [probe("add", f"p:{GROUP}/ {WORKLOAD}:workload_step").stdout.strip() for _ in range(3)]
    assert names == [f"{GROUP}:workload_step", f"{GROUP}:workload_step_1", f"{GROUP}:workload_step_2"]


def test_stripped_program_has_its_dynamic_symbols(uprobes, tmp_path):
    libc = next(line.split()[-1] for line in open("/proc/self/maps") if "/libc.so" in line)
    p = probe("add", f"{GROUP}/g={libc}:getpid")
    assert p.stdout == f"{GROUP}:g\n"
    # one name, several functions; or one that only the running program knows
    assert re.search(r"functions of the name|when it starts", probe("add", f"{GROUP}/m={libc}:memcpy", status=1).stderr)


REFUSED = (
    (f"{WORKLOAD}:workload_stpe", "did you mean 'workload_step'", None),
    # kernels differ in whether the place is with the '%'
    (f"{WORKLOAD}:main a=%zz", "Invalid register name", ("%zz", "zz")),
    (f"{WORKLOAD}:main a=%di:u7", "type", "u7"),
    (f"{WORKLOAD}:main a=%di a=%si", "already", "a=%si"),
    (f"{WORKLOAD}:main a=+0(%di", "not closed", "(%di"),
    (f"{WORKLOAD}:main count", "%di, %si", "count"),
    (f"{WORKLOAD}:0x10", "nothing that is run", None),
    (f"{WORKLOAD}:0xfffffffff", "nothing that is run", None),
    (f"{WORKLOAD}:workload_step+0xfffff", "is behind its end", f"{WORKLOAD}:"),
    ("/etc/passwd:main", "no ELF file", "/etc/passwd"),
    ("/etc:readline", "is a folder", "/etc:readline"),
    ("/nonexistent/x:main", "No such file", "/nonexistent"),
    ("/bin/sh", "PROGRAM:SYMBOL", "/bin/sh"),
    ("x=", "place is missing", ""),
)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="where instructions begin is known of x86-64")
def test_amid_an_instruction(uprobes):
    """The program would crash: refused behind a symbol; as an offset in the file it is taken, with a warning."""
    before = ours()
    found = [how for how in range(1, 12)
             if "no instruction begins" in probe("add", f"{GROUP}/x={WORKLOAD}:workload_step+{how}", status=None).stderr or
             probe("del", f"{GROUP}/x").stderr]
    assert found and ours() == before
    text = probe("add", f"{GROUP}/x={WORKLOAD}:0x{STEP + found[0]:x}").stderr
    assert "DANGER: at '0x" in text and "the program crashes" in text
    probe("del", f"{GROUP}/x")


def test_refusals(uprobes):
    before = tracefs.read(f"{uprobes}/dynamic_events"), tracefs.read(f"{uprobes}/error_log")
    for definition, words, place in REFUSED:
        p = probe("add", definition, status=1)
        assert words in p.stderr and p.stdout == ""
        if place is not None:
            assert under_caret(p.stderr + "\n").startswith(place), p.stderr
        assert (tracefs.read(f"{uprobes}/dynamic_events"), tracefs.read(f"{uprobes}/error_log")) == before


def test_name_that_is_taken(uprobes):
    probe("add", f"{GROUP}/x={WORKLOAD}:main")
    p = probe("add", f"{GROUP}/x={WORKLOAD}:workload_step", status=1)
    assert f"an event {GROUP}/x already" in p.stderr and ours()[0] in p.stderr
    assert "sched/sched_switch already" in probe("add", f"sched/sched_switch={WORKLOAD}:main", status=1).stderr
    assert len(ours()) == 1


def test_kernel_without_a_kind(kernel):
    for definition, file in ("vfs_read", "kprobe_events"), ("s:x u64 a", "synthetic_events"):
        if not os.path.exists(f"{kernel}/{file}"):
            assert "CONFIG_" in probe("add", definition, status=1).stderr


@pytest.mark.parametrize("args, words", [
    ((), "add, list, del or clear"), (("ad",), "did you mean 'add'"), (("add",), "needs a definition"),
    (("del",), "needs a name"), (("clear", "x"), "no argument 'x'"), (("list", "--force"), "no effect with 'probe list'"),
    (("add", "--kind", "kprobe", "x"), "no effect with 'probe add'"), (("list", "--kind", "k"), "no kind"),
    (("list", "--nosuch"), "no option '--nosuch'"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_wrong_use(args, words):
    p = probe(*args, status=2)
    assert words in p.stderr and "probe --help" in p.stderr


def test_nothing_is_removed_when_a_name_is_unknown(uprobes):
    probe("add", f"{GROUP}/x={WORKLOAD}:main")
    assert f"did you mean '{GROUP}:x'" in probe("del", f"{GROUP}:x", f"{GROUP}:xx", status=1).stderr
    assert len(ours()) == 1


# ---- what holds an event ------------------------------------------------------

def test_busy_event_is_told_with_its_users(uprobes):
    probe("add", f"{GROUP}/x={WORKLOAD}:main")
    os.mkdir(DIR)
    try:
        with open(f"{DIR}/events/{GROUP}/x/enable", "w") as f:
            f.write("1")
        with open(f"{DIR}/events/{GROUP}/x/trigger", "w") as f:
            f.write("traceoff:3")
        assert listed(GROUP)[0]["instances"] == [INSTANCE]
        p = probe("del", GROUP, status=1)
        assert f"enabled in instance '{INSTANCE}'" in p.stderr and "--force" in p.stderr
        assert f"trigger 'traceoff:count=3' of {GROUP}:x in instance '{INSTANCE}'" in p.stderr
        assert len(ours()) == 1 and listed(GROUP)[0]["enabled"]
        assert probe("del", "--force", GROUP).stderr == "" and ours() == []
    finally:
        os.rmdir(DIR)


class PerfEventAttr(ctypes.Structure):
    """The first version's 64 bytes of struct perf_event_attr (perf_event_open(2))."""
    _fields_ = [("type", ctypes.c_uint32), ("size", ctypes.c_uint32), ("config", ctypes.c_uint64),
                ("rest", ctypes.c_uint64 * 6)]


def test_event_that_perf_holds(uprobes):
    probe("add", f"{GROUP}/x={WORKLOAD}:main")
    number = int(tracefs.read(f"{uprobes}/events/{GROUP}/x/id"))
    attr = PerfEventAttr(2, ctypes.sizeof(PerfEventAttr), number)
    fd = ctypes.CDLL(None, use_errno=True).syscall(298 if os.uname().machine == "x86_64" else 241, ctypes.byref(attr),
                                                   -1, 0, -1, 0)
    if fd < 0:
        pytest.skip(f"perf_event_open: {os.strerror(ctypes.get_errno())}")
    try:
        # nothing was on: the kernel lets perf or ftrace have a program's probe, not both
        assert "as perf does; all is on again\n" in probe("del", "--force", GROUP, status=1).stderr
    finally:
        os.close(fd)
    probe("del", GROUP)


# ---- record and start ----------------------------------------------------------

def recorded(path):
    return events.parse(common.report(path))


def test_recorded_and_removed(uprobes, tmp_path):
    before = tracefs.snapshot()
    out = tmp_path / "x.dat"
    run(TRACECMD, "record", "-q", "-o", out, "-B", INSTANCE, "--probe", f"{GROUP}/step={WORKLOAD}:workload_step round=%di:s32",
        "--probe", f"{GROUP}/back={WORKLOAD}:workload_step ret", "-f", "ret > 2", "-e", f"{GROUP}:st*", "-e", "sched:sched_switch",
        WORKLOAD, 5)
    seen = recorded(out)
    assert [e.text.split("round=")[1] for e in seen if e.name == "step"] == [str(i) for i in range(5)]
    assert [e.text.split("ret=")[1] for e in seen if e.name == "back"] == ["0x3", "0x4"]
    assert "sched_switch" in {e.name for e in seen}
    assert tracefs.differences(before, tracefs.snapshot()) == []
    common.strict_check(out)
    stat = common.report(out, "--stat")
    assert f"Probe: p:{GROUP}/step {WORKLOAD}:0x{STEP:x} round=%di:s32\n" in stat
    assert f"Probe: r:{GROUP}/back {WORKLOAD}:0x{STEP:x} ret=$retval\n" in stat


def test_two_of_one_function_have_names_of_their_own(uprobes, tmp_path):
    out = tmp_path / "x.dat"
    definition = f"p:{GROUP}/ {WORKLOAD}:workload_step"
    run(TRACECMD, "record", "-q", "-o", out, "-B", INSTANCE, "--probe", definition, "--probe", definition, WORKLOAD, 2)
    assert {e.name for e in recorded(out)} == {"workload_step", "workload_step_1"}


def test_a_trigger_on_an_event_that_is_made(uprobes, tmp_path):
    before = tracefs.snapshot()
    p = run(TRACECMD, "record", "-o", tmp_path / "x.dat", "-B", INSTANCE, "--trigger", f"{GROUP}:step:round == 3",
            "--probe", f"{GROUP}/step={WORKLOAD}:workload_step round=%di:s32", "sh", "-c", f"{WORKLOAD} 5; sleep 2")
    assert re.search(r"the trigger fired: .* step: .*round=3", p.stderr)
    assert [e.text.split("round=")[1] for e in recorded(tmp_path / "x.dat") if e.name == "step"][:4] == ["0", "1", "2", "3"]
    assert tracefs.differences(before, tracefs.snapshot()) == []


ABORTED = (
    (("--probe", f"{GROUP}/a={WORKLOAD}:nosuch"), "--probe"),
    (("--probe", f"{GROUP}/a={WORKLOAD}:main", "--probe", f"{GROUP}/a={WORKLOAD}:workload_step"), f"the name {GROUP}/a"),
    (("--probe", f"{GROUP}/a={WORKLOAD}:main", "--probe", f"{GROUP}/b={WORKLOAD}:main x=%zz"), "Invalid register name"),
    (("--probe", f"{GROUP}/a={WORKLOAD}:main", "-f", "nosuch == 1"), "Field not found"),
    (("--probe", f"{GROUP}/a={WORKLOAD}:main", "-e", f"{GROUP}:ab"), "no event or system"),
)


def test_nothing_is_left_half_made(uprobes, tmp_path):
    before = tracefs.snapshot(events=False)
    for args, words in ABORTED:
        p = run(TRACECMD, "record", "-o", tmp_path / "x.dat", "-B", INSTANCE, *args, "touch", tmp_path / "ran", status=1)
        assert words in p.stderr
        assert os.listdir(tmp_path) == [] and tracefs.differences(before, tracefs.snapshot(events=False)) == []


def test_wrong_command_lines():
    assert "(%di" in under_caret(run(TRACECMD, "record", "--probe", "vfs_read a=+0(%di", status=2).stderr)
    assert "in front of -v" in run(TRACECMD, "record", "-e", "sched", "-v", "--probe", "vfs_read", status=2).stderr
    assert "no effect" in run(TRACECMD, "extract", "--probe", "vfs_read", status=2).stderr


def test_start_leaves_it_and_removes_it_if_it_fails(uprobes):
    run(TRACECMD, "start", "-B", INSTANCE, "--probe", f"{GROUP}/x={WORKLOAD}:main")
    try:
        assert tracefs.read(f"{DIR}/events/{GROUP}/x/enable") == "1\n"
        run(TRACECMD, "start", "-B", INSTANCE, "--probe", f"{GROUP}/y={WORKLOAD}:main", "-f", "nosuch == 1", status=1)
        assert len(ours()) == 1
        assert f"enabled in instance '{INSTANCE}'" in probe("del", GROUP, status=1).stderr
    finally:
        run(TRACECMD, "reset", "-B", INSTANCE, "-d")
    probe("del", GROUP)


def test_recorder_killed(uprobes, tmp_path):
    args = ("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "--probe", f"{GROUP}/x={WORKLOAD}:main")
    with recording(*args) as p:
        assert len(ours()) == 1
        p.kill()
        wait_for(lambda: not ours(), "the supervisor has removed the probe")


def test_event_removed_by_somebody_else_while_it_is_recorded(uprobes, tmp_path):
    """With force: the recording goes on without it and ends well."""
    out = tmp_path / "x.dat"
    with recording("-o", out, "-B", INSTANCE, "-e", "sched", "--probe", f"{GROUP}/x={WORKLOAD}:workload_step") as p:
        run(WORKLOAD, 3)
        probe("del", "--force", f"{GROUP}/x")
        p.send_signal(signal.SIGINT)
        _, err = p.communicate(timeout=60)
        assert p.returncode == 0, err
    assert not os.path.exists(DIR)
    common.strict_check(out)


def test_event_that_somebody_else_uses_at_the_end_stays_and_is_told(uprobes, tmp_path):
    other = f"{DIR}_other"
    with recording("-o", tmp_path / "x.dat", "-B", INSTANCE, "-e", "sched", "--probe", f"{GROUP}/x={WORKLOAD}:main") as p:
        os.mkdir(other)
        try:
            with open(f"{other}/events/{GROUP}/x/enable", "w") as f:
                f.write("1")
            p.send_signal(signal.SIGINT)
            _, err = p.communicate(timeout=60)
        finally:
            os.rmdir(other)
    assert p.returncode == 1 and f"-:{GROUP}/x" in err and "probe del" in err and "reset --recover" in err
    assert len(ours()) == 1
    assert "are undone" in run(TRACECMD, "reset", "--recover").stderr
    assert ours() == []


def test_two_tools_at_once(uprobes):
    """Adding under chosen names and removing, side by side: each gets its own, nothing is lost or left."""
    made, lock = [], threading.Lock()

    def work():
        for _ in range(6):
            name = probe("add", f"p:{GROUP}/ {WORKLOAD}:workload_step").stdout.strip()
            with lock:
                made.append(name)
            probe("del", name)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(made) == 18 and ours() == []
