"""The local disk, row by row: full, failing, slow to say so; no source is blamed for it."""

import json
import os
import re
import subprocess
import time

import harness
from disk import SmallDisk
from harness import DP, Scene, alone, filler, slow, wait_until
from sweep import CHANGES, Sweep, Traced, can_trace, inject, legal, parts, record
from test_matrix_power import numbered

MIB = 1 << 20
DP_NAME = "dp1.contoso.test"


def blamed(result, *codes):
    """It ended because of the disk, and no distribution point is blamed."""
    assert result.code == 1, result
    assert result.json["error"]["blame"] == "disk", result
    assert DP_NAME not in result.message, result
    assert all(source["errors"] == [] for source in result.json["sources"]), result
    if codes:
        assert result.json["error"]["code"] in codes, result


def not_busy(server, content):
    """Nobody was asked over and over while the disk was full."""
    rows = server.requests()
    assert len(rows) <= 2 * len(content.rows), "%d requests" % len(rows)


# D1: get alone


def test_d1_full(scene):
    """A full disk ends the job, blames the disk and no DP; with space it goes on."""
    content = scene.content({"big.cab": filler(3000000, 1), "small.txt": b"small"})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    disk = SmallDisk(scene, 2 << 20)
    scene.cache = disk.point + "/cache"
    blamed(scene.get(prefix=disk.enter), "DISK_SPACE")
    assert nginx.requests() == [], "asked though there is no room"
    assert "PS100001.3" not in disk.shows("cache/DataLib")
    disk.grow(64 << 20)
    result = scene.get(prefix=disk.enter)
    assert result.code == 0, result
    assert "PS100001.3" in disk.shows("cache/DataLib")


def many(count):
    return {"f%03d" % i: b"%d" % i for i in range(count)}


def test_d1_no_inodes(scene):
    """Bytes enough, but no room for so many files: said before anything is asked for."""
    content = scene.content(many(100))
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    disk = SmallDisk(scene, 64 << 20, inodes=80)
    scene.cache = disk.point + "/cache"
    result = scene.get(prefix=disk.enter)
    blamed(result, "DISK_INODES")
    assert re.search(r"\d+", result.json["error"]["text"]), result
    assert nginx.requests() == [], "asked though there is no room"
    disk.remount("nr_inodes=4000")
    assert scene.get(prefix=disk.enter).code == 0


def test_d1_file_size_limit(scene):
    """A limit on the size of files ends the job, not the program; without it the job goes on from
    the limit."""
    content = scene.content({"big.cab": numbered(3 * MIB, 1), "small.txt": b"small"})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    result = scene.get(prefix=["prlimit", "--fsize=1000000"])
    blamed(result, "EFBIG")
    not_busy(nginx, content)
    kept = {os.path.getsize(path) for path in parts(scene).values()}
    assert max(kept) <= 1000000, kept
    legal(scene, content, {row[2]: content.files[row[0]] for row in content.rows})
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert result.json["bytesFromNetwork"] <= content.size - max(kept), (kept, str(result))


def test_d1_read_only(scene):
    """A file system that is read-only is called so; once it is writable the job goes on."""
    content = scene.content({"one.txt": b"one", "big.cab": filler(MIB, 1)})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    disk = SmallDisk(scene, 64 << 20)
    disk.run("mkdir", disk.point + "/cache")
    scene.cache = disk.point + "/cache"
    disk.remount("ro")
    result = scene.get(prefix=disk.enter)
    assert result.code == 1 and "Read-only" in result.message, result
    assert DP_NAME not in result.message, result
    assert nginx.requests() == []
    disk.remount("rw")
    assert scene.get(prefix=disk.enter).code == 0


WRITES = "write,pwrite64,writev,openat2,fallocate,mkdirat,linkat,renameat,renameat2,ftruncate"
# What a download cannot do without; the others it may, or not, by their meaning.
NEEDED = re.compile(r"^(p?write(64|v)?)\(\d+<[^>]*/Staging/[^>]*/[0-9A-F]{64}>")


