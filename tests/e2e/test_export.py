"""The export of a site: a PowerShell script that cannot run here, held to what can be held.

Its syntax by a parser; its tables of classes and properties by nearpoint's source; what it may
call by lists of what only reads. Each check has a twin: the script with one thing wrong.
"""

import glob
import json
import os
import re
import subprocess

import powershell
from harness import ROOT, program

SCRIPT = "samples/export/Export-Nearpoint.ps1"

# Classes of the policy model that the source need not name: none reads them yet.
MODEL_ONLY = {"SMS_SCI_SysResUse", "SMS_CIContentFiles", "SMS_TaskSequenceReferenceDps",
              "SMS_ClientSettings", "SMS_ClientSettingsAssignment", "SMS_FullCollectionMembership"}
# In no class of the provider that can be read: made from Get-CMClientSetting.
MADE = {"SMS_ClientSettingsDefault"}
# Settings that are nearpoint's own, or that the site has under another name.
OTHER_SETTINGS = {"ContentValidationMinutes", "ContentValidationRepair", "CacheFreeSpaceMB",
                  "PolicyPollingMinutes"}

PACKAGES = ["SMS_Package", "SMS_ContentPackage", "SMS_SoftwareUpdatesPackage", "SMS_DriverPackage",
            "SMS_ImagePackage", "SMS_BootImagePackage", "SMS_OperatingSystemInstallPackage",
            "SMS_TaskSequencePackage"]
CONTENTS = ["SMS_Content", "SMS_CIToContent"]
# Which classes' instances a function of the source is given; an empty list: nearpoint's own only.
READERS = {
    "policy/site_dp.c": {
        "read_name": ["SMS_DistributionPointInfo"], "find_kind": ["SMS_DistributionPointInfo"],
        "read_info": ["SMS_DistributionPointInfo"], "join_resource": ["SMS_SystemResourceList"],
        "join_cloud": ["SMS_AzureService"], "join_machine": ["SMS_R_System"],
        "join_ours": [], "read_base_url": [], "read_kind": [], "read_addresses": []},
    "policy/site_groups.c": {
        "read_boundary": ["SMS_Boundary"], "default_site_code": ["SMS_DefaultBoundaryGroup"],
        "read_group": ["SMS_BoundaryGroup", "SMS_DefaultBoundaryGroup"],
        "find_servers": ["SMS_BoundaryGroupSiteSystems"],
        "read_relationships": ["SMS_BoundaryGroupRelationships"]},
    "policy/site_options.c": {
        "find_document": ["SMS_DeploymentType"],
        "site_find_content_options": ["SMS_DeploymentType"]},
    "policy/site_presence.c": {
        "by_summary": ["SMS_PackageStatusDistPointsSummarizer"],
        "is_distributed": ["SMS_DistributionPoint"]},
    "policy/site_content.c": {
        "mention_packages": PACKAGES, "join_package": PACKAGES, "collect": CONTENTS,
        "join_manifest": CONTENTS},
    "policy/collections.c": {
        "is_machine": ["SMS_R_System", "SMS_FullCollectionMembership"],
        "find_resource": ["SMS_R_System"],
        "collections_find": ["SMS_FullCollectionMembership"]},
    "policy/client_settings.c": {
        "collection_words": ["SMS_ClientSettingsAssignment"],
        "find_collection": ["SMS_ClientSettingsAssignment"], "decide": ["SMS_ClientSettings"],
        "take_configurations": ["SMS_ClientSettings"], "read_object": ["SMS_ClientSettings"]},
    "agent/machine/local.c": {
        "find_system": ["SMS_R_System"], "machine_from_policy": ["SMS_R_System"]},
}
# Properties of nearpoint's own classes, which no site has.
OURS = {"Version", "Manifest", "Hash", "BaseURL", "Kind", "Addresses", "ADSite", "MaxConnections",
        "ContentID", "Rules", "ForestTrust", "AllowFallback", "LibraryPath", "SasToken", "Key",
        "KeyID", "URL", "PollingMinutes", "StartTime", "Priority", "Pinned", "HashAlgorithm"}
