"""cache: what is on this machine, how large it may be, and what goes first."""

import fcntl
import os
import re
import shutil

from disk import SmallDisk
from harness import DP, filler, instance, sha256_file

MIB = 1 << 20


def cache(scene, *words, json=True, whole=True, **options):
    """`whole`: no content in sight is damaged."""
    flags = ["--json"] if json else []
    result = scene.run("cache", *words, *flags, *scene.MACHINE, *scene.places(), **options)
    if whole:
        scene.check_cache()
    return result


def listed(scene):
    result = cache(scene, "list")
    assert result.code == 0, result
    return {"%s.%d" % (row["content"], row["version"]): row for row in result.json}


def removed(result):
    return ["%s.%d" % (row["content"], row["version"]) for row in result.json["removed"]]


def tree_of(scene, name="PS100001.3"):
    return os.path.join(scene.cache, "DataLib", name)


def estate(scene, contents, *extra, **limits):
    """One server that has all of them."""
    nginx = scene.nginx()
    scene.limit_cache(**limits)
    scene.policy(contents, [DP("dp1.contoso.test", nginx.url)], extra=extra)
    return nginx


def bring(scene, *names):
    for name in names:
        result = scene.get(name)
        assert result.code == 0, result
    return result


def used_long_ago(scene, name, hours):
    path = tree_of(scene, name) + ".INI"
    now = os.stat(path).st_mtime
    os.utime(path, (now, now - hours * 3600))


def several(scene, count, size=MIB):
    return [scene.content({"file": filler(size, seed)}, "PS10000%d" % seed, 1)
            for seed in range(1, count + 1)]


def test_list(scene):
    """Sizes, what is shared, last use, origin, state; the versions of a content in PkgLib."""
    shared, own = filler(300000, 1), filler(100000, 2)
    old = scene.content({"a": shared, "b": own, "again/a": shared}, "PS100001", 1)
    new = scene.content({"a": shared, "c": b"new"}, "PS100002", 7)
    estate(scene, [old, new])
    assert listed(scene) == {}
    bring(scene, "PS100001", "PS100002")
    rows = listed(scene)
    assert set(rows) == {"PS100001.1", "PS100002.7"}, rows
    row = rows["PS100001.1"]
    assert set(row) == {"content", "version", "path", "size", "sharedBytes", "files", "lastUsed",
                        "pinned", "state", "origin"}, row
    assert (row["size"], row["sharedBytes"], row["files"]) == (700000, 300000, 3), row
    assert (row["pinned"], row["state"], row["origin"]) == (False, "complete", "dp1.contoso.test")
    assert row["path"] == os.path.realpath(tree_of(scene, "PS100001.1")), row
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["lastUsed"]), row
    assert rows["PS100002.7"]["sharedBytes"] == 300000
    with open(os.path.join(scene.cache, "PkgLib/PS100001.INI"), encoding="utf-8") as file:
        assert file.read().split() == ["[Packages]", "PS100001.1="]
    text = cache(scene, "list", json=False)
    assert "PS100002 version 7: complete, 2 files, 300003 bytes" in text.out, text


def test_list_damaged(scene):
    """A content of which a file is gone is corrupt; one that was begun is partial."""
    content = scene.content({"a": filler(300000, 1), "b": b"b"})
    estate(scene, [content])
    bring(scene, "PS100001")
    os.unlink(tree_of(scene) + "/b")
    assert cache(scene, "list", whole=False).json[0]["state"] == "corrupt"
    shutil.rmtree(tree_of(scene))
    os.unlink(tree_of(scene) + ".INI")
    scene.write("cache/Staging/PS100001.3/" + content.rows[0][2], b"x" * 5000)
    row = listed(scene)["PS100001.3"]
    assert (row["state"], row["files"], row["origin"]) == ("partial", 1, None), row
    assert 5000 <= row["size"] < 20000, row


