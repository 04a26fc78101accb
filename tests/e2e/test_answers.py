"""The command line, policy and locate: what the contract promises."""

import glob
import os
import re

import harness
from harness import DP, ROOT, document, instance

SAMPLES = os.path.join(ROOT, "samples")
LOCALITIES = {"COMPUTER", "SUBNET", "BOUNDARYGROUP", "NEIGHBOR", "SITEDEFAULT", "INTERNET",
              "CLOUD"}
LOCATION = {"rank", "dp", "kind", "locality", "distance", "protected", "url", "afterMinutes",
            "groups", "boundaries", "reason"}
EXCLUDED = {"dp", "code", "afterMinutes", "state", "version", "reason"}


def samples(scene, *args):
    return scene.run("--policy", os.path.join(SAMPLES, "policy"), *args, policy=False)


# The command line.

def test_version_and_help(scene):
    """--version and --help, of the program and of each command, are exit 0 on standard output."""
    result = scene.run("--version", policy=False)
    assert result.code == 0 and re.fullmatch(r"nearpoint \d+\.\d+\.\d+\n", result.out), result
    for args in (["--help"], ["policy", "--help"], ["locate", "--help"], ["get", "--help"],
                 ["--help", "get"]):
        result = scene.run(*args, policy=False)
        assert result.code == 0 and "nearpoint" in result.out and result.err == "", result


def wrong(*args):
    def test(scene):
        result = scene.run(*args, policy=False)
        assert result.code == 2 and result.out == "", result
    test.__doc__ = "`nearpoint %s` is exit 2." % " ".join(args)
    return test


for _name, _args in {
    "nothing": [], "unknown_command": ["fetch"], "unknown_option": ["policy", "--frobnicate"],
    "missing_argument": ["locate"], "too_many": ["locate", "A", "B"],
    "option_of_another": ["policy", "--no-sync"], "missing_value": ["policy", "--policy"],
    "bad_number": ["locate", "A", "--at", "soon"], "bad_set": ["locate", "A", "--set", "colour=1"],
    "set_without_value": ["locate", "A", "--set", "address"],
}.items():
    globals()["test_wrong_" + _name] = wrong(*_args)


def test_options_anywhere(scene):
    """Options may stand before or after the command."""
    one = samples(scene, "--json", "policy", "Machine/CustomSettings")
    two = scene.run("policy", "Machine/CustomSettings", "--json", "--policy",
                    os.path.join(SAMPLES, "policy"), policy=False)
    assert one.code == two.code == 0 and one.out == two.out


def test_policy_from_environment(scene):
    """NEARPOINT_POLICY does what --policy does; no policy at all is empty policy."""
    scene.env["NEARPOINT_POLICY"] = os.path.join(SAMPLES, "policy")
    result = scene.run("policy", "Machine/CustomSettings", policy=False)
    assert result.code == 0 and "AllowCloudDP = True" in result.out, result


# policy.

def test_custom_settings(scene):
    """The Policy Spy view says AllowCloudDP = True, and where it comes from."""
    for path in ("Machine/CustomSettings", "Machine\\CustomSettings"):
        result = samples(scene, "policy", path)
        assert result.code == 0 and "AllowCloudDP = True" in result.out, result
        assert "samples/policy/" in result.out or ".xml" in result.out, result


def test_policy_tree(scene):
    """The whole tree has Policy Spy's branches; --json has the contract's fields."""
    result = samples(scene, "policy")
    for word in ("Machine", "Requested", "DefaultSettings", "CustomSettings", "Actual", "Events"):
        assert word in result.out, result
    tree = samples(scene, "policy", "--json").json
    assert set(tree) >= {"client", "machine"}
    assert set(tree["client"]) >= {"name", "site", "policyPoint", "lastPolicy", "nextPolicy"}
    machine = tree["machine"]
    assert set(machine) >= {"requested", "defaultSettings", "customSettings", "actual", "events"}
    for row in machine["requested"]:
        assert set(row) >= {"policyID", "version", "source", "layer", "priority", "document",
                            "signed", "applied", "whyNot", "instances"}, row
    classes = [row["class"] for row in machine["actual"]]
    assert classes == sorted(classes)
    for row in machine["actual"]:
        assert list(row["properties"]) == sorted(row["properties"]) or \
            list(row["properties"]) == sorted(row["properties"], key=str.lower), row


