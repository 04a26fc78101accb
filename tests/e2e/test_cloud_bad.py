"""What a blob service, its blobs and the tokens for it may be, and what comes of each; of every row
a twin that is right."""

import email.utils
import json
import time
import zlib

import fault_azure
import folder_hash
from azure import KEY, cloud_rows, sas
from fault_azure import BlobServer
from harness import filler
from test_cloud import plain_in_cloud, seal, zone_server

BOX = "content-ps100001/"
REGION = 1000
SEALED = REGION + 28
SIZE = 10 * REGION + 500
TOKEN = sas("content-ps100001")


def sealed_content(scene, server, size=SIZE, **options):
    """One file, sealed in regions of REGION bytes unless the options say otherwise."""
    content = scene.content({"setup.exe": filler(size, 1)})
    ways = {"protocol": "2.1", "region": REGION, **options}
    server.blobs[BOX + "setup.exe"] = seal(scene, content.files["setup.exe"], **ways)
    return content


def use(scene, server, content, token=TOKEN, **options):
    scene.policy(content, [], extra=cloud_rows(server.url, [content], token, **options))


def data(**changes):
    """Encryption data with something wrong in it: what is None is left out."""
    right = {"EncryptionAgent": {"Protocol": "2.1", "EncryptionAlgorithm": "AES_GCM_256"},
             "EncryptedRegionInfo": {"DataLength": REGION, "NonceLength": 12},
             "WrappedContentKey": {"Algorithm": "A256KW", "KeyId": "key1",
                                   "EncryptedKey": "A" * 64}}
    right.update(changes)
    return json.dumps({name: value for name, value in right.items() if value is not None})


def region_info(length, nonce=12):
    return data(EncryptedRegionInfo={"DataLength": length, "NonceLength": nonce})


BAD_BLOBS = [
    ({"swap": [2, 5]}, "HASH"),
    ({"drop": 3, "append": True}, "declares"),
    ({"repeat": 3}, "has a region twice"),
    ({"cut": 10}, "declares"),
    ({"cut": SEALED}, "declares"),
    ({"flip": 5 * SEALED + 100}, "tag is wrong"),
    ({"flip": 5 * SEALED + 3}, "tag is wrong"),
    ({"flip": 6 * SEALED - 1}, "tag is wrong"),
    ({"prefix": "2.0"}, "made for another protocol"),
    ({"metadata": None}, "has no encryption data"),
    ({"metadata": "{"}, "no JSON object"),
    ({"metadata": "[]"}, "no JSON object"),
    ({"metadata": '"2.0"'}, "no JSON object"),
    ({"metadata": "{}"}, "a version that is not known"),
    ({"metadata": data(EncryptionAgent={"Protocol": "1.0"})}, "gave up for a weakness"),
    ({"metadata": data(EncryptionAgent={"Protocol": "3.0"})}, "a version that is not known"),
    ({"metadata": data(EncryptionAgent={"Protocol": "2.1"})}, "another algorithm"),
    ({"metadata": region_info(0)}, "absurd region length"),
    ({"metadata": region_info(-1)}, "absurd region length"),
    ({"metadata": region_info(1 << 62)}, "absurd region length"),
    ({"metadata": region_info((64 << 20) + 1)}, "absurd region length"),
    ({"metadata": region_info("1000")}, "absurd region length"),
    ({"metadata": region_info(1000, nonce=16)}, "nonce length"),
    ({"metadata": data(EncryptedRegionInfo=None)}, "nonce length"),
    ({"protocol": "2.0"}, "absurd region length"),
    ({"metadata": data(WrappedContentKey=None)}, "not by A256KW"),
    ({"metadata": data(WrappedContentKey={"Algorithm": "RSA-OAEP"})}, "not by A256KW"),
    ({"metadata": data(WrappedContentKey={"Algorithm": "A256KW", "EncryptedKey": "AAAA"})},
     "wrapped key is none"),
    ({"metadata": data()}, "another key than the policy has"),
    ({"metadata": '{"x":"%s"}' % ("x" * 2100)}, "too long"),
    ({"metadata": '{"x":"%s"}' % ("x" * 3000)}, "too long"),
]


