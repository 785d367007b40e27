# SPDX-License-Identifier: GPL-2.0-or-later
"""tracecmd listen: what captured recorders sent becomes the file it should be, whatever others send meanwhile."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import common
from wire import FIN_DATA, PAGE, SEND_DATA, Recorder, chunk, content, listening, message, pages, play, play_v1

V3 = ["listen-v3-tcp", "listen-v3-tcp-oldserver", "listen-v3-udp", "listen-v3-udp-oldclient", "listen-v3-udp-file6",
      "listen-v3-udp-uncompressed"]
PACKED = 2      # of what is granted
V1 = ["listen-v1-server", "listen-v1-client-udp", "listen-v1-client-tcp"]


@pytest.fixture
def listener(tmp_path):
    with listening(tmp_path) as lst:
        yield lst


def expected(session):
    return common.report(f"{common.UTEST}/fixtures/wire/{session}/server-result.dat")


def check_same(lst, name, session):
    path = lst.await_file(name)
    common.strict_check(path)
    common.equal_text(common.report(path), expected(session))


def only(folder, *names):
    """What the folder holds."""
    assert sorted(os.listdir(folder)) == sorted(f"trace.{name}.dat" for name in names)


def test_sessions(listener):
    names = {session: play(listener.port, session) for session in V3}
    for session, name in names.items():
        check_same(listener, name, session)
    only(listener.folder, *names.values())


def test_sessions_of_version_1(listener):
    names = {session: play_v1(listener.port, session) for session in V1}
    check_same(listener, names["listen-v1-server"], "listen-v1-server")
    for session in V1[1:]:
        path = listener.await_file(names[session])
        common.strict_check(path)
        # trace-cmd's own listener keeps none of these events
        assert common.report(path).count("sys_enter_getppid") == 100
    only(listener.folder, *names.values())


def test_other_programs_read_the_file(listener, tmp_path):
    for session in ("listen-v3-tcp", "listen-v3-udp-file6"):
        path = listener.await_file(play(listener.port, session))
        # The same but for names of plugins: the events' lines.
        events = [line for line in common.trace_cmd_report(path).splitlines() if "getppid" in line]
        theirs = f"{common.UTEST}/fixtures/wire/{session}/server-result.dat"
        assert len(events) == 100
        assert events == [line for line in common.trace_cmd_report(theirs).splitlines() if "getppid" in line]


def test_byte_by_byte(listener):
    said = content("listen-v3-tcp", "control.c2s")
    r = Recorder(listener.port)
    r.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in said[:61]:
        r.sock.sendall(bytes([byte]))
    answer = r.get(8 + 3 + 2 + 26)
    r.ports = [int(p) for p in answer[-10:].split(b"\0")[:-1]]
    for at in range(61, len(said) - 12, 7):
        r.sock.sendall(said[at:min(at + 7, len(said) - 12)])
    for cpu in range(2):
        with r.connect(cpu) as s:
            data = pages("listen-v3-tcp", cpu)
            for at in range(0, len(data), 1001):
                s.sendall(data[at:at + 1001])
    r.close()
    check_same(listener, r.name, "listen-v3-tcp")


def test_nothing_is_replaced(listener):
    """A recorder that has the address and port of an earlier one gets a file of its own."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        source = s.getsockname()
    for _ in range(2):
        r = Recorder(listener.port, source).begin().metadata()
        r.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for cpu in range(2):
            r.send(cpu, pages("listen-v3-tcp", cpu))
        # The listener closes first, so that the port is free again.
        r.sock.sendall(message(0))
        while r.sock.recv(100):
            pass
        r.sock.close()
    listener.await_line("' is made of", nr=2)
    assert sorted(os.listdir(listener.folder)) == sorted([f"trace.{r.name}.dat", f"trace.{r.name}.1.dat"])
    for name in os.listdir(listener.folder):
        common.equal_text(common.report(listener.folder / name), expected("listen-v3-tcp"))


# ---- chunks ------------------------------------------------------------------------

