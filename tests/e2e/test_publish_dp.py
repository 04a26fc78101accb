"""What samples/dp says, done: a Linux machine becomes a distribution point, another one gets."""

import configparser
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness
from dav import free_port
from harness import PATH, ROOT, Content, Skip, check_tree, filler, wait_until
from publishing import Source, files_of
from test_hash import ODD

SAMPLES = os.path.join(ROOT, "samples/dp")
FILES = {"setup.exe": filler(300000), "sub dir/Pr\u00fcfung & #1 100%.xml": b"<x/>", "empty": b"",
         **{name: b"%d" % i for i, name in enumerate(ODD)}}


def sample(name):
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        return file.read()


def filled(name, *pairs):
    """A sample with what its user changes changed."""
    text = sample(name)
    for old, new in pairs:
        assert old in text, (name, old)
        text = text.replace(old, new)
    return text


class Server:
    """The sample's server on a port of its own."""

    def __init__(self, scene, dp):
        self.scene, self.dp, self.port = scene, dp, free_port()
        self.prefix = scene.path(self.program)
        os.makedirs(self.prefix)
        program = shutil.which(self.program, path=PATH)
        if not program:
            raise Skip(self.program + " is not installed")
        self.url = "http://127.0.0.1:%d" % self.port
        with open(self.prefix + "/output", "w") as output:
            self.process = subprocess.Popen(
                [program, *self.arguments()], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output)
        scene.keep(self)
        wait_until(self.answers, 10, self.program)

    def answers(self):
        assert self.process.poll() is None, open(self.prefix + "/output").read()
        try:
            self.ask("/")
        except urllib.error.HTTPError:
            pass
        except OSError:
            return False
        return True

    def ask(self, path, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as reply:
            return reply.status, reply.headers, reply.read()

    def status(self, path, method="GET", **headers):
        try:
            return self.ask(path, method, **headers)[0]
        except urllib.error.HTTPError as error:
            return error.code

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class Nginx(Server):
    program = "nginx"

    def arguments(self):
        module = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
        self.lists = os.path.exists(module)
        pairs = [("listen 80;", "listen 127.0.0.1:%d;" % self.port), ("/srv/dp;", self.dp + ";"),
                 ("127.0.0.1:80$", "127.0.0.1:%d$" % self.port)]
        if self.lists:
            pairs.append(("#dav_ext_methods", "dav_ext_methods"))
        temp = "".join("%s_temp_path %s/temp; " % (kind, self.prefix) for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = "%s%sdaemon off; worker_processes 1; pid %s/pid;\nevents { }\n" \
               "http { access_log off; %s\n%s\n}\n" % (
                   "user root;\n" if os.getuid() == 0 else "",
                   "load_module %s;\n" % module if self.lists else "", self.prefix, temp,
                   filled("nginx.conf", *pairs))
        path = self.scene.write("nginx/conf", text)
        return ["-e", self.prefix + "/error.log", "-p", self.prefix, "-c", path]


class Lighttpd(Server):
    program, lists = "lighttpd", True

    def arguments(self):
        text = filled("lighttpd.conf", ('"/srv/dp"', '"%s"' % self.dp),
                      ("port = 80", "port = %d\nserver.bind = \"127.0.0.1\"" % self.port))
        return ["-D", "-f", self.scene.write("lighttpd/conf", text)]


def check_server(server, source):
    """What a client of nearpoint or of Windows would ask."""
    base = "/SMS_DP_SMSPKG$/PS100001/"
    for name, data in files_of(source.path).items():
        quoted = urllib.parse.quote(name)
        for path in (base + quoted, base + "sccm?/" + quoted):
            status, headers, body = server.ask(path)
            assert (status, body) == (200, data), path
            assert headers.get_content_type() == "application/octet-stream", headers
    for path in (base + "setup.exe", base + "sccm?/setup.exe"):
        assert server.ask(path, Range="bytes=100-199")[::2] == (206, FILES["setup.exe"][100:200])
        status, headers, _ = server.ask(path, "HEAD")
        assert status == 200 and headers["Content-Length"] == "300000" and headers["ETag"]
    assert server.status(base + "nowhere") == server.status(base + "sccm?/nowhere") == 404
    assert server.status(base + "sccm") == 404
    for name in (".nearpoint-lock", ".nearpoint-building/"):
        assert server.status("/SMS_DP_SMSPKG$/" + name) in (403, 404), name
    for method in ("PUT", "DELETE", "MKCOL", "POST"):
        assert server.status(base + "new", method) in (403, 404, 405, 409, 411), method
    if server.lists:
        status, _, body = server.ask(base, "PROPFIND", Depth="1")
        assert status == 207 and b"setup.exe" in body, body


def becomes_a_distribution_point(scene, kind):
    """publish, the server's file, office.xml; `get` with folders of its own."""
    source = Source(scene, FILES, ["leer"])
    source.out = scene.path("PS100001.xml")
    assert source.publish().code == 0
    server = kind(scene, source.dp)
    check_server(server, source)
    office = scene.write("office.xml", filled("office.xml", ("http://dp.office.test", server.url)))
    got = scene.run("get", "PS100001", "--json", "--policy", office, "--policy", source.out,
                    "--set", "address=192.168.7.20/24", *scene.places(), policy=False)
    assert got.code == 0 and got.json["bytesFromNetwork"] == got.json["bytes"], got
    assert got.json["sources"][0]["dp"] == "dp.office.test", got
    check_tree(got.json["path"], Content(files_of(source.path)))
    return source, server, office


def test_on_nginx(scene):
    """And a changed byte there is found by --verify, and healed by --source."""
    source, server, office = becomes_a_distribution_point(scene, Nginx)
    with open(source.tree() + "/setup.exe", "r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    found = source.verify()
    assert found.code == 1 and "PS100001 version 3: file setup.exe: changed" in found.out, found
    healed = source.verify("--content", "PS100001", "--source", source.path)
    assert healed.code == 0 and source.verify().code == 0, healed
    # A new version replaces it, and the other machine gets that.
    source.write({"setup.exe": b"version 4"})
    assert source.publish(version=4).code == 0
    got = scene.run("get", "PS100001", "--json", "--policy", office, "--policy", source.out,
                    "--set", "address=192.168.7.20/24", *scene.places(), policy=False)
    assert got.code == 0 and got.json["version"] == 4, got
    check_tree(got.json["path"], Content(files_of(source.path), version=4))
    os.symlink("/etc/passwd", source.tree() + "/link")
    assert server.status("/SMS_DP_SMSPKG$/PS100001/link") == 403


def test_on_lighttpd(scene):
    becomes_a_distribution_point(scene, Lighttpd)


def test_the_office(scene):
    """office.xml finds what its README says, and reads without an error."""
    source = Source(scene, FILES)
    assert source.publish().code == 0
    office = os.path.join(SAMPLES, "office.xml")
    found = scene.run("locate", "PS100001", "--json", "--policy", office, "--policy", source.out,
                      "--set", "address=192.168.7.20/24", policy=False)
    assert [row["url"] for row in found.json["locations"]] == [
        "http://dp.office.test/SMS_DP_SMSPKG$/PS100001"], found
    assert found.json["locations"][0]["locality"] == "SUBNET", found
    checked = scene.run("policy", "check", "--json", "--policy", office, "--policy", source.out,
                        policy=False)
    assert checked.code == 0 and "error" not in {row["severity"] for row in checked.json}, checked


def test_the_readme(scene):
    """Its commands are the program's: each runs with its paths changed."""
    source = Source(scene, {"setup.exe": b"x"})
    text = sample("README").replace("\\\n", " ")
    commands = re.findall(r"(?m)^    nearpoint (.*)$", text)
    assert len(commands) == 3, commands
    for command in commands:
        if not command.startswith("publish"):
            continue
        words = command.replace("/home/anna/setup", source.path).replace(
            "/srv/dp", source.dp).split()
        assert scene.run(*words, policy=False).code == 0, words
    for name in re.findall(r"(?m)^([\w-]+\.\w+)\s", text):
        assert os.path.exists(os.path.join(SAMPLES, name)), name


def unit(name):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(sample(name))
    return parser


def test_the_units(scene):
    """The service's command is the program's and needs nothing of its user's; systemd takes both
    files, where it is there."""
    source = Source(scene, {"setup.exe": b"x"})
    assert source.publish().code == 0
    start = unit("nearpoint-publish-verify.service")["Service"]["ExecStart"].split()
    assert unit("nearpoint-publish-verify.timer")["Timer"]["OnCalendar"]
    program, words = start[0], [word.replace("/srv/dp", source.dp) for word in start[1:]]
    assert os.path.basename(program) == "nearpoint"
    done = subprocess.run([*harness.program(), *words], capture_output=True, text=True,
                          check=False, cwd="/", env={"PATH": PATH, **harness.SANITIZERS,
                                                     "XDG_CONFIG_HOME": "/nonexistent"})
    assert done.returncode == 0 and "PS100001 version 3: ok" in done.stdout, done
    analyze = shutil.which("systemd-analyze", path=PATH)
    if not analyze:
        return
    for name in ("nearpoint-publish-verify.service", "nearpoint-publish-verify.timer"):
        scene.write("units/" + name, sample(name).replace(program, harness.program()[-1]))
    done = subprocess.run([analyze, "--man=no", "verify", scene.path(
        "units/nearpoint-publish-verify.timer"), scene.path(
            "units/nearpoint-publish-verify.service")], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "units/" not in done.stderr, done.stderr
