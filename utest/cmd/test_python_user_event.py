# SPDX-License-Identifier: GPL-2.0-or-later
"""User events from Python: records as the kernel wants them; by the kernel where it has user events."""

import os
import re
import struct

import pytest

import common
import tracefs
from python_module import tracecmd
from tracecmd.user_event import UserEvent, parse


class Unregistered(UserEvent):
    """Its records, without a kernel."""

    def __init__(self, definition):
        self.fields, self.name = parse(definition), definition.split()[0]


def test_records():
    e = Unregistered("e u32 id; u64 bytes; char[8] name; s16 n")
    assert e.record(id=1, bytes=1 << 40, name="abc", n=-2) == struct.pack("=IQ8sh", 1, 1 << 40, b"abc", -2)
    e = Unregistered("e u32 id; __rel_loc char[] path; __data_loc u16[] list")
    data = e.record(id=7, path="ab", list=[5, 6])
    head, tail = data[:12], data[12:]
    identity, path, values = struct.unpack("=III", head)
    # the one counts from behind its own four bytes, the other from the record's head of 8 bytes
    assert identity == 7 and (path >> 16, path & 0xffff) == (3, 12 - 8) and (values >> 16, values & 0xffff) == (4, 12 + 3 + 8)
    assert tail == b"ab\0" + struct.pack("=HH", 5, 6)
    assert Unregistered("e struct thing data 4").record(data=b"wxyz") == b"wxyz"
    assert Unregistered("nothing").record() == b""


@pytest.mark.parametrize("values,exception,words", [
    ({}, TypeError, "'id' is missing"), ({"id": 1, "name": "x", "other": 2}, TypeError, "'other'"),
    ({"id": -1, "name": "x"}, ValueError, "'id'"), ({"id": 1 << 32, "name": "x"}, ValueError, "'id'"),
    ({"id": "x", "name": "x"}, ValueError, "'id'"), ({"id": 1, "name": "abcd"}, ValueError, "4 bytes"),
])
def test_wrong_values(values, exception, words):
    with pytest.raises(exception, match=words):
        Unregistered("e u32 id; char[4] name").record(**values)


@pytest.mark.parametrize("definition", ["", "e x y", "e u32", "e __rel_loc x[] y", "e u33 x", "e ;;x"])
def test_wrong_definitions(definition):
    with pytest.raises(tracecmd.SelectionError):
        parse(definition)


@pytest.mark.kernel
def test_the_kernel_takes_them(kernel):
    if not os.path.exists(f"{tracefs.ROOT}/user_events_data"):
        with pytest.raises(tracecmd.UserEventError, match="user events"):
            tracecmd.UserEvent("tcpy u32 id")
        return
    name = re.sub(r"\W", "_", common.instance("python"))
    with tracecmd.UserEvent(f"{name} u32 id; u64 bytes; __rel_loc char[] path") as event:
        assert not event.enabled and not event(id=1, bytes=2, path="x")
        with tracecmd.record(f"user_events:{name}", instance=common.instance("python")) as r:
            assert event.enabled and event(id=7, bytes=1 << 40, path="/etc/p")
        assert [e.fields() for e in r.trace] == [{"id": 7, "bytes": 1 << 40, "path": "/etc/p"}]
        r.close()
