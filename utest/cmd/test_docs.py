# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages: they build without a warning, every command has one, a page
and its command's --help name the same options, and the examples work."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import common

TOP = Path(common.REPO)
PAGES = sorted((TOP / "Documentation").glob("*.[1-8].adoc"))

# Handled alike for all commands, and told once, in tracecmd(1).
COMMON = {"-h", "--help"}
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


def commands():
    text = common.run(common.TRACECMD, "--help").stdout.split("commands:\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^  (\S+)", text, re.M)


def options_of_help(command):
    """The options a help text lists: what begins with a dash at the start of a
    line or of a further column."""
    found = set()
    for line in common.run(common.TRACECMD, command, "--help").stdout.splitlines():
        for column in re.split(r"\s{2,}", line.strip()):
            if line.startswith(" ") and column.startswith("-"):
                found.update(OPTION.findall(column))
    return found - COMMON


def page_of(command):
    """The page that has the command's name in its Name section."""
    for page in PAGES:
        names = page.read_text().split("== Name\n", 1)[1].lstrip().split(" - ", 1)[0]
        if f"tracecmd-{command}" in [name.strip() for name in names.split(",")]:
            return page
    return None


def options_of_page(page):
    """The options a page explains: the terms of its definition lists."""
    found = set()
    text = re.sub(r"^include::(.*)\[\]$", lambda m: (page.parent / m[1]).read_text(),
                  page.read_text(), flags=re.M)
    for name in re.findall(r"^:(\w+):$", text, re.M):
        text = re.sub(rf"^ifndef::{name}\[\]$.*?^endif::{name}\[\]$", "", text, flags=re.M | re.S)
    for line in text.splitlines():
        if line.endswith("::") and line.startswith("*-"):
            found.update(OPTION.findall(line.replace("*", "")))
    return found - COMMON


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_renders(page, tmp_path):
    done = subprocess.run(
        ["asciidoctor", "-b", "manpage", "--failure-level=WARN", "-D", tmp_path, page],
        text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    name = page.name.removesuffix(".adoc")
    groff = subprocess.run(["man", "--warnings", "-l", tmp_path / name],
                           text=True, capture_output=True, env={"MANWIDTH": "100", "LC_ALL": "C.UTF-8",
                                                                "PATH": "/usr/bin:/bin"})
    assert (groff.returncode, groff.stderr) == (0, "")
    assert "NAME" in groff.stdout


def test_every_command_has_a_page():
    assert commands()
    assert [c for c in commands() if page_of(c) is None] == []


def test_every_page_is_of_a_command():
    """No page for a command that does not exist."""
    known = {f"tracecmd-{c}" for c in commands()} | {"tracecmd", "tracecmd.dat", "libtracecmd", "libtracecmd-compat"}
    for page in PAGES:
        names = page.read_text().split("== Name\n", 1)[1].lstrip().split(" - ", 1)[0]
        assert {name.strip() for name in names.split(",")} <= known, page.name


def test_program_page_lists_the_commands():
    text = (TOP / "Documentation" / "tracecmd.1.adoc").read_text()
    assert sorted(re.findall(r"^\*tracecmd-(\S+)\*\(1\)::", text, re.M)) == sorted(commands())


def test_help_and_page_name_the_same_options():
    differing = {}
    for command in commands():
        said, explained = options_of_help(command), options_of_page(page_of(command))
        if said != explained:
            differing[command] = {"only in --help": said - explained,
                                  "only in the page": explained - said}
    assert differing == {}


def test_options_are_explained_once():
    for page in PAGES:
        terms = [line for line in page.read_text().splitlines() if line.endswith("::") and line.startswith("*-")]
        assert len(terms) == len(set(terms)), page.name


def test_numbers_of_the_format_page_are_kept():
    """Comments and messages cite its sections by number."""
    text = (TOP / "Documentation" / "tracecmd.dat.5.adoc").read_text()
    titles = re.findall(r"^== (\d+)\. (.+)$", text, re.M)
    assert titles == [("1", "Conventions"), ("2", "Initial header"), ("3", "Metadata blocks"),
                      ("4", "Version 6"), ("5", "Version 7"), ("6", "Options"), ("7", "Time"),
                      ("8", "Sub-buffers"), ("9", "Files around the file"),
                      ("10", "Tolerated defects"), ("11", "Bounds")]


# ---- examples ---------------------------------------------------------------

# The commands that need a file only.
ON_FILES = {"report", "dump", "convert"}


def examples():
    """The literal blocks of command lines, with their pages' names."""
    for page in PAGES:
        for block in re.findall(r"^----\n(.*?)^----$", page.read_text(), re.M | re.S):
            if block.startswith("tracecmd "):
                yield page.name.removesuffix(".adoc"), block


EXAMPLES = list(examples())


def split_by_cpu(trace):
    """The raw per-CPU files that its recording had, from a version 6 file."""
    places = common.run(common.TRACECMD, "dump", "--flyrecord", trace).stdout
    data = trace.read_bytes()
    for offset, size, cpu in re.findall(r"(\d+) +(\d+)\t.* of cpu (\d+)\]", places):
        Path(f"{trace}.cpu{cpu}").write_bytes(data[int(offset):int(offset) + int(size)])


@pytest.mark.parametrize("block", [block for _, block in EXAMPLES],
                         ids=[f"{name}-{i}" for i, (name, _) in enumerate(EXAMPLES)])
def test_example(block, tmp_path, request):
    """Copied as it is, in a folder with a trace.dat; to be restored, the per-CPU files
    that was made of. Its pauses are cut short."""
    used = set(re.findall(r"^(?:.*\| *)?tracecmd (\S+)", block, re.M))
    assert used
    if used - ON_FILES:
        tracing_on = Path(request.getfixturevalue("kernel")) / "tracing_on"
        was_on = tracing_on.read_text()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tracecmd").symlink_to(os.path.abspath(common.TRACECMD))
    (tmp_path / "bin" / "sleep").write_text("#!/bin/sh\nexec /bin/sleep 0.3\n")
    (tmp_path / "bin" / "sleep").chmod(0o755)
    shutil.copy(f"{common.FIXTURES}/old-v6.dat", tmp_path / "trace.dat")
    if "restore" in used:
        split_by_cpu(tmp_path / "trace.dat")
    done = common.run("bash", "-e", "-o", "pipefail", "-c", block, cwd=tmp_path, status=None,
                      env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    if "start" in used:
        common.run(common.TRACECMD, "reset")
        tracing_on.write_text(was_on)
    assert done.returncode == 0, f"{block}{done.stdout[-2000:]}{done.stderr[-2000:]}"
    for name in re.findall(r"-o (\S+\.dat)", block):
        common.strict_check(tmp_path / name)
