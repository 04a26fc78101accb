"""The export script at work on a stand-in for a site, by a stand-in for PowerShell.

What PowerShell itself would do is not shown here; what the script asks for, writes, leaves out and
says is.
"""

import datetime
import json
import os
import re

import powershell
import powershell_run
from powershell_net import Table
from powershell_run import Thrown
from provider import Instance, Provider
from test_export import replaced, script, tables

DP = '["Display=\\\\%s\\"]MSWNET:["SMS_SITE=PS1"]\\\\%s\\'
DIGEST = """<AppMgmtDigest xmlns="http://schemas.example/digest"><DeploymentType><Installer>
<CommandLine>setup.exe /pin=Hunter2</CommandLine><Contents><Content ContentId="Content_a"
Version="2"><File Name="setup.exe" Size="5"/><Location>\\\\files\\sources</Location>
<OnSlowNetwork>DoNothing</OnSlowNetwork></Content></Contents></Installer></DeploymentType>
</AppMgmtDigest>"""


def embedded(name, value=0, text=""):
    return Instance("SMS_EmbeddedProperty", {"PropertyName": name, "Value": value, "Value1": text})


def dp(number, **more):
    name = "DP%02d.contoso.com" % number
    return {"NALPath": DP % (name, name), "ServerName": name, "SiteCode": "PS1", **more}


