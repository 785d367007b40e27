# SPDX-License-Identifier: GPL-2.0-or-later
"""User events, on the kernel that has them: programs that write, end, fork, are killed."""

import json
import os
import re
import signal
import subprocess

from common import REPO, tool
from kernel.cases import case

CUSTOM = ("custom",)
EVENT = "user_events:tc_user"


def listed(g, *args):
    return json.loads(g.tracecmd("user-event", "list", "--json", *args).stdout)


def registered(g, definition, *args):
    """An event that is there before its program starts, and gone at the end of the case."""
    g.tracecmd("user-event", "register", *args, definition)
    g.defer(g.tracecmd, "user-event", "delete", definition.split()[0])


def hold(g, name):
    """The tool in a process of its own, once it has the event."""
    p = subprocess.Popen([tool("user-events"), "hold", name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    return p


def let_go(p):
    p.communicate("", timeout=60)
    assert p.returncode == 0


@case(kernels=CUSTOM)
def user_event_programs(g):
    """The example, fork, threads, and every kind of field, as recorded commands."""
    registered(g, "app_request u32 id; u64 bytes; __rel_loc char[] path")
    g.record("example.dat", "-e", "user_events:app_request", "-f", "id != 3", tool("user-event-example"), 5)
    registered(g, "tc_user u32 x")
    g.record("fork.dat", "-e", EVENT, tool("user-events"), "fork", "tc_user")
    g.record("threads.dat", "-e", EVENT, tool("user-events"), "threads", "tc_user", 500)
    registered(g, "tc_kinds s8 a; u16 b; int c; u64 d; char[8] e; __rel_loc char[] f; __rel_loc u32[] g; __data_loc char[] h")
    g.record("kinds.dat", "-e", "user_events:tc_kinds", tool("user-events"), "kinds", "tc_kinds")
    registered(g, "tc_refused u32 id; __rel_loc char[] path")
    g.record("refused.dat", "-e", "user_events:tc_refused", tool("user-events"), "refused", "tc_refused")


@user_event_programs.check
def _(r):
    texts = [e.text for e in r.events("example.dat")]
    assert [re.sub(r"^app_request: +", "", t).strip() for t in texts] == [f"id={i} bytes={100 * i} path=/item/{i}" for i in (0, 1, 2, 4)]
    found = r.events("fork.dat")
    assert [e.text.split("x=")[1].strip() for e in found] == ["1", "2", "3"] and found[0].pid != found[1].pid == found[2].pid
    found = r.events("threads.dat")
    assert len(found) == 2000 and len({e.pid for e in found}) == 4 and r.lost("threads.dat") == 0
    fields = json.loads(r.report("kinds.dat", "-q", "--format", "json").splitlines()[-1])["fields"]
    assert {n: fields[n] for n in "abcd"} == {"a": -1, "b": 2, "c": -3, "d": 4}, fields
    assert fields["e"] == "five" and fields["f"] == "six" and fields["h"] == "eight", fields
    assert len(r.events("refused.dat")) == 1


# trace-cmd 3.1.6 cannot read __rel_loc
user_event_programs.not_for_trace_cmd = ("example.dat", "kinds.dat", "refused.dat")


@case(kernels=CUSTOM)
def user_event_killed(g):
    """SIGKILL while it writes and is recorded: what was written is there, the event goes."""
    p = hold(g, "tc_user")
    recorder = g.spawn("record", "-q", "-o", "killed.dat", "-e", EVENT, "-e", "sched:sched_process_exit")
    g.wait_for(lambda: "tc_user # Used by ftrace" in g.read("user_events_status") and
               g.read("tracing_on").startswith("1"))
    status = g.tracecmd("user-event", "status", "tc_user").stdout
    assert status == "user_events:tc_user: ftrace, it is enabled at the top level\n", status
    text = g.tracecmd("user-event", "delete", "tc_user", status=1).stderr
    assert "is in use; it is enabled at the top level" in text and f"process {p.pid} (user-events) has user events" in text, text
    seen = g.read("per_cpu/cpu0/stats") + g.read("per_cpu/cpu1/stats")
    g.wait_for(lambda: g.read("per_cpu/cpu0/stats") + g.read("per_cpu/cpu1/stats") != seen)
    g.tracecmd("user-event", "write", "tc_user", "x=4000000000")
    p.kill()
    assert p.wait() == -signal.SIGKILL
    p.communicate()
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(timeout=100) == 0
    g.wait_for(lambda: not listed(g))
    g.note(pid=p.pid)


@user_event_killed.check
def _(r):
    found = [e for e in r.events("killed.dat") if e.name == "tc_user"]
    own = [int(e.text.split("x=")[1]) for e in found if e.pid == r.notes["pid"]]
    # those written while tracing was being switched on are not recorded
    assert own and own == list(range(own[0], own[0] + len(own)))
    assert [e.text.split("x=")[1].strip() for e in found if e.pid != r.notes["pid"]] == ["4000000000"]


@case(kernels=CUSTOM)
def user_event_deleted(g):
    """Deleted under a program, or removed as a dynamic event, it stays as long as that has it."""
    p = hold(g, "tc_user")
    text = g.tracecmd("user-event", "delete", "tc_user", status=1).stderr
    assert "in use" in text and f"process {p.pid}" in text
    assert "user-event delete" in g.tracecmd("probe", "del", "tc_user", status=1).stderr
    g.tracecmd("probe", "clear")
    assert [e["name"] for e in listed(g)] == ["tc_user"]
    g.tracecmd("user-event", "write", "tc_user", "x=1")
    let_go(p)
    g.wait_for(lambda: not listed(g))
    assert "there is no user event 'tc_user'" in g.tracecmd("user-event", "delete", "tc_user", status=1).stderr
    assert "there is no user event" in g.tracecmd("user-event", "write", "tc_user", "x=1", status=1).stderr


@case(kernels=CUSTOM)
def user_event_command(g):
    """register, list, status, write, delete; formats; what the page shows."""
    registered(g, "tc_user u32 x;  char[4] name")
    assert listed(g) == [{"system": "user_events", "name": "tc_user", "fields": "u32 x; char[4] name", "listeners": []}]
    assert g.tracecmd("user-event", "status").stdout == "user_events:tc_user: nobody listens\n"
    assert "nobody listens" in g.tracecmd("user-event", "write", "tc_user", "x=1", "name=").stderr
    assert g.tracecmd("user-event", "write", "-q", "tc_user", "x=1", "name=").stderr == ""
    text = g.tracecmd("user-event", "register", "tc_user u64 x", status=1).stderr
    assert "there is a user event 'tc_user' already, with other fields" in text
    registered(g, "tc_multi u32 x", "--multi-format")
    g.tracecmd("user-event", "register", "--multi-format", "tc_multi __data_loc char[] text")
    multi = {e["fields"]: e for e in listed(g, "tc_multi")}
    assert set(multi) == {"u32 x", "__data_loc char[] text"}
    assert all(e["system"] == "user_events_multi" and e["name"].startswith("tc_multi.") for e in multi.values())
    # removed together or not at all, if one does not exist; formats only by the name they have in common
    text = g.tracecmd("user-event", "delete", "tc_user", "tc_usr", status=1).stderr
    assert "there is no user event 'tc_usr'; did you mean 'tc_user'" in text
    text = g.tracecmd("user-event", "delete", "tc_user", multi["u32 x"]["name"], status=1).stderr
    assert "removed together: by the name 'tc_multi'" in text and len(listed(g)) == 3
    # among the dynamic events each has its state
    name = multi["u32 x"]["name"]
    g.write(f"events/user_events_multi/{name}/enable", "1")
    dyn = {e["name"]: e for e in json.loads(g.tracecmd("probe", "list", "--kind", "user", "--json").stdout)}
    assert set(dyn) == {"tc_user", *(e["name"] for e in multi.values())} and [n for n in dyn if dyn[n]["enabled"]] == [name]
    assert dyn[name]["definition"] == "u:tc_multi u32 x" and dyn[name]["group"] == "user_events_multi"
    # one that stays is told with those that went
    registered(g, "tc_third u32 x")
    text = g.tracecmd("user-event", "delete", "tc_third", "tc_multi", status=1).stderr
    assert "user event 'tc_multi' is in use" in text and "removed: 'tc_third'" in text
    g.tracecmd("user-event", "register", "tc_third u32 x")
    g.write(f"events/user_events_multi/{name}/enable", "0")
    writes = "; ".join(f"{g.program} user-event write {words}" for words in (
        "tc_user x=7 name=abc", multi["u32 x"]["name"] + " x=8", "--multi-format tc_multi '__data_loc char[] text' text='a b'"))
    g.record("written.dat", "-e", "user_events", "-e", "user_events_multi:tc_multi.*", "sh", "-e", "-c", writes)
    g.write("events/user_events/tc_user/enable", "1")
    text = g.tracecmd("user-event", "write", "tc_user", "x=1", "name=abcd", status=1).stderr
    assert "longer than the field" in text
    text = g.tracecmd("user-event", "write", f"tc_long __rel_loc char[] text", f"text={'x' * 5000}", status=1).stderr
    assert "a sub-buffer of the kernel takes" in text
    g.write("events/user_events/tc_user/enable", "0")


@user_event_command.check
def _(r):
    texts = [e.text.strip() for e in r.events("written.dat")]
    assert texts[0].endswith("x=7 name=abc") and texts[1].endswith("x=8") and texts[2].endswith("text=a b"), texts
    names = [e.name for e in r.events("written.dat")]
    assert names[0] == "tc_user" and all(re.fullmatch(r"tc_multi\.[0-9a-f]+", n) for n in names[1:]), names


# names with a point
user_event_command.not_for_trace_cmd = ("written.dat",)


@case(kernels=CUSTOM)
def user_event_page(g):
    """The manual page's example, as it is."""
    with open(f"{REPO}/Documentation/tracecmd-user-event.1.adoc") as f:
        example = re.search(r"^\.\.\.\.\n(.*?)^\.\.\.\.$", f.read(), re.M | re.S)[1]
    before = g.read("tracing_on")
    os.symlink(g.program, g.path("tracecmd"))
    out = g.run("bash", "-e", "-c", example, env={**os.environ, "PATH": f"{g.work}:{os.environ['PATH']}"}).stdout
    os.unlink(g.path("tracecmd"))
    g.write("tracing_on", before)
    assert "what=copy /home" in out and "what=copy /etc" in out and listed(g) == []


@case(kernels=CUSTOM)
def user_event_errors(g):
    out = g.run(tool("user-events"), "errors").stdout.splitlines()
    assert "'tc_errors' is registered already" in out[0]
    assert "with other fields" in out[1] and "no such flag" in out[2]
    assert "Permission denied; root can admit a group" in out[3], out
    assert out[4].startswith("1 cannot unregister a user event, whose descriptor was closed: cannot open "), out
    # as that says
    modes = {f: os.stat(f"{g.root}/{f}").st_mode & 0o777 for f in (".", "user_events_data")}
    os.chmod(g.root, modes["."] | 0o001)
    os.chmod(f"{g.root}/user_events_data", modes["user_events_data"] | 0o002)
    out = g.run(tool("user-events"), "errors").stdout.splitlines()
    for file, mode in modes.items():
        os.chmod(f"{g.root}/{file}", mode)
    assert "may not be registered as persistent; that takes CAP_PERFMON" in out[3] and out[4] == "0 ", out
    g.wait_for(lambda: not listed(g))


@case()
def doctor(g):
    """What these kernels are known to have and to lack."""
    found = {r["name"]: r["works"] for r in json.loads(g.untouched("doctor", "--json").stdout)["capabilities"]}
    old = os.uname().release.startswith("6.1.")
    everywhere = ("recording", "events", "functions", "kprobes", "uprobes", "event probes", "synthetic events", "histograms", "snapshots", "triggers",
                  "own instance", "perf", "count", "record --perf")
    assert {n: found[n] for n in everywhere} == dict.fromkeys(everywhere, "yes")
    new = ("function probes", "tracepoint probes", "sub-buffer size", "mapped buffers")
    assert {n: found[n] for n in new} == dict.fromkeys(new, "no" if old else "yes")
    assert found["user events"] == ("yes" if os.path.exists(f"{g.root}/user_events_data") else "no")