def test_blobs(scene):
    """Whatever is done to a blob: nothing of it is kept, and the message says what is wrong. The
    same blob as it was sealed is taken right after."""
    server = BlobServer(scene)
    content = sealed_content(scene, server)
    good = server.blobs[BOX + "setup.exe"]
    use(scene, server, content)
    for number, (options, words) in enumerate(BAD_BLOBS):
        scene.cache = scene.path("cache%d" % number)
        server.blobs[BOX + "setup.exe"] = seal(
            scene, content.files["setup.exe"],
            **{"protocol": "2.1", "region": REGION, **options})
        server.asked.clear()
        result = scene.get()
        assert result.code == 1 and server.asked, (options, str(result))
        told = result.message + json.dumps(result.json["sources"])
        assert words.lower() in told.lower(), (options, str(result))
        assert not scene.has(content)
        if number % 7 == 0:
            server.blobs[BOX + "setup.exe"] = good
            assert scene.get().code == 0 and scene.has(content), options


def test_keys(scene):
    """No key, another key, another name of the key, a key that is none."""
    server = BlobServer(scene)
    content = sealed_content(scene, server)
    other = KEY[:-1] + "0"
    for key, words in ((None, "the policy has no key"), (other, "another key than the policy"),
                       (KEY, None)):
        use(scene, server, content, key=key)
        result = scene.get()
        assert (result.code == 0) == (words is None), result
        if words:
            assert words in json.dumps(result.json["sources"]), result
    for key in ("00", "x" * 64, "A" * 44):
        use(scene, server, content, key=key)
        result = scene.get()
        assert result.code == 3 and "NP_CloudAccess.Key is neither" in result.message, result
        assert key not in result.message or key == "00"


def test_tokens(scene):
    """A token that ended is not tried; one that ends soon, or begins later, is said so; one that is
    none is refused; a query that is none does not come into a URL."""
    server = BlobServer(scene)
    content = sealed_content(scene, server)

    def at(hours):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + hours * 3600))

    rows = [(sas("x", end=at(-1)), 1, "SAS of the policy ended at"),
            (sas("x", end=at(-1)[:16] + "Z"), 1, "SAS of the policy ended at"),
            (sas("x", end="2020-01-01"), 1, "SAS of the policy ended at 2020-01-01T00:00:00Z"),
            (sas("x", end=at(2)), 0, "SAS of the policy ends at"),
            (sas("x", start=at(2)), 0, "is the clock right?"),
            (sas("x", start=at(-2)), 0, None),
            (sas("x", end="soon"), 1, "SAS of the policy is none"),
            ("sv=2021-08-06&sp=r", 1, "SAS of the policy is none"),
            ("?" + sas("x"), 0, None)]
    for number, (token, code, words) in enumerate(rows):
        scene.cache = scene.path("cache%d" % number)
        use(scene, server, content, token=token)
        server.asked.clear()
        before = len(scene.log_text())
        result = scene.get()
        assert result.code == code, (token, str(result))
        assert bool(server.asked) == (code == 0), token
        told = json.dumps(result.json["sources"]) + scene.log_text()[before:]
        assert words is None or words in told, (token, told)
        assert ("SAS of the policy" in told) == (words is not None), (token, told)
    for token in ("sv=1 &sig=x", "sv=1\n&sig=x", "sv=1#sig=x", "a" * 2049):
        use(scene, server, content, token=token)
        result = scene.get()
        assert result.code == 3 and "NP_CloudAccess.SasToken" in result.message, result


