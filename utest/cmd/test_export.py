# SPDX-License-Identifier: GPL-2.0-or-later
"""report --format json and csv: every value of every recording beside what a
decoder of its own finds, and the two formats beside each other."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

import common

sys.path.insert(0, str(Path(common.UTEST) / "tools"))
import decode  # noqa: E402

TRACES = sorted(Path(common.FIXTURES).glob("*.dat"))
# Its times are converted by the host's file; alone it has none to compare with.
LATENCY = "lat-wakeup"
SWITCHES = Path(common.FIXTURES) / "old-v7.dat"


def export(*args):
    done = common.run(common.TRACECMD, "report", "-q", *args)
    assert done.stderr == ""
    return done.stdout


def objects(*args):
    return [json.loads(line) for line in export("--format", "json", *args).splitlines()]


def readable(raw, object_, where):
    """The string that bytes become; those that are no UTF-8 are told beside."""
    try:
        assert where not in object_.get("bytes", {})
        return raw.decode()
    except UnicodeDecodeError:
        assert bytes.fromhex(object_["bytes"][where]) == raw
        return object_["fields"][where]


def check_event(decoder, names, record, object_):
    time, cpu, buffer, eid, data, _ = record
    assert (object_["time"], object_["cpu"], object_.get("buffer", "")) == (time, cpu, buffer)
    fmt = decoder.format_of(eid)
    assert (object_["system"], object_["event"]) == (fmt.system, fmt.name)
    for field in fmt.common:
        if field.name != "common_type":
            assert object_[field.name.removeprefix("common_")] == field.value(data, decoder.e)
    if object_["pid"] in names:
        assert object_["task"] == names[object_["pid"]]
    assert list(object_["fields"]) == [field.name for field in fmt.fields]
    for field in fmt.fields:
        value = field.value(data, decoder.e)
        if isinstance(value, bytes):
            value = readable(value, object_, field.name)
        assert object_["fields"][field.name] == value, (fmt.name, field.name)


@pytest.mark.parametrize("trace", [t for t in TRACES if t.stem != LATENCY], ids=lambda t: t.stem)
def test_json_has_what_the_file_has(trace):
    decoder = decode.Decoder(str(trace))
    lines = decoder.blobs.get("cmdlines", b"").decode().splitlines()
    names = {int(pid): name for pid, name in (line.split(" ", 1) for line in lines)} | {0: "<idle>"}
    found = objects(trace)
    events = [o for o in found if "lost" not in o]
    assert len(events) == len(decoder.sorted)
    for record, object_ in zip(decoder.sorted, events):
        check_event(decoder, names, record, object_)
    losses = [(o["time"], o["cpu"], -1 if o["lost"] is None else o["lost"]) for o in found if "lost" in o]
    # the decoder tells of those that no other entry of the sub-buffer follows
    assert {(r[0], r[1], r[5]) for r in decoder.sorted if r[5]} <= set(losses)
    assert len(losses) == common.report(trace, "--losses").count(" EVENTS DROPPED]")\
        + common.report(trace, "--losses").count("[EVENTS DROPPED]")


def test_a_text_is_no_events():
    done = common.run(common.TRACECMD, "report", "--format", "json", Path(common.FIXTURES) / f"{LATENCY}.dat")
    assert done.stdout == ""
    assert "latency tracer's text" in done.stderr


@pytest.mark.parametrize("trace", [t for t in TRACES if t.stem != LATENCY], ids=lambda t: t.stem)
def test_csv_has_what_json_has(trace):
    rows = list(csv.DictReader(io.StringIO(export("--format", "csv", "--losses", trace), newline="")))
    found = objects(trace)
    assert len(rows) == len(found)
    for row, object_ in zip(rows, found):
        assert (row["time"], row["cpu"]) == (str(object_["time"]), str(object_["cpu"]))
        assert row.get("buffer", "") == object_.get("buffer", "")
        if "lost" in object_:
            assert row["lost"] == ("-1" if object_["lost"] is None else str(object_["lost"]))
            assert row["event"] == row["fields"] == ""
            continue
        assert (row["lost"], row["task"]) == ("", object_["task"] or "")
        assert [row[k] for k in ("pid", "flags", "preempt_count")] == \
            [str(object_[k]) for k in ("pid", "flags", "preempt_count")]
        assert (row["system"], row["event"]) == (object_["system"], object_["event"])
        assert json.loads(row["fields"]) == object_["fields"]


def cell(value):
    if value is None:
        return ""
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("events", ["sched_switch", "sched/sched_wakeup,sched_switch", "*"])
def test_csv_of_chosen_events(events):
    trace = Path(common.FIXTURES) / "all-6.1.dat" if events == "*" else SWITCHES
    rows = list(csv.DictReader(io.StringIO(export("--format", f"csv:{events}", trace), newline="")))
    wanted = {e.split("/")[-1] for e in events.split(",")}
    found = [o for o in objects(trace) if events == "*" or o.get("event") in wanted]
    found = [o for o in found if "lost" not in o]
    assert rows and len(rows) == len(found)
    common_names = {"time", "cpu", "task", "pid", "flags", "preempt_count", "file", "buffer", "lost", "system",
                    "event", "fields", "decoded", "text"}
    for row, object_ in zip(rows, found):
        assert (row["time"], row["event"]) == (str(object_["time"]), object_["event"])
        for name, value in object_["fields"].items():
            assert row["field_" + name if name in common_names else name] == cell(value)
        empty = set(row) - common_names - set(object_["fields"]) - {"field_" + n for n in object_["fields"]}
        assert all(row[name] == "" for name in empty)


def test_text_beside_the_fields():
    lines = common.report("--kernel-text", SWITCHES).splitlines()[1:]
    found = objects("--text", SWITCHES)
    assert len(lines) == len(found)
    for line, object_ in zip(lines, found):
        name, text = line.split(f"{object_['event']}: ", 1)[0], line.split(f"{object_['event']}: ", 1)[1]
        assert name.rstrip().endswith(":") and text.lstrip(" ") == object_["text"].lstrip(" ")
    rows = csv.DictReader(io.StringIO(export("--format", "csv:sched_switch", "--text", SWITCHES), newline=""))
    assert [r["text"] for r in rows] == [o["text"] for o in found if o["event"] == "sched_switch"]


@pytest.mark.parametrize("trace", ["all-6.1", "probes-6.12", "old-v7"])
def test_decoded_words_are_those_of_the_text(trace):
    """-N: the kernel's print format, for the text too."""
    found = [o for o in objects("--decoded", "--text", "-N", Path(common.FIXTURES) / f"{trace}.dat") if "lost" not in o]
    decoded = {(o["event"], name) for o in found for name in o["decoded"]}
    assert ("sched_switch", "prev_state") in decoded or trace == "probes-6.12"
    for o in found:
        for name, words in o["decoded"].items():
            assert name in o["fields"]
            assert words in o["text"] or o["event"] == "print"
    plain = [o for o in objects(Path(common.FIXTURES) / f"{trace}.dat") if "lost" not in o]
    assert [o["fields"] for o in plain] == [o["fields"] for o in found]


