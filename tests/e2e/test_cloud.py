"""A cloud distribution point: the gate, names, encrypted blobs as Azure's SDKs make them."""

import json
import os
import socket
import ssl
import subprocess
import urllib.request
from xml.sax.saxutils import escape

from azure import (ACCOUNT, ACCOUNT_KEY, CLOUD, KEY, Azurite, account_sas, cloud_rows, container_of,
                   sas)
from fault_azure import BlobServer
from harness import DP, PATH, ROOT, filler, instance, threads
from test_check_resolve import Nsd
from test_cloud_publish import Publisher

MIB = 1 << 20
REGION = 4 * MIB


def fill(azurite, scene, content, **options):
    box = container_of(content.id)
    azurite.make_container(box)
    for name, data in content.files.items():
        azurite.put(box, name, data, scene, **options)
    return box


@threads
def test_get(scene):
    """Blobs that an independent script sealed, of all awkward names and sizes about a region's, come
    out as they were, and the logs say what an administrator looks for."""
    content = scene.content({
        "big.cab": filler(REGION + 77777, 1), "empty": b"", "one": b"1",
        "sub dir/a+b & c%20#1.txt": b"awkward", "Prüfung/ß.xml": "ü".encode(),
        "exact.bin": filler(REGION, 2)})
    azurite = scene.keep(Azurite(scene))
    box = fill(azurite, scene, content)
    scene.policy(content, [], extra=cloud_rows(azurite.url, [content], sas(box)))
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    (source,) = result.json["sources"]
    assert source["dp"] == CLOUD and source["bytes"] == content.size, result
    log = scene.log_text()
    assert "Content location type is Azure" in log
    assert "AllowCloudDP is True (default settings" in log
    for name in ("big.cab", "sub%20dir/a%2Bb%20%26%20c%2520%231.txt"):
        assert "downloads blob '%s/%s/%s'" % (azurite.url, box, name) in log, log


def test_formats(scene):
    """Both versions, region lengths that are free in 2.1, and nonces in every order that Azure's
    SDKs have; regions smaller than a file, as large, and larger."""
    sizes = [0, 1, 999, 1000, 1001, 2000, 50000]
    content = scene.content({"f%d-%d" % (i, size): filler(size, i)
                             for i in range(4) for size in sizes})
    ways = [{"protocol": "2.1", "region": 1000, "nonce": "dotnet"},
            {"protocol": "2.1", "region": 16, "nonce": "random"},
            {"protocol": "2.0", "nonce": "random", "emptyRegion": True},
            {"protocol": "2.1", "region": 8 * MIB}]
    azurite = scene.keep(Azurite(scene))
    box = container_of(content.id)
    azurite.make_container(box)
    for name, data in content.files.items():
        azurite.put(box, name, data, scene, **ways[int(name[1])])
    scene.policy(content, [], extra=cloud_rows(azurite.url, [content], sas(box)))
    result = scene.get()
    assert result.code == 0 and scene.has(content), result


def test_gate(scene):
    """AllowCloudDP false: nobody is asked, of DNS neither; the answer and the log say why. True: it
    is used. Not said at all: the built-in default, which is false."""
    content = scene.content({"setup.exe": filler(1000)})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(0)
        scene.settings(dnsServers=["127.0.0.1:%d" % silent.getsockname()[1]])
        for allow, origin in ((False, "default settings, policy"), (None, "built-in")):
            scene.policy(content, [], extra=cloud_rows("http://%s:1" % CLOUD, [content], None,
                                                       allow=allow))
            for command in (["locate", "PS100001", "--json"], ["get"]):
                result = scene.get() if command == ["get"] else \
                    scene.run(*command, *scene.MACHINE)
                assert result.code == 1, result
            located = scene.run("locate", "PS100001", "--json", *scene.MACHINE)
            (excluded,) = located.json["excluded"]
            assert excluded["code"] == "CLOUD_NOT_ALLOWED", located
            assert origin.split(",")[0] in excluded["reason"], located
            assert "AllowCloudDP is False (%s" % origin in scene.log_text()
            assert "Azure" not in scene.log_text()
        try:
            raise AssertionError("DNS was asked: %r" % silent.recv(512))
        except BlockingIOError:
            pass
    scene.options = []
    server = BlobServer(scene)
    server.blobs["content-ps100001/setup.exe"] = (content.files["setup.exe"], None)
    rows = cloud_rows(server.url, [content], None)
    rows.append(plain_in_cloud(content))
    scene.policy(content, [], extra=rows)
    assert scene.get().code == 0 and server.asked


def plain_in_cloud(content, flags=1 << 23):
    return instance("SMS_Package", PackageID=content.id, Name="Content " + content.id,
                    SourceVersion=content.version, PkgFlags=flags)


