"""Policy and manifests are input: each kind of bad one is exit 3, one line, and names its file."""

import os

from harness import DP, SCALE, Content, document, estate, instance, sha256

DIGEST = sha256(b"x")


def refused(scene, name, data, *words):
    path = scene.write("policy/" + name, data)
    for command in (["policy"], ["policy", "--json"], ["locate", "PS100001", *scene.MACHINE]):
        result = scene.run(*command)
        assert result.code == 3, result
        assert name in result.message, "the file is not named\n%s" % result
        assert result.out == "", "something was printed\n%s" % result
        for word in words:
            assert word.lower() in result.message.lower(), "no word of %r\n%s" % (word, result)
    os.unlink(path)


def inside(text):
    return document([instance("SMS_Site", SiteCode="PS1").replace("</instance>", text +
                                                                  "</instance>")])


GOOD = document([instance("SMS_Site", SiteCode="PS1")])

DOCUMENTS = {
    "empty": b"",
    "only_blanks": b" \n\n ",
    "html": b"<!DOCTYPE html><html><body>Please log in</body></html>",
    "html_without_doctype": b"<html><head><title>x</title></head><body/></html>",
    "truncated": GOOD[:len(GOOD) // 2].encode(),
    "truncated_at_the_end": GOOD.rstrip()[:-1].encode(),
    "not_well_formed": GOOD.replace("</instance>", "</instanze>").encode(),
    "two_roots": (GOOD + GOOD[GOOD.index("<Policy"):]).encode(),
    "after_the_end": (GOOD + "rubbish").encode(),
    "dtd": GOOD.replace("<Policy", "<!DOCTYPE Policy>\n<Policy", 1).encode(),
    "external_entity": GOOD.replace(
        "<Policy", '<!DOCTYPE Policy [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n<Policy', 1
    ).replace("PS1</value>", "&e;</value>").encode(),
    "undefined_entity": GOOD.replace("PS1</value>", "&e;</value>").encode(),
    "billion_laughs": GOOD.replace("<Policy", "<!DOCTYPE Policy [<!ENTITY a0 'ha'>%s]>\n<Policy"
                                   % "".join("<!ENTITY a%d '%s'>" % (i, "&a%d;" % (i - 1) * 10)
                                             for i in range(1, 12)), 1)
    .replace("PS1</value>", "&a11;</value>").encode(),
    "deep": inside("<x>" * 65 + "</x>" * 65).encode(),
    "very_deep": b"<Policy>" + b"<x>" * 1000000,
    "many_attributes": inside("<x %s/>" % " ".join('a%d="1"' % i for i in range(257))).encode(),
    "very_many_attributes": inside("<x %s/>" % " ".join('a%d=""' % i for i in range(50000))
                                   ).encode(),
    "long_tag": inside('<x a="%s"/>' % ("a" * 70000)).encode(),
    "long_comment": inside("<!--%s-->" % ("a" * 70000)).encode(),
    "long_instruction": inside("<?x %s?>" % ("a" * 70000)).encode(),
    "unfinished_tag": b"<Policy " + b"a" * 5000000,
    "not_utf8": GOOD.replace("PS1</value>", "PS\u00ff</value>").encode("latin-1"),
    "nul": GOOD.encode().replace(b"PS1</value>", b"PS\0</value>"),
    "odd_utf16": GOOD.replace("UTF-8", "UTF-16").encode("utf-16")[:-1],
    "half_a_surrogate": GOOD.replace("UTF-8", "UTF-16").replace(
        "PS1</value>", "\ud800</value>").encode("utf-16", "surrogatepass"),
    "other_encoding": GOOD.replace("UTF-8", "EBCDIC-CP-US").encode(),
    "binary": bytes(range(256)) * 100,
    "json_of_no_form": b'{"hello": 1}',
}


def bad_document(name, data):
    def test(scene):
        refused(scene, "bad.xml", data)
    test.__doc__ = "A policy document that is %s." % name.replace("_", " ")
    return test


for _name, _data in DOCUMENTS.items():
    globals()["test_document_" + _name] = bad_document(_name, _data)


def test_document_large_value(scene):
    """A value of more than 64 MiB, without as much memory."""
    refused(scene, "bad.xml", inside("<property name='X' type='8'><value>%s</value></property>"
                                     % ("a" * (65 << 20))))


def test_document_too_large(scene):
    """A document of more than 256 MiB is refused before it is read."""
    with open(scene.write("policy/bad.xml", GOOD), "r+b") as file:
        file.truncate((256 << 20) + 1)
    result = scene.run("policy")
    assert result.code == 3 and "bad.xml" in result.message and result.seconds < 5 * SCALE, result


def test_nothing_is_opened(scene):
    """An external entity opens neither file nor socket."""
    if SCALE > 1:
        return
    scene.write("policy/bad.xml", DOCUMENTS["external_entity"])
    trace = scene.path("trace")
    scene.run("policy", prefix=["strace", "-f", "-qq", "-e", "trace=openat,open,openat2,socket",
                                "-o", trace])
    text = open(trace).read()
    assert "bad.xml" in text and "passwd" not in text and "socket(" not in text


def test_missing_path(scene):
    """A --policy PATH that does not exist."""
    result = scene.run("policy", "--policy", scene.path("nowhere"), policy=False)
    assert result.code == 3 and scene.path("nowhere") in result.message, result


def test_one_bad_among_good(scene):
    """One bad document refuses the set; endings other than .xml and .json are ignored."""
    scene.write("policy/a.xml", GOOD)
    scene.write("policy/notes.txt", "not a document")
    assert scene.run("policy").code == 0
    refused(scene, "b.xml", b"<Policy>")


def test_fifo_and_folder(scene):
    """What is no regular file does not hang the reader."""
    scene.write("policy/a.xml", GOOD)
    os.mkfifo(scene.path("policy/b.xml"))
    result = scene.run("policy", timeout=20)
    assert result.code == 3 and "b.xml" in result.message, result


def test_hostile_text_is_escaped(scene):
    """Terminal escapes in names and messages come out harmless."""
    evil = "PS1\u009b31m\u202e"
    scene.write("policy/a.xml", document([instance("SMS_Site", SiteCode=evil)]))
    result = scene.run("policy", "Machine/Actual")
    assert result.code == 0, result
    assert "\u009b" not in result.out and "\u202e" not in result.out and "\x1b" not in result.out
    refused(scene, "b\x1b[31m.xml".replace("\x1b", ""), b"<Policy>")


# Structural values.

STRUCTURAL = {
    "boundary_value": instance("SMS_Boundary", BoundaryID=9, BoundaryType=3, Value="10.1.2.9"),
    "boundary_range_reversed_text": instance("SMS_Boundary", BoundaryID=9, BoundaryType=3,
                                             Value="x-y"),
    "boundary_id": instance("SMS_Boundary", BoundaryID="nine", BoundaryType=3,
                            Value="10.1.2.1-10.1.2.9"),
    "minutes": instance("SMS_BoundaryGroupRelationships", SourceGroupID=1, DestinationGroupID=2,
                        FallbackDP=-2),
    "host": instance("SMS_DistributionPointInfo", SiteCode="PS1", NALPath='["Display=\\\\a b\\"]'
                     'MSWNET:["SMS_SITE=PS1"]\\\\a b\\', ServerName="a b/../c"),
    "content_id": instance("NP_Content", ContentID="../../etc", Version=1,
                           Manifest="<Content/>"),
}


def bad_structure(name, row):
    def test(scene):
        scene.write("policy/good.xml", GOOD)
        path = scene.write("policy/bad.xml", document(
            [row], policy_id="{6A3D0B0C-0000-4000-8000-000000000002}"))
        result = scene.run("locate", "PS100001", "--json", *scene.MACHINE)
        assert result.code == 3, result
        assert path in result.message or "bad.xml" in result.message, result
        assert result.out == "", result
    test.__doc__ = "A structural value out of range: %s." % name.replace("_", " ")
    return test


for _name, _row in STRUCTURAL.items():
    globals()["test_structure_" + _name] = bad_structure(_name, _row)


# Manifests.

def files(*rows):
    return "".join("<FileContent Name='%s' Hash='%s' HashAlgorithm='SHA256' Size='%s'/>"
                   % row for row in rows)


MANIFESTS = {
    "dot_dot": files(("../escape", DIGEST, 1)),
    "dot_dot_within": files(("a/../../escape", DIGEST, 1)),
    "dot": files(("a/./b", DIGEST, 1)),
    "absolute": files(("/etc/cron.d/x", DIGEST, 1)),
    "empty_name": files(("", DIGEST, 1)),
    "empty_segment": files(("a//b", DIGEST, 1)),
    "ends_in_slash": files(("a/", DIGEST, 1)),
    "backslash": files(("..\\escape", DIGEST, 1)),
    "control_character": files(("a&#10;b", DIGEST, 1)),
    "delete_character": files(("a&#127;b", DIGEST, 1)),
    "long_segment": files(("x" * 256, DIGEST, 1)),
    "long_name": files(("x/" * 2100 + "y", DIGEST, 1)),
    "reserved": files((".nearpoint/x", DIGEST, 1)),
    "twice": files(("a", DIGEST, 1), ("a", DIGEST, 1)),
    "twice_but_for_case": files(("setup.exe", DIGEST, 1), ("SETUP.EXE", DIGEST, 1)),
    "folder_of_another": files(("a", DIGEST, 1), ("a/b", DIGEST, 1)),
    "folder_of_another_first": files(("a/b", DIGEST, 1), ("a", DIGEST, 1)),
    "short_hash": files(("a", DIGEST[:-2], 1)),
    "long_hash": files(("a", DIGEST + "00", 1)),
    "no_hash": files(("a", "", 1)),
    "hash_not_hex": files(("a", "Z" * 64, 1)),
    "unknown_algorithm": files(("a", DIGEST, 1)).replace("SHA256", "MD5"),
    "negative_size": files(("a", DIGEST, -1)),
    "huge_size": files(("a", DIGEST, "9223372036854775808")),
    "sizes_that_overflow": files(("a", DIGEST, 2 ** 63 - 1), ("b", sha256(b"y"), 2 ** 63 - 1)),
    "no_size": files(("a", DIGEST, "")),
    "size_not_a_number": files(("a", DIGEST, "12x")),
    "empty_file_of_other_digest": files(("a", DIGEST, 0)),
    "not_xml": "hello",
    "truncated": "<FileContent",
}


def bad_manifest(name, rows):
    def test(scene):
        content = scene.content({"a": b"x"})
        server = scene.fault()
        good = content.manifest()
        bad = "<Content ContentId='PS100001' Version='3'>%s</Content>" % rows
        content.manifest = lambda: rows if name == "not_xml" else bad
        scene.policy(content, [DP("dp1.contoso.test", server.url + "/ok")])
        result = scene.get()
        assert result.code == 3, result
        assert "estate.xml" in result.message or "PS100001" in result.message, result
        assert server.asked() == [], "something was fetched"
        for folder in ("DataLib", "FileLib"):
            path = os.path.join(scene.cache, folder)
            assert not os.path.isdir(path) or os.listdir(path) == []
        content.manifest = lambda: good
        scene.policy(content, [DP("dp1.contoso.test", server.url + "/ok")])
        assert scene.get().code == 0
    test.__doc__ = "A manifest with %s." % name.replace("_", " ")
    return test


for _name, _rows in MANIFESTS.items():
    globals()["test_manifest_" + _name] = bad_manifest(_name, _rows)


# The settings file.

SETTINGS = {
    "unknown_key": '{\n  "conections": 4\n}',
    "wrong_type": '{ "connections": "many" }',
    "out_of_range": '{ "connections": 0 }',
    "truncated": '{ "connections": 4',
    "not_an_object": "[]",
    "twice": '{ "connections": 4, "connections": 5 }',
    "empty": "",
}


def bad_settings(name, text):
    def test(scene):
        scene.write("policy/a.xml", GOOD)
        path = scene.write("nearpoint.json", text)
        result = scene.run("locate", "PS100001", "--config", path, *scene.MACHINE)
        assert result.code == 3 and "nearpoint.json" in result.message, result
    test.__doc__ = "A settings file with %s." % name.replace("_", " ")
    return test


for _name, _text in SETTINGS.items():
    globals()["test_settings_" + _name] = bad_settings(_name, _text)


def test_settings_line_and_column(scene):
    """An unknown key is named with its line."""
    scene.write("policy/a.xml", GOOD)
    path = scene.write("nearpoint.json", SETTINGS["unknown_key"])
    result = scene.run("policy", "--config", path)
    assert "nearpoint.json:2" in result.message and "conections" in result.message, result


# The machine.

MACHINES = {
    "address": '{"addresses": ["10.1.2.300/24"]}',
    "prefix": '{"addresses": ["10.1.2.3/33"]}',
    "type": '{"addresses": "10.1.2.3"}',
    "unknown_key": '{"adresses": []}',
    "not_json": "hello",
}


def bad_machine(name, text):
    def test(scene):
        scene.write("policy/a.xml", GOOD)
        path = scene.write("machine.json", text)
        result = scene.run("locate", "PS100001", "--machine", path)
        assert result.code == 3 and "machine.json" in result.message, result
    test.__doc__ = "A machine file with a bad %s." % name.replace("_", " ")
    return test


for _name, _text in MACHINES.items():
    globals()["test_machine_" + _name] = bad_machine(_name, _text)


def test_truncated_anywhere(scene):
    """An estate cut at 150 places: never accepted, never a crash."""
    content = Content({"a": b"a"})
    whole = document(estate([content], [DP("dp1.contoso.test", "http://127.0.0.1:1/x")])).encode()
    end = len(whole.rstrip())
    for cut in range(0, end, max(1, end // (150 // SCALE))):
        scene.write("policy/estate.xml", whole[:cut])
        result = scene.run("policy")
        assert result.code == 3 and "estate.xml" in result.message, (cut, result)
