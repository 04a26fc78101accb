"""The fault matrix, HTTP: what is cut off, lied about, changed, silent or slow (H1 to H8).

Each test shows in the server's own log that its fault was reached, and asks for what a user
notices: the exit code, the message, the sources with their errors, the cache, how much was asked
for, and how long it took.
"""

import os
import re
import socket

import fault_http  # noqa: F401 (registers behaviours)
from harness import DP, SCALE, Skip, filler, slow, wait_until
from test_engine import SilentNames

BAD, GOOD = "bad.contoso.test", "good.contoso.test"
SIZE = 3000000  # large enough for its validator to be kept


def one_file(scene, size=SIZE):
    return scene.content({"setup.exe": filler(size, 1)})


def only(scene, content, behaviour, **options):
    """A server that is the one distribution point."""
    server = scene.fault(**options)
    scene.policy(content, [DP(BAD, server.url + "/x")])
    server.instead["x"] = behaviour
    return server


def before_good(scene, content, behaviour):
    """(bad, good): the bad one is nearer."""
    bad, good = scene.fault(), scene.fault()
    scene.policy(content, [DP(BAD, bad.url + "/x", near=True), DP(GOOD, good.url + "/ok")])
    bad.instead["x"] = behaviour
    return bad, good


def errors_of(result, dp=BAD):
    return [error for source in result.json["sources"] if source["dp"] == dp
            for error in source["errors"]]


def codes(result, dp=BAD):
    return {error["code"] for error in errors_of(result, dp)}


def succeeds(scene, content, **options):
    result = scene.get(**options)
    assert result.code == 0 and scene.has(content), result
    return result


def fails(scene, content, **options):
    result = scene.get(**options)
    assert result.code == 1 and not scene.has(content), result
    assert BAD in result.message and result.json["result"] == "failed", result
    return result


def each(name, doc, values, make):
    """A test for each value, named after row and value, in the module of `make`."""
    for value in values:
        def test(scene, value=value):
            make(scene, value)
        test.__doc__ = doc % value
        test.__name__ = "%s_%s" % (name, re.sub(r"\W", "_", str(value)))
        test.__module__ = make.__module__
        make.__globals__[test.__name__] = test


# H1: truncated.

