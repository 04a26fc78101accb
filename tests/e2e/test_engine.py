"""What the download engine got wrong once, and must not again."""

import hashlib
import json
import os
import socket
import subprocess
import threading

import fault
from harness import DP, filler

DP_NAME = "dp1.contoso.test"


@fault.behaviour
def all_and_hold(request):
    """All bytes, no length, and the connection stays."""
    request.head("200 OK")
    request.send(request.body() or b"")
    request.hold()


@fault.behaviour
def no_range_of_a(request):
    """416 to a range of the file a; all else as it should be."""
    if request.file.endswith("/a") and request.headers.get("range"):
        request.reply("416 Range Not Satisfiable")
    else:
        fault.BEHAVIOURS["ok"](request)


class SilentNames:
    """A name server that hears and says nothing."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]

    def heard(self):
        self.socket.settimeout(20)
        return self.socket.recvfrom(4096)

    def close(self):
        self.socket.close()


class Tunnel:
    """A proxy that knows CONNECT, and counts."""

    def __init__(self, refuses=None):
        self.connects, self.refused, self.refuses = 0, 0, refuses
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        host, port = head.split()[1].rsplit(b":", 1)
        if self.refuses and self.refuses.endswith(":" + port.decode()):
            self.refused += 1
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        server = socket.create_connection((host.decode(), int(port)))
        self.connects += 1
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
        self.copy(client, server)

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


def certificate(scene):
    """A certificate for 127.0.0.1 and its key."""
    cert, key = scene.path("cert.pem"), scene.path("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, stderr=subprocess.DEVNULL)
    return cert, key


def test_interrupt_in_a_lookup(scene):
    """SIGINT while a name is asked for ends in order: exit 1, whole JSON, no crash."""
    names = scene.keep(SilentNames())
    content = scene.content({"a": b"a"})
    scene.settings(dnsServers=[names.address])
    scene.policy(content, [DP(DP_NAME, "http://dp1.contoso.test/x")])
    process = scene.start()
    names.heard()
    process.send_signal(2)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1, (process.returncode, err)
    assert json.loads(out)["error"]["code"] == "CANCELLED"


def test_https_through_a_proxy(scene):
    """The distribution point's answer is judged, not the proxy's to CONNECT."""
    tunnel, (cert, key) = scene.keep(Tunnel()), certificate(scene)
    server = scene.fault(certificate=(cert, key))
    content = scene.content({"a": filler(300000, 1)})
    scene.settings(caFile=cert, proxy=tunnel.url)
    scene.policy(content, [DP(DP_NAME, server.url + "/404")])
    result = scene.get()
    assert result.code == 1 and "404" in result.json["error"]["text"], result
    assert result.json["bytesFromNetwork"] == 0, result
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    assert scene.get().code == 0
    assert tunnel.connects >= 2


def test_sha1_content_changes(scene):
    """Another SHA-1 under the same version and size is another content, not the cached one."""
    server = scene.fault()
    content = scene.content({"a": b"A" * 5000})

    def manifest(data):
        return ('<Content><FileContent Name="a" Hash="%s" HashAlgorithm="SHA1" Size="5000"/>'
                "</Content>" % hashlib.sha1(data).hexdigest())

    for data, code in ((b"A" * 5000, 0), (b"B" * 5000, 1)):
        content.manifest = lambda data=data: manifest(data)
        scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
        result = scene.get()
        assert result.code == code, result


def test_many_files_wrong_once(scene):
    """Each of 8 files is wrong the first time: asked for once more, all come."""
    server = scene.fault()
    content = scene.content({"f%d" % i: filler(5000, i) for i in range(8)})
    scene.policy(content, [DP(DP_NAME, server.url + "/wrong-once")])
    result = scene.get()
    assert result.code == 0, result
    assert len(server.asked()) == 16


def test_all_bytes_then_silence(scene):
    """What came is whole: no byte of it is asked for again."""
    server = scene.fault()
    content = scene.content({"a": filler(200000, 1)})
    scene.policy(content, [DP(DP_NAME, server.url + "/all-and-hold")])
    result = scene.get()
    assert result.code == 0 and len(server.asked()) == 1, result


def stage(scene, content, name):
    """A path in the staging folder of a content that was never fetched."""
    folder = scene.path("cache/Staging/" + content.folder)
    os.makedirs(folder, exist_ok=True)
    os.chmod(scene.cache, 0o755)
    return os.path.join(folder, name)


def test_planted_fifo(scene):
    """A FIFO where a validator should be stops nobody."""
    server = scene.fault()
    content = scene.content({"a": filler(3000000, 1)})
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    os.mkfifo(stage(scene, content, content.rows[0][2] + ".validator"))
    assert scene.get(timeout=30).code == 0


def test_planted_hard_link(scene):
    """A file from elsewhere under a part's name is neither written to nor changed."""
    server = scene.fault()
    content = scene.content({"a": filler(3000, 1)})
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    outside = scene.write("outside.txt", b"precious")
    os.link(outside, stage(scene, content, content.rows[0][2]))
    mode = os.stat(outside).st_mode
    assert scene.get().code == 0
    with open(outside, "rb") as file:
        assert file.read() == b"precious"
    assert os.stat(outside).st_mode == mode


