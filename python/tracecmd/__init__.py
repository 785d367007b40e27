# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings of the Linux kernel's trace buffers, in Python.

    import tracecmd
    with tracecmd.open("trace.dat") as t:
        for e in t:                                             # event by event
            print(e.ts, e.cpu, e.comm, e.name, e.info)
        q = t.select("sched_switch", ["ts", "next_pid"])        # columns
        c = q.columns()                                         # NumPy arrays
        df = q.to_pandas()
    with tracecmd.record(events=["sched"]) as r:                # as root
        ...
    r.trace.select("sched_switch").count()

Documentation/python.md tells the rest."""

from _tracecmd import version as __version__

from .columns import Column, Columns, Words
from .compat import Event
from .errors import (Error, FieldError, FileError, FileFormatError, FileNotThereError, RecordError, SelectionError,
                     TraceWarning, UserEventError)
from .recording import Recording, live, record
from .selection import Selection
from .trace import EventInfo, Field, Instance, Trace, open, open_many
from .user_event import UserEvent

__all__ = ["Column", "Columns", "Error", "Event", "EventInfo", "Field", "FieldError", "FileError", "FileFormatError",
           "FileNotThereError", "Instance", "RecordError", "Recording", "Selection", "SelectionError", "Trace",
           "TraceWarning", "UserEvent", "UserEventError", "Words", "live", "open", "open_many", "record"]
