# SPDX-License-Identifier: GPL-2.0-or-later
"""collect: many machines into one folder, whatever becomes of some of them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest

import common
import tracefs
from agents import ScriptedAgent, agent, arguments
from common import TRACECMD, run
from recording import parsed, wait_for
from wire import SESSIONS, TIMEOUT

INSTANCES = f"{tracefs.ROOT}/instances"
WANT = f"{SESSIONS}/agent-tcp-notsync/host-result.dat"


def collect(tmp_path, *args, status=0):
    """Whom it asks end when they are told to: after a second."""
    args = ("--max-time", 1, *args) if "--max-time" not in args else args
    return run(TRACECMD, "collect", *args, cwd=tmp_path, status=status)


def index(tmp_path, name="collected"):
    with open(tmp_path / name / "index.json") as f:
        return json.load(f)


def machines(tmp_path, name="collected"):
    return {m["machine"]: m for m in index(tmp_path, name)["machines"]}


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def count(path):
    return int(re.search(r"(\d+)  in all", run(TRACECMD, "report", "--count", path).stdout)[1])


# ---- with agents that say what real ones said -------------------------------------------

def test_all_well(tmp_path):
    """A file for each, an index, a table; what one agent is asked for, all are."""
    agents = [ScriptedAgent() for _ in range(3)]
    p = collect(tmp_path, *(f"m{i}=127.0.0.1:{a.port}" for i, a in enumerate(agents)), "--", "-e", "x", "-f", 'a "b"')
    for a in agents:
        a.close()
        assert a.why is None and arguments(a.asked) == ["-e", "x", "-f", 'a "b"', "-C", "mono"]
    assert sorted(os.listdir(tmp_path / "collected")) == ["index.json", "m0.dat", "m1.dat", "m2.dat"]
    for i, a in enumerate(agents):
        assert common.report(tmp_path / f"collected/m{i}.dat") == common.report(WANT)
        common.strict_check(tmp_path / f"collected/m{i}.dat")
        m = machines(tmp_path)[f"m{i}"]
        assert m["address"] == f"127.0.0.1:{a.port}" and m["file"] == f"m{i}.dat" and m["error"] is None
        assert m["events"] == count(WANT) and m["bytes"] == os.path.getsize(tmp_path / f"collected/m{i}.dat")
        assert m["lost"] == 0 and m["clock_compared"] is False and "clock_error_ns" not in m
        assert re.search(rf"^m{i} +{m['events']} +0 +\d+\.\d +not compared  collected/m{i}.dat$", p.stdout, re.M), p.stdout
    all_of_them = index(tmp_path)
    assert all_of_them["options"] == ["-e", "x", "-f", 'a "b"'] and all_of_them["clock"] == "mono"
    assert 0 < all_of_them["began_us"] <= all_of_them["ended_us"]


def test_members_that_die(tmp_path):
    """Those that are not there, do not answer, end before they record or while they do: the others are whole."""
    good = [ScriptedAgent() for _ in range(2)]
    bad = {when: ScriptedAgent(vanish=when) for when in ("answer", "metadata", "end")}
    port = closed_port()
    p = collect(tmp_path, "-d", "d", f"good0=127.0.0.1:{good[0].port}", f"nobody=127.0.0.1:{port}",
                *(f"{when}=127.0.0.1:{a.port}" for when, a in bad.items()), f"good1=127.0.0.1:{good[1].port}", "--", "-e", "x",
                status=1)
    for a in [*good, *bad.values()]:
        a.close()
    assert "tracecmd: 4 of 6 machines were not recorded, or not to the end: nobody, answer, metadata, end\n" in p.stderr
    assert f"tracecmd: nobody: cannot connect to '127.0.0.1', port {port}: Connection refused" in p.stderr
    all_of_them = machines(tmp_path, "d")
    assert {n: m["file"] for n, m in all_of_them.items()} == {
        "good0": "good0.dat", "good1": "good1.dat", "nobody": None, "answer": None, "metadata": None, "end": "end.dat"}
    assert sorted(os.listdir(tmp_path / "d")) == ["end.dat", "good0.dat", "good1.dat", "index.json"]
    for name in ("good0", "good1", "end"):
        assert common.report(tmp_path / f"d/{name}.dat") == common.report(WANT)
        assert all_of_them[name]["events"] == count(WANT)
    assert all_of_them["good0"]["error"] is None and "while it recorded" in all_of_them["end"]["error"]
    for name, told in (("nobody", "Connection refused"), ("answer", "without an answer"), ("metadata", "what it records")):
        assert told in all_of_them[name]["error"] and "events" not in all_of_them[name]
        assert re.search(rf"^{name} +failed: .*{told}", p.stdout, re.M), p.stdout


def test_nobody_is_there(tmp_path):
    """Nothing is left, but a folder that was there."""
    p = collect(tmp_path, f"127.0.0.1:{closed_port()}", "--", "-e", "x", status=1)
    assert "none of the machines can be recorded" in p.stderr and not os.listdir(tmp_path)
    (tmp_path / "mine").mkdir()
    collect(tmp_path, "-d", "mine", f"127.0.0.1:{closed_port()}", "--", "-e", "x", status=1)
    assert os.listdir(tmp_path) == ["mine"] and not os.listdir(tmp_path / "mine")


def test_folder_that_has_something(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/old.dat").write_text("kept")
    p = collect(tmp_path, "-d", "d", f"127.0.0.1:{closed_port()}", "--", "-e", "x", status=1)
    assert "cannot collect into 'd': it is not empty; give another folder (-d)" in p.stderr
    assert (tmp_path / "d/old.dat").read_text() == "kept"
    p = collect(tmp_path, "-d", "no/such", f"127.0.0.1:{closed_port()}", "--", "-e", "x", status=1)
    assert "cannot make the folder 'no/such': No such file or directory" in p.stderr


def test_forty_at_once(tmp_path):
    """More than there are threads for; quiet is quiet."""
    agents = [ScriptedAgent() for _ in range(40)]
    p = collect(tmp_path, "-q", *(f"m{i}=127.0.0.1:{a.port}" for i, a in enumerate(agents)), "--", "-e", "x")
    for a in agents:
        a.close()
    assert p.stdout == "" and p.stderr == ""
    assert {m["events"] for m in machines(tmp_path).values()} == {count(WANT)} and len(machines(tmp_path)) == 40


@pytest.mark.parametrize("args, told", [
    ((), "no machine is named"),
    (("--", "-e", "x"), "no machine is named"),
    (("host",), "what is to be recorded is missing"),
    (("host", "--"), "what is to be recorded is missing"),
    (("host", "--", "-o", "x", "-e", "y"), "option -o"),
    (("host", "--", "-e", "y", "ls"), "ls"),
    (("--wait", "0", "host", "--", "-e", "x"), "--wait: '0' is not a number from 1 to 86400"),
    (("host", "--", "--no-such-option"), "no-such-option"),
    (("host", "host", "--", "-e", "x"), "host"),
    (("../x=host", "--", "-e", "x"), "../x"),
    (("=host", "--", "-e", "x"), "name"),
    (("host:99999", "--", "-e", "x"), "99999"),
    (("--max-time", "soon", "host", "--", "-e", "x"), "--max-time: 'soon' is not a number from 1"),
    (("--tsync-interval", "x", "host", "--", "-e", "x"), "--tsync-interval: 'x'"),
    (("--key-optional", "host", "--", "-e", "x"), "give --key-file"),
    (("--nonsense", "host", "--", "-e", "x"), "nonsense"),
])
def test_bad_use(args, told, tmp_path):
    p = collect(tmp_path, *args, status=2)
    assert told in p.stderr and len(p.stderr.splitlines()) <= 2, p.stderr
    assert not os.listdir(tmp_path)


def test_clock_that_counts_something_else(tmp_path):
    a = ScriptedAgent()
    p = collect(tmp_path, f"m=127.0.0.1:{a.port}", "--", "-e", "x", "-C", "counter")
    a.close()
    assert arguments(a.asked) == ["-e", "x", "-C", "counter"]
    assert "the trace clock 'counter' does not count nanoseconds: clocks are not compared" in p.stderr
    assert index(tmp_path)["clock"] == "counter"


# ---- with agents ------------------------------------------------------------------------

def sessions():
    return [n for n in os.listdir(INSTANCES) if n.startswith("tracecmd-agent-")]


def recording_sessions():
    return [n for n in sessions() if tracefs.read(f"{INSTANCES}/{n}/tracing_on") == "1\n" and
            "sched:" in tracefs.read(f"{INSTANCES}/{n}/set_event")]


class Collecting:
    """A collection under way, from two agents."""

    def __init__(self, tmp_path, agents, *options):
        self.p = subprocess.Popen([TRACECMD, "collect", *map(str, options),
                                   *(f"{name}=127.0.0.1:{a.port}" for name, a in agents.items()), "--", "-e",
                                   "sched:sched_process_exit"], cwd=tmp_path, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        wait_for(lambda: len(recording_sessions()) == len(agents), "all of them record")

    def end(self, status=0, by=signal.SIGINT):
        if by:
            self.p.send_signal(by)
        out, err = self.p.communicate(timeout=TIMEOUT)
        assert self.p.returncode == status, err
        wait_for(lambda: not sessions(), "their instances are gone")
        return out, err


def work(folder):
    """Five processes that nobody else has."""
    shutil.copy("/bin/true", folder / "fleet-work")
    for _ in range(5):
        run(folder / "fleet-work")


def ended(path):
    """Text and time in nanoseconds of each of work's that ended."""
    return [(e.text, int(e.time.replace(".", ""))) for e in parsed(path, "-t") if "comm=fleet-work" in e.text]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_until_a_signal(kernel, by, tmp_path):
    """Both machines are this one here: the same events, and times that are off by what the clocks are, at most."""
    with agent() as a, agent() as b:
        c = Collecting(tmp_path, {"a": a, "b": b})
        work(tmp_path)
        out, err = c.end(by=by)
        assert "2 of 2 machines record; Ctrl-C ends" in err
        a.end()
        b.end()
    of_a, of_b = (ended(tmp_path / f"collected/{m}.dat") for m in "ab")
    assert len(of_a) >= 5 and [text for text, _ in of_a] == [text for text, _ in of_b]
    told = machines(tmp_path)
    bound = sum(told[m]["clock_error_ns"] for m in "ab")
    assert all(told[m]["clock_compared"] for m in "ab") and 0 < bound < 100_000_000
    assert all(abs(t - u) <= bound for (_, t), (_, u) in zip(of_a, of_b, strict=True))
    assert len(re.findall(r" \d+\.\d us  collected/[ab]\.dat$", out, re.M)) == 2, out
    both = run(TRACECMD, "report", "-i", "a.dat", "-i", "b.dat", cwd=tmp_path / "collected").stdout
    times = [float(t) for t in re.findall(r" (\d+\.\d{6}): sched_process_exit:", both)]
    assert len(times) == told["a"]["events"] + told["b"]["events"] and times == sorted(times)


