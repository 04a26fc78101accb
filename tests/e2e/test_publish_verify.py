"""publish --verify: what was laid out is held against its record, and repaired."""

import fcntl
import json
import os
import shutil

from harness import filler, threads
from publishing import ROOT_NAME, Source, check_laid_out, files_of

FILES = {"a.txt": b"aaaa", "sub/b.txt": b"bbbb", "sub/c.txt": b"cccc", "d/deep/d.bin": filler(9999)}


def published(scene, folders=("leer",), **options):
    source = Source(scene, FILES, folders)
    assert source.publish("--no-sync", **options).code == 0
    return source


def bad_of(result):
    return [(row["file"], row["kind"], row["repaired"]) for row in result.json[0]["bad"]]


@threads
def test_whole(scene):
    """A line a content, exit 0; as JSON an array."""
    source = published(scene)
    assert source.publish("--no-sync", content_id="PS100002", version=7).code == 0
    result = source.verify()
    assert result.code == 0 and result.out == (
        "PS100001 version 3: ok, 4 files, 10011 bytes\n"
        "PS100002 version 7: ok, 4 files, 10011 bytes\n"), result
    result = source.verify("--json", "--content", "PS100002")
    assert result.json == [{"content": "PS100002", "version": 7, "state": "ok", "files": 4,
                            "bytes": 10011, "bad": []}], result
    assert source.verify("--content", "PS100002", "--version", "7").code == 0
    for more in (["--content", "PS100003"], ["--content", "PS100002", "--version", "6"],
                 ["--content", "PS10000"]):
        result = source.verify(*more)
        assert result.code == 1 and "is not laid out there" in result.message, result


def damages(tree):
    """What may be wrong, (file, kind) as it is reported, and what does it."""
    def write(name, data):
        with open(os.path.join(tree, name), "wb") as file:
            file.write(data)

    def link(name):
        os.unlink(os.path.join(tree, name))
        os.symlink("/etc/passwd", os.path.join(tree, name))

    def fifo(name):
        os.unlink(os.path.join(tree, name))
        os.mkfifo(os.path.join(tree, name))

    def folder(name):
        os.unlink(os.path.join(tree, name))
        os.makedirs(os.path.join(tree, name, "more"))
        write(name + "/more/file", b"x")

    def file_for_folder(name):
        shutil.rmtree(os.path.join(tree, name))
        write(name, b"x")
    return [
        ([("a.txt", "changed")], lambda: write("a.txt", b"aaaX")),
        ([("a.txt", "changed")], lambda: write("a.txt", b"aaaa and more")),
        ([("a.txt", "truncated")], lambda: write("a.txt", b"aaa")),
        ([("a.txt", "truncated")], lambda: write("a.txt", b"")),
        ([("sub/b.txt", "missing")], lambda: os.unlink(tree + "/sub/b.txt")),
        ([("sub/b.txt", "missing"), ("sub/c.txt", "missing")],
         lambda: shutil.rmtree(tree + "/sub")),
        ([("more.txt", "foreign")], lambda: write("more.txt", b"more")),
        ([("A.TXT", "foreign"), ("a.txt", "missing")],
         lambda: os.rename(tree + "/a.txt", tree + "/A.TXT")),
        ([("a.txt", "changed")], lambda: link("a.txt")),
        ([("a.txt", "changed")], lambda: fifo("a.txt")),
        ([("a.txt", "changed"), ("a.txt/more/file", "foreign"), (".", "changed")],
         lambda: folder("a.txt")),
        ([("d", "foreign"), ("d/deep/d.bin", "missing")], lambda: file_for_folder("d")),
        ([("link", "foreign")], lambda: os.symlink("/", tree + "/link")),
        ([(".", "changed")], lambda: os.rmdir(tree + "/leer")),
        ([(".", "changed")], lambda: os.mkdir(tree + "/another")),
        ([("back\\slash", "foreign")], lambda: write("back\\slash", b"x")),
    ]


def test_each_damage(scene):
    """It is named, exit 1; with --source it is repaired, and then all is as it was published."""
    source = published(scene)
    for wanted, damage in damages(source.tree()):
        damage()
        result = source.verify("--json")
        assert result.code == 1 and "1 of 1 contents" in result.message, result
        assert result.json[0]["state"] == "corrupt" and result.json[0]["files"] == 4, result
        assert bad_of(result) == [(*row, False) for row in wanted], result
        text = source.verify()
        for name, kind in wanted:
            words = "the folder" if name == "." else "file " + name
            assert "PS100001 version 3: %s: %s" % (words.replace("\\", "\\"), kind) in text.out
        result = source.verify("--json", "--source", source.path)
        assert result.code == 0 and result.json[0]["state"] == "ok", result
        assert bad_of(result) == [(*row, True) for row in wanted], result
        check_laid_out(source)
        assert source.verify().code == 0 and not source.leftovers()


