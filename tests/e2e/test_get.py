"""get, when all is well."""

import json
import os
import re
import subprocess

import harness
from harness import DP, check_tree, filler, instance, threads

# CMTrace's own scan pattern (configmgr-facts 6.1).
RECORD = re.compile(
    r'<!\[LOG\[(?P<message>.*?)\]LOG\]!><time="\d\d:\d\d:\d\d\.\d{3}[+-]\d{3}" '
    r'date="\d\d-\d\d-\d{4}" component="(?P<component>[^"]{1,100})" context="" '
    r'type="(?P<type>[0-3])" thread="\d+" file="[^"]{0,100}">')
GUID = r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
LOGS = {"LocationServices.log": "LocationServices", "CAS.log": "ContentAccess",
        "ContentTransferManager.log": "ContentTransferManager",
        "DataTransferService.log": "DataTransferService"}

ODD_NAMES = [
    "setup.exe", "en-us/setup.mui", "a b/c d.txt", "100%.txt", "%2e%2e/escape.txt", "1+1=2.txt",
    "#hash.txt", "why?.txt", "a&b;c.txt", "Grüße/Übung.txt", "日本.txt", "'single' \"double\".txt",
    "~tilde^[x]{y}|z<1>`.txt", ".hidden", "dots...", "q?a=b#c", "$money", "semi;colon,comma@at!",
    "deep/" * 20 + "down.txt", "x" * 255,
]


def ordinary(scene):
    """A content with folders, an empty file and two names of the same bytes; one nginx."""
    content = scene.content({
        "setup.exe": filler(300000, 1), "data/big.cab": filler(2000000, 2), "data/copy.cab":
        filler(2000000, 2), "empty.txt": b"", "other/empty.dat": b"", "readme.txt": b"hello\n",
    })
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    return content, nginx


@threads
def test_plain(scene):
    """Brings a content with folders and empty files; every field of --json is there and right."""
    content, nginx = ordinary(scene)
    result = scene.get()
    assert result.code == 0, result
    answer = result.json
    assert set(answer) >= {"content", "version", "result", "bytes", "bytesFromNetwork",
                           "bytesReused", "files", "seconds", "sources", "path", "verifiedBy",
                           "job", "error"}, answer
    assert (answer["content"], answer["version"]) == ("PS100001", 3)
    assert (answer["result"], answer["error"]) == ("ok", None)
    assert (answer["bytes"], answer["files"]) == (content.size, 6)
    assert answer["bytesFromNetwork"] == sum(content.distinct.values())
    assert answer["bytesReused"] == answer["bytes"] - answer["bytesFromNetwork"] or \
        answer["bytesReused"] == 0, answer
    assert answer["verifiedBy"] == "manifest", answer
    assert re.fullmatch(GUID, answer["job"]), answer
    assert 0 < answer["seconds"] < 60
    (source,) = answer["sources"]
    assert source["dp"] == "dp1.contoso.test" and source["errors"] == [], source
    assert source["bytes"] == answer["bytesFromNetwork"], source
    assert scene.has(content)
    check_tree(answer["path"], content)
    assert all(row["status"] == 200 for row in nginx.requests())


def test_same_bytes_once(scene):
    """Two names of the same bytes: fetched once. An empty file: not fetched at all, or once."""
    content, nginx = ordinary(scene)
    scene.get()
    paths = [row["path"] for row in nginx.requests()]
    assert len([path for path in paths if path.endswith(".cab")]) == 1, paths
    assert len(paths) == len(set(paths)) <= len(content.distinct), paths


@threads
def test_again_without_network(scene):
    """A second get is ok although the distribution point is gone, and asks nobody."""
    content, nginx = ordinary(scene)
    first = scene.get()
    before = len(nginx.requests())
    second = scene.get()
    assert len(nginx.requests()) == before
    nginx.close()
    third = scene.get()
    for result in (second, third):
        assert result.code == 0, result
        assert result.json["bytesFromNetwork"] == 0, result
        assert result.json["bytes"] == content.size, result
        assert result.json["path"] == first.json["path"], result


def test_new_version_reuses(scene):
    """The next version fetches only what changed; the earlier one stays."""
    old, nginx = ordinary(scene)
    scene.get()
    files = dict(old.files, **{"readme.txt": b"hello again\n"})
    new = scene.content(files, version=4)
    scene.policy(new, [DP("dp1.contoso.test", nginx.url)])
    before = len(nginx.requests())
    result = scene.get()
    assert result.code == 0, result
    assert len(nginx.requests()) - before == 1
    assert result.json["bytesFromNetwork"] == len(b"hello again\n"), result
    assert scene.has(old) and scene.has(new)


def test_odd_names(scene):
    """Names that a URL must encode arrive as they are."""
    content = scene.content({name: filler(100 + i, i) for i, name in enumerate(ODD_NAMES)})
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    result = scene.get()
    assert result.code == 0, result
    check_tree(result.json["path"], content)


