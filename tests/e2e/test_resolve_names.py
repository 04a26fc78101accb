"""resolve: chains, addresses, failures and certificates, against a real name server and a real
server of TLS."""

import os
import socket

from azure import CLOUD, Azurite
from harness import DP, filler, slow
from test_check_resolve import Nsd
from test_cloud import certificate, zone_server


def resolve(scene, *args):
    return scene.run("resolve", *args, policy=False)


def test_chain(scene):
    """The whole chain across zones with each TTL, as JSON and as people draw it."""
    scene.settings(dnsServers=[scene.keep(Nsd(scene.path("nsd"))).server])
    result = resolve(scene, "CloudDP.contoso.test.", "--json")
    assert result.code == 0, result
    one = result.json
    assert (one["name"], one["served"], one["error"]) == ("CloudDP.contoso.test", "CNAME", None)
    assert [(link["name"], link["target"], link["ttl"]) for link in one["chain"]] == [
        ("CloudDP.contoso.test", "clouddp.cloudapp.test", 120),
        ("clouddp.cloudapp.test", "store01.blob.cloudapp.test", 60),
        ("store01.blob.cloudapp.test", "blob.ams20.store.cloudapp.test", 30)], one
    assert [(a["address"], a["ttl"]) for a in one["addresses"]] == [("192.0.2.1", 86400)], one
    assert one["certificate"] is None
    text = resolve(scene, "clouddp.contoso.test").out
    assert text.startswith("clouddp.contoso.test -> clouddp.cloudapp.test -> "
                           "store01.blob.cloudapp.test -> blob.ams20.store.cloudapp.test -> "
                           "192.0.2.1\n"), text
    assert "CNAME, as a service name should be" in text
    result = resolve(scene, "dp01.contoso.test", "--json")
    assert result.json["served"] == "HOST" and len(result.json["addresses"]) == 2, result
    assert "for testing only" in resolve(scene, "dp01.contoso.test").out


FAILURES = [("nothere", "NXDOMAIN", "no such name"), ("nodata", "NODATA", "has no address"),
            ("www.broken.test", "SERVFAIL", "fail, or cannot be reached"),
            ("www.elsewhere.test", "REFUSED", "refuse to answer"), ("loop1", "LOOP", "circle"),
            ("c17", "TOO_LONG", "longer than 16"), ("a..b", "MALFORMED", "what is no name"),
            ("dangling", "NXDOMAIN", "no such name")]


def test_failures(scene):
    """Each failure has its own word and its own message; several names make an array."""
    scene.settings(dnsServers=[scene.keep(Nsd(scene.path("nsd"))).server])
    for name, word, words in FAILURES:
        name = name if ".test" in name else name + ".contoso.test"
        result = resolve(scene, name, "--json")
        assert result.code == 1 and result.json["error"] == word, result
        assert result.json["served"] == "none" and words in result.message, result
        assert word in result.message and name in result.message
    names = [name + ".contoso.test" for name in ("nothere", "clouddp", "loop1")]
    result = resolve(scene, *names, "--json")
    assert result.code == 1 and "2 of 3 names" in result.message, result
    assert [row["error"] for row in result.json] == ["NXDOMAIN", None, "LOOP"], result
    assert [link["target"] for link in result.json[2]["chain"]] == [
        "loop2.contoso.test", "loop1.contoso.test"], result


