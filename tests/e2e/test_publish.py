"""publish: a folder becomes a distribution point's content, and what it refuses."""

import fcntl
import os
import re
import signal
import socket
import stat
import subprocess
import time
import uuid
import xml.etree.ElementTree as ElementTree

from disk import SmallDisk
from harness import SCALE, Skip, filler, slow, threads, wait_until
from publishing import ROOT_NAME, Source, check_laid_out, files_of, properties
from test_hash import ODD

FILES = {"setup.exe": b"MZ setup", "sub dir/Pr\u00fcfung & <b>.xml": b"<x/>", "empty.bin": b"",
         "sub dir/deep/er.ini": b"[a]\n"}
NAMESPACE = uuid.UUID("24ea4320-276e-4750-85a8-4ad738b68a9e")


# What is laid out.


@threads
def test_a_content(scene):
    """Tree, record and document; the same again changes nothing."""
    source = Source(scene, FILES, ["leer", "sub dir/\u7a7a"])
    result = source.publish("--json")
    assert result.code == 0 and result.json["result"] == "published", result
    assert result.json["path"] == source.tree() and result.json["error"] is None, result
    assert result.json["files"] == 4 and result.json["bytes"] == 16, result
    check_laid_out(source)
    assert result.json["folderHash"] == properties(source.out)["NP_ContentHash"]["Hash"]
    assert source.in_sight() == ["PS100001"] and not source.leftovers()
    with open(source.out, "rb") as file, \
            open(source.tree() + "/.nearpoint/content.xml", "rb") as record:
        assert file.read() == record.read()
    before = os.stat(source.tree()), os.stat(source.out)
    again = source.publish()
    assert again.code == 0 and "unchanged" in again.out, again
    after = os.stat(source.tree()), os.stat(source.out)
    assert [s.st_ino for s in before] == [s.st_ino for s in after]
    assert [s.st_mtime_ns for s in before] == [s.st_mtime_ns for s in after]


def test_the_documents_identity(scene):
    """PolicyID is a UUID of version 5 of the content ID, PolicyVersion the version."""
    source = Source(scene, FILES)
    for name, version in (("PS100001", 3), ("Content_6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506", 12)):
        assert source.publish(content_id=name, version=version).code == 0
        policy = ElementTree.parse(source.out).getroot()
        assert policy.tag == "Policy"
        assert policy.get("PolicyID") == "{%s}" % str(uuid.uuid5(NAMESPACE, name)).upper()
        assert policy.get("PolicyVersion") == "%d.00" % version


def test_names_of_folders(scene):
    """A package by its ID, an application with its version, an update by its GUID."""
    source = Source(scene, {"a": b"a"})
    guid = "6f1d2c3b-8a4e-4d5f-9b60-71c2d3e4f506"
    for name, version in (("PS100001", 1), ("Content_" + guid, 1), ("Content_" + guid, 2),
                          (guid, 7)):
        assert source.publish(content_id=name, version=version).code == 0
    assert source.in_sight() == [guid, "Content_%s.1" % guid, "Content_%s.2" % guid, "PS100001"]
    check_laid_out(source, "Content_%s.2" % guid, 2, "Content_" + guid)
    check_laid_out(source, guid, 7, guid)


def test_an_empty_folder_and_an_empty_content(scene):
    """A content of nothing; and one of an empty folder alone, which the hash of the whole has."""
    source = Source(scene, {})
    assert source.publish(content_id="PS100001").code == 0
    check_laid_out(source)
    os.makedirs(source.path + "/leer")
    result = source.publish(content_id="PS100001")
    assert result.code == 1 and "empty folders" in result.message, result
    assert source.publish(content_id="PS100002").code == 0
    assert os.path.isdir(source.tree("PS100002") + "/leer")
    check_laid_out(source, "PS100002", 3, "PS100002")


def test_what_nearpoint_keeps_is_not_published(scene):
    """A folder .nearpoint at the top is left out; deeper it is a folder like others; a file of that
    name is refused."""
    source = Source(scene, {"a": b"a", ".nearpoint/content.xml": b"<x/>",
                            "b/.nearpoint/c": b"c"})
    assert source.publish().code == 0
    assert sorted(files_of(source.tree())) == ["a", "b/.nearpoint/c"]
    check_laid_out(source)
    source.replace({".nearpoint": b""})
    result = source.publish(version=4)
    assert result.code == 3 and "'.nearpoint' has a name that is reserved" in result.message


