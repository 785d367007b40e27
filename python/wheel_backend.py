# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the wheel (PEP 517, PEP 427): make builds, this packs. So it needs neither setuptools nor a network."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import sysconfig
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(TOP, "build", "python")


def _version():
    with open(os.path.join(TOP, "Makefile")) as f:
        return re.search(r"^VERSION := (\S+)", f.read(), re.M)[1]


def _metadata():
    return (f"Metadata-Version: 2.1\nName: tracecmd\nVersion: {_version()}\n"
            "Summary: Recordings of the Linux kernel's trace buffers, in columns\n"
            "License: LGPL-2.1-or-later\nRequires-Python: >=3.11\n"
            "Provides-Extra: frames\nRequires-Dist: numpy; extra == 'frames'\nRequires-Dist: pandas; extra == 'frames'\n")


def _tag():
    """CPython's stable interface, since 3.11."""
    return f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def _files():
    """What make built, by its name in the wheel."""
    for folder, folders, names in os.walk(BUILT):
        folders[:] = sorted(d for d in folders if d != "__pycache__")
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                yield os.path.relpath(path, BUILT), f.read()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    subprocess.run([os.environ.get("MAKE", "make"), "-s", "-C", TOP, f"-j{os.cpu_count()}", f"PYTHON={sys.executable}", "python"],
                   check=True, stdout=sys.stderr)
    info = f"tracecmd-{_version()}.dist-info"
    files = [*_files(), (f"{info}/METADATA", _metadata().encode()),
             (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: tracecmd\nRoot-Is-Purelib: false\nTag: {_tag()}\n".encode())]
    record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
              for name, data in files]
    files.append((f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]).encode()))
    wheel = f"tracecmd-{_version()}-{_tag()}.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files:
            # the same bytes whenever it is made
            z.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return wheel
