"""Windows authentication (Negotiate) against Apache's mod_auth_gssapi and a KDC of the test's own.

A test is skipped only where Apache, the module or the KDC is not installed.
"""

import base64
import os
import time

from dav import MODULES, Apache
from fault import behaviour
from harness import DP, SCALE, Skip, filler, threads, wait_until
from kerberos import DOMAIN, REALM, Kdc, Names, SilentKdc
from point import REPLY, Assigned, Point
from test_sources import Get

HOST = "dp01." + DOMAIN
USER = "host/pc042.%s@%s" % (DOMAIN, REALM)
# The Kerberos library asks a silent KDC for 27 s before it gives up.
FAR_BELOW_KERBEROS = 10 if SCALE == 1 else 15


class Realm:
    """A KDC, a name server and a client with its keytab."""

    def __init__(self, scene, hosts=("dp01", "dp02")):
        self.scene, self.kdc = scene, Kdc(scene)
        self.kdc.for_servers()
        self.names = scene.keep(Names([name + "." + DOMAIN for name in hosts]))
        scene.settings(dnsServers=[self.names.address], proxy="none")
        self.be()

    def be(self, **options):
        self.scene.env.update(self.kdc.environment(**options))


def guarded(scene, realm, require="valid-user", name=HOST, more="", keytab=None):
    """An Apache that lets nobody in without a ticket; its log also has user, port and Host."""
    if not os.path.exists(MODULES + "mod_auth_gssapi.so"):
        raise Skip("libapache2-mod-auth-gssapi is not installed")
    log = scene.path("users%d" % len(scene.things))
    server = Apache(
        scene, name=name, modules=["auth_gssapi", "rewrite"],
        extra='LogFormat "%%u|%%>s|%%U|%%{remote}p|%%{Authorization}i" users\n'
              'CustomLog "%s" users\n' % log,
        directory='AuthType GSSAPI\nAuthName "DP"\nGssapiCredStore keytab:%s\nRequire %s\n%s'
                  % (keytab or realm.kdc.service, require, more))
    server.users = log
    return server


def asked(server, count=None):
    """(user, status, path, port, token) of each request; waits for `count` of them."""
    def read():
        if not os.path.exists(server.users):
            return []
        with open(server.users, encoding="utf-8") as file:
            return [line.rstrip("\n").split("|") for line in file]
    if count:
        wait_until(lambda: len(read()) >= count, what="Apache's log of %d requests" % count)
    return read()


def only(scene, content, server):
    scene.policy(content, [DP(HOST, server.url, near=True)])


def refused(result, code, *words):
    assert result.code == 1, result
    errors = [error for source in result.json["sources"] for error in source["errors"]]
    assert errors and errors[0]["code"] == code and errors[0]["blame"] == "source", result
    for word in words:
        assert word in errors[0]["text"] and word in result.err, (word, result)
    return errors


# It works.


def test_keytab(scene):
    """A machine with a keytab gets the file: asked, refused, asked with a token, on one connection;
    the next file has its token at once."""
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(300000, 1)}), guarded(scene, realm)
    only(scene, content, server)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    rows = asked(server, 2)
    assert [row[:2] for row in rows] == [["-", "401"], [USER, "200"]], rows
    assert rows[0][3] == rows[1][3], "another connection: %s" % rows
    assert rows[0][4] == "-" and rows[1][4].startswith("Negotiate YII"), rows


@threads
def test_many_files(scene):
    """Each of many files has a token of its own, and none but the first asks without one."""
    realm = Realm(scene)
    count = 200 // min(SCALE, 4)
    content = scene.content({"d%d/f%d.bin" % (i % 7, i): filler(100 + i, i) for i in range(count)})
    server = guarded(scene, realm)
    only(scene, content, server)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    rows = asked(server, count + 1)
    served = [row for row in rows if row[1] == "200"]
    assert len(served) == count and {row[0] for row in served} == {USER}, rows
    assert len({row[4] for row in served}) == count, "a token was used twice"
    # All connections may have asked before the first was refused.
    assert len(rows) - count <= 8, [row for row in rows if row[1] != "200"]
    assert len({row[3] for row in rows}) <= 8, "connections are not used again"