def test_denials(scene):
    """What Azure says of a refusal is read and shown, from its header and from its page; the clock
    is named where it is that; a token in a page is never shown."""
    server = BlobServer(scene)
    content = sealed_content(scene, server)
    use(scene, server, content)
    signature = TOKEN.split("sig=")[1].split("&")[0]
    ahead = email.utils.formatdate(time.time() - 7200, usegmt=True)
    rows = [
        (403, "AuthenticationFailed", "Server failed to authenticate.", [], True,
         ["403 AuthenticationFailed: Server failed to authenticate.", "does not accept the SAS"]),
        (403, "AuthorizationFailure", "No.", [], False, ["403 AuthorizationFailure: No."]),
        (403, "AuthenticationFailed", "Signature %s is wrong" % signature, [], True,
         ["(a message that repeats a token)"]),
        (403, "AuthenticationFailed", "of ?sv=1&sig=abc", [], True,
         ["(a message that repeats a token)"]),
        (403, "AuthenticationFailed", "Not yet.", [("Date", ahead)], True,
         ["clock is 120 minutes ahead of the server's"]),
        (404, "ContainerNotFound", "No such container.", [], True, ["404 ContainerNotFound"]),
        (404, "\x1b[31m", "escape \x7f it", [], False, ["404"]),
        (409, "BlobArchived", "x" * 100000, [], True, ["409 BlobArchived: xxxx"]),
    ]
    for status, code, message, headers, header, words in rows:
        def deny(handler):
            if headers:
                handler.date_time_string = lambda timestamp=None: headers[0][1]
            fault_azure.refuse(handler, status, code, message, header=header)
            return True
        server.instead = deny
        result = scene.get()
        told = result.message + json.dumps(result.json["sources"]) + scene.log_text()
        assert result.code == 1, result
        for word in words:
            assert word in told, (word, told[-3000:])
        assert signature not in told and "sig=abc" not in told, told
    server.instead = None
    assert scene.get().code == 0


def test_throttled(scene):
    """503 and 429 with Retry-After are waited for; a source that goes on so is left."""
    server = BlobServer(scene)
    content = sealed_content(scene, server)
    use(scene, server, content)
    for status, code in ((503, "ServerBusy"), (429, "TooManyRequests")):
        scene.cache = scene.path("cache%d" % status)
        server.asked.clear()

        def busy(handler):
            if handler.record["nth"] > 1:
                return False
            fault_azure.refuse(handler, status, code, "Busy.", ("Retry-After", "1"))
            return True
        server.instead = busy
        result = scene.get()
        assert result.code == 0, result
        first, second = server.asked
        assert second["time"] - first["time"] > 0.7, server.asked
        assert code in scene.log_text()


def test_secret_over_http(scene):
    """A token goes over http to this machine only, whatever the name says; without a token anybody
    may be asked."""
    content = scene.content({"setup.exe": b"plain"})
    nsd = zone_server(scene, "clouddp A 192.0.2.1", "here A 127.0.0.1", "both A 127.0.0.1",
                      "both A 192.0.2.1")
    server = BlobServer(scene)
    server.blobs[BOX + "setup.exe"] = (b"plain", None)
    scene.settings(dnsServers=[nsd.server])

    def get(name, token):
        rows = cloud_rows("http://%s:%d" % (name, server.port), [content], token)
        scene.policy(content, [], extra=[*rows, plain_in_cloud(content)])
        return scene.get()

    for name in ("clouddp.contoso.test", "192.0.2.1", "both.contoso.test"):
        result = get(name, TOKEN)
        assert result.code == 1 and "goes over https only" in str(result.json["sources"]), result
    assert not server.asked
    scene.settings(dnsServers=[nsd.server], proxy="http://127.0.0.1:%d" % server.port)
    result = get("clouddp.contoso.test", TOKEN)
    assert result.code == 1 and "goes over https only" in str(result.json["sources"]), result
    assert not server.asked
    scene.settings(dnsServers=[nsd.server])
    assert get("here.contoso.test", TOKEN).code == 0


def test_redirects(scene):
    """The token does not follow a redirect to another host."""
    server, other = BlobServer(scene), BlobServer(scene, "127.0.0.2")
    content = sealed_content(scene, server)
    other.blobs = dict(server.blobs)
    use(scene, server, content)

    def lead_away(handler):
        fault_azure.give(handler, 302, "", ("Location", other.url + "/" + BOX + "setup.exe"))
        return True
    server.instead = lead_away
    assert scene.get().code == 0
    (asked,) = other.asked
    assert "sig" not in asked["query"], asked


def folder_only(scene, server, content, hash_text):
    rows = cloud_rows(server.url, [content], TOKEN)
    scene.policy(content, [], extra=rows, hashes={content.id: hash_text})


