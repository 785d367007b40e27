# SPDX-License-Identifier: GPL-2.0-or-later
"""Used wrongly or refused by the machine: one clear message, exit status 1 or
2, nothing run, nothing written, the kernel as it was."""

import os
import shutil
import subprocess
import tempfile

import pytest

import common
from common import FIXTURES, TRACECMD, run

NAME = common.instance("bad_use")


def refused(*args, status, words, **kw):
    """Runs tracecmd, which must refuse with @status (None: 1 or 2) and a message
    with all of @words."""
    p = run(TRACECMD, *args, status=None, **kw)
    assert p.returncode in ((1, 2) if status is None else (status,)), f"{p.returncode}: {p.stderr}"
    # one message; a refused text with its place follows it, indented, and what could be written instead
    first, *more = p.stderr.splitlines()
    assert first.startswith("tracecmd: ") and all(line.startswith((" ", "did you mean ", "there are: ")) for line in more), \
        f"one message: {p.stderr}"
    for word in words:
        assert word in p.stderr, f"no '{word}' in: {p.stderr}"
    assert p.stdout == "", p.stdout


@pytest.fixture
def place(tmp_path):
    """A folder, and a command that leaves a mark there when it is run."""
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(common.REPO)
    assert not (tmp_path / "ran").exists(), "the command was run"


def refused_record(place, *args, status=1, words, command=("touch", "ran"), output="out.dat"):
    refused("record", "-o", output, *args, *command, status=status, words=words)
    assert sorted(os.listdir(place)) == [], "files were left"


# ---- names the kernel does not have --------------------------------------------

@pytest.mark.parametrize("args, words", [
    (("-e", "sched:sched_swich"), ("sched:sched_swich", "did you mean", "sched_switch")),
    (("-e", "schedd"), ("'schedd'", "did you mean", "'sched'")),
    (("-e", "nothing_like_it_anywhere"), ("'nothing_like_it_anywhere'",)),
    (("-e", "nosuchsystem:*"), ("nosuchsystem",)),
    (("-e", "sched", "-e", "irqq"), ("'irqq'", "did you mean", "'irq'")),
    (("-e", "sched:sched_switch,irq:*"), ("several times",)),
    (("-p", "nopp"), ("tracer", "'nopp'", "did you mean", "'nop'")),
    (("-e", "sched", "-O", "stacktrce"), ("option", "stacktrce", "did you mean", "stacktrace")),
    (("-e", "sched", "-O", "nostacktrce"), ("stacktrce", "did you mean", "stacktrace")),
    (("-e", "sched", "-C", "monno"), ("clock", "'monno'", "did you mean", "'mono'")),
    (("-e", "sched", "-B", common.instance("x"), "-e", "sched_swich"), ("sched_swich", "did you mean")),
    (("-e", "sched:sched_switch", "-f", "prev_pidd == 1"), ("prev_pidd",)),
    (("-e", "sched:sched_switch", "-f", "prev_pid =="), ("prev_pid ==",)),
    (("-e", "sched:sched_switch", "-R", "no_such_trigger"), ("no_such_trigger", "there are: traceon")),
    (("-e", "sched:sched_switch", "-R", "stacktrce"), ("did you mean", "'stacktrace'")),
    (("-e", "sched:sched_switch", "-M", "f" * 300), (f"this machine has {os.sysconf('SC_NPROCESSORS_CONF')} CPUs",)),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) and v[0].startswith("-") else "")
def test_unknown_names(kernel, place, args, words):
    refused_record(place, *args, words=words)


@pytest.mark.parametrize("args, words", [
    (("--compression", "zstdd"), ("'zstdd'", "did you mean", "'zstd'")),
    (("--compression", "gzip"), ("'gzip'",)),
    (("--file-version", "8"), ("8", "6", "7")),
    (("--file-version", "x"), ("'x'",)),
    (("-b", "many"), ("'many'",)),
    (("-b", "-1"), ("-1",)),
    (("-b", "0"), ("-b",)),
    (("-b", "99999999999999999999"), ("99999999999999999999",)),
    (("-s", "1x"), ("'1x'",)),
    (("-r", "100"), ("100",)),
    (("-P", "12,abc"), ("abc",)),
    (("-M", "xyz"), ("xyz",)),
    (("-f", "prev_pid == 1"), ("-f", "-e")),
    (("--no-such-option",), ("--no-such-option",)),
    (("--file-version", "6", "--compression", "zstd"), ("6",)),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) and v[0].startswith("-") else "")
