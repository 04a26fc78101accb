"""Sources in turn, and together: one that dies, stops, is slow or lies beside others that do not.

What a server sent is counted by the server. Where a fault is timed, it is timed from the fault to
the end of the program; ENDING is what the program may take to verify, publish and end.
"""

import os
import signal
import subprocess
import time

from fault_pace import IN_FLIGHT, Gauge, Paced
from harness import DP, SCALE, Result, Skip, alone, filler, instance, sha256, slow, wait_until
from measure import measure

MIB = 1 << 20
BLOCK = 8 * MIB
# Sanitized builds are slower to end, and to take bytes.
ENDING = 0.7 if SCALE == 1 else 5
NAME = "large.wim"


def numbered(mebibytes, seed=7):
    """No two MiB of it are alike."""
    piece = filler(MIB, seed)
    return b"".join(i.to_bytes(8, "big") + piece[8:] for i in range(mebibytes))


def large(scene, mebibytes=24):
    return scene.content({NAME: numbered(mebibytes)})


def place(scene, content, servers, near=None, extra=()):
    """A DP for each server, ranked as they stand here; their names in that order. Of several
    contents the first counts."""
    contents = content if isinstance(content, list) else [content]
    content, near = contents[0], near or [True] * len(servers)
    names = ["dp%d.contoso.test" % i for i in range(len(servers))]
    scene.policy(contents, [DP(name, "http://127.0.0.1:1", n) for name, n in zip(names, near)])
    answer = scene.run("locate", content.id, "--json", *scene.MACHINE).json
    order = [row["dp"] for row in answer["locations"]]
    assert sorted(order) == names, answer
    scene.policy(contents, [DP(name, server.url + ("/pace" if isinstance(server, Paced) else ""),
                               n) for name, server, n in zip(order, servers, near)], extra)
    return order


def paced(scene, **options):
    return scene.keep(Paced(scene.www, **options))


def both(scene, content, near=None, rate=MIB):
    """Two servers, and the names of their DPs."""
    servers = paced(scene, rate=rate), paced(scene, rate=rate)
    return servers, place(scene, content, servers, near)


class Get:
    """A get that runs; end() is its result. `ended`: monotonic seconds."""

    def __init__(self, scene, *more):
        self.scene, self.begun = scene, time.monotonic()
        self.process = scene.start(*more)

    def end(self, timeout=60):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise AssertionError("no end after %d s" % timeout) from error
        self.ended = time.monotonic()
        result = Result(self.process.args, self.process.returncode, out.decode(), err.decode(),
                        self.ended - self.begun)
        self.scene.check_form(result)
        self.scene.check_cache()
        return result


def whole(scene, result):
    assert result.code == 0 and all(scene.has(c) for c in scene.contents.values()), result
    return {source["dp"]: source for source in result.json["sources"]}


def codes(source):
    return [error["code"] for error in source["errors"]]


def sent(servers):
    return sum(server.body_bytes for server in servers)


def cut_short(servers):
    """Requests that did not get all they asked for, and so may have had bytes on the way."""
    count = 0
    for server in servers:
        for record, (start, end) in zip(server.asked(), server.ranges_asked()):
            size = len(server.bodies.get(record["file"]) or b"")
            count += record["sent"] < (min(end, size) if end else size) - start
    return count


def no_byte_twice(servers, size):
    """Beyond what was on the way when a request was left."""
    tolerance = IN_FLIGHT * cut_short(servers)
    assert sent(servers) <= size + tolerance, \
        "sent %d of %d, tolerated %d more" % (sent(servers), size, tolerance)


def reached(server, size):
    """The server has sent so many bytes."""
    assert server.wait(lambda s: s.body_bytes >= size), "only %d bytes" % server.body_bytes


# One of two dies.

