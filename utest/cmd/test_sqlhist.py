# SPDX-License-Identifier: GPL-2.0-or-later
"""sqlhist on the copy of a tracefs: what is made of SQL, and where it is refused. Guests try it on kernels."""

import os
import shutil

import pytest

from common import TRACECMD, UTEST, run

DIR = f"{UTEST}/fixtures/tracefs"
JOIN = "FROM sched_waking AS start JOIN sched_switch AS end ON start.pid = end.next_pid"


def sqlhist(*args, **kw):
    return run(TRACECMD, "sqlhist", "-t", DIR, *args, **kw)


def commands(*args):
    """(text, file) of each command it prints."""
    return [(line[len("echo '"):].split("' >> ")[0], line.split(" >> ")[1].removeprefix(f"{DIR}/"))
            for line in sqlhist(*args).stdout.splitlines()]


@pytest.mark.parametrize("sql, event, text", [
    ("SELECT common_pid, CAST(bytes_alloc AS _COUNTER_) FROM kmem.kmalloc", "kmem/kmalloc", "keys=common_pid:vals=bytes_alloc"),
    ("select CAST(call_site as SYM-OFFSET) as who, cast(bytes_req as buckets=32) from kmalloc", "kmem/kmalloc",
     "keys=call_site.sym-offset,bytes_req.buckets=32"),
    ("SELECT CAST(id AS syscall), CAST(common_pid AS execname) FROM sys_enter;", "raw_syscalls/sys_enter",
     "keys=id.syscall,common_pid.execname"),
    ("SELECT STACKTRACE, CAST(ptr AS hex), CAST(bytes_req AS log) FROM kmalloc", "kmem/kmalloc",
     "keys=stacktrace,ptr.hex,bytes_req.log2"),
    ("SELECT TIMESTAMP, common_cpu FROM sched.sched_switch", "sched/sched_switch", "keys=common_timestamp,common_cpu"),
    ("SELECT TIMESTAMP_USECS FROM sched_switch", "sched/sched_switch", "keys=common_timestamp.usecs"),
    ("SELECT sched.sched_switch.next_pid, sched_switch.prev_pid, s.next_prio FROM sched_switch s", "sched/sched_switch",
     "keys=next_pid,prev_pid,next_prio"),
    ("SELECT \\select FROM many", "tc/many", "keys=select"),
    ("SELECT pid AS p FROM sched_waking WHERE prio <> 3 AND NOT (comm ~ 'b*' OR p & 0x80) && target_cpu = -1", "sched/sched_waking",
     "keys=pid if prio != 3 && !((comm ~ '\\''b*'\\'' || pid & 0x80)) && target_cpu == -1"),
    ("SELECT pid FROM sched_waking WHERE prio >= 1 && prio <= 2 || CPU == 0", "sched/sched_waking",
     "keys=pid if prio >= 1 && prio <= 2 || CPU == 0"),
    ("\n SELECT pid\n\tFROM sched_waking\n", "sched/sched_waking", "keys=pid"),
])
def test_histogram(sql, event, text):
    line, = sqlhist(sql).stdout.splitlines()
    assert line == f"echo 'hist:{text}' >> {DIR}/events/{event}/trigger"


def test_event():
    assert commands("-n", "wl", f"SELECT end.next_comm AS comm, (end.TIMESTAMP_USECS - start.TIMESTAMP_USECS) AS lat {JOIN} "
                    "WHERE start.prio < 100 && (end.prev_pid = 0 || end.next_comm ~ \"ba*\") AND start.target_cpu != 1") == [
        ("s:wl char comm[16]; u64 lat;", "dynamic_events"),
        ("hist:keys=pid:__wl__1=common_timestamp.usecs if prio < 100 && target_cpu != 1", "events/sched/sched_waking/trigger"),
        ("hist:keys=next_pid:__wl__comm=next_comm,__wl__lat=common_timestamp.usecs-$__wl__1"
         ":onmatch(sched.sched_waking).wl($__wl__comm,$__wl__lat) if (prev_pid == 0 || next_comm ~ \"ba*\")",
         "events/sched/sched_switch/trigger")]


