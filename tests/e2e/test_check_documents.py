"""policy check and root's own policy folder on documents with secrets."""

import os

from harness import Skip, instance, document

SECRET = [instance("NP_CloudAccess", NALPath="x", SasToken="sv=1&sig=ABC")]
IN_ETC = 'mount --bind "$1" /etc && shift && exec "$@"'


def run_with_etc(scene, *args):
    """As root, with the scene's etc for /etc, and no --policy."""
    if os.getuid() != 0:
        raise Skip("only root has a folder of root's")
    result = scene.run(*args, policy=False,
                       prefix=["unshare", "-m", "sh", "-c", IN_ETC, "sh", scene.path("etc")])
    if "unshare" in result.err or "mount" in result.err:
        raise Skip("no name space of our own: " + result.err.strip())
    return result


def test_secret_readable(scene):
    """A document that others may read and that holds a secret is an error, and named; the secret
    is not."""
    path = scene.write("policy/access.xml", document(SECRET))
    for mode, code in ((0o644, 1), (0o640, 0), (0o600, 0)):
        os.chmod(path, mode)
        result = scene.run("policy", "check", "--json")
        found = [row for row in result.json if row["code"] == "SECRET_READABLE"]
        assert result.code == code and len(found) == code, result
        assert "sig" not in result.out + result.err, result
        if found:
            assert found[0]["severity"] == "error" and found[0]["object"] == path, found
            assert "NP_CloudAccess.SasToken" in found[0]["text"], found


def test_roots_folder(scene):
    """In /etc/nearpoint/policy.d root refuses such a document, for whatever command."""
    path = scene.write("etc/nearpoint/policy.d/access.xml", document(SECRET))
    os.chmod(path, 0o644)
    for words in (["policy"], ["policy", "check"], ["locate", "PS100001"]):
        result = run_with_etc(scene, *words)
        assert result.code == 3, result
        assert "/etc/nearpoint/policy.d/access.xml" in result.message, result
        assert "NP_CloudAccess.SasToken" in result.message and "sig" not in result.message
    os.chmod(path, 0o640)
    assert run_with_etc(scene, "policy").code == 0
    os.chmod(path, 0o644)
    scene.write("etc/nearpoint/policy.d/access.xml", document([]))
    assert run_with_etc(scene, "policy").code == 0