def test_library_file_of_wrong_size(scene):
    """It is replaced, not kept beside the right one for ever."""
    server = scene.fault()
    content = scene.content({"a": filler(3000, 1)})
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    digest = content.rows[0][2].upper()
    path = scene.path("cache/FileLib/%s/%s" % (digest[:2], digest))
    os.makedirs(os.path.dirname(path))
    os.chmod(scene.cache, 0o755)
    with open(path, "wb") as file:
        file.write(b"short")
    assert scene.get().code == 0
    assert os.path.getsize(path) == 3000


def test_manifest_of_another_content(scene):
    """A manifest that says it is another content's, or version's, is refused."""
    content = scene.content({"a": b"a"})
    own = content.manifest()
    for old, new in (("PS100001", "OTHER999"), ('Version="3"', 'Version="77"')):
        content.manifest = lambda text=own.replace(old, new): text
        scene.policy(content, [DP(DP_NAME, "http://127.0.0.1:1")])
        result = scene.get()
        assert result.code == 3, result


def test_many_sources_are_all_named(scene):
    """20 distribution points with one fault: one line names them all."""
    server = scene.fault()
    content = scene.content({"a": filler(3000, 1)})
    names = ["dp%02d.contoso.test" % i for i in range(20)]
    scene.policy(content, [DP(name, server.url + "/404") for name in names])
    result = scene.get()
    assert result.code == 1, result
    assert all(name in result.err for name in names), result
    assert result.json["error"]["blame"] == "source" and result.json["nextMinute"] is None


def test_argument_that_is_no_text(scene):
    """Bytes that are no UTF-8 are escaped in JSON, and the other content is still answered."""
    server = scene.fault()
    content = scene.content({"a": b"a"})
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    command = scene.command("get", os.fsdecode(b"\xff"), "PS100001", "--json", *scene.MACHINE,
                            *scene.places())
    done = subprocess.run(command, capture_output=True, env=scene.environment(), check=False)
    first, second = json.loads(done.stdout)
    assert done.returncode == 1 and first["content"] == "\\xFF" and second["result"] == "ok"


def test_interrupt_answers_for_all(scene):
    """get A B, stopped during A: an array of two."""
    server = scene.fault()
    contents = [scene.content({"a": filler(300000, 1)}), scene.content({"b": b"b"}, "PS100002", 1)]
    scene.policy(contents, [DP(DP_NAME, server.url + "/stall-body")])
    process = scene.start("PS100002")
    assert server.wait(lambda s: s.body_bytes > 0)
    process.send_signal(2)
    out, _ = process.communicate(timeout=20)
    answers = json.loads(out)
    assert process.returncode == 1 and len(answers) == 2
    assert {answer["error"]["code"] for answer in answers} == {"CANCELLED"}


