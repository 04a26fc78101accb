"""A content library on a path as a distribution point: what it is asked, and what it may be."""

import hashlib
import os
import shutil
import subprocess

from contentlib import Library
from disk import SmallDisk
from folder_hash import folder_hash
from harness import DP, filler, program, slow, wait_until
from point import Signer
from publishing import files_of
from sweep import Traced, can_trace, inject
from test_cache import cache, listed, tree_of

FILES = {"setup.exe": filler(1500000, 1), "en-us/setup.mui": b"mui", "en-us/again.mui": b"mui",
         "Gr\u00fc\u00dfe/\u00dcbung.txt": b"text", "empty": b""}
NAME = "lib.contoso.test"


def library_at(scene, name="mnt/lib", files=None, **how):
    return Library(scene.path(name), **how).add("PS100001", 3, files or FILES)


def stage(scene, path=None, web=None, files=None, hashes=False, near=False, **settings):
    """A library and, may be, a web server behind it."""
    content = scene.content(files or FILES)
    scene.settings(**{"libraryRoots": [scene.path("mnt")], **settings})
    dps = [DP(NAME, None, library=path or scene.path("mnt/lib"))]
    if near:
        dps[0].addresses = "10.1.2.9/24"
    if web:
        dps.append(DP("dp1.contoso.test", web))
    scene.policy(content, dps,
                 hashes={content.id: folder_hash(files or FILES)} if hashes else None)
    return content


def gave(result):
    """Distribution point to the bytes that it gave."""
    return {row["dp"]: row["bytes"] for row in result.json["sources"]}


def located(scene, *args):
    result = scene.run("locate", "PS100001", "--json", *scene.MACHINE, *args)
    rows = {row["dp"]: row for row in result.json["locations"]}
    rows.update({row["dp"]: row for row in result.json["excluded"]})
    return rows


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


# Used.


def test_a_source(scene):
    """The nearest there is; its bytes are copied, proven and published."""
    nginx = scene.nginx()
    content = stage(scene, web=nginx.url)
    library = library_at(scene)
    row = located(scene)[NAME]
    assert (row["locality"], row["kind"], row["rank"]) == ("COMPUTER", "library", 1), row
    assert row["url"] == "file://%s/DataLib/PS100001.3" % scene.path("mnt/lib"), row
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert gave(result)[NAME] == 1500007 and gave(result).get("dp1.contoso.test", 0) == 0, result
    assert listed(scene)["PS100001.3"]["origin"] == NAME, listed(scene)
    source = os.stat(library.file_path(FILES["setup.exe"]))
    assert os.stat(tree_of(scene) + "/setup.exe").st_ino != source.st_ino and source.st_nlink == 1
    assert "file://%s/DataLib/PS100001.3" % scene.path("mnt/lib") in scene.log_text()


def test_forms(scene):
    """UTF-16, LF, names in any case, SCCMContentLib in the folder."""
    stage(scene)
    for how, name in (({"utf16": True}, "mnt/lib"), ({"crlf": False}, "mnt/lib"),
                      ({"mixed_case": True}, "mnt/lib"),
                      ({"utf16": True, "mixed_case": True}, "mnt/lib/SCCMContentLib")):
        library_at(scene, name, **how)
        result = scene.get()
        assert result.code == 0 and gave(result) == {NAME: 1500007}, (how, str(result))
        assert cache(scene, "remove", "PS100001").code == 0
        shutil.rmtree(scene.path("mnt"))


def test_a_content_without_a_manifest(scene):
    """Listed by its INI files, proven by the folder hash; a wrong library is left for the next."""
    stage(scene, hashes=True)
    library_at(scene, files={**FILES, "one": b"more"})
    result = scene.get()
    assert result.code == 1 and "folder hash" in result.message, result
    shutil.rmtree(scene.path("mnt"))
    library_at(scene)
    result = scene.get()
    assert result.code == 0 and result.json["verifiedBy"] == "folderHash", result
    assert files_of(tree_of(scene)) == FILES


