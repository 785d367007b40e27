# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of a report, taken apart."""

import collections
import re
import struct

Event = collections.namedtuple("Event", "buffer comm pid cpu flags time name text")

LINE = re.compile(r"^(?:\s*(?P<buffer>[\w.-]+): )?\s*(?P<comm>\S.*?|)-(?P<pid>\d+)\s+\[(?P<cpu>\d+)\]"
                  r"(?: (?P<flags>[a-zA-Z0-9.]{3,7}?))?\s*(?P<time>\d+(?:\.\d+)?): (?P<name>[\w.-]+): *(?P<text>.*)$")
LOST = re.compile(r"^(?:\s*[\w.-]+: )?\s*CPU:(\d+) \[(\d+ )?EVENTS DROPPED\]$")


def parse(text):
    """The events of a report's text, in its order."""
    found = []
    for line in text.splitlines():
        m = LINE.match(line)
        if m:
            buffer, comm, pid, cpu, *rest = m.groups("")
            found.append(Event(buffer, comm, int(pid), int(cpu), *rest))
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


def marker_number(e):
    """(cpu, number) of a marker that utest/tools/markers.c wrote; None: it is another event."""
    if e.name == "print":
        _, cpu, number = e.text.split(": ", 1)[1].split()
        return int(cpu), int(number)
    if e.name != "raw_data":
        return None
    id_, data = e.text.removeprefix("# ").split(" ", 1)
    assert int(id_, 16) == 77, e.text
    return struct.unpack_from("<II", bytes.fromhex(data))


def marker_numbers(found):
    """Those of all markers among the events."""
    return [number for e in found if (number := marker_number(e))]


def markers_in_turn(text):
    """How many markers each CPU has in the text of 'report --losses' of a recording of nothing
    else. None may be missing in between, but for as many as the text says, place by place."""
    due, unknown, seen = {}, set(), {}
    for line in text.splitlines():
        lost = LOST.match(line)
        if lost:
            cpu = int(lost[1])
            due[cpu] = due.get(cpu, 0) + int(lost[2] or 0)
            unknown |= set() if lost[2] else {cpu}
        for e in parse(line):
            cpu, number = marker_number(e)
            expected = due.get(cpu, 0)
            assert cpu == e.cpu and (number == expected or cpu in unknown and number > expected), \
                f"CPU {cpu}: marker {number} where {expected} was due"
            due[cpu], seen[cpu] = number + 1, seen.get(cpu, 0) + 1
            unknown.discard(cpu)
    return seen