def test_wrong_words_on_the_command_line(kernel, place, args, words):
    events = () if args[0] == "-f" else ("-e", "sched")
    refused_record(place, *args, *events, status=None, words=words)


def test_two_ways_to_tell_the_time(kernel, place):
    for args in (("record", "-e", "sched"), ("extract",)):
        refused(*args, "-o", "out.dat", "--date", "--ts-offset", "5", status=2, words=("--date", "--ts-offset"))
    assert os.listdir(place) == []


@pytest.mark.parametrize("args", [("--compression", "foo"), ("--file-version", "6", "--compression", "zstd")],
                         ids=lambda v: " ".join(v))
def test_same_mistake_same_status(kernel, place, args):
    refused_record(place, "-e", "sched", *args, status=2, words=(args[-1], "--help"))
    refused("extract", "-o", "out.dat", *args, status=2, words=(args[-1], "--help"))
    refused("convert", f"{FIXTURES}/old-v7.dat", "out.dat", *args, status=2, words=(args[-1], "--help"))
    assert os.listdir(place) == []


def test_nothing_to_trace(kernel, place):
    refused_record(place, status=None, words=("-e", "-p"))


# ---- the traced command ---------------------------------------------------------

def test_unknown_command(kernel, place):
    refused_record(place, "-e", "sched", words=("no-such-command-here",), command=("no-such-command-here",))


def test_command_that_cannot_be_run(kernel, place):
    with tempfile.NamedTemporaryFile() as f:
        refused_record(place, "-e", "sched", words=(f.name, "ermission denied"), command=(f.name,))


def test_unknown_user(kernel, place):
    refused_record(place, "-e", "sched", "--user", "no_such_user_here", words=("user", "no_such_user_here"))


# ---- the output -------------------------------------------------------------------

@pytest.mark.parametrize("output, words", [
    ("missing/out.dat", ("'missing/out.dat'", "no directory")),
    (".", ("'.'", "directory")),
    ("/proc/out.dat", ("/proc",)),
    ("/dev/null/out.dat", ("/dev/null", "Not a directory")),
    ("", ("-o",)),
])
def test_output_that_cannot_be_written(kernel, place, output, words):
    """Found before the command is run, not after."""
    p = run(TRACECMD, "record", "-o", output, "-e", "sched", "touch", "ran", status=None)
    assert p.returncode in (1, 2) and p.stderr.startswith("tracecmd: ")
    for word in words:
        assert word in p.stderr
    assert os.listdir(place) == []


@pytest.mark.parametrize("command", ["record", "extract"])
def test_output_that_is_a_pipe(instance, place, command):
    """Its parts are not written in their order; '-o -' sends them so."""
    os.mkfifo("pipe")
    args = ("-e", "sched", "touch", "ran") if command == "record" else ()
    p = run(TRACECMD, command, "-o", "pipe", "-B", instance, *args, status=1)
    assert p.stderr.count("tracecmd:") == 1 and "'pipe'" in p.stderr and "-o - >pipe" in p.stderr
    assert os.listdir(place) == ["pipe"]


@pytest.mark.parametrize("name, redirection, printed", [
    ("/dev/stdout", "| cat >x.dat", ""), ("/proc/self/fd/1", ">x.dat", ""), ("/dev/fd/1", ">>x.dat", ""),
    ("/dev/fd/3", "3>x.dat", "ran\n"), ("/dev/fd/3", "3>&1 >ran.txt | cat >x.dat", "ran\n")])
def test_output_that_is_an_open_file(instance, place, name, redirection, printed):
    """It is sent there, as with '-o -'; only where it is standard output the command has none."""
    p = run("sh", "-c", f"{{ {TRACECMD} record -o {name} -B {instance} -e sched echo ran; echo $? >status; }} {redirection}")
    assert (place / "status").read_text() == "0\n", p.stderr
    there = place / "ran.txt"
    out = p.stdout + (there.read_text() if there.exists() else "")
    assert "ran\n" in (out if printed else p.stderr)
    common.strict_check(place / "x.dat")
    assert "sched_switch" in common.report(place / "x.dat")


