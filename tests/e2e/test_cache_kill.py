"""SIGKILL at calls that change a file while the cache is trimmed, emptied, repaired and filled: what
is in sight is whole, and the next run completes. `make torture` does it at every call."""

import os
import shutil
import subprocess

import harness
from contentlib import Library
from harness import DP, filler, slow, torture
from sweep import CHANGES, Traced, can_trace, inject, twin
from test_cache import estate, tree_of, used_long_ago
from test_cache_verify import flip

# What is opened changes nothing here that another call does not change.
CALLS = ",".join(call for call in CHANGES.split(",") if call != "openat2") + ",utimensat,flock"


def contents_of(scene):
    shared = filler(70000, 1)
    return [scene.content({"a": shared, "sub/b": filler(3000 + i, 10 + i), "empty": b""},
                          "PS10000%d" % i, 1) for i in (1, 2, 3)]


def copy_cache(scene, name):
    """A machine with the same cache, links kept."""
    machine = twin(scene, name)
    subprocess.run(["cp", "-a", scene.cache, machine.cache], check=True)
    return machine


class Kills:
    """`words` is run on a copy of the scene's cache, killed at one call after the other; `most`: at
    so many of them."""

    def __init__(self, scene, most, *words):
        can_trace()
        self.scene, self.words, self.most = scene, [*words, "--json"], most
        self.killed = self.number = 0

    def begin(self):
        self.number += 1
        return copy_cache(self.scene, "point%d" % self.number)

    def traced(self, machine, *options):
        return Traced(machine, [], CALLS, *options, words=self.words)

    def undisturbed(self, code=0):
        machine = self.begin()
        done = self.traced(machine)
        assert done.code == code, done
        return machine, [(call, n) for call, most in sorted(done.counts().items())
                         for n in range(1, most + 1)]

    def run(self, points, look, complete):
        if self.most:
            points = points[::-(-len(points) // self.most)]
        for call, n in points:
            machine = self.begin()
            done = self.traced(machine, *inject(call, "signal=KILL", n))
            if not done.killed:
                # Threads share the work anew in each run: the call came on another one.
                assert done.code in (0, 1), done
                continue
            self.killed += 1
            look(machine)
            complete(machine)
            shutil.rmtree(machine.folder)
        print("%d points, %d killed" % (len(points), self.killed))
        assert self.killed >= len(points) * 2 // 3, "the faults were not reached"


def run(scene, *words):
    result = scene.run("cache", *words, "--json", *scene.MACHINE, *scene.places())
    assert result.code == 0, result
    return result.json


def names_in(scene, room):
    return sorted(os.listdir(os.path.join(scene.cache, room)))


def state_of(scene):
    """All that the library holds, by name."""
    found = set()
    for folder, _, names in os.walk(scene.cache):
        found.update(os.path.relpath(os.path.join(folder, name), scene.cache) for name in names)
    return found


def trim(scene, most):
    estate(scene, contents_of(scene), CacheTombstoneContentMinDuration=0, MaxCacheSizeMB=1)
    for i in (1, 2, 3):
        assert scene.get("PS10000%d" % i).code == 0
    used_long_ago(scene, "PS100001.1", 2)
    used_long_ago(scene, "PS100002.1", 1)
    os.makedirs(os.path.join(scene.cache, "FileLib/AA"), exist_ok=True)
    size = harness.shutil.disk_usage(scene.folder).total
    free = harness.shutil.disk_usage(scene.folder).free
    # More than is free: all that may go goes.
    scene.settings(minFreeMegabytes=free // (1 << 20) + size // (1 << 20))
    kills = Kills(scene, most, "cache", "trim")
    machine, points = kills.undisturbed(code=1)
    assert names_in(machine, "DataLib") == [] and names_in(machine, "PkgLib") == []

    def complete(machine):
        result = machine.run("cache", "trim", "--json", *machine.MACHINE, *machine.places())
        assert result.code == 1 and "DISK_SPACE" not in result.out, result
        assert names_in(machine, "DataLib") == [], "not completed"
        assert names_in(machine, "PkgLib") == [] and names_in(machine, "Staging") == []
        assert not any(name.startswith("FileLib") for name in state_of(machine))

    kills.run(points, lambda machine: machine.check_cache(), complete)


def remove(scene, most):
    """The other contents, which share a file with it, are whole all the time."""
    estate(scene, contents_of(scene), CacheTombstoneContentMinDuration=0)
    for i in (1, 2, 3):
        assert scene.get("PS10000%d" % i).code == 0
    kills = Kills(scene, most, "cache", "remove", "PS100002")
    machine, points = kills.undisturbed()
    wanted = state_of(machine)

    def look(machine):
        machine.check_cache()
        assert {"PS100001.1", "PS100003.1"} <= set(names_in(machine, "DataLib"))

    def complete(machine):
        if os.path.isdir(tree_of(machine, "PS100002.1")):
            run(machine, "remove", "PS100002")
        run(machine, "trim")
        assert state_of(machine) == wanted, state_of(machine) ^ wanted

    kills.run(points, look, complete)


def repair(scene, most):
    """A file that was not damaged is right all the time; in the end all are."""
    nginx = estate(scene, contents_of(scene))
    for i in (1, 2, 3):
        assert scene.get("PS10000%d" % i).code == 0
    flip(tree_of(scene, "PS100001.1") + "/a", 5)  # of all three
    flip(tree_of(scene, "PS100002.1") + "/sub/b", 7)
    kills = Kills(scene, most, "cache", "repair")
    machine, points = kills.undisturbed()
    machine.check_cache()
    wanted = state_of(machine)
    damaged = {"a", "sub/b"}

    def look(machine):
        for content in machine.contents.values():
            for name, _, digest in content.rows:
                path = os.path.join(tree_of(machine, content.folder), name)
                assert name in damaged or harness.sha256_file(path) == digest, path

    def complete(machine):
        run(machine, "repair")
        machine.check_cache()
        assert run(machine, "verify")["bad"] == []
        run(machine, "trim")
        assert state_of(machine) == wanted, state_of(machine) ^ wanted

    assert nginx.lines() > 0
    kills.run(points, look, complete)


def publish_of_what_is_there(scene, most):
    """A new version whose files the library has all but one: linked in one sweep, or not in sight."""
    old = scene.content({"f%d" % i: filler(500 + i, i) for i in range(6)}, version=3)
    estate(scene, [old])
    assert scene.get().code == 0
    new = scene.content({**{"sub/f%d" % i: filler(500 + i, i) for i in range(6)}, "new": b"new"},
                        version=4)
    nginx = scene.nginx()
    scene.policy(new, [DP("dp1.contoso.test", nginx.url)])
    kills = Kills(scene, most, "get", "PS100001")
    machine, points = kills.undisturbed()
    machine.check_cache()
    wanted = state_of(machine)

    def complete(machine):
        result = machine.get()
        assert result.code == 0, result
        run(machine, "trim")
        assert state_of(machine) == wanted, state_of(machine) ^ wanted

    kills.run(points, lambda machine: machine.check_cache(), complete)


def import_library(scene, most):
    """Nothing of it is in sight before all of it is."""
    files = {"a": filler(70000, 1), "sub/b": filler(3000, 2), "sub/again": filler(70000, 1),
             "empty": b""}
    content = scene.content(files, version=3)
    scene.policy(content, [DP("dp1.contoso.test", "http://127.0.0.1:1/SMS_DP_SMSPKG$")])
    scene.limit_cache(CacheTombstoneContentMinDuration=0)
    os.makedirs(scene.cache)
    folder = scene.path("usb")
    Library(folder).add("PS100001", 3, files)
    kills = Kills(scene, most, "cache", "import", folder)
    machine, points = kills.undisturbed()
    assert machine.has(content)
    wanted = state_of(machine)

    def complete(machine):
        run(machine, "import", folder)
        run(machine, "trim")
        assert state_of(machine) == wanted, state_of(machine) ^ wanted

    kills.run(points, lambda machine: machine.check_cache(), complete)


MOST = 30


def test_trim(scene):
    trim(scene, MOST)


def test_remove(scene):
    remove(scene, MOST)


def test_repair(scene):
    repair(scene, MOST)


def test_publish_of_what_is_there(scene):
    publish_of_what_is_there(scene, MOST)


def test_import(scene):
    import_library(scene, MOST)


@torture
def test_import_at_every_call(scene):
    import_library(scene, None)


@torture
def test_trim_at_every_call(scene):
    trim(scene, None)


@torture
def test_remove_at_every_call(scene):
    remove(scene, None)


@torture
@slow("a run under strace for every call that changes a file")
def test_repair_at_every_call(scene):
    repair(scene, None)


@torture
@slow("a run under strace for every call that changes a file")
def test_publish_at_every_call(scene):
    publish_of_what_is_there(scene, None)
