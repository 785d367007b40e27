# SPDX-License-Identifier: GPL-2.0-or-later
"""doctor: what it finds on this machine, as root and not, and that it changes nothing."""

import json
import os
import signal
import subprocess
import time

import pytest

import tracefs
from common import TRACECMD, run

NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")


def doctor(*args, prefix=(), **kw):
    found = json.loads(run(*prefix, TRACECMD, "doctor", "--json", *args, **kw).stdout)
    return {row["name"]: row for row in found["capabilities"]}, found


def in_namespace(*commands):
    """Commands in front of doctor, in a mount namespace of its own."""
    return ("unshare", "-m", "sh", "-e", "-c", "; ".join(("mount --make-rprivate /", *commands, 'exec "$@"')), "sh")


def instances():
    return [name for name in os.listdir(f"{tracefs.ROOT}/instances") if name.startswith("tracecmd-doctor.")]


def test_as_root(kernel):
    rows, found = doctor()
    assert found["records"] and all(rows[n]["works"] == "yes" for n in ("tracefs", "recording", "events", "instances", "own instance"))
    assert all(row["remedy"] or row["works"] != "no" for row in rows.values()), rows
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        assert f"perf_event_paranoid is {f.read().strip()}:" in rows["perf"]["facts"]
    with open(f"{tracefs.ROOT}/available_events") as f:
        assert rows["events"]["facts"].startswith(f"{len(f.read().split())} in ")
    assert rows["tracers"]["facts"] == tracefs.read(f"{tracefs.ROOT}/available_tracers").strip()
    denied = tracefs.read(f"{tracefs.ROOT}/set_ftrace_filter") in ("EPERM", "ENOENT")
    assert rows["functions"]["works"] == ("no" if denied else "yes")
    with open("/proc/kallsyms") as f:
        has = " eprobe_dyn_event_create" in f.read()
    assert rows["event probes"]["works"] == ("yes" if has else "no")
    assert has or "CONFIG_EPROBE_EVENTS" in rows["event probes"]["remedy"]
    rate = found["rate"]
    assert "sched" in rate["events"] and rate["per_second"] >= rate["busiest_per_second"] > 0
    assert rate["busiest_bytes_per_second"] > 0 and rate["advised_kb"] >= rate["record_kb"] > 0
    assert instances() == []


def test_as_text(kernel):
    out = run(TRACECMD, "doctor").stdout
    assert "\nrecording " in out and "\nMeasured for a second, events of sched" in out and "\nadvice: record " in out
    assert "was made and is removed again" in out


def test_without_measuring(kernel):
    rows, found = doctor("--no-measure")
    assert found["rate"] is None and "own instance" not in rows and rows["mapped buffers"]["works"] == "unknown"
    assert "Measured" not in run(TRACECMD, "doctor", "--no-measure").stdout


def test_as_an_ordinary_user(kernel, tmp_path):
    rows, found = doctor(prefix=NOBODY, status=1)
    assert not found["records"] and found["rate"] is None
    assert rows["user"]["facts"] == "uid 65534, neither CAP_SYS_ADMIN nor CAP_PERFMON"
    assert rows["tracefs"]["works"] == "no" and "Permission denied" in rows["tracefs"]["facts"]
    assert "root" in rows["tracefs"]["remedy"] and rows["recording"]["works"] == "no"
    # each with the reason, and what root can do
    for name in ("events", "functions", "kprobes", "uprobes", "user events", "triggers", "markers", "count", "record --perf"):
        assert rows[name]["works"] == "no" and "tracefs" in rows[name]["facts"] and tracefs.ROOT in rows[name]["remedy"], name
    assert rows["user events"]["remedy"].endswith(f"chmod g+w {tracefs.ROOT}/user_events_data'") and rows["files"]["works"] == "yes"
    out = run(*NOBODY, TRACECMD, "doctor", status=1).stdout
    assert "-> run as root" in out


def test_tracefs_not_mounted(kernel):
    gone = in_namespace("umount -l /sys/kernel/debug 2>/dev/null || :", "umount -l /sys/kernel/tracing")
    rows, found = doctor(prefix=gone, status=1)
    assert rows["tracefs"] == {"name": "tracefs", "works": "no", "facts": "tracefs is not mounted",
                               "remedy": "'mount -t tracefs nodev /sys/kernel/tracing', as root, mounts it"}
    assert not found["records"] and found["rate"] is None
    # nor did it mount it
    mounts = run(*gone, "sh", "-c", f"{TRACECMD} doctor >/dev/null || grep -c tracefs /proc/mounts || :").stdout
    assert mounts == "0\n"


def test_tracefs_read_only(kernel):
    rows, found = doctor(prefix=in_namespace("mount --bind /sys/kernel/tracing /sys/kernel/tracing",
                                             "mount -o remount,bind,ro /sys/kernel/tracing"), status=1)
    assert rows["tracefs"]["works"] == "yes" and not found["records"]
    assert "Read-only" in rows["recording"]["facts"] and "remount,rw" in rows["recording"]["remedy"]
    assert rows["triggers"]["works"] == "no" and rows["events"]["works"] == "yes"


def measuring():
    """A doctor that has made its instance."""
    p = subprocess.Popen([TRACECMD, "doctor", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while f"tracecmd-doctor.{p.pid}" not in instances():
        assert p.poll() is None and time.monotonic() < end, "made no instance"
        time.sleep(0.005)
    return p


def test_killed(kernel):
    """Whoever kills it, its instance goes."""
    p = measuring()
    p.kill()
    p.communicate(timeout=60)
    end = time.monotonic() + 60
    while instances():
        assert time.monotonic() < end, "the instance stays"
        time.sleep(0.01)


@pytest.mark.parametrize("args, words", [(("now",), "no argument 'now'"), (("--nosuch",), "no option '--nosuch'")])
def test_wrong_use(args, words):
    p = run(TRACECMD, "doctor", *args, status=2)
    assert words in p.stderr and "doctor --help" in p.stderr
