"""A distribution point that misbehaves over HTTP/2, one stream after the other on a connection.

As with fault.py the first segment of a URL's path names the behaviour and, behind a dot, its
argument. `requests` has what was asked, `reached` a word for each fault that was committed. A client
that does not take h2 gets what fault.py does.
"""

import select
import ssl
import struct
import sys
import threading
import urllib.parse

import fault
from fault import Gone, spoil
from harness import Skip

DEBIAN = "/usr/lib/python3/dist-packages"
try:
    sys.path.append(DEBIAN)  # another Python than Debian's may run the tests
    import h2.config
    import h2.connection
    import h2.errors
    import h2.events
    import h2.exceptions
except ImportError:
    h2 = None
finally:
    sys.path.remove(DEBIAN)

BEHAVIOURS = {}
PIECE = 16384
HEADERS, CONTINUATION = 1, 9


def behaviour(function):
    BEHAVIOURS[function.__name__.replace("_", "-")] = function
    return function


class Stream:
    """One request, and the means to answer it."""

    def __init__(self, talk, event):
        self.talk, self.server, self.id = talk, talk.server, event.stream_id
        headers = dict(event.headers)
        self.target, self.headers = headers[":path"], headers
        self.name, self.file = (self.target.split("?")[0].lstrip("/") + "/").split("/", 1)
        self.file = urllib.parse.unquote(self.file.rstrip("/"))
        name = self.server.instead.get(self.name, self.name)
        self.behaviour, _, self.argument = name.partition(".")
        self.record = {"method": headers[":method"], "target": self.target, "behaviour": self.name,
                       "file": self.file, "range": headers.get("range"), "headers": headers,
                       "connection": talk.number, "status": None, "sent": 0, "head": 0}
        self.nth = self.server.enter(self.record)

    body, etag, range_start, range_end = (fault.Request.body, fault.Request.etag,
                                          fault.Request.range_start, fault.Request.range_end)

    def reach(self, word):
        with self.server.changed:
            self.server.reached.append(word)
            self.server.changed.notify_all()

    def head(self, status, *headers, length=None, etag=None, end=False):
        self.record["status"] = status
        rows = [(":status", str(status)), *headers]
        if length is not None:
            rows.append(("content-length", str(length)))
        if etag:
            rows.append(("etag", etag))
        self.talk.h2.send_headers(self.id, rows, end_stream=end)
        self.talk.flush()

    def send(self, data, end=True):
        """As the client's window allows."""
        at = 0
        while at < len(data):
            self.talk.listen(0)
            self.check()
            room = min(PIECE, self.talk.h2.local_flow_control_window(self.id))
            if room <= 0:
                self.talk.listen(60)
                continue
            piece = data[at:at + room]
            at += len(piece)
            self.talk.h2.send_data(self.id, piece, end_stream=end and at == len(data))
            self.talk.flush()
            self.server.count(self.record, len(piece))
        if end and not data:
            self.talk.h2.end_stream(self.id)
            self.talk.flush()

    def check(self):
        if self.id in self.talk.reset:
            self.record["left"] = True
            raise Left

    def reset(self, code):
        self.talk.h2.reset_stream(self.id, code)
        self.talk.flush()

    def hold(self):
        """Says nothing more on this stream."""
        while True:
            self.talk.listen(60)
            self.check()


class Left(Exception):
    """The client gave the stream up."""