def test_ticket_cache(scene):
    """A ticket that is there already serves as well as a keytab."""
    realm = Realm(scene)
    cache = "FILE:" + scene.path("tickets")
    realm.be(cache=cache)
    content, server = scene.content({"a.bin": filler(3000, 1)}), guarded(scene, realm)
    other = scene.content({"b.bin": filler(3000, 2)}, "PS100002")
    scene.policy([content, other], [DP(HOST, server.url, near=True)])
    assert scene.get().code == 0
    realm.kdc.stop()
    realm.be(keytab=None, cache=cache)
    result = scene.get("PS100002")
    assert result.code == 0 and scene.has(other), result


def test_upper_case_name(scene):
    """Windows has no case in names; a KDC's principals have lower case."""
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(3000, 1)}), guarded(scene, realm)
    scene.policy(content, [DP(HOST, server.url.replace("dp01", "DP01"), near=True)])
    result = scene.get()
    assert result.code == 0, result


def test_name_is_not_rewritten(scene):
    """The service is the one of the name in the URL, not of what DNS makes of it: 127.0.0.1 reads
    back as localhost, whose key this server has."""
    realm = Realm(scene)
    keytab = realm.kdc.keytab("localhost.keytab", "HTTP/localhost")
    content = scene.content({"a.bin": filler(3000, 1)})
    server = guarded(scene, realm, name="127.0.0.1", keytab=keytab)
    only(scene, content, server)
    refused(scene.get(), "NO_TICKET", "HTTP/127.0.0.1")
    realm.kdc.keytab("localhost.keytab", "HTTP/127.0.0.1")
    result = scene.get()
    assert result.code == 0, result


def test_policy_point(scene):
    """Policy comes from a point that asks for it, too."""
    realm = Realm(scene)
    server = guarded(scene, realm)
    point = Point(scene, server.host + "/point/" + REPLY)
    point.set(dnsServers=[realm.names.address], proxy="none")
    point.publish(Assigned(1, "one"), Assigned(2, "two"))
    point.fetch()
    assert point.values() == {1: "one", 2: "two"}
    statuses = [row[1] for row in asked(server, 4)]
    assert statuses == ["401", "200", "200", "200"], statuses
    realm.be(keytab=None)
    result = point.fetch(code=1)
    assert "this machine has no Kerberos ticket" in result.json["error"]["text"], result


def test_only_kerberos_is_offered(scene):
    """The list of mechanisms in the token has Kerberos alone; nothing is delegated, though the
    ticket would allow it."""
    realm = Realm(scene)
    delegated = scene.path("delegated")
    os.makedirs(delegated)
    os.chmod(delegated, 0o777)
    content = scene.content({"a.bin": filler(3000, 1)})
    server = guarded(scene, realm, more="GssapiDelegCcacheDir " + delegated)
    only(scene, content, server)
    assert scene.get().code == 0
    token = base64.b64decode(asked(server, 2)[1][4].split(" ")[1])
    kerberos = bytes.fromhex("06092a864886f712010202")
    assert b"\xa0\x0d\x30\x0b" + kerberos in token[:60], token[:60].hex()
    assert os.listdir(delegated) == [], os.listdir(delegated)


# It does not.


def test_no_ticket(scene):
    realm = Realm(scene)
    realm.be(keytab=None)
    content, server = scene.content({"a.bin": filler(3000, 1)}), guarded(scene, realm)
    only(scene, content, server)
    result = scene.get()
    refused(result, "NO_TICKET", "asks for Windows authentication and this machine has no Kerberos "
            "ticket", "No Kerberos credentials available")
    assert result.seconds < FAR_BELOW_KERBEROS and len(asked(server, 1)) == 1, result


def test_another_identity(scene):
    """Known to the realm, but not let in: final, after one token for each form of the URL."""
    realm = Realm(scene)
    content = scene.content({"a.bin": filler(3000, 1)})
    server = guarded(scene, realm, require="user somebody@" + REALM)
    only(scene, content, server)
    refused(scene.get(), "HTTP_401", "refuses this machine's Kerberos identity (HTTP status 401)")
    rows = asked(server, 7)
    assert [row[1] for row in rows] == ["401"] * 7, rows
    assert len({row[2] for row in rows}) == 6, rows
    assert [row[4] == "-" for row in rows] == [True] + [False] * 6, rows