def test_a_new_version_brings_only_new_files(scene):
    files = {"kept%d" % i: filler(50000, i) for i in range(20)}
    old = scene.content({**files, "changed": b"old"}, version=3)
    estate(scene, [old])
    bring(scene, "PS100001")
    new = scene.content({**files, "changed": b"new one", "moved/kept": files["kept1"]}, version=4)
    estate(scene, [new])
    answer = bring(scene, "PS100001").json
    assert (answer["bytesFromNetwork"], answer["version"]) == (7, 4), answer
    rows = listed(scene)
    assert rows["PS100001.3"]["sharedBytes"] == rows["PS100001.4"]["sharedBytes"] == 1000000
    inode = os.stat(tree_of(scene, "PS100001.3") + "/kept1").st_ino
    assert os.stat(tree_of(scene, "PS100001.4") + "/moved/kept").st_ino == inode
    with open(os.path.join(scene.cache, "PkgLib/PS100001.INI"), encoding="utf-8") as file:
        assert file.read().split() == ["[Packages]", "PS100001.3=", "PS100001.4="]


def test_remove(scene):
    """Frees what no other content has; the other stays whole."""
    shared = filler(300000, 1)
    old = scene.content({"a": shared, "b": filler(100000, 2)}, "PS100001", 1)
    other = scene.content({"a": shared}, "PS100002", 1)
    estate(scene, [old, other])
    bring(scene, "PS100001", "PS100002")
    result = cache(scene, "remove", "PS100001")
    assert result.json == {"removed": [{"content": "PS100001", "version": 1, "freed": 100000}]}
    assert set(listed(scene)) == {"PS100002.1"}
    assert not os.path.exists(os.path.join(scene.cache, "PkgLib/PS100001.INI"))
    assert not os.path.exists(os.path.join(scene.cache, "Staging/PS100001.1"))
    assert "Content PS100001.1 was removed from the cache, 100000 bytes freed" in scene.log_text()
    assert scene.get("PS100002").json["bytesFromNetwork"] == 0
    result = cache(scene, "remove", "PS100001.1", json=False)
    assert result.code == 1 and "PS100001.1: is not in the cache" in result.message, result
    result = cache(scene, "remove", "PS100002.1", json=False)
    assert result.out == "PS100002 version 1: removed, 300000 bytes freed\n", result
    assert not any(names for _, _, names in os.walk(os.path.join(scene.cache, "FileLib")))


def test_remove_one_version(scene):
    """An ID with a version is that one alone, also the one that the policy wants; a name is all."""
    for version in (3, 4):
        estate(scene, [scene.content({"a": b"%d" % version}, version=version)],
               instance("SMS_Package", PackageID="PS100001", Name="Seven Zip",
                        SourceVersion=version))
        bring(scene, "PS100001")
    assert removed(cache(scene, "remove", "PS100001.4")) == ["PS100001.4"]
    bring(scene, "PS100001")
    assert removed(cache(scene, "remove", "Seven Zip")) == ["PS100001.3", "PS100001.4"]
    bring(scene, "PS100001")
    assert cache(scene, "remove", "ps100001.3").code == 1


def test_remove_takes_what_was_begun(scene):
    content = scene.content({"a": filler(300000, 1)})
    estate(scene, [content])
    scene.write("cache/Staging/PS100001.3/" + content.rows[0][2], b"x" * 8192)
    result = cache(scene, "remove", "PS100001")
    assert removed(result) == ["PS100001.3"] and result.json["removed"][0]["freed"] == 8192
    assert listed(scene) == {}


