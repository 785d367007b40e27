# SPDX-License-Identifier: GPL-2.0-or-later
"""user-event on this machine. Where the kernel has user events, it is tested in guests (utest/kernel)."""

import os

import pytest

import tracefs
from common import TRACECMD, run, tool

NONE = "no user events"


def user_event(*args, **kw):
    return run(TRACECMD, "user-event", *args, **kw)


@pytest.fixture
def without(kernel):
    if os.path.exists(f"{tracefs.ROOT}/user_events_data"):
        pytest.skip("this kernel has user events")


@pytest.mark.parametrize("args", [("list",), ("status", "--json"), ("register", "tc_user u32 x"), ("delete", "tc_user"),
                                  ("write", "tc_user", "x=1"), ("write", "tc_user u32 x", "x=1")], ids=" ".join)
def test_kernel_without(without, args):
    p = user_event(*args, status=1)
    assert NONE in p.stderr and "CONFIG_USER_EVENTS, and Linux 6.4" in p.stderr and p.stdout == ""


def test_example_goes_on_without(without):
    p = run(tool("user-event-example"), "7")
    assert p.stdout == "7 requests served\n"
    assert p.stderr.startswith("user-event: going on without events: this kernel has no user events")


def test_ordinary_user():
    """Told what is in the way, before it is tried whether the kernel has any."""
    p = run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", TRACECMD, "user-event", "write", "tc_user u32 x",
            "x=1", status=1)
    assert "user_events_data: Permission denied; root can admit a group: 'chgrp GROUP " in p.stderr


def test_tracefs_not_mounted(kernel):
    """A program's library mounts nothing."""
    p = run("unshare", "-m", "sh", "-c", "mount --make-rprivate /; umount -l /sys/kernel/debug; umount -l /sys/kernel/tracing; "
            f"{tool('user-event-example')}; grep -c tracefs /proc/mounts || :")
    assert "tracefs is not mounted; 'mount -t tracefs nodev /sys/kernel/tracing', as root" in p.stderr
    assert p.stdout == "10 requests served\n0\n"


@pytest.mark.parametrize("args, words", [
    (("register", "tc_user u33 x"), "field 1 'u33 x': there is no type 'u33'; did you mean 'u32'"),
    (("register", "tc_user", "u32", "x;", "u8", "x"), "field 2 'u8 x': there is a field of that name already"),
    (("write", "tc_user u32 x", "y=1"), "has no field 'y'"), (("write", "tc_user u32 x"), "field 'x' is missing: x=VALUE"),
    (("write", "tc_user u32 x", "x=one"), "'one' is no number"), (("write", "tc_user u32 x", "x=1", "x=2"), "given twice"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_refused_before_the_kernel_is_asked(args, words):
    p = user_event(*args, status=1)
    assert words in p.stderr


@pytest.mark.parametrize("args, words", [
    ((), "list, status, register, delete or write"), (("lsit",), "did you mean 'list'"), (("register",), "needs a definition"),
    (("delete",), "needs a name"), (("write",), "needs a definition"), (("write", "x=1"), "needs an event in front of 'x=1'"),
    (("write", "--json", "a"), "--json has no effect with 'user-event write'"), (("list", "-q"), "-q has no effect"),
    (("delete", "--multi-format", "a"), "--multi-format has no effect"), (("list", "--nosuch"), "no option '--nosuch'"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_wrong_use(args, words):
    p = user_event(*args, status=2)
    assert words in p.stderr and "user-event --help" in p.stderr
