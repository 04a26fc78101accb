"""HTTP/2 over TLS: real servers, and one that misbehaves (H17 of the fault matrix).

Each fault is in the server's own log: `reached` of fault_h2.H2Server.
"""

import os
import re
import signal

import dav
import fault_h2
import fault_http
from harness import DP, SCALE, filler, slow, wait_until
from measure import measure
from sweep import can_trace
from test_matrix_http import BAD, GOOD, SIZE, codes, each, errors_of, fails, one_file, succeeds

MIB = 1 << 20


def trusted(scene):
    """(certificate, key) of an authority that the settings name."""
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    return authority.issue()


def pem(scene, pair):
    text = ""
    for path in pair:
        with open(path, encoding="ascii") as file:
            text += file.read()
    return scene.write("dp.pem", text)


def misbehaving(scene, content, behaviour, pair=None, **options):
    pair = pair or trusted(scene)
    server = scene.keep(fault_h2.H2Server(scene.www, pair, **options))
    server.instead["x"] = behaviour
    scene.policy(content, [DP(BAD, server.url + "/x")])
    return server


def real(scene, kind):
    """A large file and many small ones from a real server."""
    big, count = 64 * MIB // SCALE, 600 // SCALE
    files = {"f%03d" % i: filler(3000 + i, i) for i in range(count)}
    content = scene.content({"large.wim": filler(big, 9999), **files})
    server = kind(scene, tls=pem(scene, trusted(scene)), http2=True)
    scene.policy(content, [DP(GOOD, server.url)])
    result = succeeds(scene, content)
    assert result.json["bytesFromNetwork"] == content.size, result
    return server, count


def test_nginx(scene):
    """All comes over HTTP/2 by nginx's own log, by as many connections as one source may have."""
    server, count = real(scene, dav.NginxDav)
    asked = server.requests("/SMS_DP_SMSPKG$/")
    wait_until(lambda: len(server.requests("/SMS_DP_SMSPKG$/")) > count, 10, "nginx's log")
    lines = [line for line in server.text().splitlines() if line.startswith("GET /SMS_DP")]
    assert len(lines) == count + 1, len(asked)
    assert all(" HTTP/2.0|200|" in line for line in lines), lines[:3]
    assert 1 <= len({line.rsplit("|", 1)[1] for line in lines}) <= 8, lines[:3]


def test_apache(scene):
    """As above."""
    server, count = real(scene, dav.Apache)
    lines = server.text().splitlines()
    assert len(lines) == count + 1
    assert all(" HTTP/2.0|200" in line for line in lines), lines[:3]


def test_one_stream_a_connection(scene):
    """Connections are counted as over HTTP/1: 8 to one source, a stream each, and used again."""
    content = scene.content({"f%02d" % i: filler(60000, i) for i in range(40)})
    server = misbehaving(scene, content, "slow")
    succeeds(scene, content)
    assert server.together == 1 and set(server.spoken) == {"h2"}, server.spoken
    assert len(server.asked()) == 40 and 2 <= server.connections <= 8, server.connections


@slow("a slow disk")
def test_memory_where_the_disk_is_slow(scene):
    """What the disk does not take stays with the server."""
    can_trace()
    content = scene.content({"big%d" % i: filler(24 * MIB, i) for i in range(6)})
    server = dav.NginxDav(scene, tls=pem(scene, trusted(scene)), http2=True)
    scene.policy(content, [DP(GOOD, server.url)])
    trace = scene.path("trace")
    figures = measure(["strace", "-f", "-qq", "-o", trace, "-e", "trace=pwrite64", "-e",
                       "inject=pwrite64:delay_enter=10000",
                       *scene.command("get", content.id, *scene.MACHINE, *scene.places())],
                      scene.folder, env=scene.environment())
    scene.check_cache()
    with open(trace) as file:
        assert "(DELAYED)" in file.read(), "the disk was not slow"
    assert scene.has(content) and figures.rss < 40, figures.rss


def test_no_encoding_is_asked_for(scene):
    """Neither over HTTP/2 nor over HTTP/1."""
    content = one_file(scene, 5000)
    for protocols in (("h2", "http/1.1"), ("http/1.1",)):
        scene.cache = scene.path("cache-" + protocols[0][:2])
        server = misbehaving(scene, content, "ok", protocols=protocols)
        succeeds(scene, content)
        (request,) = server.asked()
        assert server.spoken == [protocols[0]], server.spoken
        assert "accept-encoding" not in request["headers"] and "te" not in request["headers"]
        os.rename(scene.path("authority"), scene.path("authority-" + protocols[0][:2]))


