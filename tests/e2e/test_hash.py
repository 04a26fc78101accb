"""hash: the folder hash and the files' hashes, beside what is expected."""

import hashlib
import json
import os
import shutil

from folder_hash import folder_hash_of
from harness import document, filler, instance, sha256, threads
from publishing import Source

FILES = {"setup.exe": b"MZ", "sub/b.txt": b"bbbb", "sub/c.txt": b""}
ODD = ["-a", "_a", "a", "B", "a-b", "a_b", "ab", "A-c", "Z", "\u00e4.txt", "\u00c5ngstr\u00f6m",
       "\u00fcber/\u00df.txt", "\u65e5\u672c\u8a9e/\u8a9e", "\U0001f600", "\U0001f600x/\U00010428",
       "\uff21", "\u0131", "\u01c5y", "\ua7aez", "e\u0301", "#1 %20 & 'q'", "a b", "x'y",
       "!", "~", "{", "[x]/]", "a.b/c", "a0/b", ".hidden", "d/.hidden"]


@threads
def test_a_folder(scene):
    """Every file's SHA-256 and the folder hash; nothing is expected."""
    source = Source(scene, FILES, ["leer"])
    result = scene.run("hash", source.path, "--json", policy=False)
    assert result.code == 0, result
    assert result.json == {
        "path": source.path, "folderHash": folder_hash_of(source.path), "algorithm": 32780,
        "bytes": 6, "expected": None, "match": None, "firstDifference": None,
        "files": [{"name": name, "size": len(data), "sha256": sha256(data), "expected": None}
                  for name, data in FILES.items()]}, result
    text = scene.run("hash", source.path, policy=False)
    assert text.code == 0 and folder_hash_of(source.path) in text.out, text
    assert "%s  sub/b.txt\n" % sha256(b"bbbb") in text.out and "expected" not in text.out, text
    with open(scene.path("sums"), "w") as file:
        file.write("".join(line + "\n" for line in text.out.splitlines() if line[64:66] == "  "))
    assert os.system("cd '%s' && sha256sum --quiet -c ../sums" % source.path) == 0


def test_odd_names(scene):
    """The order and the case of names, empty folders: as the independent script has them."""
    source = Source(scene, {name: b"%d" % i for i, name in enumerate(ODD)},
                    ["\u00e9", "zz/\u00df\u00df", "-2/_", "Q/-", "\U00010400"])
    result = scene.run("hash", source.path, "--json", policy=False)
    assert result.code == 0, result
    assert result.json["folderHash"] == folder_hash_of(source.path)
    assert len(result.json["files"]) == len(ODD)


def test_an_empty_folder(scene):
    source = Source(scene, {})
    result = scene.run("hash", source.path, "--json", policy=False)
    assert result.json["folderHash"] == sha256(b"") and result.json["files"] == [], result


def test_what_nearpoint_keeps_is_left_out(scene):
    """A published folder hashes as the one it was made of."""
    source = Source(scene, FILES, ["leer"])
    assert source.publish("--no-sync").code == 0
    for more in ([], ["--against", source.path], ["--content", "PS100001"]):
        result = scene.run("hash", source.tree(), "--json", *more)
        assert result.code == 0 and result.json["folderHash"] == folder_hash_of(source.path)
        assert result.json["match"] is (True if more else None), result


def manifest(files, algorithm="SHA256"):
    rows = "".join('<FileContent Name="%s" Hash="%s" HashAlgorithm="%s" Size="%d"/>'
                   % (name, hashlib.new(algorithm.lower(), data).hexdigest(), algorithm, len(data))
                   for name, data in files.items())
    return '<Content ContentId="PS100001" Version="3">%s</Content>' % rows


def expect_manifest(scene, files, algorithm="SHA256"):
    scene.write("policy/content.xml", document([instance(
        "NP_Content", ContentID="PS100001", Version=3, Manifest=manifest(files, algorithm))]))


def expect_hash(scene, text, class_name="NP_ContentHash", **more):
    scene.write("policy/content.xml", document([instance(
        class_name, ContentID="PS100001", Version=3, Hash=text, **more)]))


def content(scene, source, *flags):
    return scene.run("hash", source.path, "--content", "PS100001", "--json", *flags)


CHANGES = [
    (lambda source: None, None),
    (lambda source: source.write({"sub/b.txt": b"bbbX"}), ("sub/b.txt", "changed", b"bbbX", b"bbbb")),
    (lambda source: source.write({"sub/b.txt": b"b"}), ("sub/b.txt", "changed", b"b", b"bbbb")),
    (lambda source: source.write({"more": b"more"}), ("more", "foreign", b"more", None)),
    (lambda source: os.unlink(source.path + "/sub/b.txt"), ("sub/b.txt", "missing", None, b"bbbb")),
    (lambda source: source.replace({}), ("setup.exe", "missing", None, b"MZ")),
]


def test_against_a_manifest(scene):
    """The first file that differs, by name; exit 1."""
    for change, wanted in CHANGES:
        for algorithm in ("SHA256", "SHA1"):
            source = Source(scene, FILES)
            change(source)
            expect_manifest(scene, FILES, algorithm)
            result = content(scene, source)
            assert result.code == (1 if wanted else 0), result
            assert result.json["match"] is (wanted is None), result
            assert result.json["expected"]["folderHash"] is None, result
            assert "content.xml:2" in result.json["expected"]["from"], result
            check_first(result, wanted, algorithm)
            shutil.rmtree(source.path)