def test_of_another_machine(scene):
    """With the address of the machine that has it, it ranks as any distribution point there."""
    stage(scene, near=True)
    library_at(scene)
    assert located(scene)[NAME]["locality"] == "SUBNET"
    assert located(scene, "--set", "metered=true")[NAME]["code"] == "METERED"
    assert scene.get().code == 0


# Allowed.


def test_roots(scene):
    """Below libraryRoots alone; what leads out of them is found when it is opened."""
    nginx = scene.nginx()
    content = stage(scene, path=scene.path("opt/lib"), web=nginx.url)
    library_at(scene, "opt/lib")
    row = located(scene)[NAME]
    assert row["code"] == "UNSUPPORTED_SCHEME" and "libraryRoots (%s)" % scene.path("mnt") in \
        row["reason"] and "not signed" in row["reason"], row
    result = scene.get()
    assert result.code == 0 and NAME not in gave(result), result
    for path in ("mnt/../opt/lib", "mnt/link", "mnt/link/lib"):
        cache(scene, "remove", "PS100001")
        os.makedirs(scene.path("mnt"), exist_ok=True)
        if "link" in path:
            if os.path.lexists(scene.path("mnt/link")):
                os.unlink(scene.path("mnt/link"))
            os.symlink(scene.path("opt" if path.endswith("/lib") else "opt/lib"),
                       scene.path("mnt/link"))
        stage(scene, path=scene.path(path), web=nginx.url)
        result = scene.get()
        assert result.code == 0 and gave(result).get(NAME, 0) == 0 and scene.has(content), result


def test_default_roots(scene):
    """/mnt, /media and /srv."""
    stage(scene, path="/opt/lib")
    scene.options = []
    assert "libraryRoots (/mnt, /media, /srv)" in located(scene)[NAME]["reason"]
    for root in ("/mnt", "/media/usb", "/srv/lib"):
        stage(scene, path=root)
        scene.options = []
        assert located(scene)[NAME]["rank"] == 1
    scene.settings(libraryRoots="mnt")
    assert scene.run("locate", "PS100001", *scene.MACHINE).code == 3
    scene.settings(libraryRoots=["/mnt/%d" % i for i in range(33)])
    assert scene.run("locate", "PS100001", *scene.MACHINE).code == 3
    scene.settings(libraryRoots=["mnt"])
    assert scene.run("locate", "PS100001", *scene.MACHINE).code == 3


def test_signed_policy(scene):
    """May name any path; without its signature it may not."""
    signer = Signer(scene)
    content = stage(scene, path=scene.path("opt/lib"), trustAnchors=signer.anchor)
    library_at(scene, "opt/lib")
    assert located(scene)[NAME]["code"] == "UNSUPPORTED_SCHEME"
    signer.sign(scene.path("policy/estate.xml"))
    assert located(scene)[NAME]["locality"] == "COMPUTER"
    assert scene.get().code == 0 and scene.has(content)


def test_the_root_itself(scene):
    """A folder of libraryRoots is a library, with a slash behind either or none."""
    content = stage(scene)
    library_at(scene)
    for root, path in (("mnt/lib", "mnt/lib/"), ("mnt/lib/", "mnt/lib"), ("mnt/lib", "mnt/lib"),
                       ("mnt/", "mnt/lib/"), ("", "mnt/lib")):
        stage(scene, path=os.path.join(scene.folder, path),
              libraryRoots=[os.path.join(scene.folder, root) if root else "/"])
        assert scene.get().code == 0 and scene.has(content), (root, path)
        assert cache(scene, "remove", "PS100001").code == 0


def test_a_read_only_disk(scene):
    """A medium that nobody can write to is a source, and imported from."""
    disk = SmallDisk(scene, 8 << 20)
    content = stage(scene, path=disk.point + "/lib", libraryRoots=[disk.point])
    library_at(scene, "prepared")
    disk.run("cp", "-r", scene.path("prepared"), disk.point + "/lib")
    disk.remount("ro")
    assert scene.get(prefix=disk.enter).code == 0 and scene.has(content)
    assert cache(scene, "remove", "PS100001").code == 0
    result = cache(scene, "import", disk.point + "/lib", prefix=disk.enter)
    assert result.code == 0 and result.json["imported"] == 1, result