def test_plain(scene):
    """Blobs without encryption data: only where policy says so; from a public container without any
    token."""
    content = scene.content({"setup.exe": filler(5 * MIB), "empty": b""})
    azurite = scene.keep(Azurite(scene))
    box = container_of(content.id)
    azurite.make_container(box, public=True)
    for name, data in content.files.items():
        azurite.put(box, name, data, scene, plain=True)
    rows = cloud_rows(azurite.url, [content], None)
    scene.policy(content, [], extra=rows)
    result = scene.get()
    assert result.code == 1 and "has no encryption data" in result.message, result
    assert not scene.has(content)
    scene.policy(content, [], extra=[*rows, plain_in_cloud(content)])
    result = scene.get()
    assert result.code == 0 and scene.has(content), result


def certificate(scene, *names, folder="tls"):
    """Of these names ("IP:" before an address), from an authority of its own; authority, certificate
    and key."""
    alternatives = [name if name.startswith("IP:") else "DNS:" + name for name in names]
    scene.write(folder + "/extensions", "subjectAltName=" + ",".join(alternatives))
    folder = scene.path(folder)
    made = ["ca.pem", "ca.key", "cert.pem", "key.pem", "request.pem", "extensions"]
    ca, ca_key, cert, key, request, extensions = (os.path.join(folder, name) for name in made)
    for command in (
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", "/CN=Test authority", "-keyout", ca_key, "-out", ca],
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=" + names[0], "-keyout", key, "-out", request],
            ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
             "-days", "2", "-extfile", extensions, "-out", cert]):
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    return ca, cert, key


ZONE = """$ORIGIN contoso.test.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
%s"""


def zone_server(scene, *records, folder="nsd"):
    """NSD with contoso.test holding these records, and the other zones of tests/dns."""
    return scene.keep(Nsd(scene.path(folder), ZONE % "\n".join(records)))


def test_service_name(scene):
    """Over HTTPS by a CNAME: the address is the storage host's, the certificate the service name's;
    one for another name is refused."""
    content = scene.content({"setup.exe": filler(100000)})
    authority, cert, key = certificate(scene, CLOUD)
    azurite = scene.keep(Azurite(scene, (cert, key)))
    nsd = zone_server(scene, "clouddp CNAME clouddp.blob", "clouddp.blob A 127.0.0.1")
    box = container_of(content.id)
    scene.settings(dnsServers=[nsd.server], caFile=authority)
    fill_over_tls(azurite, scene, content, authority)
    scene.policy(content, [], extra=cloud_rows(azurite.by_name(), [content], sas(box)))
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    chain = "Resolved %s -> clouddp.blob.contoso.test -> 127.0.0.1 (this machine itself)" % CLOUD
    assert scene.log_text().count(chain) == 1, scene.log_text()
    scene.cache = scene.path("cache2")
    scene.policy(content, [], extra=cloud_rows(azurite.by_name("clouddp.blob.contoso.test"),
                                               [content], sas(box)))
    result = scene.get()
    assert result.code == 1 and "certificate" in result.message, result


def fill_over_tls(azurite, scene, content, authority):
    context = ssl.create_default_context(cafile=authority)
    context.check_hostname = False
    box = container_of(content.id)
    url = azurite.url + "/" + box
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                         urllib.request.HTTPSHandler(context=context))

    def put(url, body, **headers):
        request = urllib.request.Request(url, data=body, method="PUT", headers={
            "x-ms-version": "2021-08-06",
            **{name.replace("_", "-"): value for name, value in headers.items()}})
        opener.open(request).read()

    put(url + "?restype=container&" + account_sas(), b"")
    for name, data in content.files.items():
        sealed, metadata = seal(scene, data)
        put("%s/%s?%s" % (url, name, account_sas()), sealed, x_ms_blob_type="BlockBlob",
            x_ms_meta_encryptiondata=metadata)


def seal(scene, data, key=KEY, **options):
    """What the independent script makes of it: bytes and encryption data."""
    plain, out = scene.write("seal-plain", data), scene.path("sealed")
    metadata = Azurite.script("seal", key, plain, out, json.dumps(options)).decode()
    with open(out, "rb") as file:
        return file.read(), metadata


