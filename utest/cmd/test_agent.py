# SPDX-License-Identifier: GPL-2.0-or-later
"""agent: who is served, what may be asked for, and that nothing of it stays in the kernel."""

import contextlib
import os
import signal
import socket
import struct
import subprocess

import pytest

import common
import tracefs
from agents import CONT, NOT_SUPP, TRACE_REQ, agent, get_message, request
from common import TRACECMD, run
from recording import parsed, wait_for
from wire import TIMEOUT, message

INSTANCES = f"{tracefs.ROOT}/instances"


def is_closed(sock):
    with contextlib.suppress(ConnectionResetError):
        return sock.recv(1) == b""
    return True


# ---- before the kernel is asked for anything ---------------------------------------

@pytest.mark.parametrize("said, told", [
    (message(1, struct.pack(">III", 1, 4096, 0)), "the first message is TINIT, TRACE_REQ was expected"),
    (struct.pack(">III", 8193, 6, 16), "a message claims 8193 bytes"),
    (struct.pack(">III", 0x80000000, 6, 16), "a message claims 2147483648 bytes"),
    (struct.pack(">III", 16, 6, 5) + bytes(4), "claims a fixed part of 5 bytes"),
    (message(TRACE_REQ, bytes(16), struct.pack(">II", 0, 100)), "a parameter of TRACE_REQ claims 100 bytes"),
    (message(TRACE_REQ, bytes(16), struct.pack(">III", 0, 6, 9) + b"-e"), "do not end with a NUL"),
    (b"", "closed the connection before it had said what it wants"),
    (b"GET / HTTP/1.1\r\n\r\n", "a message claims 1195725856 bytes"),
], ids=range(8))
def test_bad_hosts_harm_nobody(said, told):
    with agent() as a:
        with a.connect() as s:
            s.sendall(said)
            if not said:
                s.shutdown(socket.SHUT_WR)
            a.lines_until(told)
        with a.connect() as s:
            s.sendall(request("-o", "x", ours=True))
            assert get_message(s)[0] == NOT_SUPP
        a.end()


@pytest.mark.parametrize("args, told", [
    (("-e", "sched", "-o", "/tmp/x"), "option -o is not for hosts to ask for"),
    (("-e", "sched", "-N", "x:1"), "option -N is not for hosts to ask for"),
    (("-e", "sched", "--probe", "p:x /bin/sh:main"), "option --probe is not for hosts to ask for"),
    (("-e", "sched", "-k"), "option -k is not for hosts to ask for"),
    (("-e", "sched", "-B", "x"), "option -B is not for hosts to ask for"),
    (("-e", "sched", "-A", "x"), "option -A is not for hosts to ask for"),
    (("-e", "sched", "--temp", "/x"), "option --temp is not for hosts to ask for"),
    (("-e", "sched", "reboot"), "'reboot' is not run here"),
    (("-e", "sched", "-p", "wakeup"), "latency tracer"),
    (("-e", "sched", "-b", "4000000000"), "gives the buffers of its"),
    (("-h",), "help and versions are not for hosts"),
    (("--nosuch",), "there is no option '--nosuch'"),
    ((), "nothing to trace is named"),
])
def test_what_no_host_may_have(args, told):
    """A tracecmd is told, a trace-cmd sees the connection closed; the agent's messages tell both."""
    with agent() as a:
        with a.connect() as s:
            s.sendall(request(*args, ours=True))
            ident, _, words = get_message(s)
            assert ident == NOT_SUPP and told in words.decode() and is_closed(s)
        assert told in a.lines_until(told)
        with a.connect() as s:
            s.sendall(request(*args))
            assert is_closed(s)
        a.lines_until(told)
        a.end()


def test_only_those_who_are_allowed():
    with agent("--allow", "127.0.0.2", "--allow", "127.1.0.0/16") as a:
        for source, served in (("127.0.0.1", False), ("127.0.0.2", True), ("127.1.2.3", True), ("127.2.0.1", False)):
            with a.connect(source) as s:
                if served:
                    s.sendall(request("-o", "x", ours=True))
                    assert get_message(s)[0] == NOT_SUPP
                else:
                    assert is_closed(s)
                    assert f"{source}:" in a.lines_until("refused, it is not allowed")
        a.end()


