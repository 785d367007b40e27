# SPDX-License-Identifier: GPL-2.0-or-later
"""Every case of cases.py in every guest it is meant for, and what must hold for
each recording made there."""

import common
from kernel.cases import CASES


def test_guest(place, result):
    """The case ran, every run left the kernel's settings as they were, and what
    was recorded is what happened."""
    kernel, cpus, name = place
    assert result.passed, f"in the guest:\n{result.why}\n{result.log}"
    for check in CASES[name].checks:
        check(result)


def test_files(place, result):
    """Each file is what the format says and trace-cmd prints the same of it."""
    kernel, cpus, name = place
    case = CASES[name]
    not_for_trace_cmd = case.not_for_trace_cmd + (case.same_on_one_cpu if cpus > 1 else ())
    for file in result.files():
        if not file.startswith("theirs-"):
            common.strict_check(result.path(file))
        if file not in not_for_trace_cmd:
            result.same_as_trace_cmd(file)
