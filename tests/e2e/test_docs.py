"""The docs say what is: limits, options, settings and commands are held to the source."""

import os
import re
import shlex
import subprocess

from harness import ROOT, program


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def limits_of_source():
    units = {"KIB": 1024, "MIB": 1024 * 1024}
    rows = re.findall(r"(?m)^#define (LIMIT_\w+)\s+(\(?[\w *]+\)?)", read("policy/base/limits.h"))
    values = {}
    for name, value in rows:
        product = 1
        for factor in value.strip("() ").split("*"):
            factor = factor.strip()
            product *= units[factor] if factor in units else int(factor.rstrip("L"))
        values[name] = product
    return values


def limits_of_manual():
    units = {"": 1, "KiB": 1024, "MiB": 1024 * 1024}
    rows = re.findall(r"(?m)^\.It (LIMIT_\w+) Ta (\d+) ?(\w*) Ta ", read("man/nearpoint.1"))
    return {name: int(number) * units[unit] for name, number, unit in rows}


def test_limits(_scene):
    """nearpoint(1) has every limit of limits.h with its value, and no other."""
    source = limits_of_source()
    assert len(source) > 15
    assert limits_of_manual() == source


def test_options(_scene):
    """Every option that --help names stands in nearpoint(1), and the reverse."""
    options = set()
    listed = subprocess.run([*program(), "--help"], stdout=subprocess.PIPE, check=True, text=True)
    for command in re.findall(r"(?m)^  ([a-z-]+) ", listed.stdout):
        done = subprocess.run([*program(), command, "--help"], stdout=subprocess.PIPE, check=True,
                              text=True)
        options |= set(re.findall(r"(?m)^  --([a-z-]+)", done.stdout))
    manual = set(re.findall(r"\bFl -([a-z-]+)", read("man/nearpoint.1")))
    assert options == manual, options ^ manual


def test_commands(_scene):
    """Every command that --help names has its paragraph in nearpoint(1), and the reverse."""
    done = subprocess.run([*program(), "--help"], stdout=subprocess.PIPE, check=True, text=True)
    commands = set(re.findall(r"(?m)^  ([a-z-]+) ", done.stdout))
    assert commands == set(re.findall(r"(?m)^\.It Cm ([a-z-]+)", read("man/nearpoint.1")))


def test_settings(_scene):
    """nearpoint.json(5) has every key that the program knows, and no other."""
    keys = set(re.findall(r'strcmp\(key, "(\w+)"\)', read("agent/command/config.c")))
    rows = re.findall(r"(?m)^\.It Li (.+)$", read("man/nearpoint.json.5"))
    manual = {key for row in rows for key in re.findall(r"\w+", row)}
    assert keys == manual, keys ^ manual


def test_steps(_scene):
    """nearpoint(1) has every step of a probe, in the order in which they are asked."""
    steps = re.findall(r'\[PROBE_\w+\] = "(\w+)"', read("agent/source/probe.c"))
    section = read("man/nearpoint.1").split(".Sh THE STEPS OF A PROBE")[1].split(".Sh ")[0]
    assert steps == re.findall(r"(?m)^\.It Li ([A-Z_]+)$", section) and len(steps) > 10, steps


def findings_of_source():
    """Code to severity and meaning, from the table of rules."""
    rows = re.findall(r'\{"([A-Z0-9_]+)", FINDING_(\w+), \w+,\s*((?:"[^"]*"\s*)+)\}',
                      read("policy/check.c"))
    return {code: (severity.lower(), "".join(re.findall('"([^"]*)"', meaning)))
            for code, severity, meaning in rows}


def findings_of_manual():
    section = read("man/nearpoint-policy.5").split(".Sh FINDINGS")[1].split(".Sh ")[0]
    rows = re.findall(r"(?m)^\.It Li ([A-Z0-9_]+) Pq (\w+)\n((?:(?!\.It|\.El).*\n)+)", section)
    return {code: (severity, " ".join(text.split())) for code, severity, text in rows}


def test_findings(_scene):
    """nearpoint-policy(5) has every code of policy check with severity and meaning, and more to
    say of each; and no other code."""
    source, manual = findings_of_source(), findings_of_manual()
    assert len(source) == read("policy/check.c").count(", FINDING_") > 30
    assert set(source) == set(manual), set(source) ^ set(manual)
    for code, (severity, meaning) in source.items():
        begin = meaning[0].upper() + meaning[1:] + ". "
        assert manual[code][0] == severity and manual[code][1].startswith(begin), code


def examples():
    """(command line, output) of README's that need no server of their own."""
    text = read("README.md")
    for found in re.finditer(r"^    \$ nearpoint (.*)\n((?:    .*\n|\n(?=    [^$]))*)", text, re.M):
        if not re.search(r"\bget\b|demo/policy", found[1]):
            yield found[1], "\n".join(line[4:] for line in found[2].split("\n")).strip("\n")


def test_readme_examples(scene):
    """What the README shows is what the program prints."""
    shown = list(examples())
    assert len(shown) > 5, shown
    for line, output in shown:
        done = subprocess.run("%s %s" % (shlex.join(program()), line),
                              shell=True, cwd=ROOT, env=scene.environment(), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        assert done.stdout.strip("\n") == output, (line, done.stdout)