ACCESSORS = r"\b(?:instance_get\w*|site_texts|get_host|get_known|copy_text|number_of|mention\w*)\("

SECRET = re.compile("password|certificate|account|credential|secret|user|thumbprint|context|token|"
                    "key$|command|sas$", re.I)
# Whether clients may have tokens: a number.
NO_SECRET = {"TokenAuthEnabled"}

COMMANDS = {
    "Get-CimInstance": "CimSession Namespace Query InputObject",
    "Get-CimClass": "CimSession Namespace ClassName",
    "Get-CMClientSetting": "Id Setting",
    "Get-Module": "ListAvailable Name",
    "Get-PSDrive": "PSProvider ErrorAction",
    "ForEach-Object": "Process",
    "Where-Object": "FilterScript",
    "Select-Object": "First",
    "Join-Path": "Path ChildPath",
    "Split-Path": "Path Parent",
    "Test-Path": "LiteralPath",
    "Write-Output": "InputObject",
    "Write-Progress": "Activity Status Completed",
    "Write-Verbose": "Message",
    "Write-Warning": "Message",
    # These change the session of PowerShell that runs the script, and nothing else.
    "Set-StrictMode": "Version",
    "Import-Module": "Name Verbose",
    "New-PSDrive": "Name PSProvider Root",
    "Push-Location": "Path",
    "Pop-Location": "",
    "New-CimSessionOption": "Protocol",
    "New-CimSession": "ComputerName Credential SessionOption",
    "Remove-CimSession": "CimSession",
}
MEMBERS = set("""Add Append AppendChild Close CloneNode Combine ComputeHash Contains Create
    CreateDirectory CreateElement Delete Dispose GetBytes GetFiles
    GetUnresolvedProviderPathFromPSPath LastIndexOf LoadXml Move new RemoveChild Replace SelectNodes
    Sort Split Substring ToLowerInvariant ToString ToUniversalTime ToUpperInvariant TryGetValue
    Write""".split())
TYPES = set("""allownull array bool char ciminstance cmdletbinding datetime enum hashtable int long
    byte object ordered parameter ref scriptblock string switch validatenotnullorempty
    validatepattern validaterange void
    system.array system.bitconverter system.convert system.valuetype
    system.collections.generic.dictionary system.collections.generic.hashset
    system.collections.generic.list system.collections.idictionary system.collections.ienumerable
    system.globalization.cultureinfo system.io.directory system.io.file system.io.path
    system.io.streamwriter system.management.automation.pscredential
    system.security.cryptography.randomnumbergenerator system.security.cryptography.sha256
    system.stringcomparer system.stringcomparison system.text.encoding
    system.text.regularexpressions.regex system.text.stringbuilder system.text.utf8encoding
    system.xml.xmldocument""".split())
# Variables that PowerShell gives; assigning most of them is an error or worse.
AUTOMATIC = set("""_ null true false erroractionpreference executioncontext env:sms_admin_ui_path
    args error event home host input matches myinvocation pid profile psbounparameters pscmdlet
    pshome psitem psscriptroot psversiontable pwd sender shellid stacktrace this""".split())
READABLE = {"_", "null", "true", "false", "executioncontext", "env:sms_admin_ui_path"}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", newline="") as file:
        return file.read()


def script():
    return read(SCRIPT)


def replaced(text, old, new):
    assert text.count(old) >= 1, "the script has no " + old
    return text.replace(old, new, 1)


def expect_twins(check, twins):
    """The check finds nothing in the script, and something in each of its twins."""
    text = script()
    changed = [replaced(text, old, new) for old, new in twins]
    whole, *trees = powershell.parse_all([text, *changed])
    found = list(check(whole))
    assert found == [], found
    for (_, new), tree in zip(twins, trees):
        assert list(check(tree)), "not seen: " + new


