"""Policy Spy's views, for this machine and for others: the tree, why, diff."""

import json
import os

from harness import ROOT, document, instance

SAMPLES = os.path.join(ROOT, "samples")
POLICY = ["--policy", os.path.join(SAMPLES, "policy")]


def samples(scene, *args):
    return scene.run(*POLICY, *args, policy=False)


def setting(value, **more):
    return instance("CCM_X", MaxCacheSizeMB=value, **more)


def layers(scene):
    """Five layers: built-in, default, two custom ones, local."""
    scene.write("policy/a.xml", document([setting(1000)], "{1}"))
    custom = document([setting(2000)], "{2}", "CustomSettings")
    scene.write("policy/b.xml", custom.replace("<Policy ", '<Policy PolicyPrecedence="20" '))
    custom = document([setting(3000)], "{3}", "CustomSettings")
    scene.write("policy/c.xml", custom.replace("<Policy ", '<Policy PolicyPrecedence="10" '))
    local = document([setting(4000)], "{4}").replace("SMS:PS1", "Local")
    scene.write("policy/d.xml", local)


def test_why_five_layers(scene):
    """policy why shows all five layers, in order of precedence, the winner first."""
    layers(scene)
    result = scene.run("policy", "why", "MaxCacheSizeMB", "--json")
    assert result.code == 0 and result.json["value"] == "4000", result
    rows = [(row["layer"], row["value"], row["wins"], row["priority"])
            for row in result.json["values"]]
    assert rows == [("local", "4000", True, 2147483647), ("custom", "3000", False, 10),
                    ("custom", "2000", False, 20), ("default", "1000", False, 2147483647),
                    ("builtIn", 5120, False, None)], rows
    lines = scene.run("policy", "why", "maxcachesizemb").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["wins"] + 4 * ["beaten"], lines


def test_tree_branches(scene):
    """The tree has Policy Spy's branches; a branch or a class alone can be asked for."""
    layers(scene)
    text = scene.run("policy").out
    order = [text.index("Machine\\" + branch) for branch in
             ("Requested", "DefaultSettings", "CustomSettings", "Actual", "Events")]
    assert order == sorted(order)
    assert text.index("Name = ") < text.index("Site = PS1") < order[0]
    branch = scene.run("policy", "Machine/Actual/CCM_X").out
    assert branch.startswith("Machine\\Actual\n") and "MaxCacheSizeMB = 4000" in branch
    assert scene.run("policy", "Machine/Actual/CCM_Y").code == 1
    assert scene.run("policy", "Machine/Nothing").code == 1


def why(scene, *machine):
    result = samples(scene, *machine, "policy", "why", "MaxCacheSizeMB", "--json")
    assert result.code == 0, result
    return result.json


def test_for_another_machine(scene):
    """Settings of a machine by its collections: by membership rows, by its own, by none."""
    row = why(scene, "--machine", "LON-PC0042")
    winner = row["values"][0]
    assert row["value"] == 20480 and winner["settings"]["name"] == "Laptops", row
    assert winner["settings"]["collection"] == "'All laptops' (PS100023)", row
    row = why(scene, "--machine", os.path.join(SAMPLES, "machines/hq.json"))
    assert row["value"] == 10240 and not row["values"][0]["settings"], row
    row = why(scene, "--set", "collection=PS100024")
    assert row["value"] == 1024 and row["values"][0]["settings"]["name"] == "Kiosks", row


def test_not_applied_is_visible(scene):
    """What does not apply stands in the tree and in why, with the collection and the reason."""
    text = samples(scene, "--machine", "LON-PC0042", "policy", "Machine/CustomSettings").out
    assert "not applied: collection 'Kiosks in the lobby' (PS100024)" in text, text
    last = why(scene, "--machine", "LON-PC0042")["values"][-1]
    assert not last["applied"] and not last["wins"] and "PS100024" in last["whyNot"], last


