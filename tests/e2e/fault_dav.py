"""A distribution point as IIS is one, and as nobody should be: listings and files by a script.

`listing(server, path, depth)` gives status, headers and body (bytes, or pieces of them) of a
PROPFIND; `iis()` is what an honest one answers. Files are served where `form` says: "plain",
"sccm" (as `…/sccm?/<path>` only, as a real one may) or "both"; `roots` are the virtual directories
that answer, `refusal` is the status of the others. `change` maps a name to other bytes.
"""

import os
import re
import urllib.parse
from xml.sax.saxutils import escape

from scripted import Scripted

ALL = ("", "NOCERT_", "CCMTOKENAUTH_")


def quoted(path):
    return urllib.parse.quote(path, safe="/$")


class DavServer(Scripted):
    def __init__(self, scene, listing=None, form="sccm", roots=("",), refusal=404, change=None,
                 headers=()):
        self.www, self.listing = scene.www, listing or iis
        self.form, self.roots, self.refusal = form, roots, refusal
        self.change, self.headers = change or {}, headers
        super().__init__(scene, "Microsoft-IIS/10.0")
        self.url = self.host + "/SMS_DP_SMSPKG$"

    def local(self, path):
        return os.path.join(self.www, path)

    def requests(self, method=None):
        """(method, target, Depth) in the order in which they came."""
        with self.lock:
            return [row for row in self.asked if method in (None, row[0])]

    def answer(self, request):
        length = int(request.headers.get("Content-Length") or 0)
        request.body = request.rfile.read(length)
        target = urllib.parse.unquote(request.path)
        with self.lock:
            self.asked.append((request.command, target, request.headers.get("Depth")))
        request.said = dict(request.headers)
        match = re.match(r"/((?:\w+_)?)SMS_DP_SMSPKG\$(?:/(.*))?$", target, re.S)
        if not match or match[1] not in self.roots:
            return self.reply(request, self.refusal, b"refused")
        path = match[2] or ""
        if request.command == "PROPFIND":
            return self.reply(request, *self.listing(self, path.rstrip("/"),
                                                     request.headers["Depth"]))
        return self.file(request, path)

    def file(self, request, path):
        special = "/sccm?/" in path
        if special != (self.form == "sccm") and self.form != "both":
            return self.reply(request, self.refusal, b"refused")
        path = path.replace("sccm?/", "")
        try:
            with open(self.local(path), "rb") as file:
                data = file.read()
        except OSError:
            return self.reply(request, 404, b"none")
        data = self.change.get(path.split("/", 1)[1], data)
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range") or "")
        if not match:
            return self.reply(request, 200, data)
        first, last = int(match[1]), int(match[2] or len(data) - 1)
        return self.reply(request, 206, data[first:last + 1], {
            "Content-Range": "bytes %d-%d/%d" % (first, last, len(data))})

    def reply(self, request, status, body, headers=None):
        pieces = [body] if isinstance(body, bytes) else body
        try:
            request.send_response(status)
            for name, value in {**dict(self.headers), **(headers or {})}.items():
                request.send_header(name, value)
            if isinstance(body, bytes):
                request.send_header("Content-Length", str(len(body)))
            else:
                request.send_header("Connection", "close")
                request.close_connection = True
            request.end_headers()
            if request.command != "HEAD":
                for piece in pieces:
                    request.wfile.write(piece)
        except OSError:
            request.close_connection = True


OPEN = ('<?xml version="1.0"?><a:multistatus xmlns:b="urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/" '
        'xmlns:c="xml:" xmlns:a="DAV:">')
CLOSE = "</a:multistatus>"
XML = {"Content-Type": "text/xml"}


def entry(href, size=None, status="HTTP/1.1 200 OK", extra=""):
    """In IIS's own form: a folder where there is no size."""
    kind = 'b:dt="boolean">%d' % (size is None)
    return ('<a:response><a:href>%s</a:href><a:propstat><a:status>%s</a:status><a:prop>'
            '<a:getcontentlength b:dt="int">%s</a:getcontentlength><a:iscollection %s'
            '</a:iscollection></a:prop></a:propstat>%s</a:response>'
            % (escape(href), status, size or 0, kind, extra))


def walk(server, path, depth):
    """(path, size or None) of what is asked about and below it."""
    top = server.local(path)
    yield path, None
    for name in sorted(os.listdir(top)):
        below, full = "%s/%s" % (path, name), os.path.join(top, name)
        if not os.path.isdir(full):
            yield below, os.path.getsize(full)
        elif depth == "infinity":
            yield from walk(server, below, depth)
        else:
            yield below, None


def iis(server, path, depth, href=lambda server, path: server.url + "/" + quoted(path)):
    rows = "".join(entry(href(server, below), size) for below, size in walk(server, path, depth))
    return 207, (OPEN + rows + CLOSE).encode(), XML


def saying(*rows, before=OPEN, after=CLOSE, **options):
    """A listing that says these rows, (path, size), whatever is there."""
    body = before + "".join(row if isinstance(row, str) else entry(row[0], row[1], **options)
                            for row in rows) + after

    def listing(server, path, depth):
        return 207, body.encode("utf-8", "surrogateescape"), XML
    return listing