@alone
def test_one_of_two_reset(scene):
    """Reset and refused from mid-file on: what is left comes at the other's rate."""
    content, rate = large(scene), 4 * MIB
    (first, other), names = both(scene, content, rate=rate)
    get = Get(scene)
    reached(first, 3 * MIB)
    first.kill()
    killed, left = time.monotonic(), content.size - sent((first, other))
    sources = whole(scene, get.end())
    assert 0 < first.body_bytes < content.size and cut_short([first]) > 0
    assert sources[names[0]]["errors"] and not sources[names[1]]["errors"], sources
    seconds = get.ended - killed
    assert seconds < left / rate * 1.1 + ENDING, "%.2f s for %d bytes" % (seconds, left)
    no_byte_twice((first, other), content.size)


@alone
def test_one_of_two_killed(scene):
    """SIGKILL of nginx mid-file."""
    content, rate = large(scene), 4 * MIB
    nginx, other = scene.nginx(limit_rate="1m"), paced(scene, rate=rate)
    names = place(scene, content, [nginx, other])
    get = Get(scene)
    wait_until(lambda: scene.staged() > MIB, what="bytes")
    worker = worker_of(nginx)
    nginx.process.kill()
    os.kill(worker, signal.SIGKILL)  # it outlives its master
    killed, already = time.monotonic(), other.body_bytes
    sources = whole(scene, get.end())
    dead, alive = sources[names[0]], sources[names[1]]
    assert 0 < dead["bytes"] < content.size and dead["errors"], sources
    assert dead["bytes"] + alive["bytes"] == content.size, sources
    left = other.body_bytes - already
    assert get.ended - killed < left / rate * 1.1 + ENDING, (get.ended - killed, left)
    no_byte_twice([other], content.size - dead["bytes"])


def worker_of(nginx):
    with open("/proc/%d/task/%d/children" % (nginx.process.pid, nginx.process.pid)) as file:
        return int(file.read().split()[0])


# One of two stops without closing.

def stall_limit(scene, seconds=8):
    """Beyond a hedge."""
    scene.env["NEARPOINT_STALL_SECONDS"] = str(seconds)


@alone
def test_one_of_two_stops(scene):
    """A large file in ranges from two, one stops and does not close: whole in under 7 s."""
    stall_limit(scene)
    content = large(scene)
    (first, other), names = both(scene, content, rate=8 * MIB)
    get = Get(scene)
    reached(first, 2 * MIB)
    first.stop()
    sources = whole(scene, get.end())
    assert cut_short([first]) > 0, first.asked()
    assert get.ended - first.stopped_at < 7, get.ended - first.stopped_at
    assert not codes(sources[names[1]]), sources
    no_byte_twice((first, other), content.size)


