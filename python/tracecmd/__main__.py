# SPDX-License-Identifier: LGPL-2.1-or-later
"""python3 -m tracecmd: analyses of a trace, as tables or pictures."""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import sys
import warnings
from typing import Any, Callable, Dict, List, Optional

import tracecmd


def _analyses() -> Dict[str, Callable]:
    from tracecmd import analysis
    return {"latency": analysis.latency, "cpu": analysis.cpu_use, "runqueue": analysis.runqueue,
            "syscalls": analysis.syscalls, "irq": analysis.irq_time, "functions": analysis.functions}


HELP = {
    "latency": "how long tasks waited for a CPU, once they were woken",
    "cpu": "CPU time of tasks",
    "runqueue": "how many tasks run or wait for a CPU",
    "syscalls": "how long system calls took",
    "irq": "time in interrupts and soft interrupts",
    "functions": "functions of a function_graph recording, and their own time",
}


def _seconds(text: str) -> Any:
    """Of --from and --to: seconds, as report shows them, or "+SECONDS" from the first event on."""
    relative = text.startswith("+")
    whole, _, part = text.lstrip("+").partition(".")
    if not whole.isdigit() or not (part.isdigit() or not part) or len(part) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: SECONDS[.FRACTION] or +SECONDS[.FRACTION] is wanted")
    ns = int(whole) * 10**9 + int(part.ljust(9, "0"))
    return datetime.timedelta(microseconds=ns // 1000) if relative else ns


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python3 -m tracecmd", description="Analyses of a trace. Times are nanoseconds.")
    commands = made.add_subparsers(dest="command", required=True, metavar="ANALYSIS")
    for name, text in HELP.items():
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.add_argument("file", nargs="*", default=["trace.dat"], help="the trace; several are one (trace.dat)")
        sub.add_argument("--from", dest="start", type=_seconds, metavar="TIME", help="from this time on: seconds as report shows, or +SECONDS")
        sub.add_argument("--to", dest="end", type=_seconds, metavar="TIME", help="up to this time")
        sub.add_argument("--cpu", type=int, action="append", metavar="N", help="only this CPU; may be repeated")
        sub.add_argument("--rows", type=int, default=40, help="show at most so many rows (40)")
        sub.add_argument("--format", choices=("text", "csv", "json"), default="text", help="json: an object a line")
        sub.add_argument("--plot", metavar="FILE", help="draw it into this file (.png, .svg, .pdf) instead")
        if name == "latency":
            sub.add_argument("--preempted", action="store_true", help="count waits after preemption, too")
    return made


def _show(table: Any, form: str, rows: int) -> None:
    if form == "text":
        print(table.text(rows))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(list(table))
        writer.writerows(record.values() for record in table.records())
    else:
        for record in table.records():
            print(json.dumps(record))


def _run(args: argparse.Namespace) -> None:
    options: Dict[str, Any] = {"start": args.start, "end": args.end, "cpus": args.cpu}
    if getattr(args, "preempted", False):
        options["preempted"] = True
    with tracecmd.open_many(args.file) as trace:
        if args.plot:
            from tracecmd.plots import PLOTS
            PLOTS[args.command](trace, args.plot, **options)
        else:
            _show(_analyses()[args.command](trace, **options), args.format, args.rows)


def main(argv: Optional[List[str]] = None) -> int:
    args = parser().parse_args(argv)
    warnings.showwarning = lambda message, *_, **__: print(f"tracecmd: {message}", file=sys.stderr)   # type: ignore
    try:
        _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # who read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ImportError as e:
        print(f"tracecmd: analyses need NumPy (Debian package python3-numpy): {e}", file=sys.stderr)
        return 1
    except (tracecmd.Error, ValueError, OSError) as e:
        print(f"tracecmd: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
