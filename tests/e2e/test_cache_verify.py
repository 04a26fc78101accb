"""cache verify and cache repair: what is wrong in the library is found, said, and fetched again."""

import configparser
import os
import random
import re
import shutil
import subprocess

import harness
from harness import DP, PATH, ROOT, document, filler, instance
from sweep import Traced, can_trace, inject
from test_cache import bring, cache, estate, listed, tree_of


def verify(scene, *words):
    return cache(scene, "verify", *words, whole=False)


def overwrite(path, change):
    """As a disk or a person would: the file changes where it stands."""
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        change(file)
    os.chmod(path, 0o444)


def flip(path, at):
    def change(file):
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    overwrite(path, change)


def found(result):
    return {row["file"]: row["kind"] for row in result.json["bad"]}


def small_files(count, seed=0):
    return {"f%03d/n%d" % (i % 20, i): filler(100 + i * 7, seed + i) for i in range(count)}


def test_all_is_well(scene):
    content = scene.content({**small_files(30), "copy": filler(100, 0)})
    estate(scene, [content])
    bring(scene, "PS100001")
    result = verify(scene)
    assert result.code == 0, result
    assert result.json == {"checked": 30, "bytes": content.size - 100, "resumed": False,
                           "bad": []}, result
    text = cache(scene, "verify", json=False)
    assert re.fullmatch(r"30 files, \d+ bytes verified, 0 wrong\n", text.out), text


def test_kinds(scene):
    """Each is named, said in ContentAccess's log, and gone from sight; repair fetches those alone."""
    content = scene.content(small_files(30))
    nginx = estate(scene, [content])
    bring(scene, "PS100001")
    names = [name for name, _, _ in content.rows]
    tree = tree_of(scene) + "/"
    flip(tree + names[0], 50)
    overwrite(tree + names[1], lambda file: file.truncate(9))
    overwrite(tree + names[2], lambda file: file.write(b"x" * 5000))
    os.unlink(tree + names[3])
    os.unlink(tree + names[4])
    os.symlink("/etc/passwd", tree + names[4])
    with open(tree + "stranger", "wb") as file:
        file.write(b"?")
    wanted = {names[0]: "changed", names[1]: "truncated", names[2]: "changed", names[3]: "missing",
              names[4]: "foreign", "stranger": "foreign"}
    result = verify(scene)
    assert result.code == 1 and found(result) == wanted, result
    assert not any(os.path.lexists(tree + name) for name in names[:5]), "still handed out"
    assert os.path.exists(tree + "stranger"), "verify removes nobody's files"
    for name, kind in wanted.items():
        assert "Validation of content PS100001.3: file '%s' is %s" % (name, kind) \
            in scene.log_text()
    before = nginx.lines()
    result = cache(scene, "repair")
    assert result.code == 0 and all(row["repaired"] for row in result.json["bad"]), result
    assert nginx.lines() - before == 5 - 2, "files that the library has are not fetched"
    assert not os.path.exists(tree + "stranger")
    assert verify(scene).code == 0


