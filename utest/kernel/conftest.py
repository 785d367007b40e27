# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests: each combination of kernel and number of CPUs is booted once, runs
all of its cases, and the tests look at what they left.

TRACECMD_VM_TEST_KERNELS: kernels to test with (default 6.1,6.12)
TRACECMD_VM_JOBS: guests at a time (default: one per CPU)
"""

import concurrent.futures
import os
import shutil
import subprocess
import tempfile

import pytest

import common
from kernel.cases import CASES
from kernel.results import Result

KERNELS = os.environ.get("TRACECMD_VM_TEST_KERNELS", "6.1,6.12").split(",")
JOBS = int(os.environ.get("TRACECMD_VM_JOBS", os.cpu_count()))
LIMIT = 1200  # a boot with all of its cases, on a machine that does much else


def wanted():
    """(kernel, cpus, case name) of all there is to run."""
    return [(kernel, cpus, name) for kernel in KERNELS for name, case in CASES.items() for cpus in case.cpus
            if case.kernels is None or kernel in case.kernels]


class Boots:
    """Runs guests, each when the first test asks or a worker is free."""

    def __init__(self, tests):
        self.out = tempfile.mkdtemp(prefix="tracecmd-guests.")
        self.pool = concurrent.futures.ThreadPoolExecutor(JOBS)
        self.runs = {}
        cases = {}
        for kernel, cpus, name in tests:
            names = cases.setdefault((kernel, cpus), [])
            if name not in names:
                names.append(name)
        for tool in ("markers", "event-settings", *common.EVENT_TOOLS):
            common.tool(tool)
        self.step = next(line.split()[0] for line in common.run("nm", common.tool("workload")).stdout.splitlines()
                         if line.endswith(" workload_step"))
        for boot, names in cases.items():
            self.runs[boot] = self.pool.submit(self.boot, *boot, names)

    def boot(self, kernel, cpus, names):
        out = f"{self.out}/{kernel}-{cpus}"
        os.makedirs(out)
        return subprocess.run(
            [f"{common.UTEST}/vm/vm-run", "-k", kernel, "-c", str(cpus), "-t", str(LIMIT), "-d", out,
             "-e", f"TRACECMD={os.path.abspath(common.TRACECMD)}", "-e", f"WORKLOAD_STEP=0x{self.step}", "--",
             "/usr/bin/python3", f"{common.UTEST}/kernel/guest.py", out, *names],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")

    def result(self, kernel, cpus, name):
        p = self.runs[kernel, cpus].result()
        folder = f"{self.out}/{kernel}-{cpus}/{name}"
        if not os.path.exists(f"{folder}/result.json"):
            pytest.fail(f"the guest left no result (status {p.returncode}):\n{p.stdout[-6000:]}", pytrace=False)
        return Result(folder, cpus)

    def close(self):
        self.pool.shutdown()
        if "TRACECMD_VM_KEEP" in os.environ:
            print("results of the guests are kept in", self.out)
        else:
            shutil.rmtree(self.out)


def pytest_generate_tests(metafunc):
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", wanted(), ids=lambda p: f"{p[0]}-{p[1]}cpu-{p[2]}")


@pytest.fixture(scope="session")
def boots(request):
    places = [item.callspec.params["place"] for item in request.session.items
              if "place" in getattr(getattr(item, "callspec", None), "params", {})]
    got = Boots(places)
    yield got
    got.close()


@pytest.fixture
def result(boots, place):
    return boots.result(*place)
