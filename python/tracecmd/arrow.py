# SPDX-License-Identifier: LGPL-2.1-or-later
"""Columns by the Arrow C data interface: what the C half needs to fill its structs.

Strings and lists are the large ones of Arrow (64-bit offsets); words are dictionaries of
large strings with signed indices."""

from __future__ import annotations

import itertools
import struct
from array import array as _array
from typing import Any, Iterable, Iterator

import _tracecmd

_FORMATS = {"int8": b"c", "uint8": b"C", "int16": b"s", "uint16": b"S", "int32": b"i", "uint32": b"I",
            "int64": b"l", "uint64": b"L"}

_CODES = {"b": "c", "h": "s", "i": "i"}


def _format(number: str) -> str:
    return _FORMATS[number].decode()


def _metadata(pairs: dict) -> bytes:
    """Arrow's own form: counts and lengths as int32."""
    made = struct.pack("=i", len(pairs))
    for pair in pairs.items():
        for text in pair:
            made += struct.pack("=i", len(text.encode())) + text.encode()
    return made


def _column_schema(c: Any) -> tuple:
    metadata = _metadata({"unit": "ns"}) if c.name == "ts" else None
    if c.type == "word":
        return (_CODES[memoryview(c.values).format], c.name, True, metadata, [], ("U", "", True, None, [], None))
    if c.type == "string":
        return ("U", c.name, True, metadata, [], None)
    if c.type == "array" and c.element == "uint8":
        return ("Z", c.name, True, metadata, [], None)
    if c.type == "array":
        return ("+L", c.name, True, metadata, [(_format(c.element), "item", True, None, [], None)], None)
    return (_format(c.type), c.name, True, metadata, [], None)


def _texts(words: list) -> tuple:
    """Large strings."""
    encoded = [w.encode("utf-8", "surrogateescape") for w in words]
    offsets = _array("q", [0, *itertools.accumulate(map(len, encoded))])
    return (len(words), 0, [None, offsets, b"".join(encoded)], [], None)


def _element_offsets(c: Any) -> tuple:
    """Offsets in elements, where they are kept in bytes."""
    size = int(c.element.lstrip("uint")) // 8
    return size, c.offsets if size == 1 else _array("q", [o // size for o in memoryview(c.offsets)])


def _column_array(c: Any, rows: int) -> tuple:
    if c.type == "word":
        return (rows, c.nulls, [c.valid, c.values], [], _texts(c.words))
    if c.type == "string" or (c.type == "array" and c.element == "uint8"):
        return (rows, c.nulls, [c.valid, c.offsets, c.bytes], [], None)
    if c.type == "array":
        size, offsets = _element_offsets(c)
        child = (memoryview(c.bytes).nbytes // size, 0, [None, c.bytes], [], None)
        return (rows, c.nulls, [c.valid, offsets], [child], None)
    return (rows, c.nulls, [c.valid, c.values], [], None)


def _schema(columns: list) -> tuple:
    return ("+s", "", False, None, [_column_schema(c) for c in columns], None)


def _table(columns: list, rows: int) -> tuple:
    return (rows, 0, [None], [_column_array(c, rows) for c in columns], None)


def schema(columns: list) -> Any:
    return _tracecmd.arrow_schema(_schema(columns))


def array(columns: list, rows: int) -> Any:
    return _tracecmd.arrow_array(_table(columns, rows))


def stream(batches: Iterable) -> Any:
    """Of Columns objects, at least one; the first tells the schema."""
    rest = iter(batches)
    first = next(rest)
    every: Iterator = itertools.chain([first], rest)
    return _tracecmd.arrow_stream(_schema(list(first.columns.values())),
                                  (_table(list(b.columns.values()), b.rows) for b in every))