def test_200_flips(scene):
    """One byte in any of 200 random files: found, repaired, and only those files were fetched."""
    content = scene.content(small_files(1000))
    nginx = estate(scene, [content])
    bring(scene, "PS100001")
    before = len(nginx.requests())
    rows = random.Random(7).sample(content.rows, 200)
    for name, size, digest in rows:
        path = tree_of(scene) + "/" + name
        flip(path, size * int(digest[:4], 16) // 65536)
    result = cache(scene, "repair")
    assert result.code == 0, result
    assert found(result) == {name: "changed" for name, _, _ in rows}
    asked = [row["path"].split("PS100001/", 1)[1] for row in nginx.requests()[before:]]
    assert sorted(asked) == sorted(name for name, _, _ in rows), "others were fetched"
    assert verify(scene).json["bad"] == []


def test_a_wrong_file_serves_no_other_content(scene):
    """After it was found neither its content nor a later one gets its bytes."""
    shared = filler(100000, 1)
    first = scene.content({"a": shared, "b": b"b"}, "PS100001", 1)
    second = scene.content({"c": shared}, "PS100002", 1)
    estate(scene, [first, second])
    bring(scene, "PS100001")
    flip(tree_of(scene, "PS100001.1") + "/a", 70000)
    assert found(verify(scene)) == {"a": "changed"}
    assert bring_other(scene) == 100000
    assert listed_states(scene) == {"PS100001.1": "corrupt", "PS100002.1": "complete"}
    # What the other brought is of use to the first.
    result = cache(scene, "repair")
    assert result.code == 0 and found(result) == {"a": "missing"}, result
    assert result.json["bad"][0]["repaired"] is True


def bring_other(scene):
    result = scene.run("get", "PS100002", "--json", *scene.MACHINE, *scene.places())
    assert result.code == 0, result
    return result.json["bytesFromNetwork"]


def listed_states(scene):
    rows = cache(scene, "list", whole=False).json
    return {"%s.%d" % (row["content"], row["version"]): row["state"] for row in rows}


def test_one_content(scene):
    contents = [scene.content({"a": filler(1000, i)}, "PS10000%d" % i, 1) for i in (1, 2)]
    estate(scene, contents)
    bring(scene, "PS100001", "PS100002")
    for content in contents:
        flip(tree_of(scene, content.folder) + "/a", 0)
    result = verify(scene, "PS100002")
    assert [row["content"] for row in result.json["bad"]] == ["PS100002"], result
    assert result.json["checked"] == 1


def test_no_source(scene):
    """What cannot be repaired is said; so is a version that nobody wants any more."""
    content = scene.content({"a": filler(1000, 1)})
    nginx = estate(scene, [content])
    bring(scene, "PS100001")
    flip(tree_of(scene) + "/a", 1)
    nginx.close()
    result = cache(scene, "repair", whole=False)
    assert result.code == 1 and result.json["bad"][0]["repaired"] is False, result
    newer = scene.content({"a": filler(1000, 2)}, version=4)
    estate(scene, [newer])
    result = cache(scene, "repair", whole=False)
    assert result.code == 1 and "does not want it any more" in result.message, result


def policy_schedule(scene, **settings):
    scene.write("policy/schedule.xml", document(
        [instance("CCM_SoftwareDistributionClientConfig", SiteSettingsKey=1, **settings)],
        policy_id="{6A3D0B0C-0000-4000-8000-00000000CAC1}"))


def test_due(scene):
    """By ContentValidationMinutes; ContentValidationRepair says whether it repairs."""
    content = scene.content({"a": filler(1000, 1)})
    estate(scene, [content])
    bring(scene, "PS100001")
    assert verify(scene, "--due").json["checked"] == 1
    assert verify(scene, "--due").json["checked"] == 0, "a week has not passed"
    scene.limit_cache(ContentValidationMinutes=1, ContentValidationRepair=0)
    path = os.path.join(scene.cache, "Validation.INI")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    finished = int(re.search(r"Finished=(\d+)", text)[1])
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(str(finished), str(finished - 61000)))
    flip(tree_of(scene) + "/a", 1)
    result = verify(scene, "--due")
    assert result.code == 1 and found(result) == {"a": "changed"}, result
    with open(path, "w", encoding="utf-8") as file:
        file.write("rubbish\n\x00=")
    scene.limit_cache(ContentValidationMinutes=0)
    assert verify(scene, "--due").json["checked"] == 0, "0 is never"
    scene.limit_cache(ContentValidationMinutes=60, ContentValidationRepair=1)
    result = verify(scene, "--due")
    assert result.code == 0 and result.json["bad"][0]["repaired"] is True, result


def test_goes_on(scene):
    """Killed in the middle, a pass goes on where it was, and looks again at what was touched."""
    can_trace()
    content = scene.content({"f%d" % i: filler(20 << 20, i) for i in range(12)})
    estate(scene, [content])
    bring(scene, "PS100001")
    killed = Traced(scene, [], "renameat", *inject("renameat", "signal=KILL", 2),
                    words=["cache", "verify", "--json"])
    assert killed.killed, killed
    with open(os.path.join(scene.cache, "Validation.INI"), encoding="utf-8") as file:
        done = re.search("Done=([0-9A-F]{64})", file.read())[1]
    behind = [row for row in content.rows if row[2] <= done]
    assert 3 <= len(behind) < 12, behind
    flip(tree_of(scene) + "/" + behind[0][0], 12345)
    result = verify(scene)
    assert found(result) == {behind[0][0]: "changed"}, result
    assert result.json["resumed"] is True
    assert result.json["checked"] == 12 - len(behind) + 1, result
    assert verify(scene).json["resumed"] is False


def test_the_units(scene):
    """The timer's command is the program's: it reads when it is due, and repairs as policy says."""
    content = scene.content(small_files(3))
    estate(scene, [content])
    bring(scene, "PS100001")
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    folder = os.path.join(ROOT, "samples/cache")
    for name in ("service", "timer"):
        parser.read(os.path.join(folder, "nearpoint-cache-verify." + name))
    program, *words = parser["Service"]["ExecStart"].split()
    assert os.path.basename(program) == "nearpoint" and parser["Timer"]["OnCalendar"] == "hourly"
    flip(tree_of(scene) + "/f001/n1", 5)
    result = scene.run(*words, *scene.MACHINE, *scene.places())
    assert result.code == 0 and "repaired" in result.out and scene.has(content), result
    assert scene.run(*words, *scene.MACHINE, *scene.places()).out == ""
    analyze = shutil.which("systemd-analyze", path=PATH)
    if not analyze:
        return
    for name in os.listdir(folder):
        with open(os.path.join(folder, name)) as file:
            scene.write("units/" + name, file.read().replace(program, harness.program()[-1]))
    done = subprocess.run([analyze, "--man=no", "verify", *[
        scene.path("units/nearpoint-cache-verify." + name) for name in ("timer", "service")]],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "units/" not in done.stderr, done.stderr
