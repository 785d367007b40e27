# SPDX-License-Identifier: GPL-2.0-or-later
"""A recorder that plays captured sessions (utest/fixtures/wire) to a listener, and the listener itself."""

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import time

import common

SESSIONS = f"{common.UTEST}/fixtures/wire"
TIMEOUT = 60
CLOSE, TINIT, SEND_DATA, FIN_DATA = 0, 1, 3, 4
PAGE = 4096


def content(session, name):
    with open(f"{SESSIONS}/{session}/{name}", "rb") as f:
        return f.read()


def message(ident, fixed=b"", payload=b""):
    return struct.pack(">III", 12 + len(fixed) + len(payload), ident, len(fixed)) + fixed + payload


class Recorder:
    """One connection to a listener, and those for its CPUs."""

    def __init__(self, port, source=("127.0.0.1", 0)):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.settimeout(TIMEOUT)
        self.sock.bind(source)
        self.sock.connect(("127.0.0.1", port))
        self.name = "%s:%d" % self.sock.getsockname()
        self.ports = []
        self.tcp = True
        self.granted = 0    # of what only tracecmd's listeners grant, bits

    def get(self, nr):
        data = b""
        while len(data) < nr:
            more = self.sock.recv(nr - len(data))
            if not more:
                raise EOFError(data)
            data += more
        return data

    def begin(self, cpus=2, tcp=True, page=PAGE, packed=False):
        """Up to the ports."""
        self.tcp = tcp
        options = [b"tcp"] * tcp + [b"tracecmd-packed"] * packed
        assert self.get(8) == b"tracecmd"
        self.sock.sendall(b"-1V3\0")
        assert self.get(3) == b"V3\0"
        self.sock.sendall(b"766679\0\0")
        assert self.get(2) == b"OK"
        self.sock.sendall(message(TINIT, struct.pack(">III", cpus, page, len(options)),
                                  b"".join(o + b"\0" for o in options)))
        size, ident, fixed = struct.unpack(">III", self.get(12))
        body = self.get(size - 12)
        assert ident == 2 and struct.unpack(">I", body[:4]) == (cpus,)
        self.granted = struct.unpack(">I", body[4:8])[0] if fixed == 8 else 0
        self.ports = [int(p) for p in body[fixed:].split(b"\0")[:-1]]
        return self

    def metadata(self, session="listen-v3-tcp"):
        """As the session has them, FIN_DATA too."""
        said = content(session, "control.c2s")
        start = 13 + struct.unpack(">I", said[13:17])[0]
        self.sock.sendall(said[start:-12])
        return self

    def connect(self, cpu, source=("127.0.0.1", 0)):
        s = socket.socket(type=socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        s.settimeout(TIMEOUT)
        s.bind(source)
        s.connect(("127.0.0.1", self.ports[cpu]))
        return s

    def send(self, cpu, data):
        with self.connect(cpu) as s:
            if self.tcp:
                s.sendall(data)
            else:
                for at in range(0, len(data), PAGE):
                    s.send(data[at:at + PAGE])

    def close(self):
        self.sock.sendall(message(CLOSE))
        self.sock.close()


def pages(session, cpu):
    """What a session sent for a CPU."""
    tcp = os.path.exists(f"{SESSIONS}/{session}/cpu{cpu}.c2s")
    return content(session, f"cpu{cpu}.{'c2s' if tcp else 'udp'}")


def chunk(cpu, seq, data, packed=True, times=(0, 0), page=PAGE):
    """Sub-buffers as two tracecmds send them, whole or compressed."""
    zstd, xxhash = ctypes.CDLL("libzstd.so.1"), ctypes.CDLL("libxxhash.so.0")
    seeded = xxhash.XXH3_64bits_withSeed
    seeded.restype = xxhash.XXH3_64bits.restype = ctypes.c_uint64
    seeded.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    xxhash.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    zstd.ZSTD_compress.restype = ctypes.c_size_t
    zstd.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    payload = data
    if packed:
        out = ctypes.create_string_buffer(2 * len(data) + 1000)
        size = zstd.ZSTD_compress(out, len(out), data, len(data), 3)
        payload = out.raw[:size]
    head = struct.pack("<8sHHIIIQQQ8sIIQ", b"TCspool\n", 1, 2, 0, cpu, page, seq, *times, b"zstd" if packed else b"",
                       len(payload), len(data), 0)
    check = seeded(payload, len(payload), xxhash.XXH3_64bits(head, len(head)))
    return head + struct.pack("<Q", check) + payload


def play(port, session="listen-v3-tcp", copies=1):
    """A whole session; each CPU's data so many times. The recorder's name."""
    r = Recorder(port).begin(tcp=os.path.exists(f"{SESSIONS}/{session}/cpu0.c2s")).metadata(session)
    for cpu in range(2):
        r.send(cpu, pages(session, cpu) * copies)
    r.close()
    return r.name


def play_v1(port, session):
    """The same for version 1, whose control connection ends with its metadata."""
    name = "control.c2s" if os.path.exists(f"{SESSIONS}/{session}/control.c2s") else "control2.c2s"
    tcp = os.path.exists(f"{SESSIONS}/{session}/cpu0.c2s")
    r = Recorder(port)
    r.tcp = tcp
    assert r.get(8) == b"tracecmd"
    r.sock.sendall(content(session, name))
    answer = b""
    while not answer.endswith(b"\0"):
        answer += r.get(1)
    r.ports = [int(p) for p in answer[:-1].split(b",")]
    for cpu in range(2):
        r.send(cpu, pages(session, cpu))
    r.sock.close()
    return r.name


class Listener:
    def __init__(self, folder, process, port, log):
        self.folder, self.process, self.port, self.log = folder, process, port, log

    def lines(self):
        with open(self.log, errors="replace") as f:
            return f.read().splitlines()

    def await_line(self, *parts, nr=1):
        """The first lines that have all these parts, once there are so many."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            found = [line for line in self.lines() if all(p in line for p in parts)]
            if len(found) >= nr:
                return found[0] if nr == 1 else found
            assert self.process.poll() is None, f"the listener has ended\n{self.lines()}"
            time.sleep(0.02)
        raise AssertionError(f"no line with {parts} among\n" + "\n".join(self.lines()))

    def path(self, name):
        return f"{self.folder}/trace.{name}.dat"

    def await_file(self, name):
        self.await_line(f"{name}: '", "' is made of")
        return self.path(name)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=TIMEOUT)


@contextlib.contextmanager
def listening(tmp_path, *options):
    """A listener on a free port."""
    folder, log = tmp_path / "got", tmp_path / "log"
    folder.mkdir(exist_ok=True)
    with open(log, "w") as out:
        process = subprocess.Popen([common.TRACECMD, "listen", "-p", "0", "-d", folder, *options], stdout=out,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        lst = Listener(folder, process, None, log)
        lst.port = int(lst.await_line("listening on port").split()[3])
        yield lst
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
