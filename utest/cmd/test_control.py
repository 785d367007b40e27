# SPDX-License-Identifier: GPL-2.0-or-later
"""control: what a running recording answers, and that no client disturbs it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

import common
import tracefs
from common import TRACECMD, run, strict_check
from recording import DIR, INSTANCE, clean_instance, conserved, finish, parsed, recording, tracing, wait_for

IN = ("-B", INSTANCE)
FOLDER = "/run/tracecmd"


@pytest.fixture
def dat(tmp_path, kernel):
    return str(tmp_path / "out.dat")


def path_of(p):
    return f"{FOLDER}/control.{p.pid}"


def control(p, *words, **kw):
    return run(TRACECMD, "control", "-p", p.pid, *words, **kw)


@contextlib.contextmanager
def controlled(dat, *args):
    """A recording that is ready to be asked."""
    with recording("-q", "-o", dat, *IN, "-e", "sched", *args) as p:
        wait_for(lambda: os.path.exists(path_of(p)), "there is a socket")
        yield p


def connect(p):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path_of(p))
    return s


def ask(s, line):
    """The answers to these lines, up to as many line ends."""
    s.sendall(line)
    got = b""
    while got.count(b"\n") < line.count(b"\n"):
        part = s.recv(4096)
        if not part:
            break
        got += part
    return got.decode()


def write_marker(text):
    with open(f"{DIR}/trace_marker", "w") as f:
        f.write(text)


def test_questions(dat):
    with controlled(dat) as p:
        assert control(p, "about").stdout == f"records into '{dat}', instance '{INSTANCE}'\n"
        assert control(p, "has", INSTANCE).stdout == "yes\n" and control(p, "has", "other").stdout == "no\n"
        assert control(p, "has").stdout == "no\n"
        line = json.loads(control(p, "status").stdout)
        assert set(line) == {"seconds", "events", "events_per_second", "bytes", "bytes_before_compression", "lost", "buffer_percent",
                             "tracing"}
        assert os.stat(path_of(p)).st_mode & 0o777 == 0o600 and os.stat(FOLDER).st_mode & 0o077 == 0
        assert "no latency tracer is recorded" in control(p, "snapshot", status=1).stderr
        p.send_signal(signal.SIGINT)
        finish(p)
        assert not os.path.exists(path_of(p))


@pytest.mark.parametrize("options", [("--compress", "after"), ("--poll", "-s", "500000", "--nosplice")],
                         ids=" ".join)
def test_flush_is_done_when_it_answers(dat, options):
    """Each marker can be read from what is on the disk as soon as the flush after it has answered."""
    with controlled(dat, *options) as p, connect(p) as s:
        for i in range(5):
            write_marker(f"before flush {i}")
            assert ask(s, b"flush\n") == "ok\n"
            assert f"before flush {i}" in common.report(dat, status=None)
        assert ask(s, b"flush\nflush\nstatus\n").startswith("ok\nok\nok {")
        p.send_signal(signal.SIGINT)
        finish(p)
    strict_check(dat)
    texts = [e.text for e in parsed(dat) if e.name == "print"]
    assert len([t for t in texts if "before flush" in t]) == 5


def test_flush_under_load(dat):
    """Flushes in the midst of a flood: nothing is twice in the file, nothing missing unseen."""
    flood = (common.tool("markers"), f"{DIR}/trace_marker", f"{DIR}/trace_marker_raw", "20000")
    with recording("-q", "-o", dat, *IN, "-b", "512", "-p", "nop", *flood,
                   wait=lambda: os.path.exists(DIR)) as p:
        answers = []
        with contextlib.suppress(OSError):
            wait_for(lambda: os.path.exists(path_of(p)) or p.poll() is not None, "there is a socket")
            with connect(p) as s:
                while answers[-1:] != [""]:
                    answers.append(ask(s, b"flush\n"))
        finish(p)
    assert set(answers) <= {"ok\n", "", "error the recording has ended\n"}
    strict_check(dat)
    conserved(dat, 20000 * os.cpu_count())


def test_stop_answers_when_the_file_is_there(dat):
    with controlled(dat) as p:
        assert control(p, "stop").stdout == ""
        # and when the kernel is put back: the next one finds the buffer free
        run(TRACECMD, "record", "-q", "-o", f"{dat}.next", *IN, "-e", "sched", "true")
        strict_check(dat)
        assert not os.path.exists(f"{dat}.meta")
        finish(p)


def test_several_stop_at_once(dat):
    """Each has an answer, also who comes when the end has begun, and more than there are places."""
    with controlled(dat) as p:
        os.kill(p.pid, signal.SIGSTOP)		# it finds all of them there
        clients = []
        for i in range(30):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            s.connect(path_of(p))
            s.sendall(b"flush\nstop\n" if i == 2 else b"stop\n")
            clients.append(s)
        os.kill(p.pid, signal.SIGCONT)
        answers = []
        for s in clients:
            with s, s.makefile() as f:
                answers.append(f.read().splitlines())
        finish(p)
    for i, answer in enumerate(answers):
        assert answer[-1:] == ["ok"] and answer[:-1] in ([[], ["ok"], ["error the recording has ended"]] if i == 2 else [[]]), answers
    strict_check(dat)


def test_stop_with_a_command(dat, tmp_path):
    """It is sent TERM, like with Ctrl-C."""
    script = f"trap 'echo asked >{tmp_path}/asked; exit 5' TERM; touch {tmp_path}/begun; while :; do sleep 0.05; done"
    with controlled(dat, "sh", "-c", script) as p:
        wait_for(lambda: (tmp_path / "begun").exists(), "the command runs")
        control(p, "stop")
        finish(p, 5)
    assert (tmp_path / "asked").read_text() == "asked\n"
    strict_check(dat)


def test_stop_tells_a_failure(tmp_path, kernel):
    folder = tmp_path / "out"
    folder.mkdir()
    with controlled(f"{folder}/out.dat") as p:
        os.rename(folder, tmp_path / "gone")
        assert f"{folder}/out.dat" in control(p, "stop", status=1).stderr
        assert p.wait(20) == 1


def test_found_by_instance(dat):
    with controlled(dat) as p:
        assert run(TRACECMD, "control", *IN, "about").stdout == control(p, "about").stdout
        e = run(TRACECMD, "control", "-B", "no_such_instance", "flush", status=1).stderr
        assert e == "tracecmd: there is no recording of instance 'no_such_instance' that can be controlled\n"


def test_of_two_the_one_meant_is_named(tmp_path, dat):
    other = f"{INSTANCE}b"
    with controlled(dat) as p, recording("-q", "-o", tmp_path / "b.dat", "-B", other, "-e", "sched") as q:
        wait_for(lambda: os.path.exists(path_of(q)), "there is a socket")
        e = run(TRACECMD, "control", "status", status=1).stderr
        assert "say which one with -p PID" in e
        assert f"\n  {p.pid} records into '{dat}'" in e and f"\n  {q.pid} records into" in e
        control(q, "stop")
        control(p, "stop")


@pytest.mark.parametrize("words, status, text", [
    (("-p", "1", "status"), 1, "process 1 is no recording that can be controlled"),
    (("-p", "x", "status"), 2, "'x' is no process id"), (("-p", "0", "status"), 2, "'0' is no process id"),
    ((), 2, "what shall the recording do?"), (("-p", "1", "-B", "x", "status"), 2, "exclude each other"),
    (("-p", "1", "a\nb"), 2, "one line"), (("-p", "1", "x" * 2000), 2, "too long")])
def test_bad_use(words, status, text):
    e = run(TRACECMD, "control", *words, status=status).stderr
    assert text in e and e.count("tracecmd:") == 1


# ---- hostile clients ----------------------------------------------------------

def lines_that_are_no_commands(p):
    with connect(p) as s:
        assert ask(s, b"flsh\n") == "error there is no command 'flsh'; did you mean 'flush'?\n"
        assert ask(s, b"\n").startswith("error there is no command ''")
        assert ask(s, b"status now\n") == "error 'status' takes no arguments\n"
        assert ask(s, b"sta\0tus\n") == "error a command has no control characters\n"
        assert ask(s, b"\x1b[2J\n") == "error a command has no control characters\n"
        assert ask(s, b"%s%n%s \xff\xfe\n").startswith("error there is no command '%s%n%s'")
        assert ask(s, b"has " + b"x" * 1019 + b"\n") == "ok no\n"
        s.sendall(b"x" * 1024)
        assert s.recv(100) == b"error a command is too long\n" and s.recv(10) == b""


def a_line_in_pieces(p):
    """And then nothing more is sent."""
    with connect(p) as s:
        for byte in b"about":
            s.sendall(bytes([byte]))
            time.sleep(0.01)
        s.sendall(b"\n")
        s.shutdown(socket.SHUT_WR)
        assert s.recv(4096).startswith(b"ok records into")
        assert s.recv(10) == b""


def too_many_clients(p):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(p)) for _ in range(8)]
        for s in held:
            assert ask(s, b"has x\n") == "ok no\n"
        with connect(p) as s:
            assert s.recv(4096) == b"error too many clients: end one of them\n" and s.recv(10) == b""
        # it is not said that there is none
        err = f"the recording of process {p.pid} cannot be asked: too many clients: end one of them"
        for whom in (), ("-B", "x"):
            assert run(TRACECMD, "control", *whom, "status", status=1).stderr == f"tracecmd: {err}\n"
        held[3].close()
        wait_for(lambda: run(TRACECMD, "control", "-p", p.pid, "has", "x", status=None).stdout == "no\n",
                 "there is room again")
    # more of them than there are places, which are waited for
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(subprocess.Popen([TRACECMD, "control", "flush"], stdin=subprocess.DEVNULL))
                for _ in range(30)]
        assert [c.wait(60) for c in many] == [0] * 30


def a_client_that_takes_no_answers(p):
    """It is dropped once its answers fill the socket."""
    with connect(p) as s, contextlib.suppress(ConnectionError):
        for _ in range(10000):
            s.sendall(b"nonsense\n" * 100)
        pytest.fail("a client can send for ever")


def clients_that_leave_before_the_answer(p):
    for _ in range(50):
        with connect(p) as s:
            s.sendall(b"flush\n")


def test_hostile_clients(dat):
    """Each gets what it deserves, and the recording knows nothing of them."""
    with controlled(dat) as p:
        for client in (lines_that_are_no_commands, a_line_in_pieces, too_many_clients, a_client_that_takes_no_answers,
                       clients_that_leave_before_the_answer):
            client(p)
            wait_for(lambda: run(TRACECMD, "control", "-p", p.pid, "flush", status=None).returncode == 0,
                     "the recording can be asked again")
        control(p, "stop")
        finish(p)
    strict_check(dat)


def test_idle_clients_cost_nothing(dat, tmp_path):
    """One that waits for the end, one that has said nothing: the recorder sleeps."""
    def ticks():
        return sum(map(int, tracefs.read(f"/proc/{p.pid}/task/{p.pid}/stat").rsplit(")", 1)[1].split()[11:13]))

    script = f"trap '' TERM; touch {tmp_path}/begun; while [ ! -e {tmp_path}/end ]; do sleep 0.05; done"
    with controlled(dat, "sh", "-c", script) as p, connect(p) as s, connect(p) as idle:
        try:
            wait_for((tmp_path / "begun").exists, "the command runs")
            s.sendall(b"stop\n")
            s.shutdown(socket.SHUT_WR)
            before = ticks()
            time.sleep(1)
            assert ticks() - before < 20, "the main thread spins"
            idle.close()
        finally:
            (tmp_path / "end").touch()
        assert s.recv(100) == b"ok\n"
        finish(p)
    strict_check(dat)


def test_other_users_are_refused(dat):
    """Even where the file's mode would let them in."""
    script = ("import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
              "s.connect(sys.argv[1]); print(s.recv(100).decode())")
    with controlled(dat) as p:
        args = ("/usr/bin/python3", "-c", script, path_of(p))
        assert "PermissionError" in run(*args, status=1).stderr
        mode = os.stat(FOLDER).st_mode & 0o7777
        try:
            os.chmod(FOLDER, 0o711)
            os.chmod(path_of(p), 0o666)
            assert run(*args).stdout == "error only root and the recorder's user may control it\n\n"
        finally:
            os.chmod(FOLDER, mode)
        control(p, "stop")
        finish(p)


