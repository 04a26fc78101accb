"""probe: what a client meets at a distribution point, and what to change on which server."""

import os
import re
import socket
import ssl
import time

import dav
import fault
from fault_http import Authority
from fault_iis import Curt, Iis
from harness import DP, Nginx, filler
from test_engine import Tunnel, certificate

CONTENT_STEPS = ["PROPFIND", "PROPFIND_INFINITY", "HEAD", "SCCM_FORM", "GET", "COMPRESSION",
                 "RANGE", "IF_RANGE"]
ROOT_STEPS = ["NAME", "TCP", "TLS", "AUTH", "VDIR_PLAIN", "VDIR_NOCERT", "VDIR_CCMTOKENAUTH"]
STEPS = ROOT_STEPS + CONTENT_STEPS + ["NAMES"]
ODD = ["bin/tool.dll", "data.mdb", "a+b%20c.txt", "x#1&2.txt", "with space.txt", "Prüfung.xml"]


class Answer:
    """A probe's JSON: steps by their name, and those that are bad."""

    def __init__(self, result):
        assert result.json, result
        self.result, self.json = result, result.json
        self.rows = self.json["steps"]
        self.bad = [row["step"] for row in self.rows if row["verdict"] == "bad"]
        assert (result.code == 0) == (not self.bad) == self.json["ok"], result
        for row in self.rows:
            assert set(row) == {"step", "verdict", "status", "text", "change"}, row
            assert row["verdict"] in ("ok", "note", "bad", "skipped"), row
            # What is bad says what to change; what is well, nothing.
            assert row["change"] if row["verdict"] == "bad" else True, row
            assert row["change"] is None or row["verdict"] in ("bad", "note"), row

    def steps(self, name):
        return [row for row in self.rows if row["step"] == name]

    def step(self, name):
        found = self.steps(name)
        assert len(found) == 1, (name, found)
        return found[0]

    def verdicts(self, *names):
        return {row["verdict"] for name in names for row in self.steps(name)}


def odd_content(scene):
    files = {name: b"odd " + name.encode() for name in ODD}
    return scene.content({"setup.exe": filler(300), "large.bin": filler(9000), "zero": b"", **files})


def probe(scene, *args, **options):
    return Answer(scene.run("probe", *args, "--json", **options))


def at(scene, content, url):
    """The probe of a content at a DP of the policy."""
    scene.policy(content, [DP("dp1", url)])
    return probe(scene, "dp1", content.id)


def expect(answer, step, verdict, change, text=""):
    """One step is this, says these words, and nothing else is bad."""
    found = [row for row in answer.steps(step) if row["verdict"] == verdict]
    assert found, (step, verdict, answer.result)
    assert re.search(change, found[0]["change"] or ""), (change, found)
    assert re.search(text, found[0]["text"]), (text, found)
    assert set(answer.bad) <= {step}, answer.result


# All is well.


def check_healthy(answer, server):
    assert answer.json["server"].startswith(server) and answer.json["ok"], answer.result
    assert [row["step"] for row in answer.rows] == STEPS[:-1] + ["NAMES"] * len(ODD), answer.rows
    assert answer.verdicts("NAME", "TCP", "AUTH", "VDIR_PLAIN", "PROPFIND", "HEAD", "COMPRESSION",
                           "RANGE", "NAMES") == {"ok"}, answer.result
    assert answer.step("HEAD")["status"] == 200 and "setup.exe" in answer.step("HEAD")["text"]
    assert answer.step("RANGE")["status"] == 206
    assert "bytes 1-299/300" in answer.step("RANGE")["text"], answer.step("RANGE")


def test_healthy(scene):
    """Each server with nothing wrong: no step is bad, by the policy's manifest, and by the listing
    where there is no policy."""
    content = odd_content(scene)
    for server, name in ((dav.Lighttpd(scene), "lighttpd"), (dav.NginxDav(scene), "nginx"),
                         (dav.Apache(scene), "Apache"), (Iis(scene), "Microsoft-IIS")):
        check_healthy(at(scene, content, server.url), name)
        alone = probe(scene, server.url, content.id, policy=False)
        assert alone.json["ok"] and alone.json["content"] == content.id, alone.result
        assert "setup.exe" in alone.step("HEAD")["text"], alone.result
        assert alone.verdicts("HEAD", "RANGE", "NAMES") == {"ok"}, alone.result