@pytest.mark.parametrize("items, fields, first, second", [
    ("start.pid", "pid_t pid;", ":__x__1=pid", "__x__pid=$__x__1"),
    ("end.next_prio AS p, TIMESTAMP_DELTA AS d", "int p; u64 d;", ":__x__1=common_timestamp",
     "__x__p=next_prio,__x__d=common_timestamp-$__x__1"),
    ("start.prio, (start.prio + end.next_prio) AS sum", "int prio; int sum;", ":__x__1=prio",
     "__x__prio=$__x__1,__x__sum=$__x__1+next_prio"),
    ("((start.prio - start.pid)) AS a, end.prev_prio - end.prev_pid AS b", "int a; int b;", ":__x__1=prio-pid",
     "__x__a=$__x__1,__x__b=prev_prio-prev_pid"),
    ("start.STACKTRACE AS s, prev_state", "unsigned long[] s; long prev_state;", ":__x__1=stacktrace",
     "__x__s=$__x__1,__x__prev_state=prev_state"),
])
def test_items(items, fields, first, second):
    names = ",".join(f"${v.split('=')[0]}" for v in second.split(","))
    assert commands("-n", "x", f"SELECT {items} {JOIN}") == [
        (f"s:x {fields}", "dynamic_events"), (f"hist:keys=pid{first}", "events/sched/sched_waking/trigger"),
        (f"hist:keys=next_pid:{second}:onmatch(sched.sched_waking).x({names})", "events/sched/sched_switch/trigger")]


def test_types_of_fields():
    (event, _), *_ = commands("SELECT s.filename, s.common_pid, s.common_type, e.path, e.TIMESTAMP AS t "
                              "FROM sched_process_exec s JOIN many e ON s.pid = e.\\select")
    assert event == "s:Anonymous char filename[]; int common_pid; u16 common_type; u64 path; u64 t;"


@pytest.mark.parametrize("options, actions", [
    (("-m", "lat"), ":onmax($__xy__lat).trace(xy,$__xy__lat)"), (("-c", "lat"), ":onchange($__xy__lat).trace(xy,$__xy__lat)"),
    (("-m", "lat", "-s"), ":onmax($__xy__lat).snapshot()"),
    (("-m", "lat", "-T"), ":onmax($__xy__lat).trace(xy,$__xy__lat):onmax($__xy__lat).snapshot()"),
    (("-c", "lat", "-S", "prev_comm,prev_pid"), ":onchange($__xy__lat).save(prev_comm,prev_pid)"),
])
def test_actions(options, actions):
    *event, _, (text, _) = commands("-n", "xy", *options, f"SELECT TIMESTAMP_DELTA AS lat {JOIN}")
    assert text.endswith(f"__xy__lat=common_timestamp-$__xy__1{actions}")
    assert bool(event) == (".trace(" in actions), "an event that nothing writes is not made"


def test_sources(tmp_path):
    sql = "SELECT pid FROM sched_waking"
    (tmp_path / "q").write_text(f"{sql}\n")
    want = sqlhist(sql).stdout
    with open(tmp_path / "q") as f:
        piped = sqlhist("-f", "-", stdin=f)
    assert sqlhist("-f", tmp_path / "q").stdout == piped.stdout == sqlhist(*sql.split()).stdout == want
    # options may stand behind, as trace-cmd has it
    assert run(TRACECMD, "sqlhist", sql, "-t", DIR).stdout == want
    p = sqlhist("-n", "x", sql)
    assert p.stdout == want and "option -n 'x' has no effect" in p.stderr


