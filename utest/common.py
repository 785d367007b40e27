# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of all folders share: the program, small tools, running things."""

import contextlib
import fcntl
import functools
import glob
import os
import re
import subprocess

import tracefs

UTEST = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(UTEST)
TRACECMD = os.environ.get("TRACECMD", f"{REPO}/build/tracecmd")
DATDUMP = f"{UTEST}/tools/datdump.py"
FIXTURES = f"{UTEST}/fixtures/traces"


# Tools that are not utest/tools/NAME.c alone. They are built plainly, whatever the program that is tested is.
USER_EVENTS = f"{REPO}/build/libtracecmd-user-event.a"
EVENT_TOOLS = {
    "user-events": f"{UTEST}/tools/user-events.c",
    "user-event-example": f"{REPO}/Documentation/examples/user-event.c",
}


def tool(name):
    """Path of the compiled utest/tools/NAME.c, or of one of EVENT_TOOLS."""
    sources = [EVENT_TOOLS.get(name, f"{UTEST}/tools/{name}.c")]
    options = ["-O2", "-Wall", "-D_GNU_SOURCE"]
    if name in EVENT_TOOLS:
        sources.append(USER_EVENTS)
        options += ["-I", f"{REPO}/lib/include", "-pthread"]
    program = f"{REPO}/build/utest/tools/{name}"
    if not os.path.exists(program) or any(os.path.getmtime(program) < os.path.getmtime(s) for s in sources):
        os.makedirs(os.path.dirname(program), exist_ok=True)
        subprocess.run(["cc", *options, "-o", f"{program}.new", *sources], check=True)
        os.rename(f"{program}.new", program)
    return program


def build_enlarge():
    """Path of the tool that makes traces of any size; it needs the library."""
    program = f"{REPO}/build/utest/tools/enlarge"
    os.makedirs(os.path.dirname(program), exist_ok=True)
    libs = subprocess.run(["pkg-config", "--cflags", "--libs", "libtraceevent", "libzstd", "liblz4", "zlib",
                           "libxxhash", "libelf", "libdw"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", f"-I{REPO}/lib", "-o", program, f"{UTEST}/tools/enlarge.c",
                    f"{REPO}/build/libtracecmd.a", *libs, "-ldl", "-lm", "-pthread"],
                   check=True)
    return program


def run(*args, status=0, timeout=120, **kw):
    """Runs a program; its exit status must be @status (None: any). Returns the
    completed process, output as text."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    p = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=timeout, text=True, errors="replace", **kw)
    if status is not None:
        assert p.returncode == status, \
            f"exit status {p.returncode}, expected {status}: {args}\n{p.stdout[-3000:]}\n{p.stderr[-3000:]}"
    return p


def strace(*args, **kw):
    """Runs a program under strace, as run does. One that is built with AddressSanitizer
    cannot look for leaks then."""
    return run("strace", "-f", *args, env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"), **kw)


def report(path, *options, **kw):
    """Text of 'tracecmd report' of a file."""
    return run(TRACECMD, "report", *options, path, **kw).stdout


def trace_cmd_report(path, *options, **kw):
    """Text of Debian's 'trace-cmd report' of a file."""
    return run("trace-cmd", "report", "-i", path, *options, **kw).stdout


def strict_check(path):
    """The file is what the format page says, by a decoder of its own."""
    p = run("/usr/bin/python3", DATDUMP, "--check", "--strict", path, status=None, timeout=600)
    assert p.returncode == 0, p.stdout[-3000:] + p.stderr[-3000:]


def equal_text(ours, theirs, ours_name="tracecmd", theirs_name="trace-cmd"):
    """Byte for byte; else fails with the first lines that differ."""
    if ours == theirs:
        return
    a, b = ours.splitlines(), theirs.splitlines()
    for i in range(max(len(a), len(b))):
        x = a[i] if i < len(a) else "(ended)"
        y = b[i] if i < len(b) else "(ended)"
        assert x == y, f"line {i + 1} of {len(a)} and {len(b)}:\n{ours_name}: {x}\n{theirs_name}: {y}"
    raise AssertionError("the texts differ in their line ends")


def _whole_stack(m):
    return m[1] + ", ".join(m[3].split(", ")[:8 * int(m[2])]) + "]"


def same_report(path, *options):
    """tracecmd and trace-cmd 3.1 print the same, but for the bytes that -R shows behind stacks of fewer than
    eight addresses: what follows in the file, or else in trace-cmd's memory."""
    cut = functools.partial(re.sub, r"(kernel_stack: +size=(\d+) caller=ARRAY\[)([^]]*)\]", _whole_stack)
    equal_text(cut(report(path, "--compat", "3.1", *options)), cut(trace_cmd_report(path, *options)))


# ---- this machine's kernel ----------------------------------------------------

def unusable_tracefs():
    """Why this machine's tracefs cannot be used, or None."""
    if os.geteuid():
        return "tracing a kernel needs root"
    if not os.path.exists(f"{tracefs.ROOT}/trace"):
        p = run("mount", "-t", "tracefs", "nodev", tracefs.ROOT, status=None)
        if p.returncode:
            return p.stderr.strip()
    if not os.path.exists(f"{tracefs.ROOT}/events/sched/enable"):
        return "this kernel has no scheduler events"
    return None


def instance(name):
    """A name for an instance that tests of other checkouts, at the same time, do not use."""
    return f"tc{os.getpid()}_{name}"


@contextlib.contextmanager
def kernel_lock():
    """One test at a time, whichever checkout it is of, has this machine's
    tracefs: its folder is locked. It is the same folder in every mount of it."""
    fd = os.open(tracefs.ROOT, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def put_back_what_killed_tests_left():
    """For who holds the lock. Recorders that were killed together with their
    supervisors are put right as any user would, and instances of tests whose
    process is gone removed."""
    if glob.glob("/run/tracecmd/note.*") and os.path.exists(TRACECMD):
        run(TRACECMD, "reset", "--recover", status=None)
    for path in glob.glob(f"{tracefs.ROOT}/instances/tc*_*"):
        if tracefs.is_left_over(os.path.basename(path)):
            # a recorder that is just ending may hold it still
            with contextlib.suppress(OSError):
                os.rmdir(path)


# Files that kernels may deny, covered by empty ones: trace-cmd 3.1 needs them.
# A mount namespace of its own keeps the covers from everybody else.
COVERS = """
mount --make-rprivate /
cd /sys/kernel/tracing
: >"$1/empty"; echo 1 >"$1/one"
for d in . instances/*; do
    for f in set_ftrace_filter set_ftrace_notrace set_ftrace_pid set_ftrace_notrace_pid \
            available_filter_functions touched_functions enabled_functions; do
        [ ! -e $d/$f ] || cat $d/$f >/dev/null 2>&1 || mount --bind "$1/empty" $d/$f
    done
done
f=/proc/sys/kernel/ftrace_enabled
[ ! -e $f ] || (echo 1 >$f) 2>/dev/null || mount --bind "$1/one" $f
cd "$1"
shift
exec "$@"
"""


def trace_cmd_prefix(folder):
    """What to put before a command with trace-cmd; @folder holds the covers."""
    return ["unshare", "-m", "bash", "-c", COVERS, "covers", folder]
