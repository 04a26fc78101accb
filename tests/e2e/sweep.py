"""Faults put into system calls with strace, in runs that share contents and nothing else.

strace counts calls by thread: `when=N` is the Nth of whichever thread first makes so many.
"""

import collections
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess

import harness
from harness import DP, SCALE, Scene, Skip

# Every system call that changes a file, or makes a change durable.
CHANGES = ("renameat2,rename,renameat,linkat,unlinkat,mkdirat,write,pwrite64,writev,fsync,"
           "fdatasync,openat2,ftruncate,fchmod,fallocate,sync_file_range,syncfs")
LANES = 3


def can_trace():
    if SCALE > 1:
        raise Skip("leak detection and tracing exclude each other")
    probe = Scene()
    try:
        done = probe.run("--version", policy=False, prefix=["strace", "-f", "-qq", "-o",
                                                            probe.path("t"), "-e", "trace=write"])
        if done.code != 0:
            raise Skip("strace may not trace here")
    finally:
        probe.close()


def twin(scene, name):
    """A scene with the contents and the policy of another, and folders of its own."""
    other = Scene.__new__(Scene)
    other.__dict__.update(scene.__dict__)
    other.folder = scene.path(name)
    os.makedirs(other.folder)
    other.cache = other.path("cache")
    if os.path.isdir(scene.path("policy")):
        shutil.copytree(scene.path("policy"), other.path("policy"))
    return other


class Trace:
    """What strace wrote of a run that is over: its code, out and err."""

    def __init__(self, path):
        self.trace, self.code, self.out, self.err = path, None, "", ""

    def text(self):
        with open(self.trace, errors="replace") as file:
            return file.read()

    def injected(self):
        """How many calls the fault was put into."""
        return self.text().count("(INJECTED)")

    def calls(self):
        """(thread, call, its number among those of the thread, line), in their order."""
        counts, rows = collections.Counter(), []
        for thread, call, rest in re.findall(r"(?m)^(\d+) +(\w+)(\(.*)$", self.text()):
            counts[thread, call] += 1
            rows.append((thread, call, counts[thread, call], rest))
        return rows

    def counts(self):
        """Call to how often its busiest thread makes it."""
        most = collections.Counter()
        for _, call, n, _ in self.calls():
            most[call] = max(most[call], n)
        return most

    def __str__(self):
        return "exit %s\n--- out\n%s\n--- err\n%s" % (self.code, self.out[-2000:], self.err[-2000:])


class Traced(Trace):
    """A get, or what `words` say, under strace that is over."""

    def __init__(self, scene, args, calls, *options, prefix=(),
                 words=("get", "PS100001", "--json")):
        super().__init__(scene.path("trace"))
        strace = ["strace", "-f", "-qq", "-y", "-o", self.trace, "-e", "trace=" + calls, *options]
        before = harness.program()
        command = [*prefix, *before[:-1], *strace, before[-1], *words, *args, *scene.options,
                   *scene.MACHINE, *scene.places(), "--policy", scene.path("policy")]
        done = subprocess.run(command, cwd=scene.folder, env=scene.environment(), timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.code, self.out = done.returncode, done.stdout.decode()
        self.err = done.stderr.decode("utf-8", "replace")
        self.killed = self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def inject(call, fault, n):
    return ["-e", "inject=%s:%s:when=%s" % (call, fault, n)]


# What a part says that it has.


def merged(runs):
    found = []
    for start, end in sorted(run for run in runs if run[0] < run[1]):
        if found and start <= found[-1][1]:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    return [tuple(run) for run in found]


def claims(path):
    """The runs [start, end) that a part claims: its length, or its record's lines."""
    size = os.path.getsize(path)
    try:
        with open(path + ".ahead", "rb") as file:
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return merged([(0, size)])
    runs = []
    for line in lines:
        found = re.fullmatch(rb"(\d+) (\d+)", line)
        if not found:
            break
        runs.append((int(found[1]), min(int(found[2]), size)))
    return merged(runs)


def parts(scene):
    """Digest to path of what lies in Staging."""
    found = {}
    for folder, _, names in os.walk(os.path.join(scene.cache, "Staging")):
        if "/tree" not in folder[len(scene.cache):]:
            found.update((name, os.path.join(folder, name)) for name in names
                         if re.fullmatch("[0-9A-F]{64}", name))
    return found


def bytes_of(content):
    """Digest to its bytes."""
    found = {}
    for name, _, digest in content.rows:
        data = content.files[name]
        if not isinstance(data, bytes):
            with open(data, "rb") as file:
                data = file.read()
        found[digest] = data
    return found


def library(scene):
    return {name for _, _, names in os.walk(os.path.join(scene.cache, "FileLib")) for name in names}


def legal(scene, content, data):
    """One of the legal states, which is: absent, partial with a valid record, complete; and how
    many bytes are there. `data` is bytes_of(content)."""
    scene.check_cache()
    if scene.has(content):
        return "complete", sum(content.distinct.values())
    kept = sum(content.distinct[digest] for digest in library(scene) & content.distinct.keys())
    for digest, path in parts(scene).items():
        want = data[digest]
        assert os.path.getsize(path) <= len(want), "longer than the file: " + path
        with open(path, "rb") as file:
            have = file.read()
        for start, end in claims(path):
            assert have[start:end] == want[start:end], \
                "%s claims [%d, %d), which are other bytes" % (path, start, end)
            kept += end - start
    return ("partial" if kept else "absent"), kept


def record(scene):
    """The job's record as JSON; None: there is none. Half a one is refused."""
    try:
        with open(scene.path("state/jobs/PS100001.3.json"), "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    found = harness.json.loads(text)
    assert found["content"] == "PS100001" and found["version"] == 3, found
    assert {"job", "dtsJob", "state"} <= found.keys(), found
    return found


def stray(scene):
    """Files of the state folder that no ended job leaves."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(scene.path("state"))
                  for name in names)


def unfinished(scene):
    """What a kill left half written in the cache."""
    return [os.path.join(folder, name) for folder, _, names in os.walk(scene.cache)
            for name in names if name.endswith(".tmp")]


class Sweep:
    """One fault at each of many points, in lanes that have servers of their own.

    at(lane, point) runs and judges one; what it returns is counted in `outcomes`.
    """

    def __init__(self, scene, content, servers=1, near=False):
        self.scene, self.content, self.data = scene, content, bytes_of(content)
        self.outcomes = collections.Counter()
        self.lanes = []
        for number in range(LANES):
            lane = twin(scene, "lane%d" % number)
            lane.servers = [scene.nginx() for _ in range(servers)]
            lane.policy(content, [DP("dp%d.contoso.test" % i, server.url, near=near)
                                  for i, server in enumerate(lane.servers)])
            self.lanes.append(lane)

    def undisturbed(self, calls=CHANGES):
        machine = twin(self.lanes[0], "undisturbed")
        done = Traced(machine, [], calls)
        assert done.code == 0, done
        return done

    def run_lane(self, at, lane, points):
        for number, point in enumerate(points):
            machine = twin(lane, "point%d" % number)
            outcome = at(machine, point)
            self.outcomes[outcome] += 1
            shutil.rmtree(machine.folder)

    def run(self, at, points):
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            jobs = [pool.submit(self.run_lane, at, lane, points[number::LANES])
                    for number, lane in enumerate(self.lanes)]
            for job in jobs:
                job.result()
        return self.outcomes
