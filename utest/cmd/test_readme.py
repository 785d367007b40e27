# SPDX-License-Identifier: GPL-2.0-or-later
"""What the README tells people to type works when it is typed."""

import os
import re
import subprocess

import common


def section(title):
    with open(f"{common.REPO}/README.md") as f:
        text = f.read()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def commands(title):
    found = [re.sub(r"\s+#.*$", "", line).strip() for line in section(title).splitlines() if line.startswith("    ")]
    assert found
    return found


def test_first_recording(kernel, tmp_path):
    """Each line of the section, one after the other, in one folder."""
    os.symlink(os.path.dirname(common.TRACECMD), tmp_path / "build")
    for line in commands("A first recording"):
        assert line.startswith("build/tracecmd "), line
        p = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", line], cwd=tmp_path, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        assert p.returncode in (0, 141) and (p.stdout + p.stderr).strip(), f"{line}\n{p.stdout}{p.stderr}"


def test_links_lead_somewhere():
    with open(f"{common.REPO}/README.md") as f:
        text = f.read()
    links = re.findall(r"\]\(([^)]+)\)", text)
    named = re.findall(r"\b((?:lib|tracecmd|Documentation|utest|setup|completion)/[\w./-]*)", text)
    assert links and named
    for path in links + named:
        assert os.path.exists(f"{common.REPO}/{path}"), path


def test_packages_named_are_those_installed():
    with open(f"{common.REPO}/setup/deps") as f:
        script = f.read()
    wanted = re.search(r'^build="([^"]*)"', script, re.M)[1].split()
    line = next(c for c in commands("Build and install") if c.startswith("apt-get install "))
    assert set(line.split()[2:]) <= set(wanted)
    assert set(wanted) - set(line.split()) == {"libtraceevent1-plugin"}


def test_targets_named_are_there():
    rules = ""
    for name in ("Makefile", "setup/install.mk", "utest/utest.mk", "Documentation/doc.mk"):
        with open(f"{common.REPO}/{name}") as f:
            rules += f.read()
    with open(f"{common.REPO}/README.md") as f:
        targets = {a or b for a, b in re.findall(r"^    make (\w[\w-]*)|`make (\w[\w-]*)`", f.read(), re.M)}
    assert {"demo", "check", "install"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", rules, re.M), target
