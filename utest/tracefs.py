# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's tracing settings as a plain dictionary, to compare before and after.

Settings are what somebody chose: tracers, events, filters, triggers, options,
sizes, pids, dynamic events, instances. Contents of buffers and logs are not.
Also a program: prints the settings as JSON.
"""

import errno
import json
import os
import re
import subprocess
import sys

ROOT = "/sys/kernel/tracing"
INSTANCE_FILES = (
    "tracing_on", "current_tracer", "trace_clock", "trace_options",
    "buffer_size_kb", "buffer_subbuf_size_kb", "buffer_percent",
    "tracing_cpumask", "set_event", "set_event_pid", "set_event_notrace_pid",
    "set_ftrace_filter", "set_ftrace_notrace", "set_ftrace_pid", "set_ftrace_notrace_pid",
    "set_graph_function", "set_graph_notrace", "max_graph_depth", "tracing_thresh", "tracing_max_latency",
    "saved_cmdlines_size", "dynamic_events", "kprobe_events", "uprobe_events", "synthetic_events",
)
SYSCTLS = (
    "/proc/sys/kernel/ftrace_enabled", "/proc/sys/kernel/stack_tracer_enabled",
    "/proc/sys/kernel/kptr_restrict", "/proc/sys/kernel/tracepoint_printk",
)


def read(path):
    """The file's text, or the name of the error that reading it gives."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError as e:
        return errno.errorcode[e.errno]
    try:
        parts = []
        while True:
            part = os.read(fd, 1 << 16)
            if not part:
                return b"".join(parts).decode(errors="replace")
            parts.append(part)
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        os.close(fd)


def chosen(name, text):
    """Drops what a setting's text says besides the setting."""
    if name == "buffer_size_kb" and "expanded:" in text:
        # "7 (expanded: 1408)": not used yet. With its first use it becomes 1408
        # KiB of events, in whole pages of which each has a header of 16 bytes.
        asked = int(text.split("expanded:")[1].strip(" )\n"))
        return f"{-(-asked * 1024 // 4080) * 4080 // 1024}\n"
    if name == "saved_cmdlines_size":
        return text.split(" ")[0].strip() + "\n"
    if name == "set_event":
        return "".join(sorted(text.splitlines(True)))
    return text


def _instance(path, events):
    got = {}
    for name in INSTANCE_FILES:
        text = read(f"{path}/{name}")
        if text != "ENOENT":
            got[name] = chosen(name, text)
    if got.get("buffer_size_kb") == "X\n":
        # the CPUs' buffers differ in size
        for cpu in sorted(os.listdir(f"{path}/per_cpu")):
            got[f"{cpu}/buffer_size_kb"] = read(f"{path}/per_cpu/{cpu}/buffer_size_kb")
    if events:
        _event_settings(f"{path}/events", got)
    return got


def _event_settings(path, got):
    """Filters and triggers that differ from the default."""
    import common   # which has this module imported first

    said = subprocess.run([common.tool("event-settings"), path], stdout=subprocess.PIPE, check=True).stdout
    texts = said.decode(errors="replace").split("\0")
    for file, text in zip(texts[0:-1:2], texts[1::2]):
        got[file[len(path) - len("events"):]] = text


def _maker(name):
    """The process that made an instance, if a test did (common.instance), else None."""
    m = re.match(r"tc(\d+)_", name)
    return int(m[1]) if m else None


def _of_others(name):
    """Whether it is an instance of a process that is still there: of another test, or tracecmd's for its own use."""
    own = re.fullmatch(r"tracecmd-\w+\.(\d+)", name)
    pid = int(own[1]) if own else _maker(name)
    return pid not in (None, os.getpid()) and os.path.exists(f"/proc/{pid}")


def is_left_over(name):
    """Whether it is an instance of tests whose process is gone."""
    pid = _maker(name)
    return pid is not None and not os.path.exists(f"/proc/{pid}")


def snapshot(root=ROOT, events=True):
    """All settings but those of instances that others use. Without @events, event
    filters and triggers (thousands of small files) are left out."""
    got = {"": _instance(root, events)}
    names = sorted(os.listdir(f"{root}/instances")) if os.path.isdir(f"{root}/instances") else []
    for name in names:
        if _of_others(name):
            continue
        got[name] = _instance(f"{root}/instances/{name}", events)
    got["/sysctl"] = {path: text for path in SYSCTLS if (text := read(path)) != "ENOENT"}
    return got


def differences(before, after):
    """What differs, a line each: empty when the settings are the same."""
    lines = []
    for where in sorted(set(before) | set(after)):
        a, b = before.get(where), after.get(where)
        if a is None or b is None:
            lines.append(f"instance '{where}' {'appeared' if a is None else 'is gone'}")
            continue
        for name in sorted(set(a) | set(b)):
            if a.get(name) != b.get(name):
                lines.append(f"{where or 'top'}: {name}: {_short(a.get(name))} -> {_short(b.get(name))}")
    return lines


def _short(text):
    text = repr(text)
    return text if len(text) < 300 else text[:300] + "..."


if __name__ == "__main__":
    json.dump(snapshot(), sys.stdout, indent=1, sort_keys=True)
    print()
