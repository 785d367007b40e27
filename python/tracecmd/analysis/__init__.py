# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers to what is often asked of a trace, as tables of NumPy arrays. Each takes a trace and, by name, what of it is
looked at: start=, end=, cpus=, threads= as select() has them. Times are nanoseconds.

    from tracecmd import analysis
    print(analysis.latency(t))                      # as text
    analysis.cpu_use(t).to_pandas()

'python3 -m tracecmd' prints and plots them."""

from .calls import calls, functions, irq_time, syscall_histogram, syscalls
from .sched import cpu_use, cpu_use_over_time, intervals, latency, latency_histogram, runqueue, waits
from .table import Table

__all__ = ["Table", "calls", "cpu_use", "cpu_use_over_time", "functions", "intervals", "irq_time", "latency",
           "latency_histogram", "runqueue", "syscall_histogram", "syscalls", "waits"]