class Talk:
    """One connection."""

    def __init__(self, server, sock, number):
        self.server, self.sock, self.number = server, sock, number
        self.asked, self.reset, self.over = [], set(), False
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False))

    def flush(self):
        self.raw(self.h2.data_to_send())

    def raw(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def frame(self, kind, flags, stream, payload):
        self.raw(struct.pack("!I", len(payload))[1:] + bytes([kind, flags])
                 + struct.pack("!I", stream) + payload)

    def listen(self, seconds):
        """Takes in what the client says, if it says anything."""
        if not self.sock.pending() and not select.select([self.sock], [], [], seconds)[0]:
            return
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            raise Gone from error
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                self.asked.append(event)
                self.server.together = max(self.server.together, len(self.asked))
            elif isinstance(event, h2.events.StreamReset):
                self.reset.add(event.stream_id)
            elif isinstance(event, h2.events.ConnectionTerminated):
                raise Gone
        self.flush()

    def serve(self):
        self.h2.initiate_connection()
        self.flush()
        while not self.over:
            while not self.asked:
                self.listen(60)
            stream = Stream(self, self.asked[0])
            try:
                BEHAVIOURS[stream.behaviour](stream)
            except Left:
                pass
            self.asked.pop(0)


class H2Server(fault.FaultServer):
    """`together`: how many requests were on one connection at once. `protocols`: what is offered."""

    def __init__(self, root, certificate, protocols=("h2", "http/1.1"), **options):
        if not h2:
            raise Skip("python3-h2 is not installed")
        self.reached, self.together, self.spoken = [], 0, []
        self.protocols = list(protocols)
        super().__init__(root, certificate=certificate, **options)
        self.tls.set_alpn_protocols(self.protocols)

    def _shake_hands(self, sock):
        sock = super()._shake_hands(sock)
        spoken = sock.selected_alpn_protocol()
        self.spoken.append(spoken)
        if spoken == "h2":
            Talk(self, sock, self.connections).serve()
            sock.shutdown(2)
            raise Gone
        return sock


def serve(stream, body=None, etag=None):
    """As a web server should, with ranges."""
    body = stream.body() if body is None else body
    if body is None:
        stream.head(404, length=0, end=True)
        return
    etag = etag or stream.etag(body)
    start = stream.range_start()
    if start is not None and stream.headers.get("if-range") in (None, etag):
        end = stream.range_end(len(body))
        stream.head(206, ("content-range", "bytes %d-%d/%d" % (start, end - 1, len(body))),
                    length=end - start, etag=etag)
        stream.send(body[start:end])
    else:
        stream.head(200, length=len(body), etag=etag)
        stream.send(body)


def begin(stream, count):
    """The head of a right answer and `count` bytes of it, from where it was asked for."""
    body = stream.body() or b""
    start = stream.range_start() or 0
    if start:
        stream.head(206, ("content-range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body))),
                    length=len(body) - start, etag=stream.etag(body))
    else:
        stream.head(200, length=len(body), etag=stream.etag(body))
    stream.send(body[start:start + count], end=False)


@behaviour
def ok(stream):
    serve(stream)


@behaviour
def slow(stream):
    body = stream.body() or b""
    stream.head(200, length=len(body), etag=stream.etag(body))
    for at in range(0, len(body), 20000):
        stream.send(body[at:at + 20000], end=at + 20000 >= len(body))
        if stream.server.closing.wait(0.01):
            raise Gone


@behaviour
def reset(stream):
    """RST_STREAM after so many bytes; the second time all is right."""
    if stream.nth > 1:
        serve(stream)
        return
    if int(stream.argument):
        begin(stream, int(stream.argument))
    stream.reach("reset")
    stream.reset(h2.errors.ErrorCodes.INTERNAL_ERROR)


@behaviour
def reset_always(stream):
    begin(stream, 0)
    stream.reach("reset")
    stream.reset(h2.errors.ErrorCodes.INTERNAL_ERROR)


@behaviour
def refused(stream):
    """REFUSED_STREAM as often as the argument says."""
    if stream.nth > int(stream.argument):
        serve(stream)
        return
    stream.reach("refused")
    stream.reset(h2.errors.ErrorCodes.REFUSED_STREAM)


@behaviour
def http_1_1(stream):
    """Says over HTTP/2 that it wants to be asked over HTTP/1.1."""
    stream.reach("http-1.1")
    stream.reset(h2.errors.ErrorCodes.HTTP_1_1_REQUIRED)


@behaviour
def goaway(stream):
    """GOAWAY after so many bytes, with an error, and the connection ends; then all is right."""
    if stream.nth > 1:
        serve(stream)
        return
    begin(stream, int(stream.argument))
    stream.reach("goaway")
    stream.talk.h2.close_connection(h2.errors.ErrorCodes.INTERNAL_ERROR, last_stream_id=stream.id)
    stream.talk.flush()
    stream.talk.over = True


@behaviour
def goaway_ours(stream):
    """GOAWAY in the middle says that this very stream was not looked at; then all is right."""
    if stream.nth > 1:
        serve(stream)
        return
    begin(stream, 1000)
    stream.reach("goaway")
    stream.talk.h2.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=0)
    stream.talk.flush()
    stream.hold()


@behaviour
def goaway_in_peace(stream):
    """GOAWAY before the body, which comes whole all the same: the last on this connection."""
    body = stream.body() or b""
    stream.head(200, length=len(body), etag=stream.etag(body))
    stream.reach("goaway")
    stream.talk.frame(7, 0, 0, struct.pack("!II", stream.id, 0))
    stream.send(body)
    stream.talk.over = True


@behaviour
def part(stream):
    """206 with a content-range that is wrong."""
    if stream.range_start() is None:
        begin(stream, 1000000)
        stream.reset(h2.errors.ErrorCodes.INTERNAL_ERROR)
        return
    body = stream.body() or b""
    start, size = stream.range_start(), len(body)
    stream.reach("part")
    stream.head(206, ("content-range", {
        "start": "bytes %d-%d/%d" % (start - 10, size - 1, size),
        "total": "bytes %d-%d/%d" % (start, size - 1, size + 5),
        "rubbish": "bytes somewhere",
    }[stream.argument]), length=size - start, etag=stream.etag(body))
    stream.send(body[start:])


@behaviour
def length(stream):
    """A content-length that lies in the way of the argument."""
    body = stream.body() or b""
    stream.reach("length")
    if stream.argument == "short":  # the length is right, the bytes are not all there
        stream.head(200, length=len(body))
        stream.send(body[:len(body) // 2])
    elif stream.argument == "long":  # more bytes than the length says
        stream.head(200, length=len(body))
        stream.send(body + body)
    elif stream.argument == "less":
        stream.head(200, length=len(body) // 2)
        stream.send(body)
    elif stream.argument == "none":
        stream.head(200)
        stream.send(body + body)
    else:
        stream.head(200, ("content-length", "-5"))
        stream.send(body)


@behaviour
def length_none(stream):
    """Right, without a length."""
    stream.head(200)
    stream.send(stream.body() or b"")


@behaviour
def wrong(stream):
    serve(stream, spoil(stream.body() or b""))


@behaviour
def upper(stream):
    """A header name with capitals, which HTTP/2 forbids."""
    stream.reach("upper")
    stream.head(200, ("X-Upper", "x"), length=1)
    stream.send(b"x")


@behaviour
def headers_many(stream):
    """More headers than 64 KiB."""
    stream.reach("headers")
    stream.head(200, *[("x-more-%d" % i, "a" * 1000) for i in range(90)])
    stream.hold()


@behaviour
def headers_endless(stream):
    """HEADERS, and CONTINUATION for ever."""
    block = b"\x40\x06x-more\x7f\x81\x05" + b"a" * 256  # a literal that gets into the table
    stream.reach("headers")
    stream.talk.frame(HEADERS, 0, stream.id, b"\x88")
    while stream.record["head"] < fault.LONGEST:
        stream.talk.frame(CONTINUATION, 0, stream.id, block * 60)
        stream.server.count(stream.record, len(block) * 60, "head")


@behaviour
def hints_endless(stream):
    """103 for ever."""
    stream.reach("hints")
    while stream.record["head"] < fault.LONGEST:
        stream.talk.frame(HEADERS, 4, stream.id, b"\x08\x03103\x40\x04link\x04</x>")
        stream.server.count(stream.record, 16, "head")


@behaviour
def pings(stream):
    """Half of the body, and then a PING every now and then: nothing of use."""
    body = stream.body() or b""
    begin(stream, len(body) // 2)
    stream.reach("pings")
    while True:
        stream.talk.h2.ping(b"12345678")
        stream.talk.flush()
        stream.talk.listen(0)
        stream.check()
        if stream.server.closing.wait(0.2):
            raise Gone


@behaviour
def rubbish(stream):
    stream.reach("rubbish")
    stream.talk.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
    stream.talk.over = True


@behaviour
def stall(stream):
    """A head, half of the body, and nothing more."""
    body = stream.body() or b""
    begin(stream, len(body) // 2)
    stream.reach("stall")
    stream.hold()


@behaviour
def portal(stream):
    page = b"<html><body>log in</body></html>"
    stream.reach("portal")
    stream.head(200, ("content-type", "text/html"), length=len(page))
    stream.send(page)


@behaviour
def encoded(stream):
    stream.reach("encoded")
    body = stream.body() or b""
    stream.head(200, ("content-encoding", "gzip"), length=len(body))
    stream.send(body)


@behaviour
def moved(stream):
    stream.reach("moved")
    stream.head(302, ("location", stream.server.elsewhere + "/ok/" + stream.file), length=0,
                end=True)
