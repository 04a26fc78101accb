"""Contents without a manifest: listed by PROPFIND, fetched from one DP, proven by the folder hash."""

import os
import re
import signal
import threading

import dav
import fault_dav
import measure
from fault_dav import DavServer, entry, saying
from folder_hash import folder_hash, folder_hash_of
from harness import (DP, SCALE, Skip, alone, filler, instance, slow, threads, wait_until)

FILES = {
    "setup.exe": filler(300000, 1), "zero.bin": b"", "a+b & c%20#1.txt": b"hello",
    "sub dir/Prüfung.xml": b"<x/>", "sub dir/nested/deep.ini": b"[deep]", "日本/語.txt": b"text",
    "why?.txt": b"why", "semi;colon=1.txt": b";", "bin/x.mdb": filler(5000, 2),
}
FOLDERS = ["empty", "sub dir/empty too"]


def laid_out(scene, files=None, folders=FOLDERS):
    """The content on the DPs' disk, and its folder hash by the script of our own."""
    content = scene.content(files or FILES)
    for name in folders:
        os.makedirs(os.path.join(scene.www, content.id, name))
    return content, folder_hash(content.files, folders)


def hashed(scene, *dps, files=None, folders=FOLDERS, extra=()):
    content, value = laid_out(scene, files, folders)
    scene.policy(content, list(dps), hashes={content.id: value}, extra=extra)
    return content, value


def near(server):
    return DP("dp1.contoso.test", server.url, near=True)


def far(server):
    return DP("dp2.contoso.test", server.url)


def check_whole(scene, content, value, result):
    assert result.code == 0, result
    answer = result.json
    assert (answer["verifiedBy"], answer["result"]) == ("folderHash", "ok"), result
    assert (answer["files"], answer["bytes"]) == (len(content.files), content.size), result
    assert folder_hash_of(answer["path"]) == value, result
    scene.check_cache()


def gets(server):
    return [path for method, path, *_ in server.requests() if method == "GET"]


# Real servers.

SERVERS = {
    "lighttpd": lambda scene: dav.Lighttpd(scene, infinity=True),
    "lighttpd_level_by_level": dav.Lighttpd,
    "lighttpd_sccm": lambda scene: dav.Lighttpd(scene, infinity=True, sccm="only"),
    "apache": lambda scene: dav.Apache(scene, infinity=True),
    "apache_level_by_level": dav.Apache,
    "nginx": dav.NginxDav,
    "iis": DavServer,
}


def from_server(make):
    def test(scene):
        server = make(scene)
        content, value = hashed(scene, near(server))
        result = scene.get()
        check_whole(scene, content, value, result)
        asked = len(server.requests())
        again = scene.get("--to=" + scene.path("out"))
        check_whole(scene, content, value, again)
        assert (again.json["bytesFromNetwork"], again.json["sources"]) == (0, []), again
        assert folder_hash_of(scene.path("out")) == value
        assert len(server.requests()) == asked, "the second get asked the network"
    test.__doc__ = "A content without a manifest from %s; the second get needs no network."
    return test


for kind, maker in SERVERS.items():
    globals()["test_from_" + kind] = from_server(maker)