# ---- where there is none --------------------------------------------------------

def test_without_a_place_for_sockets(dat):
    """Told once, and recording goes on."""
    p = run("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none /run && exec "$0" "$@"', TRACECMD, "record", "-o",
            dat, *IN, "-e", "sched", "sleep", "0.1")
    assert len(re.findall("cannot be controlled", p.stderr)) == 1
    strict_check(dat)


def test_sockets_of_killed_recorders(dat, tmp_path):
    """The process beside it removes it; if that is killed too, the next recording does."""
    with controlled(dat) as p:
        p.kill()
        wait_for(lambda: not os.path.exists(path_of(p)), "the socket is gone")
    clean_instance()
    dead = f"{FOLDER}/control.4194303"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(dead)
    try:
        assert "no recording" in run(TRACECMD, "control", "-p", "4194303", "stop", status=1).stderr
        with controlled(tmp_path / "next.dat") as p:
            assert not os.path.exists(dead)
            control(p, "stop")
            finish(p)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(dead)


def test_pid_file(dat, tmp_path):
    pid_file = tmp_path / "pid"
    with controlled(dat, "--pid-file", pid_file) as p:
        wait_for(pid_file.exists, "there is a pid file")
        assert pid_file.read_text() == f"{p.pid}\n"
        control(p, "stop")
        finish(p)
    assert not pid_file.exists()
    os.mkfifo(pid_file)
    reader = subprocess.Popen(["cat", pid_file], stdout=subprocess.PIPE, text=True)
    run(TRACECMD, "record", "-o", dat, *IN, "--pid-file", pid_file, "-e", "sched", "true")
    assert int(reader.communicate(timeout=20)[0]) and pid_file.is_fifo()
    p = run(TRACECMD, "record", "-o", dat, *IN, "--pid-file", tmp_path / "no/where", "-e", "sched", "true", status=1)
    assert f"{tmp_path}/no/where" in p.stderr and not os.path.exists(DIR)


