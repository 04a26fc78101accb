"""A distribution point that stops half-way until a test lets it go on, and what stands before one.

It serves what fault.py serves. /gate/FILE sends the first half of the file, or of what is left of
it, and the rest when the gate opens; /scripted/FILE does what the test said for the next requests,
and after that what it said for the others.
"""

import re
import select
import socket
import struct
import threading

import fault


class Gate(fault.FaultServer):
    def __init__(self, root):
        self.gate = threading.Event()
        self.waiting, self.most = [], 0  # requests at the gate now; how many at once ever
        self.script, self.otherwise = [], "ok"
        super().__init__(root)

    @property
    def inside(self):
        """How many are at the gate, by clients that are still there."""
        with self.changed:
            return sum(is_there(request) for request in self.waiting)

    def arrive(self, request):
        with self.changed:
            self.waiting.append(request)
            self.most = max(self.most, self.inside)
            self.changed.notify_all()

    def leave(self, request):
        with self.changed:
            self.waiting.remove(request)
            self.changed.notify_all()

    def next_of_script(self):
        with self.changed:
            return self.script.pop(0) if self.script else self.otherwise

    def wait_inside(self, count, seconds=20):
        there = self.wait(lambda server: len(server.waiting) == server.inside == count, seconds)
        assert there, "%d requests at the gate, not %d" % (self.inside, count)

    def ranges(self, behaviour_name=None):
        return [record["range"] for record in self.asked(behaviour_name)]

    @property
    def sent(self):
        with self.changed:
            return self.body_bytes


def begin(request, body):
    """The head of a right answer; where the bytes begin and end."""
    etag, size = request.etag(body), len(body)
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not found or request.headers.get("if-range") not in (None, etag):
        request.head("200 OK", length=size, etag=etag)
        return 0, size
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    request.head("206 Partial Content", "Content-Range: bytes %d-%d/%d" % (start, end - 1, size),
                 length=end - start, etag=etag)
    return start, end


def is_there(request):
    """The client has not hung up."""
    try:
        readable, _, _ = select.select([request.sock], [], [], 0)
        return not readable or bool(request.sock.recv(1, socket.MSG_PEEK))
    except (OSError, ValueError):
        return False


def wait_at(request):
    """Until the gate opens. The client may leave before: `left` stands in the record then."""
    server = request.server
    server.arrive(request)
    try:
        while not server.gate.wait(0.005):
            if server.closing.is_set():
                raise fault.Gone
            if not is_there(request):
                request.record["left"] = True
                raise fault.Gone
    finally:
        server.leave(request)


@fault.behaviour
def gate(request):
    body = request.body() or b""
    start, end = begin(request, body)
    middle = (start + end) // 2
    request.send(body[start:middle])
    wait_at(request)
    request.send(body[middle:end])


@fault.behaviour
def scripted(request):
    fault.BEHAVIOURS[request.server.next_of_script()](request)


@fault.behaviour
def some_bytes(request):
    """A hundred bytes more, and no more on this connection."""
    request.close()
    body = request.body() or b""
    start, _ = begin(request, body)
    request.send(body[start:start + 100])


@fault.behaviour
def reset_at_once(request):
    """As a port where nobody listens, but that the test sees who came."""
    request.close()
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Door:
    """A port that refuses until it is opened, and then leads to a server's."""

    def __init__(self, server):
        self.server, self.passed = server, 0
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port

    def open(self):
        self.socket.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
                server = socket.create_connection(("127.0.0.1", self.server.port))
            except OSError:
                return
            self.passed += 1
            for pair in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
