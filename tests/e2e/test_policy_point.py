"""A policy point: what it has is in force whole or not at all, however it answers."""

import glob
import hashlib
import json
import os
import re
import subprocess
import zlib

from harness import ROOT, SCALE, Skip, document, instance, slow
from point import CONDITION, HASHES, REPLY, Assigned, Point, body, policy_id, samples_server
from test_bad_dp import certificate

SAMPLES = os.path.join(ROOT, "samples")
MACHINES = sorted(glob.glob(os.path.join(SAMPLES, "machines/*.json")))


# The samples.


def actual_and_places(scene, *args):
    texts = [json.dumps(scene.run(*args, "policy", "Machine/Actual", "--json", policy=False)
                        .json["machine"]["actual"])]
    for machine in MACHINES:
        for content in ("PS100001", "PS100002", "PS100003"):
            result = scene.run(*args, "--machine", machine, "locate", content, "--all", "--json",
                               policy=False)
            assert '"locations"' in result.out, result
            texts.append(result.out)
    return texts


def test_estate(scene):
    """The estate fetched is the same policy as in the folder; so is the point read as a folder."""
    want = actual_and_places(scene, "--policy", os.path.join(SAMPLES, "policy"))
    assert len(json.loads(want[0])) > 90
    folder = os.path.join(SAMPLES, "policy-point")
    assert actual_and_places(scene, "--policy", folder) == want
    point = Point(scene, samples_server(scene).host + "/" + REPLY)
    result = point.fetch().json
    assert result["result"] == "ok" and result["policyPoint"] == point.url, result
    assert len(result["documents"]) == 7 and result["lastPolicy"], result
    for row in result["documents"]:
        name = os.path.basename(row["url"])
        assert row["bytes"] == os.path.getsize(os.path.join(folder, name)), row
        assert row["policyID"] and row["version"] and row["result"], row
    fetched = ["--policy", scene.path("policy"), *point.places()]
    assert actual_and_places(scene, *fetched) == want


def test_samples_are_up_to_date(scene):
    """samples/policy-point is what tests/policy-point makes of samples/policy."""
    subprocess.run([os.path.join(ROOT, "tests/policy-point"), scene.path("made")], check=True)
    kept = os.path.join(SAMPLES, "policy-point")
    names = sorted(os.listdir(scene.path("made")))
    assert names == sorted(set(os.listdir(kept)) - {"README"})
    for name in names:
        with open(os.path.join(kept, name), "rb") as old, \
             open(os.path.join(scene.path("made"), name), "rb") as new:
            assert old.read() == new.read(), name + ": run tests/policy-point"


def test_client_info(scene):
    """The policy point, when policy last came and when it comes next stand at the top."""
    point = Point(scene)
    client = point.policy()["client"]
    assert client["policyPoint"] == point.url and not client["lastPolicy"], client
    point.publish(Assigned(1))
    fetched = point.fetch().json
    client = point.policy()["client"]
    assert client["lastPolicy"] == fetched["lastPolicy"], (client, fetched)
    assert client["nextPolicy"] > client["lastPolicy"], client
    first = client["nextPolicy"]
    point.set(pollMinutes=600)
    assert point.policy()["client"]["nextPolicy"] > first


def test_no_policy_point(scene):
    """Without a policy point nothing can be fetched, and the command line is told."""
    result = scene.run("policy", "fetch", "--json", *scene.places(), policy=False)
    assert result.code == 2 and "policyPoint" in result.message, result


def test_folder_and_fetched(scene):
    """Both are in force together; --policy alone is that folder alone."""
    point = Point(scene)
    point.publish(Assigned(1, "fetched"))
    point.fetch()
    scene.write("policy/own.xml", body(2, "own"))
    assert point.values() == {1: "fetched", 2: "own"}
    alone = scene.run("policy", "Machine/Actual", "--json")
    assert "CCM_Test1" not in alone.out and "CCM_Test2" in alone.out, alone
    scene.write("policy/own.xml", body(1, "newer", "2.00"))
    assert point.values() == {1: "newer"}


