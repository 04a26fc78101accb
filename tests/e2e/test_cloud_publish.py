"""publish --container: what is uploaded, what is not, and what is refused; against Azurite, and read
by a script that shares no code with nearpoint."""

import fcntl
import json
import os
import random
import re
import signal
import subprocess

import fault_azure
from azure import CLOUD, KEY, Azurite, account_sas, cloud_rows, container_of, nal, sas
from fault_azure import BlobServer
from harness import SCALE, document, filler, instance, slow, threads

MIB = 1 << 20


class Publisher:
    """A folder, a container, and the private document with its token."""

    def __init__(self, scene, url=None, token=None, key=KEY):
        self.scene = scene
        self.azurite = None if url else scene.keep(Azurite(scene))
        self.box = container_of("PS100001")
        self.url = (url or self.azurite.url) + "/" + self.box
        self.folder = scene.path("source")
        self.access = self.write_access(token or account_sas(), key)

    def write_access(self, token, key=KEY, mode=0o600, name="access.xml"):
        path = self.scene.write(name, document([
            instance("NP_CloudAccess", NALPath=nal(CLOUD), SasToken=token, KeyID="key1", Key=key)]))
        os.chmod(path, mode)
        return path

    def fill(self, files):
        subprocess.run(["rm", "-rf", self.folder], check=True)
        os.makedirs(self.folder)
        for name, data in files.items():
            self.scene.write("source/" + name, data)

    def arguments(self, version, *more):
        return ["publish", self.folder, "--content", "PS100001", "--version", str(version),
                "--container", self.url, "--access", self.access, "--out",
                self.scene.path("out/content.xml"), *more]

    def publish(self, version, *more, **options):
        return self.scene.run(*self.arguments(version, *more), policy=False, **options)

    def blobs(self):
        text, _ = self.azurite.request(self.box, query="restype=container&comp=list")
        return set(re.findall("<Name>([^<]*)</Name>", text.decode()))


FILES = {"setup.exe": filler(9 * MIB + 5, 1), "empty": b"", "small.txt": b"small",
         "exact": filler(4 * MIB, 2), "sub dir/a+b & c%20#1.txt": b"awkward"}


@threads
def test_round_trip(scene):
    """What is published, an independent script reads; get reads it too, by the document that publish
    wrote, and a machine whose policy has no key does not."""
    publisher = Publisher(scene)
    publisher.fill(FILES)
    result = publisher.publish(3, "--json")
    assert result.code == 0 and result.json["result"] == "published", result
    assert result.json["container"]["uploaded"] == len(FILES), result
    for name, data in FILES.items():
        assert publisher.azurite.get(publisher.box, name) == data, name
    assert publisher.blobs() == {*(name.replace("&", "&amp;") for name in FILES),
                                 ".nearpoint/content.xml"}
    content = scene.content(FILES)
    rows = cloud_rows(publisher.azurite.url, [content], sas(publisher.box))
    scene.write("policy/cloud.xml", document(rows, policy_id="{1}"))
    scene.write("policy/site.xml", document([
        instance("SMS_Boundary", BoundaryID=16777217, BoundaryType=3,
                 Value="10.1.2.1-10.1.2.254"),
        instance("SMS_BoundaryGroup", GroupID=16777220, Name="Office", Flags=0),
        instance("SMS_BoundaryGroupMembers", GroupID=16777220, BoundaryID=16777217)],
        policy_id="{2}"))
    scene.limit_cache()
    with open(scene.path("out/content.xml"), encoding="utf-8") as file:
        text = file.read()
    assert KEY not in text and "sig=" not in text
    scene.write("policy/content.xml", text)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result


def test_only_what_changed(scene):
    """A new version uploads what changed, removes what went, and touches nothing else; the same
    version with the same bytes uploads nothing."""
    publisher = Publisher(scene)
    publisher.fill(FILES)
    assert publisher.publish(3).code == 0
    result = publisher.publish(3, "--json")
    assert result.json["result"] == "unchanged", result
    assert result.json["container"]["uploaded"] == 0, result
    files = {**FILES, "small.txt": b"other", "new": b"new"}
    del files["exact"]
    publisher.fill(files)
    result = publisher.publish(4, "--json")
    assert result.code == 0 and result.json["result"] == "replaced", result
    counts = result.json["container"]
    assert (counts["uploaded"], counts["removed"], counts["bytesUploaded"]) == (2, 1, 8), result
    for name, data in files.items():
        assert publisher.azurite.get(publisher.box, name) == data, name
    assert "exact" not in publisher.blobs()


