"""One estate in every document form: the same policy, and the same decision for every machine."""

import glob
import json
import os
import subprocess
import zlib

from harness import ROOT, document, instance

SAMPLES = os.path.join(ROOT, "samples")
FORMS = ["policy", "cim", "json", "packed", "utf16"]
MACHINES = sorted(glob.glob(os.path.join(SAMPLES, "machines/*.json")))
CONTENTS = ["PS100001", "PS100002", "PS100003"]


def run(scene, form, *args):
    result = scene.run("--policy", os.path.join(SAMPLES, form), *args, policy=False)
    assert result.code in (0, 1) and (result.out or result.message), result
    return result


def test_actual(scene):
    """Every form gives one identical machine.actual, for every machine."""
    for machine in MACHINES:
        seen = {form: run(scene, form, "--machine", machine, "policy", "Machine/Actual", "--json")
                .json["machine"]["actual"] for form in FORMS}
        assert len(seen["policy"]) > 90
        texts = {form: json.dumps(actual) for form, actual in seen.items()}
        assert len(set(texts.values())) == 1, {form: len(text) for form, text in texts.items()}


def test_locate(scene):
    """Every form gives one identical locate --json, byte for byte, for every machine."""
    for machine in MACHINES:
        for content in CONTENTS:
            seen = {run(scene, form, "--machine", machine, "locate", content, "--all", "--json").out
                    for form in FORMS}
            assert len(seen) == 1 and '"locations"' in seen.pop(), (machine, content)


def test_one_fact_changed(scene):
    """The twin: another value in one form is another actual and another decision."""
    for form, name in (("cim", "site.xml"), ("json", "SMS_Boundary.json")):
        scene.write("changed/keep.txt", "")
        folder = scene.path("changed")
        for path in glob.glob(os.path.join(SAMPLES, form, "*")):
            with open(path, "rb") as file:
                data = file.read()
            if os.path.basename(path) == name:
                changed = data.replace(b"10.20.1.0", b"10.20.9.0", 1)
                assert changed != data
                data = changed
            scene.write("changed/" + os.path.basename(path), data)
        args = ["--machine", os.path.join(SAMPLES, "machines/london.json"), "locate", "PS100001",
                "--json"]
        changed = scene.run("--policy", folder, *args, policy=False)
        assert changed.out != run(scene, form, *args).out, changed
        for path in glob.glob(folder + "/*"):
            os.unlink(path)


def test_samples_are_up_to_date(scene):
    """The forms in samples/ are what tests/samples makes of samples/policy."""
    subprocess.run([os.path.join(ROOT, "tests/samples"), scene.folder], check=True,
                   env=dict(os.environ, BUILD=os.path.join(ROOT, "build")))
    for form in FORMS[1:]:
        names = sorted(os.listdir(os.path.join(SAMPLES, form)))
        assert names == sorted(os.listdir(scene.path(form))), form
        for name in names:
            kept = os.path.join(SAMPLES, form, name)
            if os.path.islink(kept):
                continue
            with open(kept, "rb") as file:
                want = file.read()
            with open(scene.path(form + "/" + name), "rb") as file:
                made = file.read()
            if form == "packed":  # another zlib may pack the same bytes otherwise
                want, made = (zlib.decompress(bytes.fromhex(
                    data.decode().split(">")[1].split("<")[0])) for data in (want, made))
            assert want == made, "%s/%s: run tests/samples" % (form, name)


def test_form_by_content(scene):
    """The form is recognised by content, never by the name's ending."""
    with open(os.path.join(SAMPLES, "json/SMS_Boundary.json"), "rb") as file:
        scene.write("policy/a.xml", file.read())
    scene.write("policy/b.json", document([instance("SMS_Site", SiteCode="PS1")]))
    result = scene.run("policy", "Machine/Actual", "--json")
    classes = {row["class"] for row in result.json["machine"]["actual"]}
    assert {"SMS_Boundary", "SMS_Site"} <= classes, result


def test_xml_reads_back(scene):
    """policy --xml, of every form, reads back to the same actual; and again to the same text."""
    for form in FORMS:
        first = run(scene, form, "policy", "--xml")
        path = scene.write("policy/all.xml", first.out)
        again = scene.run("policy", "--xml")
        assert again.code == 0 and again.out == first.out, again
        actual = [run(scene, place, "policy", "Machine/Actual", "--json").json["machine"]["actual"]
                  for place in (form, path)]
        assert actual[0] == actual[1], form
        assert scene.run("policy", "diff", os.path.join(SAMPLES, form), path).out == ""


def test_xml_hides_secrets(scene):
    """No secret stands in any export; what is left of it reads back as not known."""
    secret = "sig=0123456789abcdef"
    scene.write("policy/a.xml", document([instance("NP_CloudAccess", NALPath="x",
                                                   SasToken=secret)]))
    for args in (["--xml"], ["--json"], [], ["Machine/Actual", "--xml"], ["why", "SasToken"],
                 ["diff", scene.path("policy"), os.path.join(SAMPLES, "policy")]):
        result = scene.run("policy", *args)
        assert secret not in result.out + result.err, result
    exported = scene.run("policy", "--xml").out
    assert 'secret="1"' in exported
    back = scene.write("back.xml", exported)
    assert scene.run("policy", "--policy", back, policy=False).code == 0


def test_duplicates_between_forms(scene):
    """The same objects in two forms are one; one that disagrees is told."""
    both = ["--policy", os.path.join(SAMPLES, "cim/site.xml"), "--policy", os.path.join(SAMPLES, "utf16")]
    result = scene.run(*both, "policy", "Machine/Actual", "--json", policy=False)
    assert result.code == 0 and "DUPLICATE_OBJECT" not in result.err, result
    want = run(scene, "policy", "policy", "Machine/Actual", "--json").json["machine"]["actual"]
    assert result.json["machine"]["actual"] == want
