# SPDX-License-Identifier: LGPL-2.1-or-later
"""The analyses as pictures, where matplotlib is."""

from __future__ import annotations

from typing import Any, Dict, Callable

from . import analysis
from .errors import Error

# Bars that a picture has room for.
BARS = 20


def _axes(title: str, x: str, y: str) -> tuple:
    try:
        import matplotlib
    except ImportError:
        raise Error("cannot plot: matplotlib is missing (Debian package python3-matplotlib)") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(11, 6), layout="constrained")
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure, axes


def _save(figure: Any, path: Any) -> None:
    from matplotlib import pyplot
    figure.savefig(path)
    pyplot.close(figure)


def _bars(table: Any, label: str, value: str, title: str, path: Any) -> None:
    figure, axes = _axes(title, f"{value}, microseconds", "")
    shown = table.take(slice(0, BARS))
    axes.barh(range(shown.rows), shown[value] / 1e3)
    axes.set_yticks(range(shown.rows), [str(name) for name in shown[label]])
    axes.invert_yaxis()
    _save(figure, path)


def _histogram(table: Any, title: str, path: Any) -> None:
    figure, axes = _axes(title, "microseconds", "how often")
    axes.bar(table["from"] / 1e3, table["count"], width=(table["to"] - table["from"]) / 1e3, align="edge", edgecolor="white")
    if table.rows:
        axes.set_xscale("log")
    _save(figure, path)


def latency(trace: Any, path: Any, **options: Any) -> None:
    _histogram(analysis.latency_histogram(trace, **options), "Time waited for a CPU", path)


def syscalls(trace: Any, path: Any, **options: Any) -> None:
    _histogram(analysis.syscall_histogram(trace, **options), "System calls", path)


def irq(trace: Any, path: Any, **options: Any) -> None:
    _bars(analysis.irq_time(trace, **options), "name", "total", "Time in interrupts", path)


def functions(trace: Any, path: Any, **options: Any) -> None:
    _bars(analysis.functions(trace, **options), "function", "own", "Functions' own time", path)


def _lines(table: Any, x: str, scale: float, title: str, y: str, path: Any) -> None:
    figure, axes = _axes(title, "seconds", y)
    if table.rows:
        at = (table[x] - table[x][0]) / 1e9
        for name, values in table.items():
            if name != x:
                axes.step(at, values * scale, where="post", label=name, linewidth=1)
        axes.legend()
    _save(figure, path)


def cpu(trace: Any, path: Any, **options: Any) -> None:
    _lines(analysis.cpu_use_over_time(trace, **options), "start", 100, "CPU use", "percent", path)


def runqueue(trace: Any, path: Any, **options: Any) -> None:
    _lines(analysis.runqueue(trace, **options), "ts", 1, "Tasks that run or wait", "tasks", path)


PLOTS: Dict[str, Callable] = {"latency": latency, "cpu": cpu, "runqueue": runqueue, "syscalls": syscalls, "irq": irq,
                              "functions": functions}
