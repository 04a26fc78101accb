"""where: where a machine stands, why a boundary does not hold it, and which would."""

import glob
import json
import os
import re

from harness import ROOT, SCALE, document, instance

SAMPLES = os.path.join(ROOT, "samples")
TYPES = {"IPSubnet": 0, "ADSite": 1, "IPv6Prefix": 2, "IPRange": 3, "VPN": 4}
MISS = {"boundary", "type", "value", "name", "group", "groupName", "code", "why", "wouldHold",
        "wouldHoldType"}
GROUP = {"id", "name", "via", "fallbackMinutes", "minutesFrom", "through", "flags", "options",
         "dps"}
MEMBERS = ["name", "addresses", "subnets", "adSite", "domain", "forest", "site", "collections",
           "adapters", "vpn", "metered", "internet"]


def samples(scene, machine, *args):
    return scene.run("--policy", os.path.join(SAMPLES, "policy"), "--machine",
                     os.path.join(SAMPLES, "machines/%s.json" % machine), "where", *args,
                     policy=False)


def site(scene, *boundaries, flags=0):
    """A policy with these (type, value), all in one group Office."""
    rows = [instance("SMS_BoundaryGroup", GroupID=50, Name="Office", Flags=flags)]
    for number, (kind, value) in enumerate(boundaries, 1):
        rows += [instance("SMS_Boundary", BoundaryID=number, BoundaryType=TYPES[kind], Value=value,
                          DisplayName="number %d" % number),
                 instance("SMS_BoundaryGroupMembers", GroupID=50, BoundaryID=number)]
    scene.write("policy/site.xml", document(rows))


def ask(scene, facts, *args):
    sets = [part for fact in facts for part in ("--set", fact)]
    return scene.run("where", *args, *sets)


def check_shape(answer):
    assert set(answer) >= {"machine", "boundaries", "boundaryGroups", "nearMisses"}, answer
    assert list(answer["machine"]) == list(answer["origins"]) == MEMBERS, answer
    for row in answer["origins"].values():
        assert set(row) == {"origin", "place"} and row["origin"], row
    for row in answer["boundaries"]:
        assert set(row) >= {"id", "type", "value", "name"} and row["type"] in TYPES, row
    for row in answer["boundaryGroups"]:
        assert set(row) >= GROUP, row
    for row in answer["held"]:
        assert set(row) == MISS - {"code", "wouldHold", "wouldHoldType"} and row["why"], row
    for row in answer["nearMisses"]:
        assert set(row) == MISS and row["why"] and row["code"], row
        assert (row["wouldHold"] is None) == (row["wouldHoldType"] is None), row


