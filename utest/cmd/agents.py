# SPDX-License-Identifier: GPL-2.0-or-later
"""An agent that plays captured sessions (utest/fixtures/wire) to a host, a host that says what it likes to an
agent, and tracecmd's agent itself."""

import contextlib
import re
import socket
import struct
import subprocess
import threading

import common
from wire import CLOSE, FIN_DATA, SEND_DATA, TIMEOUT, content, message

NOT_SUPP, TRACE_REQ, TRACE_RESP, CLOSE_RESP, CONT = 5, 6, 7, 8, 11
OURS = 0x54434d44


def get(sock, nr):
    data = b""
    while len(data) < nr:
        more = sock.recv(nr - len(data))
        if not more:
            raise EOFError(data)
        data += more
    return data


def get_message(sock):
    """Id, fixed part, payload."""
    size, ident, fixed = struct.unpack(">III", get(sock, 12))
    body = get(sock, size - 12)
    return ident, body[:fixed], body[fixed:]


def messages(data):
    """Id, fixed part, payload of each."""
    while data:
        size, ident, fixed = struct.unpack(">III", data[:12])
        yield ident, data[12:12 + fixed], data[12 + fixed:size]
        data = data[size:]


def arguments(request):
    """What a TRACE_REQ asks for."""
    _, _, params = next(messages(request))
    while params:
        ident, length = struct.unpack(">II", params[:8])
        if ident == 0:
            return params[12:8 + length].decode().split("\0")[:-1]
        params = params[8 + length:]
    return None


class ScriptedAgent:
    """Serves one host as the agent of a captured session did, over TCP. @vanish: before that."""

    def __init__(self, session="agent-tcp-notsync", vanish=None):
        self.session, self.vanish = session, vanish
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.asked = self.why = None
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.serve()
        except (OSError, EOFError) as e:
            self.why = e

    def serve(self):
        with self.door.accept()[0] as control:
            control.settimeout(TIMEOUT)
            size = get(control, 4)
            self.asked = size + get(control, struct.unpack(">I", size)[0] - 4)
            if self.vanish == "answer":
                return
            doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
            for ident, fixed, payload in messages(content(self.session, "control.s2c")):
                if ident == TRACE_RESP:
                    payload = b"".join(b"%d\0" % d.getsockname()[1] for d in doors)
                if ident != CLOSE_RESP:
                    control.sendall(message(ident, fixed, payload))
                if self.vanish == "metadata" and ident == TRACE_RESP:
                    return
            data = [d.accept()[0] for d in doors]
            for cpu, d in enumerate(data):
                d.sendall(content(self.session, f"cpu{cpu}.s2c"))
                if self.vanish != "end":
                    d.close()
            if self.vanish == "end":
                return
            assert get_message(control)[0] == CLOSE
            self.closed.set()
            control.sendall(message(CLOSE_RESP))

    def close(self):
        self.door.close()
        self.thread.join(TIMEOUT)


class Agent:
    """tracecmd agent, over TCP on this machine."""

    def __init__(self, *options):
        self.p = subprocess.Popen([common.TRACECMD, "agent", "--tcp", "-p", "0", *map(str, options)],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        # a recorder that tests beside have just killed may be told of first
        self.port = int(re.search(r"port (\d+) of TCP", self.lines_until("of TCP"))[1])

    def connect(self, source="127.0.0.1"):
        s = socket.create_connection(("127.0.0.1", self.port), TIMEOUT, (source, 0))
        return s

    def lines_until(self, pattern):
        """What it says, up to a line with that. One that does not say it for too long is ended."""
        lines, late = [], threading.Timer(2 * TIMEOUT, self.p.kill)
        late.start()
        try:
            for line in self.p.stdout:
                lines.append(line)
                if re.search(pattern, line):
                    return "".join(lines)
        finally:
            late.cancel()
        raise AssertionError(f"it did not say '{pattern}': {lines}")

    def end(self):
        self.p.terminate()
        rest = self.p.stdout.read()
        assert self.p.wait(TIMEOUT) == 0, rest
        return rest


@contextlib.contextmanager
def agent(*options):
    a = Agent(*options)
    try:
        yield a
    finally:
        if a.p.poll() is None:
            a.p.kill()
            a.p.wait()
        a.p.stdout.close()


def request(*args, protos=(), ours=False):
    params = b""
    if args:
        strings = b"".join(a.encode() + b"\0" for a in args)
        params += struct.pack(">III", 0, 4 + len(strings), len(args)) + strings
    if ours:
        params += struct.pack(">II", OURS, 36) + bytes(36)
    return message(TRACE_REQ, struct.pack(">IIQ", 0, 0, 1), params)
