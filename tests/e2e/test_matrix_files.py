"""What stands where the program's own files should: links, pipes, folders, damaged records, other
people's modes (rows D5 to D8 of the disk)."""

import json
import os
import shutil
import signal
import socket
import stat

import harness
from harness import DP, SCALE, Skip, filler, wait_until
from sweep import legal, parts, twin
from test_matrix_power import numbered

MIB = 1 << 20
DP_NAME = "dp1.contoso.test"
JOB = "state/jobs/PS100001.3.json"


# D5

PLACES = {
    "folder": ("cache/FileLib", "cache/DataLib", "cache/Staging", "cache/FileLib/{two}",
               "cache/DataLib/PS100001.3", "cache/Staging/PS100001.3",
               "cache/Staging/PS100001.3/tree", "state/jobs"),
    "file": ("cache/FileLib/{two}/{digest}", "cache/DataLib/PS100001.3.INI",
             "cache/Staging/PS100001.3/{big}", "cache/Staging/PS100001.3/{big}.ahead",
             "cache/Staging/PS100001.3/{big}.validator", "cache/Staging/PS100001.3/lock",
             "cache/DataLib/.PS100001.3.INI.tmp", JOB, "state/jobs/.PS100001.3.json.tmp"),
}
PLACES["any"] = PLACES["folder"] + PLACES["file"]