# Faults.


def other_device(path):
    os.unlink(path)
    os.symlink("/dev/zero", path)


def fifo(path):
    os.unlink(path)
    os.mkfifo(path)


def test_bad_files(scene):
    """Each is said of the library; the next distribution point gives what is right."""
    nginx = scene.nginx()
    data = FILES["setup.exe"]
    faults = {
        "is not in FileLib": os.unlink,
        "is shorter in FileLib": lambda path: os.truncate(path, 5),
        "is longer in FileLib": lambda path: os.truncate(path, len(data) + 1),
        "is no regular file in FileLib": other_device,
        "is no regular file": fifo,
        "hash": lambda path: put(path, b"x" + data[1:]),
    }
    for what, fault in faults.items():
        content = stage(scene, web=nginx.url)
        library = library_at(scene)
        fault(library.file_path(data))
        result = scene.get()
        assert result.code == 0 and scene.has(content), (what, result)
        assert gave(result)["dp1.contoso.test"] >= len(data), (what, result)
        errors = [error for row in result.json["sources"] if row["dp"] == NAME
                  for error in row["errors"]]
        assert errors and what in errors[0]["text"] and errors[0]["blame"] == "source", \
            (what, result)
        assert cache(scene, "remove", "PS100001").code == 0
        shutil.rmtree(scene.path("mnt"))


def test_bad_ini_files(scene):
    """Malformed, hostile, wrong: the same."""
    nginx = scene.nginx()
    texts = {
        "cannot open": None,
        "is malformed": b"[File]\r\nHash=..\\..\\x\r\nSize=1\r\n",
        "no [File] Hash": b"[Other]\r\n",
        "is not in FileLib": b"[File]\r\nHash=%s\r\nSize=1\r\n" % (b"A" * 64),
        "has 3 bytes there": b"[File]\r\nHash=%s\r\nSize=3\r\n"
                             % hashlib.sha256(b"mui").hexdigest().encode(),
        "malformed": b"[File]\r\nSize=-1\r\n",
        "'setup.exe.INI' is malformed": b"[File]\r\nSize=99999999999999999999\r\n",
        "too large": b" " * (2 << 20),
        "is no regular file": "fifo",
        "it is a link": "link",
    }
    for what, text in texts.items():
        content = stage(scene, web=nginx.url)
        library = library_at(scene)
        os.unlink(library.file_path(FILES["setup.exe"]))
        ini = library.path("DataLib", "PS100001.3", "setup.exe.INI")
        if isinstance(text, bytes):
            put(ini, text)
        else:
            os.unlink(ini)
        if text == "fifo":
            os.mkfifo(ini)
        if text == "link":
            os.symlink("/etc/passwd", ini)
        result = scene.get()
        assert result.code == 0 and scene.has(content), (what, result)
        errors = [error["text"] for row in result.json["sources"] if row["dp"] == NAME
                  for error in row["errors"]]
        assert any(what in error for error in errors), (what, errors)
        assert cache(scene, "remove", "PS100001").code == 0
        shutil.rmtree(scene.path("mnt"))


def test_missing_pieces(scene):
    """Without PkgLib, without the content's INI, without a file's INI, without its folder: what
    FileLib has and policy proves is taken."""
    content = stage(scene)
    for missing in ("PkgLib", "DataLib/PS100001.3.INI", "DataLib/PS100001.3/setup.exe.INI",
                    "DataLib/PS100001.3/en-us", "DataLib/PS100001.3"):
        path = library_at(scene).path(missing)
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
        result = scene.get()
        assert result.code == 0 and scene.has(content) and gave(result) == {NAME: 1500007}, result
        assert cache(scene, "remove", "PS100001").code == 0
        shutil.rmtree(scene.path("mnt"))


