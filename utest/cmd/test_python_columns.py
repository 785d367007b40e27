# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns from Python: types, nulls, batches, pandas, Arrow, with and without NumPy."""

import ctypes
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from python_module import PATH, fixture, opened, tracecmd


def test_types_are_the_fields():
    c = opened().select("sched_switch").columns()
    types = {name: values.dtype for name, values in c.items() if isinstance(values, np.ndarray)}
    assert types == {"ts": np.uint64, "cpu": np.uint32, "pid": np.int32, "prev_pid": np.int32, "prev_prio": np.int32,
                     "prev_state": np.int64, "next_pid": np.int32, "next_prio": np.int32}
    assert isinstance(c["prev_comm"], tracecmd.Words) and isinstance(c["comm"], tracecmd.Words)
    assert c["ts"].base is not None     # a view of the memory it was read into
    assert opened("syn-v7-be-l4-p8192-none").select("print").columns()["ip"].dtype == np.uint32


def test_words():
    t = opened()
    words = t.select("sched_switch").columns()["next_comm"]
    strings = [e["next_comm"] for e in t if e.name == "sched_switch"]
    assert list(words) == strings and np.asarray(words).tolist() == strings
    assert words.codes.dtype == np.int8 and words.words == list(dict.fromkeys(strings))
    name = strings[0]
    assert (words == name).tolist() == [s == name for s in strings]
    assert not (words == "nobody").any() and "words>" in repr(words)


def test_many_words_take_wider_codes():
    """More words than a byte has numbers are met behind rows that have such ones."""
    path = fixture("syn-v7-be-l4-p8192-none")
    one = tracecmd.open(path).select("print", ["buf"]).columns()["buf"]
    assert len(one.words) > 127 and one.codes.dtype == np.int16
    copies = 65536 // list(one.codes).index(120) + 50
    many = tracecmd.open_many([path] * copies).select("print", ["ts", "buf"]).columns()["buf"]
    assert list(one.codes).index(120) * copies > 65536      # what is read at a time
    assert many.codes.dtype == np.int16 and many.words == one.words
    assert np.bincount(many.codes).tolist() == (np.bincount(one.codes) * copies).tolist()


def test_nulls_where_an_event_has_not_the_field():
    t = opened()
    c = t.select(["sched_switch", "sched_wakeup"], ["event", "next_pid", "next_comm"]).columns()
    events = [e for e in t if e.name in ("sched_switch", "sched_wakeup")]
    wanted = [e["next_pid"] if "next_pid" in e else None for e in events]
    assert isinstance(c["next_pid"], np.ma.MaskedArray) and c["next_pid"].tolist() == wanted
    assert c.columns["next_pid"].tolist() == wanted and c.columns["next_pid"].nulls == wanted.count(None)
    assert list(c["next_comm"]) == [e["next_comm"] if "next_comm" in e else None for e in events]
    df = c.to_pandas()
    assert str(df["next_pid"].dtype) == "Int32" and df["next_pid"].isna().tolist() == [w is None for w in wanted]
    assert df["next_comm"].isna().tolist() == [w is None for w in wanted]


def test_arrays():
    t = opened("all-6.1")
    c = t.select("raw_syscalls:sys_enter", ["args"]).columns()
    wanted = [e["args"] for e in t if e.name == "sys_enter" and e.system == "raw_syscalls"]
    assert [v.tolist() for v in c["args"]] == wanted
    assert [v.tolist() for v in c.to_pandas()["args"]] == wanted
    column = c.columns["args"]
    assert (column.type, column.element) == ("array", "uint64") and column[-1].tolist() == wanted[-1]
    with pytest.raises(IndexError):
        column[column.rows]


def test_texts():
    t = opened()
    assert list(t.select(fields=["info"]).columns()["info"]) == [e.info for e in t]


def test_own_what_and_flags():
    t = opened()
    c = t.select(fields=["type", "flags", "preempt_count", "lost", "buffer", "source"]).columns()
    assert c["type"].tolist() == [e.type for e in t]
    assert c["flags"].tolist() == [e["common_flags"] for e in t]
    assert c["preempt_count"].tolist() == [e["common_preempt_count"] for e in t]
    assert not c["lost"].any() and not c["buffer"].any() and not c["source"].any()