def check_first(result, wanted, algorithm="SHA256"):
    first = result.json["firstDifference"]
    if wanted is None:
        assert first is None, result
        return
    if wanted[1] == "foreign":
        algorithm = "SHA256"  # nobody asked for another
    digests = [data if data is None else hashlib.new(algorithm.lower(), data).hexdigest().upper()
               for data in wanted[2:]]
    assert first == {"file": wanted[0], "kind": wanted[1], "found": digests[0],
                     "expected": digests[1]}, result


def test_expected_beside_each_file(scene):
    source = Source(scene, dict(FILES, more=b"more"))
    expect_manifest(scene, FILES)
    rows = {row["name"]: row["expected"] for row in content(scene, source).json["files"]}
    assert rows["setup.exe"] == {"size": 2, "algorithm": "SHA256", "hash": sha256(b"MZ")}
    assert rows["more"] is None


def test_against_a_folder_hash(scene):
    """Only the whole is known."""
    source = Source(scene, FILES)
    expect_hash(scene, folder_hash_of(source.path).lower(), HashAlgorithm=32780)
    result = content(scene, source)
    assert result.code == 0 and result.json["match"] is True, result
    assert result.json["expected"]["folderHash"] == folder_hash_of(source.path), result
    source.write({"sub/b.txt": b"bbbX"})
    result = content(scene, source)
    assert result.code == 1 and result.json["match"] is False, result
    assert result.json["firstDifference"] is None, result
    text = scene.run("hash", source.path, "--content", "PS100001")
    assert text.code == 1 and "which file differs is not known" in text.out, text


def test_the_sites_own_hash(scene):
    """SMS_Content.ContentHash."""
    source = Source(scene, FILES)
    name = "Content_6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506"
    for text, code in ((folder_hash_of(source.path), 0), ("A" * 64, 1)):
        scene.write("policy/content.xml", document([instance(
            "SMS_Content", ContentID=5, ContentUniqueID=name, ContentVersion=2,
            ContentHash=text)]))
        result = scene.run("hash", source.path, "--content", name, "--json")
        assert result.code == code and result.json["match"] is (code == 0), result


def test_no_hash_is_known(scene):
    """Neither manifest nor SHA-256: said. An unknown content too."""
    source = Source(scene, FILES)
    expect_hash(scene, "A" * 40, HashAlgorithm=32772)
    result = scene.run("hash", source.path, "--content", "PS100001")
    assert result.code == 1 and "neither a manifest nor" in result.message, result
    result = scene.run("hash", source.path, "--content", "PS100002")
    assert result.code == 1 and "PS100002" in result.message, result


def test_against_a_folder(scene):
    """Folders too: one that is empty on one side only."""
    for change, wanted in CHANGES + [
            (lambda source: os.rmdir(source.path + "/leer"), ("leer/", "missing", None, None)),
            (lambda source: os.mkdir(source.path + "/leer2"), ("leer2/", "foreign", None, None))]:
        right = Source(scene, FILES, ["leer"], name="right")
        source = Source(scene, FILES, ["leer"])
        change(source)
        if wanted == CHANGES[-1][1]:
            wanted = ("leer/", "missing", None, None)
        result = scene.run("hash", source.path, "--against", right.path, "--json", policy=False)
        assert result.code == (1 if wanted else 0), result
        assert result.json["expected"] == {"folderHash": folder_hash_of(right.path),
                                           "from": right.path}, result
        check_first(result, wanted)
        for one in (right, source):
            shutil.rmtree(one.path)


def test_names_without_case(scene):
    """The folder hash knows no case: neither does the comparison."""
    right = Source(scene, {"Setup.EXE": b"1"}, name="right")
    source = Source(scene, {"setup.exe": b"1"})
    result = scene.run("hash", source.path, "--against", right.path, "--json", policy=False)
    assert result.code == 0 and result.json["match"] is True, result


def test_what_is_refused(scene):
    """Links, and names that a manifest refuses, by name: exit 3; what is not there: 1."""
    source = Source(scene, FILES)
    os.symlink("setup.exe", source.path + "/link")
    result = scene.run("hash", source.path, "--json", policy=False)
    assert result.code == 3 and "'link' is a symbolic link" in result.message and not result.out
    os.unlink(source.path + "/link")
    source.write({"Setup.exe": b""})
    result = scene.run("hash", source.path, policy=False)
    assert result.code == 3 and "'Setup.exe'" in result.message and "'setup.exe'" in result.message
    result = scene.run("hash", scene.path("nowhere"), policy=False)
    assert result.code == 1 and "nowhere" in result.message, result
    for args in ([], ["a", "b"], [source.path, "--content", "x", "--against", source.path],
                 [source.path, "--version", "3"]):
        assert scene.run("hash", *args, policy=False).code == 2, args


def test_many_files(scene):
    """A thousand files, and one large enough for many reads, on several threads."""
    files = {"d%d/f%d" % (i % 7, i): filler(i, i) for i in range(1000)}
    files["large"] = filler(5 << 20, 1)
    source = Source(scene, files)
    result = scene.run("hash", source.path, "--json", policy=False)
    assert result.json["folderHash"] == folder_hash_of(source.path)
    assert {row["name"]: row["sha256"] for row in json.loads(result.out)["files"]} == {
        name: sha256(data) for name, data in files.items()}