@threads
def test_connections_are_kept(scene):
    """500 files come over at most 8 connections, and over more than one."""
    content = scene.content({"f%03d" % i: filler(3000 + i, i) for i in range(500)})
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    result = scene.get()
    assert result.code == 0, result
    rows = nginx.requests()
    assert len(rows) == 500
    connections = {row["connection"] for row in rows}
    assert 1 < len(connections) <= 8, "%d connections" % len(connections)


def test_connections_by_settings(scene):
    """connectionsPerSource 1 holds."""
    content = scene.content({"f%03d" % i: filler(3000 + i, i) for i in range(50)})
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    scene.settings(connectionsPerSource=1)
    assert scene.get().code == 0
    assert len({row["connection"] for row in nginx.requests()}) == 1


def test_workstation_one_connection(scene):
    """A workstation distribution point gets one connection, whatever stands in the settings."""
    content = scene.content({"f%03d" % i: filler(3000 + i, i) for i in range(50)})
    nginx = scene.nginx()
    dp = DP("ws1.contoso.test", nginx.url)
    kind = harness.instance("NP_DistributionPoint", NALPath=dp.nal, BaseURL=nginx.url,
                            Kind="workstation")
    text = open(scene.policy(content, [dp])).read()
    old = harness.instance("NP_DistributionPoint", NALPath=dp.nal, BaseURL=nginx.url,
                           Addresses=None)
    assert old in text
    scene.write("policy/estate.xml", text.replace(old, kind))
    assert scene.get().code == 0
    assert len({row["connection"] for row in nginx.requests()}) == 1


def test_to_folder(scene):
    """--to lays the content out as it was published; a folder with other things is refused."""
    content, _ = ordinary(scene)
    target = scene.path("out/here")
    result = scene.run("get", "PS100001", "--to", target, "--json", *scene.MACHINE,
                       *scene.places())
    assert result.code == 0, result
    check_tree(target, content)
    other = scene.path("other")
    os.makedirs(other)
    scene.write("other/mine.txt", "mine")
    result = scene.run("get", "PS100001", "--to", other, *scene.MACHINE, *scene.places())
    assert result.code in (1, 2), result
    assert os.listdir(other) == ["mine.txt"]


def test_text(scene):
    """Without --json it says in words what was done and where the content is."""
    content, _ = ordinary(scene)
    result = scene.run("get", "PS100001", *scene.MACHINE, *scene.places())
    assert result.code == 0, result
    assert "PS100001" in result.out and "dp1.contoso.test" in result.out, result
    assert os.path.join(scene.cache, "DataLib", content.folder) in result.out, result
    assert "\x1b" not in result.out + result.err and "\r" not in result.out + result.err


def test_two_contents(scene):
    """Asked for two, it answers with two, in the order asked; one that is unknown spoils only
    itself."""
    one = scene.content({"a": b"one"}, "PS100001")
    two = scene.content({"b": b"two"}, "PS100002")
    nginx = scene.nginx()
    scene.policy([one, two], [DP("dp1.contoso.test", nginx.url)])
    result = scene.get("PS100002", "PS100001")
    assert result.code == 0, result
    assert [answer["content"] for answer in result.json] == ["PS100002", "PS100001"]
    assert scene.has(one) and scene.has(two)


def test_unknown_content(scene):
    """A content that the policy does not know: exit 1, named."""
    ordinary(scene)
    result = scene.get("PS999999")
    assert result.code == 1 and "PS999999" in result.message, result


def test_empty_content(scene):
    """A content of one empty file, and bytes that are not there are not waited for."""
    content = scene.content({"nothing": b""})
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    result = scene.get()
    assert result.code == 0 and result.json["bytesFromNetwork"] == 0, result
    assert scene.has(content)


def test_no_manifest(scene):
    """A content that nothing says how to verify is refused, never downloaded."""
    content = scene.content({"a": b"a"})
    nginx = scene.nginx()
    text = open(scene.policy(content, [DP("dp1.contoso.test", nginx.url)])).read()
    scene.write("policy/estate.xml", text.replace('"NP_Content"', '"NP_Other"'))
    result = scene.get()
    assert result.code == 1 and "PS100001" in result.message, result
    assert nginx.requests() == []


def records(scene, name):
    """A log's records, each of which is one line."""
    with open(scene.path("logs/" + name), encoding="utf-8", newline="") as file:
        lines = file.read().split("\n")
    assert lines.pop() == "", "an unfinished line in " + name
    found = []
    for line in lines:
        record = RECORD.fullmatch(line.rstrip("\r"))
        assert record, "not CMTrace's form in %s: %r" % (name, line)
        assert record["component"] == LOGS[name], line
        found.append(record["message"])
    return found


@threads
def test_logs(scene):
    """Four logs that CMTrace reads; a job can be followed by its GUIDs from one to the next."""
    ordinary(scene)
    job = scene.get().json["job"]
    logs = {name: records(scene, name) for name in LOGS}
    assert any("PS100001" in line for line in logs["LocationServices.log"])
    assert any("PS100001" in line for line in logs["CAS.log"])
    ctm = [line for line in logs["ContentTransferManager.log"] if job in line]
    assert any("Starting CTM job %s" % job in line for line in ctm), ctm
    assert any("SUCCESSFUL" in line for line in ctm), ctm
    joined = [re.search("corresponding DTS job (%s)" % GUID, line) for line in ctm]
    dts = [found[1] for found in joined if found]
    assert len(dts) == 1, ctm
    followed = [line for line in logs["DataTransferService.log"] if dts[0] in line]
    assert any("created to download from" in line for line in followed), followed
    assert any("completed" in line for line in followed), followed