def test_real_form(scene):
    """What IIS has and other servers have not: the other folders, sccm?/, all listed at once."""
    content = odd_content(scene)
    answer = at(scene, content, Iis(scene).url)
    assert answer.verdicts(*STEPS[3:]) == {"ok"}, answer.result
    answer = at(scene, content, Iis(scene, "no-other-folders", "no-sccm", "level-only").url)
    assert answer.json["ok"], answer.result
    for step in ("VDIR_NOCERT", "VDIR_CCMTOKENAUTH", "SCCM_FORM", "PROPFIND_INFINITY"):
        assert answer.step(step)["verdict"] == "note", answer.result


def test_root_only(scene):
    """Without CONTENT only what needs none is asked."""
    server = Iis(scene)
    answer = probe(scene, server.url, policy=False)
    assert [row["step"] for row in answer.rows] == ROOT_STEPS, answer.result
    assert answer.json["ok"] and answer.json["content"] is None
    assert {request["method"] for request in server.asked()} <= {"GET", "HEAD", "PROPFIND"}
    assert all(request["headers"]["user-agent"].startswith("nearpoint/")
               for request in server.asked())


def test_text(scene):
    """A line a step: `ok`, or what to change."""
    content = odd_content(scene)
    server = Iis(scene, "webdav-publishing")
    scene.policy(content, [DP("dp1", server.url)])
    result = scene.run("probe", "dp1", content.id)
    assert result.code == 1 and "1 of 21 steps" in result.message, result
    lines = result.out.splitlines()
    assert lines[0] == "dp1: %s, content PS100001" % server.url, result
    assert lines[1] == "server: Microsoft-IIS/10.0", result
    assert re.search(r"(?m)^ok     HEAD               200, 300 bytes: setup\.exe$", result.out), result
    changed = [line for line in lines if line.startswith("CHANGE")]
    assert len(changed) == 1 and re.match(
        r"CHANGE PROPFIND           405: .*on IIS, remove WebDAV Publishing", changed[0]), result


# One fault each: step, verdict, what to change, what is said.

FAULTS = {
    "webdav-publishing": ("PROPFIND", "bad", "remove WebDAV Publishing", "405"),
    "list-forbidden": ("PROPFIND", "bad", "request filtering", "403"),
    "list-page": ("PROPFIND", "bad", "smsfileisapi", "text/html.*no listing"),
    "list-broken": ("PROPFIND", "bad", "smsfileisapi", "no listing"),
    "no-ranges": ("RANGE", "bad", "Accept-Ranges", "200 to a range"),
    "range-shifted": ("RANGE", "bad", "proxy, cache", "bytes 0-298/300"),
    "range-begin": ("RANGE", "bad", "proxy, cache", "bytes 0-299/300"),
    "range-end": ("RANGE", "bad", "proxy, cache", "bytes 1-298/300"),
    "range-silent": ("RANGE", "bad", "proxy, cache", "no Content-Range"),
    "range-total": ("RANGE", "bad", "proxy, cache", "1-299/301"),
    "range-short": ("RANGE", "bad", "proxy, cache", "298 bytes where 299"),
    "if-range-refused": ("IF_RANGE", "note", "same ETag", "200"),
    "if-range-ignored": ("IF_RANGE", "note", "", "206 for a condition that does not hold"),
    "compresses": ("COMPRESSION", "note", "no dynamic compression", "compresses"),
    "weak-etag": ("GET", "note", "", "weak ETag"),
    "no-etag": ("GET", "note", "", "no ETag"),
    "other-bytes": ("GET", "bad", "distribute the content again", "not those of the manifest"),
    "sccm-only": ("HEAD", "note", "", "404: setup.exe comes as sccm"),
    "no-head": ("HEAD", "note", "", "405"),
}


def test_faults(scene):
    """Each fault of a server is found where it is, alone, and with what to change on IIS."""
    content = odd_content(scene)
    for word, (step, verdict, change, text) in FAULTS.items():
        answer = at(scene, content, Iis(scene, word).url)
        if word == "no-head":
            # HEAD is what odd names are asked with.
            expect_head_refused(answer)
            continue
        expect(answer, step, verdict, change, text)
        assert "nginx" not in (answer.steps(step)[0]["change"] or ""), answer.result


