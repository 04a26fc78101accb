"""A folder that is published: what the tests of publish and hash share."""

import os
import shutil
import xml.etree.ElementTree as ElementTree

from folder_hash import folder_hash_of
from harness import Content, check_tree

ROOT_NAME = "SMS_DP_SMSPKG$"


class Source:
    """A folder of files (name to bytes) and empty folders, and how it is published."""

    def __init__(self, scene, files, folders=(), name="source"):
        self.scene, self.path = scene, scene.path(name)
        self.dp, self.out = scene.path("dp"), scene.path("policy/content.xml")
        os.makedirs(self.path, exist_ok=True)
        self.write(files)
        for folder in folders:
            os.makedirs(os.path.join(self.path, folder))

    def write(self, files):
        for name, data in files.items():
            self.scene.write(os.path.join(os.path.relpath(self.path, self.scene.folder), name),
                             data)

    def replace(self, files):
        """The folder holds these files and nothing else."""
        shutil.rmtree(self.path)
        os.makedirs(self.path)
        self.write(files)

    def args(self, content_id="PS100001", version=3):
        return ["publish", self.path, "--content", content_id, "--version", str(version),
                "--dp", self.dp, "--out", self.out]

    def publish(self, *flags, content_id="PS100001", version=3, **options):
        return self.scene.run(*self.args(content_id, version), *flags, policy=False, **options)

    def verify(self, *flags, **options):
        return self.scene.run("publish", "--verify", "--dp", self.dp, *flags, policy=False,
                              **options)

    def tree(self, folder="PS100001"):
        return os.path.join(self.dp, ROOT_NAME, folder)

    def in_sight(self):
        """Names that a web server shows, nearpoint's own apart."""
        root = os.path.join(self.dp, ROOT_NAME)
        return sorted(name for name in os.listdir(root) if name[0] != ".") \
            if os.path.isdir(root) else []

    def leftovers(self):
        root = os.path.join(self.dp, ROOT_NAME)
        return sorted(name for name in os.listdir(root) if name[0] == "." and
                      name != ".nearpoint-lock")


def properties(path):
    """Class to its properties, of a policy document."""
    found = {}
    for instance in ElementTree.parse(path).iter("instance"):
        found[instance.get("class")] = {
            item.get("name"): item.findtext("value") for item in instance.iter("property")}
    return found


def check_laid_out(source, folder="PS100001", version=3, content_id="PS100001"):
    """The tree is the source as it is now, its record is of it, and modes let a server read."""
    tree = source.tree(folder)
    assert folder_hash_of(tree) == folder_hash_of(source.path), "another folder hash"
    check_record(tree, content_id, version)
    for path, folders, names in os.walk(tree):
        for name in folders:
            assert os.stat(os.path.join(path, name)).st_mode & 0o7777 == 0o755, name
        for name in names:
            assert os.lstat(os.path.join(path, name)).st_mode & 0o7777 == 0o644, name


def files_of(tree):
    files = {}
    for path, folders, names in os.walk(tree):
        if path == tree and ".nearpoint" in folders:
            folders.remove(".nearpoint")
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                files[os.path.relpath(os.path.join(path, name), tree)] = file.read()
    return files


def check_record(tree, content_id="PS100001", version=None):
    """.nearpoint/content.xml belongs to the tree: manifest, sizes, folder hash. Returns the
    version."""
    record = properties(os.path.join(tree, ".nearpoint/content.xml"))
    content, whole = record["NP_Content"], record["NP_ContentHash"]
    assert content["ContentID"] == whole["ContentID"] == content_id, record
    assert content["Version"] == whole["Version"], record
    assert version is None or int(content["Version"]) == version, record
    assert whole["Hash"] == folder_hash_of(tree) and whole["HashAlgorithm"] == "32780", whole
    manifest = ElementTree.fromstring(content["Manifest"])
    assert manifest.get("ContentId") == content_id
    assert manifest.get("Version") == content["Version"]
    rows = {file.get("Name"): (int(file.get("Size")), file.get("Hash"))
            for file in manifest.iter("FileContent")}
    expected = {name: (size, digest) for name, size, digest in Content(files_of(tree)).rows}
    assert rows == expected, (rows, expected)
    assert {file.get("HashAlgorithm") for file in manifest} <= {"SHA256"}
    return int(content["Version"])


__all__ = ["Source", "check_laid_out", "check_record", "check_tree", "files_of", "properties"]