# What changes, and what does not.


def test_not_modified(scene):
    """What did not change is not sent again: 304 for the reply, nothing for the bodies."""
    point = Point(scene)
    rows = [Assigned(1), Assigned(2)]
    point.publish(*rows)
    assert point.fetch().json["result"] == "ok"
    first = len(point.server.requests("/point/"))
    assert point.fetch().json["result"] == "unchanged"
    asked = point.server.requests("/point/")[first:]
    assert [(row["path"], row["status"]) for row in asked] == [("/point/" + REPLY, 304)], asked
    assert point.values() == {1: "one", 2: "one"}
    point.publish(rows[0], Assigned(2, "other", "1.01"))
    first += len(asked)
    assert point.fetch().json["result"] == "ok"
    asked = point.server.requests("/point/")[first:]
    assert [(row["path"], row["status"]) for row in asked] == \
        [("/point/" + REPLY, 200), ("/point/2.xml", 200)], asked
    assert point.values() == {1: "one", 2: "other"}


def test_damaged_is_fetched_again(scene):
    """304 is not asked for where the stored bodies are no longer what they were."""
    point = Point(scene)
    point.publish(Assigned(1), Assigned(2))
    point.fetch()
    for name, data in point.stored().items():
        if data == body(2, "one"):
            with open(scene.path("state/" + name), "wb") as file:
                file.write(data[:-10])
    point.fetch()
    assert point.values() == {1: "one", 2: "one"}


def test_vanished(scene):
    """A policy that is assigned no longer is out of force, and its bytes are gone."""
    point = Point(scene)
    rows = [Assigned(1), Assigned(2)]
    point.publish(*rows)
    point.fetch()
    assert rows[1].data in point.stored().values()
    point.publish(rows[0])
    point.fetch()
    assert point.values() == {1: "one"}
    assert rows[0].data in point.stored().values()
    assert rows[1].data not in point.stored().values()
    assert any(policy_id(2) in event for event in point.events())


def test_older_version(scene):
    """A policy never goes back to an older version; reset is the way out."""
    point = Point(scene)
    point.publish(Assigned(1, "nine", "9.00"))
    point.fetch()
    point.publish(Assigned(1, "ten", "10.00"))
    point.fetch()
    assert point.values() == {1: "ten"}
    point.publish(Assigned(1, "nine", "9.00"), Assigned(2))
    result = point.fetch(code=3)
    assert result.json["error"]["code"] == "OLDER_POLICY", result
    assert policy_id(1) in result.message and "reset" in result.message, result
    assert point.values() == {1: "ten"} and "refused" in point.events()[0]
    point.reset()
    assert point.values() == {}
    point.fetch()
    assert point.values() == {1: "nine", 2: "one"}


def test_condition(scene):
    """A policy with a condition is not applied, and says why; without it, it is applied."""
    point = Point(scene)
    point.publish(Assigned(1), Assigned(2, condition=CONDITION))
    point.fetch()
    assert point.values() == {1: "one"}
    rows = point.requested()
    assert rows[policy_id(1)]["applied"] is True and not rows[policy_id(1)]["whyNot"], rows
    assert rows[policy_id(2)]["applied"] is False, rows
    assert "ondition" in rows[policy_id(2)]["whyNot"], rows
    point.publish(Assigned(1), Assigned(2))
    point.fetch()
    assert point.values() == {1: "one", 2: "one"}
    assert point.requested()[policy_id(2)]["applied"] is True


def test_events(scene):
    """What came, what it became and what was refused, the newest first."""
    point = Point(scene)
    point.publish(Assigned(1))
    point.fetch()
    point.publish(Assigned(1, "two", "2.00", hashes=HASHES["extended"](b"other")))
    point.fetch(code=3)
    events = point.events()
    kinds = [next(kind for kind in ("refused", "applied", "downloaded") if kind in event)
             for event in events if re.search("refused|applied|downloaded", event)]
    assert kinds[0] == "refused" and kinds[-1] == "downloaded" and "applied" in kinds[1:], events