def test_for_a_time(kernel, tmp_path):
    with agent() as a:
        c = Collecting(tmp_path, {"a": a}, "--max-time", 1)
        c.end(by=None)
        a.end()
    assert machines(tmp_path)["a"]["error"] is None


def test_one_machine_dies(kernel, tmp_path):
    """The session of one is killed: the other records to the end, and what had come of the first is kept."""
    with agent() as a, agent() as b:
        c = Collecting(tmp_path, {"a": a, "b": b})
        work(tmp_path)
        first = [n for n in sessions() if parent(int(n.rsplit("-", 1)[1])) == a.p.pid]
        os.kill(int(first[0].rsplit("-", 1)[1]), signal.SIGKILL)
        assert c.p.stderr.readline() == "tracecmd: 2 of 2 machines record; Ctrl-C ends\n"
        seen = [c.p.stderr.readline()]
        if "clocks" in seen[0]:
            seen.append(c.p.stderr.readline())
        assert "tracecmd: a: the agent closed the connection while it recorded\n" in seen, "told while the other goes on"
        wait_for(lambda: len(sessions()) == 1, "its instance is gone")
        work(tmp_path)
        _, err = c.end(status=1)
        assert "1 of 2 machines were not recorded, or not to the end: a" in err
        a.end()
        b.end()
    told = machines(tmp_path)
    assert "closed the connection while it recorded" in told["a"]["error"] and told["a"]["file"] == "a.dat"
    assert told["b"]["error"] is None and len(ended(tmp_path / "collected/b.dat")) >= 10
    common.strict_check(tmp_path / "collected/a.dat")