def test_missing_folders_are_made(scene):
    """Those of FILE and of FOLDER; a FILE that is a folder is refused before anything is done."""
    source = Source(scene, FILES)
    source.dp, source.out = scene.path("a/b/dp"), scene.path("c/d/content.xml")
    assert source.publish().code == 0
    check_laid_out(source)
    source.dp, source.out = scene.path("dp2"), scene.path("c")
    result = source.publish()
    assert result.code == 1 and "is a folder" in result.message and not source.in_sight(), result


def test_a_missing_document_is_written_again(scene):
    """The tree is there, the document is not, or is another."""
    source = Source(scene, FILES)
    assert source.publish().code == 0
    with open(source.out, "rb") as file:
        document = file.read()
    os.unlink(source.out)
    inode = os.stat(source.tree()).st_ino
    for text in (None, b"<Policy/>"):
        if text:
            scene.write("policy/content.xml", text)
        assert source.publish().code == 0
        with open(source.out, "rb") as file:
            assert file.read() == document
    assert os.stat(source.tree()).st_ino == inode


def test_policy_reads_it(scene):
    """Without a finding of its own, and it does not hide the site that other documents name."""
    source = Source(scene, FILES)
    assert source.publish().code == 0
    scene.write("policy/site.xml", open(os.path.join(
        os.path.dirname(__file__), "../../samples/policy/20-boundaries.xml")).read())
    shown = scene.run("policy", "--json", "Machine/Requested")
    assert shown.code == 0 and not shown.err, shown
    classes = [item["class"] for document in shown.json["machine"]["requested"]
               for item in document["instances"]]
    assert classes.count("NP_Content") == 1 and "NP_ContentHash" in classes
    found = scene.run("policy", "check", "--json")
    assert not any("PS100001" in row["object"] and row["code"] != "MISSING_CLASS"
                   for row in found.json), found
    located = scene.run("locate", "PS100001", "--json", "--set", "address=10.1.2.3/24")
    assert located.json["content"] == {"id": "PS100001", "version": 3, "size": 16, "files": 4}
    assert scene.run("where", "--json", "--set", "address=10.1.2.3/24").err == ""


# Versions.


def test_a_higher_version_replaces(scene):
    """In one step, without a word; for an application it stands beside."""
    source = Source(scene, FILES)
    assert source.publish().code == 0
    source.replace({"new.exe": b"new", "setup.exe": b"newer"})
    result = source.publish("--json", version=4)
    assert result.code == 0 and result.json["result"] == "replaced", result
    check_laid_out(source, version=4)
    assert not source.leftovers()


def refused(source, words, version=3, **options):
    """Refused without --replace, and nothing has changed; done with it."""
    tree, inode = files_of(source.tree()), os.stat(source.tree()).st_ino
    result = source.publish("--json", version=version, **options)
    assert result.code == 1 and words in result.message and "--replace" in result.message, result
    assert result.json["result"] == "failed" and result.json["error"]["code"], result
    assert os.stat(source.tree()).st_ino == inode and files_of(source.tree()) == tree
    result = source.publish("--replace", "--json", version=version, **options)
    assert result.code == 0 and result.json["result"] == "replaced", result
    check_laid_out(source, version=version)
    assert source.verify().code == 0 and not source.leftovers()


def test_the_same_version_with_other_bytes(scene):
    """The first file that differs is named."""
    source = Source(scene, {"a": b"1", "b": b"2", "c": b"3"})
    assert source.publish().code == 0
    source.write({"b": b"X", "c": b"Y"})
    refused(source, "'b' has other bytes there")
    source.write({"bb": b"more"})
    refused(source, "'bb' is in the folder and not there")
    os.unlink(source.path + "/a")
    refused(source, "'a' is there and not in the folder")


def test_a_lower_version(scene):
    source = Source(scene, FILES)
    assert source.publish(version=5).code == 0
    refused(source, "version 5 stands there, a higher one", version=4)


