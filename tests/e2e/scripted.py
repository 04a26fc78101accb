"""A web server whose answers a script gives: what the services of the tests that are made here stand
on. A class of it has answer(handler)."""

import http.server
import threading


class Scripted:
    def __init__(self, scene, software, address="127.0.0.1"):
        self.asked, self.lock = [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version, sys_version = software, ""
            disable_nagle_algorithm = True  # head and body go out in two pieces

            def log_message(self, *args):
                pass

            def do_GET(self):
                outer.answer(self)

            do_PUT = do_DELETE = do_PROPFIND = do_HEAD = do_GET

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None  # a client that leaves is none
        self.port = self.server.server_port
        self.host = "http://%s:%d" % (address, self.port)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        scene.keep(self)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
