# SPDX-License-Identifier: GPL-2.0-or-later
"""setup-guest, and data that come over its FIFOs. Guest and host are this machine: what would be ports of virtio-serial are
the host's FIFOs, in a mount namespace of the test's own, so that nothing of the machine's folders is touched."""

import grp
import os
import subprocess

import pytest

import common
import tracefs
from common import TRACECMD
from recording import parsed, wait_for

VIRT, PORTS = "/var/lib/trace-cmd/virt", "/dev/virtio-ports"
INSTANCES = f"{tracefs.ROOT}/instances"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a mount namespace of its own")

# The folders are the test's; what a test does follows.
NAMESPACE = f"""
set -e
mount -t tmpfs none /var/lib
mkdir -p {VIRT}
if [ ! -d {PORTS} ]; then mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/urandom c 1 9; mkdir {PORTS}; fi
mount -t tmpfs none {PORTS}
PATH=$PWD/bin:$PATH
"""


def in_namespace(folder, script, status=0):
    p = subprocess.run(["unshare", "-m", "--propagation", "private", "bash", "-c", NAMESPACE + script], cwd=folder,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                       env={**os.environ, "TRACECMD": TRACECMD})
    assert p.returncode == status, f"status {p.returncode}:\n{p.stdout}{p.stderr}"
    return p


def listing(p):
    return dict(line.split()[::-1] for line in p.stdout.splitlines() if line.startswith(("p", "d")) and "/" in line)


LIST = f"\nfind {VIRT}/* -printf '%M/%G %f\\n'\n"


# ---- setup-guest -----------------------------------------------------------------------

def test_makes_fifos(tmp_path):
    """With the modes that are asked for, whatever the umask; what is there stays as it is."""
    p = in_namespace(tmp_path, "umask 077; $TRACECMD setup-guest -c 2 vm; $TRACECMD setup-guest -c 3 -p 0600 -g daemon vm" + LIST)
    assert "4 FIFOs made, 0 were there, in /var/lib/trace-cmd/virt/vm\n" in p.stdout
    assert "2 FIFOs made, 4 were there, in /var/lib/trace-cmd/virt/vm\n" in p.stdout
    made = listing(p)
    assert len(made) == 7
    daemon = grp.getgrnam("daemon").gr_gid
    for cpu, mode in ((0, "prw-rw----/0"), (1, "prw-rw----/0"), (2, f"prw-------/{daemon}")):
        for end in ("in", "out"):
            assert made[f"trace-pipe-cpu{cpu}.{end}"] == mode


def test_something_is_in_the_way(tmp_path):
    p = in_namespace(tmp_path, f"mkdir {VIRT}/vm; echo kept > {VIRT}/vm/trace-pipe-cpu0.out; "
                               f"$TRACECMD setup-guest -c 1 vm || echo status $?; cat {VIRT}/vm/trace-pipe-cpu0.out")
    assert f"{VIRT}/vm/trace-pipe-cpu0.out is in the way: it is no FIFO" in p.stderr and p.stdout == "status 1\nkept\n"


VIRSH = """mkdir bin; cat > bin/virsh <<'X'
#!/bin/sh
case "$*" in
*"vcpucount --maximum -- vm") echo 2 ;;
*"attach-device --config -- vm "*) for f; do :; done; cat "$f" >> given ;;
*) exit 1 ;;
esac
X
chmod +x bin/virsh
"""


def test_libvirt(tmp_path):
    """It tells the number of CPUs, and is given the channels."""
    in_namespace(tmp_path, VIRSH + "$TRACECMD setup-guest -a vm")
    assert (tmp_path / "given").read_text() == "".join(
        f"<channel type='pipe'><source path='{VIRT}/vm/trace-pipe-cpu{cpu}'/><target type='virtio' "
        f"name='trace-pipe-cpu{cpu}'/></channel>\n" for cpu in range(2))


def test_libvirt_does_not_know_it(tmp_path):
    p = in_namespace(tmp_path, VIRSH + "$TRACECMD setup-guest other", status=1)
    assert "virsh does not tell how many CPUs 'other' has: give them with -c" in p.stderr
    p = in_namespace(tmp_path, "$TRACECMD setup-guest -c 1 -a other", status=1)
    assert "virsh does not attach the FIFOs to 'other'" in p.stderr


@pytest.mark.parametrize("args, told", [
    ((), "the guest's name is missing"),
    (("a", "b"), "'b' is one too many"),
    (("-c", "0", "a"), "option -c: '0' is not a number from 1 to 4096"),
    (("-c", "x", "a"), "option -c: 'x'"),
    (("-p", "888", "a"), "option -p: '888' is not an octal mode"),
    (("-p", "7777", "a"), "option -p: '7777'"),
    (("-g", "no such group", "a"), "there is no group 'no such group'"),
    (("-c", "1", "../x"), "'../x' cannot be a guest's name"),
    (("-c", "1", ".."), "'..' cannot be a guest's name"),
    (("-c", "1", "a'b"), "cannot be a guest's name"),
    (("-c", "1", "x" * 300), "cannot be a guest's name"),
])
def test_bad_use(args, told):
    assert told in common.run(TRACECMD, "setup-guest", *args, status=2).stderr