def test_no_more_than_so_many():
    with agent("--max-clients", 1) as a:
        with a.connect() as first, a.connect() as second:
            assert is_closed(second)
            a.lines_until("refused, 1 are served already")
            first.sendall(request("-o", "x", ours=True))
            assert get_message(first)[0] == NOT_SUPP
        a.end()


def test_ends_though_somebody_says_nothing():
    with agent() as a:
        with a.connect():
            a.end()


def key_file(tmp_path, text="0123456789abcdef\n"):
    path = tmp_path / "key"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_without_the_key(tmp_path):
    with agent("--key-file", key_file(tmp_path)) as a:
        with a.connect() as s:
            s.sendall(request("-e", "sched"))
            assert is_closed(s)
            a.lines_until("cannot prove that it has the key")
        for proof, told in ((b"", "it has no key"), (bytes(32), "its key is another one")):
            with a.connect() as s:
                s.sendall(request("-e", "sched", ours=True))
                ident, fixed, _ = get_message(s)
                assert ident == CONT and len(fixed) == 64 and fixed[:32] != bytes(32)
                s.sendall(message(CONT, proof))
                assert get_message(s)[0] == NOT_SUPP and is_closed(s)
                a.lines_until(told)
        a.end()


@pytest.mark.parametrize("options, told", [
    (("-p", "x"), "'x' is no port"),
    (("--tcp", "-p", "65536"), "'65536' is no port"),
    (("--cid", "x"), "'x' is no CID"),
    (("--allow", "1.2.3.4/33"), "at most 32 bits"),
    (("--allow", "nosuch.invalid"), "cannot find out the address of 'nosuch.invalid'"),
    (("--key-optional",), "give --key-file"),
    (("--max-clients", "0"), "between 1 and 1024"),
    (("-P", "3"), "option -P"),
    (("command",), "an agent runs no command"),
])
def test_bad_options(options, told):
    p = run(TRACECMD, "agent", *options, status=None)
    assert p.returncode in (1, 2) and told in p.stderr, p.stderr


def test_socket_activation():
    """As systemd hands a socket over."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        p = subprocess.Popen(["bash", "-c", f"exec 3<&{door.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec {TRACECMD} agent"],
                             pass_fds=[door.fileno()], stdout=subprocess.PIPE, text=True)
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as s:
            s.sendall(request("-o", "x", ours=True))
            assert get_message(s)[0] == NOT_SUPP
    finally:
        p.terminate()
        p.communicate()
    assert p.returncode == 0


# ---- recording -----------------------------------------------------------------------

def sessions():
    return [n for n in os.listdir(INSTANCES) if n.startswith("tracecmd-agent-")]


# An agent says that it is ready, and traces a moment later.
COMMAND = ("sh", "-c", f"while grep -q 0 {INSTANCES}/tracecmd-agent-*/tracing_on; do sleep 0.01; done; "
                       "for i in 1 2 3 4 5; do bash -c 'echo $PPID' >/dev/null; done")


def test_host_and_agent_record_the_same(kernel, tmp_path):
    """Both of this machine: a buffer of ours and the agent's have the same events."""
    mine = common.instance("agent")
    with agent() as a:
        p = run(TRACECMD, "record", "-o", "t.dat", "-B", mine, "-e", "sched:sched_process_exit", "-A",
                f"127.0.0.1:{a.port}", "--name", "guest", "-e", "sched:sched_process_exit", "-b", "200", *COMMAND, cwd=tmp_path)
        wait_for(lambda: not sessions(), "the agent's instance is gone")
        a.end()
    assert sorted(os.listdir(tmp_path)) == ["t-guest.dat", "t.dat"], p.stderr
    for name in ("t.dat", "t-guest.dat"):
        common.strict_check(tmp_path / name)
    ended = [[e.text for e in parsed(tmp_path / name) if "comm=bash" in e.text] for name in ("t.dat", "t-guest.dat")]
    assert len(ended[0]) >= 5 and ended[0] == ended[1]
    dump = run(TRACECMD, "dump", "--options", tmp_path / "t.dat").stdout
    assert "[Option GUEST" in dump and "guest" in dump
    common.same_report(tmp_path / "t-guest.dat")


