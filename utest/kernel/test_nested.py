# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest inside a guest: a real hypervisor with real kvm events, and the
kernel it runs, both recorded at once. Part of make check-full."""

import os
import shutil
import subprocess
import tempfile

import pytest

import common
import events
from kernel.cases import CASES
from kernel.results import Result

LIMIT = 500
CPUS = 2
MARKERS = 500
# QEMU's emulation of what a hypervisor needs hangs or crashes now and then:
# then vm-nested ends with one of these, and it is tried again.
EMULATION_FAILED = (124, 125)


# In the guest, where an emulated CPU emulates one: nothing but the recording. A name
# that was not there once is not asked for again through 9p; a listing is.
GUEST = """
until ls {out} | grep -qx recording; do sleep 0.2; done
cd /dev/shm
{tracecmd} record -q -o guest.dat -p nop -e sched -e irq {markers} $T/trace_marker $T/trace_marker_raw {count} >{out}/written
echo $? >{out}/status
cp guest.dat {out}
touch {out}/recorded
"""


def boot(out):
    """The case in the host, the recording in the guest, both results in @out; how vm-nested ended."""
    program = os.path.abspath(common.TRACECMD)
    guest = GUEST.format(out=out, tracecmd=program, markers=common.tool("markers"), count=MARKERS)
    return subprocess.run(
        [f"{common.UTEST}/vm/vm-nested", "-t", str(LIMIT), "-c", str(CPUS), "-C", str(CPUS), "-d", out, "-D", out,
         "-e", f"TRACECMD={program}", "-e", f"TRACECMD_NESTED_FOLDER={out}", "-e", "T=/sys/kernel/tracing",
         "-g", guest, "--", "/usr/bin/python3", f"{common.UTEST}/kernel/guest.py", out, "nested_host"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


@pytest.fixture(scope="module")
def folder():
    for tool in ("markers", "workload"):
        common.tool(tool)
    for _ in range(4):
        out = tempfile.mkdtemp(prefix="tracecmd-nested.")
        p = boot(out)
        if p.returncode not in EMULATION_FAILED:
            break
        shutil.rmtree(out)
    if not (os.path.exists(f"{out}/nested_host/result.json") and os.path.exists(f"{out}/guest.dat")):
        pytest.fail(f"no results (status {p.returncode}):\n{p.stdout[-6000:]}", pytrace=False)
    yield out
    shutil.rmtree(out)


def test_host(folder):
    result = Result(f"{folder}/nested_host", CPUS)
    assert result.passed, f"{result.why}\n{result.log}"
    for check in CASES["nested_host"].checks:
        check(result)
    common.strict_check(result.path("host.dat"))
    result.same_as_trace_cmd("host.dat")


def test_guest(folder):
    with open(f"{folder}/status") as status, open(f"{folder}/written") as written:
        assert status.read() == "0\n" and int(written.read()) == CPUS * MARKERS
    dat = f"{folder}/guest.dat"
    common.strict_check(dat)
    text = common.report(dat, "--losses")
    seen = events.marker_numbers(events.parse(text))
    assert len(seen) == len(set(seen)) and len(seen) + events.lost(common.report(dat, "--stat"), text) >= CPUS * MARKERS
    common.equal_text(common.report(dat, "--compat", "3.1"), common.trace_cmd_report(dat))


def test_together(folder):
    """Host and guest in one text: the lines of both, each behind its file's name."""
    files = [f"{folder}/nested_host/host.dat", f"{folder}/guest.dat"]
    together = common.run(common.TRACECMD, "report", "-i", files[0], "-i", files[1]).stdout.splitlines()
    for file in files:
        name = os.path.basename(file) + ":"
        lines = [line.strip().removeprefix(name).strip() for line in together if line.strip().startswith(name)]
        assert lines == [line.strip() for line in common.report(file).splitlines()]