def expect_head_refused(answer):
    assert answer.step("HEAD")["verdict"] == "bad" and answer.step("HEAD")["status"] == 405
    assert "verb HEAD" in answer.step("HEAD")["change"], answer.result
    assert answer.step("GET")["verdict"] == "ok", answer.result


WHOLE = {
    "compresses-always": ("no dynamic|Compression: off", "Content-Encoding"),
    "no-length": ("dynamic compression", "without a Content-Length"),
    "other-length": ("distribute the content again", "304 bytes where the file has 300"),
    "file-page": ("captive portal", "web page"),
    "endless": ("dynamic compression", "without a Content-Length"),
}


def test_whole_files(scene):
    """What is wrong with every file is said of GET, and nothing of it is taken for well."""
    content = odd_content(scene)
    for word, (change, text) in WHOLE.items():
        answer = at(scene, content, Iis(scene, word, "no-sccm").url)
        row = answer.step("GET")
        assert row["verdict"] == "bad" and row["status"] == 200, answer.result
        assert re.search(change, row["change"]) and re.search(text, row["text"]), row


def test_names(scene):
    """Names that request filtering hides: which, and where to allow them; with sccm?/ they come."""
    content = odd_content(scene)
    for word, name, change in (("hidden-segments", "bin/tool.dll", "Hidden Segments"),
                               ("hidden-endings", "data.mdb", "File Name Extensions"),
                               ("double-escaping", r"a\+b%20c.txt", "allowDoubleEscaping")):
        answer = at(scene, content, Iis(scene, word, "no-sccm").url)
        expect(answer, "NAMES", "bad", change, "404: " + name)
        assert len([row for row in answer.steps("NAMES") if row["verdict"] == "bad"]) == 1


def test_names_of_real_servers(scene):
    """nginx, Apache and lighttpd that hide a name: each is told in its own terms."""
    content = odd_content(scene)
    for server, change in (
            (dav.NginxDav(scene, extra=r"location ~ \.mdb$ { return 404; }"), "on nginx, .*deny"),
            (dav.Apache(scene, extra='<FilesMatch "mdb$">\nRequire all denied\n</FilesMatch>'),
             "on Apache, .*FilesMatch"),
            (dav.Lighttpd(scene, modules=["access"], extra='url.access-deny = ( ".mdb" )'),
             "on lighttpd, .*access-deny")):
        expect(at(scene, content, server.url), "NAMES", "bad", change, "data.mdb")


def test_seeded(scene):
    """The faults of real servers, each named with the directive that mends it."""
    content = odd_content(scene)
    gzip = "gzip on; gzip_types *; gzip_min_length 0;"
    off = "AuthType Basic\nAuthName x\nAuthBasicProvider file\nAuthUserFile /dev/null\n" \
          "Require valid-user"
    basic = ["auth_basic", "authn_file"]
    nginx, apache, lighttpd = dav.NginxDav, dav.Apache, dav.Lighttpd
    rows = [
        (nginx(scene, extra="max_ranges 0;"), "RANGE", "bad", "on nginx, no max_ranges 0"),
        (nginx(scene, extra=gzip), "COMPRESSION", "note", "on nginx, gzip off"),
        (nginx(scene, extra="return 302 http://other.contoso.test$request_uri;"), "AUTH", "bad",
         "on nginx, no return"),
        (nginx(scene, extra="auth_basic x; auth_basic_user_file /dev/null;"), "AUTH", "bad",
         "on nginx, no auth_basic"),
        (apache(scene, extra="MaxRanges none"), "RANGE", "bad", "on Apache, no MaxRanges none"),
        (apache(scene, modules=basic, directory=off), "AUTH", "bad", "on Apache, .*AuthType"),
        (apache(scene, directory="Require all denied"), "AUTH", "bad", "on Apache, look at Require"),
        (apache(scene, directory="Require all granted\nDav Off"), "PROPFIND", "bad",
         "on Apache, mod_dav.*Dav On"),
        (lighttpd(scene, extra='server.range-requests = "disable"'), "RANGE", "bad",
         "on lighttpd, server.range-requests"),
        (lighttpd(scene, modules=["redirect"], extra='url.redirect = ( "" => "http://x.test/" )'),
         "AUTH", "bad", "on lighttpd, no url.redirect"),
    ]
    for server, step, verdict, change in rows:
        answer = at(scene, content, server.url)
        row = answer.step(step)
        assert row["verdict"] == verdict and re.search(change, row["change"]), answer.result


