"""A cloud distribution point for tests: Azurite, its tokens, and the independent script that makes
and reads encrypted blobs (tests/azure/blobs.mjs)."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness import PATH, ROOT, Skip, instance, wait_until

AZURE = os.path.join(ROOT, "tests/azure")
MAIN = os.path.join(AZURE, "node_modules/azurite/dist/src/blob/main.js")
SCRIPT = os.path.join(AZURE, "blobs.mjs")
VERSION = "2021-08-06"
ACCOUNT = "clouddp"
# Of nobody: made here, known to the Azurite of one test.
ACCOUNT_KEY = base64.b64encode(b"k" * 64).decode()
KEY = "00112233445566778899aabbccddeeff" * 2
CLOUD = "clouddp.contoso.test"
FAR = "2037-12-31T00:00:00Z"


def node():
    program = shutil.which("node", path=PATH)
    if not program or not os.path.exists(MAIN):
        raise Skip("Azurite is not installed (tests/azure)")
    return program


def sign(text, key=ACCOUNT_KEY):
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def sas(container, permissions="rl", end=FAR, start="", protocol="https,http"):
    """A service SAS of one container."""
    fields = [permissions, start, end, "/blob/%s/%s" % (ACCOUNT, container), "", "", protocol,
              VERSION, "c", "", "", "", "", "", "", ""]
    values = {"sv": VERSION, "sr": "c", "sp": permissions, "st": start, "se": end,
              "spr": protocol, "sig": sign("\n".join(fields))}
    return urllib.parse.urlencode({name: value for name, value in values.items() if value})


def account_sas(permissions="rwdlac", end=FAR):
    fields = [ACCOUNT, permissions, "b", "sco", "", end, "", "https,http", VERSION, "", ""]
    return urllib.parse.urlencode({
        "sv": VERSION, "ss": "b", "srt": "sco", "sp": permissions, "se": end,
        "spr": "https,http", "sig": sign("\n".join(fields))})


class Azurite:
    """Over HTTP; with `certificate` (certificate and key files) over HTTPS."""

    def __init__(self, scene, certificate=None, folder="azurite"):
        folder = scene.path(folder)
        os.makedirs(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [node(), MAIN, "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
                   "--inMemoryPersistence", "--silent", "--disableTelemetry"]
        self.scheme = "http"
        if certificate:
            command += ["--cert", certificate[0], "--key", certificate[1]]
            self.scheme = "https"
        with open(os.path.join(folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env={"PATH": PATH, "HOME": folder, "AZURITE_ACCOUNTS": "%s:%s" % (ACCOUNT, ACCOUNT_KEY)})
        try:
            wait_until(self.answers, 30, "Azurite")
        except AssertionError:
            self.close()
            raise

    def answers(self):
        assert self.process.poll() is None, "Azurite ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    @property
    def url(self):
        """By its address; the account stands in the path."""
        return "%s://127.0.0.1:%d/%s" % (self.scheme, self.port, ACCOUNT)

    def by_name(self, name=CLOUD):
        """By a name whose first label is the account's."""
        return "%s://%s:%d" % (self.scheme, name, self.port)

    def request(self, path, method="GET", query="", body=None, headers=()):
        """With the account's own token."""
        request = urllib.request.Request(
            "http://127.0.0.1:%d/%s/%s?%s&%s" % (self.port, ACCOUNT, path, query, account_sas()),
            data=body, method=method, headers={"x-ms-version": VERSION, **dict(headers)})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as reply:
            return reply.read(), reply.headers

    def make_container(self, name, public=False):
        self.request(name, "PUT", "restype=container", b"",
                     {"x-ms-blob-public-access": "blob"} if public else {})

    def put(self, container, name, data, scene, key=KEY, **options):
        """Encrypted by the independent script; `options` are the script's."""
        path = scene.write("plain-of-a-blob", data)
        self.script("put", self.blob_url(container, name), key, path, json.dumps(options))

    def get(self, container, name, key=KEY):
        return self.script("get", self.blob_url(container, name), key)

    def blob_url(self, container, name):
        return "http://127.0.0.1:%d/%s/%s/%s?%s" % (self.port, ACCOUNT, container,
                                                    urllib.parse.quote(name), account_sas())

    @staticmethod
    def script(*args):
        result = subprocess.run([node(), SCRIPT, *args], capture_output=True, check=False,
                                env={"PATH": PATH})
        assert result.returncode == 0, result.stderr.decode()
        return result.stdout

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def nal(name):
    return '["Display=https://%s/"]MSWNET:["SMS_SITE=PS1"]\\\\%s\\' % (name, name)


def container_of(content_id):
    return "content-" + content_id.lower()


def cloud_rows(url, contents, token, name=CLOUD, key=KEY, kind="cloud", allow=True,
               group=16777220):
    """A cloud DP at `url` that has these contents, with what it is asked with."""
    rows = [
        instance("NP_DistributionPoint", NALPath=nal(name), BaseURL=url, Kind=kind),
        instance("SMS_DistributionPointInfo", NALPath=nal(name), ServerName=name, SiteCode="PS1",
                 ResourceType="Windows Azure", IsProtected="false", IsPullDP="false"),
        instance("SMS_BoundaryGroupSiteSystems", GroupID=group, ServerNALPath=nal(name), Flags=0),
        instance("NP_CloudAccess", NALPath=nal(name), SasToken=token, KeyID="key1", Key=key),
    ]
    if allow is not None:
        rows.append(instance("CCM_CloudConfig", AllowCloudDP=str(allow).lower()))
    rows += [instance("SMS_PackageStatusDistPointsSummarizer", PackageID=content.id,
                      ServerNALPath=nal(name), State=0, SourceVersion=content.version)
             for content in contents]
    return rows
