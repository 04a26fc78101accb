"""What stands in the library and is not as it was, or in its place. (Rows D of the matrix:
test_matrix_disk.py, test_matrix_files.py.)"""

import os

from harness import DP

DP_NAME = "dp1.contoso.test"


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


def test_cache_is_a_file(scene):
    """A file where the cache should be: said, with its path, and left alone."""
    content = scene.content({"one.txt": b"one"})
    scene.policy(content, [DP(DP_NAME, scene.nginx().url)])
    path = scene.write("cache", "a file")
    result = scene.run("get", "PS100001", *scene.MACHINE, *scene.places())
    assert result.code == 1 and path in result.message, result
    assert open(path).read() == "a file"