def test_unknown_service(scene):
    realm = Realm(scene)
    content = scene.content({"a.bin": filler(3000, 1)})
    server = guarded(scene, realm, name="dp02." + DOMAIN)
    only(scene, content, server)
    refused(scene.get(), "NO_TICKET", "Server HTTP/dp02.%s@%s not found in Kerberos database"
            % (DOMAIN, REALM))


def test_kdc_stopped(scene):
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(3000, 1)}), guarded(scene, realm)
    only(scene, content, server)
    realm.kdc.stop()
    errors = refused(scene.get(), "KDC", "no KDC was reached", "Cannot contact any KDC")
    assert len(errors) > 1, "it was not tried again: %s" % errors


# A KDC that says nothing.


def beside_plain(scene, content, server):
    """A plain DP of the same locality, ranked behind the guarded one."""
    plain = scene.nginx()
    rows = [DP("dp%d.%s" % (i, DOMAIN), "http://127.0.0.1:1", near=True) for i in range(2)]
    scene.policy(content, rows)
    order = scene.run("locate", content.id, "--json", *scene.MACHINE).json["locations"]
    names = [row["dp"] for row in order]
    scene.policy(content, [DP(names[0], server.url, near=True), DP(names[1], plain.url, near=True)])
    return plain, names


@threads
def test_kdc_silent(scene):
    """While GSS-API waits for a KDC, others serve, files are verified and the process ends."""
    realm = Realm(scene)
    files = {"f%d.bin" % i: filler(2000 + i, i) for i in range(40)}
    content = scene.content(dict(files, large=filler((24 << 20) // SCALE, 99)))
    server = guarded(scene, realm)
    plain, names = beside_plain(scene, content, server)
    realm.kdc.stop()
    silent = scene.keep(SilentKdc(realm.kdc.port))
    result = scene.get()
    assert silent.heard()
    assert result.code == 0 and scene.has(content), result
    assert result.seconds < FAR_BELOW_KERBEROS, result
    sources = {source["dp"]: source for source in result.json["sources"]}
    assert sources[names[1]]["bytes"] == content.size, result
    errors = sources[names[0]]["errors"]
    assert errors and errors[0]["code"] == "KDC" and errors[0]["blame"] == "source", errors
    assert "no Kerberos ticket for it comes within 2 s" in errors[0]["text"], errors
    assert {row[1] for row in asked(server)} == {"401"} and plain.requests(), asked(server)


@threads
def test_interrupt_while_kdc_is_silent(scene):
    scene.env["NEARPOINT_STALL_SECONDS"] = "20"
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(3000, 1)}), guarded(scene, realm)
    only(scene, content, server)
    realm.kdc.stop()
    silent = scene.keep(SilentKdc(realm.kdc.port))
    get = Get(scene)
    assert silent.heard()
    begun = time.monotonic()
    get.process.send_signal(2)
    result = get.end()
    assert result.code == 1 and result.json["error"]["code"] == "CANCELLED", result
    assert get.ended - begun < FAR_BELOW_KERBEROS, result


def test_kdc_silent_for_policy(scene):
    """However long a byte may take: ten seconds for a ticket."""
    scene.env["NEARPOINT_STALL_SECONDS"] = "20"
    realm = Realm(scene)
    point = Point(scene, guarded(scene, realm).host + "/point/" + REPLY)
    point.set(dnsServers=[realm.names.address], proxy="none")
    point.publish(Assigned(1))
    realm.kdc.stop()
    silent = scene.keep(SilentKdc(realm.kdc.port))
    result = point.fetch(code=1)
    assert silent.heard() and 9.9 < result.seconds < 20, result
    assert "no Kerberos ticket for it comes within 10 s" in result.json["error"]["text"], result


@threads
def test_kdc_comes_back(scene):
    """Silent for longer than a fetch waits: its ticket comes too late for it, and serves nobody.
    The next fetch has one of its own."""
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(3000, 1)}), guarded(scene, realm)
    only(scene, content, server)
    realm.kdc.stop()
    silent = scene.keep(SilentKdc(realm.kdc.port))
    get = Get(scene)
    assert silent.heard()
    wait_until(lambda: "no Kerberos ticket" in scene.log_text(), what="the first failure")
    silent.close()
    realm.kdc.start()
    result = get.end()
    assert result.code == 0 and scene.has(content), result


