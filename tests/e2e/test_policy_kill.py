"""SIGKILL at every file-changing system call of a policy import: the old policy or the new one."""

import collections
import concurrent.futures
import os
import re
import shutil
import subprocess

import harness
from harness import Scene, alone, slow
from point import Assigned, Point
from sweep import can_trace

# Whatever a file could be changed with. Opening calls count whether or not they make a file.
CHANGES = ("openat,openat2,write,pwrite64,writev,renameat,renameat2,rename,linkat,link,unlinkat,"
           "unlink,rmdir,mkdirat,mkdir,symlinkat,fsync,fdatasync,ftruncate,fchmod,fchmodat,fchown,"
           "fallocate,sync_file_range,syncfs,utimensat,flock").split(",")
# What an import cannot do without: a document written and made durable, a record put in place.
NEEDED = {"openat2", "write", "fsync", "renameat", "unlinkat", "mkdirat"}
MOST = 200  # calls of one kind; more would not be a sweep but a loop

OLD = {1: "one", 2: "one", 3: "one"}
NEW = {1: "one", 2: "new", 4: "one"}


def traced(calls, *options):
    """The program under strace, inside of what must stand before it."""
    before = harness.program()
    strace = ["strace", "-f", "-qq", "-e", "trace=" + ",".join(calls), *options]
    return [*before[:-1], *strace, before[-1]]


class Machine:
    """A folder with a state of its own; the policy point is shared."""

    def __init__(self, scene, point, name, state=None):
        self.scene, self.point = scene, point
        self.twin = Scene.__new__(Scene)
        self.twin.__dict__.update(scene.__dict__)
        self.twin.folder = scene.path(name)
        os.makedirs(self.twin.path("policy"))
        if state:
            shutil.copytree(state, self.twin.path("state"))
        self.seen = Point.__new__(Point)
        self.seen.__dict__.update(point.__dict__, scene=self.twin)

    def import_under(self, command):
        args = ["policy", "fetch", "--json", *self.twin.options, *self.twin.places()]
        return subprocess.run([*command, *args], cwd=self.twin.folder, stdin=subprocess.DEVNULL,
                              env=self.twin.environment(), capture_output=True, timeout=60,
                              check=False)

    def names(self):
        """Every file and folder of the state."""
        root, found = self.twin.path("state"), set()
        for folder, folders, names in os.walk(root):
            found.update(os.path.relpath(os.path.join(folder, name), root)
                         for name in folders + names)
        return found

    def documents(self):
        """Digests of what is kept: what has a digest for a name."""
        names = map(os.path.basename, self.names())
        return {name for name in names if re.fullmatch("[0-9A-F]{64}", name)}

    def drop(self):
        shutil.rmtree(self.twin.folder)


class Sweep:
    """The policy point with the new set, and a state that holds the old one (or none)."""

    def __init__(self, scene, old):
        self.scene, self.point = scene, Point(scene)
        self.old, self.state = old, None
        if old:
            self.point.publish(*[Assigned(number) for number in OLD])
            first = Machine(scene, self.point, "first")
            first.seen.fetch()
            assert first.seen.values() == OLD
            self.state = first.twin.path("state")
        rows = [Assigned(1), Assigned(2, "new", "1.01"), Assigned(4)]
        self.point.publish(*rows)
        self.documents = {harness.sha256(row.data) for row in rows}
        self.counts, self.names = self.undisturbed()
        self.outcomes = collections.Counter()
        self.kills = collections.Counter()

    def undisturbed(self):
        """How often each call is made, by the busiest thread: strace counts by thread."""
        machine = Machine(self.scene, self.point, "undisturbed", self.state)
        trace = self.scene.path("trace")
        done = machine.import_under(traced(CHANGES, "-o", trace))
        assert done.returncode == 0, done
        assert machine.seen.values() == NEW
        assert machine.documents() == self.documents
        with open(trace, errors="replace") as file:
            found = collections.Counter(re.findall(r"(?m)^(\d+) +(\w+)\(", file.read()))
        counts = collections.Counter()
        for (_, call), n in found.items():
            counts[call] = max(counts[call], n)
        return counts, machine.names()

    def kill(self, call, n):
        """One import that is killed as it enters the nth such call; whether it got so far."""
        machine = Machine(self.scene, self.point, "kill-%s-%d" % (call, n), self.state)
        done = machine.import_under(traced(
            [call], "-o", "/dev/null", "-e", "inject=%s:signal=KILL:when=%d" % (call, n)))
        killed = done.returncode in (-9, 137)
        assert killed or done.returncode == 0, "neither killed nor done: %s %d: %s" % (
            call, n, done)
        place = "after SIGKILL at %s %d: " % (call, n)
        values = machine.seen.values()
        assert values in (self.old, NEW), place + str(values)
        assert killed or values == NEW, place + "ended, and is not in force"
        machine.seen.fetch()
        assert machine.seen.values() == NEW, place + "not reached by the next fetch"
        left = machine.names() ^ self.names
        assert not left, place + "differs from an undisturbed import by %s" % sorted(left)
        machine.drop()
        if killed:
            self.outcomes["new" if values == NEW else "old"] += 1
            self.kills[call] += 1
        return killed

    def sweep(self, call):
        """The first, the second, ... until the import gets through."""
        n = 1
        while self.kill(call, n):
            n += 1
            assert n < MOST, call

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(self.sweep, sorted(self.counts, key=self.counts.get, reverse=True)))
        missed = {call: n for call, n in self.counts.items() if self.kills[call] < n}
        assert not missed, "kills %s, though the calls are %s" % (self.kills, self.counts)
        assert sum(self.kills.values()) >= 20, self.kills
        assert set(self.outcomes) == {"old", "new"}, self.outcomes


def check_needed(counts):
    missing = {call for call in NEEDED
               if call not in counts and call + "2" not in counts}
    assert not missing, "the import makes no %s: is it traced? %s" % (missing, counts)


@alone
@slow("over a hundred imports under strace")
def test_p3_killed_at_every_change(scene):
    """One policy changes, one appears, one vanishes; killed at every call."""
    can_trace()
    sweep = Sweep(scene, OLD)
    check_needed(sweep.counts.keys() | {"mkdirat"})
    sweep.run()


@alone
@slow("over a hundred imports under strace")
def test_p3_killed_at_first_import(scene):
    """The same on a machine that never had policy."""
    can_trace()
    sweep = Sweep(scene, {})
    check_needed(sweep.counts.keys() | {"unlinkat"})
    sweep.run()