def test_policy_unknown_path(scene):
    """A branch that the tree does not have is exit 1 or 2, and named."""
    result = samples(scene, "policy", "Machine/Nothing")
    assert result.code in (1, 2) and "Nothing" in result.message, result


def test_why(scene):
    """policy why names the winner first, and the value that it beat."""
    answer = samples(scene, "policy", "why", "AllowCloudDP", "--json").json
    assert answer["name"] == "AllowCloudDP" and answer["value"] is True
    first, *others = answer["values"]
    assert first["wins"] and first["value"] is True and first["layer"] == "custom", answer
    assert others and not any(row["wins"] for row in others), answer
    assert others[0]["value"] is False and others[0]["layer"] == "default", answer
    for row in answer["values"]:
        assert set(row) >= {"value", "wins", "layer", "priority", "policyID", "version",
                            "document", "partial"}, row
    text = samples(scene, "policy", "why", "AllowCloudDP").out
    assert text.index("True") < text.index("False"), text


def test_why_unknown(scene):
    """A property that nobody gave: exit 1, named."""
    result = samples(scene, "policy", "why", "NoSuchSetting")
    assert result.code == 1 and "NoSuchSetting" in result.message, result


def test_secrets_are_hidden(scene):
    """A secret property's value is printed by no command, in no form."""
    row = ('<instance class="CCM_NetworkAccessAccount"><property name="NetworkAccessPassword" '
           'type="8" secret="1"><value>TopSecret</value></property></instance>')
    scene.write("policy/a.xml", document([row]))
    for args in (["policy"], ["policy", "--json"], ["policy", "why", "NetworkAccessPassword"],
                 ["policy", "why", "NetworkAccessPassword", "--json"]):
        result = scene.run(*args)
        assert "TopSecret" not in result.out + result.err, result
    assert "(hidden)" in scene.run("policy").out


def test_utf16(scene):
    """UTF-16, either byte order, gives what UTF-8 gives."""
    text = document([instance("CCM_ClientAgentConfig", AllowCloudDP="true", Text="Grüße")])
    outs = []
    for encoding, data in (("UTF-8", text.encode()),
                           ("UTF-16", text.replace("UTF-8", "UTF-16").encode("utf-16")),
                           ("UTF-16", b"\xfe\xff" + text.replace("UTF-8", "UTF-16")
                            .encode("utf-16-be"))):
        scene.write("policy/a.xml", data)
        result = scene.run("policy", "Machine/Actual")
        assert result.code == 0 and "Grüße" in result.out, (encoding, result)
        outs.append(result.out)
    assert len(set(outs)) == 1


# locate.

def offices():
    found = sorted(glob.glob(os.path.join(SAMPLES, "machines/*.json")))
    assert len(found) >= 4, found
    return found


def all_dps(scene):
    """Every distribution point of the samples, read from the documents themselves."""
    names = set()
    for path in glob.glob(os.path.join(SAMPLES, "policy/*.xml")):
        with open(path, "rb") as file:
            data = file.read()
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        for body in re.findall(r'class="SMS_DistributionPointInfo".*?</instance>', text, re.S):
            name = re.search(r'name="ServerName"[^>]*>\s*<value>(?:<!\[CDATA\[)?([^<\]]+)', body)
            host = re.search(r'\]\\\\([^\\<\]]+)\\', body)
            names.add((name or host)[1].lower())
    return names


def test_every_dp_once(scene):
    """For every machine of the samples, each DP is in exactly one of the two lists."""
    wanted = all_dps(scene)
    assert len(wanted) >= 5, wanted
    for machine in offices():
        result = samples(scene, "--machine", machine, "locate", "PS100001", "--json")
        assert result.code in (0, 1), result
        answer = result.json
        names = [row["dp"].lower() for row in answer["locations"] + answer["excluded"]]
        assert sorted(names) == sorted(wanted), (machine, sorted(names), sorted(wanted))
        check_answer(answer)


