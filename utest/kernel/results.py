# SPDX-License-Identifier: GPL-2.0-or-later
"""What a case left, for its checks on the host."""

import collections
import functools
import glob
import json
import os

import common
import events


class Result:
    def __init__(self, folder, cpus):
        self.folder, self.cpus = folder, cpus
        with open(f"{folder}/result.json") as f:
            got = json.load(f)
        self.passed, self.why, self.notes = got["passed"], got["why"], got["notes"]
        self.log, self.seconds = got["log"], got["seconds"]

    def path(self, file):
        return f"{self.folder}/{file}"

    def files(self):
        return sorted(os.path.basename(f) for f in glob.glob(f"{self.folder}/*.dat"))

    @functools.lru_cache(maxsize=None)
    def report(self, file, *options):
        return common.report(self.path(file), *options)

    def events(self, file):
        return events.parse(self.report(file))

    def counts(self, file):
        """Events by name."""
        return collections.Counter(e.name for e in self.events(file))

    def lost(self, file):
        return events.lost(self.report(file, "--stat"), self.report(file, "--losses"))

    def marker_numbers(self, file):
        return events.marker_numbers(self.events(file))

    def dump(self, file):
        return common.run(common.TRACECMD, "dump", self.path(file)).stdout

    def in_time_order(self, file):
        stamps = [float(e.time) for e in self.events(file)]
        assert stamps == sorted(stamps), f"{file}: time goes backwards"

    def same_as_trace_cmd(self, file):
        """trace-cmd 3.1.6 and tracecmd print the same text of the file."""
        for options in ((), ("-R",), ("-l",), ("-t",)):
            try:
                common.same_report(self.path(file), *options)
            except AssertionError as e:
                names = common.run(common.TRACECMD, "dump", "--cmd-lines", self.path(file), status=None).stdout
                raise AssertionError(f"{file} {options}: {e}\nwhat it says of tasks:\n{names}") from None

    def trace_cmd_refuses(self, file):
        """trace-cmd ends with a message of its own, not with a crash or wrong text."""
        p = common.run("trace-cmd", "report", "-i", self.path(file), status=None)
        assert 0 < p.returncode < 128 and "error reading header" in p.stderr, (p.returncode, p.stderr)
        assert "cpus=" not in p.stdout and "[000]" not in p.stdout