# ---- data over them -------------------------------------------------------------------------

AGENT = """$TRACECMD agent --tcp -p 0 > said 2>&1 & A=$!
trap 'kill $A 2>/dev/null || true' EXIT
until grep -q 'port .* of TCP' said; do sleep 0.05; done
PORT=$(sed -n 's/.*port \\([0-9]*\\) of TCP.*/\\1/p' said | head -1)
"""
# An agent's instance traces a moment after the host has said that it records.
WORK = f"""sh -c 'while grep -q 0 {INSTANCES}/tracecmd-agent-*/tracing_on; do sleep 0.01; done
cp /bin/true fifo-work; for i in $(seq 300); do ./fifo-work; done'"""
END = "kill $A; wait $A; cat said\n"


def join(cpus):
    """The guest's ports are the other ends of the host's FIFOs."""
    return f"$TRACECMD setup-guest -c {cpus} vm\n" + "".join(
        f"ln -s {VIRT}/vm/trace-pipe-cpu{i}.out {PORTS}/trace-pipe-cpu{i}\n" for i in range(cpus))


def record(*options):
    return f"$TRACECMD record -o t.dat -A 127.0.0.1:$PORT --name vm {' '.join(options)} -e sched:sched_process_exit {WORK}\n"


def ended(path):
    return [e.text for e in parsed(path) if "comm=fifo-work" in e.text]


@pytest.mark.parametrize("held", [False, True], ids=["plain", "held"])
def test_data_over_fifos(kernel, held, tmp_path):
    """No port is taken for data. What an earlier session left there is not taken for this one's. QEMU holds the other
    ends, and never closes them: the end is told all the same."""
    cpus = os.cpu_count()
    hold = "".join(f"exec {9 + i}<>{VIRT}/vm/trace-pipe-cpu{i}.out\necho stale >&{9 + i}\n" for i in range(cpus)) if held else ""
    p = in_namespace(tmp_path, join(cpus) + hold + AGENT +
                     "ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=connect -o calls " + record() + END)
    assert p.stdout.count("ended as it should") == 1
    assert len(ended(tmp_path / "t-vm.dat")) == 300
    common.strict_check(tmp_path / "t-vm.dat")
    connects = [line for line in (tmp_path / "calls").read_text().splitlines() if "sin_addr=inet_addr(\"127.0.0.1\")" in line]
    assert len(connects) == 1, connects


@pytest.mark.parametrize("options, ports", [(("--nofifos",), True), ((), False)], ids=["nofifos", "noports"])
def test_without(kernel, options, ports, tmp_path):
    """The host may refuse, and the guest may have none: data come over connections then."""
    cpus = os.cpu_count()
    script = join(cpus) if ports else f"$TRACECMD setup-guest -c {cpus} vm\n"
    in_namespace(tmp_path, script + AGENT + "ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=connect -o calls " + record(*options) + END)
    assert len(ended(tmp_path / "t-vm.dat")) == 300
    connects = [line for line in (tmp_path / "calls").read_text().splitlines() if "sin_addr=inet_addr(\"127.0.0.1\")" in line]
    assert len(connects) >= 1 + cpus


def test_fewer_fifos_than_cpus(kernel, tmp_path):
    """It is said which data are not taken; the rest is whole."""
    cpus = os.cpu_count()
    assert cpus > 1
    p = in_namespace(tmp_path, join(cpus) + f"rm {VIRT}/vm/trace-pipe-cpu{cpus - 1}.out\nmkfifo {VIRT}/other\n"
                     f"ln -sf {VIRT}/other {PORTS}/trace-pipe-cpu{cpus - 1}\nexec 9<>{VIRT}/other\n" + AGENT + record() + END)
    assert f"it has {cpus} CPUs, and there are FIFOs for {cpus - 1}: data of the others are not taken" in p.stderr
    assert {e.cpu for e in parsed(tmp_path / "t-vm.dat")} <= set(range(cpus - 1))
    wait_for(lambda: not any(n.startswith("tracecmd-agent-") for n in os.listdir(INSTANCES)), "the instance is gone")


def test_no_fifo_in_its_place(kernel, tmp_path):
    """What is no FIFO is not read, nor written."""
    script = (f"mkdir {VIRT}/vm; echo kept > {VIRT}/vm/trace-pipe-cpu0.out; echo kept > {PORTS}/trace-pipe-cpu0\n" + AGENT +
              record() + END + f"cat {VIRT}/vm/trace-pipe-cpu0.out {PORTS}/trace-pipe-cpu0\n")
    p = in_namespace(tmp_path, script)
    assert p.stdout.endswith("kept\nkept\n") and len(ended(tmp_path / "t-vm.dat")) == 300