def check_answer(answer):
    assert set(answer) >= {"content", "machine", "rules", "deployment", "settings", "assumed",
                           "boundaries", "boundaryGroups", "locations", "excluded"}, answer
    assert set(answer["content"]) >= {"id", "version", "size", "files"}
    assert answer["rules"] == "current"
    assert answer["deployment"]["assumed"] is True and "deployment" in answer["assumed"]
    assert set(answer["settings"]["AllowCloudDP"]) >= {"value", "origin"}
    assert [row["rank"] for row in answer["locations"]] == \
        list(range(1, len(answer["locations"]) + 1))
    for row in answer["locations"]:
        assert set(row) >= LOCATION, row
        assert row["locality"] in LOCALITIES and row["reason"], row
        assert row["url"].startswith("http"), row
    for row in answer["excluded"]:
        assert set(row) >= EXCLUDED and row["reason"], row
        assert (row["afterMinutes"] is not None) == (row["code"] == "FALLBACK_NOT_DUE"), row


def test_machines_differ(scene):
    """The offices do not all get the same first distribution point."""
    firsts = set()
    for machine in offices():
        answer = samples(scene, "--machine", machine, "locate", "PS100001", "--json").json
        firsts.add(answer["locations"][0]["dp"] if answer["locations"] else None)
    assert len(firsts) >= 3, firsts


def test_all_is_stable(scene):
    """The same question has the same answer, byte for byte; --at grows the list."""
    machine = offices()[0]
    args = ["--machine", machine, "locate", "PS100001", "--json"]
    assert samples(scene, *args).out == samples(scene, *args).out
    now = samples(scene, *args).json["locations"]
    later = samples(scene, *args, "--at", "1000000").json["locations"]
    everything = samples(scene, *args, "--all").json["locations"]
    assert {row["dp"] for row in now} <= {row["dp"] for row in later}
    assert [row["dp"] for row in later] == [row["dp"] for row in everything]


def test_locate_text(scene):
    """Text: each location with its reason, then why others are not used."""
    result = samples(scene, "--machine", offices()[0], "locate", "PS100001")
    assert result.code == 0, result
    answer = samples(scene, "--machine", offices()[0], "locate", "PS100001", "--json").json
    for row in answer["locations"]:
        assert row["dp"] in result.out, result
    for row in answer["excluded"][:3]:
        assert row["code"] in result.out, result
    brief = samples(scene, "--machine", offices()[0], "locate", "PS100001", "--brief")
    assert brief.code == 0 and brief.out.count("\n") == 1, brief


def test_unknown_content(scene):
    """An unknown content: exit 1, and the JSON all the same, every DP NO_CONTENT."""
    result = samples(scene, "--machine", offices()[0], "locate", "PS999999", "--json")
    assert result.code == 1 and "PS999999" in result.message, result
    assert result.json["locations"] == []
    assert {row["code"] for row in result.json["excluded"]} == {"NO_CONTENT"}, result


def test_no_location(scene):
    """A machine in no boundary, and no default group: exit 1, every DP excluded."""
    content = scene.content({"a": b"a"})
    scene.policy(content, [DP("dp1.contoso.test", "http://127.0.0.1:1/x")])
    result = scene.run("locate", "PS100001", "--json", "--set", "address=192.168.7.7/24")
    assert result.code == 1 and result.json["locations"] == [], result
    assert result.json["excluded"][0]["code"] == "NOT_IN_GROUP", result


def test_ranking_is_spread(scene):
    """Among equals a fleet spreads, and each machine keeps its own order."""
    content = scene.content({"a": b"a"})
    scene.policy(content, [DP("dp%d.contoso.test" % i, "http://127.0.0.1:1/x") for i in range(4)])
    firsts = {}
    for i in range(40):
        result = scene.run("locate", "PS100001", "--json", "--set", "name=PC%03d" % i,
                           "--set", "address=10.1.2.77/24")
        first = result.json["locations"][0]["dp"]
        firsts[first] = firsts.get(first, 0) + 1
    assert len(firsts) == 4 and max(firsts.values()) <= 22, firsts


def test_json_whole_or_absent(scene):
    """A reader that leaves early is no crash; a full output is exit 1."""
    result = samples(scene, "policy", "--json")
    assert result.code == 0
    done = harness.subprocess.run(
        ["sh", "-c", '"$@" >/dev/full', "sh", *harness.program(), "policy", "--json", "--policy",
         os.path.join(SAMPLES, "policy")], env=scene.environment(), capture_output=True,
        text=True, timeout=30, check=False)
    assert done.returncode == 1 and done.stderr.startswith("nearpoint: "), done
