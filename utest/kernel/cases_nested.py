# SPDX-License-Identifier: GPL-2.0-or-later
"""The host of a guest: both are recorded at the same time, each by a tracecmd of its
own (test_nested.py), and wait for each other in a folder that both see."""

import os

from kernel.cases import case

NESTED = ("nested",)


def side(name):
    """Path in the folder that host and guest share."""
    return f"{os.environ['TRACECMD_NESTED_FOLDER']}/{name}"


@case(kernels=NESTED)
def nested_host(g):
    """The hypervisor's events, from before the guest's recording until after it."""
    wait = f"touch {side('recording')}; while [ ! -e {side('recorded')} ]; do sleep 0.2; done"
    g.record("host.dat", "-b", 20000, "-e", "kvm", "-e", "sched:sched_switch", "sh", "-c", wait, timeout=300)


@nested_host.check
def _(r):
    seen = r.counts("host.dat")
    assert seen["kvm_entry"] > 100 and seen["kvm_exit"] > 100 and seen["sched_switch"] > 100
    # a virtual CPU goes in and comes out by turns
    assert abs(seen["kvm_entry"] - seen["kvm_exit"]) <= r.lost("host.dat") + r.cpus
    assert all(e.text.startswith("reason ") for e in r.events("host.dat") if e.name == "kvm_exit")
    r.in_time_order("host.dat")
