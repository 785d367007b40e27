# SPDX-License-Identifier: LGPL-2.1-or-later
"""Columns of values in memory that NumPy and Arrow see without a copy."""

from __future__ import annotations

from typing import Any, Iterator, Optional, Sequence

try:
    import numpy as _np
except ImportError:                     # everything but to_pandas works without
    _np = None


def bits_of(valid: Any, rows: int) -> Any:
    """A bit for each row as an array of bool."""
    return _np.unpackbits(_np.frombuffer(valid, dtype=_np.uint8), bitorder="little")[:rows].view(bool)


class Column:
    """One column. Its memory is of the layout that Apache Arrow has; nothing here copies it.

    type: "int8" to "uint64"; "word": strings as numbers (codes) of a table (words);
          "string": bytes; "array": numbers of type element, a list of them in each row.
    """

    def __init__(self, name: str, rows: int, parts: tuple) -> None:
        self.name = name
        self.rows = rows
        self.type, self.element, self.values, self.valid, self.offsets, self.bytes, self.nulls, self.words = parts

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        kind = f"array of {self.element}" if self.type == "array" else self.type
        return f"<Column {self.name}: {self.rows} of {kind}{f', {self.nulls} null' if self.nulls else ''}>"

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes, its table of words left out."""
        return sum(memoryview(b).nbytes for b in (self.values, self.valid, self.offsets, self.bytes) if b is not None)

    def is_null(self, row: int) -> bool:
        return bool(self.valid is not None and not memoryview(self.valid)[row // 8] >> row % 8 & 1)

    def __getitem__(self, row: int) -> Any:
        if row < 0:
            row += self.rows
        if not 0 <= row < self.rows:
            raise IndexError("no such row")
        if self.is_null(row):
            return None
        if self.type in ("string", "array"):
            offsets = memoryview(self.offsets)
            data = memoryview(self.bytes)[offsets[row]:offsets[row + 1]]
            if self.type == "string":
                return bytes(data).decode("utf-8", "surrogateescape")
            return data if self.element == "uint8" else data.cast(_FORMATS[self.element])
        value = memoryview(self.values)[row]
        return self.words[value] if self.type == "word" else value

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self.rows))

    def tolist(self) -> list:
        if self.type not in ("word", "string", "array") and not self.nulls:
            return memoryview(self.values).tolist()
        return list(self)

    def native(self) -> Any:
        """What a user finds in columns(): a NumPy array of numbers (masked where some are null), else a Words, or
        this column. Without NumPy a memoryview of numbers."""
        if self.type == "word":
            return Words(self)
        if self.type in ("string", "array"):
            return self
        if _np is None:
            return self if self.nulls else memoryview(self.values)
        values = _np.asarray(self.values)
        return _np.ma.masked_array(values, mask=~bits_of(self.valid, self.rows)) if self.nulls else values

    def __array__(self, dtype: Any = None) -> Any:
        if self.type == "word":
            return Words(self).__array__(dtype)
        if self.type not in ("string", "array"):
            return _np.asarray(self.native(), dtype=dtype)
        made = _np.empty(self.rows, dtype=object)
        for i in range(self.rows):
            value = self[i]
            made[i] = value if self.type == "string" or value is None else _np.asarray(value)
        return made

    def to_pandas(self) -> Any:
        """The values as pandas has them: numbers, of nullable types where some are null; categories; objects."""
        import pandas as pd
        if self.type == "word":
            return pd.Categorical.from_codes(_np.asarray(self.values), categories=self.words)
        if self.type in ("string", "array"):
            return self.__array__()
        values = _np.asarray(self.values)
        return pd.arrays.IntegerArray(values, ~bits_of(self.valid, self.rows)) if self.nulls else values


_FORMATS = {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q",
            "uint64": "Q"}


class Words(Sequence):
    """Strings of which many are alike: codes (a number for each row, -1: null; of columns() in as few bytes as will do) and the words they stand for."""

    def __init__(self, column: Column) -> None:
        self.words: list = column.words
        self.codes: Any = memoryview(column.values) if _np is None else _np.asarray(column.values)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, i: Any) -> Any:
        code = self.codes[i]
        return None if code < 0 else self.words[code]

    def code(self, word: str) -> int:
        """The number of a word, or -2, which no row has."""
        try:
            return self.words.index(word)
        except ValueError:
            return -2

    def __eq__(self, word: object) -> Any:
        """Rows that are the word, as an array of bool."""
        return self.codes == self.code(word) if isinstance(word, str) and _np is not None else NotImplemented

    __hash__ = None     # type: ignore[assignment]

    def __array__(self, dtype: Any = None) -> Any:
        table = _np.empty(len(self.words) + 1, dtype=object)
        table[:-1] = self.words
        return table[self.codes].astype(dtype or object, copy=False)    # -1 is the last, None

    def __repr__(self) -> str:
        shown = ", ".join(repr(self[i]) for i in range(min(4, len(self))))
        return f"<Words: {shown}{', ...' if len(self) > 4 else ''}; {len(self)} of {len(self.words)} words>"


class Columns(dict):
    """Columns by name: NumPy arrays of numbers, Words of strings (see Column.native).

    rows: how many. lost: events that the kernel lost in front of what was looked at; None: unknown how many.
    damage: why the end of a file could not be read; None: it could. columns: the Column objects.
    """

    def __init__(self, columns: list, rows: int, lost: Optional[int], damage: Optional[str]) -> None:
        super().__init__((c.name, c.native()) for c in columns)
        self.columns = {c.name: c for c in columns}
        self.rows = rows
        self.lost = lost
        self.damage = damage

    @property
    def nbytes(self) -> int:
        return sum(c.nbytes for c in self.columns.values())

    def to_pandas(self, index: Optional[str] = None) -> Any:
        """A pandas.DataFrame that shares the memory of numbers; attrs["lost"] and attrs["damage"] tell what is missing."""
        import pandas as pd
        frame = pd.DataFrame({name: c.to_pandas() for name, c in self.columns.items()},
                             index=None if self.columns else range(self.rows), copy=False)
        frame.attrs.update(lost=self.lost, damage=self.damage)
        return frame if index is None else frame.set_index(index)

    def __arrow_c_schema__(self) -> Any:
        from . import arrow
        return arrow.schema(list(self.columns.values()))

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple:
        from . import arrow
        return arrow.schema(list(self.columns.values())), arrow.array(list(self.columns.values()), self.rows)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        from . import arrow
        return arrow.stream([self])

    def to_arrow(self) -> Any:
        """A pyarrow.RecordBatch, where pyarrow is; other libraries take this object as it is."""
        import pyarrow
        return pyarrow.record_batch(self)

    def to_polars(self) -> Any:
        """A polars.DataFrame, where polars is."""
        import polars
        return polars.DataFrame(self)

    def __repr__(self) -> str:
        lost = "unknown many" if self.lost is None else str(self.lost)
        return (f"<Columns: {self.rows} rows of {', '.join(self) or 'nothing'}"
                f"{'' if self.lost == 0 else f'; {lost} events lost'}{'; damaged' if self.damage else ''}>")

    def _repr_html_(self) -> str:
        import html
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self)
        rows = "".join("<tr>" + "".join(f"<td>{html.escape(str(c[i]))}</td>" for c in self.columns.values()) + "</tr>"
                       for i in range(min(self.rows, 10)))
        return f"<p>{html.escape(repr(self))}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