def test_refusals(scene):
    """Other bytes under the same version, a lower one, another content, blobs that are nobody's: each
    is refused and changes nothing; --replace replaces."""
    publisher = Publisher(scene)
    publisher.fill({"a": b"1", "b": b"2"})
    assert publisher.publish(3).code == 0
    publisher.fill({"a": b"1", "b": b"3"})
    for version, code, words in ((3, "OTHER_BYTES", "'b' has other bytes there"),
                                 (2, "LOWER_VERSION", "version 3 stands there")):
        result = publisher.publish(version, "--json")
        assert result.code == 1 and words in result.message, result
        assert result.json["error"]["code"] == code, result
        assert publisher.azurite.get(publisher.box, "b") == b"2"
    other = [arg.replace("PS100001", "PS100002") if arg == "PS100001" else arg
             for arg in publisher.arguments(3)]
    result = scene.run(*other, policy=False)
    assert result.code == 1 and "another content stands there" in result.message, result
    assert publisher.publish(3, "--replace").code == 0
    assert publisher.azurite.get(publisher.box, "b") == b"3"
    publisher.azurite.make_container("content-foreign")
    publisher.azurite.put("content-foreign", "x", b"y", scene)
    foreign = [arg.replace(publisher.box, "content-foreign") for arg in publisher.arguments(3)]
    result = scene.run(*foreign, policy=False)
    assert result.code == 1 and "nearpoint did not publish" in result.message, result
    assert publisher.azurite.get("content-foreign", "x") == b"y"
    assert scene.run(*foreign, "--replace", policy=False).code == 0
    assert b"<Name>x</Name>" not in publisher.azurite.request(
        "content-foreign", query="restype=container&comp=list")[0]


def test_command_line(scene):
    """A URL with a query, a missing half, a document that others may read or that lacks what it
    takes; no secret is repeated."""
    publisher = Publisher(scene, url="http://127.0.0.1:1/x")
    publisher.fill({"a": b"1"})
    right = publisher.arguments(3)

    def run(change, code, words):
        args = [change.get(arg, arg) for arg in right]
        result = scene.run(*[arg for arg in args if arg is not None], policy=False)
        assert result.code == code and words in result.message, (change, str(result))
        assert "SECRET" not in result.err and KEY not in result.err, result

    run({publisher.url: publisher.url + "?sv=1&sig=SECRET"}, 2, "without a query")
    run({publisher.url: "ftp://x/y"}, 2, "http or https URL of a container")
    run({publisher.url: "http://x"}, 2, "http or https URL of a container")
    run({publisher.url: "http://u:SECRET@x/y"}, 2, "http or https URL of a container")
    run({"--access": None, publisher.access: None}, 2, "go together")
    run({publisher.access: scene.path("none.xml")}, 3, "none.xml")
    run({publisher.access: publisher.write_access("sig=SECRET", mode=0o644, name="open.xml")}, 3,
        "others may read it")
    run({publisher.access: publisher.write_access("sig=SECRET", key=None, name="b.xml")}, 3,
        "has no Key")
    empty = scene.write("empty.xml", document([instance("CCM_X", A=1)]))
    run({publisher.access: empty}, 3, "has no NP_CloudAccess")
    several = scene.write("several.xml", document([
        instance("NP_CloudAccess", NALPath=nal(name), SasToken="sig=SECRET", Key=KEY)
        for name in ("a.contoso.test", "b.contoso.test")]))
    os.chmod(several, 0o600)
    run({publisher.access: several}, 3, "none for this host")