@pytest.mark.parametrize("packed", [(True,), (False,), (True, True, False, True)])
def test_chunks(listener, packed):
    """Compressed ones, whole ones, and both in turn: what is in them is what would come without."""
    r = Recorder(listener.port).begin(packed=True).metadata()
    assert r.granted == PACKED
    for cpu in range(2):
        said = b"".join(chunk(cpu, k, pages("listen-v3-tcp", cpu) * (k + 1), p) for k, p in enumerate(packed))
        with r.connect(cpu) as s:
            for at in range(0, len(said), 77):
                s.sendall(said[at:at + 77])
    r.close()
    plain = listener.await_file(play(listener.port, copies=sum(range(len(packed) + 1))))
    path = listener.await_file(r.name)
    common.strict_check(path)
    common.equal_text(common.report(path), common.report(plain))


def test_chunks_where_memory_is_short(tmp_path):
    """They are not granted then, and are once another has ended."""
    with listening(tmp_path, "--memory", "2M") as lst:
        first, second, third = (Recorder(lst.port).begin(packed=True).metadata() for _ in range(3))
        assert [r.granted for r in (first, second, third)] == [PACKED, PACKED, 0]
        for r in first, second:
            for cpu in range(2):
                r.send(cpu, chunk(cpu, 0, pages("listen-v3-tcp", cpu)))
            r.close()
            check_same(lst, r.name, "listen-v3-tcp")
        for cpu in range(2):
            third.send(cpu, pages("listen-v3-tcp", cpu))
        third.close()
        check_same(lst, third.name, "listen-v3-tcp")
        assert Recorder(lst.port).begin(packed=True).granted == PACKED


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


@pytest.mark.parametrize("wrong, told", [
    (lambda c: flipped(c, 100), "chunk 1 of CPU 1 was damaged on its way"),
    (lambda c: flipped(c, 33), "chunk 1 of CPU 1 was damaged on its way"),
    (lambda c: flipped(c, 72), "chunk 1 of CPU 1 was damaged on its way"),
    (lambda c: flipped(c, 24), "chunk 0 of CPU 1 came, number 1 of CPU 1 was expected"),
    (lambda c: flipped(c, 0), "what came for CPU 1 is no chunk of sub-buffers"),
    (lambda c: c[:60] + struct.pack("<I", 1 << 31) + c[64:], "claims 2147483648 bytes of sub-buffers"),
    (lambda c: pages("listen-v3-tcp", 1), "what came for CPU 1 is no chunk of sub-buffers"),
    (lambda c: c[:100], "the last 100 bytes are no whole sub-buffers"),
    (lambda c: c[:79], "the last 79 bytes are no whole sub-buffers"),
], ids=range(9))
def test_chunks_that_are_none(listener, wrong, told):
    """What came before is a file; others are served."""
    data = pages("listen-v3-tcp", 1)
    r = Recorder(listener.port).begin(packed=True).metadata()
    r.send(0, chunk(0, 0, pages("listen-v3-tcp", 0)))
    r.send(1, chunk(1, 0, data) + wrong(chunk(1, 1, data)))
    with contextlib.suppress(ConnectionError):
        r.close()
    path = listener.await_file(r.name)
    listener.await_line(r.name, told)
    common.strict_check(path)
    assert common.report(path).count("sys_enter_getppid") == 100
    check_same(listener, play(listener.port), "listen-v3-tcp")


# ---- who vanishes -----------------------------------------------------------------

def test_vanished(listener):
    """What came of a recorder that is gone without a word is a file."""
    r = Recorder(listener.port).begin().metadata()
    r.send(0, pages("listen-v3-tcp", 0))
    r.sock.close()
    path = listener.await_file(r.name)
    listener.await_line(r.name, "without a farewell")
    listener.await_line(r.name, "all that came before it vanished")
    common.strict_check(path)
    assert common.report(path).count("sys_enter_getppid") == 50


def test_torn_sub_buffer(listener):
    r = Recorder(listener.port).begin().metadata()
    r.send(0, pages("listen-v3-tcp", 0) + b"x" * 100)
    r.send(1, pages("listen-v3-tcp", 1))
    r.close()
    check_same(listener, r.name, "listen-v3-tcp")
    listener.await_line(r.name, "the last 100 bytes are no whole sub-buffers")


