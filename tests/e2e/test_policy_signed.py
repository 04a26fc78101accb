"""Signed policy: what machines that require it take, and what they refuse."""

import time

from harness import wait_until
from point import HASHES, Assigned, Point, Signer, body, policy_id


def required(scene, signer):
    point = Point(scene)
    point.set(requireSignedPolicy=True, trustAnchors=signer.anchor)
    return point


def refused(point, code=None):
    result = point.fetch(code=3)
    if code:
        assert result.json["error"]["code"] == code, result
    return result


def test_unsigned_warns_once(scene):
    """Unsigned policy over http says once that anyone on the path can change it."""
    point = Point(scene)
    point.publish(Assigned(1), Assigned(2), Assigned(3))
    result = point.fetch()
    assert result.err.count("UNSIGNED_HTTP") == 1, result
    assert point.requested()[policy_id(1)]["signed"] is False


def test_required(scene):
    """Unsigned is refused; signed is taken, says so and warns of nothing."""
    signer = Signer(scene)
    point = required(scene, signer)
    path = point.publish(Assigned(1), Assigned(2))
    result = refused(point)
    assert "p7s" in result.message or "sign" in result.message, result
    assert point.values() == {}
    signer.sign(path)
    result = point.fetch()
    assert "UNSIGNED_HTTP" not in result.err, result
    assert point.values() == {1: "one", 2: "one"}
    assert all(row["signed"] is True for row in point.requested().values())
    assert point.fetch().json["result"] == "unchanged"


def test_required_later(scene):
    """What was fetched unsigned is not in force once signatures are required."""
    signer = Signer(scene)
    point = Point(scene)
    path = point.publish(Assigned(1))
    point.fetch()
    point.set(requireSignedPolicy=True, trustAnchors=signer.anchor)
    result = scene.run("policy", "Machine/Actual", "--json", *point.places())
    assert result.code == 3 or "CCM_Test1" not in result.out, result
    refused(point)
    signer.sign(path)
    point.fetch()
    assert point.values() == {1: "one"}


def spoiled(scene, spoil):
    """A signed set in force, then one whose signature is spoiled; then mended."""
    signer = Signer(scene)
    point = required(scene, signer)
    point.publish(Assigned(1), signer=signer)
    point.fetch()
    path = point.publish(Assigned(1, "two", "2.00"), signer=signer)
    spoil(path, signer)
    result = refused(point)
    assert result.json["error"]["code"].startswith("SIGNATURE_"), result
    assert point.values() == {1: "one"} and "refused" in point.events()[0]
    signer.sign(point.publish(Assigned(1, "two", "2.00")))
    point.fetch()
    assert point.values() == {1: "two"}
    return result.json["error"]["code"]


def test_wrongly_signed(scene):
    """Signed by another authority's certificate."""
    other = Signer(scene, "other")
    assert spoiled(scene, lambda path, _: other.sign(path)) == "SIGNATURE_UNTRUSTED"


def test_tampered(scene):
    """Changed after it was signed, by a byte that means nothing."""
    def append(path, _):
        with open(path, "ab") as file:
            file.write(b"\n")
    assert spoiled(scene, append) == "SIGNATURE_DIGEST"


def test_expired_signer(scene):
    """The signer's certificate has expired."""
    def expire(path, signer):
        signer.issue(True)
        signer.sign(path)
        signer.issue(False)
    assert spoiled(scene, expire) == "SIGNATURE_EXPIRED"


def test_no_signature_at_all(scene):
    """A signature's file that holds something else."""
    def rubbish(path, _):
        with open(path + ".p7s", "w") as file:
            file.write("no signature")
    assert spoiled(scene, rubbish) == "SIGNATURE_MALFORMED"


def test_replayed(scene):
    """A signing time never goes back; what is signed anew may hold what it held before."""
    signer = Signer(scene)
    point = required(scene, signer)
    old = point.publish(Assigned(1), signer=signer)
    with open(old, "rb") as reply, open(old + ".p7s", "rb") as signature:
        kept = reply.read(), signature.read()
    second = int(time.time())
    # time(2) lags behind by up to a tick.
    wait_until(lambda: time.time() > second + 1.05, what="the next second")
    point.publish(Assigned(1), Assigned(2), signer=signer)
    point.fetch()
    point.write("assignments.xml", kept[0])
    point.write("assignments.xml.p7s", kept[1])
    refused(point, "REPLAYED")
    assert point.values() == {1: "one", 2: "one"}
    signer.sign(old)
    point.fetch()
    assert point.values() == {1: "one"}


def test_body_of_a_signed_reply(scene):
    """A signed reply vouches for a body by SHA-256; else the body has a signature of its own."""
    signer, other = Signer(scene), Signer(scene, "other")
    point = required(scene, signer)
    data = body(1, "one")
    point.publish(Assigned(1, hashes=HASHES["sha1"](data)), signer=signer)
    refused(point)
    other.sign(scene.path("www/point/1.xml"))
    refused(point)
    signer.sign(scene.path("www/point/1.xml"))
    point.fetch()
    assert point.values() == {1: "one"}


def folder(scene, signer):
    scene.settings(requireSignedPolicy=True, trustAnchors=signer.anchor)
    return scene.run("policy", "Machine/Actual", "--json")


def test_folder(scene):
    """Each document of a folder needs its own NAME.xml.p7s."""
    signer, other = Signer(scene), Signer(scene, "other")
    first = scene.write("policy/1.xml", body(1, "one"))
    second = scene.write("policy/2.xml", body(2, "one"))
    assert scene.run("policy").code == 0
    signer.sign(first)
    result = folder(scene, signer)
    assert result.code == 3 and "2.xml" in result.message, result
    other.sign(second)
    assert folder(scene, signer).code == 3
    signer.sign(second)
    result = folder(scene, signer)
    assert result.code == 0 and "CCM_Test2" in result.out, result
    scene.write("policy/1.xml", body(1, "two"))
    result = folder(scene, signer)
    assert result.code == 3 and "1.xml" in result.message, result


def test_other_commands(scene):
    """Every command that reads policy asks for the signature, not only `policy`."""
    signer = Signer(scene)
    scene.write("policy/1.xml", body(1, "one"))
    scene.settings(requireSignedPolicy=True, trustAnchors=signer.anchor)
    for args in (["locate", "PS100001"], ["policy", "why", "Value"], ["policy", "check"],
                 ["get", "PS100001", *scene.places()]):
        assert scene.run(*args).code == 3, args
