# SPDX-License-Identifier: GPL-2.0-or-later
"""record -A: the host's side, with agents that play what real ones said."""

import os
import signal
import socket
import subprocess

import pytest

import common
from agents import ScriptedAgent, arguments, get_message
from common import TRACECMD, run
from recording import parsed
from wire import SESSIONS, TIMEOUT, message


def record(tmp_path, *args, status=0, **kw):
    return run(TRACECMD, "record", "-o", "t.dat", *args, status=status, cwd=tmp_path, **kw)


def test_session(tmp_path):
    """Nothing is traced here: no privilege is needed, and there is one file."""
    a = ScriptedAgent()
    p = record(tmp_path, "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "syscalls:sys_enter_getppid", "-b", "100",
               "-f", "COMM == \"x\"", "true")
    a.close()
    assert a.why is None
    assert arguments(a.asked) == ["-e", "syscalls:sys_enter_getppid", "-b", "100", "-f", "COMM == \"x\""]
    assert os.listdir(tmp_path) == ["t-guest.dat"] and "'t-guest.dat' is what guest recorded" in p.stderr
    common.strict_check(tmp_path / "t-guest.dat")
    want = common.report(f"{SESSIONS}/agent-tcp-notsync/host-result.dat")
    assert common.report(tmp_path / "t-guest.dat") == want
    common.same_report(tmp_path / "t-guest.dat")


def test_status_of_the_command(tmp_path):
    a = ScriptedAgent()
    record(tmp_path, "-A", f"127.0.0.1:{a.port}", "-e", "all", "sh", "-c", "exit 7", status=7)
    a.close()
    assert os.listdir(tmp_path) == ["t-127.0.0.1.dat"]


def test_two_agents(tmp_path):
    a, b = ScriptedAgent(), ScriptedAgent("agent-tcp-notsync")
    record(tmp_path, "-A", f"127.0.0.1:{a.port}", "--name", "a", "-e", "x", "-A", f"localhost:{b.port}", "--name", "b",
           "-e", "y", "--date", "-C", "mono", "-q", "true")
    a.close()
    b.close()
    assert arguments(a.asked) == ["-e", "x"] and arguments(b.asked) == ["-e", "y", "--date", "-C", "mono"]
    assert sorted(os.listdir(tmp_path)) == ["t-a.dat", "t-b.dat"]