def test_no_dav(scene):
    """nginx without dav-ext: contents cannot be listed, and the module is named."""
    content = odd_content(scene)
    server = scene.keep(Nginx(scene.path("www"), scene.path("plain")))
    expect(at(scene, content, server.url), "PROPFIND", "bad", "ngx_http_dav_ext_module", "405")


def test_unknown_server(scene):
    """A server that names itself otherwise is told for IIS, nginx and Apache."""
    content = odd_content(scene)
    server = Iis(scene, "no-ranges")
    server.software = "something"
    answer = at(scene, content, server.url)
    for words in ("on IIS, ", "on nginx, no max_ranges", "on Apache, no MaxRanges"):
        assert words in answer.step("RANGE")["change"], answer.result


# Who may read.


def test_anonymous(scene):
    """401: anonymous reading is off, and what is offered; the content is not asked for in vain."""
    content = odd_content(scene)
    server = Iis(scene, "anonymous-off")
    answer = at(scene, content, server.url)
    row = answer.step("AUTH")
    assert row["verdict"] == "bad" and row["status"] == 401, answer.result
    assert "Negotiate, NTLM" in row["text"] and "enable Anonymous" in row["change"], row
    assert answer.verdicts(*CONTENT_STEPS) == {"skipped"}, answer.result
    assert "AUTH" in answer.step("GET")["text"], answer.result
    assert not [request for request in server.asked() if "PS100001" in request["target"]]


def test_certificate_wanted(scene):
    """403 to a name that is not there: IIS wants a client certificate."""
    answer = probe(scene, Iis(scene, "certificate").url, policy=False)
    row = answer.step("AUTH")
    assert row["status"] == 403 and "client certificate" in row["text"], row
    assert "clientCertificate" in row["change"] and answer.bad == ["AUTH"], answer.result


def test_redirect(scene):
    """Another place is named and not asked; a page for everything is seen for what it is."""
    content = odd_content(scene)
    row = at(scene, content, Iis(scene, "redirects").url).step("AUTH")
    assert row["status"] == 302 and "https://elsewhere.contoso.test/" in row["text"], row
    row = at(scene, content, Iis(scene, "portal").url).step("AUTH")
    assert row["verdict"] == "bad" and "portal" in row["text"], row


def test_missing_content(scene):
    """A content that is not there, on a server where all else is well."""
    content = odd_content(scene)
    scene.policy(content, [DP("dp1", Iis(scene).url)])
    answer = probe(scene, Iis(scene).url, "PS100099")
    assert answer.step("PROPFIND")["status"] == 404 and answer.bad == ["PROPFIND"], answer.result
    assert "distribute" in answer.step("PROPFIND")["change"]
    assert answer.step("HEAD")["verdict"] == "skipped", answer.result


# Name and connection.


def test_name(scene):
    """A name that does not resolve ends it; one that does is told with its address."""
    names = scene.keep(fault.NoSuchName())
    server = Iis(scene)
    answer = probe(scene, server.url.replace("127.0.0.1", "localhost"), policy=False)
    assert answer.json["ok"] and "127.0.0.1" in answer.step("NAME")["text"], answer.result
    scene.settings(dnsServers=[names.address])
    answer = probe(scene, "http://dp9.contoso.test/SMS_DP_SMSPKG$", "PS100001", policy=False)
    row = answer.step("NAME")
    assert row["verdict"] == "bad" and "NXDOMAIN" in row["text"] and "DNS" in row["change"], row
    assert answer.bad == ["NAME"] and answer.verdicts(*STEPS[1:]) == {"skipped"}, answer.result


def test_closed_port(scene):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d/SMS_DP_SMSPKG$" % closed.getsockname()[1]
        answer = probe(scene, url, policy=False)
    row = answer.step("TCP")
    assert row["verdict"] == "bad" and "refuses" in row["text"] and "Listen" in row["change"], row
    assert answer.bad == ["TCP"] and answer.step("AUTH")["verdict"] == "skipped", answer.result


