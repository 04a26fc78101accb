"""The fault matrix, HTTP: refusals, redirects, floods, encodings, TLS, portals (H9 to H15, H18)."""

import os
import re
import shutil
import signal
import socket
import ssl
import sys
import time

import fault_http
from harness import DP, PATH, SCALE, Skip, filler, slow, wait_until
from test_matrix_http import (BAD, GOOD, SIZE, before_good, codes, each, errors_of, fails,
                              half_there, one_file, only, succeeds)

SMALL = 50000
# What a request for content needs.
NEEDED = {"host", "user-agent", "accept"}


def gaps(server):
    times = [record["time"] for record in server.asked()]
    return [later - sooner for sooner, later in zip(times, times[1:])]


# H9: refusals without end.


def lasting(scene, status):
    content = one_file(scene, SMALL)
    server = only(scene, content, "always.%d" % status)
    result = fails(scene, content, timeout=30)
    # A refusal may be one of this form of the URL only: the other is asked for once.
    forms = ["/setup.exe", "/sccm?/setup.exe"][:2 if status in (401, 403, 404) else 1]
    assert [r["target"].split("PS100001")[1] for r in server.asked()] == forms, server.asked()
    assert result.seconds < 3, result
    assert str(status) in result.message and codes(result) == {"HTTP_%d" % status}, result


each("test_h9_lasting", "Status %d for ever: one request a form of the URL, no more.", (400, 401, 403, 404, 410, 501),
     lasting)


def endless(scene, behaviour):
    content = one_file(scene, SMALL)
    server = only(scene, content, behaviour)
    result = fails(scene, content, timeout=60)
    spaces = gaps(server)
    assert 2 <= len(server.asked()) <= 6, "asked %d times" % len(server.asked())
    assert all(later > sooner for sooner, later in zip(spaces, spaces[1:])), spaces
    assert spaces[0] > 0.7 and result.seconds < 35, (spaces, result.seconds)


each("test_h9_endless", "%s for ever: few requests, further and further apart.",
     ["always.500", "always.502", "always.503", "always.429", "hang-up", "reset-at-once"], endless)


def test_h9_refused(scene):
    """Nobody listens: few tries, further and further apart (as the kernel saw them)."""
    if SCALE > 1:
        raise Skip("strace slows a sanitized program too much")
    content = one_file(scene, SMALL)
    closed = scene.keep(socket.socket())
    closed.bind(("127.0.0.1", 0))
    port, trace = closed.getsockname()[1], scene.path("connects")
    scene.policy(content, [DP(BAD, "http://127.0.0.1:%d/x" % port)])
    fails(scene, content, timeout=60,
          prefix=["strace", "-f", "-qq", "-ttt", "-e", "trace=connect", "-o", trace])
    with open(trace) as file:
        times = [float(line.split()[1]) for line in file if "htons(%d)" % port in line]
    spaces = [later - sooner for sooner, later in zip(times, times[1:])]
    assert 2 <= len(times) <= 6, times
    assert all(later > sooner for sooner, later in zip(spaces, spaces[1:])), spaces