def closed(redirection, *args, status):
    return run("sh", "-c", f'exec "$@" {redirection}', "sh", TRACECMD, *args, status=status)


@pytest.mark.parametrize("args", [("stream", "-B", NAME, "-e", "sched:sched_process_exec", "/bin/true"), ("list", "-e"),
                                  ("report", f"{FIXTURES}/all-6.1.dat")])
def test_a_closed_standard_output(instance, place, args):
    """Nothing of ours takes its place, and what cannot be said is told."""
    assert closed(">&-", *args, status=1).stderr == "tracecmd: cannot write to standard output: Bad file descriptor\n"


@pytest.mark.parametrize("redirection", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_cost_no_recording(instance, place, redirection):
    closed(redirection, "record", "-o", "out.dat", "-B", NAME, "-e", "sched:sched_process_exec", "sh", "-c",
           "/bin/true; ls -l /proc/self/fd >fds; exit 7", status=7)
    common.strict_check(place / "out.dat")
    assert "filename=/bin/true" in common.report(place / "out.dat")
    # the command has them closed, as it was asked for (its own list is its standard output)
    fds = (place / "fds").read_text()
    assert not any(f" {n} -> /dev/null" in fds for n, word in ((0, "<&-"), (2, "2>&-")) if word in redirection)


@pytest.mark.parametrize("name, words", [
    ("/dev/fd/77", ("descriptor 77",)), ("/dev/fd/0", ("descriptor 0", "reading only")),
    ("/dev/stderr", ("messages",)), ("/proc/self/fd/1", ("terminal",))])
def test_open_file_that_nothing_can_be_sent_to(kernel, place, name, words):
    command = f"{TRACECMD} record -o {name} -e sched touch ran </dev/null; echo status $?"
    p = run("script", "-qec", command, "/dev/null") if "terminal" in words else run("sh", "-c", command)
    text = p.stdout + p.stderr
    assert "status 2" in text and all(word in text for word in words)
    assert os.listdir(place) == []


def test_an_earlier_file_survives_a_refusal(kernel, place):
    (place / "out.dat").write_text("earlier")
    refused("record", "-o", "out.dat", "-e", "sched:sched_swich", "touch", "ran", status=1, words=("sched_switch",))
    assert (place / "out.dat").read_text() == "earlier" and os.listdir(place) == ["out.dat"]


def test_spool_folder_that_is_not_there(kernel, place):
    refused_record(place, "-e", "sched", "--temp", "missing", words=("'missing'", "No such file or directory"))


# ---- no rights, no tracefs ----------------------------------------------------------

@pytest.fixture
def open_place():
    """A folder that everybody may enter, with a copy of the program."""
    folder = tempfile.mkdtemp(prefix="tracecmd-bad-use.")
    os.chmod(folder, 0o777)
    shutil.copy(TRACECMD, f"{folder}/tracecmd")
    os.chmod(f"{folder}/tracecmd", 0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("args", [
    ("record", "-e", "sched", "touch", "ran"), ("start", "-e", "sched"), ("stop",), ("restart",), ("reset",),
    ("clear",), ("extract",), ("show",), ("stat",), ("list", "-e"),
], ids=lambda a: a[0])
def test_without_root(kernel, open_place, args):
    p = nobody(open_place, *args, status=1)
    assert p.stderr.startswith("tracecmd: ") and p.stderr.count("\n") == 1
    assert "root" in p.stderr, p.stderr
    assert os.listdir(open_place) == ["tracecmd"]


def nobody(open_place, *args, **kw):
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if not os.geteuid() else ()
    return run(*drop, f"{open_place}/tracecmd", *args, cwd=open_place, **kw)


ACTIONS = {"probe": "list", "trigger": "list", "user-event": "list"}    # what stands before the options


def test_a_wrong_command_line_is_told_to_anybody(open_place):
    """Options are read before the kernel is asked whether it may be used: for every command."""
    listed = run(TRACECMD, "--help").stdout.partition("\ncommands:\n")[2].partition("\n\n")[0]
    commands = [line.split()[0] for line in listed.splitlines()]
    assert {"record", "stat", "stop", "reset", "show", "list"} <= set(commands)
    for command in commands:
        args = (command, *filter(None, (ACTIONS.get(command),)), "--bogus")
        p = nobody(open_place, *args, status=2)
        assert "'--bogus'" in p.stderr and p.stderr.count("\n") == 1, f"{args}: {p.stderr}"


@pytest.mark.parametrize("args, words", [
    (("stop", "-B", ""), "name is empty"), (("restart", "now"), "'now'"), (("clear", "-t"), "-t"),
    (("stat", "-B", ""), "name is empty"), (("stat", "-o", "all"), "'all'"), (("show", "-p", "-s"), "exclude"),
    (("show", "--hist", "sched_switch", "-c", "x"), "'x'"), (("reset", "-b", "much"), "'much'"),
    (("reset", "-B", "x", "-t", "-d"), "the top level cannot be deleted"), (("reset", "-k", "none"), "'none'"),
    (("reset", "-B", "x", "--recover"), "stands alone"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_wrong_values_are_told_to_anybody(open_place, args, words):
    assert words in nobody(open_place, *args, status=2).stderr


def unmounted(script):
    """Runs a script where no tracefs is mounted, and no debugfs, which mounts one by itself on access."""
    hide = ("for d in $(awk '$3 == \"tracefs\" || $3 == \"debugfs\" {print $2}' /proc/mounts | sort -r); do "
            "umount -l $d; done; ! grep -q -e ' tracefs ' -e ' debugfs ' /proc/mounts && ")
    return subprocess.run(["unshare", "-m", "sh", "-c", hide + script], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def test_tracefs_that_is_not_mounted_is_mounted(kernel, place):
    p = unmounted(f"{TRACECMD} record -q -o out.dat -e sched true && grep -c ' tracefs ' /proc/mounts")
    assert (p.returncode, p.stdout.strip()) == (0, "1"), p.stderr
    assert "sched_process_exit" in common.report("out.dat")


def test_tracefs_that_cannot_be_mounted(kernel, place):
    p = unmounted("exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "
                  f"{TRACECMD} record -o out.dat -e sched touch ran")
    assert p.returncode == 1 and p.stderr.startswith("tracecmd: ")
    assert "mount -t tracefs" in p.stderr, p.stderr
    assert os.listdir(place) == []


# ---- other commands -------------------------------------------------------------------

@pytest.fixture
def instance(kernel):
    """An instance of the test's own."""
    path = f"{kernel}/instances/{NAME}"
    os.mkdir(path)
    yield NAME
    os.rmdir(path)


@pytest.mark.parametrize("args, words, never", [
    (("--temp", "/etc/passwd"), "cannot keep temporary files in '/etc/passwd' (--temp): Not a directory", "denied"),
    (("--temp", "/nonexistent"), "(--temp): No such file or directory", "denied"),
    (("--nameless", "x"), "there is no option '--nameless'", "did you mean"),
    (("--name", "x"), "option --name 'x' names the machine of the -A before it, and there is none", "did you mean"),
], ids=lambda v: " ".join(v) if isinstance(v, tuple) else "")
def test_record_says_what_is_wrong(instance, place, args, words, never):
    p = run(TRACECMD, "record", "-B", "tc_bad_use", "-e", "sched", *args, "true", status=None)
    assert p.returncode and words in p.stderr and never not in p.stderr
    assert os.listdir(place) == []


def test_an_earlier_refusal_explains_nothing(instance, place):
    """The kernel's reason is told for the command it is about, and again each time it is."""
    filter_, trigger = ("-f", "traceo==1"), ("-R", "traceo")
    said = []
    for option in filter_, trigger, filter_:
        p = run(TRACECMD, "record", "-o", "out.dat", "-B", instance, "-e", "sched_switch", *option, "touch", "ran", status=1)
        said.append("the kernel says: Field not found" in p.stderr)
    assert said == [True, False, True]


@pytest.mark.parametrize("args", [
    ("stop",), ("restart",), ("reset",), ("clear",), ("stat",), ("show",), ("show", "--tracing_on"), ("extract",),
], ids=" ".join)
def test_misspelt_instance(instance, place, args):
    """Not silently the top level."""
    refused(*args, "-B", f"{NAME}s", status=1, words=(f"{NAME}s", "did you mean", f"'{NAME}'"))


@pytest.mark.parametrize("args, status, words", [
    (("reprot",), 2, ("'reprot'", "did you mean", "'report'")),
    (("report", "missing.dat"), 1, ("missing.dat", "No such file or directory")),
    (("report", "."), 1, ("cannot read '.': it is a directory",)),
    (("report", "/dev/null"), 1, ("'/dev/null'", "is a device")),
    (("report", "/dev/zero"), 1, ("'/dev/zero'", "is a device")),
    (("report", "/bin/true"), 1, ("/bin/true", "not a trace")),
    (("report", "--no-such-option", "x.dat"), 2, ("--no-such-option", "--help")),
    (("report", "--cpu", "4-2", f"{FIXTURES}/old-v7.dat"), None, ("4-2",)),
    (("report", "-F", "sched_swich", f"{FIXTURES}/old-v7.dat"), 1, ("sched_swich",)),
    (("report", "-F", "sched_switch:prev_comm ~ 'sh*'", f"{FIXTURES}/old-v7.dat"), 1, ("column 24", "=~")),
    (("report", "-F", "sched_switch:prev_pid ==", f"{FIXTURES}/old-v7.dat"), 1, ("prev_pid ==",)),
    (("dump", "missing.dat"), 1, ("missing.dat",)),
    (("dump", "/bin/true"), 1, ("/bin/true",)),
    (("convert", "-i", "missing.dat", "-o", "out.dat"), 1, ("missing.dat",)),
    (("convert", "-i", f"{FIXTURES}/old-v7.dat", "-o", "out.dat", "--compression", "zsdt"), None, ("'zsdt'", "'zstd'")),
    (("convert", "-i", f"{FIXTURES}/old-v7.dat", "-o", "missing/out.dat"), 1, ("missing",)),
    (("convert", "-i", f"{FIXTURES}/old-v7.dat", "-o", "/proc/x"), 1, ("'/proc/x'", "'/proc/' takes no new files")),
    (("restore", "-o", "out.dat", "missing.cpu0"), 1, ("missing.cpu0",)),
    (("restore",), 2, ("--help",)),
    (("restore", "-o", "out.dat", "-i", f"{FIXTURES}/old-v7.dat", f"{FIXTURES}/fgraph.dat"), 1,
     ("fgraph.dat' is a trace file already", "report")),
    (("show", "--tracing-on"), 2, ("'--tracing-on'", "did you mean 'tracing_on'")),
    (("stat", "--opttions"), 2, ("'--opttions'",)), (("snapshot", "-q"), 2, ("there is no option -q",)),
    (("dump", "--kalsyms", "x.dat"), 2, ("did you mean 'kallsyms'",)),
    (("convert", "--compresion", "none", "x.dat"), 2, ("did you mean 'compression'",)),
], ids=lambda v: " ".join(os.path.basename(a) for a in v) if isinstance(v, tuple) else "")
def test_other_commands(place, args, status, words):
    refused(*args, status=status, words=words)
    assert os.listdir(place) == []


@pytest.mark.parametrize("args", [("show", "-B", NAME, "--hist", "sched_swich"), ("list", "--zzz"),
                                  ("start",), ("start", "-e", "sched_swich"), ("stop", "--zzz")], ids=" ".join)
def test_other_commands_on_a_kernel(instance, place, args):
    p = run(TRACECMD, *args, status=None)
    assert p.returncode in (1, 2) and p.stderr.startswith("tracecmd: "), p


def test_report_into_a_full_disk():
    with open("/dev/full", "w") as full:
        p = subprocess.run([TRACECMD, "report", f"{FIXTURES}/old-v7.dat"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert p.returncode == 1 and "No space left on device" in p.stderr


def test_options_behind_the_file_are_options():
    path = f"{FIXTURES}/old-v7.dat"
    assert run(TRACECMD, "report", path, "-l").stdout == run(TRACECMD, "report", "-l", path).stdout


def test_help_and_version_everywhere():
    names = [line.split()[0] for line in run(TRACECMD, "--help").stdout.split("commands:\n")[1].splitlines()
             if line.startswith("  ")]
    assert {"record", "start", "stop", "restart", "reset", "clear", "extract", "show", "report", "dump", "convert",
            "restore", "list", "stat"} <= set(names)
    for name in names:
        for option in ("--help", "-h"):
            p = run(TRACECMD, name, option)
            assert p.stdout.startswith(f"usage: tracecmd {name}") and not p.stderr, name
    assert run(TRACECMD, "--version").stdout.startswith("tracecmd ")
