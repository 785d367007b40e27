# SPDX-License-Identifier: GPL-2.0-or-later
"""make demo's script: a recording of this machine, or why not and one made elsewhere."""

import re

import common
import events

DEMO = f"{common.REPO}/setup/demo"


def test_records_this_machine(kernel):
    out = common.run(DEMO, common.TRACECMD).stdout
    assert "$ tracecmd record -e sched -e irq -e syscalls sleep 1\n" in out
    assert re.search(r"^cpus=\d+\n", out, re.M) and events.parse(out)
    last = out.splitlines()[-1]
    number = re.fullmatch(r"(\d+) events, (?:none|\d+) lost", last)
    assert number and int(number[1]) > 100, last


def test_says_why_it_cannot(kernel):
    """Where no tracefs can be had."""
    script = ("for d in $(awk '$3 == \"tracefs\" {print $2}' /proc/mounts); do umount -l $d; done; "
              f"exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin {DEMO} {common.TRACECMD}")
    out = common.run("unshare", "-m", "sh", "-c", script).stdout
    assert re.match(r"No recording here: .+permission denied.*\. A recording made elsewhere instead:\n", out), out
    assert out.endswith("2257 events, none lost\n")