def test_one_that_is_read_stays(scene):
    """Neither trim nor remove takes a tree that another process holds, nor the other way round."""
    content = scene.content({"a": filler(300000, 1)})
    estate(scene, [content], MaxCacheSizeMB=1, CacheTombstoneContentMinDuration=0)
    bring(scene, "PS100001")
    reader = os.open(tree_of(scene), os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    result = cache(scene, "remove", "PS100001", json=False)
    assert result.code == 1 and "version 3 is being read" in result.message, result
    assert scene.has(content)
    os.close(reader)
    remover = os.open(tree_of(scene), os.O_RDONLY)
    fcntl.flock(remover, fcntl.LOCK_EX)
    result = scene.get("--to=" + scene.path("out"))
    assert result.json["error"]["code"] == "BUSY", result
    os.close(remover)
    assert removed(cache(scene, "remove", "PS100001")) == ["PS100001.3"]


def test_an_index_that_is_missing(scene):
    """Whoever published may have been killed in the writing of PkgLib: the next use completes it."""
    estate(scene, several(scene, 1))
    bring(scene, "PS100001")
    room = os.path.join(scene.cache, "PkgLib")
    os.rename(room + "/PS100001.INI", room + "/.PS100001.INI.tmp")
    result = bring(scene, "PS100001")
    assert result.json["bytesFromNetwork"] == 0 and os.listdir(room) == ["PS100001.INI"], result
    with open(room + "/PS100001.INI") as file:
        assert file.read() == "[Packages]\nPS100001.1=\n"


def test_the_longest_unused_goes_first(scene):
    contents = several(scene, 4)
    estate(scene, contents, MaxCacheSizeMB=2, CacheTombstoneContentMinDuration=3600)
    bring(scene, "PS100001", "PS100002")
    used_long_ago(scene, "PS100001.1", 2)
    used_long_ago(scene, "PS100002.1", 5)
    bring(scene, "PS100003")
    assert set(listed(scene)) == {"PS100001.1", "PS100003.1"}
    bring(scene, "PS100001")  # from the cache: used now
    result = scene.get("PS100004")
    error = result.json["error"]
    assert (error["code"], error["blame"]) == ("CACHE_SIZE", "disk"), result
    assert "may hold 2097152 and has 2097152" in error["text"], error
    assert set(listed(scene)) == {"PS100001.1", "PS100003.1"}, "something went in vain"
    assert "Content PS100002.1 was removed from the cache for PS100003.1, %d bytes freed" \
        % MIB in scene.log_text()


def test_the_settings_file_narrows(scene):
    contents = several(scene, 2, MIB + 1)
    estate(scene, contents)
    scene.settings(cacheMegabytes=1)
    assert scene.get("PS100001").json["error"]["code"] == "CACHE_SIZE"
    scene.settings(cacheMegabytes=2)
    bring(scene, "PS100001")
    free = shutil.disk_usage(scene.folder).free // MIB
    scene.settings(minFreeMegabytes=free + 1000)
    error = scene.get("PS100002").json["error"]
    assert error["code"] == "DISK_SPACE" and "that stay free" in error["text"], error
    scene.settings(cachePercent=101)
    result = cache(scene, "list")
    assert result.code == 3 and "'cachePercent' must be a number from 1 to 100" in result.err


def test_pinned_stays(scene):
    """By PERSIST_IN_CACHE of the package and by NP_Deployment.Pinned, of the version it names."""
    contents = several(scene, 3)
    rows = [instance("NP_Deployment", ContentID="PS100001", Pinned=True),
            instance("NP_Deployment", ContentID="PS100002", Pinned=True, Version=9)]
    estate(scene, contents, *rows, CacheTombstoneContentMinDuration=0)
    bring(scene, "PS100001", "PS100002", "PS100003")
    used_long_ago(scene, "PS100001.1", 9)
    scene.settings(cacheMegabytes=2)
    assert [row["pinned"] for row in cache(scene, "list").json] == [True, False, False]
    assert removed(cache(scene, "trim")) == ["PS100002.1"]
    scene.settings(cacheMegabytes=1)
    assert removed(cache(scene, "trim")) == ["PS100003.1"]
    estate(scene, contents, instance("SMS_Package", PackageID="PS100001", SourceVersion=1,
                                     PkgFlags=1 << 25))
    assert [row["pinned"] for row in cache(scene, "list").json] == [True]
    estate(scene, contents, instance("SMS_Package", PackageID="PS100001", SourceVersion=1,
                                     PkgFlags=1 << 26))
    assert [row["pinned"] for row in cache(scene, "list").json] == [False]


def test_trim_says_what_it_cannot(scene):
    contents = several(scene, 2)
    estate(scene, contents)
    bring(scene, "PS100001", "PS100002")
    assert removed(cache(scene, "trim")) == []
    scene.settings(cacheMegabytes=1)
    result = cache(scene, "trim")
    assert result.code == 1 and "may hold 1048576 and has 2097152" in result.message, result
    assert removed(result) == [] and len(listed(scene)) == 2


def test_trim_clears_what_was_left(scene):
    """Bytes without a content, a tree without a record, a record without a tree."""
    contents = several(scene, 3, 1000)
    estate(scene, contents, CacheTombstoneContentMinDuration=0)
    bring(scene, "PS100001", "PS100002", "PS100003")
    os.unlink(tree_of(scene, "PS100001.1") + ".INI")
    shutil.rmtree(tree_of(scene, "PS100002.1"))
    os.makedirs(os.path.join(scene.cache, "Staging/.done-PS100001.1/tree"))
    assert cache(scene, "trim").code == 0
    assert os.listdir(os.path.join(scene.cache, "Staging")) == []
    assert set(os.listdir(os.path.join(scene.cache, "DataLib"))) == {"PS100003.1", "PS100003.1.INI"}
    files = [name for _, _, names in os.walk(os.path.join(scene.cache, "FileLib"))
             for name in names]
    assert files == [contents[2].rows[0][2]], files


# Touched files.


def test_touched_is_hashed(scene):
    """A file whose times are others is hashed; right bytes need no network, wrong ones are fetched
    alone."""
    content = scene.content({"a": filler(300000, 1), "b": filler(200000, 2)})
    estate(scene, [content])
    bring(scene, "PS100001")
    path = tree_of(scene) + "/b"
    os.utime(path, (1, 1))
    record = tree_of(scene) + ".INI"
    with open(record, encoding="utf-8") as file:
        old = file.read()
    assert bring(scene, "PS100001").json["bytesFromNetwork"] == 0
    with open(record, encoding="utf-8") as file:
        assert " 1000000000 " in file.read() and " 1000000000 " not in old, "hashed again each time"
    before = os.stat(path)
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"XX")
    os.chmod(path, 0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sha256_file(path) != content.rows[1][2], "the fault was not put in"
    answer = bring_damaged(scene)
    assert answer["bytesFromNetwork"] == 200000, answer


def bring_damaged(scene):
    result = scene.run("get", "PS100001", "--json", *scene.MACHINE, *scene.places())
    assert result.code == 0, result
    scene.check_cache()
    return result.json


# Two places.


def test_two_places(scene):
    """The second disk takes what the first has no room for; nothing moves; list says where."""
    disk = SmallDisk(scene, 3 * MIB)
    scene.cache = os.path.join(disk.point, "cache")
    contents = several(scene, 3, 2 * MIB)
    estate(scene, contents, CacheTombstoneContentMinDuration=0)
    second = scene.path("second")
    scene.settings(cacheSecondary=second)
    for name in ("PS100001", "PS100002"):
        result = scene.get(name, prefix=disk.enter)
        assert result.code == 0, result
        assert result.json["path"].startswith(disk.point if name == "PS100001" else second), result
    rows = cache(scene, "list", prefix=disk.enter).json
    assert [row["path"].startswith(second) for row in rows] == [False, True], rows
    # From both there is no network.
    for name in ("PS100001", "PS100002"):
        result = scene.get(name, prefix=disk.enter)
        assert result.json["bytesFromNetwork"] == 0, result
    assert os.listdir(os.path.join(second, "Staging")) == []
    result = cache(scene, "remove", "PS100002", prefix=disk.enter)
    assert removed(result) == ["PS100002.1"] and os.listdir(os.path.join(second, "DataLib")) == []


def test_the_other_place_has_the_bytes(scene):
    """They are copied from disk to disk, not fetched."""
    disk = SmallDisk(scene, 4 * MIB)
    scene.cache = os.path.join(disk.point, "cache")
    small = scene.content({"file": filler(MIB, 1)}, "PS100001", 1)
    large = scene.content({"file": filler(MIB, 1), "more": filler(3 * MIB, 2)}, "PS100002", 1)
    estate(scene, [small, large], CacheTombstoneContentMinDuration=86400)
    scene.settings(cacheSecondary=scene.path("second"))
    assert scene.get("PS100001", prefix=disk.enter).code == 0
    result = scene.get("PS100002", prefix=disk.enter)
    assert result.code == 0 and result.json["bytesFromNetwork"] == 3 * MIB, result
    assert result.json["path"].startswith(scene.path("second")), result


def test_usage(scene):
    estate(scene, several(scene, 1, 10))
    for words, what in ((["lost"], "not 'lost'"), (["list", "PS100001"], "takes no contents"),
                        (["remove"], "takes the contents to remove"),
                        (["verify", "--due", "PS100001"], "--due")):
        result = cache(scene, *words)
        assert result.code == 2 and what in result.message, result
