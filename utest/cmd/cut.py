# SPDX-License-Identifier: GPL-2.0-or-later
"""Breaks the connections of a process, as a firewall that has forgotten them, or a reset link, does."""

import ctypes
import os
import re

LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438
AF_UNSPEC = (ctypes.c_uint16 * 8)()


def sockets(pid):
    """Descriptors of its connections over TCP, in order."""
    connected = set()
    for name in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{name}") as f:
            # state 1: established
            connected |= {fields[9] for fields in map(str.split, list(f)[1:]) if fields[3] == "01"}
    found = []
    for fd in map(int, os.listdir(f"/proc/{pid}/fd")):
        try:
            m = re.match(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
        if m and m[1] in connected:
            found.append(fd)
    return sorted(found)


def reset(pid, fd):
    """The peer gets a reset, the process an error. Whether there was something to reset."""
    pidfd = os.pidfd_open(pid)
    try:
        ours = LIBC.syscall(PIDFD_GETFD, pidfd, fd, 0)
    finally:
        os.close(pidfd)
    if ours < 0:
        return False
    try:
        return LIBC.connect(ours, AF_UNSPEC, 16) == 0
    finally:
        os.close(ours)
