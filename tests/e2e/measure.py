"""Time and peak memory of a command as a whole process, for the benches."""

import os
import shutil
import subprocess
import sys

import harness

# A process's peak memory begins with that of who started it: the starter is as small as may be.
STARTER = """
import posix, sys, time
start = time.monotonic()
report = int(sys.argv[1])
pid = posix.fork()
if not pid:
    posix.close(report)
    posix.execv(sys.argv[2], sys.argv[2:])
_, status, usage = posix.wait4(pid, 0)
wall = time.monotonic() - start
posix.write(report, b"%d %f %f %d" % (status, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss))
"""


class Figures:
    """Of one command, or of several one after the other."""

    def __init__(self, wall=0.0, cpu=0.0, rss=0.0):
        self.wall, self.cpu, self.rss = wall, cpu, rss

    def __add__(self, other):
        return Figures(self.wall + other.wall, self.cpu + other.cpu, max(self.rss, other.rss))


def measure(command, folder, env=None, output=None, codes=(0,)):
    """`codes`: the exit codes of a run that counts."""
    command = [shutil.which(command[0], path=harness.PATH) or command[0], *command[1:]]
    read, write = os.pipe()
    with open(output or os.devnull, "wb") as out, \
            open(os.path.join(folder, ".errors"), "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-ISc", STARTER, str(write), *command], stdin=subprocess.DEVNULL,
            stdout=out, stderr=errors, cwd=folder, env=env, pass_fds=[write])
        os.close(write)
        process.wait()
    with os.fdopen(read) as report:
        status, wall, cpu, rss = report.read().split()
    if os.waitstatus_to_exitcode(int(status)) not in codes:
        with open(os.path.join(folder, ".errors"), errors="replace") as errors:
            sys.exit("failed: %s\n%s" % (" ".join(command)[:300], errors.read()[-2000:]))
    return Figures(float(wall), float(cpu), int(rss) / 1024)
