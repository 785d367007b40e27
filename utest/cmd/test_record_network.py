# SPDX-License-Identifier: GPL-2.0-or-later
"""record -N: what does not go together is refused before anything is changed."""

import os

import pytest

from common import TRACECMD, run


@pytest.mark.parametrize("options, told", [
    (("-N", "host"), "is no listener"),
    (("-t",), "give -N HOST:PORT"),
    (("--udp",), "give -N HOST:PORT"),
    (("-N", "9", "-t", "--udp"), "options -t and --udp exclude each other"),
    (("-N", "9", "-o", "x.dat"), "options -N and -o exclude each other"),
    (("-N", "9", "-m", "100"), "options -N and -m exclude each other"),
    (("-N", "9", "--rotate", "1h"), "options -N and --rotate exclude each other"),
    (("-N", "9", "--keep-last", "1h"), "options -N and --keep-last exclude each other"),
    (("-N", "9", "--sync"), "options -N and --sync exclude each other"),
    (("-N", "9", "--file-version", "6"), "options -N and --file-version exclude each other"),
    (("-N", "9", "-B", "other"), "options -N and -B exclude each other"),
    (("-N", "9", "-p", "wakeup"), "latency tracer"),
    (("-N", "9", "-e", "sched", "-R", "snapshot"), "options -N and -R snapshot exclude each other"),
    (("-N", "9", "--perf"), "option -N has no effect with --perf"),
])
def test_bad_use(options, told, tmp_path):
    p = run(TRACECMD, "record", *options, "-e", "sched", "true", status=None, cwd=tmp_path)
    assert p.returncode in (1, 2) and told in p.stderr, p.stderr
    assert not os.listdir(tmp_path)
