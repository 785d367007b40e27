# SPDX-License-Identifier: GPL-2.0-or-later
"""The guide to event sources, Documentation/event-sources.md: each of its sections does what it says.

A section's "sh" blocks are run one behind the other; a "text" block has lines that are printed by the block before it,
in this order, among others: "..." is anything, numbers are any, blanks are alike. "c NAME" is a file."""

import os
import re

from common import REPO, TRACECMD
from kernel.cases import case

GUIDE = f"{REPO}/Documentation/event-sources.md"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.M | re.S)


def sections():
    """(name, blocks) of each section that has any; a block is its kind, its file's name and its text."""
    with open(GUIDE) as f:
        parts = re.split(r"^## ", f.read(), flags=re.M)
    for part in parts:
        blocks = BLOCK.findall(part)
        if blocks:
            title = part.split("\n", 1)[0] if part is not parts[0] else "what there is"
            yield "guide_" + re.sub(r"\W+", "_", title.lower()), blocks


def pattern(line):
    """What a line of the guide stands for."""
    words = re.split(r"(\.\.\.|\d+|\s+)", line.strip())
    return re.compile("".join(".*" if w == "..." else r"\d+" if w.isdigit() else r"\s+" if w.isspace() else re.escape(w) for w in words))


def missing(text, printed):
    """The first line of the guide that is not printed behind those before it."""
    lines = iter(line.strip() for line in printed.splitlines())
    for line in text.splitlines():
        want = pattern(line)
        if not any(want.fullmatch(found) for found in lines):
            return line
    return None


def follow(g, blocks):
    os.makedirs(g.path("bin"))
    os.symlink(TRACECMD, g.path("bin/tracecmd"))
    os.makedirs(g.path("here"))
    environment = {**os.environ, "PATH": f"{g.path('bin')}:{os.environ['PATH']}"}
    printed = ""
    for kind, name, text in blocks:
        if kind == "c":
            with open(g.path(f"here/{name}"), "w") as f:
                f.write(text)
        elif kind == "sh":
            script = f"cd here && exec 2>&1\n{text}"
            printed = g.run("bash", "-e", "-o", "pipefail", "-c", script, env=environment).stdout
        else:
            line = missing(text, printed)
            assert line is None, f"the guide says that it prints '{line}':\n{printed[:20000]}"


def add(name, blocks):
    def run(g):
        follow(g, blocks)
    run.__name__ = name
    case(kernels=("custom",))(run)


for _name, _blocks in sections():
    add(_name, _blocks)