def test_no_query_in_logs(scene):
    """What follows the '?' of a base URL may be a secret: it is in no log and no message."""
    content = scene.content({"a": b"a"})
    server = scene.fault()
    scene.policy(content, [DP("dp1.contoso.test", server.url + "/404/{content}?sig=TopSecret")])
    result = scene.get()
    assert result.code in (1, 3), result
    for text in (scene.log_text(), result.err, result.out):
        assert "TopSecret" not in text, text[max(0, text.index("TopSecret") - 500):][:600]


def test_hostile_message_in_log(scene):
    """A server's words cannot forge a record nor reach a terminal raw."""
    content = scene.content({"a]LOG]!><b.txt": b"a"})
    server = scene.fault()
    scene.policy(content, [DP("dp1.contoso.test", server.url + "/404")])
    assert scene.get().code == 1
    for name in LOGS:
        if os.path.exists(scene.path("logs/" + name)):
            records(scene, name)


def test_log_rollover(scene):
    """A log of the largest size becomes .lo_, and both are whole."""
    ordinary(scene)
    scene.settings(logMaxSize=10000)
    for run in range(3):
        scene.cache = scene.path("cache%d" % run)
        assert scene.get().code == 0
    for name in os.listdir(scene.path("logs")):
        with open(scene.path("logs/" + name), encoding="utf-8") as file:
            for line in file.read().splitlines():
                assert RECORD.fullmatch(line), (name, line)
        assert os.path.getsize(scene.path("logs/" + name)) <= 20000, name


def test_default_folders(scene):
    """Without options, everything lands in the user's XDG folders."""
    if os.getuid() == 0:
        raise harness.Skip("run as root: its folders are the system's")
    content, _ = ordinary(scene)
    result = scene.run("get", "PS100001", "--json", *scene.MACHINE)
    assert result.code == 0, result
    assert result.json["path"] == scene.path("home/.cache/nearpoint/DataLib/" + content.folder)


def test_proxy_of_the_environment(scene):
    """A proxy that is named and does not answer is not passed by in silence."""
    content, _ = ordinary(scene)
    scene.settings(proxy="http://127.0.0.1:9")
    result = scene.get()
    assert result.code == 1 and not scene.has(content), result


def test_low_descriptor_limit(scene):
    """48 descriptors are enough for 200 files."""
    content = scene.content({"f%03d" % i: filler(2000 + i, i) for i in range(200)})
    nginx = scene.nginx()
    scene.policy(content, [DP("dp1.contoso.test", nginx.url)])
    result = scene.get(prefix=["prlimit", "--nofile=64"])
    assert result.code == 0, result


def test_umask_and_closed_streams(scene):
    """The modes in the cache do not depend on the umask; closed standard streams change nothing."""
    content, _ = ordinary(scene)
    for mask in ("000", "077"):
        scene.cache = scene.path("cache" + mask)
        result = scene.get(prefix=["sh", "-c", "umask %s; exec \"$@\"" % mask, "sh"])
        assert result.code == 0 and scene.has(content), result
    scene.cache = scene.path("cache-closed")
    command = scene.command("get", "PS100001", *scene.MACHINE, *scene.places())
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], timeout=60,
                          env=scene.environment(), cwd=scene.folder, check=False)
    assert done.returncode in (0, 1)
    scene.check_cache()


@threads
def test_two_at_once(scene):
    """Two processes want the same content: one works, the other waits or names the holder."""
    content = scene.content({"big": filler(4000000, 7)})
    server = scene.fault()
    scene.policy(content, [DP("dp1.contoso.test", server.url + "/slow")])
    first = scene.start()
    assert server.wait(lambda s: s.body_bytes > 100000)
    second = scene.get()
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0 and json.loads(out)["result"] == "ok", err
    assert second.code == 0 or second.code == 1 and str(first.pid) in second.message, second
    assert scene.has(content)
    assert scene.get().json["bytesFromNetwork"] == 0
    assert len(server.asked()) == 1


def test_other_rules(scene):
    """get locates by the policy's rules, or those of --rules: 2012 falls back, current does not."""
    content = scene.content({"a": b"a"})
    nginx = scene.nginx()
    scene.MACHINE = ["--set", "name=PC042", "--set", "address=10.9.9.9/24"]
    for rules, option, code in (("current", [], 1), ("2012", ["--rules=current"], 1),
                                ("current", ["--rules=2012"], 0), ("2012", [], 0)):
        scene.policy(content, [DP("dp1.contoso.test", nginx.url)],
                     [instance("NP_HierarchyRules", Rules=rules)])
        result = scene.get(*option)
        assert result.code == code, result
    assert scene.has(content)