# Just outside each type of boundary: facts, boundary, what is named, what would hold. Each beside
# a twin, which the boundary holds.
OUTSIDE = {
    "mask": (["address=10.20.1.57/23"], ["address=10.20.1.57/24"], "IPSubnet", "10.20.1.0", "MASK",
             ["10.20.1.57/23", "10.20.0.0", "mask", "/24"], "IPSubnet", "10.20.0.0"),
    "supernet": (["address=10.20.1.57/24"], ["address=10.20.1.57/16"], "IPSubnet", "10.20.0.0",
                 "MASK", ["10.20.1.57/24", "10.20.1.0", "supernet"], "IPSubnet", "10.20.1.0"),
    "no_prefix": (["address=10.20.1.57"], ["address=10.20.1.57/24"], "IPSubnet", "10.20.1.0",
                  "NO_PREFIX", ["10.20.1.57", "prefix length"], "IPRange", "10.20.1.57-10.20.1.57"),
    "next_network": (["address=10.20.2.57/24"], ["address=10.20.1.57/24"], "IPSubnet", "10.20.1.0",
                     "NETWORK", ["10.20.2.0", "right after"], "IPSubnet", "10.20.2.0"),
    "given_network": (["subnet=10.20.2.0"], ["subnet=10.20.1.0"], "IPSubnet", "10.20.1.0",
                      "NETWORK", ["network ID is 10.20.2.0"], "IPSubnet", "10.20.2.0"),
    "past_range": (["address=10.20.1.21/24"], ["address=10.20.1.20/24"], "IPRange",
                   "10.20.1.10-10.20.1.20", "AFTER", ["10.20.1.21", "one past", "10.20.1.20"],
                   "IPRange", "10.20.1.0-10.20.1.255"),
    "before_range": (["address=10.20.1.8"], ["address=10.20.1.10"], "IPRange",
                     "10.20.1.10-10.20.1.20", "BEFORE", ["2 addresses before", "10.20.1.10"],
                     "IPRange", "10.20.1.8-10.20.1.8"),
    "range_of_ipv6": (["address=10.20.1.8/24"], ["address=2001:db8::5"], "IPRange",
                      "2001:db8::1-2001:db8::9", "FAMILY", ["no IPv6 address"], "IPSubnet",
                      "10.20.1.0"),
    "next_64": (["address=2001:db8:20:2::57/64"], ["address=2001:db8:20:1::57/64"], "IPv6Prefix",
                "2001:0db8:0020:0001", "AFTER", ["2001:db8:20:2::/64", "neighboring /64"],
                "IPv6Prefix", "2001:0db8:0020:0002"),
    "far_64": (["address=2001:db8:20:9::57"], ["address=2001:db8:20:1::57"], "IPv6Prefix",
               "2001:0db8:0020:0001", "AFTER", ["8 /64s after"], "IPv6Prefix",
               "2001:0db8:0020:0009"),
    "spelling": (["adSite=Londno"], ["adSite=LONDON"], "ADSite", "London", "SPELLING",
                 ["spelled", "'Londno'", "one letter"], "ADSite", "Londno"),
    "punctuation": (["adSite=London HQ"], ["adSite=london-hq"], "ADSite", "London-HQ",
                    "PUNCTUATION", ["'London HQ'", "blanks or punctuation"], "ADSite", "London HQ"),
    "site_word": (["adSite=London East"], ["adSite=London"], "ADSite", "London", "LONGER",
                  ["begins with it", "' East'"], "ADSite", "London East"),
    "vpn_word": (["adapter=Contoso VPN 2"], ["adapter=contoso vpn"], "VPN", "Name:CONTOSO VPN",
                 "LONGER", ["'Contoso VPN 2'", "' 2'", "mere beginning"], "VPN",
                 "Name:Contoso VPN 2"),
    "vpn_beginning": (["adapter=Contoso"], ["adapter=contoso vpn"], "VPN", "Name:CONTOSO VPN",
                      "SHORTER", ["only its beginning", "' VPN'"], "VPN", "Name:Contoso"),
    "vpn_uncounted": (["adapter=" + "n" * 253], ["adapter=" + "n" * 249], "VPN",
                      "Name:" + "n" * 249, "SPELLING", ["first 250 characters"], "VPN",
                      "Name:" + "n" * 250),
    "vpn_field": (["adapter=Ethernet|Contoso VPN"], ["adapter=Contoso VPN|x"], "VPN",
                  "Name:CONTOSO VPN", "OTHER_FIELD", ["description, not its name"], "VPN",
                  "Description:Contoso VPN"),
    "vpn_other": (["adapter=Ethernet|Intel"], ["adapter=x|Contoso VPN"], "VPN",
                  "Description:CONTOSO VPN", "OTHER_TEXT", ["this description", "'Intel'"], "VPN",
                  "Description:Intel"),
}


def outside(facts, twin, kind, value, code, words, would_kind, would):
    def test(scene):
        site(scene, (kind, value))
        args = ("--why", "number 1")
        answer = ask(scene, facts, *args, "--json").json
        check_shape(answer)
        miss = answer["nearMisses"][0]
        assert answer["held"] == answer["boundaries"] == [] and miss["code"] == code, answer
        assert (miss["boundary"], miss["value"], miss["group"]) == (1, value, 50), miss
        assert all(word in miss["why"] for word in words), miss
        assert (miss["wouldHoldType"], miss["wouldHold"]) == (would_kind, would), miss
        text = ask(scene, facts, *args).out
        assert miss["why"] in text and "would hold: %s %s\n" % (would_kind, would) in text, text
        held = ask(scene, twin, *args, "--json").json
        assert held["nearMisses"] == [] and [row["value"] for row in held["held"]] == [value], held
        # What would hold does.
        site(scene, (would_kind, would))
        held = ask(scene, facts, "--why", "Office", "--json").json
        assert held["nearMisses"] == [] and [row["id"] for row in held["boundaries"]] == [1], held
    test.__doc__ = "%s, and a machine just outside %s %s: why, and what would hold it." % (
        code, kind, value)
    return test


for _name, _row in OUTSIDE.items():
    globals()["test_outside_" + _name] = outside(*_row)


def test_written_mask(scene):
    """A subnet written with a mask holds nobody, and the reason says so; without it, it does."""
    site(scene, ("IPSubnet", "10.20.1.0/24"))
    miss = ask(scene, ["address=10.20.1.57/24"], "--json").json["nearMisses"][0]
    assert miss["code"] == "WRITTEN_MASK" and "written with a mask" in miss["why"], miss
    assert miss["wouldHold"] == "10.20.1.0", miss
    # The same of a value that would not hold it without its mask either.
    for value, masked in (("10.20.8.0/24", True), ("10.20.8.0", False)):
        site(scene, ("IPSubnet", value))
        why = ask(scene, ["address=10.20.1.57/24"], "--json").json["nearMisses"][0]["why"]
        assert ("written with a mask" in why) == masked and "another network" in why, why


def test_vpn_auto(scene):
    """Auto:On asks the machine's vpn; a VPN adapter that does not count is named."""
    site(scene, ("VPN", "Auto:On"))
    miss = ask(scene, ["vpn=false"], "--json").json["nearMisses"][0]
    assert miss["code"] == "NO_VPN" and miss["wouldHold"] is None, miss
    assert ask(scene, ["vpn=true"], "--json").json["nearMisses"] == []
    path = scene.write("m.json", '{"adapters": [{"name": "Forti", "vpn": true}]}')
    answer = scene.run("where", "--why", "auto:on", "--json", "--machine", path).json
    miss = answer["nearMisses"][0]
    assert miss["code"] == "NOT_BUILT_IN" and miss["wouldHold"] == "Name:Forti", miss
    assert "'Forti'" in miss["why"] and "built-in" in miss["why"], miss
    # Where it holds, an adapter that may not count is named too.
    for vpn in (True, False):
        path = scene.write("m.json", json.dumps(
            {"vpn": True, "adapters": [{"name": "wg0", "vpn": vpn}]}))
        held = scene.run("where", "--why", "auto:on", "--json", "--machine", path).json["held"][0]
        assert ("built-in" in held["why"] and "'wg0'" in held["why"]) == vpn, held


def test_vpn_form(scene):
    """A form that is not public holds nobody, and the reason says so."""
    site(scene, ("VPN", "NameStartsWith:Contoso"))
    miss = ask(scene, ["adapter=Contoso VPN", "vpn=true"], "--json").json["nearMisses"][0]
    assert miss["code"] == "FORM" and "not public" in miss["why"], miss
    assert miss["wouldHold"] == "Auto:On", miss


def test_nothing_known(scene):
    """A machine of which nothing is known: each type says so, and nothing would hold it."""
    kinds = [("IPSubnet", "10.20.1.0"), ("ADSite", "London"), ("IPv6Prefix", "2001:db8:20:1"),
             ("IPRange", "10.20.1.10-10.20.1.20"), ("VPN", "Name:Contoso VPN")]
    site(scene, *kinds)
    answer = ask(scene, ["name=PC1"], "--why", "Office", "--json").json
    check_shape(answer)
    assert {row["type"] for row in answer["nearMisses"]} == set(TYPES), answer
    assert all("known" in row["why"] and row["wouldHold"] is None for row in answer["nearMisses"])


def test_held_by_another_type(scene):
    """Where nothing of the boundary's type is known, a boundary of the address would hold."""
    for kind, value in (("ADSite", "London"), ("VPN", "Auto:On"), ("VPN", "Name:Contoso VPN")):
        for facts, would in ((["address=10.20.1.57/24"], ("IPSubnet", "10.20.1.0")),
                             (["name=PC1"], (None, None))):
            site(scene, (kind, value))
            miss = ask(scene, facts, "--why", "Office", "--json").json["nearMisses"][0]
            assert (miss["wouldHoldType"], miss["wouldHold"]) == would, miss


def test_nearest_first(scene):
    """Of a group's boundaries the nearest miss stands first, over all types; held ones before."""
    site(scene, ("IPRange", "10.90.0.0-10.90.0.9"), ("ADSite", "Paris"), ("IPSubnet", "10.20.0.0"),
         ("IPRange", "10.20.1.58-10.20.1.99"), ("IPRange", "10.20.1.0-10.20.1.99"))
    facts = ["address=10.20.1.57/24", "adSite=London"]
    answer = ask(scene, facts, "--why", "50", "--json").json
    assert [row["boundary"] for row in answer["held"]] == [5], answer
    assert [row["boundary"] for row in answer["nearMisses"]] == [4, 3, 1, 2], answer
    text = ask(scene, facts, "--why", "50").out
    places = [text.index("'number %d'" % number) for number in (5, 4, 3, 1, 2)]
    assert places == sorted(places), text
    # Without --why only the nearest of each type.
    answer = ask(scene, facts, "--json").json
    assert [row["boundary"] for row in answer["nearMisses"]] == [4, 3, 2], answer


def test_asked_names(scene):
    """--why takes a group before a boundary; ID, name, value or description, without case."""
    site(scene, ("ADSite", "Office"), ("ADSite", "Lab"), ("IPSubnet", "10.20.1.0"),
         ("IPSubnet", "10.20.1.0/24"))
    for asked, found in (("OFFICE", [1, 2, 3, 4]), ("50", [1, 2, 3, 4]), ("lab", [2]), ("2", [2]),
                         ("Number 3", [3]), ("10.20.1.0", [3])):
        answer = ask(scene, ["adSite=Nowhere"], "--why", asked, "--json").json
        assert sorted(row["boundary"] for row in answer["nearMisses"]) == found, (asked, answer)
        assert [row["groupName"] for row in answer["asked"]] == \
            (["Office"] if len(found) == 4 else []), answer


def test_unknown_name(scene):
    """An unknown group or boundary: exit 1, near ones named, the JSON whole all the same."""
    site(scene, ("ADSite", "London"))
    result = ask(scene, ["adSite=London"], "--why", "Ofice", "--json")
    assert result.code == 1 and "'Office'" in result.message, result
    check_shape(result.json)
    assert result.json["error"]["code"] == "UNKNOWN_GROUP", result
    result = ask(scene, ["adSite=London"], "--why", "Nothing like it")
    assert result.code == 1 and result.out == "" and "near it" not in result.message, result


def test_internet(scene):
    """On the internet no boundary counts, and nothing is said to hold."""
    site(scene, ("IPSubnet", "10.20.1.0"), ("ADSite", "London"))
    facts = ["address=10.20.1.57/24", "adSite=London"]
    assert len(ask(scene, facts, "--json").json["held"]) == 2
    answer = ask(scene, [*facts, "internet=true"], "--json").json
    assert answer["held"] == answer["nearMisses"] == answer["boundaries"] == [], answer
    answer = ask(scene, [*facts, "internet=true"], "--why", "Office", "--json").json
    check_shape(answer)
    assert [row["code"] for row in answer["nearMisses"]] == ["INTERNET", "INTERNET"], answer
    assert all("internet" in row["why"] and row["wouldHold"] is None
               for row in answer["nearMisses"]), answer
    assert "internet" in answer["asked"][0]["text"], answer
    text = ask(scene, [*facts, "internet=true"], "--why", "Office").out
    assert "on the internet" in text and "holds the machine" not in text, text


def test_peer_options(scene):
    """Flags 1, 2, 4, 8 of a group in words; 2 and 4 mean nothing where peers are not allowed."""
    for flags, words, text in (
            (0, ["peerDownload"], "peer downloads allowed (Flags 0)"),
            (2, ["peerDownload", "samePeerSubnet"], "same subnet only"),
            (4, ["peerDownload", "preferDP"], "distribution points before peers"),
            (8, ["peerDownload", "preferCloud"], "cloud sources first"),
            (14, ["peerDownload", "samePeerSubnet", "preferDP", "preferCloud"], "(Flags 14)"),
            (1, [], "not allowed (Flags 1)"), (7, [], "not allowed (Flags 7)"),
            (15, ["preferCloud"], "not allowed, cloud sources first (Flags 15)")):
        site(scene, ("ADSite", "London"), flags=flags)
        answer = ask(scene, ["adSite=London"], "--json").json
        assert answer["boundaryGroups"][0]["flags"] == flags, answer
        assert answer["boundaryGroups"][0]["options"] == answer["options"] == words, answer
        assert text in ask(scene, ["adSite=London"]).out, (flags, text)
    assert ask(scene, ["adSite=Paris"], "--json").json["options"] is None


def test_options_together(scene):
    """Of several groups any that forbids peers does; any that asks for more is heard."""
    rows = [instance("SMS_Boundary", BoundaryID=1, BoundaryType=1, Value="London")]
    for number, flags in ((50, 2), (51, 8)):
        rows += [instance("SMS_BoundaryGroup", GroupID=number, Name="G%d" % number, Flags=flags),
                 instance("SMS_BoundaryGroupMembers", GroupID=number, BoundaryID=1)]
    scene.write("policy/site.xml", document(rows))
    answer = ask(scene, ["adSite=London"], "--json").json
    assert answer["options"] == ["peerDownload", "samePeerSubnet", "preferCloud"], answer
    text = ask(scene, ["adSite=London"]).out
    assert "its 2 groups together" in text and "in 'G50', 'G51'" in text, text


def group(number, name, flags=0):
    return instance("SMS_BoundaryGroup", GroupID=number, Name=name, Flags=flags)


def link(source, destination, minutes):
    return instance("SMS_BoundaryGroupRelationships", SourceGroupID=source,
                    DestinationGroupID=destination, FallbackDP=minutes)


def town(scene, *rows):
    """London (AD site) in group 50, with these beside it."""
    scene.write("policy/site.xml", document([
        instance("SMS_Boundary", BoundaryID=1, BoundaryType=1, Value="London", DisplayName=""),
        instance("SMS_BoundaryGroupMembers", GroupID=50, BoundaryID=1), group(50, "Town"), *rows]))


def test_neighbors(scene):
    """A neighbor's options are not the machine's; a group's row to itself makes it no neighbor."""
    town(scene, group(51, "Port", flags=9), link(50, 51, 30), group(52, "Hill"), link(52, 52, 5),
         group(53, "Lake"), *[link(100 + n, 53, n) for n in range(6)],
         *[group(100 + n, "G%d" % n) for n in range(6)])
    answer = ask(scene, ["adSite=London"], "--json").json
    assert answer["options"] == ["peerDownload"], answer
    assert [(row["name"], row["fallbackMinutes"], row["through"], row["options"])
            for row in answer["boundaryGroups"]] == \
        [("Town", 0, None, ["peerDownload"]), ("Port", 30, 50, ["preferCloud"])], answer
    text = ask(scene, ["adSite=London"]).out
    assert "together" not in text and "joins after 30 minutes" in text, text
    text = ask(scene, ["adSite=London"], "--why", "Hill").out
    assert "no neighbor of 'Town'; no group has it as a neighbor" in text, text
    text = ask(scene, ["adSite=London"], "--why", "Lake").out
    assert "'G0' (at once), 'G1' (after 1 minute)" in text and "and 1 more" in text, text


def test_default_groups(scene):
    """A default group has no options; another site's does not serve a machine in no group."""
    town(scene, *[instance("SMS_DefaultBoundaryGroup", GroupID=60 + n,
                           Name="Default-Site-Boundary-Group<%s>" % site_code)
                  for n, site_code in enumerate(("PS1", "PS2"))])
    answer = ask(scene, ["site=PS1"], "--json").json
    assert [row["id"] for row in answer["boundaryGroups"]] == [60], answer
    assert answer["boundaryGroups"][0]["flags"] is None, answer
    assert answer["boundaryGroups"][0]["options"] is None, answer
    assert "options" not in ask(scene, ["site=PS1"]).out
    text = ask(scene, ["site=PS1"], "--why", "61").out
    assert "does not serve the machine: it is site PS2's" in text and "of site PS1" in text, text
    text = ask(scene, ["adSite=London"], "--why", "61").out
    assert "default group of 'Town', joins after 120 minutes" in text, text


def test_groups_named(scene):
    """A boundary's groups are named, but for the one that was asked about; none is said."""
    town(scene, instance("SMS_Boundary", BoundaryID=2, BoundaryType=1, Value="Paris"),
         instance("SMS_Boundary", BoundaryID=3, BoundaryType=1, Value="Rome"),
         *[instance("SMS_BoundaryGroupMembers", GroupID=number, BoundaryID=3)
           for number in (50, 51)], group(51, "Port"))
    text = ask(scene, ["adSite=London"], "--why", "London").out
    assert "ADSite London (1), in 'Town' (" in text, text
    text = ask(scene, ["adSite=London"], "--why", "Town").out
    assert "ADSite London (1) (" in text and "ADSite Rome (3), in 'Town', 'Port' (" in text, text
    text = ask(scene, ["adSite=London"], "--why", "Paris").out
    assert "ADSite Paris (2), in no group" in text, text


def test_names_of_any_kind(scene):
    """An empty name is nobody's; one too long to print in an error is not offered."""
    long = "ü" * 100
    town(scene, instance("SMS_Boundary", BoundaryID=2, BoundaryType=1, Value=long))
    for asked in ("", long + "x"):
        result = ask(scene, ["adSite=London"], "--why", asked, "--json")
        assert result.code == 1 and "near it" not in result.json["error"]["text"], result
    assert ask(scene, ["adSite=London"], "--why", long).code == 0


def test_origins(scene):
    """Each fact with where it comes from: a file, --set, computed, nothing."""
    path = scene.write("m.json", '{"name": "PC1", "addresses": ["10.20.1.57/24"], "site": "PS1"}')
    site(scene, ("ADSite", "London"))
    result = scene.run("where", "--machine", path, "--set", "adSite=London", "--json")
    origins = result.json["origins"]
    check_shape(result.json)
    assert origins["addresses"] == {"origin": "file", "place": path}, origins
    assert origins["adSite"]["origin"] == "set", origins
    assert origins["subnets"]["origin"] == "computed", origins
    assert origins["forest"]["place"] is None, origins
    lines = scene.run("where", "--machine", path, "--set", "adSite=London").out.splitlines()
    facts = {line.split()[0]: line for line in lines[1:13]}
    assert list(facts) == MEMBERS, lines
    assert facts["addresses"].endswith(" 10.20.1.57/24  (%s)" % path), facts
    assert facts["adSite"].endswith(" London  (--set)"), facts
    assert facts["subnets"].endswith(" 10.20.1.0  (computed from the addresses)"), facts
    assert facts["forest"].endswith(" not known") and "otherwise" in facts["vpn"], facts


def test_origins_of_policy_and_settings(scene):
    """A machine of SMS_R_System names its document and line; this machine its settings file."""
    site(scene, ("ADSite", "London"))
    scene.write("policy/systems.xml", document(
        [instance("SMS_R_System", Name="PC7", ADSiteName="London")],
        policy_id="{6A3D0B0C-0000-4000-8000-000000000002}"))
    result = scene.run("where", "--machine", "pc7")
    assert re.search(r"(?m)^  adSite +London  \(SMS_R_System, \S*systems\.xml:\d+\)$",
                     result.out), result
    scene.settings(machine={"adSite": "Paris"})
    result = scene.run("where")
    assert re.search(r"(?m)^  adSite +Paris  \(settings file \S*nearpoint\.json\)$",
                     result.out), result


def test_usage(scene):
    """where takes no argument and none of locate's options; --why takes a value."""
    for args in (["where", "London"], ["where", "--brief"], ["where", "--why"], ["where", "--all"],
                 ["policy", "--why", "London"]):
        result = scene.run(*args, policy=False)
        assert result.code == 2 and result.out == "", result
    assert scene.run("where", "--help", policy=False).code == 0
    site(scene, ("ADSite", "London"))
    assert ask(scene, ["adSite=London"], "--why", "").code == 1


def test_codes_in_manual(_scene):
    """nearpoint(1) has every code of a near miss."""
    with open(os.path.join(ROOT, "agent/location/near_miss.c"), encoding="utf-8") as file:
        codes = set(re.findall(r'\[MISS_\w+\] = "(\w+)"', file.read())) - {"HOLDS"} | {"INTERNET"}
    with open(os.path.join(ROOT, "man/nearpoint.1"), encoding="utf-8") as file:
        part = file.read().split("The codes:")[1].split(".El")[0]
    assert codes == set(re.findall(r"[A-Z_]{4,}", "".join(
        line for line in part.splitlines() if line.startswith(".It Li ")))), codes


def test_this_machine(scene):
    """Without a machine named, this one; without policy, no boundaries and no groups."""
    result = scene.run("where", "--json", policy=False)
    assert result.code == 0, result
    check_shape(result.json)
    assert result.json["boundaries"] == result.json["boundaryGroups"] == [], result
    assert result.json["machine"]["name"], result
    text = scene.run("where", policy=False)
    assert text.code == 0 and "rtnetlink" in text.out, text


def test_text_is_safe(scene):
    """Names with control characters are escaped."""
    site(scene, ("ADSite", "Lon\u202edon"))
    for args in ([], ["--why", "Office"]):
        result = ask(scene, ["adSite=Lon\u202edom"], *args)
        assert result.code == 0 and "\u202e" not in result.out, result
        assert "\\u{202E}" in result.out or "\\u{202e}" in result.out, result


# The samples: each office's question about each group.

HOLDS = "holds the machine: its distribution points serve it at once"
SAMPLE_ANSWERS = {
    ("hq", "Headquarters"): ["holds its network ID 10.10.20.0, of 10.10.20.31/24",
                             "holds its address 10.10.20.31/24", "Headquarters: " + HOLDS],
    ("hq", "London"): ["10.10.20.31 lies before its start 10.20.2.1", "the machine's AD site is 'Headquarters'",
                       "no neighbor of 'Headquarters'; no group has it as a neighbor"],
    ("hq", "Dublin"): ["it is no neighbor of 'Headquarters'", "a neighbor of 'London' (never)"],
    ("hq", "Paris"): ["does not hold HQ-PC0107", "no group has it as a neighbor"],
    ("london", "Headquarters"): ["neighbor of 'London', joins after 20 minutes",
                                 "FallbackDP 20 (", "20-boundaries.xml:"],
    ("london", "London"): ["10.20.1.57 lies 200 addresses before its start 10.20.2.1",
                           "would hold: IPRange 10.20.1.0-10.20.1.255", "London: " + HOLDS],
    ("london", "Dublin"): ["neighbor of 'London', never used", "FallbackDP -1"],
    ("london", "Paris"): ["it is no neighbor of 'London'", "the machine's AD site is 'London'"],
    ("dublin", "Headquarters"): ["neighbor of 'Dublin', joins after 10 minutes"],
    ("dublin", "London"): ["holds its network ID 10.30.9.0, of 10.30.9.44/24",
                           "the machine has no IPv6 address", "London: " + HOLDS],
    ("dublin", "Dublin"): ["holds its address 10.30.9.44/24", "holds its AD site Dublin"],
    ("dublin", "Paris"): ["it is no neighbor of 'London', 'Dublin'"],
    ("paris", "Headquarters"): ["neighbor of 'Paris', joins at once", "FallbackDP 0"],
    ("paris", "London"): ["does not serve the machine", "it is no neighbor of 'Paris'"],
    ("paris", "Dublin"): ["it is no neighbor of 'Paris'; it is a neighbor of 'London' (never)"],
    ("paris", "Paris"): ["holds its network ID 10.40.1.0", "lies 1772 addresses before",
                         "Paris: " + HOLDS],
    ("roaming", "Headquarters"): ["in no group and uses its site's default group alone",
                                  "'London' (after 20 minutes), 'Dublin' (after 10 minutes), "
                                  "'Paris' (at once)"],
    ("roaming", "London"): ["another network: 192.168.178.23/24 has the network ID 192.168.178.0",
                            "the machine's AD site is not known"],
    ("roaming", "Dublin"): ["192.168.178.23 lies past its end 10.30.15.254"],
    ("roaming", "Paris"): ["would hold: IPSubnet 192.168.178.0"],
}
DEFAULTS = {"roaming": "no boundary group holds the machine, and its site is PS1",
            "paris": "joins after 45 minutes: relationship from 'Paris', FallbackDP 45",
            "hq": "joins after 120 minutes: no relationship and no default behavior"}