# TLS.


def tls(scene, content, **issued):
    """A probe of nginx with such a certificate, whose authority is in caFile."""
    number = len(scene.things)
    authority = Authority(scene, "authority%d" % number)
    cert, key = authority.issue(**issued)
    pem = scene.write("both%d.pem" % number, open(cert).read() + open(key).read())
    scene.settings(caFile=authority.file)
    return at(scene, content, dav.NginxDav(scene, tls=pem).url)


DAY = 86400


def test_certificate(scene):
    """A certificate that holds: its names, issuer, end and TLS version are told."""
    answer = tls(scene, odd_content(scene), ends=90 * DAY)
    row, facts = answer.step("TLS"), answer.json["certificate"]
    assert answer.json["ok"], answer.result
    assert facts["tls"] in ("TLSv1.2", "TLSv1.3") and "127.0.0.1" in facts["names"], facts
    assert "Authority" in facts["issuer"] and facts["end"] in row["text"], (row, facts)
    assert facts["tls"] in row["text"] and facts["names"] in row["text"], row


def test_bad_certificates(scene):
    """Each thing that is wrong with a certificate is a line; the rest is asked all the same."""
    content = odd_content(scene)
    for issued, text, change in (
            ({"begins": -9 * DAY, "ends": -DAY}, "has expired", "renew"),
            ({"begins": DAY, "ends": 9 * DAY}, "not valid before", "clock"),
            ({"name": "DNS:other.contoso.test", "ends": 90 * DAY}, "other.contoso.test, not for",
             "subject alternative names")):
        answer = tls(scene, content, **issued)
        row = answer.step("TLS")
        assert row["verdict"] == "bad" and text in row["text"] and change in row["change"], row
        assert "without trust" in row["text"], row
        assert answer.bad == ["TLS"] and answer.step("GET")["verdict"] == "ok", answer.result
    answer = tls(scene, content, ends=9 * DAY)
    assert answer.json["ok"] and answer.step("TLS")["verdict"] == "note", answer.result
    assert "renew" in answer.step("TLS")["change"], answer.result


def test_unknown_authority(scene):
    """An authority that is not trusted, with all else that is wrong beside it."""
    cert = Authority(scene).issue(name="DNS:other.contoso.test", begins=-9 * DAY, ends=-DAY)
    answer = probe(scene, Iis(scene, certificate=cert).url, policy=False)
    texts = [row["text"] for row in answer.steps("TLS")]
    assert len(texts) == 3 and "caFile" in answer.steps("TLS")[2]["change"], answer.result
    for word in ("expired", "other.contoso.test", "authority is not trusted"):
        assert any(word in text for text in texts), texts


def with_client(scene, server, authority, trusted):
    """A server that looks at client certificates, and a machine that has one."""
    server.tls.load_verify_locations(authority.file)
    server.tls.verify_mode = ssl.CERT_OPTIONAL
    cert, key = authority.issue(name="DNS:pc042")
    for path in (cert, key):
        os.chmod(path, 0o600)
    keys = {"caFile": authority.file} if trusted else {}
    scene.settings(clientCertificate=cert, clientKey=key, **keys)
    return probe(scene, server.url, policy=False)


def test_client_certificate(scene):
    """It is shown to a server whose certificate holds, and to no other."""
    authority, strange = Authority(scene), Authority(scene, "strange")
    cert = authority.issue()
    saved = [scene.write("dp.%s" % ending, open(path).read())
             for path, ending in zip(cert, ("pem", "key"))]
    server = Iis(scene, certificate=saved)
    answer = with_client(scene, server, authority, trusted=True)
    assert answer.json["ok"] and server.shown and all(server.shown), (answer.result, server.shown)
    server = Iis(scene, certificate=saved)
    answer = with_client(scene, server, strange, trusted=False)
    assert answer.bad == ["TLS"] and server.shown and not any(server.shown), answer.result


