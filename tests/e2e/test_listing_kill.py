"""SIGKILL of a get that knows its content by the folder hash alone."""

import collections
import hashlib
import os

import dav
from folder_hash import folder_hash, folder_hash_of
from harness import DP, alone, sha256, slow
from sweep import (LANES, Sweep, Traced, can_trace, inject, library, parts, twin,
                   unfinished)
from test_matrix_power import check_reached, every, numbered

FOLDERS = ["a/empty", "nothing"]


def keys_of(content, url):
    """What a part is called: by its source, name and length, as no digest is known."""
    place = "%s/%s" % (url, content.id)
    return {hashlib.sha256(("%s\n%s\n%d" % (place, name, len(data))).encode()).hexdigest().upper():
            data for name, data in content.files.items()}


class HashedSweep(Sweep):
    def __init__(self, scene, content, value):
        self.scene, self.content, self.outcomes = scene, content, collections.Counter()
        self.lanes = []
        for number in range(LANES):
            lane = twin(scene, "lane%d" % number)
            server = dav.NginxDav(scene)
            lane.keys = keys_of(content, server.url)
            lane.policy(content, [DP("dp.contoso.test", server.url)], hashes={content.id: value})
            self.lanes.append(lane)


def kept_by(machine, content, value):
    """One of the legal states, and how many bytes the next run has."""
    machine.check_cache()
    if machine.has(content):
        assert folder_hash_of(machine.cache + "/DataLib/" + content.folder) == value
        return "complete", content.size
    kept, begun, moved = 0, parts(machine), library(machine)
    for key, data in machine.keys.items():
        if key not in begun:
            kept += len(data) if sha256(data) in moved else 0
            continue
        with open(begun[key], "rb") as file:
            have = file.read()
        assert data.startswith(have), "other bytes: " + begun[key]
        kept += len(have)
    return ("partial" if kept else "absent"), kept


def killed_and_again(content, value):
    def at(machine, point):
        call, n = point
        killed = Traced(machine, [], call, *inject(call, "signal=KILL", n)).killed
        state, kept = kept_by(machine, content, value)
        where = "after SIGKILL at %s %d (%s, %d bytes kept): " % (call, n, state, kept)
        after = machine.get()
        assert after.code == 0 and kept_by(machine, content, value)[0] == "complete", where + str(
            after)
        again = after.json["bytesFromNetwork"] - (content.size - kept)
        assert again <= 0, where + "%d bytes fetched again" % again
        assert not parts(machine) and not unfinished(machine), where + "something is left"
        return state if killed else "not reached"
    return at


@alone
@slow("over a hundred runs under strace")
def test_killed_at_every_change(scene):
    """At every call that changes a file: nothing unproven is visible, nothing kept is fetched
    again, and the next run completes."""
    can_trace()
    content = scene.content({"a/one.txt": b"one" * 400, "a/two.txt": b"two" * 800,
                             "same.txt": b"one" * 400, "empty": b"", "mid.bin": numbered(1 << 20, 1)})
    for name in FOLDERS:
        os.makedirs(os.path.join(scene.www, content.id, name))
    value = folder_hash(content.files, FOLDERS)
    sweep = HashedSweep(scene, content, value)
    points = every(sweep.undisturbed().counts(), 20)
    assert len(points) > 40, points
    check_reached(sweep.run(killed_and_again(content, value), points), points)