POINTS = (0, 1, SIZE // 3, SIZE // 2, SIZE - 1)


def resumes(scene, behaviour, point):
    content = one_file(scene)
    server = only(scene, content, "%s.%d" % (behaviour, point))
    result = succeeds(scene, content, timeout=30)
    first, second = server.asked()
    assert first["sent"] >= point and first["status"] == 200, first
    assert second["range"] == ("bytes=%d-" % point if point else None), second
    assert second["sent"] == SIZE - point, second
    assert result.json["bytesFromNetwork"] == SIZE, result
    assert len(errors_of(result)) == 1 and errors_of(result)[0]["blame"] == "source", result
    assert not point or str(point) in errors_of(result)[0]["text"], result


each("test_h1_cut_at", "Closed after %d bytes: the rest is asked for, and nothing else.", POINTS,
     lambda scene, point: resumes(scene, "cut-at", point))
each("test_h1_chunked_cut_at", "Chunks that end after %d bytes without the last: as above.",
     POINTS, lambda scene, point: resumes(scene, "chunked-cut-at", point))
each("test_h1_cut_inside_a_chunk_at", "Closed %d bytes into a chunk: as above.", POINTS,
     lambda scene, point: resumes(scene, "chunked-cut-inside", point))


def kept_for_the_next_run(scene, point):
    content = one_file(scene)
    server = only(scene, content, "cut-always.%d" % point)
    result = fails(scene, content, timeout=60)
    assert scene.staged() == point, "%d bytes kept" % scene.staged()
    assert result.json["bytesFromNetwork"] == point, result
    asked = len(server.asked())
    assert 2 <= asked <= 8, "asked %d times" % asked
    assert all(r["range"] == "bytes=%d-" % point for r in server.asked()[1:]), server.asked()
    server.instead["x"] = "range-only"
    result = succeeds(scene, content, timeout=30)
    (last,) = server.asked()[asked:]
    assert last["range"] == "bytes=%d-" % point and last["ifRange"], last
    assert result.json["bytesReused"] == point, result


each("test_h1_kept_for_the_next_run", "Never more than %d bytes: the run fails, the part is kept, "
     "the next run asks for the rest.", (1, SIZE // 2, SIZE - 1), kept_for_the_next_run)


# H2: lengths.


def refused_length(scene, behaviour, why):
    """The text of the refusal; the bad one is left for good, and no connection of it is used
    twice."""
    content = scene.content({"f%d" % i: filler(40000, i) for i in range(6)})
    bad, _ = before_good(scene, content, behaviour)
    result = succeeds(scene, content, timeout=60)
    asked = bad.asked()
    assert 1 <= len(asked) <= 20, "asked %d times" % len(asked)
    connections = [record["connection"] for record in asked]
    assert len(set(connections)) == len(connections), "a connection was used again"
    texts = [error["text"] for error in errors_of(result)]
    assert texts and all(re.search(why, text) for text in texts), result
    return texts[0]


LENGTH_ROWS = {
    "short": r"declares 20000 bytes, shorter",
    "long": r"declares 44000 bytes, longer",
    "no-length-short": r"20000 of 40000 bytes",
    "endless-small": r"more bytes than the manifest",
    "length.negative": r"Content-Length|not HTTP",
    "length.two": r"Content-Length",
    "length.two-reversed": r"Content-Length|declares",
    "length.huge": r"Content-Length|declares",
    "length.big": r"Content-Length|declares",
    "length.words": r"Content-Length|not HTTP",
    "bad-chunk": r"(?i)chunk|HTTP|break",
}
each("test_h2", "A length that lies (%s): refused with its own words, never on a connection "
     "again.", LENGTH_ROWS, lambda scene, name: refused_length(scene, name, LENGTH_ROWS[name]))


def test_h2_three_messages(scene):
    """Declared short, declared long, and not declared but ended early or late: told apart."""
    texts = {}
    for name in ("short", "long", "no-length-short", "endless-small"):
        content = one_file(scene, 40000)
        scene.cache = scene.path("cache-" + name)
        bad, _ = before_good(scene, content, name)
        result = succeeds(scene, content, timeout=60)
        assert bad.asked()
        texts[name] = errors_of(result)[0]["text"]
    assert len(set(texts.values())) == 4, texts


def test_h2_length_and_chunks(scene):
    """A length and chunks at once contradict each other: whatever is made of it, only right bytes
    are published, and the connection is not used again."""
    content = scene.content({"f%d" % i: filler(40000, i) for i in range(20)})
    bad, _ = before_good(scene, content, "length.chunked")
    succeeds(scene, content, timeout=60)
    connections = [record["connection"] for record in bad.asked()]
    assert connections and len(set(connections)) == len(connections), connections


def test_h2_surprise_on_a_kept_connection(scene):
    """A reply that nobody asked for, behind a right one: what comes on that connection from then
    on belongs to other files. It is found out, the connection is not gone on with, all comes."""
    content = scene.content({"f%02d" % i: filler(40000, i) for i in range(20)})
    server = only(scene, content, "surprise-once")
    result = succeeds(scene, content, timeout=60)
    assert server.surprised, "nobody was surprised"
    assert len(server.asked()) <= 30, "asked %d times" % len(server.asked())
    assert len(errors_of(result)) <= 10, result


def test_h2_surprise_on_the_only_connection(scene):
    """What was wrong is asked for again on a connection of its own: the kept one may have slipped by
    a reply for good."""
    content = scene.content({"f%02d" % i: filler(40000, i) for i in range(20)})
    server = only(scene, content, "surprise-late")
    scene.settings(connectionsPerSource=1)
    succeeds(scene, content, timeout=60)
    assert server.surprised, "nobody was surprised"


def test_h2_surprises_everywhere(scene):
    """The same behind each reply: nothing wrong is visible, and there is an end."""
    content = scene.content({"f%02d" % i: filler(40000, i) for i in range(20)})
    server = only(scene, content, "surprise")
    result = scene.get(timeout=60)
    assert result.code in (0, 1) and result.seconds < 30, result
    assert server.asked() and len(server.asked()) <= 80, "asked %d times" % len(server.asked())


# H3, H4, H5: what is answered to a range.


def half_there(scene, behaviour, size=SIZE):
    """A content of one file, half of which an earlier run left."""
    content = one_file(scene, size)
    server = only(scene, content, "stall-body")
    process = scene.start()
    wait_until(lambda: scene.staged() >= size // 2, 20, "half of the file")
    process.kill()
    process.communicate()
    server.requests.clear()
    server.counts.clear()
    server.instead["x"] = behaviour
    return content, server


def nothing_is_appended(scene, behaviour):
    content, server = half_there(scene, behaviour)
    result = succeeds(scene, content, timeout=60)
    asked = server.asked()
    assert asked[0]["range"] == "bytes=%d-" % (SIZE // 2) and asked[0]["status"] == 206, asked
    assert len(asked) == 2 and asked[1]["range"] is None, asked
    assert codes(result) == {"RANGE"}, result
    assert result.json["bytesFromNetwork"] == SIZE, result


RANGES = ["part." + kind for kind in ("start", "end", "total", "star", "reversed", "huge",
                                      "negative", "unit", "rubbish")]
each("test_h3", "A range that is answered wrongly (%s): nothing of it is used, the whole is asked "
     "for.", RANGES + ["part-no-range", "part-multi"], nothing_is_appended)


def test_h3_unasked_part(scene):
    """206 to a request for the whole: refused, the next source brings it."""
    content = one_file(scene)
    bad, _ = before_good(scene, content, "part-unasked")
    result = succeeds(scene, content, timeout=30)
    assert bad.asked()[0]["status"] == 206 and codes(result) == {"RANGE"}, result
    assert errors_of(result, GOOD) == []


def wrong_blocks(scene, behaviour):
    """One of two distribution points of one locality answers the ranges of a large file
    wrongly."""
    content = one_file(scene, (24 << 20) // SCALE)
    bad, good = scene.fault(), scene.fault()
    scene.policy(content, [DP(BAD, bad.url + "/x"), DP(GOOD, good.url + "/slow")])
    bad.instead["x"] = behaviour
    result = succeeds(scene, content, timeout=120)
    ranged = [record for record in bad.asked() if record["range"]]
    if SCALE == 1:
        assert any(re.fullmatch(r"bytes=\d+-\d+", r["range"]) for r in ranged), ranged
        assert "HASH_MISMATCH" not in codes(result), result
    assert len(bad.asked()) < 30, "asked %d times" % len(bad.asked())
    assert errors_of(result, GOOD) == [], result
    return bad, good, result


def wrong_block_row(scene, behaviour):
    bad, _, result = wrong_blocks(scene, behaviour)
    if any(record["status"] == 206 for record in bad.asked()):
        assert "RANGE" in codes(result), result


each("test_h3_blocks", "A block of a large file, answered wrongly (%s): nothing of it is used, "
     "the other source brings it.", ["part.start", "part.end", "part.total", "part-multi"],
     wrong_block_row)


def test_h4_whole_to_a_range(scene):
    """200 to a range: from zero, and the digest is right."""
    content, server = half_there(scene, "part-whole")
    result = succeeds(scene, content, timeout=30)
    (asked,) = server.asked()
    assert asked["range"] and asked["status"] == 200 and asked["sent"] == SIZE, asked
    assert result.json["bytesFromNetwork"] == SIZE and not errors_of(result), result


def test_h4_whole_to_a_block(scene):
    """200 to each block of a large file: right bytes, and not a whole file for each block."""
    bad, _, result = wrong_blocks(scene, "part-whole")
    assert any(record["status"] == 200 for record in bad.asked()) or SCALE > 1, bad.asked()
    assert result.json["bytesFromNetwork"] < 3 * ((24 << 20) // SCALE), result


def part_of(scene, content):
    return scene.path("cache/Staging/%s/%s" % (content.folder, content.rows[0][2]))


def test_h5_complete(scene):
    """All bytes were there: done, without asking who would answer 416."""
    content, server = half_there(scene, "part-416")
    with open(part_of(scene, content), "wb") as file:
        file.write(content.files["setup.exe"])
    for name in os.listdir(os.path.dirname(part_of(scene, content))):
        assert not name.endswith(".ahead"), "one stream in order needs no record"
    result = succeeds(scene, content, timeout=30)
    assert server.asked() == [] and result.json["bytesFromNetwork"] == 0, result


def test_h5_too_long(scene):
    """More bytes than the file has: from zero."""
    content, server = half_there(scene, "part-416")
    with open(part_of(scene, content), "ab") as file:
        file.write(bytes(SIZE))
    result = succeeds(scene, content, timeout=30)
    (asked,) = server.asked()
    assert asked["range"] is None and result.json["bytesFromNetwork"] == SIZE, result


def refused_part(scene, behaviour):
    content, server = half_there(scene, behaviour)
    with open(part_of(scene, content), "r+b") as file:
        file.write(b"spoilt")
    result = succeeds(scene, content, timeout=30)
    first, second = server.asked()
    assert first["status"] == 416 and second["range"] is None, server.asked()
    assert codes(result) == {"HTTP_416"} and result.json["bytesFromNetwork"] == SIZE, result


each("test_h5_corrupt", "%s to a part that is spoilt besides: from zero.",
     ["part-416", "part-416-other"], refused_part)


# H6: the content changes between two requests.


def test_h6_the_tag_tells(scene):
    """If-Range makes the server send all of the new file: nothing is mixed."""
    content = one_file(scene)
    server = only(scene, content, "changes")
    result = succeeds(scene, content, timeout=30)
    _, second = server.asked()
    assert second["ifRange"] == fault_http.ONE and second["status"] == 200, second
    assert "HASH_MISMATCH" not in codes(result), result
    assert result.json["bytesFromNetwork"] == SIZE // 2 + SIZE, result


def test_h6_the_tag_tells_who_does_not_ask(scene):
    """The server ignores If-Range, but its 206 has another tag: nothing is appended."""
    content = one_file(scene)
    server = only(scene, content, "changes-unasked")
    result = succeeds(scene, content, timeout=30)
    asked = server.asked()
    assert asked[1]["status"] == 206 and asked[2]["range"] is None and len(asked) == 3, asked
    assert "CHANGED" in codes(result) and "HASH_MISMATCH" not in codes(result), result


def test_h6_the_tag_does_not_tell(scene):
    """Other bytes under the same tag: the digest tells, the mix is not published, all of it comes
    anew, past caches."""
    content = one_file(scene)
    server = only(scene, content, "changes-in-silence")
    result = succeeds(scene, content, timeout=30)
    asked = server.asked()
    assert asked[1]["status"] == 206 and len(asked) == 3, asked
    assert asked[2]["range"] is None and "no-cache" in asked[2]["headers"]["cache-control"], asked
    assert "HASH_MISMATCH" in codes(result), result


# H7: wrong bytes.


def test_h7_once_past_caches_then_the_next(scene):
    """Wrong bytes: asked for once more past caches, then the next source."""
    content = one_file(scene)
    bad, good = before_good(scene, content, "wrong")
    result = succeeds(scene, content, timeout=30)
    first, second = bad.asked()
    assert "cache-control" not in first["headers"], first
    assert "no-cache" in second["headers"]["cache-control"] and second["range"] is None, second
    assert [r["range"] for r in good.asked()] == [None], good.asked()
    assert codes(result) == {"HASH_MISMATCH"} and errors_of(result, GOOD) == [], result
    assert all(error["blame"] in ("source", "data") for error in errors_of(result)), result


def test_h7_wrong_once(scene):
    """Wrong only out of a cache: the second time is right, the source stays."""
    content = one_file(scene)
    server = only(scene, content, "wrong-once")
    succeeds(scene, content, timeout=30)
    assert len(server.asked()) == 2


def test_h7_set_aside_once_proven(scene):
    """Of 200 files, the bad one is asked only for those it had in hand when it was found out: by a
    second try, on a connection of its own."""
    content = scene.content({"f%03d" % i: filler(3000 + i, i) for i in range(200)})
    bad, good = before_good(scene, content, "wrong")
    result = succeeds(scene, content, timeout=60)
    files = {record["file"] for record in bad.asked()}
    print("asked for %d files" % len(files))
    assert 1 <= len(files) <= 16, "asked for %d files" % len(files)
    assert len(bad.asked()) <= 2 * len(files), bad.asked()
    assert len(good.asked()) == 200 and errors_of(result, GOOD) == [], result


def test_h7_the_others_go_on(scene):
    """Wrong, good and wrong again, in one locality: the good one brings everything."""
    content = scene.content({"f%02d" % i: filler(5000, i) for i in range(30)})
    servers = [scene.fault() for _ in range(3)]
    names = ["wrong1.contoso.test", GOOD, "wrong2.contoso.test"]
    kinds = ["wrong", "ok", "wrong"]
    scene.policy(content, [DP(name, server.url + "/" + kind)
                           for name, server, kind in zip(names, servers, kinds)])
    result = succeeds(scene, content, timeout=60)
    assert errors_of(result, GOOD) == [], result
    asked = [len(server.asked()) for server in servers]
    assert asked[1] >= 30 and asked[0] <= 40 and asked[2] <= 40, asked


def test_h7_all_wrong(scene):
    """Three that are all wrong: soon over, each named, a hash called a hash."""
    content = one_file(scene, 50000)
    servers = [scene.fault() for _ in range(3)]
    names = [BAD, "bad2.contoso.test", "bad3.contoso.test"]
    scene.policy(content, [DP(name, server.url + "/wrong")
                           for name, server in zip(names, servers)])
    result = fails(scene, content, timeout=30)
    assert all(name in result.message for name in names), result
    assert "hash" in result.message and result.json["error"]["blame"] in ("source", "data"), result
    assert [len(server.asked()) for server in servers] == [2, 2, 2]
    assert result.seconds < 10, result


# H8: silence, in each phase, and slowness.

PHASES = {
    "stall-status": r"no answer",
    "stall-line": r"no answer|no further header",
    "stall-headers": r"no further header",
    "stall-body": r"no byte for 2 s, at 1500000 of 3000000 bytes",
    "stall-at.0": r"no byte for 2 s, at 0 of 3000000 bytes",
}


def silent_phase(scene, behaviour):
    content = one_file(scene)
    bad, _ = before_good(scene, content, behaviour)
    result = succeeds(scene, content, timeout=30)
    assert bad.asked(), "the bad one was never asked"
    assert codes(result) == {"STALLED"} and len(errors_of(result)) == 1, result
    assert re.search(PHASES[behaviour], errors_of(result)[0]["text"]), result
    assert 1.9 <= result.seconds < 8, result


each("test_h8", "Silence (%s): left after its time, with the phase's own words.", PHASES,
     silent_phase)


def test_h8_nobody_accepts(scene):
    """The connection is made by the kernel, and nobody takes it: no answer."""
    content = one_file(scene)
    listener = scene.keep(socket.create_server(("127.0.0.1", 0)))
    good = scene.fault()
    url = "http://127.0.0.1:%d/x" % listener.getsockname()[1]
    scene.policy(content, [DP(BAD, url, near=True), DP(GOOD, good.url + "/ok")])
    result = succeeds(scene, content, timeout=30)
    listener.settimeout(1)
    listener.accept()[0].close()
    assert codes(result) == {"STALLED"}, result
    assert "no answer" in errors_of(result)[0]["text"], result
    assert result.seconds < 8, result


@slow("a connection may take 15 s")
def test_h8_no_connection(scene):
    """A host whose queue is full never completes a connection."""
    content = one_file(scene)
    listener = scene.keep(socket.create_server(("127.0.0.1", 0), backlog=0))
    good, waiting = scene.fault(), []
    for _ in range(4):
        client = scene.keep(socket.socket())
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        waiting.append(client)
    url = "http://127.0.0.1:%d/x" % listener.getsockname()[1]
    scene.policy(content, [DP(BAD, url, near=True), DP(GOOD, good.url + "/ok")])
    result = succeeds(scene, content, timeout=60)
    assert errors_of(result) and "no connection" in errors_of(result)[0]["text"], result
    assert 1.9 <= result.seconds < 25, result


@slow("a lookup may take 15 s")
def test_h8_no_address(scene):
    """A name server that says nothing: the name is what is missing."""
    scene.env["NEARPOINT_STALL_SECONDS"] = "20"  # a lookup has its own deadline, which is shorter
    content = one_file(scene)
    names, good = scene.keep(SilentNames()), scene.fault()
    scene.settings(dnsServers=[names.address])
    scene.policy(content, [DP(BAD, "http://dp1.contoso.test/x", near=True),
                           DP(GOOD, good.url + "/ok")])
    result = succeeds(scene, content, timeout=60)
    names.heard()
    assert errors_of(result)[0]["blame"] == "dns", result
    assert re.search("no address|does not resolve", errors_of(result)[0]["text"]), result
    assert result.seconds < 25, result


def kept_though_slow(scene, size, rate):
    content = one_file(scene, size)
    server = only(scene, content, "rate.%d" % rate)
    result = succeeds(scene, content, timeout=60)
    assert len(server.asked()) == 1 and errors_of(result) == [], result
    assert result.seconds > 4, "it was not slow: %s" % result


def test_h8_one_byte_a_second_alone(scene):
    """The only source gives one byte a second: kept."""
    kept_though_slow(scene, 8, 1)


def test_h8_below_the_limit_alone(scene):
    """The only source gives 512 bytes a second: kept."""
    kept_though_slow(scene, 3000, 512)


def test_h8_above_the_limit(scene):
    """2 KiB a second are enough, even where another could be asked."""
    content = one_file(scene, 13000)
    bad, good = before_good(scene, content, "rate.2048")
    result = succeeds(scene, content, timeout=60)
    assert len(bad.asked()) == 1 and good.asked() == [] and errors_of(result) == [], result
    assert result.seconds > 4, result


def left_though_not_silent(scene, behaviour):
    content = one_file(scene, 100000)
    bad, good = before_good(scene, content, behaviour)
    result = succeeds(scene, content, timeout=60)
    assert bad.asked() and bad.asked()[0]["sent"] + bad.asked()[0]["head"] > 0, bad.asked()
    assert codes(result) & {"SLOW", "STALLED", "TOO_LONG"}, result
    assert good.asked() and result.seconds < 20, result


each("test_h8_left", "Never silent, and never done (%s): left where another may be asked.",
     ["rate.1", "rate.512", "header-drip"], left_though_not_silent)


def test_h8_the_only_one_keeps_what_came(scene):
    """A source that stops again and again, but gives more each time, ends with all of it."""
    if SCALE > 1:
        raise Skip("time is what is tested")
    content = one_file(scene)
    server = only(scene, content, "stall-at.1000000")
    process = scene.start()
    assert server.wait(lambda s: s.body_bytes >= 1000000)
    server.instead["x"] = "stall-at.2000000"
    assert server.wait(lambda s: s.body_bytes >= 2000000)
    server.instead["x"] = "range-only"
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert [r["range"] for r in server.asked()] == [None, "bytes=1000000-", "bytes=2000000-"]
    assert server.body_bytes == SIZE