def test_fallback(scene):
    """The on-premises DPs are down: the cloud serves what `publish` put there after the minutes that
    policy says, and not before."""
    content = scene.content({"setup.exe": filler(300000), "sub/small": b"small"})
    publisher = Publisher(scene)
    publisher.fill(content.files)
    assert publisher.publish(3).code == 0
    azurite, box = publisher.azurite, publisher.box
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        port = dead.getsockname()[1]
    group = [instance("SMS_BoundaryGroup", GroupID=16777221, Name="Cloud", Flags=0),
             instance("SMS_BoundaryGroupRelationships", SourceGroupID=16777220,
                      DestinationGroupID=16777221, FallbackDP=20)]
    rows = cloud_rows(azurite.url, [content], sas(box), group=16777221)
    scene.policy(content, [DP("dp1.contoso.test", "http://127.0.0.1:%d/x" % port)],
                 extra=[*group, *rows])
    result = scene.get()
    assert result.code == 1 and result.json["nextMinute"] == 20, result
    result = scene.get("--at=20")
    assert result.code == 0 and scene.has(content), result
    by_dp = {source["dp"]: source for source in result.json["sources"]}
    assert by_dp[CLOUD]["bytes"] == content.size, result
    assert by_dp["dp1.contoso.test"]["errors"], result


def test_mdm(scene):
    """An MDM distribution point is a cloud DP of another name."""
    content = scene.content({"setup.exe": filler(1000)})
    azurite = scene.keep(Azurite(scene))
    box = fill(azurite, scene, content)
    scene.policy(content, [], extra=cloud_rows(azurite.url, [content], sas(box), kind="mdm",
                                               allow=False))
    located = scene.run("locate", "PS100001", "--json", *scene.MACHINE)
    assert located.json["excluded"][0]["code"] == "CLOUD_NOT_ALLOWED", located
    scene.policy(content, [], extra=cloud_rows(azurite.url, [content], sas(box), kind="mdm"))
    located = scene.run("locate", "PS100001", "--json", *scene.MACHINE)
    assert located.json["locations"][0]["kind"] == "mdm", located
    assert located.json["locations"][0]["locality"] == "CLOUD", located
    assert scene.get().code == 0 and scene.has(content)


def test_names_of_accounts(scene):
    """The same blobs by the storage account's own name, which the policy gives as BaseURL."""
    content = scene.content({"setup.exe": filler(1000)})
    azurite = scene.keep(Azurite(scene))
    box = fill(azurite, scene, content)
    nsd = zone_server(scene, "%s.blob A 127.0.0.1" % ACCOUNT)
    scene.settings(dnsServers=[nsd.server])
    scene.policy(content, [], extra=cloud_rows(azurite.by_name(ACCOUNT + ".blob.contoso.test"),
                                               [content], sas(box)))
    result = scene.get()
    assert result.code == 0 and scene.has(content), result


def test_samples(scene):
    """samples/cloud, filled in as its README says, works: the token by its script, the policy by its
    documents, the record by its zone."""
    samples = os.path.join(ROOT, "samples/cloud")
    content = scene.content({"setup.exe": filler(1000)})
    authority, cert, key = certificate(scene, CLOUD)
    azurite = scene.keep(Azurite(scene, (cert, key)))
    with open(os.path.join(samples, "contoso.test.zone"), encoding="utf-8") as file:
        nsd = scene.keep(Nsd(scene.path("nsd"), file.read()))
    scene.settings(dnsServers=[nsd.server], caFile=authority)
    token = subprocess.run(
        [os.path.join(samples, "azurite-sas"), ACCOUNT, "-", "racwdl", "2037-01-01T00:00:00Z"],
        env={"PATH": PATH, "AZURITE_KEY": ACCOUNT_KEY}, capture_output=True, check=True,
        text=True).stdout.strip()

    def fill_in(name, **values):
        with open(os.path.join(samples, name), encoding="utf-8") as file:
            text = file.read()
        for mark, value in values.items():
            text = text.replace("@%s@" % mark, escape(value))
        path = scene.write("policy/" + name, text)
        os.chmod(path, 0o600)
        return path

    access = fill_in("access.xml", SAS=token, KEY=KEY)
    fill_in("cloud-dp.xml", URL=azurite.by_name())
    result = scene.run("publish", os.path.join(scene.www, content.id), "--content", content.id,
                       "--version", "3", "--container",
                       azurite.by_name() + "/content-ps100001", "--access", access, "--out",
                       scene.path("policy/content.xml"), policy=False)
    assert result.code == 0, result
    scene.limit_cache()
    machine = ["--set", "address=10.20.1.57/24"]
    located = scene.run("locate", content.id, "--json", "--at", "20", *machine)
    (location,) = located.json["locations"]
    assert location["dp"] == CLOUD and location["afterMinutes"] == 20, located
    result = scene.run("get", content.id, "--json", "--at", "20", *machine, *scene.places())
    assert result.code == 0 and scene.has(content), result
    fill_in("forbid.xml")
    located = scene.run("locate", content.id, "--json", "--at", "20", *machine)
    assert located.json["excluded"][0]["code"] == "CLOUD_NOT_ALLOWED", located
