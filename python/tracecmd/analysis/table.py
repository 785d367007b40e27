# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of analyses: columns of equal length, and how they are shown."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np

PERCENTILES = (50, 90, 99)


class Table(Dict[str, np.ndarray]):
    """NumPy arrays by name, all of the same length. lost: events that were lost in what was looked at; None:
    unknown how many. Times are nanoseconds."""

    def __init__(self, columns: Dict[str, Any], lost: Any = 0) -> None:
        super().__init__({name: np.asarray(values) for name, values in columns.items()})
        self.lost = lost

    @property
    def rows(self) -> int:
        return len(next(iter(self.values()))) if self else 0

    def take(self, order: Any) -> "Table":
        return Table({name: values[order] for name, values in self.items()}, self.lost)

    def sorted_by(self, name: str) -> "Table":
        """The greatest first."""
        return self.take(np.argsort(self[name], kind="stable")[::-1])

    def records(self) -> List[dict]:
        return [dict(zip(self, row)) for row in zip(*(values.tolist() for values in self.values()))]

    def to_pandas(self) -> Any:
        import pandas as pd
        frame = pd.DataFrame(dict(self))
        frame.attrs["lost"] = self.lost
        return frame

    def text(self, rows: int = 40) -> str:
        """As lines; the numbers to the right."""
        cells = [list(self)] + [[_cell(self[name][i]) for name in self] for i in range(min(rows, self.rows))]
        widths = [max(map(len, column)) for column in zip(*cells)]
        right = [values.dtype.kind in "iuf" for values in self.values()]
        made = ["  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)).rstrip()
                for row in cells]
        if self.rows > rows:
            made.append(f"... {self.rows - rows} more")
        if self.lost is None or self.lost:
            made.append(f"{'unknown many' if self.lost is None else self.lost} events were lost: this is not all")
        return "\n".join(made)

    __str__ = text

    def __repr__(self) -> str:
        return f"<Table: {self.rows} rows of {', '.join(self)}>"

    def _repr_html_(self) -> str:
        import html
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(_cell(self[name][i]))}</td>" for name in self) + "</tr>"
                       for i in range(min(self.rows, 40)))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, (float, np.floating)) else str(value)


def add_lost(*lost: Any) -> Any:
    """Of several readings; one that is unknown makes all so."""
    return None if None in lost else sum(lost)


def groups(keys: np.ndarray) -> tuple:
    """Distinct keys, the order that puts equal ones together, and where each one's begin in that (and the end)."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1]))) if len(keys) else np.zeros(0, int)
    return ordered[starts], order, np.append(starts, len(keys))


def summary(keys: np.ndarray, durations: np.ndarray, name: str, label: Any) -> Dict[str, Any]:
    """Of durations by key: how many, in all, mean, percentiles, the longest. @label(key): what column @name shows."""
    distinct, order, starts = groups(keys)
    parts = [durations[order[a:b]] for a, b in zip(starts[:-1], starts[1:])]
    made: Dict[str, Any] = {
        name: np.array([label(key) for key in distinct.tolist()], dtype=object),
        "count": np.array([len(p) for p in parts], dtype=np.int64),
        "total": np.array([int(p.sum()) for p in parts], dtype=np.int64),
        "mean": np.array([float(p.mean()) for p in parts]),
    }
    for percent in PERCENTILES:
        made[f"p{percent}"] = np.array([_percentile(p, percent) for p in parts], dtype=np.int64)
    made["max"] = np.array([int(p.max()) for p in parts], dtype=np.int64)
    return made


def _percentile(values: np.ndarray, percent: int) -> int:
    """One of the values: the least that so many percent are not above."""
    at = max(0, -(-len(values) * percent // 100) - 1)
    return int(np.partition(values, at)[at])


def histogram(durations: np.ndarray) -> Table:
    """How many lie between one power of two and the next, in nanoseconds: from, to, count."""
    if not len(durations):
        return Table({"from": np.zeros(0, np.int64), "to": np.zeros(0, np.int64), "count": np.zeros(0, np.int64)})
    bits = np.where(durations > 0, np.floor(np.log2(np.maximum(durations, 1))).astype(int) + 1, 0)
    counts = np.bincount(bits)
    first = int(np.flatnonzero(counts)[0])
    numbers = np.arange(first, len(counts))
    return Table({"from": np.where(numbers > 0, 1 << np.maximum(numbers - 1, 0), 0), "to": 1 << numbers,
                  "count": counts[first:]})
