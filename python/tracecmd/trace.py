# SPDX-License-Identifier: LGPL-2.1-or-later
"""Traces: files that are open as one."""

from __future__ import annotations

import datetime
import operator
import os
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple, Union

import _tracecmd

from .columns import Column, Columns
from .compat import OldMethods
from .errors import SelectionError, warn
from .selection import Names, Selection, Time

Path = Union[str, bytes, "os.PathLike[str]"]


class Field(NamedTuple):
    """A field of an event. offset: in the record; size: bytes there, 0: up to its end; of what lies elsewhere
    (dynamic) they are of the 4 bytes that tell where."""
    name: str
    ctype: str
    type: str                   # "int8" to "uint64", "string", "array"
    element: Optional[str]      # of an array
    offset: int
    size: int
    place: int
    is_pointer: bool
    is_mask: bool

    @property
    def signed(self) -> bool:
        return (self.element or self.type).startswith("int")

    @property
    def dynamic(self) -> bool:
        return self.place >= 2

    @property
    def dtype(self) -> str:
        """What a column of it is: a number's type, "category" for a string, "object" for an array."""
        return {"string": "category", "array": "object"}.get(self.type, self.type)


class EventInfo:
    """A kind of event that a file has the format of. Its fields are looked up when they are asked for."""

    def __init__(self, trace: "Trace", file: int, system: str, name: str, number: int) -> None:
        self._trace = trace
        self.file, self.system, self.name, self.id = file, system, name, number

    @property
    def fields(self) -> List[Field]:
        kind = self._trace._handle.kind(self.file, self.id)
        return [Field(*told) for told in kind.fields[kind.nr_common:]]

    @property
    def common_fields(self) -> List[Field]:
        kind = self._trace._handle.kind(self.file, self.id)
        return [Field(*told) for told in kind.fields[:kind.nr_common]]

    def __repr__(self) -> str:
        return f"<EventInfo {self.system}/{self.name}, id {self.id}>"


