"""More ways to break HTTP; importing this file registers them.

An argument stands behind a dot in the URL: /cut-at.1000/PS100001/setup.exe.
"""

import email.utils
import gzip
import socket
import struct
import subprocess
import time
import zlib

import fault
from fault import Gone, behaviour, serve, spoil

ONE, TWO = '"version-one"', '"version-two"'


def pause(request, seconds):
    if request.server.closing.wait(seconds):
        raise Gone


def head_for(request, body, *headers, etag=None):
    """The head of a right reply; where its bytes begin."""
    start, etag = request.range_start(), etag or request.etag(body)
    if start is None:
        request.head("200 OK", *headers, length=len(body), etag=etag)
        return 0
    request.head("206 Partial Content", request.in_range(len(body)), *headers,
                 length=request.range_end(len(body)) - start, etag=etag)
    return start


def raw(request, status, *lines):
    """A head to the letter."""
    request.record["status"] = status
    head = "\r\n".join(("HTTP/1.1 %d Whatever" % status, *lines)) + "\r\n\r\n"
    request.send(head.encode("latin-1"), counts=False)


# Cut off.


@behaviour
def cut_at(request):
    """The first reply breaks off before the byte of this number; then all is right."""
    if request.nth > 1:
        serve(request)
        return
    cut_always(request)


@behaviour
def cut_always(request):
    """No byte from this number on, ever."""
    request.close()
    body = request.body() or b""
    start = head_for(request, body)
    request.send(body[start:max(start, int(request.argument))])


@behaviour
def chunked_cut_at(request):
    """As cut-at, in chunks, the last of which never comes."""
    if request.nth > 1:
        serve(request)
        return
    request.close()
    fault.send_chunks(request, (request.body() or b"")[:int(request.argument)], end=False)


@behaviour
def chunked_cut_inside(request):
    """As cut-at; the one chunk says that more would come."""
    if request.nth > 1:
        serve(request)
        return
    request.close()
    body = request.body() or b""
    request.head("200 OK", "Transfer-Encoding: chunked", etag=request.etag(body))
    request.send(b"%x\r\n" % len(body), counts=False)
    request.send(body[:int(request.argument)])


# Lengths.