def test_standard_input(scene):
    """--access - reads the document from a pipe; of several the one for the URL's host counts."""
    publisher = Publisher(scene)
    publisher.fill({"a": b"1"})
    text = document([
        instance("NP_CloudAccess", NALPath=nal("other.contoso.test"), SasToken="sig=no", Key=KEY),
        instance("NP_CloudAccess", NALPath=nal("127.0.0.1"), SasToken=account_sas(), Key=KEY)])
    args = [("-" if arg == publisher.access else arg) for arg in publisher.arguments(3)]
    done = subprocess.run(scene.command(*args, policy=False), input=text.encode(),
                          capture_output=True, env=scene.environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert publisher.azurite.get(publisher.box, "a") == b"1"
    done = subprocess.run(scene.command(*args, policy=False), input=text.encode() + b" " * (1 << 20),
                          capture_output=True, env=scene.environment(), check=False)
    assert done.returncode == 3 and b"longer than such a document" in done.stderr, done.stderr


def test_denied(scene):
    """A token that may not write, one that ended, a wrong one."""
    publisher = Publisher(scene)
    publisher.fill({"a": b"1"})
    publisher.azurite.make_container(publisher.box)
    for token, words in ((sas(publisher.box, "rl"), "403"),
                         (account_sas(end="2020-01-01T00:00:00Z"), "ended at"),
                         (account_sas()[:-4] + "AAAA", "403")):
        publisher.access = publisher.write_access(token)
        result = publisher.publish(3)
        assert result.code == 1 and words in result.message, result
        assert "sig=" not in result.message and token[-20:] not in result.message, result
    publisher.access = publisher.write_access(sas(publisher.box, "rwdl"))
    assert publisher.publish(3).code == 0


def test_not_kept(scene):
    """A service that does not keep what it was given is found out, and nothing is said to be
    published."""
    server = BlobServer(scene)
    publisher = Publisher(scene, url=server.url)
    publisher.fill({"a": b"right"})
    publisher.access = publisher.write_access("sv=1&sig=x")
    kept = {}

    def answer(handler):
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length)
        if handler.command == "PUT":
            kept[handler.blob] = (body, handler.headers.get("x-ms-meta-encryptiondata"))
            if not handler.blob.endswith("/a"):
                server.blobs[handler.blob] = kept[handler.blob]
            else:
                spoiled = body[:20] + bytes([body[20] ^ 1]) + body[21:]
                server.blobs[handler.blob] = (spoiled, kept[handler.blob][1])
            fault_azure.give(handler, 201, "")
            return True
        return False
    server.instead = answer
    result = publisher.publish(3)
    assert result.code == 1 and "tag is wrong" in result.message, result
    assert not os.path.exists(scene.path("out/content.xml"))
    assert publisher.box + "/.nearpoint/content.xml" not in server.blobs


def keeps(server, handler, spoil=None, body=None):
    """As a service that keeps what it is given; `spoil` may keep something else."""
    if body is None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    if handler.command == "PUT":
        server.blobs[handler.blob] = (body, handler.headers.get("x-ms-meta-encryptiondata"))
        if spoil:
            spoil(handler.blob)
        fault_azure.give(handler, 201, "")
    elif handler.command == "DELETE":
        server.blobs.pop(handler.blob, None)
        fault_azure.give(handler, 202, "")
    else:
        return False
    return True


def test_mixed_up(scene):
    """A service that gives another blob, whole and rightly sealed, under a name: its bytes tell."""
    server = BlobServer(scene)
    publisher = Publisher(scene, url=server.url)
    publisher.fill({"a": b"right", "b": b"wrong"})
    publisher.access = publisher.write_access("sv=1&sig=x")

    def mix_up(_blob):
        a, b = (publisher.box + "/" + name for name in "ab")
        if a in server.blobs and b in server.blobs:
            server.blobs[a] = server.blobs[b]
    server.instead = lambda handler: keeps(server, handler, mix_up)
    result = publisher.publish(3, "--json")
    assert result.code == 1 and result.json["error"]["code"] == "CORRUPT", result
    assert "'a' was uploaded and reads back as other bytes" in result.message, result
    assert publisher.box + "/.nearpoint/content.xml" not in server.blobs
    server.instead = lambda handler: keeps(server, handler)
    assert publisher.publish(3).code == 0