def tables(tree):
    """The script's classes, and its classes of client settings: name to row."""
    variables = powershell.assignments(tree)
    found = []
    for name in ("siteclass", "agentconfiguration"):
        rows = powershell.literal(variables[name], variables)
        found.append({row["Class"]: row for row in rows})
        assert len(found[-1]) == len(rows), "a class stands twice in $" + name
    return found


# What the source knows

def source_files():
    for pattern in ("policy/*.c", "agent/*/*.c"):
        for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
            yield os.path.relpath(path, ROOT)


def classes_of_source():
    """The classes that the source names, but for those that are only embedded in others; a site's
    components and folders, in capitals, are none."""
    found = set()
    for path in source_files():
        found |= set(re.findall(r'"(SMS_\w+)"', read(path)))
    return {name for name in found
            if name != name.upper() and not name.endswith("Config") and not name.startswith("SMS_Embedded")} - MADE


def functions_of(path):
    for found in re.finditer(r"(?ms)^[\w *]*?(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", read(path)):
        yield found[1], found[2]


def names_in(text):
    return set(re.findall(r'"([A-Z][A-Za-z_]*[a-z]\w*)"', text)) | set(
        re.findall(r'"(CI_ID|URL)"', text))


def keys_in(body):
    """What tables of rows are keyed by: (class, property)."""
    keys = {name: names_in(text)
            for name, text in re.findall(r"struct site_key (\w+) = (\{.*?\});", body, re.S)}
    lists = {name: re.findall(r'"(SMS_\w+)"', text)
             for name, text in re.findall(r"const (\w+)\[\] = (\{.*?\});", body, re.S)}
    for class_name, key in re.findall(r'site_rows_of\(\s*site, "(\w+)",\s*&(\w+)', body):
        yield from ((class_name, name) for name in keys[key])
    for classes, key in re.findall(r"site_rows_read\(site, (\w+),[^&]*&(\w+)", body):
        yield from ((class_name, name) for class_name in lists[classes] for name in keys[key])


def deployments_of_source():
    """The table of deployment classes in policy/site.c."""
    rows = re.findall(r'\{"(SMS_\w+)", "(\w+)", (?:"(\w+)"|NULL), (true|false)\}',
                      read("policy/site.c"))
    assert len(rows) >= 5
    for class_name, key, content, by_locality in rows:
        bits = ["DPLocality"] if by_locality == "true" else ["RemoteClientFlags", "AdvertFlags"]
        for name in [key, content, *bits]:
            if name:
                yield class_name, name


def keys_of_objects():
    """The table of policy/key.c: what makes two instances the same."""
    rows = re.findall(r'\{"(SMS_\w+)", \{"(\w+)"(?:, "(\w+)")?\}\}', read("policy/key.c"))
    assert len(rows) > 25
    for class_name, *names in rows:
        yield from ((class_name, name) for name in names if name and class_name not in MADE)


def asked_by_source():
    """(class, property) for all that is read of a class; (None, property) where only the name is
    known."""
    for path in source_files():
        readers = dict(READERS.get(path, {}))
        for function, body in functions_of(path):
            yield from keys_in(body)
            if function in readers:
                for class_name in readers.pop(function):
                    yield from ((class_name, name) for name in names_in(body) - OURS
                                if not name.startswith("SMS_"))
            elif path.startswith(("policy/site", "policy/check", "policy/client")):
                calls = re.findall(ACCESSORS + r"[^;]*?\)", body)
                yield from ((None, name) for call in calls for name in names_in(call) - OURS)
        assert not readers, "%s has no function %s any more" % (path, ", ".join(readers))
    yield from deployments_of_source()
    yield from keys_of_objects()


# The tests

