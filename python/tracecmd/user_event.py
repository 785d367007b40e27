# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events of a program's own in the kernel's trace (Linux 6.4 and later)."""

from __future__ import annotations

import re
import struct
from typing import Any, List, NamedTuple

import _tracecmd

from .errors import SelectionError

_NUMBERS = {"u8": "B", "s8": "b", "u16": "H", "s16": "h", "u32": "I", "s32": "i", "u64": "Q", "s64": "q", "char": "b",
            "unsigned char": "B", "short": "h", "unsigned short": "H", "int": "i", "unsigned int": "I", "unsigned": "I"}
# Bytes that the kernel puts in front of a record, which a __data_loc counts.
_HEAD = 8


class _Part(NamedTuple):
    name: str
    format: str         # of the struct module; "" for a dynamic one
    element: str        # of a dynamic one
    relative: bool      # its place counts from behind its own four bytes


def _parse_field(text: str) -> _Part:
    found = re.fullmatch(r"(__data_loc|__rel_loc)\s+(.+?)\s*\[\]\s*(\w+)", text)
    if found:
        if found[2] not in _NUMBERS:
            raise SelectionError(f"user event: {text!r}: there is no type {found[2]!r}")
        return _Part(found[3], "", found[2], found[1] == "__rel_loc")
    found = re.fullmatch(r"(char|unsigned char)\s*\[(\d+)\]\s*(\w+)", text)
    if found:
        return _Part(found[3], f"{found[2]}s", "", False)
    found = re.fullmatch(r"struct\s+\w+\s+(\w+)\s+(\d+)", text)
    if found:
        return _Part(found[1], f"{found[2]}s", "", False)
    found = re.fullmatch(r"(.+?)\s+(\w+)", text)
    if not found or " ".join(found[1].split()) not in _NUMBERS:
        raise SelectionError(f"user event: field {text!r} is none: TYPE NAME is wanted")
    return _Part(found[2], _NUMBERS[" ".join(found[1].split())], "", False)


def parse(definition: str) -> List[_Part]:
    """The fields of "NAME TYPE FIELD; TYPE FIELD"."""
    words = definition.split(None, 1)
    if not words:
        raise SelectionError("user event: the definition is empty")
    return [_parse_field(" ".join(f.split())) for f in (words[1].split(";") if len(words) > 1 else []) if f.strip()]


class UserEvent:
    """An event of this program's own.

        request = tracecmd.UserEvent("app_request u32 id; u64 bytes; __rel_loc char[] path")
        if request.enabled:
            request(id=1, bytes=2, path="/etc/passwd")

    enabled costs little, and is true while somebody records it. The definition is that of tracecmd-user-event(1).
    """

    PERSIST = 1         # stays when the last program with it has ended
    MULTI_FORMAT = 2    # others may have events of this name with other fields

    def __init__(self, definition: str, flags: int = 0) -> None:
        self.fields = parse(definition)
        self.name = definition.split(None, 1)[0]
        self._event = _tracecmd.UserEvent(definition, flags)

    @property
    def enabled(self) -> bool:
        return self._event.enabled

    def record(self, **values: Any) -> bytes:
        """The record that an event of these values is."""
        fixed = sum(struct.calcsize("=" + part.format) if part.format else 4 for part in self.fields)
        head, tail = b"", b""
        for part in self.fields:
            if part.name not in values:
                raise TypeError(f"user event {self.name}: {part.name!r} is missing")
            value = values.pop(part.name)
            if part.format:
                head += _pack(part, value)
                continue
            data = _dynamic(part, value)
            place = fixed + len(tail) + (-(len(head) + 4) if part.relative else _HEAD)
            if len(data) > 0xffff or place > 0xffff:
                raise ValueError(f"user event {self.name}: {part.name!r} is too long")
            head += struct.pack("=I", len(data) << 16 | place)
            tail += data
        if values:
            raise TypeError(f"user event {self.name}: there is no field {sorted(values)[0]!r}")
        return head + tail

    def __call__(self, **values: Any) -> bool:
        """Writes it; whether somebody listened."""
        return self._event.enabled and self._event.write(self.record(**values))

    def close(self) -> None:
        """Ends the event of this program."""
        self._event.close()

    def __enter__(self) -> "UserEvent":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<UserEvent {self.name}, {'recorded' if self.enabled else 'not recorded'}>"


def _pack(part: _Part, value: Any) -> bytes:
    if part.format.endswith("s"):
        data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
        size = int(part.format[:-1])
        if len(data) > size - isinstance(value, str):   # a string has a NUL
            raise ValueError(f"user event: {part.name!r} has {size} bytes")
        return struct.pack("=" + part.format, data)
    try:
        return struct.pack("=" + part.format, value)
    except struct.error as e:
        raise ValueError(f"user event: {part.name!r}: {e}") from None


def _dynamic(part: _Part, value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape") + b"\0"
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return data if part.element not in ("char",) or data.endswith(b"\0") else data + b"\0"
    return struct.pack(f"={len(value)}{_NUMBERS[part.element]}", *value)