def test_damaged_sub_buffer(listener):
    """Other than that, all of it is there; and the file is one that can be believed."""
    r = Recorder(listener.port).begin().metadata()
    r.send(0, b"\xff" * PAGE + pages("listen-v3-tcp", 0))
    r.send(1, pages("listen-v3-tcp", 1))
    r.close()
    path = listener.await_file(r.name)
    listener.await_line(r.name, "sub-buffers are damaged")
    common.strict_check(path)
    assert common.report(path).count("sys_enter_getppid") == 100


def test_ended_by_a_signal(listener):
    r = Recorder(listener.port).begin().metadata()
    r.send(0, pages("listen-v3-tcp", 0))
    idle = Recorder(listener.port)
    idle.get(8)
    listener.await_line(r.name, "over TCP")
    time.sleep(0.2)
    assert listener.stop() == 0
    assert common.report(listener.path(r.name)).count("sys_enter_getppid") == 50
    only(listener.folder, r.name)
    for s in (r.sock, idle.sock):
        assert not s.recv(1)


def test_killed(tmp_path):
    """What a listener that is killed has taken is read from what lies there."""
    with listening(tmp_path) as lst:
        r = Recorder(lst.port).begin().metadata()
        r.send(0, pages("listen-v3-tcp", 0))
        spool = f"{lst.path(r.name)}.cpu0"
        end = time.monotonic() + 60
        # A chunk behind the description, as soon as the listener puts on the disk what it has.
        while not os.path.exists(spool) or open(spool, "rb").read().count(b"TCspool\n") < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        lst.process.kill()
        lst.process.wait()
        p = common.run(common.TRACECMD, "report", lst.path(r.name), status=None)
        assert p.stdout.count("sys_enter_getppid") == 50, p.stderr
        common.run(common.TRACECMD, "restore", "-o", tmp_path / "restored.dat", lst.path(r.name))
        assert common.report(tmp_path / "restored.dat").count("sys_enter_getppid") == 50


# ---- who misbehaves ------------------------------------------------------------------

def errors():
    """(name, bytes) of what a listener has to cope with."""
    with open(f"{common.UTEST}/fixtures/wire/listen-errors.tsv") as f:
        for line in f:
            name, said = line.split("\t")[:2]
            if not name.startswith("#") and said and " " not in said:
                yield name, bytes.fromhex(said)


def test_bad_peers_harm_nobody(listener):
    good = Recorder(listener.port).begin().metadata()
    bad = []
    for _, said in [*errors(), ("flood", b"1" * 100000), ("zeros", bytes(100000)), ("http", b"GET / HTTP/1.0\r\n\r\n")]:
        r = Recorder(listener.port)
        try:
            r.sock.sendall(said)
        except OSError:
            pass                # it was sent away in the middle of it
        bad.append(r)
    for cpu in range(2):
        good.send(cpu, pages("listen-v3-tcp", cpu))
    good.close()
    check_same(listener, good.name, "listen-v3-tcp")
    for r in bad:
        r.sock.close()
    for r in bad:
        listener.await_line(r.name, "nothing of it can be kept")
    only(listener.folder, good.name)
    # One line each, whatever was in what they said.
    assert all(line.startswith(("127.0.0.1:", "listening")) for line in listener.lines())


def test_metadata_that_are_none(listener):
    for case in (b"", b"hello", b"\x17\x08\x44tracing7\0" + b"\xff" * 1000):
        r = Recorder(listener.port).begin()
        r.sock.sendall((message(SEND_DATA, payload=case) if case else b"") + message(FIN_DATA))
        assert not r.sock.recv(1)
        listener.await_line(r.name, "nothing of it can be kept")
        r.sock.close()
    only(listener.folder)


def test_slow_peers(tmp_path):
    with listening(tmp_path, "--timeout", "1") as lst:
        r = Recorder(lst.port).begin().metadata()
        silent = Recorder(lst.port)
        halfway = Recorder(lst.port).begin()
        halfway.sock.sendall(content("listen-v3-tcp", "control.c2s")[41:500])
        slow = Recorder(lst.port)
        slow.get(8)
        lst.await_line(silent.name, "it has had 1 seconds for its first words")
        lst.await_line(halfway.name, "it has had 1 seconds for its metadata")
        lst.await_line(slow.name, "it has had 1 seconds")
        # Once it records a recorder may be silent as long as it likes.
        r.send(0, pages("listen-v3-tcp", 0))
        r.send(1, pages("listen-v3-tcp", 1))
        r.close()
        check_same(lst, r.name, "listen-v3-tcp")


