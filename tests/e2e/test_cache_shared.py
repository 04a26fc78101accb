"""The library holds every file once: what two versions of a large content take on the disk."""

import os
import random

from harness import SCALE, slow
from test_cache import bring, cache, estate, listed, tree_of


def blocks(folder):
    """Bytes that the folder takes on its disk, folders and records included."""
    total = os.lstat(folder).st_blocks
    seen = set()
    for where, folders, names in os.walk(folder):
        for name in folders + names:
            status = os.lstat(os.path.join(where, name))
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_blocks
    return total * 512


def files_of(count, changed, seed):
    """Sizes as an application's small files have them; `changed` of them are this seed's own."""
    sizes, data, files = random.Random(1), random.Random(2), {}
    own = random.Random(seed)
    for i in range(count):
        size = sizes.randrange(200, 12000)
        bytes_ = data.randbytes(size)
        if i % (count // changed) == 0:
            bytes_ = own.randbytes(size)
        files["app/module%02d/resource-%05d.bin" % (i % 97, i)] = bytes_
    return files


@slow("10,000 files are fetched, and 500 more")
def test_two_versions(scene):
    """Two versions that share 95 % of 10,000 files take at most 1.10 times what one takes."""
    count = 10000 // SCALE
    old = scene.content(files_of(count, count // 20, 3), version=3)
    estate(scene, [old])
    bring(scene, "PS100001")
    one = blocks(scene.cache)
    new = scene.content(files_of(count, count // 20, 4), version=4)
    nginx = estate(scene, [new])
    bring(scene, "PS100001")
    assert len(nginx.requests()) == count // 20
    both = blocks(scene.cache)
    print("one version %d bytes, both %d: %.3f" % (one, both, both / one))
    if SCALE == 1:
        assert both <= 1.10 * one, (one, both)
    rows = listed(scene)
    assert {row["state"] for row in rows.values()} == {"complete"}, rows
    # The older goes, the newer stays whole, and what only the older had is free again.
    assert cache(scene, "remove", "PS100001.3").code == 0
    assert not os.path.exists(tree_of(scene, "PS100001.3"))
    assert bring(scene, "PS100001").json["bytesFromNetwork"] == 0
