"""A distribution point that misbehaves, and a name server that knows nothing.

The first segment of a URL's path names the behaviour, the rest a file below the server's root:
http://127.0.0.1:PORT/cut/PS100001/setup.exe. What stands behind a dot in the first segment is the
behaviour's argument: /cut-at.1000/. What was asked and what was sent stands in `requests`. Plain
sockets, a thread a connection; everything ends with close().
"""

import gzip
import os
import re
import socket
import ssl
import struct
import threading
import time
import urllib.parse
import zlib

BEHAVIOURS = {}
LONGEST = 1 << 30  # an endless body ends here, should nobody leave before


def behaviour(function):
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


class Gone(Exception):
    """The client left, or the server is closing."""


class Request:
    """One request, and the means to answer it."""

    def __init__(self, server, sock, connection, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = (lines[0] + "  ").split(" ", 2)
        self.headers = dict(re.findall(r"(?im)^([^:\n]+):[ \t]*(.*?)\r?$", "\n".join(lines[1:])))
        self.headers = {name.lower(): value for name, value in self.headers.items()}
        self.server, self.sock, self.connection = server, sock, connection
        self.name, self.file = (self.target.split("?")[0].lstrip("/") + "/").split("/", 1)
        self.argument = ""
        self.file = urllib.parse.unquote(self.file.rstrip("/"))
        self.keep = True
        self.record = {
            "method": self.method, "target": self.target, "behaviour": self.name,
            "file": self.file, "range": self.headers.get("range"),
            "ifRange": self.headers.get("if-range"), "headers": self.headers,
            "connection": connection, "status": None, "sent": 0, "head": 0,
            "time": time.monotonic(),
        }
        self.nth = server.enter(self.record)

    # What stands on the disk.

    def body(self):
        root = os.path.realpath(self.server.root)
        path = os.path.realpath(os.path.join(root, self.file))
        if not path.startswith(root + "/") or not os.path.isfile(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    def etag(self, body):
        return '"%08x"' % zlib.crc32(body)

    def range_start(self):
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        return int(found[1]) if found else None

    def range_end(self, size):
        """Behind the last byte that is asked for."""
        found = re.fullmatch(r"bytes=\d+-(\d+)", self.headers.get("range", ""))
        return min(int(found[1]) + 1, size) if found else size

    def in_range(self, size):
        """What Content-Range says of what is asked for."""
        return "Content-Range: bytes %d-%d/%d" % (self.range_start(), self.range_end(size) - 1,
                                                  size)

    # Answering.

    def send(self, data, counts=True):
        view = memoryview(data)
        while view:
            try:
                n = self.sock.send(view[:65536])
            except OSError as error:
                raise Gone from error
            view = view[n:]
            self.server.count(self.record, n, "sent" if counts else "head")

    def head(self, status, *headers, length=None, etag=None):
        self.record["status"] = int(status[:3])
        lines = ["HTTP/1.1 " + status, "Server: " + self.server.software]
        if length is not None:
            lines.append("Content-Length: %d" % length)
        if etag:
            lines.append("ETag: " + etag)
        if not self.keep:
            lines.append("Connection: close")
        head = "\r\n".join(lines + list(headers)) + "\r\n\r\n"
        self.send(head.encode("latin-1"), counts=False)

    def reply(self, status, body=b"", *headers, etag=None):
        self.head(status, *headers, length=len(body), etag=etag)
        if self.method != "HEAD":
            self.send(body)

    def close(self):
        """No other request on this connection."""
        self.keep = False

    def hold(self):
        """Says nothing more until the client leaves."""
        self.keep = False
        try:
            while self.sock.recv(4096):
                pass
        except OSError:
            pass
        raise Gone


def serve(request, body=None, etag=None):
    """As a web server should, with ranges."""
    body = request.body() if body is None else body
    if body is None:
        request.reply("404 Not Found")
        return
    etag = etag or request.etag(body)
    start = request.range_start()
    if start is not None and request.headers.get("if-range") in (None, etag):
        if start >= len(body):
            request.reply("416 Range Not Satisfiable", b"", "Content-Range: bytes */%d" % len(body))
            return
        request.reply("206 Partial Content", body[start:request.range_end(len(body))],
                      request.in_range(len(body)), etag=etag)
    else:
        request.reply("200 OK", body, etag=etag)


def spoil(body):
    """Other bytes, as many."""
    return bytes(byte ^ 0x5A for byte in body[:64]) + body[64:]


# Behaviours: the name in the URL has '-' where the function has '_'.


@behaviour
def ok(request):
    serve(request)


@behaviour
def stall_status(request):
    request.hold()


@behaviour
def stall_headers(request):
    request.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-Unfinished", counts=False)
    request.hold()


@behaviour
def stall_body(request):
    body = request.body() or b""
    request.head("200 OK", length=len(body), etag=request.etag(body))
    request.send(body[:len(body) // 2])
    request.hold()


def status_only(text):
    def answer(request):
        request.reply(text, b"<html><body>%s</body></html>" % text.encode())
    return answer


for _status in ("403 Forbidden", "404 Not Found", "410 Gone", "500 Internal Server Error"):
    BEHAVIOURS[_status[:3]] = status_only(_status)


@behaviour
def busy_once(request):
    """503 for a second, then right."""
    if request.nth == 1:
        request.reply("503 Service Unavailable", b"", "Retry-After: 1")
    else:
        serve(request)


@behaviour
def busy(request):
    request.reply("503 Service Unavailable", b"", "Retry-After: 1")


@behaviour
def busy_for_ages(request):
    request.reply("503 Service Unavailable", b"", "Retry-After: 99999999999999999999")


@behaviour
def html(request):
    """What a captive portal says to everything."""
    request.reply("200 OK", b"<html><body>Please log in</body></html>" * 20,
                  "Content-Type: text/html")


@behaviour
def cut(request):
    """The right length, half the body, closed."""
    request.close()
    body = request.body() or b""
    request.head("200 OK", length=len(body), etag=request.etag(body))
    request.send(body[:len(body) // 2])


@behaviour
def reset(request):
    """As cut, with a reset."""
    cut(request)
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@behaviour
def short(request):
    """Half the body, and a Content-Length that says that this is all."""
    body = request.body() or b""
    request.reply("200 OK", body[:len(body) // 2], etag=request.etag(body))


@behaviour
def long(request):
    body = request.body() or b""
    request.reply("200 OK", body + b"more" * 1000, etag=request.etag(body))


@behaviour
def endless(request):
    """No Content-Length, and no end."""
    request.close()
    body = request.body() or b""
    request.head("200 OK")
    request.send(body)
    sent = len(body)
    while sent < LONGEST:
        request.send(bytes(65536))
        sent += 65536


@behaviour
def huge(request):
    """Says that there will be 10 GiB, and sends on."""
    request.close()
    request.head("200 OK", length=10 << 30)
    while True:
        request.send(bytes(65536))


@behaviour
def late(request):
    """Right, after a second of silence."""
    if request.server.closing.wait(1):
        raise Gone
    serve(request)


@behaviour
def drip(request):
    """A byte now and then: never silent, never done."""
    request.close()
    request.head("200 OK")
    while not request.server.closing.wait(0.2):
        request.send(b" ")
    raise Gone


def send_chunks(request, body, end):
    request.head("200 OK", "Transfer-Encoding: chunked")
    for at in range(0, len(body), 4096):
        piece = body[at:at + 4096]
        request.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    if end:
        request.send(b"0\r\n\r\n")


@behaviour
def chunked(request):
    send_chunks(request, request.body() or b"", end=True)


@behaviour
def chunked_cut(request):
    request.close()
    body = request.body() or b""
    send_chunks(request, body[:len(body) // 2], end=False)


@behaviour
def chunked_short(request):
    body = request.body() or b""
    send_chunks(request, body[:len(body) // 2], end=True)


@behaviour
def wrong(request):
    """Other bytes of the right length."""
    serve(request, spoil(request.body() or b""))


@behaviour
def wrong_once(request):
    body = request.body() or b""
    serve(request, spoil(body) if request.nth == 1 else body)


@behaviour
def header_line(request):
    request.close()
    request.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * (1 << 20) + b"\r\n\r\n", counts=False)
    request.send(request.body() or b"")


@behaviour
def header_many(request):
    request.close()
    body = request.body() or b""
    request.head("200 OK", *["X-%d: x" % i for i in range(100000)], length=len(body))
    request.send(body)


@behaviour
def continue_forever(request):
    request.close()
    for _ in range(LONGEST // 65536):
        request.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 2600, counts=False)


@behaviour
def rubbish(request):
    request.close()
    request.send(b"\x00\xff\x01 SPAM SPAM\r\n\r\n" + (request.body() or b""), counts=False)


@behaviour
def old_protocol(request):
    """HTTP/0.9: bytes without any status line."""
    request.close()
    request.send(request.body() or b"", counts=False)


def redirect(request, target):
    request.reply("302 Found", b"elsewhere", "Location: " + target)


def rest(request):
    return request.target.lstrip("/").split("/", 1)[1]


@behaviour
def redirect_self(request):
    redirect(request, request.target)


def hop(count):
    def answer(request):
        redirect(request, "/hop-%d/%s" % (count - 1, rest(request)))
    return answer


BEHAVIOURS["hop-0"] = serve
for _count in range(1, 8):
    BEHAVIOURS["hop-%d" % _count] = hop(_count)


@behaviour
def redirect_file(request):
    redirect(request, "file://" + os.path.join(request.server.root, request.file))


@behaviour
def redirect_ftp(request):
    redirect(request, "ftp://127.0.0.1:%d/%s" % (request.server.port, rest(request)))


@behaviour
def redirect_http(request):
    """From https down to http, where the right bytes would be."""
    redirect(request, request.server.elsewhere + "/" + rest(request))


@behaviour
def redirect_name(request):
    """To the same server under another name."""
    redirect(request, request.server.url.replace("127.0.0.1", "localhost") + "/ok/" + request.file)


@behaviour
def range_only(request):
    """Has nothing for who does not go on where they stopped."""
    if request.range_start() is None:
        request.reply("404 Not Found")
    else:
        serve(request)


def partial(request, content_range):
    body = request.body() or b""
    headers = ["Content-Range: " + content_range] if content_range else []
    start = request.range_start() or 0
    request.reply("206 Partial Content", body[start:request.range_end(len(body))], *headers,
                  etag=request.etag(body))


@behaviour
def part_no_range(request):
    if request.range_start() is None:
        serve(request)
    else:
        partial(request, None)


@behaviour
def part_unasked(request):
    """206 to a request for the whole."""
    size = len(request.body() or b"")
    if request.range_start() is None:
        body = request.body() or b""
        request.reply("206 Partial Content", body[100:],
                      "Content-Range: bytes 100-%d/%d" % (size - 1, size), etag=request.etag(body))
    else:
        serve(request)


@behaviour
def part_whole(request):
    """Knows no ranges: 200 and everything."""
    body = request.body() or b""
    request.reply("200 OK", body, etag=request.etag(body))


@behaviour
def part_416(request):
    if request.range_start() is None:
        serve(request)
    else:
        size = len(request.body() or b"")
        request.reply("416 Range Not Satisfiable", b"", "Content-Range: bytes */%d" % size)


@behaviour
def other_cut(request):
    """Half of what stood there before: other bytes, another ETag."""
    request.close()
    body = spoil(request.body() or b"")
    request.head("200 OK", length=len(body), etag=request.etag(body))
    request.send(body[:len(body) // 2])


@behaviour
def unasked_gzip(request):
    body = gzip.compress(request.body() or b"")
    request.reply("200 OK", body, "Content-Encoding: gzip")


@behaviour
def bomb(request):
    """A gigabyte of nothing in a megabyte of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    request.reply("200 OK", body, "Content-Encoding: gzip")


@behaviour
def slow(request):
    """Right, but some 2 MB a second."""
    body = request.body() or b""
    start, end = request.range_start(), request.range_end(len(body))
    etag = request.etag(body)
    if start is not None:
        request.head("206 Partial Content", request.in_range(len(body)), length=end - start,
                     etag=etag)
    else:
        request.head("200 OK", length=len(body), etag=etag)
    for at in range(start or 0, end, 20000):
        request.send(body[at:min(at + 20000, end)])
        if request.server.closing.wait(0.01):
            raise Gone


class FaultServer:
    """`instead` maps a behaviour's name in URLs to another that is used for it. `newest` is the
    newest version of TLS that is spoken. `handshakes` has a word for each that began."""

    def __init__(self, root, certificate=None, newest=None, address="127.0.0.1"):
        self.root, self.requests, self.instead = root, [], {}
        self.elsewhere, self.surprised, self.software = None, False, "fault"
        self.body_bytes, self.connections, self.handshakes = 0, 0, []
        self.closing = threading.Event()
        self.changed = threading.Condition()
        self.sockets = set()
        self.counts = {}
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        if newest:
            self.tls.set_ciphers("ALL:@SECLEVEL=0")
            self.tls.minimum_version = self.tls.maximum_version = newest
        six = ":" in address
        self.listener = socket.create_server((address, 0), backlog=256,
                                             family=socket.AF_INET6 if six else socket.AF_INET)
        self.port = self.listener.getsockname()[1]
        self.url = "%s://%s:%d" % ("https" if certificate else "http",
                                   "[%s]" % address if six else address, self.port)
        threading.Thread(target=self._accept, daemon=True).start()

    def enter(self, record):
        """Notes a request; returns how often this was asked, from 1."""
        with self.changed:
            self.requests.append(record)
            key = record["target"]
            self.counts[key] = self.counts.get(key, 0) + 1
            self.changed.notify_all()
            return self.counts[key]

    def count(self, record, n, what="sent"):
        with self.changed:
            record[what] += n
            self.body_bytes += n if what == "sent" else 0
            self.changed.notify_all()

    def wait(self, predicate, seconds=20):
        """Until predicate(server) holds; whether it did."""
        with self.changed:
            return self.changed.wait_for(lambda: predicate(self), seconds)

    def asked(self, behaviour_name=None):
        with self.changed:
            return [r for r in self.requests if behaviour_name in (None, r["behaviour"])]

    def close(self):
        self.closing.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self.sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections),
                             daemon=True).start()

    def _serve(self, sock, number):
        self.sockets.add(sock)
        try:
            sock.settimeout(60)
            if self.tls:
                sock = self._shake_hands(sock)
            while not self.closing.is_set() and self._serve_one(sock, number):
                pass
        except (Gone, OSError):
            pass
        finally:
            self.sockets.discard(sock)
            sock.close()

    def _shake_hands(self, sock):
        # What is unread at the end of a socket takes away what it has said.
        below = socket.socket(fileno=os.dup(sock.fileno()))
        try:
            sock = self.tls.wrap_socket(sock, server_side=True)
        except OSError as error:
            self.handshakes.append(str(error))
            try:
                below.shutdown(socket.SHUT_WR)
                below.settimeout(5)
                while below.recv(4096):
                    pass
            except OSError:
                pass
            raise
        finally:
            below.close()
        self.handshakes.append("ok")
        return sock

    def _serve_one(self, sock, number):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(4096)
            if not piece or len(head) > 1 << 16:
                return False
            head += piece
            if head[:1] == b"\x16":  # a TLS record
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return False
        request = Request(self, sock, number, head)
        name = self.instead.get(request.name, request.name)
        name, _, request.argument = name.partition(".")
        answer = BEHAVIOURS.get(name)
        if not answer:
            raise KeyError("no behaviour " + name)
        answer(request)
        return request.keep


class NoSuchName:
    """A name server on a loopback port: every name is NXDOMAIN."""

    def __init__(self):
        self.names = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode("latin-1"))
                at += query[at] + 1
            self.names.append(".".join(labels))
            # Same ID; response, recursion there, NXDOMAIN; the question and nothing else.
            answer = query[:2] + struct.pack("!HHHHH", 0x8183, 1, 0, 0, 0) + query[12:at + 5]
            self.socket.sendto(answer, client)

    def close(self):
        self.socket.close()
