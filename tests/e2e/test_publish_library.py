"""publish --library and cache export: contents laid out as a Windows distribution point has them,
read back by what shares no code with the program."""

import fcntl
import os
import shutil

import harness
from contentlib import Library, read_ini, read_library
from disk import SmallDisk
from harness import DP, filler, slow, threads, torture
from publishing import Source, files_of, properties
from sweep import can_trace, inject
from test_cache import cache, estate, tree_of
from test_publish_kill import Traced

FILES = {"setup.exe": filler(300000, 1), "en-us/setup.mui": b"mui", "en-us/again.mui": b"mui",
         "Gr\u00fc\u00dfe/\u00dcbung & <b>.txt": b"text", "empty": b""}
NAME = ("PS100001", 3)


class ForLibrary(Source):
    """Laid out in a content library only."""

    def __init__(self, scene, files, folders=(), name="source"):
        super().__init__(scene, files, folders, name)
        self.library = scene.path("library")

    def args(self, content_id="PS100001", version=3):
        return ["publish", self.path, "--content", content_id, "--version", str(version),
                "--library", self.library, "--out", self.out]

    def held(self):
        return read_library(self.library)[0]

    def tree(self, folder="PS100001.3"):
        return os.path.join(self.library, "DataLib", folder)

    def leftovers(self):
        return [name for name in os.listdir(self.library) if name[0] == "."]


def stamps(folder):
    """Path to inode and time of every file."""
    return {os.path.join(where, name): (os.stat(os.path.join(where, name)).st_ino,
                                        os.stat(os.path.join(where, name)).st_mtime_ns)
            for where, _, names in os.walk(folder) for name in names}


@threads
def test_a_library(scene):
    """PkgLib, DataLib, FileLib in the exact form; the same again changes nothing that shows."""
    source = ForLibrary(scene, FILES, ["leer", "en-us/leer"])
    result = source.publish("--json")
    assert result.code == 0 and result.json["result"] == "published", result
    assert result.json["path"] == source.tree() and result.json["files"] == 5, result
    contents, used = read_library(source.library)
    assert contents == {NAME: FILES} and len(used) == 4
    told = read_ini(source.tree() + ".INI")["Info"]["Hash"]
    assert told == properties(source.out)["NP_ContentHash"]["Hash"] == result.json["folderHash"]
    row = read_ini(source.tree() + "/setup.exe.INI")["File"]
    modified = os.stat(source.path + "/setup.exe").st_mtime_ns // 100 + 116444736000000000
    assert row["TimeModified"] == str(modified) and row["Attributes"] == "20", row
    with open(source.tree() + ".INI", "rb") as file:
        assert file.read() == b"[Info]\r\nHash=%s\r\n" % told.encode()
    before = stamps(source.library)
    again = source.publish()
    assert again.code == 0 and "unchanged" in again.out, again
    assert stamps(source.library) == before


def test_versions_share(scene):
    """Two versions stand side by side; what they share is there once."""
    source = ForLibrary(scene, FILES)
    assert source.publish().code == 0
    shared = stamps(source.library + "/FileLib")
    newer = {**FILES, "setup.exe": b"new", "added": b"added"}
    source.replace(newer)
    assert source.publish(version=4).code == 0
    contents, used = read_library(source.library)
    assert contents == {NAME: FILES, ("PS100001", 4): newer} and len(used) == 6
    now = stamps(source.library + "/FileLib")
    assert all(now[path] == row for path, row in shared.items() if not path.endswith(".INI"))


def test_other_bytes(scene):
    """Refused by name; --replace replaces it."""
    source = ForLibrary(scene, FILES, ["leer"])
    assert source.publish().code == 0
    for change, word in (({"setup.exe": b"x"}, "'setup.exe' differs"), ({"more": b"m"}, "'more'"),
                         ({}, "empty folders")):
        source.replace({**FILES, **change})
        result = source.publish("--json")
        assert result.code == 1 and word in result.message, result
        assert "--replace" in result.message and source.held() == {NAME: FILES}, result
        assert result.json["error"]["code"] == "OTHER_BYTES", result
    source.replace({**FILES, "setup.exe": b"x"})
    result = source.publish("--replace", "--json")
    assert result.code == 0 and result.json["result"] == "replaced", result
    assert source.held() == {NAME: {**FILES, "setup.exe": b"x"}}


