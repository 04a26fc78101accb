"""Distribution points that want a client certificate: nginx, Apache, IIS's pages, and what goes
wrong, each with its own message."""

import os
import ssl
import subprocess

import dav
import fault
import fault_h2
import fault_http
from harness import DP, filler
from test_http2 import pem
from test_matrix_http import BAD, GOOD, codes, each, fails, one_file, succeeds

SMALL = 5000
NGINX = "ssl_verify_client on; ssl_client_certificate %s;"
APACHE = "SSLVerifyClient require\nSSLCACertificateFile %s\n"


@fault.behaviour
def page_403(request):
    """IIS's page for this sub-status, which its status line does not say."""
    request.reply("403 Forbidden", b"<html><h2>HTTP Error 403.%s - Forbidden</h2></html>"
                  % request.argument.encode())


class Asking(fault_h2.H2Server):
    """Asks for a certificate of this authority and notes what was shown; does without."""

    def __init__(self, root, pair, authority, **options):
        self.shown = []
        super().__init__(root, pair, **options)
        self.tls.verify_mode = ssl.CERT_OPTIONAL
        self.tls.load_verify_locations(authority)

    def _shake_hands(self, sock):
        # The base reads HTTP/2 within the handshake: noted before.
        wrap = self.tls.wrap_socket

        class Noting:
            @staticmethod
            def wrap_socket(plain, **options):
                secure = wrap(plain, **options)
                self.shown.append(secure.getpeercert(True) is not None)
                return secure
        context, self.tls = self.tls, Noting
        try:
            return super()._shake_hands(sock)
        finally:
            self.tls = context


class Estate:
    """A server's certificate, and an authority of clients."""

    def __init__(self, scene):
        self.scene = scene
        self.authority = fault_http.Authority(scene)
        self.clients = fault_http.Authority(scene, "clients")
        self.pair = self.authority.issue()
        self.names = 0

    def client(self, authority=None, **options):
        """The settings for a new client certificate."""
        self.names += 1
        (certificate, key), names = (authority or self.clients).issue(**options), []
        for path in (certificate, key):
            with open(path, encoding="ascii") as file:
                names.append(self.scene.write("client/%d-%s" % (self.names, os.path.basename(path)),
                                              file.read()))
        os.chmod(names[1], 0o600)
        return {"clientCertificate": names[0], "clientKey": names[1]}

    def settings(self, **keys):
        self.scene.settings(caFile=self.authority.file, **keys)

    def nginx(self, **options):
        return dav.NginxDav(self.scene, tls=pem(self.scene, self.pair),
                            extra=NGINX % self.clients.file, **options)

    def apache(self, **options):
        return dav.Apache(self.scene, tls=pem(self.scene, self.pair),
                          extra=APACHE % self.clients.file, **options)


KINDS = {"nginx": Estate.nginx, "nginx-http2": lambda e: e.nginx(http2=True),
         "apache": Estate.apache, "apache-http2": lambda e: e.apache(http2=True)}


def comes(scene, kind):
    estate = Estate(scene)
    content = scene.content({"f%d" % i: filler(SMALL, i) for i in range(5)})
    server = KINDS[kind](estate)
    scene.policy(content, [DP(GOOD, server.url)])
    estate.settings(**estate.client())
    succeeds(scene, content)
    asked = server.requests("/SMS_DP_SMSPKG$/PS100001/")
    assert [row for row in asked if row[0] == "GET" and row[2] == 200], asked


each("test_shown", "A DP that wants a client certificate (%s) gives the content.", KINDS, comes)


def refusal(scene, kind, **keys):
    """The error of a get with these settings."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    server = KINDS[kind](estate)
    scene.policy(content, [DP(BAD, server.url)])
    estate.settings(**(keys.get("make", lambda estate: {})(estate)))
    result = fails(scene, content)
    *before, error = [e for source in result.json["sources"] for e in source["errors"]]
    # A server that closes at once may be gone before it was asked.
    assert all("breaks the connection" in e["text"] for e in before), result
    assert error["blame"] == "source" and (before or result.seconds < 5), result
    assert not [row for row in server.requests("/SMS_DP") if row[2] == 200]
    return error


def hung_up(error, kind, maybe):
    """Apache closes before all of HTTP/2's greeting is sent: at times its alert is never read."""
    found = error["code"] == "CLOSED" and kind == "apache-http2"
    assert not found or "breaks the connection (it may %s)" % maybe in error["text"], error
    return found


