# SPDX-License-Identifier: GPL-2.0-or-later
"""Event plugins: those of build/plugins in trace-cmd and tracecmd, and one of a user's with tracecmd's entry."""

import os
import re
import subprocess

import pytest

from common import REPO, report, run, trace_cmd_report

TRACES = f"{REPO}/utest/fixtures/traces"
OURS = f"{REPO}/build/plugins"


def beside(folder):
    return dict(os.environ, TRACEEVENT_PLUGIN_DIR=str(folder))


@pytest.mark.parametrize("name", ["all-6.1.dat", "function.dat"])
def test_trace_cmd_prints_the_same_with_these_plugins(name):
    path = f"{TRACES}/{name}"
    loaded = subprocess.run(["strace", "-f", "-e", "trace=openat", "trace-cmd", "report", "-i", path], env=beside(OURS),
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True).stderr
    assert len(set(re.findall(rf'"{OURS}/(plugin_\w+\.so)", [^)]*\) = \d', loaded))) == 12
    assert trace_cmd_report(path, env=beside(OURS)) == trace_cmd_report(path)


@pytest.mark.parametrize("name", ["all-6.1.dat", "function.dat"])
def test_tracecmd_prints_the_same_with_these_plugins(name):
    path = f"{TRACES}/{name}"
    assert report(path, env=beside(OURS)) == report(path)


def test_options_of_function():
    """By the same names, with the same text."""
    path = f"{TRACES}/function.dat"
    for options in (["-O", "parent"], ["-O", "ftrace:offset"], ["-O", "indent=0"], ["-O", "ftrace:parent", "-O", "offset"]):
        plain = trace_cmd_report(path, *options)
        assert plain != trace_cmd_report(path)
        assert trace_cmd_report(path, "-L", *options, env=beside(OURS)).splitlines()[-50:] == plain.splitlines()[-50:]
        # built in, by several threads and by one, and from the files
        for more in ([], ["--threads", "1"]):
            assert report(path, "--compat", "3.1", *options, *more) == plain
        assert report(path, "--compat", "3.1", *options, env=beside(OURS)) == plain


def test_an_option_of_two_files_is_set_for_both():
    path = f"{TRACES}/function.dat"
    both = report(path, "-i", path, "-O", "parent")
    assert both.count(" <-- ") == 2 * report(path, "-O", "parent").count(" <-- ") > 100


# libtraceevent's entries: the handler's text is another than that of the table
LOADER = """
#include <traceevent/event-parse.h>
#include <traceevent/trace-seq.h>
static int handler(struct trace_seq *s, struct tep_record *r, struct tep_event *e, void *c)
{
	(void)r; (void)e; (void)c;
	trace_seq_puts(s, "by the handler");
	return 0;
}
int tep_plugin_loader(struct tep_handle *tep)
{
	return tep_register_event_handler(tep, -1, "irq", "irq_handler_entry", handler, NULL);
}
int tep_plugin_unloader(struct tep_handle *tep)
{
	return tep_unregister_event_handler(tep, -1, "irq", "irq_handler_entry", handler, NULL);
}
"""


def example():
    """The program of the page, its indentation taken off."""
    with open(f"{REPO}/Documentation/plugins.md") as f:
        page = f.read()
    block = re.search(r"^    #include <stdio.h>\n(?:(?:    .*)?\n)*", page, re.M)[0]
    return re.sub(r"^    ", "", block, flags=re.M)


@pytest.fixture(scope="module")
def user_plugins(tmp_path_factory):
    top = tmp_path_factory.mktemp("plugins")
    for name, text in (("threads", example() + LOADER), ("plain", LOADER)):
        (top / name).mkdir()
        (top / f"{name}.c").write_text(text)
        run("gcc", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{REPO}/lib/include", "-o", top / name / "lines.so",
            top / f"{name}.c", "-ltraceevent")
    return top


def irq_texts(folder, *options):
    out = report(f"{TRACES}/all-6.1.dat", "-F", "irq_handler_entry", *options, env=beside(folder))
    texts = re.findall(r"irq_handler_entry: +(.*)", out)
    assert texts
    return texts


def test_the_pages_example_is_run_by_its_entry(user_plugins):
    plain = irq_texts("/nonexistent")
    assert irq_texts(user_plugins / "threads") == [f"line {re.search(r'irq=([0-9]+)', t)[1]}" for t in plain]


def test_a_plugin_without_the_entry_is_run_by_its_handler(user_plugins):
    assert set(irq_texts(user_plugins / "plain")) == {"by the handler"}
    told = report(f"{TRACES}/all-6.1.dat", "--stat", "--debug", env=beside(user_plugins / "plain"))
    assert re.search(r"Events whose text libtraceevent makes:\n +\d+ irq:irq_handler_entry: a plugin prints it\n$", told)


def test_the_plugins_name_the_library_they_need():
    """Or programs that have libtraceevent for themselves alone could not load them."""
    names = os.listdir(OURS)
    assert len(names) == 12
    for name in names:
        needed = re.findall(r"NEEDED +(\S+)", run("objdump", "-p", f"{OURS}/{name}").stdout)
        assert "libtraceevent.so.1" in needed and not [n for n in needed if n.startswith(("libz", "liblz4", "libelf"))], name
        shown = set(re.findall(r" [TDBVW] (\S+)", run("nm", "-D", "--defined-only", f"{OURS}/{name}").stdout))
        assert shown == {"tep_plugin_loader", "tep_plugin_unloader", "tracecmd_plugin_entry_1"}, name