def test_a_foreign_folder(scene):
    """One that nearpoint did not lay out, with or without what looks like a record."""
    source = Source(scene, FILES)
    scene.write("dp/%s/PS100001/mine.txt" % ROOT_NAME, "mine")
    refused(source, "has no record")
    record = os.path.join(source.tree(), ".nearpoint/content.xml")
    for text in (b"", b"<Policy", b"<Policy PolicyID='{A}' PolicyVersion='1.00'/>", b"\0" * 99):
        with open(record, "wb") as file:
            file.write(text)
        refused(source, "its record (.nearpoint/content.xml) is damaged")
    with open(record) as file:
        text = file.read()
    with open(record, "w") as file:
        file.write(text.replace("PS100001", "PS100009"))
    refused(source, "another content stands there")


def test_a_damaged_tree_is_laid_out_anew(scene):
    """The same version with the same bytes, of which some are lost there: no --replace is asked
    for."""
    source = Source(scene, FILES, ["leer"])
    for damage in (lambda: os.truncate(source.tree() + "/setup.exe", 2),
                   lambda: os.unlink(source.tree() + "/setup.exe"),
                   lambda: os.rmdir(source.tree() + "/leer"),
                   lambda: scene.write("dp/%s/PS100001/more" % ROOT_NAME, b"more")):
        assert source.publish().code == 0
        damage()
        result = source.publish("--json")
        assert result.code == 0 and result.json["result"] == "replaced", result
        check_laid_out(source)


def test_ids_that_differ_by_case(scene):
    """Both are named."""
    source = Source(scene, FILES)
    assert source.publish(content_id="PS100001").code == 0
    result = source.publish("--replace", content_id="ps100001")
    assert result.code == 1 and "'PS100001'" in result.message and "'ps100001'" in result.message
    assert source.in_sight() == ["PS100001"]


# Refusals.


def refuses(source, code, *words, **options):
    """Says so, and lays nothing out."""
    result = source.publish(**options)
    assert result.code == code and all(word in result.message for word in words), result
    assert not source.in_sight() and not os.path.exists(source.out), result
    return result


def test_what_a_manifest_refuses(scene):
    """Links, devices, FIFOs, sockets and names, each by name."""
    source = Source(scene, FILES)
    bad = source.path + "/sub dir/bad"
    sock = socket.socket(socket.AF_UNIX)
    for make, word in ((lambda: os.symlink("../setup.exe", bad), "is a symbolic link"),
                       (lambda: os.symlink("..", bad), "is a symbolic link"),
                       (lambda: os.symlink("nowhere", bad), "is a symbolic link"),
                       (lambda: os.mkfifo(bad), "is a FIFO"), (lambda: sock.bind(bad), "is a socket")):
        make()
        refuses(source, 3, "'sub dir/bad' " + word)
        os.unlink(bad)
    sock.close()
    for name, word in (("back\\slash", "backslash"), ("new\nline", "control character"),
                       ("\u0085", "control character"), ("\ufffe", "XML does not have"),
                       (b"\xff\xfe", "UTF-8")):
        path = os.path.join(os.fsencode(source.path), os.fsencode(name))
        with open(path, "wb"):
            pass
        refuses(source, 3, word)
        os.unlink(path)
        os.mkdir(path)
        refuses(source, 3, word)
        os.rmdir(path)


