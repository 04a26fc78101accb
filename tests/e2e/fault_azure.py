"""A blob service as Azure is one, and as nobody should be: sealed blobs by a script.

`blobs` maps a blob's path to (bytes, encryption data or None). `instead`, where it is set, is asked
first: it gets the handler and answers itself (true), or leaves it to us. What was asked stands in
`asked`.
"""

import re
import time
import urllib.parse
import zlib
from xml.sax.saxutils import escape

from scripted import Scripted


class BlobServer(Scripted):
    def __init__(self, scene, address="127.0.0.1"):
        self.blobs = {}
        self.instead = None
        self.page = 5000  # names of one page of a list
        self.pace = None  # seconds between 64 KiB
        super().__init__(scene, "Windows-Azure-Blob/1.0", address)
        self.url = self.host

    def answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        path = urllib.parse.unquote(url.path.lstrip("/"))
        handler.query = urllib.parse.parse_qs(url.query)
        handler.blob = path
        record = {"path": path, "query": url.query, "range": handler.headers.get("Range"),
                  "ifMatch": handler.headers.get("If-Match"), "time": time.monotonic(),
                  "version": handler.headers.get("x-ms-version"), "sent": 0}
        handler.record = record
        with self.lock:
            self.asked.append(record)
            record["nth"] = sum(row["path"] == path for row in self.asked)
        try:
            if self.instead and self.instead(handler):
                return
            if handler.query.get("comp") == ["list"]:
                self.list(handler, path)
            elif path in self.blobs:
                self.give(handler, *self.blobs[path])
            else:
                refuse(handler, 404, "BlobNotFound", "The specified blob does not exist.")
        except OSError:
            handler.close_connection = True

    def give(self, handler, body, metadata):
        etag = '"0x%08X"' % zlib.crc32(body)
        if handler.headers.get("If-Match") not in (None, etag):
            refuse(handler, 412, "ConditionNotMet", "The condition is not met.")
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        start, end = 0, len(body)
        if found:
            start = int(found[1])
            end = min(int(found[2]) + 1, end) if found[2] else end
        handler.send_response(206 if found else 200)
        handler.send_header("Content-Length", str(end - start))
        handler.send_header("ETag", etag)
        if found:
            handler.send_header("Content-Range", "bytes %d-%d/%d" % (start, end - 1, len(body)))
        if metadata is not None:
            handler.send_header("x-ms-meta-encryptiondata", metadata)
        handler.end_headers()
        for at in range(start, end, 65536):
            piece = body[at:min(at + 65536, end)]
            handler.wfile.write(piece)
            handler.record["sent"] += len(piece)
            if self.pace:
                time.sleep(self.pace)

    def list(self, handler, container):
        names = sorted(name for name in self.blobs if name.startswith(container + "/"))
        start = int(handler.query.get("marker", ["0"])[0])
        rows = "".join(row(name[len(container) + 1:], *self.blobs[name])
                       for name in names[start:start + self.page])
        more = str(start + self.page) if start + self.page < len(names) else ""
        give_list(handler, rows, more)


def row(name, body, metadata, size=None):
    meta = "<encryptiondata>%s</encryptiondata>" % escape(metadata) if metadata else ""
    return ("<Blob><Name>%s</Name><Properties><Content-Length>%d</Content-Length></Properties>"
            "<Metadata>%s</Metadata></Blob>" % (escape(name), len(body) if size is None else size,
                                                meta))


def give_list(handler, rows, marker):
    give(handler, 200, '<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>%s</Blobs>'
         "<NextMarker>%s</NextMarker></EnumerationResults>" % (rows, marker))


def give(handler, status, text, *headers):
    body = text.encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Content-Type", "application/xml")
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def refuse(handler, status, code, message, *headers, header=True):
    more = [("x-ms-error-code", code)] if header else []
    give(handler, status, '<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>%s'
         "\nRequestId:1\nTime:2</Message></Error>" % (code, escape(message)), *more, *headers)