def test_changed_meanwhile(scene):
    """A file that changes while the others go out: nothing is said to be published."""
    server = BlobServer(scene)
    publisher = Publisher(scene, url=server.url)
    publisher.fill({"a": b"first", "b": b"other"})
    publisher.access = publisher.write_access("sv=1&sig=x")
    server.instead = lambda handler: keeps(
        server, handler, lambda blob: scene.write("source/a", b"second"))
    result = publisher.publish(3, "--json")
    assert result.code == 1 and result.json["error"]["code"] == "CHANGED", result
    assert publisher.box + "/.nearpoint/content.xml" not in server.blobs
    server.instead = lambda handler: keeps(server, handler)
    assert publisher.publish(3).code == 0


def test_unfinished_of_another(scene):
    """What a run of another content left unfinished is nobody's to go on with."""
    server = BlobServer(scene)
    publisher = Publisher(scene, url=server.url)
    publisher.fill({"a": b"1"})
    publisher.access = publisher.write_access("sv=1&sig=x")

    def refuse_record(handler):
        if handler.blob.endswith("/.nearpoint/content.xml"):
            handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
            fault_azure.refuse(handler, 403, "No", "No.")
            return True
        return keeps(server, handler)
    server.instead = refuse_record
    assert publisher.publish(3).code == 1
    assert publisher.box + "/.nearpoint/publishing" in server.blobs
    server.instead = lambda handler: keeps(server, handler)
    other = ["PS100002" if arg == "PS100001" else arg for arg in publisher.arguments(3)]
    result = scene.run(*other, policy=False)
    assert result.code == 1 and "nearpoint did not publish" in result.message, result
    assert publisher.publish(3).code == 0


def uploaded_blocks(publisher):
    """Blocks of setup.exe that the service has and that are in no blob."""
    try:
        text, _ = publisher.azurite.request(publisher.box + "/setup.exe",
                                            query="comp=blocklist&blocklisttype=uncommitted")
    except OSError:
        return 0
    return text.count(b"<Block>")


