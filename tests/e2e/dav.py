"""Real web servers as distribution points that can be listed: lighttpd, Apache, nginx with dav-ext.

Each serves www/ of a scene on a port of its own; `url` is that of SMS_DP_SMSPKG$. `requests()` gives
(method, path, status) of what was asked, once the server has written it down.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

from harness import PATH, Skip, wait_until

MODULES = "/usr/lib/apache2/modules/"


def free_port(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Server:
    """`options` are the kind's own. A log line is "METHOD PATH PROTOCOL|STATUS"."""

    program = package = None

    def __init__(self, scene, **options):
        self.scene, self.root, self.options = scene, scene.path("www"), options
        self.prefix = scene.path("%s%d" % (self.program, len(scene.things)))
        os.makedirs(self.prefix)
        self.port, self.marks = free_port(), 0
        self.scheme = "https" if options.get("tls") else "http"
        self.name = options.get("name", "127.0.0.1")
        self.host = "%s://%s:%d" % (self.scheme, self.name, self.port)
        self.url = self.host + "/SMS_DP_SMSPKG$"
        self.log = os.path.join(self.prefix, "access.log")
        path = shutil.which(self.program, path=PATH)
        if not path:
            raise Skip(self.package + " is not installed")
        self.config = os.path.join(self.prefix, "conf")
        with open(self.config, "w") as file:
            file.write(self.configuration())
        with open(self.prefix + "/output", "w") as output:
            self.process = subprocess.Popen([path, *self.arguments()], stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output)
        scene.keep(self)
        wait_until(self.answers, 10, self.program)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("%s ended: %s" % (self.program, self.said()))
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def said(self):
        text = ""
        for name in ("output", "error.log"):
            path = os.path.join(self.prefix, name)
            if os.path.exists(path):
                with open(path, errors="replace") as file:
                    text += file.read()
        return text

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def text(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as file:
            return file.read()

    def flush(self):
        """Until all that was asked before is in the log."""

    def requests(self, below="/"):
        self.flush()
        rows = re.findall(r"(?m)^(\S+) (\S+) [^|]*\|(\d+)", self.text())
        rows = [(method, urllib.parse.unquote(path), int(status)) for method, path, status in rows]
        return [row for row in rows if row[1].startswith(below) and "/mark-" not in row[1]]


class Lighttpd(Server):
    """`infinity`: lists whole trees at once. `sccm`: files also as `…/sccm?/<path>`, as a real
    distribution point has them; "only": no other way. `modules`: more of them. `extra`: at the
    end."""

    program, package = "lighttpd", "lighttpd"

    def arguments(self):
        return ["-D", "-f", self.config]

    def configuration(self):
        rules = ""
        if self.options.get("sccm"):
            rules = 'url.rewrite-once = ( "^(/[^?]*)/sccm\\?(/.*)$" => "$1$2" )\n'
        if self.options.get("sccm") == "only":
            rules = ('url.rewrite-once = ( "^(/[^?]*)/sccm\\?(/.*)$" => "$1$2",\n'
                     '  "^(/[^?]*[^?/])$" => "/refused$1" )\n')
        tls = ""
        if self.options.get("tls"):
            tls = 'ssl.engine = "enable"\nssl.pemfile = "%s"\n' % self.options["tls"]
        return """server.modules = ( "mod_rewrite", "mod_webdav", "mod_accesslog"%s )
server.document-root = "%s"
server.bind = "127.0.0.1"
server.port = %d
server.errorlog = "%s/error.log"
accesslog.filename = "%s"
accesslog.format = "%%r|%%s"
mimetype.assign = ( "" => "application/octet-stream" )
%s$HTTP["request-method"] != "PROPFIND" { %s }
webdav.activate = "enable"
webdav.is-readonly = "enable"
%s
%s
""" % ("".join(', "mod_%s"' % name for name in
               (*(["openssl"] if tls else []), *self.options.get("modules", ()))), self.root, self.port, self.prefix, self.log, tls,
            rules, 'webdav.opts = ( "propfind-depth-infinity" => "enable" )'
            if self.options.get("infinity") else "", self.options.get("extra", ""))

    def flush(self):
        """It writes its log when it is told to open it anew, or ends."""
        self.process.send_signal(1)
        self.marks += 1
        path = "/mark-%d" % self.marks
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.host + path)
        except OSError:
            pass

        def written():
            self.process.send_signal(1)
            return path in self.text()
        wait_until(written, 10, "lighttpd's log")


