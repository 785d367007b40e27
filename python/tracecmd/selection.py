# SPDX-License-Identifier: LGPL-2.1-or-later
"""Selections: what of a trace is wanted, handed down to the library."""

from __future__ import annotations

import datetime
import fnmatch
import operator
import os
import re
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional, Union

from .columns import Column, Columns
from .errors import SelectionError, warn

if TYPE_CHECKING:
    from .trace import Trace

Time = Union[int, datetime.timedelta, None]
Names = Union[str, Iterable[str], None]

# What all events have, by name: enum tracecmd_what. Where all selected events have a field of that
# name it is meant; with "common_" in front never.
WHAT = {"ts": 2, "cpu": 3, "pid": 4, "type": 5, "flags": 6, "preempt_count": 7, "source": 8, "buffer": 9, "lost": 10,
        "comm": 11, "info": 12, "event": 13}
_ALWAYS = {f"common_{name}": what for name, what in WHAT.items()}
BATCH_ROWS = 1 << 20


def _list(what: Any, name: str) -> list:
    if what is None:
        return []
    if isinstance(what, str):
        return [what]
    if isinstance(what, (bytes, bytearray)):
        raise TypeError(f"{name}: names are str")
    made = list(what)
    for item in made:
        if not isinstance(item, str):
            raise TypeError(f"{name}: names are str, not {type(item).__name__}")
    return made


def _numbers(what: Any, name: str) -> Optional[list]:
    if what is None:
        return None
    if isinstance(what, (str, bytes)):
        raise TypeError(f"{name}: an int or several are wanted")
    try:
        return [operator.index(what)]
    except TypeError:
        return [operator.index(x) for x in what]


def _event_names(events: Names) -> list:
    """SYSTEM:EVENT is SYSTEM/EVENT."""
    return [part.strip().replace(":", "/") for name in _list(events, "events") for part in name.split(",")]


def _as_regex(glob: str) -> str:
    """A glob as the basic regular expression that filters have."""
    return "".join({"*": ".*", "?": "."}.get(c) or (c if re.match(r"[\w/-]", c) else "\\" + c) for c in glob)