@pytest.mark.parametrize("rows", [1, 7, 100, 1 << 20])
def test_batches_are_the_whole(rows):
    q = opened().select("sched_switch")
    whole = q.columns()
    batches = list(q.batches(rows))
    assert all(0 < b.rows <= rows for b in batches) and sum(b.rows for b in batches) == whole.rows
    for name in whole:
        assert sum((b.columns[name].tolist() for b in batches), []) == whole.columns[name].tolist(), name
    # numbers of words stay
    assert np.concatenate([b["next_comm"].codes for b in batches]).tolist() == whole["next_comm"].codes.tolist()
    assert batches[-1]["next_comm"].words == whole["next_comm"].words


def test_pandas():
    q = opened().select("sched_switch")
    df = q.to_pandas()
    c = q.columns()
    assert list(df.columns) == list(c) and len(df) == c.rows and df.attrs == {"lost": 0, "damage": None}
    assert df["next_pid"].tolist() == c["next_pid"].tolist() and str(df["next_comm"].dtype) == "category"
    assert df["next_comm"].tolist() == list(c["next_comm"])
    by_time = q.to_pandas(index="ts")
    assert by_time.index.name == "ts" and by_time.index.tolist() == c["ts"].tolist()
    assert df.groupby("next_comm", observed=True)["ts"].count().sum() == len(df)
    assert isinstance(opened().select("sched_switch", cpus=[]).to_pandas(), pd.DataFrame)


def test_memory_is_that_of_the_values():
    """What a column holds is its rows' size, to a page."""
    c = opened("all-6.1").select(fields=["ts", "cpu"]).columns()
    assert c.columns["ts"].nbytes == 8 * c.rows and c.nbytes == 12 * c.rows
    view = memoryview(c.columns["ts"].values)
    assert (view.format, view.itemsize, view.shape, view.contiguous) == ("Q", 8, (c.rows,), True)


def test_reprs():
    c = opened().select("sched_switch", ["ts", "next_comm"]).columns()
    assert "rows of ts, next_comm" in repr(c) and "<th>next_comm</th>" in c._repr_html_()
    assert "uint64" in repr(c.columns["ts"]) and "sched_switch" in repr(opened().select("sched_switch"))


# ---- the Arrow C data interface ------------------------------------------------------------------


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


class Stream(ctypes.Structure):
    pass


Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_void_p),
                   ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
                   ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.POINTER(Schema)),
                   ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Schema))), ("private_data", ctypes.c_void_p)]
Array._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64),
                  ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
                  ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(Array))),
                  ("dictionary", ctypes.POINTER(Array)), ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Array))),
                  ("private_data", ctypes.c_void_p)]
Stream._fields_ = [("get_schema", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Schema))),
                   ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Stream), ctypes.POINTER(Array))),
                   ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(Stream))),
                   ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(Stream))), ("private_data", ctypes.c_void_p)]

NUMBERS = {b"c": "i1", b"C": "u1", b"s": "i2", b"S": "u2", b"i": "i4", b"I": "u4", b"l": "i8", b"L": "u8"}


def pointer(capsule, name, kind):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(get(capsule, name), ctypes.POINTER(kind))


def numbers(address, kind, n):
    size = np.dtype(kind).itemsize
    return np.frombuffer(ctypes.string_at(address, n * size) if n else b"", kind)