class Events(Dict[str, EventInfo]):
    """The kinds of events of a trace, by "system/name"; also found by "system:name" and by a name that only one
    system has."""

    def __missing__(self, key: str) -> EventInfo:
        if not isinstance(key, str):
            raise KeyError(key)
        if ":" in key:
            return self[key.replace(":", "/", 1)]
        found = [info for info in self.values() if info.name == key]
        if len({info.system for info in found}) == 1:
            return found[0]
        import difflib
        near = difflib.get_close_matches(key, [*self, *(info.name for info in self.values())], 1)
        raise KeyError(f"{key!r} is an event of several systems" if found else
                       f"there is no event {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


class Trace(OldMethods):
    """Recordings that are open as one stream of events, in the order of time. open() and open_many() make it.

    One thread at a time uses a trace, which Python's own lock sees to; its selections are read without that lock.
    """

    def __init__(self, path: Union[Path, Iterable[Path]], *, raw_time: bool = False, date: bool = True,
                 plugins: bool = True) -> None:
        paths = [path] if isinstance(path, (str, bytes, os.PathLike)) else list(path)
        self._handle = _tracecmd.Handle(paths, raw_time, not date, not plugins, not plugins)
        self.nr_files: int = self._handle.nr_files()
        self._tell_notices()

    # ---- of the handle ----

    def close(self) -> None:
        """Frees the files, once no reading goes on. What was taken out of them stays."""
        self._handle.close()

    @property
    def closed(self) -> bool:
        return self._handle.closed

    def __enter__(self) -> "Trace":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()

    def _tell_notices(self) -> None:
        for text in self._handle.notices():
            warn(text)

    def _file(self, file: int) -> int:
        file = operator.index(file)
        if not 0 <= file < self.nr_files:
            raise IndexError(f"there is no file {file}: the trace has {self.nr_files}")
        return file

    # ---- facts ----

    def facts(self, file: int = 0) -> Dict[str, Any]:
        """What is known of a file: path, version, cpus, codec, clock, uname, writer, trace_id, cut ..."""
        return self._handle.file_facts(self._file(file))

    @property
    def paths(self) -> List[str]:
        return [self.facts(i)["path"] for i in range(self.nr_files)]

    @property
    def clock(self) -> str:
        return self.facts()["clock"]

    @property
    def cpus(self) -> int:
        """The number of CPUs; of several files the largest."""
        return max(self.facts(i)["cpus"] for i in range(self.nr_files))

    @property
    def uname(self) -> str:
        return self.facts()["uname"]

    @property
    def trace_id(self) -> int:
        return self.facts()["trace_id"]

    @property
    def instances(self) -> List[str]:
        """Names of the instances, the top level ("") left out."""
        names = [self._handle.buffer_name(i, b) for i in range(self.nr_files)
                 for b in range(self.facts(i)["nr_buffers"])]
        return [name for name in dict.fromkeys(names) if name]

    @property
    def time_range(self) -> Optional[Tuple[int, int]]:
        """Times of the first and the last event; None: there are none."""
        return self._handle.times()

    @property
    def events(self) -> Events:
        """The kinds of events that the files have formats of."""
        return Events((f"{system}/{name}", EventInfo(self, file, system, name, number))
                      for file in reversed(range(self.nr_files))
                      for system, name, number in self._handle.file_events(file))

    @property
    def tasks(self) -> Dict[int, str]:
        """Names of processes, of the first file that has a name for one."""
        names: Dict[int, str] = {}
        for file in reversed(range(self.nr_files)):
            names.update(self._handle.tasks(file))
        return names

    def symbol(self, address: int, file: int = 0) -> Optional[str]:
        """The kernel's function that has an address; None: not known."""
        address = operator.index(address)
        if not 0 <= address < 1 << 64:
            raise OverflowError("an address has 64 bits")
        found = self._handle.symbol(self._file(file), address)
        return found and found[0]

    def _time(self, time: Time, name: str) -> Optional[int]:
        """Nanoseconds; of a timedelta from the first event on."""
        if isinstance(time, datetime.timedelta):
            span = self.time_range
            ns = (time // datetime.timedelta(microseconds=1)) * 1000 + (span[0] if span else 0)
        elif time is None:
            return None
        else:
            ns = operator.index(time)
        if not 0 <= ns < 1 << 64:
            raise OverflowError(f"{name}: times have 64 bits and no sign")
        return ns

    @property
    def lost(self) -> Columns:
        """Where events were lost: source, buffer, cpu, the times of the event before (0: none) and behind, and how
        many (null: unknown). All events are looked at."""
        return _losses(self)

    # ---- events ----

    def select(self, events: Names = None, fields: Optional[Iterable[str]] = None, **options: Any) -> Selection:
        """Some of the events: see Selection. events: "name", "system/name", "system:name", "system", with * and ?."""
        return Selection(self, events, fields, **options)

    def instance(self, name: str) -> "Instance":
        """One instance; "" is the top level."""
        return Instance(self, name)

    def _events(self, selection: tuple, field_class: Any = None) -> Iterator[Any]:
        return self._handle.events(selection, field_class)

    def __iter__(self) -> Iterator[Any]:
        """All events in the order of time. An event that is kept beyond its turn is a copy."""
        return self._events(([], [], [], [], [], 0, 0, False, 1))

    def __repr__(self) -> str:
        if self.closed:
            return "<Trace, closed>"
        return f"<Trace {', '.join(self.paths)}: {self.cpus} CPUs, {self.clock or 'unknown'} clock>"

    def _repr_html_(self) -> str:
        import html
        if self.closed:
            return html.escape(repr(self))
        rows = [(key, value) for i in range(self.nr_files) for key, value in self.facts(i).items() if value]
        cells = "".join(f"<tr><th>{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>" for key, value in rows)
        return f"<p>{html.escape(repr(self))}</p><table>{cells}</table>"


class Instance:
    """An instance of a trace: its selections are of its events alone."""

    def __init__(self, trace: Trace, name: str) -> None:
        if name and name not in trace.instances:
            raise SelectionError(f"the trace has no instance {name!r}: there are {trace.instances}")
        self.trace, self.name = trace, name

    def select(self, events: Names = None, fields: Optional[Iterable[str]] = None, **options: Any) -> Selection:
        return Selection(self.trace, events, fields, buffers=self.name, **options)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.select())

    def __repr__(self) -> str:
        return f"<Instance {self.name!r} of {self.trace!r}>"


def _losses(trace: Trace) -> Columns:
    """Rows with lost events, each with the time of the row before it of its CPU."""
    from array import array
    names = ["source", "buffer", "cpu", "before", "after", "lost"]
    kinds = "IIIQQQ"
    found: List[array] = [array(kind) for kind in kinds]
    unknown: List[bool] = []
    before: Dict[tuple, int] = {}
    q = trace.select(fields=["common_source", "common_buffer", "common_cpu", "common_ts", "common_lost"])
    damage, lost = None, 0
    for batch in q.batches(1 << 16):
        damage, lost = batch.damage, batch.lost
        _find_losses(batch, found, unknown, before)
    rows = len(unknown)
    valid = bytearray((rows + 7) // 8)
    for i, is_unknown in enumerate(unknown):
        valid[i // 8] |= (not is_unknown) << i % 8
    nulls = sum(unknown)
    types = {"I": "uint32", "Q": "uint64"}
    columns = [Column(name, rows, (types[kind], None, values, valid if name == "lost" and nulls else None, None, None,
                                   nulls if name == "lost" else 0, None))
               for name, kind, values in zip(names, kinds, found)]
    return Columns(columns, rows, lost, damage)


def _find_losses(batch: Columns, found: list, unknown: list, before: dict) -> None:
    """Adds a batch's losses; @before: the time of the last event of each CPU."""
    source, buffer, cpu, ts, lost = (memoryview(c.values) for c in batch.columns.values())
    column = batch.columns["common_lost"]
    for i in range(batch.rows):
        place = source[i], buffer[i], cpu[i]
        is_null = column.nulls and column.is_null(i)
        if lost[i] or is_null:
            for values, value in zip(found, (*place, before.get(place, 0), ts[i], lost[i])):
                values.append(value)
            unknown.append(bool(is_null))
        before[place] = ts[i]


def open(path: Path, **options: Any) -> Trace:
    """Opens a recording; reads its head only.

    raw_time: times as in the ring buffer. date: add the time of day, if it was recorded. plugins: load event plugins.
    """
    return Trace(path, **options)


def open_many(paths: Iterable[Path], **options: Any) -> Trace:
    """Opens several as one: a guest's file beside its host's is in the host's time. "source" tells whose an event is."""
    return Trace(list(paths), **options)