def none_set(scene, kind):
    error = refusal(scene, kind)
    if hung_up(error, kind, "want a client certificate"):
        return
    assert error["code"] == "CERTIFICATE_WANTED", error
    assert "wants a client certificate, and the settings name none (clientCertificate" \
        in error["text"], error


each("test_none_is_set", "The message names the settings (%s).", KINDS, none_set)

# What the server says where it does not like the certificate.
UNKNOWN = {"nginx": "unknown authority, expired, or revoked", "apache": "does not know its authority"}
EXPIRED = {"nginx": "unknown authority, expired, or revoked", "apache": "it has expired"}


def kind_of(kind):
    return kind.split("-")[0]


def unknown_authority(scene, kind):
    error = refusal(scene, kind, make=lambda estate: estate.client(
        fault_http.Authority(scene, "others")))
    if hung_up(error, kind, "not accept the client certificate"):
        return
    assert error["code"] == "CERTIFICATE_REFUSED", error
    assert "does not accept the client certificate" in error["text"], error
    assert UNKNOWN[kind_of(kind)] in error["text"], error


each("test_unknown_authority", "A client certificate of an authority that %s does not know.", KINDS,
     unknown_authority)


def expired(scene, kind):
    error = refusal(scene, kind, make=lambda estate: estate.client(begins=-9 * 86400, ends=-86400))
    if hung_up(error, kind, "not accept the client certificate"):
        return
    assert error["code"] == "CERTIFICATE_REFUSED", error
    assert EXPIRED[kind_of(kind)] in error["text"], error


each("test_expired", "A client certificate that has expired (%s).", KINDS, expired)

PAGES = {"7": ("CERTIFICATE_WANTED", "wants a client certificate"),
         "13": ("CERTIFICATE_REFUSED", "revoked"), "16": ("CERTIFICATE_REFUSED", "trust"),
         "17": ("CERTIFICATE_REFUSED", "expired"), "4": ("HTTP_403", "HTTP status 403")}


def page_of_iis(scene, status):
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    server = scene.fault(certificate=estate.pair)
    server.instead["x"] = "page-403." + status
    scene.policy(content, [DP(BAD, server.url + "/x")])
    code, text = PAGES[status]
    estate.settings(**({} if status == "7" else estate.client()))
    result = fails(scene, content)
    assert codes(result) == {code} and text in result.json["error"]["text"], result
    # Each form of the URL is asked for once.
    assert ["sccm?" in r["target"] for r in server.asked()] == [False, True], server.asked()


each("test_page_of_iis_403", "IIS says 403.%s on its page.", PAGES, page_of_iis)


# The files of the settings.


def without(estate, keys, name):
    os.unlink(keys[name])
    return keys


def rubbish(estate, keys, name):
    with open(keys[name], "w", encoding="ascii") as file:
        file.write("this is no PEM\n")
    return keys


def encrypted(estate, keys, name):
    subprocess.run(["openssl", "pkey", "-in", keys[name], "-aes256", "-passout", "pass:secret",
                    "-out", keys[name] + ".enc"], check=True)
    os.replace(keys[name] + ".enc", keys[name])
    os.chmod(keys[name], 0o600)
    return keys


def of_another(estate, keys, name):
    return dict(keys, **{name: estate.client()[name]})


FILES = {
    "certificate-missing": ("clientCertificate", without, "No such file"),
    "key-missing": ("clientKey", without, "No such file"),
    "certificate-rubbish": ("clientCertificate", rubbish, "holds no certificate in PEM"),
    "key-rubbish": ("clientKey", rubbish, "holds no private key in PEM"),
    "key-encrypted": ("clientKey", encrypted, "wants a password"),
    "key-of-another": ("clientKey", of_another, "does not fit the certificate"),
}