def test_membership_not_known(scene):
    """Without membership data an object applies to none, and the tree says so."""
    rows = [instance("SMS_ClientSettings", SettingsID=5, Name="Pilots", Priority=1).replace(
        "</instance>", '<property name="AgentConfigurations" type="8205"><value>'
        + instance("SMS_CloudAgentConfig", AllowCloudDP="true")
        + "</value></property></instance>"),
            instance("SMS_ClientSettingsAssignment", ClientSettingsID=5, CollectionID="PS100023",
                     CollectionName="Pilot Cloud")]
    scene.write("policy/a.xml", document(rows))
    text = scene.run("policy", "Machine/CustomSettings").out
    assert "not applied: collection 'Pilot Cloud' (PS100023), membership not known" in text, text
    result = scene.run("policy", "why", "AllowCloudDP", "--json")
    assert result.json["value"] is False, result
    result = scene.run("policy", "why", "AllowCloudDP", "--json", "--set", "collection=PS100023")
    assert result.json["value"] == "true", result


def test_settings_decide_for_the_machine(scene):
    """AllowCloudDP by collection decides in locate."""
    rows = [instance("SMS_ClientSettings", SettingsID=5, Name="No cloud", Priority=1).replace(
        "</instance>", '<property name="AgentConfigurations" type="8205"><value>'
        + instance("SMS_CloudAgentConfig", AllowCloudDP="false")
        + "</value></property></instance>"),
            instance("SMS_ClientSettingsAssignment", ClientSettingsID=5, CollectionID="PS1000FF",
                     CollectionName="No cloud")]
    path = scene.write("more.xml", document(rows))
    codes = {}
    for collection in ("PS1000FF", "PS1000FE"):
        result = samples(scene, "--policy", path, "--machine", "LON-PC0042", "--set",
                         "collection=" + collection, "locate", "PS100001", "--json")
        codes[collection] = {row["dp"]: row["code"] for row in result.json["excluded"]}
        origin = result.json["settings"]["AllowCloudDP"]["origin"]
        assert ("'No cloud'" in origin) == (collection == "PS1000FF"), origin
    assert codes["PS1000FF"].get("clouddp.contoso.test") == "CLOUD_NOT_ALLOWED", codes
    assert "clouddp.contoso.test" not in codes["PS1000FE"], codes


def test_diff(scene):
    """policy diff: what changed between two sets, value by value; nothing changed is nothing."""
    old = scene.write("old/a.xml", document([instance("SMS_Boundary", BoundaryID=5, BoundaryType=3,
                                                      Value="10.1.2.1-10.1.2.9")]))
    new = scene.write("new/a.xml", document([instance("SMS_Boundary", BoundaryID=5, BoundaryType=3,
                                                      Value="10.1.2.1-10.1.2.99"),
                                             setting(7)]))
    result = scene.run("policy", "diff", scene.path("old"), new)
    assert result.code == 0, result
    assert result.out == ("CCM_X MaxCacheSizeMB: - -> 7\nSMS_Boundary BoundaryID=\"5\" Value: "
                          "10.1.2.1-10.1.2.9 -> 10.1.2.1-10.1.2.99\n"), result
    result = scene.run("policy", "diff", old, new, "--json")
    assert result.json[1] == {"class": "SMS_Boundary", "key": 'BoundaryID="5"',
                              "property": "Value", "old": "10.1.2.1-10.1.2.9",
                              "new": "10.1.2.1-10.1.2.99"}, result
    assert scene.run("policy", "diff", old, old, "--json").json == []
    assert scene.run("policy", "diff", old, scene.path("nowhere")).code == 3
    assert scene.run("policy", "diff", old).code == 2


def test_big_tree_in_little_memory(scene):
    """The tree of a large policy is printed in pieces, whole and valid."""
    rows = [instance("SMS_Boundary", BoundaryID=i, BoundaryType=3, DisplayName="floor %d" % i,
                     Value="10.%d.%d.1-10.%d.%d.9" % (i >> 8, i & 255, i >> 8, i & 255))
            for i in range(1, 20001)]
    scene.write("policy/a.xml", document(rows))
    result = scene.run("policy", "--json")
    tree = json.loads(result.out)
    assert len(tree["machine"]["requested"][0]["instances"]) == 20000
    boundaries = [row for row in tree["machine"]["actual"] if row["class"] == "SMS_Boundary"]
    assert len(boundaries) == 20000


def test_xml_and_json_together(scene):
    """--xml with --json, or where there is no tree, is a wrong command line."""
    scene.write("policy/a.xml", document([setting(1)]))
    for args in (["--xml", "--json"], ["why", "MaxCacheSizeMB", "--xml"], ["check", "--xml"]):
        result = scene.run("policy", *args)
        assert result.code == 2 and result.out == "", result
