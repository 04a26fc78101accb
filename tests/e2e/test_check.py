"""policy check from outside: lines, exit codes, JSON, and text from outside made safe."""

import os
import re

from harness import ROOT, document, estate, instance, DP

LINE = re.compile(r"(error|warning|note) ([A-Z][A-Z0-9_]*) ([^:]+(?::[^ ][^:]*)*): (.+)")
SEVERITIES = ["error", "warning", "note"]


def site(scene, *rows, name="policy/estate.xml"):
    """A site in which nothing is to be found by itself, and what a test adds."""
    dp = DP("dp1.contoso.test", "http://127.0.0.1:1", near=True)
    default = [instance("SMS_DefaultBoundaryGroup", GroupID=16777290,
                        Name="Default-Site-Boundary-Group<PS1>"),
               instance("SMS_BoundaryGroupSiteSystems", GroupID=16777290, ServerNALPath=dp.nal)]
    scene.write(name, document(estate([], [dp]) + default + list(rows)))


MISSING = instance("SMS_BoundaryGroupMembers", GroupID=16777220, BoundaryID=99)
ALONE = instance("SMS_Boundary", BoundaryID=16777219, BoundaryType=1, Value="Oslo")


def lines(result):
    """Severity, code, object, text of each finding, but what a small site leaves out."""
    found = [LINE.fullmatch(line).groups() for line in result.out.splitlines()]
    return [finding for finding in found if finding[1] != "MISSING_CLASS"]


def codes(result):
    return [finding[1] for finding in lines(result)]


def rows(result):
    return [row for row in result.json if row["code"] != "MISSING_CLASS"]


def test_nothing_found(scene):
    """A site in which nothing is wrong: notes on what it leaves out, exit 0; a whole one nothing."""
    site(scene)
    result = scene.run("policy", "check")
    assert result.code == 0 and codes(result) == [] and result.err == "", result
    result = scene.run("policy", "check", "--json")
    assert result.code == 0 and rows(result) == [], result


def test_warnings_are_exit_0(scene):
    """Findings below an error are exit 0."""
    site(scene, ALONE)
    result = scene.run("policy", "check")
    assert result.code == 0 and codes(result) == ["BOUNDARY_NO_GROUP"], result
    assert result.out.startswith("warning BOUNDARY_NO_GROUP boundary 16777219 'Oslo': "), result


def test_errors_are_exit_1(scene):
    """An error is exit 1, in text and in JSON, which is whole; errors come first."""
    site(scene, ALONE, MISSING)
    result = scene.run("policy", "check")
    assert result.code == 1 and "1 error" in result.message, result
    assert codes(result) == ["MEMBER_MISSING", "BOUNDARY_NO_GROUP"], result
    result = scene.run("policy", "check", "--json")
    assert result.code == 1 and len(rows(result)) == 2, result


def test_json_says_the_same(scene):
    """JSON has the findings of the text, in the same order, with the contract's members."""
    site(scene, ALONE, MISSING)
    text = lines(scene.run("policy", "check"))
    found = rows(scene.run("policy", "check", "--json"))
    assert [tuple(finding.values()) for finding in found] == text
    assert all(list(finding) == ["severity", "code", "object", "text"] for finding in found)


def test_warnings_of_policy_are_findings(scene):
    """What policy warns of is a finding, and not said on standard error as well."""
    site(scene)
    scene.write("policy/later.xml", document(
        [instance("SMS_BoundaryGroup", GroupID=16777220, Name="Office 2")], policy_id="{later}"))
    assert "DUPLICATE_OBJECT" in scene.run("policy").err
    result = scene.run("policy", "check")
    assert codes(result) == ["DUPLICATE_OBJECT"] and result.err == "", result


def test_hostile_names(scene):
    """Names with what a terminal would obey are escaped in text and whole in JSON."""
    evil = "x\u009b31m\u202e\u2028\x7f'%s\"y"
    site(scene, instance("SMS_BoundaryGroup", GroupID=16777230, Name=evil),
         instance("SMS_BoundaryGroupRelationships", SourceGroupID=16777230,
                  DestinationGroupID=16777299, FallbackDP=10))
    result = scene.run("policy", "check")
    assert result.code == 1 and len(codes(result)) >= 3, result
    for char in "\u009b\u202e\u2028\x7f":
        assert char not in result.out, repr(result.out)
    assert r"x\u{009B}31m\u{202E}\u{2028}\x7F'%s" in result.out, result
    found = scene.run("policy", "check", "--json").json
    assert any(evil in finding["object"] for finding in found), found


def test_path_that_is_no_text(scene):
    """A document's path may hold any bytes; the JSON that names it is JSON."""
    site(scene, MISSING, name=b"policy/\xff.xml".decode("utf-8", "surrogateescape"))
    result = scene.run("policy", "check", "--json")
    assert result.code == 1 and r"\xFF.xml" in result.json[0]["text"], result


def test_usage(scene):
    """`policy check` takes no further word."""
    result = scene.run("policy", "check", "it")
    assert result.code == 2 and result.out == "", result


def site_codes():
    """Those of the block of rules on the site in check.c."""
    with open(os.path.join(ROOT, "policy/check.c"), encoding="utf-8") as file:
        block = re.search(r"/\* Boundaries, groups[^\n]*\*/(.*?)/\*", file.read(), re.S)[1]
    return set(re.findall(r'\{"([A-Z0-9_]+)",', block))


def test_samples(scene):
    """What is to be found in the estate of samples/: what the README explains, and no more."""
    result = scene.run("policy", "check", "--policy", os.path.join(ROOT, "samples/policy"),
                       policy=False)
    assert result.code == 1, result
    found = [line.split(": ")[0] for line in result.out.splitlines()]
    assert found == [
        "error CONTENT_FAILED package PS100001 'Contoso VPN client'",
        "warning BOUNDARY_OVERLAP boundary 16777225 '10.30.0.1-10.30.15.254'",
        "warning CONTENT_NO_DP content PS100003 'Contoso archive tools'",
        "warning CONTENT_UNVERIFIABLE 2 contents",
        "warning DP_NO_GROUP distribution point lab-dp1.contoso.test",
        "warning WORKSTATION_ONLY boundary group 16777304 'Paris'",
    ], result
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = file.read()
    for line in found:
        assert "`%s`" % line.split(" ")[1] in text, "the README does not explain " + line


def test_every_code_has_a_test(_scene):
    """The unit tests have a row for every code of the block."""
    tested = set()
    for name in ("test_check_site.c", "test_check_overlap.c"):
        with open(os.path.join(ROOT, "tests/unit", name), encoding="utf-8") as file:
            tested |= set(re.findall(r'(?m)^    \{"([A-Z0-9_]+)",', file.read()))
    assert tested == site_codes(), tested ^ site_codes()
