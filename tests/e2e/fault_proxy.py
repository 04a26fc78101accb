"""Proxies: tinyproxy, and one that does what a test says.

A scripted proxy passes on what it is asked; `script` has a word for each of the next requests, and
`otherwise` one for those after: what stands behind a dot is its argument. `asked` has (method,
target, word) of each, `heads` their heads.
"""

import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

from dav import free_port
from harness import PATH, Skip, wait_until


class Tinyproxy:
    """`options` are lines of its configuration."""

    def __init__(self, scene, *options):
        program = shutil.which("tinyproxy", path=PATH)
        if not program:
            raise Skip("tinyproxy is not installed")
        self.folder = scene.path("tinyproxy%d" % len(scene.things))
        os.makedirs(self.folder)
        self.port = free_port()
        self.host = "127.0.0.1:%d" % self.port
        self.url = "http://" + self.host
        self.log = self.folder + "/log"
        path = self.folder + "/conf"
        with open(path, "w", encoding="ascii") as file:
            file.write('Port %d\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nLogFile "%s"\n'
                       "LogLevel Info\nAllow 127.0.0.1\n%s\n"
                       % (self.port, self.log, "\n".join(options)))
        self.process = subprocess.Popen([program, "-d", "-c", path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        scene.keep(self)
        wait_until(self.answers, 10, "tinyproxy")

    def answers(self):
        assert self.process.poll() is None, "tinyproxy ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def requests(self):
        """(method, target) of what it was asked."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return re.findall(r"Request \(file descriptor \d+\): (\S+) (\S+)", file.read())

    def close(self):
        self.process.terminate()
        self.process.wait(20)


MARKS = {
    "": [],
    "via": ["Via: 1.1 somebody"],
    "status-own": ["Via: 1.1 somebody", "Proxy-Status: origin;received-status=502, "
                   'us;details="a, b";error=connection_refused'],
    "status-theirs": ["Proxy-Status: cdn;error=dns_error, us;received-status=503"],
    "squid": ["Via: 1.1 squid", "X-Squid-Error: ERR_CONNECT_FAIL 111"],
    "server": ["Server: squid/5.7"],
}


class Proxy:
    def __init__(self, otherwise="pass", script=(), tls=None):
        self.otherwise, self.script = otherwise, list(script)
        self.asked, self.heads, self.sockets = [], [], set()
        self.lock = threading.Lock()
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.host = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.url = "%s://%s" % ("https" if tls else "http", self.host)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self.sockets):
            sock.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.sockets.add(client)
        try:
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            while self.serve_one(client):
                pass
        except OSError:
            pass
        finally:
            client.close()

    def serve_one(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return False
            head += piece
        method, target = head.decode("latin-1").split(" ", 2)[:2]
        with self.lock:
            word = self.script.pop(0) if self.script else self.otherwise
            self.asked.append((method, target, word))
            self.heads.append(head.decode("latin-1"))
        name, _, argument = word.partition(".")
        if name == "close":
            return False
        if name == "silence":
            return bool(client.recv(1))
        if name == "rubbish":
            client.sendall(b"220 mail.contoso.test ESMTP\r\n\r\n")
            return False
        if name == "page":
            return self.answer(client, *(argument + ".").split(".")[:2])
        if name == "html":
            page = b"<html><body>Log in first</body></html>"
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
                           % len(page) + page)
            return True
        self.relay(client, method, target, head, int(argument) if name == "dies" else None)
        return False

    @staticmethod
    def answer(client, status, mark):
        lines = ["HTTP/1.1 %s Whatever" % status, "Content-Length: 4", *MARKS[mark]]
        if status == "407":
            lines.append('Proxy-Authenticate: Basic realm="us"')
        client.sendall(("\r\n".join(lines) + "\r\n\r\npage").encode())
        return True

    def relay(self, client, method, target, head, most):
        """Passes bytes on; of the answer `most`, and then it dies."""
        if method == "CONNECT":
            host, port = target.rsplit(":", 1)
            server = socket.create_connection((host.strip("[]"), int(port)))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            url = urllib.parse.urlsplit(target)
            server = socket.create_connection((url.hostname, url.port or 80))
            path = target.split("/", 3)[3]
            lines = head.decode("latin-1").split("\r\n")
            lines[0] = "%s /%s HTTP/1.1" % (method, path)
            lines = [line for line in lines if not line.lower().startswith("proxy-")]
            lines[1:1] = ["Connection: close"]
            server.sendall("\r\n".join(lines).encode("latin-1"))
        self.sockets.add(server)
        threading.Thread(target=self.copy, args=(client, server, None, False), daemon=True).start()
        self.copy(server, client, most, method != "CONNECT")

    @staticmethod
    def copy(source, target, most, via):
        passed = 0
        try:
            while data := source.recv(65536):
                if via:
                    data, via = data.replace(b"\r\n", b"\r\nVia: 1.1 scripted\r\n", 1), False
                if most is not None and passed + len(data) >= most:
                    target.sendall(data[:most - passed])
                    # With a reset where not a byte more may come.
                    target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
                    target.shutdown(socket.SHUT_RDWR)
                    source.close()
                    return
                target.sendall(data)
                passed += len(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
