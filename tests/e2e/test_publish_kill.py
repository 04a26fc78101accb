"""SIGKILL of a publish at every call that changes a file: the old content or the new one is whole
in sight, with its own record, and the next run completes."""

import concurrent.futures
import os
import shutil
import signal
import subprocess

import harness
from harness import slow
from publishing import Source, check_laid_out, check_record, files_of
from sweep import CHANGES, LANES, Trace, can_trace, inject

OLD = {"a.txt": b"old", "sub/b.txt": b"the same", "gone/c.txt": b"c", "large.bin": b"1" * 600000}
NEW = {"a.txt": b"new!", "sub/b.txt": b"the same", "sub/d.txt": b"d", "large.bin": b"2" * 600000}
CALLS = CHANGES + ",mkdir,flock"


class Traced(Trace):
    def __init__(self, scene, source, version, *options, flags=()):
        super().__init__(scene.path("trace"))
        strace = ["strace", "-f", "-qq", "-o", self.trace, "-e", "trace=" + CALLS, *options]
        before = harness.program()
        command = [*before[:-1], *strace, before[-1], *source.args(version=version), *flags]
        done = subprocess.run(command, cwd=scene.folder, env=scene.environment(), timeout=60,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.code, self.out = done.returncode, done.stdout.decode()
        self.err = done.stderr.decode("utf-8", "replace")
        self.killed = self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


class Kills:
    """`old` (may be None) is published in version 3, then `new` in `version` under kills."""

    def __init__(self, scene, old, new, version, flags=()):
        self.scene, self.old, self.new = scene, old, new
        self.version, self.flags = version, flags
        self.killed = self.saw_old = self.saw_new = self.missed = 0

    def begin(self, name):
        lane = harness.Scene.__new__(harness.Scene)
        lane.__dict__.update(self.scene.__dict__)
        lane.folder = self.scene.path(name)
        os.makedirs(lane.folder)
        source = Source(lane, self.old or self.new, ["leer"])
        if self.old is not None:
            assert source.publish("--no-sync").code == 0
            source.replace(self.new)
            os.makedirs(source.path + "/leer")
        return lane, source

    def points(self):
        lane, source = self.begin("undisturbed")
        done = Traced(lane, source, self.version, flags=self.flags)
        assert done.code == 0, done
        check_laid_out(source, version=self.version)
        return [(call, n) for call, most in sorted(done.counts().items())
                for n in range(1, most + 1)]

    def look(self, source):
        """What a web server shows: nothing, the old or the new, whole and with its record."""
        seen = source.in_sight()
        assert seen in ([], ["PS100001"]), seen
        if not seen:
            assert self.old is None, "the old content is gone"
            return
        version = check_record(source.tree())
        files = files_of(source.tree())
        assert os.path.isdir(source.tree() + "/leer")
        if files == self.new and version == self.version:
            self.saw_new += 1
            return
        assert self.old is not None and files == self.old and version == 3, sorted(files)
        self.saw_old += 1

    def at(self, number, point):
        lane, source = self.begin("point%d" % number)
        done = Traced(lane, source, self.version, *inject(point[0], "signal=KILL", point[1]),
                      flags=self.flags)
        if done.killed:
            self.killed += 1
        else:
            # Another thread made the calls that were counted.
            assert done.code == 0, (point, done)
            self.missed += 1
        try:
            self.look(source)
            if os.path.exists(source.out):
                check_whole_document(source)
            again = source.publish(*self.flags, version=self.version)
            assert again.code == 0, again
            check_laid_out(source, version=self.version)
            assert not source.leftovers(), source.leftovers()
            with open(source.out, "rb") as file, \
                    open(source.tree() + "/.nearpoint/content.xml", "rb") as record:
                assert file.read() == record.read(), "the document is another's"
            assert sorted(os.listdir(os.path.dirname(source.out))) == ["content.xml"]
        except AssertionError as error:
            raise AssertionError("killed at %s %d: %s" % (*point, error)) from error
        shutil.rmtree(lane.folder)

    def run(self):
        points = self.points()
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            for job in [pool.submit(self.at, *row) for row in enumerate(points)]:
                job.result()
        print("%d points: %d killed, %d missed; the old content in sight %d times, the new one %d"
              % (len(points), self.killed, self.missed, self.saw_old, self.saw_new))
        assert self.killed > len(points) * 3 // 4 and self.killed > 30
        assert self.saw_new > 3
        assert self.saw_old > 20 or self.old is None


def check_whole_document(source):
    """FILE is never half a document."""
    with open(source.out) as file:
        text = file.read()
    assert text.startswith("<?xml") and text.endswith("</Policy>\n"), text[-50:]


@slow("a run under strace for every call that changes a file")
def test_first_publish(scene):
    """Nothing or all of it."""
    can_trace()
    Kills(scene, None, NEW, 3).run()


@slow("a run under strace for every call that changes a file")
def test_replacing_publish(scene):
    """A higher version: the old one or the new one."""
    can_trace()
    Kills(scene, OLD, NEW, 4).run()


@slow("a run under strace for every call that changes a file")
def test_replacing_the_same_version(scene):
    """--replace."""
    can_trace()
    Kills(scene, OLD, NEW, 3, ["--replace"]).run()


def repair_points(scene, source):
    done = TracedRepair(scene, source)
    assert done.code == 0, done
    return [(call, n) for call, most in sorted(done.counts().items()) for n in range(1, most + 1)]


class TracedRepair(Trace):
    def __init__(self, scene, source, *options):
        super().__init__(scene.path("trace"))
        before = harness.program()
        done = subprocess.run(
            [*before[:-1], "strace", "-f", "-qq", "-o", self.trace, "-e", "trace=" + CALLS,
             *options, before[-1], "publish", "--verify", "--dp", source.dp, "--source",
             source.path], cwd=scene.folder, env=scene.environment(), timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.code, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()


def damage(source):
    tree = source.tree()
    os.truncate(tree + "/a.txt", 1)
    os.unlink(tree + "/sub/b.txt")
    os.rmdir(tree + "/leer")
    source.scene.write(os.path.relpath(tree, source.scene.folder) + "/foreign/x", b"x")


@slow("a run under strace for every call that changes a file")
def test_repair(scene):
    """Each file is the damaged one or the right one, and the next repair completes."""
    can_trace()
    source = Source(scene, NEW, ["leer"])
    assert source.publish("--no-sync").code == 0
    damage(source)
    points, killed = repair_points(scene, source), 0
    for call, n in points:
        damage(source)
        done = TracedRepair(scene, source, *inject(call, "signal=KILL", n))
        killed += done.code != 0
        for name, data in files_of(source.tree()).items():
            assert data in (NEW.get(name), NEW.get(name, b"")[:1], b"x"), (call, n, name)
        assert source.verify("--source", source.path).code == 0, (call, n)
        check_laid_out(source)
        assert not source.leftovers()
    assert killed > len(points) * 3 // 4 and killed > 20, (killed, len(points))


@slow("a run under strace for every call that changes a file")
def test_calls_that_fail(scene):
    """The disk says no (EIO) instead: exit 1, the old content stands, nothing is left over."""
    can_trace()
    kills = Kills(scene, OLD, NEW, 4)
    failed = 0
    for number, (call, n) in enumerate(kills.points()):
        if call in ("fchmod", "flock"):
            continue
        lane, source = kills.begin("point%d" % number)
        done = Traced(lane, source, 4, *inject(call, "error=EIO", n))
        assert done.code in (0, 1), (call, n, done)
        failed += done.code
        if done.code:
            # The fault may be in the message's own write: then the trace has it.
            said = [rest for _, call, _, rest in done.calls()
                    if call == "write" and rest.startswith("(2, ")]
            assert len(said) == 1 and said[0].startswith('(2, "nearpoint: '), (said, done)
            assert "(INJECTED)" in said[0] or (done.err.count("\n") == 1 and
                                               done.err.startswith("nearpoint: ")), done
        kills.look(source)
        assert source.publish(version=4).code == 0, (call, n)
        check_laid_out(source, version=4)
        assert not source.leftovers()
        shutil.rmtree(lane.folder)
    assert failed > 20, failed
