# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python module, as it was built; for the tests of it."""

import os
import sys

import common

PATH = f"{common.REPO}/build/python"
assert os.path.exists(f"{PATH}/_tracecmd.abi3.so"), "the Python module is not built: run make (it takes python3-dev)"
sys.path.insert(0, PATH)

import tracecmd  # noqa: E402


def fixture(name):
    return f"{common.FIXTURES}/{name}.dat"


def opened(name="old-v7", **options):
    return tracecmd.open(fixture(name), **options)
