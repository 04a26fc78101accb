"""The local disk: full, planted links, things in the way."""

import os
import subprocess

from harness import DP, SCALE, Skip, filler

DP_NAME = "dp1.contoso.test"


class SmallDisk:
    """A file system of its own with so many bytes, seen by the program only."""

    def __init__(self, scene, size):
        self.point = scene.path("disk")
        os.mkdir(self.point)
        # A process that keeps the mount alive from one run to the next.
        self.holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c",
             "mount -t tmpfs -o size=%d,mode=700 none '%s' && echo ready && exec sleep 600"
             % (size, self.point)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            why = self.holder.stderr.read().strip()
            self.holder.communicate()
            raise Skip("no file system of our own: " + why)
        scene.keep(self)

    @property
    def enter(self):
        return ["nsenter", "-U", "-m", "--preserve-credentials", "-t", str(self.holder.pid)]

    def grow(self, size):
        subprocess.run([*self.enter, "mount", "-o", "remount,size=%d" % size, "none", self.point],
                       check=True)

    def shows(self, path):
        return subprocess.run([*self.enter, "ls", os.path.join(self.point, path)],
                              capture_output=True, text=True, check=False).stdout.split()

    def close(self):
        self.holder.kill()
        self.holder.communicate()


def test_full(scene):
    """A full disk ends the job, blames the disk and no DP; with space it goes on."""
    content = scene.content({"big.cab": filler(3000000, 1), "small.txt": b"small"})
    nginx = scene.nginx()
    scene.policy(content, [DP(DP_NAME, nginx.url)])
    disk = SmallDisk(scene, 2 << 20)
    scene.cache = disk.point + "/cache"
    result = scene.get(prefix=disk.enter)
    assert result.code == 1, result
    assert result.json["error"]["blame"] == "disk", result
    assert DP_NAME not in result.message, result
    assert all(source["errors"] == [] for source in result.json["sources"]), result
    assert "PS100001.3" not in disk.shows("cache/DataLib")
    disk.grow(64 << 20)
    result = scene.get(prefix=disk.enter)
    assert result.code == 0, result
    assert "PS100001.3" in disk.shows("cache/DataLib")


def test_full_midway(scene):
    """Space that is there at the start and gone midway: the disk is blamed all the same."""
    content = scene.content({"f%02d" % i: filler(200000, i) for i in range(20)})
    server = scene.fault()
    scene.policy(content, [DP(DP_NAME, server.url + "/slow")])
    disk = SmallDisk(scene, 6 << 20)
    scene.cache = disk.point + "/cache"
    command = scene.command("get", "PS100001", "--json", *scene.MACHINE, *scene.places())
    process = subprocess.Popen([*disk.enter, *command], env=scene.environment(), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=scene.folder)
    assert server.wait(lambda s: s.body_bytes > 500000)
    subprocess.run([*disk.enter, "sh", "-c", "cat /dev/zero > '%s/fill'" % disk.point],
                   stderr=subprocess.DEVNULL, check=False)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and '"disk"' in out and DP_NAME not in err, (out, err)
    subprocess.run([*disk.enter, "rm", disk.point + "/fill"], check=True)
    assert scene.get(prefix=disk.enter).code == 0


def outside(scene):
    """A folder that is none of the cache's business, and what it holds."""
    scene.write("outside/mine.txt", "mine")
    return scene.path("outside")


def untouched(scene):
    found = []
    for folder, _, names in os.walk(scene.path("outside")):
        for name in names:
            with open(os.path.join(folder, name)) as file:
                found.append((name, file.read()))
    assert found == [("mine.txt", "mine")], found


def planted(place):
    def test(scene):
        content = scene.content({"a/one.txt": b"one", "two.txt": b"two"})
        scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
        digest = content.rows[0][2]
        path = os.path.join(scene.cache, place.format(two=digest[:2], digest=digest))
        os.makedirs(os.path.dirname(path))
        os.symlink(outside(scene), path)
        result = scene.run("get", "PS100001", "--json", *scene.MACHINE, *scene.places())
        untouched(scene)
        assert result.code in (0, 1), result
        if result.code == 0:
            tree = os.path.join(scene.cache, "DataLib", content.folder)
            assert not os.path.islink(tree)
            with open(tree + "/a/one.txt", "rb") as file:
                assert file.read() == b"one"
    test.__doc__ = "A symbolic link at %s leads nowhere: what lies outside is untouched." % place
    return test


for _place in ("FileLib", "DataLib", "Staging", "FileLib/{two}", "FileLib/{two}/{digest}",
               "DataLib/PS100001.3", "DataLib/PS100001.3.INI", "Staging/PS100001.3"):
    _name = _place.format(two="xx", digest="digest").replace("/", "_").replace(".", "_").lower()
    globals()["test_link_" + _name] = planted(_place)


def test_link_of_a_part(scene):
    """A part that is a symbolic link is not written through."""
    content = scene.content({"big": filler(2000000 // SCALE, 1)})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    place = os.path.join(scene.cache, "Staging", content.folder)
    os.makedirs(place)
    victim = outside(scene) + "/mine.txt"
    os.symlink(victim, os.path.join(place, content.rows[0][2]))
    scene.run("get", "PS100001", "--json", *scene.MACHINE, *scene.places())
    untouched(scene)


def test_wrong_bytes_in_library(scene):
    """A file of FileLib whose bytes are not its name's is replaced, never published."""
    content = scene.content({"one.txt": b"the right bytes"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    digest = content.rows[0][2]
    folder = os.path.join(scene.cache, "FileLib", digest[:2])
    os.makedirs(folder)
    with open(os.path.join(folder, digest), "w") as file:
        file.write("the wrong bytes")
    os.chmod(os.path.join(folder, digest), 0o444)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result


def test_changed_tree_is_noticed(scene):
    """A published file that someone changed is fetched again."""
    content = scene.content({"one.txt": b"the right bytes", "two.txt": b"two"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    path = os.path.join(scene.get().json["path"], "one.txt")
    os.chmod(path, 0o644)
    with open(path, "w") as file:
        file.write("the wrong bytes")
    result = scene.get()
    assert result.code == 0, result
    with open(path, "rb") as file:
        assert file.read() == b"the right bytes"


def test_folders_made_private(scene):
    """The state folder is the owner's alone."""
    content = scene.content({"one.txt": b"one"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    assert scene.get().code == 0
    assert os.stat(scene.path("state")).st_mode & 0o777 == 0o700


def test_open_folder_refused(scene):
    """A state or cache folder that others may write to is refused with its path and mode."""
    content = scene.content({"one.txt": b"one"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    for name in ("state", "cache"):
        path = scene.path(name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o777)
        result = scene.run("get", "PS100001", *scene.MACHINE, *scene.places())
        assert result.code in (1, 3), result
        assert path in result.message and "777" in result.message, result
        os.chmod(path, 0o700)


def test_cache_is_a_file(scene):
    """A file where the cache should be: said, with its path, and left alone."""
    content = scene.content({"one.txt": b"one"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    path = scene.write("cache", "a file")
    result = scene.run("get", "PS100001", *scene.MACHINE, *scene.places())
    assert result.code == 1 and path in result.message, result
    assert open(path).read() == "a file"
