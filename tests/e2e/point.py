"""A policy point made of files, what tests put there, and signatures made with openssl."""

import hashlib
import os
import stat
import subprocess
from xml.sax.saxutils import escape

from harness import ROOT, Nginx, document, instance

REPLY = "assignments.xml"
CONDITION = ('<Condition><Expression ExpressionLanguage="WQL" ExpressionType="until-true">'
             "@root\\ccm\nSELECT * FROM SMS_Client</Expression></Condition>")


def policy_id(number):
    return "{5C0A7E10-0000-4000-8000-%012d}" % number


def body(number, value, version="1.00", source="SMS:PS1"):
    """A policy body that sets CCM_Test<number>.Value."""
    text = document([instance("CCM_Test%d" % number, Value=value)], policy_id(number),
                    "CustomSettings")
    return text.replace('PolicyVersion="1.00"', 'PolicyVersion="%s"' % version) \
               .replace("SMS:PS1", source).encode()


HASHES = {
    "sha1": lambda data: 'PolicyHash="%s"' % hashlib.sha1(data).hexdigest().upper(),
    "sha256": lambda data: 'PolicyHash="%s"' % hashlib.sha256(data).hexdigest(),
    "extended": lambda data: 'PolicyHashEx="SHA256:%s"' % hashlib.sha256(data).hexdigest().upper(),
}


class Assigned:
    """One assignment and its body, which lies at `<number>.xml` whatever `location` says."""

    def __init__(self, number, value="one", version="1.00", data=None, location=None,
                 hashes=None, condition=""):
        self.number, self.version, self.condition = number, version, condition
        self.data = body(number, value, version) if data is None else data
        self.name = "%d.xml" % number
        self.location = self.name if location is None else location
        self.hashes = HASHES["extended"](self.data) if hashes is None else hashes

    def text(self):
        return ('<PolicyAssignment PolicyAssignmentID="{A-%d}">%s'
                '<Policy PolicyID="%s" PolicyVersion="%s" PolicyType="Machine">'
                "<PolicyLocation %s>%s</PolicyLocation></Policy></PolicyAssignment>\n"
                % (self.number, self.condition, policy_id(self.number), self.version, self.hashes,
                   escape(self.location)))


def reply(rows):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<ReplyAssignments SchemaVersion="1.00" '
            'ReplyType="Full"><PolicySource>SMS:PS1</PolicySource>\n%s</ReplyAssignments>\n'
            % "".join(row.text() for row in rows))


class Point:
    """The files of a policy point, in `www/point` of a scene, and one machine that asks it."""

    def __init__(self, scene, url=None):
        self.scene, self.keys, self.server, self.written = scene, {}, None, 0
        os.makedirs(scene.path("policy"), exist_ok=True)  # no policy but what is fetched
        if url is None:
            self.server = scene.nginx()
            url = self.server.host + "/point/" + REPLY
        self.url = url
        self.set()

    def set(self, **keys):
        self.keys.update(keys)
        self.scene.settings(policyPoint=self.url, **self.keys)

    def write(self, name, data):
        """By renaming, as an administrator should."""
        path = self.scene.write("www/point/" + name + ".new", data)
        # nginx's ETag is the second of the change and the size: tests change files faster.
        self.written += 1
        os.utime(path, (1600000000 + self.written,) * 2)
        os.replace(path, path[:-len(".new")])
        return path[:-len(".new")]

    def publish(self, *rows, signer=None):
        for row in rows:
            self.write(row.name, row.data)
        path = self.write(REPLY, reply(rows))
        if signer:
            signer.sign(path)
        return path

    def fetch(self, *args, code=0, prefix=()):
        result = self.scene.run("policy", "fetch", "--json", *args, *self.places(), policy=False,
                                prefix=prefix)
        assert result.code == code, "not exit %d: %s" % (code, result)
        word = {0: ("ok", "unchanged"), 1: ("failed",), 3: ("refused",)}[code]
        assert result.json["result"] in word, result
        assert (result.json["error"] is None) == (code == 0), result
        self.check_state()
        return result

    def places(self):
        return self.scene.places()

    def reset(self):
        result = self.scene.run("policy", "reset", *self.places(), policy=False)
        assert result.code == 0, result

    def policy(self, *path):
        result = self.scene.run("policy", *path, "--json", *self.places())
        assert result.code == 0, result
        return result.json

    def values(self):
        """What the machine does: number to value of the tests' settings in force."""
        rows = self.policy("Machine/Actual")["machine"]["actual"]
        return {int(row["class"][8:]): row["properties"]["Value"] for row in rows
                if row["class"].startswith("CCM_Test")}

    def requested(self):
        return {row["policyID"]: row for row in self.policy("Machine")["machine"]["requested"]}

    def events(self):
        """Newest first, each as one text."""
        return [str(event) for event in self.policy("Machine")["machine"]["events"]]

    def check_state(self):
        """Nobody else reads what was fetched."""
        for folder, folders, names in os.walk(self.scene.path("state")):
            for name in [".", *folders, *names]:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                want = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
                assert stat.S_IMODE(status.st_mode) == want, "mode %o: %s" % (status.st_mode, path)

    def stored(self):
        """Bytes of every file in the state folder."""
        found = {}
        for folder, _, names in os.walk(self.scene.path("state")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.relpath(file.name, self.scene.path("state"))] = file.read()
        return found


def samples_server(scene):
    """samples/policy-point served at the root, as its README says."""
    return scene.keep(Nginx(os.path.join(ROOT, "samples/policy-point"), scene.path("nginx-samples")))


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Signer:
    """An authority (`anchor`, PEM) and a certificate of it for signing."""

    def __init__(self, scene, name="signer", expired=False):
        self.folder = scene.path("ca-" + name)
        os.makedirs(self.folder)
        self.anchor = self.path("ca.pem")
        openssl("req", "-x509", *KEY, "-days", "9", "-subj", "/CN=Authority " + name,
                "-out", self.anchor, "-keyout", self.path("ca.key"))
        openssl("req", "-new", *KEY, "-subj", "/CN=" + name, "-out", self.path("csr"),
                "-keyout", self.path("key"))
        self.issue(expired)

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, expired):
        with open(self.path("ca.cnf"), "w") as file:
            file.write("[ca]\ndefault_ca=a\n[a]\ndatabase=%s\nnew_certs_dir=%s\nrand_serial=yes\n"
                       "default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n"
                       "[e]\nkeyUsage=digitalSignature\n" % (self.path("index"), self.folder))
        open(self.path("index"), "w").close()
        dates = ["20200101000000Z", "20210101000000Z" if expired else "20491231000000Z"]
        openssl("ca", "-batch", "-config", self.path("ca.cnf"), "-cert", self.anchor, "-keyfile",
                self.path("ca.key"), "-startdate", dates[0], "-enddate", dates[1], "-in",
                self.path("csr"), "-out", self.path("pem"), "-notext")

    def sign(self, path):
        """As the manual page shows."""
        openssl("cms", "-sign", "-binary", "-outform", "DER", "-md", "sha256", "-in", path,
                "-signer", self.path("pem"), "-inkey", self.path("key"), "-out", path + ".p7s")