# Each: the statement with '^' in front of the place, and words of the reason.
BAD = [
    ("^", "begins with SELECT"), ("^pid FROM sched_waking", "begins with SELECT"), ("SELECT^", "a field is missing"),
    ("SELECT ^*  FROM sched_waking", "cannot stand in SQL"), ("SELECT ^FROM sched_waking", "keyword"),
    ("SELECT ^3 FROM sched_waking", "a field is missing"), ("SELECT pid ^pid FROM sched_waking", "stands FROM"),
    ("SELECT pid,^", "a field is missing"), ("SELECT pid.^", "a field is missing"), ("SELECT a.b.c.^d FROM x", "three parts"),
    ("SELECT pid^", "stands FROM"), ("SELECT pid FROM^", "an event is missing"), ("SELECT pid FROM ^a.b.c", "EVENT or SYSTEM.EVENT"),
    ("SELECT pid FROM ^sched_wakin", "did you mean 'sched_waking'"), ("SELECT ptr FROM ^kfree", "write 'kmem.kfree' or 'other.kfree'"),
    ("SELECT pid FROM sched_waking AS^", "a name is missing"), ("SELECT pid FROM sched_waking AS ^where", "keyword"),
    ("SELECT pid FROM sched_waking x ^y", "JOIN, WHERE"), ("SELECT pid FROM sched_waking ^, sched_switch", "JOIN, WHERE"),
    ("SELECT pid AS^", "a name is missing"), ("SELECT ^ipd FROM sched_waking", "did you mean 'pid'"),
    ("SELECT ^nosuch.pid FROM sched_waking", "names this event"), ("SELECT x.^nosuch FROM sched_waking x", "no field"),
    ("SELECT (pid ^FROM sched_waking", "a ')' is missing"), ("SELECT " + "(" * 65 + "^pid", "too many parentheses"),
    ("SELECT CAST ^pid FROM sched_waking", "stands '('"), ("SELECT CAST(pid^) FROM sched_waking", "AS with a type"),
    ("SELECT CAST(pid AS^) FROM sched_waking", "type is missing"), ("SELECT CAST(pid AS ^hexx) FROM sched_waking", "did you mean 'hex'"),
    ("SELECT CAST(pid AS buckets=^0) FROM sched_waking", "a number from 1"), ("SELECT CAST(pid AS buckets=^x) FROM sched_waking", "a number from 1"),
    ("SELECT CAST(pid AS ^bukkets=3) FROM sched_waking", "no such type"), ("SELECT CAST(comm AS ^hex) FROM sched_waking", "for numbers"),
    ("SELECT CAST(comm AS ^buckets=8) FROM sched_waking", "for numbers"), ("SELECT CAST(STACKTRACE AS ^sym) FROM sched_waking", "for numbers"),
    ("SELECT CAST(pid AS ^execname) FROM sched_waking", "of common_pid only"), ("SELECT CAST(TIMESTAMP_USECS AS ^log2) FROM sched_waking", "microseconds"),
    ("SELECT prio, CAST(^comm AS _COUNTER_) FROM sched_waking", "only numbers can be summed"),
    ("SELECT pid FROM sched_waking WHERE comm = ^3", "compared with a text"), ("SELECT pid FROM sched_waking WHERE prio = ^'x'", "compared with a number"),
    ("SELECT pid FROM sched_waking WHERE comm < ^'x'", "by =, != and ~"), ("SELECT pid FROM sched_waking WHERE prio ~ ^3", "which is for texts"),
    ("SELECT pid FROM sched_waking WHERE prio = 1 && prio = ^99999999999999999999", "too large"),
    ("SELECT pid FROM sched_waking WHERE CPU = 1 || COMM = ^2", "compared with a text"), ("SELECT ptr FROM kmalloc WHERE bytes_req = ^-1", "has no sign"),
    ("SELECT common_pid FROM many WHERE ^nr = 1", "type 'unsigned int[4]' cannot be compared"),
    ("SELECT CAST(pid AS buckets=^) FROM sched_waking", "rest of the type"), ("SELECT CAST(pid AS hex ^FROM sched_waking", "')' of CAST"),
    ("SELECT CAST(^pid AS _COUNTER_) FROM sched_waking", "needs a key"), ("SELECT ^pid - prio FROM sched_waking", "without JOIN"),
    ("SELECT ^TIMESTAMP_DELTA FROM sched_waking", "without JOIN"), ("SELECT pid + ^3 FROM sched_waking", "numbers cannot"),
    ("SELECT pid + prio ^+ pid FROM sched_waking", "only two"), ("SELECT pid FROM sched_waking WHERE^", "begins with a field"),
    ("SELECT pid FROM sched_waking WHERE prio^", "behind a field"), ("SELECT pid FROM sched_waking WHERE prio =^", "a number or a text"),
    ("SELECT pid FROM sched_waking WHERE prio = ^pid", "a number or a text"), ("SELECT pid FROM sched_waking WHERE prio = -^'x'", "a number or a text"),
    ("SELECT pid FROM sched_waking WHERE comm = ^\"x", "has no end"), ("SELECT pid FROM sched_waking WHERE comm = ^'x\ny'", "has no end"),
    ("SELECT pid FROM sched_waking WHERE (prio = 1^", "a ')' is missing"), ("SELECT pid FROM sched_waking WHERE prio = 1 ^)", "does not belong"),
    ("SELECT pid FROM sched_waking WHERE prio = 1 &&^", "begins with a field"), ("SELECT pid FROM sched_waking WHERE ^nosuch = 1", "no field"),
    ("SELECT pid FROM sched_waking WHERE ^TIMESTAMP = 1", "only fields of the event"), ("SELECT pid FROM sched_waking WHERE " + "!" * 64 + "^!prio = 1", "too deep"),
    ("SELECT pid FROM sched_waking ^\x80", "cannot stand"), ("SELECT \\^3 FROM sched_waking", "stands a name"), ("SELECT pid\nFROM sched_waking\nWHERE ^prip = 1", "'prio'"),
    ("SELECT start.pid FROM sched_waking AS start JOIN^", "an event is missing"),
    ("SELECT start.pid FROM sched_waking AS start JOIN sched_switch AS end^", "stands ON"),
    ("SELECT start.pid FROM sched_waking AS start JOIN sched_switch AS end ON start.pid^", "joined by '='"),
    ("SELECT start.pid FROM sched_waking AS start JOIN sched_switch AS end ON start.pid ^< end.next_pid", "joined by '='"),
    ("SELECT start.pid FROM sched_waking AS start JOIN sched_switch AS end ON start.pid = ^start.prio", "of the same event"),
    ("SELECT start.pid FROM sched_waking AS start JOIN sched_switch AS end ON start.comm = ^end.next_pid", "never equal"),
    ("SELECT start.pid FROM sched_waking AS start JOIN sched_switch AS end ON start.pid = end.^next_pd", "'next_pid'"),
    (f"SELECT start.pid {JOIN} ^JOIN kmalloc ON x = y", "only two events"), (f"SELECT ^common_pid {JOIN}", "write 'start.common_pid' or 'end.common_pid'"),
    ("SELECT prev_pid FROM sched_switch JOIN sched_switch ON ^prev_pid = next_pid", "give them names by AS"),
    (f"SELECT ^start.pid - end.next_pid {JOIN}", "has no name"), (f"SELECT ^TIMESTAMP_DELTA {JOIN}", "has no name"),
    (f"SELECT start.pid, end.next_pid AS ^pid {JOIN}", "two fields have the name 'pid'"), (f"SELECT CAST(start.pid AS ^hex) {JOIN}", "without JOIN"),
    (f"SELECT (^start.comm - end.next_pid) AS x {JOIN}", "only numbers"), (f"SELECT (end.TIMESTAMP - ^start.prio) AS x {JOIN}", "same unit"),
    (f"SELECT (end.TIMESTAMP - ^start.TIMESTAMP_USECS) AS x {JOIN}", "same unit"), (f"SELECT (^start.STACKTRACE - end.next_pid) AS x {JOIN}", "only numbers"),
    (f"SELECT start.pid AS ^{'a' * 64} {JOIN}", "63 at most"), (f"SELECT ^nosuch {JOIN}", "neither event"),
    (f"SELECT start.pid {JOIN} WHERE start.prio = 1 || ^end.next_pid = 2", "one event only"),
    (f"SELECT start.pid {JOIN} WHERE (start.prio = 1 && ^end.next_pid = 2)", "one event only"),
    ("SELECT ^e.nr FROM sched_waking s JOIN many e ON s.pid = e.common_pid", "fields of the type 'unsigned int[4]'"),
]