# What is refused: nothing of a refused set is applied.


def bad_set(scene, point, row, code=3, good=None):
    """A set in force, then one whose first body is new and whose second is bad; then mended."""
    point.reset()
    point.publish(Assigned(1), Assigned(2))
    point.fetch()
    point.publish(Assigned(1, "new", "2.00"), row)
    result = point.fetch(code=code)
    assert point.values() == {1: "one", 2: "one"}, result
    if code == 3:
        assert "refused" in point.events()[0], point.events()
    point.publish(Assigned(1, "new", "2.00"), good or Assigned(2, "new", "2.00"))
    point.fetch()
    assert point.values() == {1: "new", 2: "new"}
    return result


def test_hash_mismatch(scene):
    """Each of the hash's forms is held against the bytes received; the right one passes."""
    point = Point(scene)
    data = body(2, "new", "2.00")
    for form, write in HASHES.items():
        bad = Assigned(2, "new", "2.00", hashes=write(data + b" "))
        good = Assigned(2, "new", "2.00", hashes=write(data))
        result = bad_set(scene, point, bad, good=good)
        assert re.search("hash|SHA", result.message) and "/2.xml" in result.message, (form, result)
    both = HASHES["sha1"](data + b" ") + " " + HASHES["extended"](data)
    bad_set(scene, point, Assigned(2, "new", "2.00", hashes=both))
    both = HASHES["sha1"](data) + " " + HASHES["extended"](data)
    bad_set(scene, point, Assigned(2, hashes=""), good=Assigned(2, "new", "2.00", hashes=both))


def test_packed_hash(scene):
    """The hash is of the bytes as they came, packed."""
    point = Point(scene)
    plain = body(2, "new", "2.00").decode().replace("UTF-8", "utf-16")
    packed = zlib.compress(b"\xff\xfe" + plain.encode("utf-16-le"))
    data = b'<PolicyXML Compression="zlib" Version="1">%s</PolicyXML>' % packed.hex().encode()
    wrong = HASHES["extended"](b"\xff\xfe" + plain.encode("utf-16-le"))
    bad_set(scene, point, Assigned(2, version="2.00", data=data, hashes=wrong),
            good=Assigned(2, version="2.00", data=data))


ERROR_PAGE = b"<HTML><HEAD><TITLE>ERROR</TITLE></HEAD><BODY></BODY></HTML>"
NOT_POLICY = {
    "html": ERROR_PAGE,
    "empty": b"",
    "text": b"hello",
    "other xml": b"<?xml version='1.0'?><configuration/>",
    "cut": body(2, "new", "2.00")[:-20],
    "a reply": b"<ReplyAssignments SchemaVersion='1.00' ReplyType='Full'/>",
    "another policy": body(3, "new", "2.00"),
    "another version": body(2, "new", "3.00"),
    "entity": b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>" + body(2, "new", "2.00"),
    "bad site": document([instance("SMS_Boundary", BoundaryID=1, BoundaryType=3, Value="no range")],
                         policy_id(2)).replace('Version="1.00" PolicySource',
                                               'Version="2.00" PolicySource').encode(),
}


def test_not_policy(scene):
    """A body with the right hash that is no policy, or another's, leaves the old set whole."""
    point = Point(scene)
    for name, data in NOT_POLICY.items():
        result = bad_set(scene, point, Assigned(2, version="2.00", data=data))
        assert "2.xml" in result.message, (name, result)


BAD_REPLIES = {
    "html": ERROR_PAGE,
    "empty": b"",
    "cut": None,
    "a body": body(1, "two", "2.00"),
    "delta": b"<ReplyAssignments SchemaVersion='1.00' ReplyType='Delta'/>",
}


