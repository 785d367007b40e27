# SPDX-License-Identifier: GPL-2.0-or-later
"""make install and uninstall, the pkg-config file, and bash completion."""

import os
import re
import subprocess

import pytest

import common

REPO = common.REPO


def make(*args):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return common.run("make", "-s", "-C", REPO, *args, env=env, timeout=300)


def tree(top):
    found = set()
    for folder, _, files in os.walk(top):
        found |= {os.path.relpath(f"{folder}/{f}", top) for f in files}
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    top = tmp_path_factory.mktemp("install")
    make("install", f"DESTDIR={top}", "PREFIX=/usr", "LIBDIR=/usr/lib/x86_64-linux-gnu")
    return top


def test_everything_is_installed(installed):
    found = tree(installed)
    lib = "usr/lib/x86_64-linux-gnu"
    assert {"usr/bin/tracecmd", f"{lib}/libtracecmd.so.1", f"{lib}/libtracecmd.so",
            f"{lib}/pkgconfig/libtracecmd.pc", "usr/include/trace-cmd/tracecmd.h", "usr/include/trace-cmd/trace-cmd.h",
            f"{lib}/libtracecmd-user-event.a", f"{lib}/pkgconfig/libtracecmd-user-event.pc",
            "usr/include/trace-cmd/tracecmd-user-event.h", "usr/include/trace-cmd/tracecmd-plugin.h",
            f"{lib}/tracecmd/plugins/plugin_kvm.so", "usr/share/doc/tracecmd/plugins.md",
            "usr/share/bash-completion/completions/tracecmd", "usr/share/doc/tracecmd/differences.md",
            "usr/lib/systemd/system/tracecmd-agent.service", "usr/lib/systemd/system/tracecmd-agent.socket"} <= found
    assert os.readlink(installed / lib / "libtracecmd.so") == "libtracecmd.so.1"
    pages = {f"usr/share/man/man{p.split('.')[-2]}/{p.removesuffix('.adoc')}"
             for p in os.listdir(f"{REPO}/Documentation") if re.search(r"\.[1-8]\.adoc$", p)}
    assert pages and pages <= found
    assert "usr/bin/trace-cmd" not in found
    assert common.run(installed / "usr/bin/tracecmd", "--version").stdout.startswith("tracecmd ")


def test_the_python_module_is_where_debian_looks(installed):
    folder = installed / "usr/lib/python3/dist-packages"
    done = common.run("/usr/bin/python3", "-c", "import tracecmd, tracecmd.analysis, sys; print(tracecmd.__file__, "
                      "tracecmd.open(sys.argv[1]).select('sched_switch').count())", f"{common.FIXTURES}/old-v7.dat",
                      env=dict(os.environ, PYTHONPATH=str(folder)), cwd="/")
    assert done.stdout == f"{folder}/tracecmd/__init__.py 318\n"


def test_a_program_with_events_needs_libc_only(installed, tmp_path):
    env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(installed),
               PKG_CONFIG_PATH=f"{installed}/usr/lib/x86_64-linux-gnu/pkgconfig")
    flags = common.run("pkg-config", "--cflags", "--libs", "libtracecmd-user-event", env=env).stdout.split()
    common.run("cc", "-o", tmp_path / "user-event", f"{REPO}/Documentation/examples/user-event.c", *flags)
    needed = re.findall(r"NEEDED +(\S+)", common.run("objdump", "-p", tmp_path / "user-event").stdout)
    assert needed == ["libc.so.6"]


def test_a_program_builds_with_the_installed_library(installed, tmp_path):
    """As somebody would write it: pkg-config, header, library."""
    env = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=str(installed),
               PKG_CONFIG_PATH=f"{installed}/usr/lib/x86_64-linux-gnu/pkgconfig")
    flags = common.run("pkg-config", "--cflags", "--libs", "libtracecmd", env=env).stdout.split()
    version = common.run("pkg-config", "--modversion", "libtracecmd", env=env).stdout.strip()
    (tmp_path / "main.c").write_text("""#include <stdio.h>
#include <tracecmd.h>
int main(void) { puts(tracecmd_version()); return 0; }
""")
    common.run("cc", "-o", tmp_path / "main", tmp_path / "main.c", *flags)
    out = common.run(tmp_path / "main", env=dict(
        os.environ, LD_LIBRARY_PATH=f"{installed}/usr/lib/x86_64-linux-gnu")).stdout.strip()
    assert out == version
    assert common.run(common.TRACECMD, "--version").stdout.split()[1] == version