@pytest.mark.parametrize("marked, words", BAD, ids=range(len(BAD)))
def test_refused(marked, words):
    sql = marked.replace("^", "", 1)
    p = sqlhist("--", sql, status=1)
    told = p.stderr.split("tracecmd: wrong SQL: ")[1]       # behind what others' recordings may have left
    assert words in told and p.stdout == ""
    line, caret = told.split("\n")[1:3]
    at, before = marked.index("^"), marked[:marked.index("^")].rsplit("\n")[-1]
    assert caret.strip() == "^" and line[4:].isprintable()
    if len(before) <= 60:
        assert caret == f"    {' ' * len(before)}^"
    else:
        assert line[caret.index("^"):].startswith(sql[at:].split("\n")[0][:20])


def test_hostile_texts(tmp_path):
    """Whatever it is, it ends with a message."""
    for i, sql in enumerate((b"\0", b"SELECT pid\0 FROM sched_waking", b"SELECT " + b"a," * 40000 + b"pid FROM sched_waking",
                             b"SELECT " + b"a" * 100000 + b" FROM sched_waking", b"(" * 70000, b"!" * 60000, b"\xff\xfe" * 100,
                             b"SELECT pid FROM sched_waking WHERE " + b"(" * 30000, b"SELECT pid FROM " + b"x." * 30000,
                             b"SELECT pid FROM sched_waking WHERE comm = '" + b"%n%s" * 1000, b"SELECT \x1b[31m FROM x")):
        file = tmp_path / str(i)
        file.write_bytes(sql)
        p = sqlhist("-f", file, status=1)
        assert p.stderr.startswith("tracecmd: ") and len(p.stderr) < 1200 and "\x1b" not in p.stderr


