# SPDX-License-Identifier: GPL-2.0-or-later
"""What tracers find that look for long times."""

import os
import re
import signal

from kernel.cases import case


@case(kernels=("custom",))
def latency_tracer(g):
    g.record("wakeup.dat", "-p", "wakeup", g.workload, 4)
    g.record("wakeup-v6.dat", "--file-version", "6", "-p", "wakeup", g.workload, 4)
    g.tracecmd("convert", "--file-version", "6", "wakeup.dat", "converted-v6.dat")


@latency_tracer.check
def _(r):
    for file in "wakeup.dat", "wakeup-v6.dat", "converted-v6.dat":
        assert "# wakeup latency trace" in r.report(file)


@case(kernels=("custom",))
def latency_with_interrupts_off(g):
    """The text of the longest latency, of the whole machine and with what led to it."""
    g.record("irqsoff.dat", "-p", "irqsoff", g.workload, 4)


@latency_with_interrupts_off.check
def _(r):
    text = r.report("irqsoff.dat")
    assert "# irqsoff latency trace" in text
    assert re.search(r"^#  => started at: \S+$", text, re.M) and re.search(r"^#  => ended at: +\S+$", text, re.M)
    latency, shown = map(int, re.search(r"^# latency: (\d+) us, #(\d+)/", text, re.M).groups())
    assert latency > 0 and len(re.findall(r"-\d+ .*\d+us", text, re.M)) >= shown > 1


@case(kernels=("custom",))
def latencies_one_by_one(g):
    """The longest so far is put aside; then a shorter one counts."""
    g.run("mount", "-t", "tmpfs", "none", "/run")       # a guest's own cannot be written
    g.defer(g.run, "umount", "/run")
    p = g.spawn("record", "-q", "-o", "two.dat", "-p", "wakeup")
    g.wait_for(lambda: os.path.exists(f"/run/tracecmd/control.{p.pid}"))
    for _ in range(2):
        g.wait_for(lambda: g.run(g.workload, 4) and g.read("tracing_max_latency") != "0\n")
        g.tracecmd("control", "snapshot")
    g.tracecmd("control", "stop")
    assert p.wait(60) == 0


@latencies_one_by_one.check
def _(r):
    texts = r.report("two.dat").split("# wakeup latency trace")[1:]
    assert len(texts) >= 2 and len(texts) == len(set(texts)), "a latency is told once"


@case(kernels=("custom",))
def latencies_beyond_a_threshold(g):
    """Each of them is kept, the shorter ones behind a long one too; the threshold is put back."""
    g.write("tracing_thresh", "12345")
    g.defer(g.write, "tracing_thresh", "0")
    p = g.spawn("record", "-q", "-o", "thresh.dat", "-p", "wakeup", "--tracing-thresh", "20")
    g.wait_for(lambda: g.read("tracing_thresh") == "20\n" and g.read("current_tracer") == "wakeup\n")
    for _ in range(5):
        g.run(g.workload, 4)
    p.send_signal(signal.SIGINT)
    assert p.wait(120) == 0
    assert g.read("tracing_thresh") == "12345\n"


@latencies_beyond_a_threshold.check
def _(r):
    found = [int(n) for n in re.findall(r"^# latency: (\d+) us", r.report("thresh.dat"), re.M)]
    assert len(found) >= 3 and min(found) >= 20
    assert found != sorted(found), "not the longest so far alone"


@case(kernels=("6.12", "custom"))
def functions_beyond_a_threshold(g):
    g.record("slow.dat", "-p", "function_graph", "-g", "__x64_sys_clock_nanosleep", "--tracing-thresh", "100000", "sleep", "0.2")
    assert g.read("tracing_thresh") == "0\n"


@functions_beyond_a_threshold.check
def _(r):
    times = [float(t) for t in re.findall(r"\b([\d.]+) us", r.report("slow.dat"))]
    assert len(times) > 2 and min(times) >= 100000, times[:5]
