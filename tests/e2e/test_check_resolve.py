"""policy check --resolve against a real name server."""

import os
import re
import shutil
import socket
import subprocess

from harness import PATH, ROOT, instance, document, wait_until

ZONES = os.path.join(ROOT, "tests/dns")
# contoso.test's question for its SOA.
QUESTION = b"\0\1\0\0\0\1\0\0\0\0\0\0\7contoso\4test\0\0\6\0\1"


class Nsd:
    """NSD with the zones of tests/dns on a port of its own; `contoso`: another zone contoso.test
    than the one there."""

    def __init__(self, folder, contoso=None):
        os.makedirs(folder)
        zones = ZONES
        if contoso:
            zones = os.path.join(folder, "zones")
            shutil.copytree(ZONES, zones)
            with open(os.path.join(zones, "contoso.test.zone"), "w", encoding="utf-8") as file:
                file.write(contoso)
        self.port = free_port()
        with open(os.path.join(ZONES, "nsd.conf"), encoding="utf-8") as file:
            text = file.read()
        values = {"@PORT@": str(self.port), "@ZONES@": zones, "@DIR@": folder}
        path = os.path.join(folder, "nsd.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub("@(PORT|ZONES|DIR)@", lambda found: values[found[0]], text))
        self.process = subprocess.Popen(["nsd", "-d", "-c", path], env={"PATH": PATH},
                                        stdin=subprocess.DEVNULL)
        wait_until(self.answers, what="nsd")

    @property
    def server(self):
        return "127.0.0.1:%d" % self.port

    def answers(self):
        assert self.process.poll() is None, "nsd ended"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            sock.sendto(QUESTION, ("127.0.0.1", self.port))
            try:
                return len(sock.recv(512)) > 12
            except OSError:
                return False

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def free_port():
    """One that neither UDP nor TCP uses: what is free for the one may be taken for the other."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                continue
            return udp.getsockname()[1]
    raise AssertionError("no port is free for UDP and TCP")


def nal(name):
    return '["Display=\\\\%s\\"]MSWNET:["SMS_SITE=PS1"]\\\\%s\\' % (name, name)


def clouds(services):
    rows = [instance("SMS_CloudAgentConfig", AllowCloudDP="true")]
    for number, service in enumerate(services):
        path = nal("cloud%d.contoso.test" % number)
        rows.append(instance("SMS_DistributionPointInfo", NALPath=path))
        rows.append(instance("SMS_AzureService", NALPath=path, ServiceCName=service,
                             Fqdn="store%d.cloudapp.test" % number))
    return document(rows)


def findings(scene, *args):
    """What is found of CNAMEs: the DP's number to the text."""
    result = scene.run("policy", "check", "--json", *args)
    assert result.code == 0, result
    return {int(re.search(r"cloud(\d+)", row["object"])[1]): row["text"]
            for row in result.json if row["code"] == "CLOUD_NO_CNAME"}


def test_service_names(scene):
    """A CNAME is fine; an address without one, no name, no address and a chain that leads nowhere
    are found, with the word of DNS."""
    nsd = scene.keep(Nsd(scene.path("nsd")))
    scene.settings(dnsServers=[nsd.server])
    scene.write("policy/clouds.xml", clouds([
        "clouddp.contoso.test", "onlyfour.contoso.test", "nothere.contoso.test",
        "nodata.contoso.test", "dangling.contoso.test", "loop1.contoso.test",
        "CloudDP.contoso.test", "192.0.2.7"]))
    found = findings(scene, "--resolve")
    assert set(found) == {1, 2, 3, 4, 5, 7}, found
    for number, words in {1: "without a CNAME (HOST)", 2: "does not resolve: NXDOMAIN",
                          3: "does not resolve: NODATA", 4: "does not resolve: NXDOMAIN",
                          5: "does not resolve: LOOP", 7: "without a CNAME (HOST)"}.items():
        assert words in found[number], found[number]
    assert "from it to store2.cloudapp.test" in found[2], found[2]
    assert "nothere.contoso.test" in found[2], found[2]


def test_many_names(scene):
    """More names than are asked for at once."""
    nsd = scene.keep(Nsd(scene.path("nsd")))
    scene.settings(dnsServers=[nsd.server])
    names = ["gone%d.contoso.test" % number for number in range(100)]
    scene.write("policy/clouds.xml", clouds([*names, "clouddp.contoso.test"]))
    assert set(findings(scene, "--resolve")) == set(range(100))


def test_nobody_is_asked(scene):
    """Without --resolve no question goes out; a name server that does not answer is found out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.settimeout(0)
        scene.settings(dnsServers=["127.0.0.1:%d" % silent.getsockname()[1]])
        scene.write("policy/clouds.xml", clouds(["clouddp.contoso.test"]))
        assert not findings(scene)
        try:
            assert not silent.recv(512), "a question came"
        except BlockingIOError:
            pass
        found = findings(scene, "--resolve")
        assert "does not resolve: TIMEOUT" in found[0], found
        assert silent.recv(512)


def test_only_there(scene):
    """--resolve belongs to policy check."""
    scene.write("policy/clouds.xml", clouds([]))
    for words in (["policy"], ["policy", "why", "AllowCloudDP"], ["policy", "Machine/Actual"]):
        result = scene.run(*words, "--resolve")
        assert result.code == 2 and "--resolve" in result.message, result
    assert scene.run("locate", "PS100001", "--resolve").code == 2
    assert scene.run("policy", "check", "--resolve").code == 0