def test_a_device(scene):
    """A device node, where this user may make one."""
    source = Source(scene, FILES)
    try:
        os.mknod(source.path + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        raise Skip("only root makes device nodes")
    refuses(source, 3, "'null' is a device")


def test_names_that_differ_by_case(scene):
    """Both are named: files, folders, a file and a folder, and beyond ASCII."""
    for number, (first, second) in enumerate((("Setup.exe", "setup.EXE"), ("A/x", "a/y"),
                                              ("data", "DATA/x"), ("\u00c4.txt", "\u00e4.txt"))):
        source = Source(scene, {first: b"1", second: b"2"}, name="source%d" % number)
        result = refuses(source, 3, "differ by case only")
        for name in (first, second):
            assert name.split("/")[0] in result.message, result


def test_content_ids(scene):
    """What names no folder is refused; so is what would be nearpoint's own."""
    source = Source(scene, FILES)
    for name in ("", "..", "a/b", "a b", ".nearpoint-building", "x" * 129):
        refuses(source, 3, "is no content ID", content_id=name)


def test_command_line(scene):
    """What is missing or does not go together is exit 2."""
    source = Source(scene, FILES)
    args = source.args()
    assert scene.run("publish", policy=False).code == 2
    for gone in ("--content", "--version", "--dp", "--out"):
        at = args.index(gone)
        assert scene.run(*args[:at], *args[at + 2:], policy=False).code == 2, gone
    for more in (["--source", source.path], ["another"], ["--against", "x"]):
        assert scene.run(*args, *more, policy=False).code == 2, more
    for bad in ("x", "-1", "4294967296", ""):
        assert scene.run(*args[:4], "--version", bad, *args[6:], policy=False).code == 2, bad
    assert scene.run("publish", "--verify", policy=False).code == 2
    assert scene.run(*args, "--verify", policy=False).code == 2
    assert not os.path.exists(source.dp)
    # The program's own --version is what it was.
    shown = scene.run("--version", policy=False)
    assert shown.code == 0 and shown.out.startswith("nearpoint "), shown
    assert scene.run("publish", "--version", policy=False).out == shown.out
    # Options may stand before the command, and hold their value after '='.
    moved = ["--version", "3", "publish", source.path, *args[2:4], *args[6:]]
    assert scene.run(*moved, policy=False).code == 0
    assert scene.run("--version=3", *moved[2:], policy=False).code == 0


def test_a_missing_folder(scene):
    source = Source(scene, FILES)
    source.path = scene.path("nowhere")
    refuses(source, 1, "nowhere")


def test_a_link_in_the_place_of_the_root(scene):
    """Below FOLDER no link is followed."""
    source = Source(scene, FILES)
    os.makedirs(source.dp)
    os.makedirs(scene.path("elsewhere"))
    os.symlink(scene.path("elsewhere"), os.path.join(source.dp, ROOT_NAME))
    assert source.publish().code == 1
    assert not os.listdir(scene.path("elsewhere"))


def test_a_planted_lock(scene):
    """A lock file with a second name is not written to."""
    source = Source(scene, FILES)
    victim = scene.write("victim", "precious")
    os.makedirs(os.path.join(source.dp, ROOT_NAME))
    os.link(victim, os.path.join(source.dp, ROOT_NAME, ".nearpoint-lock"))
    refuses(source, 1, ".nearpoint-lock")
    with open(victim) as file:
        assert file.read() == "precious"


def test_two_at_once(scene):
    """The second says who holds it; it waits for nobody."""
    source = Source(scene, FILES)
    root = os.path.join(source.dp, ROOT_NAME)
    os.makedirs(root)
    with open(os.path.join(root, ".nearpoint-lock"), "w") as file:
        file.write("4711")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        refuses(source, 1, "process 4711 is publishing or repairing there already")
    assert source.publish().code == 0


# What happens meanwhile.


class Stopped:
    """A publish of a large file, stopped while it is copied."""

    SIZE = (256 << 20) // SCALE

    def __init__(self, scene, source):
        with open(source.path + "/large.bin", "wb") as file:
            file.truncate(self.SIZE)
        self.copy = os.path.join(source.dp, ROOT_NAME, ".nearpoint-building/tree/large.bin")
        command = scene.command(*source.args(), "--no-sync", policy=False)
        self.process = scene.keep(subprocess_of(command, scene))
        wait_until(lambda: self.copied() > 0 or self.process.poll() is not None,
                   what="the copy's first byte")
        self.process.send_signal(signal.SIGSTOP)
        # A stop has come when the kernel says so.
        wait_until(lambda: self.state() in "TZ", what="the stop")
        assert 0 < self.copied() < self.SIZE, "it was not in the middle of it"

    def state(self):
        with open("/proc/%d/stat" % self.process.pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    def copied(self):
        return os.path.getsize(self.copy) if os.path.exists(self.copy) else 0

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err.decode()


class Child(subprocess.Popen):
    def close(self):
        if self.poll() is None:
            self.kill()
        self.communicate()


def subprocess_of(command, scene):
    return Child(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, env=scene.environment(), cwd=scene.folder)


def changed_meanwhile(scene, change, name):
    source = Source(scene, {"a.txt": b"a", "z/z.txt": b"z"})
    stopped = Stopped(scene, source)
    change(source)
    code, err = stopped.go_on()
    assert code == 1 and "'%s' changed while" % name in err, err
    assert not source.in_sight() and not source.leftovers() and not os.path.exists(source.out)


def test_a_file_that_grows(scene):
    def grow(source):
        with open(source.path + "/large.bin", "ab") as file:
            file.write(b"more")
    changed_meanwhile(scene, grow, "large.bin")


def test_a_file_that_shrinks(scene):
    changed_meanwhile(scene, lambda source: os.truncate(source.path + "/large.bin", 1),
                      "large.bin")


def test_a_file_that_is_written_to(scene):
    """In the same size."""
    def write(source):
        with open(source.path + "/large.bin", "r+b") as file:
            file.write(b"X")
    changed_meanwhile(scene, write, "large.bin")


def test_a_file_that_was_read_already(scene):
    """It changes while another one is read: two halves of different times are no content."""
    def write(source):
        with open(source.path + "/a.txt", "w") as file:
            file.write("b")
    changed_meanwhile(scene, write, "a.txt")


def test_a_file_that_comes(scene):
    changed_meanwhile(scene, lambda source: source.write({"new.txt": b"new"}), "new.txt")


def test_a_file_that_goes(scene):
    changed_meanwhile(scene, lambda source: os.unlink(source.path + "/z/z.txt"), "z/z.txt")


def test_killed_and_again(scene):
    """What a killed run left is cleared, its lock is nobody's."""
    source = Source(scene, FILES)
    stopped = Stopped(scene, source)
    busy = source.publish(content_id="PS100002")
    assert busy.code == 1 and "process %d " % stopped.process.pid in busy.message, busy
    stopped.process.kill()
    stopped.process.wait()
    assert source.leftovers() == [".nearpoint-building"] and not source.in_sight()
    assert stat.S_IMODE(os.stat(os.path.join(
        source.dp, ROOT_NAME, ".nearpoint-building")).st_mode) == 0o700
    os.unlink(source.path + "/large.bin")
    assert source.publish().code == 0
    check_laid_out(source)
    assert not source.leftovers()


def test_a_full_disk(scene):
    """The disk is blamed, nothing is in sight; with room it is done."""
    disk = SmallDisk(scene, 4 << 20)
    source = Source(scene, {"a%d.bin" % i: filler(200000, i) for i in range(40)})
    source.dp = disk.point + "/dp"
    result = source.publish("--json", prefix=disk.enter)
    assert result.code == 1 and "No space left" in result.message, result
    assert result.json["error"]["blame"] == "disk" and result.json["error"]["code"] == "ENOSPC"
    assert disk.shows("dp/" + ROOT_NAME) == [] and not os.path.exists(source.out), result
    disk.grow(16 << 20)
    assert source.publish(prefix=disk.enter).code == 0
    assert disk.shows("dp/" + ROOT_NAME) == ["PS100001"]
    # The old version stands while there is no room for the new one.
    disk.grow(12 << 20)
    source.write({"a0.bin": b"other"})
    assert source.publish(version=4, prefix=disk.enter).code == 1
    before = source.verify("--json", prefix=disk.enter)
    assert before.code == 0 and before.json[0]["version"] == 3, before


def test_a_disk_without_inodes(scene):
    disk = SmallDisk(scene, 64 << 20, inodes=40)
    source = Source(scene, {"d%d/f" % i: b"x" for i in range(40)})
    source.dp = disk.point + "/dp"
    result = source.publish("--json", prefix=disk.enter)
    assert result.code == 1 and result.json["error"]["blame"] == "disk", result
    assert disk.shows("dp/" + ROOT_NAME) == []


@slow("ten thousand files twice")
def test_many_files(scene):
    """10,000 files: every byte, in a manifest that reads back; memory stays small."""
    count = 10000 // SCALE
    source = Source(scene, {"d%02d/f%05d" % (i % 50, i): b"%d" % i for i in range(count)})
    start = time.monotonic()
    result = source.publish("--no-sync")
    assert result.code == 0, result
    print("%d files in %.2f s" % (count, time.monotonic() - start))
    check_laid_out(source)
    assert source.verify().code == 0
    assert re.search("%d files" % count, result.out)


def test_odd_names(scene):
    """Names that XML, shells and orders trip over: laid out, and in a manifest that reads back."""
    source = Source(scene, {name: b"%d" % i for i, name in enumerate(ODD)},
                    ["\u00e9", "zz/\u00df\u00df", "-2/_"])
    assert source.publish().code == 0
    check_laid_out(source)
    assert source.verify().code == 0
    found = scene.run("hash", source.tree(), "--content", "PS100001", "--json")
    assert found.code == 0 and found.json["match"] is True, found
