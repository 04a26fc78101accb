"""SIGKILL at random instants of a large job: it completes, next to nothing is fetched twice, and
nothing unverified is visible at any look. The seed is printed; NEARPOINT_TEST_SEED replays it."""

import os
import random
import re
import signal
import stat

import harness
from harness import DP, SCALE, alone, filler, slow, torture, wait_until
from sweep import claims, library, parts
from test_matrix_power import LARGE, MIB, SEED, numbered


class ManyKills:
    """`count` files of `size` bytes in all, `large` of them of 24 MiB that come in ranges from two
    distribution points."""

    def __init__(self, scene, count, size, large, seed):
        self.scene, self.dice, self.seed = scene, random.Random(seed), seed
        small = count - large
        mean = (size - large * LARGE) // small
        files = {"large%02d.wim" % i: scene.write("source/l%d" % i, numbered(LARGE, i))
                 for i in range(large)}
        for i in range(small):
            name = "d%02d/f%05d.dat" % (i % 50, i)
            data = b"%016d" % i + filler(self.dice.randrange(mean // 4, mean * 7 // 4), i % 7)
            files[name] = scene.write("source/" + name, data)
        self.content = scene.content(files)
        self.servers = [scene.nginx(), scene.nginx()]
        scene.policy(self.content, [DP("dp%d.contoso.test" % i, server.url)
                                    for i, server in enumerate(self.servers)])
        self.names = {}
        for name, _, digest in self.content.rows:
            self.names["/SMS_DP_SMSPKG$/%s/%s" % (self.content.id, name)] = digest
        self.hashed, self.rows_seen = {}, [0, 0]
        self.again = self.again_files = self.in_flight = self.reached = self.sent = 0
        self.have, self.kept = {}, 0

    def seen(self):
        """Nothing unverified is visible: every file of FileLib, hashed once an inode and time."""
        assert not self.scene.has(self.content), "published before it was complete"
        root = os.path.join(self.scene.cache, "FileLib")
        for folder in os.scandir(root) if os.path.isdir(root) else ():
            for entry in os.scandir(folder.path):
                status = entry.stat(follow_symlinks=False)
                key = (entry.name, status.st_ino, status.st_mtime_ns, status.st_size)
                if key not in self.hashed:
                    assert stat.S_IMODE(status.st_mode) == 0o444, entry.path
                    self.hashed[key] = harness.sha256_file(entry.path)
                assert self.hashed[key] == entry.name, "wrong bytes are visible: " + entry.path

    def look(self):
        """After a kill: what stands whole, and what the next run must not ask for."""
        self.seen()
        distinct = self.content.distinct
        self.have = {digest: [(0, distinct[digest])] for digest in library(self.scene)}
        for digest, path in parts(self.scene).items():
            self.have.setdefault(digest, claims(path))
        self.kept = sum(end - start for runs in self.have.values() for start, end in runs)
        self.reached += self.content.size * 0.05 < self.kept < self.content.size * 0.95

    def account(self, before):
        """What the servers were asked for since the last look, against what lay there by then."""
        for number, server in enumerate(self.servers):
            rows = server.requests()
            for row in rows[self.rows_seen[number]:]:
                self.count(row, before)
            self.rows_seen[number] = len(rows)

    def count(self, row, before):
        digest = self.names[row["path"]]
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", row["range"])
        start = int(found[1]) if found and row["status"] == 206 else 0
        end = start + row["bytes"]
        self.sent += row["bytes"]
        lost = sum(max(0, min(end, there[1]) - max(start, there[0]))
                   for there in before.get(digest, ()))
        self.again += lost
        self.again_files += before.get(digest) == [(0, self.content.distinct[digest])]

    def progress(self):
        """Bytes that came so far, cheaply: what the servers logged."""
        total = 0
        for server in self.servers:
            with open(server.log, "rb") as file:
                file.seek(server.read_to)
                text = file.read()
            end = text.rfind(b"\n") + 1
            server.read_to += end
            server.logged += sum(int(line.split(b"|")[2]) for line in text[:end].splitlines())
            total += server.logged
        return total

    def kill(self, instant):
        """One run, killed once the servers have sent so many bytes more than needed."""
        before, kept = self.have, self.kept
        base = self.progress()
        process = self.scene.start()
        wait_until(lambda: process.poll() is not None or
                   kept + self.progress() - base >= instant,
                   120, "the instant")
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, "seed %d: it ended before: %s" % (
            self.seed, err.decode())
        self.account(before)
        self.look()

    def run(self, kills):
        print("seed %d" % self.seed)
        for server in self.servers:
            server.read_to = server.logged = 0
        size = self.content.size
        # What is under way is not on disk yet, and blocks are logged when they end.
        least, most = 0.05 + 16 * MIB / size, 0.95 - 48 * MIB / size
        instants = sorted(self.dice.uniform(least, most) * size for _ in range(kills))
        for instant in instants:
            self.kill(max(instant, self.kept + self.dice.uniform(0, 0.2) * size / kills))
        before = self.have
        result = self.scene.get(timeout=300)
        assert result.code == 0 and self.scene.has(self.content), result
        self.account(before)
        print("%d kills, %d of them between 5 and 95 %% of the bytes on disk; %d bytes needed, "
              "the servers sent %d, of which %d lay on disk already (%d whole files)"
              % (kills, self.reached, size, self.sent, self.again, self.again_files))
        assert self.reached == kills, "%d of %d" % (self.reached, kills)
        assert self.again < size * 0.01, "%d bytes again" % self.again
        for server in self.servers:
            assert server.requests(), "one of the two was never asked"


@alone
@slow("sixty kills of a job of 320 MiB")
def test_p1_killed_60_times(scene):
    """SIGKILL 60 times at random instants of a job of 1,500 files and 320 MiB: it completes, under
    1 % of the bytes is asked for again, nothing unverified was visible at any look."""
    if SCALE == 1:
        ManyKills(scene, 1500, 320 * MIB, 4, SEED).run(60)
    else:
        ManyKills(scene, 500, 100 * MIB, 2, SEED).run(20)


@torture
@alone
@slow("two hundred kills of a job of 1 GiB")
def test_p1_killed_200_times(scene):
    """The same 200 times with 5,000 files and 1 GiB."""
    ManyKills(scene, 5000, 1 << 30, 8, SEED).run(200)


@torture
@alone
@slow("eight hundred kills of jobs of 200 MiB")
def test_p1_killed_by_other_seeds(scene):
    """The same with 20 seeds, a smaller job and 40 kills each."""
    for seed in range(SEED + 1, SEED + 21):
        one = harness.Scene()
        try:
            ManyKills(one, 1000, 200 * MIB, 2, seed).run(40)
        finally:
            one.close()