@pytest.mark.parametrize("fails", [False, True], ids=["made", "not made"])
def test_a_save_is_answered_when_recording_ends_meanwhile(dat, fails):
    """By the name of its file, or by why there is none."""
    how = "inject=linkat:error=ENOSPC:delay_enter=1000000:when=1" if fails else "inject=linkat:delay_enter=1000000:when=1"
    p = subprocess.Popen(["strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=linkat", "-e", how, TRACECMD, "record", "-q", "-o", dat,
                          "-B", INSTANCE, "-e", "sched"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         text=True, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    try:
        wait_for(tracing, "it records")
        wait_for(lambda: run(TRACECMD, "control", "-p", p.pid, "status", status=None).returncode == 0, "it can be controlled")
        before = os.listdir(os.path.dirname(dat))
        save = subprocess.Popen([TRACECMD, "control", "-p", str(p.pid), "save"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: set(os.listdir(os.path.dirname(dat))) - set(before), "the part is begun")
        p.send_signal(signal.SIGINT)
        out, err = save.communicate(timeout=60)
        p.communicate(timeout=60)
    finally:
        if p.poll() is None:
            p.kill()
    made = [name for name in os.listdir(os.path.dirname(dat)) if name.endswith(".1.dat")]
    if fails:
        assert save.returncode == 1 and err and not made
    else:
        assert save.returncode == 0 and made and out.endswith(f"{made[0]}\n")
