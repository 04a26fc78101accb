"""What the tests from outside stand on: a scene with distribution points, contents and policy.

A Scene owns a temporary folder and every process it started; close() ends them by their ids,
whatever happened. Nothing here sleeps for a fixed time: what must be waited for is asked for.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from xml.sax.saxutils import escape, quoteattr

import fault

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Sanitized builds do the same with a tenth of the bytes and files.
SCALE = int(os.environ.get("NEARPOINT_TEST_SCALE", "1"))
# An exit code that the contract does not have, so that no sanitizer's report passes as a refusal.
REPORTED = 99
SANITIZERS = {
    "ASAN_OPTIONS": "exitcode=99:detect_leaks=1:abort_on_error=0",
    "LSAN_OPTIONS": "exitcode=99",
    "UBSAN_OPTIONS": "exitcode=99:halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=1",
}
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin"


# Root may open what modes forbid, and so would hide mistakes that only users meet.
AS_USERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def program():
    """The program under test, and what must stand before it."""
    path = os.environ.get("NEARPOINT") or os.path.join(ROOT, "build/nearpoint")
    before = os.environ.get("NEARPOINT_TEST_PREFIX", "").split()
    return [*(AS_USERS if os.getuid() == 0 else []), *before, os.path.abspath(path)]


class Skip(Exception):
    """The test cannot run here; its text says why."""


def slow(why):
    """A test that may take more than 20 seconds, and why."""
    def mark(function):
        function.slow = why
        return function
    return mark


def alone(function):
    """A test that wants the machine for itself."""
    function.alone = True
    return function


def threads(function):
    """A test that runs again under ThreadSanitizer."""
    function.threads = True
    return function


def torture(function):
    """A test of `make torture` only."""
    function.torture = True
    return function


def wait_until(condition, seconds=20, what="a condition"):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited %d s in vain for %s" % (seconds, what))
        time.sleep(0.002)


def sha256(data):
    return hashlib.sha256(data).hexdigest().upper()


def sha256_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest().upper()


def filler(size, seed=0):
    """Bytes that compress badly and differ by seed; quickly made."""
    block = hashlib.shake_256(b"%d" % seed).digest(min(size, 1 << 20))
    return (block * (size // len(block) + 1))[:size] if size else b""


class Content:
    """`files`: name to bytes, or to the path of a file that exists."""

    def __init__(self, files, content_id="PS100001", version=3):
        self.id, self.version, self.files = content_id, version, files
        self.rows = []
        for name, data in files.items():
            if isinstance(data, bytes):
                self.rows.append((name, len(data), sha256(data)))
            else:
                self.rows.append((name, os.path.getsize(data), sha256_file(data)))

        self.size = sum(row[1] for row in self.rows)
        # Digest to size: what must be fetched.
        self.distinct = {digest: size for _, size, digest in self.rows}

    @property
    def folder(self):
        return "%s.%d" % (self.id, self.version)

    def manifest(self):
        files = "".join('<FileContent Name=%s Hash="%s" HashAlgorithm="SHA256" Size="%s"/>'
                        % (quoteattr(name), digest, size) for name, size, digest in self.rows)
        return '<Content ContentId="%s" Version="%d">%s</Content>' % (self.id, self.version, files)

    def lay_out(self, root):
        for name, data in self.files.items():
            path = os.path.join(root, self.id, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if isinstance(data, bytes):
                with open(path, "wb") as file:
                    file.write(data)
            else:
                os.link(data, path)


class DP:
    """`addresses` in the machine's subnet put it first; `protocol` goes with the URL."""

    def __init__(self, name, url, near=False, library=None):
        self.name, self.url, self.library = name, url, library
        self.addresses = "10.1.2.10/24" if near else None

    @property
    def nal(self):
        return '["Display=\\\\%s\\"]MSWNET:["SMS_SITE=PS1"]\\\\%s\\' % (self.name, self.name)


def instance(class_name, **properties):
    rows = "".join("<property name=%s><value>%s</value></property>"
                   % (quoteattr(name), escape(str(value)))
                   for name, value in properties.items() if value is not None)
    return "<instance class=%s>%s</instance>" % (quoteattr(class_name), rows)