@slow("twenty runs are killed while they upload, each gone on with by the next")
def test_kill(scene):
    """SIGKILL while blocks go out: no finished block is sent again, the end is whole, and until then
    no record says that it is there."""
    publisher = Publisher(scene)
    size = 160 * MIB // min(SCALE, 2)
    scene.settings(connectionsPerSource=2)  # a kill finds less on its way
    publisher.fill({"setup.exe": filler(size, 3), "small": b"x"})
    blocks = -(-size // (4 * MIB))
    dice, kills, committed = random.Random(20100), 0, False
    for _ in range(20):
        before = uploaded_blocks(publisher)
        process = subprocess.Popen(scene.command(*publisher.arguments(3), policy=False),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=scene.environment())
        wanted = min(blocks - 1, before + dice.randrange(1, 4))
        while process.poll() is None and uploaded_blocks(publisher) < wanted:
            pass
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not alive:
            break
        kills += 1
        blobs = publisher.blobs()
        assert ".nearpoint/content.xml" not in blobs
        # Killed after all blocks were there: they may be a blob by now, and wait no more.
        committed = "setup.exe" in blobs
        assert committed or uploaded_blocks(publisher) >= before
        if committed:
            break
    resumed = uploaded_blocks(publisher)
    result = publisher.publish(3, "--json")
    assert result.code == 0, result
    if committed:
        assert result.json["container"]["bytesUploaded"] <= 1, result
    elif kills and result.json["result"] != "unchanged":
        counts = result.json["container"]
        assert counts["bytesResumed"] >= (resumed - 1) * 4 * MIB, (resumed, counts)
        assert counts["bytesResumed"] + counts["bytesUploaded"] >= size, counts
        assert counts["bytesUploaded"] <= size - (resumed - 1) * 4 * MIB + 1, (resumed, counts)
    print("%d kills; %d of %d blocks stood there before the last run" % (kills, resumed, blocks))
    assert kills >= 3
    with open(os.path.join(publisher.folder, "setup.exe"), "rb") as file:
        assert publisher.azurite.get(publisher.box, "setup.exe") == file.read()
    assert ".nearpoint/publishing" not in publisher.blobs()


def test_changed_after_a_kill(scene):
    """A file that is another one after a kill gets a key of its own: no old block is in it."""
    publisher = Publisher(scene)
    publisher.fill({"setup.exe": filler(40 * MIB, 3)})
    process = subprocess.Popen(scene.command(*publisher.arguments(3), policy=False),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=scene.environment())
    while process.poll() is None and uploaded_blocks(publisher) < 2:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    publisher.fill({"setup.exe": filler(40 * MIB, 4)})
    result = publisher.publish(3, "--json")
    assert result.code == 0 and result.json["container"]["bytesResumed"] == 0, result
    assert publisher.azurite.get(publisher.box, "setup.exe") == filler(40 * MIB, 4)


def test_busy_service(scene):
    """503 and 429 are waited for; a connection that breaks is tried again."""
    server = BlobServer(scene)
    publisher = Publisher(scene, url=server.url)
    publisher.fill({"a": b"right"})
    publisher.access = publisher.write_access("sv=1&sig=x")
    faults = {"PUT": ["503", "cut", "429"], "GET": ["503", "cut"], "DELETE": ["503"]}

    def answer(handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if faults[handler.command]:
            fault = faults[handler.command].pop(0)
            if fault == "cut":
                handler.connection.close()
                return True
            fault_azure.refuse(handler, int(fault), "ServerBusy", "Busy.")
            return True
        return keeps(server, handler, body=body)
    server.instead = answer
    result = publisher.publish(3)
    assert result.code == 0 and not any(faults.values()), (str(result), faults)
    assert json.dumps(sorted(server.blobs)) == json.dumps(
        [publisher.box + "/.nearpoint/content.xml", publisher.box + "/a"])


def test_mdm(scene):
    """--mdm: staged below SMS_OCM_DATACACHE, encrypted below SoftwarePublishing, which is empty
    afterwards, a state message in auth/incoming, and two logs of a site; a failure is told there
    too."""
    publisher = Publisher(scene)
    publisher.fill(FILES)
    result = publisher.publish(3, "--mdm", "--json", *scene.places())
    assert result.code == 0 and result.json["container"]["uploaded"] == len(FILES), result
    state = scene.path("state")
    for name, data in FILES.items():
        assert publisher.azurite.get(publisher.box, name) == data, name
        with open(os.path.join(state, "SMS_OCM_DATACACHE/PS100001.3", name), "rb") as file:
            assert file.read() == data
    assert os.listdir(os.path.join(state, "SoftwarePublishing")) == []
    (message,) = os.listdir(os.path.join(state, "auth/incoming"))
    with open(os.path.join(state, "auth/incoming", message), encoding="utf-8") as file:
        said = json.load(file)
    assert (said["package"], said["version"], said["result"]) == ("PS100001", 3, "success"), said
    assert said["dp"] == publisher.url and said["bytes"] == sum(map(len, FILES.values())), said
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said["time"]), said
    for log, component in (("DistMgr.log", "SMS_DISTRIBUTION_MANAGER"),
                           ("OutgoingContentManager.log", "SMS_OUTGOING_CONTENT_MANAGER")):
        with open(scene.path("logs/" + log), encoding="utf-8") as file:
            text = file.read()
        assert 'component="%s"' % component in text and "PS100001" in text, text
    publisher.access = publisher.write_access(sas(publisher.box, "rl"))
    publisher.fill({"other": b"1"})
    scene.write("state/SoftwarePublishing/0.tmp", b"what a killed run left")
    with open(os.path.join(state, "SMS_OCM_DATACACHE/.lock"), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = publisher.publish(4, "--mdm", *scene.places())
        assert result.code == 1 and "another process is publishing" in result.message, result
    result = publisher.publish(4, "--mdm", *scene.places())
    assert result.code == 1, result
    with open(os.path.join(state, "auth/incoming/PS100001.4.json"), encoding="utf-8") as file:
        said = json.load(file)
    assert said["result"] == "failed" and said["error"], said
    assert os.listdir(os.path.join(state, "SoftwarePublishing")) == []
    result = scene.run("publish", publisher.folder, "--content", "PS100001", "--version", "3",
                       "--dp", scene.path("dp"), "--out", scene.path("o.xml"), "--mdm",
                       policy=False)
    assert result.code == 2 and "--mdm goes with --container" in result.message, result