@alone
def test_nginx_stops(scene):
    """SIGSTOP of nginx in a file that is too small for blocks: whole in under 7 s after it."""
    stall_limit(scene)
    content = scene.content({"setup.exe": numbered(4)})
    nginx, other = scene.nginx(limit_rate="1m"), paced(scene)
    names = place(scene, content, [nginx, other])
    get, worker = Get(scene), worker_of(nginx)
    wait_until(lambda: scene.staged() > MIB, what="bytes")
    os.kill(worker, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        result = get.end()
    finally:
        os.kill(worker, signal.SIGCONT)
    sources = whole(scene, result)
    assert get.ended - stopped < 7, get.ended - stopped
    row, = nginx.requests()
    assert 0 < row["bytes"] < content.size, "the stalled request: %s" % row
    given = sources[names[0]]["bytes"]
    assert 0 < given and given + sources[names[1]]["bytes"] == content.size, sources
    no_byte_twice([other], content.size - given)


# Hedges. The file is too small for an idle source to take half of it over.

def small(scene):
    return scene.content({"setup.exe": filler(400000, 1)})


def hedging(scene, near=None):
    """The first of two stops mid-file."""
    stall_limit(scene)
    content = small(scene)
    servers, names = both(scene, content, near, rate=400000)
    get = Get(scene)
    reached(servers[0], content.size // 3)
    servers[0].stop()
    return content, servers, names, get


def test_hedge_asks_for_the_rest(scene):
    """After 5 s of silence the next of the same locality is asked for exactly the rest."""
    content, (first, other), names, get = hedging(scene)
    sources = whole(scene, get.end())
    assert len(first.asked()) == 1 and first.body_bytes < content.size
    (start, _), = other.ranges_asked()
    assert start == first.body_bytes, (other.asked(), first.body_bytes)
    silence = other.asked()[0]["at"] - first.last_at
    assert 4.5 < silence < 6.5, silence
    assert get.ended - first.stopped_at < 7 + ENDING - 0.7, get.ended - first.stopped_at
    assert "HEDGED" in codes(sources[names[0]]) and not codes(sources[names[1]]), sources
    assert sources[names[1]]["files"] == 1, sources
    no_byte_twice((first, other), content.size)


def test_first_wakes_up_before_the_hedge_answers(scene):
    """It keeps the work, and the other's answer is dropped."""
    stall_limit(scene)
    content = small(scene)
    (first, other), names = both(scene, content, rate=400000)
    other.stop()
    get = Get(scene)
    reached(first, content.size // 3)
    first.stop()
    assert other.wait(lambda s: s.requests, 10), "no hedge"
    first.go()
    sources = whole(scene, get.end())
    other.go()
    assert len(first.asked()) == len(other.asked()) == 1, (first.asked(), other.asked())
    assert first.body_bytes == content.size, first.body_bytes
    assert sources[names[0]]["files"] == 1 and sources[names[0]]["bytes"] == content.size, sources
    assert all(source["bytes"] == 0 for name, source in sources.items() if name != names[0])


def test_hedge_beside_other_files(scene):
    """There are many files to fetch: the silent ones do not wait until all others are here."""
    stall_limit(scene, 15)
    content = scene.content({"f%02d" % i: filler(MIB // 4, i) for i in range(64)})
    (first, other), names = both(scene, content)
    get = Get(scene)
    reached(first, MIB // 4)
    first.stop()
    sources = whole(scene, get.end())
    hedges = [r["at"] - first.stopped_at for r in other.asked() if r["range"]]
    assert hedges and hedges[0] < 8, hedges
    assert "HEDGED" in codes(sources[names[0]]), sources
    no_byte_twice((first, other), content.size)


def test_loser_rests(scene):
    """The first one woke up too late: it is asked for nothing of the next content either."""
    stall_limit(scene)
    content = small(scene)
    more = scene.content({"f%02d" % i: filler(MIB // 8, i) for i in range(24)}, "PS100002", 1)
    first, other = paced(scene, rate=400000), paced(scene, rate=MIB)
    place(scene, [content, more], [first, other])

    def asked_for_more():
        return [r["file"] for r in first.asked() if more.id in r["file"]]
    get = Get(scene, more.id)
    reached(first, content.size // 3)
    first.stop()
    assert other.wait(lambda s: s.body_bytes > 0, 10), "no hedge"
    first.go()
    results = get.end().json
    assert [result["result"] for result in results] == ["ok", "ok"], results
    assert asked_for_more() == [], asked_for_more()
    # The twin: nobody stops, and both are asked.
    scene.cache = scene.path("cache-twin")
    Get(scene, more.id).end()
    assert asked_for_more(), "it is never asked for them"


def test_no_hedge_to_another_locality(scene):
    """The next is farther away: nothing is asked of it before the stall limit."""
    content, (first, other), names, get = hedging(scene, [True, False])
    sources = whole(scene, get.end())
    silence = other.asked()[0]["at"] - first.last_at
    assert 7.5 < silence < 10, silence
    assert codes(sources[names[0]]) == ["STALLED"], sources
    assert other.ranges_asked()[0][0] == first.body_bytes
    no_byte_twice((first, other), content.size)


def test_no_hedge_after_wrong_bytes(scene):
    """A file whose bytes were wrong comes from one source: its silence is waited for."""
    stall_limit(scene)
    content = small(scene)
    first, other = paced(scene, rate=400000, lies=1), paced(scene, rate=400000)
    names = place(scene, content, (first, other))
    get = Get(scene)
    reached(first, content.size + content.size // 3)
    first.stop()
    sources = whole(scene, get.end())
    assert "HASH_MISMATCH" in codes(sources[names[0]]) and first.asked()[0].get("lie"), sources
    silence = other.asked()[0]["at"] - first.last_at
    assert silence > 7.5, silence


# Together.

def in_blocks(server, size):
    """Each request is a range of at most a block, and was answered as one."""
    for record, (start, end) in zip(server.asked(), server.ranges_asked()):
        assert record["range"] and (end or size) - start <= BLOCK, record["range"]
        assert record["status"] in (206, None), record


def together(scene, content, rates, **first_options):
    servers = [paced(scene, rate=rate, **(first_options if i == 0 else {}))
               for i, rate in enumerate(rates)]
    names = place(scene, content, servers)
    get = Get(scene)
    return servers, names, get


@alone
def test_large_file_from_three(scene):
    """64 MiB in blocks from three of one locality at once: each gave some, no byte came twice."""
    content = large(scene, 64)
    servers, names, get = together(scene, content, [16 * MIB] * 3)
    sources = whole(scene, get.end())
    for server, name in zip(servers, names):
        in_blocks(server, content.size)
        assert sources[name]["bytes"] > 4 * MIB and not sources[name]["errors"], sources
    spans = [span for server in servers for span in server.ranges_asked()]
    assert sum((end or content.size) - start == BLOCK for start, end in spans) >= 3, spans
    assert sum(source["bytes"] for source in sources.values()) == content.size, sources
    no_byte_twice(servers, content.size)
    one_alone = content.size / (16 * MIB)
    assert get.ended - get.begun < one_alone * 0.6 + ENDING, get.ended - get.begun


@alone
def test_slow_one_does_not_hold_up_the_end(scene):
    """One of three gives 20 KB/s: as quick as the two others alone are."""
    stall_limit(scene)
    content = large(scene, 64)
    _, _, get = together(scene, content, [16 * MIB] * 2)
    whole(scene, get.end())
    of_two, scene.cache = get.ended - get.begun, scene.path("cache-of-three")
    servers, names, get = together(scene, content, [20000, 16 * MIB, 16 * MIB])
    sources = whole(scene, get.end())
    seconds = get.ended - get.begun
    assert servers[0].body_bytes > 0 and cut_short(servers[:1]) > 0, "it was never asked"
    # Half a second goes by before its pace is known.
    assert seconds < of_two * 1.25 + 0.5 + ENDING, (seconds, of_two)
    assert servers[0].body_bytes < MIB
    no_byte_twice(servers, content.size)
    assert sources[names[1]]["bytes"] > BLOCK and sources[names[2]]["bytes"] > BLOCK, sources


def test_one_without_ranges_among_three(scene):
    """200 to everything: nothing is mixed up, and it is asked for ranges of the file no more."""
    content = large(scene, 48)
    servers, _, get = together(scene, content, [16 * MIB] * 3, ranges=False)
    whole(scene, get.end())
    asked = servers[0].asked()
    assert any(r["status"] == 200 and r["range"] for r in asked), "the fault was not met"
    late = [r["range"] for r in asked if r["range"] and r["at"] > asked[0]["at"] + 1]
    assert not late and len(asked) <= 9, asked
    assert sent(servers) < 2 * content.size, sent(servers)


def lying(scene, place_of_liar):
    content = large(scene, 48)
    servers = [paced(scene, rate=8 * MIB, lies=1 << 30 if i == place_of_liar else 0)
               for i in range(3)]
    names = place(scene, content, servers)
    get = Get(scene)
    while get.process.poll() is None:
        scene.check_cache()  # what is mixed is never visible
        time.sleep(0.02)
    result = get.end()
    sources = whole(scene, result)
    liar = servers[place_of_liar]
    assert any(r.get("lie") and r["sent"] for r in liar.asked()), "nobody lied"
    for i, name in enumerate(names):
        assert i == place_of_liar or "HASH_MISMATCH" not in codes(sources[name]), result
    # Mixed, the liar's twice, and the right one.
    assert sent(servers) <= 4 * content.size + MIB, sent(servers) / content.size
    asked = [len(server.asked()) for server in servers]
    assert sum(asked) < 40, asked
    return sources[names[place_of_liar]]


def test_liar_first_of_three(scene):
    """Proven alone, it is named with HASH_MISMATCH; the honest ones are not."""
    assert "HASH_MISMATCH" in codes(lying(scene, 0))


def test_liar_last_of_three(scene):
    """The honest ones are not blamed, and the content is right."""
    lying(scene, 2)


def test_small_files_are_not_split(scene):
    """Below 16 MiB a file is one request, and has no range."""
    content = scene.content(dict({"f%02d" % i: filler(MIB // 4, i) for i in range(24)},
                                 medium=numbered(15)))
    servers, _, get = together(scene, content, [16 * MIB] * 3)
    whole(scene, get.end())
    asked = [r for server in servers for r in server.asked()]
    assert len(asked) == 25 and not any(r["range"] for r in asked), asked


def test_connections_are_bounded(scene):
    """8 to one distribution point, 24 in all."""
    content = scene.content(dict({"f%02d" % i: filler(MIB // 4, i) for i in range(60)},
                                 large=numbered(64)))
    gauge = Gauge()
    servers = [paced(scene, rate=8 * MIB, gauge=gauge) for _ in range(4)]
    place(scene, content, servers)
    whole(scene, Get(scene).end())
    assert all(server.peak() <= 8 for server in servers), [server.peak() for server in servers]
    assert 2 <= gauge.peak <= 24, gauge.peak


def peak_memory(scene, files):
    """Of a run from three servers, in MiB."""
    content = scene.content(files)
    servers = [scene.nginx() for _ in range(3)]
    scene.policy(content, [DP("dp%d.contoso.test" % i, server.url)
                           for i, server in enumerate(servers)])
    command = scene.command("get", content.id, *scene.MACHINE, *scene.places())
    figures = measure(command, scene.folder, scene.environment())
    assert scene.has(content) and all(server.requests() for server in servers)
    return figures.rss


MEMORY = {
    "large": lambda: {NAME: numbered(256)},
    "many": lambda: {"f%03d" % i: filler(640 << 10, i) for i in range(200)},
    "between": lambda: {"f%02d" % i: filler(20 * MIB, i) for i in range(12)},
}


def of_memory(kind):
    def test(scene):
        if SCALE > 1:
            raise Skip("a sanitizer's shadow is memory too")
        peak = peak_memory(scene, MEMORY[kind]())
        assert peak < 24, "%.1f MiB" % peak
    test.__doc__ = "24 connections, %s: under 24 MiB of memory." % kind
    return alone(test)


test_memory_large, test_memory_many, test_memory_between = map(of_memory, MEMORY)


def test_one_connection_to_a_workstation(scene):
    """Whatever there is to fetch; its twin, a server, gets several."""
    content = scene.content(dict({"f%02d" % i: filler(MIB // 4, i) for i in range(20)},
                                 large=numbered(17)))
    for system, peaks in (("Workstation", (1, 1)), ("Server", (2, 8))):
        server = paced(scene, rate=16 * MIB)
        scene.cache = scene.path("cache-" + system)
        place(scene, content, [server])
        with open(scene.path("policy/estate.xml"), encoding="utf-8") as file:
            text = file.read()
        scene.write("policy/estate.xml", text.replace(
            "<property name=\"ResourceType\">", '<property name="OperatingSystem"><value>'
            "Windows NT %s 10.0</value></property><property name=\"ResourceType\">" % system))
        whole(scene, Get(scene).end())
        assert peaks[0] <= server.peak() <= peaks[1], (system, server.peak())


# In turn.

def test_only_source_is_kept_though_slow(scene):
    """600 bytes a second, and no other: one request, to the end."""
    content = scene.content({"setup.exe": filler(5000, 1)})
    server = paced(scene, rate=600)
    names = place(scene, content, [server])
    get = Get(scene)
    sources = whole(scene, get.end())
    assert get.ended - get.begun > 7 and len(server.asked()) == 1, server.asked()
    assert sources[names[0]]["bytes"] == content.size, sources


def test_slow_source_is_left_for_another(scene):
    """The twin: another may be asked, and gives the rest."""
    content = scene.content({"setup.exe": filler(20000, 1)})
    first, other = paced(scene, rate=600), paced(scene)
    names = place(scene, content, [first, other], [True, False])
    get = Get(scene)
    sources = whole(scene, get.end())
    assert codes(sources[names[0]]) == ["SLOW"], sources
    assert get.ended - get.begun < 8, get.ended - get.begun
    (start, _), = other.ranges_asked()
    assert 0 < start == sources[names[0]]["bytes"], (other.asked(), sources)


def test_byte_a_second_beside_another(scene):
    """Never silent, never done: left all the same."""
    content = scene.content({"setup.exe": filler(20000, 1)})
    first, other = paced(scene, rate=1), paced(scene)
    names = place(scene, content, [first, other])
    sources = whole(scene, Get(scene).end())
    assert codes(sources[names[0]]) == ["SLOW"] and first.body_bytes > 0, sources
    assert sources[names[1]]["files"] == 1, sources


def test_farther_one_after_failure_only(scene):
    """A source of another locality gives nothing while a nearer one works, then the rest."""
    content, rate = large(scene), 8 * MIB
    (first, other), names = both(scene, content, [True, False], rate=rate)
    get = Get(scene)
    reached(first, 16 * MIB)
    assert other.asked() == [], "asked though the nearer one worked"
    first.kill()
    sources = whole(scene, get.end())
    assert sources[names[0]]["errors"] and sources[names[1]]["bytes"] > 0, sources
    assert other.ranges_asked()[0][0] > 0, other.asked()
    no_byte_twice((first, other), content.size)


def neighbor(content, dp, minutes):
    """A distribution point of a group that joins after so many minutes."""
    return [
        instance("SMS_BoundaryGroup", GroupID=16777221, Name="Next", Flags=0),
        instance("SMS_BoundaryGroupRelationships", SourceGroupID=16777220,
                 DestinationGroupID=16777221, FallbackDP=minutes),
        instance("SMS_DistributionPointInfo", NALPath=dp.nal, ServerName=dp.name, SiteCode="PS1",
                 ResourceType="Windows NT Server", IsProtected="false", IsPullDP="false",
                 Communication=0),
        instance("SMS_BoundaryGroupSiteSystems", GroupID=16777221, ServerNALPath=dp.nal, Flags=0),
        instance("NP_DistributionPoint", NALPath=dp.nal, BaseURL=dp.url),
        instance("SMS_PackageStatusDistPointsSummarizer", PackageID=content.id,
                 ServerNALPath=dp.nal, State=0, SourceVersion=content.version),
    ]


@slow("what fails is asked again after 1, 2 and 4 seconds, at each of two minutes")
def test_neighbor_joins_at_its_minute(scene):
    """The own group's fails: the neighbor's is asked from minute 20 on, and not before."""
    content = scene.content({"setup.exe": filler(50000, 1)})
    own, next_one = scene.fault(), paced(scene)
    dp = DP("next.contoso.test", next_one.url + "/pace")
    scene.policy(content, [DP("own.contoso.test", own.url + "/500", near=True)],
                 neighbor(content, dp, 20))
    for minutes, joins in ((19, False), (20, True)):
        before = len(own.asked())
        result = scene.get("--at=%d" % minutes)
        assert len(own.asked()) > before, "the nearer one was not asked"
        assert bool(next_one.asked()) == joins and (result.code == 0) == joins, result
        if not joins:
            assert "20" in result.message and not scene.has(content), result
    assert whole(scene, result)[dp.name]["files"] == 1
    assert sha256(content.files["setup.exe"]) in os.listdir(
        scene.path("cache/FileLib/" + content.rows[0][2][:2]))
