"""Going on where an earlier run stopped: Range and If-Range, and what a server answers to them."""

import json
import os
import signal

from harness import DP, SCALE, filler, threads, wait_until

DP_NAME = "dp1.contoso.test"
SIZE = 4000000  # large enough for its validator to be kept


def half(scene, behaviour="cut", size=SIZE):
    """A run that gets half a file and fails: the server, for the next run to meet anew."""
    content = scene.content({"big.cab": filler(size, 1)})
    server = scene.fault()
    scene.policy(content, [DP(DP_NAME, server.url + "/x")])
    server.instead["x"] = behaviour
    interrupted(scene, server)
    assert not scene.has(content)
    server.requests.clear()
    server.counts.clear()
    return content, server


def interrupted(scene, server):
    """Ends a run once half of the file lies on disk."""
    process = scene.start()
    wait_until(lambda: scene.staged() >= SIZE // 2 - 1000, 20, "half of the file")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.wait(lambda s: s.asked())
    scene.check_cache()


def goes_on(scene, content, server, behaviour):
    server.instead["x"] = behaviour
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    return result


@threads
def test_range(scene):
    """Half is there: the rest is asked for with Range and If-Range, and nothing else."""
    content, server = half(scene, "stall-body")
    result = goes_on(scene, content, server, "range-only")
    (request,) = server.asked()
    assert request["range"] == "bytes=%d-" % (SIZE // 2), request
    assert request["ifRange"], request
    assert result.json["bytesFromNetwork"] == SIZE - SIZE // 2, result
    assert result.json["bytesReused"] == SIZE // 2, result


def test_cut_is_resumed(scene):
    """A connection that breaks in the middle is gone on with in the same run."""
    content = scene.content({"big.cab": filler(SIZE, 1)})
    server = scene.fault()
    scene.policy(content, [DP(DP_NAME, server.url + "/x")])
    server.instead["x"] = "cut"
    process = scene.start()
    assert server.wait(lambda s: s.body_bytes >= SIZE // 2)
    server.instead["x"] = "range-only"
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert scene.has(content) and server.asked()[-1]["range"]


def test_changed_under_the_same_tag(scene):
    """The beginning on disk is wrong and no tag tells: the digest does, and all is fetched
    anew."""
    content, server = half(scene, "stall-body")
    spoil_part(scene)
    result = goes_on(scene, content, server, "ok")
    assert len(server.asked()) == 2, server.asked()
    assert any("hash" in error["text"] for source in result.json["sources"]
               for error in source["errors"]) or result.json["sources"][0]["files"] == 1


def parts(scene):
    found = []
    for folder, _, names in os.walk(scene.path("cache/Staging")):
        found += [os.path.join(folder, name) for name in names
                  if len(name) == 64 and os.path.getsize(os.path.join(folder, name))]
    return found


def spoil_part(scene):
    (path,) = parts(scene)
    with open(path, "r+b") as file:
        file.write(b"spoilt")


def test_other_source_resumes(scene):
    """The first source breaks off; the second is asked for the rest only."""
    content = scene.content({"big.cab": filler(SIZE, 1)})
    server, nginx = scene.fault(), scene.nginx()
    scene.policy(content, [DP("near.contoso.test", server.url + "/cut", near=True),
                           DP(DP_NAME, nginx.url)])
    result = scene.get()
    assert result.code == 0, result
    rows = nginx.requests()
    assert not rows or rows[0]["status"] in (200, 206), rows
    assert result.json["bytesFromNetwork"] <= SIZE + SIZE // 2, result


def stopped_by(number):
    def test(scene):
        content = scene.content({"big.cab": filler(8000000 // SCALE, 1)})
        server = scene.fault()
        scene.policy(content, [DP(DP_NAME, server.url + "/slow")])
        process = scene.start()
        assert server.wait(lambda s: s.body_bytes > len(content.files["big.cab"]) // 10)
        process.send_signal(number)
        out, err = process.communicate(timeout=2 * max(1, SCALE // 2))
        assert process.returncode == 1, (process.returncode, err)
        assert err.decode().startswith("nearpoint: "), err
        if out.strip():
            assert json.loads(out)["result"] == "failed"
        assert not scene.has(content)
        kept = scene.staged()
        assert kept >= len(content.files["big.cab"]) // 20, "%d bytes kept" % kept
        scene.check_cache()
        result = scene.get()
        assert result.code == 0, result
        assert result.json["bytesFromNetwork"] < content.size - kept // 2, result
    test.__doc__ = "%s ends it within two seconds, with what came kept for the next run." \
        % signal.Signals(number).name
    test.threads = True
    return test


test_sigint = stopped_by(signal.SIGINT)
test_sigterm = stopped_by(signal.SIGTERM)