def test_bad_reply(scene):
    """A reply that is none leaves the old set, and the message names it."""
    point = Point(scene)
    good = point.publish(Assigned(1))
    point.fetch()
    with open(good, "rb") as file:
        whole = file.read()
    for name, data in BAD_REPLIES.items():
        point.write(REPLY, whole[:-30] if data is None else data)
        result = point.fetch(code=3)
        assert REPLY in result.message and point.values() == {1: "one"}, (name, result)
    point.publish(Assigned(1, "two", "2.00"))
    point.fetch()
    assert point.values() == {1: "two"}


# Where bodies lie.


def locations(point, other):
    host = point.url.split("//")[1].split("/")[0]
    good = ["http://<mp>/point/2.xml", "https://<mp>/point/2.xml", "2.xml", "../point/2.xml",
            "/point/2.xml", "//%s/point/2.xml" % host, point.server.host + "/point/2.xml",
            "2.xml?a=b", "http://<mp>/point/2.xml?a=<mp>", "  2.xml\n "]
    bad = [other + "/point/2.xml", "http://localhost:%s/point/2.xml" % host.split(":")[1],
           "//localhost/point/2.xml", "file:///etc/passwd", "ftp://%s/point/2.xml" % host,
           "http://<mp>.contoso.test/2.xml", "http://<mp>@localhost/2.xml", "http://<mp>2.xml",
           "http://user@%s/point/2.xml" % host, "<mp>/point/2.xml", "http://", "javascript:1"]
    return good, bad


@slow("some twenty policy points")
def test_locations(scene):
    """<mp> is the policy point, relative is to the reply, and nothing lies on another host."""
    point = Point(scene)
    other = scene.fault()
    good, bad = locations(point, other.url.replace("127.0.0.1", "localhost"))
    for number, location in enumerate(good, 1):
        point.publish(Assigned(2, "new", "1.%02d" % number, location=location))
        result = point.fetch()
        assert point.values() == {2: "new"}, (location, result)
    for location in bad:
        point.publish(Assigned(2, "bad", "2.00", location=location))
        result = point.scene.run("policy", "fetch", "--json", *point.places(), policy=False)
        # What is no location of the policy point may also be a file that it does not have.
        want = (1, 3) if location == "<mp>/point/2.xml" else (3,)
        assert result.code in want and result.message, (location, result)
        assert point.values() == {2: "new"}, location
    assert other.asked() == []


# A policy point that misbehaves.


def misbehaving(scene, **options):
    server = scene.fault(**options)
    server.root = scene.path("www/point")
    return server


def behave(scene, server, name, code, where="reply"):
    """Fetches with the reply, or its second body, behind that behaviour; the old set stays."""
    point = Point(scene, server.url + "/ok/" + REPLY)
    point.reset()
    point.publish(Assigned(1), Assigned(2))
    point.fetch()
    assert point.values() == {1: "one", 2: "one"}
    location = "/%s/2.xml" % name if where == "body" else "/ok/2.xml"
    point.publish(Assigned(1, "new", "2.00", location="/ok/1.xml"),
                  Assigned(2, "new", "2.00", location=location))
    if where == "reply":
        point.url = "%s/%s/%s" % (server.url, name, REPLY)
        point.set()
    result = scene.run("policy", "fetch", "--json", *point.places(), policy=False)
    point.check_state()
    assert result.code == code, "not exit %d for %s of a %s: %s" % (code, name, where, result)
    assert point.values() == ({1: "new", 2: "new"} if code == 0 else {1: "one", 2: "one"}), result
    if code:
        assert result.json["error"]["text"], result
        assert server.url in result.message, result
    assert sum(map(len, point.stored().values())) < 100000, "the state folder grew"
    return result