def bad_file(scene, kind):
    name, spoil, why = FILES[kind]
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    server = estate.nginx()
    scene.policy(content, [DP(BAD, server.url)])
    keys = spoil(estate, estate.client(), name)
    estate.settings(**keys)
    result = fails(scene, content)
    error = result.json["error"]
    assert error["blame"] == "disk" and codes(result) == {"CERTIFICATE_FILE"}, result
    assert why in error["text"] and name in error["text"] and keys[name] in error["text"], result
    assert result.seconds < 5 and server.requests("/SMS_DP") == []


each("test_file", "Of this machine: %s. It is named, and no source is blamed.", FILES, bad_file)


def test_file_unreadable(scene):
    """A key that this user may not read."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    server = estate.nginx()
    scene.policy(content, [DP(BAD, server.url)])
    keys = estate.client()
    os.chmod(keys["clientKey"], 0)
    estate.settings(**keys)
    result = fails(scene, content)
    assert "Permission denied" in result.json["error"]["text"], result
    assert codes(result) == {"CERTIFICATE_FILE"}, result


def test_key_that_others_may_read(scene):
    """Refused, wherever the key is: in a file of its own, or with the certificate."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    server = estate.nginx()
    scene.policy(content, [DP(GOOD, server.url)])
    keys = estate.client()
    os.chmod(keys["clientKey"], 0o644)
    estate.settings(**keys)
    result = scene.get()
    assert result.code == 3 and "'clientKey'" in result.err and "chmod 600" in result.err, result
    both = pem(scene, (keys["clientCertificate"], keys["clientKey"]))
    os.chmod(both, 0o644)
    estate.settings(clientCertificate=both)
    result = scene.get()
    assert result.code == 3 and "'clientCertificate'" in result.err, result
    os.chmod(both, 0o600)
    succeeds(scene, content)


# Who gets to see it.


def test_not_after_a_redirect(scene):
    """Another host does not get to see it, though it asks; the host that policy names does."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    first, other = [scene.keep(Asking(scene.www, estate.pair, estate.clients.file))
                    for _ in range(2)]
    first.instead["x"], first.elsewhere = "moved", other.url
    scene.policy(content, [DP(GOOD, first.url + "/x")])
    estate.settings(**estate.client())
    succeeds(scene, content)
    assert first.shown == [True] and other.shown == [False], (first.shown, other.shown)


def test_not_after_a_redirect_and_back(scene):
    """Nor does the first host, once another has sent the client there."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    first, other = [scene.keep(Asking(scene.www, estate.pair, estate.clients.file,
                                      protocols=["http/1.1"])) for _ in range(2)]
    first.elsewhere, other.elsewhere = other.url, first.url
    first.instead["x"], other.instead["ok"] = "moved.host", "moved.host"
    scene.policy(content, [DP(GOOD, first.url + "/x")])
    estate.settings(**estate.client())
    succeeds(scene, content)
    assert first.shown == [True, False] and other.shown == [False], (first.shown, other.shown)


def test_after_a_redirect_on_the_host(scene):
    """The twin: the same host, another path."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    server = scene.keep(Asking(scene.www, estate.pair, estate.clients.file))
    server.instead["x"], server.elsewhere = "moved", server.url
    scene.policy(content, [DP(GOOD, server.url + "/x")])
    estate.settings(**estate.client())
    succeeds(scene, content)
    assert set(server.shown) == {True} and len(server.asked()) == 2, server.shown


def test_wanted_after_a_redirect(scene):
    """A host that a redirect leads to and that wants one: the message says why it gets none."""
    estate = Estate(scene)
    content = one_file(scene, SMALL)
    nginx = estate.nginx()
    first = scene.keep(fault_h2.H2Server(scene.www, estate.pair))
    first.instead["x"], first.elsewhere = "moved", nginx.url
    scene.policy(content, [DP(BAD, first.url + "/x")])
    estate.settings(**estate.client())
    result = fails(scene, content)
    assert first.reached == ["moved"] and codes(result) == {"CERTIFICATE_WANTED"}, result
    assert "to no host that a redirect leads to" in result.json["error"]["text"], result