def test_a_program_for_trace_cmds_library_builds(installed, tmp_path):
    """By pkg-config alone, which tells libtraceevent as well."""
    lib = f"{installed}/usr/lib/x86_64-linux-gnu"
    env = dict(os.environ, PKG_CONFIG_PATH=f"{lib}/pkgconfig")
    flags = common.run("pkg-config", "--cflags", "--libs", "libtracecmd", env=env).stdout.split()
    assert "-ltraceevent" in flags
    common.run("cc", "-D_GNU_SOURCE", f"-I{installed}/usr/include/trace-cmd", "-o", tmp_path / "count",
               f"{REPO}/Documentation/examples/trace-cmd-count.c", f"-L{lib}", *flags)
    out = common.run(tmp_path / "count", f"{common.FIXTURES}/old-v7.dat", env=dict(os.environ, LD_LIBRARY_PATH=lib)).stdout
    assert re.search(r"^sched/sched_switch \d+$", out, re.M)


def test_the_trace_cmd_link_is_asked_for(tmp_path):
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/opt/t", "TRACE_CMD_LINK=1")
    assert os.readlink(tmp_path / "opt/t/bin/trace-cmd") == "tracecmd"


def test_uninstall_leaves_nothing(tmp_path):
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/usr", "TRACE_CMD_LINK=1")
    (tmp_path / "usr/bin/other").write_text("not ours")
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert tree(tmp_path) == {"usr/bin/other"}
    os.symlink("elsewhere", tmp_path / "usr/bin/trace-cmd")
    make("uninstall", f"DESTDIR={tmp_path}", "PREFIX=/usr")
    assert os.readlink(tmp_path / "usr/bin/trace-cmd") == "elsewhere"


# ---- completion ---------------------------------------------------------------

def complete(*words):
    """What bash offers for the last of the words."""
    script = f"""
        [ ! -e /usr/share/bash-completion/bash_completion ] || . /usr/share/bash-completion/bash_completion
        . {REPO}/completion/tracecmd.bash
        COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_LINE=${{COMP_LINE// : /:}}
        COMP_POINT=${{#COMP_LINE}}
        _tracecmd "$1"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    out = common.run("bash", "-c", script, "bash", common.TRACECMD, *words).stdout
    return out.split()


def commands():
    text = common.run(common.TRACECMD, "--help").stdout
    return re.findall(r"^  (\S+)", text.split("commands:\n")[1].split("\n\n")[0], re.M)


def test_completes_commands():
    assert commands() and complete("") == commands()
    assert complete("rep") == ["report"]
    assert complete("help", "rec") == ["record"]


def test_completes_options_from_the_help():
    for name in commands():
        text = common.run(common.TRACECMD, name, "--help").stdout
        offered = complete(name, "-")
        assert offered, name
        for option in offered:
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), (name, option)
    assert {"--compression", "-e", "-p"} <= set(complete("record", "-"))
    assert complete("record", "--compressi") == ["--compression"]


def test_completes_values_without_a_kernel():
    help_text = common.run(common.TRACECMD, "reset", "--help").stdout
    types = complete("reset", "-k", "")
    assert "kprobe" in types and "all" in types and all(t in help_text for t in types)
    plugins = complete("report", "-O", "fgraph", ":", "tail")
    assert "fgraph:tailprint" in plugins or "tailprint" in plugins
    assert complete("list", "-O", "") == []
    assert complete("sqlhist", "SELECT", "pid", "FR") == ["FROM"] and "-n" in complete("sqlhist", "-")
    assert "show" in complete("trigger", "") and complete("trigger", "show", "--sort", "hitcount:d")


def test_completes_values():
    assert complete("record", "--compression", "zs") == ["zstd"]
    assert complete("record", "--file-version", "") == ["6", "7"]
    assert complete("collect", "--max") == ["--max-time"]
    assert complete("collect", "one", "--", "--compressi") == ["--compression"], "what machines are asked for is of record"
    events = common.run(common.TRACECMD, "list", "-e", status=None)
    if events.returncode:
        pytest.skip(f"no events can be listed here: {events.stderr.strip()}")
    # bash breaks words at colons: what stands before one is not offered again
    assert "sched_switch" in complete("record", "-e", "sched", ":", "sched_sw")
    assert "sched" in complete("record", "-e", "sche")
    for words in (("record", "-e"), ("start", "-e"), ("list", "-e"), ("show", "--hist"), ("record", "--trigger"),
                  ("trigger", "list")):
        assert complete(*words, "sched_swit") == ["sched_switch"], words
    assert "sched_switch" not in complete("record", "-e", ""), "each event twice"
    assert "sched_switch" not in complete("record", "-e", "timer", ":", "sched_sw")
    assert complete("record", "-C", "mon") == ["mono", "mono_raw"]
    assert "nop" in complete("record", "-p", "n")
    assert "nostacktrace" in complete("record", "-O", "nostack")
    for option in ("--hist", "--trigger"):
        assert "sched_switch" in complete("show", option, "sched", ":", "sched_sw")
    assert "sched.sched_switch" in complete("sqlhist", "SELECT", "prev_pid", "from", "sched.sched_sw")
    assert complete("report", "-e", "sche") == [], "there -e has no value"