# Behaviour: exit code where the reply does it, and where a body does.
ROWS = {
    "ok": (0, 0),
    "late": (0, 0),
    "chunked": (0, 0),
    "hop-5": (0, 0),
    "404": (1, 1),
    "403": (1, 1),
    "500": (1, 1),
    "html": (3, 3),
    "cut": (1, 1),
    "reset": (1, 1),
    "chunked-cut": (1, 1),
    "short": (3, 3),
    "chunked-short": (3, 3),
    "wrong": (3, 3),
    "hop-6": (3, 3),
    "redirect-self": (3, 3),
    "redirect-name": (3, 3),
    "redirect-file": (3, 3),
    "redirect-ftp": (3, 3),
    "rubbish": (1, 1),
    "old-protocol": (1, 1),
    "header-line": (1, 1),
    "header-many": (1, 1),
    "stall-status": (1, 1),
    "stall-headers": (1, 1),
    "stall-body": (1, 1),
}


def row(name, codes):
    def test(scene):
        server = misbehaving(scene)
        for where, code in zip(("reply", "body"), codes):
            result = behave(scene, server, name, code, where)
            assert result.seconds < 30, result
    test.__doc__ = "A policy point that does '%s'." % name
    return test


for _name, _codes in ROWS.items():
    globals()["test_does_" + _name.replace("-", "_")] = row(_name, _codes)


def test_flood(scene):
    """10 GiB, announced or not, end soon, and fill neither memory nor disk."""
    if SCALE > 1:
        raise Skip("a sanitizer's shadow does not fit a limit of memory")
    server = misbehaving(scene)
    for name in ("huge", "endless", "bomb", "unasked-gzip"):
        for where in ("reply", "body"):
            point = Point(scene, "%s/%s/%s" % (server.url, name if where == "reply" else "ok",
                                               REPLY))
            point.publish(Assigned(1), Assigned(2, location="/%s/2.xml" % name))
            result = scene.run("policy", "fetch", "--json", *point.places(), policy=False,
                               prefix=["prlimit", "--as=%d" % (1 << 30)])
            assert result.code in (1, 3) and result.seconds < 30, result
            assert point.values() == {}, result
            assert sum(map(len, point.stored().values())) < 100000, point.stored().keys()
    assert max(record["sent"] for record in server.asked("huge")) < 20000000
    assert max(record["sent"] for record in server.asked("endless")) < 300000000  # LIMIT_DOCUMENT


def test_drip(scene):
    """Who never falls silent does not hold a fetch for ever, nor do many such bodies."""
    server = misbehaving(scene)
    scene.env["NEARPOINT_POLICY_SECONDS"] = "3"
    for where in ("reply", "body"):
        result = behave(scene, server, "drip", 1, where)
        assert result.json["error"]["code"] == "STALLED" and result.seconds < 10, result


def test_relative_to_where_it_was_found(scene):
    """Relative locations are relative to where the reply was found after redirects."""
    server = misbehaving(scene)
    point = Point(scene, server.url + "/hop-1/" + REPLY)
    point.publish(Assigned(1), Assigned(2, location="http://<mp>/ok/2.xml"))
    point.fetch()
    assert point.values() == {1: "one", 2: "one"}
    asked = [record["target"] for record in server.asked()]
    assert "/hop-0/1.xml" in asked and "/hop-1/1.xml" not in asked, asked


def names_point(url):
    return document([instance("NP_PolicyPoint", URL=url)], policy_id(99))


def test_point_named_by_the_folder(scene):
    """NP_PolicyPoint counts in the folder, not in fetched policy; what is damaged is mended."""
    other = misbehaving(scene)
    point = Point(scene)
    scene.settings()
    folder = ["--policy", scene.path("policy")]
    scene.write("policy/point.xml", names_point(point.url))
    elsewhere = document([instance("NP_PolicyPoint", URL=other.url + "/ok/" + REPLY)],
                         policy_id(2)).encode()
    point.publish(Assigned(1), Assigned(2, data=elsewhere))
    point.fetch(*folder)
    for name, data in point.stored().items():
        if data == elsewhere:
            with open(scene.path("state/" + name), "wb") as file:
                file.write(b"damaged")
    result = scene.run("policy", *point.places())
    assert result.code == 3 and "policy fetch" in result.message, result
    point.fetch(*folder)
    assert point.values() == {1: "one"}
    os.unlink(scene.path("policy/point.xml"))
    result = scene.run("policy", "fetch", *point.places())
    assert result.code == 2 and "policyPoint" in result.message, result
    assert other.asked() == []


