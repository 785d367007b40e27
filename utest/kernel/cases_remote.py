# SPDX-License-Identifier: GPL-2.0-or-later
"""Recordings that go to another machine, over what this machine's kernel has not."""

import glob
import os
import re
import subprocess

from kernel.cases import NEW, case


@case(kernels=NEW)
def listen_over_vsock(g):
    """To this machine itself, by the loopback of vsock; trace-cmd as recorder and as listener, too."""
    ours = os.environ["TRACECMD"]
    g.run("modprobe", "vsock_loopback", status=None)    # or it is built in
    for name, listener, recorder in (("ours", ours, ours), ("from", ours, "trace-cmd"), ("theirs-to", "trace-cmd", ours)):
        os.mkdir(g.path(name))
        p = subprocess.Popen(["stdbuf", "-oL", listener, "listen", "-V", "-p", "9823", "-d", g.path(name)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            assert re.search(r"listening on (port 9823 of vsock|@\d+:9823)", p.stdout.readline())
            g.run(recorder, "record", "-V", "1:9823", "-e", "sched:sched_process_exit", g.workload, 20)
            g.wait_for(lambda: os.listdir(g.path(name)) == [os.path.basename(f) for f in glob.glob(g.path(f"{name}/trace.V1:*.dat"))])
            if recorder == ours == listener:
                assert "cannot connect to CID 1, port 9824" in g.tracecmd(
                    "record", "-V", "1:9824", "-e", "sched", "touch", g.path("ran"), status=1).stderr
                assert not os.path.exists(g.path("ran"))
        finally:
            p.terminate()
            p.communicate()
        os.rename(glob.glob(g.path(f"{name}/trace.V1:*.dat"))[0], g.path(f"{name}.dat"))


@listen_over_vsock.check
def _(r):
    for name in "ours", "from", "theirs-to":
        assert r.counts(f"{name}.dat")["sched_process_exit"] >= 1 and r.lost(f"{name}.dat") == 0