def test_proxy_is_blamed(scene):
    """A proxy that refuses connections is the proxy's fault, not the distribution point's."""
    server = scene.fault()
    content = scene.content({"a": b"a"})
    closed = scene.keep(socket.socket())
    closed.bind(("127.0.0.1", 0))
    scene.settings(proxy="http://127.0.0.1:%d" % closed.getsockname()[1])
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    result = scene.get()
    assert result.code == 1 and result.json["error"]["blame"] == "proxy", result


def test_proxy_that_refuses_a_host(scene):
    """A proxy that lets nobody through to one distribution point: it is blamed, and the other is
    asked through it."""
    cert, key = certificate(scene)
    refused, other = [scene.fault(certificate=(cert, key)) for _ in range(2)]
    tunnel = scene.keep(Tunnel(refused.url))
    content = scene.content({"a": filler(300000, 1)})
    scene.settings(caFile=cert, proxy=tunnel.url)
    scene.policy(content, [DP("first.contoso.test", refused.url + "/ok", near=True),
                           DP(DP_NAME, other.url + "/ok")])
    result = scene.get()
    assert result.code == 0 and tunnel.refused and other.asked(), result
    (error,) = [e for source in result.json["sources"] for e in source["errors"]]
    assert error["blame"] == "proxy" and "403 to CONNECT" in error["text"], result


def by_environment(scene, no_proxy):
    """A run with a proxy in the environment that is not there."""
    server = scene.fault()
    content = scene.content({"a": b"a"})
    closed = scene.keep(socket.socket())
    closed.bind(("127.0.0.1", 0))
    scene.env["http_proxy"] = "http://127.0.0.1:%d" % closed.getsockname()[1]
    scene.env["no_proxy"] = no_proxy
    scene.settings(proxy="system")
    scene.policy(content, [DP(DP_NAME, server.url.replace("127.0.0.1", "localhost") + "/ok")])
    return scene.get()


def test_no_proxy(scene):
    """A host of no_proxy is asked directly, and resolved here."""
    assert by_environment(scene, "example.test,.localhost").code == 0


def test_no_proxy_of_others(scene):
    """The twin: another host, which ends alike."""
    result = by_environment(scene, "example.test,host")
    assert result.code == 1 and result.json["error"]["blame"] == "proxy", result


def test_no_proxy_and_a_dead_name(scene):
    """A host of no_proxy that does not resolve: the name is to blame, not the proxy."""
    content = scene.content({"a": b"a"})
    scene.env["http_proxy"], scene.env["no_proxy"] = "http://127.0.0.1:9", "invalid"
    scene.settings(proxy="system")
    scene.policy(content, [DP(DP_NAME, "http://dp1.invalid/x")])
    result = scene.get()
    assert result.code == 1 and result.json["error"]["blame"] == "dns", result


def test_one_file_that_cannot_be_resumed(scene):
    """416 for one file does not make another begin anew."""
    server = scene.fault()
    content = scene.content({"a": filler(3000, 1), "b": filler(100000, 2)})
    for (_, size, digest), data in zip(content.rows, content.files.values()):
        with open(stage(scene, content, digest), "wb") as file:
            file.write(data[:size // 2])
    scene.policy(content, [DP(DP_NAME, server.url + "/no-range-of-a")])
    result = scene.get()
    assert result.code == 0 and result.json["bytesFromNetwork"] == 3000 + 50000, result


def test_missing_authorities(scene):
    """A file of certificate authorities that is not there is no distribution point's fault."""
    server = scene.fault(certificate=certificate(scene))
    content = scene.content({"a": b"a"})
    scene.settings(caFile=scene.path("nowhere.pem"))
    scene.policy(content, [DP(DP_NAME, server.url + "/ok")])
    result = scene.get()
    assert result.code == 1 and result.json["error"]["blame"] == "disk", result
