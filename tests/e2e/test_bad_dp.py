"""Distribution points that fail, stall, lie or send one elsewhere.

Each row runs twice. Alone, the bad one ends the job with exit 1 and one line that names it, and
nothing is visible. With a good one behind it the content comes, and the bad one stands in
`sources` with its errors.
"""

import re
import socket
import subprocess

import fault
from harness import DP, filler, slow, threads

BAD, GOOD = "bad.contoso.test", "good.contoso.test"
FILE_SIZE = 50000

# Behaviour in the URL: what the message says of it.
ROWS = {
    "stall-status": r"second|stall|time|byte",
    "stall-headers": r"second|stall|time|byte",
    "stall-body": r"second|stall|time|byte",
    "404": r"404",
    "403": r"403",
    "410": r"410",
    "500": r"500",
    "busy": r"503",
    "busy-for-ages": r"503",
    "html": r"length|size|bytes",
    "cut": r"clos|short|ended|early|bytes",
    "reset": r"reset|breaks|clos|ended",
    "short": r"length|size|bytes",
    "long": r"length|size|bytes",
    "endless": r"length|size|bytes|long",
    "chunked-cut": r"clos|short|ended|early|bytes|chunk",
    "chunked-short": r"length|size|short|bytes",
    "wrong": r"hash",
    "header-line": r"header|large|big|long",
    "header-many": r"header|large|big|many",
    "continue-forever": r"header|large|many|long|second",
    "rubbish": r"HTTP|protocol|understood|status",
    "old-protocol": r"HTTP|protocol|understood|status",
    "redirect-self": r"redirect",
    "hop-6": r"redirect",
    "redirect-file": r"redirect|scheme|protocol|file",
    "redirect-ftp": r"redirect|scheme|protocol|ftp",
    "part-unasked": r"206|range|part",
    "unasked-gzip": r"encod|gzip|length|size|bytes|hash",
    "bomb": r"encod|gzip|length|size|bytes|hash",
}


def two_files(scene):
    return scene.content({"setup.exe": filler(FILE_SIZE, 1), "data/readme.txt": filler(2000, 2)})


def alone_fails(scene, content, url, why):
    scene.policy(content, [DP(BAD, url, near=True)])
    scene.cache = scene.path("cache-alone")
    result = scene.get(timeout=90)
    assert result.code == 1, result
    assert BAD in result.message, result
    assert re.search(why, result.message, re.IGNORECASE), "not the reason: %s" % result
    assert not scene.has(content)
    assert result.json["result"] == "failed" and result.json["error"]["text"], result
    assert result.json["error"]["blame"] in ("source", "dns", "proxy", "data"), result
    return result


def good_one_helps(scene, content, url):
    nginx = scene.nginx()
    scene.policy(content, [DP(BAD, url, near=True), DP(GOOD, nginx.url)])
    scene.cache = scene.path("cache-two")
    result = scene.get(timeout=90)
    assert result.code == 0 and scene.has(content), result
    sources = {source["dp"]: source for source in result.json["sources"]}
    assert sources[BAD]["errors"], result
    assert sources[GOOD]["files"] >= 1 and not sources[GOOD]["errors"], result
    return result


def row(name, why):
    def test(scene):
        content = two_files(scene)
        server = scene.fault()
        alone_fails(scene, content, server.url + "/" + name, why)
        assert server.asked(), "the bad one was never asked"
        assert len(server.asked()) < 60, "asked %d times" % len(server.asked())
        good_one_helps(scene, content, server.url + "/" + name)
    test.__doc__ = "A distribution point that does '%s'." % name
    test.slow = "the retries of a source rest 1, 2 and 4 seconds"
    test.threads = name in ("stall-body", "wrong", "cut")
    return test


for _name, _why in ROWS.items():
    globals()["test_" + _name.replace("-", "_")] = row(_name, _why)


@slow("the retries of a source rest 1, 2 and 4 seconds")
def test_refused(scene):
    """Nobody listens there."""
    content = two_files(scene)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d/x" % probe.getsockname()[1]
        alone_fails(scene, content, url, "connect|refused")
        good_one_helps(scene, content, url)


@slow("the retries of a source rest 1, 2 and 4 seconds")
def test_accepts_and_says_nothing(scene):
    """The kernel accepts the connection, and nobody reads it."""
    content = two_files(scene)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = "http://127.0.0.1:%d/x" % listener.getsockname()[1]
        alone_fails(scene, content, url, "second|stall|time|byte")
        good_one_helps(scene, content, url)


@slow("the retries of a source rest 1, 2 and 4 seconds")
def test_unknown_name(scene):
    """The name does not exist: DNS is blamed, and the name is in the message."""
    content = two_files(scene)
    names = scene.keep(fault.NoSuchName())
    scene.settings(dnsServers=[names.address])
    url = "http://no-such-dp.contoso.test/x"
    result = alone_fails(scene, content, url, "no-such-dp.contoso.test")
    assert result.json["error"]["blame"] in ("dns", "source"), result
    blames = [error["blame"] for error in result.json["sources"][0]["errors"]]
    assert set(blames) == {"dns"}, result
    assert "no-such-dp.contoso.test" in names.names
    good_one_helps(scene, content, url)


def works(scene, name, requests=None):
    content = two_files(scene)
    server = scene.fault()
    scene.policy(content, [DP(GOOD, server.url + "/" + name)])
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    if requests:
        assert len(server.asked(name)) == requests, server.asked(name)
    return result


def test_wrong_once(scene):
    """Wrong bytes once, then right: fetched again, and nothing wrong was visible."""
    result = works(scene, "wrong-once", 4)
    assert any("hash" in error["text"] for error in result.json["sources"][0]["errors"]), result


@threads
def test_busy_once(scene):
    """503 with Retry-After: 1, then right: waits that second."""
    assert works(scene, "busy-once").seconds >= 1


def test_chunked(scene):
    """No Content-Length, but the right bytes and an end."""
    works(scene, "chunked")


def certificate(scene):
    """A certificate for 127.0.0.1 that is its own authority: (certificate, key)."""
    files = scene.path("dp.pem"), scene.path("dp.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=dp",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout",
                    files[1]], check=True, stderr=subprocess.DEVNULL)
    return files


def test_https(scene):
    """A DP with a certificate of an authority that caFile names works; without, it is refused."""
    content = two_files(scene)
    pair = certificate(scene)
    server = scene.fault(certificate=pair)
    scene.policy(content, [DP(GOOD, server.url + "/ok")])
    result = scene.get()
    assert result.code == 1 and re.search("certificate|CA cert", result.message), result
    assert server.asked() == []
    scene.settings(caFile=pair[0])
    assert scene.get().code == 0


def test_three_bad_one_good(scene):
    """Four distribution points, three bad in ways of their own: all are named, the last brings
    it."""
    content = two_files(scene)
    server = scene.fault()
    bad = [DP("bad%d.contoso.test" % i, server.url + "/" + name, near=True)
           for i, name in enumerate(("404", "wrong", "html"))]
    scene.policy(content, bad + [DP(GOOD, server.url + "/ok")])
    result = scene.get()
    assert result.code == 0, result
    with_errors = {source["dp"] for source in result.json["sources"] if source["errors"]}
    assert with_errors == {dp.name for dp in bad}, result