def test_plain_http_is_http_1(scene):
    """No attempt to upgrade."""
    content = one_file(scene, 5000)
    server = scene.fault()
    scene.policy(content, [DP(GOOD, server.url + "/ok")])
    succeeds(scene, content)
    (request,) = server.asked()
    assert "upgrade" not in request["headers"] and "accept-encoding" not in request["headers"]


# H17.


def reset_at(scene, point):
    content = one_file(scene)
    server = misbehaving(scene, content, "reset.%d" % point)
    result = succeeds(scene, content)
    first, second = server.asked()
    assert server.reached == ["reset"] and first["sent"] == point
    assert second["range"] == ("bytes=%d-" % point if point else None), second
    assert codes(result) == {"HTTP2_RESET"}, result
    assert "INTERNAL_ERROR" in errors_of(result)[0]["text"]


each("test_h17_reset_at", "RST_STREAM after %d bytes: the rest is asked for.",
     (0, 1, SIZE // 2, SIZE - 1), reset_at)


def test_h17_reset_always(scene):
    """Each try is reset: it ends, says why, and the source is blamed."""
    content = one_file(scene)
    server = misbehaving(scene, content, "reset-always")
    result = fails(scene, content, timeout=60)
    assert len(server.reached) == len(server.asked()) and 2 <= len(server.reached) <= 40
    error = result.json["error"]
    assert error["blame"] == "source" and "resets the HTTP/2 stream" in error["text"], result


def test_h17_reset_and_another_source(scene):
    """The other source gives the rest."""
    pair = trusted(scene)
    content = one_file(scene)
    bad = misbehaving(scene, content, "reset-always", pair)
    good = scene.keep(fault_h2.H2Server(scene.www, pair))
    scene.policy(content, [DP(BAD, bad.url + "/x", near=True), DP(GOOD, good.url + "/ok")])
    succeeds(scene, content)
    assert bad.reached and good.asked()


def test_h17_refused_once(scene):
    """REFUSED_STREAM: asked again."""
    content = one_file(scene)
    server = misbehaving(scene, content, "refused.1")
    succeeds(scene, content)
    assert server.reached == ["refused"] and len(server.asked()) == 2


def test_h17_refused_always(scene):
    """A bounded number of requests, and an end."""
    content = one_file(scene)
    server = misbehaving(scene, content, "refused.100000")
    result = fails(scene, content, timeout=60)
    assert 4 <= len(server.reached) <= 60 and result.json["error"]["blame"] == "source", result


def test_h17_http_1_1_required(scene):
    """Over HTTP/1.1 then, as IIS asks for."""
    content = one_file(scene, 50000)
    server = misbehaving(scene, content, "http-1-1")
    server.instead["x"] = "http-1-1"
    fault_http.fault.BEHAVIOURS["http-1-1"] = fault_http.serve
    succeeds(scene, content)
    assert server.reached and server.spoken[0] == "h2" and server.spoken[-1] == "http/1.1"


def test_h17_goaway(scene):
    """GOAWAY with an error in the middle, and the end of the connection: the rest comes by
    another."""
    content = one_file(scene)
    server = misbehaving(scene, content, "goaway.%d" % (SIZE // 2))
    succeeds(scene, content)
    first, second = server.asked()
    assert server.reached == ["goaway"] and first["connection"] != second["connection"]
    assert second["range"] == "bytes=%d-" % (SIZE // 2), second


def test_h17_goaway_that_disowns_the_stream(scene):
    """GOAWAY says that the stream which it has begun to answer was never looked at."""
    content = one_file(scene)
    server = misbehaving(scene, content, "goaway-ours")
    succeeds(scene, content, timeout=30)
    assert server.reached == ["goaway"] and len(server.asked()) == 2


def test_h17_goaway_in_peace(scene):
    """GOAWAY while each file comes whole: nothing is asked for twice, and nobody is blamed."""
    content = scene.content({"f%d" % i: filler(60000, i) for i in range(12)})
    server = misbehaving(scene, content, "goaway-in-peace")
    result = succeeds(scene, content)
    assert len(server.reached) == len(server.asked()) == server.connections == 12
    assert errors_of(result) == [], result


def wrong_range(scene, kind):
    content = one_file(scene)
    server = misbehaving(scene, content, "part." + kind)
    result = scene.get(timeout=60)
    assert "part" in server.reached and "RANGE" in codes(result), result
    assert result.code == 1 and not scene.has(content), result


each("test_h17_range", "A range that is wrong (%s): not a byte of it is used.",
     ("start", "total", "rubbish"), wrong_range)

LENGTHS = {"short": {"HTTP2_RESET", "TOO_SHORT", "HTTP2"}, "long": {"HTTP2_RESET", "TOO_LONG"},
           "less": {"TOO_SHORT"}, "none": {"TOO_LONG"}, "negative": {"HTTP2_RESET", "LENGTH"}}


def wrong_length(scene, kind):
    content = one_file(scene)
    server = misbehaving(scene, content, "length." + kind)
    result = scene.get(timeout=60)
    assert "length" in server.reached, server.reached
    assert result.code == 1 and not scene.has(content), result
    assert codes(result) <= LENGTHS[kind] and codes(result), result
    assert scene.staged() <= SIZE and result.json["error"]["blame"] == "source", result


each("test_h17_length", "A content-length that lies (%s): never taken for the file.", LENGTHS,
     wrong_length)


def test_h17_no_length(scene):
    """The twin: right, without a content-length."""
    content = one_file(scene)
    server = misbehaving(scene, content, "length-none")
    succeeds(scene, content)
    assert len(server.asked()) == 1


FLOODS = {"headers-many": "headers", "headers-endless": "headers", "hints-endless": "hints"}


def flood(scene, kind):
    content = one_file(scene)
    server = misbehaving(scene, content, kind)
    result = fails(scene, content, timeout=60, prefix=["prlimit", "--data=%d" % (200 * MIB)]
                   if SCALE == 1 else [])
    assert FLOODS[kind] in server.reached, server.reached
    assert all(r["head"] < 64 * MIB for r in server.asked()), server.asked()
    assert result.json["error"]["blame"] == "source", result


each("test_h17_flood", "Headers without end (%s): it fails, with bounded memory.", FLOODS, flood)


def refused_form(scene, kind):
    content = one_file(scene)
    server = misbehaving(scene, content, kind)
    result = fails(scene, content, timeout=60)
    assert kind in server.reached and result.json["error"]["blame"] == "source", result
    assert result.json["bytesFromNetwork"] == 0, result


each("test_h17_form", "What HTTP/2 forbids (%s): it fails.", ("upper", "rubbish", "encoded"),
     refused_form)


def silence(scene, kind):
    content = one_file(scene)
    pair = trusted(scene)
    bad = misbehaving(scene, content, kind, pair)
    good = scene.keep(fault_h2.H2Server(scene.www, pair))
    scene.policy(content, [DP(BAD, bad.url + "/x", near=True), DP(GOOD, good.url + "/ok")])
    succeeds(scene, content, timeout=30)
    assert kind in bad.reached and good.asked()


each("test_h17_silence", "Silence (%s): the next source gives the rest.", ("stall", "pings"), silence)


def test_h17_portal(scene):
    """A web page instead of the file is known as one."""
    content = one_file(scene)
    server = misbehaving(scene, content, "portal")
    result = fails(scene, content, timeout=60)
    assert "portal" in server.reached and "PORTAL" in codes(result), result


def test_h17_wrong_bytes(scene):
    """The digest counts."""
    content = one_file(scene)
    server = misbehaving(scene, content, "wrong")
    result = fails(scene, content)
    assert server.asked() and codes(result) == {"HASH_MISMATCH"}, result


def test_h17_redirect(scene):
    """Followed by hand as over HTTP/1."""
    content = one_file(scene)
    pair = trusted(scene)
    server = misbehaving(scene, content, "moved", pair)
    other = scene.keep(fault_h2.H2Server(scene.www, pair))
    server.elsewhere = other.url
    succeeds(scene, content)
    assert server.reached == ["moved"] and len(other.asked()) == 1


def test_h17_interrupted(scene):
    """SIGINT in the middle of a stream ends in order; the next run asks for the rest."""
    content = one_file(scene)
    server = misbehaving(scene, content, "stall")
    process = scene.start()
    assert server.wait(lambda s: s.reached == ["stall"])
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 1
    server.instead["x"] = "ok"
    succeeds(scene, content)
    assert re.fullmatch(r"bytes=\d+-", server.asked()[-1]["range"] or "bytes=0-")


# Certificates are judged as over HTTP/1.

CERTIFICATES = {
    "expired": (dict(begins=-9 * 86400, ends=-86400), "expired"),
    "early": (dict(begins=86400, ends=9 * 86400), "not yet valid"),
    "name": (dict(name="DNS:other.contoso.test"), "another host name"),
}


def bad_certificate(scene, kind):
    options, why = CERTIFICATES[kind]
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content = one_file(scene, 5000)
    server = misbehaving(scene, content, "ok", authority.issue(**options))
    result = fails(scene, content)
    assert why in result.message and codes(result) == {"TLS"}, result
    assert server.handshakes and server.asked() == []


each("test_certificate", "A certificate that does not hold (%s).", CERTIFICATES, bad_certificate)


def test_certificate_of_an_unknown_authority(scene):
    """As above."""
    trusted(scene)
    content = one_file(scene, 5000)
    server = misbehaving(scene, content, "ok", fault_http.Authority(scene, "theirs").issue())
    result = fails(scene, content)
    assert "authority that is not trusted" in result.message and server.asked() == [], result
