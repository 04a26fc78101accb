"""A distribution point as IIS has it, whole or with the faults that administrators leave on it.

It serves /SMS_DP_SMSPKG$/<content>/<file>, the same as `sccm?/<file>`, and lists by PROPFIND.
"""

import gzip
import os
import socket
import ssl
import struct
import urllib.parse
from xml.sax.saxutils import escape

import fault
from fault import Gone, behaviour, serve, spoil

FOLDERS = ("SMS_DP_SMSPKG$", "NOCERT_SMS_DP_SMSPKG$", "CCMTOKENAUTH_SMS_DP_SMSPKG$")
LIST = ('<?xml version="1.0"?><a:multistatus '
        'xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" xmlns:a="DAV:">%s'
        '</a:multistatus>')
ROW = ('<a:response><a:href>%s</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop>'
       '<a:iscollection b:dt="boolean">%d</a:iscollection>'
       '<a:getcontentlength b:dt="int">%d</a:getcontentlength></a:prop></a:propstat></a:response>')


class Iis(fault.FaultServer):
    """`faults`: words, see the behaviours below. `shown`: of each request the client's certificate."""

    def __init__(self, scene, *faults, **options):
        super().__init__(scene.www, **options)
        self.faults, self.shown, self.software = set(faults), [], "Microsoft-IIS/10.0"
        self.instead = {folder: "iis" for folder in FOLDERS}
        if "no-other-folders" in self.faults:
            self.instead = {FOLDERS[0]: "iis", FOLDERS[1]: "404", FOLDERS[2]: "404"}
        self.host, self.url = self.url, self.url + "/" + FOLDERS[0]
        scene.keep(self)

    def has(self, word):
        return word in self.faults


class Curt(Iis):
    """Wants a client certificate, and does not listen before it has said so: whoever has sent a
    question by then is cut off without a word."""

    def _shake_hands(self, sock):
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.tls.wrap_bio(heard, said, server_side=True)
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(said.read())
                    if not (piece := sock.recv(65536)):
                        raise Gone from None
                    heard.write(piece)
        except ssl.SSLError:
            sock.settimeout(0.3)
            try:
                # Behind a Finished of some 60 bytes.
                if heard.pending > 120 or sock.recv(65536):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except TimeoutError:
                sock.sendall(said.read())
                sock.shutdown(socket.SHUT_WR)
                sock.settimeout(5)
                sock.recv(65536)
        raise Gone


# What answers everything, in the order of the list.


def silent(request):
    request.hold()


def drips(request):
    fault.drip(request)


def endless_headers(request):
    request.close()
    request.send(b"HTTP/1.1 200 OK\r\n", counts=False)
    while request.record["head"] < fault.LONGEST:
        request.send(b"X-More: %s\r\n" % (b"x" * 1000), counts=False)


def long_line(request):
    fault.header_line(request)


def rubbish(request):
    fault.rubbish(request)


def anonymous_off(request):
    request.reply("401 Unauthorized", b"", "WWW-Authenticate: Negotiate", "WWW-Authenticate: NTLM")


def certificate_wanted(request):
    request.reply("403 Forbidden", b"403.7 - Forbidden: Client certificate required")


def redirects(request):
    request.reply("302 Found", b"", "Location: https://elsewhere.contoso.test" + request.target)


def escapes(request):
    request.reply("302 Found", b"", "Location: http://x.test/\x1b[2J\x9b1m")


def portal(request):
    fault.html(request)


EVERYTHING = {
    "silent": silent, "drips": drips, "endless-headers": endless_headers, "long-line": long_line,
    "rubbish": rubbish, "anonymous-off": anonymous_off, "certificate": certificate_wanted,
    "redirects": redirects, "portal": portal, "escapes": escapes,
}


# Listings.


def rows(request):
    """The content and what is in it, level by level or all of it."""
    top = os.path.join(request.server.root, request.file)
    base = request.server.url + "/" + request.file
    yield ROW % (escape(base + "/"), 1, 0)
    for folder, folders, names in os.walk(top):
        for name in sorted(folders) + sorted(names):
            path = os.path.join(folder, name)
            href = base + "/" + urllib.parse.quote(os.path.relpath(path, top))
            yield ROW % (escape(href), os.path.isdir(path), os.path.getsize(path))
        if request.headers.get("depth") != "infinity":
            break


