"""cache import: prestaged contents out of a Windows DP's content library."""

import os
import subprocess

from contentlib import Library
from folder_hash import folder_hash
from harness import DP, filler
from publishing import files_of
from test_cache import cache, estate, listed, tree_of

FILES = {"setup.exe": filler(300000, 1), "en-us/setup.mui": b"mui", "en-us/again.mui": b"mui",
         "Grüße/Übung.txt": b"text", "empty": b""}


def content_of(scene, files=None, hashes=False):
    """A content of the policy that no distribution point has."""
    content = scene.content(files or FILES)
    scene.policy(content, [DP("dp1.contoso.test", "http://127.0.0.1:1/SMS_DP_SMSPKG$")],
                 hashes={content.id: folder_hash(files or FILES)} if hashes else None)
    return content


def library_of(scene, files=None, name="usb/SCCMContentLib", **how):
    return Library(scene.path(name), **how).add("PS100001", 3, files or FILES)


def import_from(scene, folder, **options):
    return cache(scene, "import", scene.path(folder), **options)


def test_import(scene):
    """What the policy wants is copied, proven and published; what it does not know is left out."""
    content_of(scene)
    library = library_of(scene)
    library.add("PS100001", 2, {"old": b"old"}).add("PS100009", 1, {"other": b"other"})
    result = import_from(scene, "usb")
    assert result.code == 0, result
    assert (result.json["checked"], result.json["bytes"], result.json["imported"]) == \
        (4, 300007, 1), result
    assert [(row["content"], row["version"]) for row in result.json["leftOut"]] == \
        [("PS100001", 2), ("PS100009", 1)], result
    assert listed(scene)["PS100001.3"]["origin"] == "library " + scene.path("usb")
    assert files_of(tree_of(scene)) == FILES
    # From the cache; no distribution point is there.
    assert scene.get().json["bytesFromNetwork"] == 0
    again = import_from(scene, "usb/SCCMContentLib")
    assert (again.json["imported"], again.json["cached"], again.json["bytes"]) == (0, 1, 0), again
    source = os.stat(library.file_path(FILES["setup.exe"]))
    assert os.stat(tree_of(scene) + "/setup.exe").st_ino != source.st_ino
    assert "Content PS100001.3 was imported from" in scene.log_text()


def test_forms(scene):
    """UTF-16, LF, names in any case."""
    content_of(scene)
    for number, how in enumerate(({"utf16": True}, {"crlf": False}, {"mixed_case": True},
                                  {"utf16": True, "mixed_case": True})):
        library_of(scene, name="lib%d" % number, **how)
        result = import_from(scene, "lib%d" % number)
        assert result.code == 0 and result.json["imported"] == 1, result
        assert cache(scene, "remove", "PS100001").code == 0


def test_without_its_indexes(scene):
    """A copy that lacks PkgLib, or a content's INI, has its bytes all the same."""
    content_of(scene)
    for missing in ("PkgLib", "DataLib/PS100001.3/setup.exe.INI"):
        path = library_of(scene).path(missing)
        subprocess.run(["rm", "-r", path], check=True)
        result = import_from(scene, "usb")
        assert result.code == 0 and result.json["imported"] == 1, result
        assert cache(scene, "remove", "PS100001").code == 0


def test_folder_hash(scene):
    """A content that policy knows by its folder hash alone."""
    content = content_of(scene, hashes=True)
    library_of(scene)
    result = import_from(scene, "usb")
    assert result.code == 0 and result.json["imported"] == 1, result
    assert scene.has(content)
    cache(scene, "remove", "PS100001")
    library = Library(scene.path("bad"))
    library.add("PS100001", 3, {**FILES, "one": b"more"})
    result = import_from(scene, "bad")
    assert result.code == 1 and "folder hash" in result.message, result
    assert listed(scene) == {}


def overwrite(path, data):
    with open(path, "wb") as file:
        file.write(data)


