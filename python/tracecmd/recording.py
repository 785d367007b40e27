# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recording from Python: the program tracecmd does it.

It is given a command that ends when Python says so, or when Python ends: so tracing is never left on, and the
recording begins before, and ends after, what the with block does."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

from .columns import Columns
from .errors import RecordError
from .selection import Names, _list
from .trace import Trace

# Says that recording has begun, and ends with its standard input.
_COMMAND = ["/bin/sh", "-c", "echo begun; read _ || :"]


def find_program(program: Optional[str] = None) -> str:
    """The recorder: what is told, $TRACECMD, the one that was built with this module, or that in PATH."""
    beside = os.path.join(os.path.dirname(__file__), "..", "..", "tracecmd")
    for path in (program, os.environ.get("TRACECMD"), os.path.abspath(beside)):
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    found = shutil.which(program or "tracecmd")
    if not found:
        raise RecordError(f"cannot record: there is no program {program or 'tracecmd'!r}; install it, or set TRACECMD")
    return found


def _arguments(events: Names, tracer: Optional[str], filters: Optional[Dict[str, str]], buffer_kb: Optional[int],
               clock: Optional[str], instance: Optional[str], pids: Any, options: Iterable[str]) -> List[str]:
    wanted = _list(events, "events")
    filters = dict(filters or {})
    if not wanted and not tracer and not filters:
        raise RecordError("cannot record: no event and no tracer is named")
    made = ["-B", instance] if instance else []
    made += ["-b", str(int(buffer_kb))] if buffer_kb is not None else []
    made += ["-C", clock] if clock else []
    made += ["-p", tracer] if tracer else []
    for event in [*wanted, *(e for e in filters if e not in wanted)]:
        made += ["-e", event]
        made += ["-f", filters[event]] if event in filters else []
    if pids is not None:
        made += ["-P", ",".join(str(int(p)) for p in ([pids] if isinstance(pids, int) else pids))]
    return made + [str(option) for option in options]


class Recording:
    """A recording that goes on, or has ended. record() makes it; leaving its with block ends it.

    path: the file, there once it has ended. messages: what the recorder told. trace: the file, opened.
    """

    def __init__(self, arguments: List[str], output: Any = None, program: Optional[str] = None) -> None:
        self._program = find_program(program)
        self._arguments = arguments
        self._folder: Optional[tempfile.TemporaryDirectory] = None
        if output is None:
            self._folder = tempfile.TemporaryDirectory(prefix="tracecmd-")
            output = os.path.join(self._folder.name, "trace.dat")
        self.path: str = os.fspath(output)
        self.messages = ""
        self._process: Optional[subprocess.Popen] = None
        self._trace: Optional[Trace] = None
        self._log: Any = None
        self._lock = threading.Lock()

    def start(self) -> "Recording":
        """Returns when recording has begun."""
        if self._process:
            raise RecordError("the recording was started before")
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen([self._program, "record", "--stderr", "-o", self.path, *self._arguments, *_COMMAND],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log)
        assert self._process.stdout
        if not self._process.stdout.readline():
            status = self._process.wait()
            self._take_messages()
            self._discard()
            raise RecordError(self.messages.strip() or f"the recorder ended with status {status}")
        return self

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _take_messages(self) -> None:
        self._log.seek(0)
        self.messages = self._log.read().decode("utf-8", "replace")
        self._log.close()
        for pipe in (self._process.stdin, self._process.stdout) if self._process else ():
            if pipe:
                pipe.close()

    def stop(self) -> "Recording":
        """Ends it; returns when the file is complete."""
        with self._lock:
            if not self._process:
                raise RecordError("the recording was not started")
            if self._log.closed:
                return self
            assert self._process.stdin
            self._process.stdin.close()
            status = self._process.wait()
            self._take_messages()
        if status:
            raise RecordError(self.messages.strip() or f"the recorder ended with status {status}")
        return self

    @property
    def trace(self) -> Trace:
        """The recording, opened; of one that goes on, what is on the disk so far."""
        if self._trace is None or self._trace.closed:
            self._trace = Trace(self.path)
        return self._trace

    def select(self, *args: Any, **kw: Any) -> Any:
        return self.trace.select(*args, **kw)

    def _discard(self) -> None:
        if self._folder:
            self._folder.cleanup()

    def close(self) -> None:
        """Ends it if it goes on, closes the trace, and removes the file unless its name was told."""
        if self.running:
            self.stop()
        if self._trace:
            self._trace.close()
        self._discard()

    def __enter__(self) -> "Recording":
        return self.start() if self._process is None else self

    def __exit__(self, *unused: Any) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "not started" if not self._process else "goes on" if self.running else "has ended"
        return f"<Recording {self.path!r}, {state}>"