def test_beside_a_web_server(scene):
    """--dp and --library of one run."""
    source = Source(scene, FILES)
    library = scene.path("usb/lib")
    result = source.publish("--library", library, "--json")
    assert result.code == 0 and result.json["path"] == source.tree(), result
    assert result.json["library"] == {"result": "published",
                                      "path": library + "/DataLib/PS100001.3"}, result
    assert read_library(library)[0] == {NAME: FILES} and files_of(source.tree()) == FILES
    result = source.publish("--library", library)
    assert "library   %s/DataLib/PS100001.3 (unchanged)" % library in result.out, result
    result = scene.run("publish", source.path, "--content", "PS100001", "--version", "3", "--out",
                       source.out, policy=False)
    assert result.code == 2 and "--library" in result.message, result


def test_into_a_windows_library(scene):
    """What is there already stays, in its own form; SCCMContentLib is found in the folder."""
    source = ForLibrary(scene, FILES)
    for number, how in enumerate(({}, {"utf16": True}, {"crlf": False})):
        inner = scene.path("dp%d/SCCMContentLib" % number)
        Library(inner, **how).add("PS100001", 2, {"old": b"old", "en-us/setup.mui": b"mui"})
        source.library = os.path.dirname(inner)
        assert source.publish().code == 0
        contents, _ = read_library(inner)
        assert contents == {NAME: FILES,
                            ("PS100001", 2): {"old": b"old", "en-us/setup.mui": b"mui"}}
        assert os.listdir(source.library) == ["SCCMContentLib"]


def test_a_wrong_file_is_replaced(scene):
    """What FileLib has is hashed before it counts, for this content and for others."""
    source = ForLibrary(scene, FILES)
    assert source.publish().code == 0
    row = read_ini(source.tree() + "/setup.exe.INI")["File"]
    path = os.path.join(source.library, "FileLib", row["Hash"][:4], row["Hash"])
    for put in (lambda: open(path, "r+b").write(b"X"), lambda: os.truncate(path, 5),
                lambda: os.unlink(path), lambda: (os.unlink(path), os.symlink("/etc/passwd", path)),
                lambda: (os.unlink(path), os.mkfifo(path))):
        put()
        assert source.publish().code == 0
        assert source.held() == {NAME: FILES}