def test_certificate_required(scene):
    """A server that ends the connection of who has no certificate, whether the word of it is heard
    in time or not; nginx says it in an answer."""
    authority = Authority(scene)
    scene.settings(caFile=authority.file)
    for kind in (Iis, Curt):
        server = kind(scene, certificate=authority.issue())
        server.tls.load_verify_locations(authority.file)
        server.tls.verify_mode = ssl.CERT_REQUIRED
        answer = probe(scene, server.url, policy=False)
        row = answer.step("AUTH")
        assert "client certificate is wanted" in row["text"], answer.result
        assert "clientCertificate" in row["change"], row
        assert answer.bad == ["AUTH"], answer.result
    pem = scene.write("both.pem", "".join(open(path).read() for path in authority.issue()))
    server = dav.NginxDav(scene, tls=pem, extra="ssl_verify_client on; ssl_client_certificate %s;"
                          % authority.file)
    row = probe(scene, server.url, policy=False).step("AUTH")
    assert row["status"] == 400 and "ssl_verify_client off" in row["change"], row


def test_old_tls(scene):
    """TLS 1.1 is too old, and named, whether the certificate holds or not."""
    authority = Authority(scene)
    cert = authority.issue(ends=90 * DAY)
    for trusted in (False, True):
        server = Iis(scene, certificate=cert, newest=ssl.TLSVersion.TLSv1_1)
        row = probe(scene, server.url, policy=False).step("TLS")
        assert row["verdict"] == "bad" and "TLSv1.1 only" in row["text"], (trusted, row)
        assert "TLS 1.2" in row["change"], row
        scene.settings(caFile=authority.file)
    row = probe(scene, Iis(scene, certificate=cert).url, policy=False).step("TLS")
    assert row["verdict"] == "ok" and "TLSv1.3" in row["text"], row


def test_other_protocol(scene):
    """Plain HTTP where HTTPS is asked for, and the reverse."""
    plain = Iis(scene)
    answer = probe(scene, plain.url.replace("http:", "https:"), policy=False)
    row = answer.step("TLS")
    assert "speaks plain HTTP" in row["text"] and "on IIS, site > Bindings" in row["change"], row
    assert answer.bad == ["TLS"], answer.result
    authority = Authority(scene)
    pem = scene.write("both.pem", "".join(open(path).read() for path in authority.issue()))
    secure = dav.NginxDav(scene, tls=pem)
    for url in (secure.url, Iis(scene, certificate=authority.issue()).url):
        answer = probe(scene, url.replace("https:", "http:"), policy=False)
        row = answer.step("AUTH")
        assert "speaks TLS" in row["text"] and "HTTPS" in row["change"], answer.result
        assert answer.bad == ["AUTH"], answer.result


def test_no_common_cipher(scene):
    """A port that speaks TLS, but not with us, is not taken for one of plain HTTP."""
    pem = scene.write("both.pem", "".join(open(path).read() for path in Authority(scene).issue()))
    server = dav.NginxDav(scene, tls=pem,
                          extra="ssl_protocols TLSv1.2; ssl_ciphers eNULL:@SECLEVEL=0;")
    row = probe(scene, server.url, policy=False).step("TLS")
    assert "about TLS" in row["text"] and "ciphers" in row["change"], row


def test_site_says_otherwise(scene):
    """The site's word on HTTPS against BaseURL: a note."""
    content = odd_content(scene)
    server = Iis(scene)
    path = scene.policy(content, [DP("dp1", server.url)])
    text = open(path).read()
    assert "skipped" == probe(scene, "dp1").step("TLS")["verdict"]
    with open(path, "w") as file:
        file.write(re.sub(r'(name="Communication"><value>)0', r"\g<1>1", text))
    row = probe(scene, "dp1").step("TLS")
    assert row["verdict"] == "note" and "the site says HTTPS" in row["text"], row


# Hostile.


def hostile(scene, word, seconds=15):
    """A probe of a server that means harm, and how much it got rid of."""
    content = odd_content(scene)
    server = Iis(scene, word)
    begun = time.monotonic()
    answer = at(scene, content, server.url)
    assert time.monotonic() - begun < seconds, (word, answer.result)
    return answer, server


def sent(server, what):
    return max(request[what] for request in server.asked())


def test_endless_headers(scene):
    for word in ("endless-headers", "long-line"):
        answer, server = hostile(scene, word)
        row = answer.step("AUTH")
        assert row["verdict"] == "bad" and "header" in row["text"], row
        assert len(server.asked()) == 1, "asked on\n%s" % answer.result
    assert "64 KiB" in hostile(scene, "endless-headers")[0].step("AUTH")["text"]