def fingerprint(root):
    """Every name below it with type, mode, links, length, time and bytes."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in [".", *folders, *names]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            data = None
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    data = file.read()
            found[os.path.relpath(path, root)] = (
                status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns, data)
    return found


def outside(scene):
    scene.write("outside/mine.txt", "mine")
    scene.write("outside/tree/deep.txt", "deep")
    os.chmod(scene.path("outside/mine.txt"), 0o640)
    return scene.path("outside")


def to_folder(path, place):
    os.symlink(place, path)


def to_file(path, place):
    os.symlink(place + "/mine.txt", path)


def dangling(path, place):
    os.symlink(place + "/not-there", path)


def hard_link(path, place):
    os.link(place + "/mine.txt", path)


def pipe(path, _place):
    os.mkfifo(path)


def bound_socket(path, _place):
    with socket.socket(socket.AF_UNIX) as end:
        here = os.getcwd()
        os.chdir(os.path.dirname(path))  # a path may be too long for an address
        try:
            end.bind(os.path.basename(path))
        finally:
            os.chdir(here)


def device(path, _place):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError as error:
        raise Skip("devices may not be made here") from error


def folder_with_file(path, _place):
    os.mkdir(path)
    with open(path + "/in-the-way", "w") as file:
        file.write("in the way")


def planted(plant, kind):
    """The test of one thing at each place, each with its own cache and state."""
    def test(scene):
        content = scene.content({"a/one.txt": b"one", "two.txt": b"two", "big": filler(2 * MIB, 1)})
        scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
        one, big = content.rows[0][2], content.rows[2][2]
        place = outside(scene)
        before = fingerprint(place)
        ended = {}
        for number, where in enumerate(PLACES[kind]):
            machine = twin(scene, "m%d" % number)
            path = machine.path(where.format(two=one[:2], digest=one, big=big))
            for own in ("state", "cache"):
                os.makedirs(machine.path(own), 0o700)
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            plant(path, place)
            result = machine.run("get", "PS100001", "--json", *machine.MACHINE, *machine.places(),
                                 timeout=30)
            there = fingerprint(place)
            assert there == before, "%s: what lies outside has changed: %s" % (
                where, sorted(set(there.items()) ^ set(before.items()), key=str))
            assert result.code in (0, 1), "%s: %s" % (where, result)
            if result.code == 0:
                tree = os.path.join(machine.cache, "DataLib", content.folder)
                assert not os.path.islink(tree), where
                harness.check_tree(tree, content)
                assert os.path.realpath(tree) == os.path.join(os.path.realpath(machine.folder),
                                                              "cache/DataLib", content.folder)
            else:
                assert DP_NAME not in result.message, "%s: %s" % (where, result)
            ended[where] = result.code
            shutil.rmtree(machine.folder)
        print(ended)
    return test


for _plant, _kind, _text in (
        (to_folder, "any", "A symbolic link to a folder"),
        (to_file, "any", "A symbolic link to a file"),
        (dangling, "any", "A symbolic link to nothing"),
        (hard_link, "file", "A hard link to somebody's file"),
        (pipe, "any", "A pipe that nobody writes to"),
        (bound_socket, "any", "A socket"),
        (device, "any", "A device"),
        (folder_with_file, "file", "A folder that is not empty")):
    _test = planted(_plant, _kind)
    _test.__doc__ = _text + " at each place of the program's own files: replaced or refused, at " \
        "once, and what lies outside is untouched."
    globals()["test_d5_" + _plant.__name__] = _test


def replaced_midway(where):
    def test(scene):
        content = scene.content({"d%d/f" % i: numbered(400000, i) for i in range(10)})
        server = scene.fault()
        scene.policy(content, [DP(DP_NAME, server.url + "/slow")])
        place = outside(scene)
        os.makedirs(place + "/tree/d0")
        before = fingerprint(place)
        process = scene.start()
        assert server.wait(lambda s: s.body_bytes > content.size // 5)
        path = scene.path(where)
        os.rename(path, scene.path("moved"))
        os.symlink(place, path)
        assert server.body_bytes < content.size * 0.95, "replaced too late"
        _, err = process.communicate(timeout=60)
        assert process.returncode in (0, 1), err.decode()
        assert fingerprint(place) == before, "what lies outside has changed"
        os.unlink(path)
        result = scene.get()
        assert result.code == 0 and scene.has(content), result
        assert fingerprint(place) == before
    test.__doc__ = "%s becomes a symbolic link in the middle of a run: nothing outside is " \
        "touched." % where
    return test


for _where in ("cache/Staging", "cache/Staging/PS100001.3", "cache/Staging/PS100001.3/tree",
               "cache/FileLib", "cache/DataLib", "state/jobs"):
    globals()["test_d5_replaced_" + _where.replace("/", "_").replace(".", "_").lower()] = \
        replaced_midway(_where)


# D6


def little(scene):
    content = scene.content({"a/one.txt": b"one", "two.txt": b"two"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    return content


def test_d6_modes(scene):
    """Folders that everybody may write to are refused with path and mode; others are used as they
    are."""
    content = little(scene)
    modes = {0o777: False, 0o707: False, 0o1777: False, 0o702: False, 0o755: True, 0o750: True,
             0o700: True}
    for name in ("state", "cache", "logs"):
        for mode, good in modes.items():
            machine = twin(scene, "%s-%o" % (name, mode))
            os.makedirs(machine.path(name))
            os.chmod(machine.path(name), mode)
            result = machine.run("get", "PS100001", *machine.MACHINE, *machine.places())
            assert (result.code == 0) == good, "%s %o: %s" % (name, mode, result)
            assert machine.has(content) == good
            if not good:
                assert result.code in (1, 3), result
                assert machine.path(name) in result.message, result
                assert "%o" % mode in result.message, result
            assert stat.S_IMODE(os.stat(machine.path(name)).st_mode) == mode, "mode was changed"


def test_d6_owners(scene):
    """A cache or log folder of another user is refused with its path."""
    if os.getuid() != 0:
        raise Skip("needs root to give files away")
    content = little(scene)
    for name in ("cache", "logs"):
        machine = twin(scene, name)
        os.makedirs(machine.path(name), 0o755)
        os.chown(machine.path(name), 12345, 12345)
        result = machine.run("get", "PS100001", *machine.MACHINE, *machine.places())
        assert result.code in (1, 3) and not machine.has(content), result
        assert machine.path(name) in result.message and "12345" in result.message, result


def test_d6_folders_made(scene):
    """The state folder is made for its owner alone, and so is all in it."""
    little(scene)
    server = scene.fault()
    scene.policy(list(scene.contents.values()), [DP(DP_NAME, server.url + "/stall-body")])
    process = scene.start()
    wait_until(lambda: os.path.exists(scene.path(JOB)), 20, "the job's record")
    for name, mode in (("state", 0o700), ("state/jobs", 0o700), (JOB, 0o600)):
        assert stat.S_IMODE(os.stat(scene.path(name)).st_mode) == mode, name
    process.send_signal(signal.SIGTERM)
    process.communicate()


# D7


def valid(**change):
    """A record as this version writes it."""
    row = {"format": 1, "job": "{11111111-2222-4333-8444-555555555555}",
           "dtsJob": "{11111111-2222-4333-8444-666666666666}", "content": "PS100001", "version": 3,
           "state": "DownloadingData", "priority": "Foreground", "elapsed": 12,
           "answered": 11, "suspended": 0, "paused": 0, "saved": 1700000000}
    row.update(change)
    return {key: value for key, value in row.items() if value is not ...}


def text_of(**change):
    return json.dumps(valid(**change), indent=2).encode()


def damaged():
    """Name to bytes of records that are not to be believed."""
    good = text_of()
    found = {"empty": b"", "a NUL": good.replace(b"Downloading", b"Down\0oading"),
             "NULs": bytes(len(good)), "no UTF-8": good.replace(b"Data", b"\xff\xfe\xc0\x80"),
             "deep": b"[" * 2000 + b"]" * 2000, "deeper": b'{"format":' * 200 + b"1" + b"}" * 200,
             "duplicate keys": good.replace(b'"format"', b'"version": 3, "format"'),
             "two records": good + good, "rubbish after it": good + b"}",
             "huge": good[:-1] + b" " * (1 << 20) + b"}", "array": b"[]", "number": b"7",
             "null": b"null", "word": b"DownloadingData", "another content":
             text_of(content="PS100002"), "another version": text_of(version=4),
             "no such state": text_of(state="Dreaming"), "lower case GUID": text_of(
                 job="{aaaaaaaa-2222-4333-8444-555555555555}"), "no GUID": text_of(job="../../x"),
             "long GUID": text_of(job="{" + "1" * 3000 + "}"), "format 0": text_of(format=0),
             "format -1": text_of(format=-1), "negative": text_of(elapsed=-1),
             "saved before all time": text_of(saved=-(1 << 63)),
             "answered later": text_of(answered=13), "suspended later": text_of(suspended=13),
             "paused for longer": text_of(paused=13), "too long": text_of(elapsed=1 << 40),
             "huge number": good.replace(b"1700000000", b"9" * 400),
             "huge real": good.replace(b"1700000000", b"1e400"),
             "unknown key": text_of(surprise=1), "no key": b"{}"}
    for key in valid():
        for value in (None, True, [], {}, 1.5, 7 if isinstance(valid()[key], str) else "7"):
            found["%s is %s" % (key, json.dumps(value))] = text_of(**{key: value})
        found["no " + key] = text_of(**{key: ...})
    return found


def begun_anew(scene, content, name, data):
    """A record that is set aside: the job begins anew and the log says so."""
    machine = twin(scene, "record-" + "".join(c if c.isalnum() else "-" for c in name))
    os.makedirs(machine.path("state/jobs"), 0o700)
    os.chmod(machine.path("state"), 0o700)
    machine.write(JOB, data)
    result = machine.get()
    assert result.code == 0 and machine.has(content), "%s: %s" % (name, result)
    assert result.json["job"] != valid()["job"], name + ": was believed"
    assert "not used" in machine.log_text(), name + ": the log does not say so"
    left = sorted(os.listdir(machine.path("state/jobs")))
    suffixes = [other[len("PS100001.3.json"):] for other in left]
    for other in left:
        with open(machine.path("state/jobs/" + other), "rb") as file:
            assert file.read() == data, "%s: %s is not as it was" % (name, other)
    shutil.rmtree(machine.folder)
    return suffixes


def test_d7_good_record_is_gone_on_with(scene):
    """The twin of all that follow: a good record gives the job its GUIDs."""
    content = little(scene)
    scene.write(JOB, text_of())
    os.chmod(scene.path("state"), 0o700)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert result.json["job"] == valid()["job"], result
    assert "not used" not in scene.log_text()
    assert os.listdir(scene.path("state/jobs")) == []


def test_d7_damaged(scene):
    """A record that is damaged, of another type, of another content, or too much, is set aside
    with a suffix; a new job is begun, and the log says so."""
    content = little(scene)
    for name, data in damaged().items():
        assert begun_anew(scene, content, name, data) == [".bad"], name


def test_d7_truncated_at_every_byte(scene):
    """A record that ends at each of its bytes."""
    content = little(scene)
    good = text_of()
    for length in range(0, len(good), 1 if SCALE == 1 else 20):
        name = "%d bytes" % length
        assert begun_anew(scene, content, name, good[:length]) == [".bad"], name


def test_d7_of_an_older_version(scene):
    """A record without a format, as the last version wrote it, is set aside too."""
    content = little(scene)
    old = text_of(format=..., priority=..., elapsed=..., answered=..., suspended=...,
                  paused=..., saved=...)
    assert begun_anew(scene, content, "old", old) == [".bad"]


def test_d7_of_a_newer_version(scene):
    """A newer version's record is kept as it is under another name, never destroyed."""
    content = little(scene)
    for number, data in enumerate((text_of(format=2), text_of(format=99, surprise={"a": [1]}),
                                   text_of(format=2, job=7, state=None))):
        assert begun_anew(scene, content, "newer%d" % number, data) == [".newer"], data