def test_it_is_printed(_scene):
    """export-script prints the file, byte for byte, from anywhere."""
    done = subprocess.run([*program(), "export-script"], stdout=subprocess.PIPE, check=True,
                          cwd="/")
    assert done.stdout.decode() == script()
    done = subprocess.run([*program(), "export-script", "--json"], stdout=subprocess.PIPE,
                          check=True, cwd="/")
    assert json.loads(done.stdout) == script()


def test_it_takes_no_argument(scene):
    for words in (["FILE"], ["--machine", "hq"]):
        result = scene.run("export-script", *words)
        assert result.code == 2 and result.out == "", result


def test_full_disk(_scene):
    """What could not be written is said."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*program(), "export-script"], stdout=full, stderr=subprocess.PIPE,
                              check=False)
    assert done.returncode == 1 and b"No space" in done.stderr, done


def mistakes(tree):
    """What is no PowerShell, or none that 5.1 knows; the grammar has && and || of version 7."""
    chains = [node["text"] for node in powershell.walk(tree, "&&", "||")]
    return powershell.errors(tree) + chains


def test_syntax(_scene):
    """A parser of PowerShell finds nothing wrong; 5.1 reads the bytes right without a BOM."""
    text = script()
    assert mistakes(powershell.parse(text)) == []
    assert text.isascii() and "\r" not in text and "\t" not in text and text.endswith("\n")
    assert max(len(line) for line in text.split("\n")) <= 100


def without_a_token(text, tree, every=9):
    """Copies of the script that lack one brace or parenthesis. Of a lost quote the grammar sees some
    only: the words after it may be words too."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for kind in ("{", "}", "(", ")", "@{"):
        tokens = [node for node in powershell.walk(tree, kind) if "\n" not in node["text"]]
        assert len(tokens) > 10, kind
        for node in tokens[len(tokens) // every::len(tokens) // 3]:
            line = lines[node["line"] - 1]
            at = starts[node["line"] - 1] + line.index(node["text"])
            yield text[:at] + text[at + 1:]


def test_syntax_that_is_wrong(_scene):
    """The parser sees what is wrong, wherever it is."""
    text = script()
    broken = list(without_a_token(text, powershell.parse(text)))
    for old, new in (("Set-StrictMode", "} Set-StrictMode"),
                     ("foreach ($name in", "foreach ($name"), (" -f $protocol", " -f -f"),
                     ("\nparam(", "\nparam"), ("[hashtable]", "[hash"), (" catch {", " catch"),
                     ("else {", "else"), ("= @(", "= @ ("),
                     ("$null -eq $Value)", "$null -eq $Value ? 1 : 2)"),
                     ("    Pop-Location", "    Pop-Location && Pop-Location"),
                     ("$Site.Session", "$Site?.Session"), ("$rows = 0", "$rows = $rows ?? 0")):
        broken.append(replaced(text, old, new))
    missed = [index for index, tree in enumerate(powershell.parse_all(broken))
              if not mistakes(tree)]
    assert missed == [] and len(broken) > 20, missed


def test_classes(_scene):
    """The classes are those of the policy model, as the source knows them, and no other."""
    classes, _ = tables(powershell.parse(script()))
    source = classes_of_source()
    assert len(source) > 30
    assert set(classes) == source | MODEL_ONLY, set(classes) ^ (source | MODEL_ONLY)
    manual = set(re.findall(r"SMS_\w+", " ".join(
        re.findall(r"(?m)^\.It Li (SMS_.+)$", read("man/nearpoint-policy.5")))))
    assert manual - MADE <= set(classes), manual - set(classes)


def test_properties_that_are_read(_scene):
    """What nearpoint's reader asks of a class is exported of it."""
    classes, _ = tables(powershell.parse(script()))
    exported = {(name, key.lower()) for name, row in classes.items() for key in row["Properties"]}
    # A setting is found by its name; its class and properties are exported whole.
    everything = {key for _, key in exported} | {"allowclouddp"}
    asked = set(asked_by_source())
    assert len(asked) > 80, len(asked)
    for class_name, name in sorted(asked, key=str):
        if class_name is None:
            assert name.lower() in everything, "no class is exported with " + name
        elif class_name in classes:
            assert (class_name, name.lower()) in exported, "%s.%s" % (class_name, name)
        else:
            assert class_name.startswith("NP_"), class_name


def test_pages(_scene):
    """Every class is cut into pages by a property that is exported, and says what its gets need."""
    classes, _ = tables(powershell.parse(script()))
    for name, row in classes.items():
        assert row["PageBy"] in row["Properties"], name
        assert set(row.get("Lazy", [])) <= set(row["Properties"]), name
        assert row["PageBy"] not in row.get("Lazy", []), name
    order = list(classes)
    for name, row in classes.items():
        if "Needs" in row:
            assert order.index(row["Needs"]) < order.index(name), name
    machines = {name for name, row in classes.items() if row.get("Machines")}
    assert machines == {"SMS_R_System", "SMS_FullCollectionMembership"}
    lazy = {key for row in classes.values() for key in row.get("Lazy", [])}
    assert lazy == {"Props", "SDMPackageXML", "AgentConfigurations"}


def test_settings(_scene):
    """Every setting that nearpoint acts on is exported, custom and default."""
    _, agents = tables(powershell.parse(script()))
    exported = {name for row in agents.values() for name in row["Properties"]}
    acted_on = set(re.findall(r'(?m)^\s+\[SETTING_\w+\] =\s*\{"(\w+)"', read("policy/settings.c")))
    assert len(acted_on) >= 5
    assert acted_on - OTHER_SETTINGS <= exported, acted_on - OTHER_SETTINGS - exported
    assert all(row["Setting"] and row["AgentID"] for row in agents.values())


def secrets(tree):
    """What the script exports and must not."""
    variables = powershell.assignments(tree)
    names = set(powershell.literal(variables["embeddedproperty"], variables))
    for table in tables(tree):
        for row in table.values():
            names |= set(row["Properties"]) | set(row.get("GetBy", []))
    found = {name for name in names if SECRET.search(name)} - NO_SECRET
    queries = [node["text"] for node in powershell.walk(
        tree, "verbatim_string_characters", "expandable_string_literal")
        if re.search(r"\bselect\b", node["text"], re.I)]
    assert queries
    return found | {query for query in queries if "*" in query}


def test_no_secrets(_scene):
    """No password, certificate or account is exported, and nothing that is not named."""
    expect_twins(secrets, (("'IsPullDP', ", "'IsPullDP', 'PXEPassword', "),
                           ("'Fqdn', ", "'Fqdn', 'ServiceCertificate', "),
                           ("'AllowCMG')", "'AllowCMG', 'NetworkAccessUsername')"),
                           ("'SslState', 'TokenAuthEnabled'", "'CertificateContextData'"),
                           ("'FileType', ", "'FileType', 'UserName', "),
                           ("'SELECT SiteCode FROM", "'SELECT * FROM")))


def forbidden(tree):
    """What the script calls or names that is on no list."""
    known = dict(COMMANDS)
    known.update({own.name: " ".join(own.parameters) for own in powershell.functions(tree)})
    for command in powershell.commands(tree):
        allowed = known.get(command.name, "").lower().split()
        if command.is_called and command.name == "$Action":
            continue
        if command.is_called or command.name not in known:
            yield "line %d: %s" % (command.line, command.text)
        elif not set(command.parameters) <= set(allowed) or command.positional:
            yield "line %d: parameters of %s" % (command.line, command.text)
        elif command.splatted and command.name != "New-CimSession":
            yield "line %d: splatted" % command.line
    for name, target, line in powershell.calls(tree):
        if name not in MEMBERS:
            yield "line %d: %s.%s()" % (line, target, name)
    for name, line in powershell.types(tree):
        if name not in TYPES:
            yield "line %d: [%s]" % (line, name)


def test_only_reads(_scene):
    """Every command, method and type is one that changes nothing on a site; parameters are named in
    full and exist."""
    place = "    Write-Verbose -Message $Query\n"
    lines = ("Set-CimInstance -InputObject $row", "Remove-CimInstance -InputObject $row",
                 "Invoke-CimMethod -MethodName Delete", "New-CimInstance -ClassName A",
                 "Invoke-WmiMethod -Name X", "New-CMBoundary -Name X", "Remove-CMBoundary -Id 1",
                 "gcim -Query $Query", "% { $_ }", "iex $Query", "& $Query", ". $Query",
                 "Remove-Item -Path C:", "$row.Put()", "$row.psbase.Delete_()",
                 "[wmi]'SMS_Site.SiteCode=1'", "[System.Diagnostics.Process]::Start('x')",
                 "Get-CimInstance -Class SMS_Site", "Get-CimInstance 'SMS_Site'",
                 "Write-ExportRow -Path $Query", "Get-CimInstance @arguments",
                 "Invoke-Expression -Command $Query", "Start-Process -FilePath x")
    expect_twins(forbidden, [(place, place + "    " + line + "\n") for line in lines])


def undefined(tree):
    """Variables that are read and never given anything, or assigned and PowerShell's own."""
    given = set()
    for node in powershell.walk(tree, "script_parameter"):
        given.add(powershell.name_of(powershell.child(node, "variable")))
    for node in powershell.walk(tree, "foreach_statement"):
        given.add(powershell.name_of(powershell.child(node, "variable")))
    for node in powershell.walk(tree, "left_assignment_expression"):
        for variable in powershell.walk(node, "variable"):
            if powershell.bare(node)["text"] in (variable["text"], node["text"]):
                given.add(powershell.name_of(variable))
                break
    for name in given & AUTOMATIC - {"erroractionpreference"}:
        yield "$%s is PowerShell's own" % name
    for node in powershell.walk(tree, "variable"):
        name = powershell.name_of(node)
        if name not in given | READABLE:
            yield "line %d: %s" % (node["line"], node["text"])


def test_variables(_scene):
    """Under Set-StrictMode a variable that was never set ends the run: here it ends the test."""
    expect_twins(undefined, (("$File.Writer.Dispose()", "$Fil.Writer.Dispose()"),
                             ("foreach ($page in $pages)", "foreach ($host in $pages)"),
                             ("$digest = ", "$digset = "),
                             ('"it needs $needs,', '"it needs $need,')))


def test_help(_scene):
    """Every parameter is explained; it says where it has not run."""
    text = script()
    help_text = text[text.index("<#"):text.index("#>")]
    block = powershell.child(powershell.parse(text), "param_block")
    parameters = {powershell.name_of(powershell.child(node, "variable"))
                  for node in powershell.walk(block, "script_parameter")}
    explained = {name.lower() for name in re.findall(r"(?m)^\.PARAMETER (\w+)$", help_text)}
    assert parameters == explained and len(parameters) == 7
    for section in ("SYNOPSIS", "DESCRIPTION", "EXAMPLE", "NOTES"):
        assert "\n.%s\n" % section in help_text
    assert "not been run against a site" in " ".join(help_text.split())


VERBS = set("Add Close Complete Connect ConvertTo Export Get Initialize Open Select Undo "
            "Write".split())


def test_functions(_scene):
    """Small functions with approved verbs, all of them called."""
    tree = powershell.parse(script())
    own = powershell.functions(tree)
    called = {command.name for command in powershell.commands(tree)}
    assert len({function.name for function in own}) == len(own) > 20
    for function in own:
        assert function.name.split("-")[0] in VERBS, function.name
        assert function.name in called, "nobody calls " + function.name
        assert function.lines <= 60, function.name