@slow("a name server that never answers is waited for: three rounds of 1, 2 and 4 seconds")
def test_silence(scene):
    """A server that never answers, within the deadline; one that nobody is at, at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        scene.settings(dnsServers=["127.0.0.1:%d" % port])
        result = resolve(scene, "dp01.contoso.test", "--json")
        assert result.json["error"] == "TIMEOUT" and result.seconds < 16, result
        assert silent.recv(512)
    result = resolve(scene, "dp01.contoso.test", "--json")
    assert result.json["error"] == "SERVFAIL" and result.seconds < 6, result


def test_addresses(scene):
    """Link-local, multicast and unspecified addresses are refused; loopback is a warning, a private
    one is named; others beside them count."""
    nsd = zone_server(
        scene, "linklocal A 169.254.169.254", "linklocal6 AAAA fe80::1", "multicast A 224.0.0.1",
        "nowhere A 0.0.0.0", "here A 127.0.0.1", "private A 10.1.2.3", "private AAAA fd00::1",
        "mixed A 169.254.1.1", "mixed A 192.0.2.1", "alias CNAME linklocal",
        "mapped AAAA ::ffff:10.0.0.1")
    scene.settings(dnsServers=[nsd.server])
    for name, words in (("linklocal", "169.254.169.254, a link-local address"),
                        ("linklocal6", "fe80::1, a link-local address"),
                        ("multicast", "224.0.0.1, a multicast address"),
                        ("nowhere", "0.0.0.0, an unspecified address"),
                        ("mapped", "a reserved address"),
                        ("alias", "169.254.169.254, a link-local address")):
        result = resolve(scene, name + ".contoso.test", "--json")
        assert result.code == 1 and result.json["error"] == "MALFORMED", result
        assert words in result.message, result
    assert "this machine itself (a warning" in resolve(scene, "here.contoso.test").out
    result = resolve(scene, "private.contoso.test", "--json")
    assert {a["note"] for a in result.json["addresses"]} == {"a private address"}, result
    text = resolve(scene, "mixed.contoso.test").out
    assert "-> 192.0.2.1\n" in text and "169.254.1.1: a link-local address is never" in text, text


def test_get_refuses_link_local(scene):
    """What resolves to a link-local address is not connected to."""
    content = scene.content({"setup.exe": filler(1000)})
    nsd = zone_server(scene, "dp1 A 169.254.169.254")
    scene.settings(dnsServers=[nsd.server])
    scene.policy(content, [DP("dp1.contoso.test", "http://dp1.contoso.test/SMS_DP_SMSPKG$")])
    result = scene.get()
    assert result.code == 1 and "a link-local address, which is never connected to" in \
        str(result.json["sources"]), result


def test_certificates(scene):
    """--tls: names, issuer, end and version; a wildcard, another name and addresses alone are
    said."""
    nsd = zone_server(scene, "clouddp CNAME store", "store A 127.0.0.1")
    for number, (name, shown_as, words) in enumerate((
            (CLOUD, "DNS:" + CLOUD, None),
            ("*.contoso.test", "DNS:*.contoso.test", None),
            ("IP:127.0.0.1", "IP Address:127.0.0.1", "not for " + CLOUD),
            ("other.contoso.test", "DNS:other.contoso.test", "not for " + CLOUD))):
        authority, cert, key = certificate(scene, name, folder="tls%d" % number)
        azurite = scene.keep(Azurite(scene, (cert, key), folder="azurite%d" % number))
        scene.settings(dnsServers=[nsd.server], caFile=authority)
        asked = "%s:%d" % (CLOUD, azurite.port)
        result = resolve(scene, asked, "--tls", "--json")
        shown = result.json["certificate"]
        assert result.code == 0 and shown["tls"].startswith("TLSv1."), result
        assert shown["names"] == shown_as and "Test authority" in shown["issuer"], result
        assert shown["wildcard"] == name.startswith("*"), result
        assert shown["addressOnly"] == name.startswith("IP:"), result
        assert shown["end"].endswith("GMT"), result
        assert words is None or words in shown["problem"], result
        text = resolve(scene, asked, "--tls").out
        assert ("(a wildcard)" in text) == shown["wildcard"], text
        assert ("(addresses only)" in text) == shown["addressOnly"], text
        azurite.close()
    result = resolve(scene, "clouddp.contoso.test:99999", "--tls")
    assert result.code == 2, result


def test_dps(scene):
    """--dps writes a document that tells who is near; what else is known of a DP is stronger."""
    content = scene.content({"setup.exe": b"x"})
    nsd = zone_server(scene, "dp1 A 10.1.2.77", "dp2 A 10.9.9.9")
    scene.settings(dnsServers=[nsd.server])
    dps = [DP("dp1.contoso.test", "http://dp1.contoso.test/x"),
           DP("dp2.contoso.test", "http://dp2.contoso.test:8080/x", near=True),
           DP("gone.contoso.test", "http://gone.contoso.test/x")]
    scene.policy(content, dps)

    def localities():
        result = scene.run("locate", "PS100001", "--json", *scene.MACHINE)
        return {row["dp"]: row["locality"] for row in result.json["locations"]}

    before = localities()
    assert before["dp1.contoso.test"] == "BOUNDARYGROUP", before
    out = scene.path("policy/names/addresses.xml")
    result = scene.run("resolve", "--dps", "--out", out)
    assert result.code == 1 and "1 of 3 distribution points do not resolve" in result.message
    assert "gone.contoso.test" in result.out, result
    os.rename(out, scene.path("policy/addresses.xml"))
    after = localities()
    assert after["dp1.contoso.test"] == "COMPUTER", after
    assert after["dp2.contoso.test"] == before["dp2.contoso.test"] == "SUBNET", after
    assert resolve(scene, "--dps").code == 2 and resolve(scene).code == 2