class NginxDav(Server):
    """Lists one level at a time; refuses `Depth: infinity` always. `extra`: in the server block."""

    program, package = "nginx", "nginx-light"

    def arguments(self):
        return ["-e", self.prefix + "/error.log", "-p", self.prefix, "-c", self.config]

    def configuration(self):
        module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
        if not os.path.exists(module):
            raise Skip("libnginx-mod-http-dav-ext is not installed")
        temp = "".join("%s_temp_path %s/temp;\n" % (kind, self.prefix) for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        tls = self.options.get("tls")
        listen = "listen 127.0.0.1:%d%s;\n" % (self.port, " ssl http2" if tls and self.options.get(
            "http2") else " ssl" if tls else "")
        if tls:
            listen += "ssl_certificate %s; ssl_certificate_key %s;\n" % (tls, tls)
        return """%sload_module %s;
daemon off; worker_processes 1; pid %s/pid; error_log %s/error.log;
events { worker_connections 1024; }
http {
    log_format rows '$request|$status|$http_depth|$http_range|$connection';
    access_log %s rows;
    %s
    default_type application/octet-stream;
    server {
        %s
        root "%s";
        dav_ext_methods PROPFIND OPTIONS;
        %s
    }
}
""" % ("user root;\n" if os.getuid() == 0 else "", module, self.prefix, self.prefix, self.log, temp,
            listen, self.root, self.options.get("extra", ""))


class Apache(Server):
    """mod_dav, readable only. `infinity`: DavDepthInfinity. `modules`: more of them. `directory`:
    in the folder's block instead of free access. `extra`: beside it."""

    program, package = "apache2", "apache2"

    def arguments(self):
        return ["-DFOREGROUND", "-f", self.config]

    def configuration(self):
        names = ["mpm_event", "authn_core", "authz_core", "authz_user", "dav", "dav_fs", "mime",
                 *self.options.get("modules", ())]
        if self.options.get("tls"):
            names += ["socache_shmcb", "ssl"]
        if self.options.get("http2"):
            names.append("http2")
        for name in names:
            if not os.path.exists(MODULES + "mod_%s.so" % name):
                raise Skip("Apache's mod_%s is not installed" % name)
        user = ""
        locks = self.prefix + "/locks"
        os.makedirs(locks)
        if os.getuid() == 0:
            # Apache serves nobody as root.
            account = pwd.getpwnam("www-data")
            user = "User www-data\nGroup www-data\n"
            os.chmod(self.scene.folder, 0o755)
            os.chown(locks, account.pw_uid, account.pw_gid)
        tls = ""
        if self.options.get("tls"):
            tls = "SSLEngine on\nSSLCertificateFile %s\n%s" % (
                self.options["tls"], "Protocols h2 http/1.1\n" if self.options.get("http2") else "")
        return """ServerRoot %s
Listen 127.0.0.1:%d
ServerName %s
%sPidFile %s/pid
ErrorLog %s/error.log
LogLevel warn
%s
TypesConfig /etc/mime.types
LogFormat "%%r|%%>s" rows
CustomLog %s rows
DAVLockDB %s/lock
DocumentRoot %s
KeepAlive On
MaxKeepAliveRequests 0
%s%s
<Directory %s>
 Dav On
 %s
 %s
 <LimitExcept GET HEAD OPTIONS PROPFIND>
  Require all denied
 </LimitExcept>
</Directory>
""" % (self.prefix, self.port, self.name, user, self.prefix, self.prefix,
            "\n".join("LoadModule %s_module %smod_%s.so" % (name, MODULES, name) for name in names),
            self.log, locks, self.root, tls, self.options.get("extra", ""), self.root,
            "DavDepthInfinity On" if self.options.get("infinity") else "",
            self.options.get("directory", "Require all granted"))