def document(instances, policy_id="{6A3D0B0C-0000-4000-8000-000000000001}", category=None):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Policy PolicyType="Machine" SchemaVersion="1.00" PolicyID="%s" PolicyVersion="1.00" '
            'PolicySource="SMS:PS1"%s><PolicyRule PolicyRuleID="{R}">'
            '<PolicyAction PolicyActionType="WMI-XML">%s</PolicyAction></PolicyRule></Policy>\n'
            % (policy_id, ' PolicyCategory="%s"' % category if category else "",
               "".join(instances)))


def estate(contents, dps, hashes=None):
    """A site with one boundary, one group, these distribution points and contents. `hashes`: of
    contents (by ID) that are known by their folder hash alone."""
    rows = [
        instance("SMS_Boundary", BoundaryID=16777217, BoundaryType=3,
                 Value="10.1.2.1-10.1.2.254", DisplayName="Office"),
        instance("SMS_BoundaryGroup", GroupID=16777220, Name="Office", Flags=0),
        instance("SMS_BoundaryGroupMembers", GroupID=16777220, BoundaryID=16777217),
    ]
    for dp in dps:
        rows += [
            instance("SMS_DistributionPointInfo", NALPath=dp.nal, ServerName=dp.name,
                     SiteCode="PS1", ResourceType="Windows NT Server", IsProtected="false",
                     IsPullDP="false", Communication=0),
            instance("SMS_BoundaryGroupSiteSystems", GroupID=16777220, ServerNALPath=dp.nal,
                     Flags=0),
            instance("NP_DistributionPoint", NALPath=dp.nal, BaseURL=dp.url,
                     Addresses=dp.addresses, LibraryPath=dp.library),
        ]
    for content in contents:
        rows += [
            instance("SMS_Package", PackageID=content.id, Name="Content " + content.id,
                     SourceVersion=content.version),
            instance("NP_ContentHash", ContentID=content.id, Version=content.version,
                     Hash=hashes[content.id], HashAlgorithm=32780)
            if hashes else
            instance("NP_Content", ContentID=content.id, Version=content.version,
                     Manifest=content.manifest()),
        ]
        rows += [instance("SMS_PackageStatusDistPointsSummarizer", PackageID=content.id,
                          ServerNALPath=dp.nal, State=0, SourceVersion=content.version)
                 for dp in dps]
    return rows