def send_list(request):
    has, kind = request.server.has, "Content-Type: text/xml"
    if has("webdav-publishing"):
        request.reply("405 Method Not Allowed", b"", "Allow: GET, HEAD, OPTIONS, TRACE")
    elif has("list-forbidden"):
        request.reply("403 Forbidden")
    elif has("list-page"):
        request.reply("207 Multi-Status", b"<html><body>hello</body></html>",
                      "Content-Type: text/html")
    elif has("list-broken"):
        whole = LIST % "".join(rows(request))
        request.reply("207 Multi-Status", whole[:-9].encode(), kind)
    elif has("list-endless"):
        request.close()
        request.head("207 Multi-Status", kind)
        request.send(LIST.split("%s")[0].encode())
        while request.record["sent"] < fault.LONGEST:
            request.send((ROW % ("/SMS_DP_SMSPKG$/" + "x" * 100, 0, 1)).encode() * 100)
    elif has("list-outside"):
        outside = ["/SMS_DP_SMSPKG$/PS100001/../secret", "/SMS_DP_SMSPKG$/PS100001/%2e%2e/secret",
                   "/SMS_DP_SMSPKG$/PS100001/..%2fsecret", "http://other.test/secret",
                   "/secret", "/SMS_DP_SMSPKG$/PS100002/secret", "/SMS_DP_SMSPKG$/PS100001/a%0ab", "/SMS_DP_SMSPKG$/PS100001/a%00b",
                   "/SMS_DP_SMSPKG$/PS100001/setup.exe"]
        found = "".join(ROW % (href, 0, 9 if "secret" in href else 300) for href in outside)
        request.reply("207 Multi-Status", (LIST % found).encode(), kind)
    elif not os.path.isdir(os.path.join(request.server.root, request.file)):
        request.reply("404 Not Found")
    elif has("level-only") and request.headers.get("depth") == "infinity":
        request.reply("403 Forbidden")
    else:
        request.reply("207 Multi-Status", (LIST % "".join(rows(request))).encode(), kind)


# Files.


def is_filtered(request, by_sccm):
    """As request filtering is without the changes that a distribution point's setup makes."""
    has, name = request.server.has, request.file
    if has("hidden-segments") and "bin" in name.lower().split("/"):
        return True
    if has("hidden-endings") and name.lower().endswith((".mdb", ".pck")):
        return True
    if has("double-escaping") and ("+" in name or "%" in name):
        return True
    return has("sccm-only") and not by_sccm


def send_part(request, body):
    """A part that is wrong in one way, or no part."""
    has = request.server.has
    start, end = request.range_start(), request.range_end(len(body))
    if has("no-ranges"):
        request.reply("200 OK", body, "Accept-Ranges: none", etag=request.etag(body))
    elif has("range-shifted"):
        request.reply("206 Partial Content", body[start - 1:end - 1],
                      "Content-Range: bytes %d-%d/%d" % (start - 1, end - 2, len(body)))
    elif has("range-begin"):
        request.reply("206 Partial Content", body[start:end],
                      "Content-Range: bytes %d-%d/%d" % (start - 1, end - 1, len(body)))
    elif has("range-end"):
        request.reply("206 Partial Content", body[start:end],
                      "Content-Range: bytes %d-%d/%d" % (start, end - 2, len(body)))
    elif has("range-silent"):
        request.reply("206 Partial Content", body[start:end])
    elif has("range-total"):
        request.reply("206 Partial Content", body[start:end],
                      "Content-Range: bytes %d-%d/%d" % (start, end - 1, len(body) + 1))
    elif has("range-short"):
        request.reply("206 Partial Content", body[start:end - 1], request.in_range(len(body)))
    elif has("if-range-refused") and request.headers.get("if-range"):
        request.reply("200 OK", body, etag=request.etag(body))
    elif has("if-range-ignored"):
        request.reply("206 Partial Content", body[start:end], request.in_range(len(body)),
                      etag=request.etag(body))
    else:
        serve(request, body)


def send_whole(request, body):
    has = request.server.has
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if has("compresses-always") or (has("compresses") and packed):
        request.reply("200 OK", gzip.compress(body), "Content-Encoding: gzip",
                      etag=request.etag(body))
    elif has("no-length"):
        request.close()
        request.head("200 OK", etag=request.etag(body))
        request.send(b"" if request.method == "HEAD" else body)
    elif has("other-length"):
        request.reply("200 OK", body + b"more", etag=request.etag(body))
    elif has("other-bytes"):
        request.reply("200 OK", spoil(body), etag=request.etag(body))
    elif has("file-page"):
        fault.html(request)
    elif has("endless") and request.method == "GET":
        fault.endless(request)
    elif has("weak-etag"):
        request.reply("200 OK", body, etag="W/" + request.etag(body))
    elif has("no-etag"):
        request.reply("200 OK", body)
    elif has("no-head") and request.method == "HEAD":
        request.reply("405 Method Not Allowed")
    else:
        request.reply("200 OK", body, etag=request.etag(body))


def send_file(request):
    if request.server.has("silent-files") and request.target.endswith(".exe"):
        request.hold()
    path, mark, query = request.target.partition("?")
    by_sccm = mark and path.endswith("/sccm") and query.startswith("/")
    if by_sccm and not request.server.has("no-sccm"):
        request.file = request.file[:-len("sccm")] + urllib.parse.unquote(query[1:])
    body = request.body()
    if body is None or is_filtered(request, by_sccm):
        request.reply("404 Not Found")
    elif request.range_start() is not None:
        send_part(request, body)
    else:
        send_whole(request, body)


@behaviour
def iis(request):
    sock = request.sock
    request.server.shown.append(sock.getpeercert() if hasattr(sock, "getpeercert") else None)
    for word, answer in EVERYTHING.items():
        if request.server.has(word):
            answer(request)
            return
    if request.server.closing.is_set():
        raise Gone
    if request.method == "PROPFIND":
        send_list(request)
    elif not request.file or request.file.endswith("/"):
        request.reply("403 Forbidden")
    else:
        send_file(request)