def points_of(done, below, most):
    """(call, n) of calls that name something below these folders; at most so many a call."""
    found = {}
    for _, call, n, rest in done.calls():
        if re.search(below, rest):
            found.setdefault(call, set()).add(n)
    points = []
    for call, numbers in sorted(found.items()):
        numbers = sorted(numbers)
        step = max(1, -(-len(numbers) // most))
        points += [(call, n) for n in sorted({*numbers[::step], numbers[-1]})]
    return points


class Refused:
    """Error `code` from one call of a run: it ends with the disk's blame or, where the call was
    not needed, well. The next run completes it and fetches nothing that was kept."""

    def __init__(self, scene, code, calls=WRITES, most=12, again=0):
        can_trace()
        self.code, self.again, self.may_pass = code, again, False
        self.content = scene.content({"a/one.txt": b"one" * 400, "b/two.txt": b"two" * 800,
                                      "same.txt": b"one" * 400, "mid.bin": numbered(2 * MIB, 1)})
        self.sweep = Sweep(scene, self.content)
        self.calls = calls
        done = self.sweep.undisturbed(calls)
        self.points = points_of(done, r"/cache|Staging|FileLib|DataLib|/state", most)
        assert self.points, done.counts()

    def at(self, machine, point):
        call, n = point
        done = Traced(machine, [], self.calls, *inject(call, "error=" + self.code, n))
        where = "%s from %s %d: " % (self.code, call, n)
        assert done.code in (0, 1), where + str(done)
        struck = [line.split(" ", 1)[1].lstrip() for line in done.text().splitlines()
                  if "(INJECTED)" in line]
        if not struck:
            return "not reached"
        where = struck[0] + ": "
        # Where no link could be made the tree has a copy.
        machine.check_trees = lambda inodes: Scene.check_trees(machine, None)
        state, kept = legal(machine, self.content, self.sweep.data)
        if done.out.strip() and done.code == 1:
            found = json.loads(done.out)
            assert found["error"]["blame"] == "disk", where + str(done)
            assert all(source["errors"] == [] for source in found["sources"]), where + str(done)
        assert done.code == 1 or self.may_pass or not NEEDED.search(struck[0]), \
            where + "was not noticed"
        self.judge(done, struck, where)
        assert done.code == 1 or state == "complete" or "/logs" in struck[0], where + state
        after = machine.get()
        assert after.code == 0 and machine.has(self.content), where + str(after)
        again = after.json["bytesFromNetwork"] - (self.content.size_once - kept)
        assert again <= self.again, where + "%d bytes fetched again" % again
        return "ended" if done.code else "went on"

    def judge(self, done, struck, where):
        pass

    def run(self):
        self.content.size_once = sum(self.content.distinct.values())
        outcomes = self.sweep.run(self.at, self.points)
        print(self.code, dict(outcomes))
        struck = sum(outcomes.values()) - outcomes["not reached"]
        assert struck >= len(self.points) * 0.6, outcomes
        assert outcomes["ended"] >= 3 or self.may_pass, outcomes


@alone
@slow("a hundred runs under strace")
def test_d1_no_space_at_every_write(scene):
    """ENOSPC from every call that needs room, one a run."""
    Refused(scene, "ENOSPC").run()


def refused_by(code):
    def test(scene):
        Refused(scene, code, "write,pwrite64,openat2", 8).run()
    test.__doc__ = "%s from the calls that write files, one a run." % code
    return alone(test)


test_d1_quota = refused_by("EDQUOT")
test_d1_read_only_midway = refused_by("EROFS")
test_d1_too_big_midway = refused_by("EFBIG")


# D1, D4: a job that waits


class Waiting:
    """get --wait on a small disk; the test makes room."""

    def __init__(self, scene, files, size, inodes=None, behaviour="ok"):
        self.scene, self.content = scene, scene.content(files)
        self.server = scene.fault()
        scene.policy(self.content, [DP(DP_NAME, "%s/%s" % (self.server.url, behaviour))])
        self.disk = SmallDisk(scene, size, inodes)
        scene.cache = self.disk.point + "/cache"
        self.trace = scene.path("trace")

    def start(self):
        trace = ["strace", "-f", "-qq", "-o", self.trace, "-e", "trace=statfs,fstatfs"] \
            if harness.SCALE == 1 else []
        command = self.scene.command("get", "PS100001", "--json", "--wait", "5",
                                     *self.scene.MACHINE, *self.scene.places())
        self.process = subprocess.Popen(
            [*self.disk.enter, *trace, *command], env=self.scene.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.scene.folder)
        self.scene.keep(harness.Running(self.process))

    def state(self):
        try:
            found = record(self.scene)
        except (OSError, ValueError):
            return None
        return found and found["state"]

    def waits(self):
        wait_until(lambda: self.state() == "WaitingDisk" or self.process.poll() is not None, 30,
                   "WaitingDisk")
        if self.process.poll() is not None:
            raise AssertionError("it ended: %s" % (self.process.communicate(),))
        wait_until(lambda: "WaitingDisk" in self.scene.log_text(), 5, "the log's word of it")
        return len(self.server.asked())

    def goes_on(self):
        """Room was made: it ends well by itself, after the first look; no DP is blamed, no one was
        asked too often."""
        start = time.monotonic()
        out, err = self.process.communicate(timeout=60)
        seconds = time.monotonic() - start
        assert self.process.returncode == 0, (out, err)
        found = json.loads(out)
        assert found["result"] == "ok", found
        assert seconds < 15, "went on %.0f s after there was room" % seconds
        assert all(source["errors"] == [] for source in found["sources"]), found
        assert self.content.folder in self.disk.shows("cache/DataLib")
        if os.path.exists(self.trace):
            with open(self.trace) as file:
                looks = file.read().count("statfs(")
            assert 1 <= looks <= 12, "%d looks at the disk" % looks
        return found


@slow("a waiting job looks at the disk again after five seconds")
def test_d1_waits_for_space(scene):
    """get --wait on a full disk: WaitingDisk, said in record and log, nobody asked; with room it
    goes on by itself."""
    job = Waiting(scene, {"big.cab": filler(3000000, 1), "small.txt": b"small"}, 2 << 20)
    job.start()
    assert job.waits() == 0, job.server.asked()
    job.disk.grow(64 << 20)
    job.goes_on()
    assert len(job.server.asked()) == 2, job.server.asked()


@slow("a waiting job looks at the disk again after five seconds")
def test_d1_waits_for_inodes(scene):
    """The same where only inodes are wanting."""
    job = Waiting(scene, many(100), 64 << 20, inodes=80)
    job.start()
    assert job.waits() == 0, job.server.asked()
    job.disk.remount("nr_inodes=4000")
    job.goes_on()
    assert len(job.server.asked()) == 100


# D4


def started_and_filled(scene, fill, count):
    content = scene.content({"f%02d" % i: numbered(4000000 // count, i) for i in range(count)})
    server = scene.fault()
    scene.policy(content, [DP(DP_NAME, server.url + "/slow")])
    disk = SmallDisk(scene, 6 << 20, inodes=100)
    scene.cache = disk.point + "/cache"
    command = scene.command("get", "PS100001", "--json", *scene.MACHINE, *scene.places())
    process = subprocess.Popen([*disk.enter, *command], env=scene.environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=scene.folder)
    scene.keep(harness.Running(process))
    assert server.wait(lambda s: s.body_bytes > 500000)
    fill(disk)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and '"disk"' in out and DP_NAME not in err, (out, err)
    assert all(source["errors"] == [] for source in json.loads(out)["sources"]), out
    assert 0.05 < server.body_bytes / content.size < 0.95, "filled too late"
    assert len(server.asked()) <= 40, "asked %d times" % len(server.asked())
    return content, server, disk


def test_d4_space_gone_midway(scene):
    """Space that is there at the start and gone midway: the disk is blamed all the same, and the
    next run goes on from what is there."""
    content, server, disk = started_and_filled(scene, lambda disk: disk.fill(), 4)
    sent = server.body_bytes
    disk.free()
    result = scene.get(prefix=disk.enter)
    assert result.code == 0, result
    assert result.json["bytesFromNetwork"] < content.size, (sent, str(result))


def test_d4_inodes_gone_midway(scene):
    """The same with inodes."""
    _, _, disk = started_and_filled(scene, lambda disk: disk.take_inodes(), 20)
    disk.free()
    assert scene.get(prefix=disk.enter).code == 0


@slow("a waiting job looks at the disk again after five seconds")
def test_d4_waits_midway(scene):
    """A job that waits and loses its room midway: WaitingDisk, and no byte that was written is
    fetched again."""
    job = Waiting(scene, {"f%02d" % i: numbered(1000000, i) for i in range(4)}, 6 << 20,
                  behaviour="slow")
    job.start()
    assert job.server.wait(lambda s: s.body_bytes > 500000)
    job.disk.fill()
    asked = job.waits()
    assert 0.05 < job.server.body_bytes / job.content.size < 0.95, "filled too late"
    job.disk.free()
    job.goes_on()
    assert len(job.server.asked()) <= asked + 20, (asked, len(job.server.asked()))


# D3


class Broken(Refused):
    """EIO: nothing that was refused by a sync is believed again."""

    def judge(self, done, struck, where):
        found = re.match(r"(fsync|syncfs|fdatasync)\((\d+<[^>]*>)", struck[0])
        if not found:
            return
        after = done.text().split("(INJECTED)", 1)[1]
        # The state folder's own sync is another matter: the next save is a new file.
        if "/state" not in found[2]:
            assert "%s(%s" % (found[1], found[2]) not in after, where + "it was tried again"
        assert done.code == 1, where + "was not noticed"


@alone
@slow("a hundred runs under strace")
def test_d3_input_output_error(scene):
    """EIO from every call that changes a file, or makes it durable: it ends with the disk's blame,
    or did not need that call."""
    # After a failed sync everything is fetched again.
    Broken(scene, "EIO", CHANGES, 12, again=1 << 40).run()


def test_d3_close_fails(scene):
    """EIO from closing a part: it ends with the disk's blame, or what was written is verified."""
    can_trace()
    content = scene.content({"mid.bin": numbered(2 * MIB, 1)})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    path = os.path.join(scene.cache, "Staging", content.folder, content.rows[0][2])
    done = Traced(scene, [], "close", "-P", path, *inject("close", "error=EIO", "1+"))
    assert done.injected(), done
    assert done.code == 0 or json.loads(done.out)["error"]["blame"] == "disk", done
    legal(scene, content, {content.rows[0][2]: content.files["mid.bin"]})
    assert scene.get().code == 0


def test_d3_failed_sync_is_not_believed(scene):
    """A sync that fails fails the job, is not tried again, and the next run fetches all anew."""
    can_trace()
    content = scene.content({"one.txt": b"one" * 400, "mid.bin": numbered(MIB, 1)})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    done = Traced(scene, [], "syncfs", *inject("syncfs", "error=EIO", "1+"))
    assert done.code == 1 and done.injected() == 1, done
    found = json.loads(done.out)["error"]
    assert found["blame"] == "disk" and found["code"] == "EIO", found
    assert not scene.has(content)
    asked = len(nginx.requests())
    result = scene.get()
    assert result.code == 0, result
    again = nginx.requests()[asked:]
    assert sum(row["bytes"] for row in again) == content.size, again


@alone
def test_d3_interrupted_calls(scene):
    """EINTR from every call that changes a file: gone on with, or ended; never half."""
    refused = Refused(scene, "EINTR", CHANGES, 8, again=1 << 40)
    refused.may_pass = True
    refused.run()


def test_d3_short_write(scene):
    """A write of which the disk takes a part only: the next run goes on at that very byte."""
    content = scene.content({"big.cab": numbered(3 * MIB, 1)})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    limit = 1234567  # in the middle of any write
    result = scene.get(prefix=["prlimit", "--fsize=%d" % limit])
    assert result.code == 1, result
    (path,) = parts(scene).values()
    assert os.path.getsize(path) == limit, os.path.getsize(path)
    result = scene.get()
    assert result.code == 0, result
    assert nginx.requests()[-1]["range"] == "bytes=%d-" % limit, nginx.requests()