@behaviour
def no_length_short(request):
    """No length, half of the bytes, an end."""
    request.close()
    body = request.body() or b""
    request.head("200 OK")
    request.send(body[:len(body) // 2])


LENGTHS = {
    "negative": ["Content-Length: -5"],
    "two": ["Content-Length: %(size)d", "Content-Length: %(less)d"],
    "two-reversed": ["Content-Length: %(less)d", "Content-Length: %(size)d"],
    "chunked": ["Content-Length: %(less)d", "Transfer-Encoding: chunked"],
    "huge": ["Content-Length: 99999999999999999999999999"],
    "big": ["Content-Length: 9223372036854775807"],
    "words": ["Content-Length: many"],
}


@behaviour
def length(request):
    """A Content-Length of the kind that the argument names, the right bytes, and the connection
    stays."""
    body = request.body() or b""
    sizes = {"size": len(body), "less": len(body) // 2}
    raw(request, 200, *[line % sizes for line in LENGTHS[request.argument]])
    if request.argument == "chunked":
        request.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    else:
        request.send(body)


@behaviour
def surprise(request):
    """Right, and another reply that nobody asked for behind it."""
    body = request.body() or b""
    head_for(request, body)
    extra = spoil(body)
    request.send(body + b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(extra) + extra)


@behaviour
def surprise_once(request):
    """As surprise, behind one reply of the server."""
    first = not request.server.surprised
    request.server.surprised = True
    if first:
        surprise(request)
    else:
        serve(request)


@behaviour
def surprise_late(request):
    """As surprise-once; the reply that nobody asked for comes with the next request, so that no look
    between the two finds it."""
    slipped = getattr(request.server, "slipped", None)
    if not request.server.surprised:
        request.server.surprised = True
        request.server.slipped = request.sock
        serve(request)
    elif slipped is request.sock:
        body = request.body() or b""
        extra = spoil(body)
        request.server.slipped = None
        request.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(extra) + extra)
        head_for(request, body)
        request.send(body)
    else:
        serve(request)


@behaviour
def bad_chunk(request):
    request.close()
    body = request.body() or b""
    request.head("200 OK", "Transfer-Encoding: chunked")
    request.send(b"ZZZ\r\n" + body + b"\r\n0\r\n\r\n")


@behaviour
def endless_chunks(request):
    """In chunks, and no end."""
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    request.close()
    body = request.body() or b""
    fault.send_chunks(request, body, end=False)
    while request.record["sent"] < fault.LONGEST:
        request.send(b"10000\r\n" + bytes(65536) + b"\r\n")


@behaviour
def endless_small(request):
    """No length and no end, and little that lies between server and client."""
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    fault.endless(request)


@behaviour
def part_endless(request):
    """A right answer to a range, without a length and without an end."""
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
    request.close()
    body = request.body() or b""
    request.head("206 Partial Content", request.in_range(len(body)), etag=request.etag(body))
    request.send(body[request.range_start():])
    while request.record["sent"] < fault.LONGEST:
        request.send(bytes(65536))


# Ranges.


@behaviour
def part(request):
    """206 with a Content-Range that is wrong in the way of the argument."""
    if request.range_start() is None:
        serve(request)
        return
    body = request.body() or b""
    start, end, size = request.range_start(), request.range_end(len(body)), len(body)
    line = {
        "start": "bytes %d-%d/%d" % (max(0, start - 10), end - 1, size),
        "end": "bytes %d-%d/%d" % (start, end - 11, size),
        "total": "bytes %d-%d/%d" % (start, end - 1, size + 5),
        "star": "bytes %d-%d/*" % (start, end - 1),
        "reversed": "bytes %d-%d/%d" % (end, start, size),
        "huge": "bytes %d-99999999999999999999/%d" % (start, size),
        "negative": "bytes -%d-%d/%d" % (start, end - 1, size),
        "unit": "items %d-%d/%d" % (start, end - 1, size),
        "rubbish": "bytes somewhere",
    }[request.argument]
    first = max(0, start - 10) if request.argument == "start" else start
    last = end - 10 if request.argument == "end" else end
    request.reply("206 Partial Content", body[first:last], "Content-Range: " + line,
                  etag=request.etag(body))


@behaviour
def part_multi(request):
    """multipart/byteranges, though one range was asked for."""
    if request.range_start() is None:
        serve(request)
        return
    body = request.body() or b""
    start, end = request.range_start(), request.range_end(len(body))
    text = ("--cut\r\nContent-Type: application/octet-stream\r\n%s\r\n\r\n"
            % request.in_range(len(body))).encode()
    request.reply("206 Partial Content", text + body[start:end] + b"\r\n--cut--\r\n",
                  "Content-Type: multipart/byteranges; boundary=cut", etag=request.etag(body))


@behaviour
def part_416_other(request):
    """416, and says that the file is shorter than what was asked for."""
    if request.range_start() is None:
        serve(request)
    else:
        request.reply("416 Range Not Satisfiable", b"", "Content-Range: bytes */10")


# Content that changes between two requests: the first half of an older file, then the right one.


def older_half(request, etag):
    request.close()
    body = spoil(request.body() or b"")
    request.head("200 OK", length=len(body), etag=etag)
    request.send(body[:len(body) // 2])


@behaviour
def changes(request):
    """The tag tells."""
    if request.nth == 1:
        older_half(request, ONE)
    else:
        serve(request, etag=TWO)


@behaviour
def changes_in_silence(request):
    """The tag does not tell."""
    if request.nth == 1:
        older_half(request, ONE)
    else:
        serve(request, etag=ONE)


@behaviour
def changes_unasked(request):
    """The tag tells, but If-Range is not looked at."""
    if request.nth == 1:
        older_half(request, ONE)
        return
    request.headers.pop("if-range", None)
    serve(request, etag=TWO)


# Silence and slowness.


@behaviour
def stall_line(request):
    """Half a status line."""
    request.send(b"HTTP/1.1 2", counts=False)
    request.hold()


@behaviour
def stall_at(request):
    """Right up to this byte, then nothing."""
    body = request.body() or b""
    start = head_for(request, body)
    request.send(body[start:max(start, int(request.argument))])
    request.hold()


@behaviour
def rate(request):
    """Right, at so many bytes a second."""
    body = request.body() or b""
    start = head_for(request, body)
    step = max(1, int(request.argument) // 8)
    for at in range(start, len(body), step):
        request.send(body[at:at + step])
        if at + step < len(body):
            pause(request, step / int(request.argument))


@behaviour
def header_drip(request):
    """A header line now and then, for ever."""
    request.close()
    request.send(b"HTTP/1.1 200 OK\r\n", counts=False)
    while True:
        request.send(b"X-More: x\r\n", counts=False)
        pause(request, 0.3)


# Refusals.


@behaviour
def always(request):
    """The status of the argument."""
    request.reply("%s Never" % request.argument, b"<html><body>no</body></html>")


@behaviour
def hang_up(request):
    """Closed without a word."""
    request.record["status"] = 0
    raise Gone


@behaviour
def reset_at_once(request):
    """As hang-up, with a reset."""
    request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    hang_up(request)


def retry_after_lines(kind):
    date = email.utils.formatdate
    values = {
        "number": ["2"], "date": [date(time.time() + 4, usegmt=True)],
        "past": [date(time.time() - 1000000, usegmt=True)], "absurd": ["99999999999999999999"],
        "far": [date(time.time() + 400 * 86400, usegmt=True)], "negative": ["-100"],
        "rubbish": ["soon, or later"], "fraction": ["1.5"], "empty": [""], "twice": ["2", "3"],
    }[kind]
    return ["Retry-After: " + value for value in values]


@behaviour
def later(request):
    """503 with a Retry-After of the argument's kind, then right."""
    if request.nth == 1:
        request.reply("503 Service Unavailable", b"", *retry_after_lines(request.argument))
    else:
        serve(request)


@behaviour
def too_many(request):
    """429 with a Retry-After of the argument's kind, then right."""
    if request.nth == 1:
        request.reply("429 Too Many Requests", b"", *retry_after_lines(request.argument))
    else:
        serve(request)


# Redirects. `elsewhere` is the URL of another server.


@behaviour
def chain(request):
    """As many redirects, then the file."""
    left = int(request.argument)
    if left == 0:
        serve(request)
    else:
        fault.redirect(request, "/chain.%d/%s" % (left - 1, fault.rest(request)))


@behaviour
def loop_a(request):
    fault.redirect(request, "/loop-b/" + fault.rest(request))


@behaviour
def loop_b(request):
    fault.redirect(request, "/loop-a/" + fault.rest(request))


@behaviour
def moved(request):
    """To the place that the argument names, with what a nosy host would like to see again."""
    other, rest = request.server.elsewhere, fault.rest(request)
    target = {
        "host": other + "/ok/" + rest,
        "ranged": other + "/cut-at.1000000/" + rest,
        "scheme-relative": other.split(":", 1)[1] + "/ok/" + rest,
        "relative": "../" * (rest.count("/") + 1) + "ok/" + rest,
        "absolute-path": "/ok/" + rest,
        "userinfo": other.replace("://", "://user:secret@") + "/ok/" + rest,
        "ftp": "ftp://127.0.0.1:%d/%s" % (request.server.port, rest),
        "gopher": "gopher://127.0.0.1:%d/%s" % (request.server.port, rest),
        "data": "data:application/octet-stream,x",
        "long": other + "/ok/" + rest + "?" + "a" * 3000,
        "very-long": other + "/ok/" + rest + "?" + "a" * 100000,
        "empty": "", "rubbish": "http://[::::", "no-port": "http://127.0.0.1:99999/",
        "blank": "http://127.0.0.1:%d/ok x/%s" % (request.server.port, rest),
    }[request.argument]
    raw(request, 302, "Location: " + target, "Content-Length: 0", "Set-Cookie: id=secret; Path=/",
        'WWW-Authenticate: Basic realm="x"', "ETag: " + ONE)


# Floods.


@behaviour
def header_endless(request):
    """One header line that never ends."""
    request.close()
    request.send(b"HTTP/1.1 200 OK\r\nX-Long: ", counts=False)
    while request.record["head"] < fault.LONGEST:
        request.send(b"a" * 65536, counts=False)


@behaviour
def early_hints(request):
    """103 without end, each with a header."""
    request.close()
    while request.record["head"] < fault.LONGEST:
        request.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 1600, counts=False)


@behaviour
def trailers(request):
    """Half of the bytes in a chunk, and then trailers without end."""
    request.close()
    body = request.body() or b""
    half = body[:len(body) // 2]
    request.head("200 OK", "Transfer-Encoding: chunked")
    request.send(b"%x\r\n%s\r\n0\r\n" % (len(half), half))
    while request.record["head"] < fault.LONGEST:
        request.send(b"X-Trailer: x\r\n" * 4600, counts=False)


# Encodings.


def bomb_bytes():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()


@behaviour
def encoded(request):
    """An encoding that nobody asked for."""
    body = request.body() or b""
    lines, data = {
        "gzip": (["Content-Encoding: gzip"], lambda: gzip.compress(body)),
        "deflate": (["Content-Encoding: deflate"], lambda: zlib.compress(body)),
        "br": (["Content-Encoding: br"], lambda: body),
        "stacked": (["Content-Encoding: gzip, deflate"],
                    lambda: zlib.compress(gzip.compress(body))),
        "twice": (["Content-Encoding: gzip", "Content-Encoding: identity"],
                  lambda: gzip.compress(body)),
        "bomb": (["Content-Encoding: gzip"], bomb_bytes),
        "stacked-bomb": (["Content-Encoding: gzip, gzip"], lambda: gzip.compress(bomb_bytes())),
        "silent-bomb": ([], bomb_bytes),
        "identity": (["Content-Encoding: identity"], lambda: body),
    }[request.argument]
    request.reply("200 OK", data(), *lines, etag=request.etag(body))


@behaviour
def encoded_on_the_way(request):
    """Transfer-Encoding: gzip, chunked; of the body, or of a bomb."""
    request.close()
    data = bomb_bytes() if request.argument == "bomb" else gzip.compress(request.body() or b"")
    raw(request, 200, "Transfer-Encoding: gzip, chunked")
    request.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))


# Something on the way that answers for everybody.

PAGE = b"<!DOCTYPE html><html><body>Please log in to the hotel's network</body></html>"


@behaviour
def portal_of_length(request):
    """A web page as long as the file."""
    size = len(request.body() or b"")
    request.reply("200 OK", (PAGE * (size // len(PAGE) + 1))[:size], "Content-Type: text/html")


@behaviour
def portal_in_chunks(request):
    """A web page that does not say how long it is."""
    request.head("200 OK", "Transfer-Encoding: chunked", "Content-Type: text/html")
    request.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE))


@behaviour
def portal_by_redirect(request):
    raw(request, 302, "Location: /html/login", "Content-Length: 0")


class Authority:
    """A certificate authority of a test's own, for servers on 127.0.0.1."""

    CONFIG = """[ca]
default_ca = own
[own]
new_certs_dir = %(folder)s
database = %(folder)s/index
serial = %(folder)s/serial
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""

    def __init__(self, scene, name="authority"):
        self.scene, self.folder = scene, scene.path(name)
        self.file = scene.write(name + "/ca.pem", "")
        scene.write(name + "/index", "")
        scene.write(name + "/serial", "01\n")
        self.config = scene.write(name + "/config", self.CONFIG % {"folder": self.folder})
        self.openssl("req", "-x509", *self.new_key("ca.key"), "-days", "3650", "-subj",
                     "/CN=Authority " + name, "-out", self.file)

    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                self.folder + "/" + name]

    def issue(self, name="IP:127.0.0.1", begins=-86400, ends=86400):
        """(certificate, key); times in seconds from now."""
        stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + at))
                 for at in (begins, ends)]
        self.openssl("req", *self.new_key("dp.key"), "-subj", "/CN=dp", "-addext",
                     "subjectAltName=" + name, "-out", self.folder + "/dp.csr")
        self.openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.file,
                     "-keyfile", self.folder + "/ca.key", "-in", self.folder + "/dp.csr", "-out",
                     self.folder + "/dp.pem", "-startdate", stamp[0], "-enddate", stamp[1])
        return self.folder + "/dp.pem", self.folder + "/dp.key"