@pytest.mark.parametrize("args, words", [
    ((), "a statement is missing"), (("-m", "a", "-c", "b", "x"), "exclude each other"), (("-s", "x"), "-s needs -m or -c"),
    (("-T", "x"), "-T needs -m or -c"), (("-S", "a", "x"), "-S needs -m or -c"), (("-f", "x", "y"), "no statement on the command line"),
    (("-x",), "no option -x"), (("-n",), "needs a value"),
])
def test_wrong_use(args, words):
    assert words in sqlhist(*args, status=2).stderr


@pytest.mark.parametrize("args, words", [
    (("-n", "a-b"), "cannot name an event"), (("-n", "a" * 64), "63 at most"), (("-m", "lot"), "did you mean 'lat'"),
    (("-m", "lat", "-S", "prev_com"), "did you mean 'prev_comm'"), (("-m", "lat", "-S", "prev_comm,"), "no field of sched:sched_switch: ''"),
    (("-B", "nosuch"), "no instance"), (("-n", "y", "-m", "lat"), "no event of one letter at a maximum or a change"),
])
def test_wrong_options(args, words):
    assert words in sqlhist(*args, f"SELECT TIMESTAMP_DELTA AS lat {JOIN}", status=1).stderr
    if "-m" in args and "lot" not in args:
        assert "a JOIN is missing" in sqlhist(*args, "SELECT pid FROM sched_waking", status=1).stderr


def test_a_kernel_without():
    """Nothing is written where a part of it cannot be made."""
    assert "no synthetic events (CONFIG_SYNTH_EVENTS)" in sqlhist("-e", f"SELECT start.pid {JOIN}", status=1).stderr
    assert "no histograms of sched:sched_waking (CONFIG_HIST_TRIGGERS)" in sqlhist("-e", "SELECT pid FROM sched_waking", status=1).stderr


def test_a_fifo_in_the_copy(tmp_path):
    """It is named, not waited for."""
    copy = tmp_path / "tracing"
    shutil.copytree(DIR, copy)
    os.unlink(copy / "events/sched/sched_waking/format")
    os.mkfifo(copy / "events/sched/sched_waking/format")
    p = run(TRACECMD, "sqlhist", "-t", copy, "SELECT pid FROM sched_waking", status=1, timeout=30)
    assert "events/sched/sched_waking/format" in p.stderr and "it is no regular file" in p.stderr


def test_a_path_with_odd_letters(tmp_path):
    """What is printed is for a shell."""
    odd = tmp_path / "it's $HOME"
    odd.symlink_to(DIR)
    line = run(TRACECMD, "sqlhist", "-t", odd, "SELECT pid FROM sched_waking").stdout
    words = run("/bin/sh", "-c", "set -- " + line.replace(">>", "") + ' printf "%s\\n" "$@"').stdout.splitlines()
    assert words == ["echo", "hist:keys=pid", f"{odd}/events/sched/sched_waking/trigger"]
