# SPDX-License-Identifier: GPL-2.0-or-later
"""A second opinion on the values in trace files: records by datdump.py, fields by
the words of their formats, all of it without the library and libtraceevent."""

import argparse
import heapq
import re
import struct

import datdump

FIELD = re.compile(r"field:([^;]*?)(\w+)\s*(\[[^;]*\])?;\s*offset:(\d+);\s*size:(\d+);(?:\s*signed:(\d);)?")
SIZES = {"char": 1, "bool": 1, "short": 2, "int": 4, "unsigned": 4, "pid_t": 4, "gfp_t": 4, "dev_t": 4,
         "long long": 8}


class Field:
    def __init__(self, match, system, event, fmt, long_size):
        words, self.name, array, offset, size, signed = match.groups()
        words = words.split()
        self.where = words.pop(0) if words[0] in ("__data_loc", "__rel_loc") else None
        words = [w for w in words if w not in ("const", "unsigned", "signed")] or ["int"]
        if words[-1].endswith("[]"):
            array, words[-1] = "[]", words[-1][:-2]
        base = " ".join(words)
        self.offset, self.size, self.signed = int(offset), int(size), signed == "1"
        self.rest = not self.where and (not self.size or (event == "kernel_stack" and self.name == "caller"))
        self.element = long_size if base.endswith("*") or base in ("long", "size_t", "cpumask_t") else \
            SIZES.get(base, 0)
        number = re.fullmatch(r"(?:__)?[us](8|16|32|64)", base)
        if number:
            self.element = int(number[1]) // 8
        self.array = bool(array) or bool(self.where) or self.rest or self.size not in (1, 2, 4, 8)
        if self.array and self.element not in (1, 2, 4, 8):
            self.element, self.signed = 1, False
        hexed = re.search(rf"__print_(hex|hex_str|array)\((__get_dynamic_array\()?(REC->)?{self.name}\b", fmt)
        self.string = (self.array and base in ("char", "string") and not hexed
                       and "unsigned" not in match[1] and "signed" not in match[1]
                       and (system, event) != ("ftrace", "raw_data"))

    def value(self, data, order):
        offset, size = self.offset, self.size
        if self.where:
            if offset + 4 > len(data):
                return None
            loc = struct.unpack_from(order + "I", data, offset)[0]
            offset, size = (loc & 0xffff) + (offset + 4 if self.where == "__rel_loc" else 0), loc >> 16
            if offset + size > len(data):
                return None
        elif self.rest:
            if offset > len(data):
                return None
            size = len(data) - offset
        elif offset >= len(data):
            return None
        raw = data[offset:offset + size]
        if self.string:
            return raw.split(b"\0")[0]
        if not self.array:
            return self.numbers(raw, order, size)[0] if len(raw) == size else None
        return self.numbers(raw, order, self.element)

    def numbers(self, raw, order, size):
        code = {1: "b", 2: "h", 4: "i", 8: "q"}[size]
        nr = len(raw) // size
        return list(struct.unpack(f"{order}{nr}{code if self.signed else code.upper()}", raw[:nr * size]))


class Format:
    def __init__(self, system, blob, long_size):
        text = blob.decode("utf-8", "surrogateescape")
        self.system = system
        self.name = re.search(r"^name:\s*(\S+)", text, re.M)[1]
        head, _, fmt = text.partition("print fmt:")
        fields = [Field(m, system, self.name, fmt, long_size) for m in FIELD.finditer(head)]
        self.common = [f for f in fields if f.name.startswith("common_")]
        self.fields = [f for f in fields if not f.name.startswith("common_")]


class Decoder(datdump.TraceDat):
    """The records of a file in the order of a report: (time, cpu, buffer, id, data,
    lost before it: 0, a number, or -1)."""

    def __init__(self, path):
        args = argparse.Namespace(check=True, strict=False, events=False, pages=False, extract=None, raw_ts=False,
                                  nano=False, verbose=False)
        self.formats = {}
        self.sorted = []
        super().__init__(path, args)
        self.run()

    def add_format(self, system, blob):
        super().add_format(system, blob)
        match = re.match(rb"name:\s*\S+\s*\nID:\s*(\d+)", blob)
        if match:
            self.formats[int(match[1])] = (system, blob)

    def dump_buffers(self):
        streams = []
        for index, buffer in enumerate(self.buffers):
            for cpu in [] if buffer.is_text else buffer.cpus:
                top = buffer.name == ""
                streams.append(((not top, index, cpu.cpu), [
                    (self.convert(ts, cpu.cpu, top), cpu.cpu, buffer.name, eid, bytes(data), lost)
                    for ts, eid, data, lost, _ in self.records(buffer, cpu, datdump.Stats())]))
        streams.sort(key=lambda s: s[0])
        # always the stream whose head is first: heapq.merge would do the same,
        # but for streams whose time steps back
        heap = [(s[1][0][0], k, 0) for k, s in enumerate(streams) if s[1]]
        heapq.heapify(heap)
        while heap:
            _, k, i = heap[0]
            records = streams[k][1]
            self.sorted.append(records[i])
            if i + 1 < len(records):
                heapq.heapreplace(heap, (records[i + 1][0], k, i + 1))
            else:
                heapq.heappop(heap)

    def format_of(self, eid):
        made = self.formats.get(eid)
        if isinstance(made, tuple):
            made = self.formats[eid] = Format(*made, self.kernel_long())
        return made

    def kernel_long(self):
        return self.hdr["commit"][1]