def test_listing(scene):
    """A content known by its folder hash: its container is listed, page by page, and only then. What
    a list may say that is wrong."""
    server = BlobServer(scene)
    content = scene.content({"f%02d" % i: filler(100 + 300 * i, i) for i in range(12)})
    for name, plain in content.files.items():
        server.blobs[BOX + name] = seal(scene, plain, protocol="2.1", region=REGION)
    server.blobs[BOX + ".nearpoint/content.xml"] = (b"x", None)
    server.page = 5
    digest = folder_hash.folder_hash(content.files)
    folder_only(scene, server, content, digest)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert result.json["verifiedBy"] == "folderHash", result
    lists = [row for row in server.asked if "comp=list" in row["query"]]
    assert len(lists) == 3 and all(row["version"] for row in server.asked), lists
    assert "List Blobs" in scene.log_text()

    rows = "".join(fault_azure.row(name[len(BOX):], *blob) for name, blob in server.blobs.items())
    one = server.blobs[BOX + "f00"]

    def listed(text, marker=""):
        def answer(handler):
            if "comp" not in handler.query:
                return False
            fault_azure.give_list(handler, text, marker)
            return True
        return answer

    def circle(length):
        """Pages without a name that lead back to one before."""
        def answer(handler):
            if "comp" not in handler.query:
                return False
            page = int(handler.query.get("marker", ["0"])[0])
            fault_azure.give_list(handler, "", str(page + 1 if page < length + 4 else 5))
            return True
        return answer

    def raw(text):
        def answer(handler):
            fault_azure.give(handler, 200, text)
            return True
        return answer

    bad = [
        (listed(rows, "again"), "was there before"),
        (circle(1), "was there before"),
        (circle(2), "was there before"),
        (circle(3), "was there before"),
        (circle(7), "was there before"),
        (listed(rows + fault_azure.row("../x", *one)), "lists '../x'"),
        (listed(rows + fault_azure.row("/x", *one)), "lists '/x'"),
        (listed(rows + fault_azure.row("a\\b", *one)), "which"),
        (listed(rows + fault_azure.row("F00", *one)), "one name on Windows"),
        (listed(rows + fault_azure.row("f00/x", *one)), "below a file"),
        (listed(rows + fault_azure.row("plain", b"x", None)), "has no encryption data"),
        (listed(rows + fault_azure.row("odd", one[0], one[1], size=SEALED + 5)),
         "a length that no encrypted blob has"),
        (listed(rows + fault_azure.row("neg", one[0], one[1], size=-1)), "without a length"),
        (listed("<Blob><Name></Name></Blob>"), "without a name"),
        (listed("<Blob><Name>x</Name></Blob>"), "without a length"),
        (listed("<Blob>"), "malformed"),
        (raw("<html/>"), "something else than a list"),
        (raw("no XML"), "malformed"),
        (raw('<!DOCTYPE x [<!ENTITY y "z">]><EnumerationResults/>'), "malformed"),
    ]
    for number, (answer, words) in enumerate(bad):
        scene.cache = scene.path("bad%d" % number)
        server.instead = answer
        result = scene.get()
        told = str(result.message) + json.dumps(result.json["sources"])
        assert result.code == 1 and words in told, (words, str(result))
    server.instead = listed(rows)
    scene.cache = scene.path("good")
    assert scene.get().code == 0


def test_manifest_is_enough(scene):
    """With a manifest the container is never listed."""
    server = BlobServer(scene)
    content = sealed_content(scene, server)
    use(scene, server, content)
    assert scene.get().code == 0
    assert [row["path"] for row in server.asked] == [BOX + "setup.exe"]
    assert "comp" not in server.asked[0]["query"]


def test_another_version(scene):
    """A blob that changed while it was read is begun anew, by If-Match."""
    server = BlobServer(scene)
    size = 9 << 20
    content = sealed_content(scene, server, size, protocol="2.0", region=4 << 20)
    old = seal(scene, content.files["setup.exe"])
    new = server.blobs[BOX + "setup.exe"]
    use(scene, server, content)

    def cut_first(handler):
        if handler.record["nth"] > 1:
            server.blobs[BOX + "setup.exe"] = new
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(old[0])))
        handler.send_header("ETag", '"old"')
        handler.send_header("x-ms-meta-encryptiondata", old[1])
        handler.end_headers()
        handler.wfile.write(old[0][:5 << 20])
        handler.close_connection = True
        return True
    server.instead = cut_first
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert [row["ifMatch"] for row in server.asked] == [None, '"old"', None], server.asked
    assert [row["range"] for row in server.asked][::2] == [None, None], server.asked


