"""A distribution point of a given pace that stops, wakes up, dies or lies when a test says so.

    server = scene.keep(Paced(scene.www, rate=4 << 20))
    DP(name, server.url + "/pace", near=True)

`rate` is that of the whole server in bytes a second, however many connections it has. What a test
awaits it asks for by wait(); stop(), go() and kill() come into force at the next piece.
"""

import re
import select
import socket
import struct
import threading
import time

import fault
from fault import Gone

# What may lie between a server and a client, a connection: these socket buffers.
IN_FLIGHT = 256 << 10


class Gauge:
    """Connections that are open at once, over all servers that share it."""

    def __init__(self):
        self.lock, self.open, self.peak = threading.Lock(), set(), 0

    def enter(self, sock):
        with self.lock:
            # One that the client has closed is not open, though its thread has yet to see it.
            self.open = {other for other in self.open if is_open(other)} | {sock}
            self.peak = max(self.peak, len(self.open))

    def leave(self, sock):
        with self.lock:
            self.open.discard(sock)


def is_open(sock):
    try:
        poll = select.poll()
        poll.register(sock, select.POLLRDHUP)
        return not poll.poll(0)
    except (OSError, ValueError):
        return False


def lie(body):
    """As many bytes, another in each 64 KiB."""
    body = bytearray(body)
    for at in range(0, len(body), 1 << 16):
        body[at] ^= 0x5A
    return bytes(body)


class Paced(fault.FaultServer):
    """`ranges`: 206 to ranges, else 200 to everything. `lies`: how many answers have wrong bytes.
    `gauge`: shared with other servers. `stopped_at`, `last_at`: monotonic seconds."""

    def __init__(self, root, rate=None, ranges=True, lies=0, gauge=None):
        self.rate, self.ranges, self.lies = rate, ranges, lies
        self.gauges = [Gauge()] + ([gauge] if gauge else [])
        self.bodies, self.free_at, self.last_at, self.stopped_at = {}, 0.0, None, None
        self.running, self.killed = threading.Event(), False
        self.running.set()
        super().__init__(root)

    # What a test does to it.

    def stop(self):
        """As SIGSTOP: connections stay, and get nothing. It still notes what is asked."""
        self.stopped_at = time.monotonic()
        self.running.clear()

    def go(self):
        self.running.set()

    def kill(self):
        """Resets what is open; from now on nobody listens there."""
        self.killed = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self.sockets):
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RD)  # who waits for a request wakes up and closes
            except OSError:
                pass

    def close(self):
        self.running.set()
        if not self.killed:
            super().close()
        self.closing.set()

    # What a test asks.

    def peak(self):
        return self.gauges[0].peak

    def ranges_asked(self):
        """(start, end) of each request, the end None where open; (0, None) without a range."""
        rows = []
        for record in self.asked():
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", record["range"] or "bytes=0-")
            rows.append((int(found[1]), int(found[2]) + 1 if found[2] else None))
        return rows

    # What it does.

    def enter(self, record):
        record["at"] = time.monotonic()
        return super().enter(record)

    def count(self, record, n, *where):
        self.last_at = time.monotonic()
        super().count(record, n, *where)

    def _serve(self, sock, number):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        for gauge in self.gauges:
            gauge.enter(sock)
        try:
            super()._serve(sock, number)
        finally:
            for gauge in self.gauges:
                gauge.leave(sock)

    def gate(self):
        self.running.wait()
        if self.closing.is_set() or self.killed:
            raise Gone

    def pay(self, size):
        """Waits until so many bytes are due."""
        if not self.rate:
            return
        with self.changed:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + size / self.rate
            pause = self.free_at - now
        if self.closing.wait(pause):
            raise Gone

    def content(self, request):
        with self.changed:
            if request.file not in self.bodies:
                self.bodies[request.file] = request.body()
            body = self.bodies[request.file]
            if body is not None and self.lies > 0:
                self.lies -= 1
                request.record["lie"] = True
                return lie(body), request.etag(body)
        return body, request.etag(body or b"")


def answer_head(request, body, etag):
    """[start, end) of what follows."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    fits = request.headers.get("if-range") in (None, etag)
    if not found or not request.server.ranges or not fits:
        request.head("200 OK", length=len(body), etag=etag)
        return 0, len(body)
    start = int(found[1])
    end = min(int(found[2]) + 1 if found[2] else len(body), len(body))
    request.head("206 Partial Content",
                 "Content-Range: bytes %d-%d/%d" % (start, end - 1, len(body)),
                 length=end - start, etag=etag)
    return start, end


@fault.behaviour
def pace(request):
    server = request.server
    server.gate()
    body, etag = server.content(request)
    if body is None:
        request.reply("404 Not Found")
        return
    start, end = answer_head(request, body, etag)
    step = min(65536, max(1, int((server.rate or 1 << 30) / 50)))
    for at in range(start, end, step):
        piece = body[at:min(at + step, end)]
        server.pay(len(piece))
        server.gate()
        request.send(piece)
