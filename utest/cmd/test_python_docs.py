# SPDX-License-Identifier: GPL-2.0-or-later
"""Documentation/python.md and what comes with the module: examples run, names are told, types are there."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import common
from python_module import PATH, fixture, tracecmd

PAGE = f"{common.REPO}/Documentation/python.md"


def examples():
    with open(PAGE) as f:
        return re.findall(r"^```python\n(.*?)^```$", f.read(), re.M | re.S)


def run_examples(folder, wanted, monkeypatch):
    """In order, in one namespace; their output."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TRACECMD", os.path.abspath(common.TRACECMD))
    shutil.copy(fixture("all-6.1"), "trace.dat")
    names, out, run = {}, io.StringIO(), 0
    exec("import tracecmd", names)
    with contextlib.redirect_stdout(out):
        for text in examples():
            needs = re.match(r"# needs: (.*)\n", text)
            if (needs and needs[1]) == wanted:
                exec(compile(text, PAGE, "exec"), names)
                run += 1
    assert run
    return out.getvalue()


def test_examples(tmp_path, monkeypatch):
    out = run_examples(tmp_path, None, monkeypatch)
    assert "makes room for" in out and "pid  comm" in out


@pytest.mark.kernel
def test_examples_that_record(kernel, tmp_path, monkeypatch):
    assert "switches, 0 events lost" in run_examples(tmp_path, "kernel", monkeypatch)


def test_each_example_is_run_somewhere():
    needs = {m[1] for text in examples() if (m := re.match(r"# needs: (.*)\n", text))}
    assert needs == {"kernel", "user events"}      # the latter by test_python_user_event.py


def test_page_tells_every_name():
    with open(PAGE) as f:
        page = f.read()
    from tracecmd import analysis
    from tracecmd.selection import WHAT
    missing = [name for name in (*tracecmd.__all__, *analysis.__all__, *WHAT) if not re.search(rf"\b{name}\b", page)
               and name not in ("Column", "Event", "EventInfo", "Field", "Instance", "Recording", "Selection")]
    assert not missing


def test_command_has_help():
    done = subprocess.run([sys.executable, "-m", "tracecmd", "--help"], capture_output=True, text=True,
                          env=dict(os.environ, PYTHONPATH=PATH))
    assert done.returncode == 0 and all(name in done.stdout for name in ("latency", "runqueue", "functions"))


def test_every_function_has_types():
    """What py.typed promises: all that is public is annotated."""
    assert os.path.exists(f"{PATH}/tracecmd/py.typed") and os.path.exists(f"{PATH}/_tracecmd.pyi")
    import inspect
    bare = []
    for name in tracecmd.__all__:
        thing = getattr(tracecmd, name)
        functions = [thing] if inspect.isfunction(thing) else \
            [f for n, f in vars(thing).items() if inspect.isfunction(f) and not n.startswith("_")] if inspect.isclass(thing) else []
        bare += [f"{name}.{f.__name__}" for f in functions if f.__module__.startswith("tracecmd") and
                 "return" not in f.__annotations__]
    assert not bare


def test_stub_tells_the_c_half():
    import _tracecmd
    with open(f"{PATH}/_tracecmd.pyi") as f:
        stub = f.read()
    for name, thing in vars(_tracecmd).items():
        if name.startswith("__"):
            continue
        assert re.search(rf"^(class|def) {name}\b|^{name}:", stub, re.M), name
        if isinstance(thing, type):
            body = re.search(rf"^class {name}\b.*?(?=^\S|\Z)", stub, re.M | re.S)[0]
            old = ("num_field", "str_field", "stack_field", "keys", "common_keys")
            for member in vars(thing):
                assert member.startswith("__") or member in old or re.search(rf"\b{member}\b", body), f"{name}.{member}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Made as anybody would, without a network."""
    out = tmp_path_factory.mktemp("wheel")
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONPATH")}
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "-q", "--no-index", "-w", out,
                    common.REPO], check=True, env=env, capture_output=True)
    made = os.listdir(out)
    assert len(made) == 1 and re.fullmatch(r"tracecmd-[\d.]+-cp311-abi3-linux_\w+\.whl", made[0])
    return f"{out}/{made[0]}"


def test_wheel_works(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as z:
        assert z.testzip() is None
        names = z.namelist()
        record = z.read(next(n for n in names if n.endswith("/RECORD"))).decode()
        z.extractall(tmp_path)
    assert sorted(line.split(",")[0] for line in record.splitlines()) == sorted(names)
    assert {"_tracecmd.abi3.so", "tracecmd/__init__.py", "tracecmd/py.typed", "tracecmd/analysis/sched.py"} <= set(names)
    done = subprocess.run([sys.executable, "-c", "import sys, tracecmd; print(tracecmd.__file__, tracecmd.open(sys.argv[1]).cpus)",
                           fixture("old-v7")], capture_output=True, text=True, cwd="/", env=dict(os.environ, PYTHONPATH=str(tmp_path)))
    assert done.stdout == f"{tmp_path}/tracecmd/__init__.py 2\n" and done.stderr == ""