def site_rows():
    """A small site; what must not be exported is in it too."""
    rows = {
        "SMS_Site": [{"SiteCode": "PS1", "Type": 2}],
        "SMS_Boundary": [{"BoundaryID": 16777217 + 3 * i, "BoundaryType": 0,
                          "Value": "10.0.%d.0" % i, "DisplayName": 'Caf\u00e9 "%d"\\\n' % i,
                          "DefaultSiteCode": ["PS1"]} for i in range(70)],
        "SMS_BoundaryGroup": [{"GroupID": 16777220, "Name": "Office", "Flags": 2 ** 63 + 1}],
        "SMS_BoundaryGroupMembers": [{"GroupID": i % 5, "BoundaryID": 16777217 + i // 4}
                                     for i in range(90)],
        "SMS_DistributionPointInfo": [dp(i, IsProtected=i == 1, PXEPassword="Hunter2")
                                      for i in range(3)],
        "SMS_SCI_SysResUse": [
            dp(0, RoleName="SMS Distribution Point", FileType=2, ItemName="i", ItemType="t",
               Props=[embedded("IsAnonymousEnabled", 1), embedded("SslState", 63, "Hunter2"),
                      embedded("CertificateContextData", 0, "Hunter2")]),
            dp(1, RoleName="SMS Management Point", FileType=2, ItemName="j", ItemType="t")],
        "SMS_Package": [{"PackageID": "PS1%05X" % i, "Name": "Package %d" % i, "SourceVersion": 2}
                        for i in range(120)],
        "SMS_DPContentInfo": [{"NALPath": "x", "ObjectID": "Scope\\O'%d\\" % (i // 3),
                               "PackageID": "PS100001"} for i in range(60)],
        "SMS_PackageStatusDistPointsSummarizer": [
            {"PackageID": "PS100001", "ServerNALPath": dp(0)["NALPath"], "State": 0,
             "LastCopied": datetime.datetime(2026, 1, 2, 3, 4, 5)}],
        "SMS_DeploymentType": [
            {"CI_ID": 16777300, "ContentId": "Content_a", "SDMPackageXML": DIGEST,
             "IsLatest": True},
            {"CI_ID": 16777301, "ContentId": "Content_a", "SDMPackageXML": DIGEST,
             "IsLatest": False}],
        "SMS_ClientSettings": [
            {"SettingsID": 16777220, "Name": "Pilot", "Priority": 1, "Type": 1, "Enabled": True,
             "AgentConfigurations": [
                 Instance("SMS_CloudAgentConfig", {"AgentID": 22, "AllowCloudDP": True,
                                                   "AutoMDMEnrollment": True}),
                 Instance("SMS_RemoteToolsAgentConfig", {"PermittedViewers": ["x"]})]}],
        "SMS_ClientSettingsAssignment": [
            {"ClientSettingsID": 16777220, "CollectionID": "PS100023", "CollectionName": "Pilot"}],
        "SMS_R_System": [{"ResourceId": 16777219 + i, "Name": "dp01" if i == 0 else "PC%d" % i,
                          "IPAddresses": ["10.0.1.%d" % i], "IPSubnets": ["10.0.1.0"]}
                         for i in range(30)],
        "SMS_FullCollectionMembership": [
            {"CollectionID": "PS100023" if i % 2 else "SMS00001", "ResourceID": 16777219 + i // 2,
             "Name": "PC%d" % (i // 2), "ResourceType": 4 if i == 9 else 5} for i in range(40)],
    }
    return rows


class Site:
    """The stand-in with these rows; every class has the properties that the script knows."""

    def __init__(self, scene, rows=None, text=None, **provider):
        self.scene, self.tree = scene, powershell.parse(text or script())
        classes, _ = tables(self.tree)
        self.rows = site_rows() if rows is None else rows
        columns = {}
        for name, entry in classes.items():
            columns[name] = entry["Properties"] + entry.get("GetBy", []) + ["PXEPassword"]
            for row in self.rows.get(name, []):
                row.update({column: None for column in columns[name] if column not in row})
        self.lazy = {name for entry in classes.values() for name in entry.get("Lazy", [])}
        self.provider = Provider(self.rows, columns, self.lazy, **provider)
        self.warnings, self.protocols, self.closed, self.runs = [], [], 0, 0
        self.has_module = True
        self.settings = {"Cloud": {"allowCloudDP": 0, "AllowCMG": 1, "AADAuthFlags": 3}}

    def new_session(self, computername, sessionoption, credential=None):
        del computername, credential
        self.protocols.append(sessionoption)
        yield Table(Protocol=sessionoption)

    def close_session(self, cimsession):
        assert cimsession is not None
        self.closed += 1
        return ()

    def commands(self):
        def nothing(**_):
            return ()

        def warn(message):
            self.warnings.append(message)
            return ()
        return {
            "Get-CimInstance": self.provider.get_instance, "Get-CimClass": self.provider.get_class,
            "New-CimSessionOption": lambda protocol: [protocol],
            "New-CimSession": self.new_session, "Remove-CimSession": self.close_session,
            "Get-Module": lambda **_: [Table(Path="module.psd1")] if self.has_module else [],
            "Get-CMClientSetting": lambda id, setting: [Table(self.settings.get(setting, {}))],
            "Write-Warning": warn, "Set-StrictMode": nothing, "Write-Verbose": nothing,
            "Write-Progress": nothing, "Import-Module": nothing, "Get-PSDrive": nothing,
            "New-PSDrive": lambda **_: ["drive"], "Push-Location": nothing, "Pop-Location": nothing,
        }

    def export(self, folder="", **arguments):
        """Lines put out and exit code."""
        self.folder = folder or self.scene.path("export%d" % self.runs)
        self.runs += 1
        runner = powershell_run.Runner(self.tree, self.commands())
        given = {"siteserver": "CM01", "sitecode": "ps1", "outputfolder": self.folder,
                 "includemachines": False, "hashnames": False, **arguments}
        return runner.run(**given)

    def files(self):
        return sorted(os.listdir(self.folder))

    def read(self, name):
        with open(os.path.join(self.folder, name + ".json"), encoding="utf-8") as file:
            return json.load(file)["value"]

    def everything(self):
        text = ""
        for name in self.files():
            with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                text += file.read()
        return text


def test_rows(scene):
    """Each class has its file, each row its line, in the form that nearpoint reads."""
    site = Site(scene)
    lines, code = site.export()
    assert code == 0 and site.warnings == [] and site.closed == 1, lines
    classes, _ = tables(site.tree)
    names = {name for name, entry in classes.items() if not entry.get("Machines")}
    assert set(site.files()) == {name + ".json" for name in names | {"SMS_ClientSettingsDefault"}}
    for name in names - site_rows().keys():
        assert site.read(name) == []
    boundary = site.read("SMS_Boundary")[4]
    assert boundary == {"__CLASS": "SMS_Boundary", "BoundaryID": 16777229, "BoundaryType": 0,
                        "Value": "10.0.4.0", "DisplayName": 'Caf\u00e9 "4"\\\n',
                        "BoundaryFlags": None, "DefaultSiteCode": ["PS1"], "GroupCount": None}
    assert site.read("SMS_BoundaryGroup")[0]["Flags"] == 2 ** 63 + 1
    assert site.read("SMS_DistributionPointInfo")[1]["IsProtected"] is True
    assert site.read("SMS_DistributionPointInfo")[1]["NALPath"] == dp(1)["NALPath"]
    assert site.read("SMS_PackageStatusDistPointsSummarizer")[0]["LastCopied"] == (
        "2026-01-02T03:04:05Z")
    with open(site.folder + "/SMS_Site.json", "rb") as file:
        assert file.read().startswith(b'{"value":[\n{"__CLASS":"SMS_Site",')
    assert re.search(r"SMS_Boundary +70$", "\n".join(lines), re.M), lines
    assert "SMS_R_System, SMS_FullCollectionMembership: only with" in lines[-1]


def test_pages(scene):
    """Page by page: each row once, no page much over its size, and no row kept."""
    site = Site(scene)
    rows = {name: list(site.rows[name]) for name in (
        "SMS_Boundary", "SMS_BoundaryGroupMembers", "SMS_Package", "SMS_DPContentInfo")}
    Instance.most = Instance.alive
    before = Instance.alive
    assert site.export(pagesize=20)[1] == 0
    assert Instance.most - before < 12, "rows were held"
    for name, wanted in rows.items():
        got = site.read(name)
        assert len(got) == len(wanted), name
        for row in wanted:
            assert got.count({"__CLASS": name, **{
                key: value for key, value in row.items() if key in got[0]}}) == wanted.count(row)
        pages = site.provider.pages[name]
        assert len(pages) > 2 and max(pages) < 24 and min(pages) > 0, (name, pages)
    for query in site.provider.queries:
        assert query.count(" = '") <= 51, query
    assert site.export(pagesize=5000)[1] == 0
    assert len(site.provider.pages["SMS_Package"]) > 6 + 2, "120 values are no single query"


def test_what_comes_meanwhile(scene):
    """Rows that came or went between counting and reading are said."""
    site = Site(scene)
    answer = site.provider.answer

    def changing(query):
        if query.startswith("SELECT BoundaryID, "):
            site.rows["SMS_Boundary"][:] = site.rows["SMS_Boundary"][:69]
        return answer(query)
    site.provider.answer = changing
    lines, code = site.export()
    assert code == 0
    assert "missing: SMS_Boundary: 70 rows were counted and 69 came" in "\n".join(lines)


def test_lazy_properties(scene):
    """They are fetched one by one, and only what nearpoint needs of them is written."""
    site = Site(scene)
    assert site.export()[1] == 0
    assert sorted(site.provider.gets) == ["SMS_ClientSettings", "SMS_DeploymentType",
                                          "SMS_SCI_SysResUse"]
    assert site.read("SMS_SCI_SysResUse")[0]["Props"] == [
        {"__CLASS": "SMS_EmbeddedProperty", "PropertyName": name, "Value": value}
        for name, value in (("IsAnonymousEnabled", 1), ("SslState", 63))]
    assert site.read("SMS_ClientSettings")[0]["AgentConfigurations"] == [
        {"__CLASS": "SMS_CloudAgentConfig", "AgentID": 22, "AllowCloudDP": True}]
    types = site.read("SMS_DeploymentType")
    assert [row["CI_ID"] for row in types] == [16777300]
    digest = types[0]["SDMPackageXML"]
    for words in ('xmlns="http://schemas.example/digest"', 'ContentId="Content_a"', "setup.exe",
                  "<OnSlowNetwork>DoNothing"):
        assert words in digest, digest
    for secret in ("Hunter2", "sources", "PermittedViewers", "AutoMDMEnrollment", "Certificate"):
        assert secret not in site.everything(), secret
    assert not any("SDMPackageXML" in query for query in site.provider.queries)


def test_machines(scene):
    """Only when asked for; members only of collections with settings; no users."""
    site = Site(scene)
    site.export()
    assert not any("SMS_R_System" in query or "Membership" in query
                   for query in site.provider.queries)
    assert site.export(includemachines=True)[1] == 0
    assert [row["Name"] for row in site.read("SMS_R_System")][:3] == ["dp01", "PC1", "PC2"]
    assert site.read("SMS_R_System")[1]["IPAddresses"] == ["10.0.1.1"]
    members = site.read("SMS_FullCollectionMembership")
    assert {row["CollectionID"] for row in members} == {"PS100023"}
    assert len(members) == 19 and "PC4" not in {row["Name"] for row in members}


def test_hashed_names(scene):
    """The classes join by hashed names, no name is left but distribution points', and the next run
    hashes otherwise."""
    site = Site(scene)
    assert site.export(includemachines=True, hashnames=True)[1] == 0
    machines = {row["ResourceId"]: row["Name"] for row in site.read("SMS_R_System")}
    members = {row["ResourceID"]: row["Name"] for row in site.read("SMS_FullCollectionMembership")}
    assert machines[16777219] == "dp01"
    for resource in (16777220, 16777230):
        assert machines[resource] == members[resource]
        assert re.fullmatch("H[0-9A-F]{16}", machines[resource])
    assert len(set(machines.values())) == 30
    assert not re.search(r'"PC\d', site.everything())
    site.export(includemachines=True, hashnames=True)
    assert site.read("SMS_R_System")[1]["Name"] != machines[16777220]
    try:
        site.export(hashnames=True)
        assert False, "names were to be hashed and no machine exported"
    except Thrown as error:
        assert "IncludeMachines" in str(error)


def test_no_settings_for_anybody(scene):
    """Without an assignment no membership is asked for."""
    rows = site_rows()
    del rows["SMS_ClientSettingsAssignment"]
    site = Site(scene, rows)
    assert site.export(includemachines=True)[1] == 0
    assert site.read("SMS_FullCollectionMembership") == []
    assert not any("Membership" in query for query in site.provider.queries)


def test_a_class_that_fails(scene):
    """It leaves no file and is named; the others are whole; what needs it fails too."""
    site = Site(scene, broken={"SMS_Boundary": 30, "SMS_ClientSettingsAssignment": 0})
    del site.provider.columns["SMS_AzureService"]
    lines, code = site.export(includemachines=True)
    assert code == 1 and site.closed == 1
    failed = {"SMS_Boundary", "SMS_ClientSettingsAssignment", "SMS_AzureService",
              "SMS_FullCollectionMembership"}
    assert {line.split()[0] for line in lines if line.endswith(" failed")} == failed
    assert {line.split(":")[0] for line in site.warnings} == failed
    assert "missing: SMS_Boundary: the provider went away" in lines
    assert not [name for name in site.files() if name.split(".")[0] in failed or "part" in name]
    assert len(site.read("SMS_Package")) == 120 and len(site.read("SMS_R_System")) == 30


def test_an_old_site(scene):
    """A property that the site does not have is said, and the rest of its class is there."""
    site = Site(scene)
    site.provider.columns["SMS_DistributionPointInfo"].remove("MaintenanceMode")
    lines, code = site.export()
    assert code == 0
    assert "missing: SMS_DistributionPointInfo.MaintenanceMode: not on this site" in lines
    row = site.read("SMS_DistributionPointInfo")[0]
    assert row["ServerName"] == "DP00.contoso.com" and "MaintenanceMode" not in row


def test_default_settings(scene):
    """From the console's module, as one row; without it this is said."""
    site = Site(scene)
    site.export()
    row = site.read("SMS_ClientSettingsDefault")[0]
    agents = row.pop("AgentConfigurations")
    assert row == {"__CLASS": "SMS_ClientSettingsDefault", "SettingsID": 0, "Type": 0,
                   "Name": "Default Client Settings", "Enabled": True}
    assert agents[0] == {"__CLASS": "SMS_CloudAgentConfig", "AgentID": 22, "AllowCloudDP": 0,
                         "AllowCMG": 1}
    assert len(agents) == 7
    site.has_module = False
    lines, code = site.export()
    assert code == 0 and "SMS_ClientSettingsDefault.json" not in site.files()
    assert "missing: SMS_ClientSettingsDefault: the Config" in "\n".join(lines)


def test_big_classes(scene):
    """A file that has grown to the limit is followed by another one."""
    site = Site(scene, text=replaced(script(), "$FileBytesMax = 200000000", "$FileBytesMax = 4000"))
    assert site.export()[1] == 0
    names = [name for name in site.files() if re.match(r"SMS_Package(-\d+)?\.json", name)]
    assert len(names) > 3 and "SMS_Package-2.json" in names
    rows = [row["PackageID"] for name in names for row in site.read(name[:-len(".json")])]
    assert sorted(rows) == sorted(row["PackageID"] for row in site.rows["SMS_Package"])
    assert max(os.path.getsize(os.path.join(site.folder, name)) for name in names) < 4400


def test_the_folder(scene):
    """Two exports never mix."""
    site = Site(scene)
    site.export()
    try:
        site.export(folder=site.folder)
        assert False, "a folder with documents was taken"
    except Thrown as error:
        assert "name an empty folder" in str(error)
    assert len(site.protocols) == 1, "the site was asked all the same"


def test_the_connection(scene):
    """DCOM, then WS-Management; where neither answers the reasons are said."""
    site = Site(scene)
    answer = site.provider.get_instance

    def without(*protocols):
        def get(cimsession, **more):
            if cimsession["Protocol"] in protocols:
                raise Thrown("no " + cimsession["Protocol"])
            return answer(cimsession, **more)
        site.provider.get_instance = get
    without("Dcom")
    assert site.export()[1] == 0
    assert site.protocols == ["Dcom", "Wsman"] and site.closed == 2
    without("Dcom", "Wsman")
    try:
        site.export()
        assert False, "nobody answered"
    except Thrown as error:
        assert "Dcom: no Dcom" in str(error) and "Wsman: no Wsman" in str(error)


def test_nearpoint_reads_it(scene):
    """The folder is policy as it lies."""
    rows = site_rows()
    rows["SMS_BoundaryGroup"] = [{"GroupID": 16777220, "Name": "Office", "Flags": 8}]
    rows["SMS_BoundaryGroupMembers"] = [{"GroupID": 16777220, "BoundaryID": 16777220}]
    rows["SMS_BoundaryGroupSiteSystems"] = [{"GroupID": 16777220,
                                             "ServerNALPath": dp(1)["NALPath"]}]
    rows["SMS_PackageStatusDistPointsSummarizer"] = [
        {"PackageID": "PS100001", "ServerNALPath": dp(1)["NALPath"], "State": 0,
         "SourceVersion": 2}]
    site = Site(scene, rows)
    assert site.export(includemachines=True)[1] == 0
    result = scene.run("policy", "--json", "--policy", site.folder, policy=False)
    assert result.code == 0, result
    result = scene.run("locate", "PS100001", "--json", "--set", "address=10.0.1.9/24",
                       "--policy", site.folder, policy=False)
    assert result.code == 0, result
    assert [found["dp"] for found in json.loads(result.out)["locations"]] == ["DP01.contoso.com"]
