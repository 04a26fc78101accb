"""Losing power or being killed, row by row: SIGKILL at every file-changing call, at every save, at
random instants; SIGTERM at random instants; files as a crash leaves them.

The legal states are: absent, partial with a valid record, complete and verified.
"""

import json
import os
import random
import re
import signal
import time

import harness
from harness import DP, SCALE, alone, filler, slow, torture, wait_until
from sweep import (CHANGES, Sweep, Traced, bytes_of, can_trace, claims, inject, legal, library,
                   parts, record, stray, unfinished)

MIB = 1 << 20
LARGE = 24 * MIB  # comes in blocks where two sources are near
SEED = int(os.environ.get("NEARPOINT_TEST_SEED", "20100"))


def numbered(size, seed):
    """Bytes of which no two blocks are alike, so that none can stand in for another."""
    blocks = (b"%016d" % (seed * 1000000 + i) + filler(65520, seed) for i in range(-(-size >> 16)))
    return b"".join(blocks)[:size]


# P1


def every(counts, most):
    """Points (call, n); `most` of each call, the first and the last among them."""
    points = []
    for call in sorted(counts):
        count = counts[call]
        step = max(1, -(-count // most))
        points += [(call, n) for n in sorted({*range(1, count + 1, step), count})]
    return points


def killed_and_again(content, data, moving):
    """Judges a kill at one call, and the run after it. `moving`: bytes that may be under way."""
    def at(machine, point):
        call, n = point
        killed = Traced(machine, [], call, *inject(call, "signal=KILL", n)).killed
        state, kept = legal(machine, content, data)
        if any(os.path.exists(path + ".ahead") for path in parts(machine).values()):
            state = "ahead"
        after = machine.get()
        where = "after SIGKILL at %s %d (%s, %d bytes kept): " % (call, n, state, kept)
        assert after.code == 0 and machine.has(content), where + str(after)
        again = after.json["bytesFromNetwork"] - (sum(content.distinct.values()) - kept)
        assert again <= moving, where + "%d bytes fetched again" % again
        legal(machine, content, data)
        assert not parts(machine), where + "parts are left"
        assert not unfinished(machine), where + "stay %s" % unfinished(machine)
        return state if killed else "not reached"
    return at


def check_reached(outcomes, points):
    print(dict(outcomes))
    reached = sum(outcomes.values()) - outcomes["not reached"]
    # Which thread makes a call differs from run to run.
    assert reached > len(points) * 0.6, "%d of %d kills: %s" % (reached, len(points), outcomes)
    assert outcomes["absent"] and outcomes["partial"] + outcomes["ahead"], outcomes


@alone
@slow("over a hundred runs under strace")
def test_p1_killed_at_every_change(scene):
    """SIGKILL at every call that changes a file, of a small download: the next run completes it
    and fetches nothing that was kept."""
    can_trace()
    content = scene.content({"a/one.txt": b"one" * 400, "a/two.txt": b"two" * 800,
                             "same.txt": b"one" * 400, "empty": b"", "mid.bin": numbered(MIB, 1)})
    sweep = Sweep(scene, content)
    counts = sweep.undisturbed().counts()
    missing = {"write", "openat2", "fsync", "linkat", "mkdirat"} - counts.keys()
    assert not missing, "the download makes no %s: %s" % (missing, counts)
    points = every(counts, 20)
    assert len(points) > 40, points
    check_reached(sweep.run(killed_and_again(content, sweep.data, 0), points), points)


def killed_in_blocks(scene, most):
    can_trace()
    # Small files take the connections that the nearest has for a job, so that the other gets some.
    files = {"f%02d" % i: numbered(60000, 80 + i) for i in range(12)}
    content = scene.content({"big.wim": numbered(LARGE, 2), **files})
    sweep = Sweep(scene, content, servers=2)
    counts = sweep.undisturbed().counts()
    points = every(counts, most)
    outcomes = sweep.run(killed_and_again(content, sweep.data, 0), points)
    check_reached(outcomes, points)
    assert outcomes["ahead"] >= 5, "nothing lay ahead: %s" % outcomes
    for lane in sweep.lanes:
        assert all(server.requests() for server in lane.servers), "only one source was asked"


@alone
@slow("some sixty runs of 24 MiB under strace")
def test_p1_killed_in_blocks(scene):
    """The same while a large file comes in blocks from two distribution points: its record of what
    lies ahead never claims more than is there."""
    killed_in_blocks(scene, 6)


@torture
@alone
@slow("two hundred runs under strace")
def test_p1_killed_in_blocks_everywhere(scene):
    """The same at up to 60 calls of each kind."""
    killed_in_blocks(scene, 60)


# P2


def saves_of(done):
    """Points at which the state folder is changed."""
    return sorted({(call, n) for _, call, n, rest in done.calls()
                   if re.search(r"/state(/jobs)?>|/state/jobs/|jobs", rest.split(") =")[0])})


@alone
def test_p2_killed_at_every_save(scene):
    """SIGKILL at every call of every save of the job's record: the old or the new one can be read,
    and what was left half written is gone after the next start."""
    can_trace()
    content = scene.content({"one.txt": b"one" * 400, "two.txt": b"two" * 800})
    sweep = Sweep(scene, content)
    calls = CHANGES + ",openat,rename"
    points = saves_of(sweep.undisturbed(calls))
    assert len(points) >= 10, points
    seen = set()

    def at(machine, point):
        call, n = point
        done = Traced(machine, [], calls, *inject(call, "signal=KILL", n))
        last = done.text().rstrip().rsplit("\n", 2)
        left = record(machine) if os.path.isdir(machine.path("state")) else None
        seen.add(left["state"] if left else None)
        state, _ = legal(machine, content, sweep.data)
        after = machine.get()
        where = "after SIGKILL at %s %d: " % point
        assert after.code == 0 and machine.has(content), where + str(after)
        if left and state != "complete":
            assert after.json["job"] == left["job"], where + "another job: " + str(after)
        names = stray(machine)
        if state == "complete":  # no job was needed, and so none has ended
            names = [name for name in names if not name.endswith("/PS100001.3.json")]
        assert not names, where + "stay %s" % names
        return "in a save" if done.killed and "/state" in " ".join(last) else "elsewhere"

    outcomes = sweep.run(at, points)
    print(dict(outcomes), seen)
    assert outcomes["in a save"] >= len(points) // 2, outcomes
    assert {None, "RequestedLocations"} <= seen and len(seen) >= 3, seen


# P4


@alone
def test_p4_killed_between_verify_and_publish(scene):
    """SIGKILL at every rename, link, removal and sync: what was whole by then is found by its
    digest, and the server is not asked for it again."""
    can_trace()
    content = scene.content({"one.bin": numbered(MIB, 1), "two.txt": b"two" * 800})
    sweep = Sweep(scene, content)
    wanted = "rename,renameat,renameat2,linkat,unlinkat,syncfs,fsync"
    points = every(sweep.undisturbed(wanted).counts(), 30)

    def at(machine, point):
        call, n = point
        killed = Traced(machine, [], wanted, *inject(call, "signal=KILL", n)).killed
        state, kept = legal(machine, content, sweep.data)
        before = len(machine.servers[0].requests())
        after = machine.get()
        assert after.code == 0 and machine.has(content), "%s %d: %s" % (call, n, after)
        asked = machine.servers[0].requests()[before:]
        if kept < content.size:
            return "not all there"
        assert not asked, "all was there after SIGKILL at %s %d: %s" % (call, n, asked)
        assert after.json["bytesFromNetwork"] == 0, after
        return ("published" if state == "complete" else "whole") if killed else "not reached"

    outcomes = sweep.run(at, points)
    print(dict(outcomes))
    assert outcomes["whole"] >= 3 and outcomes["published"] >= 2, outcomes


EVENTS = [
    ("sync", r"syncfs\("),
    ("bytes", r"p?write(?:64|v)?\(\d+<[^>]*/Staging/[^>]*/[0-9A-F]{64}>"),
    ("library", r"rename\w*\(.*<[^>]*/FileLib/"),
    ("record", r"rename\w*\(.*<[^>]*/DataLib>, \"PS100001.3.INI\""),
    ("tree", r"rename\w*\(.*<[^>]*/DataLib>, \"PS100001.3\""),
    ("job", r"rename\w*\(.*<[^>]*/state/jobs>, \"PS100001.3.json\""),
    ("job's folder", r"fsync\(\d+<[^>]*/state/jobs>"),
]


def events(traced):
    found = []
    for _, call, _, rest in traced.calls():
        found += [name for name, pattern in EVENTS if re.match(pattern, call + rest)]
    return found


def between(found, first, last):
    """What happened after the last `first` and before the first `last` that follows it."""
    start = len(found) - found[::-1].index(first)
    return found[start:found.index(last, start)]


def synced_run(scene, *flags):
    can_trace()
    content = scene.content({"one.bin": numbered(2 * MIB, 1), "d/two.txt": b"two" * 800})
    scene.policy(content, [DP("dp.contoso.test", scene.nginx().url)])
    done = Traced(scene, flags, "renameat,renameat2,rename,syncfs,fsync,write,pwrite64,pwritev")
    assert done.code == 0 and scene.has(content), done
    found = events(done)
    print(found)
    assert "bytes" in found and "tree" in found and "job" in found, done.text()[-4000:]
    return found


def test_p4_order_of_syncs(scene):
    """Bytes are on the disk before a name stands for them, names before the content's, and that
    before the job is over."""
    found = synced_run(scene)
    assert "sync" in between(found, "bytes", "library"), found
    assert "sync" in between(found, "library", "tree"), found
    assert "sync" in between(found, "record", "tree"), found
    assert "sync" in found[found.index("tree"):], found


def test_p4_order_without_syncs(scene):
    """The twin: --no-sync waits for no disk."""
    assert "sync" not in synced_run(scene, "--no-sync")


def test_p2_order_of_saves(scene):
    """A job's record is durable, its folder too, before its state is acted on; a content's before its
    tree is in sight."""
    found = synced_run(scene)
    for at, event in enumerate(found):
        assert event != "job" or found[at + 1] == "job's folder", (at, found)
    assert found.count("job") >= 2 and found.index("job's folder") < found.index("bytes"), found
    at = found.index("record")
    assert found[at + 1] == "sync" and found.index("tree") > at + 1, (at, found)


# P5


def on_disk(scene, content):
    """Bytes of the content that stand in FileLib or in Staging, as far as lengths tell."""
    kept = sum(content.distinct.get(name, 0) for name in library(scene))
    for path in parts(scene).values():
        try:
            kept += sum(end - start for start, end in claims(path))
        except OSError:
            pass
    return kept


def terminated(scene, content, data, reached, seed):
    """One run that gets SIGTERM; whether it was still running."""
    process = scene.start()
    wait_until(lambda: reached() or process.poll() is not None, 60, "the instant")
    start = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    seconds = time.monotonic() - start
    if process.returncode == 0:
        return False
    what = "seed %d: " % seed
    assert process.returncode == 1, what + "exit %d: %s" % (process.returncode, err)
    assert seconds < 2 * max(1, SCALE // 2), what + "%.1f s after SIGTERM" % seconds
    assert json.loads(out)["result"] == "failed", what + out.decode()
    legal(scene, content, data)
    return True


def sigterm_chain(scene, seed, stops):
    """A job that gets SIGTERM at so many random instants, then completes."""
    print("seed %d" % seed)
    dice = random.Random(seed)
    files = {"f%02d" % i: numbered(dice.randrange(1, 300000), seed * 100 + i) for i in range(30)}
    files["big.bin"] = numbered(8 * MIB, seed)
    content = scene.content(files)
    data = bytes_of(content)
    nginx = scene.nginx(limit_rate="16m")
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    instants = sorted(dice.uniform(0.02, 0.98) * content.size for _ in range(stops))
    reached, kept, cut = 0, 0, False
    big = next(row[2] for row in content.rows if row[0] == "big.bin")
    for instant in instants:
        before = kept
        if not terminated(scene, content, data, lambda: on_disk(scene, content) >= instant and
                          os.path.exists(scene.path("state/jobs/PS100001.3.json")), seed):
            break
        kept = on_disk(scene, content)
        assert kept >= before, "seed %d: %d bytes, there were %d" % (seed, kept, before)
        part = parts(scene).get(big)
        cut = cut or part and 0 < os.path.getsize(part) < content.distinct[big]
        record(scene)
        assert not [name for name in stray(scene) if name.endswith(".tmp")], "half a record"
        reached += content.size * 0.05 < kept < content.size * 0.95
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert result.json["bytesFromNetwork"] <= content.size - kept, (seed, kept, result)
    rows = nginx.requests()
    sent = sum(row["bytes"] for row in rows)
    ranges = [row for row in rows if row["path"].endswith("/big.bin") and row["range"] != "-"]
    assert all(row["ifRange"] != "-" for row in ranges), "seed %d: %s" % (seed, ranges)
    assert ranges or not cut, "seed %d: no range was asked for" % seed
    print("%d of %d instants between 5 and 95 %%; %d bytes sent, %d needed"
          % (reached, stops, sent, content.size))
    assert reached >= stops // 2, "seed %d: %d of %d" % (seed, reached, stops)
    # Under way at a SIGTERM: what the sockets of eight connections held.
    assert sent <= content.size + stops * 8 * 2 * MIB, (sent, content.size)
    return reached


@alone
@slow("forty runs, each of which ends at its instant")
def test_p5_sigterm_at_random_instants(scene):
    """SIGTERM at 40 random instants: it ends within 2 s, the parts and their records are kept, and
    the next run asks for the rest only."""
    sigterm_chain(scene, SEED, 40 // min(SCALE, 4))


@torture
@alone
def test_p5_sigterm_200_seeds(scene):
    """The same with 200 seeds, of five instants each."""
    for seed in range(SEED + 1, SEED + 201):
        one = harness.Scene()
        try:
            sigterm_chain(one, seed, 5)
        finally:
            one.close()


# P7


class Crashed:
    """A job killed in its middle; files as a loss of power may have left them come next."""

    def __init__(self, scene, servers=1):
        self.scene = scene
        self.files = {"big.wim": numbered(LARGE, 5)}
        self.files.update({"f%02d" % i: numbered(100000, 50 + i) for i in range(20)})
        self.content = scene.content(self.files)
        self.big = self.content.rows[0][2]
        self.data = bytes_of(self.content)
        self.servers = [scene.nginx(limit_rate="12m") for _ in range(servers)]
        scene.policy(self.content, [DP("dp%d.contoso.test" % i, server.url)
                                    for i, server in enumerate(self.servers)])

    def kill(self, reached):
        process = self.scene.start()
        wait_until(lambda: reached() or process.poll() is not None, 60, "the instant")
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, err.decode()
        kept = on_disk(self.scene, self.content)
        assert self.content.size * 0.05 < kept < self.content.size * 0.95, kept
        for server in self.servers:
            server.requests()

    def kill_in_big(self):
        """Returns the path of the large file's part."""
        def reached():
            there = parts(self.scene)
            return self.big in there and len(there) >= 3 and \
                sum(end - start for start, end in claims(there[self.big])) > 4 * MIB
        self.kill(reached)
        return parts(self.scene)[self.big]

    def asked(self, name="big.wim"):
        return [row for server in self.servers for row in server.requests()
                if row["path"].endswith("/" + name)]

    def recovers(self, most=None):
        """The next run completes it; `most` bytes may come from the network."""
        result = self.scene.get()
        assert result.code == 0 and self.scene.has(self.content), result
        if most is not None:
            assert result.json["bytesFromNetwork"] <= most, (most, str(result))
        assert not parts(self.scene)
        return result


def overwrite(path, at, data):
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def test_p7_tail_zeroed(scene):
    """The last 64 KiB of a part were never written out and read as zeroes: the digest rejects the
    file, and it is fetched again."""
    crash = Crashed(scene)
    path = crash.kill_in_big()
    end = os.path.getsize(path)
    overwrite(path, end - 65536, bytes(65536))
    before = len(crash.asked())
    crash.recovers()
    again = crash.asked()[before:]
    assert again[0]["range"] == "bytes=%d-" % end, again
    assert sum(row["bytes"] for row in again) >= LARGE, "it was not fetched again"


def test_p7_tail_truncated(scene):
    """The last bytes of a part are gone: the rest is gone on with from where it ends."""
    crash = Crashed(scene)
    path = crash.kill_in_big()
    end = os.path.getsize(path) // 2
    os.truncate(path, end)
    before = len(crash.asked())
    crash.recovers(crash.content.size - on_disk(scene, crash.content))
    assert crash.asked()[before]["range"] == "bytes=%d-" % end


def test_p7_empty_part(scene):
    """Only the name of a part is left."""
    crash = Crashed(scene)
    path = crash.kill_in_big()
    os.truncate(path, 0)
    crash.recovers(crash.content.size - on_disk(scene, crash.content))


def test_p7_record_lost(scene):
    """The job's record is lost: its parts are gone on with by another job."""
    crash = Crashed(scene)
    crash.kill_in_big()
    lost = record(scene)
    assert lost
    os.unlink(scene.path("state/jobs/PS100001.3.json"))
    result = crash.recovers(crash.content.size - on_disk(scene, crash.content))
    assert result.json["job"] != lost["job"]


def damaged(scene, crash, digest, path, damage):
    """Of this one file nothing but the name can be believed: it alone is fetched again."""
    damage(path)
    (name,) = [name for name, _, other in crash.content.rows if other == digest]
    before = len(crash.asked(name))
    crash.recovers()
    again = crash.asked(name)[before:]
    size = crash.content.distinct[digest]
    assert sum(row["bytes"] for row in again) >= size and len(again) <= 2, again
    assert len(crash.asked("big.wim")) <= before + 2


def zeroed(path):
    overwrite(path, 0, bytes(os.path.getsize(path)))


def test_p7_whole_part_zeroed(scene):
    """A part that was whole has its length, and zeroes for bytes."""
    crash = Crashed(scene)
    crash.kill_in_big()
    digest, path = next((digest, path) for digest, path in sorted(parts(scene).items())
                        if os.path.getsize(path) == 100000)
    damaged(scene, crash, digest, path, zeroed)


def in_library(scene):
    """A content whose files were renamed into FileLib; the tree's rename is lost."""
    crash = Crashed(scene)
    assert scene.get().code == 0
    for name in (crash.content.folder, crash.content.folder + ".INI"):
        os.rename(os.path.join(scene.cache, "DataLib", name), scene.path("lost-" + name))
    harness.shutil.rmtree(scene.path("lost-" + crash.content.folder))
    digest = crash.content.rows[3][2]
    return crash, digest, os.path.join(scene.cache, "FileLib", digest[:2], digest)


def test_p7_rename_kept_data_lost(scene):
    """A file stands in FileLib under its digest, but its bytes read as zeroes: it is fetched
    again, and never published."""
    crash, digest, path = in_library(scene)

    def damage(path):
        zeroed(path)
        os.chmod(path, 0o444)
    damaged(scene, crash, digest, path, damage)


def test_p7_rename_kept_length_lost(scene):
    """The same with a length of 0."""
    crash, digest, path = in_library(scene)
    damaged(scene, crash, digest, path, lambda path: os.truncate(path, 0))


def ahead(scene, change):
    """A job from two sources, killed while its large part has a record of what lies ahead, which
    change(lines) then replaces. Returns the crash and the bytes on disk after it."""
    crash = Crashed(scene, servers=2)
    path = crash.kill_in_big() + ".ahead"
    assert os.path.exists(path), "nothing was ahead: %s" % [len(s.requests()) for s in crash.servers]
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    assert len(lines) >= 2, lines
    with open(path, "wb") as file:
        file.write(change(lines))
    return crash, on_disk(scene, crash.content)


def test_p7_ahead_lines_lost(scene):
    """Half the lines of a part's record are lost: what they said is fetched again."""
    crash, kept = ahead(scene, lambda lines: b"\n".join(lines[:len(lines) // 2]) + b"\n")
    crash.recovers(crash.content.size - kept)


def test_p7_ahead_torn(scene):
    """The last line of a part's record is torn, and would be a larger number's beginning."""
    crash, kept = ahead(scene, lambda lines: b"\n".join(lines)[:-2])
    crash.recovers(crash.content.size - kept)


def test_p7_ahead_empty(scene):
    """A part's record is empty: nothing of the part is believed."""
    crash, kept = ahead(scene, lambda lines: b"")
    assert kept < crash.content.size - LARGE + 1
    crash.recovers(crash.content.size - kept)


def test_p7_ahead_rubbish(scene):
    """From a line on that is none, nothing is believed."""
    crash, kept = ahead(scene, lambda lines: lines[0] + b"\nzz\0\xff 7\n0 %d\n" % LARGE)
    crash.recovers(crash.content.size - kept)


def test_p7_ahead_claims_too_much(scene):
    """A part's record claims what was never written: the digest rejects the file."""
    crash, _ = ahead(scene, lambda lines: b"\n".join([*lines, b"0 %d" % (LARGE - 70000)]) + b"\n")
    os.truncate(parts(scene)[crash.big], LARGE)
    before = len(crash.asked())
    crash.recovers()
    assert sum(row["bytes"] for row in crash.asked()[before:]) >= LARGE, "not fetched again"


def test_p7_ahead_beyond_the_part(scene):
    """A part's record claims bytes beyond the part's end: they are fetched."""
    crash, _ = ahead(scene, lambda lines: b"\n".join([*lines, b"0 %d" % (1 << 62)]) + b"\n")
    os.truncate(parts(scene)[crash.big], MIB)
    kept = on_disk(scene, crash.content)
    crash.recovers(crash.content.size - kept)