def test_quota(tmp_path):
    with listening(tmp_path, "--max-client-size", "20K") as lst:
        greedy = Recorder(lst.port).begin().metadata()
        noise = [os.urandom(PAGE - 16) for _ in range(64)]
        head = struct.pack("<QQ", 10**9, PAGE - 16)
        with greedy.connect(0) as s:
            try:
                for _ in range(100):
                    s.sendall(b"".join(head + n for n in noise))
            except OSError:
                pass            # the listener has had enough
        lst.await_line(greedy.name, "it has sent what it may: 20480 bytes on the disk")
        check_same(lst, play(lst.port), "listen-v3-tcp")
        lst.await_file(greedy.name)
        assert os.path.getsize(lst.path(greedy.name)) < 40 << 10


def test_too_many(tmp_path):
    with listening(tmp_path, "--max-clients", "2") as lst:
        first = Recorder(lst.port).begin().metadata()
        second = Recorder(lst.port).begin()
        third = Recorder(lst.port)
        assert not third.sock.recv(1)
        lst.await_line(third.name, "refused, 2 are served already")
        second.sock.close()
        lst.await_line(second.name, "nothing of it can be kept")
        fourth = play(lst.port)
        first.close()
        lst.await_file(first.name)
        check_same(lst, fourth, "listen-v3-tcp")


def test_data_of_another_machine(listener):
    """A CPU's connection is taken from the recorder's own address alone."""
    r = Recorder(listener.port).begin().metadata()
    with r.connect(0, source=("127.0.0.7", 0)) as stranger:
        assert not stranger.recv(1)
    listener.await_line(r.name, "127.0.0.7, which is another machine")
    for cpu in range(2):
        r.send(cpu, pages("listen-v3-tcp", cpu))
    r.close()
    check_same(listener, r.name, "listen-v3-tcp")


def test_datagrams_of_others(listener):
    r = Recorder(listener.port).begin(tcp=False).metadata("listen-v3-udp")
    with r.connect(0, source=("127.0.0.7", 0)) as stranger:
        stranger.send(pages("listen-v3-udp", 1))
    with r.connect(0) as s:
        s.send(b"short")
    for cpu in range(2):
        r.send(cpu, pages("listen-v3-udp", cpu))
    r.close()
    check_same(listener, r.name, "listen-v3-udp")
    listener.await_line(r.name, "2 datagrams were not its sub-buffers")


def test_lost_datagrams_are_told(listener):
    """What the machine had no room for is counted, and the file says where it is missing."""
    r = Recorder(listener.port).begin(tcp=False).metadata("listen-v3-udp")
    page = pages("listen-v3-udp", 0)
    r.send(0, page)
    time.sleep(0.3)
    listener.process.send_signal(signal.SIGSTOP)
    with r.connect(0) as s:
        for _ in range(5000):
            s.send(page)
        listener.process.send_signal(signal.SIGCONT)
        r.send(1, pages("listen-v3-udp", 1))
        # Only with one that comes behind them the kernel tells of those that were dropped.
        time.sleep(0.3)
        s.send(page)
    r.close()
    path = listener.await_file(r.name)
    told = listener.await_line(r.name, "came faster than they could be read")
    lost = int(told.split()[1])
    got = int(listener.await_line(r.name, "is made of").split()[-2]) // PAGE
    assert lost > 0 and got + lost == 5003
    assert "EVENTS DROPPED" in common.report(path)


# ---- many ------------------------------------------------------------------------------