def record(events: Names = None, output: Any = None, *, tracer: Optional[str] = None,
           filters: Optional[Dict[str, str]] = None, buffer_kb: Optional[int] = None, clock: Optional[str] = None,
           instance: Optional[str] = None, pids: Union[int, Iterable[int], None] = None, options: Iterable[str] = (),
           program: Optional[str] = None) -> Recording:
    """Records while a with block runs.

        with tracecmd.record(events=["sched", "irq"], buffer_kb=4096) as r:
            work()
        r.select("sched_switch").to_pandas()

    output: the file; without, a temporary one that goes with the Recording. filters: by event, for the kernel.
    instance: a buffer of its own. pids: processes that are traced. options: more, as 'tracecmd record' has them.
    """
    return Recording(_arguments(events, tracer, filters, buffer_kb, clock, instance, pids, options), output, program)


class Live:
    """What is recorded, as columns, while it is recorded: an iterator of Columns, about one each second.

    Each is one part of the recording, whole; no event is in two. The loop's end, or stop(), ends the recording.
    """

    def __init__(self, arguments: List[str], interval: int, select: Dict[str, Any], program: Optional[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tracecmd-live-")
        self._recording = Recording([*arguments, "--rotate", f"{interval}s"], os.path.join(self._folder.name, "live.dat"), program)
        self._select = select
        self._next = 1
        self._stop = threading.Event()

    def stop(self) -> None:
        """By any thread: what was recorded so far still comes."""
        self._stop.set()

    def _part(self, path: str) -> Columns:
        with Trace(path) as trace:
            columns = trace.select(**self._select).columns()
        os.unlink(path)
        return columns

    def _parts(self) -> Iterator[Columns]:
        """Those that are complete."""
        while os.path.exists(path := os.path.join(self._folder.name, f"live.{self._next}.dat")):
            self._next += 1
            yield self._part(path)

    def __iter__(self) -> Iterator[Columns]:
        try:
            with self._recording:
                while not self._stop.wait(0.02) and self._recording.running:
                    yield from self._parts()
            yield from self._parts()
            yield self._part(self._recording.path)
        finally:
            self._folder.cleanup()


def live(events: Names = None, fields: Optional[Iterable[str]] = None, *, interval: int = 1, where: Names = None,
         program: Optional[str] = None, **options: Any) -> Live:
    """Records, and gives what was recorded each interval (whole seconds).

        source = tracecmd.live(["sched_switch"], ["ts", "next_pid"])
        for columns in source:
            print(columns.rows, "switches,", columns.lost, "events lost")
            if enough():
                source.stop()

    fields, where: as for select. Other options: as for record, but for output.
    """
    names = ("tracer", "filters", "buffer_kb", "clock", "instance", "pids", "options")
    unknown = set(options) - set(names)
    if unknown:
        raise TypeError(f"live() has no option {sorted(unknown)[0]!r}")
    if int(interval) != interval or interval < 1:
        raise RecordError("interval: whole seconds are wanted, at least 1")
    chosen = {name: options.get(name) for name in names}
    chosen["options"] = chosen["options"] or ()
    return Live(_arguments(events, **chosen), int(interval), {"events": events, "fields": fields, "where": where}, program)
