# SPDX-License-Identifier: LGPL-2.1-or-later
"""The names and shapes of trace-cmd's own Python module, so that scripts for it run as they are.

What differs: a file that cannot be read is told (FileError, FileFormatError); handles are closed; signed fields are
signed; a dynamic field's number is an error instead of the word that tells its place."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

import _tracecmd

from .errors import FieldError

__all__ = ["Event", "OldField"]

Event = _tracecmd.Event


class OldField:
    """What event["name"] is of an event that Trace.read_event and its like gave."""

    def __init__(self, event: Any, name: str, number: int) -> None:
        self._event, self._name, self._number = event, name, number

    @property
    def data(self) -> memoryview:
        return memoryview(self._event.field_bytes(self._name))

    def __int__(self) -> int:
        value = self._event.value(self._name)
        if not isinstance(value, int):
            raise FieldError(f"field {self._name!r} is no number")
        return value

    __index__ = __int__

    def __str__(self) -> str:
        value = self._event.value(self._name)
        return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)

    def __repr__(self) -> str:
        return f"<Field {self._name}: {self._event.value(self._name)!r}>"


class OldMethods:
    """Trace's methods of that module. Each CPU has a reader of its own; read_next_event another, for all."""

    _handle: Any
    cpus: int

    def _reader(self, cpu: Optional[int]) -> Iterator[Any]:
        readers: Dict[Optional[int], list] = self.__dict__.setdefault("_readers", {})
        if cpu not in readers:
            wanted = [] if cpu is None else [cpu]
            readers[cpu] = [self._handle.events(([], [], [], wanted, [], 0, 0, False, 1), OldField), None]
        return readers[cpu]     # type: ignore[return-value]

    def _take(self, cpu: Optional[int]) -> Optional[Any]:
        reader: Any = self._reader(cpu)
        event, reader[1] = reader[1], None
        return event if event is not None else next(reader[0], None)

    def read_event(self, cpu: int) -> Optional[Any]:
        """The next event of a CPU; None at its end, and for a CPU that there is not."""
        return self._take(cpu) if 0 <= cpu < self.cpus else None

    def peek_event(self, cpu: int) -> Optional[Any]:
        """The same, and it stays the next one."""
        if not 0 <= cpu < self.cpus:
            return None
        reader: Any = self._reader(cpu)
        if reader[1] is None:
            reader[1] = next(reader[0], None)
        return reader[1]

    def read_next_event(self) -> Optional[Any]:
        """The next event of all; None at the end."""
        return self._take(None)

    @property
    def long_size(self) -> int:
        """Bytes of a long of the recorded machine, by what its events say."""
        return _long_size(self)


def _long_size(trace: Any) -> int:
    for info in trace.events.values():
        for field in info.fields:
            if field.ctype in ("long", "unsigned long") or field.is_pointer:
                return field.size
    return 8


def _of(event: Any, name: str, kinds: tuple) -> Any:
    value = event.value(name) if name in event else None
    return value if isinstance(value, kinds) else None


def _num_field(event: Any, name: str) -> Optional[int]:
    """A field's number; None if the event has no such field, or it is none."""
    return _of(event, name, (int,))


def _str_field(event: Any, name: str) -> Optional[str]:
    """A field's string; likewise."""
    return _of(event, name, (str,))


def _stack_field(event: Any, long_size: int = 8) -> List[str]:
    """Names of the functions of a stack, the innermost first; an address that is not known is "0x...".  The file
    says how long its addresses are."""
    return [event.function(address) or f"0x{address:x}" for address in _of(event, "caller", (list,)) or []]


def _repr(event: Any) -> str:
    return (f"{event.ts // 10**9}.{event.ts % 10**9:09} CPU{event.cpu} {event.name}: pid={event.pid} "
            f"comm={event.comm} type={event.type}")


# The C half has no more of an event than takes C.
Event.num_field = _num_field
Event.str_field = _str_field
Event.stack_field = _stack_field
Event.keys = property(lambda event: list(event), doc="Names of its fields, the common ones first.")
Event.common_keys = property(lambda event: list(event)[:event.kind.nr_common], doc="Names that all events have.")
Event.__repr__ = Event.__str__ = _repr
