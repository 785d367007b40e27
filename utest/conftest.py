# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets the tests of every folder import what they share (common, tracefs)."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pytest

import common
import tracefs


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
