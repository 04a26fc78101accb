"""SIGKILL while blobs come in, and secrets: where a marker may not turn up."""

import glob
import os
import random
import signal

import fault_azure
from azure import CLOUD, cloud_rows, nal
from fault_azure import BlobServer
from harness import SCALE, document, filler, instance, slow, wait_until
from test_cloud import seal
from test_cloud_publish import Publisher

MIB = 1 << 20
BOX = "content-ps100001/"
SEALED = 4 * MIB + 28


@slow("fifteen runs are killed while they download, each gone on with by the next")
def test_kill(scene):
    """SIGKILL at any instant of a download: what was a whole region on disk does not come again, and
    nothing half-done is in sight."""
    size = 120 * MIB // SCALE
    content = scene.content({"big.cab": filler(size, 1), "a": b"1", "b": b"2"})
    server = BlobServer(scene)
    for name, data in content.files.items():
        server.blobs[BOX + name] = seal(scene, data)
    server.pace = 0.0005
    scene.policy(content, [], extra=cloud_rows(server.url, [content], "sv=1&sig=x"))
    dice, kills = random.Random(20100), 0
    for _ in range(15):
        before, first = scene.staged(), len(server.asked)
        process = scene.start()
        wanted = before + dice.randrange(1, 12 * MIB // SCALE + 2)
        wait_until(lambda: scene.staged() >= wanted or process.poll() is not None, 60, "bytes")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        scene.check_cache()
        assert not scene.has(content) or process.returncode == 0
        if process.returncode == 0:
            break
        kills += 1
        check_start(server, first, before)
    before, first = scene.staged(), len(server.asked)
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    check_start(server, first, before)
    assert kills >= 3, kills
    # A region that was on its way at a kill, and what was not on disk yet, comes again.
    sent = sum(row["sent"] for row in server.asked)
    assert sent <= size * 1.01 + (kills + 1) * 3 * SEALED, (sent, size, kills)
    print("%d kills; %d bytes sent of %d" % (kills, sent, size))


def check_start(server, first, before):
    """The large blob is asked for from a region on; none that was whole on disk comes again."""
    starts = [row["range"] for row in server.asked[first:] if row["path"] == BOX + "big.cab"]
    if not starts or before < SEALED:
        return
    assert starts[0], "from its beginning, though %d bytes were there" % before
    start = int(starts[0].split("=")[1].split("-")[0])
    assert start % SEALED == 0 and start // SEALED >= (before - 2) // (4 * MIB), (start, before)


SIGNATURE = "MARKERsignatureMARKERsignature%2BMARKER%3D"
MARKERS = [SIGNATURE, "MARKERsignatureMARKERsignature+MARKER=", "sig=MARKER",
           "4d41524b45524b45594d41524b45524b45594d41524b45524b45594d41524b45"]
MARKER_KEY = MARKERS[3]


def texts_of(scene):
    """Everything that nearpoint wrote, but for the private documents themselves."""
    for folder, _, names in os.walk(scene.folder):
        for name in names:
            path = os.path.join(folder, name)
            if "/policy" in path or name == "access.xml" or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                yield path, file.read()


def check_nowhere(scene, results):
    for marker in MARKERS:
        for result in results:
            assert marker.lower() not in (result.out + result.err).lower(), str(result)
        for path, data in texts_of(scene):
            assert marker.lower().encode() not in data.lower(), path


def test_secrets(scene):
    """No SAS and no key in any output, log, record, document or command line: everything is run with
    marked ones, with a service that works and one that refuses."""
    server = BlobServer(scene)
    content = scene.content({"setup.exe": filler(5 * MIB, 1)})
    server.blobs[BOX + "setup.exe"] = seal(scene, content.files["setup.exe"], key=MARKER_KEY)
    token = "sv=2021-08-06&sr=c&sp=rwdl&se=2037-12-31&sig=" + SIGNATURE
    scene.policy(content, [], extra=cloud_rows(server.url, [content], token, key=MARKER_KEY))
    results, seen = [], []

    def run(*args, **options):
        results.append(scene.run(*args, **options))
        return results[-1]

    def watch(handler):
        """While a request is being answered: what any process shows of itself."""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    seen.append(file.read())
            except OSError:
                pass
        return False
    server.instead = watch
    for args in (["policy"], ["policy", "--json"], ["policy", "--xml"], ["policy", "check"],
                 ["policy", "check", "--json"], ["policy", "why", "SasToken"],
                 ["policy", "why", "Key", "--json"],
                 ["policy", "diff", scene.path("policy"), scene.path("policy/estate.xml")],
                 ["probe", CLOUD], ["probe", CLOUD, "PS100001", "--json"],
                 ["cache", "list", "--json", *scene.places()]):
        run(*args)
    for args in (["locate", "PS100001"], ["locate", "PS100001", "--json", "--why", CLOUD],
                 ["locate", "PS100001", "--request"], ["where", "--json"]):
        run(*args, *scene.MACHINE)
    assert run("get", "PS100001", *scene.MACHINE, *scene.places()).code == 0

    def deny(handler):
        watch(handler)
        fault_azure.refuse(handler, 403, "AuthenticationFailed",
                           "sig=%s and %s" % (SIGNATURE, MARKERS[1]))
        return True
    server.instead = deny
    scene.cache = scene.path("cache2")
    assert run("get", "PS100001", "--json", *scene.MACHINE, *scene.places()).code == 1
    publisher = Publisher(scene, url=server.url, token=token, key=MARKER_KEY)
    publisher.fill({"a": b"1"})
    assert run(*publisher.arguments(3), policy=False).code == 1
    assert run(*publisher.arguments(3, "--mdm", *scene.places()), policy=False).code == 1
    assert seen and not [line for line in seen if b"MARKER" in line or MARKER_KEY.encode() in line]
    check_nowhere(scene, results)


def test_bad_secrets(scene):
    """A document whose secrets are malformed is refused without a word of them."""
    for properties in ({"SasToken": "sv=1 &sig=" + SIGNATURE}, {"Key": "MARKER" + SIGNATURE},
                       {"SasToken": "a#" + SIGNATURE}):
        scene.write("policy/cloud.xml", document([
            instance("NP_CloudAccess", NALPath=nal(CLOUD), **properties)]))
        results = [scene.run(*args) for args in (["policy"], ["locate", "X"], ["get", "X"])]
        check_nowhere(scene, results)
        assert any(result.code == 3 for result in results), results