def test_refusals(scene):
    """Names that differ by case, a clash with an INI, another writer, what cannot be written."""
    source = ForLibrary(scene, {"a": b"a"})
    os.makedirs(source.library + "/datalib")
    result = source.publish()
    assert result.code == 1 and "'datalib' is there" in result.message, result
    shutil.rmtree(source.library)
    assert source.publish(content_id="ps100001").code == 0
    result = source.publish()
    assert result.code == 1 and "differs from 'PS100001.3' by case only" in result.message, result
    source.replace({"a": b"a", "a.INI/x": b"x"})
    result = source.publish(content_id="PS100002")
    assert result.code == 3 and "'a' beside the folder 'a.INI'" in result.message, result
    source.replace({"a": b"a"})
    holder = os.open(source.library, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    result = source.publish("--json", content_id="PS100002")
    assert result.code == 1 and result.json["error"]["code"] == "BUSY", result
    os.close(holder)
    os.symlink("/etc", source.library + "/DataLib/PS100003.3")
    result = source.publish(content_id="PS100003")
    assert result.code == 1 and "it is a link" in result.message, result
    assert source.publish("--replace", content_id="PS100003").code == 0
    assert source.held() == {("ps100001", 3): {"a": b"a"}, ("PS100003", 3): {"a": b"a"}}
    with open(source.library + "/PkgLib/PS100003.INI", "ab") as file:
        file.write(b"\0")
    result = source.publish(content_id="PS100003", version=4)
    assert result.code == 1 and "PkgLib/PS100003.INI" in result.message, result


def test_disks(scene):
    """A full and a read-only disk are blamed; nothing is in sight; with room it is done."""
    disk = SmallDisk(scene, 2 << 20)
    source = ForLibrary(scene, {"a%d.bin" % i: filler(200000, i) for i in range(20)})
    source.library = disk.point + "/lib"
    result = source.publish("--json", prefix=disk.enter)
    assert result.code == 1 and result.json["error"]["blame"] == "disk", result
    assert disk.shows("lib/DataLib") == [] and disk.shows("lib/PkgLib") == [], result
    disk.grow(16 << 20)
    assert source.publish(prefix=disk.enter).code == 0
    assert disk.shows("lib/PkgLib") == ["PS100001.INI"]
    disk.remount("ro")
    result = source.publish("--json", version=4, prefix=disk.enter)
    assert result.code == 1 and "ead-only" in result.message, result


def test_import_of_what_was_published(scene):
    """A library on a USB disk, its policy document beside it: prestaged on a machine."""
    source = ForLibrary(scene, FILES)
    assert source.publish().code == 0
    scene.content(FILES)  # what may be in sight
    result = cache(scene, "import", source.library)
    assert result.code == 0 and result.json["imported"] == 1, result
    assert files_of(tree_of(scene)) == FILES


def test_verify(scene):
    """Every file of every content hashed anew, a Windows library's too."""
    inner = scene.path("dp/SCCMContentLib")
    library = Library(inner, utf16=True).add("PS100001", 3, FILES).add("PS100002", 1, {"b": b"b"})
    verify = ["publish", "--verify", "--library", os.path.dirname(inner), "--json"]
    result = scene.run(*verify, policy=False)
    assert result.code == 0, result
    assert [(row["content"], row["version"], row["state"], row["files"], row["bytes"])
            for row in result.json] == [("PS100001", 3, "ok", 5, 300010),
                                        ("PS100002", 1, "ok", 1, 1)], result
    path = library.file_path(FILES["setup.exe"])
    tree = library.path("DataLib", "PS100001.3")
    for put, file, kind in (
            (lambda: open(path, "r+b").write(b"X"), "setup.exe", "changed"),
            (lambda: os.truncate(path, 5), "setup.exe", "truncated"),
            (lambda: os.unlink(path), "setup.exe", "missing"),
            (lambda: (library.add("PS100001", 3, FILES), os.unlink(tree + "/setup.exe.INI")),
             ".", "changed"),
            (lambda: (library.add("PS100001", 3, FILES), os.unlink(tree + ".INI")), ".",
             "changed")):
        put()
        result = scene.run(*verify, policy=False)
        assert result.code == 1 and result.json[1]["state"] == "ok", result
        assert [(row["file"], row["kind"]) for row in result.json[0]["bad"]] == [(file, kind)]
    assert scene.run(*verify, "--content", "PS100002", policy=False).code == 0
    assert scene.run(*verify, "--content", "PS100003", policy=False).code == 1
    assert scene.run(*verify, "--source", tree, policy=False).code == 2


# cache export


def test_export(scene):
    """Everything cached, in a form that this machine and others take back."""
    estate(scene, [scene.content(FILES), scene.content({"b": b"b"}, "PS100002", 1)])
    for name in ("PS100001", "PS100002"):
        assert scene.get(name).code == 0
    folder = scene.path("usb/lib")
    result = cache(scene, "export", folder)
    assert result.code == 0, result
    assert [(row["content"], row["version"], row["result"]) for row in result.json["exported"]] \
        == [("PS100001", 3, "published"), ("PS100002", 1, "published")], result
    assert read_library(folder)[0] == {NAME: FILES, ("PS100002", 1): {"b": b"b"}}
    inode = os.stat(tree_of(scene) + "/setup.exe").st_ino
    assert inode not in {row[0] for row in stamps(folder).values()}, "a link into the cache"
    assert [row["result"] for row in cache(scene, "export", folder).json["exported"]] == \
        ["unchanged"] * 2
    assert cache(scene, "remove", "PS100001", "PS100002").code == 0
    result = cache(scene, "import", folder)
    assert result.code == 0 and result.json["imported"] == 2, result
    result = cache(scene, "export", scene.path("one"), "PS100002.1")
    assert list(read_library(scene.path("one"))[0]) == [("PS100002", 1)], result
    for args, code in ((("export",), 2), (("export", folder, "PS100009"), 1),
                       (("list", "--replace"), 2)):
        assert cache(scene, *args).code == code, args


def test_export_of_a_corrupt_content(scene):
    """Wrong bytes do not leave the machine; the others do."""
    estate(scene, [scene.content(FILES), scene.content({"b": b"b"}, "PS100002", 1)])
    for name in ("PS100001", "PS100002"):
        assert scene.get(name).code == 0
    path = tree_of(scene) + "/setup.exe"
    os.chmod(path, 0o644)
    for put, why in ((lambda: open(path, "r+b").write(b"X"), "other bytes"),
                     (lambda: os.truncate(path, 5), "of another size"),
                     (lambda: os.unlink(path), "is missing")):
        put()
        folder = scene.path(why)
        result = cache(scene, "export", folder, whole=False)
        assert result.code == 1 and why in result.message, result
        assert read_library(folder)[0] == {("PS100002", 1): {"b": b"b"}}
    assert "Content PS100001.3 was not exported" in scene.log_text()


# SIGKILL


OLD = {"a.txt": b"old", "sub/b.txt": b"same", "gone/c.txt": b"c", "large.bin": b"1" * 300000}
NEW = {"a.txt": b"new!", "sub/b.txt": b"same", "sub/d.txt": b"d", "large.bin": b"2" * 300000}


def begin(scene, name, old):
    lane = harness.Scene.__new__(harness.Scene)
    lane.__dict__.update(scene.__dict__)
    lane.folder = scene.path(name)
    os.makedirs(lane.folder)
    source = ForLibrary(lane, old or NEW, ["leer"])
    source.publish("--no-sync", content_id="PS100009", version=1)
    if old:
        assert source.publish("--no-sync").code == 0
        source.replace(NEW)
        os.makedirs(source.path + "/leer")
    return lane, source


def visible(source):
    """Contents that a reader finds: those with an INI, whole."""
    names = {name[:-4] for name in os.listdir(source.library + "/DataLib")
             if name.endswith(".INI") and os.path.isfile(
                 os.path.join(source.library, "DataLib", name))}
    found = {}
    for name in names:
        tree = os.path.join(source.library, "DataLib", name)
        files = {}
        for where, _, inis in os.walk(tree):
            for ini in inis:
                row = read_ini(os.path.join(where, ini))["File"]
                path = os.path.join(source.library, "FileLib", row["Hash"][:4], row["Hash"])
                with open(path, "rb") as file:
                    files[os.path.relpath(os.path.join(where, ini), tree)[:-4]] = file.read()
        found[name] = files
    return found


def sweep(scene, old, flags, most=30):
    can_trace()
    lane, source = begin(scene, "undisturbed", old)
    done = Traced(lane, source, 3, flags=flags)
    assert done.code == 0, done
    points = [(call, n) for call, times in sorted(done.counts().items())
              for n in range(1, times + 1)]
    if most:
        points = points[::-(-len(points) // most)]
    killed = saw_old = 0
    for number, (call, n) in enumerate(points):
        lane, source = begin(scene, "point%d" % number, old)
        done = Traced(lane, source, 3, *inject(call, "signal=KILL", n), flags=flags)
        killed += done.killed
        assert done.killed or done.code == 0, done
        found = visible(source)
        assert found.pop("PS100009.1") == (old or NEW)
        assert found in ({}, {"PS100001.3": old}, {"PS100001.3": NEW}), (call, n)
        saw_old += found.get("PS100001.3") == old
        again = source.publish(*flags)
        assert again.code == 0 and not source.leftovers(), (call, n, again)
        assert source.held()[NAME] == NEW
        shutil.rmtree(lane.folder)
    print("%d points, %d killed" % (len(points), killed))
    assert killed > len(points) * 2 // 3 and (saw_old > len(points) // 10 or not old)


def test_kills(scene):
    """Nothing or all of it is in sight; the next run completes."""
    sweep(scene, None, [])


def test_kills_while_replacing(scene):
    """The old content, none, or the new one."""
    sweep(scene, OLD, ["--replace"])


@torture
@slow("a run under strace for every call that changes a file")
def test_kills_at_every_call(scene):
    sweep(scene, None, [], None)


@torture
@slow("a run under strace for every call that changes a file")
def test_kills_while_replacing_at_every_call(scene):
    sweep(scene, OLD, ["--replace"], None)