@threads
def test_many_files(scene):
    """A thousand files in folders, over several connections."""
    server = dav.NginxDav(scene)
    content, value = hashed(scene, near(server), folders=[], files={
        "d%02d/f%04d.dat" % (i % 40, i): filler(1000 + i, i) for i in range(1000 // SCALE)})
    check_whole(scene, content, value, scene.get())


def test_empty_content(scene):
    """No file at all has a hash too."""
    server = dav.NginxDav(scene)
    content, value = laid_out(scene, {"x": b""}, [])
    os.unlink(os.path.join(scene.www, content.id, "x"))
    content.files, content.rows, content.size = {}, [], 0
    value = folder_hash({})
    scene.policy(content, [near(server)], hashes={content.id: value})
    check_whole(scene, content, value, scene.get())


def test_what_nearpoint_keeps_there_is_no_content(scene):
    """`.nearpoint/` on a DP is left out (nginx would hide it)."""
    server = dav.Lighttpd(scene)
    content, value = hashed(scene, near(server))
    scene.write("www/SMS_DP_SMSPKG$/PS100001/.nearpoint/content.xml", b"ours")
    check_whole(scene, content, value, scene.get())


# Wrong bytes.


def flipped(data):
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


def test_flipped_byte(scene):
    """One DP has another byte: it is named with both hashes, the file too, by the second DP."""
    first = DavServer(scene, change={"setup.exe": flipped(FILES["setup.exe"])})
    second = DavServer(scene)
    content, value = hashed(scene, near(first), far(second))
    result = scene.get()
    check_whole(scene, content, value, result)
    one, two = result.json["sources"]
    assert (one["dp"], two["dp"]) == ("dp1.contoso.test", "dp2.contoso.test"), result
    assert two["errors"] == [] and two["bytes"] == content.size, result
    assert [error["code"] for error in one["errors"]] == ["HASH_MISMATCH", "FILE_DIFFERS"], one
    wrong, differs = [error["text"] for error in one["errors"]]
    changed = folder_hash({**content.files, "setup.exe": flipped(FILES["setup.exe"])}, FOLDERS)
    assert value in wrong and changed in wrong and "wrong hash" in wrong, wrong
    digest = dict((name, digest) for name, _, digest in content.rows)["setup.exe"]
    assert "'setup.exe'" in differs and digest in differs and "dp2.contoso.test" in differs, differs
    log = scene.log_text()
    assert "dp1.contoso.test" in log and changed in log, log


def test_no_byte_flipped(scene):
    """The same with right bytes: the first DP gives all, the second is not asked."""
    first, second = DavServer(scene), DavServer(scene)
    content, value = hashed(scene, near(first), far(second))
    result = scene.get()
    check_whole(scene, content, value, result)
    assert [source["dp"] for source in result.json["sources"] if source["bytes"]] == \
        ["dp1.contoso.test"], result
    assert second.requests() == [], second.requests()


def test_wrong_everywhere(scene):
    """Nobody has the right bytes: both are named, nothing is visible, the file is named."""
    first = DavServer(scene, change={"setup.exe": flipped(FILES["setup.exe"])})
    second = DavServer(scene, change={"bin/x.mdb": filler(5000, 3)})
    content, value = hashed(scene, near(first), far(second))
    result = scene.get()
    assert result.code == 1 and not scene.has(content), result
    assert "dp1.contoso.test" in result.message and "dp2.contoso.test" in result.message, result
    assert result.message.count("wrong hash") == 2 and value in result.message, result
    assert not os.listdir(scene.cache + "/FileLib"), "unverified bytes are in the library"
    texts = [error["text"] for error in result.json["sources"][1]["errors"]]
    assert any("'bin/x.mdb'" in text for text in texts), texts
    scene.check_cache()


def test_wrong_once(scene):
    """The only DP was wrong once, as a cache on the way would be: it is asked once more."""
    server = DavServer(scene)
    answer = server.file

    def file(request, path):
        stale = "Cache-Control" not in request.said
        server.change = {"setup.exe": flipped(FILES["setup.exe"])} if stale else {}
        return answer(request, path)
    server.file = file
    content, value = hashed(scene, near(server))
    result = scene.get()
    check_whole(scene, content, value, result)
    (source,) = result.json["sources"]
    assert [error["code"] for error in source["errors"]] == ["HASH_MISMATCH"], result


def test_one_file_missing_on_a_dp(scene):
    """A listing that lacks a file: said which, once another DP has shown it."""
    def without(server, path, depth):
        status, body, headers = fault_dav.iis(server, path, depth)
        return status, re.sub(rb"<a:response>(?:(?!</a:response>).)*why%3F.*?</a:response>", b"",
                              body), headers
    first, second = DavServer(scene, without), DavServer(scene)
    content, value = hashed(scene, near(first), far(second))
    result = scene.get()
    check_whole(scene, content, value, result)
    assert "has no 'why?.txt', which dp2.contoso.test has" in \
        result.json["sources"][0]["errors"][1]["text"], result


def test_sizes_that_lie(scene):
    """A listing with another length than the file has: the DP is blamed, the next one used."""
    def lying(server, path, depth):
        status, body, headers = fault_dav.iis(server, path, depth)
        return status, body.replace(b">300000<", b">300001<"), headers
    first, second = DavServer(scene, lying), DavServer(scene)
    content, value = hashed(scene, near(first), far(second))
    result = scene.get()
    check_whole(scene, content, value, result)
    assert "300000 bytes, shorter than the 300001" in \
        result.json["sources"][0]["errors"][0]["text"], result


# One DP gives all.


def test_dies_half_way(scene):
    """The DP that listed it dies: all of it comes from the other, none is mixed."""
    first, second = DavServer(scene), DavServer(scene)
    files = {"f%02d.bin" % i: filler(40000, i) for i in range(30)}
    content, value = hashed(scene, near(first), far(second), files=files, folders=[])
    answer = first.file

    def file(request, path):
        if len(gets(first)) > 10:
            request.close_connection = True
            return None
        return answer(request, path)
    first.file = file
    result = scene.get()
    check_whole(scene, content, value, result)
    assert len(gets(first)) > 10, "the fault was not reached"
    assert result.json["sources"][1]["bytes"] == content.size, result


def test_killed_and_resumed(scene):
    """SIGKILL half-way: what was finished is not asked for again."""
    server = dav.NginxDav(scene)
    files = {"d%d/f%03d.bin" % (i % 7, i): filler(30000 + i, i) for i in range(300 // SCALE)}
    content, value = hashed(scene, near(server), files=files, folders=[])
    process = scene.start()
    wait_until(lambda: scene.staged() > content.size // 3 or process.poll() is not None,
               60, "a third of the bytes")
    process.kill()
    process.communicate()
    assert process.returncode == -9, "it ended before"
    scene.check_cache()
    done = {name for folder, _, names in os.walk(scene.cache + "/Staging") for name in names
            if re.fullmatch("[0-9A-F]{64}", name)}
    assert len(done) > len(files) // 4, len(done)
    before = len(gets(server))
    result = scene.get()
    check_whole(scene, content, value, result)
    again = len(gets(server)) - before
    assert again <= len(files) - len(done) + 24, "%d requests, %d parts were there" % (
        again, len(done))
    assert result.json["bytesReused"] > content.size // 5, result


def test_changed_between_two_runs(scene):
    """Half of one version, half of the next: not taken for whole, fetched anew."""
    server = DavServer(scene)
    old = {"f%02d.bin" % i: filler(20000, i) for i in range(20)}
    new = {name: filler(20000, 100 + i) for i, name in enumerate(old)}
    content, value = hashed(scene, near(server), files=new, folders=[])
    answer = server.file

    def file(request, path):
        if len(gets(server)) > 10:
            request.close_connection = True
            return None
        return answer(request, path)
    server.file, server.change = file, old
    assert scene.get().code == 1
    server.file, server.change = answer, {}
    result = scene.get()
    check_whole(scene, content, value, result)
    assert [error["code"] for error in result.json["sources"][0]["errors"]] == ["HASH_MISMATCH"]


def silent(release):
    """A listing that begins and does not go on before `release` is set."""
    def listing(server, path, depth):
        def pieces():
            yield fault_dav.OPEN.encode()
            release.wait(60)
        return 207, pieces(), fault_dav.XML
    return listing


def test_silent_while_it_lists(scene):
    """A DP that falls silent in its listing: the next one is asked."""
    release = threading.Event()
    first, second = DavServer(scene, silent(release)), DavServer(scene)
    content, value = hashed(scene, near(first), far(second))
    try:
        result = scene.get()
    finally:
        release.set()
    check_whole(scene, content, value, result)
    assert first.requests() and "STALLED" in {
        error["code"] for error in result.json["sources"][0]["errors"]}, result


def test_interrupted_while_it_lists(scene):
    """Ctrl-C ends it at once."""
    release = threading.Event()
    scene.env["NEARPOINT_STALL_SECONDS"] = "60"
    server = DavServer(scene, silent(release))
    hashed(scene, near(server))
    process = scene.start()
    try:
        wait_until(lambda: server.requests() or process.poll() is not None, 20, "PROPFIND")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        release.set()
    assert process.returncode == 1 and b"stopped" in err, err


# Forms of the URL.


def learnt(roots, form, refusal, tries):
    def test(scene):
        server = DavServer(scene, roots=roots, form=form, refusal=refusal)
        files = {"f%02d.bin" % i: filler(2000, i) for i in range(40)}
        content, value = hashed(scene, near(server), files=files, folders=[])
        result = scene.get()
        check_whole(scene, content, value, result)
        assert result.json["sources"][0]["errors"] == [], result
        lists = [target for method, target, _ in server.requests("PROPFIND")]
        assert len(lists) == tries, lists
        # A connection may be on its way with the form that is refused, no more.
        assert len(gets(server)) <= len(files) + 8 * (form == "sccm"), gets(server)
    test.__doc__ = "%s and %s: learnt once." % (roots, form)
    return test


test_form_plain = learnt(("",), "plain", 404, 1)
test_form_sccm = learnt(("",), "sccm", 403, 1)
test_form_nocert = learnt(("NOCERT_",), "plain", 403, 3)
test_form_token = learnt(("CCMTOKENAUTH_",), "sccm", 401, 3)


def test_form_of_a_content_with_manifest(scene):
    """Files of a manifest are found under the other forms too."""
    server = DavServer(scene, roots=("NOCERT_",), form="sccm", refusal=403)
    content = scene.content(FILES)
    scene.policy(content, [near(server)])
    result = scene.get()
    assert result.code == 0 and scene.has(content), result
    assert result.json["sources"][0]["errors"] == [], result
    assert "NEW URL - %s/NOCERT_SMS_DP_SMSPKG$/PS100001/sccm?/" % server.host in \
        scene.log_text()


def refused(status, advice):
    def test(scene):
        server = DavServer(scene, roots=(), refusal=status)
        hashed(scene, near(server))
        result = scene.get()
        assert result.code == 1 and "HTTP status %d to PROPFIND" % status in result.message, result
        assert advice in result.message and "dp1.contoso.test" in result.message, result
        # Depth: infinity may be what is refused, and each virtual directory has its own answer.
        assert len(server.requests()) == (6 if status == 403 else 3), server.requests()
    test.__doc__ = "%d from every virtual directory: said what to look at." % status
    return test


test_refused_401 = refused(401, "anonymous")
test_refused_403 = refused(403, "client certificate")
test_refused_404 = refused(404, "request filtering")
test_refused_405 = refused(405, "WebDAV Publishing")


def test_405_and_another_dp(scene):
    """WebDAV Publishing on one DP: the next one is used."""
    first, second = DavServer(scene, roots=(), refusal=405), DavServer(scene)
    content, value = hashed(scene, near(first), far(second))
    result = scene.get()
    check_whole(scene, content, value, result)
    assert "WebDAV Publishing" in result.json["sources"][0]["errors"][0]["text"], result


# Listings in every form that is right.

ONE = {"a b/ü.txt": b"one", "x.txt": b"two"}


def plainly(server, path, depth, rows, before=fault_dav.OPEN):
    body = before + "".join(rows) + fault_dav.CLOSE
    return 207, body.encode(), fault_dav.XML


def rows_of(make):
    def listing(server, path, depth):
        names = {"PS100001": None, "PS100001/a b": None, "PS100001/a b/ü.txt": 3,
                 "PS100001/x.txt": 3}
        return plainly(server, path, depth, [make(server, name, size)
                                             for name, size in names.items()])
    return listing


def resource(href, size, prefix="a"):
    kind = "<a:collection/>" if size is None else ""
    length = "4096" if size is None else str(size)
    text = ("<a:response><a:href>%s</a:href><a:propstat><a:prop><a:resourcetype>%s</a:resourcetype>"
            "<a:getcontentlength>%s</a:getcontentlength></a:prop><a:status>HTTP/1.1 200 OK</a:status>"
            "</a:propstat><a:propstat><a:prop><a:iscollection/></a:prop><a:status>HTTP/1.1 404 Not "
            "Found</a:status></a:propstat></a:response>" % (href, kind, length))
    return text.replace("a:", prefix + ":")


def path_of(name):
    return "/SMS_DP_SMSPKG$/" + fault_dav.quoted(name)


RIGHT = {
    "absolute_path": lambda s, n, size: entry(path_of(n), size),
    "absolute_url": lambda s, n, size: entry(s.host + path_of(n), size),
    "of_another_host": lambda s, n, size: entry("https://dp9.contoso.test:444" + path_of(n), size),
    "relative": lambda s, n, size: entry(fault_dav.quoted(n[9:]) or "./"[:0] or path_of(n), size),
    "other_case": lambda s, n, size: entry(path_of(n).replace("SMS_DP_SMSPKG$", "sms_dp_smspkg%24"),
                                           size),
    "lower_hex": lambda s, n, size: entry(path_of(n).replace("%C3%BC", "%c3%bc"), size),
    "every_byte_encoded": lambda s, n, size: entry(
        "/SMS_DP_SMSPKG$/PS100001" + "".join("%%%02X" % b if b != 47 else "/"
                                             for b in n[8:].encode()), size),
    "not_encoded": lambda s, n, size: entry("/SMS_DP_SMSPKG$/" + n, size),
    "sccm_form": lambda s, n, size: entry(path_of(n).replace("PS100001/", "PS100001/sccm?/"), size),
    "last_slash": lambda s, n, size: entry(path_of(n) + "/" * (size is None), size),
    "resourcetype": lambda s, n, size: resource(path_of(n), size),
    "other_prefix": lambda s, n, size: resource(path_of(n), size, "lp1").replace(
        "<lp1:response", '<lp1:response xmlns:lp1="DAV:"'),
    "default_namespace": lambda s, n, size: resource(path_of(n), size).replace("a:", "").replace(
        "<response", '<response xmlns="DAV:"'),
    "blanks": lambda s, n, size: entry("\n  " + path_of(n) + "\n ", size).replace(
        "</a:getcontentlength>", "\n</a:getcontentlength>"),
    "unknown_elements": lambda s, n, size: entry(path_of(n), size, extra=(
        "<z:more xmlns:z='urn:z'><z:href>/elsewhere</z:href><a:href>/elsewhere</a:href></z:more>")),
}


def right(make):
    def test(scene):
        server = DavServer(scene, rows_of(make), form="both")
        content, value = hashed(scene, near(server), files=ONE, folders=[])
        check_whole(scene, content, value, scene.get())
    test.__doc__ = "A listing as it may be."
    return test


for kind, maker in RIGHT.items():
    globals()["test_right_" + kind] = right(maker)


def test_infinity_that_stops_at_one_level(scene):
    """A server that takes Depth: infinity for 1: folders that look empty are asked about."""
    server = DavServer(scene, lambda s, path, depth: fault_dav.iis(s, path, "1"))
    content, value = hashed(scene, near(server))
    check_whole(scene, content, value, scene.get())
    assert [depth for _, _, depth in server.requests("PROPFIND")][0] == "infinity"


def test_redirect_to_the_folder(scene):
    """A folder's URL without its last slash may be answered with a redirect."""
    def listing(server, path, depth):
        target = server.requests("PROPFIND")[-1][1]
        if not target.endswith("/"):
            return 301, b"", {"Location": target.replace(" ", "%20").replace("ü", "%C3%BC") + "/"}
        return fault_dav.iis(server, path, depth)
    server = DavServer(scene, listing)
    content, value = hashed(scene, near(server), files=ONE, folders=[])
    check_whole(scene, content, value, scene.get())


# And as none may be.

BASE = [("/SMS_DP_SMSPKG$/PS100001/", None), ("/SMS_DP_SMSPKG$/PS100001/x.txt", 3)]
TOP = "/SMS_DP_SMSPKG$/PS100001/"
WRONG = {
    "another_content": ([*BASE, ("/SMS_DP_SMSPKG$/PS100002/y.txt", 3)], "outside of the content"),
    "the_content_s_name_and_more": ([*BASE, ("/SMS_DP_SMSPKG$/PS1000012", 3)], "outside"),
    "root": ([*BASE, ("/", None)], "outside of the content"),
    "dots": ([*BASE, (TOP + "../y.txt", 3)], "lists '../y.txt'"),
    "encoded_dots": ([*BASE, (TOP + "%2e%2e/%2e%2e/y.txt", 3)], "lists '../../y.txt'"),
    "relative_dots": ([*BASE, ("../../etc/passwd", 3)], "lists '../../etc/passwd'"),
    "backslash": ([*BASE, (TOP + "a%5Cb.txt", 3)], "lists 'a\\b.txt'"),
    "nul": ([*BASE, (TOP + "a%00b.txt", 3)], "lists 'a"),
    "control": ([*BASE, (TOP + "a%0Ab.txt", 3)], "lists 'a"),
    "latin1": ([*BASE, (TOP + "%FCbung.txt", 3)], "UTF-8"),
    "empty_segment": ([*BASE, (TOP + "a//b.txt", 3)], "lists 'a//b.txt'"),
    "long_segment": ([*BASE, (TOP + "x" * 256, 3)], "lists 'xxx"),
    "long_href": ([*BASE, (TOP + "x" * 20000, 3)], "too long"),
    "twice": ([*BASE, BASE[1]], "one name on Windows"),
    "two_cases": ([*BASE, (TOP + "X.TXT", 3)], "one name on Windows"),
    "two_cases_beyond_ascii": ([*BASE, (TOP + "%C3%BC", 3), (TOP + "%C3%9C", 3)], "one name"),
    "below_a_file": ([*BASE, (TOP + "x.txt/y.txt", 3)], "is below a file"),
    "length_of_words": ([*BASE, (TOP + "y.txt", "abc")], "length 'abc'"),
    "length_negative": ([*BASE, (TOP + "y.txt", -3)], "length '-3'"),
    "length_beyond": ([*BASE, (TOP + "y.txt", 2**63)], "length '9223372036854775808'"),
    "lengths_beyond": ([*BASE, (TOP + "y.txt", 2**63 - 1)], "overflow"),
    "no_length": ([*BASE, entry(TOP + "y.txt", 3).replace(
        '<a:getcontentlength b:dt="int">3</a:getcontentlength>', "")], "without its length"),
    "no_kind": ([*BASE, "<a:response><a:href>%sy</a:href></a:response>" % TOP],
                "without saying what it is"),
    "no_name": ([*BASE, "<a:response><a:status>HTTP/1.1 200 OK</a:status></a:response>"],
                "without a name"),
    "refused_entry": ([*BASE, "<a:response><a:href>%sy</a:href><a:status>HTTP/1.1 403 Forbidden"
                              "</a:status></a:response>" % TOP], "lists 'y' with status 403"),
    "unreadable_properties": ([*BASE, entry(TOP + "y.txt", 3, status="HTTP/1.1 404 Not Found")],
                              "without saying what it is"),
    "too_deep": ([*BASE, (TOP + "d/" * 64 + "y.txt", 3)], "a loop of folders?"),
    "unbound_prefix": ([*BASE, "<q:response/>"], "cannot be read"),
    "not_closed": (["<a:response>"], "cannot be read"),
    "two_roots": ([*BASE, fault_dav.CLOSE + fault_dav.OPEN], "cannot be read"),
}


def refused_listing(make, words):
    def test(scene):
        server = DavServer(scene, make, form="both")
        content, value = hashed(scene, near(server), files=ONE, folders=[])
        result = scene.get()
        assert result.code == 1 and not scene.has(content), result
        assert words in result.message, result
        (error,) = result.json["sources"][0]["errors"]
        assert error["blame"] == "source", error
        assert error["code"] in ("LISTING", "PORTAL"), error
        assert gets(server) == [], "files of a bad listing were asked for"
        assert folder_hash({}) not in result.message, "an empty content was made of it"
        scene.check_cache()
    test.__doc__ = "A listing that is refused: %s." % words
    return test


for kind, (listed, said) in WRONG.items():
    globals()["test_wrong_" + kind] = refused_listing(saying(*listed), said)


def elsewhere(server, path, depth):
    if depth == "infinity":
        return 403, b"", {}
    rows = [(path_of(path), None), (TOP + "a%20b/", None)]
    if path.endswith("a b"):
        rows = [(path_of(path), None), (TOP + "x.txt", 3)]
    return saying(*rows)(server, path, depth)


test_wrong_outside_of_the_folder = refused_listing(elsewhere, "outside of the folder that was asked")


def page(status, body, kind="text/html"):
    return lambda server, path, depth: (status, body, {"Content-Type": kind})


HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
test_wrong_html_207 = refused_listing(page(207, HTML), "cannot be read")
test_wrong_xhtml_207 = refused_listing(page(207, b"<html/>"), "<html> instead of a WebDAV listing")
test_wrong_no_namespace = refused_listing(page(207, b"<multistatus/>"), "<multistatus> instead")
test_wrong_empty_207 = refused_listing(page(207, b""), "cannot be read")
test_wrong_json_207 = refused_listing(page(207, b"{}"), "cannot be read")
test_wrong_200 = refused_listing(page(200, b"<x/>", "text/xml"), "something else than a WebDAV")
test_wrong_entities = refused_listing(page(
    207, b'<!DOCTYPE a [<!ENTITY e "ee">]><a:multistatus xmlns:a="DAV:">&e;</a:multistatus>'),
    "document type declaration")


def test_not_wrong(scene):
    """What all the rows above stand on is right."""
    server = DavServer(scene, saying(*BASE, (TOP + "a%20b/%C3%BC.txt", 3)), form="both")
    content, value = hashed(scene, near(server), files=ONE, folders=[])
    check_whole(scene, content, value, scene.get())


def endless(piece, before=fault_dav.OPEN):
    def listing(server, path, depth):
        def pieces():
            yield before.encode()
            for number in range(1 << 40):
                yield piece(number)
        return 207, pieces(), fault_dav.XML
    return listing


def measured(scene, code):
    """Peak memory of get in MiB, and what it said."""
    figures = measure.measure(
        scene.command("get", "PS100001", *scene.MACHINE, *scene.places()), scene.folder,
        env=scene.environment(), codes=(code,))
    scene.check_cache()
    with open(scene.path(".errors")) as file:
        return figures.rss, file.read()


def bounded(scene, listing, words, megabytes):
    if SCALE > 1:
        raise Skip("a sanitized program's memory says nothing")
    server = DavServer(scene, listing)
    content, value = hashed(scene, near(server), files=ONE, folders=[])
    peak, said = measured(scene, 1)
    assert words in said, said
    assert peak < megabytes, "%.1f MiB" % peak


@slow("a server sends a gibibyte, which is read up to the limit, twice")
def test_wrong_gibibyte(scene):
    """A multistatus of 1 GiB of what says nothing: refused at the limit, in little memory."""
    filling = b"<a:x>" + b"y" * 65536 + b"</a:x>"
    bounded(scene, endless(lambda number: filling), "more bytes than a document may have", 24)


@slow("a million names are made, sent and sorted")
def test_wrong_million_names(scene):
    """A million and one names: refused; memory is that of the list."""
    def thousand(number):
        return b"".join(
            b"<a:response><a:href>f%d</a:href><a:propstat><a:prop><a:getcontentlength>1"
            b"</a:getcontentlength></a:prop></a:propstat></a:response>" % (number * 1000 + i)
            for i in range(1000))
    bounded(scene, endless(thousand), "is one name too many", 24 + 96)


def test_loop_of_folders(scene):
    """A folder that holds itself: refused after so many levels."""
    def listing(server, path, depth):
        if depth == "infinity":
            return 403, b"", {}
        rows = [(path_of(path), None), (path_of(path + "/loop"), None)]
        return saying(*rows)(server, path, depth)
    server = DavServer(scene, listing)
    content, value = hashed(scene, near(server), files=ONE, folders=[])
    result = scene.get()
    assert result.code == 1 and "a loop of folders?" in result.message, result
    assert 60 < len(server.requests()) < 70, len(server.requests())


def test_loop_on_a_real_server(scene):
    """A link to its own folder: nginx says 500 where the kernel has enough of it."""
    server = dav.NginxDav(scene)
    content, value = hashed(scene, near(server), files=ONE, folders=[])
    os.symlink(".", os.path.join(scene.www, content.id, "loop"))
    result = scene.get()
    assert result.code == 1 and not scene.has(content), result
    assert "500" in result.message or "a loop of folders?" in result.message, result
    assert 40 <= len(server.requests()) < 400, len(server.requests())


# What the policy says.


def test_a_hash_of_another_kind(scene):
    """HashAlgorithm 32772 (SHA-1) is refused, with what helps."""
    server = DavServer(scene)
    content, value = laid_out(scene)
    for kind, hash_text in ((32772, "A" * 40), (32772, value), (32780, "A" * 40), (32780, "xyz")):
        rows = instance("NP_ContentHash", ContentID="PS100001", Version=3, Hash=hash_text,
                        HashAlgorithm=kind)
        scene.policy([], [near(server)], extra=[rows])
        result = scene.get()
        assert result.code == 1 and "publish" in result.message, result
        assert result.json["error"]["code"] == "HASH_ALGORITHM", result
    assert server.requests() == []


def test_a_manifest_is_stronger(scene):
    """With a manifest nobody lists."""
    server = DavServer(scene)
    content, value = laid_out(scene)
    scene.policy(content, [near(server)], extra=[instance(
        "NP_ContentHash", ContentID="PS100001", Version=3, Hash="0" * 64, HashAlgorithm=32780)])
    result = scene.get()
    assert result.code == 0 and result.json["verifiedBy"] == "manifest", result
    assert server.requests("PROPFIND") == []


@alone
def test_memory(scene):
    """Ten thousand files without a manifest: 24 MiB and the list."""
    if SCALE > 1:
        raise Skip("a sanitized program's memory says nothing")
    server = dav.Lighttpd(scene, infinity=True)
    content, value = hashed(scene, near(server), folders=[], files={
        "folder%02d/file%05d.dat" % (i % 50, i): b"%d" % i for i in range(10000)})
    peak, _ = measured(scene, 0)
    assert peak < 24 + 8, "%.1f MiB" % peak
