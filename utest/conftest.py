# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets the tests of every folder import what they share (common, tracefs)."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pytest

import common
import tracefs

# Under nohup, or behind '&' in a script, these are ignored, and what the tests
# start would inherit that; the tests are about what a user's shell starts.
for sig in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(sig, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    config.addinivalue_line("markers", "kernel: has this machine's tracefs to itself (all tests that use the fixture)")

def pytest_sessionstart(session):
    """What an earlier run that was killed has left (notes of recorders, which
    every command would tell about, and instances) is not these tests' doing."""
    if not common.unusable_tracefs():
        with common.kernel_lock():
            common.put_back_what_killed_tests_left()


def pytest_collection_modifyitems(items):
    """-m kernel, -m 'not kernel': the latter can run beside anything."""
    for item in items:
        if "kernel" in item.fixturenames:
            item.add_marker("kernel")


@pytest.fixture
def kernel():
    """This machine's tracefs, for this test alone. Whatever the test does, the
    settings must be the same afterwards."""
    why = common.unusable_tracefs()
    if why:
        pytest.skip(f"tracefs cannot be used: {why}")
    with common.kernel_lock():
        before = tracefs.snapshot()
        yield tracefs.ROOT
        left = tracefs.differences(before, tracefs.snapshot())
    assert not left, "the kernel's settings changed:\n" + "\n".join(left)