def all_at_once(listener, nr, meanwhile=lambda: None):
    names, failures = [], []

    def one():
        try:
            names.append(play(listener.port, copies=16))
        except Exception as why:    # told below, where it fails the test
            failures.append(why)

    threads = [threading.Thread(target=one) for _ in range(nr)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        meanwhile()
        time.sleep(0.004)
    for t in threads:
        t.join()
    assert not failures
    return names


@pytest.mark.parametrize("busy", [False, True], ids=["", "on a machine that is busy with others"])
def test_many_at_once(listener, busy):
    """Nothing is given up that has come and was not looked at yet."""
    def pause():
        listener.process.send_signal(signal.SIGSTOP)
        time.sleep(0.7)
        listener.process.send_signal(signal.SIGCONT)

    names = all_at_once(listener, 50, pause if busy else lambda: None)
    for _ in range(5 if busy else 0):
        pause()
        time.sleep(0.004)
    for name in names:
        listener.await_file(name)
    only(listener.folder, *names)
    for name in names:
        assert common.run(common.TRACECMD, "report", "--count", listener.path(name)).stdout.count("1600")


def test_time_without_service_is_not_counted(tmp_path):
    """What a recorder has for its first words is time in which it could be heard and answered."""
    with listening(tmp_path, "--timeout", "1") as lst:
        r = Recorder(lst.port)
        assert r.get(8) == b"tracecmd"
        for said, answer in ((b"-1V3\0", b"V3\0"), (b"766679\0\0", b"OK")):
            lst.process.send_signal(signal.SIGSTOP)
            time.sleep(1.2)
            lst.process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
            r.sock.sendall(said)
            assert r.get(len(answer)) == answer
        r.sock.close()


# ---- options -----------------------------------------------------------------------------

@pytest.mark.parametrize("options, told", [
    ((), "the port to listen on is missing"),
    (("-p", "x"), "'x' is no port"),
    (("-p", "70000"), "'70000' is no port"),
    (("-p", "0", "-o", "../x"), "cannot begin the names of files"),
    (("-p", "0", "-o", ".x"), "cannot begin the names of files"),
    (("-p", "0", "-d", "/nonexistent"), "cannot make files in '/nonexistent'"),
    (("-p", "0", "-l", "/nonexistent/log"), "cannot write the log"),
    (("-p", "0", "--address", "nohost.invalid"), "cannot find out the address"),
    (("-p", "0", "--max-clients", "0"), "between 1 and"),
    (("-p", "0", "--max-client-size", "much"), "is no size"),
    (("-p", "0", "-V", "--any"), "option -V excludes --any"), (("-p", "4294967295", "-V"), "a number up to 4294967294"),
    (("-p", "0", "more"), "'more' is no option"),
])
def test_bad_options(options, told, tmp_path):
    p = common.run(common.TRACECMD, "listen", *options, status=None, cwd=tmp_path)
    assert p.returncode in (1, 2) and told in p.stderr, p.stderr
    assert not os.listdir(tmp_path)


def test_port_in_use(listener):
    p = common.run(common.TRACECMD, "listen", "-p", str(listener.port), "-d", listener.folder, status=1)
    assert f"cannot listen on port {listener.port}" in p.stderr


def test_loopback_unless_told_otherwise(tmp_path):
    def addresses(port):
        found = subprocess.run(["ss", "-Htln", f"sport = :{port}"], stdout=subprocess.PIPE, text=True, check=True).stdout
        return {line.split()[3].rsplit(":", 1)[0] for line in found.splitlines()}

    with listening(tmp_path) as lst:
        assert addresses(lst.port) <= {"127.0.0.1", "[::1]"} and addresses(lst.port)
    with listening(tmp_path, "--any") as lst:
        assert addresses(lst.port) <= {"*", "[::]", "0.0.0.0"}
        check_same(lst, play(lst.port), "listen-v3-tcp")


def test_background(tmp_path):
    pid_file, log, got = tmp_path / "pid", tmp_path / "log", tmp_path / "got"
    got.mkdir()
    p = common.run(common.TRACECMD, "listen", "-p", "0", "-d", got, "-o", "name", "-l", log, "-D", "--pid-file", pid_file)
    pid = int(pid_file.read_text())
    try:
        assert f"pid {pid} to stop listening" in p.stdout
        port = int(log.read_text().split("port ")[1].split()[0])
        name = play(port)
        end = time.monotonic() + 60
        while f"name.{name}.dat' is made of" not in log.read_text() and time.monotonic() < end:
            time.sleep(0.05)
        common.equal_text(common.report(got / f"name.{name}.dat"), expected("listen-v3-tcp"))
    finally:
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 60
    while pid_file.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not pid_file.exists()