def test_d7_newer_twice(scene):
    """Not even a second one takes the place of the first."""
    little(scene)
    first, second = text_of(format=2, saved=1), text_of(format=2, saved=2)
    os.makedirs(scene.path("state/jobs"), 0o700)
    os.chmod(scene.path("state"), 0o700)
    scene.write(JOB + ".newer", first)
    scene.write(JOB, second)
    assert scene.get().code == 0
    kept = set()
    for name in os.listdir(scene.path("state/jobs")):
        with open(scene.path("state/jobs/" + name), "rb") as file:
            kept.add(file.read())
    assert first in kept, "a newer version's record was destroyed"


# D8


class Half:
    """A job of one file, killed on its way."""

    SIZE = 4000000

    def __init__(self, scene):
        self.scene = scene
        self.content = scene.content({"big.cab": numbered(self.SIZE, 1)})
        self.data = {self.content.rows[0][2]: self.content.files["big.cab"]}
        self.server = scene.fault()
        scene.policy(self.content, [DP(DP_NAME, self.server.url + "/x")])
        self.server.instead["x"] = "stall-body"
        process = scene.start()
        wait_until(lambda: scene.staged() >= self.SIZE // 4 and os.path.exists(
            next(iter(parts(scene).values())) + ".validator"), 20, "a quarter of the file")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it ended before"
        (self.path,) = parts(scene).values()
        kept = os.path.getsize(self.path)
        assert self.SIZE * 0.05 < kept < self.SIZE * 0.95, kept
        legal(scene, self.content, self.data)
        self.server.requests.clear()
        self.server.counts.clear()
        self.server.instead["x"] = "ok"

    def anew(self, why=None):
        """The next run asks for all of it, and says why."""
        result = self.scene.get()
        assert result.code == 0 and self.scene.has(self.content), result
        first = self.server.asked()[0]
        assert first["range"] is None, first
        assert result.json["bytesFromNetwork"] == self.SIZE, result
        if why:
            assert why in self.scene.log_text(), self.scene.log_text()