def test_refused_drops_nothing(scene):
    """What a refused reply no longer names is neither dropped nor said to be."""
    point = Point(scene)
    point.publish(Assigned(1, "one", "2.00"), Assigned(2))
    point.fetch()
    point.publish(Assigned(1, "old", "1.00"))
    result = point.fetch(code=3)
    assert "dropped" not in [row["result"] for row in result.json["documents"]], result
    assert not [event for event in point.events() if "dropped" in event], point.events()
    point.publish(Assigned(1, "one", "2.00"))
    result = point.fetch()
    assert [row["policyID"] for row in result.json["documents"] if row["result"] == "dropped"] \
        == [policy_id(2)], result
    assert [event for event in point.events() if "dropped" in event]


def test_nobody_there(scene):
    """No policy point at all: exit 1, its URL in the message, and what was fetched stays."""
    point = Point(scene)
    point.publish(Assigned(1))
    point.fetch()
    point.server.close()
    result = point.fetch(code=1)
    assert point.url in result.message and point.values() == {1: "one"}, result


def test_https(scene):
    """caFile says whom to believe; from https no way leads to http."""
    pair = certificate(scene)
    plain, server = misbehaving(scene), misbehaving(scene, certificate=pair)
    point = Point(scene, server.url + "/ok/" + REPLY)
    point.publish(Assigned(1))
    assert re.search("certificate|CA cert", point.fetch(code=1).message)
    assert server.asked() == []
    point.set(caFile=pair[0])
    result = point.fetch()
    assert point.values() == {1: "one"} and "UNSIGNED_HTTP" not in result.err, result
    same_port = server.url.replace("https:", "http:") + "/ok"
    for server.elsewhere in (plain.url + "/ok", same_port):
        for location in ("/redirect-http/2.xml", server.elsewhere + "/2.xml"):
            point.publish(Assigned(1), Assigned(2, location=location))
            point.fetch(code=3)
    point.publish(Assigned(1), Assigned(2, "mp", location="http://<mp>/ok/2.xml"))
    point.fetch()
    assert point.values() == {1: "one", 2: "mp"} and plain.asked() == []


# What others may see.


def test_secrets(scene):
    """Neither a secret property nor a token in a location is printed, whatever happens."""
    point = Point(scene)
    secret, token = "Hush-0123456789", "sig=Hush-abcdef"
    data = body(1, secret).replace(b'<property name="Value"', b'<property name="Value" secret="1"')
    point.publish(Assigned(1, data=data, location="1.xml?" + token))
    seen = [point.fetch(), point.fetch()]
    args = [[], ["--json"], ["--xml"], ["Machine/Requested"], ["Machine/Events"], ["why", "Value"]]
    seen += [scene.run("policy", *more, *point.places()) for more in args]
    bad = Assigned(1, version="2.00", data=data + b" ", location="1.xml?" + token,
                   hashes=HASHES["extended"](data))
    point.publish(bad)
    seen += [point.fetch(code=3), scene.run("policy", "--json", *point.places())]
    for result in seen:
        assert "Hush" not in result.out + result.err, result
    assert "Hush" not in scene.log_text()
    assert hashlib.sha256(data).hexdigest().upper() in "".join(point.stored())


def test_hostile_text(scene):
    """Control characters of a policy point do not reach the terminal."""
    point = Point(scene)
    point.publish(Assigned(1, location="\u009b31m.xml"))
    result = scene.run("policy", "fetch", *point.places(), policy=False)
    assert result.code in (1, 3) and "\u009b" not in result.out + result.err, result
    point.write(REPLY, "<ReplyAssignments ReplyType='Full&#27;[31m'/>")
    assert point.fetch(code=3).message