def test_two_hosts_at_once(kernel, tmp_path):
    with agent() as a:
        run(TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "--name", "a", "-e", "sched:sched_process_exit",
            "-A", f"127.0.0.1:{a.port}", "--name", "b", "-e", "sched:sched_process_exit", *COMMAND, cwd=tmp_path)
        a.end()
    ended = [[e.text for e in parsed(tmp_path / f"t-{name}.dat") if "comm=bash" in e.text] for name in "ab"]
    assert len(ended[0]) >= 5 and ended[0] == ended[1]


def test_with_a_key(kernel, tmp_path):
    key = key_file(tmp_path)
    with agent("--key-file", key) as a:
        run(TRACECMD, "record", "-o", "t.dat", "--key-file", key, "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e",
            "sched:sched_process_exit", *COMMAND, cwd=tmp_path)
        other = key_file(tmp_path, "fedcba9876543210\n")
        p = run(TRACECMD, "record", "-o", "u.dat", "--key-file", other, "-A", f"127.0.0.1:{a.port}", "-e", "sched", "true",
                cwd=tmp_path, status=1)
        assert "the agent's key is not ours" in p.stderr
        a.end()
    assert parsed(tmp_path / "t-guest.dat")


def test_unknown_event_changes_nothing(kernel, tmp_path):
    with agent() as a:
        p = run(TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "-e", "sched:nosuch", "true", cwd=tmp_path,
                status=1)
        assert "the agent refuses: option -e: this kernel has no event" in p.stderr
        a.end()
    assert not os.listdir(tmp_path)


def begun(a, tmp_path):
    """A host that records, and the process of the agent that serves it."""
    p = subprocess.Popen([TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e",
                          "sched:sched_process_exit"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any(tracefs.read(f"{INSTANCES}/{n}/tracing_on") == "1\n" and
                         "sched:" in tracefs.read(f"{INSTANCES}/{n}/set_event") for n in sessions()), "it records")
    return p


def test_host_that_vanishes(kernel, tmp_path):
    with agent() as a:
        p = begun(a, tmp_path)
        p.kill()
        p.communicate()
        wait_for(lambda: not sessions(), "its instance is gone")
        a.lines_until("the host has vanished")
        a.end()


def test_agent_that_is_ended(kernel, tmp_path):
    """The host has a whole file."""
    with agent() as a:
        p = begun(a, tmp_path)
        run("true")
        a.end()
        assert not sessions()
        _, err = p.communicate(timeout=TIMEOUT)
    assert p.returncode == 0, err
    assert parsed(tmp_path / "t-guest.dat")


def test_agent_that_is_killed(kernel, tmp_path):
    with agent() as a:
        p = begun(a, tmp_path)
        a.p.kill()
        a.p.wait()
        wait_for(lambda: not sessions(), "the instance is gone")
        _, err = p.communicate(timeout=TIMEOUT)
    assert p.returncode == 0, err
    assert os.path.exists(tmp_path / "t-guest.dat")


def test_session_that_is_killed(kernel, tmp_path):
    """What stands beside it puts the kernel back; the host keeps what had come; others are served."""
    with agent() as a:
        p = begun(a, tmp_path)
        os.kill(int(sessions()[0].rsplit("-", 1)[1]), signal.SIGKILL)
        wait_for(lambda: not sessions(), "the instance is gone")
        _, err = p.communicate(timeout=TIMEOUT)
        assert p.returncode == 1 and "closed the connection while it recorded; what came before that is in" in err
        with a.connect() as s:
            s.sendall(request("-o", "x", ours=True))
            assert get_message(s)[0] == NOT_SUPP
        a.end()


def test_limit_of_time(kernel, tmp_path):
    with agent("--max-time", 1) as a:
        run(TRACECMD, "record", "-o", "t.dat", "-A", f"127.0.0.1:{a.port}", "--name", "guest", "-e", "sched:sched_process_exit",
            cwd=tmp_path)
        a.end()
    assert os.listdir(tmp_path) == ["t-guest.dat"]