def test_decoded_words_in_csv():
    rows = csv.DictReader(io.StringIO(export("--format", "csv:sched_switch", "--decoded", SWITCHES), newline=""))
    found = [o for o in objects("--decoded", SWITCHES) if o["event"] == "sched_switch"]
    assert [json.loads(r["decoded"]) for r in rows] == [o["decoded"] for o in found]


@pytest.mark.parametrize("trace", ["all-6.1", "fgraph", "instances", "syn-v7-be-l8-p4096-zstd"])
@pytest.mark.parametrize("options", [["json", "--decoded", "--text"], ["csv", "--losses"]], ids=["json", "csv"])
def test_any_number_of_threads(trace, options):
    path = Path(common.FIXTURES) / f"{trace}.dat"
    alone = export("--threads", "1", "--format", *options, path)
    for threads in "2", "3", "8":
        assert export("--threads", threads, "--format", *options, path) == alone


def test_filters_choose_as_for_text():
    found = objects("-F", "sched_switch: next_pid == 0", "--cpu", "0", SWITCHES)
    assert found and all(o["event"] == "sched_switch" and o["fields"]["next_pid"] == 0 and o["cpu"] == 0
                         for o in found)


def test_several_files_are_named():
    pair = [Path(common.FIXTURES) / "pair.dat", Path(common.FIXTURES) / "pair-ftvmguest.dat"]
    found = objects(*pair)
    assert {o["file"] for o in found} == {p.name for p in pair}
    assert [o["time"] for o in found] == sorted(o["time"] for o in found)
    rows = csv.DictReader(io.StringIO(export("--format", "csv", *pair)))
    assert [r["file"] for r in rows] == [o["file"] for o in found if "lost" not in o]


def test_losses_left_out_of_csv_are_told():
    trace = Path(common.FIXTURES) / "syn-v7-le-l4-p4096-zstd.dat"
    done = common.run(common.TRACECMD, "report", "--format", "csv", trace)
    assert "lost events" in done.stderr and "--losses" in done.stderr
    assert ",lost," not in done.stdout.splitlines()[0]


@pytest.mark.parametrize("args, words", [
    (["--format", "jsno"], "did you mean 'json'"),
    (["--format", "csv:"], "is not known"),
    (["--format", "json", "-l"], "-l is for text"),
    (["--format", "csv", "--ts-diff"], "--ts-diff is for text"),
    (["--format", "json", "-w"], "-w is for text"),
    (["--text"], "--text belongs to --format"),
    (["--decoded"], "--decoded belongs to --format"),
])
def test_what_makes_no_sense_is_refused(args, words):
    done = common.run(common.TRACECMD, "report", *args, SWITCHES, status=2)
    assert words in done.stderr and done.stdout == ""


def test_an_unknown_event_for_columns():
    done = common.run(common.TRACECMD, "report", "--format", "csv:sched_swich", SWITCHES, status=1)
    assert "did you mean 'sched_switch'" in done.stderr and done.stdout == ""


def test_a_full_disk_is_told():
    with open("/dev/full", "w") as full:
        done = subprocess.run([common.TRACECMD, "report", "--format", "json", SWITCHES], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr
