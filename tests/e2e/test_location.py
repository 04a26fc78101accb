"""locate: rule sets, deployments, one distribution point through every rule, replies, requests."""

import json
import os
import xml.etree.ElementTree as ET

from harness import DP, ROOT, document, instance

SAMPLES = os.path.join(ROOT, "samples")
MACHINES = ["hq", "london", "dublin", "paris", "roaming"]
ORDER = ("UNSUPPORTED_SCHEME MAINTENANCE CLOUD_NOT_ALLOWED METERED INTERNET_ONLY INTRANET_ONLY "
         "OTHER_SITE PROTECTED HIDDEN_BY_PROTECTED NOT_IN_GROUP FALLBACK_NEVER REMOTE_NOT_ALLOWED "
         "DEFAULT_GROUP_NOT_ALLOWED SLOW_NOT_ALLOWED ON_DEMAND_NOT_FROM_CLOUD "
         "RUN_FROM_DP_NOT_FROM_CLOUD NO_CONTENT OLD_VERSION NEWER_VERSION FALLBACK_NOT_DUE").split()


def samples(scene, machine, *args):
    return scene.run("--policy", os.path.join(SAMPLES, "policy"), "--machine",
                     os.path.join(SAMPLES, "machines/%s.json" % machine), "locate", *args,
                     policy=False)


def london(scene, *args):
    return samples(scene, "london", "PS100001", *args)


def names(answer):
    return [row["dp"].split(".")[0] for row in answer["locations"]]


def codes(answer):
    return {row["dp"].split(".")[0]: row["code"] for row in answer["excluded"]}


# Rule sets.

def test_rules_option(scene):
    """--rules takes its three words; each set has its own list, reasons and localities."""
    current, of_2012, of_2007 = (london(scene, "--json", "--rules", rules).json
                                 for rules in ("current", "2012", "2007"))
    assert [a["rules"] for a in (current, of_2012, of_2007)] == ["current", "2012", "2007"]
    assert names(current) == ["lon-dp1", "clouddp"] and current["sites"] is None
    assert set(names(of_2012)) == {"lon-dp1", "hq-dp1", "reserve-dp1", "lab-dp1", "clouddp"}
    assert codes(of_2012)["hq-dp2"] == codes(of_2007)["hq-dp2"] == "PROTECTED"
    assert [row["locality"] for row in of_2012["locations"]][::4] == ["ADSITE", "CLOUD"]
    assert [row["locality"] for row in of_2007["locations"]][::4] == ["SUBNET", "CLOUD"]
    assert of_2007["sites"] == {"current": [], "assigned": "PS1", "assignedServes": True}
    for words in (["--rules", "2010"], ["--rules", ""], ["--for", "fun"]):
        result = london(scene, *words)
        assert result.code == 2 and words[0] in result.message, result


def test_rules_of_policy(scene):
    """NP_HierarchyRules chooses; --rules on the command line is stronger."""
    for rules, stronger, expected in (("2012", None, "2012"), ("2007", None, "2007"),
                                      (None, None, "current"), ("2012", "current", "current")):
        rows = [instance("NP_HierarchyRules", Rules=rules)] if rules else []
        scene.policy([], [DP("dp1.contoso.test", "http://dp1.contoso.test")],
                     rows + [instance("SMS_Package", PackageID="PS100001", SourceVersion=3)])
        more = ["--rules", stronger] if stronger else []
        answer = scene.run("locate", "PS100001", "--json", *more, *scene.MACHINE).json
        assert answer["rules"] == expected, answer


def test_where_follows_rules(scene):
    """Neighbors are of the current rules: where under 2012 has the machine's own groups alone."""
    for rules, vias in (("current", {"boundary", "neighbor", "siteDefault"}),
                        ("2012", {"boundary"})):
        answer = scene.run("--policy", os.path.join(SAMPLES, "policy"), "--machine",
                           os.path.join(SAMPLES, "machines/london.json"), "where", "--json",
                           "--rules", rules, policy=False).json
        assert {row["via"] for row in answer["boundaryGroups"]} == vias, answer
    for rules, group, words in (("2012", "London", "are preferred"), ("2012", "Paris", "fallback"),
                                ("2007", "London", "fast boundary"), ("2007", "Paris", "remote"),
                                ("current", "Paris", "no neighbor of")):
        result = scene.run("--policy", os.path.join(SAMPLES, "policy"), "--machine",
                           os.path.join(SAMPLES, "machines/london.json"), "where", "--why", group,
                           "--rules", rules, policy=False)
        assert words in result.out, (rules, group, result)


# Deployments.

def test_deployments(scene):
    """By ID or bits: what is allowed, and the code of what is not. Twins differ in one bit."""
    rows = [
        (["PS120001"], {}),
        (["PS120002"], {"hq-dp1": "REMOTE_NOT_ALLOWED", "reserve-dp1": "REMOTE_NOT_ALLOWED"}),
        (["PS120003"], {"reserve-dp1": "DEFAULT_GROUP_NOT_ALLOWED"}),
        (["RemoteClientFlags=0x50"], {}),
        (["RemoteClientFlags=0x10"], {"hq-dp1": "REMOTE_NOT_ALLOWED",
                                      "reserve-dp1": "REMOTE_NOT_ALLOWED"}),
        (["DPLocality=80"], {}),
        (["DPLocality=131152"], {"reserve-dp1": "DEFAULT_GROUP_NOT_ALLOWED"}),
        (["RemoteClientFlags=0x150"], {"clouddp": "ON_DEMAND_NOT_FROM_CLOUD"}),
        (["RemoteClientFlags=0x58"], {"clouddp": "RUN_FROM_DP_NOT_FROM_CLOUD"}),
    ]
    for words, expected in rows:
        answer = london(scene, "--json", "--all", "--deployment", *words).json
        found = codes(answer)
        for dp in ("hq-dp1", "reserve-dp1", "clouddp"):
            assert found.get(dp) == expected.get(dp), (words, answer["excluded"])
            assert (dp in names(answer)) == (dp not in expected), (words, answer["locations"])
        assert answer["deployment"]["assumed"] is False
        assert answer["deployment"]["id"] == (words[0] if "=" not in words[0] else None)
    assert london(scene, "--json").json["deployment"]["assumed"] is True
    for words in ("RemoteClientFlags=-1", "RemoteClientFlags=", "DPLocality=x", "Colour=3"):
        assert london(scene, "--deployment", words).code == 2, words
    assert london(scene, "--deployment", "PS129999").code == 1


def test_deployment_of_another(scene):
    """A deployment of another package is used, and said to be one."""
    for package, said in (("PS100009", True), ("PS100001", False)):
        scene.policy([], [DP("dp1.contoso.test", "http://dp1.contoso.test")], [
            instance("SMS_Package", PackageID="PS100001", SourceVersion=3),
            instance("SMS_Advertisement", AdvertisementID="PS120009", PackageID=package)])
        result = scene.run("locate", "PS100001", "--deployment", "PS120009", *scene.MACHINE)
        assert result.code == 0 and ("it is one of PS100009" in result.out) == said, result


def application(on_slow, fallback):
    options = "".join("<%s>%s</%s>" % (name, value, name)
                      for name, value in (("OnSlowNetwork", on_slow),
                                          ("FallbackToUnprotectedDP", fallback)) if value)
    return ('<AppMgmtDigest xmlns="http://schemas.example.test/AppMgmtDigest"><DeploymentType>'
            '<Installer><Contents><Content ContentId="Content_0a" Version="1">%s</Content>'
            '</Contents></Installer></DeploymentType></AppMgmtDigest>' % options)


def test_application_options(scene):
    """An application's own options decide instead of the assignment's bits, and are cited."""
    home = DP("near.contoso.test", "http://near.contoso.test", near=True)
    far = DP("far.contoso.test", "http://far.contoso.test")
    spare = DP("spare.contoso.test", "http://spare.contoso.test")
    rows = [
        instance("SMS_BoundaryGroup", GroupID=16777221, Name="Far"),
        instance("SMS_DefaultBoundaryGroup", GroupID=16777299,
                 Name="Default-Site-Boundary-Group<PS1>"),
        instance("SMS_BoundaryGroupRelationships", SourceGroupID=16777220,
                 DestinationGroupID=16777221, FallbackDP=0),
        instance("SMS_Content", ContentUniqueID="Content_0a", ContentVersion=1),
        instance("SMS_ApplicationAssignment", AssignmentID=5, DPLocality=80),
    ]
    for dp, group in ((far, 16777221), (spare, 16777299)):
        rows += [instance("SMS_DistributionPointInfo", NALPath=dp.nal, ServerName=dp.name),
                 instance("SMS_BoundaryGroupSiteSystems", GroupID=group, ServerNALPath=dp.nal)]
    for on_slow, fallback, expected in (
            ("Download", "true", {}),
            (None, "true", {}),
            ("DoNothing", "true", {"far": "REMOTE_NOT_ALLOWED", "spare": "REMOTE_NOT_ALLOWED"}),
            ("Download", None, {"spare": "DEFAULT_GROUP_NOT_ALLOWED"}),
            ("Download", "false", {"spare": "DEFAULT_GROUP_NOT_ALLOWED"})):
        kind = instance("SMS_DeploymentType", CI_ID=7, ContentId="Content_0a",
                        SDMPackageXML=application(on_slow, fallback))
        scene.policy([], [home], rows + [kind])
        result = scene.run("locate", "Content_0a", "--json", "--all", "--deployment", "5",
                           *scene.MACHINE)
        assert codes(result.json) == expected, result
        for row in result.json["excluded"]:
            assert "deployment type" in row["reason"], row
        bits = scene.run("locate", "Content_0a", "--json", "--all", "--deployment",
                         "DPLocality=80", *scene.MACHINE)
        assert bits.json["excluded"] == [], bits
    broken = instance("SMS_DeploymentType", CI_ID=7, ContentId="Content_0a",
                      SDMPackageXML="<Content ContentId='Content_0a'")
    scene.policy([], [home], rows + [broken])
    result = scene.run("locate", "Content_0a", "--deployment", "5", *scene.MACHINE)
    assert result.code == 3 and "estate.xml" in result.message, result


def test_task_sequence(scene):
    """A task sequence asks neighbors at once, by minutes, and the default group last."""
    plain = london(scene, "--json").json
    task = london(scene, "--json", "--for", "task-sequence").json
    assert "hq-dp1" not in names(plain) and codes(plain)["hq-dp1"] == "FALLBACK_NOT_DUE"
    order = names(task)
    assert order[0] == "lon-dp1" and order[-1] == "clouddp" and order[-2] == "reserve-dp1", order
    assert {row["afterMinutes"] for row in task["locations"]} == {0}
    assert codes(task)["dub-dp1"] == "FALLBACK_NEVER" and task["deployment"]["taskSequence"]


# --why.

def test_why_every_dp(scene):
    """--why walks each DP of the samples through the very table: the first NO is the code."""
    for machine in MACHINES:
        for rules in ("2007", "2012", "current"):
            answer = samples(scene, machine, "PS100001", "--json", "--rules", rules).json
            found = {row["dp"]: row["code"] for row in answer["excluded"]}
            for dp in [row["dp"] for row in answer["locations"]] + list(found):
                walk = samples(scene, machine, "PS100001", "--json", "--rules", rules, "--why",
                               dp).json["why"]
                steps = [step["code"] for step in walk["steps"]]
                assert steps == [code for code in ORDER if code in steps], walk
                against = [step["code"] for step in walk["steps"] if step["excludes"]]
                assert (against or [None])[0] == found.get(dp), (machine, rules, walk)
                assert all(step["text"] for step in walk["steps"]), walk


def test_why_text(scene):
    """--why reads as an answer: each rule, then the place and what put it there."""
    result = london(scene, "--why", "lon-dp1")
    assert result.code == 0, result
    for words in ("ok   MAINTENANCE", "which holds the machine by the IPSubnet boundary 10.20.1.0",
                  "20-boundaries.xml:", "has 3, wanted 3", "(server) is 1 of 2, SUBNET",
                  "before    clouddp.contoso.test: clouddp.contoso.test is cloud"):
        assert words in result.out, (words, result)
    result = london(scene, "--why", "DUB-DP1.contoso.test")
    assert "NO   FALLBACK_NEVER" in result.out and "NO   OLD_VERSION" in result.out, result
    assert "DUB-DP1" not in result.out and "is not used: FALLBACK_NEVER" in result.out, result
    result = london(scene, "--why", "hq-dp1")
    assert "is not used before minute 20: FALLBACK_NOT_DUE" in result.out, result
    result = london(scene, "--why", "nobody")
    assert result.code == 1 and "nobody" in result.message, result


# Sites.

def exported(scene, *rows):
    """An export without PolicySource: (class, properties) as the Administration Service has it."""
    scene.write("policy/export.json", json.dumps([dict(properties, __CLASS=name)
                                                  for name, properties in rows]))


def two_sites():
    rows = [("SMS_Package", {"PackageID": "PS100001", "SourceVersion": 3})]
    for number, code in enumerate(("PS1", "PS2"), 1):
        nal = DP("dp%d.contoso.test" % number, "").nal
        rows += [("SMS_DistributionPointInfo", {"NALPath": nal, "SiteCode": code}),
                 ("SMS_DefaultBoundaryGroup", {"GroupID": 100 + number, "Name":
                                               "Default-Site-Boundary-Group<%s>" % code}),
                 ("SMS_BoundaryGroupSiteSystems", {"GroupID": 100 + number, "ServerNALPath": nal})]
    return rows


def test_assigned_site(scene):
    """A machine in no group: by its site, the settings' assignedSite, or nothing, which is said."""
    exported(scene, *two_sites())
    facts = ["--set", "name=PC", "--set", "address=10.9.9.9/24"]
    scene.settings(assignedSite="PS2")
    for more, expected in (([], ["dp2"]), (["--set", "site=PS1"], ["dp1"])):
        answer = scene.run("locate", "PS100001", "--json", *facts, *more).json
        assert names(answer) == expected and answer["machine"]["site"] == \
            (more[1][5:] if more else None), answer
    scene.settings()
    result = scene.run("locate", "PS100001", *facts)
    assert result.code == 1 and "no site is known" in result.out, result
    assert result.out.count("no site of it is known") == 2, result


def test_sites_of_2007(scene):
    """No site known: all distribution points serve; an assigned site: its own alone."""
    exported(scene, *two_sites())
    ask = ["locate", "PS100001", "--json", "--rules", "2007", "--set", "address=10.9.9.9/24"]
    assert sorted(names(scene.run(*ask).json)) == ["dp1", "dp2"]
    answer = scene.run(*ask, "--set", "site=PS2").json
    assert names(answer) == ["dp2"] and codes(answer) == {"dp1": "OTHER_SITE"}, answer
    assert answer["sites"] == {"current": [], "assigned": "PS2", "assignedServes": True}


def test_collections_of_discovery(scene):
    """A machine of SMS_R_System has the collections that the policy says it is in."""
    rows = two_sites() + [("SMS_R_System", {"Name": "PC7", "ResourceId": 7})]
    member = ("SMS_FullCollectionMembership", {"CollectionID": "PS100023", "ResourceID": 7})
    for more, expected, origin in (([], [], "notKnown"), ([member], ["PS100023"], "policy")):
        exported(scene, *rows, *more)
        answer = scene.run("where", "--json", "--machine", "PC7").json
        assert answer["machine"]["collections"] == expected, answer
        assert answer["origins"]["collections"]["origin"] == origin, answer


def test_minutes_beyond_their_type(scene):
    """FallbackDP is signed: 4294967295 is never, 4294967294 would be -2 and is refused."""
    rows = two_sites() + [("SMS_BoundaryGroup", {"GroupID": 5, "Name": "Office"})]
    for minutes, code in ((4294967295, 1), (4294967294, 3), (2147483647, 1), (2147483648, 3)):
        exported(scene, *rows, ("SMS_BoundaryGroupRelationships",
                                {"SourceGroupID": 5, "DestinationGroupID": 101,
                                 "FallbackDP": minutes}))
        result = scene.run("locate", "PS100001", "--set", "address=10.9.9.9/24")
        assert result.code == code and (code == 1 or "FallbackDP" in result.message), result


def test_link_local_networks(scene):
    """A link-local network ID that discovery recorded of two machines is no common subnet."""
    dp = DP("dp1.contoso.test", "http://dp1.contoso.test")
    for network, expected in (("169.254.0.0", "BOUNDARYGROUP"), ("10.1.2.0", "SUBNET")):
        scene.policy([], [dp], [
            instance("SMS_Package", PackageID="PS100001", SourceVersion=3),
            instance("SMS_R_System", Name="PC7", ResourceId=7, IPAddresses="10.1.2.7",
                     IPSubnets=network),
            instance("SMS_R_System", Name="dp1", ResourceId=8, IPSubnets=network)])
        answer = scene.run("locate", "PS100001", "--json", "--machine", "PC7").json
        assert [row["locality"] for row in answer["locations"]] == [expected], answer


def test_empty_facts(scene):
    """A fact without a text is not known: an empty site is not stronger than the policy's."""
    exported(scene, *two_sites()[:4])
    for site, expected in (("", ["dp1"]), ("PS9", [])):
        answer = scene.run("locate", "PS100001", "--json", "--set", "address=10.9.9.9/24",
                           "--set", "site=" + site).json
        assert names(answer) == expected, answer
        assert answer["machine"]["site"] == (site or None), answer
    answer = scene.run("where", "--json", "--set", "adSite=").json
    assert answer["machine"]["adSite"] is None
    assert answer["origins"]["adSite"]["origin"] == "notKnown", answer


def test_permissions_in_words(scene):
    """--why never says that a deployment allows what its bits forbid, on the internet neither."""
    dps = ["lon-dp1", "hq-dp1", "hq-dp2", "dub-dp1", "reserve-dp1", "clouddp"]
    for rules in ("2007", "2012", "current"):
        for bits in ("0", "0x40", "0x20000", "0x20040"):
            for internet in ("false", "true"):
                for dp in dps:
                    steps = london(scene, "--json", "--rules", rules, "--deployment",
                                   "RemoteClientFlags=" + bits, "--set", "internet=" + internet,
                                   "--why", dp).json["why"]["steps"]
                    for step in steps:
                        denied = "0x40 is not set" in step["text"] or \
                            "0x20000 is set" in step["text"]
                        assert not denied or step["excludes"], (rules, bits, dp, step)
                        assert internet == "false" or "boundary" not in step["text"], step


def test_strangers_are_counted(scene):
    """Beyond ten, DPs in no group of the machine are counted, whatever keeps them out."""
    rows = [instance("SMS_Package", PackageID="PS100001", SourceVersion=3)]
    for number in range(15):
        dp = DP("far%02d.contoso.test" % number, "")
        rows.append(instance("SMS_DistributionPointInfo", NALPath=dp.nal, IsProtected="true"))
    scene.policy([], [DP("dp1.contoso.test", "http://dp1.contoso.test")], rows)
    for rules, code in (("2012", "PROTECTED"), ("current", "NOT_IN_GROUP")):
        result = scene.run("locate", "PS100001", "--rules", rules, *scene.MACHINE)
        assert result.out.count(code) == 10 and "and 5 more" in result.out, result
        result = scene.run("locate", "PS100001", "--rules", rules, "--excluded", *scene.MACHINE)
        assert result.out.count(code) == 15 and "more" not in result.out, result


# Replies and requests.

def reply(name):
    return ["--reply", os.path.join(SAMPLES, "replies", name)]


def test_reply(scene):
    """A reply of each age, bare or in a log, is read into locate's shape."""
    for name, rules, expected in (
            ("2016.xml", "2012", [("lon-dp1", "LOCAL", "LOCAL"), ("hq-dp1", "REMOTE", "REMOTE"),
                                  ("hq-dp2", "REMOTE", "REMOTE")]),
            ("2019.log", "current", [("lon-dp1", "BOUNDARYGROUP", "LOCAL"),
                                     ("lon-dp2", "BOUNDARYGROUP", "LOCAL")]),
            ("2021.xml", "current", [("LON-PC0057", "SUBNET", "SUBNETPEER"),
                                     ("lon-dp1", "SUBNET", "SUBNET"),
                                     ("hq-dp1", "BOUNDARYGROUP", "BOUNDARYGROUP")])):
        for asked in (["PS100001"], []):
            answer = samples(scene, "london", *asked, "--json", *reply(name)).json
            assert answer["rules"] == rules and answer["content"]["id"] == "PS100001", answer
            assert [(row["dp"].split(".")[0], row["locality"], row["reported"])
                    for row in answer["locations"]] == expected, answer
            assert set(answer) >= {"content", "machine", "rules", "deployment", "settings",
                                   "assumed", "boundaries", "boundaryGroups", "locations",
                                   "excluded"}
            assert answer["machine"] is None and answer["excluded"] == []
    assert samples(scene, "london", *reply("2021.xml")).out.count("the reply says") == 3
    result = samples(scene, "london", "PS100009", *reply("2021.xml"))
    assert result.code == 3 and "2021.xml" in result.message, result


def test_empty_reply(scene):
    """A reply without locations is exit 1, the JSON all the same."""
    path = scene.write("empty.xml", '<ContentLocationReply SchemaVersion="1.00" BGRVersion="1">'
                       '<BoundaryGroups IsOnVPN="0"/><ContentInfo/><Sites><Site><MPSite '
                       'SiteCode="PS1" SiteLocality="FALLBACK"/><LocationRecords/></Site></Sites>'
                       '</ContentLocationReply>')
    result = samples(scene, "london", "--json", "--reply", path)
    assert result.code == 1 and result.json["locations"] == [], result
    assert result.json["error"]["code"] == "NO_LOCATION", result


def records(scene, *rows):
    """A reply of these records, as locate --json reads it."""
    path = scene.write("reply.xml", '<ContentLocationReply BGRVersion="1"><BoundaryGroups/><Sites>'
                       '<Site><MPSite SiteCode="PS1"/><LocationRecords>%s</LocationRecords></Site>'
                       '</Sites></ContentLocationReply>'
                       % "".join("<LocationRecord>%s</LocationRecord>" % row for row in rows))
    answers = [samples(scene, "london", *more, "--reply", path)
               for more in ([], ["--json"], ["PS100001", "--compare"],
                            ["PS100001", "--compare", "--json"])]
    assert all(answer.code == 0 for answer in answers), answers[0]
    return answers[1].json["locations"]


def test_reply_without_url(scene):
    """A record that names no URL by HTTP, or none at all, is a location without one."""
    name = "<ServerRemoteName>lon-dp1.contoso.test</ServerRemoteName><Locality>LOCAL</Locality>"
    for url, expected in (('<URL Name="ftp://lon-dp1/x"/>', None), ('<URL Name=""/>', None),
                          ("", None), ('<URL Name="http://lon-dp1/PS100001"/>',
                                       "http://lon-dp1/PS100001")):
        rows = records(scene, url + name)
        assert [row["url"] for row in rows] == [expected], rows


def test_reply_doubles(scene):
    """A location that a reply names twice stands once; another URL of the same host stands too."""
    record = ('<URL Name="http://lon-dp1.contoso.test%s/SMS_DP_SMSPKG$/PS100001"/>'
              "<ServerRemoteName>lon-dp1.contoso.test</ServerRemoteName><Locality>LOCAL</Locality>")
    assert len(records(scene, record % "", record % "")) == 1
    assert len(records(scene, record % "", record % ":8080")) == 2


def test_reply_of_cloud(scene):
    """What a reply calls cloud is cloud, whatever its word for the locality; another is unknown."""
    record = ('<URL Name="https://c.contoso.test/PS100001"/><ServerRemoteName>c.contoso.test'
              "</ServerRemoteName><DPType>%s</DPType><Locality>AZURE</Locality>")
    for kind, locality in (("CLOUD", "CLOUD"), ("SERVER", None)):
        row, = records(scene, record % kind)
        assert (row["locality"], row["reported"]) == (locality, "AZURE"), row
        assert row["distance"] == (locality and "cloud"), row


def test_compare(scene):
    """--compare names each difference and the rule behind it."""
    def kinds(name, *more):
        answer = london(scene, "--json", "--compare", *reply(name), *more).json
        assert all(row["rule"] for row in answer["differences"]), answer
        return [(row["difference"], (row["dp"] or "").split(".")[0], row["here"])
                for row in answer["differences"]]
    assert kinds("2021.xml") == [
        ("groupOnlyInReply", "", None), ("notInPolicy", "LON-PC0057", None),
        ("excludedHere", "hq-dp1", "FALLBACK_NOT_DUE"), ("notInReply", "clouddp", "CLOUD")]
    assert kinds("2019.log") == [("excludedHere", "lon-dp2", "MAINTENANCE"),
                                 ("notInReply", "clouddp", "CLOUD")]
    assert ("excludedHere", "hq-dp2", "PROTECTED") in kinds("2016.xml")
    assert ("rules", "", "current") in kinds("2016.xml", "--rules", "current")
    later = kinds("2021.xml", "--at", "20")
    assert ("locality", "hq-dp1", "NEIGHBOR") in later, later
    result = london(scene, "--compare", *reply("2021.xml"))
    assert "nearpoint uses no peers" in result.out and "FallbackDP 20" in result.out, result


def test_compare_agrees(scene):
    """Where reply and list say the same, --compare says so; a changed port or order is named."""
    dps = [DP("dp1.contoso.test", "http://dp1.contoso.test/SMS_DP_SMSPKG$", near=True),
           DP("dp2.contoso.test", "http://dp2.contoso.test/SMS_DP_SMSPKG$")]
    scene.policy([], dps, [instance("SMS_Package", PackageID="PS100001", SourceVersion=3)])
    record = ('<LocationRecord><URL Name="http://%s.contoso.test%s/SMS_DP_SMSPKG$/PS100001"/>'
              '<ServerRemoteName>%s.contoso.test</ServerRemoteName><Locality>%s</Locality>'
              '</LocationRecord>')

    def ask(*records):
        path = scene.write("reply.xml", '<ContentLocationReply BGRVersion="1"><BoundaryGroups>'
                           '<BoundaryGroup GroupID="16777220"/></BoundaryGroups><Sites><Site>'
                           '<MPSite SiteCode="PS1"/><LocationRecords>%s</LocationRecords></Site>'
                           '</Sites></ContentLocationReply>' % "".join(records))
        return scene.run("locate", "PS100001", "--compare", "--reply", path, *scene.MACHINE)
    first, second = (record % ("dp1", "", "dp1", "SUBNET"),
                     record % ("dp2", "", "dp2", "BOUNDARYGROUP"))
    assert "no difference" in ask(first, second).out
    result = ask(second, first)
    assert "another order: dp1.contoso.test" in result.out and "subnet" in result.out, result
    result = ask(record % ("dp1", ":8080", "dp1", "SUBNET"), second)
    assert "another URL: dp1.contoso.test" in result.out and ":8080" in result.out, result
    assert "no difference" not in result.out


def test_reply_teaches_networks(scene):
    """What the policy does not know of a DP's subnet, the reply does; a peer of its name does not.
    """
    dps = [DP(name + ".contoso.test", "http://%s.contoso.test" % name) for name in ("dp1", "dp2")]
    scene.policy([], dps, [instance("SMS_Package", PackageID="PS100001", SourceVersion=3)])
    other = ["BOUNDARYGROUP", "BOUNDARYGROUP"]
    for subnet, word, expected in (("10.1.2.0", "SUBNET", ["SUBNET", "BOUNDARYGROUP"]),
                                   ("10.1.3.0", "SUBNET", other),
                                   ("10.1.2.0", "SUBNETPEER", other)):
        path = scene.write("reply.xml", '<ContentLocationReply BGRVersion="1"><BoundaryGroups/>'
                           '<Sites><Site><MPSite SiteCode="PS1"/><LocationRecords><LocationRecord>'
                           '<URL Name="http://dp2.contoso.test/SMS_DP_SMSPKG$/PS100001"/>'
                           '<IPSubnets><IPSubnet Address="%s"/></IPSubnets><ServerRemoteName>'
                           'dp2.contoso.test</ServerRemoteName><Locality>%s</Locality>'
                           '</LocationRecord></LocationRecords></Site></Sites>'
                           '</ContentLocationReply>' % (subnet, word))
        answer = scene.run("locate", "PS100001", "--json", "--compare", "--reply", path,
                           *scene.MACHINE).json
        assert [row["locality"] for row in answer["locations"]] == expected, answer


def test_request(scene):
    """--request prints what a client would ask, in the form of its age."""
    for rules, has in (("current", True), ("2012", False)):
        root = ET.fromstring(london(scene, "--request", "--rules", rules).out)
        assert root.tag == "ContentLocationRequest"
        assert root.find("Package").attrib == {"ID": "PS100001", "Version": "3"}
        assert root.find("AssignedSite").get("SiteCode") == "PS1"
        info = root.find("ClientLocationInfo")
        assert info.get("UseAzure") == "1" and info.find("ADSite").get("Name") == "London"
        assert info.find("IPAddresses/IPAddress").attrib == {"SubnetAddress": "10.20.1.0",
                                                            "Address": "10.20.1.57"}
        assert (root.get("BGRVersion") is not None) == has
        assert (info.find("BoundaryGroups/BoundaryGroup") is not None) == has
    answer = london(scene, "--request", "--json").json
    assert answer["request"].startswith("<ContentLocationRequest ")
    assert samples(scene, "london", "PS100099", "--request").code == 1


def test_questions_that_do_not_fit(scene):
    """--compare needs a reply and a content; --request and --reply exclude each other."""
    for args in (["PS100001", "--compare"], ["--compare", *reply("2021.xml")],
                 ["PS100001", "--request", *reply("2021.xml")], [],
                 ["PS100001", "--why", "lon-dp1", *reply("2021.xml")],
                 ["PS100001", "--why", "lon-dp1", "--brief"], ["PS100001", "--brief", "--request"]):
        assert samples(scene, "london", *args).code == 2, args
    for args, code in ((["PS100001", "--why", "nobody"], "UNKNOWN_DP"),
                       (["PS100099", "--request"], "UNKNOWN_CONTENT")):
        result = samples(scene, "london", *args, "--json")
        assert result.code == 1 and result.json["error"]["code"] == code, result


def test_not_used_since_1610(scene):
    """What decided in older generations is named, and said to decide nothing."""
    dp = DP("dp1.contoso.test", "http://dp1.contoso.test")
    nal = instance("SMS_DistributionPointInfo", NALPath=dp.nal, ServerName=dp.name,
                   IsProtected="true")
    row = instance("SMS_BoundaryGroupSiteSystems", GroupID=16777220, ServerNALPath=dp.nal, Flags=1)
    fallback = instance("NP_DistributionPoint", NALPath=dp.nal, AllowFallback="false")
    for rows, words in (([], None), ([nal], "protected"), ([row], "slow connection"),
                        ([fallback], "does not allow fallback"),
                        ([nal, row], "protected, slow connection")):
        scene.policy([], [dp], [instance("SMS_Package", PackageID="PS100001", SourceVersion=3)])
        scene.write("policy/zz.xml", document(rows,
                                              policy_id="{6A3D0B0C-0000-4000-8000-000000000002}"))
        reason = scene.run("locate", "PS100001", "--json",
                           *scene.MACHINE).json["locations"][0]["reason"]
        assert ("not used since 1610" in reason) == bool(rows), reason
        assert not words or "; %s: not used since 1610" % words in reason, reason


def test_brief(scene):
    """One line that fits a ticket."""
    result = london(scene, "--brief")
    assert result.out.count("\n") == 1 and "lon-dp1.contoso.test (SUBNET)" in result.out, result
    assert "the next joins after 20 minutes" in result.out, result
    assert "in no boundary group" in samples(scene, "roaming", "PS100001", "--brief").out


def test_index_serves_many(scene):
    """Everyone's group: what holds every machine holds this one, beside thousands of others."""
    rows = [instance("SMS_Package", PackageID="PS100001", SourceVersion=3)]
    for number in range(3000):
        rows += [instance("SMS_Boundary", BoundaryID=number + 1, BoundaryType=3,
                          Value="10.0.0.0-10.%d.%d.255" % (number // 250, number % 250)),
                 instance("SMS_BoundaryGroupMembers", GroupID=16777220, BoundaryID=number + 1)]
    scene.policy([], [DP("dp1.contoso.test", "http://dp1.contoso.test")], rows)
    answer = scene.run("locate", "PS100001", "--json", *scene.MACHINE).json
    inside = [row for row in answer["boundaries"]]
    assert len(inside) == 1 + sum(1 for n in range(3000) if (n // 250, n % 250) >= (1, 2)), \
        len(inside)
    scene.write("policy/zz.xml", document([instance("NP_HierarchyRules", Rules="2012")],
                                          policy_id="{6A3D0B0C-0000-4000-8000-000000000002}"))
    assert scene.run("locate", "PS100001", "--json", *scene.MACHINE).json["rules"] == "2012"