def values_of(schema, array):
    """An array's values by the columnar format's rules; None: null."""
    n, buffers = array.length, array.buffers
    valid = np.ones(n, bool)
    if buffers[0]:
        valid = np.unpackbits(numbers(buffers[0], "u1", (n + 7) // 8), bitorder="little")[:n].astype(bool)
    assert array.null_count == n - valid.sum() and array.offset == 0
    if schema.dictionary:
        words = values_of(schema.dictionary.contents, array.dictionary.contents)
        made = [words[i] if i >= 0 else None for i in numbers(buffers[1], NUMBERS[schema.format], n)]
    elif schema.format in NUMBERS:
        made = numbers(buffers[1], NUMBERS[schema.format], n).tolist()
    else:
        offsets = numbers(buffers[1], "i8", n + 1)
        if schema.format == b"+L":
            inner = values_of(schema.children[0].contents, array.children[0].contents)
            made = [inner[a:b] for a, b in zip(offsets, offsets[1:])]
        else:
            data = ctypes.string_at(buffers[2], int(offsets[-1])) if offsets[-1] else b""
            made = [data[a:b] for a, b in zip(offsets, offsets[1:])]
            made = [d.decode() for d in made] if schema.format == b"U" else made
    return [v if ok else None for v, ok in zip(made, valid)]


def table_of(schema, array):
    assert schema.format == b"+s" and schema.n_children == array.n_children
    return {schema.children[i].contents.name.decode(): values_of(schema.children[i].contents, array.children[i].contents)
            for i in range(schema.n_children)}


def plain(columns):
    return {name: [v.tolist() if isinstance(v, memoryview) else v for v in c] for name, c in columns.columns.items()}


@pytest.mark.parametrize("events,fields", [("sched_switch", None), ("raw_syscalls:sys_enter", None),
                                           (None, ["ts", "event", "info", "next_pid"]), ("sched_kthread_stop", None)])
def test_arrow_array(events, fields):
    c = opened("all-6.1").select(events, fields).columns()
    schema, array = c.__arrow_c_array__()
    s, a = pointer(schema, b"arrow_schema", Schema).contents, pointer(array, b"arrow_array", Array).contents
    assert a.length == c.rows and table_of(s, a) == plain(c)


def test_arrow_outlives_its_owner():
    """The memory stays until release, which the consumer calls, once it has moved the struct."""
    c = opened().select("sched_switch", ["ts", "next_comm"]).columns()
    wanted = plain(c)
    schema, array = c.__arrow_c_array__()
    del c
    a, moved = pointer(array, b"arrow_array", Array), Array()
    ctypes.memmove(ctypes.byref(moved), a, ctypes.sizeof(Array))
    a.contents.release = type(a.contents.release)()
    del array
    assert table_of(pointer(schema, b"arrow_schema", Schema).contents, moved) == wanted
    moved.release(ctypes.byref(moved))
    assert not moved.release


def read_stream(capsule):
    s = pointer(capsule, b"arrow_array_stream", Stream)
    schema, parts = Schema(), []
    assert s.contents.get_schema(s, ctypes.byref(schema)) == 0
    while True:
        array = Array()
        assert s.contents.get_next(s, ctypes.byref(array)) == 0, s.contents.get_last_error(s)
        if not array.release:
            break
        parts.append(table_of(schema, array))
        array.release(ctypes.byref(array))
    schema.release(ctypes.byref(schema))
    return parts


def test_arrow_stream():
    q = opened().select("sched_switch")
    assert read_stream(q.__arrow_c_stream__()) == [plain(q.columns())]
    assert read_stream(q.columns().__arrow_c_stream__()) == [plain(q.columns())]
    assert [len(part["ts"]) for part in read_stream(opened().select("sched_switch", cpus=[]).__arrow_c_stream__())] == [0]


def test_arrow_stream_tells_errors():
    t = opened()
    capsule = t.select("sched_switch").__arrow_c_stream__()
    s, schema, array = pointer(capsule, b"arrow_array_stream", Stream), Schema(), Array()
    assert s.contents.get_schema(s, ctypes.byref(schema)) == 0
    assert s.contents.get_next(s, ctypes.byref(array)) == 0 and array.release
    array.release(ctypes.byref(array))
    schema.release(ctypes.byref(schema))
    from tracecmd import arrow
    broken = arrow.stream(iter([t.select("sched_switch", ["ts"]).columns(), None]))
    s = pointer(broken, b"arrow_array_stream", Stream)
    assert s.contents.get_next(s, ctypes.byref(array)) == 0
    array.release(ctypes.byref(array))
    assert s.contents.get_next(s, ctypes.byref(array)) != 0 and b"NoneType" in s.contents.get_last_error(s)


# ---- without NumPy ----------------------------------------------------------------------------------


def test_without_numpy():
    """Everything but pandas and analyses works without."""
    script = f"""
import sys
sys.path.insert(0, {PATH!r})
sys.modules['numpy'] = None
import tracecmd
t = tracecmd.open({fixture("old-v7")!r})
c = t.select('sched_switch').columns()
events = [e for e in t if e.name == 'sched_switch']
assert isinstance(c['ts'], memoryview) and c['ts'].tolist() == [e.ts for e in events]
assert list(c['next_comm']) == [e['next_comm'] for e in events]
assert sum(b.rows for b in t.select().batches(100)) == len(list(t))
assert t.lost.rows == 0 and c.__arrow_c_array__()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