def test_bad_pieces(scene):
    """Each is named with its kind; nothing is published; what was right is kept for the next."""
    content = content_of(scene)
    library = library_of(scene)
    path = library.file_path(FILES["setup.exe"])
    faults = {
        "missing": lambda: os.unlink(path),
        "truncated": lambda: overwrite(path, FILES["setup.exe"][:5]),
        "changed": lambda: overwrite(path, b"x" + FILES["setup.exe"][1:]),
        "foreign": lambda: (os.unlink(path), os.symlink("/dev/zero", path)),
    }
    for kind, put in faults.items():
        put()
        result = import_from(scene, "usb")
        assert result.code == 1 and not scene.has(content), result
        assert [(row["file"], row["kind"]) for row in result.json["bad"]] == \
            [("setup.exe", kind)], result
        if os.path.lexists(path):
            os.unlink(path)
        library_of(scene)
    os.unlink(path)
    os.mkfifo(path)
    result = import_from(scene, "usb")
    assert [row["kind"] for row in result.json["bad"]] == ["foreign"], result
    os.unlink(path)
    library_of(scene)
    result = import_from(scene, "usb")
    assert result.code == 0 and result.json["bytes"] == 300000, result


def test_hostile_library(scene):
    """Names out of the folder, links, sizes and digests that are none: refused by name."""
    content_of(scene, hashes=True)
    cases = {
        "no regular file": lambda folder: os.symlink("/etc/passwd", folder + "/link.INI"),
        "is malformed": lambda folder: overwrite(folder + "/a.INI", b"[File]\r\nSize=-1\r\n"),
        "'b.INI' is malformed": lambda folder: overwrite(folder + "/b.INI",
                                                         b"[File]\r\nHash=..\\..\\x\r\nSize=1"),
        "'c.INI' is malformed": lambda folder: overwrite(
            folder + "/c.INI", b"[File]\r\nSize=99999999999999999999\r\n"),
        "has no [File] Hash and Size": lambda folder: overwrite(folder + "/d.INI", b"\xff\xfe"),
        "too large": lambda folder: overwrite(folder + "/e.INI", b"[File]" + b" " * (2 << 20)),
        "is there twice": lambda folder: overwrite(
            folder + "/SETUP.EXE.INI", open(folder + "/setup.exe.INI", "rb").read()),
    }
    for number, (what, put) in enumerate(cases.items()):
        library = library_of(scene, name="hostile%d" % number)
        put(library.path("DataLib", "PS100001.3"))
        result = import_from(scene, "hostile%d" % number, json=False)
        assert result.code == 1 and what in result.message, (what, result)
    tree = library_of(scene, name="below").path("DataLib", "PS100001.3")
    os.makedirs(tree + "/setup.exe")
    overwrite(tree + "/setup.exe/x.INI", open(tree + "/setup.exe.INI", "rb").read())
    result = import_from(scene, "below", json=False)
    assert result.code == 1 and "is below a file" in result.message, result
    os.makedirs(library_of(scene, name="deep").path("DataLib", "PS100001.3") + "/d" * 70)
    result = import_from(scene, "deep", json=False)
    assert result.code == 1 and "is too deep" in result.message, result
    os.symlink(scene.path("hostile0/DataLib"), library_of(scene, name="x").path("link"))
    subprocess.run(["rm", "-rf", scene.path("x/FileLib")], check=True)
    os.symlink(scene.path("hostile0/FileLib"), scene.path("x/FileLib"))
    result = import_from(scene, "x", json=False)
    assert result.code == 1 and "cannot open 'FileLib': it is a link" in result.message, result
    result = import_from(scene, "nowhere", json=False)
    assert result.code == 1 and "cannot open the content library" in result.message, result


def test_room_is_made(scene):
    """The longest unused goes for what is imported, as for what comes from the network."""
    old = scene.content({"old": filler(900000, 5)}, "PS100002", 1)
    content = scene.content(FILES)
    nginx = estate(scene, [old, content], MaxCacheSizeMB=1, CacheTombstoneContentMinDuration=0)
    assert nginx and scene.get("PS100002").code == 0
    library_of(scene)
    result = import_from(scene, "usb")
    assert result.code == 0 and set(listed(scene)) == {"PS100001.3"}, result
    assert "Content PS100002.1 was removed from the cache for PS100001.3, 900000 bytes freed" \
        in scene.log_text()