# To whom no token goes.


@behaviour
def wants(request):
    """401; the argument is what WWW-Authenticate offers, '+' for a blank."""
    page = b"<html>401</html>"
    offers = ["WWW-Authenticate: " + offer for offer in request.argument.replace("+", " ").split(",")]
    request.head("401 Unauthorized", "Content-Type: text/html", *offers, length=len(page))
    request.send(page)


def tokens(server):
    return [record for record in server.asked() if "authorization" in record["headers"]]


def redirecting(scene, realm, target):
    """Redirects who has shown a ticket to another place."""
    return guarded(scene, realm, more='RewriteEngine On\nRewriteCond %%{REQUEST_URI} ^/SMS_DP_\n'
                   "RewriteRule ^SMS_DP_SMSPKG\\$/(.*)$ %s/$1 [R=302,L]" % target)


def test_redirect_elsewhere(scene):
    realm = Realm(scene)
    content, other = scene.content({"a.bin": filler(3000, 1), "b.bin": filler(3001, 2)}), \
        scene.fault()
    server = redirecting(scene, realm, other.url + "/ok")
    only(scene, content, server)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert "302" in {row[1] for row in asked(server, 3)}, asked(server)
    assert len(other.asked()) == 2 and not tokens(other), other.asked()


@behaviour
def back(request):
    """To the argument's port of dp01, below /plain."""
    request.reply("302 Found", b"", "Location: http://%s:%s/plain/%s"
                  % (HOST, request.argument, os.path.basename(request.file)))


def test_redirect_and_back(scene):
    """Who was led astray gets no token for where it came from either."""
    realm = Realm(scene)
    content, other = scene.content({"a.bin": filler(3000, 1)}), scene.fault()
    scene.write("www/plain/a.bin", filler(3000, 1))
    server = redirecting(scene, realm, other.url + "/back.%{SERVER_PORT}")
    only(scene, content, server)
    refused(scene.get(), "HTTP_401", "never given to another host")
    rows = asked(server, 3)
    assert [row[1] for row in rows[:3]] == ["401", "302", "401"], rows
    assert all(row[4] == "-" for row in rows if row[1] == "401"), rows


def test_redirect_to_who_asks(scene):
    """The place that a redirect leads to gets no token even where it asks for one."""
    realm = Realm(scene)
    content, other = scene.content({"a.bin": filler(3000, 1)}), scene.fault()
    server = redirecting(scene, realm, other.url.replace("127.0.0.1", "dp02." + DOMAIN) +
                         "/wants.Negotiate")
    only(scene, content, server)
    refused(scene.get(), "HTTP_401", "never given to another host")
    assert other.asked() and not tokens(other), other.asked()
    assert "HTTP/dp02" not in realm.kdc.log(), "a ticket was asked for"


def test_ntlm_only(scene):
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(3000, 1)}), scene.fault()
    scene.policy(content, [DP(HOST, server.url + "/wants.NTLM", near=True)])
    refused(scene.get(), "HTTP_401", "offers NTLM only, which nearpoint does not speak")
    assert not tokens(server), server.asked()
    assert ["sccm?" in row["target"] for row in server.asked()] == [False, True], server.asked()
    scene.policy(content, [DP(HOST, server.url + "/wants.Negotiate,NTLM", near=True)])
    refused(scene.get(), "NO_TICKET", "HTTP/127.0.0.1")


def test_nothing_unasked(scene):
    """A DP that asks for nothing gets no token, ticket or not."""
    realm = Realm(scene)
    content, server = scene.content({"a.bin": filler(3000, 1)}), scene.fault()
    scene.policy(content, [DP(HOST, server.url.replace("127.0.0.1", HOST) + "/ok", near=True)])
    assert scene.get().code == 0
    assert server.asked() and not tokens(server), server.asked()
    assert "HTTP/" not in realm.kdc.log(), "a ticket was asked for"
