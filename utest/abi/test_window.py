# SPDX-License-Identifier: GPL-2.0-or-later
"""KernelShark's window on our library, and on trace-cmd's: the same picture. For make check-full,
as it needs a display server (Debian: kernelshark, xvfb, xdotool, imagemagick)."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import common

LIBRARY = Path(common.REPO) / "build" / "libtracecmd.so.1"
USER = 65534    # to root, KernelShark shows a dialog first


@pytest.fixture(scope="module")
def folder():
    """That any user can read, and write."""
    path = Path(tempfile.mkdtemp(prefix="tracecmd-window-"))
    path.chmod(0o777)
    (path / "lib").mkdir()
    shutil.copy(LIBRARY, path / "lib")
    shutil.copy(f"{common.FIXTURES}/old-v7.dat", path / "trace.dat")
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def display():
    out, into = os.pipe()
    # when its last client goes a server begins anew, and who comes just then is refused; it ends if the line with its number, which it
    # writes in two parts, is not read to the end
    server = subprocess.Popen(["Xvfb", "-noreset", "-displayfd", str(into), "-ac", "-screen", "0", "1280x900x24"], pass_fds=[into],
                              stderr=subprocess.DEVNULL)
    os.close(into)
    with os.fdopen(out) as number:
        display = number.readline().strip()
    yield f":{display}"
    server.terminate()
    server.wait()


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)


def picture(folder, display, env, name):
    """A screenshot once the trace is shown and nothing changes any more."""
    home = folder / name
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    log = home / "log"
    env = dict(env, DISPLAY=display, HOME=str(home), XDG_RUNTIME_DIR=str(home), QT_QPA_PLATFORM="xcb", LC_ALL="C.UTF-8")
    shark = subprocess.Popen(["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "kernelshark", "-i",
                              str(folder / "trace.dat")], env=env, cwd=home, stdout=log.open("w"), stderr=subprocess.STDOUT)
    shots = []

    def window():
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", r"Kernel Shark \(.*trace.dat\)"], env=env,
                               capture_output=True, text=True)
        return found.stdout.split()

    def settled():
        path = folder / f"{name}-{len(shots)}.png"
        subprocess.run(["import", "-window", "root", path], env=env, check=True)
        shots.append(common.run("identify", "-format", "%#", path).stdout)
        return len(shots) > 5 and len(set(shots[-5:])) == 1

    try:
        until(lambda: shark.poll() is not None or window(), "the window")
        assert shark.poll() is None, log.read_text()
        until(settled, "the picture to be done")
        mapped = Path(f"/proc/{shark.pid}/maps").read_text()
        subprocess.run(["xdotool", "windowfocus", "--sync", window()[0], "key", "ctrl+q"], env=env, check=True)
        until(lambda: shark.poll() is not None, "KernelShark's end")
        assert shark.returncode == 0
    finally:
        if shark.poll() is None:
            shark.kill()
            shark.wait()
    return folder / f"{name}-{len(shots) - 1}.png", set(re.findall(r"\S*/libtracecmd\.so\S*", mapped))


def test_the_window_looks_the_same(folder, display):
    env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
    theirs, library = picture(folder, display, env, "theirs")
    assert all("x86_64-linux-gnu" in name for name in library)
    ours, library = picture(folder, display, dict(env, LD_LIBRARY_PATH=str(folder / "lib")), "ours")
    assert library == {str(folder / "lib" / "libtracecmd.so.1")}
    # more than an empty window: plots and the table of events have many colours
    assert int(common.run("identify", "-format", "%k", ours).stdout) > 50
    differing = subprocess.run(["compare", "-metric", "AE", theirs, ours, "null:"], capture_output=True, text=True)
    assert (differing.returncode, differing.stderr.strip()) == (0, "0")
