"""A Kerberos realm for a test: a KDC on a port of its own, principals, keytabs; and a name server.

Nothing of this machine's own Kerberos settings is read or changed. `environment()` is what a client
needs; servers that the test starts later take what they need from this process's environment.
"""

import os
import shutil
import socket
import subprocess
import threading

from harness import PATH, Skip, wait_until

REALM = "CONTOSO.TEST"
DOMAIN = "contoso.test"


def free_port():
    """One that neither UDP nor TCP uses."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                continue
            return udp.getsockname()[1]
    raise AssertionError("no free port")


def tool(name, package):
    path = shutil.which(name, path=PATH)
    if not path:
        raise Skip(package + " is not installed")
    return path


class Kdc:
    """A realm with the machine pc042$ and HTTP on dp01."""

    def __init__(self, scene):
        self.scene, self.folder, self.process = scene, scene.path("krb"), None
        self.port = free_port()
        os.makedirs(self.folder)
        os.chmod(scene.folder, 0o755)  # a web server is another user
        self.krb5_conf = scene.write("krb/krb5.conf", """[libdefaults]
 default_realm = %s
 dns_lookup_kdc = false
 dns_lookup_realm = false
 forwardable = true
[realms]
 %s = {
  kdc = 127.0.0.1:%d
 }
[domain_realm]
 .%s = %s
""" % (REALM, REALM, self.port, DOMAIN, REALM))
        kdc_conf = scene.write("krb/kdc.conf", """[kdcdefaults]
 kdc_listen = 127.0.0.1:%d
 kdc_tcp_listen = 127.0.0.1:%d
[realms]
 %s = {
  database_name = %s/principal
  key_stash_file = %s/stash
  acl_file = %s/acl
  max_life = 1h
 }
[logging]
 kdc = FILE:%s/kdc.log
""" % (self.port, self.port, REALM, self.folder, self.folder, self.folder, self.folder))
        self.own = {"PATH": PATH, "KRB5_CONFIG": self.krb5_conf, "KRB5_KDC_PROFILE": kdc_conf}
        self.call(tool("kdb5_util", "krb5-kdc"), "create", "-s", "-r", REALM, "-P", "secret")
        self.service = self.keytab("http.keytab", "HTTP/dp01." + DOMAIN)
        self.machine = self.keytab("machine.keytab", "host/pc042." + DOMAIN)
        scene.keep(self)
        self.start()

    def call(self, *command):
        done = subprocess.run(command, env=self.own, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert done.returncode == 0, (command, done.stdout)
        return done.stdout

    def keytab(self, name, principal):
        path = os.path.join(self.folder, name)
        admin = tool("kadmin.local", "krb5-admin-server")
        self.call(admin, "-q", "addprinc -randkey " + principal)
        self.call(admin, "-q", "ktadd -k %s %s" % (path, principal))
        os.chmod(path, 0o644)
        return path

    def start(self):
        with open(os.path.join(self.folder, "output"), "ab") as output:
            self.process = subprocess.Popen([tool("krb5kdc", "krb5-kdc"), "-n"], env=self.own,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        wait_until(self.answers, 20, "the KDC")

    def answers(self):
        assert self.process.poll() is None, "the KDC ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    close = stop

    def log(self):
        with open(os.path.join(self.folder, "kdc.log"), encoding="utf-8") as file:
            return file.read()

    def for_servers(self):
        """What they start with. Tests run in processes of their own."""
        os.environ["KRB5_CONFIG"] = self.krb5_conf
        replays = os.path.join(self.folder, "replays")
        os.makedirs(replays)
        os.chmod(replays, 0o777)
        os.environ["KRB5RCACHENAME"] = "file2:" + os.path.join(replays, "cache")

    def environment(self, keytab=True, cache="MEMORY:"):
        """A client's."""
        path = self.machine if keytab is True else keytab or os.path.join(self.folder, "none")
        return {"KRB5_CONFIG": self.krb5_conf, "KRB5CCNAME": cache, "KRB5_CLIENT_KTNAME": path}


class SilentKdc:
    """Hears at a KDC's port, by UDP and TCP, and says nothing."""

    def __init__(self, port):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", port))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", port))
        self.tcp.listen(64)

    def heard(self):
        self.udp.settimeout(20)
        return self.udp.recvfrom(65536)

    def close(self):
        self.udp.close()
        self.tcp.close()


class Names:
    """A name server that has 127.0.0.1 for the names of `hosts`, and `aliases` to one of them."""

    def __init__(self, hosts, aliases=()):
        self.hosts, self.aliases = set(hosts), dict(aliases)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
            except OSError:
                return
            if query:
                self.socket.sendto(self.answer(query), client)

    @staticmethod
    def encode(name):
        return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        question, kind, name = query[12:at + 5], query[at + 1:at + 3], ".".join(labels)
        records = []
        owner = name
        if name in self.aliases:
            target = self.encode(self.aliases[name])
            records.append(self.record(owner, b"\0\5", target))
            owner = self.aliases[name]
        if owner in self.hosts and kind == b"\0\1":
            records.append(self.record(owner, b"\0\1", socket.inet_aton("127.0.0.1")))
        status = b"\x85\x80" if owner in self.hosts else b"\x85\x83"
        return (query[:2] + status + b"\0\1" + len(records).to_bytes(2, "big") + b"\0\0\0\0" +
                question + b"".join(records))

    def record(self, owner, kind, data):
        return (self.encode(owner) + kind + b"\0\1" + b"\0\0\0\x3c" + len(data).to_bytes(2, "big") +
                data)

    def close(self):
        self.socket.close()