class Selection:
    """Some of a trace's events. Nothing is read before they are asked for; each asking reads anew.

    A selection may be handed to another thread, and several threads may read several, or the same one, at the same
    time: each reading has its own state.
    """

    def __init__(self, trace: "Trace", events: Names = None, fields: Optional[Iterable[str]] = None, *,
                 cpus: Union[int, Iterable[int], None] = None, pids: Union[int, Iterable[int], None] = None,
                 buffers: Names = None, start: Time = None, end: Time = None, where: Names = None,
                 filters: Names = None, threads: Optional[int] = None) -> None:
        self.trace = trace
        self.events = _event_names(events)
        self.fields = None if fields is None else _list(fields, "fields")
        self._cpus, self._pids = _numbers(cpus, "cpus"), _numbers(pids, "pids")
        self._buffers = _list(buffers, "buffers")
        self._filters = self._make_filters(_list(where, "where")) + _list(filters, "filters")
        self._start, self._end = trace._time(start, "start"), trace._time(end, "end")
        if self._end == 0:
            raise SelectionError("end: no event is before 0")
        self.threads = operator.index(threads) if threads is not None else len(os.sched_getaffinity(0))
        if not 0 <= self.threads < 1 << 16:
            raise SelectionError(f"threads: {self.threads} is out of range")
        if self.fields is not None:
            if len(set(self.fields)) != len(self.fields):
                raise SelectionError("fields: one is named twice")
        # an empty list selects nothing, which the library takes for everything
        self._nothing = any(x is not None and not x for x in (self._cpus, self._pids)) or \
            (self.events == [] and events is not None) or (self._buffers == [] and buffers is not None)

    def _make_filters(self, where: list) -> list:
        names = ",".join(map(_as_regex, self.events)) or ".*"
        return [f"{names}: {expression}" for expression in where]

    def _selection(self, unordered: bool = False) -> tuple:
        return (self.events, self._filters, self._buffers, self._cpus or [], self._pids or [], self._start or 0,
                self._end or 0, unordered, self.threads)

    # ---- which columns ----

    def kinds(self) -> list:
        """(file, system, name, id) of the events that it may have."""
        def wanted(system: str, name: str) -> bool:
            return not self.events or any(fnmatch.fnmatchcase(whole, glob) for glob in self.events
                                          for whole in (name, system, f"{system}/{name}"))
        return [(file, system, name, number) for file in range(self.trace.nr_files)
                for system, name, number in self.trace._handle.file_events(file) if wanted(system, name)]

    def _own_fields(self, kind: tuple) -> list:
        told = self.trace._handle.kind(kind[0], kind[3])
        return [field[0] for field in told.fields[told.nr_common:]]

    def _default_columns(self) -> dict:
        """Of one kind of event what all events have, and its fields; of several kinds what all have."""
        kinds = self.kinds() if self.events else []
        source = ["source"] if self.trace.nr_files > 1 else []
        if len({kind[1:3] for kind in kinds}) != 1:
            return {name: (WHAT[name], None) for name in (*source, "ts", "cpu", "pid", "comm", "event")}
        own = {name: (0, name) for kind in kinds for name in self._own_fields(kind)}
        common = {f"common_{name}" if name in own else name: (WHAT[name], None)
                  for name in (*source, "ts", "cpu", "pid", "comm")}
        return {**common, **own}

    def _columns(self) -> dict:
        """By name what each column is, as the C half takes it."""
        if self.fields is None:
            return self._default_columns()
        short = [name for name in self.fields if name in WHAT]
        kinds = self.kinds() if self.events and short else []
        own = set.intersection(*(set(self._own_fields(kind)) for kind in kinds)) if kinds else set()
        return {name: (_ALWAYS[name], None) if name in _ALWAYS else (0, name) if name in own or name not in WHAT else
                (WHAT[name], None) for name in self.fields}

    def names(self) -> list:
        """Names of its columns: fields, or what there is without them."""
        return list(self._columns())

    # ---- reading ----

    def _scan(self, columns: dict, unordered: bool = False, narrow: bool = False) -> Any:
        return self.trace._handle.scan(self._selection(unordered), list(columns.values()) or [(WHAT["cpu"], None)], narrow)

    def _read(self, scan: Any, names: Iterable[str], rows: int) -> tuple:
        n, parts, ended, damage = scan.read(0 if self._nothing else rows)
        self.trace._tell_notices()
        if damage:
            warn(damage)
        columns = [Column(name, n, part) for name, part in zip(names, parts)]
        return Columns(columns, n, scan.facts()[2], damage), ended or self._nothing

    def columns(self) -> Columns:
        """All of it, in memory."""
        names = self._columns()
        return self._read(self._scan(names, narrow=True), names, (1 << 63) - 1)[0]

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Columns]:
        """The same in pieces of at most so many rows, each in memory of its own: what the loop does not keep is
        freed. Words have the same codes in all pieces; there come on more."""
        rows = operator.index(rows)
        if not 0 < rows < 1 << 63:
            raise SelectionError("rows: a number above 0 is wanted")
        names = self._columns()
        return self._batches(self._scan(names), names, rows)

    def _batches(self, scan: Any, names: Iterable[str], rows: int) -> Iterator[Columns]:
        ended = False
        while not ended:
            batch, ended = self._read(scan, names, rows)
            if batch.rows:
                yield batch

    def __iter__(self) -> Iterator[Any]:
        """Its events one by one."""
        return iter(()) if self._nothing else self.trace._events(self._selection())

    def count(self) -> int:
        """How many events it has."""
        scan = self._scan({}, unordered=True)
        rows, ended = 0, self._nothing
        while not ended:
            n, _, ended, damage = scan.read(BATCH_ROWS)
            rows += n
        self.trace._tell_notices()
        return rows

    def to_pandas(self, index: Optional[str] = None) -> Any:
        """A pandas.DataFrame: strings are categories. index: the column that becomes the index, as "ts"."""
        return self.columns().to_pandas(index)

    def to_polars(self) -> Any:
        return self.columns().to_polars()

    def to_arrow(self) -> Any:
        """A pyarrow.Table, where pyarrow is; other libraries take the selection as it is."""
        import pyarrow
        return pyarrow.table(self)

    def _batches_or_none(self) -> Iterator[Columns]:
        """With one batch of no rows, if there are none: it tells the schema."""
        names = self._columns()
        scan = self._scan(names)
        first, ended = self._read(scan, names, BATCH_ROWS)
        yield first
        if not ended:
            yield from self._batches(scan, names, BATCH_ROWS)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A stream of record batches, which are read as they are taken."""
        from . import arrow
        return arrow.stream(self._batches_or_none())

    def __repr__(self) -> str:
        facts = {"events": self.events, "fields": self.fields, "filters": self._filters, "cpus": self._cpus,
                 "pids": self._pids, "buffers": self._buffers, "start": self._start, "end": self._end}
        told = ", ".join(f"{name}={value!r}" for name, value in facts.items() if value not in (None, []))
        return f"<Selection {told or 'of all events'}>"