def stopped_in_a_rest(scene, behaviour):
    content = one_file(scene, SMALL)
    server = only(scene, content, behaviour)
    process = scene.start()
    assert server.wait(lambda s: len(s.requests) >= 2), "never asked twice"
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - start < max(1, SCALE // 2), "obeyed too late"
    assert process.returncode == 1 and b"CANCELLED" in out, (out, err)
    assert len(server.asked()) == 2, "asked again"


each("test_h9_interrupt", "SIGINT while a source rests (%s): obeyed within a second.",
     ["always.503", "hang-up"], stopped_in_a_rest)


def test_h9_every_file_of_many(scene):
    """500 for each of 300 files: the distribution point is not asked for each for ever."""
    content = scene.content({"f%03d" % i: filler(2000 + i, i) for i in range(300)})
    bad, good = before_good(scene, content, "always.500")
    result = succeeds(scene, content, timeout=60)
    assert 1 <= len(bad.asked()) <= 60, "asked %d times" % len(bad.asked())
    assert len(good.asked()) == 300 and errors_of(result, GOOD) == [], result


# H10: Retry-After.

WAITS = {"number": (1.95, 4.5), "date": (2.5, 6.5), "twice": (1.95, 4.8), "past": (0.7, 2.5),
         "negative": (0.7, 2.5), "rubbish": (0.7, 2.5), "fraction": (0.7, 3), "empty": (0.7, 2.5)}


def waits(scene, behaviour, kind):
    content = one_file(scene, SMALL)
    server = only(scene, content, "%s.%s" % (behaviour, kind))
    succeeds(scene, content, timeout=30)
    (space,) = gaps(server)
    assert WAITS[kind][0] <= space <= WAITS[kind][1] * max(1, SCALE // 4), space


each("test_h10", "503 with Retry-After (%s): as long as it says, or as ever where it says nothing.",
     WAITS, lambda scene, kind: waits(scene, "later", kind))
each("test_h10_too_many", "429 with Retry-After (%s): likewise.", ["number"],
     lambda scene, kind: waits(scene, "too-many", kind))


def not_waited_for(scene, kind):
    content = one_file(scene, SMALL)
    server = only(scene, content, "later." + kind)
    result = fails(scene, content, timeout=60)
    assert len(server.asked()) == 1 and result.seconds < 35, result
    assert "503" in result.message, result
    scene.cache = scene.path("cache-two")
    bad, _ = before_good(scene, content, "later." + kind)
    result = succeeds(scene, content, timeout=60)
    assert len(bad.asked()) == 1 and result.seconds < 3, result


each("test_h10_not_waited_for", "Retry-After that is %s: not waited for, the next source is used.",
     ["absurd", "far"], not_waited_for)


# H11: redirects.


def pair_of_hosts(scene, behaviour, certificate=None):
    """A server that sends one elsewhere, and the other one."""
    content = one_file(scene, SIZE)
    first = only(scene, content, behaviour, certificate=certificate)
    second = scene.fault()
    first.elsewhere = second.url
    return content, first, second


REFUSED = {
    "redirect-self": (6, r"redirects more than 5"), "loop-a": (6, r"redirects more than 5"),
    "chain.6": (6, r"redirects more than 5"), "chain.11": (6, r"redirects more than 5"),
    "redirect-file": (1, r"another scheme"), "redirect-ftp": (1, r"another scheme"),
    "moved.ftp": (1, r"another scheme"), "moved.gopher": (1, r"another scheme|no URL"),
    "moved.data": (1, r"another scheme|no URL"), "moved.userinfo": (1, r"user name"),
    "moved.very-long": (1, r"headers?|redirect|long"), "moved.empty": (1, r"302|no URL|redirect"),
    "moved.rubbish": (1, r"no URL"), "moved.no-port": (1, r"no URL|port"),
    "moved.long": (1, r"302|redirect|long|URL"),
}


def refused_redirect(scene, behaviour):
    content, first, second = pair_of_hosts(scene, behaviour)
    result = fails(scene, content, timeout=30)
    requests, why = REFUSED[behaviour]
    assert len(first.asked()) == requests and second.asked() == [], first.asked()
    assert re.search(why, result.message), result
    assert "secret" not in result.out + result.err + scene.log_text(), "a password is shown"
    assert result.seconds < 10 and errors_of(result)[0]["blame"] == "source", result


each("test_h11_refused", "A redirect (%s) that is not followed, and why.", REFUSED,
     refused_redirect)


def followed_redirect(scene, behaviour):
    content, first, second = pair_of_hosts(scene, behaviour)
    result = succeeds(scene, content, timeout=30)
    assert first.asked()[0]["status"] == 302 and errors_of(result) == [], result
    elsewhere = behaviour in ("moved.host", "moved.scheme-relative")
    assert len(second.asked()) == (1 if elsewhere else 0), second.asked()
    for record in second.asked() + first.asked():
        assert set(record["headers"]) == NEEDED, record


each("test_h11_followed", "A redirect (%s) that is followed; nobody hears more than is needed.",
     ["chain.1", "chain.5", "moved.host", "moved.scheme-relative", "moved.relative",
      "moved.absolute-path"], followed_redirect)


def test_h11_nothing_of_ours_goes_elsewhere(scene):
    """On resume the second host hears its own tag, never the first one's, no cookie and no
    password, though a .netrc has one."""
    scene.write("home/.netrc", "machine 127.0.0.1 login user password secret\n")
    content, first, second = pair_of_hosts(scene, "moved.ranged")
    succeeds(scene, content, timeout=30)
    assert len(first.asked()) == 2
    fresh, resumed = second.asked()
    assert set(fresh["headers"]) == NEEDED, fresh
    assert set(resumed["headers"]) <= NEEDED | {"range", "if-range"}, resumed
    assert resumed["range"] == "bytes=1000000-", resumed
    assert resumed["ifRange"] not in (None, fault_http.ONE), resumed
    for record in first.asked():
        assert not {"cookie", "authorization", "referer"} & set(record["headers"]), record


def test_h11_never_to_http(scene):
    """Never from https to http, though the right bytes are there."""
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content, first, second = pair_of_hosts(scene, "moved.host", authority.issue())
    result = fails(scene, content, timeout=30)
    assert re.search("from https to http", result.message), result
    assert len(first.asked()) == 1 and second.asked() == []


def test_h11_file_opens_nothing(scene):
    """file:// is not followed even where the file has the right bytes."""
    if SCALE > 1:
        raise Skip("strace slows a sanitized program too much")
    content = one_file(scene, SMALL)
    server, trace = only(scene, content, "redirect-file"), scene.path("opens")
    fails(scene, content, prefix=["strace", "-f", "-qq", "-e", "trace=openat,openat2,open", "-o",
                                  trace])
    assert server.asked()
    with open(trace, errors="replace") as file:
        assert scene.www + "/PS100001" not in file.read()


# H12, H13, H14: too much.


# A process's peak memory begins with that of who started it: the starter is small.
MEASURER = """
import os, sys
pid = os.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(str(usage.ru_maxrss))
os._exit(os.waitstatus_to_exitcode(status))
"""


def peak_of_failure(scene, content):
    """(result, peak memory in MiB) of a run that fails; 0 where memory says nothing."""
    report = scene.path("memory")
    prefix = [sys.executable, "-ISc", MEASURER, report, shutil.which("env", path=PATH)]
    result = fails(scene, content, timeout=60, prefix=prefix)
    with open(report) as file:
        return result, int(file.read()) / 1024 if SCALE == 1 else 0


FLOODS = {
    "header-line": r"header", "header-many": r"header", "header-endless": r"header",
    "continue-forever": r"header", "early-hints": r"header", "trailers": r"header|bytes",
}


def flood(scene, behaviour):
    content = one_file(scene, SMALL)
    server = only(scene, content, behaviour)
    result, peak = peak_of_failure(scene, content)
    assert re.search(FLOODS[behaviour], result.message), result
    assert server.asked() and len(server.asked()) <= 6, server.asked()
    heads = [record["head"] for record in server.asked()]
    assert all(100000 < head < 16000000 for head in heads), heads
    assert peak < 32, "%d MiB" % peak


each("test_h12", "Headers without measure (%s): little memory, and a message that says so.", FLOODS,
     flood)


def disk_use(scene):
    total = 0
    for folder, _, names in os.walk(scene.cache):
        total += sum(os.lstat(os.path.join(folder, name)).st_blocks * 512 for name in names)
    return total


def unwanted_encoding(scene, behaviour):
    content = one_file(scene, SMALL)
    bad, _ = before_good(scene, content, behaviour)
    result = succeeds(scene, content, timeout=60)
    assert bad.asked() and len(bad.asked()) <= 3, bad.asked()
    assert all("accept-encoding" not in r["headers"] for r in bad.asked()), "it was asked for"
    assert codes(result) <= {"ENCODED", "HASH_MISMATCH", "TOO_SHORT", "TOO_LONG", "LENGTH",
                             "HTTP_RUBBISH", "CLOSED"}, result
    assert errors_of(result), result


each("test_h13", "An encoding nobody asked for (%s): refused, or bytes like any other.",
     ["encoded." + kind for kind in ("gzip", "deflate", "br", "stacked", "twice")],
     unwanted_encoding)


def bomb(scene, behaviour):
    content = one_file(scene, SMALL)
    server = only(scene, content, behaviour)
    _, peak = peak_of_failure(scene, content)
    assert server.asked() and disk_use(scene) < 1 << 20, "%d bytes on disk" % disk_use(scene)
    assert peak < 32, "%d MiB" % peak


each("test_h13_bomb", "256 MiB of nothing in little gzip (%s): neither memory nor disk.",
     ["encoded.bomb", "encoded.stacked-bomb", "encoded.silent-bomb", "encoded-on-the-way.bomb"],
     bomb)


def test_h13_on_the_way(scene):
    """Transfer-Encoding: gzip, chunked: taken off by whoever reads HTTP, or refused; the digest
    decides."""
    content = one_file(scene, SMALL)
    bad, _ = before_good(scene, content, "encoded-on-the-way")
    succeeds(scene, content, timeout=30)
    assert bad.asked() and len(bad.asked()) <= 3, bad.asked()


def test_h13_identity(scene):
    """Content-Encoding: identity is none."""
    content = one_file(scene, SMALL)
    server = only(scene, content, "encoded.identity")
    assert succeeds(scene, content).json["sources"][0]["errors"] == [] and server.asked()


def over_the_cap(scene, behaviour):
    content = one_file(scene, SMALL)
    server = only(scene, content, behaviour)
    result = fails(scene, content, timeout=30)
    sent = [record["sent"] for record in server.asked()]
    assert sent and all(SMALL < n < SMALL + (2 << 20) for n in sent), sent
    assert codes(result) == {"TOO_LONG"} and scene.staged() <= SMALL, result
    assert disk_use(scene) < 1 << 20


each("test_h14", "No length, and no end (%s): stopped at the file's length, and a buffer.",
     ["endless-small", "endless-chunks"], over_the_cap)


def test_h14_of_a_range(scene):
    """A right answer to a range that has no end: likewise."""
    content, server = half_there(scene, "part-endless")
    result = fails(scene, content, timeout=30)
    assert server.asked()[0]["status"] == 206
    assert all(r["sent"] < SIZE + (3 << 20) for r in server.asked()), server.asked()
    assert "TOO_LONG" in codes(result) and scene.staged() <= SIZE, result


# H15: TLS.

DAY = 86400
CERTIFICATES = {
    "expired": (dict(begins=-9 * DAY, ends=-DAY), r"expired", r"clock"),
    "early": (dict(begins=DAY, ends=9 * DAY), r"not yet valid", r"clock"),
    "decades-ahead": (dict(begins=40 * 365 * DAY, ends=41 * 365 * DAY), r"not yet valid", r"clock"),
    "name": (dict(name="DNS:other.contoso.test"), r"name|match|host", r""),
}


def refused_tls(scene, content, server, *whys):
    result = fails(scene, content, timeout=30)
    # The server's thread may hear of it after the client has ended.
    wait_until(lambda: server.handshakes, what="a handshake")
    assert server.asked() == [], server.handshakes
    for why in whys:
        assert re.search(why, result.message), result
    assert codes(result) == {"TLS"} and len(server.handshakes) <= 2, result
    assert result.json["error"]["blame"] == "source" and result.seconds < 5, result
    return result


def bad_certificate(scene, kind):
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content = one_file(scene, SMALL)
    options, *whys = CERTIFICATES[kind]
    server = only(scene, content, "ok", certificate=authority.issue(**options))
    refused_tls(scene, content, server, *whys)


each("test_h15", "A certificate that does not hold (%s): refused, and the message tells why.",
     CERTIFICATES, bad_certificate)


def test_h15_good_certificate(scene):
    """The twin: the same authority, a certificate that holds."""
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content = one_file(scene, SMALL)
    server = only(scene, content, "ok", certificate=authority.issue())
    succeeds(scene, content)
    assert server.handshakes == ["ok"] and len(server.asked()) == 1


def test_h15_unknown_issuer(scene):
    """A certificate of an authority that is not ours; the clock is not to blame."""
    ours, theirs = fault_http.Authority(scene), fault_http.Authority(scene, "theirs")
    scene.settings(caFile=ours.file)
    content = one_file(scene, SMALL)
    server = only(scene, content, "ok", certificate=theirs.issue())
    result = refused_tls(scene, content, server, r"issuer|authority")
    assert "clock" not in result.message, result


def test_h15_messages_differ(scene):
    """Expired, early, wrong name, unknown issuer: four messages."""
    authority, texts = fault_http.Authority(scene), set()
    other = fault_http.Authority(scene, "other")
    scene.settings(caFile=authority.file)
    content = one_file(scene, SMALL)
    for options in (CERTIFICATES["expired"][0], CERTIFICATES["early"][0], CERTIFICATES["name"][0],
                    None):
        pair = other.issue() if options is None else authority.issue(**options)
        server = only(scene, content, "ok", certificate=pair)
        text = fails(scene, content).json["error"]["text"]
        texts.add(text.replace(server.url, ""))
        assert server.handshakes
    assert len(texts) == 4, texts


def test_h15_old_protocol(scene):
    """A server that speaks nothing newer than TLS 1.1."""
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content = one_file(scene, SMALL)
    try:
        server = only(scene, content, "ok", certificate=authority.issue(),
                      newest=ssl.TLSVersion.TLSv1_1)
    except (ssl.SSLError, ValueError) as why:
        raise Skip("this OpenSSL has no TLS 1.1") from why
    refused_tls(scene, content, server, r"protocol|version|TLS")


def test_h15_no_tls_at_all(scene):
    """https where plain HTTP is spoken."""
    content = one_file(scene, SMALL)
    server = scene.fault()
    scene.policy(content, [DP(BAD, server.url.replace("http:", "https:") + "/ok")])
    result = fails(scene, content, timeout=30)
    assert server.connections and server.asked() == []
    assert codes(result) == {"TLS"} and result.seconds < 5, result


def test_h15_the_next_source(scene):
    """One whose certificate has expired does not stop the others."""
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content = one_file(scene, SMALL)
    bad = scene.fault(certificate=authority.issue(**CERTIFICATES["expired"][0]))
    good = scene.fault(certificate=authority.issue())
    scene.policy(content, [DP(BAD, bad.url + "/ok", near=True), DP(GOOD, good.url + "/ok")])
    result = succeeds(scene, content)
    assert bad.handshakes and bad.asked() == [] and codes(result) == {"TLS"}, result


# H18: a portal that answers for everybody.


def portal(scene, behaviour):
    content = one_file(scene, SIZE)
    servers = [scene.fault(), scene.fault()]
    names = [BAD, "also.contoso.test"]
    scene.policy(content, [DP(name, server.url + "/x") for name, server in zip(names, servers)])
    for server in servers:
        server.instead["x"] = behaviour
    result = fails(scene, content, timeout=60)
    asked = [len(server.asked()) for server in servers]
    assert all(1 <= n <= 4 for n in asked), asked
    assert all(name in result.message for name in names), result
    assert result.seconds < 35, result
    for server in servers:
        server.instead["x"] = "ok"
    again = succeeds(scene, content, timeout=30)
    assert again.seconds < 3 and again.json["bytesFromNetwork"] == SIZE, again
    assert all(source["errors"] == [] for source in again.json["sources"]), again
    return result


def named_portal(scene, behaviour):
    result = portal(scene, behaviour)
    assert re.search("web page|portal", result.message), result
    for dp in (BAD, "also.contoso.test"):
        assert codes(result, dp) == {"PORTAL"}, result


each("test_h18", "A web page instead of the file, from everybody (%s): named, not published; once "
     "it is gone, all is well at once.", ["html", "portal-in-chunks", "portal-by-redirect"],
     named_portal)


def test_h18_midway(scene):
    """A web page of no stated length instead of the rest of a file: what there is stays."""
    content, server = half_there(scene, "portal-in-chunks")
    result = fails(scene, content, timeout=60)
    assert server.asked() and codes(result) == {"PORTAL"}, result
    assert scene.staged() >= SIZE // 2
    server.requests.clear()
    server.instead["x"] = "ok"
    again = succeeds(scene, content)
    assert server.asked()[0]["range"] == "bytes=%d-" % (SIZE // 2), server.asked()
    assert again.json["bytesFromNetwork"] == SIZE // 2, again


@slow("asked twice of each source")
def test_h18_of_the_right_length(scene):
    """A web page as long as the file: the hash tells."""
    portal(scene, "portal-of-length")


def test_h18_one_of_two(scene):
    """Only one of two shows a web page: the other brings it."""
    content = one_file(scene, SMALL)
    bad, good = before_good(scene, content, "html")
    result = succeeds(scene, content, timeout=30)
    assert bad.asked() and good.asked() and codes(result) == {"PORTAL"}, result