def test_samples(scene):
    """Each office asks about each group of the samples, and gets its answer."""
    for (machine, group), words in SAMPLE_ANSWERS.items():
        result = samples(scene, machine, "--why", group)
        assert result.code == 0, result
        for word in words:
            assert word in result.out, (word, result)
    for machine, words in DEFAULTS.items():
        result = samples(scene, machine, "--why", "default-site-boundary-group<ps1>")
        assert words in result.out and "it has no boundary" in result.out, (words, result)


def test_samples_whole(scene):
    """Plain where of each office: the same boundaries and groups as locate, every DP of them."""
    for path in glob.glob(os.path.join(SAMPLES, "machines/*.json")):
        machine = os.path.splitext(os.path.basename(path))[0]
        answer = samples(scene, machine, "--json").json
        check_shape(answer)
        located = scene.run("--policy", os.path.join(SAMPLES, "policy"), "--machine", path,
                            "locate", "PS100001", "--json", policy=False).json
        assert answer["boundaries"] == located["boundaries"], machine
        assert [row["boundary"] for row in answer["held"]] == \
            [row["id"] for row in answer["boundaries"]], machine
        for mine, other in zip(answer["boundaryGroups"], located["boundaryGroups"], strict=True):
            assert {key: mine[key] for key in other} == other, (mine, other)
        types = [row["type"] for row in answer["nearMisses"]]
        assert len(types) == len(set(types)) >= 3, types
        text = samples(scene, machine).out
        for row in answer["boundaryGroups"]:
            assert row["name"] in text and all(dp in text for dp in row["dps"]), text


def test_forms_agree(scene):
    """Of equal policy in another form the JSON is equal."""
    args = ["--machine", os.path.join(SAMPLES, "machines/london.json"), "where", "--json"]
    outs = {scene.run("--policy", os.path.join(SAMPLES, form), *args, policy=False).out
            for form in ("policy", "json", "packed", "utf16")}
    assert len(outs) == 1, outs


def test_many(scene):
    """A thousand addresses before many boundaries and groups is answered soon."""
    count = 20000 // SCALE
    rows = [instance("SMS_BoundaryGroup", GroupID=number, Name="G%d" % number, Flags=0)
            for number in range(1, 200)]
    for number in range(1, count):
        value = "11.%d.%d.0" % (number >> 8, number & 255)
        rows += [instance("SMS_Boundary", BoundaryID=number, BoundaryType=0, Value=value),
                 instance("SMS_BoundaryGroupMembers", GroupID=1 + number % 199, BoundaryID=number),
                 instance("SMS_BoundaryGroupMembers", GroupID=1, BoundaryID=number)]
    scene.write("policy/site.xml", document(rows))
    facts = ["address=10.%d.%d.7/24" % (n >> 8, n & 255) for n in range(1000)]
    result = ask(scene, facts, "--why", "G1", "--json")
    assert result.code == 0 and len(result.json["nearMisses"]) == count - 1, result.code
    assert result.seconds < 20, result.seconds


def test_groups_of_one_name(scene):
    """Two groups of one name are told apart by their IDs."""
    rows = [instance("SMS_BoundaryGroup", GroupID=number, Name="Office") for number in (50, 51)]
    scene.write("policy/site.xml", document(rows))
    result = ask(scene, ["address=10.9.9.9/24"], "--why", "Office")
    assert "Office (50): " in result.out and "Office (51): " in result.out, result
    result = ask(scene, ["address=10.9.9.9/24"], "--why", "50")
    assert "Office: " in result.out and "(51)" not in result.out, result