def test_endless_body(scene):
    """What is read of a file ends after a MiB, of a listing after 4."""
    answer, server = hostile(scene, "endless")
    assert answer.step("GET")["verdict"] == "bad", answer.result
    assert sent(server, "sent") < 16 << 20, sent(server, "sent")
    answer, server = hostile(scene, "list-endless")
    row = answer.step("PROPFIND")
    assert row["verdict"] == "note" and "more follow" in row["text"], row
    assert sent(server, "sent") < 16 << 20, sent(server, "sent")


def test_silence(scene):
    """Who says nothing, or a byte now and then, is left after some seconds, and not asked again."""
    answer, server = hostile(scene, "silent", seconds=5)
    assert "no answer within 2 s" in answer.step("AUTH")["text"], answer.result
    assert len(server.asked()) == 1 and answer.verdicts(*CONTENT_STEPS) == {"skipped"}
    answer, server = hostile(scene, "drips", seconds=25)
    assert answer.step("AUTH")["verdict"] == "bad", answer.result


def test_silent_twice(scene):
    """A server that answers but for files is not waited for at every step."""
    answer, server = hostile(scene, "silent-files", seconds=8)
    assert answer.step("PROPFIND")["verdict"] == "ok", answer.result
    assert answer.bad == ["HEAD"], answer.result
    assert answer.verdicts("GET", "RANGE", "NAMES") == {"skipped"}, answer.result
    assert "HEAD" in answer.step("GET")["text"], answer.result


def test_listing_outside(scene):
    """What a listing names outside the content is not asked for."""
    content = odd_content(scene)
    server = Iis(scene, "list-outside", "no-sccm")
    answer = probe(scene, server.url, content.id, policy=False)
    assert answer.step("HEAD")["verdict"] == "ok", answer.result
    targets = [request["target"] for request in server.asked()]
    assert not [target for target in targets if "secret" in target or "%0" in target.lower()], targets
    assert [target for target in targets if target.endswith("PS100001/setup.exe")], targets


def test_proxy(scene):
    """Through a proxy the name is the proxy's to resolve; one that is not there is to blame."""
    cert = certificate(scene)
    server, tunnel = Iis(scene, certificate=cert), scene.keep(Tunnel())
    scene.settings(caFile=cert[0], proxy=tunnel.url)
    answer = probe(scene, server.url, policy=False)
    assert answer.step("NAME")["verdict"] == "skipped" and answer.json["ok"], answer.result
    assert "connected to the proxy" in answer.step("TCP")["text"], answer.result
    scene.settings(proxy="http://127.0.0.1:1")
    row = probe(scene, server.url, policy=False).step("TCP")
    assert row["verdict"] == "bad" and "proxy" in row["text"] and "nearpoint.json" in row["change"]


def test_rubbish(scene):
    answer, _ = hostile(scene, "rubbish")
    assert "not HTTP" in answer.step("AUTH")["text"], answer.result


def test_escapes(scene):
    """Escape sequences of a server reach neither terminal nor JSON."""
    content = odd_content(scene)
    server = Iis(scene, "escapes")
    server.software = "nginx\x1b[2J"
    scene.policy(content, [DP("dp1", server.url)])
    result = scene.run("probe", "dp1", content.id)
    assert r"nginx\x1B[2J" in result.out and r"x.test/\x1B[2J" in result.out, result
    answer = probe(scene, "dp1", content.id)
    said = [answer.json["server"], *(row["text"] for row in answer.rows)]
    for text in (result.out, answer.result.out, *said):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), repr(text)


# What is asked for.


def test_arguments(scene):
    """Names that nobody knows, URLs that are none, too many words."""
    content = odd_content(scene)
    scene.policy(content, [DP("dp1", Iis(scene).url)])
    for args, code, words in ((["dp7"], 1, "dp7"), (["dp1", "PS100099"], 1, "PS100099"),
                              (["http://"], 2, "URL"), (["http://u:p@127.0.0.1/x"], 2, "URL"),
                              (["http://127.0.0.1/x?y=1"], 2, "query"), ([], 2, "usage"),
                              (["dp1", "a", "b"], 2, "usage")):
        result = scene.run("probe", *args)
        assert result.code == code and words in result.message and not result.out, result