def test_no_library(scene):
    """Not mounted, empty, without the content: the library is blamed, alone it is a failure."""
    content = stage(scene)
    for make, what in ((lambda: None, "cannot open the content library"),
                       (lambda: os.makedirs(scene.path("mnt/lib")), "cannot open 'DataLib'"),
                       (lambda: Library(scene.path("mnt/lib")), "has no content 'PS100001.3'")):
        make()
        result = scene.get()
        assert result.code == 1 and what in result.message and not scene.has(content), result
        assert result.json["error"]["blame"] == "source", result
    library_at(scene)
    assert scene.get().code == 0


def run_traced(scene, *options):
    """A get under strace, in the background."""
    before = program()
    strace = ["strace", "-f", "-qq", "-o", scene.path("trace"), "-e", "trace=pread64", *options]
    return subprocess.Popen(
        [*before[:-1], *strace, before[-1], "get", "PS100001", "--json", *scene.options,
         *scene.MACHINE, *scene.places(), "--policy", scene.path("policy")], cwd=scene.folder,
        env=scene.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def delayed(n, seconds):
    return inject("pread64", "delay_enter=%d" % (seconds * 1000000), n)


def reads(scene):
    """Reads of a piece so far."""
    try:
        with open(scene.path("trace"), errors="replace") as file:
            return file.read().count("262144")
    except FileNotFoundError:
        return 0


@slow("a file that is swapped under the reader's eyes")
def test_swapped_while_it_is_read(scene):
    """No wrong byte is ever in sight: it is read again, or found elsewhere."""
    can_trace()
    nginx = scene.nginx()
    data = FILES["setup.exe"]
    swaps = ((lambda path: os.truncate(path, 300000), "became shorter"),
             (lambda path: put(path, filler(len(data), 9)), "wrong hash"),
             # Who has it open reads on.
             (lambda path: (put(path + "x", filler(len(data), 9)), os.rename(path + "x", path)), None))
    for swap, what in swaps:
        content = stage(scene, web=nginx.url)
        path = library_at(scene).file_path(data)
        process = run_traced(scene, *delayed("3", 1))
        wait_until(lambda: reads(scene) >= 2)
        swap(path)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (out, err)
        assert scene.has(content)
        scene.check_cache()
        assert not what or what.encode() in out, (what, out)
        assert cache(scene, "remove", "PS100001").code == 0
        shutil.rmtree(scene.path("mnt"))
        os.unlink(scene.path("trace"))


@slow("a path that hangs is waited for")
def test_a_path_that_hangs(scene):
    """A share whose server is gone stops nobody: the next distribution point is asked."""
    can_trace()
    nginx = scene.nginx()
    content = stage(scene, web=nginx.url)
    library_at(scene)
    process = run_traced(scene, *delayed("2", 5))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and scene.has(content), (out, err)
    assert b"no byte for" in out, out


@slow("a run under strace for every read")
def test_kills(scene):
    """SIGKILL at any read loses no byte that was there, and shows none too early."""
    can_trace()
    content = stage(scene)
    library_at(scene)
    for n in (1, 5):
        done = Traced(scene, [], "pread64", *inject("pread64", "signal=KILL", n))
        assert done.killed and not scene.has(content), (n, str(done))
        scene.check_cache()
    result = scene.get()
    assert result.code == 0 and scene.has(content) and result.json["bytesReused"] > 0, result


@slow("a run under strace")
def test_another_file_by_the_next_run(scene):
    """What an earlier run began with was another file by the library's own word: it is not gone on
    with, and no hash has to say so."""
    can_trace()
    right, wrong = filler(8 << 20, 1), filler(8 << 20, 9)
    content = stage(scene, files={"one.wim": right})
    library_at(scene, files={"one.wim": wrong})
    done = Traced(scene, [], "pread64", *inject("pread64", "signal=KILL", 24))
    assert done.killed and scene.staged() > 4 << 20, str(done)
    shutil.rmtree(scene.path("mnt"))
    library_at(scene, files={"one.wim": right})
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert [row["errors"] for row in result.json["sources"]] == [[]], result