def parent(pid):
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def test_key(kernel, tmp_path):
    """One agent has it, one has another: that one is told of, and does not record."""
    for name, text in (("key", "0123456789abcdef\n"), ("other", "fedcba9876543210\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    with agent("--key-file", tmp_path / "key") as a, agent("--key-file", tmp_path / "other") as b:
        p = collect(tmp_path, "--key-file", "key", "--max-time", 1, f"a=127.0.0.1:{a.port}", f"b=127.0.0.1:{b.port}", "--", "-e",
                    "sched:sched_process_exit", status=1)
        a.end()
        b.end()
    assert "b: the agent's key is not ours" in p.stderr
    assert machines(tmp_path)["a"]["error"] is None and machines(tmp_path)["b"]["file"] is None


def test_collector_that_is_killed(kernel, tmp_path):
    """No machine goes on tracing, and what had come is there to restore."""
    with agent() as a, agent() as b:
        c = Collecting(tmp_path, {"a": a, "b": b})
        run("sh", "-c", "for i in $(seq 1000); do /bin/true; done")     # fills sub-buffers
        for m in "ab":
            spools = [tmp_path / f"collected/{m}.dat.cpu{i}" for i in range(os.cpu_count())]
            wait_for(lambda: any(os.path.getsize(s) > 200 for s in spools), "something of it is on the disk")
        c.p.kill()
        c.p.communicate()
        wait_for(lambda: not sessions(), "the instances are gone")
        a.end()
        b.end()
    for m in "ab":
        run(TRACECMD, "restore", "-o", f"{m}.dat", f"collected/{m}.dat", cwd=tmp_path)
        assert parsed(tmp_path / f"{m}.dat")


def test_agent_that_never_answers(tmp_path):
    """It is left out; the others record."""
    good, door = ScriptedAgent(), socket.create_server(("127.0.0.1", 0))
    held = []
    threading.Thread(target=lambda: held.append(door.accept()), daemon=True).start()
    p = collect(tmp_path, "--wait", 2, f"silent=127.0.0.1:{door.getsockname()[1]}", f"good=127.0.0.1:{good.port}", "--", "-e", "x", status=1)
    good.close()
    assert machines(tmp_path)["good"]["error"] is None and machines(tmp_path)["silent"]["file"] is None
    assert "silent: the agent has not answered for 2 seconds" in p.stderr
    door.close()
