# SPDX-License-Identifier: GPL-2.0-or-later
"""Events through perf's rings: what this machine's kernel has not, probes of functions, and the functions themselves."""

import collections
import os

from kernel.cases import case

NOT_ROOT = ("setpriv", "--reuid=65534", "--regid=65534")
PARANOID = "/proc/sys/kernel/perf_event_paranoid"
GROUP = 4242


def paranoid(level):
    with open(PARANOID, "r+") as f:
        before = f.read()
        f.seek(0)
        f.write(str(level))
    return before


@case()
def perf(g):
    g.record("perf.dat", "--perf", "-F", "-c", "--probe", "p:tc/open do_sys_openat2", "--probe", "r:tc/opened do_sys_openat2",
             "--probe", f"p:tc/step {g.workload}:{os.environ['WORKLOAD_STEP']}", "-e", "syscalls:sys_enter_openat", g.workload, 4)
    text = g.tracecmd("record", "--perf", "--probe", "p:tc/x do_sys_openat_2", "true", status=1).stderr
    assert "cannot make the probe" in text and "do_sys_openat2" in text, text
    # who may read tracefs, and no more
    g.defer(g.run, "mount", "-o", "remount,mode=700,gid=0", g.root)
    g.run("mount", "-o", f"remount,mode=750,gid={GROUP}", g.root)
    g.defer(paranoid, paranoid(2))
    os.chmod(g.work, 0o777)
    as_member = (*NOT_ROOT, f"--groups={GROUP}", g.program, "record", "-q", "--perf", "-F", "-e", "syscalls:sys_enter_openat")
    g.run(*as_member, "-o", "member.dat", g.workload, 2)
    paranoid(3)
    refused = g.run(*as_member, "-o", "refused", "true", status=1).stderr
    assert "perf_event_paranoid is 3" in refused and "CAP_PERFMON" in refused, refused


@perf.check
def _(r):
    seen = r.counts("perf.dat")
    assert seen["step"] == 4 and seen["open"] == seen["opened"] == seen["sys_enter_openat"] >= 8
    texts = collections.defaultdict(set)
    for e in r.events("perf.dat"):
        texts[e.name].add(e.text)
    (entry,), (back,) = texts["open"], {text.split(" <- ")[0] + ")" for text in texts["opened"]}
    assert entry == back
    r.in_time_order("perf.dat")
    assert r.counts("member.dat")["sys_enter_openat"] >= 4


# To switch functions on takes an emulated CPU half a minute.
@case(kernels=("custom",))
def perf_functions(g):
    g.record("functions.dat", "--perf", "-F", "-T", "-e", "ftrace:function", "-f", "ip == vfs_read", g.workload, 4)
    text = g.tracecmd("record", "--perf", "-F", "-O", "userstacktrace", "-e", "ftrace:function", "true", status=1).stderr
    assert "stacks of programs" in text, text


@perf_functions.check
def _(r):
    seen = r.counts("functions.dat")
    assert seen["function"] == seen["kernel_stack"] >= 4
    assert {e.text.split()[0] for e in r.events("functions.dat") if e.name == "function"} == {"vfs_read"}