def test_d8_part_too_long(scene):
    """A part longer than the file is not gone on with, and the log says why."""
    half = Half(scene)
    with open(half.path, "ab") as file:
        file.write(bytes(half.SIZE))
    half.anew("longer than the file")


def test_d8_validator_missing(scene):
    """No record says under which validator a part came: what is there is not mixed unseen."""
    half = Half(scene)
    os.unlink(half.path + ".validator")
    result = scene.get()
    assert result.code == 0 and scene.has(half.content), result
    assert half.server.asked()[0]["ifRange"] is None, half.server.asked()


def test_d8_validator_of_another(scene):
    """The record names another origin: its validator is not shown to this one."""
    half = Half(scene)
    with open(half.path + ".validator", "rb") as file:
        text = file.read()
    with open(half.path + ".validator", "wb") as file:
        file.write(text.replace(b"127.0.0.1", b"127.0.0.9"))
    result = scene.get()
    assert result.code == 0 and scene.has(half.content), result
    assert half.server.asked()[0]["ifRange"] is None, half.server.asked()


def test_d8_validator_changed(scene):
    """Another validator than the server's: the server sends all, nothing is mixed."""
    half = Half(scene)
    with open(half.path + ".validator", "rb") as file:
        text = file.read()
    start = text.index(b'"') + 1
    with open(half.path + ".validator", "wb") as file:
        file.write(text[:start] + b"00000000" + text[start + 8:])
    result = scene.get()
    assert result.code == 0 and scene.has(half.content), result
    assert half.server.asked()[0]["ifRange"] == '"00000000"', half.server.asked()
    assert half.server.asked()[0]["status"] == 200
    assert result.json["bytesFromNetwork"] == half.SIZE, result


def test_d8_validator_rubbish(scene):
    """What stands there is no validator; no header is made of it."""
    half = Half(scene)
    for text in (b"", b"\n\n\n", b"x" * 100000, b"\xff\0\r\nEvil: 1\r\n", b'h\n"a"\r\nEvil: 1\n'):
        machine = twin(scene, "m%d" % len(text))
        shutil.copytree(scene.cache, machine.cache, symlinks=True)
        path = os.path.join(machine.cache, os.path.relpath(half.path, scene.cache))
        with open(path + ".validator", "wb") as file:
            file.write(text)
        result = machine.get()
        assert result.code == 0 and machine.has(half.content), result
    assert all("evil" not in row["headers"] for row in half.server.asked())


def test_d8_modified_by_someone(scene):
    """Bytes of a part were changed: the digest rejects them, the file is fetched again."""
    half = Half(scene)
    with open(half.path, "r+b") as file:
        file.seek(1000)
        file.write(b"spoilt")
    result = scene.get()
    assert result.code == 0 and scene.has(half.content), result
    assert len(half.server.asked()) == 2, half.server.asked()
    assert half.server.asked()[1]["range"] is None, half.server.asked()


def test_d8_part_of_another_file(scene):
    """The part's bytes are another file's altogether."""
    half = Half(scene)
    with open(half.path, "wb") as file:
        file.write(numbered(3000000, 77))
    result = scene.get()
    assert result.code == 0 and scene.has(half.content), result
    assert half.server.asked()[-1]["range"] is None, half.server.asked()