def test_region_boundaries(scene):
    """A connection that is cut is resumed where a region begins, of any length; no region that was
    whole comes again."""
    for number, (protocol, region) in enumerate((("2.0", 4 << 20), ("2.1", 1 << 20),
                                                 ("2.1", 3000))):
        server = BlobServer(scene)
        scene.cache = scene.path("cache%d" % number)
        content = sealed_content(scene, server, 10 << 20, protocol=protocol, region=region)
        use(scene, server, content)
        sealed = region + 28

        def cut_first(handler):
            if handler.record["nth"] > 1:
                return False
            body, metadata = server.blobs[BOX + "setup.exe"]
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.send_header("ETag", '"0x%08X"' % zlib.crc32(body))
            handler.send_header("x-ms-meta-encryptiondata", metadata)
            handler.end_headers()
            handler.wfile.write(body[:6 << 20])
            handler.close_connection = True
            return True
        server.instead = cut_first
        result = scene.get()
        assert result.code == 0 and scene.has(content), result
        start = int(server.asked[1]["range"][6:].rstrip("-"))
        assert start % sealed == 0 and (6 << 20) - start < sealed, (region, server.asked)
        assert server.asked[1]["ifMatch"], server.asked
        assert result.json["bytesFromNetwork"] == content.size, result


def test_too_many_regions(scene):
    """A region length with which a blob would have more regions than are borne is refused before any
    byte; one byte more a region is fine."""
    server = BlobServer(scene)
    content = scene.content({"setup.exe": filler((1 << 20) + 1, 1)})
    body, metadata = seal(scene, content.files["setup.exe"], protocol="2.1", region=1 << 16)
    use(scene, server, content)
    said = json.loads(metadata)
    for region, refused in ((1, True), (2, False)):
        said["EncryptedRegionInfo"]["DataLength"] = region
        server.blobs[BOX + "setup.exe"] = (body, json.dumps(said))
        result = scene.get()
        told = json.dumps(result.json["sources"])
        assert result.code == 1 and ("absurd region length" in told) == refused, told
    server.blobs[BOX + "setup.exe"] = (body, metadata)
    assert scene.get().code == 0


def test_regions_that_never_agree(scene):
    """A service that says another region length with each answer is left, not asked for ever."""
    server = BlobServer(scene)
    content = sealed_content(scene, server, 6 << 20, protocol="2.1", region=1 << 20)
    body, metadata = server.blobs[BOX + "setup.exe"]
    use(scene, server, content)

    def lie(handler):
        nth = handler.record["nth"]
        if nth == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.send_header("ETag", '"0x%08X"' % zlib.crc32(body))
            handler.send_header("x-ms-meta-encryptiondata", metadata)
            handler.end_headers()
            handler.wfile.write(body[:3 << 20])
            handler.close_connection = True
            return True
        said = json.loads(metadata)
        said["EncryptedRegionInfo"]["DataLength"] = (1 << 20) + nth
        server.give(handler, body, json.dumps(said))
        return True
    server.instead = lie
    result = scene.get()
    assert result.code == 1, result
    assert "another region length with each answer" in json.dumps(result.json["sources"]), result
    assert len(server.asked) < 10, len(server.asked)


def test_endless_list(scene):
    """A list that always has one more page, with a marker of its own, comes to an end."""
    server = BlobServer(scene)
    content = scene.content({"setup.exe": b"x"})
    folder_only(scene, server, content, folder_hash.folder_hash(content.files))

    def more(handler):
        page = int(handler.query.get("marker", ["0"])[0])
        fault_azure.give_list(handler, "", str(page + 1))
        return True
    server.instead = more
    result = scene.get()
    assert result.code == 1, result
    assert "more than 2000 pages" in json.dumps(result.json["sources"]), result
    assert len(server.asked) == 2000, len(server.asked)
