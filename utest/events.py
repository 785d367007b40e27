# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a report, taken apart."""

import collections
import re

Event = collections.namedtuple("Event", "buffer comm pid cpu flags time name text")

LINE = re.compile(r"^(?:\s*(?P<buffer>[\w.-]+): )?\s*(?P<comm>\S.*?|)-(?P<pid>\d+)\s+\[(?P<cpu>\d+)\]"
                  r"(?: (?P<flags>[a-zA-Z0-9.]{3,7}?))?\s*(?P<time>\d+(?:\.\d+)?): (?P<name>[\w-]+): *(?P<text>.*)$")
LOST = re.compile(r"^(?:\s*[\w.-]+: )?\s*CPU:(\d+) \[(\d+ )?EVENTS DROPPED\]$")


def parse(text):
    """The events of a report's text, in its order."""
    found = []
    for line in text.splitlines():
        m = LINE.match(line)
        if m:
            found.append(Event(m["buffer"] or "", m["comm"], int(m["pid"]), int(m["cpu"]), m["flags"] or "",
                               m["time"], m["name"], m["text"]))
    return found


def lost(stat_text, report_text):
    """How many events were lost, by the kernel's counters that 'report --stat'
    prints. The places where the report itself tells of a loss must fit: the
    kernel does not always have room to say how many it was there."""
    total = sum(int(n) for n in re.findall(r"^(?:overrun|commit overrun|dropped events): (\d+)$", stat_text, re.M))
    told = [LOST.match(line)[2] for line in report_text.splitlines() if LOST.match(line)]
    in_places = sum(int(n) for n in told if n)
    assert in_places <= total, f"{in_places} lost in places of {total} in all"
    return total


def marker_numbers(found):
    """(cpu, number) of each marker that utest/tools/markers.c wrote."""
    numbers = []
    for e in found:
        if e.name == "print":
            _, cpu, number = e.text.split(": ", 1)[1].split()
            numbers.append((int(cpu), int(number)))
        elif e.name == "raw_data":
            id_, *data = e.text.removeprefix("# ").split()
            assert int(id_, 16) == 77, e.text
            data = bytes(int(b, 16) for b in data)
            numbers.append(tuple(int.from_bytes(data[i:i + 4], "little") for i in (0, 4)))
    return numbers
