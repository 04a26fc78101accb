"""IPv4 and IPv6: both are tried, whichever of them is dead, and neither waits for the other long."""

import os
import shutil
import socket
import subprocess

import fault
import fault_h2
import fault_http
from harness import DP, PATH, Skip, wait_until
from test_check_resolve import free_port
from test_matrix_http import GOOD, codes, each, fails, one_file, succeeds

FOUR, SIX = "127.0.0.1", "::1"
SMALL = 5000
CONFIG = """server:
  ip-address: 127.0.0.1@%(port)d
  username: ""
  chroot: ""
  zonesdir: "%(folder)s"
  pidfile: "%(folder)s/pid"
  database: ""
  xfrdfile: "%(folder)s/xfrd"
  zonelistfile: "%(folder)s/list"
  logfile: "%(folder)s/log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: contoso.test
  zonefile: zone
"""
ZONE = """$ORIGIN contoso.test.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
%s
"""
QUESTION = b"\0\1\0\0\0\1\0\0\0\0\0\0\7contoso\4test\0\0\6\0\1"


class Names:
    """NSD with dp1.contoso.test at these addresses."""

    def __init__(self, scene, addresses):
        program = shutil.which("nsd", path=PATH)
        if not program:
            raise Skip("nsd is not installed")
        folder, self.port = scene.path("nsd"), free_port()
        self.address = "127.0.0.1:%d" % self.port
        rows = ["dp1 %s %s" % ("AAAA" if ":" in address else "A", address) for address in addresses]
        scene.write("nsd/zone", ZONE % "\n".join(rows))
        config = scene.write("nsd/conf", CONFIG % {"port": self.port, "folder": folder})
        self.process = subprocess.Popen([program, "-d", "-c", config], stdin=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        scene.keep(self)
        wait_until(self.answers, what="nsd")

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
        self.process.terminate()
        self.process.wait(20)


class Hole:
    """Takes no connection at this address and port and refuses none: its queue is full."""

    def __init__(self, address, port):
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sockets = [socket.socket(self.family)]
        self.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sockets[0].bind((address, port))
        self.sockets[0].listen(0)
        self.where = (address, port)
        while self.connects():
            assert len(self.sockets) < 20

    def connects(self):
        sock = socket.socket(self.family)
        sock.settimeout(0.3)
        self.sockets.append(sock)
        try:
            sock.connect(self.where)
            return True
        except socket.timeout:
            return False

    def close(self):
        for sock in self.sockets:
            sock.close()


def need_six():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((SIX, 0))
    except OSError as why:
        raise Skip("no IPv6 here: %s" % why) from why


def at_one(scene, alive, dead, kind):
    """A server at `alive`; at `dead` and its port nobody ("refuses") or a hole ("silent")."""
    need_six()
    content = one_file(scene, SMALL)
    server = scene.keep(fault.FaultServer(scene.www, address=alive))
    if kind == "silent":
        scene.keep(Hole(dead, server.port))
    scene.settings(dnsServers=[Names(scene, [FOUR, SIX]).address])
    scene.policy(content, [DP(GOOD, "http://dp1.contoso.test:%d/ok" % server.port)])
    return content, server


ALIVE = {"ipv4": (FOUR, SIX), "ipv6": (SIX, FOUR)}


def other_refuses(scene, name):
    content, server = at_one(scene, *ALIVE[name], "refuses")
    result = succeeds(scene, content)
    assert len(server.asked()) == 1 and result.seconds < 1.5 and not codes(result, GOOD), result


each("test_other_refuses", "Only %s answers, the other family refuses.", ALIVE, other_refuses)


def other_is_silent(scene, name):
    content, server = at_one(scene, *ALIVE[name], "silent")
    result = succeeds(scene, content)
    # A fifth of a second until the other family is asked too, not a connection's whole patience.
    assert len(server.asked()) == 1 and result.seconds < 1.5 and not codes(result, GOOD), result


each("test_other_is_silent", "Only %s answers, the other family drops what is sent to it.", ALIVE,
     other_is_silent)


def only_family(scene, name):
    need_six()
    alive, _ = ALIVE[name]
    content = one_file(scene, SMALL)
    server = scene.keep(fault.FaultServer(scene.www, address=alive))
    scene.settings(dnsServers=[Names(scene, [alive]).address])
    scene.policy(content, [DP(GOOD, "http://dp1.contoso.test:%d/ok" % server.port)])
    succeeds(scene, content)
    assert len(server.asked()) == 1


each("test_only_family", "The name has an address of %s and none of the other.", ALIVE, only_family)


def test_all_are_dead(scene):
    """The twin: nobody answers at either. The source is named."""
    content = one_file(scene, SMALL)
    scene.settings(dnsServers=[Names(scene, [FOUR, SIX]).address])
    scene.policy(content, [DP("bad.contoso.test", "http://dp1.contoso.test:%d/ok" % free_port())])
    result = fails(scene, content, timeout=60)
    assert codes(result) == {"CONNECT"} and result.json["error"]["blame"] == "source", result


def test_one_of_two_addresses(scene):
    """Of one family, the first address is dead or the second: both are tried."""
    content = one_file(scene, SMALL)
    server = scene.keep(fault.FaultServer(scene.www, address="127.0.0.3"))
    scene.settings(dnsServers=[Names(scene, ["127.0.0.2", "127.0.0.3"]).address])
    scene.policy(content, [DP(GOOD, "http://dp1.contoso.test:%d/ok" % server.port)])
    result = succeeds(scene, content)
    assert len(server.asked()) == 1 and not codes(result, GOOD), result


def test_literal(scene):
    """http://[::1]:PORT/."""
    need_six()
    content = one_file(scene, SMALL)
    server = scene.keep(fault.FaultServer(scene.www, address=SIX))
    assert "[::1]" in server.url
    scene.policy(content, [DP(GOOD, server.url + "/ok")])
    succeeds(scene, content)
    (request,) = server.asked()
    assert request["headers"]["host"] == "[::1]:%d" % server.port, request


def test_literal_over_tls(scene):
    """As above with a certificate for the address, over HTTP/2; another address's is refused."""
    need_six()
    authority = fault_http.Authority(scene)
    scene.settings(caFile=authority.file)
    content = one_file(scene, SMALL)
    for name, code in (("IP:::2", 1), ("IP:::1", 0)):
        server = scene.keep(fault_h2.H2Server(scene.www, authority.issue(name), address=SIX))
        scene.policy(content, [DP(GOOD, server.url + "/ok")])
        result = scene.get()
        assert result.code == code and len(server.asked()) == (code == 0), result
    assert server.spoken == ["h2"]


def test_literal_and_no_proxy(scene):
    """A literal is found in no_proxy, with and without brackets; another is not."""
    need_six()
    content = one_file(scene, SMALL)
    server = scene.keep(fault.FaultServer(scene.www, address=SIX))
    scene.policy(content, [DP(GOOD, server.url + "/ok")])
    scene.env["http_proxy"] = "http://127.0.0.1:9"
    for names, code in (("::1", 0), ("[::1]", 0), ("::/64", 0), ("::2", 1)):
        scene.env["no_proxy"] = names
        scene.cache = scene.path("cache" + names.replace("/", "-"))
        assert scene.get().code == code, names
    assert os.path.isdir(scene.cache)