class Nginx:
    """A distribution point as most are, on a port of its own."""

    FIELDS = "time status bytes connection range ifRange request".split()

    def __init__(self, root, prefix, limit_rate=None):
        self.root, self.prefix, self.marks = root, prefix, 0
        os.makedirs(prefix)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = "http://127.0.0.1:%d" % self.port
        self.url = self.host + "/SMS_DP_SMSPKG$"
        self.log = os.path.join(prefix, "access.log")
        with open(os.path.join(prefix, "nginx.conf"), "w") as file:
            file.write(self.configuration(limit_rate))
        program = shutil.which("nginx", path=PATH)
        if not program:
            raise Skip("nginx is not installed")
        self.process = subprocess.Popen(
            [program, "-e", prefix + "/error.log", "-p", prefix, "-c", prefix + "/nginx.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self.answers, 10, "nginx")
        except AssertionError:
            self.close()
            raise

    def configuration(self, limit_rate):
        temp = "".join("%s_temp_path %s/temp;\n" % (kind, self.prefix) for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return """%sdaemon off; worker_processes 1; pid %s/pid;
events { worker_connections 1024; }
http {
    log_format fields '$msec|$status|$body_bytes_sent|$connection|'
                      '$http_range|$http_if_range|$request';
    access_log %s fields;
    %s
    default_type application/octet-stream;
    sendfile on; tcp_nopush on; keepalive_requests 1000000;
    %s
    server {
        listen 127.0.0.1:%d;
        root "%s";
        location = /mark { return 204; }
    }
}
""" % ("user root;\n" if os.getuid() == 0 else "", self.prefix, self.log, temp,
            "limit_rate %s;" % limit_rate if limit_rate else "", self.port, self.root)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("nginx ended: " + open(self.prefix + "/error.log").read())
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def lines(self):
        """How many requests ended so far; cheap."""
        with open(self.log, "rb") as file:
            return file.read().count(b"\n")

    def requests(self, below="/SMS_DP_SMSPKG$/"):
        """Every request for content that ended before this call."""
        self.marks += 1
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            "%s/mark?%d" % (self.host, self.marks)).read()
        last = "/mark?%d " % self.marks
        wait_until(lambda: last in self.text(), 10, "nginx's log")
        rows = [dict(zip(self.FIELDS, line.split("|", 6))) for line in self.text().splitlines()]
        for row in rows:
            row["path"] = urllib.parse.unquote(row["request"].split(" ")[1])
            row["status"], row["bytes"] = int(row["status"]), int(row["bytes"])
        return [row for row in rows if row["path"].startswith(below)]

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Result:
    def __init__(self, args, code, out, err, seconds):
        self.args, self.code, self.out, self.err = args, code, out, err
        self.seconds = seconds
        self.json = json.loads(out) if "--json" in args and out.strip() else None

    @property
    def message(self):
        """The one line of a failure."""
        lines = [line for line in self.err.splitlines()
                 if line.startswith("nearpoint: ") and ": warning " not in line]
        return lines[0] if len(lines) == 1 else None

    def __str__(self):
        return "%s\nexit %s after %.2f s\n--- out\n%s\n--- err\n%s" % (
            " ".join(self.args), self.code, self.seconds, self.out[-3000:], self.err[:3000])


class Scene:
    """One test's folder, servers, policy and runs of the program."""

    MACHINE = ["--set", "name=PC042", "--set", "address=10.1.2.77/24"]

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="nearpoint-test-")
        self.www = self.path("www/SMS_DP_SMSPKG$")
        os.makedirs(self.www)
        self.things, self.contents, self.env = [], {}, {}
        self.cache, self.options = self.path("cache"), []
        self.cache_limits = {}

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        return path

    def keep(self, thing):
        """close() closes it."""
        self.things.append(thing)
        return thing

    def close(self):
        for thing in reversed(self.things):
            thing.close()
        subprocess.run(["chmod", "-R", "u+rwX", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Servers, contents, policy.

    def nginx(self, **options):
        return self.keep(Nginx(self.path("www"), self.path("nginx%d" % len(self.things)),
                               **options))

    def fault(self, **options):
        return self.keep(fault.FaultServer(self.www, **options))

    def content(self, files, content_id="PS100001", version=3):
        content = Content(files, content_id, version)
        content.lay_out(self.www)
        self.contents[content.folder] = content
        return content

    def settings(self, **keys):
        self.options = ["--config", self.write("nearpoint.json", json.dumps(keys))]

    def policy(self, contents, dps, extra=(), hashes=None):
        contents = contents if isinstance(contents, list) else [contents]
        rows = estate(contents, dps, hashes) + list(extra)
        self.limit_cache(**self.cache_limits)
        return self.write("policy/estate.xml", document(rows))

    def limit_cache(self, **settings):
        """What the policy says of the cache's size. Unless a test says it, nothing: the disk that it
        runs on may have less than the usual reserve."""
        self.cache_limits = {"CacheFreeSpaceMB": 0, "MaxCacheSizePercent": 100, **settings}
        self.write("policy/limits.xml", document(
            [instance("CCM_SoftwareDistributionClientConfig", SiteSettingsKey=1,
                      **self.cache_limits)],
            policy_id="{6A3D0B0C-0000-4000-8000-00000000CAC0}"))

    # Running.

    def environment(self):
        env = {"PATH": PATH, "HOME": self.path("home"), "LANG": "C.UTF-8"}
        env.update({"XDG_RUNTIME_DIR": self.path("run")}, **SANITIZERS)
        env["NEARPOINT_STALL_SECONDS"] = "2"
        env.update(self.env)
        return env

    def command(self, *args, policy=True):
        command = [*program(), *args, *self.options]
        if policy:
            command += ["--policy", self.path("policy")]
        return command

    def places(self):
        return ["--state", self.path("state"), "--cache", self.cache, "--logs", self.path("logs")]

    def run(self, *args, policy=True, timeout=120, prefix=()):
        command = [*prefix, *self.command(*args, policy=policy)]
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment(), cwd=self.folder)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError("no end after %d s: %s\n%s" % (timeout, command, err.decode()))
        result = Result(command, process.returncode, out.decode(), err.decode("utf-8", "replace"),
                        time.monotonic() - start)
        self.check_form(result)
        return result

    def get(self, *args, **options):
        """get --json of PS100001 as this scene's machine."""
        names = [arg for arg in args if not arg.startswith("-")] or ["PS100001"]
        flags = [arg for arg in args if arg.startswith("-")]
        result = self.run("get", *names, "--json", *flags, *self.MACHINE, *self.places(), **options)
        self.check_cache()
        return result

    def start(self, *args):
        """get in the background; its process."""
        command = self.command("get", "PS100001", "--json", *args, *self.MACHINE, *self.places())
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment(), cwd=self.folder)
        self.keep(Running(process))
        return process

    # What must hold after every run.

    def check_form(self, result):
        """The contract's exit code, one line of error, whole JSON or none."""
        assert result.code != REPORTED, "a sanitizer spoke\n%s" % result
        assert result.code in (0, 1, 2, 3, 4), "no exit code of the contract\n%s" % result
        if result.code != 0:
            assert result.message, "not exactly one line of error\n%s" % result
        for char in result.err:
            assert char == "\n" or char >= " ", "a raw control character\n%r" % result.err

    def check_cache(self):
        """Nothing unverified is visible: FileLib by digest, DataLib whole and right."""
        library, inodes = os.path.join(self.cache, "FileLib"), set()
        for folder, folders, names in os.walk(library):
            for name in names:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                assert stat.S_ISREG(status.st_mode), "not a file: " + path
                assert stat.S_IMODE(status.st_mode) == 0o444, "mode %o: %s" % (status.st_mode, path)
                assert re.fullmatch("[0-9A-F]{64}", name), "not a digest: " + path
                assert os.path.relpath(folder, library) == name[:2], "wrong folder: " + path
                assert sha256_file(path) == name, "wrong bytes: " + path
                inodes.add(status.st_ino)
        self.check_trees(inodes)

    def check_trees(self, inodes):
        data = os.path.join(self.cache, "DataLib")
        for name in os.listdir(data) if os.path.isdir(data) else ():
            path = os.path.join(data, name)
            if not os.path.isdir(path) or os.path.islink(path):
                # A kill may leave a record that was being written.
                assert name.endswith((".INI", ".INI.tmp")), "what is this? " + path
                continue
            assert name in self.contents, "an unknown content is visible: " + path
            check_tree(path, self.contents[name], inodes)

    def has(self, content):
        return os.path.isdir(os.path.join(self.cache, "DataLib", content.folder))

    def whole(self):
        """Digests of the files that stand whole on the disk, published or not."""
        found = set()
        for _, _, names in os.walk(os.path.join(self.cache, "FileLib")):
            found.update(names)
        for folder, _, names in os.walk(os.path.join(self.cache, "Staging")):
            for name in names:
                try:
                    size = os.path.getsize(os.path.join(folder, name))
                except OSError:
                    continue
                if any(c.distinct.get(name) == size for c in self.contents.values()):
                    found.add(name)
        return found

    def staged(self):
        """Bytes of files that lie in Staging."""
        total = 0
        for folder, _, names in os.walk(os.path.join(self.cache, "Staging")):
            for name in filter(re.compile("[0-9A-F]{64}").fullmatch, names):
                try:
                    total += os.stat(os.path.join(folder, name)).st_size
                except OSError:
                    pass
        return total

    def log_text(self):
        texts = []
        folder = self.path("logs")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                texts.append(file.read())
        return "".join(texts)


class Running:
    """A process of ours, ended with the scene."""

    def __init__(self, process):
        self.process = process

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def check_tree(path, content, inodes=None):
    """The folder holds this content, all of it, and nothing else."""
    want = {name: (size, digest) for name, size, digest in content.rows}
    found = {}
    for folder, _, names in os.walk(path):
        for name in names:
            file = os.path.join(folder, name)
            status = os.lstat(file)
            assert stat.S_ISREG(status.st_mode), "not a file: " + file
            if inodes is not None:
                assert stat.S_IMODE(status.st_mode) == 0o444, "mode: " + file
                assert status.st_ino in inodes, "not a link into FileLib: " + file
            found[os.path.relpath(file, path)] = file
    assert set(found) == set(want), "files differ: %s" % sorted(set(found) ^ set(want))[:5]
    for name, file in found.items():
        assert os.path.getsize(file) == want[name][0], "size: " + file
        assert inodes is not None and os.path.getsize(file) > 1 << 26 or \
            sha256_file(file) == want[name][1], "bytes: " + file