@pytest.mark.parametrize("when, told", [
    ("answer", "closed the connection without an answer"),
    ("metadata", "before it had said what it records"),
])
def test_vanishes_before(when, told, tmp_path):
    a = ScriptedAgent(vanish=when)
    p = record(tmp_path, "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "x", "true", status=1)
    a.close()
    assert f"guest: the agent closed the connection" in p.stderr and told in p.stderr
    assert not os.listdir(tmp_path)


def test_vanishes_while_it_records(tmp_path):
    """What had come is a file. Without a command that is the end."""
    a = ScriptedAgent(vanish="end")
    p = record(tmp_path, "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "x", status=1)
    a.close()
    assert "closed the connection while it recorded; what came before that is in 't-guest.dat'" in p.stderr
    assert common.report(tmp_path / "t-guest.dat") == common.report(f"{SESSIONS}/agent-tcp-notsync/host-result.dat")


def test_interrupted(tmp_path):
    a = ScriptedAgent()
    p = subprocess.Popen([TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "x"],
                         cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "Hit Ctrl^C to stop recording\n"
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=TIMEOUT)
    a.close()
    assert p.returncode == 0 and a.closed.is_set() and os.listdir(tmp_path) == ["t-guest.dat"], err


def test_limit_of_time(tmp_path):
    a = ScriptedAgent()
    record(tmp_path, "--max-time", "1", "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "x")
    a.close()
    assert a.closed.is_set() and os.listdir(tmp_path) == ["t-guest.dat"]


def test_killed(tmp_path):
    """What has come is there still, and is no other recording's to replace."""
    a = ScriptedAgent()
    p = subprocess.Popen([TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "x"],
                         cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    while not all(os.path.exists(tmp_path / f"t-guest.dat.cpu{i}") and os.path.getsize(tmp_path / f"t-guest.dat.cpu{i}") > 200
                  for i in range(2)):
        pass
    p.kill()
    p.communicate()
    a.close()
    p = record(tmp_path, "-A", "127.0.0.1:1", "--name", "guest", "-e", "x", status=1)
    assert "would be overwritten" in p.stderr
    run(TRACECMD, "restore", "-o", tmp_path / "r.dat", tmp_path / "t-guest.dat")
    # Names of tasks may be asked of the running kernel, which has others by these numbers.
    want = f"{SESSIONS}/agent-tcp-notsync/host-result.dat"
    events = [[(e.time, e.cpu, e.pid, e.text) for e in parsed(path)] for path in (tmp_path / "r.dat", want)]
    assert events[0] and events[0] == events[1]


def test_refused_in_words(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as door:
        p = subprocess.Popen([TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{door.getsockname()[1]}", "--name", "guest",
                              "-e", "x", "true"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        with door.accept()[0] as s:
            get_message(s)
            s.sendall(message(5, b"", b"no\n\x1b[1mevents"))
            _, err = p.communicate(timeout=TIMEOUT)
    assert p.returncode == 1 and "guest: the agent refuses: no??[1mevents\n" in err
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("options, told", [
    (("-A", "x@y", "-e", "x"), "'x@y' is no machine"),
    (("-A", "@3:0", "-e", "x"), "'@3:0' is no machine"),
    (("-A", "1.2.3.4:70000", "-e", "x"), "is no machine"),
    (("-A", "1.2.3.4"), "nothing to trace is named for '1.2.3.4'"),
    (("-A", "1.2.3.4", "-e", "x", "--name", "../x"), "cannot be part of a file's name"),
    (("-A", "1.2.3.4", "-e", "x", "-A", "1.2.3.4:5", "-e", "x"), "two machines would have the file of '1.2.3.4'"),
    (("-A", "1.2.3.4", "-o", "x"), "option -o is not for an agent: give it before -A"),
    (("-A", "1.2.3.4", "--probe", "x"), "option --probe is not for an agent"),
    (("-A", "1.2.3.4", "-e", "x", "--proxy", "3"), "option --proxy"),
    (("--name", "x", "-e", "x"), "there is none"),
    (("--key-file", "k", "-e", "x"), "give -A"),
    (("--key-optional", "-A", "1.2.3.4", "-e", "x"), "give --key-file"),
    (("--tsync-interval", "x", "-e", "x"), "is not a number of milliseconds"),
    (("-N", "9", "-e", "x", "-A", "1.2.3.4", "-e", "x"), "options -A and -N exclude each other"),
    (("-o", "-", "-e", "x", "-A", "1.2.3.4", "-e", "x"), "options -A and -o - exclude each other"),
    (("--rotate", "1h", "-e", "x", "-A", "1.2.3.4", "-e", "x"), "options -A and --rotate exclude each other"),
    (("-F", "-A", "1.2.3.4", "-e", "x", "true"), "option -F is about what is traced here"),
    (("--key-file", "none", "-A", "1.2.3.4", "-e", "x"), "cannot read the key 'none'"),
    (("-A", "1.2.3.4", "-e", "x" * 8192), "do not fit into a message"),
])
def test_bad_use(options, told, tmp_path):
    if "x" * 8192 in options:
        door = socket.create_server(("127.0.0.1", 0))
        options = ("-A", f"127.0.0.1:{door.getsockname()[1]}", *options[2:])
    p = run(TRACECMD, "record", *options, status=None, cwd=tmp_path)
    assert p.returncode in (1, 2) and told in p.stderr, p.stderr
    assert not os.listdir(tmp_path)


def test_nobody_there(tmp_path):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        p = record(tmp_path, "-A", f"127.0.0.1:{s.getsockname()[1]}", "-e", "x", "true", status=1)
    assert "127.0.0.1: cannot connect to '127.0.0.1'" in p.stderr
    assert not os.listdir(tmp_path)


def test_a_key_is_for_its_owner(tmp_path):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    key.chmod(0o640)
    p = record(tmp_path, "--key-file", key, "-A", "127.0.0.1:1", "-e", "x", status=1)
    assert "is for others to see (mode 640)" in p.stderr
    key.chmod(0o600)
    key.write_text("short\n")
    p = record(tmp_path, "--key-file", key, "-A", "127.0.0.1:1", "-e", "x", status=1)
    assert "has 5 bytes, at least 16 are needed" in p.stderr