def test_a_source_that_is_wrong_too(scene):
    """Its bytes are not taken; what it has right is."""
    source = published(scene)
    tree = source.tree()
    for name in ("a.txt", "sub/b.txt", "sub/c.txt"):
        os.truncate(os.path.join(tree, name), 1)
    source.write({"a.txt": b"aaaX"})
    os.unlink(source.path + "/sub/b.txt")
    result = source.verify("--json", "--source", source.path)
    assert result.code == 1, result
    assert bad_of(result) == [("a.txt", "truncated", False), ("sub/b.txt", "truncated", False),
                              ("sub/c.txt", "truncated", True)], result
    assert files_of(tree)["a.txt"] == b"a" and files_of(tree)["sub/c.txt"] == b"cccc"
    text = source.verify("--source", source.path)
    assert "a.txt: truncated (the source has other bytes)" in text.out, text
    assert "sub/b.txt: truncated (the source does not have it)" in text.out, text
    assert not source.leftovers()


def test_a_source_with_other_folders(scene):
    source = published(scene)
    os.rmdir(source.tree() + "/leer")
    os.mkdir(source.path + "/other")
    result = source.verify("--source", source.path)
    assert result.code == 1 and "the source has other folders" in result.out, result
    assert not os.path.exists(source.tree() + "/other")


def test_a_link_in_the_source(scene):
    """It is not followed: no file of elsewhere is laid out."""
    source = published(scene)
    os.unlink(source.tree() + "/a.txt")
    os.rename(source.path + "/a.txt", scene.path("elsewhere"))
    os.symlink(scene.path("elsewhere"), source.path + "/a.txt")
    result = source.verify("--json", "--source", source.path)
    assert result.code == 1 and bad_of(result) == [("a.txt", "missing", False)], result


def test_the_record(scene):
    """One that is damaged, of another content, or gone, is said; exit 1."""
    source = published(scene)
    record = source.tree() + "/.nearpoint/content.xml"
    with open(record) as file:
        text = file.read()
    for change, kind, word in (
            (text[:-20], "changed", "is damaged"), ("", "changed", "is damaged"),
            (text.replace("NP_ContentHash", "NP_Other"), "changed", "is damaged"),
            (text.replace("PS100001", "PS100002"), "changed", "its record is of PS100002"),
            (text.replace("&quot;a.txt", "&quot;../a.txt"), "changed", "is damaged"),
            (None, "missing", "has no record")):
        os.unlink(record)
        if change is not None:
            with open(record, "w") as file:
                file.write(change)
        for flags in ([], ["--content", "PS100001"]):
            if "PS100002" in str(change) and flags:
                continue
            result = source.verify("--json", *flags)
            assert result.code == 1 and result.json[0]["state"] == "corrupt", result
            assert (".nearpoint/content.xml", kind, False) in bad_of(result), result
            assert word in result.json[0]["bad"][0]["text"], result
        if change is None:
            assert result.json[0]["content"] == "PS100001" and result.json[0]["version"] is None
            with open(record, "w") as file:
                file.write(text)
    assert source.verify().code == 0


def test_one_of_many(scene):
    """The others are verified all the same."""
    source = published(scene)
    for name in ("PS100002", "PS100003"):
        assert source.publish("--no-sync", content_id=name).code == 0
    os.truncate(source.tree("PS100002") + "/a.txt", 1)
    os.makedirs(source.tree("foreign"))
    result = source.verify("--json")
    assert result.code == 1 and "2 of 4 contents" in result.message, result
    assert [(row["content"], row["state"]) for row in result.json] == [
        ("PS100001", "ok"), ("PS100002", "corrupt"), ("PS100003", "ok"), ("foreign", "corrupt")]
    result = source.verify("--source", source.path)
    assert result.code == 2 and "--content" in result.message, result
    assert source.verify("--content", "PS100002", "--source", source.path).code == 0


def test_a_repair_and_a_publish(scene):
    """A repair takes the lock; looking alone needs none, and no right to write."""
    source = published(scene)
    with open(os.path.join(source.dp, ROOT_NAME, ".nearpoint-lock")) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert source.verify().code == 0
        result = source.verify("--source", source.path)
        assert result.code == 1 and "publishing or repairing there already" in result.message
    for folder, _, _ in os.walk(source.dp):
        os.chmod(folder, 0o555)
    assert source.verify().code == 0
    for folder, _, _ in os.walk(source.dp):
        os.chmod(folder, 0o755)


def test_nothing_there(scene):
    """An empty folder is verified; one that is none is not."""
    source = Source(scene, FILES)
    result = source.verify()
    assert result.code == 1 and "dp" in result.message, result
    os.makedirs(os.path.join(source.dp, ROOT_NAME))
    result = source.verify("--json")
    assert result.code == 0 and json.loads(result.out) == [], result
    assert source.verify().out == ""
